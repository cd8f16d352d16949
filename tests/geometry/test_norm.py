"""Norms that are not quadratic: steepest by brute force, and which charts they survive."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from constructors import NORMS

from steepest.descent import gradient_flow
from steepest.errors import MetricError
from steepest.geometry import DualPower, Elementwise, NormPullback, Spectral

RANDOM = np.random.default_rng(0)
P = RANDOM.standard_normal(6)
POINT = RANDOM.standard_normal(6)


@pytest.mark.parametrize("name", NORMS)
def test_no_direction_is_steeper_and_the_slope_is_the_dual_norm(name):
    norm = NORMS[name]()
    p = jnp.asarray(P)
    v = norm.sharp(POINT, p)
    dual = float(norm.dual_norm(POINT, p))
    assert float(p @ v) == pytest.approx(dual**2, rel=1e-10)
    assert float(norm.norm(POINT, v)) == pytest.approx(dual, rel=1e-10)
    others = np.concatenate([RANDOM.standard_normal((2000, 6)), np.asarray(v) * (
        1 + 0.05 * RANDOM.standard_normal((500, 6)))])  # fmt: skip
    lengths = jax.vmap(lambda u: norm.norm(POINT, u))(jnp.asarray(others))
    slopes = others @ P / np.asarray(lengths)
    assert slopes.max() <= dual * (1 + 1e-10)


@pytest.mark.parametrize("name", [n for n in NORMS if n != "seen"])
def test_sharp_is_the_gradient_of_half_the_squared_dual_norm(name):
    norm = NORMS[name]()
    derived = jax.grad(lambda p: norm.dual_norm(POINT, p) ** 2 / 2)(jnp.asarray(P))
    np.testing.assert_allclose(norm.sharp(POINT, jnp.asarray(P)), derived, rtol=1e-9)


def test_the_printed_formulas():
    Q = 3.0
    size = (np.abs(P) ** Q).sum() ** (1 / Q)
    expected = size ** (2 - Q) * np.abs(P) ** (Q - 1) * np.sign(P)
    np.testing.assert_allclose(DualPower(Q).sharp(POINT, P), expected, rtol=1e-12)
    U, s, V = np.linalg.svd(P.reshape(2, 3), full_matrices=False)
    np.testing.assert_allclose(
        Spectral(shape=(2, 3)).sharp(POINT, P), (s.sum() * U @ V).ravel(), rtol=1e-12
    )
    np.testing.assert_array_equal(DualPower(1.5).sharp(POINT, 0 * P), 0 * P)
    np.testing.assert_array_equal(Spectral(shape=(2, 3)).sharp(POINT, 0 * P), 0 * P)


def test_the_spectral_norm_survives_rotations_of_inputs_and_outputs_only():
    left, right = (np.linalg.qr(RANDOM.standard_normal((k, k)))[0] for k in (2, 3))
    W = jnp.asarray(P.reshape(2, 3))
    turned = Spectral().sharp(W, jnp.asarray(left) @ W @ jnp.asarray(right))
    np.testing.assert_allclose(turned, left @ Spectral().sharp(W, W) @ right, atol=1e-12)
    sheared = np.array([[1.0, 0.5], [0.0, 1.0]])
    direct = np.asarray(Spectral().sharp(W, jnp.asarray(np.linalg.inv(sheared).T) @ W))
    assert np.abs(direct - sheared @ np.asarray(Spectral().sharp(W, W))).max() > 0.1


def cost(x):
    return jnp.sum((x - 1) ** 2 * jnp.arange(1.0, 3.0)) / 2


@pytest.mark.slow
def test_a_flow_in_a_norm_is_the_same_in_another_chart_when_the_norm_is_carried_along():
    chart = Elementwise(jnp.exp, jnp.log)  # y = exp(x)
    back = Elementwise(jnp.log, jnp.exp)
    here = gradient_flow(cost, DualPower(3.0), [0.2, 0.1], 0.7, rtol=1e-11, atol=1e-12)
    start = np.exp([0.2, 0.1])
    there = gradient_flow(
        lambda y: cost(back(y)), NormPullback(DualPower(3.0), back), start, 0.7,
        rtol=1e-11, atol=1e-12,
    )  # fmt: skip
    np.testing.assert_allclose(np.log(there.end), here.end, atol=1e-8)
    assert np.all(np.diff(here.costs) < 0)
    np.testing.assert_allclose(chart(jnp.asarray([0.0])), [1.0])


def test_what_is_no_norm_is_refused():
    with pytest.raises(MetricError, match="between 1 and infinity"):
        DualPower(1.0)
    with pytest.raises(MetricError, match="matrices"):
        Spectral().sharp(P, P)
