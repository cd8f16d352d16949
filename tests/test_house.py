"""The house keeps its rules: imports point downward, classes are abstract or final, and so on."""

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from imports import SOURCE, imports_of, name_of, room_of, tree_of

import steepest

DOCS = Path(__file__).parents[1] / "docs"

# From the roof to the ground floor; a room may import only rooms below it (and itself).
STOREYS = [
    ["__main__"],
    ["cli"],
    ["lab"],
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
    ["claim", "explore"],
    ["files"],
    ["errors", "machine", "pictures", "processes", "progress"],
    ["interrupts", "markup", "_version"],
]
LEVEL = {room: level for level, rooms in enumerate(STOREYS) for room in rooms}
# The rooms of inference do not know each other, but for these.
USES = {"networks": {"synapses"}, "designs": {"synapses"}}

MODULES = sorted(p for p in SOURCE.rglob("*.py") if p != SOURCE / "__init__.py")
PACKAGES = sorted(
    path.parent.relative_to(SOURCE)
    for path in SOURCE.rglob("__init__.py")
    if path.parent != SOURCE and path.parent.parent.name != "papers"
)


def test_imports_point_downward():
    wrong = []
    for path in MODULES:
        here = room_of(path)
        assert here in LEVEL, f"{here} has no storey: add it to STOREYS"
        for room in {name.split(".")[1] for name in imports_of(path)} - {here}:
            assert room in LEVEL or room == "__version__", f"{path.name} imports {room}: no room"
            if LEVEL.get(room, 99) <= LEVEL[here]:
                wrong.append(f"{path.relative_to(SOURCE)} imports {room}, which is not below it")
    assert wrong == []


def test_the_rooms_of_inference_do_not_know_each_other():
    wrong = []
    for path in (SOURCE / "inference").rglob("*/*.py"):
        here = path.parent.name
        for name in imports_of(path):
            parts = name.split(".")
            if parts[1] == "inference" and parts[2] not in {here, *USES.get(here, set())}:
                wrong.append(f"{path.relative_to(SOURCE)} imports {name}")
    assert wrong == []


def test_no_two_files_import_each_other_in_a_circle():
    names = {name_of(path): path for path in MODULES}
    arrows: dict[str, set[str]] = {}
    for name, path in names.items():
        targets = imports_of(path)
        # `from steepest.a import b` is the module a.b where there is one, else the module a.
        arrows[name] = {t if t in names else t.rpartition(".")[0] for t in targets} - {name}
    circles = []
    for start in names:
        reached: set[str] = set()
        edge = set(arrows[start])
        while edge:
            reached |= edge
            edge = {t for name in edge for t in arrows.get(name, set())} - reached
        if start in reached:
            circles.append(start)
    assert circles == []


def equinox_classes() -> list[ast.ClassDef]:
    """All of the package, read from the source: importing everything takes half a minute."""
    nodes = [
        node
        for path in MODULES
        for node in ast.walk(tree_of(path))
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


def test_no_file_has_outgrown_its_walls():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {str(path): count for path, count in lines.items() if count > 400} == {}


def test_no_function_bears_the_name_of_a_module_beside_it():
    wrong = []
    for path in MODULES:
        neighbours = {other.stem for other in path.parent.glob("*.py")}
        neighbours |= {other.parent.name for other in path.parent.glob("*/__init__.py")}
        for node in tree_of(path).body:
            public = isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
            if public and node.name in neighbours:
                wrong.append(f"{path.relative_to(SOURCE)}: {node.name}")
    assert not wrong, "\n".join(wrong)


def test_every_room_is_reached_from_the_package():
    for room in PACKAGES:
        if len(room.parts) == 1 and room.name != "cli":
            assert room.name in dir(steepest)
            assert getattr(steepest, room.name).__name__ == f"steepest.{room.name}"
    assert set(dir(steepest)) == set(steepest.__all__)


@pytest.mark.parametrize("room", [room for room in PACKAGES if room.name != "cli"], ids=str)
def test_every_public_name_is_on_a_page_of_the_docs(room):
    """A room on a page has a page for each name (api_pages); front doors repeat rooms' names."""
    name = ".".join(["steepest", *room.parts])
    if name == "steepest.inference":
        module = importlib.import_module(name)
        rooms = [importlib.import_module(f"{name}.{inner}") for inner in ("synapses", "flows")]
        rooms += [
            importlib.import_module(f"{name}.{inner}")
            for inner in ("networks", "activity", "designs")
        ]
        inner_names = {public for inner in rooms for public in inner.__all__}
        own = {inner.__name__.rpartition(".")[2] for inner in rooms}
        assert set(module.__all__) - own <= inner_names
        return
    pages = "\n".join(page.read_text("utf-8") for page in DOCS.glob("api/*.md"))
    whole = f"```{{include}} ../_generated/api/{name}.md\n"
    assert whole in pages, f"no page of docs/api shows {name}"


# What writes a file under its own name, where half of it would stay. Names of methods, and of
# functions that write where their first argument is no buffer.
WRITERS = {"write_text", "write_bytes", "savefig", "to_netcdf", "to_csv", "to_zarr", "to_parquet"}
WRITERS |= {"to_excel", "to_json", "tofile", "savetxt", "savez", "savez_compressed", "dump", "save"}
# Into memory, or into a file that `writing` keeps whole.
HELD = {"buffer", "file"}
# What a watch says while it runs, which is no result, and is gone with the process.
WATCHES = {"sweep/cell.py"}


def writes_in_place(node: ast.AST) -> bool:
    """Whether a call may write a file in place: all but into a stage, a buffer, or a text."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else ast.unparse(called)
    if name not in WRITERS | {"open", "fdopen"}:
        return False
    arguments = [ast.unparse(argument) for argument in node.args]
    if name in {"open", "fdopen"}:
        modes = {argument.strip("'") for argument in arguments}
        modes |= {ast.unparse(keyword.value).strip("'") for keyword in node.keywords}
        return any(set(mode) & set("wax+") and set(mode) <= set("wrabxt+") for mode in modes)
    if not isinstance(called, ast.Attribute):
        return False
    places = [ast.unparse(called.value), *arguments[:1]]
    if any(place.startswith("stage /") for place in places):
        return False
    return bool(arguments) and arguments[0] not in HELD


def test_every_file_is_written_by_files():
    """Whole or not at all: in a stage's folder, by `write_whole` or `writing`, or into memory."""
    wrong = [
        f"{path.relative_to(SOURCE)}:{node.lineno} {ast.unparse(node)[:60]}"
        for path in MODULES
        if path.name != "files.py" and path.relative_to(SOURCE).as_posix() not in WATCHES
        for node in ast.walk(tree_of(path))
        if writes_in_place(node)
    ]
    assert wrong == []
    for line in (
        'path.open("w")',
        'open(path, mode="ab")',
        "figure.savefig(path)",
        "np.save(f, x)",
    ):
        assert writes_in_place(ast.parse(line, mode="eval").body), line


# Claims that no limit can say, each with its reason.
HAND_MADE = 10


def test_claims_write_their_limit_once():
    made = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in (SOURCE / "papers").rglob("*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Claim"
    ]
    assert len(made) <= HAND_MADE, made


def test_every_name_that_is_used_is_defined():
    """Ruff's F821, but for the axes' names in the texts of array annotations."""
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.is_file():
        pytest.skip("ruff is not installed")
    command = [ruff, "check", "--isolated", "--select", "F821", "--output-format", "json", SOURCE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    undefined = []
    for finding in json.loads(done.stdout):
        line, column = finding["location"]["row"], finding["location"]["column"]
        text = Path(finding["filename"]).read_text(encoding="utf-8").splitlines()[line - 1]
        if text[: column - 1].count('"') % 2 == 0:
            undefined.append((finding["filename"], line, finding["message"]))
    assert undefined == []


BENCHMARKS = sorted((DOCS.parent / "benchmarks").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("script", [script.stem for script in BENCHMARKS])
def test_a_benchmark_finds_all_that_it_imports(script):
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, ''); import {script}"],
        cwd=BENCHMARKS[0].parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
