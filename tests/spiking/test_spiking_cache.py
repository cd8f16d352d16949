"""What Numba keeps on disk changes no number: cold, shared, on a full disk, or not there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import steepest

SOURCE = Path(steepest.__file__).parent
PROGRAM = """
import hashlib, sys
from steepest.spiking import NaturalRule, paper_task, simulate
task, start = paper_task(3, n=12, seed=2, test_samples=2)
run = simulate(task, NaturalRule(), start, rate=3e-3, duration=0.2, seed=1, engine="events")
assert not [name for name in sys.modules if name.startswith("numba.cuda")]
print(hashlib.sha256(run.weights.tobytes()).hexdigest())
"""
# Root may write everywhere, unless it is told not to; its Python is not another user's to run.
LIKE_ANY_USER = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]

pytestmark = pytest.mark.slow


def begin(folder, *, package=None, cache=None, home=None, prefix=()):
    environment = {**os.environ, "HOME": str(home or folder)}
    environment.pop("NUMBA_CACHE_DIR", None)
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = str(cache)
    if package is not None:
        environment["PYTHONPATH"] = str(package)
    return subprocess.Popen(
        [*prefix, sys.executable, "-B", "-c", PROGRAM],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def numbers(process):
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    folder = tmp_path_factory.mktemp("usual")
    return numbers(begin(folder, cache=folder))


def test_two_commands_at_once_on_a_cold_cache_give_the_same_numbers(tmp_path, usual):
    processes = [begin(tmp_path, cache=tmp_path / "numba") for _ in range(2)]
    assert [numbers(process) for process in processes] == [usual, usual]
    assert any((tmp_path / "numba").rglob("*.nbc"))
    assert numbers(begin(tmp_path, cache=tmp_path / "numba")) == usual


@pytest.fixture
def any_user():
    """What to write before a command that runs without root's rights; skips where it cannot be."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None or subprocess.run([*LIKE_ANY_USER, "true"]).returncode:
        pytest.skip("root cannot give up its rights here")
    return LIKE_ANY_USER


@pytest.fixture
def locked_package(tmp_path):
    """The package in a folder that nobody may write to."""
    place = tmp_path / "package"
    shutil.copytree(SOURCE, place / "steepest", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (place, *place.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield place
    for path in (place, *place.rglob("*")):
        path.chmod(0o755)


def test_a_package_and_a_home_that_cannot_be_written_give_the_same_numbers(
    tmp_path, locked_package, any_user, usual
):
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir(mode=0o555)
    assert numbers(begin(nowhere, package=locked_package, home=nowhere, prefix=any_user)) == usual
    assert not any(locked_package.rglob("*.nbc"))


def test_a_full_disk_under_the_cache_gives_the_same_numbers(tmp_path, usual):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here (it takes root)")
    try:
        assert numbers(begin(tmp_path, cache=disk)) == usual
    finally:
        subprocess.run(["umount", str(disk)], check=True)
