"""A common step of sizes is found whatever the number format, and never where there is none."""

import numpy as np
import pytest

from steepest.inference.synapses.lattice import lattice_step


def counts(n, median, seed):
    return np.rint(median * np.exp(0.8 * np.random.default_rng(seed).standard_normal(n)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("step", [1.0, 0.01, 1 / 255, 0.0123, 1e-250, 4e5])
@pytest.mark.parametrize("offset", [0, 3.7])
@pytest.mark.parametrize(("n", "median"), [(9, 20), (40, 100), (1000, 5), (1000, 1000)])
def test_the_step_of_rounded_sizes_is_found(dtype, step, offset, n, median):
    if dtype is np.float32 and step < 1e-30:
        step *= 1e240
    sizes = ((counts(n, median, n) + offset) * step).astype(dtype).astype(float)
    assert lattice_step(sizes) == pytest.approx(step, rel=1e-4)


def test_text_of_three_decimals_has_a_step_of_a_thousandth():
    sizes = np.random.default_rng(1).lognormal(size=2000)
    assert lattice_step(np.array([float(f"{x:.3f}") for x in sizes])) == pytest.approx(1e-3)


def test_a_step_survives_the_rounding_of_sums():
    sizes = np.concatenate([counts(500, 50, 2) * 0.1, counts(500, 50, 3) / 10])
    assert np.unique(sizes).size > np.unique(np.rint(10 * sizes)).size  # ulps apart
    assert lattice_step(sizes) == pytest.approx(0.1)


@pytest.mark.parametrize("n", [8, 50, 1000, 100_000])
def test_exact_sizes_have_no_step(n):
    for seed in range(20 if n < 1000 else 2):
        assert lattice_step(np.random.default_rng([4, seed]).lognormal(sigma=0.8, size=n)) == 0
    assert lattice_step(np.full(n, 0.3)) == 0


def test_single_precision_is_no_coarse_step():
    sizes = np.random.default_rng(5).lognormal(sigma=0.8, size=1000).astype(np.float32)
    assert lattice_step(sizes.astype(float)) < 1e-6
