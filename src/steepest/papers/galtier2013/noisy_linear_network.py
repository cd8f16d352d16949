"""Fluctuation and dissipation: the diffusion matrix of a linear network, without its increments

In a linear network with noise, fluctuation and dissipation must balance: with drift A and
stationary covariance P, A P + P A' = -2 D (Lyapunov equation). So D follows from the drift and the
covariance of a series alone, and the network that learned both from the series replays its
covariance; with noise of the same power in every direction it does not.
"""

import json
from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.pictures import INK, LINE_COLOURS, bare, letter
from steepest.recurrent import fit_noisy, linear_network, simulate, stationary_covariance
from steepest.recurrent.noise import dissipated
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """Two units that decay at rate 1, their weights and noise, and the series."""

    weights: tuple[tuple[float, ...], ...] = parameter(((0.2, -0.8), (0.9, -0.3)), "W")
    diffusion: tuple[tuple[float, ...], ...] = parameter(((0.2, 0.05), (0.05, 0.1)), "D", "1/time")
    duration: float = parameter(3000.0, "length of the series", "time")
    step: float = parameter(0.005, "its sampling step", "time")


QUICK = Parameters(duration=500.0)
_COVARIANCES = ("Lyapunov", "series", "replay", "replay, isotropic noise")


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """One series, what is learned from it, and its covariance by four ways."""
    p = parameters
    weights, diffusion = np.array(p.weights), np.array(p.diffusion)
    network, decay = linear_network(1.0), np.eye(2)
    walk = simulate(
        network, weights, np.zeros(2), p.step, round(p.duration / p.step), diffusion=diffusion,
        seed=seed + 5,
    )  # fmt: skip
    fit = fit_noisy(walk, p.step, network)
    drift, seen = fit.weights - decay, np.cov(walk.T)
    # The null: noise of the same power, without the correlations and sizes that were learned.
    bland = decay * np.trace(fit.diffusion) / 2
    covariances = (
        stationary_covariance(weights - decay, diffusion),
        seen,
        stationary_covariance(drift, fit.diffusion),
        stationary_covariance(drift, bland),
    )
    dataset = xr.Dataset(
        {
            "diffusion": (
                ("source", "a", "b"),
                np.array([diffusion, fit.diffusion, dissipated(drift, seen)]),
                {"units": "1/time"},
            ),
            "covariance": (("whose", "a", "b"), np.array(covariances)),
        },
        coords={
            "source": ["truth", "increments", "dissipation"],
            "whose": list(_COVARIANCES),
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """a the diffusion matrix, b the covariance: entries by each way."""
    figure = matplotlib.figure.Figure(figsize=(8.4, 3.4), layout="constrained")
    a, b = figure.subplots(1, 2, width_ratios=(1, 1.2))
    for axes, name, along, colours in (
        (a, "diffusion", "source", ("0.75", INK, LINE_COLOURS[0])),
        (b, "covariance", "whose", ("0.75", INK, *LINE_COLOURS[:2])),
    ):
        ways = dataset[along].values
        width = 0.8 / len(ways)
        for place, (way, colour) in enumerate(zip(ways, colours, strict=True)):
            entries = dataset[name].sel({along: way}).values[np.triu_indices(2)]
            at = np.arange(3) + width * (place - (len(ways) - 1) / 2)
            axes.bar(at, entries, 0.92 * width, color=colour, label=way)
        axes.axhline(0, color="0.6", lw=0.6)
        axes.legend(frameon=False, fontsize=8)
    letter(a, "a", "diffusion matrix D")
    letter(b, "b", "covariance P")
    a.set(xticks=range(3), xticklabels=["D₁₁", "D₁₂", "D₂₂"], ylabel="diffusion, 1/time")
    b.set(xticks=range(3), xticklabels=["P₁₁", "P₁₂", "P₂₂"], ylabel="covariance")
    for axes in (a, b):
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + 0.25 * (high - low))  # room for the legend
    bare(a, b)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The balance, the Lyapunov equation, and the replay."""
    duration = json.loads(dataset.attrs["parameters"])["duration"]
    loose = float(0.3 / np.sqrt(duration / 100))
    truth, increments, dissipation = dataset["diffusion"].values
    exact, seen, played, bland = dataset["covariance"].values

    def apart(first: np.ndarray, second: np.ndarray, size: np.ndarray) -> float:
        return float(np.linalg.norm(first - second) / np.linalg.norm(size))

    of_replay, of_bland = apart(played, seen, seen), apart(bland, seen, seen)
    return [
        Claim.below(
            "Linear network: dissipation -(A P + P A')/2 is the diffusion of the"
            " increments (relative difference)",
            apart(dissipation, increments, truth),
            loose,
        ),
        Claim.below(
            "Linear network: its covariance solves the Lyapunov equation (relative"
            " difference to the series)",
            apart(seen, exact, exact),
            loose,
        ),
        Claim.above(
            "Linear network: its replay has the series' covariance with the D it learned,"
            " and not with isotropic noise of the same power (relative differences)",
            of_bland / of_replay,
            5,
        ).showing("second over first", of_replay, of_bland),
    ]
