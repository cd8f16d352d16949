"""A plan is a simulation judged by the verdict's own code, and says which design is enough."""

import json

import numpy as np
import pytest

from steepest.errors import DataError, UsageError
from steepest.inference.designs.design import Design, simulate_design
from steepest.inference.designs.planning import design_from, plan
from steepest.inference.synapses.measurements import measure

BASE = Design(synapses=400, sessions=5, multiplicative=0.05)


@pytest.fixture(scope="module")
def planned():
    return plan(BASE, synapses=(60, 500), truths=("multiplicative",), runs=6)


def test_more_synapses_name_more_often(planned):
    assert [d.synapses for d in planned.designs] == [60, 500]
    assert planned.outcomes.sum(axis=2).tolist() == [[6], [6]]
    assert planned.power[1, 0] >= planned.power[0, 0]
    assert planned.power[1, 0] >= 0.5
    assert planned.wrong.max() == 0
    assert np.all(planned.standard_error > 0)


def test_enough_is_the_cheapest_design_that_reaches_the_power(planned):
    assert planned.enough("multiplicative", 0.0).synapses == 60
    assert planned.enough("multiplicative", 1.01) is None


def test_a_plan_is_json_and_a_picture(planned):
    said = json.loads(json.dumps(planned.to_dict(), allow_nan=False))
    assert said["schema"] == "steepest.plan/1"
    assert set(said["designs"][0]["power"]) == {"multiplicative"}
    assert len(planned.plot().axes) == 1


def test_a_pilot_gives_back_its_own_design():
    truth = Design(synapses=1000, sessions=6, spread=0.6, change=0.2, multiplicative=0.1, groups=12)
    design, index = design_from(simulate_design(truth, 1, seed=1))
    assert index == pytest.approx(1, abs=0.15)
    assert design.spread == pytest.approx(0.6, rel=0.15)
    assert design.change == pytest.approx(0.2, rel=0.15)
    noise = np.sqrt(design.multiplicative**2 + design.shot**2 + design.additive**2)
    assert noise == pytest.approx(0.1, abs=0.03)
    assert (design.sessions, design.groups, design.synapses) == (6, 12, 1000)


@pytest.mark.slow
@pytest.mark.parametrize(
    "design",
    [BASE, Design(synapses=700, multiplicative=0.15), Design(sessions=2, replicates=4, shot=0.1)],
)
def test_predicted_power_is_within_7_percent_of_fresh_experiments(design):
    # 500 runs each: the standard error of a difference is at most .032.
    first = plan(design, truths=("euclidean", "multiplicative"), runs=500, seed=1)
    second = plan(design, truths=("euclidean", "multiplicative"), runs=500, seed=2)
    print(first.power, second.power)
    assert np.all(np.abs(first.power - second.power) <= 0.07)


@pytest.mark.slow
def test_a_plan_from_a_pilot_predicts_the_power_of_its_experiment():
    pilot, _ = design_from(simulate_design(BASE.with_change(synapses=2000), 1, seed=4))
    planned = plan(pilot.with_change(synapses=400), truths=("multiplicative",), runs=500, seed=1)
    real = plan(BASE, truths=("multiplicative",), runs=500, seed=2)
    print(planned.power, real.power)
    assert np.all(np.abs(planned.power - real.power) <= 0.07)


@pytest.mark.parametrize(
    ("design", "options", "says"),
    [
        (Design(sessions=2), {}, "nothing tells learning from noise"),
        (Design(sessions=4, null=True), {}, "a null and 4 sessions contradict"),
        (BASE, {"truths": ("euclid",)}, "'euclid' is not known"),
        (BASE, {"runs": 0}, "runs is 0"),
        (BASE, {"runs": 10**400}, "give at most 1,000,000"),
    ],
)
def test_plans_that_can_name_nothing_are_refused(design, options, says):
    with pytest.raises(UsageError, match=says):
        plan(design, **options)


@pytest.mark.parametrize("name", ["spread", "multiplicative", "change"])
def test_negative_designs_are_refused(name):
    with pytest.raises(UsageError, match=f"{name} is -1"):
        Design(**{name: -1})


@pytest.mark.parametrize("name", ["spread", "multiplicative", "change", "shot", "additive"])
def test_designs_beyond_all_that_is_measured_are_refused(name):
    with pytest.raises(UsageError, match=f"{name} is 1e[+]308: give at most"):
        Design(**{name: 1e308})


def test_sizes_beyond_floats_are_refused():
    with pytest.raises(UsageError, match="beyond what numbers hold"):
        simulate_design(Design(synapses=20, sessions=3, group_drift=1e5), 1, seed=0)


def test_more_groups_than_fit_the_memory_are_refused():
    with pytest.raises(UsageError, match=r"groups 10{400}: .* GB of memory"):
        Design(groups=10**400)


def test_more_synapses_than_fit_the_memory_are_refused():
    with pytest.raises(UsageError, match=r"synapses 10{40}, .* GB of memory"):
        Design(synapses=10**40)


def test_a_pilot_of_noise_alone_is_refused():
    rng = np.random.default_rng(3)
    sizes = np.exp(0.7 * rng.standard_normal(300))
    # Errors that alternate make two sessions apart alike: less than no change.
    error = 0.2 * rng.standard_normal(300)
    noise = [sizes * np.exp(error * (-1) ** t) for t in range(5)]
    with pytest.raises(DataError, match="no change beyond its noise"):
        design_from(measure(noise))


@pytest.mark.slow
def test_processes_side_by_side_give_the_same_numbers():
    asked = {"synapses": (60, 120), "truths": ("multiplicative", "burg"), "runs": 10}
    alone, both = (plan(BASE, **asked, jobs=jobs) for jobs in (1, 2))
    assert both.to_dict() == alone.to_dict()
