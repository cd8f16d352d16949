"""What is said about measurement noise and the detection limit, understood in one place."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from steepest.errors import DataError

__all__ = [
    "Noise",
    "check_noise",
    "noise_problems",
    "noise_variance",
    "stated_limit",
    "stated_noise",
    "stated_number",
]

_FINEST = 1e-15  # of size: the rounding of double precision itself


@dataclass(frozen=True)
class Noise:
    """What was stated about measurement noise: nothing, exact sizes, a CV, or an additive sd.

    >>> Noise("cv", 0.1).statement
    'coefficient of variation 0.1 (stated)'
    """

    kind: Literal["unknown", "none", "cv", "sd"]
    value: float | None = None

    @property
    def statement(self) -> str:
        """The statement as a phrase for tables and reports."""
        if self.kind == "cv":
            return f"coefficient of variation {self.value:g} (stated)"
        if self.kind == "sd":
            return f"standard deviation {self.value:g} in the unit of size (stated)"
        return "none: sizes stated to be exact" if self.kind == "none" else "unknown: not stated"

    @property
    def positive(self) -> bool:
        """Whether there is a noise, and its size is stated."""
        return self.kind in ("cv", "sd")

    def at(self, log_size: float) -> Float[np.ndarray, " 3"]:
        """Standard deviations of log size at one log size: multiplicative, shot, additive."""
        value = self.value or 0.0
        if self.kind == "sd":
            return np.array([0.0, 0.0, value * math.exp(-log_size)])
        return np.array([value, 0.0, 0.0])


def stated_noise(noise_cv: Any, noise_sd: Any) -> Noise:
    """The noise that two arguments of an inference state; None says nothing.

    Raises DataError for both at once, and for what is no number, negative or not finite.

    >>> stated_noise(0, None)
    Noise(kind='none', value=0.0)
    """
    cv, sd = stated_number(noise_cv, "noise_cv"), stated_number(noise_sd, "noise_sd")
    if cv is not None and sd is not None:
        raise DataError("both noise_cv and noise_sd are given: state the noise one way")
    for problem in noise_problems({"noise_cv": cv, "noise_sd": sd}):
        raise DataError(problem)
    if cv:
        return Noise("cv", cv)
    if sd:
        return Noise("sd", sd)
    return Noise("unknown") if cv is None and sd is None else Noise("none", 0.0)


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
    assert noise.value is not None
    if noise.kind == "cv":
        return np.full_like(before, 2 * noise.value**2)
    # Ratios first: squares of sizes in a tiny or huge unit would leave double precision.
    return (noise.value / before) ** 2 + (noise.value / after) ** 2
