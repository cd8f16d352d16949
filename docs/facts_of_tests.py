"""What the tests are, counted from their source: for the page on how the package is tested."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
ORACLES = {
    "ot": "POT, optimal transport",
    "scipy": "SciPy: quadrature, statistics, linear algebra, optimisation",
    "sklearn": "scikit-learn: classifiers and digits",
    "torch": "PyTorch: automatic differentiation, its optimizers",
    "optax": "optax: its optimizers",
    "jsonschema": "JSON Schema: every document against its schema",
    "h5py": "h5py: files as others write them",
    "pandas": "pandas: tables as others write them",
}


def counts_table() -> str:
    """Test functions of each folder of tests, and how many of them take minutes, as Markdown."""
    rows: dict[str, list[int]] = {}
    for path, function in functions():
        folder = path.relative_to(TESTS).parts[0].removesuffix(".py")
        row = rows.setdefault(folder.removeprefix("test_").replace("_", " "), [0, 0])
        row[0] += 1
        row[1] += is_slow(path, function)
    total = [sum(numbers) for numbers in zip(*rows.values(), strict=True)]
    lines = ["| tests of | functions | of them slow |", "|---|---|---|"]
    lines += [f"| {name} | {row[0]} | {row[1]} |" for name, row in sorted(rows.items())]
    return "\n".join([*lines, f"| **all** | **{total[0]}** | **{total[1]}** |", ""])


def oracles_table() -> str:
    """Libraries that are not ours and that tests compare with, and the files that do."""
    users: dict[str, set[str]] = {}
    for path in TESTS.rglob("test_*.py"):
        for name in ORACLES.keys() & imported(path):
            users.setdefault(name, set()).add(path.name)
    lines = ["| what others wrote | files of tests that use it |", "|---|---|"]
    lines += [f"| {what} | {len(users.get(name, ()))} |" for name, what in ORACLES.items()]
    return "\n".join([*lines, ""])


def laws_table() -> str:
    """How many of each kind the laws are run over, by the dictionaries of constructors."""
    lines = ["| of | constructors |", "|---|---|"]
    lines += [f"| {name} | {size} |" for name, size in sizes_of_dictionaries().items()]
    return "\n".join([*lines, ""])


def sizes_of_dictionaries() -> dict[str, int]:
    """Entries of METRICS, COMPUTED, NORMS and POTENTIALS, from where the tests build them."""
    sys.path.insert(0, str(TESTS / "geometry"))
    import constructors

    return {
        "metrics in closed form": len(constructors.METRICS),
        "metrics computed at each point": len(constructors.COMPUTED),
        "norms that are no metric": len(constructors.NORMS),
        "potentials": len(constructors.POTENTIALS),
    }


@cache
def tree_of(path: Path) -> ast.Module:
    """A file of tests, parsed."""
    return ast.parse(path.read_text("utf-8"))


def functions(folder: Path = TESTS) -> Iterator[tuple[Path, ast.FunctionDef]]:
    """Every test function with its file."""
    for path in sorted(folder.rglob("test_*.py")):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield path, node


def is_slow(path: Path, function: ast.FunctionDef) -> bool:
    """Whether all of a test's runs are marked slow, by itself or by its file."""
    marks = [ast.unparse(decorator) for decorator in function.decorator_list]
    if "pytest.mark.slow" in marks:
        return True
    of_file = [
        ast.unparse(node.value)
        for node in tree_of(path).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    ]
    return any("pytest.mark.slow" in marks for marks in of_file)


def imported(path: Path) -> set[str]:
    """The packages that a file imports, or skips where they are absent."""
    names = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith("importorskip")
            and isinstance(node.args[0], ast.Constant)
        ):
            names.add(str(node.args[0].value).partition(".")[0])
    return names
