"""The look of every picture: one palette for geometries, one for rules, and settings of our own.

matplotlib is imported when something is drawn, so that naming a colour costs nothing.
"""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from steepest.markup import visible

__all__ = [
    "GEOMETRY_COLOURS",
    "INK",
    "LINE_COLOURS",
    "RULE_COLOURS",
    "bare",
    "drawn",
    "label",
    "letter",
    "own_settings",
    "png",
]

P = ParamSpec("P")
R = TypeVar("R")

INK = "#303030"
"""Of points, lines and letters that stand for no geometry and no rule."""

# Okabe and Ito's colours, which colour-blind readers tell apart.
_EUCLIDEAN, _MULTIPLICATIVE, _MIXTURE = "#009E73", "#D55E00", "#E69F00"
_THREE_NORM, _BURG = "#0072B2", "#CC79A7"

GEOMETRY_COLOURS = {
    "3-norm": _THREE_NORM,
    "euclidean": _EUCLIDEAN,
    "1.5-norm": _MIXTURE,
    "multiplicative": _MULTIPLICATIVE,
    "burg": _BURG,
    # The same geometries by the papers' names of their potentials.
    "2-norm": _EUCLIDEAN,
    "additive": _EUCLIDEAN,
    "entropy": _MULTIPLICATIVE,
}
"""Colour of each named geometry, and of the potential that makes it, in every picture."""

RULE_COLOURS = {
    "natural": "#c8202f",
    "approximate": "#e08a00",
    "Euclidean": "#1f5fd0",
}
"""Colour of each plasticity rule of a spiking neuron, in every picture."""

LINE_COLOURS = ("#1f5fd0", "#d62728", "#2a9d4b", "#9b3fc4", "#d98200")
"""For lines that are told apart and stand for neither a geometry nor a rule."""


@contextmanager
def own_settings() -> Iterator[None]:
    """matplotlib's own defaults inside the block, whatever the caller's settings say.

    >>> import matplotlib
    >>> with matplotlib.rc_context({"text.usetex": True}), own_settings():
    ...     matplotlib.rcParams["text.usetex"]
    False
    """
    import matplotlib

    # That the fonts lack a character of somebody's name is no news to who asked for a verdict.
    with warnings.catch_warnings(), matplotlib.rc_context():
        warnings.filterwarnings("ignore", r"Glyph \d+", UserWarning)
        matplotlib.rcdefaults()
        yield


def drawn(draw: Callable[P, R]) -> Callable[P, R]:
    """A function that draws, made to draw in our own settings."""

    @wraps(draw)
    def draw_in_own_settings(*args: P.args, **kwargs: P.kwargs) -> R:
        with own_settings():
            return draw(*args, **kwargs)

    return draw_in_own_settings


def label(name: str) -> str:
    r"""A name from a file as matplotlib shows it: nothing in it is obeyed, or taken for a formula.

    >>> print(label("$x \x1b"))
    \$x \x1b
    """
    return visible(name).replace("$", r"\$")


def bare(*axes: Any) -> None:
    """Take away the upper and right spines of each."""
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)


def letter(axes: Any, name: str, title: str = "") -> None:
    """The panel's letter, and what it shows, at its upper left."""
    axes.set_title(f"{name}   {title}".strip(), loc="left", fontsize=10)


def png(figure: Any) -> bytes:
    """A matplotlib Figure as the bytes of a PNG file, 150 dots per inch."""
    buffer = io.BytesIO()
    with own_settings():
        figure.savefig(buffer, format="png", dpi=150, facecolor="white")
    return buffer.getvalue()
