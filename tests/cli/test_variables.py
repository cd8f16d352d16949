"""An environment variable that a library cannot use is named, and is no fault of the program."""

import json
import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from steepest import machine, papers
from steepest.cli.variables import unusable_variable
from steepest.errors import DataError


def fails(monkeypatch, error):
    def available():
        raise error

    monkeypatch.setattr(papers, "available", available)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_variable_that_a_library_names_is_to_blame(call, monkeypatch, options):
    fails(monkeypatch, ValueError("invalid truth value 'banana' for environment 'JAX_ENABLE_X64'"))
    monkeypatch.setenv("JAX_ENABLE_X64", "banana")
    code, out, err = call("papers", *options)
    assert code == 2
    said = json.loads(out)["error"] if options else err
    assert "JAX_ENABLE_X64 is 'banana' here, which cannot be used (invalid truth value" in said
    assert said.rstrip().endswith("correct that environment variable, or unset it")


def test_a_fault_of_the_program_stays_one(call, monkeypatch):
    monkeypatch.setenv("JAX_ENABLE_X64", "1")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    fails(monkeypatch, KeyError("x64"))
    code, _, err = call("papers")
    assert (code, err) == (70, "steepest: a fault of this program, not of yours: KeyError: 'x64'\n")


def no_device():
    raise AssertionError


def test_a_device_that_jax_does_not_find_is_named_and_not_who_asked_for_it(call, monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    monkeypatch.setattr(jax, "devices", no_device)
    assert "JAX_PLATFORMS is 'cuda' here" in str(unusable_variable(AssertionError()))
    refusal = DataError("the cost fails on a position of 2 coordinates")
    refusal.__cause__ = AssertionError()
    fails(monkeypatch, refusal)
    code, _, err = call("papers")
    assert code == 2
    assert err.startswith("steepest: JAX_PLATFORMS is 'cuda' here")


def test_a_function_that_numba_does_not_compile_is_kept_as_it_is():
    def twice(number):
        return 2 * number

    assert machine._kept_if_possible(twice) is twice


def test_an_error_under_a_check_that_solvers_do_not_survive_is_not_ours(monkeypatch):
    fault = IndexError("list index out of range")
    monkeypatch.setenv("JAX_CHECK_TRACER_LEAKS", "1")
    assert "JAX_CHECK_TRACER_LEAKS is '1' here" in unusable_variable(fault)
    monkeypatch.setenv("JAX_CHECK_TRACER_LEAKS", "0")
    assert unusable_variable(fault) is None


def test_who_has_no_home_keeps_what_is_compiled_for_now_and_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    assert machine.cache_folder().is_absolute()
    assert machine.cache_folder() == machine.cache_folder()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert machine.cache_folder().is_relative_to(tmp_path)

    @machine.compiled(cache=True)
    def twice(number):
        return 2 * number

    assert type(twice._cache).__name__ == "NullCache"  # nothing is written where one stands


COMMANDS = {
    "infer": ["infer", "sizes.csv", "--before", "0", "--after", "1", "--noise-cv", "0"],
    "connectivity": ["connectivity", "waves.csv", "--step", ".1"],
    "infer-metric": [
        "infer-metric", "flow.csv", "--cost", "quadratic", "--position", "x", "--velocity", "v"
    ],
    "export": ["export", "brian2", "--afferents", "10"],
}  # fmt: skip
WORKS = {
    "infer": [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"LC_ALL": "xx_YY.no"},
        {"PYTHONIOENCODING": "ascii"}, {"COLUMNS": "0"}, {"COLUMNS": "-5"}, {"COLUMNS": "x"},
        {"COLUMNS": "9" * 12}, {"LINES": "x"}, {"TERM": ""}, {"TERM": "none"}, {"HOME": ""},
        {"HOME": "/proc/none"}, {"TMPDIR": "/proc/none"}, {"OMP_NUM_THREADS": "x"},
        {"OPENBLAS_NUM_THREADS": "-1"}, {"MKL_NUM_THREADS": "x"}, {"PYTHONOPTIMIZE": "2"},
        {"TZ": "nowhere"}, {"PATH": ""}, {"JAX_PLATFORMS": "cuda"},
    ],
    "export": [{"NUMBA_DISABLE_JIT": "1"}, {"NUMBA_CACHE_DIR": "/proc/none"}],
    "connectivity": [{"JAX_DISABLE_JIT": "1"}, {"JAX_COMPILATION_CACHE_DIR": "/proc/none"}],
}  # fmt: skip
NAMED = {
    "connectivity": [
        {"JAX_ENABLE_X64": "banana"}, {"JAX_DEBUG_NANS": "x"}, {"EQX_ON_ERROR": "banana"},
        {"JAX_NUMPY_RANK_PROMOTION": "x"}, {"JAX_DEFAULT_MATMUL_PRECISION": "x"},
        {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "x"}, {"JAX_NUM_CPU_DEVICES": "x"},
        {"JAX_TRACEBACK_FILTERING": "x"},
    ],
    "infer-metric": [{"JAX_PLATFORMS": "cuda"}, {"JAX_PLATFORMS": "banana"}],
    "export": [{"NUMBA_NUM_THREADS": "-1"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("variables")
    random = np.random.default_rng(2)
    before = np.exp(0.8 * random.standard_normal((60, 1)))
    sizes = np.hstack([before, before * np.exp(0.1 * random.standard_normal((60, 1)))])
    time = np.linspace(0, 20, 200)
    tables = {
        "sizes": ("w0,w1", sizes),
        "waves": ("a,b", np.column_stack([np.sin(time), np.cos(time)])),
        "flow": ("x,v", np.hstack([sizes[:, :1], -sizes[:, :1]])),
    }
    for name, (header, table) in tables.items():
        np.savetxt(folder / f"{name}.csv", table, delimiter=",", header=header, comments="")
    return folder


def process(command, folder, variables):
    done = subprocess.run(
        [sys.executable, "-m", "steepest", *COMMANDS[command]],
        env={**os.environ, **variables},
        cwd=folder,
        capture_output=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stderr.decode(errors="replace")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "variables"), [(name, case) for name, cases in WORKS.items() for case in cases]
)
def test_surroundings_that_do_not_matter_do_not_matter(folder, command, variables):
    assert process(command, folder, variables) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "variables"), [(name, case) for name, cases in NAMED.items() for case in cases]
)
def test_surroundings_that_cannot_be_used_are_named(folder, command, variables):
    code, err = process(command, folder, variables)
    ((name, value),) = variables.items()
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith(f"steepest: {name} is {value!r} here, which cannot be used")
