"""Three parametrisations of the normal distribution, three flows (Fig 3), and two answers

The Kullback-Leibler divergence from N(4, 2) to N(mu, sigma) is minimised by naive descent in (mu,
sigma), in (mu, variance) and in (mu, precision). Each is drawn in both planes: they are three
different flows, whichever plane one looks at, because each tacitly chose another metric.

The last two rows are flows that do not depend on how the distribution is parametrised. Fisher's
metric measures how well distributions can be told apart, Wasserstein's how far probability has to
be carried. The latter turns out to be naive descent in (mu, sigma), the paper's Fig 3A.

Erratum: before Fig 3, "ds/dt = -dC/dsigma" should read "dsigma/dt = -dC/dsigma".
"""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import xarray as xr
from jaxtyping import Array

from steepest.descent import gradient_flow
from steepest.geometry import AbstractMetric
from steepest.models import GaussianModel
from steepest.papers._alternatives import alternatives
from steepest.papers.surace2020._streams import draw_stream, field_on
from steepest.pictures import LINE_COLOURS, letter
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The drawn region, and flows that are followed."""

    starts: tuple[tuple[float, float], ...] = parameter(
        ((6.0, 1.0), (5.0, 1.0), (2.5, 3.2)), "starting points (mu, sigma)"
    )
    duration: float = parameter(1.0, "time followed")
    mu: tuple[float, float] = parameter((1.0, 7.0), "drawn range of mu")
    sigma: tuple[float, float] = parameter((0.25, 3.5), "drawn range of sigma")
    grid: int = parameter(90, "points along each side of the grid on which the flow is drawn")


QUICK = Parameters(grid=50)

_TIGHT: dict[str, Any] = {"rtol": 1e-11, "atol": 1e-13}
_ENDS = {
    "Euclidean in sigma": (5.39383231, 1.98644226),
    "Euclidean in variance": (5.07276891, 1.40674770),
    "Fisher": (4.73575888, 1.95615396),
}
_LETTERS = {
    "Euclidean in sigma": "A",
    "Euclidean in variance": "B",
    "Euclidean in precision": "C",
}


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Velocity fields on a grid, flow lines, and metrics at sigma = 1; nothing is random."""
    model = GaussianModel()
    names, metrics = list(model.metrics()), alternatives(model.metrics().values())
    times = np.linspace(0, parameters.duration, 101)
    flows = [
        gradient_flow(model.cost, metric, np.array(parameters.starts), times, **_TIGHT)
        for metric in metrics
    ]
    mu = np.linspace(*parameters.mu, parameters.grid)
    sigma = np.linspace(*parameters.sigma, parameters.grid)
    variance = np.linspace(sigma[0] ** 2, sigma[-1] ** 2, parameters.grid)
    here = [field_on(model.cost, metric, mu, sigma) for metric in metrics]
    # Drawn in the other plane: positions and velocities carried over, ds = 2 sigma dsigma.
    root = np.sqrt(variance)
    there = [field_on(model.cost, metric, mu, root) for metric in metrics]
    carried = [v * np.stack([np.ones_like(root), 2 * root], axis=-1)[:, None] for _, v in there]
    with jax.enable_x64(True):
        point = jnp.asarray([5.0, 1.0])
        cost, slope = np.asarray(model.cost(point)), np.asarray(jax.grad(model.cost)(point))
        matrices = [
            [np.asarray(_matrix(metric, jnp.asarray(x))) for x in ([5.0, 1.0], [5.0, 2.0])]
            for metric in metrics
        ]
    dataset = xr.Dataset(
        {
            "point": (("metric", "start", "time", "coordinate"), [f.points for f in flows]),
            "cost_at_5_1": ((), cost),
            "slope_at_5_1": ("coordinate", slope),
            "matrix": (("metric", "place", "coordinate", "other"), matrices),
            "height": (("sigma", "mu"), here[0][0]),
            "velocity": (("metric", "sigma", "mu", "coordinate"), [v for _, v in here]),
            "height_s": (("variance", "mu"), there[0][0]),
            "velocity_s": (("metric", "variance", "mu", "coordinate"), carried),
        },
        coords={
            "metric": names,
            "coordinate": ["mu", "sigma"],
            "place": ["(5, 1)", "(5, 2)"],
            "time": times,
            "mu": mu,
            "sigma": sigma,
            "variance": variance,
        },
    )
    return stamp(dataset, parameters, seed)


@eqx.filter_jit
def _matrix(metric: AbstractMetric, point: Array) -> Array:
    return metric.matrix(point)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A row for each metric: its flow in the (mu, sigma) and in the (mu, sigma^2) plane."""
    names = list(dataset["metric"].values)
    figure = matplotlib.figure.Figure(figsize=(8.4, 2.7 * len(names)), layout="constrained")
    panels = figure.subplots(len(names), 2)
    levels = [0.02, 0.1, 0.25, 0.5, 1, 2, 4, 8]
    planes = (
        ("sigma", "height", "velocity", "$\\sigma$", 2.0),
        ("variance", "height_s", "velocity_s", "$s = \\sigma^2$", 4.0),
    )
    for row, name in enumerate(names):
        for column, (axis, height, velocity, label, target) in enumerate(planes):
            axes = panels[row, column]
            draw_stream(
                axes,
                dataset["mu"].values,
                dataset[axis].values,
                dataset[height].values,
                dataset[velocity].sel(metric=name).values,
                levels,
                LINE_COLOURS[row],
            )
            axes.plot(4, target, "o", color="black", zorder=3)
            axes.axhline(0, color="black", linestyle="--", linewidth=1.5)
            axes.set(ylabel=label, ylim=(-0.03 * dataset[axis].values[-1], None))
            if row == len(names) - 1:
                axes.set_xlabel("$\\mu$")
        letter(panels[row, 0], _LETTERS.get(name, ""), name)
        letter(panels[row, 1], "", "the same flow, seen in variance")
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Printed and recomputed numbers; which metrics agree where; two laws of Fisher's flow."""
    point, time = dataset["point"], dataset["time"].values
    stated = [
        Claim.close("C(5, 1) (to 1e-7)", 1.3068528, dataset["cost_at_5_1"], 1e-7),
        Claim.close("dC(5, 1) (to 1e-12)", (1.0, -4.0), dataset["slope_at_5_1"], 1e-12),
    ]
    ended = bool(np.isclose(time[-1], 1.0))
    for name, expected in _ENDS.items():
        end = point.sel(metric=name).isel(start=0, time=-1)
        words = f"{name}: (mu, sigma) at time 1 from (6, 1) (to 1e-8)"
        stated.append(Claim.close(words, expected, end, 1.1e-8, tested=ended))
    matrix = dataset["matrix"]
    naive = [matrix.sel(metric=f"Euclidean in {x}") for x in ("variance", "precision")]
    apart = np.abs((naive[0] - naive[1]).values).max(axis=(1, 2))
    stated.append(
        Claim.close(
            "The metrics of variance and precision coincide at sigma = 1 (difference at sigma = 1"
            " and 2, to 1e-12)",
            (0.0, 16 - 4 / 64),
            apart,
            1e-12,
        )
    )
    m0, s0 = point.isel(metric=0, start=0, time=0).values - np.array([4.0, 0.0])
    fisher = point.sel(metric="Fisher").isel(start=0).values
    closed = np.stack(
        [
            4 + m0 * np.exp(-time),
            np.sqrt(4 + (s0**2 - 4 + m0**2) * np.exp(-time) - m0**2 * np.exp(-2 * time)),
        ],
        axis=1,
    )
    stated.append(
        Claim.close(
            "Fisher's flow has the closed form mu = 4 + m e^-t, s = 4 + (s0-4+m^2) e^-t - m^2"
            " e^-2t (greatest difference, to 1e-8)",
            0.0,
            np.abs(fisher - closed).max(),
            1e-8,
        )
    )
    second = fisher[:, 1] ** 2 + fisher[:, 0] ** 2 - 20  # E[x^2] minus its target
    linear = second - second[0] * np.exp(-time)
    stated.append(
        Claim.close(
            "Under Fisher this divergence decays linearly in expectation parameters: E[x^2]"
            " approaches its target as e^-t (greatest difference, to 1e-8)",
            0.0,
            np.abs(linear).max(),
            1e-8,
        )
    )
    pair = point.sel(metric=["Euclidean in sigma", "Wasserstein"]).values
    stated.append(
        Claim.close(
            "The flow of Fig 3A is that of Wasserstein's metric (greatest difference, to 1e-12)",
            0.0,
            np.abs(pair[0] - pair[1]).max(),
            1e-12,
        )
    )
    ends = point.isel(time=-1, start=0).values
    others = [np.abs(ends[i] - ends[j]).max() for i in range(4) for j in range(i)]
    stated.append(
        Claim.above(
            "All other flows differ (least distance at the end from (6, 1))",
            min(others),
            0.05,
        )
    )
    return stated
