"""One picture for each check of measured synapses: the data that it was made on."""

import math
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steepest.inference.synapses.directed import directed_change
from steepest.inference.synapses.estimation import Estimate
from steepest.inference.synapses.geometries import SEARCHED
from steepest.inference.synapses.intervals import Interval
from steepest.inference.synapses.pair_picture import NOISE, geometry_lines, log_scale
from steepest.inference.synapses.settle import about_drift, expected_variance
from steepest.inference.synapses.signal import noise_at, signal_at
from steepest.inference.synapses.signal_picture import FITTED
from steepest.inference.synapses.verdict import Check
from steepest.pictures import bare, drawn, label, legend_below

__all__ = ["draw_check"]

_INK = "#303030"
_CLASSES = 10
_NAMED = 30  # more labels would lie on one another


@drawn
def draw_check(name: str, estimate: Estimate, check: Check | None) -> Figure:
    """The picture of a check by its name, with what it means above."""
    figure = Figure(figsize=(5.6, 4.0), dpi=150, layout="constrained")
    axes = figure.subplots()
    _PICTURES.get(name, _spread)(axes, estimate)
    said = "" if check is None else check.meaning
    axes.set_title(f"{name.replace('_', ' ')}\n{_broken(said)}", loc="left", fontsize=8)
    bare(axes)
    return figure


def _broken(text: str, width: int = 80) -> str:
    import textwrap

    return textwrap.fill(text, width)


def _rows(axes: Axes, rows: list[tuple[str, Interval]]) -> None:
    """Indices with their intervals, one below the other, and the named geometries."""
    geometry_lines(axes)
    for place, (_, interval) in enumerate(rows):
        height = len(rows) - place
        if math.isnan(interval.low) or math.isnan(interval.high):
            continue
        ends = np.clip([interval.low, interval.high], *SEARCHED)
        axes.plot(ends, [height, height], color=_INK, lw=1.6)
        if math.isfinite(interval.value):
            axes.plot(interval.value, height, "o", color=_INK, ms=5)
    if len(rows) <= _NAMED:
        axes.set_yticks(range(len(rows), 0, -1), [label(name) for name, _ in rows], fontsize=8)
    else:
        axes.set_yticks([])
        axes.set_ylabel(f"{len(rows)} rows, the first of all")
    # The names of the geometries have the upper end to themselves.
    axes.set(
        xlim=(-1.6, 2.6), ylim=(0.4, 0.4 + (len(rows) + 0.3) / 0.72), xlabel="geometry index a"
    )


def _halves(axes: Axes, estimate: Estimate) -> None:
    _rows(axes, [("smaller half", estimate.small), ("larger half", estimate.large)])


def _lags(axes: Axes, estimate: Estimate) -> None:
    _rows(axes, [(f"lag {lag}", at) for lag, at in sorted(estimate.by_lag.items())])


def _groups(axes: Axes, estimate: Estimate) -> None:
    groups = estimate.groups
    rows = [("all", estimate.index)]
    if groups is not None:
        rows += list(zip(groups.names, groups.indices, strict=True))
    _rows(axes, rows)


def _products(axes: Axes, estimate: Estimate) -> None:
    _rows(axes, [("all changes", estimate.index), ("by products", estimate.by_products)])


def _spread(axes: Axes, estimate: Estimate) -> None:
    """Variance of the shortest changes by size, with what the fit says of signal and noise."""
    moments, fit = estimate.moments, estimate.fit
    learned = moments.kappa > 0
    shortest = learned & (moments.lag == moments.lag[learned].min())
    counts = moments.counts.sum(axis=0)
    seen = shortest & (counts > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(moments.squares.sum(axis=0) / counts)
    size = np.exp(moments.middle + estimate.centre)
    axes.plot(size[seen], sd[seen], "o", ms=4, color=_INK, label="change of log size")
    line = np.linspace(moments.middle[seen].min(), moments.middle[seen].max(), 60)
    sizes = np.exp(line + estimate.centre)
    noise = noise_at(fit.noise, line)[0]
    signal = signal_at(np.clip(fit.index, *SEARCHED), fit.log_signal, line)[0]
    own = shortest & seen
    kappa, nu = np.median(moments.kappa[own]), np.median(moments.nu[own])
    both = np.sqrt(kappa * signal + nu * noise)
    axes.plot(sizes, both, color="0.5", lw=1.2, label="expected of both")
    axes.plot(sizes, np.sqrt(kappa * signal), color=FITTED, lw=2, label="signal")
    if noise.max() > 0:
        axes.plot(sizes, np.sqrt(nu * noise), "--", color=NOISE, label="noise of a change")
    axes.set(xlabel="size", ylabel="sd of change of log size")
    axes.set_ylim(bottom=0)
    if sizes[-1] > sizes[0]:
        log_scale(axes, float(sizes[0]), float(sizes[-1]), "x")
    legend_below(axes, size=7)


def _tails(axes: Axes, estimate: Estimate) -> None:
    """The shortest changes in their standard deviations, against a Gaussian."""
    changes = estimate.changes
    learned = changes.lag * (changes.kappa > 0)
    rows = learned == learned[learned > 0].min()
    sd = np.sqrt(expected_variance(changes, estimate.fit)[rows])
    z = np.clip(about_drift(changes, estimate.fit)[rows] / sd, -8, 8)
    axes.hist(z, 60, density=True, color="0.75")
    line = np.linspace(-8, 8, 200)
    axes.plot(line, np.exp(-(line**2) / 2) / math.sqrt(2 * math.pi), color=_INK)
    axes.set(xlabel="change, in standard deviations", ylabel="density", yscale="log")
    axes.set_ylim(bottom=1e-4)


def _sizes(axes: Axes, estimate: Estimate) -> None:
    """The distribution of all log sizes."""
    logs = estimate.measured.log_sizes
    axes.hist(logs[np.isfinite(logs)] / math.log(10), 60, color="0.7")
    axes.set(xlabel="log10 of size", ylabel="measurements")


def _losses(axes: Axes, estimate: Estimate) -> None:
    """The share lost by the next session, by classes of size."""
    measured = estimate.measured
    logs = measured.log_sizes[~measured.null]
    unknown = measured.not_measured[~measured.null]
    here = np.isfinite(logs[:, :-1]) & ~unknown[:, 1:]
    size, lost = logs[:, :-1][here], ~np.isfinite(logs[:, 1:])[here]
    parts = [part for part in np.array_split(np.argsort(size), _CLASSES) if part.size]
    share = np.array([lost[part].mean() for part in parts])
    error = np.array([math.sqrt(s * (1 - s) / p.size) for s, p in zip(share, parts, strict=True)])
    middle = np.exp([size[part].mean() for part in parts])
    axes.errorbar(middle, share, error, fmt="o", color=_INK, ms=4)
    axes.set(xlabel="size", ylabel="lost by the next session")
    axes.set_ylim(bottom=0)
    log_scale(axes, float(middle[0]), float(middle[-1]), "x")


def _directed(axes: Axes, estimate: Estimate) -> None:
    """Mean change from the first session to the last by size, and the line free of noise."""
    measured = estimate.measured
    first, last = measured.log_sizes[:, 0], measured.log_sizes[:, -1]
    for null, colour, condition in ((False, _INK, "seen"), (True, "0.6", "sham")):
        rows = np.isfinite(first) & np.isfinite(last) & (measured.null == null)
        if not rows.any():
            continue
        size, change = first[rows], (last - first)[rows]
        parts = [part for part in np.array_split(np.argsort(size), _CLASSES) if part.size]
        axes.plot(
            np.exp([size[part].mean() for part in parts]),
            [change[part].mean() for part in parts],
            "o", color=colour, ms=4, label=condition,
        )  # fmt: skip
    directed = directed_change(estimate)
    treated = np.isfinite(first) & np.isfinite(last) & ~measured.null
    if directed is not None:
        ends = np.quantile(first[treated], [0.01, 0.99])
        line = directed.mean.value + directed.slope.value * (ends - first[treated].mean())
        axes.plot(np.exp(ends), line, color=FITTED, lw=1.8, label="free of noise in the size")
        log_scale(axes, math.exp(ends[0]), math.exp(ends[1]), "x")
    axes.axhline(0, color="0.6", lw=0.8)
    axes.set(xlabel=f"size, {label(measured.names[0])}", ylabel="mean change of log size")
    legend_below(axes, 3, size=7)


_PICTURES: dict[str, Callable[[Axes, Estimate], None]] = {
    "size_halves": _halves,
    "lag_stability": _lags,
    "groups": _groups,
    "products": _products,
    "heavy_tails": _tails,
    "outliers": _tails,
    "ceiling": _sizes,
    "units": _sizes,
    "losses": _losses,
    "losses_by_size": _losses,
    "directed": _directed,
    "reversion": _directed,
}
"""What a check's picture shows; the others show the spread of change that they are about."""
