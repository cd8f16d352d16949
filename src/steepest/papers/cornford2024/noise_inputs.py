"""Digits among inputs of noise: which rule finds the inputs that matter?

Networks learn handwritten digits, 64 inputs, beside many more inputs that are drawn at random for
every image. A: accuracy on unseen digits, without and with the noise, by rule. B: how far the
weights of the noise shrink against those of the digits (mean |w| at the end over that at the start,
for both kinds of inputs). C: adaptive rules, exponentiated gradient by Adam's moments and Adam, on
digits alone and with noise.

The paper reports that exponentiated gradient is the better the more inputs are irrelevant. At this
scale, with signs kept as they start, which rule is better depends on the rates that are tried and
on the kind of noise, so the differences are told and not tested. Rates are chosen, for each rule,
on digits that neither training nor the test sees.
"""

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.arrays.repetitions import standard_error
from steepest.papers.cornford2024._digits import (
    COLOURS,
    RULES,
    Data,
    best_rate,
    data_of,
    learn,
    network,
)
from steepest.papers.pogodin2024._networks import one_thread
from steepest.pictures import bare, legend_below, letter
from steepest.progress import track
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]

_PIXELS = 64


@dataclass(frozen=True)
class Parameters:
    """Networks, noise and training (small; the paper's tasks are larger)."""

    noise: int = parameter(448, "inputs of noise beside the 64 of the digits")
    hidden: int = parameter(100, "hidden units")
    learned: int = parameter(900, "digits learned from")
    tested: int = parameter(800, "digits tested on; half of them choose the rate")
    steps: int = parameter(1000, "steps of batches of 32")
    tuned: bool = parameter(True, "whether the best of three rates is chosen for each rule")
    seeds: int = parameter(6, "networks")


QUICK = Parameters(noise=192, hidden=50, steps=200, tuned=False, seeds=3)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Accuracy and the sizes of weights for every rule, with and without noise, and network."""
    counts = (0, parameters.noise)
    shape = (len(RULES), len(counts), parameters.seeds)
    right, digit, noise = (np.full(shape, np.nan) for _ in range(3))
    rates = np.full(shape[:2], np.nan)
    jobs = [(name, count) for name in RULES for count in counts]
    with one_thread():
        for name, count in track(jobs, "Rules"):
            at = list(RULES).index(name), counts.index(count)

            def trained(rate: float, s: int, count: int = count, name: str = name):
                data = data_of(seed + s, parameters.learned, parameters.tested, count)
                half = parameters.tested // 2
                chosen = Data(data.x, data.y, data.test_x[:half], data.test_y[:half])
                tested = Data(data.x, data.y, data.test_x[half:], data.test_y[half:])
                model = network(_PIXELS + count, parameters.hidden, seed + s)
                start = model[0].weight.detach().abs().clone()
                valid = learn(model, name, rate, chosen, parameters.steps, seed + s)
                test = learn(model, name, rate, tested, 0, seed + s)
                end = model[0].weight.detach().abs()
                sizes = [
                    float(end[:, part].mean() / start[:, part].mean()) if count else np.nan
                    for part in (slice(_PIXELS), slice(_PIXELS, None))
                ]
                return valid, test, *sizes

            rates[at] = best_rate(name, lambda rate, go=trained: go(rate, 0)[0], parameters.tuned)
            for s in range(parameters.seeds):
                _, right[*at, s], digit[*at, s], noise[*at, s] = trained(float(rates[at]), s)
    names = ("rule", "noise", "network")
    dataset = xr.Dataset(
        {
            "accuracy": (names, right),
            "digit_size": (names, digit),
            "noise_size": (names, noise),
            "rate": (names[:2], rates),
        },
        coords={"rule": list(RULES), "noise": list(counts)},
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A: accuracy of plain rules; B: weights of digits and noise; C: adaptive rules."""
    figure = matplotlib.figure.Figure(figsize=(11, 3.6), layout="constrained")
    plain, sizes, adaptive = figure.subplots(1, 3)
    counts = dataset["noise"].values
    for axes, rules in ((plain, ("GD", "projected GD", "EG")), (adaptive, ("Adam", "adaptive EG"))):
        for at, rule in enumerate(rules):
            values = 100 * dataset["accuracy"].sel(rule=rule).values
            for place, each in enumerate(values):
                x = place * (len(rules) + 1) + at
                axes.bar(x, each.mean(), 0.9, color=COLOURS[rule], alpha=0.5,
                         label=rule if place == 0 else None)  # fmt: skip
                axes.plot(np.full(len(each), x), each, "o", color=COLOURS[rule], ms=4)
        middle = (len(rules) - 1) / 2
        axes.set_xticks([middle, middle + len(rules) + 1], [f"{c} inputs of noise" for c in counts])
        low = 100 * float(dataset["accuracy"].sel(rule=list(rules)).min())
        axes.set(ylim=(max(0.0, low - 8), 100), ylabel="accuracy on unseen digits (%)")
        legend_below(axes, columns=3)
    letter(plain, "A", "Plain rules")
    letter(adaptive, "C", "Adam's moments")
    last = dataset.isel(noise=-1)
    for rule in RULES:
        here = last.sel(rule=rule)
        sizes.plot(here["digit_size"], here["noise_size"], "o", color=COLOURS[rule], label=rule)
    sizes.axline((1, 1), slope=1, color="0.8", zorder=0)
    sizes.set(xlabel="mean |w| of digits, end / start", ylabel="of noise, end / start")
    sizes.legend(frameon=False, fontsize=8)
    letter(sizes, "B", "Sizes of weights")
    bare(plain, sizes, adaptive)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Differences between rules in per cent of unseen digits, network by network."""
    right = 100 * dataset["accuracy"]
    counts = [int(count) for count in dataset["noise"].values]

    def gap(first: str, second: str, count: int) -> np.ndarray:
        return (right.sel(rule=first) - right.sel(rule=second)).sel(noise=count).values

    lost = (right.sel(noise=counts[0]) - right.sel(noise=counts[-1])).mean("rule").values
    relative = (dataset["digit_size"] / dataset["noise_size"]).isel(noise=-1)
    plain, kept = gap("EG", "GD", counts[-1]), gap("EG", "projected GD", counts[-1])
    adaptive, alone = gap("adaptive EG", "Adam", counts[-1]), gap("adaptive EG", "Adam", counts[0])
    return [
        Claim.above(
            "Every rule learns the digits (lowest mean accuracy without noise, %)",
            right.sel(noise=counts[0]).mean("network").min(),
            80,
        ),
        Claim.above(
            f"{counts[-1]} inputs of noise cost accuracy (mean over rules, %)",
            lost.mean(),
            0,
            standard_error=standard_error(lost),
            by=2,
        ),
        Claim.above(
            "Exponentiated gradient makes the digits' weights grow against those of noise (ratio of"
            " their growth, smallest)",
            relative.sel(rule=["EG", "adaptive EG"]).min(),
            1.0,
        ),
        _not_here("exponentiated gradient is better than gradient descent among noise", plain),
        _not_here("it is better than gradient descent projected to keep signs", kept),
        _not_here("adaptive exponentiated gradient is better than Adam among noise", adaptive),
        _not_here("it is as good without noise", alone),
    ]


def _not_here(what: str, differences: np.ndarray) -> Claim:
    """A difference that is told with its error: at this scale it decides nothing."""
    return Claim.above(
        f"Not decided at this scale: {what} (difference, %). More inputs of noise, finer rates, and"
        " the paper's tasks would test it",
        differences.mean(),
        0,
        standard_error=standard_error(differences),
        by=2,
        tested=False,
    )
