"""The rooms of the house: one sentence each, and the arrows of their imports as a picture.

Both are read from the source (`tests/imports.py`, by which the tests judge it, too). A storey is as
low as its imports allow; an arrow that goes through another room is left out of the picture, and
stands in the table.
"""

import ast
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from imports import SOURCE, imports_of, room_of, tree_of
from matplotlib.figure import Figure

from steepest.pictures import INK, LINE_COLOURS, drawn, image

DIRECTION = dict(zip(("descent", "inference", "geometry"), LINE_COLOURS, strict=False))


def rooms() -> dict[str, set[str]]:
    """Every room with the rooms that it imports."""
    arrows: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        if path.parent == SOURCE and path.name.startswith("_"):
            continue
        room = room_of(path)
        named = {name.split(".")[1] for name in imports_of(path)}
        arrows.setdefault(room, set()).update(named - {room, "__version__", "_version"})
    return {room: arrows[room] & arrows.keys() for room in sorted(arrows)}


def parts_of(room: str) -> dict[str, set[str]]:
    """The rooms inside a room, with those of them that each imports."""
    arrows: dict[str, set[str]] = {}
    for path in (SOURCE / room).rglob("*/*.py"):
        name = path.parent.name
        inside = {
            parts[2]
            for parts in (each.split(".") for each in imports_of(path))
            if parts[1] == room and len(parts) > 2
        }
        arrows.setdefault(name, set()).update(inside - {name})
    return {name: arrows[name] & arrows.keys() for name in sorted(arrows)}


def storeys(arrows: dict[str, set[str]]) -> dict[str, int]:
    """How many rooms lie below each, on the longest way down."""
    heights: dict[str, int] = {}

    def height(room: str) -> int:
        if room not in heights:
            heights[room] = 1 + max((height(below) for below in arrows[room]), default=-1)
        return heights[room]

    for room in arrows:
        height(room)
    return heights


def direct(arrows: dict[str, set[str]]) -> dict[str, set[str]]:
    """The arrows without those that a longer way replaces."""
    below: dict[str, set[str]] = {}
    for room in sorted(arrows, key=storeys(arrows).__getitem__):
        below[room] = {r for near in arrows[room] for r in {near, *below[near]}}
    return {
        room: {to for to in near if not any(to in below[other] for other in near - {to})}
        for room, near in arrows.items()
    }


def sentence(room: str) -> str:
    """The first sentence or line of a room's docstring."""
    inside = SOURCE / room.replace(".", "/")
    path = inside / "__init__.py" if inside.is_dir() else inside.with_suffix(".py")
    docstring = ast.get_docstring(tree_of(path)) or ""
    return " ".join(docstring.partition("\n\n")[0].split())


def table() -> str:
    """Every room, from the roof down, with its sentence and what it imports, as Markdown."""
    arrows = rooms()
    heights = storeys(arrows)
    lines = ["| room | is | imports |", "|---|---|---|"]
    for room in sorted(arrows, key=lambda room: (-heights[room], room)):
        lines.append(line(room, arrows[room]))
        if room == "inference":
            for part, near in parts_of(room).items():
                lines.append(line(f"{room}.{part}", {f"{room}.{name}" for name in near}))
    return "\n".join([*lines, ""])


def line(room: str, imported: set[str]) -> str:
    """One row of the table."""
    names = ", ".join(f"`{name}`" for name in sorted(imported))
    return f"| `{room}` | {sentence(room).replace('|', chr(92) + '|')} | {names} |"


def picture() -> str:
    """The rooms above the ground floor by storey, with the direct arrows between them, as SVG."""
    return drawn(image)(drawn(draw)(), "svg").decode()


def draw() -> Figure:
    """The picture; the ground floor, on which all stand, is one line below."""
    arrows = {
        room: {below for below in near if (SOURCE / below).is_dir()}
        for room, near in rooms().items()
        if (SOURCE / room).is_dir()
    }
    ground = [room for room in rooms() if room not in arrows]
    arrows, heights = direct(arrows), storeys(arrows)
    for room in arrows:
        if not arrows[room]:  # one that stands on the ground may as well stand under its user
            users = [heights[user] for user in arrows if room in arrows[user]]
            heights[room] = min(users) - 1
    places = placed(arrows, heights)
    figure = Figure(figsize=(8.0, 7.2))
    axes = figure.add_axes((0, 0, 1, 1))
    for room, near in arrows.items():
        for below in sorted(near):
            (x, y), (x_below, y_below) = places[room], places[below]
            axes.annotate(
                "",
                xy=(x_below, y_below + 0.24),
                xytext=(x, y - 0.24),
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": "0.5",
                    "lw": 0.9,
                    "shrinkA": 0,
                    # What passes a storey goes around the box that stands in its way.
                    "connectionstyle": f"arc3,rad={-0.25 if heights[room] > y_below + 1 else 0}",
                },
            )
    for room, (x, y) in places.items():
        colour = DIRECTION.get(room, INK)
        box = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": colour}
        axes.text(x, y, room, ha="center", va="center", fontsize=11, color=colour, bbox=box)
    axes.text(0.5, -0.85, "on the ground floor: " + ", ".join(ground), ha="center", fontsize=9)
    axes.set(xlim=(-0.02, 1.02), ylim=(-1.0, max(heights.values()) + 0.5))
    axes.axis("off")
    return figure


def placed(arrows: dict[str, set[str]], heights: dict[str, int]) -> dict[str, tuple[float, float]]:
    """Where each room is drawn: in its storey, each below the rooms from which arrows come."""
    places: dict[str, tuple[float, float]] = {}
    for height in range(max(heights.values()), -1, -1):
        here = [room for room in arrows if heights[room] == height]
        above = {room: [places[a][0] for a in places if room in arrows[a]] for room in here}
        here.sort(key=lambda room: (sum(above[room]) / max(len(above[room]), 1), room))
        for number, room in enumerate(here):
            # A room alone stands aside of the middle, where arrows pass.
            x = (number + 0.5) / len(here) if len(here) > 1 else 0.5 + 0.2 * (-1) ** height
            places[room] = (x, float(height))
    return places
