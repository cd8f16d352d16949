"""The page of an answer: what stands on it, in which order, and what a reader can take away."""

import base64
import csv
import dataclasses
import html
import io
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from steepest import pictures
from steepest.inference import (
    Design,
    classify,
    infer_geometry,
    infer_measured,
    infer_unpaired,
    measure,
    simulate_change,
    simulate_design,
)
from steepest.report.measured import measured_answer
from steepest.report.page import render_page
from steepest.report.pair import pair_answer
from steepest.report.rows import calls_rows, measured_rows, pair_rows
from steepest.report.terms import TERMS, explained
from steepest.report.unpaired import unpaired_answer

OUTCOMES = ["named", "mixture", "none", "undecided", "unstable", "refused"]
SIZES = simulate_change(120, 1.0, seed=3)
COLUMNS = {"source": "sizes.csv", "before": "w0", "after": "w1"}


@pytest.fixture(scope="module")
def pair():
    before, after = (
        np.append(sizes, extra) for sizes, extra in zip(SIZES, (1.0, 0.0), strict=True)
    )
    return infer_geometry(before, after, noise_cv=0)


@pytest.fixture(scope="module")
def files(pair):
    rows = lambda: pair_rows(["w0", "w1"], None, *(np.asarray(sizes) for sizes in SIZES))  # noqa: E731
    return pair_answer(pair, **COLUMNS, rows=rows).files("steepest infer sizes.csv")


@pytest.fixture(scope="module")
def page(files):
    return files["verdict.html"].decode()


def page_of(verdict, files=None):
    answer = pair_answer(verdict, **COLUMNS)
    return render_page(answer.page(), panels=[], files=files or {}, command="steepest infer")


def test_a_page_goes_from_the_verdict_to_the_numbers(page, pair):
    order = [
        "<h1>",
        "The verdict",
        "Every synapse changed by the same fraction",
        'id="results"',
        'id="methods"',
        "<svg",
        'id="legend"',
        'download="verdict.svg"',
        'class="lights"',
        "The named geometries",
        "The numbers",
        "What was used, what was dropped",
        "The words used here",
        "To repeat this",
        "How to cite",
    ]
    places = [page.index(words) for words in order]
    assert pair.outcome == "named"
    assert places == sorted(places)


def test_what_is_copied_is_what_the_verdict_says(page, pair):
    def copied(name):
        (inside,) = re.findall(
            rf'<(?:p|figcaption) id="{name}">(.*?)</', page.replace("</span>", "")
        )
        return html.unescape(re.sub(r"<[^>]+>", "", inside))

    buttons = re.findall(r'<button type="button" hidden data-copies="(\w+)"', page)
    assert buttons == ["results", "methods", "legend"]
    assert [copied(name) for name in buttons] == [pair.sentence(), pair.methods(), pair.legend()]


def test_the_picture_is_in_the_page_panel_by_panel(page):
    panels = re.findall(r'<div style="flex: ([\d.]+) \1 0; max-width: \d+pt"><svg ', page)
    assert len(panels) == 3
    assert all(0.5 < float(grow) < 1.5 for grow in panels)
    assert re.search(r'class="panels" role="img" aria-label="[^"]+"', page)
    identifiers = re.findall(r'\bid="([^"]+)"', page)
    assert len(identifiers) == len(set(identifiers))
    assert {*re.findall(r"url\(#([^)]+)\)", page)} <= {*identifiers}


def test_everything_can_be_downloaded_from_the_page_alone(page, files):
    offered = dict(re.findall(r'download="([^"]+)" href="data:[\w/+]+;base64,([^"]+)"', page))
    assert list(offered) == ["verdict.svg", "verdict.pdf", "verdict.csv", "verdict.json"]
    content = {name: base64.b64decode(text) for name, text in offered.items()}
    assert content["verdict.csv"] == files["verdict.csv"]
    assert content["verdict.json"] == files["verdict.json"]
    assert content["verdict.pdf"].startswith(b"%PDF")
    root = ElementTree.fromstring(content["verdict.svg"])
    assert [child.tag.rpartition("}")[2] for child in root] == ["svg"] * 3


def test_a_large_table_is_beside_the_page(pair):
    page = page_of(pair, {"my rows.csv": b"x" * 50_000, "verdict.json": b"{}"})
    assert 'href="my%20rows.csv"' in page
    assert 'href="data:application/json;base64,e30="' in page


def test_a_page_without_its_picture_is_small(page):
    bare = re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)
    bare = re.sub(r'href="data:(image/svg\+xml|application/pdf)[^"]*"', "", bare)
    assert len(bare.encode()) < 200_000


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_ranking_is_an_answer_only_where_a_geometry_is_named(pair, outcome):
    verdict = "multiplicative" if outcome == "named" else "A sentence about it."
    page = page_of(dataclasses.replace(pair, outcome=outcome, verdict=verdict, reason="too few"))
    greyed = re.findall(r'class="greyed">\s*<h2>(.*?)</h2>\s*<p class="untested">(.*?)</p>', page)
    if outcome == "named":
        assert greyed == []
    else:
        ((title, why),) = greyed
        assert title == "The named geometries, the likeliest first"
        assert why.endswith("is no answer. Too few.")
    assert re.search(r'<p class="meaning">[^<]', page)


def test_every_term_is_explained_where_it_stands_and_listed(page):
    spans = re.findall(r'aria-describedby="term-([^"]+)" data-is="([^"]+)">([^<]+)<', page)
    assert {"log-likelihood", "dual"} <= {term for term, _, _ in spans}
    listed = dict(re.findall(r'<dd id="term-([^"]+)">([^<]+)</dd>', page))
    for identifier, words, _ in spans:
        assert listed[identifier] == words
    assert re.search(r"<td>burg<small>The geometry of index 2", page)
    for kind in ("lag", "by products"):
        assert explained(f"{kind} 2")[0] == (kind, kind)
        assert len(TERMS[kind]) > 30
    assert explained("geometric flags, duality") == [("geometric flags, duality", None)]


def test_every_check_is_a_light_that_opens(page, pair):
    lights = re.findall(
        r'<details class="(\w+)"><summary><span class="name">([^<]+)</span>.*?</summary>\s*<p>',
        page,
    )
    kinds = {True: "holds", False: "fails", None: "untested"}
    assert lights == [
        (kinds[check.passed], name.replace("_", " ")) for name, check in pair.checks.items()
    ]


def test_legends_hide_no_data(pair):
    figure = pair.plot()
    figure.draw_without_rendering()
    legends = [axes for axes in figure.axes if axes.get_legend() is not None]
    assert len(legends) == 3
    for axes in legends:
        legend = axes.get_legend().get_window_extent()
        assert legend.y1 <= axes.get_window_extent().y0
        assert legend.y0 >= 0


def test_many_points_are_one_image_of_a_vector_picture(pair):
    many = infer_geometry(*simulate_change(2000, 1.0, seed=1), noise_cv=0)
    for verdict, one_image in ((pair, False), (many, True)):
        points = [axes.collections[0] for axes in verdict.plot().axes[:2]]
        assert [bool(each.get_rasterized()) for each in points] == [one_image] * 2


def test_a_figure_with_one_legend_for_all_stays_whole():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 2), layout="constrained")
    for axes in figure.subplots(1, 2):
        axes.plot([0, 1], label="line")
    assert len(pictures.panels(figure)) == 2
    figure.legend(["line"])
    (whole,) = pictures.panels(figure)
    assert pictures.panels(figure) == [whole]  # drawn again, the same to the byte


def test_a_colour_bar_stays_with_what_it_is_of():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 2), layout="constrained")
    image, line = figure.subplots(1, 2)
    figure.colorbar(image.imshow([[0, 1], [1, 0]]), ax=image)
    line.plot([0, 1])
    assert len(pictures.panels(figure)) == 2


def rows_of(text):
    head, *rows = csv.reader(io.StringIO(text))
    return head, [row[-1] for row in rows]


def test_every_row_of_a_pair_is_accounted_for():
    nan = np.nan
    before = np.array([1.0, 2.0, 0.0, 0.0, nan, 0.1, 1.0])
    after = np.array([1.1, 0.0, 1.0, 0.0, 1.0, 1.0, 0.1])
    head, became = rows_of(pair_rows(["=a", "b"], [2, 3, 4, 5, 6, 7, 8], before, after))
    assert head == ["row", "'=a", "b", "what became of it"]
    assert became == ["used", "vanished", "new", "absent in both", "not measured", "used", "used"]
    _, became = rows_of(pair_rows(["a", "b"], None, before, after, 0.5))
    below = "used: ended below the detection limit"
    assert became[1] == became[6] == below
    assert became[5] == "began below the detection limit"


def test_the_counts_of_a_pair_are_those_of_its_rows(pair):
    before, after = (
        np.append(sizes, extra) for sizes, extra in zip(SIZES, (1.0, 0.0), strict=True)
    )
    _, became = rows_of(pair_rows(["a", "b"], None, before, after))
    assert became.count("used") == pair.counts.usable
    assert became.count("vanished") == pair.counts.vanished == 1


@pytest.fixture(scope="module")
def others():
    measured = infer_measured(simulate_design(Design(synapses=100, sessions=3), 1), draws=20)
    return {
        "measured": measured_answer(measured, source="sizes.csv"),
        "unpaired": unpaired_answer(infer_unpaired(*SIZES, draws=3), **COLUMNS),
    }, measured


@pytest.mark.parametrize("kind", ["measured", "unpaired"])
def test_every_verdict_has_the_whole_page(others, kind):
    answer = others[0][kind]
    page = render_page(answer.page(), panels=[], files={}, command="steepest infer")
    for words in ('id="results"', 'id="methods"', 'id="legend"', 'class="meaning"', "lights"):
        assert words in page
    assert "What would settle it:" in page


def test_every_row_of_sessions_is_accounted_for(others):
    measured = others[1].measured
    head, became = rows_of(measured_rows(measured, list(range(2, 102))))
    assert head == ["row", *measured.names, "what became of it"]
    assert became.count("used") == measured.n


def test_a_row_of_several_files_is_named_with_its_file():
    sizes = np.array([1.0, 2.0]), np.array([0.0, 2.5])
    text = pair_rows(["a", "b"], ["2 of x.csv", "2 of y.csv"], *sizes)
    assert text.splitlines()[1:] == ["2 of x.csv,1.0,0.0,vanished", "2 of y.csv,2.0,2.5,used"]


def test_the_csv_of_calls_says_of_every_row_its_file_and_what_became_of_it():
    sizes = np.exp(simulate_design(Design(synapses=60, sessions=3, groups=6), 1, seed=1).log_sizes)
    sizes[0, 0], sizes[1, 2], sizes[2, [0, 2]], sizes[3, 2] = 0, 0, 0, np.nan
    measured = measure(sizes.T, groups=[f"d{n % 6}" for n in range(60)], names=["a", "b", "c"])
    calls = classify(infer_measured(measured, draws=10))
    text = calls_rows(calls, measured, [f"{2 + n} of m{n % 2}.csv" for n in range(60)])
    rows = [*csv.DictReader(io.StringIO(text))]
    assert [row["row in the file"] for row in rows[:2]] == ["2 of m0.csv", "3 of m1.csv"]
    assert [(row["call"], row["what became of it"]) for row in rows[:4]] == [
        ("new", "used: absent in a"),
        ("lost", "used: absent in c"),
        ("cannot say", "dropped: absent in a, absent in c"),
        ("cannot say", "dropped: not measured in c"),
    ]
    assert {row["what became of it"] for row in rows[4:]} <= {"used", "used: its sizes do not tell"}
    assert [row["call"] for row in rows] == list(calls.call)


def test_the_terminal_tells_three_things_and_the_rest_on_demand(others, pair):
    from rich.console import Console

    for answer in (*others[0].values(), pair_answer(pair, **COLUMNS)):
        console = Console(width=400, markup=False, highlight=False)
        with console.capture() as capture:
            console.print(answer.short())
        first, second, third = capture.get().splitlines()
        assert first.split()[0] in OUTCOMES
        assert second.startswith("why ")
        assert third.startswith("next ")
