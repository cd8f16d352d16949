"""What a figure says about a paper's statement: expected, measured, and whether it holds."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.files import plain

__all__ = ["Claim"]

Value = float | int | str | tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One statement of a paper, with what was expected, what was measured, and whether it holds.

    `standard_error` is given where the measurement is random. `holds` is None where the chosen
    scale cannot test the statement. What the paper gets wrong is corrected, and says so.

    `close`, `below`, `above` and `near` take the limit once, and make the words and `holds` of it.
    Write one by hand only where none of them can say it.

    >>> Claim.below("The cost falls along the flow (largest change)", -0.2, 0).holds
    True
    """

    statement: str
    expected: Value
    measured: Value
    standard_error: float | None = None
    holds: bool | None

    @classmethod
    def close(
        cls,
        statement: str,
        expected: Any,
        measured: Any,
        tolerance: float,
        *,
        standard_error: float | None = None,
        tested: bool = True,
    ) -> "Claim":
        """The claim that every measured number is within `tolerance` of the expected one.

        Two texts are close when they are the same. `tested` is False where the chosen scale cannot
        tell: then `holds` is None. The same goes for `below`, `above` and `near`.

        >>> Claim.close("The flow ends at (1, 2)", (1.0, 2.0), np.array([1.0, 2.0001]), 1e-3).holds
        True
        """
        if isinstance(expected, str):
            holds = expected == measured
            return cls._of(statement, expected, measured, standard_error, holds, tested)
        wanted, got = np.asarray(expected, float), np.asarray(measured, float)
        holds = wanted.shape == got.shape and bool(np.all(np.abs(got - wanted) <= tolerance))
        return cls._of(statement, _value(wanted), measured, standard_error, holds, tested)

    @classmethod
    def below(
        cls,
        statement: str,
        measured: Any,
        limit: float,
        *,
        standard_error: float | None = None,
        by: float = 0,
        inclusive: bool = False,
        tested: bool = True,
    ) -> "Claim":
        """The claim that every measured number is below `limit`, by so many standard errors.

        With `inclusive` the limit itself is allowed: "at most".

        >>> Claim.below("Noise dies out (share left)", 0.02, 0.1).expected
        'below 0.1'
        """
        worst = np.asarray(measured, float) + by * (standard_error or 0.0)
        holds = bool(np.all(worst <= limit if inclusive else worst < limit))
        words = _limit("at most" if inclusive else "below", limit, by)
        return cls._of(statement, words, measured, standard_error, holds, tested)

    @classmethod
    def above(
        cls,
        statement: str,
        measured: Any,
        limit: float,
        *,
        standard_error: float | None = None,
        by: float = 0,
        inclusive: bool = False,
        tested: bool = True,
    ) -> "Claim":
        """The claim that every measured number is above `limit`, by so many standard errors.

        With `inclusive` the limit itself is allowed: "at least".

        >>> Claim.above("Layers that are named (of 9)", 9, 9, inclusive=True)  # doctest: +ELLIPSIS
        Claim(statement='Layers that are named (of 9)', expected='at least 9', ..., holds=True)
        """
        worst = np.asarray(measured, float) - by * (standard_error or 0.0)
        holds = bool(np.all(worst >= limit if inclusive else worst > limit))
        words = _limit("at least" if inclusive else "above", limit, by)
        return cls._of(statement, words, measured, standard_error, holds, tested)

    @classmethod
    def near(
        cls,
        statement: str,
        expected: float,
        measured: Any,
        standard_error: float,
        *,
        by: float = 3,
        tolerance: float = 0,
        tested: bool = True,
    ) -> "Claim":
        """The claim that every random number is within `by` standard errors of what is expected.

        `tolerance` is added to them where the expectation itself is only known so well. A standard
        error that does not exist (NaN) leaves the claim untested.

        >>> Claim.near("Mean of the noise", 0.0, 0.02, 0.01).holds
        True
        """
        gap = np.abs(np.asarray(measured, float) - expected)
        holds = bool(np.all(gap <= tolerance + by * standard_error))
        tested = tested and bool(np.isfinite(standard_error))
        return cls._of(statement, float(expected), measured, standard_error, holds, tested)

    @classmethod
    def _of(
        cls,
        statement: str,
        expected: Value,
        measured: Any,
        standard_error: float | None,
        holds: bool,
        tested: bool,
    ) -> "Claim":
        return cls(
            statement=statement,
            expected=expected,
            measured=measured if isinstance(measured, str) else _value(np.asarray(measured)),
            standard_error=None if standard_error is None else float(standard_error),
            holds=holds if tested else None,
        )

    def showing(self, what: str, *measured: float, standard_error: float | None = None) -> "Claim":
        """The same verdict, with the numbers that it was made from as what was measured.

        For a limit on one of several numbers, or on their ratio; `what` names what it is on.

        >>> claim = Claim.below("Noise dies out (start, end)", 0.02, 0.1)
        >>> claim.showing("end over start", 5.0, 0.1).expected
        'end over start below 0.1'
        """
        limit = self.expected if isinstance(self.expected, str) else f"{self.expected:g}"
        return dataclasses.replace(
            self,
            expected=f"{what} {limit}",
            measured=_value(np.asarray(measured[0] if len(measured) == 1 else measured)),
            standard_error=standard_error,
        )

    def to_dict(self) -> dict[str, Any]:
        """The claim as plain JSON values; a number that does not exist is None."""
        return {
            "statement": self.statement,
            "expected": plain(self.expected),
            "measured": plain(self.measured),
            "standard_error": plain(self.standard_error),
            "holds": None if self.holds is None else bool(self.holds),  # NumPy's is not JSON
        }


def _value(array: np.ndarray) -> Value:
    if array.ndim:
        return tuple(float(x) for x in array.ravel())
    return int(array) if array.dtype.kind in "iu" else float(array)


def _limit(side: str, limit: float, by: float) -> str:
    return f"{side} {limit:g}" + (f" by {by:g} standard errors" if by else "")
