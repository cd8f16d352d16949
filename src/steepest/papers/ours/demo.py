"""A first tour: two ways to learn, and how synapses betray which one was theirs

Two model neurons start with the same 3000 synapses and learn the same task: to answer 10 input
patterns a little differently than before. Both descend the same cost as steeply as they can. They
differ in one thing only, how they measure the length of a step, which is their geometry.

For the additive neuron (Euclidean geometry, ordinary gradient descent) strengthening a large or a
small synapse by the same amount is equally far. For the multiplicative neuron it is equally far to
strengthen them by the same percentage. A task can be solved in many ways, and the two neurons end
at different ones (A, drawn for two synapses only): the additive neuron changes all its synapses
alike, the multiplicative one mostly the large ones (B).

Now forget how they learned. From the sizes of the synapses before and after learning, and nothing
else, the geometry of each is inferred (C). The geometry index a says how the change of a synapse
grows with its size, as size to the power a: 0 is additive, 1 multiplicative. This is what
the command "steepest infer" does with measured synapses.

The same holds where nothing is exact but the sizes: a neuron with Poisson spikes in and out learns
for two seconds, in either geometry, and its synapses tell which it was (C, diamonds).
"""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Array, Float
from matplotlib.axes import Axes

from steepest.descent import gradient_flow
from steepest.geometry import Entropy, Euclidean
from steepest.inference import GEOMETRIES, infer_geometry
from steepest.papers._alternatives import alternatives
from steepest.papers.ours.loop import learn_pair
from steepest.pictures import GEOMETRY_COLOURS, bare, letter
from steepest.study import Claim, parameter, stamp

__all__ = [
    "QUICK",
    "Parameters",
    "claims",
    "headline",
    "next_steps",
    "plot",
    "run",
    "story",
    "table",
]


@dataclass(frozen=True)
class Parameters:
    """The neuron, its task, and how far learning moves it."""

    synapses: int = parameter(3000, "synapses of the neuron")
    patterns: int = parameter(
        10, "input patterns to answer; far fewer than synapses, or these constrain each other"
    )
    spread: float = parameter(0.8, "sd of the log size of the synapses at the start (log-normal)")
    change: float = parameter(
        0.02, "rms change of the additive neuron's synapses", "median synapse at the start"
    )
    duration: float = parameter(20.0, "time learned", "time constants of the additive neuron")
    spiking: int = parameter(1000, "synapses of the neuron with spikes")
    spiking_duration: float = parameter(2.0, "time that it learns", "s")
    spiking_learning: float = parameter(3e-7, "learning rate at a synapse of median size")


QUICK = Parameters()

_GEOMETRIES = {"additive": Euclidean(), "multiplicative": Entropy()}
_NAMES = {"additive": "euclidean", "multiplicative": "multiplicative"}


class Error(eqx.Module):
    """Half the squared error of a linear neuron's answers to its input patterns (rows)."""

    inputs: np.ndarray
    targets: np.ndarray

    def __call__(self, weights: Float[Array, " n"]) -> Float[Array, ""]:
        return jnp.sum((self.inputs @ weights - self.targets) ** 2) / 2


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Both neurons' learning, and the geometry inferred from each one's synapses.

    Also two synapses of the same kind from a few starts, for a picture of the paths.
    """
    random = np.random.default_rng(seed)
    before = np.exp(parameters.spread * random.standard_normal(parameters.synapses))
    inputs = random.standard_normal((parameters.patterns, parameters.synapses))
    inputs /= np.sqrt(parameters.synapses)
    step = random.standard_normal(parameters.patterns)
    # The shortest solution of inputs @ change = step is as long as step, nearly.
    step *= parameters.change * np.sqrt(parameters.synapses) / np.linalg.norm(step)
    cost = Error(inputs, inputs @ before + step)
    times = np.linspace(0, parameters.duration, 41)
    metrics = dict(zip(_GEOMETRIES, alternatives(_GEOMETRIES.values()), strict=True))
    with ThreadPoolExecutor(1) as other:  # programs of both are compiled side by side
        with_spikes = other.submit(
            learn_pair,
            _GEOMETRIES.values(),
            parameters.spiking,
            parameters.spiking_duration,
            parameters.spiking_learning,
            seed,
        )
        learned = {
            name: gradient_flow(cost, metric, before, times) for name, metric in metrics.items()
        }
        verdicts = {
            name: infer_geometry(before, flow.points[-1], noise_cv=0, seed=seed)
            for name, flow in learned.items()
        }
        pair = Error(np.array([[1.0, 1.0]]), np.array([3.2]))
        starts = [[0.2, 2.0], [0.5, 1.4], [0.9, 0.9], [1.4, 0.5], [2.0, 0.2]]
        paths = [
            gradient_flow(pair, metric, starts, np.linspace(0, 8, 81)).points
            for metric in metrics.values()
        ]
        indices, names = with_spikes.result()

    size = {"long_name": "size, in units of the median synapse at the start"}
    answers = list(verdicts.values())
    dataset = xr.Dataset(
        {
            "before": ("synapse", before, size),
            "after": (
                ("neuron", "synapse"),
                np.array([flow.points[-1] for flow in learned.values()]),
                size,
            ),
            "cost": (("neuron", "time"), np.array([flow.costs for flow in learned.values()])),
            "index": ("neuron", [verdict.index for verdict in answers]),
            "interval": (("neuron", "end"), [verdict.interval for verdict in answers]),
            "spiking_index": ("neuron", indices),
            "spiking_named": ("neuron", names),
            "outcome": ("neuron", [verdict.outcome for verdict in answers]),
            "verdict": ("neuron", [verdict.verdict for verdict in answers]),
            "path": (("neuron", "start", "path_time", "coordinate"), np.array(paths), size),
        },
        coords={
            "neuron": list(_GEOMETRIES),
            "time": ("time", times, {"units": "time constants of the additive neuron"}),
            "end": ["low", "high"],
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A: the paths of two synapses; B: change against size; C: the inferred index."""
    figure = matplotlib.figure.Figure(figsize=(12, 4.6), layout="constrained")
    paths, changes, answers = figure.subplots(1, 3)
    for name in _NAMES:
        colour = GEOMETRY_COLOURS[name]
        here = dataset.sel(neuron=name)
        for path in here["path"].values:
            paths.plot(*path.T, color=colour, linewidth=2)
        _draw_changes(changes, dataset["before"].values, here["after"].values, colour, name)
    for start in dataset["path"].values[0, :, 0]:
        paths.plot(*start, "o", color="black", markersize=6, zorder=3)
    solved = float(dataset["path"].values[0, 0, -1].sum())
    paths.plot([0, solved], [solved, 0], "--", color="0.4", zorder=0)
    for words, place in (("start", (0.95, 0.72)), ("task solved", (2.05, 1.3))):
        paths.annotate(words, place, color="0.3")
    paths.set(aspect="equal", xlim=(0, 3.3), ylim=(0, 3.3), xlabel="size of synapse 1")
    paths.set(ylabel="size of synapse 2")
    letter(paths, "A", "Same task, other paths")

    changes.set(xlabel="size before", ylabel="change by learning")
    letter(changes, "B", "Who changes most?")
    handles = changes.get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2, frameon=False)

    for name, index in GEOMETRIES.items():
        answers.axvline(index, color="0.8", linewidth=1, zorder=0)
        answers.annotate(name, (index, 0.05), rotation=90, ha="right", color="0.4", fontsize=9)
    for height, name in zip((2, 1), _NAMES, strict=True):
        here = dataset.sel(neuron=name)
        index = float(here["index"])
        reach = np.abs(here["interval"].values - index)[:, None]
        answers.errorbar(
            index, height, xerr=reach, fmt="o", color=GEOMETRY_COLOURS[name], ms=5, capsize=5
        )
        words = f"{name} neuron:\nindex {index:.2f}, {here['verdict'].item()}"
        answers.annotate(words, (index, height + 0.15), ha="center", backgroundcolor="white")
        spiking = float(here["spiking_index"])
        answers.plot(spiking, height - 0.3, "D", mfc="white", color=GEOMETRY_COLOURS[name], ms=5)
        answers.annotate(
            f"with spikes: {spiking:.2f}", (spiking, height - 0.3), (8, 0), va="center",
            textcoords="offset points", fontsize=9, backgroundcolor="white",
        )  # fmt: skip
    answers.set(xlim=(-1.4, 2.4), ylim=(0, 2.7), yticks=[], xlabel="geometry index a")
    letter(answers, "C", "Inferred from the synapses alone")
    bare(changes, answers)
    return figure


def _draw_changes(
    axes: Axes, before: np.ndarray, after: np.ndarray, colour: str, name: str
) -> None:
    """Every synapse's change against its size, and the rms change of twelve groups by size."""
    change = np.abs(after - before)
    axes.loglog(before, change, ".", color=colour, markersize=2, alpha=0.3)
    groups = np.array_split(np.argsort(before), 12)
    size = [np.exp(np.mean(np.log(before[group]))) for group in groups]
    typical = [np.sqrt(np.mean(change[group] ** 2)) for group in groups]
    axes.loglog(size, typical, color="white", linewidth=5)
    axes.loglog(size, typical, color=colour, linewidth=2.6, label=f"{name} neuron")
    axes.set(ylim=(np.quantile(change, 0.02), 3 * np.max(change)))


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Both neurons solve the task, they end elsewhere, and each geometry comes back by name."""
    before, after = dataset["before"], dataset["after"]
    left = dataset["cost"].isel(time=-1) / dataset["cost"].isel(time=0)
    travelled = float(np.linalg.norm(after.sel(neuron="additive") - before))
    apart = float(np.linalg.norm(after[0] - after[1])) / travelled
    stated = [
        Claim.close(
            f"The {name} neuron learns the task (share of its error that is left, to 1e-6)",
            0.0,
            left.sel(neuron=name),
            1e-6,
        )
        for name in _NAMES
    ]
    stated.append(
        Claim.above(
            "They learn different synapses (distance between the two, over the distance"
            " that the additive neuron moved)",
            apart,
            0.3,
        )
    )
    for name, geometry in _NAMES.items():
        here = dataset.sel(neuron=name)
        # A 95 % interval of a normal estimate is 3.92 standard errors wide.
        error = float(np.ptp(here["interval"].values)) / 3.92
        stated += [
            Claim.close(
                f"The geometry of the {name} neuron comes back from its synapses by name",
                geometry,
                str(here["verdict"].item()),
                0,
            ),
            Claim.near(
                "Its geometry index is within 3 standard errors of the true one",
                GEOMETRIES[geometry],
                here["index"],
                error,
            ),
        ]
    return stated + [
        Claim.close(
            f"The {name} neuron with spikes is named from its sizes, among -1, 0 and 1",
            GEOMETRIES[geometry],
            dataset["spiking_named"].sel(neuron=name),
            0,
        )
        for name, geometry in _NAMES.items()
    ]


def story(dataset: xr.Dataset) -> list[str]:
    """The demonstration told in four paragraphs, for a terminal."""
    additive, multiplicative = (dataset.sel(neuron=name) for name in _NAMES)
    return [
        f"Two model neurons with the same {dataset.sizes['synapse']} synapses learned the same"
        " task, both by steepest descent. One measures a step by its size (additive), the other by"
        " its percentage (multiplicative). Both solved the task, with different synapses.",
        "Then we forgot how they learned, and looked only at the synapses before and after."
        f" The first neuron: {additive['verdict'].item()} (index {additive['index'].item():.2f};"
        f" 0 is additive). The second: {multiplicative['verdict'].item()} (index"
        f" {multiplicative['index'].item():.2f}; 1 is multiplicative).",
        "Two neurons with spikes learned for"
        f" {json.loads(dataset.attrs['parameters'])['spiking_duration']:g} seconds, each in one of"
        f" these ways. The index of their synapses: {additive['spiking_index'].item():.2f} and"
        f" {multiplicative['spiking_index'].item():.2f}.",
        "So the geometry in which a synapse moves can be read from measurements. Here the sizes"
        " were exact; measurement noise must be known, or no geometry is named.",
    ]


def headline(dataset: xr.Dataset) -> str:
    """What was found, in one sentence."""
    first, second = dataset["verdict"].values
    return (
        f"From their synapses alone, the additive neuron is found {first} and the multiplicative"
        f" one {second}."
    )


def table(dataset: xr.Dataset) -> pd.DataFrame:
    """The synapses as an experimenter would have them: size before, and after in each neuron."""
    after = {f"after_{name}": dataset["after"].sel(neuron=name).values for name in _NAMES}
    return pd.DataFrame({"before": dataset["before"].values, **after})


def next_steps(synapses: Path) -> list[tuple[str, str]]:
    """What to try after the tour, each with its command; `synapses` is where `table` was saved."""
    return [
        (
            "Infer one of them yourself: the demo saved its synapses as a table.",
            f"steepest infer {synapses} --before before --after after_multiplicative --noise-cv 0",
        ),
        (
            "Ask the same of your own synapses: one a row, in CSV, TSV, NPY, NPZ or Parquet.",
            "steepest infer FILE --before COLUMN --after COLUMN --out out",
        ),
        (
            "See why a cost alone does not say how it is descended: the wicked map.",
            "steepest reproduce surace2020.fig2",
        ),
        ("See what else can be reproduced.", "steepest papers"),
    ]
