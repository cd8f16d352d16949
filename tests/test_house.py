"""The house keeps its rules: imports point downward, classes are abstract or final."""

import ast
from pathlib import Path

import steepest

SOURCE = Path(steepest.__file__).parent

# From the roof to the ground floor; a room may import only rooms below it (and itself).
STOREYS = [
    ["__main__"],
    ["cli"],
    ["report"],
    ["sweep"],
    ["papers"],
    ["inference"],
    ["optimizers"],
    ["spiking", "recurrent", "models"],
    ["descent"],
    ["data"],
    ["study"],
    ["geometry"],
    ["arrays"],
    ["files"],
    ["errors", "machine", "markup", "pictures", "progress", "_version"],
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


def test_imports_point_downward():
    wrong = []
    for path in MODULES:
        here = room_of(path)
        assert here in LEVEL, f"{here} has no storey: add it to STOREYS"
        for room in imported_rooms(path) - {here, "__version__"}:
            assert room in LEVEL, f"{path.name} imports an unknown room {room}"
            if LEVEL[room] <= LEVEL[here]:
                wrong.append(f"{path.relative_to(SOURCE)} imports {room}, which is not below it")
    assert wrong == []


def equinox_classes() -> list[ast.ClassDef]:
    """All of the package, read from the source: importing everything takes half a minute."""
    nodes = [
        node
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    found: list[ast.ClassDef] = []
    names = {"eqx.Module"}
    while more := [node for node in nodes if node not in found and names & {*bases(node)}]:
        found += more
        names |= {node.name for node in more}
    return found


def bases(node: ast.ClassDef) -> list[str]:
    """Names of the classes that a class is derived from, without subscripts."""
    plain = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
    return [ast.unparse(base) for base in plain]


def test_a_class_is_abstract_or_final():
    classes = equinox_classes()
    assert {"AbstractMetric", "Euclidean", "Power", "Coupled"} <= {node.name for node in classes}
    for node in classes:
        if node.name.startswith("Abstract"):
            for part in node.body:
                # An AbstractVar is no field, but what a concrete class must have.
                if isinstance(part, ast.AnnAssign):
                    declared = ast.unparse(part.annotation)
                    assert "AbstractVar[" in declared, f"{node.name} is abstract and has fields"
        for base in {*bases(node)} - {"eqx.Module"}:
            assert base.startswith(("Abstract", "Generic")), (
                f"{node.name} subclasses the concrete {base}"
            )


def test_no_room_has_outgrown_its_walls():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {str(path): count for path, count in lines.items() if count > 420} == {}
