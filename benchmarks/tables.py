"""What reading and looking at tables costs, beside pandas' own reading.

Run it from anywhere: `python benchmarks/tables.py`. It makes up a long table of 1e6 rows and a wide
one of 1e5, with texts as labels. Reading is done in this process, in turn with `pandas.read_csv` of
the same file, and its CPU time taken (both use one thread); a look is a whole process, beside Y,
which imports NumPy, pandas, scipy.stats and matplotlib. The least of several turns is taken: it is
what the work costs, whatever else the machine does.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from command import YARDSTICK, seconds

from steepest.inference.synapses.request import Request

ROUNDS = 7
SESSIONS = 8
MOST_OF_PANDAS = 3.0
MOST_OF_Y = 0.5


def long_table(folder: Path, rows: int = 1_000_000) -> Path:
    """Rows of spines in sessions, with their animal and dendrite."""
    rng = np.random.default_rng(0)
    spine = np.repeat(np.arange(rows // SESSIONS), SESSIONS)
    sizes = np.exp(rng.normal(size=spine[-1] + 1))[spine] * np.exp(0.1 * rng.normal(size=rows))
    table = pd.DataFrame(
        {
            "animal": [f"m{at % 20}" for at in spine],
            "dendrite": [f"d{at % 200}" for at in spine],
            "spine": [f"s{at}" for at in spine],
            "session": np.tile(np.arange(1, SESSIONS + 1), rows // SESSIONS),
            "volume": sizes.round(6),
        }
    )
    path = folder / "long.csv"
    table.to_csv(path, index=False)
    return path


def wide_table(folder: Path, rows: int = 100_000) -> Path:
    """A row for each spine, with its dendrite and six sessions."""
    rng = np.random.default_rng(0)
    sizes = np.exp(rng.normal(size=(rows, 1)) + 0.1 * rng.normal(size=(rows, 6)))
    table = pd.DataFrame(sizes.round(4), columns=[f"day{4 * at}" for at in range(6)])
    table.insert(0, "dendrite", [f"d{at % 200}" for at in range(rows)])
    table.insert(0, "spine", [f"s{at}" for at in range(rows)])
    path = folder / "wide.csv"
    table.to_csv(path, index=False)
    return path


def least(clock: Callable[[], float], *works: Callable[[], Any]) -> list[float]:
    """The least that each of some works took by a clock, all of them in turn."""
    took: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for place, work in enumerate(works):
            started = clock()
            work()
            took[place].append(clock() - started)
    return [min(times) for times in took]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        long, wide = long_table(Path(folder)), wide_table(Path(folder))
        columns: dict[str, Any] = {"id": "spine", "session": "session", "size": "volume"}
        plain, grouped = Request(**columns), Request(**columns, group="dendrite")
        pandas, ours, with_groups = least(
            time.process_time,
            lambda: pd.read_csv(long),
            lambda: plain.read(long),
            lambda: grouped.read(long),
        )
        look = [sys.executable, "-m", "steepest", "infer", str(wide)]
        yardstick, looked = least(
            time.perf_counter, lambda: seconds(YARDSTICK), lambda: seconds(look)
        )
    print(f"a long table of 1e6 rows, read by pandas: {pandas:.3f} s")
    for name, took in (("by infer", ours), ("by infer --group", with_groups)):
        print(f"  {name}: {took:.3f} s, {took / pandas:.1f} times (at most {MOST_OF_PANDAS:g})")
    print(f"a look at a wide table of 1e5 rows: {looked:.2f} s, Y is {yardstick:.2f} s")
    print(f"  {looked / yardstick:.2f} Y (at most {MOST_OF_Y:g})")


if __name__ == "__main__":
    main()
