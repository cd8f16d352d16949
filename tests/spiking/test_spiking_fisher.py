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
from steepest.geometry import Attenuation, Elementwise, Pullback, check_metric
from steepest.spiking import (
    NeuronFisher,
    PoissonNeuron,
    RectifiedQuadratic,
    quadratic_inverse,
    sample_usps,
    shot_noise_fisher,
)

RATES = np.array([10.0, 50.0])
WEIGHTS = np.array([[0.1, -0.05], [0.0, 0.2]])


@pytest.mark.parametrize("name", NEURONS)
def test_it_obeys_the_laws_of_a_metric(name):
    check_metric(NeuronFisher(NEURONS[name](), RATES), WEIGHTS)


def test_it_obeys_them_with_other_input_statistics_and_in_dendritic_weights():
    neuron = PoissonNeuron()
    check_metric(NeuronFisher(neuron, RATES, [5.0, -20.0], [900.0, 3000.0]), WEIGHTS)
    fisher = NeuronFisher(neuron, RATES)
    check_metric(Pullback(fisher, Attenuation([0.0, 460.5])), WEIGHTS)
    saturating = Elementwise(lambda d: 0.5 * jnp.sinh(2 * d), lambda w: jnp.arcsinh(2 * w) / 2)
    check_metric(Pullback(fisher, saturating), WEIGHTS)


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
        e, S = rates[k], np.diag(rates[k] / 0.026)
        Sw = S @ weights[k]
        expected = (
            c.c1[k] * (np.outer(e, e) + S)
            + c.c2[k] * (np.outer(Sw, e) + np.outer(e, Sw))
            + c.c3[k] * np.outer(Sw, Sw)
        )
        np.testing.assert_allclose(matrices[k], expected, rtol=1e-12, atol=1e-12 * expected.max())
    residual = np.asarray(inverses @ matrices - jnp.eye(20)[None])
    assert np.abs(residual).max() < 3e-12
    assert np.median(np.abs(residual).max(axis=(1, 2))) < 1e-13
    assert (np.linalg.eigvalsh(matrices) > 0).all()


def test_one_afferent_has_the_third_voltage_moment_over_the_squared_weight():
    w, rate = 0.3, 20.0
    mean, sd = w * rate, w * np.sqrt(rate / 0.026)
    h = PoissonNeuron().transfer.information
    I3 = quad(
        lambda u: float(h(np.array(mean + sd * u))) * (mean + sd * u) ** 2 * norm.pdf(u), -9, 9
    )[0]
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


def test_a_hundred_afferents_are_gaussian_to_a_percent_and_ten_are_not():
    neuron, gaps = PoissonNeuron(), {}
    for n, m in ((100, 20_000), (10, 20_000)):
        rates = np.repeat([10.0, 50.0], n // 2)
        w = np.random.default_rng(n).uniform(-1 / n, 1 / n, n)
        x = sample_usps(neuron.kernel, rates, m, seed=4)
        fisher = NeuronFisher(neuron, rates)
        h = np.asarray(neuron.transfer.information(x @ w))
        raise_all = jax.jit(jax.vmap(lambda p, f=fisher, w=w: f.sharp(w, p)))
        # tr(G^-1 G_exact)/n, sample by sample
        ratios = h * np.sum(x * np.asarray(raise_all(jnp.asarray(x))), axis=1) / n
        gaps[n] = ratios.mean() - 1, ratios.std() / np.sqrt(m)
    assert gaps[100][0] == pytest.approx(0.005, abs=4 * gaps[100][1] + 0.005)
    assert gaps[100][1] < 0.005


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
    small = NeuronFisher(neuron, RATES, RATES, RATES / 0.026 * 1e-3)
    far = np.array([3.0, -0.1])
    with pytest.raises(MetricError, match="variances"):
        small.coefficients(far)
    inside = eqx.filter_jit(lambda f, w, p: f.sharp(w, p))(small, far, RATES)
    assert np.isnan(inside).all()
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
