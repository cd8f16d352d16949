"""What a figure module is, and how one is run: computed, checked, and written whole or not at all.

A figure module is one Python file with

- a docstring: the title on its first line, then what is shown, in plain words;
- `Parameters`: a frozen dataclass, the paper's values as defaults, every field a `parameter(...)`;
- `QUICK`: a `Parameters` of seconds' length;
- `run(parameters, seed) -> xarray.Dataset`, stamped with `stamp(dataset, parameters, seed)`; its
  variables state their units in the attribute `units`, unless they have none;
- `plot(dataset) -> matplotlib.figure.Figure`;
- `claims(dataset) -> list[Claim]`;
- `animate(dataset) -> bytes`, an animated GIF, where the figure moves (optional).
"""

import dataclasses
import inspect
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeVar, get_args

import xarray as xr

from steepest._version import __version__
from steepest.claim import Claim
from steepest.errors import UsageError
from steepest.files import staging, to_csv
from steepest.interrupts import passed_on
from steepest.pictures import FORMATS, drawn, enlarged, image, png

__all__ = [
    "Claim",
    "Figure",
    "Result",
    "Scale",
    "check_dataset",
    "parameter",
    "reproduce",
    "stamp",
]

T = TypeVar("T")
Scale = Literal["quick", "paper"]
Style = Literal["paper", "slide"]


def parameter(default: T, doc: str, unit: str = "1") -> T:
    """A field of a figure's `Parameters`: an immutable default, one line of `doc`, and its unit.

    >>> @dataclass(frozen=True)
    ... class Parameters:
    ...     duration: float = parameter(2.0, "time followed", "s")
    >>> Parameters().duration
    2.0
    """
    return field(default=default, metadata={"doc": doc, "unit": unit})  # pyright: ignore[reportReturnType]


_PARTS = {
    "Parameters": "a frozen dataclass whose defaults are the paper's",
    "QUICK": "an instance of Parameters that runs in seconds",
    "run": "run(parameters, seed) -> xarray.Dataset",
    "plot": "plot(dataset) -> matplotlib Figure",
    "claims": "claims(dataset) -> list of Claim",
}


@dataclass(frozen=True)
class Figure:
    """A figure module under its key, such as "surace2020.fig2"; one that lacks a part is refused.

    Raises `UsageError`, naming the part, when the module does not keep the protocol above.

    >>> from steepest.papers import load
    >>> (figure,) = load("surace2020.example_1d")
    >>> figure.parameters("quick")
    Parameters(duration=1.0, step=0.01)
    """

    key: str
    module: ModuleType

    def __post_init__(self) -> None:
        fault = _fault(self.module)
        if fault:
            raise UsageError(f"{self.module.__name__} is not a figure module: {fault}")

    @property
    def title(self) -> str:
        """The first line of the module's docstring."""
        return inspect.cleandoc(self.module.__doc__ or "").splitlines()[0]

    @property
    def text(self) -> list[str]:
        """The paragraphs of the module's docstring after its title, each on one line."""
        body = inspect.cleandoc(self.module.__doc__ or "").partition("\n")[2].strip()
        return [" ".join(paragraph.split()) for paragraph in body.split("\n\n") if paragraph]

    def parameters(
        self,
        scale: Scale,
        data: str | Path | Sequence[str | Path] | None = None,
        *,
        unchecked: bool = False,
    ) -> Any:
        """The figure's parameters at a scale: the paper's, or the quick ones.

        `data` is the user's copy of the file that the figure is about, for those whose parameters
        have a field of that name (several where that is a tuple); `unchecked` reads a copy that is
        not the published one, for those that check it. Raises `UsageError` for the others.
        """
        if scale not in ("quick", "paper"):
            raise UsageError(f"scale {scale!r} is not known: choose quick or paper")
        chosen = self.module.QUICK if scale == "quick" else self.module.Parameters()
        if unchecked:
            if not hasattr(chosen, "unchecked"):
                raise UsageError(f"{self.key} checks no copy of data: leave out --unchecked")
            chosen = dataclasses.replace(chosen, unchecked=True)
        paths = [data] if isinstance(data, str | Path) else [*(data or ())]
        if not paths:
            return chosen
        if not hasattr(chosen, "data"):
            raise UsageError(
                f"{self.key} is computed from nothing but its parameters: no data file"
            )
        if isinstance(chosen.data, tuple):
            return dataclasses.replace(chosen, data=tuple(map(str, paths)))
        if len(paths) > 1:
            raise UsageError(f"{self.key} takes one file or folder of data, not {len(paths)}")
        return dataclasses.replace(chosen, data=str(paths[0]))


def _fault(module: ModuleType) -> str | None:
    missing = [f"{name} ({what})" for name, what in _PARTS.items() if not hasattr(module, name)]
    if missing:
        return "it has no " + ", no ".join(missing)
    if not (module.__doc__ or "").strip():
        return "it has no docstring, whose first line is its title"
    kind = module.Parameters
    settings = getattr(kind, "__dataclass_params__", None)
    if settings is None or not settings.frozen:
        return "Parameters is not a frozen dataclass"
    if not isinstance(module.QUICK, kind):
        return "QUICK is not an instance of Parameters"
    for item in dataclasses.fields(kind):
        if not {"doc", "unit"} <= item.metadata.keys():
            return f"Parameters.{item.name} says neither what it is nor its unit: use parameter()"
    return None


@dataclass(frozen=True, eq=False)
class Result:
    """What a figure gave: its data, claims and picture (PNG), the seconds it took, the files.

    >>> from steepest.papers import load
    >>> result = reproduce(load("surace2020.example_1d")[0])
    >>> result.holds, result.scale, result.files
    (True, 'quick', {})
    """

    figure: Figure
    parameters: Any
    scale: Scale
    seed: int
    dataset: xr.Dataset
    claims: tuple[Claim, ...]
    picture: bytes = field(repr=False)
    seconds: float
    files: Mapping[str, Path]

    @property
    def holds(self) -> bool:
        """Whether no claim fails; a claim that this scale cannot test does not count."""
        return all(claim.holds is not False for claim in self.claims)

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON values: figure, claims and seconds."""
        return {
            "figure": self.figure.key,
            "claims": [claim.to_dict() for claim in self.claims],
            "seconds": round(self.seconds, 3),
        }


def stamp(dataset: xr.Dataset, parameters: Any, seed: int) -> xr.Dataset:
    """The dataset with version, seed and parameters (as JSON) among its attributes.

    A variable or coordinate of numbers that states no unit gets the unit "1". The dataset given is
    not changed.

    >>> from steepest.papers.surace2020.example_1d import Parameters
    >>> dataset = stamp(xr.Dataset({"x": ("time", [2.0, 1.5])}), Parameters(), seed=3)
    >>> dataset.attrs["seed"], dataset["x"].attrs["units"]
    (3, '1')
    """
    dataset = dataset.copy(deep=False)
    for variable in _numeric(dataset).values():
        variable.attrs.setdefault("units", "1")
    return dataset.assign_attrs(
        steepest_version=__version__,
        seed=seed,
        parameters=json.dumps(dataclasses.asdict(parameters)),
    )


def _numeric(dataset: xr.Dataset) -> dict[Any, xr.Variable]:
    """Its variables and coordinates of numbers, by name."""
    variables = dataset.variables.items()
    return {name: variable for name, variable in variables if variable.dtype.kind in "fiuc"}


def reproduce(
    figure: Figure,
    scale: Scale = "quick",
    seed: int = 0,
    out: str | Path | None = None,
    *,
    data: str | Path | Sequence[str | Path] | None = None,
    unchecked: bool = False,
    formats: Sequence[str] = ("png",),
    style: Style = "paper",
) -> Result:
    """Run a figure, check what it returns, and write KEY.nc, KEY.png and KEY.csv (its claims).

    `formats` are those of the picture's files (png, svg, pdf), `style` "slide" has letters and
    lines that are read from afar. A figure that moves also writes KEY.gif. Without `out` nothing
    is written. With it, the files appear together, and only after everything went well. `data` is a
    file of the user's own (or several), for figures that take one; `unchecked` says that it may be
    another than the published one. The picture is drawn in matplotlib's own settings, not the
    user's.

    Raises `UsageError` when `out` cannot be written or a format or style is unknown, before
    anything is computed, and when the figure returns data without units, version, seed or
    parameters.

    >>> from steepest.papers import load
    >>> (figure,) = load("galtier2013.fig2")
    >>> reproduce(figure, "quick", seed=0).holds
    True
    """
    parameters = figure.parameters(scale, data, unchecked=unchecked)
    for name, given, known in (("formats", formats, FORMATS), ("style", [style], get_args(Style))):
        if not given or {*given} - {*known}:
            raise UsageError(f"{name} {', '.join(given) or 'none'}: give {' or '.join(known)}")
    with nullcontext() if out is None else staging(out) as stage:
        started = time.perf_counter()
        with passed_on():
            dataset = figure.module.run(parameters, seed)
        check_dataset(figure, dataset, parameters, seed)
        dataset = dataset.assign_attrs(figure=figure.key, scale=scale)
        claims = tuple(figure.module.claims(dataset))
        if not claims:
            raise UsageError(f"{figure.key} returned no claims: a figure claims at least one thing")
        shown = drawn(figure.module.plot)(dataset)
        if style == "slide":
            shown = drawn(enlarged)(shown)
        picture = png(shown)
        seconds = time.perf_counter() - started
        moving = getattr(figure.module, "animate", None)
        kinds = ("nc", *dict.fromkeys(formats), "csv", *(["gif"] if moving else []))
        names = {kind: f"{figure.key}.{kind}" for kind in kinds}
        if stage is not None:
            # HDF5 crashes the process where it meets a full disk: it writes to memory.
            (stage / names["nc"]).write_bytes(dataset.to_netcdf(engine="h5netcdf"))
            for kind in {*formats}:
                made = picture if kind == "png" else image(shown, kind)
                (stage / names[kind]).write_bytes(made)
            (stage / names["csv"]).write_bytes(_claims_table(claims))
            if moving:
                (stage / names["gif"]).write_bytes(moving(dataset))
    files = {} if out is None else {kind: Path(out) / name for kind, name in names.items()}
    return Result(figure, parameters, scale, seed, dataset, claims, picture, seconds, files)


def check_dataset(figure: Figure, dataset: xr.Dataset, parameters: Any, seed: int) -> None:
    """Raise `UsageError` unless a figure's data carry their stamp, and every number its unit.

    >>> from steepest.papers import load
    >>> (figure,) = load("surace2020.example_1d")
    >>> parameters = figure.parameters("quick")
    >>> check_dataset(figure, stamp(xr.Dataset(), parameters, seed=1), parameters, seed=1)
    >>> check_dataset(figure, xr.Dataset(), parameters, seed=1)
    Traceback (most recent call last):
    steepest.errors.UsageError: surace2020.example_1d: attribute steepest_version is None, not ...
    """
    expected = stamp(xr.Dataset(), parameters, seed).attrs
    for name, value in expected.items():
        if dataset.attrs.get(name) != value:
            raise UsageError(
                f"{figure.key}: attribute {name} is {dataset.attrs.get(name)!r}, not {value!r}:"
                " end run() with stamp(dataset, parameters, seed)"
            )
    for name, variable in _numeric(dataset).items():
        if "units" not in variable.attrs:
            raise UsageError(
                f"{figure.key}: variable {name!r} has no attribute units: set it, or leave it to"
                " stamp(), which sets '1'; nothing may be added after that"
            )


def _claims_table(claims: tuple[Claim, ...]) -> bytes:
    rows = [claim.to_dict() for claim in claims]
    return to_csv(list(rows[0]), [list(row.values()) for row in rows]).encode()
