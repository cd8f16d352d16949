"""One cost, four learning rules: a neuron learns to spike as a target neuron does

"Minimizing by gradient descent the KL divergence from a target distribution of spike trains to a
model distribution is claimed to lead to a specific plasticity rule with a constant learning rate."
It leads to as many rules as there are metrics on the weights: Euclid (a constant rate), rates
eta(w) that depend on the weight (a diagonal metric), cross talk between neighbouring synapses (not
diagonal), and Fisher.

Here a neuron spikes in each time bin with probability 1/(1 + exp(-(w.x + b))), given the input
pattern x of the bin. The paper gives no model; this is the plainest one.
"""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from steepest.descent import gradient_flow, velocity
from steepest.geometry import AbstractMetric, Euclidean, MatrixMetric, Neighbour, Power
from steepest.papers._alternatives import alternatives
from steepest.pictures import LINE_COLOURS, bare
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "SpikeTrains", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The neuron, its inputs and its synapses."""

    synapses: int = parameter(6, "number of synapses")
    patterns: int = parameter(200, "number of input patterns, each equally likely")
    activity: float = parameter(0.4, "probability that an afferent is active in a pattern")
    bias: float = parameter(-2.0, "bias b")
    spacing: float = parameter(2.0, "distance between neighbouring synapses", "um")
    length: float = parameter(3.0, "reach of the cross talk", "um")
    spillover: float = parameter(0.8, "share of a synapse's drive that spills over")
    duration: float = parameter(400.0, "time followed, at learning rate 1")


QUICK = Parameters()


class SpikeTrains(eqx.Module):
    """KL divergence per bin from target to model spike trains, as a cost on weights (n,).

    `patterns` (k, n): the inputs, equally likely; `target` (n,): the target's weights.
    """

    patterns: np.ndarray
    target: np.ndarray
    bias: float

    def probability(self, weights: Any) -> Float[Array, " k"]:
        """Probability of a spike in each pattern's bin."""
        return jax.nn.sigmoid(jnp.asarray(self.patterns) @ jnp.asarray(weights) + self.bias)

    def cost(self, weights: Any) -> Float[Array, ""]:
        """Mean of p* ln(p*/p) + (1-p*) ln((1-p*)/(1-p)) over patterns."""
        u = jnp.asarray(self.patterns) @ weights + self.bias
        u_target = jnp.asarray(self.patterns) @ jnp.asarray(self.target) + self.bias
        wanted = jax.nn.sigmoid(u_target)
        free = jax.nn.softplus(u) - jax.nn.softplus(u_target)
        return jnp.mean(free - wanted * (u - u_target))

    def fisher(self) -> MatrixMetric:
        """E[p (1-p) x x'], the Fisher information of one bin on the weights."""

        def matrix(weights: Array) -> Array:
            p = self.probability(weights)
            x = jnp.asarray(self.patterns)
            return (x * (p * (1 - p))[:, None]).T @ x / x.shape[0]

        return MatrixMetric(matrix)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Weights, costs and the first step of each rule; inputs and weights are drawn from `seed`."""
    random = np.random.default_rng(seed)
    shape = parameters.patterns, parameters.synapses
    patterns = (random.random(shape) < parameters.activity).astype(float)
    target = random.uniform(0.3, 2.0, parameters.synapses)
    start = random.uniform(0.3, 2.0, parameters.synapses)
    model = SpikeTrains(patterns, target, parameters.bias)
    positions = parameters.spacing * np.arange(parameters.synapses)
    rules: dict[str, AbstractMetric] = {
        "constant rate": Euclidean(),
        "rate eta(w) = w": Power(1.0),
        "cross talk": Neighbour(positions, parameters.length, parameters.spillover),
        "Fisher": model.fisher(),
    }
    times = np.concatenate([[0.0], np.geomspace(0.02, parameters.duration, 120)])
    shared = alternatives(rules.values())
    flows = [gradient_flow(model.cost, metric, start, times) for metric in shared]
    # What an afferent that is silent in the patterns at hand learns from them.
    quiet = SpikeTrains(patterns[patterns[:, 0] == 0], target, parameters.bias)
    # The same neuron with the first input counted in another unit.
    units = np.ones(parameters.synapses)
    units[0] = 10.0
    recounted = SpikeTrains(patterns * units, target / units, parameters.bias)
    with jax.enable_x64(True):
        point = jnp.asarray(start)
        steps = [np.asarray(velocity(quiet.cost, metric, point)) for metric in rules.values()]
        turned = []
        for own, other in ((Euclidean(), Euclidean()), (model.fisher(), recounted.fisher())):
            here = velocity(model.cost, own, point)
            scaled = jnp.asarray(start / units)
            there = velocity(recounted.cost, other, scaled) * units
            turned.append(float(jnp.abs(there - here).max() / jnp.abs(here).max()))
    dataset = xr.Dataset(
        {
            "weight": (("rule", "time", "synapse"), [f.points for f in flows]),
            "cost": (
                ("rule", "time"),
                [f.costs for f in flows],
                {"units": "nat", "long_name": "KL divergence per bin"},
            ),
            "silent_step": (
                ("rule", "synapse"),
                steps,
                {"long_name": "velocity when afferent 0 is silent"},
            ),
            "unit_effect": (
                "invariant",
                turned,
                {"long_name": "relative change of the rule by a change of unit"},
            ),
            "target": ("synapse", target),
        },
        coords={
            "rule": list(rules),
            "time": times,
            "synapse": np.arange(parameters.synapses),
            "invariant": ["constant rate", "Fisher"],
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Left: the divergence falls under each rule. Right: two of the weights, on their ways."""
    figure = matplotlib.figure.Figure(figsize=(9.6, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for colour, rule in zip(LINE_COLOURS, dataset["rule"].values, strict=False):
        here = dataset.sel(rule=rule)
        left.loglog(dataset["time"][1:], here["cost"][1:], color=colour, linewidth=2, label=rule)
        right.plot(here["weight"][:, 0], here["weight"][:, 1], color=colour, linewidth=2)
    right.plot(*dataset["weight"].isel(rule=0, time=0).values[:2], "s", color="black")
    right.plot(*dataset["target"].values[:2], "o", color="black")
    left.set(
        xlabel="time (at learning rate 1)",
        ylabel="KL divergence (nat per bin)",
        title="One cost",
        ylim=(1e-8, None),
    )
    right.set(xlabel="weight of synapse 0", ylabel="weight of synapse 1", title="Four rules")
    left.legend(frameon=False)
    bare(left, right)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Every rule learns; no two are alike; which are local, and which do not depend on units."""
    cost, weight = dataset["cost"].values, dataset["weight"].values
    rising = np.where(cost[:, :-1] > 1e-9, np.diff(cost, axis=1), -1.0).max()
    middle = weight[:, weight.shape[1] // 2]
    apart = min(np.abs(middle[i] - middle[j]).max() for i in range(4) for j in range(i))
    silent = np.abs(dataset["silent_step"].isel(synapse=0).values)
    euclid, fisher = (float(x) for x in dataset["unit_effect"])
    return [
        Claim.below(
            "The divergence falls all the way under every rule (largest change)",
            rising,
            0,
        ),
        Claim.below(
            "Under every rule less than a hundredth of it is left at the end",
            (cost[:, -1] / cost[:, 0]).max(),
            0.01,
        ),
        Claim.above(
            "No two rules take the weights the same way (least distance half-way)",
            apart,
            0.01,
        ),
        Claim.close(
            "A synapse whose afferent is silent does not move under a diagonal metric (speed,"
            " constant rate and eta(w))",
            (0.0, 0.0),
            silent[:2],
            0.0,
        ),
        Claim.above(
            "it does move under cross talk and under Fisher (least speed)",
            silent[2:].min(),
            1e-4,
        ),
        Claim.close(
            "Fisher's rule does not depend on the unit in which an input is counted (relative"
            " change, to 1e-9)",
            0.0,
            fisher,
            1e-9,
        ),
        Claim.above(
            "the rule with a constant rate does (relative change)",
            euclid,
            0.1,
        ),
    ]
