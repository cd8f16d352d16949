"""The wicked map (Fig 2): one hill, two maps, and two routes that both look steepest

A mountaineer climbs a hill, always in the steepest direction. On the true map (A) the steepest
route crosses the contour lines at right angles: the red one. A wicked hotelier hands out a sheared
map (B) of the same hill. Whoever believes it and draws a route at right angles to its contour
lines gets the blue one, which is another route through the real landscape.

Neither cost nor coordinates say which route is right: the metric does. Gradient ascent in the
metric of the true map is the red route in whichever map it is computed; the blue route is gradient
ascent in another metric, G = S'S with S the shear.

The paper does not print its hill. Here its height is exp(-x'Ax/2).
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from steepest.descent import gradient_flow
from steepest.geometry import Constant, Euclidean, Linear, Pullback
from steepest.papers._alternatives import alternatives
from steepest.pictures import LINE_COLOURS, letter
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The hill, the shear, and the walk."""

    hill: tuple[tuple[float, float], ...] = parameter(
        ((1.0, 0.3), (0.3, 2.0)), "matrix A of the height exp(-x'Ax/2), symmetric positive definite"
    )
    shear: float = parameter(0.8, "shear s of the wicked map: (x, y) is drawn at (x + s y, y)")
    starts: tuple[tuple[float, float], ...] = parameter(
        ((-0.8, 1.2), (1.0, 1.0)), "where walks start on the true map; the first is drawn"
    )
    duration: float = parameter(8.0, "time climbed")
    step: float = parameter(0.02, "time between the recorded points")


QUICK = Parameters()

# Where the walks from (1, 1) are at time 2, true map, for the default parameters.
_RED = (0.25621346, 0.03877028)
_BLUE = (0.72256657, 0.48818652)
_COLOURS = {"red": LINE_COLOURS[1], "blue": LINE_COLOURS[0]}
_CORNER_AT = 0.5
_TIGHT: dict[str, Any] = {"rtol": 1e-11, "atol": 1e-13}


class Depth(eqx.Module):
    """Minus the height of the hill on a map: -exp(-y'Fy/2), F = A or, sheared, S^-1' A S^-1."""

    form: np.ndarray

    def __call__(self, point: Float[Array, "2"]) -> Float[Array, ""]:
        return -jnp.exp(-point @ self.form @ point / 2)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Both routes, each computed in both maps, and the angles at which they cross contour lines.

    The walk is not random: `seed` is only recorded.
    """
    hill = np.array(parameters.hill)
    shear = np.array([[1.0, parameters.shear], [0.0, 1.0]])
    starts = np.array(parameters.starts)
    times = np.linspace(0, parameters.duration, round(parameters.duration / parameters.step) + 1)

    unshear = np.linalg.inv(shear)
    true, sheared = Depth(hill), Depth(unshear.T @ hill @ unshear)
    euclidean, sheared_back, as_sheared, other = alternatives(
        [
            Euclidean(),
            Pullback(Euclidean(), Linear(unshear)),
            Pullback(Euclidean(), Linear(shear)),
            Constant(shear.T @ shear),
        ]
    )

    def walk(cost, metric, starts):
        return gradient_flow(cost, metric, starts, times, **_TIGHT).points

    points = np.array(
        [
            [
                walk(true, euclidean, starts),
                walk(sheared, sheared_back, starts @ shear.T),
            ],
            [
                walk(true, as_sheared, starts),
                walk(sheared, euclidean, starts @ shear.T),
            ],
        ]
    )
    other_metric = walk(true, other, starts)

    forms = np.array([true.form, sheared.form])
    across, up = np.linspace(-1.8, 1.8, 181), np.linspace(-1.15, 1.45, 131)
    grid = np.stack(np.meshgrid(across, up), axis=-1)
    height = np.exp(-np.einsum("vui,mij,vuj->mvu", grid, forms, grid) / 2)

    # A route's tangent comes from differences, a contour line's stands at right angles to the
    # differential of the height, which points along -form @ point.
    tangent = np.gradient(points, times, axis=3, edge_order=2)
    uphill = -np.einsum("mij,rmstj->rmsti", forms, points)
    cosine = np.einsum("rmsti,rmsti->rmst", tangent, uphill) / (
        np.linalg.norm(tangent, axis=-1) * np.linalg.norm(uphill, axis=-1)
    )
    angle = 90 - np.degrees(np.arccos(np.clip(cosine, -1, 1)))

    dataset = xr.Dataset(
        {
            "point": (("route", "map", "start", "time", "coordinate"), points),
            "other_metric": (
                ("start", "time", "coordinate"),
                other_metric,
                {"long_name": "ascent in the metric S'S, true map"},
            ),
            "angle": (
                ("route", "map", "start", "time"),
                angle,
                {"units": "degree", "long_name": "angle between route and contour line"},
            ),
            "height": (("map", "up", "across"), height),
            "shear": (("coordinate", "from_coordinate"), shear),
        },
        coords={
            "route": ["red", "blue"],
            "map": ["true", "sheared"],
            "coordinate": ["x", "y"],
            "time": times,
            "across": across,
            "up": up,
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """The hill on both maps: contour lines black, both routes, square at start, triangle on top."""
    figure = matplotlib.figure.Figure(figsize=(9.6, 4.4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    titles = {"true": "The true map", "sheared": "The hotelier's sheared map"}
    own_map = {"red": "true", "blue": "sheared"}
    words = "{0}: at right angles to the contour lines of the {1} map"
    for axes, panel, name in zip(panels, "AB", titles, strict=True):
        here = dataset.sel(map=name).isel(start=0)
        axes.contour(
            here["across"],
            here["up"],
            here["height"],
            levels=[0.1, 0.2, 0.35, _CORNER_AT, 0.65, 0.8, 0.92],
            colors="black",
            linewidths=0.6,
        )
        for route, own in own_map.items():
            points = here["point"].sel(route=route).values
            axes.plot(*points.T, color=_COLOURS[route], lw=2.4, label=words.format(route, own))
            if own == name:
                axes.plot(*_corner(points, here).T, color=_COLOURS[route], linewidth=1.2)
        start = here["point"].values[0, 0]
        axes.plot(*start, "s", color="black", markersize=9, zorder=3)
        axes.plot(0, 0, "^", color="black", markersize=10, zorder=3)
        for word, place, offset in (("start", start, (10, -4)), ("top", (0, 0), (-9, -20))):
            halo = {"facecolor": "white", "edgecolor": "none", "pad": 1}
            axes.annotate(word, place, offset, textcoords="offset points", bbox=halo)
        letter(axes, panel, titles[name])
        axes.set(aspect="equal", xticks=[], yticks=[])
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", frameon=False)
    return figure


def _corner(points: np.ndarray, here: xr.Dataset) -> np.ndarray:
    """The mark of a right angle, where a route crosses the contour line at `_CORNER_AT`."""
    height = here["height"].interp(
        across=xr.DataArray(points[:, 0], dims="t"), up=xr.DataArray(points[:, 1], dims="t")
    )
    crossing = int(np.argmin(np.abs(height.values - _CORNER_AT)))
    ahead = points[crossing + 1] - points[crossing]
    ahead *= 0.12 / np.linalg.norm(ahead)
    aside = np.array([ahead[1], -ahead[0]])
    return points[crossing] + np.array([ahead, ahead + aside, aside])


def claims(dataset: xr.Dataset) -> list[Claim]:
    """What the figure shows, measured on the routes, and two numbers that pin them down."""
    off = abs(dataset["angle"] - 90).max(["start", "time"])
    points = dataset["point"]
    shear = dataset["shear"].values

    def right_angle(route, name):
        return Claim.close(
            f"The {route} route crosses the contour lines of the {name} map at right angles"
            " (greatest angle off 90 degrees, to .1)",
            0.0,
            off.sel(route=route, map=name),
            0.1,
        )

    def not_right_angle(route, name):
        measured = float(off.sel(route=route, map=name))
        return Claim.above(
            f"The {route} route does not do so on the {name} map (greatest angle off 90 degrees)",
            measured,
            10,
        )

    def same_in_both(route):
        transported = points.sel(route=route, map="true").values @ shear.T
        return Claim.close(
            f"Ascent in the metric of the {route} route is that route in whichever map it is"
            " computed (greatest distance, to 1e-8)",
            0.0,
            np.abs(points.sel(route=route, map="sheared") - transported).max(),
            1e-8,
        )

    blue = points.sel(route="blue", map="true")
    stated = [
        right_angle("red", "true"),
        right_angle("blue", "sheared"),
        not_right_angle("red", "sheared"),
        not_right_angle("blue", "true"),
        same_in_both("red"),
        same_in_both("blue"),
        Claim.close(
            "The blue route is gradient ascent in another metric, S'S with S the shear"
            " (greatest distance, to 1e-8)",
            0.0,
            np.abs(blue - dataset["other_metric"]).max(),
            1e-8,
        ),
    ]
    paper = dataset.attrs["parameters"] == json.dumps(asdict(Parameters()))
    for route, expected in (("red", _RED), ("blue", _BLUE)):
        walk = points.sel(route=route, map="true").isel(start=-1)
        measured = walk.sel(time=2.0, method="nearest")
        words = f"The {route} route from (1, 1) is here at time 2, on the true map (to 1e-6)"
        stated.append(Claim.close(words, expected, measured, 1e-6, tested=paper))
    return stated
