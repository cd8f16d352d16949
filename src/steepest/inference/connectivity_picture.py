"""The picture of an inferred connectivity: W, its uncertainty, and data against replay."""

from typing import Any

import matplotlib.figure
import numpy as np

from steepest.inference.connectivity import Connectivity

__all__ = ["connectivity_picture"]


def connectivity_picture(result: Connectivity) -> matplotlib.figure.Figure:
    """W (weights whose interval holds 0 are crossed), the spectrum of C, and four units' replay."""
    figure = matplotlib.figure.Figure(figsize=(10.4, 4), layout="constrained")
    halves: Any = figure.subfigures(1, 2, width_ratios=(1.25, 1))
    left, right = halves
    matrix, modes = left.subplots(1, 2, width_ratios=(1.6, 1))
    n, names = len(result.weights), result.series.names
    scale = float(np.abs(result.weights).max())
    image = matrix.imshow(result.weights, cmap="RdBu_r", vmin=-scale, vmax=scale)
    left.colorbar(image, ax=matrix, shrink=0.7)
    matrix.set(xlabel="from", ylabel="to", title="connectivity W")
    if n <= 12:
        matrix.set(xticks=range(n), yticks=range(n))
        matrix.set_xticklabels(names, rotation=90 if max(map(len, names)) > 3 else 0)
        matrix.set_yticklabels(names)
        rows, columns = np.nonzero(~result.clear)
        matrix.plot(columns, rows, "x", color="0.4", ms=10 if n < 6 else 6, mew=0.8)
    modes.semilogy(np.arange(1, n + 1), np.maximum(result.minimum.spectrum, 1e-300), "o", ms=4)
    modes.axvline(result.minimum.rank + 0.5, color="0.6", lw=0.8, ls=":")
    modes.set(title="what the data cover", xlabel="direction", ylabel="eigenvalue of C")
    low = max(result.minimum.spectrum[-1], result.minimum.spectrum[0] * 1e-14)
    modes.set_ylim(low / 10, result.minimum.spectrum[0] * 10)
    units = range(min(n, 4))
    panels = np.atleast_1d(right.subplots(len(units), 1, sharex=True))
    shown = result.series.values[: len(result.replayed)]
    time = np.arange(len(shown)) * result.series.dt
    for axes, unit in zip(panels, units, strict=True):
        axes.plot(time, shown[:, unit], "--", color="black", lw=1, label="data", zorder=3)
        axes.plot(time, result.replayed[:, unit], color="#1f5fd0", lw=1.2, label="replay")
        low, high = shown[:, unit].min(), shown[:, unit].max()
        axes.set_ylim(low - 0.25 * (high - low), high + 0.25 * (high - low))
        axes.set_ylabel(names[unit])
    panels[0].legend(frameon=False, fontsize=8, ncols=2, loc="upper right")
    panels[-1].set_xlabel("time")
    panels[0].set_title("data, and the network left alone")
    return figure
