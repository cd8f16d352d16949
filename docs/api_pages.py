"""The API: for each room a table of its public names, and a page for each name.

A page of docs/api includes the table as `_generated/api/ROOM.md`, by which the room is found here;
the names are what it exports. Sphinx has tables and pages written before it reads them (conf.py).
"""

import inspect
import re
from importlib import import_module
from pathlib import Path

from renewing import renew

DOCS = Path(__file__).parent
INCLUDED = re.compile(r"^```\{include\} \.\./_generated/api/(\S+)\.md$", re.MULTILINE)


def write_pages(rooms: Path, tables: Path, objects: Path) -> None:
    """Write the tables of all rooms that the pages in `rooms` include, and a page per object."""
    found = [INCLUDED.findall(page.read_text("utf-8")) for page in sorted(rooms.glob("*.md"))]
    names = {room: public_names(room) for rooms_of_page in found for room in rooms_of_page}
    homes = homes_of(names)
    texts: dict[Path, str] = {}
    for room in names:
        texts[tables / f"{room}.md"] = table(room, names[room])
        for name in names[room]:
            texts[objects / f"{room}.{name}.rst"] = object_page(room, name, homes)
    renew(texts, {*tables.glob("*.md"), *objects.glob("*.rst")})


def public_names(room: str) -> list[str]:
    """What a room exports, or defines, but for rooms inside it, in the order of the alphabet."""
    module = import_module(room)
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == room
    ]
    names = [name for name in names if not inspect.ismodule(getattr(module, name))]
    return sorted(names, key=str.lower)


def homes_of(names: dict[str, list[str]]) -> dict[object, str]:
    """Where a class or function is told: in the room that defines it, or the first that has it."""
    homes: dict[object, str] = {}
    for room, exported in names.items():
        for name in exported:
            documented = getattr(import_module(room), name)
            if inspect.isclass(documented) or inspect.isroutine(documented):
                own = f"{documented.__module__}.".startswith(f"{room}.")
                if own or documented not in homes:
                    homes[documented] = f"{room}.{name}"
    return homes


def table(room: str, names: list[str]) -> str:
    """What the room is, and its names with their first sentences, each linked to its page."""
    rows = [f"   {name}" for name in names]
    pages = [f"objects/{room}.{name}" for name in names]
    return "\n".join(
        [
            "```{eval-rst}",
            f".. automodule:: {room}",
            "   :no-members:",
            "",
            ".. autosummary::",
            "   :nosignatures:",
            "",
            *rows,
            "```",
            "",
            "```{toctree}",
            ":hidden:",
            "",
            *pages,
            "```",
            "",
        ]
    )


def object_page(room: str, name: str, homes: dict[object, str]) -> str:
    """The page of an object: its docstring, examples and members, with a link to its source.

    What another room exports, too, is told there (`homes` knows), and has a link here. The page is
    in reStructuredText: one in Markdown that holds such a part holds all of Sphinx's memory.
    """
    documented = getattr(import_module(room), name)
    kind = "class" if inspect.isclass(documented) else "data"
    if inspect.isroutine(documented):
        kind = "function"
    full = f"{room}.{name}"
    home = full if kind == "data" else homes[documented]
    told = [f".. auto{kind}:: {full}", *(["   :members:"] if kind == "class" else [])]
    if home != full:
        told = [f"The same as :py:obj:`{home}`."]
    return "\n".join([name, "=" * len(name), "", *told, ""])
