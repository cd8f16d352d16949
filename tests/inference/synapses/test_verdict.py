"""A geometry is named only by the rule, and a verdict becomes JSON without a NaN."""

import json
import math

import pytest

from steepest.inference import GEOMETRIES, infer_geometry, simulate_change
from steepest.inference.synapses.noise import Noise
from steepest.inference.synapses.pair_rules import decide

EXACT = Noise("none", 0.0)


def test_the_names_and_indices_are_the_published_ones():
    assert GEOMETRIES == {
        "3-norm": -1, "euclidean": 0, "1.5-norm": 0.5, "multiplicative": 1, "burg": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("index", "interval", "outcome", "verdict"),
    [
        (1.0, (0.9, 1.1), "named", "multiplicative"),
        (0.1, (0.0, 0.2), "named", "euclidean"),
        (-0.72, (-0.95, -0.5), "named", "3-norm"),  # .28 away, allowed below zero
        (-0.69, (-0.95, -0.4), "undecided", "Undecided: 3-norm is not excluded"),
        (1.98, (1.9, 2.06), "named", "burg"),
        (0.5, (0.4, 0.6), "mixture", "1.5-norm, or a mixture"),
        (0.86, (0.75, 0.98), "named", "multiplicative"),
        (0.84, (0.72, 0.96), "undecided", "Undecided: multiplicative is not excluded"),
        (0.8, (0.45, 1.1), "undecided", "Undecided between 1.5-norm and multiplicative"),
        (0.75, (0.65, 0.85), "none", "None of the named"),
        # The margin is .05 (1 + |1 - a|): .0625 at .75, and .055 at .9.
        (0.75, (0.57, 0.94), "undecided", "Undecided: multiplicative"),
        (0.75, (0.57, 0.93), "none", "None of the named"),
        (0.9, (0.84, 0.946), "named", "multiplicative"),
        (0.9, (0.84, 0.944), "none", "None of the named"),
        (0.0, (-math.inf, math.inf), "undecided", "Undecided between 3-norm and euclidean"),
        (2.0, (1.9, math.inf), "undecided", "do not bound"),
        (-1.0, (-math.inf, -0.8), "undecided", "do not bound"),
        (3.0, (2.5, math.inf), "undecided", "do not bound"),
        (1.0, (math.nan, math.nan), "undecided", "do not say how sure"),
        (1.0, (0.9, math.nan), "undecided", "do not say how sure"),
        (1.0, (1.0, 1.0), "undecided", "do not say how sure"),
        (1.4, (1.4, 1.4), "undecided", "do not say how sure"),
        (1.0, (0.999, 1.001), "named", "multiplicative"),
        (math.inf, (math.nan, math.nan), "refused", "do not determine"),
        (-math.inf, (math.nan, math.nan), "refused", "do not determine"),
        (math.nan, (math.nan, math.nan), "refused", "stated noise alone"),
    ],
)
def test_the_naming_rule(index, interval, outcome, verdict):
    decision = decide(index, interval, EXACT)
    assert decision.outcome == outcome
    assert verdict in decision.verdict
    assert decision.reason


@pytest.mark.parametrize("noise", [Noise("unknown"), Noise("cv", 0.1), Noise("sd", 0.1)])
@pytest.mark.parametrize("index", [-1.0, 0.0, 0.5, 0.75, 1.0, 2.0])
def test_nothing_is_named_unless_the_sizes_are_exact(noise, index):
    decision = decide(index, (index - 0.01, index + 0.01), noise)
    assert decision.outcome == "undecided"
    assert decision.verdict.startswith("No geometry is named")
    assert "noise" in decision.reason


@pytest.mark.parametrize(
    ("noise", "says"),
    [
        (Noise("unknown"), "not stated"),
        (EXACT, "exact"),
        (Noise("cv", 0.1), "coefficient of variation 0.1"),
        (Noise("sd", 2.0), "standard deviation 2"),
    ],
)
def test_the_noise_is_said_in_words(noise, says):
    assert says in noise.statement


def no_constant(name):
    raise AssertionError(f"{name} is not JSON")


def test_a_verdict_is_one_json_object_with_the_promised_keys():
    before, after = simulate_change(200, 1, seed=1)
    verdict = infer_geometry(before, after, noise_cv=0, seed=5)
    said = json.loads(json.dumps(verdict.to_dict()), parse_constant=no_constant)
    assert said["index"] == verdict.index
    assert said["interval"] == list(verdict.interval)
    assert (said["outcome"], said["verdict"]) == ("named", "multiplicative")
    assert {g["name"]: g["index"] for g in said["geometries"]} == GEOMETRIES
    assert set(said["geometries"][0]) == {"name", "index", "log_likelihood", "weight"}
    for check in said["checks"].values():
        assert set(check) == {"statistic", "p_value", "passed", "meaning"}
        assert check["passed"] in (True, False, None)
    assert said["counts"]["usable"] == said["n"] == 200
    assert said["seed"] == 5
    assert said["version"]
    assert len(said["delta_cdf"]["geometries"]) == 5
    assert set(said["delta_cdf"]["floor"]) == {
        "uncentred_mean", "uncentred_q95", "centred_mean", "centred_q95",
    }  # fmt: skip


def test_numbers_that_do_not_exist_are_null():
    before, after = simulate_change(200, 1, change=0.01, noise_cv=0.2, seed=1)
    verdict = infer_geometry(before, after, noise_cv=0.2)
    assert math.isnan(verdict.index)
    said = json.loads(json.dumps(verdict.to_dict()), parse_constant=no_constant)
    assert said["index"] is None
    assert said["interval"] == [None, None]
    assert said["outcome"] == "refused"
    assert said["geometries"][0]["weight"] < 0.9
    assert "none" in str(verdict)


def test_printed_it_says_the_verdict_the_counts_and_every_geometry():
    before, after = simulate_change(200, 1, seed=1)
    verdict = infer_geometry([*before, 0.0], [*after, 2.0], noise_cv=0)
    printed = str(verdict)
    assert printed.startswith("named: multiplicative")
    assert "200 usable of 201 rows; 0 vanished, 1 new, 0 absent" in printed
    assert all(name in printed for name in GEOMETRIES)
    *first, more = repr(verdict).splitlines()
    assert printed.splitlines()[: len(first)] == first
    assert len(first) <= 5
    assert "more lines: print it" in more


def test_rows_that_were_not_measured_are_told_with_the_other_counts():
    before, after = simulate_change(200, 1, seed=1)
    verdict = infer_geometry([*before, math.nan], [*after, 2.0], noise_cv=0)
    assert "200 usable of 201 rows; 0 vanished, 0 new, 0 absent in both, 1 not measured" in str(
        verdict
    )
