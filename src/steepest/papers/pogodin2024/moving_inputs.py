"""A layer whose inputs move while it learns: how Gaussian its dual changes stay

Theorem 1 is about one layer with fixed inputs. In a network the layer below learns, too, and the
inputs h of the readout v drift: its dual change is a sum of errors times inputs of the moment. A
network v . tanh(W x) of d hidden units learns N patterns, the readout under the entropy and the
layer below in Euclid's geometry. Its output is multiplied by a gain, and gradients are divided by
its square (Chizat et al. 2019): the larger the gain, the less the hidden layer has to move. A: the
further the inputs drift, the further the readout's dual change lies from the span of the inputs as
they were. B: how far from a Gaussian it lies, in noise floors, and the same change with each
synapse's inputs as they were at the start.
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
from scipy.stats import spearmanr

from steepest.arrays.entry import double_precision
from steepest.arrays.repetitions import mean_and_error
from steepest.geometry import Entropy
from steepest.inference.synapses.deltacdf import delta_cdf, delta_cdf_floor
from steepest.pictures import LINE_COLOURS, bare, letter
from steepest.progress import track
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The network, its patterns, and how long it learns."""

    width: int = parameter(1000, "hidden units d")
    patterns: int = parameter(30, "patterns N")
    size: int = parameter(50, "numbers of a pattern")
    gains: tuple[float, ...] = parameter((0.1, 0.3, 1.0, 3.0, 10.0), "gains of the output")
    hidden: float = parameter(1.0, "rate below, in that at which both layers learn alike")
    seeds: int = parameter(10, "networks")
    steps: int = parameter(4000, "steps of learning")


QUICK = Parameters(width=400, gains=(0.1, 1.0, 10.0), seeds=3, steps=1500)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Drift of the inputs, and the dual changes of the readout."""
    p = parameters
    shape = (len(p.gains), p.seeds)
    drift, outside, moving, still, left = (np.empty(shape) for _ in range(5))
    floor = delta_cdf_floor(p.width).uncentred_mean
    for g, k in track(list(np.ndindex(*shape)), "Networks"):
        random = np.random.default_rng([seed, k])
        patterns = random.standard_normal((p.patterns, p.size))
        below = random.standard_normal((p.width, p.size)) / np.sqrt(p.size)
        readout = random.standard_normal(p.width) / np.sqrt(p.width)
        labels = random.choice([-1.0, 1.0], p.patterns)
        inputs = np.tanh(patterns @ below.T)
        with double_precision():
            end = _learn(p, patterns, labels, below, readout, p.gains[g])
            change, reached, errors, missed = (np.asarray(part) for part in end)
        basis = np.linalg.qr(inputs.T)[0]
        drift[g, k] = np.linalg.norm(reached - inputs) / np.linalg.norm(inputs)
        beside = change - basis @ (basis.T @ change)
        outside[g, k] = np.linalg.norm(beside) / np.linalg.norm(change)
        moving[g, k] = delta_cdf(change) / floor
        still[g, k] = delta_cdf(errors @ inputs) / floor
        left[g, k] = np.abs(missed).max()
    names = ("gain", "seed")
    dataset = xr.Dataset(
        {
            "drift": (names, drift),
            "outside": (names, outside),
            "delta_cdf": (names, moving),
            "delta_cdf_fixed": (names, still),
            "missed": (names, left),
        },
        coords={"gain": list(p.gains)},
    )
    return stamp(dataset, parameters, seed)


def _learn(
    p: Parameters, patterns: Any, labels: Any, below: Any, readout: Any, gain: float
) -> tuple[Array, Array, Array, Array]:
    """The readout's dual change, the inputs at the end, summed errors, and what is missing."""
    inputs = np.tanh(patterns @ below.T)
    # The two parts of the linearised output's kernel, of the readout and of the layer below.
    own = (inputs * np.abs(readout)) @ inputs.T
    slopes = (1 - inputs**2) * readout
    other = (slopes @ slopes.T) * (patterns @ patterns.T)
    share = p.hidden * np.trace(own) / np.trace(other)
    rate = 0.5 / np.linalg.eigvalsh(own + share * other)[-1]
    return _follow(
        (jnp.asarray(patterns), jnp.asarray(labels), jnp.asarray(below), jnp.asarray(readout)),
        jnp.asarray(gain),
        jnp.full(p.steps, rate),
        jnp.asarray(share),
    )


@eqx.filter_jit
def _follow(
    given: tuple[Array, Array, Array, Array], gain: Array, rates: Array, share: Array
) -> tuple[Array, Array, Array, Array]:
    patterns, labels, below, readout = given
    potential = Entropy(jnp.sign(readout))
    first = jnp.tanh(patterns @ below.T) @ readout
    dual = potential.to_dual(readout)

    def missing(weights: Array, inputs: Array) -> Array:
        return labels - gain * (inputs @ weights - first)

    def step(state: Any, rate: Array) -> tuple[Any, None]:
        moved, layer, sums = state
        weights = potential.to_primal(moved)
        inputs = jnp.tanh(patterns @ layer.T)
        error = rate * missing(weights, inputs) / gain
        slopes = (1 - inputs**2) * weights[None]
        layer = layer + share * (slopes * error[:, None]).T @ patterns
        return (moved + error @ inputs, layer, sums + error), None

    start = (dual, below, jnp.zeros_like(first))
    (moved, layer, sums), _ = jax.lax.scan(step, start, rates)
    inputs = jnp.tanh(patterns @ layer.T)
    return moved - dual, inputs, sums, missing(potential.to_primal(moved), inputs)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Span and Gaussianity against how far the inputs drifted, one dot a network."""
    figure = matplotlib.figure.Figure(figsize=(8, 3.6), layout="constrained")
    span, gaussian = figure.subplots(1, 2)
    drift = dataset["drift"].values.ravel()
    span.loglog(drift, dataset["outside"].values.ravel(), "o", ms=4, color=LINE_COLOURS[0])
    span.set(xlabel="drift of the inputs, |h - h0| / |h0|", ylabel="share outside the first span")
    letter(span, "A", "The span of the inputs")
    shown = (("delta_cdf", "inputs as they move"), ("delta_cdf_fixed", "as they were at first"))
    for colour, (what, label) in zip(LINE_COLOURS, shown, strict=False):
        values = dataset[what].values.ravel()
        gaussian.semilogx(drift, values, "o", ms=4, color=colour, label=label)
    gaussian.axhline(1, color="grey", lw=4, alpha=0.4, zorder=0)
    gaussian.set(xlabel="drift of the inputs, |h - h0| / |h0|", ylabel="Delta CDF, in noise floors")
    gaussian.set_ylim(bottom=0)
    gaussian.legend(frameon=False)
    letter(gaussian, "B", "Distance from a Gaussian")
    bare(span, gaussian)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The span goes with the drift; the Gaussian stays, as far as inputs move here."""
    tested = dataset.sizes["seed"] >= 6
    least, most = dataset.isel(gain=-1), dataset.isel(gain=0)
    drift = float(most["drift"].mean())
    slow = dataset["drift"].mean("seed") < 0.1
    near = (dataset["delta_cdf"] / dataset["delta_cdf_fixed"]).isel(gain=np.flatnonzero(slow))
    share, share_error = mean_and_error((dataset["outside"] / dataset["drift"]).isel(gain=-1))
    ratio, ratio_error = mean_and_error(near.mean("gain"))
    excess, excess_error = mean_and_error(most["delta_cdf"] - most["delta_cdf_fixed"])
    return [
        Claim.below(
            "Where the inputs hardly drift, by"
            f" {float(least['drift'].mean()):.1g} of their size, the readout's dual change stays"
            " near their first span (largest share outside it)",
            least["outside"].max(),
            0.05,
        ),
        Claim.above(
            "and leaves it by more than the drift (share outside the span over drift, there)",
            float(share),
            1,
            standard_error=float(share_error),
            by=2,
        ),
        Claim.above(
            "The further the inputs drift, the further outside (rank correlation over networks)",
            spearmanr(dataset["drift"].values.ravel(), dataset["outside"].values.ravel()).statistic,
            0.8,
        ),
        Claim.below(
            "Drifts below a tenth of the inputs leave the dual change as Gaussian as fixed inputs"
            " would (Delta CDF over that with the inputs as they were, mean)",
            float(ratio),
            1.2,
            standard_error=float(ratio_error),
            tested=tested,
        ),
        Claim.below(
            f"Even where they drift by {drift:.1g} of their size it is no less Gaussian (Delta CDF"
            " beyond that with the inputs as they were, in noise floors; drifts up to .3)",
            float(excess),
            0.3,
            standard_error=float(excess_error),
            by=2,
            tested=tested and drift < 0.3,
        ),
    ]
