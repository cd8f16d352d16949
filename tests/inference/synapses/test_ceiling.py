"""Sizes that pile up below a maximum are seen; long-tailed sizes are not taken for such."""

import numpy as np
import pytest

from steepest.inference.synapses.ceiling import Ranks, check_ceiling
from steepest.inference.synapses.estimation import estimate
from steepest.inference.synapses.measured import infer_measured
from steepest.inference.synapses.measurements import measure


def walking(sizes, rng, ceiling=np.inf):
    """Six noisy sessions of a multiplicative walk below a ceiling."""
    logs, sessions = np.log(np.minimum(sizes, ceiling)), []
    for _ in range(6):
        sessions.append(np.exp(logs + 0.08 * rng.standard_normal(logs.size)))
        logs = np.minimum(logs + 0.15 * rng.standard_normal(logs.size), np.log(ceiling))
    return measure(sessions, groups=np.arange(sizes.size) % 14)


@pytest.mark.parametrize("ceiling", [1.4, 2.0, 2.5])
def test_a_ceiling_is_seen_and_what_would_settle_it_is_said(ceiling):
    rng = np.random.default_rng(1)
    measured = walking(np.exp(0.7 * rng.standard_normal(700)), rng, ceiling)
    verdict = infer_measured(measured, draws=60)
    assert verdict.checks["ceiling"].passed is False
    assert "ceiling" in verdict.settle


@pytest.mark.parametrize("kind", ["log-normal", "exponential", "normal"])
def test_other_distributions_of_size_do_not_pile_up(kind):
    rng = np.random.default_rng(2)
    sizes = {
        "log-normal": np.exp(0.7 * rng.standard_normal(700)),
        "exponential": rng.exponential(size=700) + 1e-3,
        "normal": np.abs(1 + 0.3 * rng.standard_normal(700)),
    }[kind]
    assert check_ceiling(estimate(walking(sizes, rng), draws=60)).passed is True


def test_too_few_sizes_have_no_tail_to_judge():
    rng = np.random.default_rng(3)
    assert check_ceiling(estimate(walking(np.exp(rng.standard_normal(30)), rng), draws=20)) is None


@pytest.mark.parametrize("measurements", [1, 511, 512, 1700])
def test_quantiles_in_every_resample_are_those_of_weights_cumulated(measurements):
    rng = np.random.default_rng(4)
    cluster = rng.integers(9, size=measurements)
    weights = np.concatenate([np.ones((1, 9)), rng.multinomial(9, np.full(9, 1 / 9), size=30)])
    sums = np.cumsum(weights[:, cluster], axis=1)
    ranks = Ranks.of(cluster, weights)
    for share in (0.0, 0.3, 0.9, 0.996, 1.0):
        at = [np.searchsorted(row, share * row[-1]) for row in sums]
        assert ranks.at(share).tolist() == np.minimum(at, measurements - 1).tolist()
