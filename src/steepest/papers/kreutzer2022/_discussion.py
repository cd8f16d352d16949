"""What the experiments of the Discussion share: both rules, the time bin, and points with errors.

The paper proposes or explains these experiments and gives no numbers: all parameters are ours.
"""

from typing import Any

from steepest.spiking import AbstractRule, EuclideanRule, NaturalRule

__all__ = ["DT", "RULES", "draw_points"]

DT = 5e-4  # s
RULES: dict[str, AbstractRule] = {"natural": NaturalRule(), "Euclidean": EuclideanRule()}


def draw_points(
    axes: Any, x: Any, mean: Any, error: Any, colour: str, label: str | None = None
) -> None:
    """Means with two standard errors, joined by a line."""
    axes.errorbar(
        x, mean, yerr=2 * error, fmt="o-", color=colour, markersize=3, linewidth=1, label=label
    )
