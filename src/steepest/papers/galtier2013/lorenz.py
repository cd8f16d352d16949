"""A chaotic input: a lifted network learns the Lorenz system in closed form, three neurons cannot

The Lorenz system is ergodic and not periodic. Three neurons leave most of its flow unexplained. A
network of some hundred units, in which the three variables are an affine image, learns it as a
linear problem, and then plays it by itself: it follows the true orbit for some Lyapunov times,
until chaos takes the two apart.
"""

import json
from dataclasses import asdict, dataclass, replace

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.pictures import INK, LINE_COLOURS, bare, letter
from steepest.recurrent import (
    AffineLift,
    Inputs,
    RateNetwork,
    lifted,
    relative_entropy,
    rk4,
    simulate,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The lift, and the series that is learned and predicted."""

    units: int = parameter(300, "units of the lift")
    ridge: float = parameter(1e-12, "ridge, relative")
    samples: int = parameter(20_000, "samples learned")
    step: float = parameter(0.005, "their distance", "time")
    horizon: int = parameter(2000, "samples predicted")


QUICK = replace(Parameters(), samples=6000)
_LYAPUNOV = 0.9056  # of the Lorenz system, per unit of its time
_SCALE = np.array([20.0, 25.0, 25.0])
_LOST = 0.4  # of the spread: so far off, the replay is no longer said to follow


def _flow(u: np.ndarray) -> np.ndarray:
    """The Lorenz system in units of about one: x/20, y/25, (z - 25)/25."""
    x, y, z = (u * _SCALE + np.array([0.0, 0.0, 25.0])).T
    return np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], axis=-1) / _SCALE


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Residual flows, and what the lifted network plays; `seed` draws the lift."""
    p = parameters
    orbit = Inputs.ergodic(_flow, [0.1, 0.1, 0.0], p.step, p.samples, transient=2000, substeps=2)
    test = Inputs.ergodic(_flow, orbit.states[-1], p.step, p.horizon, transient=500, substeps=2)
    network = RateNetwork(1.0)
    lift = AffineLift.random(3, p.units, seed, scale=1.0, spread=1.0)
    high = lifted(orbit, lift)
    weights = relative_entropy(high, network).minimum(ridge=p.ridge).weights
    plain = relative_entropy(orbit, network).minimum().weights

    def residual(weights: np.ndarray, inputs: Inputs) -> float:
        miss = network.field(weights, inputs.states) - inputs.velocities
        return float(np.linalg.norm(miss) / np.linalg.norm(inputs.velocities))

    start = lift.encode(test.states[0])
    played = lift.decode(simulate(network, weights, start, p.step, p.horizon - 1, integrator=rk4))
    off = np.linalg.norm(played - test.states, axis=1) / np.sqrt(test.states.var(axis=0).sum())
    lost = int(np.argmax(off > _LOST)) if (off > _LOST).any() else len(off) - 1
    time = {"units": "Lyapunov time"}
    dataset = xr.Dataset(
        {
            "residual": (
                ("network",), [residual(weights, high), residual(plain, orbit)],
            ),
            "valid_time": ((), lost * p.step * _LYAPUNOV, time),
            "truth": (("sample", "axis"), test.states),
            "played": (("sample", "axis"), played),
        },
        coords={
            "network": ["lifted", "three neurons"],
            "sample": ("sample", np.arange(p.horizon) * p.step * _LYAPUNOV, time),
        },
    )  # fmt: skip
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """a the network left alone beside the true orbit, b both attractors."""
    figure = matplotlib.figure.Figure(figsize=(9.6, 3.4), layout="constrained")
    a, b = figure.subplots(1, 2, width_ratios=(1.8, 1))
    truth, played = dataset["truth"].values, dataset["played"].values
    a.plot(dataset["sample"], truth[:, 0], color=INK, lw=1, label="Lorenz, x")
    a.plot(dataset["sample"], played[:, 0], "--", color=LINE_COLOURS[0], lw=1, label="network")
    a.axvline(float(dataset["valid_time"]), color="0.6", lw=0.8, ls=":")
    letter(a, "a", "network left alone")
    a.set(xlabel="Lyapunov times", ylabel="x / 20", ylim=(-1.2, 1.6))
    a.legend(frameon=False, fontsize=8, ncols=2, loc="upper right")
    b.plot(truth[:, 0], truth[:, 2], color=INK, lw=0.7)
    b.plot(played[:, 0], played[:, 2], "--", color=LINE_COLOURS[0], lw=0.7)
    letter(b, "b", "attractor")
    b.set(xlabel="x / 20", ylabel="(z − 25) / 25")
    bare(a, b)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The lifted network has the flow and follows the orbit; three neurons have not."""
    known = asdict(Parameters())
    chosen = json.loads(dataset.attrs["parameters"])
    tested = all(chosen[name] == known[name] for name in known if name != "samples")
    of_lifted, of_three = (float(x) for x in dataset["residual"])
    return [
        Claim.below("Lorenz, lifted: relative residual flow", of_lifted, 1e-3, tested=tested),
        Claim.above(
            "Lorenz, three neurons: relative residual flow (it depends on the units of"
            " the three variables)",
            of_three,
            0.7,
        ),
        Claim.above(
            "Lorenz, lifted: the network left alone follows for some Lyapunov times"
            " (until it is off by .4 of the spread)",
            float(dataset["valid_time"]),
            3,
            tested=tested,
        ),
    ]
