"""The calibration study: few runs here, and the numbers of the page where they are many."""

import dataclasses

import pytest

from steepest.inference.synapses.naming import judge
from steepest.papers.ours import calibration

TINY = dataclasses.replace(
    calibration.QUICK,
    runs=2,
    synapses=200,
    sessions=4,
    truths=("multiplicative", "no change"),
    noises=("multiplicative",),
    designs=("series",),
    draws=50,
    part_runs=1,
    logroot_runs=1,
)


@pytest.mark.slow
def test_every_cell_is_judged_and_no_noise_is_named():
    dataset = calibration.run(TINY, 0)
    outcomes = dataset["outcomes"]
    assert outcomes.sum("outcome").values.tolist() == [[[2], [2]]]
    assert int(outcomes.sel(truth="no change", outcome="wrong").sum()) == 0
    claims = calibration.claims(dataset)
    assert all(claim.holds is not False for claim in claims)
    assert calibration.plot(dataset).axes


@pytest.mark.parametrize(
    ("outcome", "verdict", "truth", "fate"),
    [
        ("named", "multiplicative", "multiplicative", "right"),
        ("named", "multiplicative", "euclidean", "wrong"),
        ("named", "multiplicative", "no change", "wrong"),
        ("mixture", "", "mixture", "right"),
        ("mixture", "", "multiplicative", "wrong"),
        ("none", "", "between", "right"),
        ("none", "", "euclidean", "none"),
        ("refused", "", "euclidean", "refused"),
    ],
)
def test_what_counts_as_wrong(outcome, verdict, truth, fate):
    assert judge(outcome, verdict, truth) == fate


@pytest.mark.slow
def test_the_claims_hold_at_the_scale_of_the_page():
    parameters = dataclasses.replace(calibration.Parameters(), designs=("series",))
    claims = calibration.claims(calibration.run(parameters, 1))
    for claim in claims:
        print(claim)
    assert all(claim.holds is not False for claim in claims)
