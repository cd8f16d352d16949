"""Cells become regions of one Dataset, exactly as they were computed, and survive a dying fold."""

import dataclasses
import errno
import itertools
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from zarr.storage import LocalStore

from steepest.errors import UsageError
from steepest.sweep import cell, one_cell, read_plan, read_status
from steepest.sweep.cell import Task, run_cells
from steepest.sweep.folding import fold, forget
from steepest.sweep.staged import pack, read, write_failure, write_result
from steepest.sweep.store import DONE, FAILED, LEFT, SweepStore, block


def serial(plan, index):
    """A cell as a plain call of the figure gives it."""
    cell = plan.cell(index)
    return plan.figure.module.run(dataclasses.replace(plan.base, **cell.values), cell.seed)


def identical(a, b):
    """Whether datasets agree in names, dimensions, attributes of variables, and every bit."""
    xr.testing.assert_identical(a.drop_attrs(deep=False), b.drop_attrs(deep=False))
    for name in a.variables:
        assert a[name].dtype == b[name].dtype, name
        assert a[name].values.tobytes() == b[name].values.tobytes(), name


@pytest.fixture
def made(study):
    """A plan and its new store, whose cells can be staged."""

    def made(text):
        path = study(text)
        plan = read_plan(path)
        store = SweepStore(path.with_suffix(".zarr"))
        store.open_for(plan, path.parent)
        store.cells.mkdir(parents=True)
        return plan, store

    return made


def stage(plan, store, indices):
    for index in indices:
        write_result(store.cells, index, pack(serial(plan, index), 0.5))


def check_cells(plan, store, indices):
    dataset = xr.open_zarr(store.path, chunks=None)
    for index in indices:
        at = np.unravel_index(index, plan.shape)
        cell = one_cell(dataset, dict(zip(plan.dims, map(int, at), strict=True)))
        identical(cell, serial(plan, index))


GRID = 'seeds = 3\n[grid]\nslope = [1, 2]\nkind = ["down", "up"]\n'


def test_a_cells_file_gives_back_the_cell(made):
    plan, store = made(GRID)
    stage(plan, store, [4])
    (waiting,) = store.staged()
    record = read(waiting[1])
    own = serial(plan, 4)
    assert (record.index, record.seconds) == (4, 0.5)
    assert set(record.variables) == set(own.variables)
    for name, variable in record.variables.items():
        assert variable.dims == own[name].dims
        assert variable.values.tobytes() == own[name].values.tobytes()
        assert variable.attrs == own[name].attrs
        assert variable.coordinate == (name in own.coords)


def test_folded_in_any_order_the_store_is_one_labelled_dataset_of_exact_cells(made):
    plan, store = made(GRID)
    order = np.random.default_rng(0).permutation(plan.size).tolist()
    for indices in (order[:5], order[5:6], order[6:]):
        stage(plan, store, indices)
        assert fold(str(store.path)) == len(indices)
        assert store.staged() == []
    dataset = xr.open_zarr(store.path, chunks=None)
    assert dataset["v"].dims == ("slope", "kind", "seed", "time")
    assert dataset["slope"].values.tolist() == [1.0, 2.0]
    assert dataset["slope"].attrs == {"units": "mV/s", "long_name": "slope of the trend"}
    assert dataset["kind"].values.tolist() == ["down", "up"]
    assert dataset["seed"].values.tolist() == [0, 1, 2]
    # The figure has a variable with the name of a dimension: it goes by another.
    assert dataset["slope_result"].dims == ("slope", "kind", "seed")
    assert np.all(dataset["cell_status"] == DONE)
    assert np.all(dataset["cell_seconds"] == 0.5)
    assert dataset.attrs["steepest_version"]
    assert dataset.attrs["title"] == "Noise with a trend"
    assert {"git_revision", "parameters", "timings", "study"} <= dataset.attrs.keys()
    one = dataset.sel(slope=2.0, kind="up", seed=1)
    assert one["v"].values.tobytes() == serial(plan, 10)["v"].values.tobytes()
    check_cells(plan, store, range(plan.size))


UNLIKE = (
    "seeds = 2\n[grid]\npoints = [3, 1, 7, 4]",
    "seeds = 2\n[grid]\npoints = [3, 5, 7, 4]\ngrid = [true]",
    "seeds = 2\n[grid]\nwindow = [[0, 1], [0, 2], [1, 2]]",
    "seeds = 2\n[zip]\nwindow = [[0, 1], [0, 2], [1, 2]]\npoints = [3, 3, 8]",
)
ORDERS = ((1, 2), (-1, 100), (1, 100), (-1, 2))


@pytest.mark.parametrize(
    ("text", "order", "together"),
    [
        # Each study in one way here, and in every way in the slow tests.
        pytest.param(text, *order, marks=[] if at == way % 2 else pytest.mark.slow)
        for way, text in enumerate(UNLIKE)
        for at, order in enumerate(ORDERS)
    ],
)
def test_cells_of_other_lengths_and_other_coordinates_fit_in_too(made, text, order, together):
    plan, store = made(text)
    indices = list(range(plan.size))[::order]
    for start in range(0, plan.size, together):
        stage(plan, store, indices[start : start + together])
        fold(str(store.path))
    check_cells(plan, store, indices)
    dataset = xr.open_zarr(store.path, chunks=None)
    shared = "grid = [true]" in text
    assert ("time" in dataset.coords) == shared
    assert ("time_of_cell" in dataset.coords) == (not shared)


def opened(store):
    """What anybody sees in a store, without what differs from run to run."""
    dataset = xr.open_zarr(store.path, chunks=None).load()
    return dataset.drop_attrs(deep=False)


@pytest.mark.parametrize(
    "text",
    [
        "[grid]\ngrid = [true]\npoints = [3, 2, 5]",  # a shared coordinate goes on
        pytest.param(  # it becomes one per cell
            "[grid]\nwindow = [[0, 1], [0, 2], [1, 2]]", marks=pytest.mark.slow
        ),
        "[zip]\nwindow = [[0, 1], [0, 1], [0, 2]]\npoints = [3, 4, 5]",  # and lengths differ
    ],
)
@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 23])
def test_a_fold_that_fails_at_any_write_leaves_a_store_that_opens_and_goes_on(
    made, monkeypatch, text, every
):
    plan, store = made(text)
    whole = store.path.with_name("whole")
    for indices in ([0], [1, 2]):
        stage(plan, store, indices)
        if indices[0]:
            shutil.copytree(store.path, whole)
        fold(str(store.path))
    expected = opened(store)
    for good in itertools.count(step=every):
        shutil.rmtree(store.path)
        shutil.copytree(whole, store.path)
        with monkeypatch.context() as patch:
            fill_the_disk(patch, good)
            message = ""
            try:
                fold(str(store.path))
            except UsageError as error:
                message = str(error)
        if not message:
            break
        assert "No space left" in message
        assert np.all(store.states() == DONE)
        opened(store)
        fold(str(store.path))
        store.finish(0.0)
        identical(opened(store), expected)
    assert good > 10


def fill_the_disk(patch, good):
    """Let only that many writes of arrays, renames and removals of files succeed."""
    count = itertools.count()

    def failing(real):
        def write(*args, **options):
            if next(count) >= good:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*args, **options)

        return write

    for owner, name in [(LocalStore, "set"), (os, "rename"), (os, "replace"), (Path, "unlink")]:
        patch.setattr(owner, name, failing(getattr(owner, name)))


def test_failures_are_recorded_with_error_and_traceback_and_a_later_result_replaces_them(made):
    plan, store = made("seeds = 4")
    write_failure(store.cells, 1, "ValueError: no", "Traceback: here", 0.25)
    write_failure(store.cells, 2, "ValueError: no", "Traceback: there", 0.25)
    stage(plan, store, [0])
    assert store.states().tolist() == [DONE, FAILED, FAILED, LEFT]
    status = read_status(store.path)
    assert (status.done, status.failed, status.left) == (1, 2, 1)
    assert status.errors == {"ValueError: no": 2}
    fold(str(store.path))
    dataset = xr.open_zarr(store.path, chunks=None)
    assert dataset["cell_traceback"].values.tolist() == [
        "",
        "Traceback: here",
        "Traceback: there",
        "",
    ]
    assert dataset["cell_status"].values.tolist() == [DONE, FAILED, FAILED, LEFT]
    assert np.isnan(dataset["v"].values[1:]).all()
    assert read_status(store.path).errors == {"ValueError: no": 2}
    with pytest.raises(UsageError, match="not done"):
        one_cell(dataset, {"seed": 1})
    stage(plan, store, [1, 3])
    write_failure(store.cells, 3, "ValueError: before the result", "", 0.1)
    fold(str(store.path))
    assert store.states().tolist() == [DONE, DONE, FAILED, DONE]
    assert xr.open_zarr(store.path, chunks=None)["cell_error"].values[1] == ""
    check_cells(plan, store, [0, 1, 3])


def test_a_cell_that_cannot_stand_beside_the_others_is_a_failure_that_says_why(made):
    plan, store = made("seeds = 3")
    stage(plan, store, [0])
    turned = serial(plan, 1).assign(count=("time", np.arange(5.0)))
    write_result(store.cells, 1, pack(turned, 0.1))
    wider = serial(plan, 2).assign(count=((), 2.5))
    write_result(store.cells, 2, pack(wider, 0.1))
    fold(str(store.path))
    assert store.states().tolist() == [DONE, FAILED, FAILED]
    errors = xr.open_zarr(store.path, chunks=None)["cell_error"].values
    assert "'count' has dimensions ('time',), in other cells ()" in errors[1]
    assert "'count' is of type float64, in other cells of int64" in errors[2]
    with pytest.raises(TypeError, match="'day' has dtype datetime64"):
        pack(serial(plan, 0).assign(day=((), np.datetime64("2026-01-01", "ns"))), 0.1)


def test_a_worker_hands_back_the_cells_for_which_its_time_is_over(made, monkeypatch):
    plan, store = made("seeds = 4")
    monkeypatch.setattr(cell, "_check_worker", lambda store: None)
    task = Task(plan.source, plan.scale, str(store.path))
    cells = [plan.cell(index) for index in range(4)]
    assert run_cells(task, cells, budget=0.0)[1] == [True]
    assert store.states().tolist() == [DONE, LEFT, LEFT, LEFT]
    seconds, good = run_cells(task, cells, budget=60.0)
    assert good == [True] * 4
    assert 0 < seconds < 60
    # The first was in place already: computed once.
    runs = store.path.with_name("figure.log").read_text().splitlines()
    assert [line.split()[3] for line in runs] == ["0", "1", "2", "3"]


def test_a_folded_cell_is_computed_again_only_where_its_failure_is_forgotten(made, monkeypatch):
    plan, store = made("seeds = 2\n[grid]\nslope = [1, 13]")
    monkeypatch.setattr(cell, "_check_worker", lambda store: None)
    task = Task(plan.source, plan.scale, str(store.path))
    cells = [plan.cell(index) for index in range(4)]
    for _ in range(2):
        for _ in range(2):
            assert run_cells(task, cells, budget=60.0)[1] == [True, True, False, False]
            fold(str(store.path))
        forget(store, np.flatnonzero(store.states() == FAILED).tolist())
    assert store.states().tolist() == [DONE, DONE, LEFT, LEFT]
    assert read_status(store.path).errors == {}
    runs = store.path.with_name("figure.log").read_text().splitlines()
    assert [line.split()[0] for line in runs] == ["1.0", "1.0", "13.0", "13.0", "13.0", "13.0"]


def test_chunks_hold_many_cells_and_stay_within_their_size():
    for shape, cell_bytes in [((5, 2, 20), 8), ((100, 100), 8000), ((7,), 2**30), ((3, 4, 1), 0)]:
        chunk = block(shape, cell_bytes)
        assert all(1 <= c <= n for c, n in zip(chunk, shape, strict=True))
        cells = int(np.prod(chunk))
        assert cells <= 1024
        assert cells == 1 or cells * cell_bytes <= 2**24
    assert block((2000,), 8 * 200) == (1024,)
    assert block((5, 2, 20), 8) == (5, 2, 20)


def test_a_changed_study_is_refused_with_the_difference(made, study):
    plan, store = made("seeds = 3")
    store.open_for(plan, store.path.parent)
    other = read_plan(study("seeds = 4"))
    with pytest.raises(UsageError, match=r"seed: \[0, 1, 2\] -> \[0, 1, 2, 3\]"):
        store.open_for(other, store.path.parent)


def test_what_is_no_store_of_a_sweep_is_refused(tmp_path, study):
    plan = read_plan(study(""))
    with pytest.raises(UsageError, match="not the Zarr store of a sweep"):
        read_status(tmp_path / "absent.zarr")
    (tmp_path / "file.zarr").write_text("no")
    (tmp_path / "folder.zarr").mkdir()
    xr.Dataset({"x": 1}).to_zarr(tmp_path / "other.zarr", zarr_format=2)
    for name in ("file", "folder", "other"):
        with pytest.raises(UsageError, match=f"{name}.zarr is"):
            SweepStore(tmp_path / f"{name}.zarr").open_for(plan, tmp_path)


def test_labels_that_are_no_numbers_or_texts_are_written_as_json(made):
    _, store = made("[grid]\nwindow = [[0, 1], [0, 2]]\ngrid = [true, false]")
    dataset = xr.open_zarr(store.path, chunks=None)
    assert dataset["window"].values.tolist() == ["[0.0, 1.0]", "[0.0, 2.0]"]
    assert dataset["grid"].values.tolist() == [True, False]
