"""The geometry of potentials (Fig 2): one problem, one start, three solutions

Two weights must satisfy one equation, x.w = y: every point of the black line is a solution. Each
panel shows the weights within equal Bregman divergence of the start (grey), the path of mirror
descent, and where it ends: at the solution whose divergence from the start is smallest, where a
level set touches the line. Another potential has other level sets, and so another solution.
"""

from dataclasses import dataclass

import jax
import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.descent import bregman_projection, gradient_flow
from steepest.papers._alternatives import alternatives
from steepest.papers.pogodin2024._regression import potential_for
from steepest.pictures import GEOMETRY_COLOURS
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]

_NAMES = ("entropy", "2-norm", "3-norm")


@dataclass(frozen=True)
class Parameters:
    """The equation, the start, and the picture's resolution; the paper prints no numbers."""

    inputs: tuple[float, float] = parameter((1.0, 0.7), "x of the equation x.w = y")
    target: float = parameter(1.4, "y of the equation x.w = y")
    start: tuple[float, float] = parameter((0.15, 0.6), "weights at the start")
    duration: float = parameter(40.0, "time followed")
    grid: int = parameter(161, "points per axis of the level sets")


QUICK = Parameters()


class Error:
    """Half the squared error of the one equation."""

    def __init__(self, inputs: np.ndarray, target: float) -> None:
        self.inputs, self.target = inputs, target

    def __call__(self, weights):
        return (self.inputs @ weights - self.target) ** 2 / 2


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Path, end and projection for every potential, and divergences on a grid and on the line.

    Nothing is random: `seed` is only recorded.
    """
    x, start = np.array(parameters.inputs), np.array(parameters.start)
    times = np.linspace(0, parameters.duration, 401)
    axis = np.linspace(0.01, 1.4, parameters.grid)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    first = np.linspace(0.01, parameters.target / x[0] - 0.01, 20_001)
    line = np.stack([first, (parameters.target - x[0] * first) / x[1]], axis=-1)
    paths, ends, levels, nearest = [], [], [], []
    error = Error(x, parameters.target)
    potentials = [potential_for(name, start) for name in _NAMES]
    for potential, shared in zip(potentials, alternatives(potentials), strict=True):
        paths.append(gradient_flow(error, shared, start, times).points)
        ends.append(bregman_projection(x[None], [parameters.target], start, potential).weights)
        with jax.enable_x64(True):
            divergence = jax.jit(jax.vmap(lambda w, p=potential: p.divergence(w, start)))
            levels.append(np.asarray(divergence(grid.reshape(-1, 2))).reshape(grid.shape[:2]))
            nearest.append(line[np.argmin(np.asarray(divergence(line)))])
    dataset = xr.Dataset(
        {
            "path": (("potential", "time", "weight"), np.array(paths)),
            "projection": (("potential", "weight"), np.array(ends)),
            "nearest": (("potential", "weight"), np.array(nearest)),
            "divergence": (("potential", "w2", "w1"), np.array(levels)),
            "inputs": ("weight", x),
        },
        coords={
            "potential": list(_NAMES),
            "time": times,
            "weight": ["w1", "w2"],
            "w1": axis,
            "w2": axis,
        },
    )
    return stamp(dataset.assign_attrs(target=parameters.target), parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Level sets, line of solutions, path and end, one panel per potential."""
    figure = matplotlib.figure.Figure(figsize=(11, 4), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    x, y = dataset["inputs"].values, dataset.attrs["target"]
    for axes, name in zip(panels, _NAMES, strict=True):
        colour = GEOMETRY_COLOURS[name]
        here = dataset.sel(potential=name)
        end = here["projection"].values
        level = float(here["divergence"].interp(w1=end[0], w2=end[1]))
        axes.contour(
            here["w1"], here["w2"], here["divergence"], levels=[level / 4, level, 2.5 * level],
            colors="grey", linewidths=[0.8, 1.6, 0.8],
        )  # fmt: skip
        w1 = np.array([0.0, 1.4])
        axes.plot(w1, (y - x[0] * w1) / x[1], color="black")
        for other in _NAMES:
            shade = GEOMETRY_COLOURS[other]
            axes.plot(*dataset["projection"].sel(potential=other).values, "o", color=shade,
                      markersize=5, alpha=0.5)  # fmt: skip
        axes.plot(*here["path"].values.T, color=colour, linewidth=2.4)
        axes.plot(*end, "o", color=colour, markersize=9)
        axes.plot(*here["path"].values[0], "s", color="black")
        axes.set(title=name, xlabel="weight 1", xlim=(0, 1.4), ylim=(0, 1.4), aspect="equal")
    panels[0].set_ylabel("weight 2")
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The flow ends at the projection, which is the nearest solution; potentials differ."""
    end = dataset["path"].isel(time=-1)
    projection = dataset["projection"]
    stated = [
        Claim.close(
            f"{name}: mirror descent ends at the Bregman projection (to 1e-6)",
            projection.sel(potential=name),
            end.sel(potential=name),
            1e-6,
        )
        for name in _NAMES
    ]
    stated.append(
        Claim.close(
            "Each is the solution of smallest divergence, found by trying all (to 1e-4)",
            0.0,
            np.abs(dataset["nearest"] - projection).max(),
            1e-4,
        )
    )
    gaps = [
        float(np.linalg.norm(projection.sel(potential=a) - projection.sel(potential=b)))
        for a, b in (("entropy", "2-norm"), ("2-norm", "3-norm"), ("entropy", "3-norm"))
    ]
    stated.append(
        Claim.above(
            "The three potentials reach three solutions (smallest distance)",
            min(gaps),
            0.05,
        )
    )
    return stated
