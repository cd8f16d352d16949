"""How many synapses, sessions and replicates a named geometry takes, found by simulation.

The same code judges the simulated experiments as will judge the real one.
"""

import itertools
import math
from collections.abc import Generator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from steepest._version import __version__
from steepest.errors import DataError, UsageError
from steepest.files import plain
from steepest.inference.designs.design import Design, simulate_design
from steepest.inference.synapses.estimation import estimate
from steepest.inference.synapses.geometries import GEOMETRIES
from steepest.inference.synapses.measured_rules import decide_measured
from steepest.inference.synapses.measurements import Measurements
from steepest.inference.synapses.naming import OUTCOMES, judge
from steepest.interrupts import deferred_in_children, shielded
from steepest.markup import brief, fragment, table
from steepest.processes import process_pool
from steepest.progress import progress_bar

if TYPE_CHECKING:
    import matplotlib.figure
    import xarray

__all__ = ["Plan", "described", "design_from", "plan"]

_DRAWS = 200
_ENOUGH = 0.8
_AT_ONCE = 5  # experiments of one kind that a process is given
_FEWEST_EACH = 20  # experiments that are worth a process
_MOST_RUNS = 1_000_000  # days, whatever the design


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """How often each geometry was named rightly and wrongly, for every design tried.

    `outcomes` counts the runs of every design and truth by `OUTCOMES`.

    >>> designs = Design(synapses=300, sessions=4, groups=8)
    >>> plan(designs, truths=("multiplicative",), runs=2).power.round(1).tolist()
    [[1.0]]
    """

    designs: tuple[Design, ...]
    truths: tuple[str, ...]
    outcomes: Int[np.ndarray, "d t o"] = field(repr=False)
    runs: int
    seed: int

    @property
    def power(self) -> Float[np.ndarray, "d t"]:
        """Share of runs that name the truth (for the 1.5-norm, or its mixture)."""
        return self.outcomes[:, :, OUTCOMES.index("right")] / self.runs

    @property
    def wrong(self) -> Float[np.ndarray, "d t"]:
        """Share of runs that name another geometry."""
        return self.outcomes[:, :, OUTCOMES.index("wrong")] / self.runs

    @property
    def standard_error(self) -> Float[np.ndarray, "d t"]:
        """Of the power, by the binomial distribution with one run more either way."""
        share = (self.power * self.runs + 1) / (self.runs + 2)
        return np.sqrt(share * (1 - share) / self.runs)

    def enough(self, truth: str, power: float = _ENOUGH) -> Design | None:
        """The cheapest design (fewest measurements) that names `truth` so often; None if none."""
        column = self.power[:, self.truths.index(truth)]
        fine = [design for design, p in zip(self.designs, column, strict=True) if p >= power]
        return min(fine, key=_cost, default=None)

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON values."""
        return plain(
            {
                "schema": "steepest.plan/1",
                "designs": [
                    asdict(design)
                    | {
                        "power": dict(zip(self.truths, map(float, power), strict=True)),
                        "wrong": dict(zip(self.truths, map(float, wrong), strict=True)),
                    }
                    for design, power, wrong in zip(
                        self.designs, self.power, self.wrong, strict=True
                    )
                ],
                "enough": {
                    truth: None if (least := self.enough(truth)) is None else asdict(least)
                    for truth in self.truths
                },
                "target": _ENOUGH,
                "runs": self.runs,
                "seed": self.seed,
                "version": __version__,
            }
        )

    def sentence(self) -> str:
        """What it takes to name the geometries asked about, in one sentence."""
        enough = {truth: self.enough(truth) for truth in self.truths}
        reached = [f"{described(d)} ({truth})" for truth, d in enough.items() if d is not None]
        of = f"{_ENOUGH:.0%} of {self.runs} simulated experiments"
        if not reached:
            return f"No design that was tried named the geometry rightly in {of}."
        missed = [truth for truth, design in enough.items() if design is None]
        rest = f"; no design that was tried named {', '.join(missed)} so often" if missed else ""
        return f"The geometry was named rightly in {of} with {', or '.join(reached)}{rest}."

    def __str__(self) -> str:
        lines = [self.sentence(), f"  {self.runs} runs of each design and geometry"]
        for design, power, wrong in zip(self.designs, self.power, self.wrong, strict=True):
            shares = ", ".join(
                f"{truth} {right:.0%} ({other:.0%} wrong)"
                for truth, right, other in zip(self.truths, power, wrong, strict=True)
            )
            lines.append(f"  {described(design)}: {shares}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return brief(str(self))

    def to_dataset(self) -> "xarray.Dataset":
        """How many runs of every design and truth ended how."""
        import xarray as xr

        return xr.Dataset(
            {"runs": (("design", "truth", "outcome"), self.outcomes)},
            coords={
                "design": [described(design) for design in self.designs],
                "truth": list(self.truths),
                "outcome": list(OUTCOMES),
            },
            attrs={"verdict": self.sentence(), "runs": self.runs, "seed": self.seed},
        )

    def _repr_html_(self) -> str:
        rows = [
            (described(design), *(f"{share:.0%}" for share in power))
            for design, power in zip(self.designs, self.power, strict=True)
        ]
        return fragment(self.sentence(), [], [table(("design", *self.truths), rows)])

    def plot(self) -> "matplotlib.figure.Figure":
        """Power and wrong names against the number of synapses, as a matplotlib Figure."""
        from steepest.inference.designs.picture import draw

        return draw(self)


def plan(
    design: Design,
    *,
    synapses: Sequence[int] = (),
    sessions: Sequence[int] = (),
    replicates: Sequence[int] = (),
    truths: Sequence[str] = tuple(GEOMETRIES),
    runs: int = 40,
    seed: int = 0,
    jobs: int = 1,
) -> Plan:
    """Simulate and judge experiments of every geometry and every combination of sizes.

    - `design`: what all have in common.
    - `synapses`, `sessions`, `replicates`: numbers to try, in every combination; the design's
      where none is given.
    - `truths`: the geometries that are simulated and should be named, by name.
    - `runs`: experiments of each design and geometry.
    - `seed`: of everything random.
    - `jobs`: how many fresh processes share the experiments, at most one for every 20 of them; the
      numbers are the same. In a script, ask for more than one below `if __name__ == "__main__"`.

    Raises UsageError for an unknown geometry, fewer than one run, and a design in which nothing
    tells learning from noise (two sessions, no replicates, no null).

    >>> tried = plan(Design(groups=8, sessions=4), synapses=[80], truths=["burg"], runs=2)
    >>> tried.truths
    ('burg',)
    """
    unknown = [truth for truth in truths if truth not in GEOMETRIES]
    if unknown:
        raise UsageError(
            f"geometry {unknown[0]!r} is not known: choose among {', '.join(GEOMETRIES)}"
        )
    if runs < 1:
        raise UsageError(f"runs is {runs}: give at least 1")
    if runs > _MOST_RUNS:
        raise UsageError(f"runs is {runs}: give at most {_MOST_RUNS:,}")
    designs = tuple(
        design.with_change(synapses=n, sessions=t, replicates=r)
        for t, r, n in itertools.product(
            sessions or (design.sessions,),
            replicates or (design.replicates,),
            synapses or (design.synapses,),
        )
    )
    for tried in designs:
        if tried.sessions < 3 and tried.replicates < 2 and not tried.null:
            raise UsageError(
                f"{tried.sessions} sessions, no replicates and no null: nothing tells learning from"
                " noise, so nothing is ever named; add sessions, replicates or a null"
            )
        if tried.null and tried.sessions > 2:
            raise UsageError(
                f"a null and {tried.sessions} sessions contradict each other: a null goes with 2"
            )
    outcomes = np.zeros((len(designs), len(truths), len(OUTCOMES)), dtype=np.int64)
    asked = [
        _Experiments(tried, truth, seed, (first, min(first + _AT_ONCE, runs)))
        for tried, truth, first in itertools.product(designs, truths, range(0, runs, _AT_ONCE))
    ]
    total = len(designs) * len(truths) * runs
    with (
        progress_bar("Simulating experiments", float(total)) as advance,
        closing(_fates(asked, min(jobs, total // _FEWEST_EACH))) as fates,
    ):
        for experiments, ended in fates:
            place = designs.index(experiments.design), truths.index(experiments.truth)
            for fate in ended:
                outcomes[*place, OUTCOMES.index(fate)] += 1
            advance(float(len(ended)))
    return Plan(designs, tuple(truths), outcomes, runs, seed)


def design_from(measured: Measurements, *, seed: int = 0) -> tuple[Design, float]:
    """The design that a pilot file is one of, and its index: spread, change, noise, groups.

    Raises DataError where the pilot does not tell noise from learning, or shows no learning.

    >>> pilot = simulate_design(Design(synapses=200, sessions=4, groups=10), 1)
    >>> design, index = design_from(pilot)
    >>> design.sessions, round(index, 2)
    (4, 0.98)
    """
    fitted = estimate(measured, draws=50, seed=seed)
    index = fitted.index.value
    if not (math.isfinite(index) and fitted.share.value > 0):
        raise DataError(
            "the pilot shows no change beyond its noise: state spread, change and noise instead"
        )
    middle = fitted.moments.middle
    counts = fitted.moments.counts.sum(axis=0) * (fitted.moments.kappa > 0)
    log_change = math.log(fitted.signal.value) + (index - 1) * middle
    change = math.sqrt(float(np.average(np.exp(2 * log_change), weights=counts)))
    groups = 1 if measured.groups is None else max(fitted.clusters, 1)
    null = bool(measured.null.any())
    design = Design(
        synapses=int((~measured.null).sum()),
        sessions=measured.sessions,
        spread=fitted.moments.spread,
        change=change,
        multiplicative=fitted.noise[0].value,
        shot=fitted.noise[1].value,
        additive=fitted.noise[2].value,
        groups=groups,
        replicates=int(measured.replicates.max()),
        null=null,
    )
    return design, index


@dataclass(frozen=True)
class _Experiments:
    """Some runs of one design and truth, numbered from the first to before the last."""

    design: Design
    truth: str
    seed: int
    runs: tuple[int, int]


def _fates(
    asked: Sequence[_Experiments], jobs: int
) -> Generator[tuple[_Experiments, list[str]], None, None]:
    """How the runs ended, as they end: one after the other, or in so many processes."""
    if jobs <= 1:
        for experiments in asked:
            yield experiments, _ended(experiments)
        return
    with process_pool(jobs) as pool:
        # The largest first, so that none is left alone with one of them at the end.
        order = sorted(asked, key=lambda experiments: -_cost(experiments.design))
        with deferred_in_children(), shielded():
            futures = {pool.submit(_ended, experiments): experiments for experiments in order}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise UsageError(
                "a process that judged experiments died: killed, or out of memory? jobs=1"
                " (--jobs 1) judges one after the other"
            ) from error


def _ended(experiments: _Experiments) -> list[str]:
    design, truth = experiments.design, experiments.truth
    place = [design.synapses, design.sessions, design.replicates, list(GEOMETRIES).index(truth)]
    return [
        _fate(design, truth, [experiments.seed, *place, run]) for run in range(*experiments.runs)
    ]


def _fate(design: Design, truth: str, seed: list[int]) -> str:
    measured = simulate_design(design, GEOMETRIES[truth], seed=seed)
    try:
        fitted = estimate(measured, draws=_DRAWS, seed=seed[-1])
    except DataError:
        return "refused"
    decision = decide_measured(fitted)
    return judge(decision.outcome, decision.verdict, truth)


def _cost(design: Design) -> int:
    return design.synapses * design.sessions * design.replicates * (2 if design.null else 1)


def described(design: Design) -> str:
    """What distinguishes a design, in words."""
    parts = [f"{design.synapses} synapses", f"{design.sessions} sessions"]
    if design.replicates > 1:
        parts.append(f"{design.replicates} replicates")
    return ", ".join([*parts, "null"] if design.null else parts)
