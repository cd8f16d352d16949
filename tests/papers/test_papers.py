"""Papers and figures are found by name, listed without being imported, and cited in full."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from steepest import papers
from steepest.errors import UsageError
from steepest.papers import (
    Citation,
    available,
    galtier2013,
    kreutzer2022,
    load,
    ours,
    pogodin2024,
    surace2020,
)
from steepest.study import Figure

KEYS = [figure.key for paper in available() for figure in paper.figures]


def test_every_module_of_a_paper_is_listed():
    files = [
        f"{package.__name__}.{file.stem}"
        for package in [galtier2013, kreutzer2022, pogodin2024, surace2020, ours]
        for file in Path(package.__path__[0]).glob("[!_]*.py")
    ]
    assert len(files) >= 3
    names = [name.removeprefix("steepest.").removeprefix("papers.") for name in files]
    assert sorted(names) == sorted(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_every_figure_keeps_the_protocol_and_its_title_is_the_listed_one(key):
    (figure,) = load(key)
    assert isinstance(figure, Figure)
    titles = {f.key: f.title for paper in available() for f in paper.figures}
    assert figure.title == titles[key]
    assert 10 < len(figure.title) <= 100
    assert figure.text


def test_a_paper_loads_all_its_figures():
    assert [figure.key for figure in load("surace2020")] == [
        "surace2020.fig1",
        "surace2020.fig2",
        "surace2020.fig3",
        "surace2020.fig4",
        "surace2020.example_1d",
        "surace2020.experiments",
        "surace2020.spike_trains",
    ]
    folder = Path(ours.__file__).parent
    names = sorted(path.stem for path in folder.glob("[!_]*.py"))
    assert [figure.key for figure in load("ours")] == [f"ours.{name}" for name in names]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("surace2020.fig5", "surace2020.fig"),
        ("surace2020.xyz", "surace2020.ex"),
        ("Surace2020", "surace2020"),
        ("surace", "surace2020"),
        ("our.demo", "ours.demo"),
        ("surace2020.", "surace2020.fig2"),
        ("", "known: .*surace2020"),
        ("qqq", "known: .*ours.demo"),
    ],
)
def test_an_unknown_name_is_refused_with_those_near_it(name, near):
    with pytest.raises(UsageError, match=f"{name!r}; .*{near}"):
        load(name)


def test_the_former_name_of_our_own_findings_says_what_to_type():
    with pytest.raises(UsageError, match=r"results\.demo is now called ours\.demo: type that"):
        load("results.demo")
    with pytest.raises(UsageError, match="results is now called ours: type that"):
        load("results")


@pytest.mark.parametrize("name", papers._MOVED)
def test_the_key_of_a_figure_that_became_several_says_what_to_type(name):
    with pytest.raises(UsageError, match=f"{name} is now several figures: type ") as refused:
        load(name)
    paper = name.partition(".")[0]
    named = [word.strip(",") for word in str(refused.value).split() if f"{paper}." in word]
    assert len(named) >= 4
    assert set(named[1:]) <= set(KEYS)
    assert named[0] == name


def test_listing_imports_no_figure_and_nothing_heavy():
    code = """
import sys
from steepest.papers import available
assert len(available()) >= 2
heavy = {"jax", "pandas", "matplotlib", "xarray", "numpy"} & set(sys.modules)
figures = [name for name in sys.modules if name.startswith("steepest.") and "fig" in name]
print(sorted(heavy), figures)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"


@pytest.mark.parametrize(
    "package",
    [
        info.name
        for info in pkgutil.iter_modules(papers.__path__)
        if info.ispkg and info.name != "ours"
    ],
)
def test_every_paper_says_how_to_cite_it(package):
    citation = importlib.import_module(f"steepest.papers.{package}").CITATION
    assert f"{citation.authors[0].partition(',')[0].lower()}{citation.year}" == package
    assert citation.doi
    for part in (citation.title, citation.journal, citation.doi, str(citation.year)):
        assert part in str(citation)
        assert part in citation.bibtex
    assert citation.bibtex.startswith(f"@article{{{package},")
    assert citation.bibtex.count("{") == citation.bibtex.count("}")


def test_a_citation_reads_as_in_a_reference_list():
    assert str(surace2020.CITATION) == (
        "Surace SC, Pfister J-P, Gerstner W, Brea J (2020). On the choice of metric in"
        " gradient-based theories of brain function. PLoS Computational Biology 16(4):e1007640."
        " doi:10.1371/journal.pcbi.1007640"
    )
    assert surace2020.CITATION.short == "Surace et al. 2020, PLoS Computational Biology"
    assert pogodin2024.CITATION.short.startswith("Pogodin et al. 2024")
    alone = Citation(("The developers",), 2026, "A title", "Software", doi="")
    assert str(alone) == "The developers (2026). A title. Software."
