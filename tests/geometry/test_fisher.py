"""Fisher's metric: closed forms, quadrature, samples, and what is not one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import gammaln
from scipy.special import polygamma

from steepest.errors import MetricError, UsageError
from steepest.geometry import (
    FisherDensity,
    FisherExponentialFamily,
    FisherGaussian,
    FisherNormal,
    LossGradientCovariance,
    Model,
    Scaling,
    check_invariance,
    check_metric,
    monte_carlo_fisher,
)


def normal(x, point):
    mu, sigma = point
    return -(((x - mu) / sigma) ** 2) / 2 - jnp.log(sigma) - np.log(2 * np.pi) / 2


def of_normal(point):
    return point[0], point[1]


DENSITIES = {
    "normal": (
        FisherDensity(normal, centre=lambda p: p[0], scale=lambda p: p[1]),
        [1.3, 0.7],
        np.diag([1, 2]) / 0.49,
    ),
    "logistic": (
        FisherDensity(
            lambda x, p: (
                -jax.nn.softplus((x - p[0]) / p[1])
                - jax.nn.softplus(-(x - p[0]) / p[1])
                - jnp.log(p[1])
            )
        ),
        [0.4, 2.0],
        np.diag([1 / 3, (3 + np.pi**2) / 9]) / 4,
    ),
    "Cauchy": (
        FisherDensity(lambda x, p: -jnp.log(np.pi * p[1]) - jnp.log1p(((x - p[0]) / p[1]) ** 2)),
        [0.0, 2.0],
        np.eye(2) / 8,
    ),
    "gamma": (
        FisherDensity(
            lambda x, p: (p[0] - 1) * jnp.log(x) - x / p[1] - gammaln(p[0]) - p[0] * jnp.log(p[1]),
            lower=0.0,
            scale=lambda p: p[0] * p[1],
        ),
        [3.0, 1.0],
        np.array([[polygamma(1, 3.0), 1.0], [1.0, 3.0]]),
    ),
    "beta": (
        FisherDensity(
            lambda x, p: (
                (p[0] - 1) * jnp.log(x)
                + (p[1] - 1) * jnp.log1p(-x)
                + gammaln(p[0] + p[1])
                - gammaln(p[0])
                - gammaln(p[1])
            ),
            lower=0.0,
            upper=1.0,
        ),
        [3.0, 4.0],
        np.diag(polygamma(1, [3.0, 4.0])) - polygamma(1, 7.0),
    ),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in ("Cauchy", "beta") else [])
        for name in DENSITIES
    ],
)
def test_quadrature_gives_the_closed_form_to_1e_10_and_knows_its_error(name):
    metric, point, expected = DENSITIES[name]
    matrix = np.asarray(metric.matrix(jnp.asarray(point)))
    assert np.abs(matrix - expected).max() <= 1e-10 * np.abs(expected).max()
    assert np.abs(matrix - expected).max() <= float(metric.error(jnp.asarray(point))) + 1e-13


@pytest.mark.slow
def test_a_quadrature_metric_obeys_the_laws():
    metric, point, _ = DENSITIES["normal"]
    assert check_metric(metric, [point], rtol=1e-8).holds


def test_the_closed_form_obeys_the_laws():
    assert check_metric(FisherNormal(), [[1.3, 0.7], [0.0, 3.0]]).holds


def test_an_exponential_family_is_the_hessian_of_its_log_partition():
    gamma = FisherExponentialFamily(lambda e: gammaln(e[0] + 1) - (e[0] + 1) * jnp.log(-e[1]))
    matrix = np.asarray(gamma.matrix(jnp.asarray([2.0, -1.0])))
    np.testing.assert_allclose(matrix[0, 0], 0.39493407, atol=5e-9)  # trigamma(3)
    seen = FisherExponentialFamily(
        gamma.log_partition, natural=lambda p: jnp.stack([p[0] - 1, -1 / p[1]])
    )
    np.testing.assert_allclose(
        seen.matrix(jnp.asarray([3.0, 1.0])), DENSITIES["gamma"][2], atol=1e-12
    )
    curved = FisherExponentialFamily(
        lambda e: -(e[0] ** 2) / (4 * e[1]) - jnp.log(-2 * e[1]) / 2,
        natural=lambda p: jnp.stack([p[0] / p[0] ** 2, -0.5 / p[0] ** 2]),  # N(s, s^2)
    )
    np.testing.assert_allclose(curved.matrix(jnp.asarray([2.0])), [[3 / 4]], atol=1e-12)


def test_a_gaussian_with_any_mean_and_covariance_follows_the_trace_formula():
    def covariance(p):
        return jnp.stack([jnp.stack([p[0], p[1]]), jnp.stack([p[1], p[2]])])

    metric = FisherGaussian(lambda p: p[3:], covariance)
    S = np.array([[2.0, 0.5], [0.5, 1.0]])
    point = jnp.asarray([2.0, 0.5, 1.0, 0.3, -0.2])
    H = np.array([[0.3, -0.2], [-0.2, 0.7]])
    vector = jnp.asarray([H[0, 0], H[0, 1], H[1, 1], 0.0, 0.0])
    seen = np.linalg.inv(S) @ H
    assert float(metric.inner(point, vector, vector)) == pytest.approx(
        np.trace(seen @ seen) / 2, rel=1e-12
    )
    np.testing.assert_allclose(metric.matrix(point)[3:, 3:], np.linalg.inv(S), atol=1e-12)


def test_the_recipe_is_the_same_in_every_unit_where_the_gradient_covariance_is_not_fisher():
    def fisher(model):
        return FisherDensity(lambda x, p: normal(x, model.family(p)))

    model = Model(
        cost=lambda p: p[0] ** 2 + jnp.log(p[1]) ** 2, points=[[0.5, 1.2]], family=of_normal
    )
    assert check_invariance(fisher, model, Scaling([2.0, 5.0])).holds


def test_monte_carlo_has_the_error_it_states_and_the_rms_of_the_page():
    """The rms error is that of the Frobenius norm, sqrt(78 / M) / sigma^2 for a normal density.

    78 = 2 + 2 * 10 + 56 are the variances of z^2, z (z^2 - 1) (twice) and (z^2 - 1)^2.
    """
    random = np.random.default_rng(3)
    truth = np.diag([1, 2]) / 1.5**2
    page = {100: 0.38, 1000: 0.119, 10000: 0.040}
    for draws, printed in page.items():
        exact = np.sqrt(78 / draws) / 1.5**2
        assert printed == pytest.approx(exact, rel=0.05)  # itself simulated, and rounded
        squares = [
            (
                (
                    monte_carlo_fisher(
                        normal, [0.0, 1.5], 1.5 * random.standard_normal(draws)
                    ).matrix
                    - truth
                )
                ** 2
            ).sum()
            for _ in range(40)
        ]
        # Squares of normal errors scatter by at most sqrt(2) of their mean; few draws are worse.
        error = max(np.std(squares), np.sqrt(2) * exact**2) / np.sqrt(40)
        assert abs(np.mean(squares) - exact**2) < 3 * error
    estimate = monte_carlo_fisher(normal, [0.0, 1.5], 1.5 * random.standard_normal(4000))
    assert (np.abs(estimate.matrix - truth) < 4 * estimate.standard_error).all()
    assert estimate.draws == 4000


def test_the_inverse_of_a_monte_carlo_fisher_is_biased_upwards():
    random = np.random.default_rng(4)
    inverses = [
        np.linalg.inv(
            monte_carlo_fisher(normal, [0.0, 1.5], 1.5 * random.standard_normal(50)).matrix
        )
        for _ in range(300)
    ]
    mean, error = np.mean(inverses, axis=0), np.std(inverses, axis=0) / np.sqrt(300)
    excess = (mean - np.diag([1, 0.5]) * 1.5**2) / error
    assert excess[0, 0] > 3
    assert excess[1, 1] > 3


def test_the_covariance_of_loss_gradients_is_fisher_only_for_minus_log_density():
    x = 1.5 * np.random.default_rng(5).standard_normal(20_000)
    point = jnp.asarray([0.0, 1.5])
    truth = np.diag([1, 2]) / 1.5**2
    own = LossGradientCovariance(lambda x, p: -normal(x, p), x)
    np.testing.assert_allclose(own.matrix(point), truth, atol=0.04)
    other = LossGradientCovariance(lambda x, p: (x - p[0]) ** 2 + p[1] * x**4, x)
    assert np.abs(np.asarray(other.matrix(point)) - truth).max() > 1
    outer = LossGradientCovariance(lambda x, p: x * p[0] + p[1] * x**2, x, centred=False)
    np.testing.assert_allclose(outer.matrix(point)[1, 1], (x**4).mean(), rtol=1e-12)


def mixture(x, p):
    one, two = (jnp.exp(normal(x, (m, 1.0))) for m in (p[1], p[2]))
    return jnp.log(p[0] * one + (1 - p[0]) * two)


BAD = {
    "not normalised": (FisherDensity(lambda x, p: -(x**2) / 2), [1.0], "not normalised"),
    "bulk missed": (FisherDensity(normal), [1000.0, 0.01], "centre"),
    "no number": (FisherDensity(lambda x, p: jnp.log(x * p[0])), [1.0], "log-density is nan"),
    "zero inside": (
        FisherDensity(lambda x, p: jnp.where(x > 0, -p[0] * x + jnp.log(p[0]), -jnp.inf)),
        [1.0],
        "not positive at x = ",
    ),
    "uniform": (
        FisherDensity(lambda x, p: jnp.where(x < p[0], -jnp.log(p[0]), -jnp.inf), lower=0.0),
        [2.0],
        "support moves with coordinate 0",
    ),
    "shifted": (
        FisherDensity(lambda x, p: jnp.where(jnp.abs(x - p[0]) < 1, -jnp.log(2.0), -jnp.inf)),
        [0.0],
        "support moves with coordinate 0",
    ),
    "mixture": (
        FisherDensity(mixture),
        [0.3, 1.0, 1.0],
        r"singular.*\[1\. 0\. 0\.\]",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_where_there_is_no_fisher_metric_it_says_why(name):
    metric, point, message = BAD[name]
    with pytest.raises(MetricError, match=message):
        metric.matrix(jnp.asarray(point))


def test_under_jit_what_would_raise_is_not_a_number():
    metric, point, _ = BAD["not normalised"]
    assert np.isnan(jax.jit(metric.matrix)(jnp.asarray(point))).all()
    with pytest.raises(MetricError, match="not positive definite"):
        FisherGaussian(lambda p: p, lambda p: -jnp.eye(1)).matrix(jnp.asarray([1.0]))


def test_samples_of_another_density_and_too_few_are_refused():
    with pytest.raises(UsageError, match="at least 2"):
        monte_carlo_fisher(normal, [0.0, 1.0], [1.0])
    with pytest.raises(MetricError, match="sample 1"):
        monte_carlo_fisher(lambda x, p: jnp.log(x * p[0]), [1.0], [1.0, np.nan])
