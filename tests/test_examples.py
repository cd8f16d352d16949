"""Every public entry point shows an example, and every example in a docstring runs."""

import importlib
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import steepest

SOURCE = Path(steepest.__file__).parent
ROOMS = sorted(
    ".".join(path.parent.relative_to(SOURCE.parent).parts)
    for path in SOURCE.rglob("__init__.py")
    if path.parent.name not in {"cli", "steepest"} and path.parent.parent.name != "papers"
)
TORCH = {"torch_optimizer", "torch_maps"}

RUN = """
import doctest, gc, importlib, os, sys
sys.path.append(sys.argv.pop(1))
import economy
economy.share_contexts()
flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
modules = [importlib.import_module(name) for name in sys.argv[1:]]
gc.set_threshold(100_000, 20, 100)  # as in conftest.py
gc.freeze()
outcomes = [doctest.testmod(module, optionflags=flags) for module in modules]
print(sum(outcome.attempted for outcome in outcomes), "examples", flush=True)
os._exit(any(outcome.failed for outcome in outcomes))  # without taking all of it apart
"""


def test_the_examples_of_docstrings_run_as_users_run_them(tmp_path):
    """In a process of their own, with JAX's own settings and without run-time type checks."""
    with_examples = [
        path for path in SOURCE.rglob("*.py") if "    >>> " in path.read_text(encoding="utf-8")
    ]
    if importlib.util.find_spec("torch") is None:
        with_examples = [path for path in with_examples if path.stem not in TORCH]
    if importlib.util.find_spec("uvicorn") is None:
        with_examples.remove(SOURCE / "lab" / "server.py")
    names = [
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted(with_examples)
    ]
    run = subprocess.run(
        [sys.executable, "-c", RUN, str(Path(__file__).parent), *names],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert int(run.stdout.split()[-2]) > 500


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_entry_point_shows_an_example(room):
    module = importlib.import_module(room)
    bare = []
    for name in getattr(module, "__all__", []):
        if name.startswith("Mirror") and importlib.util.find_spec("torch") is None:
            continue
        thing = getattr(module, name)
        if not (inspect.isfunction(thing) or inspect.isclass(thing)):
            continue
        if ">>> " not in (inspect.getdoc(thing) or ""):
            bare.append(name)
    assert bare == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_signature_is_short_enough_to_read(room):
    """What `help` prints first: `arrays.entry.readable` leaves modules out of it."""
    module = importlib.import_module(room)
    names = [name for name in getattr(module, "__all__", []) if not name.startswith("Mirror")]
    things = {name: getattr(module, name) for name in names}
    functions = {name: thing for name, thing in things.items() if inspect.isfunction(thing)}
    long = {name: len(str(inspect.signature(f))) for name, f in functions.items()}
    assert {name: length for name, length in long.items() if length > 500} == {}
