"""Two panels that show what an index rests on: the changes themselves, and their spread by size."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes

from steepest.inference.synapses.changes import Moments
from steepest.inference.synapses.estimation import Estimate
from steepest.inference.synapses.geometries import GEOMETRIES, SEARCHED
from steepest.inference.synapses.intervals import Interval, interval_of, widening
from steepest.inference.synapses.measurements import Measurements
from steepest.inference.synapses.outlying import Outliers
from steepest.inference.synapses.pair_picture import NOISE, log_scale, scatter
from steepest.inference.synapses.settle import about_drift
from steepest.inference.synapses.signal import (
    Fit,
    noise_at,
    resampled,
    shown_signal,
    signal_at,
)
from steepest.pictures import GEOMETRY_COLOURS, INK, legend_below

__all__ = ["FITTED", "draw_changes", "draw_signal"]

FITTED = "#7A3E9D"
"""Of the fitted signal: no colour of a geometry."""

_LEFT_OUT = "#CC3311"
_BINS = 8
_LINE = 60
_MOST_POINTS = 10_000
_EDGE = 0.985  # of a panel's height, where what lies beyond is put
_NORMAL_95 = 1.959964


def draw_changes(axes: Axes, estimate: Estimate, measured: Measurements) -> None:
    """Every change over the shortest lag against size, and the 95 % bands of noise and of all.

    What was `measured` holds the outlying measurements, which the estimate's own lacks.
    """
    changes, fit = estimate.changes, estimate.fit
    learned = (changes.kappa > 0) & (changes.lag == _shortest(estimate))
    null = (changes.kappa == 0) & (changes.lag > 0)
    about = about_drift(changes, fit)
    size = np.exp(changes.middle + estimate.centre)
    spread = np.sqrt(_expected(fit, estimate.moments, changes.kappa, changes.nu, changes.middle)[1])
    reach = 1.15 * max(
        float(np.quantile(np.abs(about[learned]), 0.998)),
        _NORMAL_95 * float(np.quantile(spread[learned], 0.99)),
    )
    if null.any():
        scatter(axes, *_some(size, about, null, reach, estimate.seed), NOISE, "null condition")
    scatter(axes, *_some(size, about, learned, reach, estimate.seed), INK, "changes")
    middle = np.linspace(changes.middle[learned].min(), changes.middle[learned].max(), _LINE)
    kappa, nu = np.median(changes.kappa[learned]), np.median(changes.nu[learned])
    noise, both = (
        _NORMAL_95 * np.sqrt(variance)
        for variance in _expected(fit, estimate.moments, kappa, nu, middle)
    )
    line = np.exp(middle + estimate.centre)
    for side in (-1, 1):
        axes.plot(
            line, side * both, color=FITTED, lw=1.5, label="95 % as fitted" if side > 0 else None
        )
        if noise.any():
            axes.plot(
                line, side * noise, "--", color=NOISE, lw=1.5,
                label="95 % of noise alone" if side > 0 else None,
            )  # fmt: skip
    axes.axhline(0, color="0.6", lw=0.6, zorder=0)
    _mark_outliers(axes, estimate.outliers, measured, reach)
    axes.set(xlabel="size", ylabel="change of log size, less drift", ylim=(-reach, reach))
    log_scale(axes, float(size[learned].min()), float(size[learned].max()), "x")
    axes.set_title(f"changes over {_apart(_shortest(estimate))}")
    legend_below(axes, size=7)
    for handle in axes.get_legend().legend_handles:  # pyright: ignore[reportOptionalMemberAccess]
        handle.set_alpha(1)  # pyright: ignore[reportOptionalMemberAccess]


def draw_signal(axes: Axes, estimate: Estimate) -> None:
    """Spread of change by size with the noise taken out, and what each named geometry predicts."""
    moments, fit = estimate.moments, estimate.fit
    shortest = _shortest(estimate)
    learned = moments.kappa > 0
    middle = np.linspace(moments.middle[learned].min(), moments.middle[learned].max(), _LINE)
    size = np.exp(middle + estimate.centre)
    own = learned & (moments.lag == shortest)
    kappa, nu = np.median(moments.kappa[own]), np.median(moments.nu[own])
    noise = np.sqrt(nu * noise_at(fit.noise, middle)[0])
    fitted = _signal(fit, moments, kappa, middle)[0]
    typical = _signal(fit, moments, kappa, np.zeros(1))[0]
    for name, index in GEOMETRIES.items():
        line = np.sqrt(_named(index, typical, middle, moments.spread))
        label = f"{name} ({index:g})"
        axes.plot(size, line, color=GEOMETRY_COLOURS[name], lw=1.1, label=label, zorder=1)
    if noise.any():
        axes.plot(size, noise, "--", color=NOISE, lw=1.4, label="noise of a change")
    drawn = np.sqrt(_signal(estimate.draws, moments, kappa, middle))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    axes.fill_between(size, low, high, color=FITTED, alpha=0.22, lw=0)
    axes.plot(size, np.sqrt(fitted), color=FITTED, lw=1.6, label="fitted signal, 95 %")
    tops = []
    for place, lag in enumerate(sorted(estimate.by_lag)):
        bins = _bins(estimate, lag)
        colour = str(0.1 + 0.25 * place)
        tops += _draw_bins(axes, bins, lag, estimate.centre, colour, bars=lag == shortest)
        if lag != shortest and bins:
            longer = np.median(moments.kappa[learned & (moments.lag == lag)])
            line = np.sqrt(_signal(fit, moments, longer, middle))[0]
            axes.plot(size, line, color=FITTED, lw=0.7, alpha=0.6)
    seen = np.concatenate([tops, noise[noise > 0]])
    top = 1.35 * float(seen.max())
    bottom = max(0.6 * float(seen.min()), top / 60)
    axes.set(xlabel="size", ylabel="sd of change, noise taken out", ylim=(bottom, top))
    log_scale(axes, float(size[0]), float(size[-1]), "x")
    log_scale(axes, bottom, top, "y")
    axes.set_title("signal by size: the slope is a - 1")
    legend_below(axes, 3, size=7)


@dataclass(frozen=True)
class _Bin:
    """One class of size: its centred log size, and the variance of change that is no noise."""

    middle: float
    signal: Interval


def _draw_bins(
    axes: Axes, bins: list[_Bin], lag: int, centre: float, colour: str, *, bars: bool
) -> list[float]:
    """Draw the sd of every class, with its interval as `bars`; returns what the axes must hold."""
    label: str | None = f"{_apart(lag)} apart"
    shown = []
    for at in bins:
        size = math.exp(at.middle + centre)
        low, high = (math.sqrt(max(end, 0.0)) for end in (at.signal.low, at.signal.high))
        if bars:
            axes.plot([size, size], [max(low, 1e-9), high], color=colour, lw=0.9, zorder=3)
        # Where noise explains all of it, there is an upper limit and no point.
        height = math.sqrt(at.signal.value) if at.signal.value > 0 else high
        marker = "o" if at.signal.value > 0 else "v"
        axes.plot(size, height, marker, ms=4, color=colour, label=label, zorder=4)
        label = None
        shown += [height, min(high, 2 * height) if bars else height]
    return shown


def _bins(estimate: Estimate, lag: int) -> list[_Bin]:
    """Variance of change less that of the noise, in classes of size, with 95 % intervals."""
    moments = estimate.moments
    chosen = np.flatnonzero(
        (moments.lag == lag) & (moments.kappa > 0) & (moments.counts.sum(axis=0) > 0)
    )
    if not chosen.size:
        return []
    chosen = chosen[np.argsort(moments.middle[chosen])]
    alone = np.ones((1, len(moments.counts)))
    widen = widening(estimate.clusters)
    bins = []
    for part in np.array_split(chosen, min(_BINS, chosen.size)):
        value = _less_noise(moments, part, alone, estimate.fit.noise)[0]
        drawn = _less_noise(moments, part, estimate.weights, estimate.draws.noise)
        place = np.average(moments.middle[part], weights=moments.counts[:, part].sum(axis=0))
        interval = interval_of(float(value), drawn, widen if math.isfinite(widen) else 1.0)
        bins.append(_Bin(float(place), interval))
    return bins


def _less_noise(
    moments: Moments,
    part: Int[np.ndarray, " p"],
    weights: Float[np.ndarray, "b c"],
    noise: Float[np.ndarray, "b 3"],
) -> Float[np.ndarray, " b"]:
    """Mean squared change of a part, less what the noise curve says of it, for every resample."""
    squares = resampled(weights, moments.squares[:, part])
    counts = resampled(weights, moments.counts[:, part])
    total = counts.sum(axis=1)
    heard = counts * moments.nu[part] * noise_at(noise, moments.middle[part])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, (squares - heard).sum(axis=1) / total, math.nan)


def _signal(
    fit: Fit, moments: Moments, kappa: float | np.floating, middle: np.ndarray
) -> Float[np.ndarray, "b j"]:
    """The variance that the signal shows over `kappa` units of time, by size and resample."""
    index = np.clip(fit.index, *SEARCHED)
    signal = kappa * signal_at(index, fit.log_signal, middle)
    return shown_signal(signal, index[:, None], moments.spread)


def _named(
    index: float, typical: Float[np.ndarray, " 1"], middle: np.ndarray, spread: float
) -> Float[np.ndarray, " j"]:
    """The variance that a named geometry would show, if at the typical size it is the fitted."""
    at = np.array([[index]])
    steep = shown_signal(typical * np.exp(2 * (index - 1) * middle)[None], at, spread)[0]
    return typical * steep / shown_signal(typical[None], at, spread)[0]


def _expected(
    fit: Fit,
    moments: Moments,
    kappa: np.ndarray | np.floating,
    nu: np.ndarray | np.floating,
    middle: np.ndarray,
) -> tuple[Float[np.ndarray, " j"], Float[np.ndarray, " j"]]:
    """The variance of changes that is noise, and all of it."""
    index = np.clip(fit.index, *SEARCHED)
    signal = shown_signal(
        kappa * signal_at(index, fit.log_signal, middle), index[:, None], moments.spread
    )[0]
    noise = nu * noise_at(fit.noise, middle)[0]
    return noise, signal + noise


def _shortest(estimate: Estimate) -> int:
    changes = estimate.changes
    return int(changes.lag[changes.kappa > 0].min())


def _apart(lag: int) -> str:
    return f"{lag} session{'s' if lag > 1 else ''}"


def _some(
    size: np.ndarray, about: np.ndarray, chosen: np.ndarray, reach: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The chosen points, at most 10 000; what lies beyond the panel is put at its edge."""
    rows = np.flatnonzero(chosen)
    if rows.size > _MOST_POINTS:
        rows = np.random.default_rng(seed).choice(rows, _MOST_POINTS, replace=False)
    return size[rows], np.clip(about[rows], -_EDGE * reach, _EDGE * reach)


def _mark_outliers(axes: Axes, outliers: Outliers, measured: Measurements, reach: float) -> None:
    """Every measurement left out as a cross: the synapse's usual size, and how far off it was."""
    if not outliers.listed:
        return
    rows = np.array([outlier.row for outlier in outliers.listed])
    sessions = np.array([outlier.session for outlier in outliers.listed])
    replicates = np.array([outlier.replicate or 0 for outlier in outliers.listed])
    sizes = measured.log_sizes
    single = sizes[:, :, None] if measured.single is None else measured.single
    of_replicate = np.array([outlier.replicate is not None for outlier in outliers.listed])
    seen = np.where(of_replicate, single[rows, sessions, replicates], sizes[rows, sessions])
    usual = np.nanmedian(single[rows], axis=(1, 2))
    axes.plot(
        np.exp(usual),
        np.clip(seen - usual, -_EDGE * reach, _EDGE * reach),
        "x",
        ms=4,
        mew=0.9,
        color=_LEFT_OUT,
        label=f"left out ({rows.size})",
    )
