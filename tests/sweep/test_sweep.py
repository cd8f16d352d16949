"""Sweeps with real processes: nothing is lost, nothing is computed twice, everything is equal."""

import collections
import contextlib
import dataclasses
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import xarray as xr
from distributed import LocalCluster

import steepest
from steepest import cli
from steepest.errors import DataError, UsageError
from steepest.sweep import one_cell, plot_store, read_plan, read_status, run_sweep
from steepest.sweep.store import DONE, SweepStore


@pytest.fixture(scope="module")
def scheduler():
    """Address of a running cluster of two workers with one thread each, in this process.

    It is ready at once; workers of their own processes are in the tests that kill them, and that
    go through Slurm.
    """
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as cluster:
        yield cluster.scheduler_address


def log(path: Path) -> list[tuple[str, ...]]:
    """What the figure beside a study noted: slope, kind, points, seed, process; a run a row."""
    file = path.with_name("figure.log")
    return [tuple(line.split()) for line in file.read_text().splitlines()] if file.exists() else []


def environment() -> dict[str, str]:
    """The environment of a subprocess that imports the same steepest as the tests do."""
    source = str(Path(steepest.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": source, "PYTHONWARNINGS": "error"}


def check_equal_to_serial(path, store, scale="quick"):
    """Every cell of a store is, bit for bit, what a plain call gives; returns how many there are.

    The plain calls add no rows to the log.
    """
    plan = read_plan(path)
    dataset = xr.open_zarr(store, chunks=None).load()
    rows = path.with_name("figure.log").read_text()
    assert np.all(dataset["cell_status"] == DONE)
    for index in range(plan.size):
        cell = plan.cell(index)
        expected = plan.figure.module.run(dataclasses.replace(plan.base, **cell.values), cell.seed)
        at = dict(zip(plan.dims, map(int, np.unravel_index(index, plan.shape)), strict=True))
        found = one_cell(dataset, at)
        xr.testing.assert_identical(found, expected.drop_attrs(deep=False))
        for name in expected.variables:
            assert found[name].values.tobytes() == expected[name].values.tobytes(), name
    path.with_name("figure.log").write_text(rows)
    return plan.size


def runs(path):
    """How often each cell (slope, kind, points, seed) was computed."""
    return collections.Counter(row[:4] for row in log(path))


def content(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def wait_until(condition, seconds=400):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)


@contextlib.contextmanager
def driver(path, *options):
    """`steepest sweep` as a process of its own, killed at the end if it is still there."""
    command = [sys.executable, "-m", "steepest", "sweep", str(path), *map(str, options)]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


SIXTY = 'seeds = 15\n[grid]\nslope = [1, 2]\nkind = ["up", "down"]\npause = [0.1]\n'


@pytest.mark.slow
def test_killed_worker_killed_driver_and_resume_lose_nothing(study, scheduler, capsys, tmp_path):
    path, store = study(SIXTY), SweepStore(tmp_path / "study.zarr")
    with driver(path, "--workers", 2) as process:
        wait_until(lambda: store.exists and np.sum(store.states() == DONE) >= 12)
        victim = int(log(path)[-1][4])
        os.kill(victim, signal.SIGKILL)
        # Seen from outside: one driver, its workers, and nobody else may drive.
        status = read_status(store.path)
        assert status.workers in (1, 2)
        assert status.seconds_left is not None
        assert 0 < status.left < 60
        with pytest.raises(UsageError, match=f"another driver is at work.*process {process.pid}"):
            run_sweep(path)
        wait_until(lambda: np.sum(store.states() == DONE) >= 30)
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
    wait_until(lambda: not any(p.is_running() and p.status() != "zombie" for p in family))
    marked = np.flatnonzero(store.states() == DONE)
    assert 30 <= marked.size < 60
    assert xr.open_zarr(store.path, chunks=None).sizes["seed"] == 15
    before = runs(path)
    assert sum(before.values()) - len(before) <= 1, "only the killed worker's cell ran twice"

    code = cli.run(["sweep", str(path), "--scheduler", scheduler, "--json"])
    captured = capsys.readouterr()
    assert (code, captured.err) == (0, "")
    summary = json.loads(captured.out)
    assert (summary["cells"], summary["done"], summary["left"]) == (60, 60, 0)
    assert summary["computed"] == 60 - marked.size
    after = runs(path)
    plan = read_plan(path)
    for index in marked.tolist():
        cell = plan.cell(index)
        key = (str(cell.values["slope"]), cell.values["kind"], "5", str(cell.seed))
        assert after[key] == before[key], "a cell was computed again after it was marked done"
    # At most the cells under way at the two deaths: the killed worker's, and two of the driver.
    assert sum(after.values()) <= 60 + 3
    assert len(after) == 60
    assert check_equal_to_serial(path, store.path) == 60
    assert not store.work.exists()

    everything = content(store.path)
    assert run_sweep(path, scheduler=scheduler).computed == 0
    assert content(store.path) == everything
    assert runs(path) == after


@pytest.mark.slow
def test_five_rounds_of_kills_on_a_path_with_blanks_and_letters_of_any_script(
    study, scheduler, tmp_path
):
    folder = tmp_path / "drei Räume, 実験"
    folder.mkdir()
    path = study("seeds = 40\n[grid]\nslope = [1, 2, 3, 4]\npause = [0.1]\n", folder=folder)
    store = SweepStore(path.with_suffix(".zarr"))
    marked = {}
    deaths = 0
    # Whoever is to end of its own has cells for long after what we wait for.
    for number, victims in enumerate(["worker", "worker", "both", "driver", "driver"], start=1):
        with driver(path, "--workers", 2) as process:
            wait_until(
                lambda goal=20 * number: store.exists and np.sum(store.states() == DONE) >= goal
            )
            family = psutil.Process(process.pid).children(recursive=True)
            if victims != "driver":
                os.kill(int(log(path)[-1][4]), signal.SIGKILL)
                deaths += 1
                wait_until(lambda goal=20 * number + 3: np.sum(store.states() == DONE) >= goal)
            if victims == "worker":
                process.send_signal(signal.SIGINT)  # it ends by itself, and says so
                assert process.wait(60) == 130
            else:
                process.kill()
                process.wait()
                deaths += 2
        psutil.wait_procs(family, timeout=90)
        after = runs(path)
        for key, count in marked.items():
            assert after[key] == count, "a cell was computed again after it was marked done"
        plan = read_plan(path)
        for index in np.flatnonzero(store.states() == DONE).tolist():
            cell = plan.cell(index)
            key = (str(cell.values["slope"]), "up", "5", str(cell.seed))
            marked[key] = after[key]
    assert run_sweep(path, scheduler=scheduler).done == 160
    assert all(runs(path)[key] == count for key, count in marked.items())
    assert sum(runs(path).values()) - 160 <= deaths + 2 * 2  # those under way; at a Ctrl-C, too
    assert check_equal_to_serial(path, store.path) == 160


def test_failing_cells_are_recorded_and_stop_nothing_and_are_tried_again_on_demand(
    study, scheduler
):
    path = study("seeds = 2\n[grid]\nslope = [1, 13, 2]")
    summary = run_sweep(path, scheduler=scheduler)
    assert (summary.done, summary.failed, summary.computed) == (4, 2, 6)
    status = read_status(summary.store)
    assert status.errors == {"ZeroDivisionError: thirteen": 2}
    assert (status.left, status.workers, status.seconds_left) == (0, None, None)
    dataset = xr.open_zarr(summary.store, chunks=None)
    trace = str(dataset["cell_traceback"].sel(slope=13.0, seed=1).item())
    assert trace.startswith("Traceback")
    assert "figure.py" in trace
    assert run_sweep(path, scheduler=scheduler).computed == 0
    again = run_sweep(path, scheduler=scheduler, retry_failed=True)
    assert (again.computed, again.failed) == (2, 2)
    assert runs(path)["13.0", "up", "5", "0"] == 2
    assert runs(path)["1.0", "up", "5", "0"] == 1
    timings = json.loads(xr.open_zarr(summary.store, chunks=None).attrs["timings"])
    assert timings["runs"] == 2
    assert timings["computing_seconds"] > 0


@pytest.mark.slow
def test_nothing_that_cells_print_is_on_stdout_with_json(study):
    path = study("seeds = 2")
    figure = path.with_name("figure.py")
    says = "    os.write(1, b'a library\\n'), print('a word'), os.system('echo a shell')\n"
    text = figure.read_text().replace("    time.sleep", says + "    time.sleep", 1)
    figure.write_text(text + "\nprint('imported')\n")
    with driver(path, "--workers", 2, "--json") as process:
        out, err = process.communicate()
    assert json.loads(out)["done"] == 2
    assert {"a library", "a word", "a shell", "imported"} <= {*err.splitlines()}


@pytest.mark.slow
def test_a_cell_that_kills_its_workers_is_a_failure_and_the_others_go_on(study):
    path = study("seeds = 1\n[grid]\nslope = [1, 17, 2]")
    summary = run_sweep(path, workers=1)
    assert (summary.cells, summary.done, summary.failed) == (3, 2, 1)
    (error,) = read_status(summary.store).errors
    assert error.startswith("KilledWorker")
    path.with_name("figure.cured").touch()
    assert run_sweep(path, workers=1, retry_failed=True).done == 3
    check_equal_to_serial(path, summary.store)


def test_workers_in_any_number_and_order_give_the_same_store(study, scheduler, tmp_path):
    text = "seeds = 3\n[grid]\nslope = [1, 2]\npoints = [2, 6]\n"
    path = study(text)
    first = run_sweep(path, tmp_path / "two.zarr", scheduler=scheduler)
    assert check_equal_to_serial(path, first.store) == 12
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as cluster:
        second = run_sweep(path, tmp_path / "one.zarr", scheduler=cluster.scheduler_address)
    one, two = (xr.open_zarr(s.store, chunks=None).load() for s in (first, second))
    one, two = (data.drop_vars("cell_seconds").drop_attrs(deep=False) for data in (one, two))
    xr.testing.assert_identical(one, two)


def test_a_changed_study_or_figure_is_refused_with_the_difference(study, scheduler):
    path = study("seeds = 2")
    run_sweep(path, scheduler=scheduler)
    study("seeds = 3")
    with pytest.raises(UsageError, match=r"seed: \[0, 1\] -> \[0, 1, 2\]"):
        run_sweep(path, scheduler=scheduler)
    study("seeds = 2")
    assert run_sweep(path, scheduler=scheduler).computed == 0
    figure = path.with_name("figure.py")
    figure.write_text(figure.read_text() + "# another\n")
    with pytest.raises(UsageError, match="the figure's code"):
        run_sweep(path, scheduler=scheduler)


def test_a_scheduler_that_does_not_answer_is_named_with_the_time_it_had(study):
    path = study("seeds = 2")
    with pytest.raises(UsageError, match=r"answered at tcp://127.0.0.1:9 within 0.5 s"):
        run_sweep(path, scheduler="tcp://127.0.0.1:9", patience=0.5)
    with pytest.raises(UsageError, match="nonsense"):
        run_sweep(path, scheduler="nonsense://x", patience=0.5)
    assert read_status(path.with_suffix(".zarr")).left == 2
    with pytest.raises(UsageError, match="choose one"):
        run_sweep(path, scheduler="tcp://127.0.0.1:9", workers=2)


def test_workers_with_several_threads_are_refused(study):
    path = study("seeds = 2")
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0")
        as cluster,
        pytest.raises(UsageError, match="has 2 threads"),
    ):  # fmt: skip
        run_sweep(path, scheduler=cluster.scheduler_address)
    assert log(path) == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB of its own, and a function that mounts it again with options."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    if os.getuid() != 0 or not mount("size=2m"):
        pytest.skip("a small disk can only be mounted by root")
    try:
        yield place, lambda options: mount(f"remount,{options}")
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_and_a_read_only_disk_are_clear_errors_and_the_store_goes_on(
    study, scheduler, small_disk
):
    disk, remount = small_disk
    path = study("seeds = 40\n[grid]\nsize = [20000]")
    store = disk / "study.zarr"
    with pytest.raises(UsageError, match=r"cannot write to the store.*No space left") as caught:
        run_sweep(path, store, scheduler=scheduler)
    assert "finished cells are kept" in str(caught.value)
    kept = read_status(store)
    assert 0 < kept.done < 40
    assert kept.failed == 0
    assert xr.open_zarr(store, chunks=None).sizes["seed"] == 40

    assert remount("size=40m,ro")
    with pytest.raises(UsageError, match=r"cannot write to the store.*Read-only"):
        run_sweep(path, store, scheduler=scheduler)
    with pytest.raises(UsageError, match=r"cannot write to the store.*Read-only"):
        run_sweep(path, disk / "other.zarr", scheduler=scheduler)
    assert xr.open_zarr(store, chunks=None).sizes["seed"] == 40
    assert read_status(store).done == kept.done

    assert remount("size=40m,rw")
    summary = run_sweep(path, store, scheduler=scheduler)
    assert (summary.done, summary.failed) == (40, 0)
    assert summary.computed <= 40 - kept.done
    assert max(collections.Counter(row[3] for row in log(path)).values()) <= 2
    check_equal_to_serial(path, store)


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_a_clear_error(study, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o555)
    with pytest.raises(UsageError, match=r"cannot write to the store.*Permission"):
        run_sweep(study("seeds = 2"), tmp_path / "closed" / "x.zarr")


SBATCH = """#!/bin/bash
cp "$1" {folder}/job.sh
bash {folder}/job.sh > {folder}/job.log 2>&1 &
echo $! > {folder}/job.pid
echo "Submitted batch job $!"
"""


@pytest.fixture
def fake_slurm(tmp_path, monkeypatch):
    """`sbatch` and `scancel` on PATH, which start and stop the job here; gives their folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sbatch").write_text(SBATCH.format(folder=folder))
    (folder / "scancel").write_text(f'#!/bin/bash\necho "$1" > {folder}/cancelled\n')
    for name in ("sbatch", "scancel"):
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTHONWARNINGS")
    yield folder
    with contextlib.suppress(FileNotFoundError, psutil.NoSuchProcess):
        job = psutil.Process(int((folder / "job.pid").read_text()))
        for process in [*job.children(recursive=True), job]:
            process.kill()


SLURM = 'jobs = 1\ncores = 2\nmemory = "2GB"\nwalltime = "00:10:00"\nqueue = "short"\n'


# SLURMCluster closes its workers' jobs in a task that the loop may drop at its own end.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
def test_a_sweep_through_slurm_submits_a_job_of_single_threaded_workers(
    study, fake_slurm, tmp_path
):
    path = study("seeds = 6")
    options = tmp_path / "slurm.toml"
    options.write_text(SLURM + 'interface = "lo"\n')
    summary = run_sweep(path, slurm=options)
    assert (summary.done, summary.cells) == (6, 6)
    script = (fake_slurm / "job.sh").read_text()
    assert "#SBATCH -p short" in script
    assert "--nthreads 1" in script
    assert "--nworkers 2" in script
    assert "export OMP_NUM_THREADS='1'" in script
    assert (fake_slurm / "cancelled").read_text() == (fake_slurm / "job.pid").read_text()
    check_equal_to_serial(path, summary.store)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SLURM + "wall = 3", "no option 'wall'.*near it: walltime"),
        ("cores = 1", "set memory"),
        (SLURM.replace("jobs = 1", "jobs = 0"), "jobs = 0"),
        (SLURM.replace('"2GB"', "2"), "memory = 2 needs a unit"),
        (SLURM.replace("cores = 2", "cores = 0.5"), "cores = 0.5"),
        (SLURM.replace('"2GB"', "2GB"), "not a TOML file"),
    ],
)
def test_a_slurm_file_that_cannot_work_is_refused(study, tmp_path, text, message):
    options = tmp_path / "slurm.toml"
    options.write_text(text)
    with pytest.raises(DataError if "TOML" in message else UsageError, match=message):
        run_sweep(study("seeds = 2"), slurm=options)


def test_without_slurm_on_this_machine_the_message_says_so(study, tmp_path, monkeypatch):
    options = tmp_path / "slurm.toml"
    options.write_text(SLURM)
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="there is no sbatch here"):
        run_sweep(study("seeds = 2"), slurm=options)
    (tmp_path / "sbatch").write_text("#!/bin/bash\necho no such partition >&2\nexit 1\n")
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{path}")
    with pytest.raises(UsageError, match="Slurm did not take the jobs"):
        run_sweep(study("seeds = 2"), slurm=options)


def test_the_command_line_runs_tells_and_draws(study, scheduler, capsys, tmp_path):
    path = study("seeds = 2\n[grid]\nslope = [1, 13]\npoints = [3, 5]")
    store = tmp_path / "out.zarr"

    def call(*tokens):
        code = cli.run(["sweep", *map(str, tokens)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    code, out, err = call(path, "--store", store, "--scheduler", scheduler)
    assert (code, err) == (1, "")
    assert "4 of 8 cells are done, 4 failed; 8 were computed now" in out
    assert f"--store {store} --retry-failed" in out
    code, out, err = call("--status", store)
    assert (code, err) == (0, "")
    assert "4 of 8 cells done, 4 failed, 0 left" in out
    assert "4 x ZeroDivisionError: thirteen" in out
    code, out, _ = call("--status", store, "--json")
    assert json.loads(out)["errors"] == {"ZeroDivisionError: thirteen": 4}
    code, out, _ = call("--plot", store)
    assert (code, out.strip()) == (0, f"Wrote {tmp_path / 'out.png'}")
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    sheet = plot_store(store)
    titles = [axes.get_title() for axes in sheet.axes]
    expected = itertools.product(["1.0", "13.0"], ["3", "5"])
    assert titles == [f"slope = {s}, points = {p}" for s, p in expected]
    assert sheet.get_suptitle() == "Noise with a trend, seed 0"
    texts = [[text.get_text() for text in axes.texts] for axes in sheet.axes]
    assert texts == [[], [], *2 * [["failed: ZeroDivisionError: thirteen"]]]
    for tokens in ([], [path, "--status", store], ["--status", tmp_path / "no.zarr"]):
        code, out, err = call(*tokens)
        assert (code, out) == (2, "")
        assert err.startswith("steepest: ")


def test_a_figure_may_draw_the_whole_study_itself(study, scheduler):
    path = study("seeds = 2\n[grid]\nslope = [1, 2]")
    figure = path.with_name("figure.py")
    own = "\n\ndef plot_sweep(dataset):\n    figure = matplotlib.figure.Figure()\n"
    own += "    figure.suptitle(str(dict(dataset.sizes)))\n    return figure\n"
    figure.write_text(figure.read_text() + own)
    summary = run_sweep(path, scheduler=scheduler)
    assert "'slope': 2, 'seed': 2" in plot_store(summary.store).get_suptitle()


def test_pictures_along_one_dimension_fill_a_sheet_and_one_picture_is_alone(study, scheduler):
    for text, rows, drawn in [
        ("pause = [0]\nslope = [1, 2, 3, 4, 5]", 2, 5),
        ("slope = [2]", 1, 1),
    ]:
        path = study(f"[grid]\n{text}")
        summary = run_sweep(path, path.with_name(f"{drawn}.zarr"), scheduler=scheduler)
        sheet = plot_store(summary.store)
        assert sheet.axes[0].get_gridspec().nrows == rows
        assert sum(bool(axes.images) for axes in sheet.axes) == drawn
    assert sheet.axes[0].get_title() == ""


DRIVER = """
import resource, sys
from steepest.sweep import run_sweep
if __name__ == "__main__":
    summary = run_sweep(sys.argv[1], workers=2)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    files = sum(path.is_file() for path in summary.store.rglob("*"))
    print(summary.done, peak / 1024, files)
"""


def peak_of(study, folder, cells):
    """Sweep that many tiny cells in a process of its own: cells done, its peak MB, files."""
    folder.mkdir()
    (folder / "drive.py").write_text(DRIVER)
    path = study(f"seeds = {cells // 4}\n[grid]\nslope = [1, 2, 3, 4]", folder=folder)
    command = [sys.executable, str(folder / "drive.py"), str(path)]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=3000, check=True
    )
    return [float(word) for word in done.stdout.split()]


@pytest.mark.slow
def test_the_drivers_memory_does_not_grow_with_the_number_of_cells(study, tmp_path):
    few, many = (peak_of(study, tmp_path / str(n), n) for n in (1000, 10_000))
    assert (few[0], many[0]) == (1000, 10_000)
    assert many[1] - few[1] < 50
    # Ten times the cells, but chunks of a thousand: ten more files a variable, not 9000.
    assert many[2] - few[2] < 200
