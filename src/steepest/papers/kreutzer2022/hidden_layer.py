"""A hidden layer learns by natural gradients that each neuron computes for itself (Discussion)

A network of spiking neurons learns to fire like another one. The outputs' errors are sent back
through the weights onto what each hidden neuron can keep of its own synapses, and every neuron
takes the step of its own Fisher metric. Beside it Euclid's descent and Adam on the same covectors,
each at the best of several rates. The loss is the divergence of output rates, in nats per second:
hidden spikes are independent, so the teacher's own weights do not score best, and weights are not
compared. Seconds are the network's own, not the computer's.

All rates fall, as rate / (1 + t / falling): noise of the outputs' spikes is what a constant rate
ends at, and each rule then trades its speed for its last loss. Rates, how fast they fall, the
outputs' share of them, and the own Fisher's damping and cap were tuned on teachers of other seeds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib.figure
import numpy as np
import xarray as xr
from jaxtyping import Float

from steepest.arrays.repetitions import mean_and_error
from steepest.pictures import INK, LINE_COLOURS, bare
from steepest.spiking import Adam, Descent, LayeredNetwork, OwnFisher, TeacherNetwork, learn
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The network, the teachers, and the rates that were tried."""

    sizes: tuple[int, ...] = parameter((30, 15, 3), "inputs, hidden neurons, outputs")
    sets: int = parameter(4, "sets of input rates")
    seeds: int = parameter(12, "teachers of a set, each with a start of its own")
    duration: float = parameter(40.0, "time of learning", "s")
    records: int = parameter(40, "times at which the loss is measured, and rates fall")
    euclid: tuple[float, ...] = parameter((3e-4, 1e-3), "first rates of Euclid's hidden layer")
    euclid_outputs: float = parameter(0.1, "Euclid's output rate, in hidden rates")
    euclid_falling: float = parameter(10.0, "time in which Euclid's rates fall to half", "s")
    adam: tuple[float, ...] = parameter((5e-4, 1e-3, 2e-3, 3e-3, 5e-3), "first rates of Adam's")
    adam_outputs: float = parameter(0.2, "Adam's output rate, in hidden rates")
    adam_falling: float = parameter(10.0, "time in which Adam's rates fall to half", "s")
    own: tuple[float, ...] = parameter(
        (4.0,), "first rates of the own Fisher's hidden layer", "1/s"
    )
    own_outputs: float = parameter(0.15, "own Fisher's output rate, in hidden rates")
    own_falling: float = parameter(5.0, "time in which its rates fall to half", "s")
    damping: float = parameter(0.3, "own Fisher's damping, in mean variances")
    max_step: float = parameter(1.0, "own Fisher's cap on an update", "mV")
    windows: int = parameter(4, "windows in which the loss is measured")
    window: float = parameter(0.25, "length of a window", "s")


QUICK = Parameters(
    sets=1,
    seeds=2,
    duration=2.0,
    records=4,
    euclid=(1e-4,),
    adam=(3e-4,),
    own=(1.0,),
    window=0.1,
)
RULES = ("Euclid", "Adam", "own Fisher")
MARGIN = 1.05  # over the loss at which Adam ends: its curves scatter by some 2 %


def _rules(p: Parameters) -> dict[str, tuple[tuple[float, ...], float, Callable[[Any], Any]]]:
    """First rates that are tried, the time in which they fall to half, and the rule at a rate."""
    return {
        "Euclid": (
            p.euclid,
            p.euclid_falling,
            lambda r: Descent((r, r * p.euclid_outputs), max_step=np.inf),
        ),
        "Adam": (p.adam, p.adam_falling, lambda r: Adam((r, r * p.adam_outputs), max_step=np.inf)),
        "own Fisher": (
            p.own,
            p.own_falling,
            lambda r: OwnFisher((r, r * p.own_outputs), damping=p.damping, max_step=p.max_step),
        ),
    }


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """The loss of each rule at each of its rates."""
    p = parameters
    tried = _rules(p)
    loss = np.concatenate([_losses(p, seed + 10 * k) for k in range(p.sets)], axis=-1)
    learning_rate = np.full(loss.shape[:2], np.nan)
    for i, name in enumerate(RULES):
        learning_rate[i, : len(tried[name][0])] = tried[name][0]
    dataset = xr.Dataset(
        {
            "loss": (("rule", "tried", "time", "trial"), loss, {"units": "nats/s"}),
            "learning_rate": (("rule", "tried"), learning_rate),
        },
        coords={"rule": list(RULES), "time": ("time", _times(p), {"units": "s"})},
    )
    return stamp(dataset, parameters, seed)


def _times(p: Parameters) -> Float[np.ndarray, " times"]:
    return np.linspace(0, p.duration, p.records + 1)


def _losses(p: Parameters, seed: int) -> Float[np.ndarray, "rules tried times trials"]:
    """The losses of one set of input rates; NaN where a rule has fewer rates than another."""
    network = LayeredNetwork(p.sizes)
    rates = np.random.default_rng([seed, 5]).uniform(10, 50, network.inputs)
    means = (10 / rates.mean(), 0.2)
    # Far apart: the teachers of one seed are not drawn as the starts of another.
    drawn = 1000 * seed
    teachers = network.draw_weights(p.seeds, mean=means, spread=(0.4, 0.3), seed=drawn + 11)
    start = network.draw_weights(p.seeds, mean=means, spread=(0.1, 0.1), seed=drawn + 12)
    task = TeacherNetwork(network, teachers, rates)
    tried = _rules(p)
    most = max(len(first_rates) for first_rates, _, _ in tried.values())
    loss = np.full((len(RULES), most, p.records + 1, p.seeds), np.nan)
    times = _times(p)
    for i, name in enumerate(RULES):
        first_rates, falling, rule = tried[name]
        for k, rate in enumerate(first_rates):
            state = None
            for j, now in enumerate(times[:-1]):
                result = learn(
                    network,
                    task,
                    rule(rate / (1 + now / falling)),
                    start,
                    duration=p.duration / p.records,
                    trials=p.seeds,
                    seed=seed,
                    record=times[j + 1 : j + 2] if j else times[:2],
                    windows=p.windows,
                    window=p.window,
                    state=state,
                )
                state = result.state
                loss[i, k, j + 2 - len(result.loss) : j + 2] = result.loss
    return loss


def best(dataset: xr.Dataset, rule: str) -> Float[np.ndarray, "times trials"]:
    """The loss of a rule at the rate whose mean over the last quarter of the run is lowest."""
    loss = dataset["loss"].sel(rule=rule).values
    last = loss[:, -max(1, loss.shape[1] // 4) :].mean(axis=(1, 2))
    return loss[int(np.nanargmin(last))]


def _seconds(dataset: xr.Dataset, level: np.ndarray, rule: str) -> Float[np.ndarray, " trials"]:
    """When a rule's loss (running mean of three records) is first at the level; the end for never.

    Of the rule's rates the one that is there soonest on average.
    """
    times = dataset["time"].values
    soonest = np.full(level.shape, np.inf)
    for loss in dataset["loss"].sel(rule=rule).values:
        if np.isnan(loss).all():
            continue
        smooth = (loss[:-2] + loss[1:-1] + loss[2:]) / 3
        below = smooth <= level
        reached = np.where(below.any(axis=0), times[1:-1][below.argmax(axis=0)], times[-1])
        if reached.mean() < soonest.mean():
            soonest = reached
    return soonest


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Each rule's loss at its best rate, over what Adam ends at on the same teacher (mean, SE)."""
    figure = matplotlib.figure.Figure(figsize=(5.4, 3.8), layout="constrained")
    axes = figure.subplots()
    times, adam = dataset["time"].values, best(dataset, "Adam")
    end = adam[-max(1, len(adam) // 4) :].mean(axis=0)
    first = times <= times[-1] / 40  # of the start the scale is another
    for colour, rule in zip(LINE_COLOURS, RULES, strict=False):
        mean, error = mean_and_error((best(dataset, rule) - end).T)
        axes.plot(times[~first], mean[~first], color=colour, lw=2, label=rule)
        band = (times[~first], (mean - error)[~first], (mean + error)[~first])
        axes.fill_between(*band, color=colour, alpha=0.2, lw=0)
    axes.axhline(0, color=INK, lw=0.8)
    axes.set(xlabel="time of the network, s", ylabel="loss over Adam's last, nats/s")
    axes.legend(frameon=False)
    axes.set_title("Learning to fire like another network", loc="left", fontsize=10)
    bare(axes)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Own Fisher is faster than Adam, and ends lower."""
    tested = dataset.sizes["trial"] >= 6
    adam, own, euclid = (best(dataset, rule) for rule in ("Adam", "own Fisher", "Euclid"))
    last = -max(1, len(adam) // 4)
    level = MARGIN * adam[last:].mean(axis=0)
    slow, fast = (_seconds(dataset, level, rule) for rule in ("Adam", "own Fisher"))
    # Of ratios the geometric mean: that of the inverse is its inverse.
    logarithm, spread = mean_and_error(np.log(slow / fast))
    ratio, error = np.exp(logarithm), np.exp(logarithm) * spread
    gain, gain_error = mean_and_error(adam[last:].mean(axis=0) - own[last:].mean(axis=0))
    fallen, fallen_error = mean_and_error(own[-1] / own[0])
    behind, behind_error = mean_and_error(euclid[last:].mean(axis=0) - own[last:].mean(axis=0))
    return [
        Claim.below(
            "Own natural gradients teach a hidden layer: loss at the end over that at the start",
            float(fallen),
            1,
            standard_error=float(fallen_error),
        ),
        Claim.above(
            "Own Fisher is within 5 % of Adam's last loss sooner than Adam: speed-up in seconds of"
            " network time (geometric mean)",
            float(ratio),
            1,
            standard_error=float(error),
            by=2,
            tested=tested,
        ),
        Claim.above(
            "and it ends lower than Adam (nats/s, at the best rate of either)",
            float(gain),
            0,
            standard_error=float(gain_error),
            by=2,
            tested=tested,
        ),
        Claim.above(
            "and than Euclid (nats/s)",
            float(behind),
            0,
            standard_error=float(behind_error),
            by=2,
            tested=tested,
        ),
    ]
