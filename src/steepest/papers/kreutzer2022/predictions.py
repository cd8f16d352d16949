"""Experiments that the natural gradient predicts

Six experiments that the Discussion proposes or explains, simulated with both rules where both say
something: presynaptic spikes in pairs, flatter transfer functions, redundant afferents along a
dendrite, equal dendritic weights, back-propagation that fails with distance, and silent neighbours.

How they must be read. (D) That plasticity falls with distance among synapses of equal *dendritic*
weight (Froemke et al. 2005) depends on the teacher. It comes out, in proportion to the somatic
weight, where the teacher answers the same input more strongly: the natural gradient goes straight
to the teacher's weights. A teacher of a constant rate has the reverse effect: the rule then raises
the mean voltage and lowers its variance, at the expense of the strongest synapses. (E) A teacher's
spike that is attenuated on its way is a change of the rule: no cost belongs to it.
"""

from dataclasses import dataclass
from typing import Any

import matplotlib.figure
import matplotlib.ticker
import numpy as np
import xarray as xr

from steepest.papers.kreutzer2022 import _experiments as experiments
from steepest.papers.kreutzer2022._drawing import EUCLIDEAN, NATURAL, bare, letter
from steepest.papers.kreutzer2022._experiment_claims import (
    of_democracy,
    of_equal_weights,
    of_failing_teachers,
    of_slopes,
    of_trains,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The paper proposes the experiments and gives no numbers: all of these are ours."""

    pair_trials: int = parameter(2000, "repetitions of A")
    trials: int = parameter(2000, "repetitions of D")
    slope_trials: int = parameter(256, "repetitions of B")
    dendrite_trials: int = parameter(128, "repetitions of C and E")
    gap: float = parameter(0.005, "time between the two spikes of a pair in A", "s")
    slopes: tuple[float, ...] = parameter(
        (0.05, 0.075, 0.1, 0.15, 0.2), "slopes of the transfer function in B", "1/mV"
    )
    synapses: int = parameter(12, "synapses along the dendrite in C and E")
    farthest: float = parameter(460.0, "distance of the last synapse from the soma", "um")
    length: float = parameter(200.0, "attenuation length of the dendrite", "um")
    target: float = parameter(0.03, "the teacher's somatic weights in C")
    duration: float = parameter(60.0, "time of learning in C", "s")
    reach: float = parameter(300.0, "attenuation length of the teacher's spike in E", "um")


QUICK = Parameters(
    pair_trials=96,
    trials=256,
    slope_trials=64,
    dendrite_trials=16,
    slopes=(0.05, 0.1, 0.2),
    duration=20.0,
)

_RULES = (("natural", NATURAL), ("Euclidean", EUCLIDEAN))
_TEACHERS = ("stronger input", "constant rate")


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """All six experiments; where both rules learn, they get the same spikes."""
    p = parameters
    distances = np.linspace(0.0, p.farthest, p.synapses)
    trains = experiments.bursts(
        trials=p.pair_trials,
        duration=5.0,
        rate=10.0,
        gap=p.gap,
        weight=0.002,
        teacher=80.0,
        etas=(1e-4, 1e-7),
        seed=seed,
    )
    slopes = experiments.slopes(
        betas=p.slopes,
        trials=p.slope_trials,
        n=100,
        rate=50.0,
        teacher=70.0,
        duration=4.0,
        etas=(0.01, 2e-7),
        seed=seed,
    )
    times = np.linspace(0.0, p.duration, 21)
    democracy = experiments.democracy(
        distances=distances,
        length=p.length,
        target=p.target,
        rate=20.0,
        trials=p.dendrite_trials,
        times=times,
        etas=(0.05, 1e-4),
        seed=seed,
    )
    many = np.linspace(0.0, p.farthest, 48)
    equal = experiments.equal_dendritic_start(
        distances=many,
        length=p.length,
        voltage=6.0,
        rate=20.0,
        teacher=60.0,
        factor=1.5,
        trials=p.trials,
        duration=5.0,
        eta=0.02,
        seed=seed,
    )
    failing = experiments.failing_backpropagation(
        distances=distances,
        reach=p.reach,
        weight=0.03,
        rate=20.0,
        teacher=60.0,
        trials=p.dendrite_trials,
        duration=3.0,
        etas=(0.002, 1e-6),
        seed=seed,
    )
    silent = experiments.silent_partners(
        n=10,
        rate=5.0,
        teacher=20.0,
        weight=0.2,
        silent=(0.1, 0.4),
        trials=16,
        duration=10.0,
        eta=0.01,
        seed=seed,
    )
    one, mv, um = {"units": "1"}, {"units": "mV"}, {"units": "um"}
    ends, fires = silent["ends"], silent["fires"]
    dataset = xr.Dataset(
        {
            "train_change": (("rule", "train"), trains["change"], one),
            "train_error": (("rule", "train"), trains["error"], one),
            "usp_variance": ("train", trains["variance"], {"units": "mV^2"}),
            "usp_mean": ((), 10.0, mv),
            "slope_change": (("rule", "slope"), slopes["change"], mv),
            "slope_error": (("rule", "slope"), slopes["error"], mv),
            "somatic": (("rule", "time", "synapse"), democracy["weights"], one),
            "somatic_error": (("rule", "time", "synapse"), democracy["error"], one),
            "distance": ("synapse", distances, um),
            "target": ((), p.target, one),
            "equal_start": ("place", equal["start"], one),
            "equal_change": (("teacher", "place"), equal["change"], one),
            "equal_error": (("teacher", "place"), equal["error"], one),
            "equal_slope": ("teacher", equal["slope"], one),
            "equal_slope_error": ("teacher", equal["slope_error"], one),
            "place_distance": ("place", many, um),
            "failing_change": (("rule", "synapse"), failing["change"], one),
            "failing_error": (("rule", "synapse"), failing["error"], one),
            "switch": ("rule", failing["switch"], um),
            "switch_error": ("rule", failing["switch_error"], um),
            "predicted_switch": ((), failing["predicted"], um),
            "stimulated_difference": ((), np.abs(np.diff(ends[..., fires], axis=0)).max(), one),
            "silent_difference": ((), np.abs(np.diff(ends[..., ~fires], axis=0)).min(), one),
        },
        coords={
            "rule": [name for name, _ in _RULES],
            "train": ["Poisson", "pairs"],
            "slope": ("slope", np.array(p.slopes), {"units": "1/mV"}),
            "time": ("time", times, {"units": "s"}),
            "teacher": list(_TEACHERS),
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A: pairs; B: slopes; C: a dendrite; D: equal weights; E: failing teacher; F: neighbours."""
    figure = matplotlib.figure.Figure(figsize=(12.0, 6.8), layout="constrained")
    (trains, slopes, democracy), (equal, failing, silent) = figure.subplots(2, 3)
    for k, (rule, colour) in enumerate(_RULES):
        one = dataset.sel(rule=rule)
        reference = float(one["train_change"].sel(train="Poisson"))
        trains.bar(
            np.arange(2) + 0.4 * k - 0.2,
            one["train_change"] / reference,
            0.36,
            yerr=2 * one["train_error"] / reference,
            color=colour,
            label=rule,
        )
        middle = one["slope_change"] / one["slope_change"].isel(slope=0)
        slopes.errorbar(
            dataset["slope"],
            middle,
            yerr=2 * one["slope_error"] / float(one["slope_change"][0]),
            fmt="o-",
            color=colour,
            markersize=4,
        )
        last = one.isel(time=-1)
        _bars(democracy, dataset["distance"], last["somatic"], last["somatic_error"], colour)
        scale = float(np.abs(one["failing_change"]).max())
        _bars(
            failing,
            dataset["distance"],
            one["failing_change"] / scale,
            one["failing_error"] / scale,
            colour,
        )
    trains.set_xticks([0, 1], ["Poisson spikes", "pairs of spikes"])
    trains.set(ylabel="LTP, relative to Poisson spikes", ylim=(0, 1.35))
    trains.legend(frameon=False, loc="upper right", ncols=2)
    letter(trains, "A", "more variable input, less LTP")
    slopes.set(
        xscale="log",
        yscale="log",
        xlabel="slope of the transfer function (1/mV)",
        ylabel="change of mean voltage, relative",
    )
    slopes.set_xticks(dataset["slope"].to_numpy(), [f"{x:g}" for x in dataset["slope"].to_numpy()])
    slopes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    slopes.yaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
    slopes.yaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    slopes.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    letter(slopes, "B", "flatter neurons learn faster")
    democracy.axhline(float(dataset["target"]), color="0.5", linestyle=":", linewidth=1)
    democracy.set(
        xlabel="distance from the soma (um)",
        ylabel=f"somatic weight after {float(dataset['time'][-1]):g} s",
        ylim=(0, None),
    )
    letter(democracy, "C", "redundant afferents")
    for teacher, colour in zip(_TEACHERS, ("#111111", "#8e44ad"), strict=True):
        one = dataset.sel(teacher=teacher)
        scale = float(np.abs(one["equal_change"]).max())
        _bars(
            equal,
            dataset["place_distance"],
            one["equal_change"] / scale,
            one["equal_error"] / scale,
            colour,
            f"teacher: {teacher}",
        )
    equal.legend(frameon=False)
    equal.set(xlabel="distance from the soma (um)", ylabel="somatic change (of the largest)")
    letter(equal, "D", "equal dendritic weights, natural rule")
    switch = float(dataset["predicted_switch"])
    failing.axvline(switch, color="0.5", linestyle=":", linewidth=1)
    failing.set(xlabel="distance from the soma (um)", ylabel="weight change (of the largest)")
    letter(failing, "E", "the teacher's spike fades: LTP to LTD")
    for axes in (equal, failing):
        axes.axhline(0, color="0.6", linewidth=0.8)
    differences = [
        float(dataset["stimulated_difference"]),
        float(dataset["silent_difference"]),
    ]
    silent.bar([0, 1], differences, 0.5, color=["#2b6cb0", "#dd6b20"])
    silent.set_xticks([0, 1], ["stimulated\n(largest)", "silent\n(smallest)"])
    for x, value in enumerate(differences):
        silent.annotate(f"{value:.2g}", (x, value), ha="center", va="bottom")
    silent.set(
        ylabel="difference between two runs", ylim=(0, 1.2 * max(differences)), xlim=(-0.6, 1.6)
    )
    letter(silent, "F", "silent weights changed, spikes kept")
    bare(*figure.axes)
    return figure


def _bars(axes: Any, x: Any, mean: Any, error: Any, colour: str, label: str | None = None) -> None:
    axes.errorbar(
        x, mean, yerr=2 * error, fmt="o-", color=colour, markersize=3, linewidth=1, label=label
    )


def claims(dataset: xr.Dataset) -> list[Claim]:
    """What each experiment must show, with standard errors."""
    return [
        *of_trains(dataset),
        *of_slopes(dataset),
        *of_democracy(dataset),
        *of_equal_weights(dataset),
        *of_failing_teachers(dataset),
        Claim(
            statement="F: stimulated synapses do not see the silent ones: largest difference of"
            " their final weights between two runs on the same spikes (0 to rounding, 1e-12)",
            expected=0.0,
            measured=float(dataset["stimulated_difference"]),
            holds=bool(
                dataset["stimulated_difference"] <= 1e-12 and dataset["silent_difference"] > 0.1
            ),
        ),
    ]
