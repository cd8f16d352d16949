"""Inertia and second order: the same in every chart, and what naive formulas are not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from steepest.descent import (
    InertialTrajectory,
    covariant_hessian,
    gradient_flow,
    inertial_flow,
    newton_direction,
)
from steepest.errors import DomainError, FlowError, UsageError
from steepest.geometry import (
    Elementwise,
    Euclidean,
    FisherExponentialFamily,
    FisherNormal,
    Metabolic,
    Pullback,
)
from steepest.models import GaussianModel

MODEL, FISHER, START = GaussianModel(), FisherNormal(), np.array([6.0, 1.0])
TIMES = np.linspace(0, 3, 31)
SQUARE = Elementwise(
    lambda x: jnp.stack([x[0], x[1] ** 2]), lambda y: jnp.stack([y[0], y[1] ** 0.5])
)
ROOT = Elementwise(SQUARE.inverse_function, SQUARE.function)


def cost_of_variance(y):
    return MODEL.cost(ROOT(y))


@pytest.fixture(scope="module")
def flow():
    return inertial_flow(MODEL.cost, FISHER, START, TIMES, friction=0.7)


def test_energy_falls_at_the_rate_of_friction(flow):
    speed = np.array([float(p @ FISHER.sharp(jnp.asarray(q), jnp.asarray(p)))
                      for q, p in zip(flow.points, flow.momenta, strict=True)])  # fmt: skip
    assert (np.diff(flow.energies) < 0).all()
    np.testing.assert_allclose(flow.energies - flow.costs, speed / 2, atol=1e-12)
    lost = np.trapezoid(0.7 * speed, TIMES)
    assert flow.energies[0] - flow.energies[-1] == pytest.approx(lost, rel=0.01)


def test_it_is_the_same_in_another_chart_and_the_naive_version_is_not(flow):
    seen = inertial_flow(
        cost_of_variance, Pullback(FISHER, ROOT), SQUARE(jnp.asarray(START)), TIMES, friction=0.7
    )
    np.testing.assert_allclose(np.sqrt(seen.points[:, 1]), flow.points[:, 1], atol=1e-6)
    np.testing.assert_allclose(seen.energies, flow.energies, atol=1e-6)

    def naive(metric, cost, x, v, h=1e-3, steps=3000):
        @jax.jit
        def run(x, v):
            def step(_, s):
                x, v = s
                v = v + h * (-0.7 * v - metric.sharp(x, jax.grad(cost)(x)))
                return x + h * v, v

            return jax.lax.fori_loop(0, steps, step, (x, v))[0]

        return np.asarray(run(jnp.asarray(x), jnp.asarray(v)))

    here = naive(FISHER, MODEL.cost, START, [0.0, 0.0])
    there = naive(Pullback(FISHER, ROOT), cost_of_variance, SQUARE(jnp.asarray(START)), [0.0, 0.0])
    assert np.abs(np.sqrt(there[1]) - here[1]) > 0.02


@pytest.mark.slow
def test_without_friction_energy_is_kept_and_with_much_it_is_steepest_descent():
    free = inertial_flow(MODEL.cost, Euclidean(), START, [1.0], friction=0.0, momentum=[0.1, 0.2])
    start = float(MODEL.cost(jnp.asarray(START))) + 0.025
    assert free.energies[0] == pytest.approx(start, abs=1e-8)
    slow = inertial_flow(MODEL.cost, Euclidean(), START, [100.0], friction=200.0)
    steepest = gradient_flow(MODEL.cost, Euclidean(), START, [0.5])
    np.testing.assert_allclose(slow.points[-1], steepest.end, atol=2e-3)


def test_the_covariant_newton_direction_is_the_same_in_every_chart_and_the_plain_one_is_not():
    seen_fisher = Pullback(FISHER, ROOT)

    def plain(cost, x):
        return -jnp.linalg.solve(jax.hessian(cost)(x), jax.grad(cost)(x))

    @jax.jit
    def everything(x):
        y, J = SQUARE(x), jax.jacfwd(SQUARE)(x)
        return (
            J @ newton_direction(MODEL.cost, FISHER, x),
            newton_direction(cost_of_variance, seen_fisher, y),
            covariant_hessian(MODEL.cost, FISHER, x),
            J.T @ covariant_hessian(cost_of_variance, seen_fisher, y) @ J,
            jax.hessian(MODEL.cost)(x),
            J @ plain(MODEL.cost, x) - plain(cost_of_variance, y),
        )

    here, there, hessian, seen, _, gap = everything(jnp.asarray([4.5, 1.8]))
    np.testing.assert_allclose(here, there, atol=1e-9)
    np.testing.assert_allclose(seen, hessian, atol=1e-9)
    assert np.abs(gap).max() > 0.01
    _, _, hessian, _, second, _ = everything(jnp.asarray([4.0, 2.0]))  # the minimum
    np.testing.assert_allclose(hessian, second, atol=1e-12)


def test_newton_in_natural_parameters_is_the_natural_gradient():
    """The e-connection is flat there: the plain Hessian of KL(p0 || p) is Fisher's matrix."""

    def cost(eta):  # KL(N(4, 2) || p), eta = (mu/s^2, -1/(2 s^2)), up to a constant
        return partition(eta) - eta @ jnp.asarray([4.0, 20.0])

    def partition(eta):
        return -(eta[0] ** 2) / (4 * eta[1]) - jnp.log(-2 * eta[1]) / 2

    eta = jnp.asarray([4.5 / 1.8**2, -0.5 / 1.8**2])
    plain = newton_direction(cost, Euclidean(), eta)
    fisher = FisherExponentialFamily(partition)
    np.testing.assert_allclose(plain, -fisher.sharp(eta, jax.grad(cost)(eta)), rtol=1e-10)


def test_bad_input_is_refused():
    def flow(**changes):
        given = {"start": START, "times": [1.0], "friction": 1.0, **changes}
        return inertial_flow(MODEL.cost, FISHER, **given)

    with pytest.raises(UsageError, match="friction not negative"):
        flow(friction=-1.0)
    with pytest.raises(UsageError, match="increasing"):
        flow(times=[1.0, 0.5])
    with pytest.raises(UsageError, match="momentum"):
        flow(momentum=[1.0])
    with pytest.raises(UsageError, match="momentum: complex"):
        flow(momentum=[1.0, 1j])
    with pytest.raises(DomainError):
        flow(start=[0.0, -1.0])
    with pytest.raises(FlowError, match="broke down"):
        inertial_flow(lambda x: -jnp.sum(x) * 50, Metabolic(), [0.5], [5.0], friction=0.0)


def test_a_flow_with_inertia_is_drawn():
    row = np.zeros((2, 1))
    plane = np.zeros((2, 2))
    times, costs, energies = np.array([0.0, 1.0]), np.array([4.0, 2.0]), np.array([4.5, 2.1])
    figure = InertialTrajectory(times, plane, plane, costs, energies).plot(["a", "b"])
    panels = figure.axes
    assert [panel.get_ylabel() for panel in panels] == ["coordinate", "cost, and energy", "b"]
    assert [line.get_label() for line in panels[1].lines] == ["cost", "energy"]
    np.testing.assert_array_equal(panels[1].lines[1].get_ydata(), energies)
    with pytest.raises(UsageError, match="2 coordinate names for 1 coordinates"):
        InertialTrajectory(times, row, row, costs, energies).plot(["a", "b"])
