"""What figures claim at the scale of their paper: the runs that benchmarks/paper_scale.py kept."""

import csv
from pathlib import Path

KEPT = Path(__file__).parent / "paper_scale"


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a table, by its head."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


RUNS = {row["figure"]: row for row in rows_of(KEPT / "runs.csv")}


def table() -> str:
    """A row for each run: its time, and how many claims hold, fail and are not tested."""
    lines = [
        "| figure | time | of the processor | changed | hold | fail | not tested |",
        "|---|---|---|---|---|---|---|",
    ]
    for key, run in RUNS.items():
        holds = [row["holds"] for row in rows_of(KEPT / f"{key}.csv")]
        paper, _, name = key.partition(".")
        counts = " | ".join(str(holds.count(kind)) for kind in ("True", "False", ""))
        lines.append(
            f"| [{key}](../figures/{paper}/{name}.md) | {duration(run['wall_s'])}"
            f" | {duration(run['processor_s'])} | {run['changed']} | {counts} |"
        )
    return "\n".join([*lines, ""])


def duration(seconds: str) -> str:
    """Seconds as a person says them; those that were not kept are not told."""
    if not seconds:
        return ""
    number = float(seconds)
    return f"{max(number, 1):.0f} s" if number < 90 else f"{number / 60:.0f} minutes"
