"""The house keeps its rules: imports point downward, classes are abstract or final."""

import ast
import importlib
import importlib.util
import inspect
import pkgutil
from pathlib import Path

import equinox as eqx
import pytest

import steepest

SOURCE = Path(steepest.__file__).parent

# From the roof to the ground floor; a room may import only rooms below it (and itself).
STOREYS = [
    ["__main__"],
    ["cli"],
    ["sweep"],
    ["inferring", "planned"],
    ["report_measured", "report_pair"],
    ["report"],
    ["papers"],
    ["results"],
    ["inference"],
    ["spiking", "recurrent", "models", "optimizers"],
    ["descent"],
    ["study"],
    ["geometry"],
    ["errors", "progress", "_version"],
]
LEVEL = {room: level for level, rooms in enumerate(STOREYS) for room in rooms}


def room_of(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "steepest":
                rooms |= {alias.name for alias in node.names}
            elif node.module and node.module.startswith("steepest."):
                rooms.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            rooms |= {a.name.split(".")[1] for a in node.names if a.name.startswith("steepest.")}
    return rooms


MODULES = sorted(p for p in SOURCE.rglob("*.py") if p != SOURCE / "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_downward(path):
    here = room_of(path)
    assert here in LEVEL, f"{here} has no storey: add it to STOREYS"
    for room in imported_rooms(path) - {here}:
        if room == "__version__":
            continue
        assert room in LEVEL, f"{path.name} imports an unknown room {room}"
        assert LEVEL[room] > LEVEL[here], f"{here} imports {room}, which is not below it"


def all_modules():
    skip = {"steepest.__main__"}
    if importlib.util.find_spec("torch") is None:  # an extra
        skip |= {"steepest.optimizers.torch_maps", "steepest.optimizers.torch_optimizer"}
    for info in pkgutil.walk_packages(steepest.__path__, "steepest."):
        if info.name not in skip:
            yield importlib.import_module(info.name)


def equinox_classes():
    seen = set()
    for module in all_modules():
        for _, cls in inspect.getmembers(module, inspect.isclass):
            if cls.__module__.startswith("steepest") and issubclass(cls, eqx.Module):
                seen.add(cls)
    return sorted(seen, key=lambda c: c.__qualname__)


@pytest.mark.parametrize("cls", equinox_classes(), ids=lambda c: c.__qualname__)
def test_a_class_is_abstract_or_final(cls):
    if cls.__name__.startswith("Abstract"):
        assert not getattr(cls, "__dataclass_fields__", {}), f"{cls} is abstract and has fields"
    for base in cls.__mro__[1:]:
        if base.__module__.startswith("steepest"):
            assert base.__name__.startswith("Abstract"), f"{cls} subclasses the concrete {base}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_room_has_outgrown_its_walls(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 420
