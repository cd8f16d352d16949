"""How far a sweep is, read from its store by anybody, at any time."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from steepest.sweep.staged import read
from steepest.sweep.store import DONE, FAILED, SweepStore

__all__ = ["Status", "read_status"]

# A driver says something every second; this long after its last word it counts as gone.
_SILENCE = 30.0


@dataclass(frozen=True)
class Status:
    """Cells by state, the workers of the driver (None: no driver is at work), what went wrong.

    `seconds_left` is None without a driver, or before it finished a cell. `errors` counts the
    failed cells by error.

    >>> status = Status(Path("study.zarr"), "A study", 6, 4, 1, None, None, {})
    >>> status.left
    1
    """

    store: Path
    title: str
    cells: int
    done: int
    failed: int
    workers: int | None
    seconds_left: float | None
    errors: dict[str, int]

    @property
    def left(self) -> int:
        """Cells that are neither done nor failed."""
        return self.cells - self.done - self.failed

    def to_dict(self) -> dict[str, Any]:
        """The status as plain JSON values."""
        return {
            "store": str(self.store),
            "title": self.title,
            "cells": self.cells,
            "done": self.done,
            "failed": self.failed,
            "left": self.left,
            "workers": self.workers,
            "seconds_left": self.seconds_left,
            "errors": self.errors,
        }


def read_status(store: str | Path) -> Status:
    """The status of a store; changes nothing, and needs no driver.

    Raises `UsageError` when there is no store of a sweep.

    >>> from steepest.errors import UsageError
    >>> try:
    ...     read_status("not-there.zarr").left
    ... except UsageError:
    ...     print("no sweep yet")
    no sweep yet
    """
    place = SweepStore(store)
    group = place.group()
    states = place.states()
    done, failed = (int(np.sum(states == state)) for state in (DONE, FAILED))
    left = states.size - done - failed
    workers, seconds_left = None, None
    beat = place.heartbeat()
    if beat is not None:
        now = datetime.now(UTC)
        if (now - datetime.fromisoformat(beat["updated"])).total_seconds() < _SILENCE:
            workers = beat["workers"]
            taken = (now - datetime.fromisoformat(beat["started"])).total_seconds()
            if beat["computed"]:
                seconds_left = round(left * taken / beat["computed"], 1)
    title = str(group.attrs["title"])
    errors = _errors(place, group) if failed else {}
    return Status(place.path, title, states.size, done, failed, workers, seconds_left, errors)


def _errors(place: SweepStore, group: Any) -> dict[str, int]:
    texts = [str(text) for text in np.array(group["cell_error"]).ravel() if text]
    for _, path in place.staged():
        if path.suffix == ".json":
            # A fold may take the file away meanwhile; its error is then in the array.
            with suppress(FileNotFoundError):
                texts.append(read(path).error)
    return dict(Counter(texts).most_common())
