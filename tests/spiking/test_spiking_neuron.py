"""Units, kernels and transfer functions: the paper's numbers, and independent integrals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from spiking_constructors import KERNELS, TRANSFERS

from steepest.errors import DomainError, UsageError
from steepest.spiking import (
    AbstractTransfer,
    Alpha,
    DifferenceOfExponentials,
    Exponential,
    PoissonNeuron,
    RectifiedQuadratic,
    Sigmoid,
    Transfer,
    double_exponential,
    sample_usps,
)

VOLTAGES = np.array([-30.0, -5.0, 0.0, 7.7, 12.0, 40.0])


def test_eps0_is_one_millivolt_second():
    kernel = PoissonNeuron().kernel
    assert float(kernel.peak) == pytest.approx(59.69, abs=0.005)  # "60 mV"
    assert 0.005 * float(kernel.peak) == pytest.approx(0.3, abs=0.005)  # "300 uV"
    assert 0.05 * float(kernel.peak) == pytest.approx(3.0, abs=0.02)  # "3 mV"
    rates = np.repeat([10.0, 50.0], 50)
    assert np.sum(kernel.mean(rates) / 100) == pytest.approx(30.0)  # "[-30 mV, 30 mV]"
    assert kernel.c_eps == pytest.approx(0.026)
    assert kernel.c_eps * kernel.integral**2 * rates.sum() == pytest.approx(78.0)  # q


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernels_integral_its_square_and_its_peak(name):
    kernel = KERNELS[name]()
    edge = 40 * float(max(kernel.time_constants))
    t = np.linspace(0, edge, 400_001)
    values = np.asarray(kernel(t))
    assert np.trapezoid(values, t) == pytest.approx(float(kernel.integral), rel=1e-7)
    assert 1 / np.trapezoid(values**2, t) == pytest.approx(float(kernel.c_eps), rel=1e-7)
    assert t[values.argmax()] == pytest.approx(float(kernel.peak_time), abs=2 * t[1])
    assert float(kernel(jnp.asarray(-0.001))) == 0


@pytest.mark.parametrize("name", KERNELS)
def test_steps_without_spikes_are_exact_and_eulers_are_of_first_order(name):
    kernel, time = KERNELS[name](), 0.012
    errors = []
    for steps in (24, 48, 96):
        dt = time / steps
        states = {
            euler: np.linalg.matrix_power(np.asarray(kernel.transition(dt, euler=euler)), steps)
            @ np.asarray(kernel.kick)
            for euler in (False, True)
        }
        seen = {euler: float(np.asarray(kernel.readout) @ z) for euler, z in states.items()}
        truth = float(kernel(jnp.asarray(time)))
        assert seen[False] == pytest.approx(truth, rel=1e-12)
        errors.append(abs(seen[True] - truth))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(orders, 1, atol=0.15)


def test_usps_in_steps_have_the_moments_of_the_page():
    kernel = DifferenceOfExponentials()
    mean, variance = kernel.discrete_moments(5e-4, euler=True)
    assert mean == pytest.approx(1.0, abs=1e-12)
    assert variance * kernel.c_eps == pytest.approx(1.042, abs=5e-4)
    assert kernel.discrete_moments(1e-4, euler=True)[1] * kernel.c_eps == pytest.approx(
        1.008, abs=5e-4
    )
    mean, variance = kernel.discrete_moments(5e-4)
    assert mean - 1 == pytest.approx(-0.0007, abs=5e-5)
    assert variance * kernel.c_eps - 1 == pytest.approx(-6e-6, abs=5e-7)


@pytest.mark.parametrize("name", KERNELS)
def test_their_moments_converge_and_are_those_of_the_kernels_own_sum(name):
    kernel = KERNELS[name]()
    offs = []
    for dt in (5e-4, 2.5e-4):
        eps = np.asarray(kernel(np.arange(0, 30 * float(max(kernel.time_constants)), dt)))
        expected = dt * eps.sum(), dt * (eps**2).sum()
        seen = kernel.discrete_moments(dt)
        np.testing.assert_allclose(seen, expected, rtol=1e-10)
        offs.append(abs(seen[0] / kernel.integral - 1))
    assert np.log2(offs[0] / offs[1]) == pytest.approx(2, abs=0.05)


def test_equal_time_constants_are_the_alpha_function():
    near = DifferenceOfExponentials(0.010, 0.010 * (1 + 1e-6))
    alpha = double_exponential(0.010, 0.010)
    assert isinstance(alpha, Alpha)
    t = np.array([0.001, 0.01, 0.05])
    np.testing.assert_allclose(near(t), alpha(t), rtol=1e-5)
    assert near.c_eps == pytest.approx(float(alpha.c_eps), rel=1e-5)
    assert alpha.c_eps == pytest.approx(4 * 0.010)
    assert isinstance(double_exponential(0.010, 0.003), DifferenceOfExponentials)


def test_drawn_usps_have_mean_variance_and_skewness():
    kernel, rates, m = DifferenceOfExponentials(), np.array([10.0, 50.0]), 40_000
    x = sample_usps(kernel, rates, m, seed=1)
    z = (x.mean(axis=0) - rates) / (x.std(axis=0) / np.sqrt(m))
    assert np.abs(z).max() < 4
    squares = (x - rates) ** 2
    z = (squares.mean(axis=0) - rates / kernel.c_eps) / (squares.std(axis=0) / np.sqrt(m))
    assert np.abs(z).max() < 4
    skewness = ((x - rates) ** 3).mean(axis=0) / (rates / kernel.c_eps) ** 1.5
    np.testing.assert_allclose(skewness, 7.595 / np.sqrt(rates), rtol=0.06)


@pytest.mark.parametrize("name", TRANSFERS)
def test_a_transfer_functions_closed_forms_are_its_derivatives(name):
    transfer = TRANSFERS[name]()
    V = jnp.asarray(VOLTAGES[VOLTAGES > -10] if name == "quadratic" else VOLTAGES)
    derived = AbstractTransfer
    # 1 - s loses its digits in the derived forms: compared on the scale of the largest.
    slope, log_slope = derived.slope(transfer, V), derived.log_slope(transfer, V)
    np.testing.assert_allclose(transfer.slope(V), slope, atol=1e-12 * float(slope.max()))
    np.testing.assert_allclose(transfer.log_slope(V), log_slope, atol=1e-9 * float(log_slope.max()))
    step = 1e-5
    differences = (transfer(V + step) - transfer(V - step)) / (2 * step)
    np.testing.assert_allclose(
        transfer.slope(V), differences, rtol=1e-6, atol=1e-9 * float(slope.max())
    )
    h = transfer.slope(V) ** 2 / transfer(V)
    np.testing.assert_allclose(transfer.information(V), h, rtol=1e-9)
    shown = transfer.information_derivatives(V)
    expected = derived.information_derivatives(transfer, V)
    scale = np.abs(expected).max(axis=1)
    assert (np.abs(shown - expected).max(axis=1) <= 1e-9 * scale + 1e-12).all()


@pytest.mark.parametrize(
    ("mean", "sd", "expected"),
    [
        (0.0, 0.0, (0.387307, 0.0996606, 0.0209201)),
        (5.0, 8.0, (0.624858, 0.0143723, -0.0068253)),
        (-5.0, 5.0, (0.202165, 0.0442553, 0.00720764)),
    ],
)
def test_the_coefficients_of_the_page(mean, sd, expected):
    np.testing.assert_allclose(Sigmoid().moments(mean, sd**2), expected, rtol=6e-6)


@pytest.mark.parametrize("sd", [0.05, 2.0, 8.0, 15.0, 30.0])
@pytest.mark.parametrize("mean", [-10.0, 5.0])
def test_the_coefficients_against_adaptive_quadrature(mean, sd):
    beta = 0.3

    def derivatives(v):
        s = 1 / (1 + np.exp(-beta * (v - 10)))
        h = 100 * beta**2 * s * (1 - s) ** 2
        return h, beta * h * (1 - 3 * s), beta**2 * h * ((1 - 3 * s) ** 2 - 3 * s * (1 - s))

    for k, value in enumerate(Sigmoid().moments(mean, sd**2)):
        expected = quad(
            lambda u, k=k: derivatives(mean + sd * u)[k] * norm.pdf(u),
            -9, 9, limit=400, epsabs=1e-14,
        )[0]  # fmt: skip
        assert float(value) == pytest.approx(expected, abs=1e-8)


def test_steins_form_is_the_papers_equation_82():
    mean, sd = 5.0, 8.0
    nodes = np.linspace(-10, 10, 4001)
    weights = norm.pdf(nodes) * (nodes[1] - nodes[0])
    V = mean + sd * nodes
    h = np.asarray(Sigmoid().information(V))
    I1, I2, I3 = (np.sum(weights * h * V**k) for k in range(3))
    c2 = (I2 - I1 * mean) / sd**2
    c3 = (I3 - I1 * (mean**2 + sd**2) - 2 * c2 * mean * sd**2) / sd**4
    np.testing.assert_allclose(Sigmoid().moments(mean, sd**2), [I1, c2, c3], rtol=1e-9)


@pytest.mark.parametrize(
    "transfer", [Exponential(20.0, 0.1, 5.0), Transfer(paper := TRANSFERS["user"]().function)]
)
def test_closed_coefficients_are_those_of_the_quadrature(transfer):
    closed = transfer.moments(2.0, 9.0)
    if isinstance(transfer, Transfer):
        closed = Sigmoid().moments(2.0, 9.0)
    np.testing.assert_allclose(AbstractTransfer.moments(transfer, 2.0, 9.0), closed, rtol=1e-8)


def test_the_rectified_quadratic_has_the_coefficients_of_a_step():
    transfer = RectifiedQuadratic(threshold=-3.0, gain=0.5)

    def c1(mean):
        return 2 * norm.cdf((mean + 3) / 4)

    step = 1e-3
    expected = [
        c1(1.0),
        (c1(1 + step) - c1(1 - step)) / (2 * step),
        (c1(1 + step) - 2 * c1(1.0) + c1(1 - step)) / step**2,
    ]
    np.testing.assert_allclose(transfer.moments(1.0, 16.0), expected, rtol=1e-5)
    np.testing.assert_array_equal(transfer.moments(1.0, 0.0), [2, 0, 0])
    np.testing.assert_allclose(RectifiedQuadratic(-100.0).moments(0.0, 4.0), [1, 0, 0], atol=1e-12)


def test_far_below_threshold_nothing_overflows():
    V = jnp.asarray([-2350.0, -5000.0, -1e6, 1e6])
    np.testing.assert_allclose(Sigmoid().log_slope(V), [0.3, 0.3, 0.3, 0.0])
    assert np.isfinite(Sigmoid().information_derivatives(V)).all()
    np.testing.assert_allclose(TRANSFERS["user"]().log_slope(V), [0.3, 0.3, 0.3, 0.0])


def test_the_score_is_the_slope_of_the_log_likelihood():
    neuron, dt = PoissonNeuron(bias=-5.0), 5e-4
    for count in (0.0, 1.0, 2.0):

        def log_likelihood(v, count=count):
            mean = neuron.rate(v) * dt
            return count * jnp.log(mean) - mean

        expected = jax.grad(log_likelihood)(8.0)
        assert float(neuron.score(8.0 * jnp.ones(()), count, dt)) == pytest.approx(float(expected))
    silent = PoissonNeuron(RectifiedQuadratic())
    V = -20 * jnp.ones(())
    assert float(silent.score(V, 0.0, dt)) == 0
    assert np.isnan(silent.score(V, 1.0, dt))  # such a spike has probability 0


def test_an_input_current_shifts_the_voltage():
    plain, inhibited = PoissonNeuron(), PoissonNeuron(bias=-5.0)
    V = jnp.asarray(VOLTAGES)
    np.testing.assert_allclose(inhibited.rate(V), plain.rate(V - 5))
    np.testing.assert_allclose(inhibited.moments(3.0, 4.0), plain.moments(-2.0, 4.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DifferenceOfExponentials(0.0, 0.003), "tau_m is a positive time"),
        (lambda: DifferenceOfExponentials(0.01, -0.003), "tau_s is a positive time"),
        (lambda: DifferenceOfExponentials(0.01, 0.01), "use Alpha"),
        (lambda: DifferenceOfExponentials(0.01, 0.003, np.nan), "eps0"),
        (lambda: Alpha(np.inf), "tau is a positive time"),
        (lambda: Sigmoid(maximum=0.0), "maximum is a positive"),
        (lambda: Sigmoid(steepness=-0.3), "steepness is a positive"),
        (lambda: Sigmoid(threshold=np.nan), "threshold"),
        (lambda: RectifiedQuadratic(gain=0.0), "gain is a positive"),
        (lambda: Exponential(steepness=np.inf), "steepness is a positive"),
        (lambda: Transfer(lambda v: -v), "not decreasing"),
        (lambda: Transfer(lambda v: jnp.sqrt(v)), "finite"),
        (lambda: Transfer(lambda v: jnp.sum(v)), "elementwise"),
        (lambda: PoissonNeuron(bias=np.inf), "bias"),
        (lambda: DifferenceOfExponentials().check_step(0.003), "0.003 s"),
        (lambda: DifferenceOfExponentials().check_step(-1.0), "positive"),
        (lambda: sample_usps(Alpha(0.01), [-1.0]), "not negative"),
        (lambda: sample_usps(Alpha(0.01), [1.0], 0), "positive numbers"),
    ],
)
def test_bad_neurons_are_refused(make, message):
    with pytest.raises((DomainError, UsageError), match=message):
        make()
