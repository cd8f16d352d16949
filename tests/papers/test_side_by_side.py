"""Figures side by side: the same results in the same order, and nobody left behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import xarray as xr

import steepest
from steepest import papers, study
from steepest.cli.caching import keep_compiled, own_process
from steepest.errors import UsageError
from steepest.machine import cache_folder, cores
from steepest.papers._side_by_side import reproduce_all

KEYS = ("surace2020.example_1d", "galtier2013.fig2")


def figures(*keys):
    return [papers.load(key)[0] for key in keys]


def test_one_at_a_time_is_a_call_after_the_other(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(study, "reproduce", lambda f, *rest, **_: asked.append((f.key, *rest)))
    for jobs in (0, 1):
        list(reproduce_all(figures(*KEYS), "paper", 3, tmp_path, jobs=jobs))
    assert asked == 2 * [(key, "paper", 3, tmp_path) for key in KEYS]


def test_what_a_figure_cannot_take_is_told_before_any_is_run(tmp_path):
    each = reproduce_all(figures(*KEYS), data="sizes.csv", jobs=2)
    with pytest.raises(UsageError, match=r"surace2020\.example_1d is computed from nothing but"):
        next(each)


@pytest.mark.slow
def test_two_at_a_time_give_the_same_results_in_the_same_order(tmp_path):
    alone = list(reproduce_all(figures(*KEYS), seed=2, out=tmp_path / "alone"))
    both = list(reproduce_all(figures(*KEYS), seed=2, out=tmp_path / "both", jobs=2))
    assert [result.figure.key for result in both] == list(KEYS)
    for one, other in zip(alone, both, strict=True):
        assert one.claims == other.claims
        assert one.picture == other.picture
        assert (one.parameters, one.scale, one.seed) == (other.parameters, other.scale, other.seed)
        xr.testing.assert_identical(one.dataset, other.dataset)
        assert {kind: path.name for kind, path in one.files.items()} == {
            kind: path.name for kind, path in other.files.items()
        }
        assert all(path.is_file() for path in other.files.values())


@pytest.fixture
def running(tmp_path):
    """`steepest reproduce` of long figures two at a time, once both are computed."""
    source = str(Path(steepest.__file__).parents[1])
    command = [
        "-m",
        "steepest",
        "reproduce",
        "kreutzer2022",
        "--scale",
        "paper",
        "--jobs",
        "2",
        "--out",
        "out",
    ]
    # A process inherits that a signal is ignored, and nothing else.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": source},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        while len(list(tmp_path.glob("out/.steepest-*"))) < 2:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
            assert process.poll() is None, process.communicate()
        yield process, psutil.Process(process.pid).children(recursive=True)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is no signal of POSIX here")
@pytest.mark.parametrize("group", [True, False])
def test_ctrl_c_ends_all_of_them_with_130(running, tmp_path, group):
    process, family = running
    if group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "steepest: interrupted; what was finished is kept\n" in err
    assert "Traceback" not in err
    assert psutil.wait_procs(family, timeout=10)[1] == []
    assert list(tmp_path.glob("out/.steepest-*")) == []


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL here")
def test_whoever_kills_the_command_ends_the_figures_too(running):
    process, family = running
    process.kill()
    assert psutil.wait_procs(family, timeout=30)[1] == []


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL here")
def test_a_figure_whose_process_dies_is_told_and_ends_the_command(running):
    process, family = running
    (victim,) = [p for p in family if "spawn_main" in " ".join(p.cmdline())][:1]
    victim.kill()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "a process that computed a figure died" in err
    assert psutil.wait_procs(family, timeout=30)[1] == []


def test_compiled_programs_are_kept_for_the_command_line_alone(monkeypatch):
    for name in list(os.environ):
        if name.startswith("JAX_"):
            monkeypatch.delenv(name)
    before = dict(os.environ)
    keep_compiled()
    assert dict(os.environ) == before
    token = own_process.set(True)
    try:
        keep_compiled()  # JAX is there already, with somebody's settings
        assert dict(os.environ) == before
        monkeypatch.delitem(sys.modules, "jax")
        monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "mine")
        keep_compiled()
        assert os.environ["JAX_COMPILATION_CACHE_DIR"] == "mine"
        monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
        keep_compiled()
        assert os.environ["JAX_COMPILATION_CACHE_DIR"] == str(cache_folder() / "jax")
    finally:
        own_process.reset(token)
        for name in os.environ.keys() - before.keys():
            del os.environ[name]


def test_the_command_computes_as_many_at_a_time_as_it_is_told(call, monkeypatch):
    from steepest.papers import _side_by_side

    asked = []

    def one_figure(figures, *rest, jobs, **options):
        asked.append(jobs)
        yield study.reproduce(figures[0], *rest)

    monkeypatch.setattr(_side_by_side, "reproduce_all", one_figure)
    for options in (["--jobs", 3], []):
        code, out, _ = call("reproduce", "surace2020.example_1d", *options, "--json")
        assert (code, len(json.loads(out)["figures"])) == (0, 1)
    assert asked == [3, cores()]
    assert call("reproduce", "surace2020", "--jobs", 0)[0] == 2
