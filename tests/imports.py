"""Who imports whom in the package, read from the source: for tests of it and its drawing."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import steepest

SOURCE = Path(steepest.__file__).parent


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of the modules (or of names in them) that run-time code imports from us."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import of {node.module}"
            if node.module and node.module.split(".")[0] == "steepest":
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("steepest."))
        yield from imported(node)


@functools.cache
def imports_of(path: Path) -> set[str]:
    return {*imported(tree_of(path))}
