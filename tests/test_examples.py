"""Every public entry point shows an example, and every example in a docstring runs."""

import doctest
import importlib
import importlib.util
import inspect
from pathlib import Path

import jax
import pytest

import steepest

SOURCE = Path(steepest.__file__).parent
WITH_EXAMPLES = sorted(
    path for path in SOURCE.rglob("*.py") if "    >>> " in path.read_text(encoding="utf-8")
)
ROOMS = sorted(
    ".".join(path.parent.relative_to(SOURCE.parent).parts)
    for path in SOURCE.rglob("__init__.py")
    if path.parent.name not in {"cli", "steepest"} and path.parent.parent.name != "papers"
)
TORCH = {"torch_optimizer", "torch_maps"}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=module_of)
def test_the_examples_of_docstrings_run(path, tmp_path, monkeypatch):
    if path.stem in TORCH:
        pytest.importorskip("torch", reason="torch, an extra, is not installed")
    monkeypatch.chdir(tmp_path)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    module = importlib.import_module(module_of(path))
    # As users run it, who have JAX's own settings.
    with (
        jax.enable_x64(False),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        outcome = doctest.testmod(module, optionflags=flags)
    assert outcome.attempted > 0
    assert outcome.failed == 0


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_entry_point_shows_an_example(room):
    module = importlib.import_module(room)
    bare = []
    for name in getattr(module, "__all__", []):
        if name.startswith("Mirror") and importlib.util.find_spec("torch") is None:
            continue
        thing = getattr(module, name)
        if not (inspect.isfunction(thing) or inspect.isclass(thing)) or name == "Any":
            continue
        if ">>> " not in (inspect.getdoc(thing) or ""):
            bare.append(name)
    assert bare == []
