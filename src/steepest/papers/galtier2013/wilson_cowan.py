"""A Wilson-Cowan network: relative entropy is not convex there, the matching loss is

In v' = -l v + S(W v + h) the weights act inside the sigmoid. The relative entropy of a periodic
activity is then not convex in W, but without the factor S' in its differential it becomes a cost
that is, with the same minimum: the matching loss. a: the weights that it finds. b: how monotone
both differentials are, <dF(b) - dF(a), b - a> over random pairs of weights: a convex cost's is
never negative.
"""

import json
from dataclasses import asdict, dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.papers.galtier2013._errors import relative_error
from steepest.pictures import LINE_COLOURS, bare, letter
from steepest.recurrent import WilsonCowan, WilsonCowanEntropy, limit_cycle
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The wiring, whose thresholds are in the middle of its input, and the pairs looked at."""

    weights: tuple[tuple[float, ...], ...] = parameter(
        ((10.0, -12.0, 0.0), (0.0, 9.0, -11.0), (-12.0, 0.0, 10.0)), "W"
    )
    samples: int = parameter(400, "samples of the limit cycle's period")
    pairs: int = parameter(100, "random pairs of weights")
    spread: float = parameter(15.0, "sd of their entries")


QUICK = Parameters()
_LOSSES = ("relative entropy", "matching loss")


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """The minimum on the limit cycle, and both differentials at pairs that `seed` draws."""
    p, truth = parameters, np.array(parameters.weights)
    network = WilsonCowan(bias=-truth.sum(axis=1) / 2)

    def field(u: np.ndarray) -> np.ndarray:
        return network.field(truth, u)

    inputs = limit_cycle(field, [0.3, 0.6, 0.4], p.samples, transient=80.0, longest=40.0)
    cost = WilsonCowanEntropy(inputs, network)
    random, products = np.random.default_rng(seed), np.empty((2, p.pairs))
    for pair in range(p.pairs):
        a, b = p.spread * random.standard_normal((2, *truth.shape))
        for k, slope in enumerate((cost.differential, cost.matching_differential)):
            products[k, pair] = np.sum((slope(b) - slope(a)) * (b - a))
    dataset = xr.Dataset(
        {
            "truth": (("post", "pre"), truth),
            "learned": (("post", "pre"), cost.minimum()),
            "monotonicity": (("loss", "pair"), products),
        },
        coords={"loss": list(_LOSSES)},
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """a learned against true weights, b the monotonicity of both differentials."""
    figure = matplotlib.figure.Figure(figsize=(7.6, 3.4), layout="constrained")
    a, b = figure.subplots(1, 2)
    truth = dataset["truth"].values.ravel()
    ends = np.array([truth.min() - 1, truth.max() + 1])
    a.plot(ends, ends, color="0.7", lw=0.8, zorder=0)
    a.plot(truth, dataset["learned"].values.ravel(), "o", color=LINE_COLOURS[0], mfc="none")
    letter(a, "a", "weights of the matching loss")
    a.set(xlabel="true W", ylabel="learned W")
    for loss, colour in zip(_LOSSES, LINE_COLOURS[1::-1], strict=True):
        values = np.sort(dataset["monotonicity"].sel(loss=loss).values)
        share = (np.arange(len(values)) + 0.5) / len(values)
        b.plot(values / np.abs(values).max(), share, color=colour, label=loss)
    b.axvline(0, color="0.6", lw=0.8, ls=":")
    letter(b, "b", "monotone differentials are right of 0")
    b.set(xlabel="⟨dF(b) − dF(a), b − a⟩ / largest size", ylabel="share of pairs below")
    b.legend(frameon=False, fontsize=8, loc="upper left")
    bare(a, b)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The matching loss finds the weights, and is convex where relative entropy is not."""
    entropy, matching = dataset["monotonicity"].values.min(axis=1)
    return [
        Claim.below(
            "Wilson-Cowan: the matching loss finds W (error)",
            relative_error(dataset["learned"].values, dataset["truth"].values),
            1e-8,
            tested=dataset.attrs["parameters"] == json.dumps(asdict(Parameters())),
        ),
        # Two limits, one on each number.
        Claim(
            statement="Wilson-Cowan: relative entropy is not convex, the matching loss is"
            " (least <dF(b) - dF(a), b - a> over random pairs)",
            expected="negative, then not",
            measured=(float(entropy), float(matching)),
            holds=bool(entropy < 0 <= matching),
        ),
    ]
