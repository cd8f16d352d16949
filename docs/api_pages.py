"""The API: for each room a table of its public names, and a page for each name.

A page of docs/api includes the table as `_generated/api/ROOM.md`, by which the room is found here;
the names are what it exports. A name's page ends with the tutorials and figures that use it
(uses.py). Sphinx has tables and pages written before it reads them (conf.py).
"""

import inspect
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from renewing import renew
from uses import Use

from steepest.errors import SteepestError

DOCS = Path(__file__).parent
INCLUDED = re.compile(r"^```\{include\} \.\./_generated/api/(\S+)\.md$", re.MULTILINE)


MOST_CARDS = 8

Users = Mapping[object, Sequence[Use]]
"""By object: the pages that use it (`uses.by_object`)."""


def write_pages(rooms: Path, tables: Path, objects: Path, users: Users) -> None:
    """Write the tables of all rooms that the pages in `rooms` include, and a page per object."""
    found = [INCLUDED.findall(page.read_text("utf-8")) for page in sorted(rooms.glob("*.md"))]
    names = {room: public_names(room) for rooms_of_page in found for room in rooms_of_page}
    homes = homes_of(names)
    texts: dict[Path, str] = {}
    for room in names:
        texts[tables / f"{room}.md"] = table(room, names[room], users)
        for name in names[room]:
            texts[objects / f"{room}.{name}.rst"] = object_page(room, name, homes, users)
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


def table(room: str, names: list[str], users: Users) -> str:
    """What the room is, its names with their first sentences, each linked to its page, and uses."""
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
            "",
            *cards(pictured_users(room, names, users)),
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


def pictured_users(room: str, names: list[str], users: Users) -> list[Use]:
    """Four figures that use a room, those first that use most of its names."""
    counts: dict[Use, int] = {}
    for name in names:
        documented = getattr(import_module(room), name)
        for page in users.get(documented, ()) if callable(documented) else ():
            if page.picture:
                counts[page] = counts.get(page, 0) + 1
    return sorted(counts, key=lambda page: (-counts[page], page.page))[:4]


def object_page(room: str, name: str, homes: dict[object, str], users: Users) -> str:
    """The page of an object: docstring, examples, members, a link to its source, who uses it.

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
    shown = shown_value(room, name, documented, home)
    used = [] if kind == "data" else users_of(name, users.get(documented, ()))
    return "\n".join([name, "=" * len(name), "", *told, "", *shown, *used])


def shown_value(room: str, name: str, documented: object, home: str) -> list[str]:
    """A line of Python for what has no example of its own: what it is, and what Python says."""
    named = [f"   >>> from {room} import {name}"]
    if home != f"{room}.{name}":
        other, _, first = home.rpartition(".")
        said = [f"   >>> import {other}", f"   >>> {name} is {other}.{first}", "   True"]
    elif inspect.isclass(documented) and issubclass(documented, Exception):
        base = "SteepestError"
        said = [
            f"   >>> from steepest.errors import {base}" if name != base else "",
            f"   >>> issubclass({name}, {base}), issubclass({name}, ValueError)",
            f"   {issubclass(documented, SteepestError), issubclass(documented, ValueError)}",
        ]
    elif not callable(documented) or not getattr(documented, "__doc__", None):
        value = re.sub(r" at 0x[0-9a-f]+", "", repr(documented))
        said = [f"   >>> {name}", f"   {value if len(value) < 400 else value[:400] + ' ...'}"]
    else:
        return []
    return [".. code-block:: pycon", "", *named, *filter(None, said), ""]


def users_of(name: str, pages: Sequence[Use]) -> list[str]:
    """The pages that use a name: figures as cards with their pictures, others as links."""
    if not pages:
        return []
    title = f"Examples using ``{name}``"
    lines = [title, "-" * len(title), ""]
    pictured = [page for page in pages if page.picture]
    for page in [page for page in pages if not page.picture] + pictured[MOST_CARDS:]:
        lines.append(f"- :doc:`{page.title.replace('`', '')} </{page.page}>`")
    lines += ["", *cards(pictured[:MOST_CARDS]), ""]
    return lines


def cards(pages: Sequence[Use]) -> list[str]:
    """Pages with their pictures, side by side."""
    if not pages:
        return []
    lines = [".. grid:: 2 3 4 4", "   :gutter: 2", ""]
    for page in pages:
        lines += [
            "   .. grid-item-card::",
            f"      :link: /{page.page}",
            "      :link-type: doc",
            f"      :img-top: /{page.picture}",
            "      :img-alt:",
            "      :class-card: figure-card",
            "",
            f"      {page.title.replace('`', '').replace('|', chr(92) + '|').replace('*', '')}",
            "",
        ]
    return lines
