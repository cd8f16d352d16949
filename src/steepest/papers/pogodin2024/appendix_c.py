"""Powerpropagation (appendix C): gradient descent on u, w = u|u|^(k-1), is mirror descent on w

Powerpropagation (Schwarz et al. 2021) descends a cost in u with weights w = u|u|^(k-1). To first
order in the learning rate this is mirror descent in w with geometry index a = 2(k-1)/k (the
p-norm with p = 2/k), at k^2 times the rate: gradient descent for k = 1, negative entropy for
k = 2. A: both flows of one regression, for three k (lines: powerpropagation; dots: the potential).
B: one finite step of each differs at second order in the rate.
"""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from steepest.descent import gradient_flow, mirror_step
from steepest.geometry import Euclidean, Power
from steepest.papers._alternatives import alternatives
from steepest.pictures import LINE_COLOURS, bare, letter
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """Powers, and the regression that is learned."""

    powers: tuple[float, ...] = parameter((1.0, 1.5, 2.0, 3.0), "powers k of w = u|u|^(k-1)")
    weights: int = parameter(6, "weights")
    rows: int = parameter(3, "inputs")
    duration: float = parameter(1.0, "time followed")
    rates: tuple[float, ...] = parameter((0.001, 0.002, 0.004, 0.008), "learning rates of B")


QUICK = Parameters(powers=(1.0, 2.0, 3.0))


class Error(eqx.Module):
    """Half the squared error of a regression, as a function of u."""

    inputs: np.ndarray
    targets: np.ndarray
    power: np.ndarray

    def __call__(self, u: Float[Array, " n"]) -> Float[Array, ""]:
        weights = jnp.sign(u) * jnp.abs(u) ** self.power
        return jnp.sum((self.inputs @ weights - self.targets) ** 2) / 2


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Flows in u and in w at every power, and one step of each at every rate."""
    random = np.random.default_rng(seed)
    inputs = random.standard_normal((parameters.rows, parameters.weights)) / np.sqrt(
        parameters.weights
    )
    start = random.uniform(0.3, 1.0, parameters.weights)
    targets = inputs @ start + 0.3 * random.standard_normal(parameters.rows)
    times = np.linspace(0, parameters.duration, 41)
    flows, gaps = [], []
    potentials = [Power(2 * (k - 1) / k) for k in parameters.powers]
    euclidean, *shared = alternatives([Euclidean(), *potentials])
    for k, potential, metric in zip(parameters.powers, potentials, shared, strict=True):
        cost_u = Error(inputs, targets, np.array(k))
        cost_w = Error(inputs, targets, np.array(1.0))
        in_u = gradient_flow(cost_u, euclidean, start ** (1 / k), times).points ** k
        in_w = gradient_flow(cost_w, metric, start, k**2 * times).points
        flows.append([in_u, in_w])
        with jax.enable_x64(True):
            slope_u = jax.grad(cost_u)(jnp.asarray(start ** (1 / k)))
            slope_w = jax.grad(cost_w)(jnp.asarray(start))
            gap = []
            for rate in parameters.rates:
                stepped = (start ** (1 / k) - rate * np.asarray(slope_u)) ** k
                other = mirror_step(potential, jnp.asarray(start), slope_w, k**2 * rate)
                gap.append(float(np.abs(stepped - np.asarray(other)).max()))
        gaps.append(gap)
    dataset = xr.Dataset(
        {
            "weight": (("power", "way", "time", "synapse"), np.array(flows)),
            "gap": (("power", "rate"), np.array(gaps)),
        },
        coords={
            "power": list(parameters.powers),
            "way": ["powerpropagation", "potential"],
            "time": times,
            "rate": list(parameters.rates),
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Flows of three synapses, and the gap of one step against the rate."""
    figure = matplotlib.figure.Figure(figsize=(9.5, 3.8), layout="constrained")
    flows, steps = figure.subplots(1, 2)
    for k, colour in zip(dataset["power"].values, LINE_COLOURS, strict=False):
        here = dataset["weight"].sel(power=k)
        for synapse in range(3):
            label = f"k = {k:g}, a = {2 * (k - 1) / k:.3g}" if synapse == 0 else None
            path = here.isel(synapse=synapse)
            flows.plot(dataset["time"], path.sel(way="powerpropagation"), color=colour, label=label)
            flows.plot(dataset["time"][::5], path.sel(way="potential")[::5], "o", color=colour,
                       markersize=4)  # fmt: skip
        if float(dataset["gap"].sel(power=k).max()) > 1e-12:
            steps.loglog(dataset["rate"], dataset["gap"].sel(power=k), "o-", color=colour)
    rate = dataset["rate"].values
    steps.loglog(rate, 0.1 * rate**2, ":", color="black", label="slope 2")
    steps.minorticks_off()
    steps.set_xticks(rate, [f"{r:g}" for r in rate])
    flows.set(xlabel="time", ylabel="weight")
    letter(flows, "A", "Flows agree")
    steps.set(xlabel="learning rate", ylabel="largest difference")
    letter(steps, "B", "Steps: second order")
    flows.legend(frameon=False, fontsize=8)
    steps.legend(frameon=False)
    bare(flows, steps)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The flows coincide, and steps differ at second order."""
    weight = dataset["weight"]
    apart = np.abs(weight.sel(way="powerpropagation") - weight.sel(way="potential")).max()
    stated = [
        Claim.close(
            "Powerpropagation's flow is mirror descent with index 2(k-1)/k at k^2 times the rate"
            " (greatest difference, to 1e-6)",
            0.0,
            apart,
            1e-6,
        )
    ]
    logs = np.log(dataset["rate"].values)
    for k in dataset["power"].values:
        gap = dataset["gap"].sel(power=k).values
        if k == 1:
            stated.append(
                Claim.close("k = 1: both are gradient descent (to 1e-12)", 0, gap.max(), 1e-12)
            )
            continue
        order = float(np.polyfit(logs, np.log(gap), 1)[0])
        stated.append(
            Claim.close(f"k = {k:g}: one step differs at this order of the rate", 2.0, order, 0.05)
        )
    return stated
