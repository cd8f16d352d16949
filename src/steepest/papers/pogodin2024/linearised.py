"""Linearised networks (Eqs 9-10): fine-tuning is a projection on the network's Jacobian

Near its weights a network is linear in them, f(w) = f(w0) + J (w - w0), and mirror descent on a
linear model ends at the Bregman projection. So the weights after fine-tuning can be computed
without training: project w0 onto the solutions of J w = y - f(w0) + J w0. Here networks of growing
width (two hidden layers, tanh, no biases) learn a task, then are really fine-tuned by mirror
descent to new answers on new inputs, until nothing is missing, and compared with that projection.

A: distance between the dual changes, real and projected, over the size of the real one; it falls
with width as networks become linear. B: real against projected changes of single weights at the
largest width. C: the real change is nearest to the projection in the potential that trained the
network, which names the potential.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.descent import Projection, bregman_projection, mirror_step
from steepest.geometry import AbstractPotential
from steepest.papers.pogodin2024._drawing import draw_matrix
from steepest.papers.pogodin2024._regression import potential_for
from steepest.pictures import GEOMETRY_COLOURS, bare, letter
from steepest.progress import track
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]

_NAMES = ("entropy", "2-norm", "3-norm")
_SHOWN = 400


@dataclass(frozen=True)
class Parameters:
    """Networks, tasks and how far they are fine-tuned; the paper prints no numbers."""

    widths: tuple[int, ...] = parameter((32, 128, 512, 1024), "units of each hidden layer")
    inputs: int = parameter(20, "input units")
    pretrained: int = parameter(100, "inputs of the first task")
    tuned: int = parameter(10, "new inputs of fine-tuning")
    change: float = parameter(0.3, "sd of the change asked of each new answer")
    pretraining: int = parameter(100, "steps of gradient descent on the first task")
    steps: int = parameter(20_000, "most steps of fine-tuning")
    missing: float = parameter(1e-8, "error of an answer at which fine-tuning ends")
    seeds: int = parameter(5, "networks per width")


QUICK = Parameters(widths=(32, 256), missing=1e-7, seeds=3)


def network(weights: Any, shapes: Sequence[tuple[int, int]], inputs: Any) -> Any:
    """Answers (n,) to inputs (n, i) of the network whose flat weights these are."""
    hidden, at = inputs, 0
    for place, (rows, columns) in enumerate(shapes):
        matrix = weights[at : at + rows * columns].reshape(rows, columns)
        at += rows * columns
        hidden = hidden @ matrix.T
        if place < len(shapes) - 1:
            hidden = jnp.tanh(hidden)
    return hidden[:, 0]


def _shapes(width: int, inputs: int) -> tuple[tuple[int, int], ...]:
    return (width, inputs), (width, width), (1, width)


@eqx.filter_jit
def _descend(
    potential: AbstractPotential, weights: Any, shapes: Any, task: Any, rate: Any, steps: int,
    enough: float,
) -> tuple[Any, Any]:  # fmt: skip
    """Full-batch mirror descent, momentum .9, on the squared error: weights, largest error left."""
    inputs, targets = task

    def missing(w: Any) -> Any:
        return network(w, shapes, inputs) - targets

    def go_on(carry: Any) -> Any:
        return (carry[2] < steps) & (carry[3] > enough)

    def step(carry: Any) -> Any:
        w, moving, count, _ = carry
        left, pull = jax.vjp(missing, w)
        moving = 0.9 * moving + pull(left)[0]
        return mirror_step(potential, w, moving, rate), moving, count + 1, jnp.abs(left).max()

    first = weights, jnp.zeros_like(weights), 0, jnp.inf
    end, _, _, left = jax.lax.while_loop(go_on, step, first)
    return end, left


@eqx.filter_jit
def _jacobian(weights: Any, shapes: Any, inputs: Any) -> Any:
    return jax.jacrev(network)(weights, shapes, inputs)


@eqx.filter_jit
def _gram(potential: AbstractPotential, weights: Any, jacobian: Any) -> Any:
    return jacobian @ jax.vmap(lambda row: potential.sharp(weights, row))(jacobian).T


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Real and projected changes for every width, network and potential."""
    shape = (len(_NAMES), len(parameters.widths), parameters.seeds)
    series = {
        name: np.full(shape, np.nan) for name in ("apart", "correlation", "magnitude", "missing")
    }
    nearest = np.full((*shape, len(_NAMES)), np.nan)
    shown = np.full((len(_NAMES), _SHOWN, 2), np.nan)
    with jax.enable_x64(True):
        for d, s in track(list(np.ndindex(*shape[1:])), "Networks"):
            random = np.random.default_rng([seed, d, s])
            shapes = _shapes(parameters.widths[d], parameters.inputs)
            start, task = _pretrained(parameters, shapes, random)
            jacobian = np.asarray(_jacobian(start, shapes, task[0]))
            answers = np.asarray(network(start, shapes, task[0]))
            targets = np.asarray(task[1]) - answers + jacobian @ start
            projected = {name: _projected(jacobian, targets, start, name) for name in _NAMES}
            for p, name in enumerate(_NAMES):
                potential = potential_for(name, start)
                largest = np.linalg.eigvalsh(np.asarray(_gram(potential, start, jacobian)))[-1]
                end, left = _descend(
                    potential, start, shapes, task, 0.1 / largest, parameters.steps,
                    parameters.missing,
                )  # fmt: skip
                end = np.asarray(end)
                real = np.asarray(potential.dual_change(start, end))
                ideal = projected[name].dual_change
                series["apart"][p, d, s] = np.linalg.norm(real - ideal) / np.linalg.norm(real)
                series["correlation"][p, d, s] = np.corrcoef(real, ideal)[0, 1]
                before = np.asarray(potential.to_dual(start))
                series["magnitude"][p, d, s] = np.linalg.norm(real) / np.linalg.norm(before)
                series["missing"][p, d, s] = float(left)
                far = [np.linalg.norm(end - other.weights) for other in projected.values()]
                nearest[p, d, s] = np.array(far) / np.linalg.norm(end - start)
                if d == len(parameters.widths) - 1 and s == 0:
                    which = random.choice(real.size, _SHOWN, replace=False)
                    shown[p] = np.stack([ideal[which], real[which]], axis=1) / real.std()
    names = ("potential", "width", "seed")
    dataset = xr.Dataset(
        {what: (names, values) for what, values in series.items()}
        | {
            "distance": ((*names, "hypothesised"), nearest),
            "single": (("potential", "weight", "how"), shown),
        },
        coords={
            "potential": list(_NAMES),
            "hypothesised": list(_NAMES),
            "how": ["projected", "real"],
            "width": np.array(parameters.widths),
        },
    )
    return stamp(dataset, parameters, seed)


def _pretrained(
    parameters: Parameters, shapes: tuple[tuple[int, int], ...], random: np.random.Generator
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """A network that has learned a teacher's first task, and new inputs with changed answers."""
    weights = np.concatenate(
        [random.standard_normal(shape).ravel() / np.sqrt(shape[1]) for shape in shapes]
    )
    teacher = random.standard_normal(parameters.inputs) / np.sqrt(parameters.inputs)
    old, new = (
        random.standard_normal((n, parameters.inputs))
        for n in (parameters.pretrained, parameters.tuned)
    )
    gradient = potential_for("2-norm", weights)
    jacobian = _jacobian(weights, shapes, old)
    # As an array: another number would be compiled anew.
    rate = jnp.asarray(0.1 / np.linalg.eigvalsh(np.asarray(jacobian @ jacobian.T))[-1])
    learned, _ = _descend(
        gradient, weights, shapes, (old, np.tanh(old @ teacher)), rate, parameters.pretraining, 0.0
    )
    start = np.asarray(learned)
    answers = np.asarray(network(start, shapes, new))
    return start, (new, answers + parameters.change * random.standard_normal(len(new)))


def _projected(
    jacobian: np.ndarray, targets: np.ndarray, start: np.ndarray, name: str
) -> Projection:
    return bregman_projection(jacobian, targets, start, potential_for(name, start))


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Distance against width, single weights, and the distance from each projection."""
    figure = matplotlib.figure.Figure(figsize=(11, 3.8), layout="constrained")
    apart, single, table = figure.subplots(1, 3)
    for name in _NAMES:
        colour = GEOMETRY_COLOURS[name]
        here = dataset["apart"].sel(potential=name)
        apart.loglog(dataset["width"], here, ".", color=colour, alpha=0.5)
        apart.loglog(dataset["width"], here.mean("seed"), color=colour, label=name)
        points = dataset["single"].sel(potential=name)
        single.plot(points[:, 0], points[:, 1], ".", color=colour, markersize=4, label=name)
    first = dataset["apart"].isel(width=0).mean("seed").max()
    widths = dataset["width"].values
    apart.loglog(
        widths, 1.6 * float(first) * np.sqrt(widths[0] / widths), color="grey", linestyle=":",
        label="width$^{-1/2}$",
    )  # fmt: skip
    apart.set(
        xlabel="units per hidden layer", ylabel="|real - projected| / |real|, dual",
    )  # fmt: skip
    letter(apart, "A", "Fine-tuning becomes projection")
    apart.set_xticks(widths, [str(width) for width in widths], minor=False)
    apart.minorticks_off()
    apart.legend(frameon=False, fontsize=8)
    single.axline((0, 0), slope=1, color="black", linewidth=0.6)
    single.set(
        xlabel="projected dual change / sd", ylabel="real dual change / sd",
    )  # fmt: skip
    letter(single, "B", f"Single weights, width {widths[-1]}")
    mean = dataset["distance"].isel(width=-1).mean("seed")
    draw_matrix(table, mean.values, _NAMES, darkest=1.2, xlabel="projected in", ylabel="trained in")
    letter(table, "C", "Distance over change")
    bare(apart, single)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Projection predicts fine-tuning, the better the wider, and only in the right potential."""
    apart = dataset["apart"]
    seeds = dataset.sizes["seed"]
    log_width = np.log(dataset["width"].values)
    stated = [
        Claim.below(
            "Fine-tuning ends where every new answer is right (largest error left)",
            dataset["missing"].max(),
            1e-6,
        )
    ]
    for name in _NAMES:
        slopes = [
            np.polyfit(log_width, np.log(apart.sel(potential=name).isel(seed=s).values), 1)[0]
            for s in range(seeds)
        ]
        ends = apart.sel(potential=name).isel(width=[0, -1])
        fall = ends.isel(width=1).mean() / ends.isel(width=0).mean()
        stated.append(
            Claim(  # by hand: two conditions, of which one is measured
                statement=f"{name}: projection on the Jacobian predicts the real dual change, the"
                " better the wider the network (distance falls as width to this power)",
                expected="below -0.25",
                measured=float(np.mean(slopes)),
                standard_error=float(np.std(slopes, ddof=1) / np.sqrt(seeds))
                if seeds > 1
                else None,
                holds=bool(np.mean(slopes) < -0.25 and fall < 1),
            )
        )
    wide = dataset.isel(width=-1)
    stated.append(
        Claim.above(
            "At the largest width real and projected changes of single weights agree"
            " (smallest correlation over potentials, mean of networks)",
            wide["correlation"].mean("seed").min(),
            0.95,
        )
    )
    named = wide["distance"].idxmin("hypothesised") == wide["potential"]
    stated.append(
        Claim.above(
            "The projection nearest to the real weights is that of the potential which trained"
            " them (cases)",
            int(named.sum()),
            named.size,
            inclusive=True,
        )
    )
    return stated
