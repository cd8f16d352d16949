"""Folding: finished cells move from their files into the regions of the store's arrays.

One process folds at a time. A cell's file goes only after all its values are in the arrays and
its state says so, so a fold that dies is done again from the files, with the same outcome.
"""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

from steepest.errors import DataError, SteepestError
from steepest.sweep.copies import copy_shared
from steepest.sweep.layout import Layout
from steepest.sweep.staged import Record, cannot_write, read
from steepest.sweep.store import (
    BLOCK_BYTES,
    BLOCK_CELLS,
    DONE,
    FAILED,
    LEFT,
    SweepStore,
    sync_written,
)

__all__ = ["fold", "forget", "write_blank"]


def fold(path: str) -> int:
    """Write all finished cells that wait in a store into its arrays; returns how many.

    Memory stays within a few chunks, whatever the number of cells. Raises `UsageError` when the
    store cannot be written, and `DataError` when it is damaged; the cells then wait on.
    """
    store = SweepStore(path)
    folded = 0
    if not store.staged() and not store.unsettled.exists():
        return folded
    try:
        with store.changing():
            group = store.group("r+")
            layout = Layout(group, store.attribute("study")["axes"], store.work)
            for records, files in _batches(store, math.prod(layout.shape)):
                _write(layout, records)
                sync_written(group)
                for file in files:
                    file.unlink()
                folded += len(records)
            copy_shared(store)
    except OSError as error:
        raise cannot_write(store.path, error) from error
    except SteepestError:
        raise
    except Exception as error:
        # What Zarr and its codecs raise for files that somebody changed meanwhile.
        raise DataError(
            f"{store.path} cannot be folded ({type(error).__name__}: {error}); finished cells are"
            " kept, and --repair finds what is damaged"
        ) from error
    return folded


def forget(store: SweepStore, cells: Iterable[int]) -> None:
    """Have cells in the arrays be left again, so that they are computed once more.

    Raises `UsageError` when the store cannot be written.
    """
    try:
        with store.changing():
            group = store.group("r+")
            layout = Layout(group, store.attribute("study")["axes"], store.work)
            write_blank(layout, cells)
            sync_written(group)
    except OSError as error:
        raise cannot_write(store.path, error) from error


def write_blank(layout: Layout, cells: Iterable[int]) -> None:
    """Write that nothing is known of cells."""
    indices = sorted(cells)
    blank = {"cell_status": LEFT, "cell_seconds": float("nan")}
    for name, value in {**blank, "cell_error": "", "cell_traceback": ""}.items():
        layout.write(name, [(index, value) for index in indices])


def _batches(store: SweepStore, size: int) -> Iterator[tuple[list[Record], list[Path]]]:
    """Waiting cells in the plan's order, as many at once as a few chunks hold."""
    waiting: dict[int, list[Path]] = {}
    for index, file in store.staged():
        if index < size:
            waiting.setdefault(index, []).append(file)
    records: list[Record] = []
    files: list[Path] = []
    total = 0
    for index in sorted(waiting):
        # Where a cell was tried again and succeeded, its result counts: "npy" is after "failed".
        records.append(read(max(waiting[index], key=lambda file: file.suffix)))
        files += waiting[index]
        total += records[-1].nbytes
        if len(records) >= BLOCK_CELLS or total >= 4 * BLOCK_BYTES:
            yield records, files
            records, files, total = [], [], 0
    if records:
        yield records, files


def _write(layout: Layout, records: list[Record]) -> None:
    good: list[Record] = []
    errors: dict[int, tuple[str, str]] = {}
    for record in records:
        misfit = layout.misfit(record)
        if record.error:
            errors[record.index] = (record.error, record.traceback)
        elif misfit:
            errors[record.index] = (f"DataError: {misfit}", "")
        else:
            layout.admit(record)
            good.append(record)
    for name, cells in layout.cell_values(good).items():
        layout.write(name, cells)
    layout.write("cell_seconds", [(record.index, record.seconds) for record in records])
    words = [(record.index, *errors.get(record.index, ("", ""))) for record in records]
    layout.write("cell_error", [(index, error) for index, error, _ in words])
    layout.write("cell_traceback", [(index, trace) for index, _, trace in words])
    layout.write("cell_status", [(i, FAILED if i in errors else DONE) for i, _, _ in words])
