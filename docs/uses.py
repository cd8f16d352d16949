"""Who uses a public name: figures, tutorials and examples, found by what their code imports.

A figure's code is its module and what that imports of its paper's own helpers.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from steepest.papers import available, load

DOCS = Path(__file__).parent
CELL = re.compile(r"^```\{code-cell\} ipython3\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Use:
    """A page that uses a name: where it is (from docs, without ending), its title, its picture."""

    page: str
    title: str
    picture: str | None = None


def uses(results: Path) -> dict[str, list[Use]]:
    """By the full name under which it is imported ("steepest.geometry.Weber"): pages that use it.

    `results` is the folder where the figures' pictures are.
    """
    by_name: dict[str, list[Use]] = {}
    for page, codes in pages(results):
        for name in sorted({name for code in codes for name in names_of(ast.parse(code))}):
            by_name.setdefault(name, []).append(page)
    return by_name


def pages(results: Path) -> Iterator[tuple[Use, list[str]]]:
    """Every page with code: tutorials first, then figures in their papers' order."""
    for path in sorted((DOCS / "tutorials").glob("*.md")):
        text = path.read_text("utf-8")
        codes = [re.sub(r"\A---\n.*?^---\n", "", c, flags=re.S | re.M) for c in CELL.findall(text)]
        codes = [re.sub(r"^[%!].*$", "", code, flags=re.MULTILINE) for code in codes]
        if codes:
            yield Use(f"tutorials/{path.stem}", title_of(text)), codes
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text("utf-8")
        if codes := CODE.findall(text):
            yield Use(path.stem, title_of(text)), codes
    for paper in available():
        for figure in load(paper.key):
            picture = results / f"{figure.key}.png"
            shown = f"{results.name}/{picture.name}" if picture.exists() else None
            place = f"figures/{paper.key}/{figure.key.partition('.')[2]}"
            source = Path(figure.module.__file__ or "")
            yield Use(place, figure.title, shown), [*sources(source, set())]


def title_of(text: str) -> str:
    """The first heading of a page in Markdown, without its marks of code."""
    heading = re.search(r"^# (.+)$", text, re.MULTILINE)
    return heading[1].replace("`", "") if heading else ""


def sources(path: Path, seen: set[Path]) -> Iterator[str]:
    """The code of a figure, and of the helpers beside it that it imports."""
    seen.add(path)
    code = path.read_text("utf-8")
    yield code
    package = f"steepest.papers.{path.parent.name}."
    for name in names_of(ast.parse(code)):
        if name.startswith(f"{package}_"):
            helper = path.parent / f"{name.removeprefix(package).partition('.')[0]}.py"
            if helper.exists() and helper not in seen:
                yield from sources(helper, seen)


def names_of(tree: ast.AST) -> set[str]:
    """Full names that code imports from us, or reaches through a module that it imports."""
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("steepest"):
            for alias in node.names:
                imported[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("steepest"):
                    known = alias.name if alias.asname else "steepest"
                    imported[alias.asname or "steepest"] = known
    reached = {
        f"{imported[root]}.{rest}"
        for root, _, rest in map(dotted, ast.walk(tree))
        if root in imported and rest
    }
    return {*imported.values(), *reached}


def dotted(node: ast.AST) -> tuple[str, str, str]:
    """The name at which a chain of attributes begins, and the chain; nothing of other nodes."""
    if isinstance(node, ast.Attribute):
        return ast.unparse(node).partition(".")
    return "", "", ""


def by_object(named: dict[str, list[Use]]) -> dict[object, list[Use]]:
    """The same by what the names stand for, so that every name of one class has its uses."""
    found: dict[object, list[Use]] = {}
    for name, pages in named.items():
        module, _, attribute = name.rpartition(".")
        try:
            thing = getattr(import_module(module), attribute)
        except (AttributeError, ImportError):  # a method of a class, or a module
            continue
        if callable(thing):
            found.setdefault(thing, []).extend(p for p in pages if p not in found.get(thing, []))
    return found
