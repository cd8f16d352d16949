"""What the README and the docs print can be run as it stands, page by page."""

import importlib.util
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from steepest import papers, study

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
BLOCK = re.compile(
    r"^```(?:python|\{code-cell\} ipython3)\n(.*?)^```", re.MULTILINE | re.DOTALL
)
FILE = re.compile(r"^```(?:py|toml)\n# (\w+\.(?:py|toml))\n(.*?)^```", re.MULTILINE | re.DOTALL)


# Pages that take seconds: flows in several metrics to compile, many verdicts.
LONG = {
    *(f"docs/{name}.md" for name in ("forward", "inference", "metric", "mirror", "networks")),
    "docs/recurrent.md",
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
    script_of_docs("api_pages").write_pages(tmp_path, tmp_path / "tables", tmp_path / "objects")
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
    told = pages.object_page("steepest.geometry", "velocity", homes)
    assert ".. autofunction:: steepest.geometry.velocity\n" in told
    again = pages.object_page("steepest.descent", "velocity", homes)
    assert "The same as :py:obj:`steepest.geometry.velocity`." in again
    assert "auto" not in again


def test_what_is_wrong_with_a_built_site_is_named(tmp_path):
    (tmp_path / "there.html").write_text('<a id="place"></a><img src="https://a.b/c.png" alt="">')
    (tmp_path / "index.html").write_text(
        '<a href="there.html#place"></a><a href="there.html#gone"></a><a href="gone.html"></a>'
        '<a href="https://a.b"></a><script src="//a.b/c.js"></script><img src="there.html">'
    )
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


def test_a_figure_has_a_page_with_what_was_computed(pages, tmp_path):
    (figure,) = papers.load("surace2020.fig2")
    bare = pages.figure_page(figure, tmp_path)
    assert bare.startswith(f"# {pages.plain(figure.title)}\n")
    assert "```sh\nsteepest reproduce surace2020.fig2\n```" in bare
    assert "![" not in bare
    (code,) = re.findall(r"literalinclude\} (\S+)", bare)
    assert (ROOT / "docs/figures/surace2020" / code).resolve() == Path(figure.module.__file__)
    (tmp_path / "surace2020.fig2.png").touch()
    (tmp_path / "surace2020.fig2.seconds").write_text("150.0")
    (tmp_path / "surace2020.fig2.csv").write_text(
        "statement,expected,measured,standard_error,holds\n"
        '"It is |x| < *1*","[0.5, 1.0]",0.123456,0.01,True\nSo,"less, far",2,,\n'
    )
    page = pages.figure_page(figure, tmp_path)
    assert f"](../../{tmp_path.name}/surace2020.fig2.png)" in page
    assert "it took 2 minutes" in page
    assert r"| It is \|x\| \< \*1\* | 0.5, 1 | 0.1235 ± 0.01 | holds |" in page
    assert r"| So | less\, far | 2 | not tested at this scale |" in page


def test_every_figure_of_a_paper_gets_its_page_and_old_pages_go(pages, tmp_path, monkeypatch):
    (paper,) = [paper for paper in papers.available() if paper.key == "surace2020"]
    monkeypatch.setattr(pages, "available", lambda: (paper,))
    (tmp_path / "old").mkdir()
    (tmp_path / "old/fig1.md").touch()
    pages.write_pages(tmp_path, tmp_path / "nothing")
    written = {page.relative_to(tmp_path).as_posix() for page in tmp_path.rglob("*.md")}
    names = [figure.key.partition(".")[2] for figure in paper.figures]
    assert written == {"papers.md", *(f"surace2020/{name}.md" for name in ["index", *names])}


def test_the_readme_names_the_two_commands():
    text = (ROOT / "README.md").read_text("utf-8")
    assert "make demo" in text
    assert "make test" in text
