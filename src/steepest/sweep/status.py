"""How far a sweep is, read from its store by anybody, at any time."""

import math
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from steepest.errors import DataError
from steepest.sweep.damage import Damage, find_damage
from steepest.sweep.staged import read
from steepest.sweep.states import DONE, FAILED, LEFT, draw_cells
from steepest.sweep.store import SweepStore

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Status", "read_status"]

# A driver says something every second; this long after its last word it counts as gone.
_SILENCE = 30.0


@dataclass(frozen=True)
class Status:
    """Cells by state, the workers of the driver (None: no driver is at work), what went wrong.

    `seconds_left` is None without a driver, or before it finished a cell. `errors` counts the
    failed cells by error. `damage` names the files of the store that are gone or were changed.

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
    damage: tuple[str, ...] = ()

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
            "damage": list(self.damage),
        }

    def plot(self) -> "Figure":
        """A map of the study's cells: which are done, which failed, and which are left.

        It shows the store as it is now. Raises `UsageError` when the store is gone.

        >>> status = Status(Path("not-there.zarr"), "A study", 6, 4, 1, None, None, {})
        >>> try:
        ...     status.plot().savefig("cells.png")
        ... except ValueError:
        ...     print("no sweep yet")
        no sweep yet
        """
        place = SweepStore(self.store)
        axes = place.attribute("study")["axes"]
        damages = find_damage(place, values=False)
        return draw_cells(self.title, axes, _states(place, axes, damages))


def read_status(store: str | Path) -> Status:
    """The status of a store; changes nothing, and needs no driver.

    Of a damaged store it tells what can still be read: a cell that nobody knows of counts as left.
    Raises `UsageError` when there is no store of a sweep.

    >>> from steepest.errors import UsageError
    >>> try:
    ...     read_status("not-there.zarr").left
    ... except UsageError:
    ...     print("no sweep yet")
    no sweep yet
    """
    place = SweepStore(store)
    title = str(place.attributes().get("title", ""))
    axes = place.attribute("study")["axes"]
    damages = find_damage(place, values=False)
    for _ in range(3):
        # A driver may have changed files between two looks of ours: look again.
        if not damages or not place.work.exists():
            break
        time.sleep(0.1)
        damages = find_damage(place, values=False)
    states = _states(place, axes, damages)
    done, failed = (int(np.sum(states == state)) for state in (DONE, FAILED))
    left = states.size - done - failed
    words = list(map(str, damages))
    workers, seconds_left = None, None
    try:
        workers, seconds_left = _driver(place, left)
    except (DataError, ValueError) as error:
        words.append(str(Damage(".sweep/driver.json", f"{error}; the driver writes it anew")))
    errors = _errors(place) if failed else {}
    counts = (states.size, done, failed)
    return Status(place.path, title, *counts, workers, seconds_left, errors, tuple(words))


def _states(place: SweepStore, axes: dict[str, Any], damages: list[Damage]) -> np.ndarray:
    """State of every cell, LEFT for those of which the damaged files do not tell."""
    shape = [len(next(iter(columns.values()))) for columns in axes.values()]
    broken = {damage.file for damage in damages}
    if any(file.split("/")[0] in (".zgroup", ".zattrs", "cell_status") for file in broken):
        return np.full(math.prod(shape), LEFT)
    return place.states({place.path / file for file in broken})


def _driver(place: SweepStore, left: int) -> tuple[int | None, float | None]:
    """Workers of the driver, if there is one, and the seconds that it still needs, if known."""
    beat = place.heartbeat()
    now = datetime.now(UTC)
    if beat is None or _seconds(beat["updated"], now) > _SILENCE:
        return None, None
    if not beat["computed"]:
        return beat["workers"], None
    return beat["workers"], round(left * _seconds(beat["started"], now) / beat["computed"], 1)


def _seconds(since: str, now: datetime) -> float:
    moment = datetime.fromisoformat(since)
    return (now - moment.replace(tzinfo=moment.tzinfo or UTC)).total_seconds()


def _errors(place: SweepStore) -> dict[str, int]:
    texts: list[str] = []
    with suppress(OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError):
        group = place.group()
        failed = np.array(group["cell_status"]).ravel() == FAILED
        texts += map(str, np.array(group["cell_error"]).ravel()[failed])
    for _, path in place.staged():
        if path.suffix == ".failed":
            # A fold may take the file away meanwhile; its error is then in the array.
            with suppress(FileNotFoundError, DataError):
                texts.append(read(path).error)
    return dict(Counter(texts).most_common())
