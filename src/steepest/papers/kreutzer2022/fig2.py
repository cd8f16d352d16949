"""The natural gradient is the gradient on the manifold of output distributions (Fig 2)

A: the neuron's output distributions, as weights vary in a plane, form a curved surface; the map
w -> 2 sqrt(phi(w.x)), one coordinate for each input x, embeds it isometrically: lengths on the
surface are those of Fisher's metric (drawn: its three principal directions). Down the cost on this
surface leads one way, the natural gradient's. Euclidean descent takes another in somatic and yet
another in dendritic weights. B: the cost of two afferents with different rates is not isotropic,
and Euclidean descent falls into the valley first and then crawls along it. C: the same cost in
coordinates in which Fisher's metric at the target is the identity is isotropic, and there Euclidean
descent is good. The natural path is the same in both.

The paper's figure is a scheme; here it is computed, with start and target of Fig 3D-E.
"""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.descent import gradient_flow
from steepest.geometry import Euclidean, Linear, Pullback
from steepest.papers.kreutzer2022._paths import detour
from steepest.papers.kreutzer2022._surrogate import ExpectedCost, surrogate_usps
from steepest.papers.kreutzer2022._two_coordinates import DENDRITIC
from steepest.pictures import INK, RULE_COLOURS, bare, letter
from steepest.spiking import NeuronFisher, PoissonNeuron
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """Two afferents, as in Fig 3D-E; weights times the number of afferents, 2."""

    rates: tuple[float, float] = parameter((10.0, 50.0), "afferent rates", "Hz")
    start: tuple[float, float] = parameter((-0.3, 0.5), "initial somatic weights, times 2")
    target: tuple[float, float] = parameter((0.15, 0.15), "the teacher's, times 2")
    lowest: float = parameter(-0.4, "smallest weight of the plane, times 2")
    highest: float = parameter(0.6, "largest weight of the plane, times 2")
    attenuations: tuple[float, float] = parameter((0.9, 0.3), "somatic over dendritic weights")
    samples: int = parameter(1000, "Gaussian USPs over which cost and metric are averaged")
    grid: int = parameter(61, "points along each side of the plane")
    points: int = parameter(121, "recorded points of each path")


QUICK = Parameters(samples=400, grid=41)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """The embedded surface, the cost, and paths of descent in three coordinate systems."""
    neuron, rates = PoissonNeuron(), np.array(parameters.rates)
    usps = surrogate_usps(neuron, rates, parameters.samples, seed)
    start, target = np.array(parameters.start) / 2, np.array(parameters.target) / 2
    fisher = NeuronFisher(neuron, rates)
    with jax.enable_x64(True):
        G = np.asarray(fisher.matrix(jnp.asarray(target)))
    charts = {
        "somatic": np.eye(2),
        "dendritic": np.diag(parameters.attenuations),
        "isotropic": np.linalg.inv(np.linalg.cholesky(G).T),
    }
    paths, hessians = {}, {}
    for name, matrix in charts.items():
        chart = Linear(matrix)
        cost = ExpectedCost(neuron, usps, target, chart)
        begin = np.linalg.solve(matrix, start)
        with jax.enable_x64(True):
            end = jnp.asarray(np.linalg.solve(matrix, target))
            hessians[name] = np.asarray(eqx.filter_jit(lambda w, c: jax.hessian(c)(w))(end, cost))
        slowest = np.linalg.eigvalsh(hessians[name])[0]
        times = np.r_[0, np.geomspace(1e-5, 15, parameters.points - 1)]
        euclidean = gradient_flow(cost, Euclidean(), begin, times / slowest)
        natural = gradient_flow(cost, Pullback(fisher, chart), begin, times)
        paths["Euclidean", name] = euclidean.points @ matrix.T
        paths["natural", name] = natural.points @ matrix.T
    axis = np.linspace(parameters.lowest, parameters.highest, parameters.grid) / 2
    plane = np.stack(np.meshgrid(axis, axis), axis=-1)
    with jax.enable_x64(True):
        cost = ExpectedCost(neuron, usps, target)
        costs = np.asarray(eqx.filter_jit(eqx.filter_vmap(cost))(jnp.asarray(plane.reshape(-1, 2))))

        def embed(w: Any) -> Any:
            return 2 * jnp.sqrt(neuron.rate(jnp.asarray(usps) @ w) / len(usps))

        J = np.asarray(jax.jacfwd(embed)(jnp.asarray(target)))
        everywhere = np.asarray(jax.jit(jax.vmap(embed))(jnp.asarray(plane.reshape(-1, 2))))
        origin = everywhere.mean(axis=0)
        _, _, directions = np.linalg.svd(everywhere - origin, full_matrices=False)
        surface = (everywhere - origin) @ directions[:3].T
        ring = target + 0.01 * np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
        near = np.asarray(jax.vmap(cost)(jnp.asarray(ring)))
        squared = ((np.asarray(jax.vmap(embed)(jnp.asarray(ring))) - np.asarray(embed(target))) ** 2
                   ).sum(axis=1)  # fmt: skip
        on_surface = {
            key: (np.asarray(jax.vmap(embed)(jnp.asarray(path))) - origin) @ directions[:3].T
            for key, path in paths.items()
        }
    names = ("rule", "chart")
    order = [[(rule, chart) for chart in charts] for rule in ("Euclidean", "natural")]

    def table(values: dict[Any, np.ndarray]) -> np.ndarray:
        return np.array([[values[key] for key in row] for row in order])

    dataset = xr.Dataset(
        {
            "path": ((*names, "point", "afferent"), table(paths)),
            "path_on_surface": ((*names, "point", "axis"), table(on_surface)),
            "surface": (("w2", "w1", "axis"), surface.reshape(*plane.shape[:2], 3)),
            "cost": (("w2", "w1"), costs.reshape(plane.shape[:2]), {"units": "1/s"}),
            "matrix": (("chart", "afferent", "other"), np.array(list(charts.values()))),
            "hessian": (("chart", "afferent", "other"), np.array(list(hessians.values()))),
            "embedded_metric": (("afferent", "other"), J.T @ J, {"units": "Hz"}),
            "fisher": (("afferent", "other"), G, {"units": "Hz"}),
            "near_cost": ("angle", near, {"units": "1/s"}),
            "near_half_square": ("angle", squared / 2, {"units": "1/s"}),
        },
        coords={
            "rule": ["Euclidean", "natural"],
            "chart": list(charts),
            "w1": ("w1", axis),
            "w2": ("w2", axis),
        },
        attrs={"start": tuple(start), "target": tuple(target)},
    )
    return stamp(dataset, parameters, seed)


_ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """The surface with paths, and the cost in somatic and in isotropic coordinates."""
    figure = matplotlib.figure.Figure(figsize=(12.5, 4.4), layout="constrained")
    grid = figure.add_gridspec(1, 3, width_ratios=(1.25, 1, 1))
    solid: Any = figure.add_subplot(grid[0, 0], projection="3d")
    surface = dataset["surface"].values
    inside = _inside(dataset)
    solid.plot_surface(*np.moveaxis(surface, -1, 0), color="#c9d3dd", alpha=0.55, linewidth=0,
                       rstride=1, cstride=1, shade=True)  # fmt: skip
    solid.plot_wireframe(*np.moveaxis(surface, -1, 0), color="0.45", linewidth=0.35, rcount=11,
                         ccount=11)  # fmt: skip
    lines = (
        ("natural", "somatic", RULE_COLOURS["natural"], "-", "natural, in any weights"),
        ("Euclidean", "somatic", RULE_COLOURS["Euclidean"], "-", "Euclidean, somatic weights"),
        ("Euclidean", "dendritic", DENDRITIC, "--", "Euclidean, dendritic weights"),
    )
    for rule, chart, colour, style, label in lines:
        path = dataset["path_on_surface"].sel(rule=rule, chart=chart).values
        path = path[inside.sel(rule=rule, chart=chart).values]
        solid.plot(*path.T, style, color=colour, linewidth=2.2, label=label, zorder=10)
    ends = dataset["path_on_surface"].sel(rule="natural", chart="somatic").values[[0, -1]]
    solid.scatter(*ends[0], color=INK, s=28, zorder=12)
    solid.scatter(*ends[1], color=INK, marker="*", s=90, zorder=12)
    solid.set(xticklabels=[], yticklabels=[], zticklabels=[])
    letter(solid, "A", "manifold of output distributions")
    solid.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(-0.05, -0.12))
    solid.view_init(elev=30, azim=-35)
    levels = np.geomspace(0.5, dataset["cost"].max(), 10)
    plane = np.stack(np.meshgrid(dataset["w1"], dataset["w2"]), axis=-1)
    for column, chart, name, title, label in (
        (1, "somatic", "B", "anisotropic cost", "$w_{}$"),
        (2, "isotropic", "C", "the same cost, isotropic", "coordinate $y_{}$ (1/s$^{{1/2}}$)"),
    ):
        axes = figure.add_subplot(grid[0, column])
        inverse = np.linalg.inv(dataset["matrix"].sel(chart=chart).values)
        seen = plane @ inverse.T
        axes.contour(seen[..., 0], seen[..., 1], dataset["cost"], levels=levels, colors="0.6",
                     linewidths=0.8)  # fmt: skip
        for rule in ("Euclidean", "natural"):
            path = dataset["path"].sel(rule=rule, chart=chart).values @ inverse.T
            axes.plot(*path.T, color=RULE_COLOURS[rule], linewidth=2, label=rule)
        axes.plot(*(inverse @ dataset.attrs["start"]), "o", color=INK)
        axes.plot(*(inverse @ dataset.attrs["target"]), "*", color=INK, markersize=11)
        axes.set(xlabel=label.format(1), ylabel=label.format(2), aspect="equal")
        if chart == "isotropic":
            begin, end = (inverse @ np.array(dataset.attrs[key]) for key in ("start", "target"))
            reach = 1.2 * np.linalg.norm(begin - end)
            axes.set(
                xlim=end[0] + reach * np.array([-1, 1]), ylim=end[1] + reach * np.array([-1, 1])
            )
        axes.legend(frameon=False, fontsize=8, loc="lower left")
        letter(axes, name, title)
        bare(axes)
    return figure


def _inside(dataset: xr.Dataset) -> xr.DataArray:
    """Which points of a path lie over the drawn plane."""
    low, high = float(dataset["w1"].min()), float(dataset["w1"].max())
    return ((dataset["path"] >= low) & (dataset["path"] <= high)).all("afferent")


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The surface's metric is Fisher's, the cost its squared distance; conditioning and paths."""
    G, embedded = dataset["fisher"].values, dataset["embedded_metric"].values
    eigenvalues = np.linalg.eigvals(np.linalg.solve(G, embedded)).real
    ratio = (dataset["near_cost"] / dataset["near_half_square"]).values
    spectra = {
        chart: np.linalg.eigvalsh(dataset["hessian"].sel(chart=chart).values)
        for chart in ("somatic", "isotropic")
    }
    condition = {chart: float(s[-1] / s[0]) for chart, s in spectra.items()}
    natural = dataset["path"].sel(rule="natural")
    alike = float(np.abs(natural - natural.sel(chart="somatic")).max())
    euclidean = dataset["path"].sel(rule="Euclidean")
    first = {c: euclidean.sel(chart=c).values for c in ("somatic", "dendritic")}
    steps = [first[c][1] - first[c][0] for c in first]
    cosine = steps[0] @ steps[1] / (np.linalg.norm(steps[0]) * np.linalg.norm(steps[1]))
    detours = {}
    for rule, chart in (("Euclidean", "somatic"), ("Euclidean", "isotropic"),
                        ("natural", "somatic")):  # fmt: skip
        inverse = np.linalg.inv(dataset["matrix"].sel(chart=chart).values)
        path = dataset["path"].sel(rule=rule, chart=chart).values @ inverse.T
        detours[rule, chart] = detour(path, inverse @ np.array(dataset.attrs["target"]))
    return [
        Claim.close(
            "The embedded surface has Fisher's metric (eigenvalues of one relative to the other, at"
            " the target, to 15 % with the sampled inputs)",
            np.ones(2),
            np.sort(eigenvalues),
            0.15,
        ),
        Claim.close(
            "Near the target the cost is half the squared distance in the embedding (ratio in 24"
            " directions, to 15 %)",
            np.ones(len(ratio)),
            ratio,
            0.15,
        ),
        Claim.close(
            "The natural path is the same in somatic, dendritic and isotropic coordinates (greatest"
            " difference of somatic weights, to 1e-6)",
            0.0,
            alike,
            1e-6,
        ),
        Claim.above(
            "The Euclidean path is not: angle at the soma between its first steps in"
            " somatic and dendritic weights (degrees)",
            float(np.degrees(np.arccos(min(cosine, 1.0)))),
            5,
        ),
        Claim.above(
            "The cost is not isotropic: condition number of its Hessian at the target, in"
            " somatic weights",
            condition["somatic"],
            5,
        ),
        Claim.close(
            "In coordinates that make Fisher's metric the identity it is (condition number, to .3)",
            1.0,
            condition["isotropic"],
            0.3,
        ),
        Claim.below(
            "So Euclidean descent makes a smaller detour there: detour over distance,"
            " isotropic over anisotropic",
            detours["Euclidean", "isotropic"] / detours["Euclidean", "somatic"],
            0.5,
        ),
        Claim.below(
            "and the natural path makes a smaller one without: natural over Euclidean, in"
            " somatic weights",
            detours["natural", "somatic"] / detours["Euclidean", "somatic"],
            0.5,
        ),
    ]
