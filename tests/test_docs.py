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
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^```(?:py|toml)\n# (\w+\.(?:py|toml))\n(.*?)^```", re.MULTILINE | re.DOTALL)


# Pages that take seconds: flows in several metrics to compile, many verdicts.
LONG = {"forward.md", "inference.md", "metric.md", "mirror.md", "networks.md", "recurrent.md"}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=page.relative_to(ROOT).as_posix(),
            marks=pytest.mark.slow if page.name in LONG and page.parent.name == "docs" else (),
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
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages():
    return script_of_docs("figure_pages")


def test_every_public_name_of_a_room_on_a_page_gets_its_own(tmp_path):
    (tmp_path / "room.md").write_text("```{include} ../_generated/api/steepest.study.md\n```\n")
    (tmp_path / "objects").mkdir()
    (tmp_path / "objects/steepest.study.gone.md").touch()
    script_of_docs("api_pages").write_pages(tmp_path, tmp_path / "tables", tmp_path / "objects")
    table = (tmp_path / "tables/steepest.study.md").read_text()
    written = {page.stem.rpartition(".")[2] for page in (tmp_path / "objects").glob("*.md")}
    assert written == {*study.__all__}
    assert all(f"   {name}\n" in table for name in written)
    for name, directive in [
        ("Figure", "autoclass"),
        ("stamp", "autofunction"),
        ("Scale", "autodata"),
    ]:
        page = (tmp_path / f"objects/steepest.study.{name}.md").read_text()
        assert f".. {directive}:: steepest.study.{name}\n" in page


def test_a_paper_has_a_page_with_a_card_for_each_figure(pages, tmp_path):
    (paper,) = [paper for paper in papers.available() if paper.key == "ours"]
    (tmp_path / "ours.demo.png").touch()
    page = pages.paper_page(paper, tmp_path)
    cards = page.split(":::{grid-item-card}")[1:]
    assert len(cards) == len(paper.figures)
    for card, figure in zip(cards, papers.load("ours"), strict=True):
        assert f":link: {pages.name_of(figure)}\n" in card
        assert pages.plain(figure.title) in card
        assert (":img-top:" in card) == (figure.key == "ours.demo")


def test_a_figure_has_a_page_with_what_was_computed(pages, tmp_path):
    (figure,) = papers.load("ours.demo")
    bare = pages.figure_page(figure, tmp_path)
    assert bare.startswith(f"# {pages.plain(figure.title)}\n")
    assert "```sh\nsteepest reproduce ours.demo\n```" in bare
    assert "![" not in bare
    (code,) = re.findall(r"literalinclude\} (\S+)", bare)
    assert (ROOT / "docs/figures/ours" / code).resolve() == Path(figure.module.__file__)
    (tmp_path / "ours.demo.png").touch()
    (tmp_path / "ours.demo.seconds").write_text("150.0")
    (tmp_path / "ours.demo.csv").write_text(
        "statement,expected,measured,standard_error,holds\n"
        '"It is |x| < *1*","[0.5, 1.0]",0.123456,0.01,True\nSo,"less, far",2,,\n'
    )
    page = pages.figure_page(figure, tmp_path)
    assert f"](../../{tmp_path.name}/ours.demo.png)" in page
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
