"""What is asked of a file: which columns are what, in one place, from options or from TOML."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from steepest.data.labels import Labels
from steepest.data.settings import is_said, read_toml
from steepest.data.size_table import SizeTable
from steepest.data.tables import open_file, take_columns
from steepest.errors import DataError, UsageError
from steepest.inference.synapses.measurements import Measurements, measure
from steepest.inference.synapses.noise import noise_problems
from steepest.inference.synapses.shapes import read_sizes, shape_clashes

__all__ = ["Request"]

_MANY = (
    "replicate_before", "replicate_after", "sessions", "times", "order", "absent", "not_measured",
    "where",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Request:
    """Which columns hold what, and what is known about them; None or () where nothing is said.

    The names are those of the command line's options, without dashes.
    """

    before: str | None = None
    after: str | None = None
    replicate_before: tuple[str, ...] = ()
    replicate_after: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    id: str | None = None
    session: str | None = None
    size: str | None = None
    replicates: bool = False
    order: tuple[str, ...] = ()
    times: tuple[float, ...] = ()
    group: str | None = None
    condition: str | None = None
    null: str | None = None
    rate: str | None = None
    unpaired: bool = False
    pairs: bool = False
    pair: str | None = None
    absent: tuple[str, ...] = ()
    not_measured: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    compare: str | None = None
    file_is: str | None = None
    table: str | None = None
    header_row: str | None = None
    noise_cv: float | None = None
    noise_sd: float | None = None
    noise: str | None = None
    detection_limit: float | None = None
    keep_outliers: bool = False
    signed: bool = False
    seed: int | None = None

    def __post_init__(self) -> None:
        clashes = _clashes(self)
        if clashes:
            raise UsageError("; ".join(clashes))

    @classmethod
    def from_toml(cls, path: str | Path, given: Mapping[str, Any]) -> "Request":
        """The request in a TOML file, with what is `given` (not None, not empty) put over it.

        Keys are the options' names, with dashes or underscores. Raises DataError for a file that
        cannot be read, UsageError for an unknown key (naming the near ones) or a value of the
        wrong kind.
        """
        path = Path(path)
        content = read_toml(path)
        known = {field.name: field for field in fields(cls)}
        values: dict[str, Any] = {}
        for key, value in content.items():
            name = key.replace("-", "_")
            if name not in known:
                near = get_close_matches(name, known, n=2)
                hint = f"; did you mean {' or '.join(near)}?" if near else ""
                raise UsageError(f"{path}: {key!r} is no option of infer{hint}")
            values[name] = _value(path, key, value, name)
        values |= {name: value for name, value in given.items() if is_said(value)}
        return cls(**values)

    def read(self, files: str | Path | Sequence[str | Path]) -> SizeTable:
        """The sizes that this asks for, of one file or of several of one experiment."""
        return read_sizes([files] if isinstance(files, str | Path) else files, self)

    def stated_noise(self) -> dict[str, Any]:
        """The noise that is stated, as `infer_geometry` takes it.

        Raises DataError for a file of noise that cannot be read, or has no columns of it.
        """
        table = None
        if self.noise is not None:
            opened = open_file(self.noise)
            there = [name for name in ("session", "size", "cv", "sd") if name in opened.names]
            numbers = [name for name in there if name != "session"]
            columns = take_columns(opened, numbers)
            table = dict(zip(numbers, columns.arrays, strict=True))
            if "session" in there:
                table["session"] = np.arange(len(columns.rows))
        return {"noise_cv": self.noise_cv, "noise_sd": self.noise_sd, "noise": table}

    def paired(self, sizes: SizeTable) -> bool:
        """Whether only two columns are asked about, with nothing that tells noise from learning."""
        plain = len(sizes.sessions) == 2 and not sizes.replicated and "group" not in sizes.labels
        return plain and self.null is None

    def measurements(self, source: SizeTable | str | Path) -> Measurements:
        """The measurements that this asks for, of a file or of sizes that were read, checked."""
        sizes = source if isinstance(source, SizeTable) else self.read(source)
        null = None
        if self.null is not None:
            null = _null(sizes.labels["condition"], self.null, str(self.condition or "file"))
        return measure(
            [columns[0] if len(columns) == 1 else [*columns] for columns in sizes.sessions],
            groups=sizes.texts("group"),
            clusters=sizes.texts("cluster"),
            null=null,
            times=sizes.times,
            detection_limit=self.detection_limit,
            names=sizes.names,
        )


def _option(name: str) -> str:
    """A field's name as the command line spells it."""
    return "--" + name.replace("_", "-")


def _clashes(asked: Request) -> list[str]:
    """Contradictions among options, each naming all the options concerned."""

    def given(*names: str) -> list[str]:
        return [_option(name) for name in names if is_said(getattr(asked, name))]

    clashes: list[str] = []
    pair = given("before", "after", "replicate_before", "replicate_after")
    if asked.sessions and pair:
        clashes.append(
            f"--sessions and {', '.join(pair)} contradict each other: give a series of sessions,"
            " or before and after"
        )
    if asked.pairs:
        return [*clashes, *_clashes_of_pairs(asked, given)]
    if asked.pair is not None:
        clashes.append("--pair without --pairs: it names a column of exchangeable pairs")
    long = asked.id is not None or asked.session is not None or asked.size is not None
    if not asked.sessions and not long and (asked.before is None or asked.after is None):
        missing = [f"--{name}" for name in ("before", "after") if getattr(asked, name) is None]
        clashes.append(f"{' and '.join(missing)} missing: give --before and --after, or --sessions")
    if asked.before is not None and asked.before == asked.after:
        clashes.append(
            f"--before and --after are both {asked.before!r}: a change is between two columns; a"
            " long table (a row for each synapse and session) is read by --id, --session and --size"
        )
    if asked.sessions and len(asked.sessions) < 3:
        clashes.append(
            f"--sessions names {len(asked.sessions)} column: a series has at least three; give two"
            " as --before and --after"
        )
    by_file = asked.file_is == "condition" and asked.condition is None
    if (asked.condition is None) != (asked.null is None) and not by_file:
        clashes.append(
            "--condition (a column) and --null (its value for sham or control) go together"
        )
    if asked.sessions and asked.null is not None:
        clashes.append(
            "--sessions and --null contradict each other: a null is for before and after, a series"
            " knows its own noise"
        )
    if asked.times and not long and len(asked.times) != len(asked.sessions):
        clashes.append(
            f"--times gives {len(asked.times)} times and --sessions {len(asked.sessions)} columns:"
            " give one time per session"
        )
    noise = given("noise_cv", "noise_sd", "noise")
    if len(noise) > 1:
        clashes.append(f"{' and '.join(noise)} contradict each other: state the noise one way")
    if asked.noise is not None and not asked.noise.strip():
        clashes.append("--noise names no file: give a table of noise")
    measured = given("sessions", "replicate_before", "replicate_after", "null")
    if noise and measured:
        clashes.append(
            f"{', '.join(noise)} and {', '.join(measured)} contradict each other: the noise is"
            " stated, or it is measured"
        )
    if asked.unpaired:
        others = given("sessions", "replicate_before", "replicate_after", "group", "null", "rate")
        if others or noise:
            clashes.append(
                f"--unpaired and {', '.join([*others, *noise])} contradict each other: without"
                " pairs there are two distributions and nothing else"
            )
    if asked.rate is not None and measured:
        clashes.append(
            f"--rate and {', '.join(measured)} contradict each other: the rate is a covariate of"
            " one pair of columns"
        )
    stated = {"noise_cv": asked.noise_cv, "noise_sd": asked.noise_sd}
    if asked.noise is not None and (others := given("unpaired", "compare")):
        clashes.append(
            f"--noise and {', '.join(others)} contradict each other: a table of noise is for one"
            " pair of columns"
        )
    if asked.signed:
        positive = [_option(name) for name, value in stated.items() if value] + given("noise")
        others = [*measured, *positive, *given("detection_limit", "rate", "unpaired", "compare")]
        if others:
            clashes.append(
                f"--signed and {', '.join(others)} contradict each other: weights that may change"
                " their sign are judged from one pair of columns, as exact or of unknown noise"
            )
    return clashes + shape_clashes(asked) + noise_problems(stated, called=_option)


def _clashes_of_pairs(asked: Request, given: Callable[..., list[str]]) -> list[str]:
    """What contradicts exchangeable pairs, and whether both of their sizes are named."""
    clashes: list[str] = []
    others = given(
        "sessions", "times", "replicate_before", "replicate_after", "group", "null", "rate",
        "unpaired", "detection_limit", "id", "session", "replicates", "order", "compare", "file_is",
        "signed", "noise",
    )  # fmt: skip
    if others:
        clashes.append(
            f"--pairs and {', '.join(others)} contradict each other: exchangeable pairs are two"
            " sizes and nothing else"
        )
    wide, long = given("before", "after"), given("pair", "size")
    if wide and long:
        clashes.append(
            f"{', '.join([*wide, *long])} contradict each other: name both sizes of a pair"
            " (--before, --after), or --pair and --size of a long table"
        )
    elif len(wide) != 2 and len(long) != 2:
        clashes.append(
            f"--pairs with {' and '.join([*wide, *long]) or 'no column'}: name both sizes of a pair"
            " (--before, --after), or --pair and --size of a long table"
        )
    noise = {"noise_cv": asked.noise_cv, "noise_sd": asked.noise_sd}
    if len(given("noise_cv", "noise_sd")) > 1:
        clashes.append("--noise-cv and --noise-sd contradict each other: state the noise one way")
    return clashes + noise_problems(noise, called=_option)


def _value(path: Path, key: str, value: Any, name: str) -> Any:
    many = name in _MANY
    if many:
        items = value if isinstance(value, list) else [value]
        if name == "times":
            if not all(isinstance(item, int | float) for item in items):
                raise UsageError(f"{path}: {key} must be numbers")
            return tuple(_float(path, key, item) for item in items)
        return tuple(str(item) for item in items)
    kinds: dict[str, type | tuple[type, ...]] = {
        "unpaired": bool,
        "replicates": bool,
        "pairs": bool,
        "keep_outliers": bool,
        "signed": bool,
        "seed": int,
    }
    if name in ("noise_cv", "noise_sd", "detection_limit"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"{path}: {key} is {value!r}: give a number")
        return _float(path, key, value)
    if name in kinds:
        if not isinstance(value, kinds[name]):
            raise UsageError(f"{path}: {key} is {value!r}: give {kinds[name].__name__}")  # pyright: ignore[reportAttributeAccessIssue]
        return value
    if isinstance(value, list | dict):
        raise UsageError(f"{path}: {key} is {value!r}: give one column or value")
    return str(value)


def _float(path: Path, key: str, value: float) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise UsageError(f"{path}: {key} is a whole number that is too large") from error


def _null(labels: Labels, null: str, column: str) -> np.ndarray:
    values = sorted(labels.names)
    if null not in values:
        near = get_close_matches(null, values, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DataError(
            f"column {column!r} has no condition {null!r}{hint} It has {', '.join(values[:10])}"
        )
    others = [value for value in values if value != null]
    if len(others) != 1:
        raise DataError(
            f"column {column!r} has {len(others)} conditions beside the null {null!r}"
            f" ({', '.join(others[:10])}): give a file with the null and one other, or choose them"
            f" with --where"
        )
    return labels.codes == labels.names.index(null)
