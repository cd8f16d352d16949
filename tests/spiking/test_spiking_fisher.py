"""Fisher's metric of a neuron: laws, brute force, anchors, limits, and exact shot noise."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from spiking_constructors import NEURONS

from steepest.errors import MetricError, UsageError
from steepest.geometry import Elementwise, Pullback, check_metric
from steepest.spiking import (
    NeuronFisher,
    PoissonNeuron,
    RectifiedQuadratic,
    inverse_coefficients,
    quadratic_inverse,
    sample_usps,
    shot_noise_fisher,
)

RATES = np.array([10.0, 50.0])
WEIGHTS = np.array([[0.1, -0.05], [0.0, 0.2]])


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name == "paper" else pytest.mark.slow) for name in NEURONS],
)
def test_it_obeys_the_laws_of_a_metric(name):
    check_metric(NeuronFisher(NEURONS[name](), RATES), WEIGHTS)


@pytest.mark.slow
def test_it_obeys_them_with_other_input_statistics_and_in_dendritic_weights():
    fisher = NeuronFisher(PoissonNeuron(), RATES, [5.0, -20.0], [900.0, 3000.0])
    saturating = Elementwise(lambda d: 0.5 * jnp.sinh(2 * d), lambda w: jnp.arcsinh(2 * w) / 2)
    check_metric(Pullback(fisher, saturating), WEIGHTS[1])


def equation_34(c, rates, weights):
    e, S = rates, np.diag(rates / 0.026)
    Sw = S @ weights
    return (
        c[0] * (np.outer(e, e) + S)
        + c[1] * (np.outer(Sw, e) + np.outer(e, Sw))
        + c[2] * np.outer(Sw, Sw)
    )


def test_the_matrix_is_equation_34_and_sharp_inverts_it_to_rounding():
    """300 random cases, n = 20."""
    random = np.random.default_rng(0)
    rates = random.uniform(5, 55, (300, 20))
    weights = random.uniform(-5 / 20, 5 / 20, (300, 20))
    neuron = PoissonNeuron()

    @eqx.filter_jit
    @eqx.filter_vmap
    def both(rates, weights):
        fisher = NeuronFisher(neuron, rates)
        raised = jax.vmap(lambda p: fisher.sharp(weights, p), out_axes=1)(jnp.eye(20))
        return fisher.matrix(weights), raised, fisher.coefficients(weights)

    matrices, inverses, c = both(jnp.asarray(rates), jnp.asarray(weights))
    for k in range(0, 300, 10):
        expected = equation_34((c.c1[k], c.c2[k], c.c3[k]), rates[k], weights[k])
        np.testing.assert_allclose(matrices[k], expected, rtol=1e-12, atol=1e-12 * expected.max())
    residual = np.asarray(inverses @ matrices - jnp.eye(20)[None])
    assert np.abs(residual).max() < 3e-12
    assert np.median(np.abs(residual).max(axis=(1, 2))) < 1e-13
    assert (np.linalg.eigvalsh(matrices) > 0).all()


def test_one_afferent_has_the_third_voltage_moment_over_the_squared_weight():
    w, rate = 0.3, 20.0
    mean, sd = w * rate, w * np.sqrt(rate / 0.026)

    def integrand(u):
        V = mean + sd * u
        s = 1 / (1 + np.exp(-0.3 * (V - 10)))
        return 9 * s * (1 - s) ** 2 * V**2 * norm.pdf(u)

    I3 = quad(integrand, -9, 9, limit=200)[0]
    matrix = NeuronFisher(PoissonNeuron(), [rate]).matrix(np.array([w]))
    assert float(matrix[0, 0]) == pytest.approx(I3 / w**2, rel=1e-7)


def test_a_quadratic_transfer_function_has_the_closed_inverse():
    neuron = PoissonNeuron(RectifiedQuadratic(threshold=-200.0))
    fisher = NeuronFisher(neuron, RATES)
    expected = quadratic_inverse(neuron.kernel, RATES)
    np.testing.assert_allclose(np.linalg.inv(fisher.matrix(WEIGHTS[0])), expected, rtol=1e-12)
    with pytest.raises(MetricError, match="positive"):
        quadratic_inverse(neuron.kernel, [1.0, 0.0])


def test_a_silent_afferent_is_the_limit_of_a_rare_one():
    neuron, w = PoissonNeuron(), np.array([0.1, -0.05])
    covector = np.array([30.0, 0.0])
    silent = np.asarray(NeuronFisher(neuron, [10.0, 0.0]).sharp(w, covector))
    gaps = [
        np.abs(np.asarray(NeuronFisher(neuron, [10.0, r]).sharp(w, covector)) - silent).max()
        for r in (1e-2, 1e-3, 1e-4)
    ]
    assert silent[1] != 0  # its heterosynaptic plasticity stays
    np.testing.assert_allclose(np.log10(np.array(gaps[:-1]) / gaps[1:]), 1, atol=0.05)
    alone = np.asarray(NeuronFisher(neuron, [10.0]).sharp(w[:1], covector[:1]))
    np.testing.assert_allclose(silent[:1], alone, rtol=1e-13)
    blind = NeuronFisher(neuron, [10.0, 0.0])
    assert np.isnan(blind.sharp(w, np.array([30.0, 1.0]))[1])
    np.testing.assert_array_equal(np.asarray(blind.flat(w, np.array([0.0, 1.0]))), 0)
    blind.check(w)


def test_gaussian_usps_have_exactly_this_metric():
    random = np.random.default_rng(2)
    mean, variance, w, m = np.array([5.0, -20.0]), np.array([90.0, 300.0]), WEIGHTS[0] * 5, 200_000
    x = mean + np.sqrt(variance) * random.standard_normal((m, 2))
    neuron = PoissonNeuron()
    h = np.asarray(neuron.transfer.information(x @ w))
    products = h[:, None, None] * x[:, :, None] * x[:, None, :]
    error = products.std(axis=0) / np.sqrt(m)
    G = np.asarray(NeuronFisher(neuron, RATES, mean, variance).matrix(w))
    assert (np.abs(products.mean(axis=0) - G) < 4 * error).all()


def test_shot_noise_at_zero_weights_has_exactly_this_metric():
    neuron = PoissonNeuron()
    estimate = shot_noise_fisher(neuron, RATES, [0.0, 0.0], 100_000, seed=3)
    G = np.asarray(NeuronFisher(neuron, RATES).matrix(np.zeros(2)))
    assert (np.abs(estimate.matrix - G) < 4 * estimate.standard_error).all()
    x = sample_usps(neuron.kernel, RATES, 100_000, seed=3)
    h = np.asarray(neuron.transfer.information(np.zeros(())))
    np.testing.assert_allclose(estimate.matrix, h * x.T @ x / len(x), rtol=1e-12)
    with pytest.raises(UsageError, match="one weight per rate"):
        shot_noise_fisher(neuron, RATES, [0.0])


@pytest.mark.slow
def test_a_hundred_afferents_are_gaussian_to_a_percent():
    neuron, n, m = PoissonNeuron(), 100, 20_000
    rates = np.repeat([10.0, 50.0], n // 2)
    w = np.random.default_rng(n).uniform(-1 / n, 1 / n, n)
    x = sample_usps(neuron.kernel, rates, m, seed=4)
    c = neuron.moments(w @ rates, w**2 @ rates / 0.026)
    inverse = np.linalg.inv(equation_34(np.asarray(c), rates, w))
    h = np.asarray(neuron.transfer.information(x @ w))
    ratios = h * np.sum(x * (x @ inverse), axis=1) / n  # tr(G^-1 G_exact)/n, draw by draw
    error = ratios.std() / np.sqrt(m)
    assert error < 0.004
    assert ratios.mean() == pytest.approx(1.005, abs=4 * error)


def test_information_adds_up_over_time_and_has_a_continuous_limit():
    """Sec 6.9, brute force: the score of a whole 20 ms train against T times the metric."""
    neuron, w = PoissonNeuron(), np.array([0.3, 0.1])
    kernel = neuron.kernel
    random = np.random.default_rng(5)
    trials, dt, steps = 40_000, 1e-3, 20
    A, kick = np.asarray(kernel.transition(dt)), np.asarray(kernel.kick)
    readout = np.asarray(kernel.readout)
    z = np.zeros((trials, 2, 2))  # stationary after 60 ms
    score, expected = np.zeros((trials, 2)), np.zeros((2, 2))
    for step in range(60 + steps):
        if step >= 60:
            x = np.einsum("s,kns->kn", readout, z)
            p = np.asarray(neuron.rate(x @ w)) * dt
            slope = np.asarray(neuron.slope(x @ w)) * dt
            y = random.random(trials) < p
            score += ((y - p) * slope / (p * (1 - p)))[:, None] * x
            expected += (x * (slope**2 / (p * (1 - p)))[:, None]).T @ x / trials
        z = z @ A.T + random.poisson(RATES * dt, (trials, 2))[:, :, None] * kick
    products = score[:, :, None] * score[:, None, :]
    error = products.std(axis=0) / np.sqrt(trials)
    assert (np.abs(products.mean(axis=0) - expected) < 4 * error).all()  # bins add up
    # Bernoulli's bins approach E[phi'^2/phi x x'] T at first order in dt.
    x = sample_usps(kernel, RATES, 4000, seed=6)
    rate, slope = np.asarray(neuron.rate(x @ w)), np.asarray(neuron.slope(x @ w))
    limit = (x * (slope**2 / rate)[:, None]).T @ x
    gaps = [
        np.abs((x * (slope**2 / (rate * (1 - rate * dt)))[:, None]).T @ x - limit).max()
        for dt in (4e-4, 2e-4, 1e-4)
    ]
    np.testing.assert_allclose(np.log2(np.array(gaps[:-1]) / gaps[1:]), 1, atol=0.05)


def test_where_it_is_no_metric_the_error_names_the_cure():
    neuron = PoissonNeuron()
    with pytest.raises(MetricError, match="bias"):
        NeuronFisher(PoissonNeuron(bias=-5000.0), RATES).sharp(WEIGHTS[0], RATES)
    far = NeuronFisher(PoissonNeuron(bias=-5000.0), RATES)
    inside = eqx.filter_jit(lambda f, w, p: f.sharp(w, p))(far, WEIGHTS[0], RATES)
    assert np.isnan(inside).all()
    # c's that belong to other moments, as a poor quadrature gives them
    with pytest.raises(MetricError, match="quadrature"):
        inverse_coefficients(jnp.asarray([0.1, 0.3, 0.1]), 1.0, 70.0, 2.0)
    with pytest.raises(MetricError, match="2 afferents"):
        NeuronFisher(neuron, RATES).check(np.zeros(3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([10.0, -1.0],), r"rates\[1\] is -1"),
        (([10.0, np.nan],), r"rates\[1\] is nan"),
        (([[10.0]],), "one per afferent"),
        ((RATES, [1.0]), "means of shape"),
        ((RATES, RATES, [1.0, np.inf]), r"variances\[1\] is inf"),
        ((RATES, RATES, [1.0, 0.0]), "afferent 1 has a mean"),
    ],
)
def test_bad_input_statistics_are_refused(arguments, message):
    with pytest.raises(MetricError, match=message):
        NeuronFisher(PoissonNeuron(), *arguments)
