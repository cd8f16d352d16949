"""Conditions are judged each by itself, and differ only where chance does not explain it."""

import json
from importlib.resources import files

import jsonschema
import numpy as np
import pytest

from steepest.errors import DataError, UsageError
from steepest.inference import Design, compare_conditions, measure, simulate_design
from steepest.inference.synapses.request import Request

DESIGN = Design(synapses=160, sessions=4, groups=10, multiplicative=0.05)


@pytest.fixture(scope="module")
def compared():
    """Two conditions of one geometry, and one of another."""
    exact = Design(synapses=160, sessions=4, groups=10)
    parts = {
        "trained": simulate_design(DESIGN, 1, seed=1),
        "sham": simulate_design(DESIGN, 1, seed=2),
        "other": simulate_design(exact, 0, seed=3),
    }
    return compare_conditions(parts, draws=100)


def test_conditions_of_one_geometry_are_alike_and_of_two_differ(compared):
    outcomes = {(item.first, item.second): item for item in compared.differences}
    assert outcomes["trained", "sham"].outcome == "alike"
    assert outcomes["trained", "other"].outcome == "differ"
    assert outcomes["sham", "other"].index.value == pytest.approx(
        compared.verdicts["sham"].index - compared.verdicts["other"].index
    )
    assert "do not differ by more than chance explains" in outcomes["trained", "sham"].sentence
    assert "Bonferroni" in compared.methods()


def test_intervals_of_several_differences_hold_together(compared):
    pair = {name: compared.verdicts[name].measured for name in ("trained", "other")}
    alone = compare_conditions(pair, draws=100).differences[0].index
    among = compared.differences[1].index
    assert alone.value == among.value
    assert among.low < alone.low < alone.value < alone.high < among.high


def test_a_comparison_has_the_form_of_its_schema_and_a_picture(compared):
    schema = json.loads(files("steepest").joinpath("schemas", "comparison-1.json").read_text())
    check = jsonschema.Draft202012Validator(schema)
    said = json.loads(json.dumps(compared.to_dict(), allow_nan=False))
    check.validate(said)
    assert not check.is_valid(said | {"differences": []})
    assert len(compared.plot().axes) == 2


def test_a_refused_condition_says_that_nothing_can_be_said(compared):
    sizes = np.exp(np.random.default_rng(0).standard_normal(160))
    noise = [sizes * np.exp(0.2 * np.random.default_rng(t).standard_normal(160)) for t in range(4)]
    still = measure(noise, groups=np.arange(160) % 10)
    parts = {"trained": compared.verdicts["trained"].measured, "still": still}
    (difference,) = compare_conditions(parts, draws=50).differences
    assert difference.outcome == "cannot say"
    assert "still" in difference.sentence


def test_too_few_groups_or_conditions_are_refused_by_name(compared):
    trained = compared.verdicts["trained"].measured
    few = simulate_design(Design(synapses=80, sessions=3, groups=4), 1, seed=1)
    with pytest.raises(DataError, match="condition 'few' has 4 groups: at least 8"):
        compare_conditions({"trained": trained, "few": few})
    with pytest.raises(DataError, match=r"1 condition \(trained\): .* needs at least two"):
        compare_conditions({"trained": trained})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"null": "sham", "condition": "arm"}, "--compare and --null contradict"),
        ({"unpaired": True}, "--compare and --unpaired contradict"),
        ({"rate": "r"}, "--compare and --rate contradict"),
    ],
)
def test_what_cannot_be_compared_is_refused(options, says):
    with pytest.raises(UsageError, match=says):
        Request(before="a", after="b", compare="arm", **options)
