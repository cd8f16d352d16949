"""The Delta CDF is the paper's sum, and its floor is what exact Gaussian samples show."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from steepest.inference import simulate_change
from steepest.inference.synapses.deltacdf import delta_cdf, delta_cdf_floor, delta_cdf_of_geometries


@pytest.mark.parametrize("centred", [False, True])
def test_it_is_the_area_between_the_two_distributions(centred):
    change = np.random.default_rng(1).gamma(2.0, size=37)
    sd = math.sqrt(sum((d - change.mean()) ** 2 for d in change) / 36)
    grid = np.linspace(-5, 5, 1000)
    shift = change.mean() if centred else 0.0
    area = sum(
        abs(np.mean((change - shift) / sd <= x) - norm.cdf(x)) * (grid[1] - grid[0]) for x in grid
    )
    assert delta_cdf(change, centred=centred) == pytest.approx(area, rel=1e-12)


@pytest.mark.parametrize("n", [100, 1000])
def test_the_floor_is_that_of_gaussian_samples(n):
    rng = np.random.default_rng(2)
    samples = rng.standard_normal((2000, n))
    floor = delta_cdf_floor(n)
    for centred, mean, q95 in (
        (False, floor.uncentred_mean, floor.uncentred_q95),
        (True, floor.centred_mean, floor.centred_q95),
    ):
        found = np.array([delta_cdf(sample, centred=centred) for sample in samples])
        error = found.std() / math.sqrt(2000)
        assert found.mean() == pytest.approx(mean, abs=4 * error + 0.01 * mean)
        assert np.quantile(found, 0.95) == pytest.approx(q95, rel=0.05)


@pytest.mark.parametrize("index", [-1.0, 0.0, 1.0])
def test_the_true_geometry_lies_at_the_floor_and_others_far_above(index):
    before, after = simulate_change(2000, index, change=0.3, seed=3)
    distances = delta_cdf_of_geometries(np.log(before), np.log(after))
    floor = delta_cdf_floor(2000)
    assert distances[0].index == index
    assert distances[0].centred < 1.3 * floor.centred_q95
    assert all(d.centred > 3 * floor.centred_q95 for d in distances if abs(d.index - index) >= 1)
