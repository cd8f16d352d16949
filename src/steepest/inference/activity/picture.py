"""The picture of an inferred connectivity: W, its uncertainty, and data against replay."""

from typing import TYPE_CHECKING, Any, TypeAlias

import matplotlib.figure
import numpy as np

from steepest.pictures import drawn, label, letter

if TYPE_CHECKING:
    import steepest.inference.activity.connectivity

__all__ = ["connectivity_picture"]

# A name in quotes: the class draws itself with this file, and two files must not import each other.
Connectivity: TypeAlias = "steepest.inference.activity.connectivity.Connectivity"

_DATA, _REPLAY = "#1f2328", "#e0662b"


@drawn
def connectivity_picture(
    result: Connectivity,
) -> matplotlib.figure.Figure:
    """A: W (weights not told from 0 are crossed), B: the spectrum of C, C: four units' replay.

    >>> from steepest.inference.activity import infer_connectivity
    >>> from steepest.recurrent import RateNetwork, simulate
    >>> turn = np.array([[1.5, -1.0], [1.0, 1.5]])
    >>> path = simulate(RateNetwork(), turn, [0.1, 0.0], 0.05, 400)
    >>> len(connectivity_picture(infer_connectivity(path, 0.05)).subfigs)
    2
    """
    figure = matplotlib.figure.Figure(figsize=(12, 4.2), layout="constrained")
    parts: Any = figure.subfigures(1, 2, width_ratios=(1.6, 1))
    left, right = parts
    matrix, modes = left.subplots(1, 2, width_ratios=(1.5, 1))
    _weights(result, left, matrix)
    _spectrum(result, modes)
    _replay(result, right)
    return figure


def _weights(result: Connectivity, figure: Any, axes: Any) -> None:
    n, names = len(result.weights), [label(name) for name in result.series.names]
    scale = float(np.abs(result.weights).max())
    image = axes.imshow(result.weights, cmap="RdBu_r", vmin=-scale, vmax=scale)
    figure.colorbar(image, ax=axes, shrink=0.7, label="weight, 1/time")
    axes.set(xlabel="from", ylabel="to")
    letter(axes, "A", "connectivity W")
    if n > 12:
        return
    axes.set(xticks=range(n), yticks=range(n))
    axes.set_xticklabels(names, rotation=90 if max(map(len, names)) > 3 else 0)
    axes.set_yticklabels(names)
    rows, columns = np.nonzero(~result.clear)
    corner = 0.36 if n < 6 else 0.0  # beside the number
    axes.plot(columns + corner, rows - corner, "x", color="0.45", ms=6, mew=0.9)
    if n < 6:
        for (i, j), weight in np.ndenumerate(result.weights):
            shade = "white" if abs(weight) > 0.6 * scale else "black"
            axes.text(j, i, f"{weight:.2f}", ha="center", va="center", fontsize=9, color=shade)


def _spectrum(result: Connectivity, axes: Any) -> None:
    spectrum, rank = result.minimum.spectrum, result.minimum.rank
    low = max(spectrum[-1], spectrum[0] * 1e-16)
    place = np.arange(1, len(spectrum) + 1)
    axes.semilogy(place[:rank], np.maximum(spectrum[:rank], low), "o", ms=5, color=_DATA)
    if rank < len(spectrum):
        axes.semilogy(
            place[rank:], np.maximum(spectrum[rank:], low), "x", color="0.5", label="not used"
        )
        axes.legend(frameon=False, fontsize=8)
    letter(axes, "B", "directions covered")
    axes.set(xlabel="direction", ylabel="eigenvalue of C")
    axes.set(xlim=(0.4, len(spectrum) + 0.6), ylim=(low / 4, spectrum[0] * 4))
    axes.xaxis.get_major_locator().set_params(integer=True)


def _replay(result: Connectivity, figure: Any) -> None:
    names, units = result.series.names, range(min(len(result.weights), 4))
    panels = np.atleast_1d(figure.subplots(len(units), 1, sharex=True))
    shown = result.series.values[: len(result.replayed)]
    time = np.arange(len(shown)) * result.series.dt
    for axes, unit in zip(panels, units, strict=True):
        axes.plot(time, result.replayed[:, unit], color=_REPLAY, lw=2.2, alpha=0.75, label="replay")
        axes.plot(time, shown[:, unit], "--", color=_DATA, lw=1, label="data")
        low, high = shown[:, unit].min(), shown[:, unit].max()
        axes.set_ylim(low - 0.15 * (high - low), high + 0.15 * (high - low))
        axes.set_xlim(0, time[-1])
        axes.set_ylabel(label(names[unit]))
    figure.align_ylabels(panels)
    panels[-1].set_xlabel("time")
    letter(panels[0], "C", "data and replay")
    panels[0].legend(
        frameon=False, fontsize=8, ncols=2, loc="lower right", bbox_to_anchor=(1.0, 0.98)
    )
