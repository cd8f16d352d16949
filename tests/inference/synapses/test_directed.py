"""The mean change by size is told, and noise in the size before does not make one."""

import numpy as np
import pytest

from steepest.inference.designs.design import Design, simulate_design
from steepest.inference.synapses.directed import directed_change
from steepest.inference.synapses.estimation import estimate
from steepest.inference.synapses.measured import infer_measured
from steepest.inference.synapses.measurements import Measurements, measure


def learning(
    slope: float, seed: int, *, slow: float = 0.0, sham: bool = False, mean: float = 0.1
) -> Measurements:
    """280 spines of 20 cells, three replicates of noise .25, log change mean + slope log size."""
    rng = np.random.default_rng(seed)
    n, cells = 280, 20
    null = np.arange(n * (1 + sham)) >= n
    group = np.arange(null.size) % cells + cells * null
    before = 0.7 * rng.standard_normal(null.size) + 0.2 * rng.standard_normal(2 * cells)[group]
    learned = np.where(null, 0.0, mean + slope * before)
    after = before + learned + 0.15 * rng.standard_normal(null.size)
    sessions = []
    for logs in (before, after):
        shared = slow * rng.standard_normal((null.size, 1))
        fast = 0.25 * rng.standard_normal((null.size, 3))
        sessions.append(np.exp(logs[:, None] + shared + fast))
    return measure(sessions, groups=group, null=null if sham else None)


def test_small_synapses_that_grow_are_told_and_regression_to_the_mean_is_taken_out():
    verdict = infer_measured(learning(-0.15, 1), draws=100)
    directed = verdict.directed
    assert directed.slope.holds(-0.15)
    assert directed.naive < directed.slope.value - 0.02
    assert directed.index.value == pytest.approx(1 - 0.15 / 0.1, abs=0.8)
    assert verdict.checks["directed"].passed is None
    assert "small synapses grow more" in verdict.checks["directed"].meaning
    assert "directed   mean change" in str(verdict)
    assert verdict.to_dict()["directed_change"]["n"] == 280


def test_noise_in_the_size_before_is_no_directed_change():
    directed = directed_change(estimate(learning(0.0, 4, mean=0.0), draws=100))
    assert directed.slope.holds(0.0)
    assert not directed.clear
    assert directed.naive < -0.02
    assert directed.index is None


def test_noise_that_replicates_share_is_taken_out_by_the_sham():
    values = [
        directed_change(estimate(learning(-0.15, run, slow=0.15, sham=True), draws=20))
        for run in range(12)
    ]
    own = np.mean([directed.slope.value for directed in values])
    net = np.mean([directed.net.value for directed in values])
    assert own == pytest.approx(-0.19, abs=0.03)
    assert net == pytest.approx(-0.145, abs=0.03)
    assert "sham" in values[0].sentence


def test_a_series_takes_its_noise_from_the_curve():
    measured = simulate_design(Design(sessions=5, change=0.15, multiplicative=0.2), 1, seed=3)
    directed = directed_change(estimate(measured, draws=60))
    assert "noise curve (sessions)" in directed.corrected
    assert directed.naive < -0.05
    assert abs(directed.slope.value) < 0.03


def test_few_synapses_in_both_sessions_have_no_directed_change():
    measured = simulate_design(Design(sessions=3, synapses=120), 1, seed=4)
    sizes = np.exp(measured.log_sizes)
    sizes[:80, 0] = np.nan
    assert directed_change(estimate(measure(list(sizes.T)), draws=5)) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("slope", "slow", "sham", "least"),
    [(-0.15, 0.0, False, 0.9), (0.0, 0.0, False, 0.9), (-0.15, 0.15, True, 0.92)],
)
def test_the_slope_is_covered(slope, slow, sham, least):
    held = []
    for run in range(200):
        found = estimate(learning(slope, run, slow=slow, sham=sham), draws=200)
        directed = directed_change(found)
        held.append((directed.net or directed.slope).holds(slope))
    print(f"coverage {np.mean(held):.3f}")
    assert least <= np.mean(held) <= 0.98
