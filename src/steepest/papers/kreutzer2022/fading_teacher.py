"""Where the teacher's spike fades along the dendrite, LTP turns into LTD (Discussion)

Synapses along a dendrite are taught by spikes that reach them with exp(-distance/reach). The change
is linear in that factor and has another sign beyond some distance, for both rules about where the
mean error of the Euclidean rule vanishes.

A teacher's spike that is attenuated on its way is a change of the rule: no cost belongs to it.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.arrays.repetitions import mean_and_error
from steepest.papers.kreutzer2022._discussion import DT, RULES, draw_points
from steepest.pictures import RULE_COLOURS, bare, letter
from steepest.spiking import (
    Afferents,
    AttenuatedTeacher,
    FixedRateTeacher,
    PoissonNeuron,
    Task,
    sample_usps,
    simulate,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The dendrite, its afferents and the teacher."""

    synapses: int = parameter(12, "synapses along the dendrite")
    farthest: float = parameter(460.0, "distance of the last synapse from the soma", "um")
    reach: float = parameter(300.0, "attenuation length of the teacher's spike", "um")
    weight: float = parameter(0.03, "initial somatic weights")
    rate: float = parameter(20.0, "rate of the afferents", "Hz")
    teacher: float = parameter(60.0, "rate of the teacher", "Hz")
    trials: int = parameter(128, "repetitions")
    duration: float = parameter(3.0, "time of learning", "s")
    natural_rate: float = parameter(0.002, "learning rate of the natural rule", "1/s")
    euclidean_rate: float = parameter(1e-6, "learning rate of the Euclidean rule", "1")
    samples: int = parameter(20_000, "sampled USPs of the mean error")


QUICK = Parameters(trials=16)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Weight changes by both rules, and where they change sign."""
    p, neuron = parameters, PoissonNeuron()
    distances = np.linspace(0.0, p.farthest, p.synapses)
    factors = np.exp(-distances / p.reach)
    afferents = Afferents.steady(np.full(p.synapses, p.rate))
    task = Task(neuron, afferents, AttenuatedTeacher(FixedRateTeacher(p.teacher), factors))
    rates = {"natural": p.natural_rate, "Euclidean": p.euclidean_rate}
    change, error = np.empty((2, 2, p.synapses))
    switch = np.empty((2, 2))
    for i, (name, rule) in enumerate(RULES.items()):
        recording = simulate(
            task,
            rule,
            np.full((p.trials, p.synapses), p.weight),
            rate=rates[name],
            duration=p.duration,
            dt=DT,
            seed=seed,
        )
        moved = recording.weights[-1] - p.weight
        change[i], error[i] = mean_and_error(moved)
        switch[i] = _zero_of_lines(factors, moved)
    um = {"units": "um"}
    dataset = xr.Dataset(
        {
            "change": (("rule", "synapse"), change),
            "error": (("rule", "synapse"), error),
            "distance": ("synapse", distances, um),
            "switch": ("rule", -p.reach * np.log(switch[:, 0]), um),
            "switch_error": ("rule", p.reach * switch[:, 1] / switch[:, 0], um),
            "predicted_switch": ((), _predicted_switch(p, neuron, seed), um),
        },
        coords={"rule": list(RULES)},
    )
    return stamp(dataset, parameters, seed)


def _zero_of_lines(x: np.ndarray, lines: np.ndarray) -> tuple[float, float]:
    """Where the mean of lines (trials, n) over x (n,) vanishes, and its standard error."""
    design = np.linalg.pinv(np.stack([np.ones_like(x), x], axis=1))
    fits = lines @ design.T
    intercept, slope = fits.mean(axis=0)
    zero = -intercept / slope
    # The delta method: each trial's value at the zero, over the slope.
    _, error = mean_and_error((fits[:, 0] + fits[:, 1] * zero) / slope)
    return float(zero), float(error)


def _predicted_switch(p: Parameters, neuron: PoissonNeuron, seed: int) -> float:
    """Where the Euclidean rule's mean error vanishes, in um.

    exp(-d/reach) = E[phi' x] / (teacher E[phi'/phi x]), over sampled USPs.
    """
    usps = sample_usps(neuron.kernel, np.full(p.synapses, p.rate), p.samples, seed=seed)
    with jax.enable_x64(True):
        voltage = jnp.asarray(usps.sum(axis=1) * p.weight)
        fired = np.asarray(neuron.slope(voltage)) @ usps.sum(axis=1)
        taught = p.teacher * (np.asarray(neuron.log_slope(voltage)) @ usps.sum(axis=1))
    return float(-p.reach * np.log(fired / taught))


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Weight change against the distance, by both rules, and the predicted switch."""
    figure = matplotlib.figure.Figure(figsize=(4.8, 3.6), layout="constrained")
    axes = figure.subplots()
    for rule in RULES:
        change, error = dataset["change"].sel(rule=rule), dataset["error"].sel(rule=rule)
        scale = float(np.abs(change).max())
        draw_points(
            axes, dataset["distance"], change / scale, error / scale, RULE_COLOURS[rule], rule
        )
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.axvline(float(dataset["predicted_switch"]), color="0.5", linestyle=":", linewidth=1)
    axes.set(xlabel="distance from the soma (um)", ylabel="weight change (of the largest)")
    axes.legend(frameon=False)
    letter(axes, "E", "the teacher's spike fades: LTP to LTD")
    bare(axes)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Where LTP turns into LTD, by both rules."""
    predicted = float(dataset["predicted_switch"])
    return [
        Claim.near(
            f"E: where the teacher's spike fades, LTP turns into LTD ({rule} rule):"
            " distance (um) of the switch against that at which the mean error of the Euclidean"
            " rule vanishes (within 5 % + 3 SE)",
            predicted,
            float(dataset["switch"].sel(rule=rule)),
            float(dataset["switch_error"].sel(rule=rule)),
            tolerance=0.05 * predicted,
        )
        for rule in RULES
    ]
