"""How natural gradients fail in spiking networks: silently without a cap, and far from threshold

A: at a rate that is too high, the own Fisher without a cap on its updates leaves the range in which
a voltage says something: voltages spread ever further, while the loss stays bounded and nothing
looks broken. With the cap, max_step, the same rate holds them together. B: where all neurons start
far below threshold their firing says little about their voltage, and every rule is behind.
"""

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.errors import LearningError
from steepest.pictures import LINE_COLOURS, bare, letter
from steepest.spiking import Descent, LayeredNetwork, OwnFisher, TeacherNetwork, learn
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The network, and what is done to it."""

    sizes: tuple[int, ...] = parameter((30, 15, 3), "inputs, hidden neurons, outputs")
    seeds: int = parameter(6, "teachers, each with a start of its own")
    duration: float = parameter(10.0, "time of learning", "s")
    rate: float = parameter(3.0, "rate of the own Fisher in both layers, far too high", "1/s")
    cap: float = parameter(0.3, "cap on an update", "mV")
    low: float = parameter(-10.0, "mean voltage of the poor start", "mV")
    slow: float = parameter(1.0, "rate of the own Fisher's hidden layer, not too high", "1/s")
    euclid: float = parameter(3e-4, "rate of Euclid's hidden layer")


QUICK = Parameters(seeds=2, duration=3.0, sizes=(20, 8, 2))
RUNS = (
    "uncapped",
    "capped",
    "own Fisher",
    "own Fisher from far below",
    "Euclid",
    "Euclid from far below",
)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Loss and spread of voltages of each run; a run that ends early repeats its last record."""
    p = parameters
    network = LayeredNetwork(p.sizes)
    rates = np.random.default_rng([seed, 5]).uniform(10, 50, network.inputs)
    level = 10 / rates.mean()
    teachers = network.draw_weights(p.seeds, mean=(level, 0.2), spread=(0.4, 0.3), seed=seed + 11)
    task = TeacherNetwork(network, teachers, rates)
    near, far = (
        network.draw_weights(
            p.seeds, mean=(voltage / rates.mean(), outgoing), spread=0.1, seed=seed + 12
        )
        for voltage, outgoing in ((10.0, 0.2), (p.low, 0.2))
    )
    own = OwnFisher((p.slow, 0.15 * p.slow), max_step=p.cap, damping=0.05)
    euclid = Descent((p.euclid, p.euclid / 10), max_step=np.inf)
    rules = (
        (OwnFisher(p.rate, max_step=np.inf, damping=0.05), near),
        (OwnFisher(p.rate, max_step=p.cap, damping=0.05), near),
        (own, near),
        (own, far),
        (euclid, near),
        (euclid, far),
    )
    records = 5
    shape = (len(RUNS), records + 1, p.seeds)
    loss, spread, times = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(0)
    ended = np.zeros(len(RUNS))
    for k, (rule, start) in enumerate(rules):
        state = None
        for record in range(records):
            try:
                result = learn(
                    network,
                    task,
                    rule,
                    start,
                    duration=p.duration / records,
                    trials=p.seeds,
                    seed=seed,
                    record=1,
                    windows=16,
                    state=state,
                )
            except LearningError:  # a metric that is not positive definite any more
                ended[k] = 1
                break
            state = result.state
            loss[k, record : record + 2] = result.loss
            spread[k, record : record + 2] = result.spread
    times = np.linspace(0, p.duration, records + 1)
    axes = ("run", "time", "trial")
    dataset = xr.Dataset(
        {
            "loss": (axes, loss, {"units": "nats/s"}),
            "spread": (axes, spread, {"units": "mV"}),
            "ended": ("run", ended),
        },
        coords={"run": list(RUNS), "time": ("time", times, {"units": "s"})},
    )
    return stamp(dataset, parameters, seed)


def _last(dataset: xr.Dataset, name: str, which: str) -> np.ndarray:
    """The last record of a run, (trials,)."""
    values = dataset[name].sel(run=which).values
    return values[np.isfinite(values).all(axis=1)][-1]


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Loss and spread of voltages, with a cap and without, and from far below threshold."""
    figure = matplotlib.figure.Figure(figsize=(9.4, 3.6), layout="constrained")
    panels = figure.subplots(1, 2)
    names = (("loss", "loss, nats/s"), ("spread", "sd of the voltage, mV"))
    for axes, letters, (name, words) in zip(panels, "AB", names, strict=True):
        for colour, which in zip(LINE_COLOURS, RUNS, strict=False):
            values = dataset[name].sel(run=which).values
            axes.plot(dataset["time"], values.mean(axis=1), "o-", color=colour, label=which)
        axes.set(xlabel="time of the network, s", ylabel=words, yscale="log")
        letter(axes, letters)
    panels[0].legend(frameon=False, fontsize=8)
    bare(*panels)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The cap holds voltages together, and poor starts cost."""
    wild, held = (_last(dataset, "spread", name) for name in ("uncapped", "capped"))
    start = dataset["loss"].sel(run="uncapped").values[0]
    ratios = {
        name: _last(dataset, "loss", f"{name} from far below") / _last(dataset, "loss", name)
        for name in ("own Fisher", "Euclid")
    }
    return [
        Claim.above(
            "A: without a cap voltages spread further than with one, or the run ends (ratio of"
            " standard deviations)",
            np.inf if float(dataset["ended"][0]) else float(wild.mean() / held.mean()),
            2,
        ),
        Claim.below(
            "A: and the loss does not say so: it stays bounded (loss over that at the start)",
            float(_last(dataset, "loss", "uncapped").mean() / start.mean()),
            10,
        ),
        *(
            Claim.above(
                f"B: from far below threshold {name} is behind: loss over that of the same rule"
                " from near threshold",
                float(values.mean()),
                1,
            )
            for name, values in ratios.items()
        ),
    ]
