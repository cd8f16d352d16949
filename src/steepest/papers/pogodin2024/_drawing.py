"""What several figures draw alike: the noise floor of Delta CDF, and a matrix with its numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

__all__ = ["draw_floor", "draw_matrix", "noise_floor"]


def noise_floor(counts: np.ndarray) -> Float[np.ndarray, "..."]:
    """Mean uncentred Delta CDF of so many exact Gaussian samples, 1.18 / sqrt(count)."""
    return 1.18 / np.sqrt(counts)


def draw_floor(axes: Any, counts: Any, floor: Any) -> None:
    """A broad grey line behind the data, on logarithmic axes."""
    axes.loglog(counts, floor, color="grey", linewidth=5, alpha=0.4, zorder=0, label="noise floor")


def draw_matrix(
    axes: Any,
    values: np.ndarray,
    names: Sequence[str],
    *,
    darkest: float = 0.9,
    digits: int = 2,
    xlabel: str = "hypothesised",
    ylabel: str = "true",
) -> None:
    """A square matrix in shades of grey, black at `darkest`, with its numbers; rows downward."""
    axes.imshow(values, cmap="Greys", vmin=0, vmax=darkest)
    for (row, column), value in np.ndenumerate(values):
        shade = "white" if value > darkest / 2 else "black"
        axes.text(column, row, f"{value:.{digits}f}", ha="center", va="center", color=shade)
    places = range(len(names))
    axes.set(xticks=places, xticklabels=names, yticks=places, yticklabels=names)
    axes.set(xlabel=xlabel, ylabel=ylabel)
