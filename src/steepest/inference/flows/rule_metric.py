"""Which metric has this rule? One exists wherever the rule lowers the cost, so ask how crooked.

An update u of a rule and p = -dC, minus the differential of a cost, at the same weights. Where
p.u > 0 some metric makes u the natural gradient (Shoji et al. 2024); where p.u <= 0 none does. Of
all those metrics the least anisotropic has the condition number (1 + sin psi)/(1 - sin psi), psi
the angle between u and p. That is a lower bound on the metric of the rule, and not the metric: one
update fixes one direction of n.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from steepest.arrays.given import same_axes
from steepest.arrays.numbers import Numbers, as_numbers
from steepest.errors import MetricError, UsageError
from steepest.geometry.rank_two import RankTwo

__all__ = ["Effectiveness", "RuleMetric", "metric_of_rule", "rule_effectiveness"]


@dataclass(frozen=True, eq=False)
class Effectiveness:
    """For each of some updates: whether it lowers the cost, its angle, and the least condition.

    `effective` (m,): p.u > 0. `angle` (m,): between u and p, in degrees. `condition` (m,): the
    least condition number of a metric in which u is steepest descent, infinite where there is none.

    >>> rule_effectiveness([[1.0, 1.0], [-1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]).effective.tolist()
    [True, False]
    """

    effective: Bool[np.ndarray, " m"]
    angle: Float[np.ndarray, " m"]
    condition: Float[np.ndarray, " m"]


@dataclass(frozen=True, eq=False)
class RuleMetric:
    """A metric in which one update is the natural gradient, and what all such metrics share.

    `angle` in degrees; `condition`, the least that any of them has, which `metric` attains;
    `alpha`, its eigenvalue across the plane of update and covector. `effective` is True: others
    are refused.

    >>> metric_of_rule([1.0, 0.0], [1.0, 1.0])
    RuleMetric(effective=True, angle=45.0, condition=5.828..., alpha=2.0)
    """

    effective: bool
    angle: float
    condition: float
    alpha: float
    metric: RankTwo = field(repr=False)


def rule_effectiveness(updates: Numbers, covectors: Numbers) -> Effectiveness:
    """How many of a rule's updates (m, n) lower a cost, at which angles: refuses no update.

    `covectors` (m, n) are p = -dC, what plain gradient descent would do, at the same weights.
    Raises `UsageError` for shapes that differ, numbers that are not finite, and rows of zeros,
    which have no angle.

    >>> turned = rule_effectiveness([[1.0, 1.0]], [[1.0, 0.0]])
    >>> turned.angle.round(9).tolist(), turned.condition.round(6).tolist()
    ([45.0], [5.828427])
    """
    u, p = _rows(updates, covectors, 2)
    u = u / np.linalg.norm(u, axis=1, keepdims=True)
    p = p / np.linalg.norm(p, axis=1, keepdims=True)
    # Chords of the unit circle: the angle's cosine would lose half the digits near 0 and 180.
    near, far = np.linalg.norm(u - p, axis=1), np.linalg.norm(u + p, axis=1)
    angle = 2 * np.arctan2(near, far)
    cosine = (far - near) * (far + near) / 4
    sine = near * far / 2
    effective = cosine > 0
    # (1 + sin)/(1 - sin) = ((1 + sin)/cos)^2, which does not cancel near 90 degrees.
    with np.errstate(divide="ignore"):
        condition = np.where(effective, ((1 + sine) / np.where(effective, cosine, 0)) ** 2, np.inf)
    return Effectiveness(effective, np.degrees(angle), condition)


def metric_of_rule(update: Numbers, covector: Numbers) -> RuleMetric:
    """The rank-two metric in which an update (n,) is the natural gradient of a cost.

    `covector` (n,) is p = -dC, minus the cost's differential: `metric.sharp(point, covector)` is
    the update, `metric.flat(point, update)` the covector. Its condition number, the least one that
    such a metric has, is a lower bound on that of the metric that the rule may really follow; for
    many updates see `rule_effectiveness`, for a rule at every point `LeastAnisotropic`.

    Raises `MetricError` where the update does not lower the cost (p.u <= 0), and `UsageError` for
    shapes that differ, numbers that are not finite, and zeros. Shoji et al. 2024.

    >>> import jax.numpy as jnp
    >>> rule = metric_of_rule([1.0, 0.0], [1.0, 1.0])
    >>> round(rule.angle, 9), round(rule.condition, 6), rule.alpha
    (45.0, 5.828427, 2.0)
    >>> rule.metric.sharp(jnp.zeros(2), jnp.array([1.0, 1.0])).tolist()
    [1.0, 0.0]
    """
    u, p = _rows(update, covector, 1)
    answer = rule_effectiveness(u[None], p[None])
    rate = float(p @ u)
    if not (answer.effective[0] and rate > 0):
        raise MetricError(
            f"metric_of_rule: covector . update is {rate:.6g} (angle {answer.angle[0]:.6g}"
            " degrees): the update does not lower the cost, and no metric makes it steepest"
            " descent. Is the covector minus the differential, and the update of the same weights?"
            " For the share of updates that lower it, take rule_effectiveness"
        )
    return RuleMetric(
        effective=True,
        angle=float(answer.angle[0]),
        condition=float(answer.condition[0]),
        alpha=float(p @ p) / rate,
        metric=RankTwo(u, p),
    )


def _rows(updates: Numbers, covectors: Numbers, axes: int) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays of that many axes; an axis of coordinates comes last."""
    last = axes - 1
    same_axes({"update": (updates, last), "covector": (covectors, last)})
    u, p = as_numbers(updates, "update"), as_numbers(covectors, "covector")
    shape = "(n,)" if axes == 1 else "(m, n)"
    if u.ndim != axes or u.shape != p.shape:
        raise UsageError(
            f"update and covector are both {shape}, not of shapes {u.shape} and {p.shape}"
        )
    for name, array in (("update", u), ("covector", p)):
        if not np.isfinite(array).all():
            place = ", ".join(str(int(i)) for i in np.argwhere(~np.isfinite(array))[0])
            raise UsageError(f"{name}: entry ({place}) is not finite")
        still = ~np.atleast_1d(array.any(axis=-1))
        if still.any():
            where = f" {int(np.argmax(still))}" if axes == 2 else ""
            raise UsageError(f"{name}{where} is zero: it has no direction")
    return u, p
