"""Groups of different geometry are told apart; groups that only differ in noise are not."""

import numpy as np
import pytest

from steepest.inference.designs.design import Design, simulate_design
from steepest.inference.synapses.estimation import estimate
from steepest.inference.synapses.measured import infer_measured
from steepest.inference.synapses.measurements import Measurements, measure

DESIGN = Design(sessions=6, change=0.15, multiplicative=0.08, shot=0.05)


def of_groups(design: Design, indices: list[float], seed: int, noise: float = 0.0) -> Measurements:
    """One design for every group, each with its own index and its own level of noise."""
    rng = np.random.default_rng([seed, 5])
    each = design.synapses // len(indices)
    parts = []
    for at, index in enumerate(indices):
        level = np.exp(noise * rng.standard_normal())
        own = design.with_change(
            synapses=each,
            groups=1,
            multiplicative=design.multiplicative * level,
            shot=design.shot * level,
        )
        measured = simulate_design(own, index, seed=[seed, at])
        logs = measured.log_sizes[:, :, None] if measured.single is None else measured.single
        parts.append(np.exp(np.where(np.isfinite(logs), logs, -np.inf)))
    labels = np.repeat(np.arange(len(indices)), each)
    return measure(list(np.swapaxes(np.concatenate(parts), 0, 1)), groups=labels)


@pytest.fixture(scope="module")
def mixed():
    return infer_measured(of_groups(DESIGN, [1.0] * 7 + [0.0] * 7, seed=3), draws=60)


def test_half_the_groups_in_another_geometry_are_unstable(mixed):
    assert mixed.outcome == "unstable"
    assert "groups differ" in mixed.verdict
    groups = mixed.estimate.groups
    assert groups.p_value < 0.01
    assert groups.tau > 0.1
    by_name = dict(zip(groups.names, (index.value for index in groups.indices), strict=True))
    first, second = (
        np.mean([by_name[str(at)] for at in half]) for half in (range(7), range(7, 14))
    )
    assert first > second + 0.1


def test_the_index_of_every_group_is_drawn_and_written(mixed):
    figure = mixed.plot()
    assert figure.axes[4].get_title(loc="left").startswith("E   groups, sd")
    said = mixed.to_dict()["index_by_group"]
    assert len(said["groups"]) == 14
    assert said["groups"][0].keys() == {"name", "synapses", "value", "low", "high"}


@pytest.mark.parametrize("index", [0.0, 1.0])
def test_groups_that_differ_in_noise_alone_do_not_differ(index):
    found = estimate(of_groups(DESIGN, [index] * 14, seed=4, noise=0.5), draws=5)
    assert found.groups.p_value >= 0.01


def test_groups_of_fewer_than_thirty_are_not_compared_and_the_check_says_so():
    verdict = infer_measured(of_groups(DESIGN, [1.0] * 28, seed=5), draws=5)
    assert verdict.estimate.groups is None
    assert verdict.checks["groups"].passed is None
    assert "30 synapses" in verdict.checks["groups"].meaning
    assert verdict.to_dict()["index_by_group"] is None


def test_groups_that_do_not_differ_are_shrunken_onto_one_index():
    found = estimate(of_groups(DESIGN, [1.0] * 14, seed=6), draws=5)
    spread = np.ptp([index.value for index in found.groups.indices])
    assert spread < 0.2
    assert all(index.low < found.index.value < index.high for index in found.groups.indices)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("indices", "noise", "least", "most"),
    [
        ([1.0] * 14, 0.3, 0.0, 0.05),
        ([0.0] * 14, 0.6, 0.0, 0.05),
        ([1.0] * 7 + [0.0] * 7, 0.0, 0.8, 1.0),
        ([1.0] * 7 + [0.5] * 7, 0.0, 0.8, 1.0),
    ],
)
def test_the_size_and_the_power_at_one_in_a_hundred(indices, noise, least, most):
    p_values = [
        estimate(of_groups(DESIGN, indices, seed=run, noise=noise), draws=5).groups.p_value
        for run in range(100)
    ]
    share = np.mean(np.array(p_values) < 0.01)
    print(f"{share:.2f} below .01")
    assert least <= share <= most
