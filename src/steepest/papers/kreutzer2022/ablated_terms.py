"""The natural rule without its heterosynaptic terms: what each is good for (Sec 2.5)

The natural rule is dw = eta score gamma_s (c x/r - gamma_u + gamma_w w). The paper says that the
uniform term gamma_u opposes homosynaptic changes and keeps plasticity down, and that gamma_w w
makes the rule robust to noise. Neurons that know what the teacher knows go on learning, on the same
spikes, by the whole rule and without either or both terms: all that moves them is the noise of
spikes. A: how far it takes their output from the teacher's, at one learning rate for all, and at
rates of equal progress: chosen beforehand on other tasks so that all rules come as near to a
teacher in the same time. B: how far the weakest and the strongest third of the synapses move.
Without the uniform term noise does more at one rate; but learning is quicker, too, and at rates of
equal progress noise does less. Without gamma_w w the output stays as near, and weak synapses move
no more: what robustness that term gives is too small to be seen here.
"""

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from steepest.arrays.numbers import Coordinates
from steepest.arrays.repetitions import mean_and_error
from steepest.pictures import LINE_COLOURS, bare, letter
from steepest.progress import track
from steepest.spiking import (
    AbstractSomaticRule,
    Coefficients,
    NaturalRule,
    NeuronFisher,
    RealisableTeacher,
    paper_task,
    simulate,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]

TERMS = {
    "whole": (True, True),
    "without uniform": (False, True),
    "without gamma_w": (True, False),
    "homosynaptic": (False, False),
}
"""By name: whether the uniform term is kept, and whether that in proportion to the weight is."""


class KeptTerms(AbstractSomaticRule):
    """The natural rule with only some of its heterosynaptic terms: 1 keeps one, 0 leaves it out."""

    uniform: np.ndarray
    proportional: np.ndarray

    def coefficients(
        self, fisher: NeuronFisher, somatic: Coordinates, usps: Coordinates
    ) -> Coefficients:
        whole = NaturalRule().coefficients(fisher, somatic, usps)
        return Coefficients(
            whole.gamma_s, whole.gamma_u * self.uniform, whole.gamma_w * self.proportional
        )

    def homosynaptic(
        self, fisher: NeuronFisher, somatic: Coordinates, usps: Coordinates
    ) -> Float[Array, " n"]:
        return fisher.normalised(somatic, usps)


@dataclass(frozen=True)
class Parameters:
    """The task, and the learning rates at which each rule learns."""

    afferents: int = parameter(20, "afferents, half of them at each rate")
    trials: int = parameter(200, "teachers, each with a neuron of its weights")
    rate: float = parameter(0.05, "learning rate that all rules share", "1/s")
    # On 48 other tasks all come from a distance of 19.6 Hz to 13.1-13.3 Hz in 8 s.
    equal: tuple[float, ...] = parameter(
        (0.05, 0.022, 0.05, 0.025), "learning rates of equal progress, of each rule", "1/s"
    )
    duration: float = parameter(8.0, "time of learning", "s")
    records: int = parameter(16, "times at which weights are looked at, from a half on used")


QUICK = Parameters(trials=20, duration=4.0, records=8)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Distance of output rates, and movement of synapses by size, for each rule and rate."""
    p = parameters
    task, far = paper_task(p.trials, n=p.afferents, seed=seed)
    assert isinstance(task.teacher, RealisableTeacher)
    target = task.teacher.weights
    order = np.argsort(np.abs(target), axis=1)
    third = p.afferents // 3
    shape = (len(TERMS), p.trials)
    distance, near, progress = np.empty(shape), np.empty(shape), np.empty(shape)
    moved, grown = np.empty((*shape, 2)), np.empty(shape)
    late = slice(-(p.records // 2), None)
    options = {"duration": p.duration, "record": p.records, "seed": seed}
    for i, kept in track(list(enumerate(TERMS.values())), "Rules"):
        rule = KeptTerms(*(np.asarray(float(term)) for term in kept))
        same = simulate(task, rule, target, rate=p.rate, **options)
        distance[i] = same.measures["rate_distance"][late].mean(axis=0)
        change = np.sqrt(((same.weights[late] - target) ** 2).mean(axis=0))
        sizes = np.linalg.norm(same.weights[late], axis=-1)
        grown[i] = sizes.mean(axis=0) / np.linalg.norm(target, axis=-1)
        by_size = np.take_along_axis(change, order, axis=1)
        moved[i, :, 0] = np.sqrt((by_size[:, :third] ** 2).mean(axis=1))
        moved[i, :, 1] = np.sqrt((by_size[:, -third:] ** 2).mean(axis=1))
        equal = same
        if p.equal[i] != p.rate:
            equal = simulate(task, rule, target, rate=p.equal[i], **options)
        near[i] = equal.measures["rate_distance"][late].mean(axis=0)
        learned = simulate(task, rule, far, rate=p.equal[i], **options)
        progress[i] = learned.measures["rate_distance"][-1]
    names = ("rule", "trial")
    units = {"units": "Hz"}
    dataset = xr.Dataset(
        {
            "distance": (names, distance, units),
            "equal_distance": (names, near, units),
            "progress": (names, progress, units),
            "grown": (names, grown),
            "moved": ((*names, "third"), moved),
        },
        coords={
            "rule": list(TERMS),
            "third": ["weakest", "strongest"],
            "equal_rate": ("rule", list(p.equal), {"units": "1/s"}),
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Distances of output rates, and movements of weak and strong synapses: means over teachers."""
    figure = matplotlib.figure.Figure(figsize=(8.5, 3.6), layout="constrained")
    panels = figure.subplots(1, 2)
    places = np.arange(len(TERMS))
    groups = (
        (("distance", None, "one rate"), ("equal_distance", None, "rates of equal progress")),
        (("moved", "weakest", "weakest third"), ("moved", "strongest", "strongest third")),
    )
    titles = ("Distance of the output from the teacher", "Movement of synapses")
    labels = ("distance of output rates, Hz", "rms change of a weight")
    for axes, bars, mark, title, label in zip(panels, groups, "AB", titles, labels, strict=True):
        for k, (name, third, words) in enumerate(bars):
            values = dataset[name] if third is None else dataset[name].sel(third=third)
            mean, error = mean_and_error(values.values, axis=1)
            shift = 0.4 * (k - 0.5)
            axes.bar(places + shift, mean, 0.36, yerr=error, color=LINE_COLOURS[k], label=words)
        axes.set(ylabel=label)
        axes.set_xticks(places, [name.replace("without ", "without\n") for name in TERMS])
        axes.set_ylim(0, 1.3 * axes.get_ylim()[1])
        axes.legend(frameon=False, ncols=2, loc="upper left")
        letter(axes, mark, title)
    bare(*panels)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """What noise does without each term: shares of the whole rule's mean, paired by teacher."""
    whole = dataset.sel(rule="whole")
    many = dataset.sizes["trial"] >= 100

    def paired(name: str, rule: str, third: str | None = None) -> tuple[float, float]:
        pick = {} if third is None else {"third": third}
        other, own = dataset[name].sel({"rule": rule} | pick), whole[name].sel(pick)
        mean, error = mean_and_error((other - own).values)
        return float(mean / own.mean()), float(error / own.mean())

    def above(words: str, limit: float, tested: bool, *which: str) -> Claim:
        share, error = paired(*which)
        return Claim.above(words, share, limit, standard_error=error, by=2, tested=tested)

    def below(words: str, limit: float, *which: str) -> Claim:
        share, error = paired(*which)
        return Claim.below(words, share, limit, standard_error=error, by=2, tested=many)

    progress, error = paired("progress", "without uniform")
    return [
        above(
            "Without the uniform term noise takes the output further from the teacher's, at one"
            " learning rate and on the same spikes (share by which)",
            0.2,
            True,
            "distance",
            "without uniform",
        ),
        Claim.near(
            "At the rates of equal progress a neuron far from its teacher comes as near without the"
            " uniform term (share by which less)",
            0.0,
            progress,
            error,
            tested=many,
        ),
        below(
            "But at rates of equal progress noise takes it no further: the uniform term does what a"
            " lower rate does (share by which further)",
            0.05,
            "equal_distance",
            "without uniform",
        ),
        below(
            "Without gamma_w w, too, noise takes the output no further: the robustness that it is"
            " said to give cannot be seen (share by which further)",
            0.05,
            "distance",
            "without gamma_w",
        ),
        below(
            "and the weakest third of the synapses moves no more (share by which more)",
            0.05,
            "moved",
            "without gamma_w",
            "weakest",
        ),
        above(
            "Without both terms weights grow more, if little (share of their size)",
            0.0,
            many,
            "grown",
            "homosynaptic",
        ),
    ]
