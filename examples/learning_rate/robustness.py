"""Learning-rate robustness: how long two rules take, at five multiples of their rates

Kreutzer et al. 2022, Fig 9D, cell by cell: a spiking neuron with 100 afferents, half of them at 10
Hz and half at 50 Hz, learns to fire as a teacher neuron does. A cell is one rule at one multiple of
the paper's learning rate, with one seed: it learns until the mean divergence of its trials' outputs
has fallen to the threshold.

A study file beside this one, robustness.toml, asks for 5 multiples, 2 rules and 20 seeds.
"""

from dataclasses import dataclass
from typing import Literal

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.pictures import INK, RULE_COLOURS, bare
from steepest.spiking import EuclideanRule, NaturalRule, first_time_below, paper_task, simulate
from steepest.study import Claim, parameter, stamp


@dataclass(frozen=True)
class Parameters:
    """The rule, its learning rate, and when it has learnt."""

    rule: Literal["euclidean", "natural"] = parameter("natural", "rule of learning")
    multiple: float = parameter(1.0, "learning rate, as a multiple of the paper's")
    trials: int = parameter(16, "pairs of initial and target weights in a cell")
    afferents: int = parameter(100, "number of afferents")
    threshold: float = parameter(5e-5, "mean divergence to be reached", "nats per bin")
    longest: float = parameter(12000.0, "time after which to give up, at the multiple 1", "s")
    points: int = parameter(120, "points of the learning curve until then")

    def __post_init__(self):
        if not self.multiple > 0:
            raise ValueError(f"multiple must be above 0, not {self.multiple}")


QUICK = Parameters(afferents=20, trials=4, threshold=1e-3, longest=600.0, points=12)
_RULES = {"euclidean": (EuclideanRule(), 4.5e-7), "natural": (NaturalRule(), 6e-4)}
_COLOURS = {"euclidean": RULE_COLOURS["Euclidean"], "natural": RULE_COLOURS["natural"]}
_PARTS = 12


def run(parameters, seed):
    """One learning curve, until it has fallen to the threshold."""
    p = parameters
    rule, rate = _RULES[p.rule]
    task, start = paper_task(p.trials, n=p.afferents, seed=seed)
    times = np.linspace(0.0, p.longest / p.multiple, p.points + 1)
    curve = np.full(len(times), np.nan)
    state = None
    for part in np.array_split(np.arange(1, len(times)), _PARTS):
        first = 0 if state is None else part[0]
        marks = times[first : part[-1] + 1]
        learnt = simulate(
            task,
            rule,
            start,
            rate=p.multiple * rate,
            duration=float(marks[-1] - (0.0 if state is None else times[part[0] - 1])),
            seed=seed,
            record=marks,
            state=state,
            threads=1,
        )
        state = learnt.state
        curve[first : part[-1] + 1] = learnt.measures["cost"].mean(axis=1)
        if curve[part[-1]] <= p.threshold:
            break
    seen = np.isfinite(curve)
    time = float(first_time_below(times[seen], curve[seen], p.threshold))
    dataset = xr.Dataset(
        {
            "divergence": ("point", curve, {"units": "nats per bin"}),
            "time": ("point", times, {"units": "s"}),
            "time_to_threshold": ((), time, {"units": "s"}),
        }
    )
    return stamp(dataset, parameters, seed)


def plot(dataset):
    """The learning curve."""
    figure = matplotlib.figure.Figure(figsize=(4.8, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.semilogy(dataset["time"] / 60, dataset["divergence"], color=INK)
    axes.axvline(float(dataset["time_to_threshold"]) / 60, color="0.6", linestyle=":")
    axes.set(xlabel="time (min)", ylabel="mean divergence (nats per bin)")
    bare(axes)
    return figure


def plot_sweep(dataset):
    """Time to the threshold against the learning rate, for both rules."""
    figure = matplotlib.figure.Figure(figsize=(5.6, 4.2), layout="constrained")
    axes = figure.subplots()
    rules = list(map(str, dataset["rule"].values))
    for rule in rules:
        here = dataset["time_to_threshold"].isel(rule=rules.index(rule)) / 60
        with np.errstate(invalid="ignore"):  # a seed that gave up took infinitely long
            low, middle, high = np.quantile(here.transpose("seed", ...), [0.25, 0.5, 0.75], axis=0)
        axes.fill_between(dataset["multiple"], low, high, color=_COLOURS[rule], alpha=0.25, lw=0)
        axes.plot(dataset["multiple"], middle, "o-", color=_COLOURS[rule], label=rule)
    axes.set(xlabel="learning rate / the paper's", ylabel="time to threshold (min)", ylim=(0, None))
    count = dataset.sizes["seed"]
    axes.legend(frameon=False, title=f"median and quartiles of {count} seeds")
    bare(axes)
    return figure


def claims(dataset):
    """Learning reaches the threshold."""
    time = float(dataset["time_to_threshold"])
    return [
        Claim.below(
            "The neuron learns: time (s) until its mean divergence is at the threshold",
            time,
            np.inf,
        )
    ]
