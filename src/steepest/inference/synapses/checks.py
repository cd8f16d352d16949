"""What must hold for a geometry index to mean what it says, tested on the sizes themselves."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, stdtr

from steepest.inference.synapses.deltacdf import delta_cdf, delta_cdf_floor
from steepest.inference.synapses.dual import Signs, dual_change
from steepest.inference.synapses.geometries import (
    ALPHA,
    LAZY,
    LEAST_SHARE,
    MOST_FLIPS,
    NOT_LAZY,
)
from steepest.inference.synapses.lattice import lattice_step
from steepest.inference.synapses.likelihood import (
    CensoredLikelihood,
    Likelihood,
    MidpointLikelihood,
)
from steepest.inference.synapses.noise import Noise
from steepest.inference.synapses.units import UnitJump, check_units, unit_jump
from steepest.inference.synapses.verdict import Check

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "CHECKS",
    "Change",
    "check_curvature",
    "check_gaussian",
    "check_lazy",
    "check_losses",
    "check_reversion",
    "check_rounded",
    "check_sign_flips",
    "check_signal",
    "checks_of_pair",
    "lazy",
    "rank_correlation",
    "two_sided",
]

_ROUNDED = 0.03
_FEWEST_TO_BEND = 6  # a quadratic and three degrees of freedom for its error


@dataclass(frozen=True, eq=False)
class Change:
    """One pair of sessions as its checks see it: positive sizes, the index, the likelihood.

    Of weights the sizes are absolute, and `signs` says which of them crossed zero.
    """

    before: Float[np.ndarray, " n"]
    after: Float[np.ndarray, " n"]
    index: float
    likelihood: Likelihood
    noise: Noise
    signs: Signs | None = None

    @cached_property
    def kept(self) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
        """Sizes of those that kept their sign, before and after."""
        if self.signs is None:
            return self.before, self.after
        return self.before[~self.signs.crossed], self.after[~self.signs.crossed]

    @cached_property
    def logs(self) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Log sizes before and after."""
        return np.log(self.before), np.log(self.after)

    @cached_property
    def rounding(self) -> tuple[Check, float] | None:
        """The check of rounding, and its standard deviation; None where no step shows."""
        return None if self.noise.positive else check_rounded(*self.kept)

    @property
    def too_coarse(self) -> float | None:
        """The standard deviation of a rounding that spoils sizes said to be exact; else None."""
        if self.noise.kind != "none" or self.rounding is None or self.rounding[0].passed:
            return None
        return self.rounding[1]

    @cached_property
    def jump(self) -> UnitJump | None:
        """Two clouds of sizes, as if the unit had changed."""
        return unit_jump((np.log(self.kept[0]) + np.log(self.kept[1])) / 2)


def checks_of_pair(change: Change) -> dict[str, Check]:
    """Every check that one pair of sessions allows, by name."""
    made = {name: check(change) for name, check in CHECKS.items()}

    def pictured(name: str, check: Check) -> Check:
        def draw() -> "Figure":
            from steepest.inference.synapses.pair_check_pictures import draw_pair_check

            return draw_pair_check(name, change, check)

        return replace(check, picture=draw)

    return {name: pictured(name, check) for name, check in made.items() if check is not None}


def lazy(q: float) -> Check:
    """Whether changes are small against the sizes: q = |a|/2 rms(dw/w)."""
    if q < LAZY:
        return Check(q, None, True, f"q = {q:.2f}: changes are small against the sizes")
    if q <= NOT_LAZY:
        return Check(q, None, None, f"q = {q:.2f}: changes are not small, read with caution")
    passed = None if math.isnan(q) else False
    return Check(q, None, passed, f"q = {q:.2f}: changes are too large to call the regime lazy")


def two_sided(z: float) -> float:
    """The p-value of a standard normal statistic, either way."""
    return float(2 * ndtr(-abs(z)))


def rank_correlation(
    first: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"]
) -> tuple[float, float]:
    """Spearman's rank correlation and its two-sided p-value; ties share their mean rank.

    As `scipy.stats.spearmanr`, whose import alone takes longer than a whole verdict.
    """
    rho = float(np.corrcoef([_ranks(first), _ranks(second)])[1, 0])
    degrees = first.size - 2
    with np.errstate(divide="ignore"):
        t = rho * np.sqrt(np.maximum(degrees / np.float64((rho + 1) * (1 - rho)), 0))
    return rho, float(2 * stdtr(degrees, -abs(t)))


def _ranks(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[where]


def check_lazy(
    before: Float[np.ndarray, " n"], after: Float[np.ndarray, " n"], index: float
) -> Check:
    """q = |a|/2 rms(dw/w) over the larger half: below .1 the geometry hardly changes on the way.

    Lazy below .1, caution to .5, out of the lazy regime above.
    """
    large = before > np.median(before)
    if not large.any():  # more than half of the sizes are the largest
        large = before == before.max()
    relative = after[large] / before[large] - 1
    return lazy(abs(index) / 2 * math.sqrt(float(np.mean(relative**2))))


def check_sign_flips(
    log_before: Float[np.ndarray, " n"],
    log_after: Float[np.ndarray, " n"],
    index: float,
    signs: Signs | None = None,
) -> Check:
    """Expected share of synapses that a Gaussian dual change would carry across zero.

    Positive sizes cannot show such crossings, so a large share means that the pairs at hand are a
    selection. For an index of 1 and above zero is out of reach. Of weights with `signs` the share
    that did cross is told: they were seen, and kept.
    """
    if signs is not None:
        seen = float(signs.crossed.mean())
        return Check(seen, None, True, f"{seen:.1%} of weights crossed zero, and were kept")
    share = 0.0
    if index < 1:
        centre = log_before.mean()
        change = dual_change(log_before - centre, log_after - centre, index)
        to_zero = np.exp((1 - index) * (log_before - centre)) / (1 - index)
        share = float(np.mean(ndtr(-(to_zero + change.mean()) / change.std())))
    expected = f"{share:.1%} of synapses expected to cross zero"
    if share < MOST_FLIPS:
        return Check(share, None, True, expected)
    return Check(share, None, False, f"{expected}, which positive sizes cannot show")


def check_curvature(
    log_before: Float[np.ndarray, " n"],
    log_after: Float[np.ndarray, " n"],
    index: float,
    signs: Signs | None = None,
) -> Check:
    """Does log|D - median D| bend with log size at the estimated index?

    A power of size leaves no bend; additive plus multiplicative change bends upwards at both
    ends. The statistic is the t value of the quadratic term (heteroscedasticity-consistent
    standard error), so the change need not be Gaussian.
    """
    centre = log_before.mean()
    change = dual_change(log_before - centre, log_after - centre, index, signs)
    deviation = np.abs(change - np.median(change))
    kept = deviation > 0
    size, spread = log_before[kept], np.log(deviation[kept])
    if size.size < _FEWEST_TO_BEND:
        return Check(math.nan, None, None, f"too few changed synapses ({size.size}) to see a bend")
    design = np.vander((size - size.mean()) / size.std(), 3)
    if np.linalg.matrix_rank(design) < 3:
        return Check(math.nan, None, None, "too few different sizes to see a bend")
    coefficients, *_ = np.linalg.lstsq(design, spread)
    residual = spread - design @ coefficients
    bread = np.linalg.inv(design.T @ design)
    covariance = bread @ ((design * residual[:, None] ** 2).T @ design) @ bread
    degrees = size.size / (size.size - 3)
    t = float(coefficients[0] / math.sqrt(covariance[0, 0] * degrees))
    p_value = two_sided(t)
    if p_value >= ALPHA:
        return Check(t, p_value, True, "the spread of change follows one power of size")
    return Check(
        t, p_value, False, "no single power of size: a mixture, noise, or two kinds of synapses"
    )


def check_reversion(
    log_before: Float[np.ndarray, " n"],
    log_after: Float[np.ndarray, " n"],
    index: float,
    signs: Signs | None = None,
) -> Check:
    """Rank correlation of the dual change with the size before: none in a fixed geometry.

    A negative one is regression to the mean: measurement noise, or a pull to a set point.
    """
    centre = log_before.mean()
    change = dual_change(log_before - centre, log_after - centre, index, signs)
    if np.ptp(change) == 0:
        return Check(math.nan, None, None, "every synapse changed alike")
    size = log_before if signs is None else signs.before * np.exp(log_before)
    rho, p_value = rank_correlation(change, size)
    if p_value >= ALPHA:
        return Check(rho, p_value, True, "the direction of change does not depend on size")
    how = (
        "larger synapses shrink: noise, or a pull to a set point"
        if rho < 0
        else "larger synapses grow"
    )
    return Check(rho, p_value, False, how)


def check_gaussian(
    log_before: Float[np.ndarray, " n"],
    log_after: Float[np.ndarray, " n"],
    index: float,
    signs: Signs | None = None,
) -> Check:
    """Centred Delta CDF at the estimated index, against the 95th percentile of its floor.

    The likelihood and its shares assume a Gaussian dual change; the logroot estimate does not.
    """
    centre = log_before.mean()
    change = dual_change(log_before - centre, log_after - centre, index, signs)
    distance = delta_cdf(change, centred=True)
    floor = delta_cdf_floor(change.size).centred_q95
    if distance <= floor:
        return Check(distance, None, True, f"dual change looks Gaussian (floor {floor:.3f})")
    return Check(
        distance, None, False, f"dual change is not Gaussian (floor {floor:.3f}): trust no shares"
    )


def check_losses(lost: int, expected: float, variance: float) -> Check:
    """Synapses lost below the detection limit against those that the fitted change predicts."""
    if variance == 0:
        return Check(float(lost), None, lost == 0, f"{lost} lost, none predicted")
    z = (lost - expected) / math.sqrt(variance)
    p_value = two_sided(z)
    meaning = f"{lost} lost, {expected:.1f} predicted"
    if p_value >= ALPHA:
        return Check(z, p_value, True, meaning)
    return Check(z, p_value, False, f"{meaning}: losses are not only falls below the limit")


def check_signal(step: Float[np.ndarray, " n"], variance: Float[np.ndarray, " n"]) -> Check:
    """Share of the variance of the change of log size that the stated noise does not explain.

    Below a quarter, a slightly wrong noise makes any index.
    """
    share = 1 - float(variance.mean() / step.var())
    meaning = f"{max(share, 0.0):.0%} of the change is not explained by the stated noise"
    return Check(share, None, share >= LEAST_SHARE, meaning)


def check_rounded(
    before: Float[np.ndarray, " n"], after: Float[np.ndarray, " n"]
) -> tuple[Check, float] | None:
    """Rounding to a common step against the change; None where a column shows no such step.

    The statistic is the variance that rounding adds to the change of log size over the variance of
    that change, in the quarter of synapses where it is largest (quarters by size). In simulations
    of counts (medians 5 to 1000, a change of 10 and 30 %) a share of .03 moves the index by about
    .1, and wrong names begin above .25. Also returns the standard deviation of the rounding, in
    the unit of size.
    """
    steps = lattice_step(before), lattice_step(after)
    if 0 in steps:
        return None
    # A rounding error is uniform over one step.
    rounding = ((steps[0] / before) ** 2 + (steps[1] / after) ** 2) / 12
    change = np.log(after) - np.log(before)
    order = np.argsort(np.log(after) + np.log(before), kind="stable")
    quarters = np.array_split(order, min(4, max(1, change.size // 20)))
    with np.errstate(divide="ignore"):
        share = max(float(rounding[part].mean() / change[part].var()) for part in quarters)
    step = math.hypot(*steps) / math.sqrt(2)
    made = "all" if share >= 1 else f"{share:.1%}"
    meaning = f"sizes come in steps of {step:.3g}: rounding makes up to {made} of the change"
    return Check(share, None, share < _ROUNDED, meaning), step / math.sqrt(12)


def _exact(
    check: Callable[[np.ndarray, np.ndarray, float, Signs | None], Check],
) -> Callable[[Change], Check | None]:
    """A check that is about exact sizes at an index: noise alone breaks it."""

    def of(change: Change) -> Check | None:
        if isinstance(change.likelihood, MidpointLikelihood) or not math.isfinite(change.index):
            return None
        return check(*change.logs, change.index, change.signs)

    return of


def _lazy(change: Change) -> Check | None:
    if not math.isfinite(change.index):
        return None
    after = change.after
    if change.signs is not None:
        after = np.where(change.signs.crossed, -after, after)
    return check_lazy(change.before, after, change.index)


def _signal(change: Change) -> Check | None:
    noisy = change.likelihood
    if not isinstance(noisy, MidpointLikelihood) or not math.isfinite(change.index):
        return None
    return check_signal(noisy.step, noisy.variance)


def _losses(change: Change) -> Check | None:
    censored = change.likelihood
    if not isinstance(censored, CensoredLikelihood) or not math.isfinite(change.index):
        return None
    return check_losses(censored.lost.size, *censored.expected_losses(change.index))


def _rounded(change: Change) -> Check | None:
    return None if change.rounding is None else change.rounding[0]


def _units(change: Change) -> Check | None:
    return None if change.jump is None else check_units(change.jump, grouped=False)


CHECKS: dict[str, Callable[[Change], Check | None]] = {
    "lazy": _lazy,
    "signal": _signal,
    "sign_flips": _exact(check_sign_flips),
    "curvature": _exact(check_curvature),
    "reversion": _exact(check_reversion),
    "gaussian": _exact(check_gaussian),
    "losses": _losses,
    "rounded": _rounded,
    "units": _units,
}
"""Every check by name, in the order in which they are told; None where one cannot be made."""
