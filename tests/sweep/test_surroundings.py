"""Workers have one thread for numerics, and compile what no other has compiled."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import steepest
from steepest.sweep.surroundings import environment

PREPARE = "from steepest.sweep.surroundings import prepare_process as p; p()"
CELL = """
import jax, jax.numpy as jnp, numba
jax.jit(lambda x: jnp.sin(x) @ x)(jnp.ones(7)).block_until_ready()
print(numba.get_num_threads())
"""


@pytest.mark.slow
def test_what_one_process_compiled_the_next_one_reads(tmp_path, monkeypatch):
    for name in environment():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(steepest.__file__).parents[1]))
    written = []
    # A worker that somebody else started, and one that we start.
    for code, variables in ((PREPARE + CELL, os.environ), (CELL, {**os.environ, **environment()})):
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, env=variables, capture_output=True, text=True, timeout=120, check=True
        )
        assert done.stdout.strip() == "1"
        compiled = (tmp_path / "steepest").rglob("*-cache")
        written.append({path.name: path.stat().st_mtime_ns for path in compiled})
    assert written[0]
    assert written[1] == written[0]


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "JAX_COMPILATION_CACHE_DIR"])
def test_what_the_user_has_set_stays(monkeypatch, name):
    monkeypatch.setenv(name, "mine")
    assert environment()[name] == "mine"
    monkeypatch.delenv(name)
    assert environment()[name] != "mine"
