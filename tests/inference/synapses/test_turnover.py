"""Losses are told against size in every series, and counts add up to the table."""

import numpy as np
import pytest

from steepest.inference.designs.design import Design, simulate_design
from steepest.inference.synapses.estimation import estimate
from steepest.inference.synapses.measured import infer_measured
from steepest.inference.synapses.measurements import measure
from steepest.inference.synapses.turnover import check_losses_by_size

DESIGN = Design(sessions=5, multiplicative=0.08)


def losing(chance, seed=0):
    """A series in which a synapse is lost for good with a chance that depends on its size."""
    rng = np.random.default_rng(seed)
    sizes = np.exp(simulate_design(DESIGN, 1, seed=seed).log_sizes)
    for t in range(1, sizes.shape[1]):
        gone = (sizes[:, t - 1] == 0) | (rng.random(len(sizes)) < chance(sizes[:, t - 1]))
        sizes[gone, t] = 0
    return measure(list(sizes.T), groups=np.arange(len(sizes)) % 14)


def test_selective_losses_are_seen_without_a_detection_limit():
    measured = losing(lambda size: 0.2 * (size < 0.8))
    check = check_losses_by_size(estimate(measured, draws=20))
    assert check.passed is None
    assert check.statistic < -5
    assert "small synapses are lost more often" in check.meaning
    assert infer_measured(measured, draws=20).counts.lost > 100


@pytest.mark.slow
def test_losses_that_do_not_depend_on_size_are_rarely_called_selective():
    checks = [
        check_losses_by_size(estimate(losing(lambda size: 0.05, seed), draws=5))
        for seed in range(200)
    ]
    assert sum(check.passed is not True for check in checks) <= 6


def test_losses_that_do_not_depend_on_size_pass():
    assert check_losses_by_size(estimate(losing(lambda size: 0.05), draws=5)).passed is True


def test_nothing_is_said_of_a_handful_of_losses():
    assert check_losses_by_size(estimate(simulate_design(DESIGN, 1), draws=5)) is None


def test_counts_add_up_to_every_row_and_every_measurement():
    rng = np.random.default_rng(4)
    sizes = np.exp(simulate_design(DESIGN, 1, seed=4).log_sizes)
    sizes[rng.random(sizes.shape) < 0.1] = 0
    sizes[rng.random(sizes.shape) < 0.1] = np.nan
    sizes[3] = [1.0, 1.1, 30.0, 1.0, 1.05]
    sizes[10], sizes[11] = 0, [1.0, 0, 0, 0, 0]
    counts = infer_measured(measure(list(sizes.T)), draws=5).counts
    assert counts.rows == 700 == counts.used + counts.seen_once + counts.never_seen
    parts = counts.sizes + counts.absent + counts.not_measured + counts.outlying
    assert counts.measurements == 3500 == parts
    assert counts.outlying >= 1
    assert counts.never_seen >= 1
