"""Two afferents of Fig 3D-E: cost, mean negative gradients, and the paths of both rules."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from steepest.arrays.repetitions import jackknife_error
from steepest.descent import gradient_flow, velocity
from steepest.geometry import Euclidean
from steepest.papers.kreutzer2022._paths import detour
from steepest.papers.kreutzer2022._surrogate import ExpectedCost
from steepest.spiking import (
    Afferents,
    EuclideanRule,
    NaturalRule,
    NeuronFisher,
    PoissonNeuron,
    RealisableTeacher,
    Task,
    cost_per_bin,
    sample_usps,
    simulate,
)

__all__ = ["PARTS", "angle_to_target", "flow_detour", "two_afferents"]

PARTS = 10  # into which sampled inputs are split, for standard errors of what is averaged over them
_FLOW_PARTS = 4
_FIELD = ((-0.28, -0.1, 0.08, 0.26, 0.44), (-0.22, -0.02, 0.26, 0.5))


def two_afferents(neuron: PoissonNeuron, parameters: Any, seed: int) -> dict[str, Any]:
    """Cost on a grid, mean negative gradients, and paths, as variables of fig3's dataset.

    `parameters` are those of fig3. Fields are kept for each of `PARTS` parts of the inputs. Flows
    are those of all inputs (part 0), and of each quarter of them.
    """
    rates = np.array(parameters.rates)
    begin, target = np.array(parameters.start) / 2, np.array(parameters.target) / 2
    usps = sample_usps(neuron.kernel, rates, parameters.samples, duration=1.0, seed=seed)
    fisher = NeuronFisher(neuron, rates)
    axis = np.linspace(-0.4, 0.6, parameters.contours) / 2
    at = np.stack(np.meshgrid(*map(np.array, _FIELD)), axis=-1).reshape(-1, 2) / 2
    with jax.enable_x64(True):

        @eqx.filter_jit
        def row(w2: Any) -> Any:
            points = jnp.stack([jnp.asarray(axis), jnp.full(len(axis), w2)], axis=1)
            rate = neuron.rate(points @ jnp.asarray(usps.T))
            wanted = neuron.rate(jnp.asarray(usps @ target))
            return cost_per_bin(jnp.broadcast_to(wanted, rate.shape), rate)

        costs = np.stack([np.asarray(row(w2)) for w2 in jnp.asarray(axis)])

        @eqx.filter_jit
        def negative(usps: Any) -> Any:
            cost = ExpectedCost(neuron, usps, target)

            def descend(w: Any) -> Any:
                return jnp.stack([velocity(cost, metric, w) for metric in (Euclidean(), fisher)])

            return jnp.moveaxis(jax.vmap(descend)(jnp.asarray(at)), 1, 0)

        length = len(usps) // PARTS
        parts = jnp.asarray(usps[: PARTS * length]).reshape(PARTS, length, 2)
        field = np.stack([np.asarray(negative(part)) for part in parts], axis=1)
    times = np.linspace(0, parameters.path_duration, parameters.records + 1)
    eta = (parameters.path_euclidean_rate, parameters.path_natural_rate)
    many = sample_usps(neuron.kernel, rates, parameters.flow_samples, duration=1.0, seed=seed + 1)
    flows = [
        [
            gradient_flow(ExpectedCost(neuron, part, target), metric, begin, times * rate).points
            for part in (many, *np.array_split(many, _FLOW_PARTS))
        ]
        for metric, rate in zip((Euclidean(), fisher), eta, strict=True)
    ]
    task = Task(neuron, Afferents.steady(rates), RealisableTeacher(target))
    paths = [
        simulate(
            task,
            rule,
            np.tile(begin, (parameters.path_trials, 1)),
            rate=rate,
            duration=parameters.path_duration,
            seed=seed,
            record=parameters.records,
        ).weights
        for rule, rate in zip((EuclideanRule(), NaturalRule()), eta, strict=True)
    ]
    return {
        "cost": (("w2", "w1"), costs, {"units": "nats per bin of 0.5 ms"}),
        "axis": ("w1", axis),
        "field_at": (("site", "afferent"), at),
        "field": (("rule", "input_part", "site", "afferent"), field, {"units": "1/s"}),
        "flow": (("rule", "flow_part", "path_time", "afferent"), np.array(flows)),
        "path": (("rule", "path_time", "path_trial", "afferent"), np.stack(paths)),
        "path_time": ("path_time", times, {"units": "s"}),
        "two_target": ("afferent", target),
    }


def angle_to_target(dataset: xr.Dataset, rule: str) -> tuple[float, float]:
    """Mean angle (degrees) of the mean negative gradient and the way to the target, and its SE.

    The standard error is that of the jackknife over the parts of the inputs.
    """
    way = dataset["two_target"].values - dataset["field_at"].values
    parts = dataset["field"].sel(rule=rule).transpose("input_part", "site", "afferent").values

    def angle(field: np.ndarray) -> float:
        cosine = (way * field).sum(1) / np.linalg.norm(way, axis=1) / np.linalg.norm(field, axis=1)
        return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean())

    left_out = [angle(np.delete(parts, k, axis=0).mean(0)) for k in range(len(parts))]
    return angle(parts.mean(0)), jackknife_error(left_out)


def flow_detour(dataset: xr.Dataset, rule: str) -> tuple[float, float]:
    """The detour of the mean flow, and its standard error from flows of a quarter of the inputs."""
    flows = dataset["flow"].sel(rule=rule).transpose("flow_part", "path_time", "afferent").values
    whole, *quarters = (detour(flow, dataset["two_target"].values) for flow in flows)
    return whole, float(np.std(quarters, ddof=1) / np.sqrt(len(quarters)))
