"""One cost, many flows (Fig 1): a cost does not say how it is descended

A cost and a metric together determine one flow (A). The same cost with other metrics is descended
along other flow lines, all of which lead to its minimum (B). Nothing but the metric differs.

Nor can the pair be read from the flow: the cost f(C) with the metric f'(C) G, f' > 0, has exactly
the flow lines of C with G, at the same speed.

The paper's drawing is schematic. Here the cost is a bowl with a bent valley.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from steepest.descent import gradient_flow
from steepest.geometry import AbstractMetric, Constant, Diagonal, Euclidean, MatrixMetric
from steepest.papers._alternatives import alternatives
from steepest.papers.surace2020._streams import draw_stream, field_on
from steepest.pictures import LINE_COLOURS, letter
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """Where the flows start and how long they are followed."""

    starts: tuple[tuple[float, float], ...] = parameter(
        ((-1.6, 1.5), (1.7, 1.3), (-1.2, -1.2)), "starting points, drawn as squares"
    )
    duration: float = parameter(60.0, "time followed; long enough to reach the minimum")
    grid: int = parameter(61, "points along each side of the grid on which the flow is drawn")


QUICK = Parameters()


def bowl(point: Float[Array, "2"]) -> Float[Array, ""]:
    """C = x^2/2 + (y - x^2/4)^2, with its minimum 0 at the origin."""
    x, y = point
    return x**2 / 2 + (y - x**2 / 4) ** 2


def relabelled(point: Float[Array, "2"]) -> Float[Array, ""]:
    """f(C) with f(c) = c + c^2/2, which has the minimum and contour lines of C."""
    c = bowl(point)
    return c + c**2 / 2


def _turning(point: Array) -> Array:
    """A metric that depends on the place: costly directions turn as one goes around."""
    angle = point[0] + point[1]
    along = jnp.stack([jnp.cos(angle), jnp.sin(angle)])
    return jnp.eye(2) * 0.6 + 3 * jnp.outer(along, along)


METRICS: dict[str, AbstractMetric] = {
    "Euclidean": Euclidean(),
    "x costly": Diagonal(np.array([4.0, 1.0])),
    "coupled": Constant(np.array([[1.5, -1.0], [-1.0, 1.5]])),
    "turning with the place": MatrixMetric(_turning),
}


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Flow lines and velocity fields of the cost in each metric; nothing is random."""
    times = np.concatenate([[0.0], np.geomspace(0.01, parameters.duration, 160)])
    metrics = alternatives(METRICS.values())
    flows = [gradient_flow(bowl, m, np.array(parameters.starts), times) for m in metrics]
    scaled = MatrixMetric(lambda x: (1 + bowl(x)) * jnp.eye(2, dtype=x.dtype))
    same = gradient_flow(relabelled, scaled, np.array(parameters.starts), times)
    side = np.linspace(-2, 2, parameters.grid)
    fields = [field_on(bowl, metric, side, side) for metric in metrics]
    dataset = xr.Dataset(
        {
            "point": (("metric", "start", "time", "coordinate"), [f.points for f in flows]),
            "cost": (("metric", "start", "time"), [f.costs for f in flows]),
            "gauged": (
                ("start", "time", "coordinate"),
                same.points,
                {"long_name": "flow of f(C) in the metric f'(C) I"},
            ),
            "height": (("y", "x"), fields[0][0]),
            "velocity": (("metric", "y", "x", "coordinate"), [v for _, v in fields]),
        },
        coords={
            "metric": list(METRICS),
            "coordinate": ["x", "y"],
            "time": times,
            "x": side,
            "y": side,
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A: cost and one metric, one flow. B: the same starts in every metric."""
    figure = matplotlib.figure.Figure(figsize=(9.6, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    x, y, height = dataset["x"].values, dataset["y"].values, dataset["height"].values
    levels = np.array([0.05, 0.2, 0.5, 1, 1.7, 2.6, 4, 6, 9])
    velocity = dataset["velocity"].sel(metric="Euclidean").values
    draw_stream(left, x, y, height, velocity, levels, LINE_COLOURS[0])
    letter(left, "A", "A cost and a metric: one flow")
    right.contour(x, y, height, levels=levels, colors="black", linewidths=0.55)
    # Told apart in print too: by the stroke.
    strokes = zip(LINE_COLOURS, ("-", "--", "-.", ":"), dataset["metric"].values, strict=False)
    for colour, stroke, name in strokes:
        for start in range(dataset.sizes["start"]):
            line = dataset["point"].sel(metric=name).isel(start=start).values
            label = str(name) if start == 0 else None
            right.plot(*line.T, stroke, color=colour, linewidth=2, label=label)
    for start in dataset["point"].isel(metric=0, time=0).values:
        right.plot(*start, "s", color="black", zorder=3)
    right.set(xlim=(-2, 2), ylim=(-2, 2))
    letter(right, "B", "The same cost: one flow for each metric")
    for axes in (left, right):
        axes.plot(0, 0, "o", color="black", zorder=3)
        axes.set(aspect="equal", xlabel="x")
    left.set_ylabel("y")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=4,
                  frameon=False)  # fmt: skip
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """All flows lead to the minimum, the cost falls along each, and no two are the same."""
    point, cost = dataset["point"], dataset["cost"]
    drawn = np.abs(cost.values[..., :-1]) > 1e-9
    rises = float(np.where(drawn, np.diff(cost.values, axis=-1), -1).max())
    middle = point.sel(time=1.0, method="nearest").values
    apart = [
        np.linalg.norm(middle[i] - middle[j], axis=-1).min()
        for i in range(len(middle))
        for j in range(i)
    ]
    with jax.enable_x64(True):
        slope = jax.vmap(jax.grad(bowl))
        v = dataset["velocity"].values.reshape(len(METRICS), -1, 2)
        grid = np.stack(np.meshgrid(dataset["x"], dataset["y"]), axis=-1).reshape(-1, 2)
        descent = np.einsum("mgi,gi->mg", v, np.asarray(slope(jnp.asarray(grid))))
    off = np.abs(grid).max(axis=1) > 1e-9
    largest: Any = descent[:, off].max()
    return [
        Claim.close(
            "Every flow leads to the minimum, in every metric (greatest distance at the end,"
            " to 1e-6)",
            0.0,
            np.linalg.norm(point.isel(time=-1).values, axis=-1).max(),
            1e-6,
        ),
        Claim.below(
            "The cost falls along every flow line (largest change in a step)",
            rises,
            0,
        ),
        Claim.below(
            "It falls along the flow everywhere on the map (largest slope)",
            largest,
            0,
        ),
        Claim.above(
            "No two metrics share a flow (least distance at time 1 from one start)",
            min(apart),
            0.02,
        ),
        Claim.close(
            "Cost and metric are not both known from a flow: f(C) in the metric f'(C) G has the"
            " flow of C in G (greatest distance, to 1e-6)",
            0.0,
            np.abs(dataset["gauged"] - point.sel(metric="Euclidean")).max(),
            1e-6,
        ),
    ]
