"""The picture of a recording: what learning lowered, and the weights, against time."""

from typing import TYPE_CHECKING, TypeAlias

import matplotlib.figure

from steepest.pictures import INK, LINE_COLOURS, bare, drawn, letter

if TYPE_CHECKING:
    import steepest.spiking.learned
    import steepest.spiking.recording

__all__ = ["draw_learning", "draw_recording"]

# A name in quotes: the class draws itself with this file, and two files must not import each other.
Recording: TypeAlias = "steepest.spiking.recording.Recording"
LearnedNetwork: TypeAlias = "steepest.spiking.learned.LearnedNetwork"

_MOST = 20  # lines in a panel
_LABELS = {
    "cost": "cost, nats per bin",
    "rate_distance": "error of the output rate, Hz",
    "weight_distance": "distance from the teacher",
}


@drawn
def draw_recording(recording: Recording) -> matplotlib.figure.Figure:
    """A: the cost (or the distance that there is) of each trial and its mean; B: weights.

    The weights are those of the first trial, at most twenty of them.
    """
    name = next((name for name in _LABELS if name in recording.measures), None)
    figure = matplotlib.figure.Figure(figsize=(9, 3.4), layout="constrained")
    panels = figure.subplots(1, 1 if name is None else 2, squeeze=False)[0]
    times = recording.times
    if name is not None:
        values = recording.measures[name]
        panels[0].plot(times, values[:, :_MOST], color=INK, linewidth=0.6, alpha=0.4)
        panels[0].plot(times, values.mean(axis=1), color=LINE_COLOURS[0], linewidth=2)
        panels[0].set(xlabel="time, s", ylabel=_LABELS[name], ylim=(0, None))
        letter(panels[0], "A", "mean over trials in blue")
    for place, weight in enumerate(recording.weights[:, 0, :_MOST].T):
        panels[-1].plot(times, weight, color=LINE_COLOURS[place % len(LINE_COLOURS)], linewidth=1)
    panels[-1].set(xlabel="time, s", ylabel="weight")
    letter(panels[-1], "A" if name is None else "B", "weights of the first trial")
    bare(*panels)
    return figure


@drawn
def draw_learning(result: LearnedNetwork) -> matplotlib.figure.Figure:
    """Loss of a network's trials and their mean against time; accuracy where there are classes."""
    rows = [("loss, nats/s", result.loss), ("accuracy", result.accuracy)]
    shown = [(label, values) for label, values in rows if values is not None]
    figure = matplotlib.figure.Figure(figsize=(4.6 * len(shown), 3.4), layout="constrained")
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for axes, name, (label, values) in zip(panels, "AB", shown, strict=False):
        axes.plot(result.times, values[:, :_MOST], color=INK, linewidth=0.6, alpha=0.4)
        axes.plot(result.times, values.mean(axis=1), color=LINE_COLOURS[0], linewidth=2)
        axes.set(xlabel="time, s", ylabel=label, ylim=(0, None))
        letter(axes, name, f"{result.options.get('rule', '')}; mean over trials in blue")
    bare(*panels)
    return figure
