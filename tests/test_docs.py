"""What the README and the docs print can be run as it stands, page by page."""

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from steepest import __version__, papers, study
from steepest.cli.app import COMMANDS
from steepest.study import stamp

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(
        page
        for room in ("api", "start", "reference")
        for page in (ROOT / "docs" / room).glob("*.md")
    ),
]
BLOCK = re.compile(r"^```(?:python|\{code-cell\} ipython3)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^```(?:py|toml)\n# (\w+\.(?:py|toml))\n(.*?)^```", re.MULTILINE | re.DOTALL)


# Pages that take seconds: flows in several metrics to compile, many verdicts.
LONG = {
    *(f"docs/{name}.md" for name in ("forward", "inference", "metric", "mirror", "networks")),
    "docs/recurrent.md",
    "docs/reference/methods.md",
    "docs/reference/tested.md",
}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=page.relative_to(ROOT).as_posix(),
            marks=pytest.mark.slow if page.relative_to(ROOT).as_posix() in LONG else (),
        )
        for page in PAGES
        if BLOCK.search(page.read_text("utf-8"))
    ],
)
def test_every_python_example_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if "import torch" in page.read_text("utf-8"):
        pytest.importorskip("torch", reason="torch, an extra, is not installed")
    if page.name == "sweeps.md":
        run_the_study_of(page)
    namespace = {"__name__": "__main__"}
    for block in BLOCK.findall(page.read_text("utf-8")):
        exec(compile(block, str(page), "exec"), namespace)
    plt.close("all")
    assert capsys.readouterr().out


def run_the_study_of(page):
    """Write the files that the page shows, and do what its first command does, in this process."""
    distributed = pytest.importorskip("distributed", reason="the extra cluster is not installed")
    from steepest.sweep import run_sweep

    for name, content in FILE.findall(page.read_text("utf-8")):
        # A cell is ended with its process, and here that is the tests' own.
        Path(name).write_text(re.sub(r"^cell_timeout.*\n", "", content, flags=re.MULTILINE))
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as cluster:
        summary = run_sweep("study.toml", scheduler=cluster.scheduler_address)
    assert summary.done == summary.cells == 80


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_local_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
        if figure := re.search(r"figures/(\w+)[./](\w+)\.(?:md|png)$", target):
            papers.load(".".join(figure.groups()))  # its page is made with the site
        else:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def script_of_docs(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / f"docs/{name}.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as surroundings:
        surroundings.syspath_prepend(ROOT / "docs")  # one script may call another
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages():
    return script_of_docs("figure_pages")


def test_every_public_name_of_a_room_on_a_page_gets_its_own(tmp_path):
    (tmp_path / "room.md").write_text("```{include} ../_generated/api/steepest.study.md\n```\n")
    (tmp_path / "objects").mkdir()
    (tmp_path / "objects/steepest.study.gone.rst").touch()
    script_of_docs("api_pages").write_pages(tmp_path, tmp_path / "tables", tmp_path / "objects", {})
    table = (tmp_path / "tables/steepest.study.md").read_text()
    written = {page.stem.rpartition(".")[2] for page in (tmp_path / "objects").glob("*.rst")}
    assert written == {*study.__all__}
    assert all(f"   {name}\n" in table for name in written)
    for name, directive in [
        ("Figure", "autoclass"),
        ("stamp", "autofunction"),
        ("Scale", "autodata"),
    ]:
        page = (tmp_path / f"objects/steepest.study.{name}.rst").read_text()
        assert f".. {directive}:: steepest.study.{name}\n" in page


def test_a_name_of_two_rooms_is_told_in_the_one_that_defines_it():
    pages = script_of_docs("api_pages")
    homes = pages.homes_of({"steepest.descent": ["velocity"], "steepest.geometry": ["velocity"]})
    told = pages.object_page("steepest.geometry", "velocity", homes, {})
    assert ".. autofunction:: steepest.geometry.velocity\n" in told
    again = pages.object_page("steepest.descent", "velocity", homes, {})
    assert "The same as :py:obj:`steepest.geometry.velocity`." in again
    assert "   >>> velocity is steepest.geometry.velocity\n   True\n" in again
    assert "auto" not in again


def test_what_is_wrong_with_a_built_site_is_named(tmp_path):
    (tmp_path / "there.html").write_text(
        '<article><a id="place"></a><img src="https://a.b/c.png" alt=""></article>'
    )
    (tmp_path / "index.html").write_text(
        '<a href="there.html#place"></a><a href="there.html#gone"></a><a href="gone.html"></a>'
        '<a href="https://a.b"></a><script src="//a.b/c.js"></script>'
        '<article><div class="highlight-sh"></div></article><img src="there.html">'
    )
    (tmp_path / "words.html").write_text('<img src="there.html" alt=""><article>mere</article>')
    (tmp_path / "prompt.html").write_text("<article>&gt;&gt;&gt; 1 + 1</article>")
    (tmp_path / "genindex.html").write_text("<article>mere words, as may be</article>")
    (tmp_path / "a.css").write_text("@import url(https://a.b/font.css); b { c: url(d.png) }")
    (tmp_path / "searchindex.js").write_text('{"tutori":1,"cite":2}')
    checked = script_of_docs("check_site")
    pages = {path: checked.Page(path.read_text()) for path in sorted(tmp_path.glob("*.html"))}
    assert checked.faults_of(tmp_path, pages) == [
        "index.html: a picture without alt: there.html",
        "index.html asks another site: //a.b/c.js",
        "index.html links to there.html#gone, where there is no such place",
        "index.html links to gone.html, which is not there",
        "there.html asks another site: https://a.b/c.png",
        "words.html shows neither a picture nor an example that runs",
        "a.css asks another site: https://a.b/font.css",
        "no search finds spreadsheet",
    ]


def test_a_paper_has_a_page_with_a_card_for_each_figure(pages, tmp_path):
    (paper,) = [paper for paper in papers.available() if paper.key == "surace2020"]
    (tmp_path / "surace2020.fig2.png").touch()
    page = pages.paper_page(paper, tmp_path)
    cards = page.split(":::{grid-item-card}")[1:]
    assert len(cards) == len(paper.figures)
    for card, figure in zip(cards, papers.load("surace2020"), strict=True):
        assert f":link: {pages.name_of(figure)}\n" in card
        assert pages.plain(figure.title) in card
        assert (":img-top:" in card) == (figure.key == "surace2020.fig2")


def test_a_figure_has_a_page_with_what_was_computed(pages, tmp_path, monkeypatch):
    (figure,) = papers.load("surace2020.fig2")
    bare = pages.figure_page(figure, tmp_path, "steepest reproduce surace2020.fig2")
    assert bare.startswith(f"# {pages.plain(figure.title)}\n")
    assert "```sh\nsteepest reproduce surace2020.fig2\n```" in bare
    assert "![" not in bare
    (code,) = re.findall(r"literalinclude\} (\S+)", bare)
    assert (ROOT / "docs/figures/surace2020" / code).resolve() == Path(figure.module.__file__)
    (tmp_path / "surace2020.fig2.png").touch()
    (tmp_path / "surace2020.fig2.csv").write_text(
        "statement,expected,measured,standard_error,holds\n"
        '"It is |x| < *1*","[0.5, 1.0]",0.123456,0.01,True\nSo,"less, far",2,,\n'
    )
    row = {"figure": figure.key, "seconds": "150.0", "machine": "2 cores", "date": "2026-11-28"}
    monkeypatch.setitem(pages.TIMES, figure.key, row)
    page = pages.figure_page(figure, tmp_path, "steepest reproduce surace2020.fig2")
    assert f"](../../{tmp_path.name}/surace2020.fig2.png)" in page
    assert "it takes 2 minutes of one processor" in page
    assert r"| It is \|x\| \< \*1\* | 0.5, 1 | 0.1235 ± 0.01 | holds |" in page
    assert r"| So | less\, far | 2 | not tested at this scale |" in page


def test_a_run_at_the_scale_of_the_paper_is_told_on_the_figures_page(pages, tmp_path, monkeypatch):
    (figure,) = papers.load("surace2020.fig2")
    (tmp_path / f"{figure.key}.csv").write_text(
        "statement,expected,measured,standard_error,holds\nSo,1,2,0.5,False\n"
    )
    run = {"wall_s": "150", "changed": "trials = 3", "seed": "0", "machine": "m", "date": "2026"}
    monkeypatch.setattr(pages, "KEPT", tmp_path)
    monkeypatch.setitem(pages.RUNS, figure.key, run)
    page = pages.figure_page(figure, tmp_path / "none", "steepest reproduce surace2020.fig2")
    _, told = page.split("## Claims at the scale of the paper\n\n")
    assert told.startswith("One run took 2 minutes (m, 2026, seed 0), with trials \\= 3.")
    assert "| So | 1 | 2 ± 0.5 | **fails** |" in told


def test_every_run_at_the_scale_of_the_paper_is_one_of_a_figure_and_has_its_claims():
    runs = script_of_docs("paper_scale")
    figures = {figure.key for paper in papers.available() for figure in paper.figures}
    assert {*runs.RUNS} <= figures
    assert {path.stem for path in runs.KEPT.glob("*.csv")} == {*runs.RUNS, "runs"}
    counted = [row.split(" | ")[4:] for row in runs.table().splitlines()[2:]]
    assert all(int(held) > 0 for held, *_ in counted)


def test_every_figure_of_a_paper_gets_its_page_and_old_pages_go(pages, tmp_path, monkeypatch):
    (paper,) = [paper for paper in papers.available() if paper.key == "surace2020"]
    monkeypatch.setattr(pages, "available", lambda: (paper,))
    (tmp_path / "old").mkdir()
    (tmp_path / "old/fig1.md").touch()
    pages.write_pages(tmp_path, tmp_path / "nothing")
    written = {page.relative_to(tmp_path).as_posix() for page in tmp_path.rglob("*.md")}
    names = [figure.key.partition(".")[2] for figure in paper.figures]
    expected = {"papers.md", *(f"surace2020/{name}.md" for name in ["index", *names])}
    examples = [path.stem for path in ROOT.glob("examples/*/*.py")]
    assert written == expected | {f"examples/{name}.md" for name in ["index", *examples]}
    (example,) = [page for page in tmp_path.glob("examples/*.md") if page.stem == "robustness"]
    assert (
        "```sh\ncd examples/learning_rate\nsteepest sweep robustness.toml &&" in example.read_text()
    )


def test_every_command_has_its_section_with_two_examples_and_its_options():
    pages = script_of_docs("command_pages")
    section = pages.section("plan")
    (examples,) = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert len(re.findall(r"^steepest plan ", examples, re.MULTILINE)) == 2
    assert "| designs to try | |\n|---|---|\n| `--synapses INT...` | Numbers of" in section
    assert pages.section("export").count("\n### steepest export ") == 4
    assert {*re.findall(r"#steepest-(\S+)\)", pages.summary())} == {*COMMANDS}


def test_the_rooms_are_drawn_as_their_imports_are():
    drawing = script_of_docs("architecture")
    arrows = {"roof": {"wall", "ground"}, "wall": {"ground"}, "ground": set()}
    assert drawing.storeys(arrows) == {"ground": 0, "wall": 1, "roof": 2}
    assert drawing.direct(arrows) == {"roof": {"wall"}, "wall": {"ground"}, "ground": set()}
    rooms = drawing.rooms()
    assert "geometry" in rooms["descent"]
    assert rooms["markup"] == set()
    assert "| `inference.designs` |" in drawing.table()
    assert ">geometry<" in drawing.picture() or "<!-- geometry -->" in drawing.picture()


def test_tests_are_counted_from_their_source(tmp_path):
    facts = script_of_docs("facts_of_tests")
    (tmp_path / "test_a.py").write_text(
        "import scipy.stats\nfrom pandas import Series\npytest.importorskip('torch', reason='')\n"
        "def test_one(): ...\n@pytest.mark.slow\ndef test_two(): ...\ndef helper(): ...\n"
    )
    (tmp_path / "test_b.py").write_text("pytestmark = [pytest.mark.slow]\ndef test_three(): ...\n")
    counted = [(f.name, facts.is_slow(path, f)) for path, f in facts.functions(tmp_path)]
    assert counted == [("test_one", False), ("test_two", True), ("test_three", True)]
    assert facts.imported(tmp_path / "test_a.py") == {"scipy", "pandas", "torch"}


def test_who_uses_a_name_is_found_by_what_code_imports():
    found = script_of_docs("uses").names_of(
        ast.parse(
            "import steepest as st\nfrom steepest.geometry import Weber as W\nimport numpy as np\n"
            "st.descent.velocity(W(), np.pi)\n"
        )
    )
    assert {"steepest.geometry.Weber", "steepest.descent.velocity"} <= found
    assert not any("numpy" in name for name in found)


def test_a_names_page_ends_with_who_uses_it():
    pages, uses = script_of_docs("api_pages"), script_of_docs("uses")
    page = uses.Use("figures/surace2020/fig2", "The wicked map", "_figures/a.png")
    plain = uses.Use("tutorials/planning", "Planning")
    homes = {stamp: "steepest.study.stamp"}
    text = pages.object_page("steepest.study", "stamp", homes, {stamp: [plain, page]})
    assert "Examples using ``stamp``\n------------------------\n" in text
    assert "- :doc:`Planning </tutorials/planning>`" in text
    assert "      :link: /figures/surace2020/fig2\n" in text
    assert "      :img-top: /_figures/a.png\n" in text


def test_a_constants_page_shows_its_value():
    page = script_of_docs("api_pages").object_page("steepest.pictures", "FORMATS", {}, {})
    assert "   >>> FORMATS\n   ('png', 'svg', 'pdf')\n" in page


def test_badges_say_what_the_project_says():
    for name, svg in script_of_docs("badges").badges().items():
        assert (ROOT / f"docs/_static/badges/{name}.svg").read_text("utf-8") == svg
        assert f"badges/{name}.svg" in (ROOT / "README.md").read_text("utf-8")


def test_the_program_its_citation_and_its_changes_have_one_version():
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {__version__}\n" in citation
    released = re.search(r"^date-released: (\S+)$", citation, re.MULTILINE)
    assert released is not None
    newest = re.search(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] in ("Unreleased", f"{__version__} ({released[1]})")


@pytest.mark.slow
def test_the_built_site_has_no_fault_in_a_real_browser():
    if not (ROOT / "docs/_build/html/index.html").exists():
        pytest.skip("the site is not built: make docs")
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("no Chromium on this machine")
    if not any(map(shutil.which, ("npm",))):
        pytest.skip("no npm on this machine, which brings axe-core")
    script = [sys.executable, "docs/check_browser.py", "docs/_build/html"]
    run = subprocess.run(script, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert ": 0 faults; 0 of " in run.stdout


def test_the_readme_names_the_two_commands():
    text = (ROOT / "README.md").read_text("utf-8")
    assert "make demo" in text
    assert "make test" in text
