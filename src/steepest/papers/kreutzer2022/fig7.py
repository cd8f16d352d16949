"""Interplay of homo- and heterosynaptic plasticity

Five of ten synapses receive Poisson input, the others none; a teacher fires at 20 Hz, and tonic
inhibition holds the neuron down. Both groups learn by the natural rule from every pair of initial
weights. Where stimulated synapses grow, silent ones mostly shrink, and the reverse (O1, O2); for
large weights both shrink (S). What stimulated synapses do does not depend on the silent ones.

How it must be read. A silent synapse is the limit of a vanishing rate: it loses the homosynaptic
term and keeps both heterosynaptic ones (a pseudo-inverse would leave it unchanged). V in the rule's
coefficients is w.x without the inhibition; with it counted in, the map of signs is lost.
"""

from dataclasses import dataclass
from typing import Any

import matplotlib.colors
import matplotlib.figure
import matplotlib.patches
import numpy as np
import xarray as xr

from steepest.arrays.repetitions import mean_and_error
from steepest.pictures import LINE_COLOURS, bare, letter
from steepest.spiking import (
    Afferents,
    FixedRateTeacher,
    NaturalRule,
    PoissonNeuron,
    Task,
    simulate,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The paper's experiment; the grid and the number of repetitions are ours."""

    n: int = parameter(10, "number of afferents")
    stimulated: int = parameter(5, "how many of them receive spikes")
    input_rate: float = parameter(5.0, "rate of a stimulated afferent", "Hz")
    teacher: float = parameter(20.0, "rate of the teacher", "Hz")
    bias: float = parameter(-5.0, "tonic inhibition", "mV")
    rate: float = parameter(0.01, "learning rate", "1/s")
    duration: float = parameter(60.0, "time of learning", "s")
    lowest: float = parameter(1.0, "smallest initial weight, times n")
    highest: float = parameter(5.0, "largest initial weight, times n")
    points: int = parameter(41, "initial weights along an axis")
    trials: int = parameter(20, "repetitions of each pair of initial weights")
    examples: tuple[float, ...] = parameter((1.6, 2.5, 4.5), "initial weights of E-G, times n")
    example_trials: int = parameter(1000, "repetitions of the examples")


QUICK = Parameters(points=9, trials=3, example_trials=64)

# Relative changes of stimulated and silent synapses in O1, O2, S after 60 s: mean and standard
# error of 2000 repetitions with another seed.
_SEEN = (
    ((0.04295, 0.00026), (-0.08917, 0.00053)),
    ((-0.05260, 0.00015), (0.06163, 0.00019)),
    ((-0.06879, 0.00013), (-0.010399, 0.000016)),
)
_NAMES = ("O1", "O2", "S")
_STIMULATED, _SILENT = LINE_COLOURS[0], LINE_COLOURS[4]


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Relative weight changes after learning on the grid, and three examples in time."""
    p = parameters
    rates = np.r_[np.full(p.stimulated, p.input_rate), np.zeros(p.n - p.stimulated)]
    task = Task(
        PoissonNeuron(bias=np.array(p.bias)), Afferents.steady(rates), FixedRateTeacher(p.teacher)
    )
    axis = np.linspace(p.lowest, p.highest, p.points)
    stimulated, silent = np.meshgrid(axis, axis, indexing="ij")

    def learn(
        stimulated: np.ndarray, silent: np.ndarray, trials: int, record: Any, key: int
    ) -> Any:
        start = np.concatenate(
            [
                np.tile(stimulated[:, None, None], (1, trials, p.stimulated)),
                np.tile(silent[:, None, None], (1, trials, p.n - p.stimulated)),
            ],
            axis=2,
        ).reshape(-1, p.n)
        recording = simulate(
            task,
            NaturalRule(),
            start / p.n,
            rate=p.rate,
            duration=p.duration,
            seed=seed + key,
            record=record,
        )
        change = recording.weights / recording.weights[0] - 1
        split = np.stack(
            [change[..., : p.stimulated].mean(-1), change[..., p.stimulated :].mean(-1)], axis=-1
        )
        shape = (len(recording.times), len(stimulated), trials, 2)
        return recording.times, np.moveaxis(split.reshape(shape), -1, 0)

    _, grid = learn(stimulated.ravel(), silent.ravel(), p.trials, None, 0)
    map_ = grid[:, -1].reshape(2, p.points, p.points, p.trials)
    examples = np.array(p.examples)
    times, traces = learn(examples, examples, p.example_trials, 30, 1)

    change, change_error = mean_and_error(map_, axis=-1)
    trace, trace_error = mean_and_error(traces, axis=-1)
    dataset = xr.Dataset(
        {
            "change": (("group", "stimulated", "silent"), change),
            "change_error": (("group", "stimulated", "silent"), change_error),
            "trace": (("group", "time", "example"), trace),
            "trace_error": (("group", "time", "example"), trace_error),
        },
        coords={
            "group": ["stimulated", "silent"],
            "stimulated": ("stimulated", axis, {"units": "1/n"}),
            "silent": ("silent", axis, {"units": "1/n"}),
            "time": ("time", times, {"units": "s"}),
            "example": ("example", examples, {"units": "1/n"}),
        },
    )
    return stamp(dataset, parameters, seed)


def _mean_map(dataset: xr.Dataset) -> xr.Dataset:
    """The stimulated synapses' change does not see the silent ones: pooled over them."""
    pooled = dataset["change"].sel(group="stimulated").mean("silent")
    error = np.sqrt((dataset["change_error"].sel(group="stimulated") ** 2).sum("silent"))
    return xr.Dataset({"change": pooled, "error": error / dataset.sizes["silent"]})


def _equilibrium(dataset: xr.Dataset) -> tuple[float, float]:
    """Where the stimulated synapses' pooled change falls through 0, linearly, and its error."""
    pooled = _mean_map(dataset)
    change, error = pooled["change"].to_numpy(), pooled["error"].to_numpy()
    axis = dataset["stimulated"].to_numpy()
    falls = np.flatnonzero((change[:-1] > 0) & (change[1:] <= 0))
    if not falls.size:
        return float("nan"), float("nan")
    i = int(falls[0])
    part = change[i] / (change[i] - change[i + 1])
    slope = (change[i] - change[i + 1]) / (axis[i + 1] - axis[i])
    spread = np.hypot((1 - part) * error[i], part * error[i + 1]) / slope
    return float(axis[i] + (axis[i + 1] - axis[i]) * part), float(spread)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A: the experiment; B, C: changes of both groups; D: their signs; E-G: three examples."""
    figure = matplotlib.figure.Figure(figsize=(12.0, 6.0), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=[1.1, 1])
    top, bottom = parts
    scheme, left, right, signs = top.subplots(1, 4, width_ratios=[0.8, 1, 1, 1])
    _scheme(scheme)
    limit = 100 * float(np.quantile(np.abs(dataset["change"].to_numpy()), 0.99))
    for axes, group, name in ((left, "stimulated", "B"), (right, "silent", "C")):
        shown = axes.pcolormesh(
            dataset["stimulated"],
            dataset["silent"],
            100 * dataset["change"].sel(group=group).T,
            cmap="seismic_r",
            norm=matplotlib.colors.CenteredNorm(0, limit),
            shading="nearest",
        )
        letter(axes, name, f"{group} synapses")
        bar = top.colorbar(shown, ax=axes, shrink=0.75)
        bar.set_label("change after learning (%)")
    equilibrium, _ = _equilibrium(dataset)
    change = dataset["change"]
    opposed = change.sel(group="stimulated") * change.sel(group="silent") < 0
    signs.pcolormesh(
        dataset["stimulated"],
        dataset["silent"],
        opposed.T,
        cmap=matplotlib.colors.ListedColormap(["#1f7a3f", "#bfe3b4"]),
        shading="nearest",
        vmin=0,
        vmax=1,
    )
    letter(signs, "D", "signs")
    signs.legend(
        handles=[
            matplotlib.patches.Patch(color="#bfe3b4", label="opposite signs"),
            matplotlib.patches.Patch(color="#1f7a3f", label="same sign"),
        ],
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        frameon=False,
    )
    for axes in (left, right, signs):
        axes.axvline(equilibrium, color="black", linestyle="--", linewidth=1.2)
        for x, label in zip(dataset["example"].to_numpy(), _NAMES, strict=False):
            axes.plot(x, x, "x", color="black", markersize=7)
            axes.annotate(label, (x, x), xytext=(4, 4), textcoords="offset points")
        axes.set(xlabel="stimulated weight, times n", ylabel="silent weight, times n")
        axes.set_box_aspect(1)
    panels = bottom.subplots(1, dataset.sizes["example"], sharey=True)
    for k, axes in enumerate(np.atleast_1d(panels)):
        example = dataset.isel(example=k)
        for group, colour in (("stimulated", _STIMULATED), ("silent", _SILENT)):
            mean = 100 * example["trace"].sel(group=group)
            error = 200 * example["trace_error"].sel(group=group)
            axes.plot(dataset["time"], mean, color=colour, label=group)
            axes.fill_between(
                dataset["time"], mean - error, mean + error, color=colour, alpha=0.25, linewidth=0
            )
        axes.axhline(0, color="0.6", linewidth=0.8)
        name = _NAMES[k] if k < len(_NAMES) else ""
        letter(axes, "EFGHIJK"[k % 7], f"{name}, from {float(example['example']):g}/n")
        axes.set(xlabel="time (s)")
        bare(axes)
    first = np.atleast_1d(panels)[0]
    first.set_ylabel("weight change (%), mean $\\pm$ 2 SE")
    first.legend(frameon=False)
    return figure


def _scheme(axes: Any) -> None:
    """Five stimulated and five silent afferents, tonic inhibition, and the teacher."""
    letter(axes, "A", "experiment")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")
    axes.add_patch(matplotlib.patches.Circle((0.68, 0.5), 0.11, facecolor="0.85", edgecolor="0.2"))
    for k in range(10):
        y = 0.93 - 0.09 * k
        active = k < 5
        colour = _STIMULATED if active else _SILENT
        axes.plot([0.22, 0.58], [y, 0.5 + 0.5 * (y - 0.5) * 0.4], color=colour, linewidth=1.2)
        for x in (0.03, 0.07, 0.14, 0.19) if active else ():
            axes.plot([x + 0.004 * k] * 2, [y - 0.03, y + 0.03], color=colour, linewidth=1.2)
        if not active:
            axes.plot([0.02, 0.2], [y, y], color="0.75", linewidth=0.8)
    axes.annotate(
        "teacher\n20 Hz", (0.72, 0.61), (0.78, 0.86), ha="center", arrowprops={"arrowstyle": "->"}
    )
    axes.annotate(
        "inhibition",
        (0.72, 0.39),
        (0.78, 0.12),
        ha="center",
        arrowprops={"arrowstyle": "-[", "mutation_scale": 6},
    )


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The three regimes, their order, the equilibrium, and what does not depend on what."""
    equilibrium, spread = _equilibrium(dataset)
    change, error = dataset["change"], dataset["change_error"]
    pooled = _mean_map(dataset)["change"]
    off = ((change.sel(group="stimulated") - pooled) ** 2).mean()
    off = float(off / (error.sel(group="stimulated") ** 2).mean())
    clear = abs(change / error) > 3
    both = clear.sel(group="stimulated") & clear.sel(group="silent")
    opposed = change.sel(group="stimulated") * change.sel(group="silent") < 0
    small = dataset["silent"] <= 2.0
    return [
        *_example_claims(dataset),
        Claim.close(
            "The stimulated synapses' change falls through 0 near 1.9/n, whatever the"
            " silent weights (within .15)",
            1.9,
            equilibrium,
            0.15,
            standard_error=spread,
        ),
        Claim.below(
            "Silent weights do not matter to stimulated synapses: variance of the change"
            " across silent weights over its sampling variance (1 or less; below 1.5)",
            off,
            1.5,
        ),
        _share(
            "Small silent weights (<= 2/n) move against the stimulated ones (share of the pairs"
            " whose signs are clear at 3 SE)",
            opposed.where(both & small),
        ),
        _share(
            "Silent synapses shrink at the top right corner (silent and stimulated >= 4.5/n; share"
            " of pairs clear at 3 SE)",
            (change.sel(group="silent") < 0).where(
                clear.sel(group="silent")
                & (dataset["silent"] >= 4.5)
                & (dataset["stimulated"] >= 4.5)
            ),
        ),
    ]


def _example_claims(dataset: xr.Dataset) -> list[Claim]:
    """Changes of O1, O2 and S against those seen with many more repetitions."""
    verdicts, last = [], dataset.isel(time=-1)
    for k, (name, expected) in enumerate(zip(_NAMES, _SEEN, strict=True)):
        for group, (value, own) in zip(("stimulated", "silent"), expected, strict=True):
            example = last.isel(example=k).sel(group=group)
            change, error = float(example["trace"]), float(example["trace_error"])
            near = abs(change - value) <= 4 * np.hypot(error, own)
            clear = change * np.sign(value) > 3 * error
            # Two limits, one on either side.
            verdicts.append(
                Claim(
                    statement=f"{name}: {group} synapses that start at"
                    f" {float(example['example']):g}/n change by {100 * value:+.2f} % in 60 s,"
                    " clearly of that sign (within 4 SE, and 3 SE from 0)",
                    expected=value,
                    measured=change,
                    standard_error=error,
                    holds=bool(near and clear),
                )
            )
    return verdicts


def _share(statement: str, flags: xr.DataArray) -> Claim:
    """The claim that every flag that exists is true."""
    values = flags.to_numpy()
    values = values[~np.isnan(values.astype(float))]
    share = float(values.mean()) if values.size else float("nan")
    return Claim.close(statement, 1.0, share, 0.0, tested=bool(values.size))
