"""How long each figure takes at the quick scale, as a command that finds nothing compiled.

`python benchmarks/figures.py [NAME ...]` runs `steepest reproduce NAME --no-cache` for every figure
(or those that are named), one after the other, and writes the processor time of each, the machine
and the date into src/steepest/papers/times.csv, where `steepest papers` and the gallery read them.
Rows of figures that are not run stay as they were. What the clock says depends on what else the
machine does; processor time hardly does.
"""

import csv
import datetime
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from report import machine

import steepest
from steepest.papers import available, load

TABLE = Path(steepest.__file__).parent / "papers" / "times.csv"
HEAD = ("figure", "seconds", "machine", "date")


def main() -> int:
    keys = [figure.key for paper in available() for figure in paper.figures]
    chosen = [figure.key for name in sys.argv[1:] for figure in load(name)] or keys
    rows = read(TABLE)
    failed = []
    for key in chosen:
        code, seconds = processor_time(key)
        print(f"{key:36} {seconds:7.1f} s" + (f"  ended with {code}" if code else ""), flush=True)
        if code:
            failed.append(key)
            continue
        rows[key] = (key, f"{seconds:.1f}", machine(), datetime.date.today().isoformat())
        write(TABLE, HEAD, [rows[key] for key in keys if key in rows])
    return len(failed)


def processor_time(key: str) -> tuple[int, float]:
    """Exit code, and seconds of processor time, children included, of one figure's command."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "steepest",
            "reproduce",
            key,
            "--no-cache",
            "--out",
            folder,
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
    return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime


def read(table: Path) -> dict[str, tuple[str, ...]]:
    """The rows of an earlier run, by figure."""
    if not table.is_file():
        return {}
    with table.open(newline="", encoding="utf-8") as file:
        return {row[0]: tuple(row) for row in list(csv.reader(file))[1:]}


def write(table: Path, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """The table, all or nothing."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([head, *rows])
    unfinished = table.with_suffix(".part")
    unfinished.write_text(text.getvalue(), "utf-8")
    unfinished.replace(table)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
