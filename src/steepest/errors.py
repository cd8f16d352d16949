"""What can go wrong, by kind. Every message says what, where, and what to do.

Each is a kind of `ValueError`, so that a caller who knows nothing of this package catches them too.
"""

from steepest.markup import visible

__all__ = [
    "ChartError",
    "DataError",
    "DomainError",
    "FlowError",
    "LawBroken",
    "LearningError",
    "MetricError",
    "PrecisionError",
    "ProjectionError",
    "SteepestError",
    "UsageError",
]


class SteepestError(ValueError):
    r"""Bad input to this package: the base of all errors below.

    What a message quotes from a file is shown, never obeyed by a terminal.

    >>> print(SteepestError("no column \x1b[2J"))
    no column \x1b[2J
    """

    def __str__(self) -> str:
        return visible(super().__str__(), lines=True)


class MetricError(SteepestError):
    """A metric's matrix is not symmetric positive definite, or is too ill-conditioned to solve."""


class DomainError(SteepestError):
    """A point lies outside the domain of a geometry, or on a boundary where it is singular."""


class ChartError(SteepestError):
    """A chart's inverse does not invert it, or its Jacobian is singular."""


class PrecisionError(SteepestError):
    """Single precision was given to something that solves a dense linear system."""


class FlowError(SteepestError):
    """A flow left its domain, stalled, or could not be followed to its final time."""


class LearningError(SteepestError):
    """A plasticity rule was taken where it is undefined, or in steps that are too large."""


class ProjectionError(SteepestError):
    """No weights were found that solve a regression and end where mirror descent would."""


class LawBroken(SteepestError):
    """A geometry, or a recipe for one, breaks a law that it must obey."""


class DataError(SteepestError):
    """Measured data cannot be read or used: names the row and the column where it can."""


class UsageError(SteepestError):
    """An unknown name, a contradictory option, or a place that cannot be written to."""
