"""What can become of a cell, and a map of a study's cells: each a square of its state's colour."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from steepest.pictures import drawn, label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DONE", "FAILED", "LEFT", "draw_cells"]

LEFT, DONE, FAILED = 0, 1, 2

_LETTERS = 10  # of a title, in an inch

_COLOURS = {LEFT: "#e6e6e6", DONE: "#009E73", FAILED: "#D55E00"}
_WORDS = {LEFT: "left", DONE: "done", FAILED: "failed"}
_MOST_LABELS, _MOST_EDGES = 12, 5000


@drawn
def draw_cells(
    title: str, axes: Mapping[str, Mapping[str, Sequence[Any]]], states: np.ndarray
) -> "Figure":
    """The last dimension across, all others down; `states` is flat in the plan's order."""
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    shape = [len(next(iter(columns.values()))) for columns in axes.values()]
    table = np.reshape(states, (-1, shape[-1]))
    width = min(12.0, 3.0 + 0.25 * table.shape[1])
    heading = textwrap.fill(label(title), int(_LETTERS * width))
    height = min(9.0, 1.5 + 0.25 * table.shape[0]) + 0.2 * heading.count("\n")
    figure = Figure(figsize=(width, height), layout="constrained")
    panel = figure.subplots()
    colours = ListedColormap([_COLOURS[state] for state in (LEFT, DONE, FAILED)])
    lines = {"edgecolors": "white", "linewidth": 0.5} if table.size < _MOST_EDGES else {}
    panel.pcolormesh(table, cmap=colours, vmin=-0.5, vmax=2.5, **lines)
    panel.invert_yaxis()
    *outer, last = axes.items()
    _label(panel.xaxis, last[0], [_label_of(last[1], i) for i in range(shape[-1])])
    rows = [
        ", ".join(_label_of(columns, i) for (_, columns), i in zip(outer, at, strict=True))
        for at in np.ndindex(*shape[:-1])
    ]
    _label(panel.yaxis, ", ".join(name for name, _ in outer), rows)
    counts = {state: int(np.sum(states == state)) for state in (DONE, FAILED, LEFT)}
    keys = [Patch(color=_COLOURS[s], label=f"{n} {_WORDS[s]}") for s, n in counts.items() if n]
    figure.legend(handles=keys, loc="outside lower center", ncols=3, frameon=False)
    panel.set_title(heading, fontsize=11)
    return figure


def _label_of(columns: Mapping[str, Sequence[Any]], i: int) -> str:
    return " ".join(str(values[i]) for values in columns.values())


def _label(axis: Any, name: str, labels: list[str]) -> None:
    axis.set_label_text(label(name))
    count = min(len(labels), _MOST_LABELS)
    shown = sorted({round(x) for x in np.linspace(0, len(labels) - 1, count)})
    axis.set_ticks([i + 0.5 for i in shown], [label(labels[i]) for i in shown])
