"""Figures at the paper's scale: what they claim, measured there, and how long they take.

    python benchmarks/paper_scale.py NAME ... [--set trials=300] [--seed 0] [--out out/paper]

runs each figure once with the values of its paper and keeps its claims in docs/paper_scale/KEY.csv,
and its times in docs/paper_scale/runs.csv, from which the site makes a page. Data and pictures go
to `--out`. `--set` changes a parameter, which the row of the run says: for figures whose full size
this machine has no time for. A run that fails or is stopped changes nothing.
"""

import argparse
import dataclasses
import datetime
import json
import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from figures import read, write
from report import machine

from steepest.papers import load
from steepest.study import Figure, reproduce

KEPT = Path(__file__).parents[1] / "docs" / "paper_scale"
HEAD = ("figure", "wall_s", "processor_s", "changed", "seed", "machine", "date")


@dataclass(frozen=True)
class Changed(Figure):
    """A figure some of whose parameters are not the paper's."""

    changes: dict[str, Any] = field(default_factory=dict)

    def parameters(self, *arguments: Any, **options: Any) -> Any:
        return dataclasses.replace(super().parameters(*arguments, **options), **self.changes)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", help="figures, as PAPER.FIGURE")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=JSON", dest="changes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/paper"))
    chosen = parser.parse_args()
    changes = dict(piece.partition("=")[::2] for piece in chosen.changes)
    for name in chosen.names:
        (figure,) = load(name)
        values = {key: as_given(figure, key, value) for key, value in changes.items()}
        began, used = time.perf_counter(), processor_time()
        result = reproduce(
            Changed(figure.key, figure.module, values), "paper", chosen.seed, chosen.out
        )
        wall, used = time.perf_counter() - began, processor_time() - used
        said = "; ".join(f"{key} = {value}" for key, value in changes.items())
        row = (figure.key, f"{wall:.0f}", f"{used:.0f}", said, str(chosen.seed), machine())
        keep((*row, datetime.date.today().isoformat()), result.files["csv"])
        fails = [claim.statement for claim in result.claims if claim.holds is False]
        print(f"{figure.key}: {wall:.0f} s, {used:.0f} s of processor, {len(fails)} claims fail")
        print(*(f"  fails: {statement}" for statement in fails), sep="\n", flush=True)
    return 0


def as_given(figure: Figure, key: str, value: str) -> Any:
    """A parameter's new value, of the kind that its default is."""
    default = getattr(figure.module.Parameters(), key)
    given = json.loads(value)
    return tuple(given) if isinstance(default, tuple) else type(default)(given)


def processor_time() -> float:
    """Seconds of processor time so far, of this process and of those that it started."""
    return sum(os.times()[:4])


def keep(row: tuple[str, ...], claims: Path) -> None:
    """Put a run's claims and its row into the folder of the docs."""
    KEPT.mkdir(exist_ok=True)
    shutil.copyfile(claims, KEPT / f"{row[0]}.csv")
    rows = read(KEPT / "runs.csv") | {row[0]: row}
    write(KEPT / "runs.csv", HEAD, [rows[key] for key in sorted(rows)])


if __name__ == "__main__":
    sys.exit(main())
