"""One picture for each check of a single pair of sessions: the changes that it was made on."""

import math
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steepest.inference.synapses.dual import dual_change
from steepest.inference.synapses.pair_picture import log_scale, scatter
from steepest.inference.synapses.verdict import Check
from steepest.pictures import INK, bare, drawn, legend_below

if TYPE_CHECKING:
    import steepest.inference.synapses.checks

__all__ = ["draw_pair_check"]

# A name in quotes: the checks draw themselves with this file, and two must not import each other.
Change: TypeAlias = "steepest.inference.synapses.checks.Change"  # pyright: ignore[reportAttributeAccessIssue]

_CLASSES = 10
_WIDEST = 8.0  # standard deviations that are shown


@drawn
def draw_pair_check(name: str, change: Change, check: Check) -> Figure:
    """The picture of a check by its name, with what it means above."""
    figure = Figure(figsize=(5.6, 4.0), dpi=150, layout="constrained")
    axes = figure.subplots()
    _PICTURES.get(name, _changes)(axes, change)
    said = textwrap.fill(check.meaning, 80)
    axes.set_title(f"{name.replace('_', ' ')}\n{said}", loc="left", fontsize=8)
    bare(axes)
    return figure


def _dual(change: Change) -> np.ndarray:
    """The dual change at the estimated index, in its standard deviations; of finite ones."""
    logs = change.logs
    centre = logs[0].mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = dual_change(logs[0] - centre, logs[1] - centre, change.index, change.signs)
    spread = float(moved[np.isfinite(moved)].std())
    return moved / spread if spread > 0 else moved


def _gaussian(axes: Axes, change: Change) -> None:
    """The dual change in its standard deviations, against a Gaussian."""
    moved = _dual(change)
    moved = moved[np.isfinite(moved)]
    axes.hist(np.clip(moved - moved.mean(), -_WIDEST, _WIDEST), 40, density=True, color="0.75")
    line = np.linspace(-4, 4, 200)
    axes.plot(line, np.exp(-(line**2) / 2) / math.sqrt(2 * math.pi), color=INK, label="Gaussian")
    axes.set(xlabel="dual change, in standard deviations", ylabel="density")
    legend_below(axes, size=7)


def _direction(axes: Axes, change: Change) -> None:
    """The dual change against the size before, and its mean by classes of size."""
    _by_size(axes, change, _dual(change), "dual change, in standard deviations", np.mean)
    axes.axhline(0, color="0.6", lw=0.8)


def _bend(axes: Axes, change: Change) -> None:
    """How far the dual change is from its median, against the size before."""
    moved = _dual(change)
    far = np.abs(moved - np.median(moved[np.isfinite(moved)]))
    far = np.where(far > 0, far, np.nan)
    _by_size(axes, change, far, "dual change about its median, in sd", np.median)
    axes.set_yscale("log")


def _changes(axes: Axes, change: Change) -> None:
    """The change of log size against the size before."""
    before, after = change.logs
    _by_size(axes, change, after - before, "change of log size", np.mean)
    axes.axhline(0, color="0.6", lw=0.8)


def _sizes(axes: Axes, change: Change) -> None:
    """The distribution of the log sizes of both sessions."""
    axes.hist(np.concatenate(change.logs) / math.log(10), 60, color="0.7")
    axes.set(xlabel="log10 of size", ylabel="measurements")


def _by_size(
    axes: Axes, change: Change, values: np.ndarray, said: str, middle: Callable[..., float]
) -> None:
    fine = np.isfinite(values)
    size, values = change.before[fine], values[fine]
    scatter(axes, size, values)
    parts = [part for part in np.array_split(np.argsort(size), _CLASSES) if part.size]
    axes.plot(
        [np.median(size[part]) for part in parts],
        [middle(values[part]) for part in parts],
        "o", mfc="white", mec=INK, ms=6, zorder=5, label=f"{middle.__name__} by size",
    )  # fmt: skip
    axes.set(xlabel="size before", ylabel=said)
    if size.max() > size.min():
        log_scale(axes, float(size.min()), float(size.max()), "x")
    legend_below(axes, size=7)


_PICTURES: dict[str, Callable[[Axes, Change], None]] = {
    "gaussian": _gaussian,
    "reversion": _direction,
    "curvature": _bend,
    "rounded": _sizes,
    "units": _sizes,
}
"""What a check's picture shows; the others show the changes of log size that they are about."""
