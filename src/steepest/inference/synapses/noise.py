"""What is said about measurement noise and the detection limit, understood in one place."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from steepest.errors import DataError

__all__ = [
    "Noise",
    "check_noise",
    "noise_of_table",
    "noise_problems",
    "noise_variance",
    "stated_limit",
    "stated_noise",
    "stated_number",
]

_FINEST = 1e-15  # of size: the rounding of double precision itself


@dataclass(frozen=True)
class Noise:
    """What was stated about measurement noise: nothing, exact sizes, a CV, an additive sd, a table.

    Of a table, `parts` are the standard deviations of log size at size 1 (multiplicative, shot,
    additive), and `ratios` how many times that variance the sessions before and after have.

    >>> Noise("cv", 0.1).statement
    'coefficient of variation 0.1 (stated)'
    """

    kind: Literal["unknown", "none", "cv", "sd", "table"]
    value: float | None = None
    parts: tuple[float, float, float] | None = None
    ratios: tuple[float, float] = (1.0, 1.0)
    told: str = ""

    @property
    def statement(self) -> str:
        """The statement as a phrase for tables and reports."""
        if self.kind == "cv":
            return f"coefficient of variation {self.value:g} (stated)"
        if self.kind == "sd":
            return f"standard deviation {self.value:g} in the unit of size (stated)"
        if self.kind == "table":
            return f"{self.told} (stated)"
        return "none: sizes stated to be exact" if self.kind == "none" else "unknown: not stated"

    @property
    def positive(self) -> bool:
        """Whether there is a noise, and its size is stated."""
        return self.kind in ("cv", "sd", "table")

    def at(self, log_size: float) -> Float[np.ndarray, " 3"]:
        """Standard deviations of log size at one log size: multiplicative, shot, additive."""
        if self.parts is not None:
            powers = np.exp(-0.5 * log_size * np.arange(3))
            return np.array(self.parts) * powers * math.sqrt(sum(self.ratios) / 2)
        value = self.value or 0.0
        if self.kind == "sd":
            return np.array([0.0, 0.0, value * math.exp(-log_size)])
        return np.array([value, 0.0, 0.0])


def stated_noise(noise_cv: Any, noise_sd: Any, table: Any = None) -> Noise:
    """The noise that the arguments of an inference state; None says nothing.

    The `table` is one of noise by session or by size (`noise_of_table`). Raises DataError for two
    at once, and for what is no number, negative or not finite.

    >>> stated_noise(0, None).statement
    'none: sizes stated to be exact'
    """
    cv, sd = stated_number(noise_cv, "noise_cv"), stated_number(noise_sd, "noise_sd")
    if cv is not None and sd is not None:
        raise DataError("both noise_cv and noise_sd are given: state the noise one way")
    if table is not None:
        if cv is not None or sd is not None:
            given = "noise_cv" if cv is not None else "noise_sd"
            raise DataError(f"both noise and {given} are given: state the noise one way")
        return noise_of_table(table)
    for problem in noise_problems({"noise_cv": cv, "noise_sd": sd}):
        raise DataError(problem)
    if cv:
        return Noise("cv", cv)
    if sd:
        return Noise("sd", sd)
    return Noise("unknown") if cv is None and sd is None else Noise("none", 0.0)


def noise_of_table(table: Any) -> Noise:
    """A noise stated by session or by size, in a data frame or a mapping of columns.

    - columns `session` and `cv` (or `sd`): one row for before, one for after, in this order.
    - columns `size` and `cv` (or `sd`): at three sizes or more; a multiplicative, a shot and an
      additive part, none below 0, are fitted by least squares of the relative error of CV^2.
    - two numbers alone are the CV before and after.

    An `sd` is in the unit of size. Raises DataError for other columns, for numbers that are
    negative or not finite, and for a CV above 1.

    >>> noise_of_table({"size": [0.5, 1, 2], "cv": [0.2, 0.1, 0.05]}).parts
    (0.0, 0.0, 0.1)
    >>> noise_of_table([0.1, 0.2]).ratios
    (1.0, 4.0)
    """
    columns = _columns(table)
    value = "cv" if "cv" in columns else "sd"
    by = "size" if "size" in columns else "session"
    if sorted(columns) != sorted([value, by]):
        raise DataError(
            f"noise has the columns {', '.join(columns) or 'none'}: give `session` or `size`, and"
            " `cv` or `sd`"
        )
    noise = columns[value]
    bad = ~(np.isfinite(noise) & (noise >= 0))
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise DataError(f"row {at} (counted from 0) of {value} of noise is {noise[at]:g}: give 0"
                        " or a positive number")  # fmt: skip
    if value == "cv" and (noise > 1).any():
        raise DataError(f"noise has a cv of {noise.max():g}, more than size itself: give fractions")
    if not noise.any():
        return Noise("none", 0.0)
    if by == "size":
        return _by_size(columns["size"], noise if value == "cv" else noise / columns["size"])
    if noise.size != 2:
        raise DataError(f"noise has {noise.size} rows: give one for before and one for after")
    first = float(noise[0]) or float(noise[1])
    ratios = (float((noise[0] / first) ** 2), float((noise[1] / first) ** 2))
    parts = (first, 0.0, 0.0) if value == "cv" else (0.0, 0.0, first)
    named = "coefficient of variation" if value == "cv" else "standard deviation"
    told = f"{named} {noise[0]:g} before and {noise[1]:g} after"
    return Noise("table", None, parts, ratios, told)


def _columns(table: Any) -> dict[str, Float[np.ndarray, " rows"]]:
    """The columns of a table of noise; those of `session` are numbered."""
    names = getattr(table, "columns", table)
    if names is not table or isinstance(table, Mapping):
        given = {str(name): table[name] for name in names}
    else:
        given = {"session": range(len(table)), "cv": table}
    columns = {}
    for name, values in given.items():
        cells = list(values)
        columns[name] = (
            np.arange(len(cells), dtype=np.float64)
            if name == "session"
            else np.array([stated_number(cell, f"{name} of noise") for cell in cells], dtype=float)
        )
    if len({column.size for column in columns.values()}) > 1:
        raise DataError("the columns of noise have different lengths: give as many rows in each")
    return columns


def _by_size(size: Float[np.ndarray, " rows"], cv: Float[np.ndarray, " rows"]) -> Noise:
    from scipy.optimize import nnls

    if size.size < 3 or not (np.isfinite(size) & (size > 0)).all():
        raise DataError("noise by size needs three or more positive sizes")
    seen = np.maximum(cv**2, 1e-6 * float(cv.max()) ** 2)
    typical = float(np.exp(np.log(size).mean()))
    shapes = np.stack([(size / typical) ** -k for k in range(3)], axis=1)
    squares, _ = nnls(shapes / seen[:, None], np.ones(size.size))
    first, shot, additive = np.sqrt(squares) * typical ** (np.arange(3) / 2)
    told = (
        f"coefficient of variation {cv[size.argmin()]:g} at size {size.min():g} to"
        f" {cv[size.argmax()]:g} at {size.max():g}, {size.size} sizes"
    )
    parts = (float(first), float(shot), float(additive))
    return Noise("table", None, parts, told=told)


def noise_problems(
    values: dict[str, float | None], called: Callable[[str], str] = str
) -> list[str]:
    """What is wrong with stated noises, each a sentence; `called` spells their names."""
    return [
        f"{called(name)} is {value:g}: give 0 (exact sizes) or a positive number"
        for name, value in values.items()
        if value is not None and not (math.isfinite(value) and value >= 0)
    ]


def stated_limit(detection_limit: Any) -> float | None:
    """The smallest size that can be detected, in the unit of size; None where none is stated.

    Raises DataError for what is no positive number.
    """
    limit = stated_number(detection_limit, "detection_limit")
    if limit is not None and not (math.isfinite(limit) and limit > 0):
        raise DataError(
            f"detection_limit is {limit:g}: give a positive size in the unit of the data"
        )
    return limit


def stated_number(value: Any, name: str) -> float | None:
    """One real number as a float; None stays None. Raises DataError for anything else."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real):
        shown = repr(value) if isinstance(value, str) else f"of type {type(value).__name__}"
        raise DataError(f"{name} is {shown}: give one number")
    return float(value)


def check_noise(
    noise: Noise, before: Float[np.ndarray, " n"], after: Float[np.ndarray, " n"]
) -> None:
    """Refuse a noise that no measurement has: larger than size, or lost in its digits."""
    if not noise.value:
        return
    if noise.kind == "cv" and noise.value > 1:
        raise DataError(
            f"noise_cv is {noise.value:g}, more than size itself: give it as a fraction,"
            " .1 for 10 %"
        )
    largest = float(max(before.max(), after.max()))
    if noise.kind == "sd" and noise.value > largest:
        raise DataError(
            f"noise_sd is {noise.value:g}, more than the largest size, {largest:g}: give it in the"
            " unit of size"
        )
    if noise.value < _FINEST * (1 if noise.kind == "cv" else largest):
        raise DataError(
            f"noise_{noise.kind} is {noise.value:g}, less than the digits of a size can show: give"
            " 0 for exact sizes"
        )


def noise_variance(
    before: Float[np.ndarray, " n"], after: Float[np.ndarray, " n"], noise: Noise
) -> Float[np.ndarray, " n"]:
    """Variance of the noise in the change of log size: 2 CV^2, or sd^2 (w0^-2 + w1^-2).

    >>> import numpy as np
    >>> noise_variance(np.ones(1), np.ones(1), Noise("cv", 0.1)).round(3)
    array([0.02])
    """
    if noise.parts is not None:
        return sum(
            ratio * sum((part / size ** (k / 2)) ** 2 for k, part in enumerate(noise.parts))
            for ratio, size in zip(noise.ratios, (before, after), strict=True)
        )  # pyright: ignore[reportReturnType]
    assert noise.value is not None
    if noise.kind == "cv":
        return np.full_like(before, 2 * noise.value**2)
    # Ratios first: squares of sizes in a tiny or huge unit would leave double precision.
    return (noise.value / before) ** 2 + (noise.value / after) ** 2
