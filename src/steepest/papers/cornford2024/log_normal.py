"""Log-normal weights are kept by exponentiated gradient, not made by it

Networks learn handwritten digits from weights whose sizes are log-normal, or uniform. A: the
skewness of log|w| in the hidden layer, before and after: 0 for log-normal sizes. B: the
distribution of log|w| after learning from a log-normal start, in one network.

Exponentiated gradient adds to log|w|, and at this scale adds little against its spread: what
starts log-normal stays so. Gradient descent moves small weights across 0 and leaves many near it,
a long lower tail of log|w|; clipped at 0 to keep signs, it loses weights for good (they are left
out of the skewness). From a uniform start no rule makes sizes log-normal here. The paper's networks
learn for longer, which would test that.
"""

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr
from scipy.stats import skew

from steepest.arrays.repetitions import standard_error
from steepest.papers.cornford2024._digits import (
    COLOURS,
    RULES,
    data_of,
    learn,
    network,
)
from steepest.papers.pogodin2024._networks import one_thread
from steepest.pictures import INK, bare, letter
from steepest.progress import track
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]

_RULES = ("EG", "GD", "projected GD")
_STARTS = ("log-normal", "uniform")


@dataclass(frozen=True)
class Parameters:
    """Networks and their training (small, on digits; the paper's are larger)."""

    hidden: int = parameter(200, "hidden units")
    learned: int = parameter(1000, "digits learned from")
    tested: int = parameter(700, "digits tested on")
    steps: int = parameter(1500, "steps of batches of 32")
    seeds: int = parameter(6, "networks")


QUICK = Parameters(hidden=60, steps=300, seeds=3)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Skewness of log|w|, accuracy, and lost weights for every start, rule and network."""
    shape = (len(_STARTS), len(_RULES), parameters.seeds)
    before, after, accuracy, lost, flips = (np.full(shape, np.nan) for _ in range(5))
    sizes = np.full((len(_RULES) + 1, 64 * parameters.hidden), np.nan)
    cells = list(np.ndindex(*shape))
    with one_thread():
        for cell in track(cells, "Networks"):
            start, rule, s = cell
            data = data_of(seed + s, parameters.learned, parameters.tested)
            model = network(64, parameters.hidden, seed + s, uniform=_STARTS[start] == "uniform")
            first = model[0].weight.detach().double().numpy().copy()
            name = _RULES[rule]
            accuracy[cell] = learn(model, name, RULES[name].rate, data, parameters.steps, seed + s)
            last = model[0].weight.detach().double().numpy()
            before[cell], after[cell] = _skewness(first), _skewness(last)
            lost[cell], flips[cell] = np.mean(last == 0), np.mean(first * last < 0)
            if start == 0 and s == 0:
                with np.errstate(divide="ignore"):
                    sizes[0], sizes[rule + 1] = (np.log10(np.abs(w)).ravel() for w in (first, last))
    names = ("start", "rule", "network")
    dataset = xr.Dataset(
        {
            "skew_before": (names, before),
            "skew_after": (names, after),
            "accuracy": (names, accuracy),
            "lost": (names, lost),
            "flips": (names, flips),
            "log_size": (("shown", "weight"), np.where(np.isfinite(sizes), sizes, np.nan)),
        },
        coords={"start": list(_STARTS), "rule": list(_RULES), "shown": ["start", *_RULES]},
    )
    return stamp(dataset, parameters, seed)


def _skewness(weights: np.ndarray) -> float:
    sizes = np.abs(weights[weights != 0])
    return float(skew(np.log(sizes)))


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A: skewness before and after; B: log sizes after learning."""
    figure = matplotlib.figure.Figure(figsize=(9.5, 3.8), layout="constrained")
    skews, sizes = figure.subplots(1, 2)
    for at, start in enumerate(_STARTS):
        for rule, name in enumerate(_RULES):
            here = dataset.sel(start=start, rule=name)
            place = at * 4 + rule
            for s in range(dataset.sizes["network"]):
                ends = [float(here[k][s]) for k in ("skew_before", "skew_after")]
                skews.plot([place - 0.2, place + 0.2], ends, "-", color=COLOURS[name], lw=1)
                skews.plot(place + 0.2, ends[1], "o", color=COLOURS[name], ms=4)
    skews.axhline(0, color="0.8", zorder=0)
    skews.set_xticks([1, 5], [f"{start} start" for start in _STARTS])
    skews.set_ylabel("skewness of log|w|, before to after")
    letter(skews, "A", "Log-normal sizes have none")
    bins = np.linspace(-4.5, 0.5, 60).tolist()
    for name in ("start", *_RULES):
        values = dataset["log_size"].sel(shown=name).values
        sizes.hist(values[np.isfinite(values)], bins=bins, histtype="step", density=True,
                   color=COLOURS.get(name, INK), label=name, lw=1.6)  # fmt: skip
    sizes.set(xlabel="log10 |w|", ylabel="density")
    letter(sizes, "B", "From a log-normal start")
    sizes.legend(frameon=False, fontsize=8, loc="upper left")
    bare(skews, sizes)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """EG keeps log-normality and signs; GD does not; from a uniform start nothing makes it."""
    change = (dataset["skew_after"] - dataset["skew_before"]).sel(start="log-normal")
    kept, lost = change.sel(rule="EG").values, change.sel(rule="GD").values
    clipped = change.sel(rule="projected GD").values
    made = dataset["skew_after"].sel(start="uniform", rule="EG").values
    signs = dataset["flips"].sel(rule="EG")
    return [
        Claim.close(
            "From a log-normal start exponentiated gradient keeps log|w| without skewness (change)",
            0.0,
            kept.mean(),
            0.15,
            standard_error=standard_error(kept),
        ),
        Claim.below(
            "Gradient descent gives log|w| a long lower tail (change of skewness)",
            lost.mean(),
            -0.5,
            standard_error=standard_error(lost),
            by=2,
        ),
        Claim.below(
            "So does gradient descent that is projected to keep signs",
            clipped.mean(),
            -0.5,
            standard_error=standard_error(clipped),
            by=2,
        ),
        Claim.below(
            "Exponentiated gradient keeps every sign (share that changed)",
            signs.max(),
            0,
            inclusive=True,
        ),
        Claim.above(
            "Projection loses weights for good (share that ends at 0)",
            dataset["lost"].sel(rule="projected GD").mean(),
            0.01,
        ),
        Claim.close(
            "Not at this scale: exponentiated gradient makes sizes log-normal from another start"
            " (skewness of log|w| after a uniform one). Log-normality is kept, not made; training"
            " until log|w| has moved by several times its spread would test it",
            0.0,
            made.mean(),
            0.3,
            standard_error=standard_error(made),
            tested=False,
        ),
    ]
