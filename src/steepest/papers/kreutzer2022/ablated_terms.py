"""The natural rule without its heterosynaptic terms: what each is good for (Sec 2.5)

The natural rule is dw = eta score gamma_s (c x/r - gamma_u + gamma_w w). Heterosynaptic terms, the
paper says, keep weights in range, and gamma_w w makes the rule robust to noise. Neurons that know
what the teacher knows go on learning, by the whole rule, without the uniform term, without the term
in proportion to the weight, and by the homosynaptic term alone: all that moves them is the noise of
spikes, which grows with the learning rate. A: how far it takes their output from the teacher's. B:
how large weights become, in sizes of the teacher's. (Far from the teacher, the rule without the
uniform term is quicker at first: the term divides the step along the common rate of all afferents.)
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
    "natural": (True, True),
    "without uniform": (False, True),
    "without gamma_w": (True, False),
    "homosynaptic": (False, False),
}
"""By name: whether the uniform term is kept, and whether that in proportion to the weight is."""


class KeptTerms(AbstractSomaticRule):
    """The natural rule with only some of its heterosynaptic terms: 1 keeps one, 0 leaves it out."""

    uniform: Array
    proportional: Array

    def coefficients(
        self, fisher: NeuronFisher, somatic: Coordinates, usps: Coordinates
    ) -> Coefficients:
        whole = NaturalRule().coefficients(fisher, somatic, usps)
        return Coefficients(
            whole.gamma_s, self.uniform * whole.gamma_u, self.proportional * whole.gamma_w
        )

    def homosynaptic(
        self, fisher: NeuronFisher, somatic: Coordinates, usps: Coordinates
    ) -> Float[Array, " n"]:
        return fisher.normalised(somatic, usps)


@dataclass(frozen=True)
class Parameters:
    """The task, and the learning rates at which each rule learns."""

    afferents: int = parameter(20, "afferents, half of them at each rate")
    trials: int = parameter(40, "teachers, each with a neuron of its weights")
    rates: tuple[float, ...] = parameter((0.05, 0.1, 0.2, 0.4), "learning rates", "1/s")
    duration: float = parameter(12.0, "time of learning", "s")
    records: int = parameter(12, "times at which weights are looked at, from a half on used")


QUICK = Parameters(trials=8, rates=(0.4,), duration=4.0, records=8)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Distance of rates and size of weights at the end, of each rule at each learning rate."""
    p = parameters
    task, _ = paper_task(p.trials, n=p.afferents, seed=seed)
    assert isinstance(task.teacher, RealisableTeacher)
    start = task.teacher.weights
    size = np.linalg.norm(start, axis=-1)
    shape = (len(TERMS), len(p.rates), p.trials)
    distance, grown = np.empty(shape), np.empty(shape)
    for (i, kept), (k, rate) in track(
        [(a, b) for a in enumerate(TERMS.values()) for b in enumerate(p.rates)], "Rules"
    ):
        rule = KeptTerms(*(np.asarray(float(term)) for term in kept))
        learned = simulate(
            task, rule, start, rate=rate, duration=p.duration, record=p.records, seed=seed
        )
        late = slice(-(p.records // 2), None)
        distance[i, k] = learned.measures["rate_distance"][late].mean(axis=0)
        grown[i, k] = np.linalg.norm(learned.weights[late], axis=-1).mean(axis=0) / size
    names = ("rule", "learning_rate", "trial")
    dataset = xr.Dataset(
        {"distance": (names, distance), "grown": (names, grown)},
        coords={
            "rule": list(TERMS),
            "learning_rate": ("learning_rate", list(p.rates), {"units": "1/s"}),
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Distance of rates and growth of weights against the learning rate: means over teachers."""
    figure = matplotlib.figure.Figure(figsize=(8, 3.6), layout="constrained")
    panels = figure.subplots(1, 2)
    shown = (("distance", "A", "Distance from the teacher"), ("grown", "B", "Size of weights"))
    labels = ("distance of output rates", "|w| / |w*|")
    rates = dataset["learning_rate"].values
    for axes, (what, mark, title), label in zip(panels, shown, labels, strict=True):
        for colour, name in zip(LINE_COLOURS, TERMS, strict=False):
            mean, error = mean_and_error(dataset[what].sel(rule=name).values, axis=1)
            axes.errorbar(rates, mean, error, marker="o", color=colour, label=name)
        axes.set(xscale="log", yscale="log", xlabel="learning rate, 1/s", ylabel=label)
        letter(axes, mark, title)
    panels[1].axhline(1, color="grey", lw=4, alpha=0.4, zorder=0)
    panels[0].legend(frameon=False)
    bare(*panels)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Each term takes noise out of learning, and without them weights grow."""
    tested = dataset.sizes["trial"] >= 20
    fast = dataset.isel(learning_rate=-1)
    whole = fast.sel(rule="natural")
    rate = float(fast["learning_rate"])

    def more(rule: str, what: str, words: str, limit: float) -> Claim:
        ratio, error = mean_and_error((fast.sel(rule=rule)[what] / whole[what]).values)
        return Claim.above(
            f"{words} (learning rate {rate:g}/s)",
            float(ratio),
            limit,
            standard_error=float(error),
            by=2,
            tested=tested,
        )

    rates = "output rates are further from the teacher's, over those of the whole rule"
    sizes = "weights are larger than by the whole rule (ratio of their sizes)"
    return [
        more("without gamma_w", "grown", f"Without gamma_w w {sizes}", 1),
        more("without gamma_w", "distance", f"and {rates}", 1),
        more("without uniform", "grown", f"Without the uniform term {sizes}", 1),
        more("without uniform", "distance", f"and {rates}", 1.1),
        more("homosynaptic", "grown", f"Without either {sizes}", 1.3),
        more("homosynaptic", "distance", f"and {rates}", 1.2),
    ]
