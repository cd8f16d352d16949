"""Flows in neuroscience (Fig 4): intrinsic plasticity and synaptic release, Euclid and Fisher

A, B: a neuron tunes gain a and bias b of its transfer function 1/(1 + exp(-(a x + b))) so that its
rates are distributed exponentially (Triesch 2007). C, D: a synapse tunes release probability P and
quantal amplitude q so that its response approaches a target (Costa et al. 2017). The Euclidean
flows on the left were chosen implicitly; Fisher's, on the right, do not depend on the coordinates.

They differ at the edges most of all. The Euclidean flow comes out of a = 0 in finite time, and runs
into P = 1 in finite time, where it has to be stopped; for Fisher's metric a = 0 is infinitely far
away, and its flow never reaches P = 1.

Why Fisher (Chentsov's theorem): lengths are unchanged by a sufficient statistic and shortened by
one that loses information. Wasserstein's metric is changed already by renaming the observations.
"""

from dataclasses import asdict, dataclass, replace
from json import loads
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import xarray as xr
from jaxtyping import Array

from steepest.descent import gradient_flow
from steepest.geometry import (
    AbstractMetric,
    Euclidean,
    FisherDensity,
    FisherGaussian,
    WassersteinQuantile,
)
from steepest.models import IntrinsicModel, ReleaseModel
from steepest.papers._alternatives import alternatives
from steepest.papers.surace2020._streams import draw_stream, field_on
from steepest.pictures import LINE_COLOURS, letter
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The two models' parameters, and the grid."""

    mean_rate: float = parameter(0.1, "mean of the target's exponential distribution of rates")
    target: float = parameter(1.0, "target response, in units of the quantal amplitude's")
    grid: int = parameter(100, "points along each side of the grid on which the flow is drawn")


QUICK = Parameters(grid=50)

_MINIMUM = (1.23833467, -2.70244516)
_SHARES = (0.02, 0.1, 0.22, 0.36, 0.5, 0.64, 0.77, 0.88, 0.96)
_TIGHT: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-12}


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Four velocity fields, the numbers of the claims, and lengths under maps of observations."""
    intrinsic = IntrinsicModel(mean=parameters.mean_rate)
    release = ReleaseModel(target=parameters.target)
    a, b = np.linspace(0.05, 3.0, parameters.grid), np.linspace(-5, 1, parameters.grid)
    P = np.linspace(0.02, 0.98, parameters.grid)
    q = np.linspace(0.1, 2.0, parameters.grid) * parameters.target
    of_intrinsic = alternatives([Euclidean(), intrinsic.fisher()])
    of_release = alternatives([Euclidean(), release.fisher()])
    panels = [
        *(field_on(intrinsic.cost, metric, a, b) for metric in of_intrinsic),
        *(field_on(release.cost, metric, P, q) for metric in of_release),
    ]
    triesch = gradient_flow(intrinsic.cost, Euclidean(), [1.0, 0.0], [1.0], **_TIGHT)
    start = [0.5, 0.7 * parameters.target]
    times, edge = np.linspace(0, 6, 61), release.boundary()
    hit = gradient_flow(release.cost, of_release[0], start, times / 6, stop=edge)
    # Fisher's flow never comes to the edge; with the same stop it shares the compiled program.
    inside = gradient_flow(release.cost, of_release[1], start, times, stop=edge, **_TIGHT)
    with jax.enable_x64(True):
        of_fisher = np.array([release.moments(x) for x in inside.points])
        at, there = jnp.asarray([1.5, -1.0]), jnp.asarray(start)
        cost, slope = _cost_and_slope(intrinsic.cost, at)
        release_cost, release_slope = _cost_and_slope(release.cost, there)
        values = {
            "intrinsic_cost": cost,
            "intrinsic_slope": slope,
            "intrinsic_minimum_slope": _cost_and_slope(intrinsic.cost, jnp.asarray(_MINIMUM))[1],
            "release_cost": release_cost,
            "release_slope": release_slope,
            "release_fisher": _matrices((release.fisher(),), there)[0],
        }
        values = {name: np.asarray(value) for name, value in values.items()}
    fields = {}
    for name, (height, velocity) in zip("ABCD", panels, strict=True):
        plane = ("b", "a") if name in "AB" else ("q", "P")
        fields[f"height_{name}"] = (plane, height)
        fields[f"velocity_{name}"] = ((*plane, "coordinate"), velocity)
    dataset = xr.Dataset(
        {
            **fields,
            **{
                name: (tuple(f"i{k}" for k in range(value.ndim)), value)
                for name, value in values.items()
            },
            "intrinsic_end": ("i0", triesch.points[0]),
            "hit": ("what", [float(hit.end_time), float(hit.boundary_time)]),
            "fisher_release": (("time", "i0"), inside.points),
            "fisher_moments": (("time", "i0"), of_fisher),
            "length": (("statistic", "measure"), _lengths()),
        },
        coords={
            "a": a,
            "b": b,
            "P": P,
            "q": q,
            "time": times,
            "what": ["stopped", "extrapolated"],
            "statistic": ["five observations", "their mean", "the first alone", "its logistic"],
            "measure": ["Fisher", "Wasserstein"],
        },
    )
    return stamp(dataset, parameters, seed)


@eqx.filter_jit
def _cost_and_slope(cost: Any, point: Array) -> tuple[Array, Array]:
    return jax.value_and_grad(cost)(point)


@eqx.filter_jit
def _matrices(metrics: tuple[AbstractMetric, ...], point: Array) -> list[Array]:
    return [metric.matrix(point) for metric in metrics]


def _lengths() -> np.ndarray:
    """Length of a unit change of the mean of N(mu, 1) under maps of five observations."""

    def normal(x: Any, mu: Any) -> Any:
        return -((x - mu[0]) ** 2) / 2 - np.log(2 * np.pi) / 2

    def squashed(y: Any, mu: Any) -> Any:  # the density of 1/(1 + e^-x), on (0, 1)
        return normal(jnp.log(y) - jnp.log1p(-y), mu) - jnp.log(y) - jnp.log1p(-y)

    def constant(matrix: np.ndarray) -> Any:
        return lambda p: jnp.asarray(matrix) + 0 * p[0]

    ndtri = jax.scipy.special.ndtri
    everything = FisherGaussian(lambda p: p[0] * jnp.ones(5), constant(np.eye(5)))
    mean = FisherGaussian(lambda p: p, constant(np.eye(1) / 5))
    first = FisherGaussian(lambda p: p, constant(np.eye(1)))
    bijection = FisherDensity(squashed, lower=0.0, upper=1.0)
    carried = WassersteinQuantile(quantile=lambda u, p: p[0] + ndtri(u))
    carried_bijection = WassersteinQuantile(quantile=lambda u, p: jax.nn.sigmoid(p[0] + ndtri(u)))
    with jax.enable_x64(True):
        at = jnp.asarray([0.3])
        exact = _matrices((everything, mean, first), at)
        fisher = [float(m[0, 0]) ** 0.5 for m in (*exact, bijection.matrix(at))]
        moved = [float(m.matrix(at)[0, 0]) ** 0.5 for m in (carried, carried_bijection)]
    return np.array([fisher, [np.nan, np.nan, *moved]]).T


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A to D: Euclid on the left, Fisher on the right; dashed where the domain ends."""
    figure = matplotlib.figure.Figure(figsize=(9.2, 8.4), layout="constrained")
    panels = figure.subplots(2, 2)
    titles = {
        "A": "Intrinsic plasticity, Euclid",
        "B": "Intrinsic plasticity, Fisher",
        "C": "Release, Euclid",
        "D": "Release, Fisher",
    }
    for (name, title), axes in zip(titles.items(), panels.ravel(), strict=True):
        first, second = ("a", "b") if name in "AB" else ("P", "q")
        height = dataset[f"height_{name}"].values
        # As much of the map between any two lines: the cost is unbounded at some edges.
        levels = np.quantile(height, _SHARES)
        draw_stream(
            axes,
            dataset[first].values,
            dataset[second].values,
            height,
            dataset[f"velocity_{name}"].values,
            levels,
            LINE_COLOURS[0] if name in "AC" else LINE_COLOURS[1],
        )
        if name in "AB":
            axes.axvline(0, color="black", linestyle="--", linewidth=1.5)
            axes.plot(*_minimum(dataset), "o", color="black")
            axes.set(xlim=(-0.08, 3), xlabel="gain a", ylabel="bias b")
        else:
            axes.axvline(1, color="black", linestyle="--", linewidth=1.5)
            axes.axvline(0, color="black", linestyle="--", linewidth=1.5)
            axes.plot(1, float(dataset["q"].max()) / 2, "o", color="black", clip_on=False)
            axes.set(xlim=(-0.02, 1.02), xlabel="release probability P", ylabel="amplitude q")
        letter(axes, name, title)
    return figure


def _minimum(dataset: xr.Dataset) -> tuple[float, float]:
    """Gain and bias of the least cost: as printed, or on the grid where parameters were changed."""
    if loads(dataset.attrs["parameters"])["mean_rate"] == Parameters().mean_rate:
        return _MINIMUM
    lowest = dataset["height_A"].argmin(...)
    return float(dataset["a"][lowest["a"]]), float(dataset["b"][lowest["b"]])


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The reference numbers of both models, what happens at the edges, and Chentsov's property."""
    default = asdict(Parameters())
    used = loads(dataset.attrs["parameters"])
    same = all(used[key] == default[key] for key in ("mean_rate", "target"))
    value = {name: dataset[name].values for name in dataset.data_vars}
    moments, time = dataset["fisher_moments"].values, dataset["time"].values
    d, v0 = moments[0, 0] - used["target"], moments[0, 1]
    closed = np.stack(
        [used["target"] + d * np.exp(-time),
         (v0 + d**2) * np.exp(-time) - d**2 * np.exp(-2 * time)], axis=1)  # fmt: skip
    length = dataset["length"].sel(measure="Fisher").values
    carried = dataset["length"].sel(measure="Wasserstein").values
    stopped, extrapolated = (float(x) for x in dataset["hit"])
    largest = float(dataset["fisher_release"].isel(i0=0).max())
    close = Claim.close
    stated = [
        close("Intrinsic plasticity: C(1.5, -1) (to 1e-8)", 1.18942462, value["intrinsic_cost"],
              1e-8),
        close("its dC (to 1e-7)", (0.3086691, 1.2501184), value["intrinsic_slope"], 1e-7),
        close("dC vanishes at (1.23833467, -2.70244516) (to 1e-7)", (0.0, 0.0),
              value["intrinsic_minimum_slope"], 1e-7),
        close("Euclid: (a, b) at time 1 from (1, 0) (to 1e-7)", (1.0943311, -1.4730295),
              value["intrinsic_end"], 1e-7),
        close("Release: C(.5, .7) (to 1e-8)", 0.67466767, value["release_cost"], 1e-8),
        close("its dC (to 1e-7)", (-3.7142857, -6.1516035), value["release_slope"], 1e-7),
        close("Fisher's matrix there (to 1e-6)", (4, 2.857143, 2.857143, 6.122449),
              value["release_fisher"].ravel(), 1e-6),
        close("Euclid runs into P = 1 in finite time: extrapolated, it gets there at time"
              " (to 1e-5)", 0.164656, extrapolated, 1e-5),
        close("it was stopped at P = .999, at time (to 1e-6)", 0.164364, stopped, 1e-6),
    ]  # fmt: skip
    stated = [claim if same else replace(claim, holds=None) for claim in stated]
    stated += [
        Claim.below("Fisher's flow never reaches P = 1 (largest P until time 6)", largest, 1),
        close(
            "Fisher's flow has a closed form in mean and variance of the response (greatest"
            " difference, to 1e-8)",
            0.0,
            np.abs(moments - closed).max(),
            1e-8,
        ),
        close(
            "Chentsov: a sufficient statistic, the mean of five observations, leaves Fisher's"
            " length unchanged (ratio, to 1e-12)",
            1.0,
            length[1] / length[0],
            1e-12,
        ),
        close("a statistic that loses information shortens it (one of five: 1/sqrt 5, to 1e-12)",
              5**-0.5, length[2] / length[0], 1e-12),
        close("a mere bijection of the observation leaves it unchanged (ratio, to 1e-9)", 1.0,
              length[3] / length[2], 1e-9),
        Claim.below(
            "Wasserstein's length is changed by a mere bijection (ratio)",
            carried[3] / carried[2],
            0.9,
        ),
    ]  # fmt: skip
    return stated
