"""A damaged store is told by the file, never used, and repaired by computing what lay in it."""

import dataclasses
import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from steepest import cli
from steepest.errors import DataError
from steepest.sweep import read_plan, read_status, run_sweep
from steepest.sweep.damage import find_damage
from steepest.sweep.folding import fold, forget
from steepest.sweep.repair import repair_store
from steepest.sweep.staged import pack, write_failure, write_result
from steepest.sweep.store import LEFT, SweepStore

STUDY = """
seeds = 2
[grid]
slope = [1, 13]
points = [3, 5]
grid = [true]
"""


class Sweep:
    """A small store and its plan; cells are computed here, without workers."""

    def __init__(self, path: Path) -> None:
        self.path, self.plan = path, read_plan(path)
        self.store = SweepStore(path.with_suffix(".zarr"))

    def compute(self, indices):
        self.store.cells.mkdir(parents=True, exist_ok=True)
        for index in indices:
            cell = self.plan.cell(index)
            parameters = dataclasses.replace(self.plan.base, **cell.values)
            try:
                dataset = self.plan.figure.module.run(parameters, cell.seed)
            except ZeroDivisionError as error:
                words = f"ZeroDivisionError: {error}"
                write_failure(self.store.cells, index, words, "Traceback", 0.5)
            else:
                write_result(self.store.cells, index, pack(dataset, 0.5))

    def content(self):
        dataset = xr.open_zarr(self.store.path, chunks=None).load()
        return dataset.drop_attrs(deep=False).drop_vars(["cell_seconds", "cell_traceback"])


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory, write_study):
    """A sweep of eight cells, four of which failed: two wait to be folded, its driver was killed.

    With what it holds in the end.
    """
    folder = tmp_path_factory.mktemp("damage")
    sweep = Sweep(write_study(folder, STUDY))
    store = sweep.store
    store.open_for(sweep.plan, folder)
    sweep.compute(range(8))
    fold(str(store.path))
    store.finish(0.0)
    expected = sweep.content()
    store.cells.mkdir(parents=True)
    forget(store, [0, 5])
    sweep.compute([0, 5])
    moment = "2026-01-01T00:00:00+00:00"
    beat = {"host": "here", "pid": 1, "started": moment, "updated": moment}
    beat |= {"workers": 1, "computed": 3}
    (store.work / "driver.json").write_text(json.dumps(beat))
    return sweep, expected


@pytest.fixture
def sweep(interrupted, tmp_path):
    """A copy of the interrupted sweep, for damage."""
    shutil.copytree(interrupted[0].path.parent, tmp_path, dirs_exist_ok=True)
    return Sweep(tmp_path / "study.toml")


def damage(file: Path, kind: str) -> None:
    content = file.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
    kinds = {"emptied": b"", "halved": content[:middle], "flipped": flipped, "list": b"[1, 2]"}
    if kind == "removed":
        file.unlink()
    else:
        file.write_bytes(kinds[kind])


def check_repair(sweep, expected) -> int:
    """Repair a store, compute what is left, and compare; the number of cells that were."""
    sweep.store.cells.mkdir(parents=True, exist_ok=True)
    repair_store(sweep.store, sweep.plan)
    assert find_damage(sweep.store) == []
    left = np.flatnonzero(sweep.store.states() == LEFT).tolist()
    sweep.compute(left)
    fold(str(sweep.store.path))
    sweep.store.finish(0.0)
    xr.testing.assert_identical(sweep.content(), expected)
    return len(left)


@pytest.mark.parametrize(
    ("file", "kind", "again"),
    [
        ("v/0.0.0.0.0", "flipped", 3),  # the three cells that are done; the fourth waits
        (".coordinates", "halved", 0),
        ("v/.zarray", "list", 0),
        (".sweep/cells/5.failed", "list", 1),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                ("cell_status/0.0.0.0", "halved", 0),
                ("cell_error/0.0.0.0", "removed", 3),
                ("cell_seconds/0.0.0.0", "emptied", 0),
                ("time/0", "flipped", 0),
                ("slope/0", "removed", 0),
                (".zattrs", "flipped", 0),
                (".zmetadata", "halved", 0),
                (".sweep/cells/0.npy", "flipped", 1),
            )
        ),
    ],
)
def test_a_damaged_file_is_named_and_a_repair_gives_up_only_what_lay_in_it(
    interrupted, sweep, file, kind, again
):
    damage(sweep.store.path / file, kind)
    assert [damaged.file for damaged in find_damage(sweep.store)] == [file]
    # The status looks for the values of cells, and reads all else.
    told = [words.partition(":")[0] for words in read_status(sweep.store.path).damage]
    assert told == ([] if file in ("v/0.0.0.0.0", "time/0") else [file])
    with pytest.raises(DataError, match=rf"(?s)is damaged:\s+{file}: it .*--repair.*remove"):
        run_sweep(sweep.path, workers=1)
    assert check_repair(sweep, interrupted[1]) == again


@pytest.mark.slow
def test_every_file_of_a_store_may_be_damaged_in_every_way(interrupted, sweep, capsys):
    """Nothing is a fault of the program, the file is named or harmless, and the repair is exact."""
    pristine = interrupted[0].store.path
    kinds = ("removed", "emptied", "halved", "flipped", "list")
    files = [file.relative_to(pristine) for file in pristine.rglob("*") if file.stat().st_size]
    files = sorted(file for file in files if (pristine / file).is_file())
    assert len(files) * len(kinds) >= 141
    for file, kind in itertools.product(files, kinds):
        shutil.rmtree(sweep.store.path)
        shutil.copytree(pristine, sweep.store.path)
        damage(sweep.store.path / file, kind)
        for options in ((), ("--json",)):
            assert cli.run(["sweep", "--status", str(sweep.store.path), *options]) == 0
        capsys.readouterr()
        named = [damaged.file for damaged in find_damage(sweep.store)] == [str(file)]
        # A cell whose file is gone is left; what a driver says it says anew.
        waits = file.suffix in (".npy", ".failed")
        assert named or (file.parts[0] == ".sweep" and not (waits and kind != "removed"))
        if named:
            assert cli.run(["sweep", str(sweep.path), "--workers", "1"]) == 2
            assert f"{file}: it " in capsys.readouterr().err
        check_repair(sweep, interrupted[1])


def test_files_that_systems_leave_in_folders_are_no_damage(sweep):
    for folder in ("", "v", ".sweep", ".sweep/cells"):
        for name in ("Thumbs.db", ".DS_Store", "desktop.ini"):
            (sweep.store.path / folder / name).write_bytes(b"\0\1")
    status = read_status(sweep.store.path)
    assert (status.done, status.failed, status.left, status.damage) == (4, 4, 0, ())
    # Nothing is left to compute: only to fold, with nobody started.
    assert run_sweep(sweep.path).done == 4


@pytest.mark.parametrize("content", ["", "[1]", '{"pid": 1}', "{"])
def test_what_a_driver_said_and_another_hand_changed_is_told_and_hinders_nothing(sweep, content):
    (sweep.store.work / "driver.json").write_text(content)
    status = read_status(sweep.store.path)
    assert status.workers is None
    assert [words.partition(":")[0] for words in status.damage] == [".sweep/driver.json"]
    assert run_sweep(sweep.path).done == 4


def test_a_repair_ends_with_whole_cells_and_says_what_was_damaged(sweep, call):
    damage(sweep.store.path / "slope" / "0", "removed")
    code, out, err = call("sweep", sweep.path, "--repair")
    assert (code, err) == (1, "")
    assert "Repaired slope/0: it is gone" in out
    assert "4 of 8 cells are done, 4 failed; 0 were computed now" in out


def test_a_map_of_the_cells_shows_what_is_done_what_failed_and_what_is_left(sweep):
    (sweep.store.cells / "0.npy").unlink()
    figure = read_status(sweep.store.path).plot()
    (panel,) = figure.axes
    states = panel.collections[0].get_array().reshape(4, 2)
    assert states.tolist() == [[0, 1], [1, 1], [2, 2], [2, 2]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "3 done",
        "4 failed",
        "1 left",
    ]
    assert panel.get_xlabel() == "seed"
    assert panel.get_ylabel() == "slope, points, grid"
    (panel,) = sweep.plan.plot().axes
    assert set(panel.collections[0].get_array().ravel()) == {0}
