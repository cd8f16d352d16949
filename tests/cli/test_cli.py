"""The command line: what it prints, what it writes, and how it ends."""

import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import matplotlib.figure
import numpy as np
import pytest
import xarray as xr

from steepest import papers, study
from steepest._version import __version__
from steepest.cli.app import COMMANDS, application
from steepest.cli.output import command_line
from steepest.inference import infer_geometry
from steepest.papers.surace2020 import example_1d

# Without a stated noise the verdict also asks how it depends on the noise, which takes long.
EXACT = ["--noise-cv", "0"]


@pytest.fixture
def synapses(tmp_path):
    """A CSV of 400 synapses that changed in proportion to their size; its sizes."""
    random = np.random.default_rng(2)
    before = np.exp(0.8 * random.standard_normal(400))
    after = before * np.exp(0.1 * random.standard_normal(400))
    after[:3] = 0
    path = tmp_path / "sizes.csv"
    table = np.column_stack([before, after])
    np.savetxt(path, table, delimiter=",", header="w0,w1", comments="", fmt="%.17g")
    return path, before, after


def process(*tokens, **options):
    command = [sys.executable, "-m", "steepest", *map(str, tokens)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def test_help_is_there_without_importing_anything_heavy():
    code = """
import sys
from pathlib import Path
from steepest.cli import run
assert run(["--help"]) == 0
print("heavy:", sorted({"jax", "pandas", "matplotlib", "numpy", "xarray"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("heavy: []")
    for command in ("infer", "plan", "reproduce", "papers", "demo"):
        assert f" {command} " in done.stdout


def test_a_verdict_on_sizes_imports_only_what_it_needs_and_an_error_next_to_nothing(synapses):
    path, before, after = synapses
    np.save(path.with_suffix(".npy"), np.column_stack([before, after]))
    code = f"""
import sys
from pathlib import Path
from steepest.cli import run
columns = ["--before", "0", "--after", "1"]
heavy = {{"jax", "equinox", "diffrax", "xarray", "pandas", "matplotlib", "jinja2"}}
assert run(["infer", "none.npy", *columns]) == 2
assert run(["reproduce", "pogodin2024.fig5", "--data", "none.csv"]) == 2
assert run(["sweep", "none.xyz"]) == 2
print(sorted((heavy | {{"scipy", "dask", "zarr"}}) & set(sys.modules)), file=sys.stderr)
assert run(["infer", {str(path.with_suffix(".npy"))!r}, *columns, "--noise-cv", "0"]) == 0
print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    said = done.stderr.splitlines()
    missing = [f"steepest: no such file: none.{kind}" for kind in ("npy", "csv", "xyz")]
    assert said == [*missing, "[]", "[]"]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_in_one_line_what_it_does_and_gives_two_examples(name, call):
    command = application(name)[name]
    lines = command.help.splitlines() if command.default_command is None else []
    lines = lines or inspect.getdoc(command.default_command).splitlines()
    assert lines[0] == COMMANDS[name]
    words = [name, "brian2"] if name == "export" else [name]
    code, out, err = call(*words, "--help")
    assert (code, err) == (0, "")
    examples = out.partition("For example:")[2].partition("╭")[0]
    assert len(re.findall(rf"^ *steepest {' '.join(words)}\b", examples, flags=re.M)) == 2
    (page,) = re.findall(r"Its page: (docs/\S+\.md)", out)
    assert (Path(__file__).parents[2] / page).is_file()


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["export", "brian2", "--rate", "1e-4"], "steepest export brian2 --learning-rate 1e-4"),
        (["connectivity", "x.csv", "--columns", "a, b c"], "type --columns a 'b c'"),
        (["reproduce", "results.demo"], "now called ours.demo"),
    ],
)
def test_a_form_of_earlier_versions_says_what_to_type(call, tokens, message):
    code, out, err = call(*tokens)
    assert (code, out) == (2, "")
    assert message in err


def test_a_command_line_repeats_what_was_asked():
    line = command_line(
        "infer", "a b.csv", before="w 0", times=(0.5, 1.0), noise_cv=0.1 + 0.2, group=None,
        absent=("NA", "-1"), unpaired=True, condition=(), null=False, seed=0,
    )  # fmt: skip
    assert shlex.split(line) == [
        "steepest", "infer", "a b.csv", "--before", "w 0", "--times", "0.5", "1", "--noise-cv",
        repr(0.1 + 0.2), "--absent", "NA", "-1", "--unpaired", "--seed", "0",
    ]  # fmt: skip


def test_the_module_is_the_command():
    done = process("--version")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, __version__, "")


def test_without_a_command_there_is_help(call):
    code, out, err = call()
    assert (code, err) == (0, "")
    assert "steepest demo" in out


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["reprodcue"], "reprodcue"),
        (["infer"], "FILE"),
        (["infer", "x.csv"], "no such file: x.csv"),
        (["infer", "x.csv", "--before", "a"], "--after"),
        (["infer", "x.csv", "--before", "a", "--after", "b", "--noisy", "1"], "--noisy"),
        (["infer", "x.csv", "--before", "a", "--after", "b", "--noise-cv", "low"], "low"),
        (["infer", "x.csv", "--before", "a", "--after", "b"], "x.csv"),
        (["reproduce", "surace2020", "--scale", "huge"], "huge"),
        (["reproduce", "surace2020", "--seed", "-1"], "-1"),
        (["reproduce", "surace2020.fig5"], "surace2020.fig"),
        (["reproduce", "surace2021"], "surace2020"),
        (["sweep", "--status", "a\0b"], "a zero byte"),
        (["export", "brian2", "--afferents", "9" * 40], "100000"),
    ],
)
def test_bad_usage_is_one_message_and_code_2(call, tmp_path, tokens, message):
    code, out, err = call(*tokens)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("steepest: ")
    assert "Traceback" not in err
    code, out, err = call(*tokens, "--json")
    assert (code, err) == (2, "")
    assert set(json.loads(out)) == {"error"}
    assert message in json.loads(out)["error"]
    assert list(tmp_path.iterdir()) == []


def test_infer_names_file_row_and_column_of_a_bad_size_once(call, tmp_path):
    path = tmp_path / "sizes.csv"
    path.write_text("before,after\n" + "1,2\n" * 8 + "-3,1\n")
    code, _, err = call("infer", path, "--before", "before", "--after", "after")
    assert code == 2
    assert f"{path}: row 10 of before is -3, which is negative" in " ".join(err.split())


def test_infer_prints_the_verdict_and_writes_nothing(call, synapses, tmp_path):
    code, out, err = call("infer", synapses[0], "--before", "w0", "--after", "w1", "--full")
    assert (code, err) == (0, "")
    assert "sizes.csv: column w0 (before), column w1 (after)" in out
    assert "undecided" in out
    assert "397 usable, 3 vanished, 0 new, 0 absent in both; 400 rows" in out
    assert "\x1b" not in out
    assert not any(line.endswith(" ") for line in out.splitlines())
    assert list(tmp_path.iterdir()) == [synapses[0]]


def test_infer_json_is_the_verdict_and_nothing_else(call, synapses):
    path, before, after = synapses
    options = ["--noise-cv", "0", "--seed", "3", "--json"]
    code, out, err = call("infer", path, "--before", "w0", "--after", 1, *options)
    assert (code, err) == (0, "")
    expected = infer_geometry(before, after, noise_cv=0.0, seed=3).to_dict()
    said = json.loads(out)
    asked = said.pop("request")
    assert asked == {"before": "w0", "after": "1", "noise_cv": 0.0, "seed": 3}
    assert said == json.loads(json.dumps(expected, allow_nan=False))
    assert json.loads(out)["verdict"] == "multiplicative"


@pytest.mark.parametrize(
    "options",
    [
        {"noise_cv": 0.05},
        {"noise_sd": 0.02},
        {"detection_limit": 0.3},
    ],
)
def test_infer_passes_every_option_on(call, synapses, options):
    path, before, after = synapses
    flags = [text for name, x in options.items() for text in (f"--{name.replace('_', '-')}", x)]
    _, out, _ = call("infer", path, "--before", 0, "--after", 1, "--json", *flags)
    expected = infer_geometry(before, after, **options).to_dict()
    said = json.loads(out)
    assert said.pop("request") == {"before": "0", "after": "1", **options, "seed": 0}
    assert ("sensitivity" in said) == ("detection_limit" in options)
    said.pop("sensitivity", None)
    assert said == json.loads(json.dumps(expected, allow_nan=False))


@pytest.mark.usefixtures("sketched")
def test_infer_writes_picture_page_and_json_together(call, synapses, tmp_path):
    arguments = ["infer", synapses[0], "--before", "w0", "--after", "w1", *EXACT]
    code, out, err = call(*arguments, "--out", "a/b", "--json")
    assert (code, err) == (0, "")
    written = {path.name: path.read_bytes() for path in (tmp_path / "a/b").iterdir()}
    assert sorted(written) == ["verdict.csv", "verdict.html", "verdict.json", "verdict.png"]
    assert written["verdict.png"].startswith(b"\x89PNG")
    assert json.loads(written["verdict.json"]) == json.loads(out)
    assert "steepest infer" in written["verdict.html"].decode()


@pytest.mark.slow
def test_infer_with_names_from_strangers_is_safe(call, synapses, tmp_path):
    path = tmp_path / "[red]<script>alert(1)<b>.csv"
    path.write_text(synapses[0].read_text().replace("w0", "<script>[bold]", 1))
    columns = ["--before", "<script>[bold]", "--after", "w1"]
    code, out, _ = call("infer", path, *columns, *EXACT, "--out", "o/p")
    assert code == 0
    assert "o/p" in out
    assert "[red]<script>alert(1)<b>.csv: column <script>[bold] (before)" in out
    page = (tmp_path / "o/p/verdict.html").read_text()
    assert page.count("<script") == 1
    assert "&lt;script&gt;[bold]" in page


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ("w0,w1\n1,2\n", {}, "8"),
        ("", {}, "empty"),
        ("w0,w1\n" + "1,2\n" * 8 + "1,x\n", {}, "'x'"),
        ("w0,w1\n" + "1,2\n" * 8 + "1,-3\n", {}, "-3"),
        ("w0,w1\n" + "1,2\n" * 8 + "inf,3\n", {}, "row 10"),
        ("w0,w2\n" + "1,2\n" * 9, {}, "w1"),
        (None, {"--noise-cv": 0.1, "--noise-sd": 0.1}, "noise"),
        (None, {"--noise-cv": -0.1}, "-0.1"),
        (None, {"--detection-limit": 0}, "detection"),
    ],
)
def test_infer_refuses_bad_input_and_leaves_nothing(call, synapses, rows, options, message):
    path = synapses[0]
    if rows is not None:
        path.write_text(rows)
    flags = [text for name, value in options.items() for text in (name, value)]
    arguments = ["infer", path, "--before", "w0", "--after", "w1", "--out", "new/out", *flags]
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1
    code, out, err = call(*arguments, "--json")
    assert (code, err) == (2, "")
    assert message in json.loads(out)["error"]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "command",
    [
        ["infer", "absent.csv", "--before", "0", "--after", "1"],
        ["reproduce", "surace2020.fig2"],
        ["demo"],
    ],
)
def test_a_folder_that_cannot_be_written_is_refused_before_all_else(call, tmp_path, command):
    (tmp_path / "file").write_text("in the way")
    code, out, err = call(*command, "--out", "file/out")
    assert (code, out) == (2, "")
    assert "cannot write to the folder file/out" in err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_papers_lists_every_figure(call):
    code, out, err = call("papers")
    assert (code, err) == (0, "")
    for paper in papers.available():
        assert paper.title in out
        for figure in paper.figures:
            assert f"{figure.key} " in out
            assert figure.title in out


def test_papers_says_how_long_figures_take_and_on_which_machine(call):
    code, out, err = call("papers")
    assert (code, err) == (0, "")
    (first,) = [line for line in out.splitlines() if "<- start here" in line]
    assert re.match(r" +surace2020\.fig2 +\d+ s +The wicked map", first)
    assert papers.timed_on() in out


def test_papers_as_json_lists_the_figures_in_the_papers_order(call):
    code, out, err = call("papers", "--json")
    assert (code, err) == (0, "")
    listed = json.loads(out)
    (kreutzer,) = [paper for paper in listed["papers"] if paper["key"] == "kreutzer2022"]
    keys = [figure["key"].partition(".")[2] for figure in kreutzer["figures"]]
    assert keys[:13] == [*(f"fig{number}" for number in range(1, 13)), "table1"]
    assert [key.key for key in papers.load(listed["start"])] == [listed["start"]]
    assert all(figure["seconds"] > 0 for figure in kreutzer["figures"])


def test_a_shell_learns_commands_and_options(call, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    code, _, err = call("--install-completion", "--shell", "bash")
    assert (code, err) == (0, "")
    (script,) = (tmp_path / ".local").rglob("steepest")
    text = script.read_text()
    assert "infer-layers" in text
    assert "--detection-limit" in text


@pytest.fixture
def fast_example(monkeypatch):
    """The parts of a figure that compute, without JAX: this is about the command around them."""

    def run(parameters, seed):
        drawn = np.random.default_rng(seed).standard_normal(9)
        dataset = xr.Dataset({"drawn": ("draw", drawn, {"units": "1"})})
        return study.stamp(dataset, parameters, seed)

    def plot(dataset):
        figure = matplotlib.figure.Figure(figsize=(2, 2))
        figure.subplots().plot(dataset["drawn"])
        return figure

    def claims(dataset):
        size = study.Claim.close("Nine are drawn", 9, dataset["drawn"].size, 0)
        mean = study.Claim.close("They lie about 0", 0.0, dataset["drawn"].mean(), 2.0)
        return [size, mean]

    for part in (run, plot, claims):
        monkeypatch.setattr(example_1d, part.__name__, part)


def test_reproduce_checks_the_claims_and_writes_everything(call, tmp_path, fast_example):
    code, out, err = call("reproduce", "surace2020.example_1d")
    assert (code, err) == (0, "")
    assert "All 2 claims hold." in out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"surace2020.example_1d.{kind}" for kind in ("csv", "html", "nc", "png")
    ]
    page = (tmp_path / "out/surace2020.example_1d.html").read_text()
    assert "On the choice of metric" in page
    code, out, err = call("reproduce", "surace2020.example_1d", "--out", "other", "--json")
    (figure,) = json.loads(out)["figures"]
    assert (code, err, set(json.loads(out))) == (0, "", {"figures"})
    assert set(figure) == {"figure", "claims", "seconds"}
    assert figure["figure"] == "surace2020.example_1d"
    assert figure["seconds"] > 0
    keys = {"statement", "expected", "measured", "standard_error", "holds"}
    assert all(set(claim) == keys for claim in figure["claims"])


def test_reproduce_ends_with_1_when_a_claim_fails(call, fast_example, monkeypatch):
    real = example_1d.claims
    wrong = study.Claim.close("Two is three", 3.0, 2.0, 0.1)
    monkeypatch.setattr(example_1d, "claims", lambda dataset: [*real(dataset), wrong])
    code, out, _ = call("reproduce", "surace2020.example_1d")
    assert code == 1
    assert "fails" in out
    assert "2 of 3 claims hold." in out


def test_a_paper_runs_all_its_figures(call, tmp_path, fast_example, monkeypatch):
    ran = []
    result = study.reproduce(papers.load("surace2020.example_1d")[0])

    def only_note(figure, *rest, data, unchecked, **pictures):
        assert not data
        assert not unchecked
        assert pictures == {"formats": ("png",), "style": "paper"}
        ran.append((figure.key, *rest[:2]))
        return result

    monkeypatch.setattr(study, "reproduce", only_note)
    asked = ("reproduce", "surace2020", "--scale", "paper", "--seed", 5)
    code, out, _ = call(*asked, "--jobs", 1, "--json")
    assert code == 0
    assert len(ran) > 2
    assert ran == [(figure.key, "paper", 5) for figure in papers.load("surace2020")]
    assert len(json.loads(out)["figures"]) == len(ran)
    assert (tmp_path / "out/surace2020.html").is_file()


def test_an_interrupt_ends_with_130(call, monkeypatch):
    def interrupted(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(papers, "load", interrupted)
    code, out, err = call("reproduce", "surace2020")
    assert (code, out) == (130, "")
    assert "interrupted" in err


def test_a_reader_that_goes_away_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "steepest", "papers"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_output_survives_a_terminal_without_unicode(synapses, tmp_path):
    arguments = ["infer", synapses[0], "--before", "w0", "--after", "w1", *EXACT, "--full"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = process(*arguments, env=environment, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "397 usable" in done.stdout


def test_the_main_job_on_real_synapses(call, shared_data, tmp_path):
    path = shared_data / "melander2021-psd95/weight_matrices/quantile_4060_pyr.npz"
    code, out, err = call("infer", path, "--before", 0, "--after", 1, "--out", "out/", "--full")
    assert (code, err) == (0, "")
    assert "446 usable, 50 vanished, 31 new, 194 absent in both; 721 rows" in out
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "verdict.csv",
        "verdict.html",
        "verdict.json",
        "verdict.png",
    ]
    verdict = json.loads((tmp_path / "out/verdict.json").read_text())
    assert verdict["outcome"] == "undecided"
    assert verdict["index"] == pytest.approx(0.73, abs=0.01)
    page = (tmp_path / "out/verdict.html").read_text()
    for count in (446, 50, 31, 194, 721):
        assert f">{count}<" in page
