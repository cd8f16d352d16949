"""The picture of calls: changes against size, and our calls beside the usual rule's."""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steepest.inference.synapses.pair_picture import log_scale
from steepest.pictures import LINE_COLOURS, bare, drawn, label, legend_below

if TYPE_CHECKING:
    import steepest.inference.synapses.calls

__all__ = ["draw"]

# In quotes: the class draws itself with this file, and two files must not import each other.
Calls: TypeAlias = "steepest.inference.synapses.calls.Calls"

_COLOURS = {"potentiated": LINE_COLOURS[1], "depressed": LINE_COLOURS[0], "stable": "0.35"}


@drawn
def draw(calls: Calls) -> Figure:
    """A: change of log size against size with every call; B: calls, and expected false ones."""
    figure = Figure(figsize=(9.5, 4.8), dpi=150, layout="constrained")
    changes, counts = figure.subplots(1, 2, width_ratios=[1.25, 1])
    _draw_changes(changes, calls)
    _draw_counts(counts, calls)
    for axes, letter, title in (
        (changes, "A", "change of every synapse"),
        (counts, "B", "called changed, and expected to be wrong"),
    ):
        axes.set_title(f"{letter}   {title}", loc="left", fontsize=10)
        bare(axes)
    return figure


def _draw_changes(axes: Axes, calls: Calls) -> None:
    called = np.array(calls.call)
    seen = np.isfinite(calls.observed)
    if not seen.any():
        axes.text(0.5, 0.5, "no synapse has two sizes", ha="center", transform=axes.transAxes)
        return
    order = np.argsort(calls.size[seen])
    size, noise = calls.size[seen][order], calls.noise[seen][order]
    axes.fill_between(size, -2 * noise, 2 * noise, color="0.92", lw=0, label="noise, 2 sd")
    for edge in (-calls.change, calls.change):
        axes.axhline(edge, color="0.5", lw=0.8, ls="--")
    open_ = seen & (called == "cannot say")
    axes.plot(calls.size[open_], calls.observed[open_], ".", ms=4, color="0.7", label="cannot say")
    for name, colour in _COLOURS.items():
        chosen = seen & (called == name)
        if chosen.any():
            axes.plot(
                calls.size[chosen], calls.observed[chosen], ".", ms=6, color=colour,
                label=f"{name} ({int(chosen.sum())})",
            )  # fmt: skip
    first, last = map(label, calls.sessions)
    axes.set(xlabel="size", ylabel=f"change of log size, {first} to {last}")
    if size[-1] > size[0]:
        log_scale(axes, float(size[0]), float(size[-1]), "x")
    legend_below(axes, 3)


def _draw_counts(axes: Axes, calls: Calls) -> None:
    rule = calls.laboratory
    numbers = [(calls.changed, calls.expected_false), (rule.called, rule.false)]
    for place, (called, false) in enumerate(numbers):
        axes.bar(place, called, 0.6, color="0.8", label="called" if place == 0 else None)
        axes.bar(
            place, false, 0.6, color="#CC3311", label="expected to be wrong" if place == 0 else None
        )
    axes.set_xticks([0, 1], [f"at {calls.fdr:.0%} of errors", "ratio 1.25 or .75"])
    axes.set(ylabel="synapses", ylim=(0, 1.1 * max(1, calls.changed, rule.called)))
    legend_below(axes, 1)
