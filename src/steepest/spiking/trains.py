"""Spike trains that are given: from arrays or from a file, checked once, counted bin by bin."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from steepest.arrays.given import real_numbers
from steepest.data.opening import read_text, size_limit
from steepest.errors import DataError

__all__ = ["LARGEST_COUNT", "SpikeTrains", "read_spike_trains"]

LARGEST_COUNT = 255  # spikes of one train in one bin: counts are kept in bytes
_EDGE = 1e-9  # of a bin: a spike written at a bin's edge belongs to the bin that starts there


@dataclass(frozen=True, eq=False)
class SpikeTrains:
    """Sorted spike times (s), one array per train, in a run that lasts `duration` s.

    Raises `DataError`, which names the train and the spike, for times that are not finite, not
    sorted, negative or not before the end of the run.

    >>> trains = SpikeTrains([[0.1, 0.2], [0.4]], duration=1.0)
    >>> trains.rates
    array([2., 1.])
    >>> trains.counts(0, 5, dt=0.1)
    array([[0, 0],
           [1, 0],
           [1, 0],
           [0, 0],
           [0, 1]], dtype=uint8)
    """

    trains: tuple[np.ndarray, ...]
    duration: float

    def __init__(self, trains: Sequence[Any], duration: float) -> None:
        arrays = tuple(
            real_numbers(train, f"spike train {i}", error=DataError, empty=True)
            for i, train in enumerate(trains)
        )
        object.__setattr__(self, "trains", arrays)
        object.__setattr__(self, "duration", float(duration))
        if not (np.isfinite(self.duration) and self.duration > 0):
            raise DataError(f"spike trains: the run lasts {duration} s; give a positive duration")
        if not arrays:
            raise DataError("spike trains: none were given")
        for i, times in enumerate(arrays):
            if times.ndim != 1:
                raise DataError(f"spike train {i}: times are one array (k,), not {times.shape}")
            outside = ~(np.isfinite(times) & (times >= 0) & (times < self.duration))
            if outside.any():
                k = int(np.flatnonzero(outside)[0])
                raise DataError(
                    f"spike train {i}: spike {k} at {times[k]:g} s is outside the run of "
                    f"{self.duration:g} s; cut the train, or check that its unit is seconds"
                )
            falls = np.flatnonzero(np.diff(times) < 0)
            if falls.size:
                k = int(falls[0]) + 1
                raise DataError(
                    f"spike train {i}: spike {k} at {times[k]:g} s comes before spike {k - 1} at "
                    f"{times[k - 1]:g} s; sort the times"
                )

    @property
    def size(self) -> int:
        """Number of trains."""
        return len(self.trains)

    @property
    def rates(self) -> np.ndarray:
        """Mean rate of each train over the run, in Hz."""
        return np.array([len(times) for times in self.trains]) / self.duration

    def counts(self, first: int, last: int, dt: float) -> UInt8[np.ndarray, "steps trains"]:
        """Spikes in the bins `first` to `last` - 1 of `dt` s each.

        Raises `DataError` for a bin with more than 255 spikes of one train.
        """
        counted = np.zeros((last - first, self.size), dtype=np.int64)
        for i, times in enumerate(self.trains):
            here = slice(*np.searchsorted(times, [(first - 1) * dt, (last + 1) * dt]))
            bins = _bin_of(times[here], dt) - first
            inside = bins[(bins >= 0) & (bins < last - first)]
            counted[:, i] = np.bincount(inside, minlength=last - first)
        if counted.max(initial=0) > LARGEST_COUNT:
            step, i = np.argwhere(counted > LARGEST_COUNT)[0]
            raise DataError(
                f"spike train {i}: {counted[step, i]} spikes in the bin at "
                f"{(first + step) * dt:g} s; at most {LARGEST_COUNT} can be counted: use shorter "
                "bins"
            )
        return counted.astype(np.uint8)


def _bin_of(times: np.ndarray, dt: float) -> np.ndarray:
    """The bin in which each time lies; a time written at an edge is in the bin that starts there.

    Late in a long run the edge itself is known to some units of the last digit only.
    """
    places = times / dt
    nearest = np.rint(places)
    at_edge = np.abs(places - nearest) <= np.maximum(_EDGE, 4 * np.spacing(places))
    return np.where(at_edge, nearest, np.floor(places)).astype(np.int64)


def read_spike_trains(path: str | Path, size: int, duration: float) -> SpikeTrains:
    """Spike trains of `size` afferents from a text file with a row "afferent time" per spike.

    Columns (afferent counted from 0, time in s) are separated by commas or blanks; lines that
    start with # are left out; times of each afferent are sorted. Raises `DataError`, which names
    the row, for a file that cannot be read or an afferent that is not one of `size`.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "spikes.txt"
    ...     _ = path.write_text("0, 0.1\\n1, 0.4\\n0, 0.2")
    ...     read_spike_trains(path, size=2, duration=1.0).trains
    (array([0.1, 0.2]), array([0.4]))
    """
    try:
        text = read_text(Path(path), size_limit())
    except DataError as error:
        raise DataError(f"{path}: cannot be read as a text file of spikes ({error})") from error
    trains: list[list[float]] = [[] for _ in range(size)]
    for row, line in enumerate(io.StringIO(text, newline=None), start=1):
        cells = line.split("#")[0].replace(",", " ").split()
        if not cells:
            continue
        try:
            if len(cells) != 2 or "_" in "".join(cells):  # 1_000 is a number to Python alone
                raise ValueError(f"{len(cells)} columns")
            index, time = int(cells[0]), float(cells[1])
        except (ValueError, IndexError) as error:
            raise DataError(
                f"{path}: row {row}, {line.strip()!r}, is not an afferent's number and a time"
            ) from error
        if not 0 <= index < size:
            raise DataError(
                f"{path}: row {row}: afferent {index} is none of the {size}, counted from 0"
            )
        trains[index].append(time)
    return SpikeTrains(trains, duration)
