"""The models: reference values, closed forms, and what has no metric or no end."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from steepest.descent import gradient_flow
from steepest.errors import DomainError, MetricError
from steepest.geometry import Euclidean, FisherNormal, path_length
from steepest.models import (
    GaussianModel,
    IntrinsicModel,
    LogisticInput,
    NormalInput,
    ReleaseModel,
    UniformInput,
)

AT = jnp.asarray([1.5, -1.0])
HERE = jnp.asarray([0.5, 0.7])
INPUTS = {
    "normal": NormalInput(),
    "shifted": NormalInput(1.0, 2.0),
    "logistic": LogisticInput(0.5, 0.7),
    "uniform": UniformInput(-1.0, 2.0),
}


def test_the_gaussian_model_has_the_reference_values():
    model = GaussianModel()
    point = jnp.asarray([5.0, 1.0])
    assert float(model.cost(point)) == pytest.approx(1.3068528, abs=5e-8)
    np.testing.assert_allclose(jax.grad(model.cost)(point), [1, -4], atol=1e-12)
    seen = [np.asarray(m.matrix(jnp.asarray([5.0, 1.7]))) for m in model.metrics().values()]
    expected = [1, 4 * 1.7**2, 4 / 1.7**6, None, 1]
    for matrix, factor in zip(seen, expected, strict=True):
        wanted = np.diag([1, 2]) / 1.7**2 if factor is None else np.diag([1, factor])
        np.testing.assert_allclose(matrix, wanted, rtol=1e-10, atol=1e-12)
    with pytest.raises(DomainError, match="positive"):
        GaussianModel(0.0, -1.0)


@pytest.mark.slow
def test_under_fisher_the_other_divergence_decays_in_natural_parameters():
    """KL(p || p0) from N(mu, sigma) to N(4, 2): eta = (mu/s, -1/(2 s)) relaxes as e^-t."""

    def cost(x):
        return -jnp.log(x[1]) + (x[1] ** 2 + (x[0] - 4) ** 2) / 8

    times = np.linspace(0, 2, 9)
    flow = gradient_flow(cost, FisherNormal(), [6.0, 1.0], times)
    mu, s = flow.points[:, 0], flow.points[:, 1] ** 2
    eta = np.stack([mu / s, -0.5 / s], axis=1)
    target = np.array([1.0, -1 / 8])
    decay = np.exp(-times)[:, None]
    np.testing.assert_allclose(eta - target, (eta[0] - target) * decay, atol=1e-7)


def test_intrinsic_plasticity_has_the_reference_values():
    model = IntrinsicModel()
    assert float(model.cost(AT)) == pytest.approx(1.18942462, abs=5e-9)
    np.testing.assert_allclose(jax.grad(model.cost)(AT), [0.3086691, 1.2501184], atol=6e-8)
    minimum = jnp.asarray([1.23833467, -2.70244516])
    assert float(model.cost(minimum)) == pytest.approx(0.03300273, abs=5e-9)
    np.testing.assert_allclose(jax.grad(model.cost)(minimum), 0, atol=1e-7)


@pytest.mark.parametrize("name", INPUTS)
def test_expectations_are_those_of_another_quadrature_and_the_mean_rule_descends(name):
    source = INPUTS[name]
    model = IntrinsicModel(source)

    # Gauss-Legendre on 200 panels, against the model's trapezoid rule.
    location, scale = source.place()
    reach = (1 if name == "uniform" else 12 if name != "logistic" else 60) * scale
    nodes, weights = np.polynomial.legendre.leggauss(20)
    half = reach / 200
    middles = location + half * (2 * np.arange(200) - 199)
    x = jnp.asarray((middles[:, None] + half * nodes).ravel())
    share = np.exp(jax.vmap(source.log_density)(x)) * half * np.tile(weights, 200)

    rule = jax.vmap(model.rule, (0, None))
    for point in (AT, jnp.asarray([3.0, -1.0])):  # where 20 Gauss-Hermite nodes miss by 5e-4
        mean = share @ np.asarray(rule(x, point))
        np.testing.assert_allclose(jax.grad(model.cost)(point), -mean, atol=1e-8)
    assert share.sum() == pytest.approx(1, abs=1e-9)
    entropy = -share @ np.asarray(jax.vmap(source.log_density)(x))
    assert source.entropy == pytest.approx(entropy, abs=1e-8)


@pytest.mark.slow
def test_at_gain_0_euclid_leaves_in_finite_time_and_fisher_is_infinitely_far():
    model = IntrinsicModel()
    starts = [[1e-6, 0.0], [1e-3, 0.0]]
    flow = gradient_flow(model.cost, Euclidean(), starts, [1e-3])
    np.testing.assert_allclose(flow.end[:, 0], np.sqrt(2e-3), rtol=0.02)  # da/dt = 1/a there
    with pytest.raises(MetricError, match="infinitely far"):
        path_length(model.fisher(), lambda s: jnp.stack([1 - s, 0 * s]))


def test_fisher_by_quadrature_is_the_closed_form_of_shifted_and_logistic_inputs():
    for source in (NormalInput(1.0, 2.0), LogisticInput()):
        model = IntrinsicModel(source)
        closed = np.asarray(model.fisher().matrix(AT))
        found = np.asarray(model.fisher_by_quadrature().matrix(AT))
        np.testing.assert_allclose(found, closed, atol=1e-10 * np.abs(closed).max())
    m, s, a = 1.0, 2.0, 1.5
    expected = np.array([[m**2 / (a * s) ** 2 + 2 / a**2, m / (a * s) ** 2],
                         [m / (a * s) ** 2, 1 / (a * s) ** 2]])  # fmt: skip
    np.testing.assert_allclose(
        IntrinsicModel(NormalInput(m, s)).fisher().matrix(AT), expected, atol=1e-14
    )


def test_where_the_output_has_no_density_there_is_no_fisher_metric():
    model = IntrinsicModel(UniformInput())
    assert list(model.metrics()) == ["Euclidean"]
    with pytest.raises(MetricError, match="support of the output moves"):
        model.fisher()
    with pytest.raises(MetricError, match="support moves with coordinate"):
        model.fisher_by_quadrature().matrix(AT)
    with pytest.raises(MetricError, match="NormalInput"):
        model.wasserstein_of_rate()


def test_the_release_model_has_the_reference_values():
    model = ReleaseModel()
    assert float(model.cost(HERE)) == pytest.approx(0.67466767, abs=5e-9)
    np.testing.assert_allclose(jax.grad(model.cost)(HERE), [-3.7142857, -6.1516035], atol=5e-8)
    np.testing.assert_allclose(
        model.fisher().matrix(HERE), [[4, 2.857143], [2.857143, 6.122449]], atol=5e-7
    )


@pytest.mark.slow
def test_a_target_width_gives_a_minimum_inside():
    model = ReleaseModel(sites=3, target=2.0, width=0.5)
    times = np.linspace(0, 3, 7)
    flow = gradient_flow(model.cost, model.fisher(), HERE, times)
    m, v = jax.vmap(model.moments)(jnp.asarray(flow.points))
    d, decay = m[0] - 2.0, np.exp(-times)
    np.testing.assert_allclose(m, 2 + d * decay, atol=1e-7)
    spread = 0.25 + (v[0] - 0.25 + d**2) * decay - d**2 * decay**2
    np.testing.assert_allclose(v, spread, atol=1e-7)
    minimum = jnp.asarray(model.minimum)
    np.testing.assert_allclose(minimum, [1 / (1 + 3 * 0.25 / 4), 2 / 3 + 0.25 / 2], rtol=1e-14)
    np.testing.assert_allclose(jax.grad(model.cost)(minimum), 0, atol=1e-12)
    with pytest.raises(DomainError, match="readout noise"):
        _ = ReleaseModel(noise=0.1).minimum


def test_the_euclidean_flow_into_p_1_is_stopped_and_the_hit_extrapolated():
    model = ReleaseModel()
    flow = gradient_flow(model.cost, model.metrics()["Euclidean"], HERE, 1.0, stop=model.boundary())
    assert bool(flow.stopped)
    assert float(flow.end_time) == pytest.approx(0.164364, abs=1e-6)
    assert float(flow.boundary_time) == pytest.approx(0.164656, abs=1e-5)


@pytest.mark.slow
def test_the_exact_response_has_a_fisher_metric_only_with_readout_noise():
    with pytest.raises(MetricError, match="support moves with q"):
        ReleaseModel(sites=3).fisher_exact()
    noisy = ReleaseModel(sites=2, noise=0.3)
    x = np.linspace(-3, 5, 4001)
    logs = jax.jit(jax.vmap(noisy.log_density, (0, None)))(jnp.asarray(x), HERE)
    assert np.trapezoid(np.exp(logs), x) == pytest.approx(1, abs=1e-10)
    slope = jax.jit(jax.vmap(jax.jacfwd(noisy.log_density, argnums=1), (0, None)))
    score = slope(jnp.asarray(x), HERE)
    brute = np.trapezoid(
        np.exp(logs)[:, None, None] * np.asarray(score[:, :, None] * score[:, None, :]), x, axis=0
    )
    np.testing.assert_allclose(noisy.fisher_exact().matrix(HERE), brute, rtol=1e-8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ReleaseModel(sites=0),
        lambda: ReleaseModel(target=-1.0),
        lambda: IntrinsicModel(mean=0.0),
        lambda: NormalInput(sd=0.0),
        lambda: UniformInput(1.0, 1.0),
        lambda: LogisticInput(scale=-1.0),
    ],
)
def test_parameters_outside_their_range_are_refused(make):
    with pytest.raises(DomainError):
        make()
