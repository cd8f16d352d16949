"""Geodesics: lengths against closed forms, and the same in every chart."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest

from steepest.errors import FlowError, MetricError, UsageError
from steepest.geometry import (
    Elementwise,
    FisherGaussian,
    FisherNormal,
    MatrixMetric,
    Metabolic,
    Pullback,
    Scaling,
    Weber,
    christoffel,
    exponential_map,
    geodesic_distance,
    logarithm_map,
    path_length,
)

SQUARED = Elementwise(jnp.square, jnp.sqrt)


def hyperbolic(a, b):
    """Fisher's distance of normal distributions, from that of the half plane (mu/sqrt2, sigma)."""
    (m, s), (n, t) = a, b
    return np.sqrt(2) * np.arccosh(1 + ((m - n) ** 2 / 2 + (s - t) ** 2) / (2 * s * t))


def test_the_fisher_distance_of_two_normal_distributions():
    found = geodesic_distance(FisherNormal(), [4.0, 2.0], [6.0, 1.0])
    assert found == pytest.approx(hyperbolic((4, 2), (6, 1)), abs=1e-9)
    assert found == pytest.approx(1.63880533, abs=5e-9)


# By geomstats 2.8.0 on NumPy 1.26.4: NormalDistributions(sample_dim=1).metric.dist, and of
# covariances [[2, .5], [.5, 1]], [[1, -.3], [-.3, .6]] with sample_dim=2, "centered".
GEOMSTATS = {
    ((4.0, 2.0), (6.0, 1.0)): 1.6388053279384853,
    ((0.0, 1.0), (0.0, 3.0)): 1.5536723984241865,
    ((-1.0, 0.5), (2.0, 0.5)): 4.233056344196923,
    ((10.0, 0.1), (9.0, 2.0)): 4.403525413151167,
}
GEOMSTATS_CENTERED = 0.9971166197304323


@pytest.mark.parametrize(("a", "b"), GEOMSTATS)
def test_fisher_distances_are_those_of_geomstats(a, b):
    ours = geodesic_distance(FisherNormal(), list(a), list(b))
    assert ours == pytest.approx(GEOMSTATS[a, b], abs=1e-6)
    assert ours == pytest.approx(hyperbolic(a, b), abs=1e-8)


def test_normal_distributions_are_far_apart_in_closed_form():
    far = geodesic_distance(FisherNormal(), [0.0, 1.0], [0.0, 100.0])
    assert far == pytest.approx(np.sqrt(2) * np.log(100), rel=1e-14)
    apart = geodesic_distance(FisherNormal(), [0.0, 1.0], [50.0, 1.0])
    assert apart == pytest.approx(np.sqrt(2) * np.arccosh(1 + 50**2 / 4), rel=1e-14)
    scaled = Pullback(FisherNormal(), Scaling([10.0, 10.0]))
    assert geodesic_distance(scaled, [0.0, 0.1], [5.0, 0.1]) == pytest.approx(apart, rel=1e-13)


def test_the_closed_form_is_the_geodesic_that_is_followed():
    point, other = [0.3, 1.0], [0.9, 2.0]
    vector = logarithm_map(FisherNormal(), point, other)
    np.testing.assert_allclose(exponential_map(FisherNormal(), point, vector), other, rtol=1e-9)
    np.testing.assert_array_equal(logarithm_map(FisherNormal(), point, point), 0.0)


@pytest.mark.slow
def test_the_distance_of_covariances_is_that_of_geomstats():
    metric = FisherGaussian(
        lambda p: jnp.zeros(2) * p[0],
        lambda p: jnp.stack([jnp.stack([p[0], p[1]]), jnp.stack([p[1], p[2]])]),
    )
    ours = geodesic_distance(metric, [2.0, 0.5, 1.0], [1.0, -0.3, 0.6])
    assert ours == pytest.approx(GEOMSTATS_CENTERED, abs=1e-6)


def test_the_values_of_geomstats_are_its_own():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        normals = pytest.importorskip(
            "geomstats.information_geometry.normal",
            reason="geomstats is absent, or too old for this NumPy",
            exc_type=ImportError,
        )
        space = normals.NormalDistributions(sample_dim=1)
        for (a, b), value in GEOMSTATS.items():
            theirs = space.metric.dist(np.array(a), np.array(b))
            assert float(np.ravel(theirs)[0]) == pytest.approx(value, abs=1e-9)


def test_the_exponential_map_is_the_same_in_every_chart_and_the_straight_step_is_not():
    point, vector = np.array([4.0, 2.0]), np.array([0.5, -0.4])
    chart = Elementwise(
        lambda x: jnp.stack([x[0], x[1] ** 2]), lambda y: jnp.stack([y[0], jnp.sqrt(y[1])])
    )
    inverse = Elementwise(chart.inverse_function, chart.function)
    here = exponential_map(FisherNormal(), point, vector)
    seen = exponential_map(
        Pullback(FisherNormal(), inverse), chart(point), chart.push(point, vector)
    )
    np.testing.assert_allclose(np.asarray(inverse(jnp.asarray(seen))), here, atol=1e-9)
    straight = np.asarray(inverse(chart(point) + chart.push(point, vector)))
    assert np.abs(straight - (point + vector)).max() > 1e-2


def test_the_logarithm_inverts_the_exponential():
    vector = np.array([0.5, -0.4])
    end = exponential_map(FisherNormal(), [4.0, 2.0], vector)
    np.testing.assert_allclose(logarithm_map(FisherNormal(), [4.0, 2.0], end), vector, atol=1e-8)


@pytest.mark.slow
def test_metabolic_lengths_of_release_probability():
    def between(a, b):
        return path_length(Metabolic(1.0), lambda s: jnp.stack([a + (b - a) * s]))

    assert between(0.9, 1.0) == pytest.approx(2 * np.sqrt(0.1), abs=1e-9)
    assert between(0.9, 1.0) == pytest.approx(0.632456, abs=5e-7)
    assert between(0.5, 0.6) == pytest.approx(0.149302, abs=5e-7)
    with pytest.raises(MetricError, match="does not converge"):
        path_length(Metabolic(2.0), lambda s: jnp.stack([0.9 + 0.1 * s]))
    with pytest.raises(MetricError, match="leaves the domain"):
        path_length(Metabolic(2.0), lambda s: jnp.stack([0.9 + 0.3 * s]))


def test_a_geodesic_is_a_shortest_path():
    metric, a, b = FisherNormal(), np.array([4.0, 2.0]), np.array([6.0, 1.0])
    shortest = geodesic_distance(metric, a, b)
    for bulge in (-0.5, 0.0, 0.2, 0.9):

        def path(s, bulge=bulge):
            line = jnp.asarray(a) + s * jnp.asarray(b - a)
            return line + bulge * s * (1 - s) * jnp.asarray([0.0, 1.0])

        assert path_length(metric, path) > shortest


def test_christoffel_symbols_of_a_metric_in_polar_coordinates():
    polar = MatrixMetric(lambda x: jnp.diag(jnp.stack([x[0] * 0 + 1, x[0] ** 2])))
    symbols = np.asarray(christoffel(polar, jnp.asarray([2.0, 0.3])))
    expected = np.zeros((2, 2, 2))
    expected[0, 1, 1] = -2.0
    expected[1, 0, 1] = expected[1, 1, 0] = 0.5
    np.testing.assert_allclose(symbols, expected, atol=1e-12)


def test_what_cannot_be_joined_is_said():
    with pytest.raises(FlowError, match="leaves the domain"):
        exponential_map(Metabolic(1.0), [0.5], [10.0])
    with pytest.raises(UsageError, match="one shape"):
        geodesic_distance(Weber(), [1.0], [1.0, 2.0])
