"""Ctrl-C, as a user types it: every command ends with 130, and what was finished is kept."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from steepest.interrupts import (
    deferred_in_children,
    heard,
    is_passed_on,
    passed_on,
    shielded,
    undone,
)
from steepest.papers import available

GUARD = 30.0  # s, under any load; benchmarks/interrupt.py has the times
FAREWELL = "steepest: interrupted; what was finished is kept"
FIGURES = [figure.key for paper in available() for figure in paper.figures]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is no signal of POSIX here")


def start(folder, *command, **options):
    """A process that hears Ctrl-C, whatever started these tests."""
    # A process inherits that a signal is ignored, and nothing else.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def steepest(folder, *arguments):
    return start(folder, sys.executable, "-m", "steepest", *map(str, arguments))


def interrupt(process, *, group=False):
    """Ctrl-C; gives the exit code, stdout and stderr, and fails where the process goes on."""
    if group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=GUARD)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        pytest.fail(f"still there {GUARD:g} s after Ctrl-C")
    return process.returncode, out, err


def wait_for(condition, process, seconds=300.0):
    """Wait until the command has come so far; it must not end before."""
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def is_at_work(out):
    """A condition: the command has begun to write to its folder."""
    return lambda: out.is_dir() and any(out.glob(".steepest-*"))


def left_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


# A command that does `work`, which keeps Ctrl-C from being heard in its own way.
COMMAND = """
import hashlib, sys
from steepest import cli
from steepest.cli import app
from steepest.files import staging

def work():
{work}

def application(name):
    def command(tokens, **options):
        with staging("out") as stage:
            (stage / "half.txt").write_text("half")
            print("at work", flush=True)
            work()
        return 0

    return command

app.application = application
sys.argv = ["steepest", "work"]
cli.main()
"""
FOR_AN_HOUR = 'hashlib.pbkdf2_hmac("sha256", b"a", b"b", 2**31 - 1)'
RUN_FOREVER = """
try:
    while True:
        pass
except KeyboardInterrupt:
"""
WORK = {
    "compiled code": FOR_AN_HOUR,
    "a library that goes on": "while True:" + textwrap.indent(RUN_FOREVER + "    pass", "    "),
    "a library that makes it another error": RUN_FOREVER + "    raise ValueError from None",
    "a library that makes it a result": RUN_FOREVER + "    pass",
    "an end that goes on": (
        "import atexit\n@atexit.register\ndef end():"
        + textwrap.indent(RUN_FOREVER + "    pass", "    ")
    ),
    "a process that is at its end": f"import atexit; atexit.register(lambda: {FOR_AN_HOUR})",
}


def slow_but(quick, names):
    marks = {name: () if name in quick else pytest.mark.slow for name in names}
    return [pytest.param(name, marks=mark, id=name) for name, mark in marks.items()]


@pytest.mark.parametrize("name", slow_but({"compiled code", "a library that goes on"}, WORK))
def test_nothing_keeps_ctrl_c_from_being_heard(tmp_path, name):
    script = COMMAND.format(work=textwrap.indent(WORK[name], "    "))
    process = start(tmp_path, sys.executable, "-c", script)
    assert process.stdout.readline() == "at work\n"
    time.sleep(0.2)
    code, _, err = interrupt(process)
    assert (code, err) == (130, FAREWELL + "\n")
    assert left_in(tmp_path) == ([] if "end" not in name else ["out", "out/half.txt"])


def test_no_module_is_given_up_half_made(tmp_path):
    """One of jaxlib's extensions that is freed so ends the process by signal 11."""
    module = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nfor _ in range(99): pass\n"
    (tmp_path / "half_made.py").write_text(module)
    work = 'try:\n    import half_made\nexcept BaseException:\n    print("it was given up")'
    script = COMMAND.format(work=textwrap.indent(work, "    "))
    process = start(tmp_path, sys.executable, "-c", script)
    assert process.communicate(timeout=GUARD) == ("at work\n", FAREWELL + "\n")
    assert process.returncode == 130
    assert left_in(tmp_path / "out") == []


AT_THE_VERY_END = """
import ctypes
libc = ctypes.CDLL(None)
libc.strdup.restype = ctypes.c_void_p
words = libc.strdup(b"gone")
for function, argument in ((libc.getchar, None), (libc.fflush, None), (libc.puts, words)):
    libc.__cxa_atexit(function, ctypes.c_void_p(argument), None)  # the last is called first
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="what the C library calls at its end")
def test_a_command_that_is_done_does_not_die_of_ctrl_c_at_pythons_very_end(tmp_path):
    script = COMMAND.format(work=textwrap.indent(AT_THE_VERY_END, "    "))
    process = start(tmp_path, sys.executable, "-c", script, stdin=subprocess.PIPE)
    assert [process.stdout.readline() for _ in range(2)] == ["at work\n", "gone\n"]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate("\n", timeout=GUARD)  # which it waits for, beyond Python
    assert (process.returncode, err) == (0, "")
    assert left_in(tmp_path) == ["out", "out/half.txt"]


def test_ctrl_c_is_left_alone_where_it_is_ignored(tmp_path):
    """As for a job in the background of a script: nohup stays nohup."""
    script = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    script += COMMAND.format(work="    time.sleep(1)").replace("import hashlib", "import time")
    process = start(tmp_path, sys.executable, "-c", script)
    process.stdout.readline()
    assert interrupt(process)[0] == 0
    assert (tmp_path / "out" / "half.txt").is_file()


def test_what_is_undone_is_only_undone_at_an_end():
    done = []
    with undone(lambda: done.append(1)), shielded():
        assert not heard()
    assert done == []


def test_a_process_hears_nothing_before_it_is_ready_where_it_was_started_so():
    def blocked():
        return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())

    with deferred_in_children():
        assert blocked()  # which processes inherit
    assert not blocked()


def test_a_caller_of_several_runs_has_ctrl_c_passed_on():
    with passed_on():
        assert is_passed_on()
    assert not is_passed_on()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 3.0, 12.0])
@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_ends_at_once_and_leaves_nothing_half_done(tmp_path, figure, seconds):
    out = tmp_path / "out"
    process = steepest(tmp_path, "reproduce", figure, "--out", out)
    wait_for(is_at_work(out), process)
    time.sleep(seconds)
    if process.poll() is not None:
        assert process.returncode == 0, process.communicate()
        pytest.skip(f"it takes less than {seconds:g} s here")
    code, _, err = interrupt(process)
    assert "Traceback" not in err
    if code == 0:  # it was done
        assert (out / f"{figure}.html").is_file()
        return
    assert code == 130, err
    assert err.endswith(FAREWELL + "\n")
    if (out / f"{figure}.html").is_file():  # and was done, too
        return
    assert {Path(name).suffix for name in left_in(tmp_path)} <= {"", ".nc", ".png", ".csv", ".gif"}
    assert not any(".steepest" in name for name in left_in(tmp_path))


@pytest.mark.slow
def test_the_figures_that_were_finished_are_kept(tmp_path):
    out = tmp_path / "out"
    process = steepest(tmp_path, "reproduce", "surace2020", "--out", out)
    wait_for(lambda: out.is_dir() and any(out.glob("*.csv")), process)
    assert interrupt(process)[0] == 130
    names = left_in(out)
    keys = {Path(name).stem for name in names}
    assert keys
    assert set(names) == {f"{key}.{kind}" for key in keys for kind in ("nc", "png", "csv")}


def write_inputs(folder):
    """Inputs with which every command is at work for a minute at least."""
    random = np.random.default_rng(0)
    sizes = np.cumsum(random.normal(0, 0.2, (20_000, 5)), axis=1)
    table = np.column_stack([np.exp(sizes), random.integers(0, 40, 20_000)])
    np.savetxt(folder / "s.csv", table, "%.5g", ",", header="a,b,c,d,e,g", comments="")
    np.save(folder / "activity.npy", np.cumsum(random.normal(0, 1e-3, (20_000, 40)), axis=0))
    before = {f"layer{k}": random.normal(0, 1, (400, 400)) for k in range(4)}
    after = {name: w + random.normal(0, 0.01, w.shape) for name, w in before.items()}
    np.savez(folder / "before.npz", **before)
    np.savez(folder / "after.npz", **after)
    flow = random.normal(0, 1, (50, 4))
    np.savetxt(folder / "flow.csv", flow, delimiter=",", header="x,y,u,v", comments="")
    (folder / "cost.py").write_text(
        "import jax\nimport jax.numpy as jnp\ndef cost(point):\n"
        "    x = jax.lax.stop_gradient(point[0])\n"
        "    x = jax.lax.fori_loop(0, 10**11, lambda i, x: x + jnp.sin(x), x)\n"
        "    return jnp.sum(point**2) * (1 + 0 * x)\n"  # its gradient needs all of it, too
    )


LONG = {
    "infer": "infer s.csv --sessions a b c d e --group g",
    "connectivity": "connectivity activity.npy --step 0.01",
    "infer-layers": "infer-layers before.npz after.npz --draws 20000",
    "infer-metric": "infer-metric flow.csv --cost cost.py --position x y --velocity u v",
    "plan": "plan",
    "demo": "demo",
    "reproduce": "reproduce kreutzer2022.fig3 --scale paper",
    "several figures": "reproduce galtier2013 --scale paper",
}


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 2.0, 6.0])
@pytest.mark.parametrize("command", LONG)
def test_every_command_ends_at_once_and_leaves_nothing_half_done(tmp_path, command, seconds):
    write_inputs(tmp_path)
    inputs, out = left_in(tmp_path), tmp_path / "out"
    process = steepest(tmp_path, *LONG[command].split(), "--out", out)
    wait_for(is_at_work(out), process)
    time.sleep(seconds)
    code, _, err = interrupt(process)
    assert code == 130, err
    assert err.endswith(FAREWELL + "\n")
    assert "Traceback" not in err
    finished = {".nc", ".png", ".csv", ".gif"} if command == "several figures" else set()
    left = [name for name in left_in(tmp_path) if name not in inputs and Path(name).suffix]
    assert {Path(name).suffix for name in left} <= finished, left


SEVERAL_PROCESSES = {
    "figures": "reproduce surace2020 --jobs 2 --out out",
    "cells": "sweep study.toml --workers 2",
}


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 0.5, 2.0, 8.0])
@pytest.mark.parametrize("command", SEVERAL_PROCESSES)
def test_a_command_of_several_processes_says_one_line(tmp_path, command, seconds):
    """Also while they are starting, when the terminal sends Ctrl-C to all of them."""
    (tmp_path / "study.toml").write_text('figure = "surace2020.example_1d"\nseeds = 400')
    process = steepest(tmp_path, *SEVERAL_PROCESSES[command].split())
    wait_for(lambda: children(process, "multiprocessing.spawn"), process)
    time.sleep(seconds)
    assert interrupt(process, group=True) == (130, "", FAREWELL + "\n")


def children(process, words):
    """Processes that a process has started, with these words in their command lines."""
    family = []
    with suppress(psutil.Error):  # one has just ended
        for child in psutil.Process(process.pid).children(recursive=True):
            family += [child] if words in " ".join(child.cmdline()) else []
    return family


@pytest.mark.slow
def test_ctrl_c_on_a_sweep_keeps_its_cells(tmp_path):
    """To the driver and its workers alike, as a terminal sends it; the same command goes on."""
    (tmp_path / "study.toml").write_text('figure = "surace2020.example_1d"\nseeds = 40')
    store, sweep = tmp_path / "study.zarr", ("sweep", "study.toml", "--workers", 2)
    cells = store / ".sweep" / "cells"
    process = steepest(tmp_path, *sweep)
    wait_for(lambda: cells.is_dir() and any(cells.glob("*.npy")), process)
    code, _, err = interrupt(process, group=True)
    assert (code, err) == (130, FAREWELL + "\n")
    status = steepest(tmp_path, "sweep", "--status", store, "--json").communicate()[0]
    done = json.loads(status)
    assert done["done"] >= 1
    assert done["workers"] is None
    out, err = steepest(tmp_path, *sweep, "--json").communicate()
    after = json.loads(out)
    assert (after["done"], after["left"], after["failed"]) == (40, 0, 0)
    assert after["computed"] == 40 - done["done"]
