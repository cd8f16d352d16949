"""Each check of measured synapses draws itself; it stays what it was in JSON and in comparisons."""

import numpy as np
import pytest

from steepest.errors import UsageError
from steepest.inference.designs.design import Design, simulate_design
from steepest.inference.synapses.exchangeable import infer_pairs
from steepest.inference.synapses.measured import infer_measured
from steepest.inference.synapses.measurements import measure
from steepest.inference.synapses.pair import infer_geometry
from steepest.inference.synapses.verdict import Check


@pytest.fixture(scope="module")
def verdict():
    design = Design(synapses=350, sessions=4, groups=10, multiplicative=0.1)
    sizes = np.exp(simulate_design(design, 1, seed=1).log_sizes)
    sizes[np.random.default_rng(1).random(sizes.shape) < 0.05] = 0
    return infer_measured(measure(list(sizes.T), groups=np.arange(350) % 10), draws=20)


def test_every_check_draws_itself_with_its_meaning_above(verdict):
    assert {"size_halves", "groups", "losses_by_size", "directed", "ceiling"} <= set(verdict.checks)
    for name, check in verdict.checks.items():
        axes = check.plot().axes[0]
        assert axes.get_title(loc="left").startswith(name.replace("_", " "))
        assert axes.has_data()


def test_a_picture_is_no_part_of_what_a_check_says(verdict):
    check = verdict.checks["lazy"]
    assert check == Check(check.statistic, check.p_value, check.passed, check.meaning)
    assert check.to_dict().keys() == {"statistic", "p_value", "passed", "meaning"}


def test_every_check_of_a_pair_draws_itself_too():
    sizes = np.exp(simulate_design(Design(synapses=100, sessions=2), 1, seed=1).log_sizes)
    checks = infer_geometry(*sizes.T).checks
    assert {"lazy", "curvature", "reversion", "gaussian"} <= set(checks)
    for name, check in checks.items():
        axes = check.plot().axes[0]
        assert axes.get_title(loc="left").startswith(name.replace("_", " "))
        assert axes.has_data()


def test_a_check_of_exchangeable_pairs_has_no_picture_of_its_own():
    first, second = np.exp(np.random.default_rng(1).standard_normal((2, 60)))
    with pytest.raises(UsageError, match="draw its verdict"):
        infer_pairs(first, second).checks["order"].plot()
