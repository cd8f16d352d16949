"""A neuron's two synapses, learning in somatic and in dendritic weights (Figs 1 and 8)."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from steepest.descent import gradient_flow
from steepest.geometry import AbstractMetric, Euclidean, Pullback, Scaling
from steepest.papers.kreutzer2022._surrogate import ExpectedCost, surrogate_usps
from steepest.pictures import INK, bare
from steepest.spiking import NeuronFisher, PoissonNeuron
from steepest.study import parameter, stamp

__all__ = [
    "DENDRITIC",
    "SOMATIC",
    "Parameters",
    "draw_cost",
    "draw_epsps",
    "draw_rate",
    "learn_twice",
    "somatic_change",
]

SOMATIC, DENDRITIC = "#59a7e8", "#123c86"  # light and dark blue, as in the paper


@dataclass(frozen=True)
class Parameters:
    """A proximal and a distal synapse; the paper's figure is a scheme without numbers."""

    attenuations: tuple[float, float] = parameter(
        (0.8, 0.3), "somatic over dendritic amplitude of the proximal and of the distal synapse"
    )
    rates: tuple[float, float] = parameter((20.0, 20.0), "rates of the two afferents", "Hz")
    start: tuple[float, float] = parameter((0.05, 0.05), "initial somatic weights")
    target: tuple[float, float] = parameter((0.2, 0.25), "the teacher's somatic weights")
    samples: int = parameter(400, "Gaussian USPs over which the cost is averaged")
    euclidean_rate: float = parameter(5e-5, "Euclidean learning rate", "1")
    natural_rate: float = parameter(0.02, "natural learning rate", "1/s")
    duration: float = parameter(200.0, "how long the neuron learns", "s")
    step: float = parameter(5.0, "the first changes are those of this time", "s")
    points: int = parameter(81, "recorded times")


def learn_twice(parameters: Parameters, seed: int, rules: tuple[str, ...]) -> xr.Dataset:
    """Somatic weights, rates and first changes, learnt in somatic and in dendritic weights."""
    neuron = PoissonNeuron()
    alpha = np.array(parameters.attenuations)
    usps = surrogate_usps(neuron, np.array(parameters.rates), parameters.samples, seed)
    target, start = np.array(parameters.target), np.array(parameters.start)
    times = np.linspace(0, parameters.duration, parameters.points)
    fisher = NeuronFisher(neuron, np.array(parameters.rates))
    eta = {"Euclidean": parameters.euclidean_rate, "natural": parameters.natural_rate}
    weights, first, speed = [], [], []
    for rule in rules:
        for factors in (np.ones(2), alpha):
            # Somatic weights too are seen through a chart, the trivial one.
            chart = Scaling(factors)
            cost = ExpectedCost(neuron, usps, target, chart)
            metric: AbstractMetric = Pullback(fisher, chart) if rule == "natural" else Euclidean()
            path = gradient_flow(cost, metric, start / factors, times * eta[rule])
            weights.append(path.points * factors)
            with jax.enable_x64(True):
                slope, direction = _steepest(cost, metric, jnp.asarray(start / factors))
            first.append(-eta[rule] * parameters.step * np.asarray(direction))
            speed.append(-np.asarray(slope))
    shape = (len(rules), 2)
    with jax.enable_x64(True):
        w = np.array(weights)
        rates = np.asarray(neuron.rate(w @ usps.T)).mean(axis=-1)
        wanted = float(neuron.rate(jnp.asarray(usps @ target)).mean())
        line = np.linspace(0, 2 * target[1], 101)
        section = np.column_stack([np.full(101, start[0]), line])
        somatic_cost = ExpectedCost(neuron, usps, target)
        costs = np.asarray(eqx.filter_jit(eqx.filter_vmap(somatic_cost))(jnp.asarray(section)))
        delay = np.linspace(0, 0.06, 241)
        epsp = np.asarray(neuron.kernel(delay))
    where = ("rule", "parametrisation")
    dataset = xr.Dataset(
        {
            "somatic": ((*where, "time", "synapse"), w.reshape(*shape, -1, 2)),
            "first_change": ((*where, "synapse"), np.reshape(first, (*shape, 2))),
            "gradient": ((*where, "synapse"), np.reshape(speed, (*shape, 2)), {"units": "1/s"}),
            "mean_rate": ((*where, "time"), rates.reshape(*shape, -1), {"units": "Hz"}),
            "cost": ("weight", costs, {"units": "1/s", "long_name": "nats per second"}),
            "epsp": ("delay", epsp, {"units": "mV", "long_name": "at a weight of 1"}),
            "attenuation": ("synapse", alpha),
        },
        coords={
            "rule": list(rules),
            "parametrisation": ["somatic", "dendritic"],
            "synapse": ["proximal", "distal"],
            "time": ("time", times, {"units": "s"}),
            "weight": ("weight", line, {"long_name": "somatic, of the distal one"}),
            "delay": ("delay", delay, {"units": "s"}),
        },
        attrs={"target_rate": wanted, "start": parameters.start},
    )
    return stamp(dataset, parameters, seed)


@eqx.filter_jit
def _steepest(cost: ExpectedCost, metric: AbstractMetric, point: Any) -> tuple[Any, Any]:
    """The cost's differential, and its `sharp`."""
    slope = jax.grad(cost)(point)
    return slope, metric.sharp(point, slope)


def somatic_change(dataset: xr.Dataset) -> xr.DataArray:
    """The first changes as the soma sees them: attenuated where they were made at dendrites."""
    factors = dataset["attenuation"].expand_dims(parametrisation=["somatic", "dendritic"]).copy()
    factors.loc[{"parametrisation": "somatic"}] = 1.0
    return dataset["first_change"] * factors


def draw_epsps(axes: Any, dataset: xr.Dataset, rule: str, gain: float) -> None:
    """EPSPs of the distal synapse at the soma: before, and after the first change, times gain."""
    delay, epsp = dataset["delay"] * 1e3, dataset["epsp"]
    start = dataset.attrs["start"][1]
    axes.plot(delay, start * epsp, color=INK, label="before")
    change = somatic_change(dataset).sel(rule=rule, synapse="distal")
    styles = (("somatic", SOMATIC, (0, (5, 2))), ("dendritic", DENDRITIC, (0, (2, 2))))
    for where, colour, dash in styles:
        after = start + gain * float(change.sel(parametrisation=where))
        axes.plot(
            delay, after * epsp, color=colour, linestyle=dash, label=f"after, in {where} weights"
        )
    axes.set(xlabel="time since the spike (ms)", ylabel="EPSP at the soma (mV)", xlim=(0, 60))
    axes.legend(frameon=False, fontsize=8)
    bare(axes)


def draw_cost(axes: Any, dataset: xr.Dataset, rule: str, gain: float) -> None:
    """The error as a function of the distal synapse's weight, somatic and dendritic, and steps."""
    alpha = float(dataset["attenuation"].sel(synapse="distal"))
    start = dataset.attrs["start"][1]
    weight, cost = dataset["weight"].values, dataset["cost"].values
    change = dataset["first_change"].sel(rule=rule, synapse="distal")
    for where, colour, factor in (("somatic", SOMATIC, 1.0), ("dendritic", DENDRITIC, alpha)):
        axes.plot(weight / factor, cost, color=colour, label=f"in {where} weights")
        step = gain * float(change.sel(parametrisation=where))
        begin = np.array([start / factor, np.interp(start, weight, cost)])
        end = begin[0] + step
        axes.annotate(
            "",
            (end, np.interp(end * factor, weight, cost)),
            begin,
            arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 2.2,
                        "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip
        axes.plot(*begin, "o", color=colour, markersize=5)
    axes.set(xlabel="weight of the distal synapse", ylabel="error C (nats/s)", xlim=(0, None))
    axes.legend(frameon=False, fontsize=8)
    bare(axes)


def draw_rate(axes: Any, dataset: xr.Dataset, rule: str) -> None:
    """The neuron's mean firing rate while it learns."""
    axes.axhline(dataset.attrs["target_rate"], color="0.6", linewidth=0.8, label="teacher")
    styles = (("somatic", SOMATIC, "-", 3.0), ("dendritic", DENDRITIC, (0, (4, 2)), 1.8))
    for where, colour, dash, width in styles:
        axes.plot(
            dataset["time"],
            dataset["mean_rate"].sel(rule=rule, parametrisation=where),
            color=colour,
            linestyle=dash,
            linewidth=width,
            label=f"in {where} weights",
        )
    axes.set(xlabel="time (s)", ylabel="mean firing rate (Hz)")
    axes.legend(frameon=False, fontsize=8)
    bare(axes)
