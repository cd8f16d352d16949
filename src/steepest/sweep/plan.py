"""A study file, and the plan of cells that it stands for: parameters x seed, in a fixed order."""

import dataclasses
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from steepest._version import __version__
from steepest.data.settings import read_toml
from steepest.errors import UsageError
from steepest.study import Figure
from steepest.sweep.figure_source import FigureSource
from steepest.sweep.states import LEFT, draw_cells
from steepest.sweep.values import Hints, draw, near, typed

if TYPE_CHECKING:
    import matplotlib.figure

__all__ = ["Axis", "Cell", "Plan", "difference", "read_plan", "restore_plan"]

_MOST_CELLS = 1_000_000  # of which each is looked at before the first is computed
_KEYS = ("figure", "scale", "seeds", "cell_timeout", "draw_count", "draw_seed")
_KEYS += ("grid", "zip", "draw")
# Longer than this no clock of ours counts.
_LONGEST_TIMEOUT = 1e8


@dataclass(frozen=True)
class Axis:
    """One dimension of a study, and the values that its parameters take along it.

    >>> len(Axis("slope", {"slope": [1.0, 2.0]}))
    2
    """

    name: str
    values: Mapping[str, Sequence[Any]]

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))


@dataclass(frozen=True)
class Cell:
    """One run of the figure: its number in the plan, the parameters that are set, and the seed."""

    index: int
    values: dict[str, Any]
    seed: int

    def __str__(self) -> str:
        words = [f"{name}={value}" for name, value in self.values.items()]
        return ", ".join([*words, f"seed={self.seed}"])


@dataclass(frozen=True, eq=False)
class Plan:
    """A study, checked: the figure, its parameters at the scale, and the axes, the seed last.

    `timeout` is the seconds that a cell may take, or None. It is no part of the study: a store
    goes on with another.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     study = Path(folder) / "study.toml"
    ...     _ = study.write_text('figure = "galtier2013.fig4"\\nseeds = 3')
    ...     plan = read_plan(study)
    >>> str(plan.cell(0))
    'seed=0'
    """

    source: FigureSource
    figure: Figure
    scale: Any
    base: Any
    axes: tuple[Axis, ...]
    description: dict[str, Any]
    timeout: float | None = None

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the dimensions: those of [grid], then zip, draw and seed."""
        return tuple(axis.name for axis in self.axes)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Number of values along each dimension."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def size(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)

    def cell(self, index: int) -> Cell:
        """Cell number `index`; seeds go fastest."""
        values: dict[str, Any] = {}
        for axis, at in zip(self.axes, np.unravel_index(index, self.shape), strict=True):
            values |= {name: column[int(at)] for name, column in axis.values.items()}
        return Cell(index, {k: v for k, v in values.items() if k != "seed"}, values["seed"])

    def plot(self) -> "matplotlib.figure.Figure":
        """A map of the cells to compute: the seeds across, every combination of values down.

        `read_status(store).plot()` is the same map with what is done and what failed.
        """
        columns = {axis.name: axis.values for axis in self.axes}
        return draw_cells(self.figure.title, columns, np.full(self.size, LEFT))


def read_plan(path: str | Path) -> Plan:
    """Read and check a study file (TOML) to its last value; nothing is computed.

    Keys: `figure`, `scale` ("quick" unless given), `seeds` (a list or a count, [0] unless given),
    `cell_timeout` (seconds that a cell may take, any time unless given), and the tables `[grid]`,
    `[zip]` and `[draw]` (with `draw_count` and `draw_seed`). Raises `DataError` for a
    file that cannot be read as TOML, and `UsageError` naming the key for everything that cannot
    be run.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     study = Path(folder) / "study.toml"
    ...     _ = study.write_text('figure = "galtier2013.fig4"\\nseeds = 3')
    ...     plan = read_plan(study)
    >>> plan.size, plan.dims
    (3, ('seed',))
    """
    path = Path(path)
    study = read_toml(path)
    for key in study.keys() - set(_KEYS):
        raise UsageError(f"{path.name}: there is no key {key!r}; {near(key, _KEYS)}")
    name = study.get("figure")
    if not isinstance(name, str):
        raise UsageError(f'{path.name}: it names no figure: set figure = "PAPER.FIGURE" or "x.py"')
    source = FigureSource.find(name, path.parent)
    figure = source.load()
    scale = study.get("scale", "quick")
    if scale not in ("quick", "paper"):
        raise UsageError(f"{path.name}: scale = {scale!r} is not known: choose quick or paper")
    base = figure.parameters(scale)
    hints = Hints(type(base))
    counts = [study.get("seeds", 1), study.get("draw_count", 1)]
    _check_size(math.prod(n for n in counts if type(n) is int and n > 0), path.name)
    seeds = _seeds(study.get("seeds", [0]), path.name)
    axes = [
        *_grid(study, hints, path.name),
        *_zip(study, hints, path.name),
        *_draw(study, hints, path.name),
        Axis("seed", {"seed": seeds}),
    ]
    _check_size(math.prod(map(len, axes)), path.name)
    _check_names(axes, path.name)
    _check_cells(axes, base, path.name)
    description = {
        "figure": name,
        "source": source.digest,
        "scale": scale,
        "parameters": dataclasses.asdict(base),
        "axes": {axis.name: {k: list(v) for k, v in axis.values.items()} for axis in axes},
        "steepest_version": __version__,
    }
    timeout = _timeout(study, path.name)
    plain = json.loads(json.dumps(description))
    return Plan(source, figure, scale, base, tuple(axes), plain, timeout)


def restore_plan(description: dict[str, Any], source: FigureSource) -> Plan:
    """The plan that a store was made for, from its description and the figure's source.

    Raises `UsageError` when the figure's code is another by now.
    """
    if source.digest != description["source"]:
        raise UsageError(
            f"the code of {source.name} is not that which the store was made with"
            f" (steepest {description['steepest_version']}; this is {__version__})"
        )
    figure = source.load()
    base = figure.parameters(description["scale"])
    hints = Hints(type(base)).types | {"seed": int}
    axes = tuple(
        Axis(name, {k: [typed(x, hints[k], k) for x in v] for k, v in values.items()})
        for name, values in description["axes"].items()
    )
    return Plan(source, figure, description["scale"], base, axes, description)


def difference(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What differs between two descriptions of studies, a line each: "seed: [0, 1] -> [0]"."""
    before, after = dict(_flat(old)), dict(_flat(new))
    lines = []
    for name in [*before, *(name for name in after if name not in before)]:
        pair = [json.dumps(side[name]) if name in side else "absent" for side in (before, after)]
        if pair[0] != pair[1]:
            axis, _, label = name.removeprefix("axes.").partition(".")
            words = "the figure's code" if name == "source" else axis
            words += f".{label}" if label not in ("", axis) else ""
            pair = [text if len(text) <= 60 else f"{text[:45]}...{text[-12:]}" for text in pair]
            lines.append(f"{words}: {pair[0]} -> {pair[1]}")
    return lines


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _seeds(value: Any, where: str) -> list[int]:
    seeds = list(range(value)) if type(value) is int and value > 0 else value
    if not isinstance(seeds, list) or not seeds or any(type(s) is not int or s < 0 for s in seeds):
        raise UsageError(
            f"{where}: seeds = {value!r}: give a count of at least 1, or a list of whole numbers"
            " from 0"
        )
    _refuse_twins(seeds, f"{where}: seeds")
    return seeds


def _timeout(study: dict[str, Any], where: str) -> float | None:
    value = study.get("cell_timeout")
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 < value <= _LONGEST_TIMEOUT:
        raise UsageError(
            f"{where}: cell_timeout = {value!r}: give the seconds that a cell may take, above 0"
            f" and up to {_LONGEST_TIMEOUT:g}"
        )
    return float(value)


def _table(study: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    table = study.get(name)
    if name in study and (not isinstance(table, dict) or not table):
        raise UsageError(f"{where}: [{name}] is empty: give a parameter values, or leave it out")
    return table or {}


def _column(table: dict[str, Any], name: str, hints: Hints, where: str) -> list[Any]:
    here = f"{where}: {name}"
    hint, values = hints.of(name, where), table[name]
    if not isinstance(values, list):
        raise UsageError(f"{here} = {values!r}: give a list of values")
    if not values:
        raise UsageError(f"{here} has no values: the grid is empty")
    return [typed(value, hint, f"{here}, value {i + 1}") for i, value in enumerate(values)]


def _grid(study: dict[str, Any], hints: Hints, where: str) -> list[Axis]:
    table = _table(study, "grid", where)
    axes = []
    for name in table:
        column = _column(table, name, hints, f"{where}: [grid]")
        _refuse_twins(column, f"{where}: [grid]: {name}")
        axes.append(Axis(name, {name: column}))
    return axes


def _zip(study: dict[str, Any], hints: Hints, where: str) -> list[Axis]:
    table = _table(study, "zip", where)
    columns = {name: _column(table, name, hints, f"{where}: [zip]") for name in table}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        words = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise UsageError(f"{where}: [zip] needs lists of one length: {words}")
    return _joint("zip", columns, where)


def _draw(study: dict[str, Any], hints: Hints, where: str) -> list[Axis]:
    table = _table(study, "draw", where)
    count, seed = study.get("draw_count"), study.get("draw_seed", 0)
    if not table:
        if {"draw_count", "draw_seed"} & study.keys():
            raise UsageError(f"{where}: draw_count and draw_seed need a table [draw]")
        return []
    if type(count) is not int or count < 1:
        raise UsageError(f"{where}: [draw] needs draw_count, a whole number of at least 1")
    if type(seed) is not int or seed < 0:
        raise UsageError(f"{where}: draw_seed = {seed!r} is not a whole number from 0")
    columns = {}
    for name, spec in table.items():
        hint = hints.of(name, f"{where}: [draw]")
        columns[name] = draw(spec, hint, count, seed, name, f"{where}: [draw]: {name}")
    return _joint("draw", columns, where)


def _joint(name: str, columns: dict[str, list[Any]], where: str) -> list[Axis]:
    if not columns:
        return []
    _refuse_twins(list(zip(*columns.values(), strict=True)), f"{where}: [{name}]")
    return [Axis(name, columns)]


def _refuse_twins(values: list[Any], where: str) -> None:
    seen: dict[Any, int] = {}
    for at, value in enumerate(values):
        if value in seen:
            raise UsageError(
                f"{where}: values {seen[value] + 1} and {at + 1} are the same ({value!r}), so"
                " cells would be computed twice; give each once"
            )
        seen[value] = at


def _check_size(cells: int, where: str) -> None:
    if cells > _MOST_CELLS:
        raise UsageError(
            f"{where}: it stands for {cells:,} cells, and a study has at most {_MOST_CELLS:,}: make"
            " several of it"
        )


def _check_names(axes: list[Axis], where: str) -> None:
    names = [name for axis in axes for name in dict.fromkeys([axis.name, *axis.values])]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{where}: {name!r} is given twice; one table may name it")


def _check_cells(axes: list[Axis], base: Any, where: str) -> None:
    """Make the Parameters of every combination, so that one out of range is refused at the door."""
    columns = [[dict(zip(a.values, row, strict=True)) for row in _rows(a)] for a in axes[:-1]]
    for rows in itertools.product(*columns):
        values = {name: value for row in rows for name, value in row.items()}
        try:
            dataclasses.replace(base, **values)
        except Exception as error:
            words = ", ".join(f"{name}={value!r}" for name, value in values.items())
            raise UsageError(f"{where}: the figure refuses {words}: {error}") from error


def _rows(axis: Axis) -> Iterator[tuple[Any, ...]]:
    return zip(*axis.values.values(), strict=True)
