"""What a check of laws writes down: each law at its worst, as a table."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import LawBroken

__all__ = ["Law", "LawReport", "Ledger"]


@dataclass(frozen=True)
class Law:
    """One law, the largest violation seen, the largest allowed, and where it was seen.

    >>> from steepest.geometry import Law
    >>> Law("sharp inverts flat", violation=1e-15, tolerance=1e-9, point=(1.0,)).holds
    True
    """

    statement: str
    violation: float
    tolerance: float
    point: tuple[float, ...]

    @property
    def holds(self) -> bool:
        return bool(self.violation <= self.tolerance)  # False for NaN


@dataclass(frozen=True, repr=False)
class LawReport:
    """What was checked and what came out; prints as a table.

    >>> from steepest.geometry import Euclidean, check_homogeneity
    >>> check_homogeneity(Euclidean(), [1.0, 2.0]).holds
    True
    """

    subject: str
    laws: tuple[Law, ...]

    @property
    def holds(self) -> bool:
        return all(law.holds for law in self.laws)

    def __repr__(self) -> str:
        lines = [self.subject]
        for law in self.laws:
            mark = "holds " if law.holds else "BROKEN"
            where = "" if law.holds else f"  at {np.array2string(np.array(law.point), precision=6)}"
            lines.append(
                f"  {mark}  {law.statement}  (violation {law.violation:.1e}, "
                f"allowed {law.tolerance:.0e}){where}"
            )
        return "\n".join(lines)


class Ledger:
    """Collects violations, keeping the worst of each law."""

    def __init__(self) -> None:
        self.laws: dict[str, Law] = {}

    def enter(self, statement: str, violation: Any, tolerance: float, point: Any) -> None:
        values = np.asarray(violation, dtype=np.float64)
        worst = float(np.max(np.where(np.isnan(values), np.inf, values), initial=0.0))
        known = self.laws.get(statement)
        if known is None or worst > known.violation:
            place = tuple(float(x) for x in np.ravel(point))
            self.laws[statement] = Law(statement, worst, tolerance, place)

    def close(self, subject: str) -> LawReport:
        report = LawReport(subject, tuple(self.laws.values()))
        if not report.holds:
            raise LawBroken(str(report))
        return report
