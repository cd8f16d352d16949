"""The metric of a rule: the least condition number, attained, or the reason why there is none."""

import jax.numpy as jnp
import numpy as np
import pytest

from steepest.errors import MetricError, UsageError
from steepest.geometry import RankTwo
from steepest.inference.flows import metric_of_rule, rule_effectiveness, tailored_matrix

ANGLES = (0.0, 1e-6, 10.0, 45.0, 89.0, 89.99)


def pair(angle, n=7, seed=0):
    """An update and a covector of other lengths that many degrees apart."""
    first, other = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, 2)))[0].T
    turned = np.cos(np.radians(angle)) * first + np.sin(np.radians(angle)) * other
    return 0.3 * first, 4.0 * turned


def dense(metric, n=7):
    return np.asarray(metric.matrix(jnp.zeros(n)))


@pytest.mark.parametrize("angle", ANGLES)
def test_the_condition_number_is_that_of_the_formula_and_the_metric_attains_it(angle):
    rule = metric_of_rule(*pair(angle))
    # Half-angles: (1 + sin)/(1 - sin) = tan(45 + angle/2)^2.
    expected = np.tan(np.radians(45 + angle / 2)) ** 2
    assert rule.angle == pytest.approx(angle, abs=1e-9)
    assert rule.condition == pytest.approx(expected, rel=1e-9)
    # The oracle's own smallest singular value is only known to rounding of the largest.
    oracle = max(1e-9, np.finfo(float).eps * expected)
    assert np.linalg.cond(dense(rule.metric)) == pytest.approx(expected, rel=oracle)


def test_flat_and_sharp_carry_update_and_covector_into_each_other():
    u, p = pair(70.0)
    rule = metric_of_rule(u, p)
    np.testing.assert_allclose(rule.metric.flat(jnp.zeros(7), u), p, rtol=1e-13)
    np.testing.assert_allclose(rule.metric.sharp(jnp.zeros(7), p), u, rtol=1e-13)
    assert rule.alpha == pytest.approx(p @ p / (p @ u))


def test_no_other_metric_of_the_rule_is_less_anisotropic():
    u, p = pair(50.0)
    least = metric_of_rule(u, p).condition
    random = np.random.default_rng(1)
    for _ in range(200):
        B = random.standard_normal((7, 7))
        other = tailored_matrix(jnp.asarray(-u), jnp.asarray(p), jnp.asarray(B @ B.T))
        np.testing.assert_allclose(other @ u, p, atol=1e-9)
        assert np.linalg.cond(other) > least
    for alpha in (1.0, 5.0, 500.0):
        assert np.linalg.cond(dense(RankTwo(u, p, alpha))) >= least * (1 - 1e-12)
    unit_lengths = tailored_matrix(jnp.asarray(-u), jnp.asarray(p), jnp.eye(7))
    assert np.linalg.cond(unit_lengths) > 1.5 * least


def test_tailored_matrix_without_a_free_part_is_the_rank_two_metric():
    u, p = pair(50.0)
    matrix = tailored_matrix(jnp.asarray(-u), jnp.asarray(p))
    np.testing.assert_allclose(matrix, dense(RankTwo(u, p)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("angle", [90.0 + 1e-9, 120.0, 180.0])
def test_an_update_that_does_not_lower_the_cost_is_refused_by_name(angle):
    u, p = pair(angle)
    with pytest.raises(MetricError, match=r"covector \. update is .* does not lower the cost"):
        metric_of_rule(u, p)
    with pytest.raises(MetricError, match=r"RankTwo: covector \. update"):
        RankTwo(u, p)
    answer = rule_effectiveness(u[None], p[None])
    assert (answer.effective[0], answer.condition[0]) == (False, np.inf)
    assert answer.angle[0] == pytest.approx(angle, abs=1e-9)


@pytest.mark.parametrize(
    ("update", "covector", "message"),
    [
        ([1.0, 2.0], [1.0], r"both \(n,\), not of shapes \(2,\) and \(1,\)"),
        ([[1.0, 2.0]], [[1.0, 2.0]], r"both \(n,\)"),
        ([0.0, 0.0], [1.0, 2.0], "update is zero: it has no direction"),
        ([1.0, np.nan], [1.0, 2.0], r"update: entry \(1\) is not finite"),
        ([1.0, 2.0], [1.0, np.inf], r"covector: entry \(1\) is not finite"),
    ],
)
def test_updates_that_have_no_angle_are_refused(update, covector, message):
    with pytest.raises(UsageError, match=message):
        metric_of_rule(update, covector)


def test_a_row_of_zeros_is_named():
    with pytest.raises(UsageError, match="covector 1 is zero"):
        rule_effectiveness(np.ones((2, 3)), [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
