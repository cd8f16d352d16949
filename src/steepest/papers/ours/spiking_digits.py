"""Spiking networks tell handwritten digits apart, and natural gradients need fewer of them

Digits 0 to 3 of scikit-learn's are shown to a network of Poisson neurons as input rates, one drawn
every 200 ms; each output is taught to fire at the digits of one class. Compared are Euclid's
descent, Adam (each at the best of its rates), every neuron's own Fisher metric, and that metric
over lambda (the output Fisher's share). Accuracy is measured on digits that are never learned: the
output with the highest rate names the class.

B: dendrites that fade: each synapse's weight reaches the soma by a factor of its own. The own
Fisher is the pullback of the somatic one, so it learns as before; Euclid and Adam see other
gradients.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.arrays.repetitions import mean_and_error
from steepest.errors import UsageError
from steepest.pictures import LINE_COLOURS, bare, letter
from steepest.spiking import (
    Adam,
    Descent,
    LayeredNetwork,
    OutputFisher,
    OwnFisher,
    RatePatterns,
    learn,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The digits, the network, and the rates that were tried."""

    classes: int = parameter(4, "digits 0, 1, ...")
    hidden: int = parameter(15, "hidden neurons")
    seeds: int = parameter(6, "starts, each with spikes and an order of digits of its own")
    duration: float = parameter(40.0, "time of learning", "s")
    records: int = parameter(4, "times at which accuracy is measured")
    hold: float = parameter(0.2, "time for which a digit is shown", "s")
    tests: int = parameter(150, "digits kept for measuring")
    dark: float = parameter(2.0, "rate of an input at a dark pixel", "Hz")
    bright: float = parameter(60.0, "rate of an input at a bright pixel", "Hz")
    rest: float = parameter(5.0, "rate asked of outputs of other classes", "Hz")
    asked: float = parameter(60.0, "rate asked of the output of the digit's class", "Hz")
    euclid: tuple[float, ...] = parameter((1e-4, 3e-4), "rates of Euclid's hidden layer")
    adam: tuple[float, ...] = parameter((3e-5, 1e-4, 3e-4, 1e-3, 3e-3), "rates of Adam")
    own: float = parameter(2.0, "rate of the own Fisher's hidden layer", "1/s")
    own_outputs: float = parameter(0.1, "rate of its output layer", "1/s")
    shared: float = parameter(0.05, "rate over lambda, of both layers", "1/s")
    damping: float = parameter(0.05, "damping of both, in mean variances")
    max_step: float = parameter(0.3, "their cap on an update", "mV")
    least: float = parameter(0.3, "least factor of a fading dendrite")


QUICK = Parameters(
    seeds=2, duration=2.0, records=1, tests=20, euclid=(1e-4,), adam=(3e-4,), hidden=6
)
RULES = ("Euclid", "Adam", "own Fisher", "own over lambda")


def digits(classes: int, tests: int, seed: int) -> tuple[np.ndarray, ...]:
    """Pictures (n, 32) in 0..1, of pairs of pixels, and labels, of digits to learn and to test."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise UsageError(
            'the digits come with scikit-learn, which is an extra: pip install "steepest[torch]"'
        ) from error
    pictures, labels = (np.asarray(array) for array in load_digits(return_X_y=True))
    pictures, labels = pictures[labels < classes], labels[labels < classes]
    pairs = pictures.reshape(-1, 8, 4, 2).mean(axis=3).reshape(len(labels), 32) / 16
    order = np.random.default_rng([seed, 9]).permutation(len(labels))
    pairs, labels = pairs[order], labels[order]
    return pairs[tests:], labels[tests:], pairs[:tests], labels[:tests]


def _rules(p: Parameters) -> Iterator[tuple[int, int, Any]]:
    """Place of the rule, place of its rate, and the rule."""
    tried: tuple[list[Any], ...] = (
        [Descent((rate, rate / 10), max_step=np.inf) for rate in p.euclid],
        [Adam(rate, max_step=np.inf) for rate in p.adam],
        [OwnFisher((p.own, p.own_outputs), damping=p.damping, max_step=p.max_step)],
        [OutputFisher(p.shared, damping=p.damping, max_step=p.max_step)],
    )
    for i, rules in enumerate(tried):
        for k, rule in enumerate(rules):
            yield i, k, rule


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Accuracy and loss of each rule at each of its rates, with dendrites that fade and without."""
    p = parameters
    pictures, labels, seen, names = digits(p.classes, p.tests, seed)

    def shown(pairs: np.ndarray) -> np.ndarray:
        return p.dark + (p.bright - p.dark) * pairs

    def asked(given: np.ndarray) -> np.ndarray:
        return np.where(np.arange(p.classes) == given[:, None], p.asked, p.rest)

    task = RatePatterns(
        shown(pictures),
        asked(labels),
        hold=p.hold,
        test_rates=shown(seen),
        test_targets=asked(names),
    )
    sizes = (32, p.hidden, p.classes)
    random = np.random.default_rng([seed, 10])
    fading = [random.uniform(p.least, 1.0, shape) for shape in LayeredNetwork(sizes).shapes]
    networks = (LayeredNetwork(sizes), LayeredNetwork(sizes, attenuation=fading))
    most = max(len(p.euclid), len(p.adam))
    shape = (2, len(RULES), most, p.records + 1, p.seeds)
    accuracy, loss = np.full(shape, np.nan), np.full(shape, np.nan)
    times = np.zeros(0)
    for f, network in enumerate(networks):
        start = network.draw_weights(
            p.seeds, mean=(10 / shown(pictures).mean(), 0.2), spread=0.1, seed=seed + 12
        )
        for i, k, rule in _rules(p):
            result = learn(
                network,
                task,
                rule,
                start,
                duration=p.duration,
                trials=p.seeds,
                seed=seed,
                record=p.records,
                window=p.hold,
            )
            assert result.accuracy is not None
            accuracy[f, i, k], loss[f, i, k], times = result.accuracy, result.loss, result.times
    axes = ("dendrite", "rule", "tried", "time", "trial")
    dataset = xr.Dataset(
        {"accuracy": (axes, accuracy), "loss": (axes, loss, {"units": "nats/s"})},
        coords={
            "dendrite": ["even", "fading"],
            "rule": list(RULES),
            "time": ("time", times, {"units": "s"}),
        },
    )
    return stamp(dataset, parameters, seed)


def _best(dataset: xr.Dataset, dendrite: str, rule: str) -> np.ndarray:
    """Accuracy (times, trials) of a rule at the rate that ends best."""
    accuracy = dataset["accuracy"].sel(dendrite=dendrite, rule=rule).values
    return accuracy[int(np.nanargmax(accuracy[:, -1].mean(axis=1)))]


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Accuracy on unseen digits against time, even and fading dendrites."""
    figure = matplotlib.figure.Figure(figsize=(9.4, 3.8), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    titles = ("digits 0-3", "dendrites that fade")
    times = dataset["time"].values
    for axes, name, dendrite, title in zip(panels, "AB", ("even", "fading"), titles, strict=True):
        for colour, rule in zip(LINE_COLOURS, RULES, strict=False):
            accuracy = _best(dataset, dendrite, rule)
            error = 2 * accuracy.std(axis=1, ddof=1) / np.sqrt(accuracy.shape[1])
            axes.errorbar(
                times,
                accuracy.mean(axis=1),
                error,
                fmt="o-",
                color=colour,
                markersize=3,
                label=rule,
            )
        axes.set(xlabel="time of the network, s", ylim=(0, 1))
        letter(axes, name, title)
    panels[0].set_ylabel("accuracy on unseen digits")
    panels[0].legend(frameon=False)
    bare(*panels)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Own Fisher tells digits apart when Adam does not yet, on fading dendrites too."""
    tested = dataset.sizes["trial"] >= 6
    last = {
        (dendrite, rule): mean_and_error(_best(dataset, dendrite, rule)[-1])
        for dendrite in ("even", "fading")
        for rule in RULES
    }
    own, adam = last["even", "own Fisher"], last["even", "Adam"]
    shared = last["even", "own over lambda"]
    apart = _best(dataset, "fading", "own Fisher")[-1] - _best(dataset, "even", "own Fisher")[-1]
    difference, error = mean_and_error(apart)
    ahead, ahead_error = mean_and_error(
        _best(dataset, "fading", "own Fisher")[-1] - _best(dataset, "fading", "Adam")[-1]
    )
    return [
        Claim.above(
            "A: own Fisher: accuracy on unseen digits at the end",
            float(own[0]),
            0.72,
            standard_error=float(own[1]),
            inclusive=True,
            tested=tested,
        ),
        Claim.above(
            "A: own Fisher over lambda: accuracy on unseen digits at the end",
            float(shared[0]),
            0.72,
            standard_error=float(shared[1]),
            inclusive=True,
            tested=tested,
        ),
        Claim.below(
            "A: Adam at the best of its rates: accuracy on unseen digits at the end",
            float(adam[0]),
            0.55,
            standard_error=float(adam[1]),
            inclusive=True,
            tested=tested,
        ),
        Claim.near(
            "B: own Fisher does not see that dendrites fade: difference of its accuracies",
            0.0,
            float(difference),
            float(error),
            tolerance=0.02,
        ),
        Claim.above(
            "B: where Adam is behind: own Fisher's accuracy less Adam's",
            float(ahead),
            0,
            standard_error=float(ahead_error),
            by=3,
            tested=tested,
        ),
    ]
