"""Wasserstein's metric against closed forms and optimal transport."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from steepest.errors import MetricError
from steepest.geometry import (
    WassersteinDistribution,
    WassersteinGaussian,
    WassersteinQuantile,
    check_metric,
    gaussian_wasserstein_distance,
)

S = np.array([[2.0, 0.5], [0.5, 1.0]])
T = np.array([[1.0, -0.3], [-0.3, 0.6]])


def covariance(p):
    return jnp.stack([jnp.stack([p[0], p[1]]), jnp.stack([p[1], p[2]])])


BURES = WassersteinGaussian(lambda p: p[3:], covariance)
POINT = np.array([2.0, 0.5, 1.0, 0.3, -0.2])


def test_normal_distributions_are_flat_in_mean_and_standard_deviation():
    ndtri = jax.scipy.special.ndtri
    quantile = WassersteinQuantile(lambda u, p: p[0] + p[1] * ndtri(u))
    cdf = jax.scipy.special.ndtr
    through = WassersteinDistribution(
        lambda x, p: cdf((x - p[0]) / p[1]), centre=lambda p: p[0], scale=lambda p: p[1]
    )
    bures = WassersteinGaussian(lambda p: p[:1], lambda p: p[1:, None] ** 2)
    point = jnp.asarray([0.7, 1.3])
    for metric, error in ((quantile, 1e-9), (through, 1e-9), (bures, 1e-14)):
        np.testing.assert_allclose(metric.matrix(point), np.eye(2), atol=error)


@pytest.mark.slow
def test_the_laws_of_a_metric_hold():
    assert check_metric(BURES, [POINT], rtol=1e-8).holds
    through = WassersteinDistribution(lambda x, p: -jnp.expm1(-x / p[0]), lower=0.0)
    assert check_metric(through, [[1.7]], rtol=1e-8).holds


def test_it_exists_where_the_support_moves():
    uniform = WassersteinQuantile(lambda u, p: p[0] + u * (p[1] - p[0]))
    np.testing.assert_allclose(
        uniform.matrix(jnp.asarray([1.0, 4.0])), np.array([[2, 1], [1, 2]]) / 6, atol=1e-12
    )


def test_quantiles_and_distribution_functions_give_the_same_metric():
    exponential = WassersteinQuantile(lambda u, p: -p[0] * jnp.log1p(-u))
    through = WassersteinDistribution(lambda x, p: -jnp.expm1(-x / p[0]), lower=0.0)
    point = jnp.asarray([1.7])
    np.testing.assert_allclose(exponential.matrix(point), [[2.0]], atol=1e-8)
    np.testing.assert_allclose(through.matrix(point), [[2.0]], atol=1e-8)


def test_a_gap_in_the_density_is_refused():
    def two_islands(x, p):
        left = jnp.clip(x, 0.0, 1.0) * p[0]
        return left + jnp.clip(x - 2, 0.0, 1.0) * (1 - p[0])

    metric = WassersteinDistribution(two_islands, lower=0.0, upper=3.0)
    with pytest.raises(MetricError, match="gap"):
        metric.matrix(jnp.asarray([0.4]))
    with pytest.raises(MetricError, match="singular"):
        WassersteinGaussian(lambda p: p, lambda p: 0 * p[:, None]).matrix(jnp.asarray([1.0]))


def test_lengths_of_small_steps_are_distances_between_gaussians():
    direction = np.array([0.3, -0.2, 0.5, 0.4, 0.1])
    h = 1e-4
    a, b = POINT - h / 2 * direction, POINT + h / 2 * direction

    def split(p):
        return p[3:], np.asarray(covariance(p))

    stepped = gaussian_wasserstein_distance(*split(a), *split(b)) / h
    assert stepped == pytest.approx(
        float(BURES.norm(jnp.asarray(POINT), jnp.asarray(direction))), rel=1e-6
    )


@pytest.mark.slow
def test_the_distance_between_gaussians_is_that_of_optimal_transport():
    ot = pytest.importorskip("ot", reason="POT is not installed")
    ours = gaussian_wasserstein_distance([0.0, 1.0], S, [0.5, -1.0], T)
    theirs = ot.gaussian.bures_wasserstein_distance(
        np.array([0.0, 1.0]), np.array([0.5, -1.0]), S, T
    )
    assert ours == pytest.approx(float(theirs), abs=1e-6)
    # On the line: quantiles at the nodes of the trapezoid rule in z, u = 1/(1 + e^-z).
    z = np.linspace(-36, 36, 1441)
    u = 1 / (1 + np.exp(-z))
    weights = u * (1 - u) / (u * (1 - u)).sum()
    squared = ot.wasserstein_1d(-np.log1p(-u), -2.5 * np.log1p(-u), weights, weights, p=2)
    metric = WassersteinQuantile(lambda u, p: -p[0] * jnp.log1p(-u))
    length = float(metric.norm(jnp.asarray([1.0]), jnp.asarray([1.5])))  # a straight geodesic
    assert np.sqrt(float(squared)) == pytest.approx(length, abs=1e-6)


def test_a_covariance_that_is_none_is_refused():
    with pytest.raises(MetricError, match="positive semidefinite"):
        gaussian_wasserstein_distance([0.0, 0.0], -S, [0.0, 0.0], T)
    assert gaussian_wasserstein_distance(1.0, 4.0, 1.0, 4.0) == 0


def test_large_covariances_that_are_nearly_equal_lose_no_digits():
    root = np.random.default_rng(0).standard_normal((3, 3))
    large = root @ root.T * 1e8
    assert gaussian_wasserstein_distance(np.zeros(3), large, np.zeros(3), large) == 0
    near = gaussian_wasserstein_distance(np.zeros(3), large, np.zeros(3), large * (1 + 2e-8))
    assert near == pytest.approx(1e-8 * np.sqrt(np.trace(large)), rel=1e-6)
    with pytest.raises(MetricError, match=r"means \(d,\) and covariances \(d, d\), not of"):
        gaussian_wasserstein_distance([0.0], large, [0.0], large)
