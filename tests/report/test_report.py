"""Pages hold everything inside, escape every text, and say what a reader needs to know."""

import base64
import dataclasses
import hashlib
import re
from types import ModuleType

import numpy as np
import pytest
import xarray as xr
from rich.console import Console

from steepest._version import __version__
from steepest.inference import infer_geometry
from steepest.papers import surace2020
from steepest.report.page import render_page
from steepest.report.pair import pair_answer
from steepest.report.study import claims_table, study_page, summary
from steepest.study import Claim, Figure, Result, parameter

PICTURE = b"\x89PNG not really"
EVIL = "<script>alert('x')</script>"
OUTCOMES = ["named", "mixture", "none", "undecided", "unstable", "refused"]


@pytest.fixture(scope="module")
def verdict():
    random = np.random.default_rng(0)
    before = np.exp(0.8 * random.standard_normal(300))
    after = before * np.exp(0.1 * random.standard_normal(300))
    gone = np.array([0.0, 0.7, 0.0, 0.9, 1.1]), np.array([0.4, 0.0, 0.0, 0.0, 0.0])
    return infer_geometry(
        np.concatenate([before, gone[0]]), np.concatenate([after, gone[1]]), noise_cv=0
    )


@dataclasses.dataclass(frozen=True)
class Parameters:
    rate: float = parameter(0.1, f"learning {EVIL}", "Hz")


def a_result(*claims):
    module = ModuleType("toy")
    module.__doc__ = f"A title {EVIL}\n\nWords {EVIL} follow."
    module.Parameters, module.QUICK = Parameters, Parameters()
    module.run = module.plot = module.claims = print
    figure = Figure("toy.fig1", module)
    return Result(figure, Parameters(), "quick", 7, xr.Dataset(), tuple(claims), PICTURE, 1.5, {})


def claim(**changes):
    parts = {"statement": "It is so", "expected": 1.0, "measured": 1.5, "holds": True}
    return Claim(**(parts | changes))


def a_study_page(*claims, **changes):
    words = {"title": "Title", "command": "steepest reproduce toy"} | changes
    return study_page([a_result(*claims)], **words)


PANELS = ['<svg width="200pt" height="100pt"><path/></svg>'] * 3
FILES = {"verdict.svg": b"<svg/>", "verdict.csv": b"row", "verdict.json": b"{}"}


def a_verdict_page(verdict, command="steepest infer", files=FILES, **changes):
    words = {"source": "data.csv", "before": "w0", "after": "w1"} | changes
    page = pair_answer(verdict, **words).page()
    return render_page(page, panels=PANELS, files=files, command=command)


def verdict_table(verdict):
    return pair_answer(verdict, source="data.csv", before="w0", after="w1").table()


def assert_self_contained(page):
    for address in re.findall(r"(?:src|href)=\"([^\"]*)\"", page):
        assert address.startswith("data:")
    for outside in ("http:", "https:", "<link", "@import", "<iframe"):
        assert outside not in page
    assert re.search(r"url\((?!#)", page) is None
    assert page.startswith("<!DOCTYPE html>")
    assert 'charset="utf-8"' in page
    assert_only_our_script(page)


def assert_only_our_script(page):
    """One script, and a policy that lets the browser run this one, and ask for nothing."""
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    assert page.count("<script") == 1
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy


def test_a_study_page_holds_everything_inside():
    assert_self_contained(a_study_page(claim(), citations=[surace2020.CITATION]))


def test_a_verdict_page_holds_everything_inside(verdict):
    assert_self_contained(a_verdict_page(verdict))


def test_every_text_on_a_study_page_is_escaped():
    page = a_study_page(
        claim(statement=EVIL, expected=EVIL, measured=EVIL),
        title=EVIL,
        command=EVIL,
        headline=EVIL,
        next_steps=[(EVIL, EVIL)],
        citations=[dataclasses.replace(surace2020.CITATION, title=EVIL)],
    )
    assert_only_our_script(page)
    assert page.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") >= 12


def test_every_text_on_a_verdict_page_is_escaped(verdict):
    page = a_verdict_page(
        dataclasses.replace(verdict, reason=EVIL, verdict=EVIL, outcome="none"),
        source=EVIL,
        before=EVIL,
        after=EVIL,
        command=EVIL,
    )
    assert_only_our_script(page)
    assert page.count("&lt;script&gt;") >= 6


def test_a_study_page_says_what_was_claimed_with_which_parameters_and_how_to_cite():
    page = a_study_page(
        claim(measured=1.23456, standard_error=0.0321),
        claim(statement="Not so", holds=False),
        claim(statement="Who knows", holds=None),
        citations=[surace2020.CITATION],
    )
    text = re.sub(r"<[^>]+>", " ", page)
    for words in (
        "1 of 2 claims hold. 1 cannot be tested at this scale.",
        "It is so",
        "1.235\u00a0±\u00a00.032",
        "Not so",
        "fails",
        "Who knows",
        "not tested",
        "rate",
        "0.1",
        "Hz",
        "quick scale",
        "steepest reproduce toy",
        "10.1371/journal.pcbi.1007640",
        "@article{surace2020,",
        f"steepest {__version__}, seed 7",
    ):
        assert words in text, words


def read(page):
    """The text of a page; words that are explained where they stand are words of their sentence."""
    page = re.sub(r'<span class="term"[^>]*>([^<]*)</span>', r"\1", page)
    return re.sub(r"<[^>]+>", " ", page)


def test_a_verdict_page_says_what_was_asked_found_dropped_and_how(verdict):
    text = read(a_verdict_page(verdict))
    counts = verdict.counts
    assert (counts.usable, counts.vanished, counts.new, counts.absent) == (300, 3, 1, 1)
    for words in (
        "Asked of data.csv, column w0 (before) and column w1 (after).",
        "none, sizes stated to be exact",
        "The synapses changed in the multiplicative geometry.",
        f"{verdict.index:.2f}, 95 % {verdict.interval[0]:.2f} to {verdict.interval[1]:.2f}",
        "vanished",
        "absent in both",
        "euclidean",
        "Delta CDF",
        "reversion",
        "305",
        "steepest infer",
        "Pogodin",
        f"steepest {__version__}, seed 0",
    ):
        assert words in text, words
    for check in verdict.checks.values():
        assert check.meaning.replace("'", "&#39;") in text


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_has_a_page_and_a_table(verdict, outcome):
    other = dataclasses.replace(verdict, outcome=outcome, verdict="A sentence about it.")
    sentence = "in the A sentence" if outcome == "named" else "A sentence about it."
    assert sentence in a_verdict_page(other)
    text = printed(verdict_table(other))
    assert outcome in text
    assert sentence in text


def test_numbers_that_do_not_exist_or_have_no_end_are_said_in_words(verdict):
    other = dataclasses.replace(verdict, index=np.nan, interval=(0.25, np.inf), detection_limit=0.2)
    for text in (a_verdict_page(other), printed(verdict_table(other))):
        assert "-, 95 % 0.25 to unbounded" in text
        assert "began below the" in text
        assert "nan" not in text


def test_both_delta_cdfs_and_their_floors_are_shown_in_page_and_terminal(verdict):
    floor = verdict.delta_cdf_floor
    page = read(a_verdict_page(verdict))
    table = printed(verdict_table(verdict))
    assert "Delta CDF, centred" in page
    for text in (page, " ".join(table.split())):
        assert f"{floor.uncentred_mean:.3f} (centred {floor.centred_mean:.3f}) on average" in text
        assert f"{floor.uncentred_q95:.3f} (centred {floor.centred_q95:.3f}) in 95" in text
    for distance in verdict.delta_cdf:
        (row,) = [line.split() for line in table.splitlines() if line.startswith(distance.name)]
        assert [float(cell) for cell in row[-2:]] == pytest.approx(
            [distance.uncentred, distance.centred], abs=0.006
        )


def test_log_likelihoods_are_shown_below_the_best(verdict):
    table = printed(verdict_table(verdict))
    assert "Log-likelihood, below the best" in table
    ranked = [line.split() for line in table.splitlines() if line.startswith(("mult", "burg"))]
    assert float(ranked[0][2]) == 0
    assert float(ranked[1][2]) > 0


def test_the_terminal_tells_the_verdict_and_every_count(verdict):
    text = printed(verdict_table(verdict))
    assert "named" in text
    assert "300 usable, 3 vanished, 1 new, 1 absent in both; 305 rows" in text
    for name in ("multiplicative", "euclidean", "3-norm", "1.5-norm", "burg", *verdict.checks):
        assert name.replace("_", " ") in text
    assert "\x1b" not in text


def test_text_in_square_brackets_is_not_taken_for_a_style():
    assert "[red]x[/red]" in printed(claims_table([claim(statement="[red]x[/red]")]))


@pytest.mark.parametrize(
    ("measured", "error", "expected", "shown"),
    [
        (1.23456, 0.0321, 1.0, "1.235 ± 0.032"),
        (1234.5, 321.0, 1.0, "1234 ± 321"),
        (0.72256657, None, 0.72256657, "0.72256657"),
        (0.87654321, None, "more than .3", "0.877"),
        (3.2e-13, None, 0.0, "3.2e-13"),
        ((0.25, 1e-9), None, (0.25, 0.0), "(0.25, 1e-09)"),
        ("euclidean", None, "euclidean", "euclidean"),
        (7, None, 7, "7"),
        (0.5, 0.0, 0.5, "0.5"),
        (float("inf"), float("nan"), 2.4, "inf"),
        (2.5, float("nan"), 2.4, "2.5"),
        (2.5, float("inf"), 2.4, "2.5"),
    ],
)
def test_measurements_are_shown_as_precisely_as_they_are_known(measured, error, expected, shown):
    table = claims_table([claim(measured=measured, standard_error=error, expected=expected)])
    assert printed(table).splitlines()[1].rstrip().endswith(shown)


@pytest.mark.parametrize(
    ("states", "sentence"),
    [
        ([True], "The claim holds."),
        ([True, True], "All 2 claims hold."),
        ([True, False], "1 of 2 claims hold."),
        ([False], "0 of 1 claims hold."),
        ([True, None], "The claim holds. 1 cannot be tested at this scale."),
        ([None], "No claim can be tested at this scale."),
    ],
)
def test_the_summary_counts_what_was_tested(states, sentence):
    assert summary([claim(holds=state) for state in states]) == sentence
    where = "at this scale or on these data"
    said = summary([claim(holds=state) for state in states], own_data=True)
    assert said == sentence.replace("at this scale", where)


def printed(renderable):
    console = Console(width=200, markup=False, highlight=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()
