"""The true change of every synapse, given its two sizes, their noise, and how others changed."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, ndtri

from steepest.inference.synapses.estimation import Estimate
from steepest.inference.synapses.geometries import SEARCHED, WEIGHING
from steepest.inference.synapses.signal import noise_at, shown_signal, signal_at

__all__ = ["Changes", "Posterior", "Two", "changes_of", "largest_set", "surer_than_null"]

_SCALES = np.array([0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0])  # of the variance of the signal
_PSEUDO = 10.0  # counts of no change, so that noise alone is not split into changes
_EM_ROUNDS = 300
_ROUNDS = 60  # of halvings at most, if no step of Newton ever helps
_CLOSE = 1e-7  # of the spread of the parts


@dataclass(frozen=True, eq=False)
class Changes:
    """Changes from the first session to the last: what was seen, expected signal and noise."""

    rows: np.ndarray
    observed: Float[np.ndarray, " k"]
    about: Float[np.ndarray, " k"]
    common: float
    middle: Float[np.ndarray, " k"]
    signal: Float[np.ndarray, " k"]
    noise: Float[np.ndarray, " k"]
    uncertain: Float[np.ndarray, " k"]  # variance of what all, or a group, have in common


def changes_of(estimate: Estimate, *, null: bool = False) -> Changes:
    """Changes of the treated synapses present in the first and the last session, or of the null's.

    Those of the null are given the signal of the treated: what would be made of them, were they
    treated too.
    """
    measured, fit = estimate.measured, estimate.fit
    first, last = measured.log_sizes[:, 0], measured.log_sizes[:, -1]
    both = np.isfinite(first) & np.isfinite(last)
    rows = np.flatnonzero(both & (measured.null if null else ~measured.null))
    change = last[rows] - first[rows]
    middle = (first[rows] + last[rows]) / 2 - estimate.centre
    times = measured.times
    kappa = (times[-1] - times[0]) / float(np.median(np.diff(times)))
    counts = measured.replicates[rows]
    with_null = bool(measured.null.any())
    nu = np.ones(rows.size) if with_null else 1 / counts[:, 0] + 1 / counts[:, -1]
    if not math.isfinite(fit.index[0]):
        kappa = 0.0
    true = kappa * signal_at(np.clip(fit.index, *SEARCHED), fit.log_signal, middle)[0]
    spread = estimate.moments.spread
    shown = shown_signal(true[None], np.clip(fit.index, *WEIGHING)[:, None], spread)[0]
    noise = nu * noise_at(fit.noise, middle)[0]
    added, rest = _of_groups(estimate, rows, change, shown + noise)
    about = change - added
    still = np.flatnonzero(both & measured.null)
    idle = float(np.mean(last[still] - first[still])) if still.size else 0.0
    about = about - idle
    precision = 1 / np.maximum(shown + noise, 1e-12)
    common = float(np.average(about, weights=precision))
    uncertain = 1 / precision.sum() + rest
    return Changes(rows, change, about, common, middle, shown, np.maximum(noise, 0.0), uncertain)


def _of_groups(
    estimate: Estimate, rows: np.ndarray, change: np.ndarray, variance: np.ndarray
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """What the group of each synapse adds to the mean change of all, and the variance of that."""
    groups = estimate.measured.groups
    nothing = np.zeros(rows.size), np.zeros(rows.size)
    if groups is None:
        return nothing
    group, precision = groups[rows], 1 / np.maximum(variance, 1e-12)
    total = np.bincount(group, precision)
    there = total > 0
    if there.sum() < 2:
        return nothing
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(group, precision * change) / total
    weight, mean = total[there], mean[there]
    grand = float(np.average(mean, weights=weight))
    excess = float(np.sum(weight * (mean - grand) ** 2)) - (weight.size - 1)
    between = max(excess, 0.0) / float(weight.sum() - np.sum(weight**2) / weight.sum())
    added, rest = np.zeros(total.size), np.zeros(total.size)
    added[there] = (mean - grand) * between / (between + 1 / weight)
    rest[there] = between / weight / (between + 1 / weight)
    return added[group], rest[group]


@dataclass(frozen=True, eq=False)
class Posterior:
    """The true change of every synapse: a mixture of Gaussians, parts in columns."""

    weight: Float[np.ndarray, "k p"]
    centre: Float[np.ndarray, "k p"]
    sd: Float[np.ndarray, "k p"]

    @classmethod
    def of(cls, changes: Changes, shares: np.ndarray, scales: np.ndarray) -> "Posterior":
        signal = scales * changes.signal[:, None]
        total = np.maximum(signal + changes.noise[:, None], 1e-300)
        rest = (changes.about - changes.common)[:, None]
        logs = np.log(np.maximum(shares, 1e-300)) - 0.5 * (np.log(total) + rest**2 / total)
        weight = np.exp(logs - logs.max(axis=1, keepdims=True))
        own = signal / total
        # What is common moves the change by what the synapse's own size does not say.
        variance = own * changes.noise[:, None] + (1 - own) ** 2 * changes.uncertain[:, None]
        return cls(
            weight / weight.sum(axis=1, keepdims=True),
            changes.common + own * rest,
            np.sqrt(np.maximum(variance, 0.0)),
        )

    def below(self, value: float | np.ndarray) -> Float[np.ndarray, " k"]:
        """The probability of a change below a value, one for all or one for each synapse."""
        at = np.broadcast_to(np.asarray(value, dtype=float), (len(self.centre),))[:, None]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            z = np.where(self.sd > 0, (at - self.centre) / self.sd, 0.0)
        part = np.where(self.sd > 0, ndtr(z), (self.centre < at).astype(float))
        return np.sum(self.weight * part, axis=1)

    def above(self, value: float) -> Float[np.ndarray, " k"]:
        """The probability of a change above a value."""
        return 1 - self.below(np.nextafter(value, math.inf))

    def mean(self) -> Float[np.ndarray, " k"]:
        """The expected change."""
        return np.sum(self.weight * self.centre, axis=1)

    def quantile(self, share: float) -> Float[np.ndarray, " k"]:
        """Newton's steps between the parts' own quantiles, by halving where they leave these.

        Exact to a millionth of the spread of the parts.
        """
        ends = self.centre + float(ndtri(share)) * self.sd
        low, high = ends.min(axis=1), ends.max(axis=1)
        near = _CLOSE * (high - low + self.sd.max(axis=1))
        value, todo = (low + high) / 2, np.flatnonzero(high > low)
        for _ in range(_ROUNDS):
            if not todo.size:
                break
            part = Posterior(self.weight[todo], self.centre[todo], self.sd[todo])
            at = value[todo]
            excess = part.below(at) - share
            low[todo] = np.where(excess < 0, at, low[todo])
            high[todo] = np.where(excess < 0, high[todo], at)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                moved = at - excess / part._density(at)
            fine = (moved > low[todo]) & (moved < high[todo])
            value[todo] = np.where(fine, moved, (low[todo] + high[todo]) / 2)
            todo = todo[np.abs(value[todo] - at) > near[todo]]
        return value

    def _density(self, at: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            part = np.exp(-0.5 * ((at[:, None] - self.centre) / self.sd) ** 2) / self.sd
        smooth = np.where(self.sd > 0, part, 0.0)
        return np.sum(self.weight * smooth, axis=1) / math.sqrt(2 * math.pi)


@dataclass(frozen=True, eq=False)
class Two:
    """The true changes under a Gaussian signal, and under a mixture of such signals.

    `shares` are those of the mixture's signals, from none to eight times the expected variance.
    """

    gaussian: Posterior
    mixture: Posterior
    shares: Float[np.ndarray, " p"]

    @classmethod
    def of(cls, changes: Changes, shares: Float[np.ndarray, " p"] | None = None) -> "Two":
        """Under both priors; the shares are those given, or fitted to these changes."""
        shares = _shares(changes) if shares is None else shares
        return cls(
            Posterior.of(changes, np.ones(1), np.ones(1)),
            Posterior.of(changes, shares, _SCALES),
            shares,
        )

    def beyond(self, least: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The chances to have grown, shrunk, or stayed by `least`; of two the smaller."""
        first, second = self.gaussian, self.mixture
        up = first.above(least), second.above(least)
        down = first.below(-least), second.below(-least)
        still = np.minimum(1 - up[0] - down[0], 1 - up[1] - down[1])
        return np.minimum(*up), np.minimum(*down), still


def _shares(changes: Changes) -> Float[np.ndarray, " p"]:
    """Shares of signals of several sizes, by EM with ten counts of no change more."""
    rest = changes.about - changes.common
    total = _SCALES * changes.signal[:, None] + np.maximum(changes.noise, 1e-12)[:, None]
    logs = -0.5 * (np.log(total) + rest[:, None] ** 2 / total)
    likelihood = np.exp(logs - logs.max(axis=1, keepdims=True))
    shares = np.full(_SCALES.size, 1 / _SCALES.size)
    for _ in range(_EM_ROUNDS):
        each = 1 / np.einsum("kp,p->k", likelihood, shares)
        count = shares * np.einsum("kp,k->p", likelihood, each)
        count[0] += _PSEUDO
        moved = count / count.sum()
        done = np.abs(moved - shares).max() < 1e-7
        shares = moved
        if done:
            break
    return shares


def surer_than_null(
    probability: Float[np.ndarray, " k"], of_null: Float[np.ndarray, " m"], rate: float
) -> np.ndarray:
    """The largest set, the surest first, of which the null condition would give at most `rate`.

    Whatever the noise is, synapses of the null that are as sure have changed by nothing else: their
    share among the null, plus one of them, tells how many of the treated are (Barber and Candes
    2015).
    """
    order = np.argsort(-probability, kind="stable")
    as_sure = of_null.size - np.searchsorted(np.sort(of_null), probability[order])
    wrong = (1 + as_sure) * probability.size / of_null.size / np.arange(1, order.size + 1)
    fine = np.flatnonzero(wrong <= rate)
    chosen = np.zeros(order.size, dtype=bool)
    if fine.size:
        chosen[order[: fine[-1] + 1]] = True
    return chosen


def largest_set(probability: Float[np.ndarray, " k"], rate: float) -> np.ndarray:
    """The largest set, the surest first, whose mean chance of an error is at most `rate`.

    Sure ones must not pay for wild guesses: each must be likelier than not.
    """
    order = np.argsort(-probability, kind="stable")
    wrong = np.cumsum(1 - probability[order]) / np.arange(1, order.size + 1)
    fine = np.flatnonzero((wrong <= rate) & (probability[order] > 0.5))
    chosen = np.zeros(order.size, dtype=bool)
    if fine.size:
        chosen[order[: fine[-1] + 1]] = True
    return chosen
