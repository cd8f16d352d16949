"""How often is a named geometry wrong? The verdict, calibrated on synapses of known geometry

Synapses are simulated in a known geometry, or in none (a mixture, an index between the named ones,
or no change at all), measured with every form of noise, in groups that differ in scale and drift,
and judged by the same code that judges measured synapses. Three designs are tried: a series of
sessions, a pair of sessions with a null condition, and a pair with replicates.

A names geometries (wrong names in red) and B says how often the 95 % interval of the index holds
the truth. C names by the criteria that ignore measurement noise instead: the smallest Delta CDF of
Pogodin et al. 2024, and the largest likelihood, on the first and last session of the same synapses.
D is the coverage of the logroot interval on exact sizes, for three shapes of change.

Every run has fresh seeds, so nothing here was seen when the rules were made.
"""

import math
from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.errors import DataError, UsageError
from steepest.inference import GEOMETRIES, simulate_change
from steepest.inference.designs.design import Design, simulate_design
from steepest.inference.synapses.deltacdf import delta_cdf_of_geometries
from steepest.inference.synapses.estimation import estimate
from steepest.inference.synapses.likelihood import ExactLikelihood, rank_geometries
from steepest.inference.synapses.log_root import logroot, logroot_interval
from steepest.inference.synapses.measured_rules import decide_measured
from steepest.inference.synapses.naming import OUTCOMES, judge
from steepest.papers.ours._calibration_claims import claims
from steepest.pictures import OUTCOME_COLOURS, bare, letter
from steepest.progress import progress_bar
from steepest.study import parameter, stamp

__all__ = ["DESIGNS", "NOISES", "QUICK", "TRUTHS", "Parameters", "claims", "plot", "run"]

TRUTHS: dict[str, tuple[float, dict[str, float]]] = {
    "3-norm": (-1.0, {}),
    "euclidean": (0.0, {}),
    "1.5-norm": (0.5, {}),
    "multiplicative": (1.0, {}),
    "burg": (2.0, {}),
    "between": (0.75, {}),
    "mixture": (1.0, {"additive_share": 0.5}),
    "no change": (1.0, {"change": 0.0}),
}
NOISES: dict[str, dict[str, float]] = {
    "none": {},
    "multiplicative": {"multiplicative": 0.15},
    "additive": {"additive": 0.12},
    "shot": {"shot": 0.15},
    "all, with drift": {
        "multiplicative": 0.1,
        "additive": 0.08,
        "shot": 0.05,
        "group_drift": 0.1,
        "drift": 0.3,
    },
}
DESIGNS: dict[str, dict[str, float]] = {
    "series": {},
    "pair and null": {"sessions": 2, "null": True},
    "pair and replicates": {"sessions": 2, "replicates": 4},
}
_SHAPES: dict[str, dict[str, float]] = {
    "Gaussian": {},
    "t3": {"degrees": 3.0},
    "skewed": {"skew": 2.0},
}


@dataclass(frozen=True)
class Parameters:
    """What is simulated, and how often."""

    runs: int = parameter(400, "runs in every cell of the table")
    synapses: int = parameter(700, "synapses of an experiment")
    sessions: int = parameter(8, "sessions of a series")
    groups: int = parameter(14, "groups (dendrites, cells)")
    spread: float = parameter(0.7, "sd of log size between synapses")
    change: float = parameter(0.25, "rms relative change from session to session")
    group_scale: float = parameter(0.25, "sd of the log of a group's scale")
    draws: int = parameter(200, "resamples of every verdict")
    truths: tuple[str, ...] = parameter(tuple(TRUTHS), "geometries that are simulated", "")
    noises: tuple[str, ...] = parameter(tuple(NOISES), "forms of measurement noise", "")
    designs: tuple[str, ...] = parameter(tuple(DESIGNS), "designs of the experiment", "")
    part_runs: int = parameter(100, "runs of a cell in which the intervals of parts are judged too")
    logroot_runs: int = parameter(400, "runs for the coverage of the logroot interval")


QUICK = Parameters(
    runs=3,
    truths=("euclidean", "multiplicative", "no change"),
    noises=("none", "multiplicative"),
    designs=("series", "pair and null"),
    draws=100,
    part_runs=3,
    logroot_runs=12,
)
_PARTS = ("smaller half", "larger half", "longest lag", "products", "curvature")


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Outcomes, coverage and naive names for every design, truth and noise."""
    for name, known in (("truths", TRUTHS), ("noises", NOISES), ("designs", DESIGNS)):
        unknown = [item for item in getattr(parameters, name) if item not in known]
        if unknown:
            raise UsageError(f"{name} {unknown[0]!r} is not known: choose among {', '.join(known)}")
    shape = (len(parameters.designs), len(parameters.truths), len(parameters.noises))
    outcomes = np.zeros((*shape, len(OUTCOMES)), dtype=np.int64)
    covered = np.full((*shape, parameters.runs), np.nan)
    index = np.full((*shape, parameters.runs), np.nan)
    naive = np.zeros((*shape, 2), dtype=np.int64)
    held = np.full((*shape, len(_PARTS), parameters.runs), np.nan)
    with progress_bar("Judging known synapses", float(np.prod(shape) * parameters.runs)) as advance:
        for cell in np.ndindex(*shape):
            design, truth, noise = (
                getattr(parameters, name)[place]
                for name, place in zip(("designs", "truths", "noises"), cell, strict=True)
            )
            for at in range(parameters.runs):
                drawn = [seed, *_codes(design, truth, noise), at]
                parts = at < parameters.part_runs
                outcome = _one(parameters, design, truth, noise, drawn, parts=parts)
                outcomes[cell][OUTCOMES.index(outcome.fate)] += 1
                index[cell][at], covered[cell][at] = outcome.index, outcome.covered
                held[cell][:, at] = outcome.parts
                naive[cell] += outcome.naive
                advance()
    coverage, count = _logroot_coverage(parameters, seed)
    dataset = xr.Dataset(
        {
            "outcomes": (("design", "truth", "noise", "outcome"), outcomes),
            "index": (("design", "truth", "noise", "run"), index),
            "covered": (("design", "truth", "noise", "run"), covered),
            "covered_part": (("design", "truth", "noise", "part", "run"), held),
            "naive_wrong": (("design", "truth", "noise", "criterion"), naive),
            "logroot_coverage": (("shape", "geometry"), coverage),
            "logroot_runs": ((), count),
        },
        coords={
            "design": list(parameters.designs),
            "truth": list(parameters.truths),
            "noise": list(parameters.noises),
            "outcome": list(OUTCOMES),
            "part": list(_PARTS),
            "criterion": ["Delta CDF", "likelihood"],
            "shape": list(_SHAPES),
            "geometry": list(GEOMETRIES),
        },
    )
    return stamp(dataset, parameters, seed)


def _codes(design: str, truth: str, noise: str) -> tuple[int, int, int]:
    """Seeds by name, so that a cell's runs do not depend on which others are asked for."""
    return list(DESIGNS).index(design), list(TRUTHS).index(truth), list(NOISES).index(noise)


@dataclass(frozen=True)
class _Run:
    """What became of one simulated experiment; NaN where there is nothing to judge."""

    fate: str
    naive: tuple[int, int]
    index: float = math.nan
    covered: float = math.nan
    parts: tuple[float, ...] = (math.nan,) * len(_PARTS)


def _one(
    parameters: Parameters, design: str, truth: str, noise: str, seed: list[int], *, parts: bool
) -> _Run:
    index, how = TRUTHS[truth]
    values: dict[str, float] = {
        "synapses": parameters.synapses,
        "sessions": parameters.sessions,
        "groups": parameters.groups,
        "spread": parameters.spread,
        "change": parameters.change,
        "group_scale": parameters.group_scale,
        **how,
        **NOISES[noise],
        **DESIGNS[design],
    }
    naive = (0, 0)
    try:
        measured = simulate_design(Design(**values), index, seed=seed)  # pyright: ignore[reportArgumentType]
        naive = _naive(measured.log_sizes[~measured.null], truth)
        fitted = estimate(measured, draws=parameters.draws, seed=seed[-1])
    except DataError:
        return _Run("refused", naive)
    decision = decide_measured(fitted)
    fate = judge(decision.outcome, decision.verdict, truth)
    if decision.outcome == "refused" or truth in ("mixture", "no change"):
        return _Run(fate, naive, fitted.index.value)
    covered = float(fitted.index.holds(index))
    if not parts:
        return _Run(fate, naive, fitted.index.value, covered)
    longest = fitted.by_lag[max(fitted.by_lag)]
    every = [(part, index) for part in (fitted.small, fitted.large, longest, fitted.by_products)]
    held = [
        float(part.holds(true)) if math.isfinite(part.value) else math.nan
        for part, true in [*every, (fitted.bend, 0.0)]
    ]
    return _Run(fate, naive, fitted.index.value, covered, tuple(held))


def _naive(logs: np.ndarray, truth: str) -> tuple[int, int]:
    """Whether the criteria that ignore noise name wrongly; they always name something."""
    both = np.isfinite(logs[:, 0]) & np.isfinite(logs[:, -1])
    before, after = logs[both, 0], logs[both, -1]
    if np.array_equal(before, after):
        return 0, 0
    nearest = delta_cdf_of_geometries(before, after)[0].name
    likeliest = rank_geometries(ExactLikelihood(before, after))[0].name
    return int(nearest != truth), int(likeliest != truth)


def _logroot_coverage(parameters: Parameters, seed: int) -> tuple[np.ndarray, int]:
    coverage = np.zeros((len(_SHAPES), len(GEOMETRIES)))
    total = coverage.size * parameters.logroot_runs
    with progress_bar("Coverage of the logroot interval", float(total)) as advance:
        for row, shape in enumerate(_SHAPES.values()):
            for column, index in enumerate(GEOMETRIES.values()):
                for at in range(parameters.logroot_runs):
                    drawn = [seed, 99, row, column, at]
                    sizes = simulate_change(1000, index, seed=drawn, **shape)  # pyright: ignore[reportArgumentType]
                    logs = np.log(sizes[0]), np.log(sizes[1])
                    fitted = logroot(*logs)
                    # Seeds of their own: intervals of different geometries must be independent.
                    child = int(np.random.SeedSequence(drawn).generate_state(1)[0])
                    (low, high), _ = logroot_interval(*logs, index=fitted, draws=400, seed=child)
                    coverage[row, column] += (low <= index <= high) / parameters.logroot_runs
                    advance()
    return coverage, parameters.logroot_runs


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A: outcomes by truth and design; B: coverage; C: naive criteria; D: logroot coverage."""
    designs = dataset["design"].values
    figure = matplotlib.figure.Figure(figsize=(12, 3.4 + 2.6 * len(designs)), layout="constrained")
    rows = figure.subplots(len(designs) + 1, 1, height_ratios=[*[1.0] * len(designs), 1.2])
    for axes, design in zip(rows, designs, strict=False):
        here = dataset["outcomes"].sel(design=design)
        _bars(axes, here)
        letter(axes, "A", f"{design}: share of verdicts")
    noises = " | ".join(dataset["noise"].values)
    rows[-2].set_xlabel(f"truth; its bars are the noise: {noises}")
    rows[0].legend(ncols=6, frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, 1.0))
    rows[-1].remove()
    lower = figure.add_subfigure(rows[-1].get_subplotspec()).subplots(1, 3)
    runs = dataset["outcomes"].sum("outcome")
    for design in designs:
        held = dataset["covered"].sel(design=design).mean("run")
        lower[0].plot(held.values.ravel(), "o", label=design, ms=4)
    lower[0].axhspan(0.9, 1.0, color="0.92", zorder=0)
    lower[0].set(ylim=(0, 1.02), ylabel="share of runs")
    letter(lower[0], "B", "interval holds the truth")
    lower[0].set(xlabel="truth and noise (cells)")
    lower[0].legend(frameon=False, fontsize=8)
    wrong = (dataset["outcomes"].sel(outcome="wrong") / runs).mean(("design", "noise"))
    naive = (dataset["naive_wrong"] / runs).mean(("design", "noise"))
    place = np.arange(dataset.sizes["truth"])
    for shift, (name, values) in enumerate(
        [("this verdict", wrong), *((c, naive.sel(criterion=c)) for c in naive["criterion"].values)]
    ):
        lower[1].bar(place + 0.27 * (shift - 1), values.values, 0.25, label=name)
    lower[1].set_xticks(place, dataset["truth"].values, rotation=40, ha="right")
    lower[1].set(ylim=(0, 1.25))
    letter(lower[1], "C", "wrong names")
    lower[1].legend(frameon=False, fontsize=8, loc="upper right", ncols=3)
    for shape in dataset["shape"].values:
        held = dataset["logroot_coverage"].sel(shape=shape)
        lower[2].plot(held["geometry"].values, held.values, "o-", label=shape)
    lower[2].axhspan(0.92, 0.98, color="0.9", zorder=0)
    lower[2].set(ylim=(0.5, 1.02))
    letter(lower[2], "D", "logroot interval, exact sizes")
    lower[2].tick_params(axis="x", rotation=40)
    lower[2].legend(frameon=False, fontsize=8)
    bare(*rows[:-1], *lower)
    return figure


def _bars(axes, outcomes: xr.DataArray) -> None:
    """One stacked bar per truth and noise, truths apart."""
    shares = outcomes / outcomes.sum("outcome")
    noises = outcomes.sizes["noise"]
    for at in range(outcomes.sizes["truth"]):
        place = at * (noises + 1) + np.arange(noises)
        bottom = np.zeros(noises)
        for outcome, colour in OUTCOME_COLOURS.items():
            height = shares.isel(truth=at).sel(outcome=outcome).values
            label = outcome if at == 0 else None
            axes.bar(place, height, 0.9, bottom=bottom, color=colour, label=label)
            bottom += height
    middle = np.arange(outcomes.sizes["truth"]) * (noises + 1) + (noises - 1) / 2
    axes.set_xticks(middle, outcomes["truth"].values)
    axes.set(ylim=(0, 1), ylabel="share of runs")
