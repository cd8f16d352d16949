"""What of Theorem 1 survives errors that are clipped, coarse or of one bit

The paper asks of learning only that every synapse multiplies its input by some error: a
three-factor rule. Regressions with N = sqrt(d) inputs learn in three potentials from five errors:
the difference itself, the difference clipped, in coarse levels (nothing below half a level), its
sign alone at a rate that falls, and, for comparison, from updates that each synapse clips for
itself. Where a neuron distorts its error, the dual change stays in the span of the inputs (A), and
as Gaussian (B); it is the projection's, if only a vanishing difference gives no error (C), and
stops before it, if small differences are not seen. Synapses that clip for themselves leave the
span, and are not Gaussian: the theorem is about errors that a neuron's synapses share.
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

from steepest.arrays.entry import entry_point
from steepest.descent import bregman_projection, mirror_step, three_factor
from steepest.inference.synapses.deltacdf import delta_cdf, delta_cdf_floor
from steepest.papers.pogodin2024._regression import potential_for, rows_for
from steepest.pictures import GEOMETRY_COLOURS, bare, letter
from steepest.progress import track
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]

POTENTIALS = ("entropy", "1.5-norm", "3-norm")
SHARED = ("difference", "clipped", "coarse", "sign")
ERRORS = (*SHARED, "each clips")


@dataclass(frozen=True)
class Parameters:
    """The regressions, their errors, and how long they learn."""

    width: int = parameter(1000, "weights d")
    seeds: int = parameter(10, "regressions")
    steps: int = parameter(4000, "steps of learning")
    limit: float = parameter(0.1, "where a difference is clipped")
    level: float = parameter(0.2, "distance of levels of the coarse error")
    hidden: float = parameter(0.05, "where synapses clip, in their largest first update")


QUICK = Parameters(width=300, seeds=2, steps=1500)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Dual changes of each error in each potential, beside the exact projection's."""
    p = parameters
    shape = (len(POTENTIALS), len(ERRORS), p.seeds)
    outside, apart, missed, ratio = (np.empty(shape) for _ in range(4))
    floor = delta_cdf_floor(p.width).uncentred_mean
    for k in track(list(range(p.seeds)), "Regressions"):
        random = np.random.default_rng([seed, k])
        rows = rows_for(p.width, 0.5)
        inputs = random.uniform(-np.sqrt(3), np.sqrt(3), (rows, p.width))
        start = random.standard_normal(p.width) / np.sqrt(p.width)
        labels = random.choice([-1.0, 1.0], rows)
        basis = np.linalg.qr(inputs.T)[0]
        for i, name in enumerate(POTENTIALS):
            potential = potential_for(name, start)
            exact = bregman_projection(inputs, labels, start, potential)
            for j, kind in enumerate(ERRORS):
                weights = _learn(p, inputs, labels, exact.weights, start, potential, kind)
                change = _dual_change(potential, start, weights)
                along = basis @ (basis.T @ change)
                size = np.linalg.norm(exact.dual_change)
                outside[i, j, k] = np.linalg.norm(change - along) / np.linalg.norm(change)
                apart[i, j, k] = np.linalg.norm(change - exact.dual_change) / size
                missed[i, j, k] = np.abs(labels - inputs @ weights).max()
                ratio[i, j, k] = delta_cdf(change) / floor
    names = ("potential", "error", "seed")
    dataset = xr.Dataset(
        {
            "outside": (names, outside),
            "apart": (names, apart),
            "missed": (names, missed),
            "delta_cdf": (names, ratio),
            "level": ((), p.level),
        },
        coords={"potential": list(POTENTIALS), "error": list(ERRORS)},
    )
    return stamp(dataset, parameters, seed)


@entry_point(kernel="the potential's sharp")
def _dual_change(potential: Any, start: np.ndarray, end: np.ndarray) -> Float[np.ndarray, " n"]:
    return np.asarray(potential.dual_change(jnp.asarray(start), jnp.asarray(end)))


@entry_point(kernel="mirror_step")
def _learn(
    p: Parameters,
    inputs: np.ndarray,
    labels: np.ndarray,
    end: np.ndarray,
    start: np.ndarray,
    potential: Any,
    kind: str,
) -> Float[np.ndarray, " n"]:
    """The weights after all steps; the rate suits the difference itself at its `end`."""
    raised = [np.asarray(potential.sharp(jnp.asarray(end), jnp.asarray(row))) for row in inputs]
    rate = 0.5 / np.linalg.eigvalsh(inputs @ np.stack(raised).T)[-1]
    rates = np.full(p.steps, rate)
    if kind == "sign":
        # A step of 1 over the number of steps: as far in all as it takes, and ever finer.
        rates = rate * 2 / (1 + np.arange(p.steps) / 20)
    if kind == "each clips":
        largest = float(np.abs((labels - inputs @ start) @ inputs).max())
        limit = jnp.asarray(p.hidden * largest)
        return np.asarray(_each_clips(potential, inputs, labels, start, jnp.asarray(rates), limit))
    errors = {
        "difference": _same,
        "clipped": eqx.Partial(_clipped, limit=jnp.asarray(p.limit)),
        "coarse": eqx.Partial(_coarse, level=jnp.asarray(p.level)),
        "sign": jnp.sign,
    }
    return three_factor(inputs, labels, start, potential, rates, errors[kind])


def _same(missing: Array) -> Array:
    return missing


def _clipped(missing: Array, limit: Array) -> Array:
    return jnp.clip(missing, -limit, limit)


def _coarse(missing: Array, level: Array) -> Array:
    return level * jnp.round(missing / level)


@eqx.filter_jit
def _each_clips(
    potential: Any, inputs: Any, labels: Any, start: Any, rates: Array, limit: Array
) -> Array:
    """Mirror descent in which every synapse clips its own sum of error times input."""

    def step(weights: Array, rate: Array) -> tuple[Array, None]:
        covector = -(labels - inputs @ weights) @ inputs
        return mirror_step(potential, weights, jnp.clip(covector, -limit, limit), rate), None

    return jax.lax.scan(step, jnp.asarray(start), rates)[0]


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Each error's dual change: out of the inputs' span, how Gaussian, how far from the exact."""
    figure = matplotlib.figure.Figure(figsize=(10.5, 3.6), layout="constrained")
    panels = figure.subplots(1, 3)
    shown = (
        ("outside", "A", "Share outside the inputs' span", True),
        ("delta_cdf", "B", "Delta CDF, in noise floors", False),
        ("apart", "C", "Distance from the projection's", True),
    )
    places = np.arange(len(ERRORS))
    for axes, (what, mark, title, logarithmic) in zip(panels, shown, strict=True):
        for i, name in enumerate(POTENTIALS):
            values = dataset[what].sel(potential=name).values
            axes.plot(
                np.repeat(places + 0.15 * (i - 1), values.shape[1]),
                np.maximum(values, 1e-16).ravel() if logarithmic else values.ravel(),
                "o", ms=4, color=GEOMETRY_COLOURS[name], label=name,
            )  # fmt: skip
        if logarithmic:
            axes.set_yscale("log")
        axes.set_xticks(places, ERRORS, rotation=30, ha="right")
        letter(axes, mark, title)
    panels[1].axhline(1, color="grey", lw=4, alpha=0.4, zorder=0)
    panels[0].legend(frameon=False)
    bare(*panels)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The span and the Gaussian survive what a neuron does to its error, not what synapses do."""
    p = dataset.sel(error=list(SHARED))
    ratio = p["delta_cdf"].drop_sel(error="difference") / p["delta_cdf"].sel(error="difference")
    tested = dataset.sizes["seed"] >= 6
    own = dataset.sel(error="each clips")
    least = own["delta_cdf"].min("potential").values
    return [
        Claim.below(
            "A dual change stays in the span of the inputs, whatever the neuron makes of its error"
            " (largest share outside it)",
            p["outside"].max(),
            1e-9,
        ),
        Claim.below(
            "A clipped difference, whose only root is 0, ends at the exact projection"
            " (relative distance of dual changes, worst case)",
            dataset["apart"].sel(error="clipped").max(),
            1e-3,
        ),
        Claim.below(
            "and so does its sign alone, at a rate that falls (relative distance, worst case)",
            dataset["apart"].sel(error="sign").max(),
            0.1,
        ),
        Claim.above(
            "A coarse error, which small differences do not cause, stops before the projection"
            " (largest difference left, in half levels; smallest of all)",
            dataset["missed"].sel(error="coarse").min() / (dataset["level"] / 2),
            0.5,
        ),
        Claim.below(
            "Changes are as Gaussian as those of the difference itself, in the same regression"
            " (Delta CDF over that of the difference, worst case)",
            ratio.max(),
            1.15,
        ),
        Claim.above(
            "Where each synapse clips its own update, the change leaves the span"
            " (smallest share outside it)",
            own["outside"].min(),
            0.1,
        ),
        Claim.above(
            "and is not Gaussian (Delta CDF over the noise floor, least potential)",
            least.mean(),
            2,
            standard_error=float(least.std(ddof=1) / np.sqrt(least.size)),
            tested=tested,
        ),
    ]
