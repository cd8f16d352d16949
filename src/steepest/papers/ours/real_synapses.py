"""Is a name right, and a call, on the data that microscopes give?

Synapses of known geometry are spoiled as real ones are: measurements mis-segmented by a factor of
3, heavy-tailed change, groups of unequal noise or of another geometry, mixtures, ceilings,
selective losses, a directed change, sizes in whole pixels, Kesten processes, few synapses. Each
experiment is judged by the code that judges measured synapses, and each synapse gets its call.

A shows what was said (wrong names in red). B: the 95 % interval of the index holds the truth. C:
the share of calls that were wrong, asked to be 5 %, beside that of the usual rule (a ratio of 1.25
or .75). D: pairs of synapses, index found against true.

E: two conditions of 700 synapses each, how often they are said to differ.

Every run has fresh seeds; spoiled and clean experiments of one truth share them, so that power is
compared on the same synapses. A Kesten process with one dominant term that gets its name is counted
apart: a partial truth.
"""

import math
from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from steepest.errors import DataError, UsageError
from steepest.inference import GEOMETRIES
from steepest.inference.designs.design import Design, simulate_design
from steepest.inference.designs.spoiling import SPOILINGS, Spoiling, simulate_spoiled
from steepest.inference.synapses.calls import Calls, classify
from steepest.inference.synapses.exchangeable import infer_pairs
from steepest.inference.synapses.measured import infer_measured
from steepest.inference.synapses.measurements import Measurements
from steepest.inference.synapses.naming import OUTCOMES, judge
from steepest.inference.synapses.verdict import Check
from steepest.papers.ours._comparisons import ANSWERS, COMPARISONS, compared
from steepest.papers.ours._real_claims import claims
from steepest.pictures import OUTCOME_COLOURS, bare, letter
from steepest.progress import progress_bar
from steepest.study import parameter, stamp

__all__ = ["CELLS", "DESIGNS", "QUICK", "Parameters", "claims", "plot", "run"]

DESIGNS: dict[str, dict[str, float]] = {
    "series": {},
    "pair and replicates": {"sessions": 2, "replicates": 4, "change": 0.2},
    "pair and null": {"sessions": 2, "null": True, "change": 0.2},
}


@dataclass(frozen=True)
class _Cell:
    """One kind of experiment: its truth, what is spoiled, and how the design differs."""

    truth: str
    index: float
    spoiling: Spoiling = SPOILINGS["clean"]
    design: tuple[tuple[str, float], ...] = ()


CELLS: dict[str, _Cell] = {
    f"{kind}: {truth}": _Cell(truth, index, spoiling)
    for kind, spoiling in SPOILINGS.items()
    for truth, index in GEOMETRIES.items()
} | {
    "60 synapses: multiplicative": _Cell("multiplicative", 1.0, design=(("synapses", 60),)),
    "60 synapses: euclidean": _Cell("euclidean", 0.0, design=(("synapses", 60),)),
    "between: .75": _Cell("between", 0.75),
    "groups 1 and 0": _Cell("groups", 1.0, Spoiling(other=0.0)),
    "groups 1 and .5": _Cell("groups", 1.0, Spoiling(other=0.5)),
    "mixture, a quarter": _Cell("mixture", 1.0, design=(("additive_share", 0.25),)),
    "mixture, a half": _Cell("mixture", 1.0, design=(("additive_share", 0.5),)),
    "no change": _Cell("no change", 1.0, design=(("change", 0.0),)),
    "no change, outliers": _Cell(
        "no change", 1.0, Spoiling(outliers=0.02), design=(("change", 0.0),)
    ),
    "Kesten, multiplicative": _Cell("Kesten", 1.0, Spoiling(kesten=(0.05, 0.15, 0.02))),
    "Kesten, additive": _Cell("Kesten", 0.0, Spoiling(kesten=(0.05, 0.02, 0.15))),
    "Kesten, both": _Cell("Kesten", math.nan, Spoiling(kesten=(0.05, 0.1, 0.1))),
}
"""Every kind of experiment by name."""

_PAIRS = (1.0, 0.75, 0.5)


@dataclass(frozen=True)
class Parameters:
    """What is simulated, and how often."""

    runs: int = parameter(400, "runs in every cell of the table")
    synapses: int = parameter(700, "synapses of an experiment")
    sessions: int = parameter(6, "sessions of a series")
    groups: int = parameter(14, "groups (dendrites, cells)")
    spread: float = parameter(0.7, "sd of log size between synapses")
    change: float = parameter(0.15, "rms relative change from session to session")
    multiplicative: float = parameter(0.08, "multiplicative noise, sd of log size")
    shot: float = parameter(0.05, "shot noise, sd at the median size")
    draws: int = parameter(120, "resamples of every verdict")
    cells: tuple[str, ...] = parameter(tuple(CELLS), "kinds of experiment", "")
    designs: tuple[str, ...] = parameter(tuple(DESIGNS), "designs of the experiment", "")
    pairs: int = parameter(473, "exchangeable pairs of a snapshot")
    fdr: float = parameter(0.05, "share of calls that may be wrong")
    comparisons: tuple[str, ...] = parameter(tuple(COMPARISONS), "pairs of conditions compared", "")


QUICK = Parameters(
    runs=2,
    synapses=300,
    sessions=4,
    groups=10,
    draws=40,
    cells=("clean: multiplicative", "outliers 2 %: multiplicative", "groups 1 and 0", "no change"),
    designs=("series", "pair and replicates"),
    pairs=200,
    comparisons=("1 and 1", "1 and 0"),
)
_NUMBERS = ("index", "covered", "differ", "false", "called", "by_ratio", "directed", "reverts")


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Outcomes, coverage, calls and pairs for every design and kind of experiment."""
    for name, known in (("cells", CELLS), ("designs", DESIGNS), ("comparisons", COMPARISONS)):
        unknown = [item for item in getattr(parameters, name) if item not in known]
        if unknown:
            raise UsageError(f"{name} {unknown[0]!r} is not known: choose among {', '.join(known)}")
    shape = (len(parameters.designs), len(parameters.cells))
    outcomes = np.zeros((*shape, len(OUTCOMES)), dtype=np.int64)
    numbers = np.full((len(_NUMBERS), *shape, parameters.runs), np.nan)
    pairs = np.full((len(_PAIRS), parameters.runs, 3), np.nan)
    total = float(np.prod(shape) * parameters.runs)
    with progress_bar("Judging spoiled experiments", total) as advance:
        for d, c in np.ndindex(*shape):
            design, cell = parameters.designs[d], parameters.cells[c]
            codes = [seed, 7, list(DESIGNS).index(design), _code(cell)]
            for at in range(parameters.runs):
                fate, found = _judged(parameters, design, CELLS[cell], [*codes, at])
                outcomes[d, c, OUTCOMES.index(fate)] += 1
                numbers[:, d, c, at] = [found.get(name, math.nan) for name in _NUMBERS]
                advance()
    answers, difference = _compared(parameters, seed)
    for p, index in enumerate(_PAIRS):
        for at in range(parameters.runs):
            verdict = infer_pairs(*_pairs(parameters, index, [seed, 8, p, at]), noise_cv=0)
            pairs[p, at] = verdict.index, *verdict.interval
    held = (pairs[:, :, 1] <= np.array(_PAIRS)[:, None]) & (
        np.array(_PAIRS)[:, None] <= pairs[:, :, 2]
    )
    dataset = xr.Dataset(
        {
            "outcomes": (("design", "cell", "outcome"), outcomes),
            "pairs_index": (("pairs", "run"), pairs[:, :, 0]),
            "pairs_covered": (("pairs", "run"), held.astype(float)),
            "compared": (("comparison", "answer"), answers),
            "difference_covered": (("comparison", "run"), difference),
            **{name: (("design", "cell", "run"), numbers[at]) for at, name in enumerate(_NUMBERS)},
        },
        coords={
            "design": list(parameters.designs),
            "cell": list(parameters.cells),
            "truth": ("cell", [CELLS[cell].truth for cell in parameters.cells]),
            "outcome": list(OUTCOMES),
            "pairs": list(_PAIRS),
            "comparison": list(parameters.comparisons),
            "answer": list(ANSWERS),
        },
    )
    return stamp(dataset, parameters, seed)


def _code(cell: str) -> int:
    """A number for seeds by name: of the truth where it is one that is spoiled in every way."""
    kind, _, truth = cell.partition(": ")
    if kind in SPOILINGS:
        return list(GEOMETRIES).index(truth)
    return len(GEOMETRIES) + list(CELLS).index(cell)


def _planned(parameters: Parameters, **differing: float) -> Design:
    values: dict[str, float] = {
        name: getattr(parameters, name)
        for name in (
            "synapses", "sessions", "groups", "spread", "change", "multiplicative", "shot",
        )
    }  # fmt: skip
    return Design(**(values | differing))  # pyright: ignore[reportArgumentType]


def _compared(parameters: Parameters, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """How often each answer was given, and whether the interval of the difference held it."""
    shape = (len(parameters.comparisons), parameters.runs)
    answers = np.zeros((shape[0], len(ANSWERS)), dtype=np.int64)
    held = np.full(shape, np.nan)
    planned = _planned(parameters)
    with progress_bar("Comparing conditions", float(np.prod(shape))) as advance:
        for c, name in enumerate(parameters.comparisons):
            for at in range(parameters.runs):
                drawn = [seed, 9, list(COMPARISONS).index(name), at]
                answer, held[c, at] = compared(
                    planned, COMPARISONS[name], draws=parameters.draws, seed=drawn
                )
                answers[c, ANSWERS.index(answer)] += 1
                advance()
    return answers, held


def _judged(
    parameters: Parameters, design: str, cell: _Cell, seed: list[int]
) -> tuple[str, dict[str, float]]:
    """What became of one experiment, and its numbers; those that do not exist are left out."""
    planned = _planned(parameters, **(DESIGNS[design] | dict(cell.design)))
    try:
        measured, change = _experiment(planned, cell, seed)
        verdict = infer_measured(measured, draws=parameters.draws, seed=seed[-1])
    except DataError:
        return "refused", {}
    found = {"index": verdict.index, "reverts": _flag(verdict.checks.get("reversion"))}
    groups = verdict.estimate.groups
    if groups is not None:
        found["differ"] = float(groups.p_value < 0.01)
    fate = judge(verdict.outcome, verdict.verdict, cell.truth)
    if cell.truth == "Kesten" and fate == "wrong" and GEOMETRIES.get(verdict.verdict) == cell.index:
        fate = "right"  # of the dominant term: the claims tell it apart
    if verdict.outcome != "refused" and cell.truth in (*GEOMETRIES, "between"):
        found["covered"] = float(verdict.interval[0] <= cell.index <= verdict.interval[1])
    if change is not None:
        found |= _of_calls(classify(verdict, fdr=parameters.fdr), change)
    if cell.index == 1 and cell.truth == "multiplicative" and change is not None:
        directed = verdict.directed
        if directed is not None:
            slope = (1 + cell.spoiling.slope) ** (planned.sessions - 1) - 1
            found["directed"] = float((directed.net or directed.slope).holds(slope))
    return fate, found


def _experiment(
    design: Design, cell: _Cell, seed: list[int]
) -> tuple[Measurements, np.ndarray | None]:
    if design.additive_share:
        return simulate_design(design, cell.index, seed=seed), None
    index = cell.index if math.isfinite(cell.index) else 0.5
    return simulate_spoiled(design, index, cell.spoiling, seed=seed)


def _flag(check: Check | None) -> float:
    return math.nan if check is None else float(check.passed is not True)


def _of_calls(calls: Calls, change: np.ndarray) -> dict[str, float]:
    """How many synapses were called changed, and the share of wrong ones, ours and by ratio."""
    call = np.array(calls.call)
    seen = np.isfinite(calls.observed) & np.isfinite(change)
    up, down = (call == "potentiated") & seen, (call == "depressed") & seen
    grew, shrank = change > calls.change, change < -calls.change
    number = int((up | down).sum())
    wrong = int((up & ~grew).sum() + (down & ~shrank).sum())
    ratio = np.exp(np.where(seen, calls.observed, 0.0))
    by_ratio = (ratio >= 1.25) & ~grew & seen, (ratio <= 0.75) & ~shrank & seen
    every = int((((ratio >= 1.25) | (ratio <= 0.75)) & seen).sum())
    return {
        "called": number,
        "false": wrong / number if number else 0.0,
        "by_ratio": float(sum(map(np.sum, by_ratio))) / every if every else math.nan,
    }


def _pairs(parameters: Parameters, index: float, seed: list[int]) -> np.ndarray:
    """Pairs with a common size, each synapse moved on its own in the dual of an index."""
    rng = np.random.default_rng(seed)
    many = 4 * parameters.pairs
    part = parameters.spread * math.sqrt(0.5)
    common, own = part * rng.standard_normal(many), part * rng.standard_normal((2, many))
    power = 1 - index
    if power == 0:
        return np.exp(common + own)[:, : parameters.pairs]
    dual = np.exp(power * common) + power * own
    return dual[:, (dual > 0).all(axis=0)][:, : parameters.pairs] ** (1 / power)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A: outcomes by cell and design; B: coverage; C: wrong calls; D: pairs; E: conditions."""
    cells, designs = dataset["cell"].values, dataset["design"].values
    figure = matplotlib.figure.Figure(figsize=(12, 3.5 + 0.17 * cells.size), layout="constrained")
    rows = figure.add_gridspec(2, 1, height_ratios=[max(1.0, cells.size / 20), 1])
    upper, lower = figure.add_subfigure(rows[0]), figure.add_subfigure(rows[1])
    panels = np.atleast_1d(upper.subplots(1, designs.size, sharey=True))
    shares = dataset["outcomes"] / dataset["outcomes"].sum("outcome")
    for axes, design in zip(panels, designs, strict=True):
        left = np.zeros(cells.size)
        for outcome, colour in OUTCOME_COLOURS.items():
            width = shares.sel(design=design, outcome=outcome).values
            axes.barh(np.arange(cells.size), width, 0.9, left=left, color=colour, label=outcome)
            left += width
        axes.set(xlim=(0, 1), ylim=(cells.size - 0.5, -0.5), xlabel="share of runs")
        letter(axes, "A", str(design))
    panels[0].set_yticks(range(cells.size), cells, fontsize=7)
    panels[-1].legend(fontsize=7, loc="lower right")
    coverage, calls, pairs, conditions = lower.subplots(1, 4)
    for design in designs:
        here = dataset.sel(design=design)
        coverage.plot(here["covered"].mean("run"), "o", ms=4, label=str(design))
        calls.plot(here["by_ratio"].mean("run"), "x", ms=4, color="0.6")
        calls.plot(here["false"].mean("run"), "o", ms=4, label=str(design))
    coverage.axhspan(0.92, 0.98, color="0.92", zorder=0)
    coverage.set(ylim=(0, 1.02), xlabel="kind of experiment", ylabel="share of runs")
    coverage.legend(frameon=False, fontsize=8)
    letter(coverage, "B", "interval holds the truth")
    calls.axhline(dataset.attrs.get("fdr", 0.05), color="0.5", lw=0.8)
    calls.set(ylim=(-0.02, 1.02), xlabel="kind of experiment (x: a ratio of 1.25 or .75)")
    letter(calls, "C", "wrong calls")
    truth = dataset["pairs"].values
    middle = dataset["pairs_index"].median("run").values
    spread = dataset["pairs_index"].std("run").values
    pairs.errorbar(truth, middle, spread, fmt="o", color="k")
    pairs.plot(truth, truth, color="0.6", lw=1)
    pairs.set(xlabel="true index of pairs", ylabel="index found")
    letter(pairs, "D", "exchangeable pairs")
    _draw_conditions(conditions, dataset)
    bare(*panels, coverage, calls, pairs, conditions)
    return figure


def _draw_conditions(axes: Axes, dataset: xr.Dataset) -> None:
    shares = dataset["compared"] / dataset["compared"].sum("answer")
    left = np.zeros(shares.sizes["comparison"])
    for answer, colour in zip(ANSWERS, ("0.35", "0.73", "0.89"), strict=True):
        width = shares.sel(answer=answer).values
        axes.barh(np.arange(left.size), width, 0.9, left=left, color=colour, label=answer)
        left += width
    axes.set_yticks(range(left.size), shares["comparison"].values, fontsize=7)
    axes.set(xlim=(0, 1), ylim=(left.size - 0.5, -0.5), xlabel="share of runs")
    axes.legend(fontsize=7, loc="lower right")
    letter(axes, "E", "indices of two conditions")
