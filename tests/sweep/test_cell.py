"""Whatever a cell does is that cell's failure, in words that a store takes; others go on."""

import collections

import pytest
import xarray as xr

from steepest.errors import UsageError
from steepest.sweep import cell, one_cell, read_plan, read_status, run_sweep
from steepest.sweep.cell import Task, run_cells
from steepest.sweep.folding import fold
from steepest.sweep.store import DONE, FAILED, SweepStore

FIGURE = '''"""Cells that do what no cell should

A figure for tests.
"""

import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.study import Claim, parameter, stamp


@dataclass(frozen=True)
class Parameters:
    does: str = parameter("well", "what the cell does")


QUICK = Parameters()


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("not even that")


class Stubborn(Exception):
    def __str__(self):
        raise KeyboardInterrupt


class Base(BaseException):
    pass


def run(parameters, seed):
    does = parameters.does
    with open(Path(__file__).with_suffix(".log"), "a") as log:
        log.write(f"{does} {seed} {os.getpid()}\\\\n")
    if does == "surrogates":
        raise ValueError("file \\\\udcff.csv \\\\x1b[2J")
    if does == "mute":
        raise Mute
    if does == "stubborn":
        raise Stubborn
    if does == "base":
        raise Base("of all")
    if does == "interrupt":
        raise KeyboardInterrupt
    if does == "exit":
        sys.exit(3)
    if does == "much":
        np.zeros(10**18)
    if does == "long":
        raise ValueError("x" * 10**7)
    if does == "recursion":
        return run(parameters, seed)
    if does == "nothing":
        return None
    if does == "leave":
        os._exit(0)
    if does == "abort":
        os.abort()
    if does == "sleep":
        time.sleep(10**6)
    if does == "stall":  # a regular expression that holds Python's lock until the end of days
        re.match(r"(a+)+$", "a" * 60 + "b")
    print("a word on stdout")
    text = "\\\\ud800" if does == "text" else "text"
    name = {"long name": "n" * 300, "no name": "", "half": "\\\\ud800"}.get(does, "rate (spikes/s)")
    dataset = xr.Dataset(
        {name: ((), 1.5, {"units": "Hz"}), "a/b": ("c/d", [seed, 2.0, 3.0]), ".zattrs": ((), text)},
        {"c/d": [0.0, 1.0, 2.0], "50%": ("c/d", [5, 6, 7]), "does_result": 1},
    )
    return stamp(dataset.assign(does=does), parameters, seed)


def plot(dataset):
    return matplotlib.figure.Figure()


def claims(dataset):
    return [Claim.close("Nothing", 0.0, 0.0, 1.0)]
'''.replace("\\\\", "\\")

RAISING = {
    "surrogates": r"ValueError: file \udcff.csv " + "\x1b[2J",
    "mute": "Mute: <exception str() failed>",
    "stubborn": "Stubborn: <exception str() failed>",
    "base": "Base: of all",
    "interrupt": "KeyboardInterrupt: ",
    "exit": "SystemExit: 3",
    "much": "MemoryError: Unable to allocate",
    "long": "ValueError: xxx",
    "recursion": "RecursionError: maximum recursion depth exceeded",
    "nothing": "TypeError: run() returned NoneType, not an xarray Dataset",
    "text": "ValueError: variable '.zattrs' holds a text that UTF-8 cannot tell",
    "long name": "ValueError: a variable or dimension is named 'nnn",
    "no name": "ValueError: a variable or dimension is named ''",
    "half": r"ValueError: a variable or dimension is named '\ud800'",
}


@pytest.fixture
def prepared(study, monkeypatch):
    """A study of cells that do these things: its plan, its store, and the task of its workers."""
    monkeypatch.setattr(cell, "_check_worker", lambda task: None)

    def prepared(*does):
        path = study(f"[grid]\ndoes = {list(does)}", FIGURE)
        plan, store = read_plan(path), SweepStore(path.with_suffix(".zarr"))
        store.open_for(plan, path.parent)
        store.cells.mkdir(parents=True)
        return plan, store, Task(plan.source, plan.scale, str(store.path))

    return prepared


def test_whatever_a_cell_raises_is_recorded_and_the_others_go_on(prepared, call):
    plan, store, task = prepared(*RAISING, "well")
    cells = [plan.cell(index) for index in range(plan.size)]
    assert run_cells(task, cells, 600.0)[1] == [False] * len(RAISING) + [True]
    fold(str(store.path))
    dataset = xr.open_zarr(store.path, chunks=None)
    errors = dict(zip(dataset["does"].values, dataset["cell_error"].values.ravel(), strict=True))
    for does, words in RAISING.items():
        assert errors[does].startswith(words), does
        assert len(errors[does]) < 200_000
    code, out, _ = call("sweep", "--status", store.path)
    assert code == 0
    assert r"1 x ValueError: file \udcff.csv \x1b[2J" in out
    assert "\x1b" not in out


def test_names_that_no_file_may_have_are_stored_and_given_back(prepared):
    plan, store, task = prepared("well")
    run_cells(task, [plan.cell(0)], 600.0)
    fold(str(store.path))
    dataset = xr.open_zarr(store.path, chunks=None)
    assert "rate (spikes%2Fs)" in dataset
    own = one_cell(dataset, {"does": 0, "seed": 0})
    expected = plan.figure.module.run(plan.base, 0).drop_attrs(deep=False)
    xr.testing.assert_identical(own, expected)


def test_a_cell_whose_workers_died_is_tried_twice_and_one_that_was_too_slow_once(
    prepared, monkeypatch
):
    plan, store, task = prepared("leave", "sleep", "well")
    monkeypatch.setattr(cell, "_MEETING", 0.0)
    task = Task(task.source, task.scale, task.store, timeout=2.5)
    cells = [plan.cell(index) for index in range(3)]
    (store.work / "watch").mkdir()
    # What processes leave that die at a cell: a file each, with the trace if time was over.
    for name, content in {
        "0.0.txt": "",
        "0.1.txt": "",
        "1.0.txt": "in sleep",
        "2.0.txt": "",
    }.items():
        (store.work / "watch" / name).write_text(content)
    monkeypatch.setattr(cell.faulthandler, "dump_traceback_later", lambda *args, **options: None)
    assert run_cells(task, cells, 600.0)[1] == [False, False, True]
    assert store.states().tolist() == [FAILED, FAILED, DONE]
    assert set(read_status(store.path).errors) == {
        "KilledWorker: every worker that computed this cell died (memory? a crash?)",
        "TimeoutError: figure.py had not ended after 2.5 s, the cell_timeout of the study file",
    }
    assert list((store.work / "watch").iterdir()) == []


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "true", '"5"', "1e9"])
def test_a_cell_timeout_is_a_number_of_seconds(study, value):
    with pytest.raises(UsageError, match=r"study.toml: cell_timeout = .*: give the seconds"):
        read_plan(study(f"cell_timeout = {value}"))


def test_a_store_goes_on_with_another_cell_timeout(study):
    plans = [read_plan(study(text)) for text in ("", "cell_timeout = 5", "cell_timeout = 0.5")]
    assert [plan.timeout for plan in plans] == [None, 5.0, 0.5]
    assert plans[0].description == plans[1].description == plans[2].description


@pytest.mark.slow
def test_cells_that_end_their_process_or_never_end_are_failures_and_the_others_go_on(
    study, capfd, caplog
):
    does = ["well", "leave", "abort", "sleep", "stall", "much", "base", "mute"]
    path = study(f"cell_timeout = 30\nseeds = 2\n[grid]\ndoes = {does}", FIGURE)
    summary = run_sweep(path, workers=2)
    assert (summary.done, summary.failed) == (2, 14)
    assert "a word on stdout" not in capfd.readouterr().out
    errors = read_status(summary.store).errors
    assert errors.pop("Base: of all") == errors.pop("Mute: <exception str() failed>") == 2
    kinds = collections.Counter()
    for error, count in errors.items():
        kinds[error.partition(":")[0]] += count
    assert kinds == {"KilledWorker": 4, "TimeoutError": 4, "MemoryError": 2}
    lines = path.with_name("figure.log").read_text().splitlines()
    runs = collections.Counter(line.rpartition(" ")[0] for line in lines)
    assert {runs[f"{does} {seed}"] for does in ("leave", "abort") for seed in (0, 1)} == {2}
    assert {runs[f"{does} {seed}"] for does in ("sleep", "stall") for seed in (0, 1)} == {1}
    traces = xr.open_zarr(summary.store, chunks=None)["cell_traceback"].sel(does="sleep").values
    assert all("figure.py" in trace for trace in traces)
    assert "of the workers ended" in caplog.text
