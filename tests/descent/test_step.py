import jax
import jax.numpy as jnp
import numpy as np
import pytest

from steepest.descent import gradient_flow, mirror_step, riemannian_step
from steepest.errors import DomainError
from steepest.geometry import (
    Elementwise,
    Entropy,
    Euclidean,
    Fermi,
    HyperbolicEntropy,
    Logit,
    PNorm,
    Power,
    Pullback,
    Weber,
)

POINT = jnp.array([0.4, 0.7])
COVECTOR = jnp.array([1.0, -0.5])


def order(rates, errors):
    return np.polyfit(np.log(rates), np.log(errors), 1)[0]


@pytest.mark.parametrize(
    "potential",
    [
        PNorm(1.5),
        PNorm(3.0),
        Power(-0.5),
        Entropy(),
        Power(2.0),
        HyperbolicEntropy(0.3),
        Fermi(1.0),
        Logit(1.0),
    ],
    ids=lambda p: f"{type(p).__name__}",
)
def test_the_two_steps_differ_at_second_order_in_the_rate(potential):
    rates = np.geomspace(1e-4, 1e-3, 6)
    errors = [
        np.linalg.norm(
            mirror_step(potential, POINT, COVECTOR, rate)
            - riemannian_step(potential, POINT, COVECTOR, rate)
        )
        for rate in rates
    ]
    assert min(errors) > 0
    assert order(rates, errors) == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("potential", [PNorm(2.0), Power(0.0)])
def test_the_two_steps_coincide_for_the_2_norm(potential):
    mirror = mirror_step(potential, POINT, COVECTOR, 0.3)
    np.testing.assert_allclose(mirror, riemannian_step(potential, POINT, COVECTOR, 0.3), rtol=1e-15)
    np.testing.assert_allclose(mirror, POINT - 0.3 * COVECTOR, rtol=1e-15)


def test_the_entropy_step_is_multiplicative():
    stepped = mirror_step(Entropy([1.0, -1.0]), POINT * jnp.array([1.0, -1.0]), COVECTOR, 0.1)
    np.testing.assert_allclose(stepped, [0.4 * np.exp(-0.1), -0.7 * np.exp(-0.05)], rtol=1e-14)


@pytest.mark.parametrize(
    ("step", "geometry"), [(riemannian_step, Weber()), (mirror_step, Entropy())]
)
def test_many_small_steps_follow_the_flow_at_first_order(step, geometry):
    def cost(x):
        return jnp.sum((x - jnp.array([1.0, 0.2])) ** 2)

    end = gradient_flow(cost, geometry, POINT, [1.0]).end
    counts = np.array([50, 100, 200, 400])

    @jax.jit
    def walk(count, rate):
        def one(_, x):
            return step(geometry, x, jax.grad(cost)(x), rate)

        return jax.lax.fori_loop(0, count, one, POINT)

    errors = [np.linalg.norm(walk(int(count), 1.0 / count) - end) for count in counts]
    assert -order(counts, errors) == pytest.approx(1.0, abs=0.05)


def test_a_step_is_another_in_another_chart_by_second_order_and_the_flow_is_not():
    def seen(step, rate):
        chart = Elementwise(jnp.log, jnp.exp)
        back = Elementwise(jnp.exp, jnp.log)
        covector = chart.pull_back(POINT, COVECTOR)
        return chart.inverse(step(Pullback(Weber(), back), chart(POINT), covector, rate))

    rates = np.geomspace(1e-4, 1e-3, 6)
    gaps = [
        np.linalg.norm(
            riemannian_step(Weber(), POINT, COVECTOR, rate) - seen(riemannian_step, rate)
        )
        for rate in rates
    ]
    assert order(rates, gaps) == pytest.approx(2.0, abs=0.02)


def test_steps_are_kernels_that_jit_and_vmap():
    points, covectors = jnp.stack([POINT, 2 * POINT]), jnp.stack([COVECTOR, -COVECTOR])
    for step, geometry in ((riemannian_step, Weber()), (mirror_step, Entropy())):
        together = jax.jit(jax.vmap(lambda x, p, s=step, g=geometry: s(g, x, p, 0.1)))(
            points, covectors
        )
        single = [step(geometry, x, p, 0.1) for x, p in zip(points, covectors, strict=True)]
        np.testing.assert_allclose(together, jnp.stack(single), rtol=1e-14)


def test_a_step_from_outside_the_domain_is_refused():
    with pytest.raises(DomainError, match=r"coordinate 0 = -0\.4"):
        mirror_step(Entropy(), -POINT, COVECTOR, 0.1)
    with pytest.raises(DomainError, match="Weber: coordinate 1 = 0"):
        riemannian_step(Weber(), jnp.array([1.0, 0.0]), COVECTOR, 0.1)


def test_a_euclidean_step_is_the_textbooks():
    np.testing.assert_allclose(
        riemannian_step(Euclidean(), POINT, COVECTOR, 0.1), POINT - 0.1 * COVECTOR, rtol=1e-15
    )


@pytest.mark.parametrize(
    ("potential", "covector"),
    [
        (Fermi(1.0), 1e5),
        (Logit(1.0), 1e5),
        (Logit(1.0), -1e5),
        (Entropy(), 1e5),
        (Entropy(), -1e5),
        (HyperbolicEntropy(1.0), 1e5),
        (PNorm(3.0), 1e39),
        (Power(2.0), 1e39),
    ],
)
def test_a_step_that_floats_cannot_hold_is_refused_by_coordinate_and_nan_under_jit(
    potential, covector
):
    point = np.array([0.5, 0.25], np.float32)
    covectors = np.array([0.0, covector], np.float32) if abs(covector) < 1e38 else None
    if covectors is None:
        covectors, rate = np.array([0.0, 1e38], np.float32), 10.0
    else:
        rate = 1.0
    with pytest.raises(
        DomainError, match=r"1 of 2 coordinates .*float32.* coordinate 1 from 0\.25 .*smaller rate"
    ):
        mirror_step(potential, point, covectors, rate)
    moved = jax.jit(lambda x, p: mirror_step(potential, x, p, rate))(point, covectors)
    np.testing.assert_array_equal(np.isnan(moved), [False, True])


@pytest.mark.parametrize(("potential", "start"), [(Fermi(1.0), 0.0), (Entropy(), 1e-30)])
def test_no_walk_to_an_edge_ends_in_a_place_where_it_stays_in_silence(potential, start):
    point, covector = (
        np.array([start], np.float32),
        np.array([-1.0 if start == 0 else 1.0], np.float32),
    )
    step = jax.jit(lambda x: mirror_step(potential, x, covector, 0.1))
    for _ in range(300):
        after = step(point)
        if np.isnan(after).all():
            break
        assert after[0] != point[0]
        point = after
    assert np.isnan(after).all()
    with pytest.raises(DomainError, match="an optimizer that keeps the dual"):
        mirror_step(potential, point, covector, 0.1)


def test_a_point_at_the_edge_itself_stays_as_it_should():
    point = np.array([0.0, 1.0], np.float32)
    stepped = mirror_step(Logit(1.0), point, np.ones(2, np.float32), 0.1)
    np.testing.assert_array_equal(stepped, point)
