"""What the README and the docs print can be run as it stands, page by page."""

import importlib.util
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from steepest import papers

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / "docs/api").glob("*.md"),
]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^```(?:py|toml)\n# (\w+\.(?:py|toml))\n(.*?)^```", re.MULTILINE | re.DOTALL)


# Pages that take seconds: flows in several metrics to compile, many verdicts.
LONG = {"forward.md", "inference.md", "metric.md", "mirror.md", "recurrent.md"}


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


def test_a_paper_has_a_page_of_its_figures_with_what_was_computed(tmp_path):
    spec = importlib.util.spec_from_file_location("pages", ROOT / "docs/figure_pages.py")
    assert spec is not None
    pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pages)
    (paper,) = [paper for paper in papers.available() if paper.key == "ours"]
    bare = pages.paper_page(paper, tmp_path)
    for figure in papers.load("ours"):
        assert f"## {pages.plain(figure.title)}\n" in bare
        assert f"```sh\nsteepest reproduce {figure.key}\n```" in bare
    assert "![" not in bare
    (tmp_path / "ours.demo.png").touch()
    (tmp_path / "ours.demo.csv").write_text(
        "statement,expected,measured,standard_error,holds\n"
        '"It is |x| < *1*","[0.5, 1.0]",0.123456,0.01,True\nSo,"less, far",2,,\n'
    )
    page = pages.paper_page(paper, tmp_path)
    assert f"](../{tmp_path.name}/ours.demo.png)" in page
    assert r"| It is \|x\| \< \*1\* | 0.5, 1 | 0.1235 ± 0.01 | holds |" in page
    assert r"| So | less\, far | 2 | not tested at this scale |" in page


def test_the_readme_names_the_two_commands():
    text = (ROOT / "README.md").read_text("utf-8")
    assert "make demo" in text
    assert "make test" in text
