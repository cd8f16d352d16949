"""A linear network: minimising relative entropy is linear inverse modelling

The principle "virtually works with any network equations". With S(u) = u the network is
u' = (W - l) u, and the minimum of the relative entropy is the drift matrix that linear inverse
modelling fits, W* - l = A, from one decaying orbit and its exact velocities.
"""

import json
from dataclasses import asdict, dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.papers.galtier2013._errors import relative_error
from steepest.pictures import INK, LINE_COLOURS, bare, letter
from steepest.recurrent import Inputs, linear_network, relative_entropy, replay, rk4
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The drift, and the orbit that is seen."""

    drift: tuple[tuple[float, ...], ...] = parameter(
        ((-0.5, 2.0, 0.0), (-2.0, -0.5, 0.3), (0.0, 0.4, -0.8)), "A", "1/time"
    )
    start: tuple[float, ...] = parameter((1.0, 0.5, -0.7), "where the orbit starts")
    step: float = parameter(0.02, "time between samples", "time")
    samples: int = parameter(400, "their number")
    decay: float = parameter(1.0, "l", "1/time")


QUICK = Parameters()


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """The minimum for one orbit, and its replay. Not random: `seed` is only recorded."""
    p, drift = parameters, np.array(parameters.drift)
    network = linear_network(p.decay)
    orbit = Inputs.ergodic(lambda u: drift @ u, list(p.start), p.step, p.samples)
    weights = relative_entropy(orbit, network).minimum().weights
    played = replay(network, weights, orbit.states[0], p.step, p.samples - 1, integrator=rk4)
    rate = {"units": "1/time"}
    dataset = xr.Dataset(
        {
            "truth": (("post", "pre"), drift, rate),
            "learned": (("post", "pre"), weights - p.decay * np.eye(len(drift)), rate),
            "orbit": (("time", "unit"), orbit.states),
            "played": (("time", "unit"), played),
        },
        coords={"time": ("time", np.arange(p.samples) * p.step, {"units": "time"})},
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """a the orbit (dashed) and its replay, b the entries of the drift matrix."""
    figure = matplotlib.figure.Figure(figsize=(7.6, 3.4), layout="constrained")
    a, b = figure.subplots(1, 2, width_ratios=(1.4, 1))
    for unit, colour in zip(range(dataset.sizes["unit"]), LINE_COLOURS, strict=False):
        a.plot(dataset["time"], dataset["played"][:, unit], color=colour, lw=1.4)
        a.plot(dataset["time"], dataset["orbit"][:, unit], "--", color=INK, lw=1)
    letter(a, "a", "orbit (dashed) and replay")
    a.set(xlabel="time", ylabel="activity")
    truth = dataset["truth"].values.ravel()
    ends = np.array([truth.min() - 0.3, truth.max() + 0.3])
    b.plot(ends, ends, color="0.7", lw=0.8, zorder=0)
    b.plot(truth, dataset["learned"].values.ravel(), "o", color=LINE_COLOURS[0], mfc="none")
    letter(b, "b", "drift matrix")
    b.set(xlabel="true A (1/time)", ylabel="learned W − l (1/time)")
    bare(a, b)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The minimum is the drift matrix."""
    return [
        Claim.below(
            "Linear: W* - l is the drift matrix (error)",
            relative_error(dataset["learned"].values, dataset["truth"].values),
            1e-12,
            tested=dataset.attrs["parameters"] == json.dumps(asdict(Parameters())),
        )
    ]
