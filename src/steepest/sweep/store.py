"""One Zarr store for a study: made whole, opened only by its own study, driven by one at a time.

Beside the arrays (see `steepest.sweep.layout`) an unfinished store holds `.sweep/`: finished cells
that wait to be folded into the arrays, and what the driver says of itself.
"""

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from filelock import FileLock, Timeout
from zarr.core.buffer import Buffer
from zarr.storage import LocalStore

from steepest._version import __version__
from steepest.errors import DataError, UsageError
from steepest.interrupts import undone
from steepest.sweep.metadata import consolidate, load_object, read_consolidated
from steepest.sweep.plan import Axis, Plan, difference
from steepest.sweep.staged import CHECKED, cannot_write, write_atomic
from steepest.sweep.states import DONE, FAILED, LEFT

__all__ = ["BLOCK_BYTES", "BLOCK_CELLS", "DONE", "FAILED", "LEFT", "SERVICE", "SweepStore"]
__all__ += ["array", "block", "sync", "sync_written", "write_labels"]

BLOCK_BYTES = 16 * 2**20
BLOCK_CELLS = 1024
SERVICE = ("cell_status", "cell_seconds", "cell_error", "cell_traceback")

# Fixed-length texts and consolidated metadata are specified in format 2, not in 3.
_FORMAT = 2
_KIND = "steepest sweep 1"
_STATUS = {
    "flag_values": [LEFT, DONE, FAILED],
    "flag_meanings": "left done failed",
    "units": "1",
}


class SweepStore:
    """The store of a study at a path; making the object touches nothing."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.work = self.path / ".sweep"
        self.cells = self.work / "cells"

    @property
    def exists(self) -> bool:
        """Whether there is anything at the path."""
        return self.path.exists()

    def group(self, mode: Any = "r") -> zarr.Group:
        """The Zarr group. Raises `UsageError` when the path holds no store of a sweep."""
        try:
            place = self.path if mode == "r" else _Noting(self.path)
            group = zarr.open_group(place, mode=mode, use_consolidated=False)
            kind = group.attrs.get("kind")
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise UsageError(f"{self.path} is not the Zarr store of a sweep: {error}") from error
        if kind != _KIND:
            raise UsageError(f"{self.path} is a Zarr store, but not one of a sweep")
        return group

    def attributes(self) -> dict[str, Any]:
        """The store's attributes, from their copy in the consolidated metadata where it is right.

        Raises `UsageError` when the path holds no store of a sweep.
        """
        sources = []
        with suppress(DataError):
            sources.append(load_object(self.path / ".zattrs"))
        with suppress(DataError, KeyError):
            known = read_consolidated(self.path)
            copy_is_right = known.chunks is not None and not self.unsettled.exists()
            sources.insert(0 if copy_is_right else 1, known.metadata[".zattrs"])
        for attributes in sources:
            if attributes.get("kind") == _KIND:
                return attributes
        self.group()
        raise UsageError(f"{self.path} is not the Zarr store of a sweep")

    def attribute(self, name: str) -> Any:
        """An attribute that is kept as JSON text. Raises `DataError` when it was changed."""
        attributes = self.attributes()
        try:
            return json.loads(str(attributes[name]))
        except (KeyError, ValueError) as error:
            raise DataError(
                f"{self.path / '.zattrs'} is damaged: it does not tell {name!r}; remove the folder"
                f" {self.path} and begin anew"
            ) from error

    def open_for(self, plan: Plan, folder: Path) -> None:
        """Make the store, or check that the one there is this study's.

        `folder` is where the study file lies, whose git revision is recorded. Raises `UsageError`
        with the difference when it is another study's, or the reason why it cannot be made.
        """
        if not self.exists:
            self._make(plan, folder)
        self.check_study(plan)

    def check_study(self, plan: Plan) -> None:
        """Raise `UsageError` with the difference when the store is another study's."""
        lines = difference(self.attribute("study"), plan.description)
        if lines:
            raise UsageError(
                f"{self.path} holds another study; choose another place with --store, or restore"
                " the study file. It differs (store -> study file):\n  " + "\n  ".join(lines)
            )

    def _make(self, plan: Plan, folder: Path) -> None:
        partial = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}")
        try:
            partial.parent.mkdir(parents=True, exist_ok=True)
            group = zarr.create_group(partial, zarr_format=_FORMAT)
            for axis in plan.axes:
                write_labels(group, axis, plan)
            chunks = block(plan.shape, 8)
            kinds = (
                ("int8", None, _STATUS),
                ("float64", float("nan"), {"units": "s"}),
                (str, None, {"long_name": "error with which the cell failed"}),
                (str, None, {"long_name": "where it failed"}),
            )
            for name, (dtype, fill, attrs) in zip(SERVICE, kinds, strict=True):
                array(group, name, plan.dims, plan.shape, chunks, dtype, fill, attrs)
            beside = [n for axis in plan.axes for n in axis.values if n != axis.name]
            group.attrs.update(_attributes(plan, folder) | {"coordinates": " ".join(beside)})
            consolidate(partial)
            os.rename(partial, self.path)
        except OSError as error:
            if not self.exists:
                raise cannot_write(self.path.parent, error) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    @contextmanager
    def driven(self) -> Iterator[None]:
        """Hold the store as its one driver; a killed driver's hold ends with it.

        Raises `UsageError` while another driver holds it, or when it cannot be written.
        """
        lock = FileLock(self.work / "driver.lock")
        try:
            self.cells.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
            write_atomic(self.work / "writable", b"")
        except Timeout as error:
            who = None
            with suppress(DataError):
                who = self.heartbeat()
            words = f" (process {who['pid']} on {who['host']})" if who else ""
            raise UsageError(
                f"another driver is at work on {self.path}{words}; watch it with"
                f" `steepest sweep --status {self.path}`"
            ) from error
        except OSError as error:
            lock.release()
            raise cannot_write(self.path, error) from error
        except UsageError:
            lock.release()
            raise
        driver = self.work / "driver.json"
        try:
            with undone(lambda: driver.unlink(missing_ok=True)):
                yield
        finally:
            driver.unlink(missing_ok=True)
            lock.release()

    @property
    def note(self) -> Path:
        """Values by which coordinates go on, noted by a fold before anything grows."""
        return self.work / "longer.npy"

    @property
    def unsettled(self) -> Path:
        """A file that is there while the arrays change, and after a process died at that."""
        return self.work / "changing"

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the arrays as the one process that changes them; at the end the store is settled.

        Every chunk that is written gets a file, so that one that is missing was taken away.
        """
        everything = zarr.config.set({"array.write_empty_chunks": True})
        with FileLock(self.work / "fold.lock"), everything:
            write_atomic(self.unsettled, b"")
            yield
            consolidate(self.path)
            self.unsettled.unlink(missing_ok=True)

    def states(self, without: Container[Path] = ()) -> np.ndarray:
        """State of every cell, flat in the plan's order: LEFT, DONE or FAILED.

        Files of cells that wait are believed without being read, but for those `without`.
        """
        # Looked up first: a cell that is folded in between is then counted, not lost.
        staged = [item for item in self.staged() if item[1] not in without]
        states = np.array(self.group()["cell_status"]).ravel()
        # A result goes before a failure: the cell was tried again.
        for index, path in sorted(staged, key=lambda item: item[1].suffix == ".npy"):
            if index < states.size:
                states[index] = DONE if path.suffix == ".npy" else FAILED
        return states

    def staged(self) -> list[tuple[int, Path]]:
        """Finished cells that wait to be folded: number and file. Other files are none of ours."""
        try:
            names = sorted(os.listdir(self.cells))
        except FileNotFoundError:
            return []
        parts = [(name, *name.rpartition(".")[::2]) for name in names]
        return [
            (int(number), self.cells / name)
            for name, number, kind in parts
            if kind in ("npy", "failed") and number.isascii() and number.isdecimal()
        ]

    def heartbeat(self) -> dict[str, Any] | None:
        """What the driver last said of itself, if there is one (or was one that was killed).

        Raises `DataError` when that was changed by another hand.
        """
        file = self.work / "driver.json"
        if not file.exists():
            return None
        beat = load_object(file)
        kinds = {"host": str, "started": str, "updated": str}
        kinds |= dict.fromkeys(("pid", "workers", "computed"), int)
        if any(type(beat.get(name)) is not kind for name, kind in kinds.items()):
            raise DataError("it was changed")
        return beat

    def finish(self, wall_seconds: float) -> None:
        """Record the timings; where no cell is left, take the working folder away.

        Raises `UsageError` when the store cannot be written.
        """
        try:
            with self.changing():
                group = self.group("r+")
                seconds = np.array(group["cell_seconds"])
                before = json.loads(str(group.attrs["timings"]))
                timings = {
                    "computing_seconds": round(float(np.nansum(seconds)), 3),
                    "wall_seconds": round(before["wall_seconds"] + wall_seconds, 3),
                    "runs": before["runs"] + 1,
                }
                group.attrs["timings"] = json.dumps(timings)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        if not np.any(self.states() == LEFT) and not self.staged():
            shutil.rmtree(self.work, ignore_errors=True)


class _Noting(LocalStore):
    """A store that notes which of its files were written."""

    def __init__(self, root: Path | str, *, read_only: bool = False) -> None:
        super().__init__(root, read_only=read_only)
        self.written: set[str] = set()

    async def set(self, key: str, value: Buffer) -> None:
        self.written.add(key)
        await super().set(key, value)


def sync_written(group: zarr.Group) -> None:
    """Have the disk take what was written in a group that was opened for writing."""
    store: Any = group.store
    sync(*(store.root / key for key in store.written))
    store.written.clear()


def sync(*files: Path) -> None:
    """Have the disk take files, as far as they are there, and that they lie in their folders."""
    for path in {*files, *(file.parent for file in files)}:
        with suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def array(
    group: zarr.Group,
    name: str,
    dims: tuple[str, ...],
    shape: tuple[int, ...],
    chunks: tuple[int, ...],
    dtype: Any,
    fill: Any,
    attrs: dict[str, Any],
) -> zarr.Array:
    """A new array with named dimensions, as xarray reads them."""
    return group.create_array(
        name,
        shape=shape,
        chunks=tuple(max(1, n) for n in chunks),
        dtype=dtype,
        fill_value=fill,
        attributes={**attrs, "_ARRAY_DIMENSIONS": list(dims)},
        compressors=CHECKED,
        config={"write_empty_chunks": True},  # a chunk that is not there was taken away
        overwrite=True,
    )


def block(shape: tuple[int, ...], cell_bytes: int) -> tuple[int, ...]:
    """Chunk over the study's dimensions: whole last dimensions, up to 16 MiB or 1024 cells."""
    room = max(1, min(BLOCK_CELLS, BLOCK_BYTES // max(1, cell_bytes)))
    chunk = []
    for n in reversed(shape):
        chunk.append(min(n, room))
        room = max(1, room // n)
    return tuple(reversed(chunk))


def write_labels(group: zarr.Group, axis: Axis, plan: Plan) -> None:
    fields = getattr(type(plan.base), "__dataclass_fields__", {})
    for name, column in axis.values.items():
        values = np.array(column if _plain(column) else [json.dumps(value) for value in column])
        attrs = {"units": "1"}
        if name in fields:
            meta = fields[name].metadata
            attrs = {"units": meta["unit"], "long_name": meta["doc"]}
        text = values.dtype.kind == "U"
        fill = float("nan") if values.dtype.kind == "f" else None
        target = array(
            group,
            name,
            (axis.name,),
            values.shape,
            values.shape,
            str if text else values.dtype,
            fill,
            attrs,
        )
        target[:] = values.astype(object) if text else values


def _plain(column: Any) -> bool:
    """Whether the values are labels as they are: numbers, truth values or texts, of one type."""
    return len({type(value) for value in column}) == 1 and isinstance(
        column[0], bool | int | float | str
    )


def _attributes(plan: Plan, folder: Path) -> dict[str, Any]:
    return {
        "kind": _KIND,
        "title": plan.figure.title,
        "figure": plan.source.name,
        "scale": plan.scale,
        "steepest_version": __version__,
        "git_revision": _revision(folder),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "parameters": json.dumps(plan.description["parameters"]),
        "study": json.dumps(plan.description),
        "figure_file": json.dumps(
            {"file": plan.source.file, "text": plan.source.text if plan.source.file else ""}
        ),
        "timings": json.dumps({"computing_seconds": 0.0, "wall_seconds": 0.0, "runs": 0}),
    }


def _revision(folder: Path) -> str:
    """Commit of the study's folder, with "+changes" where files differ from it, "" without git."""
    git = ["git", "-C", str(folder.resolve())]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True)
        dirty = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True)
    except OSError:
        return ""
    if head.returncode != 0:
        return ""
    return head.stdout.strip() + ("+changes" if dirty.stdout.strip() else "")
