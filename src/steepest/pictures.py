"""The look of every picture: one palette for geometries, one for rules, and settings of our own.

matplotlib is imported when something is drawn, so that naming a colour costs nothing.
"""

import io
import math
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

from steepest.markup import visible

__all__ = [
    "FORMATS",
    "GEOMETRY_COLOURS",
    "INK",
    "LINE_COLOURS",
    "OUTCOME_COLOURS",
    "RULE_COLOURS",
    "bare",
    "drawn",
    "enlarged",
    "image",
    "label",
    "legend_below",
    "letter",
    "own_settings",
    "panels",
    "pdf",
    "png",
    "svg",
]

P = ParamSpec("P")
R = TypeVar("R")

# Matplotlib would write the date into a file, and no two would be equal.
_UNDATED = {"Date": None}

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

OUTCOME_COLOURS = {
    "right": LINE_COLOURS[2],
    "wrong": LINE_COLOURS[1],
    "none": LINE_COLOURS[0],
    "undecided": "0.73",
    "unstable": LINE_COLOURS[4],
    "refused": "0.89",
}
"""Colour of what became of a verdict on synapses of known geometry, in every picture."""


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
    """A function that draws, made to draw in our own settings; a notebook shows the figure.

    A notebook shows figures of pyplot, which is not used here, or what has a `_repr_png_`.

    >>> from matplotlib.figure import Figure
    >>> drawn(Figure)()._repr_png_()[1:4]
    b'PNG'
    """

    @wraps(draw)
    def draw_in_own_settings(*args: P.args, **kwargs: P.kwargs) -> R:
        with own_settings():
            figure: Any = draw(*args, **kwargs)
        if hasattr(figure, "savefig"):  # axes are drawn, too, which belong to a figure
            figure._repr_png_ = partial(png, figure)
        return figure

    return draw_in_own_settings


def label(name: str) -> str:
    r"""A name from a file as matplotlib shows it: nothing in it is obeyed, or taken for a formula.

    >>> print(label("$x \x1b"))
    \$x \x1b
    """
    return visible(name).replace("$", r"\$")


def bare(*axes: Any) -> None:
    """Take away the upper and right spines of each.

    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> bare(axes)
    >>> axes.spines["top"].get_visible()
    False
    """
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)


def letter(axes: Any, name: str, title: str = "") -> None:
    """The panel's letter, and what it shows, at its upper left.

    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> letter(axes, "A", "Before")
    >>> axes.get_title(loc="left")
    'A   Before'
    """
    axes.set_title(f"{name}   {title}".strip(), loc="left", fontsize=10)


def legend_below(axes: Any, columns: int = 2, *, size: float = 8) -> None:
    """The legend of a panel under its x label, where it hides no data.

    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> _ = axes.plot([0, 1], label="line")
    >>> legend_below(axes)
    >>> axes.get_legend().get_frame_on()
    False
    """
    from matplotlib.transforms import ScaledTranslation

    below = ScaledTranslation(0, -0.52, axes.figure.dpi_scale_trans)
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=axes.transAxes + below,
        borderaxespad=0,
        frameon=False,
        fontsize=size,
        ncols=columns,
        handlelength=1.4,
        columnspacing=1.2,
    )


def png(figure: Any) -> bytes:
    """A matplotlib Figure as the bytes of a PNG file, 150 dots per inch.

    >>> from matplotlib.figure import Figure
    >>> png(Figure())[1:4]
    b'PNG'
    """
    return _saved(figure, "png", dpi=150, facecolor="white")


def pdf(figure: Any) -> bytes:
    """A matplotlib Figure as the bytes of a PDF file without a date: the same figure, the same.

    >>> from matplotlib.figure import Figure
    >>> pdf(Figure()) == pdf(Figure())
    True
    """
    return _saved(figure, "pdf", metadata={"CreationDate": None})


FORMATS = ("png", "svg", "pdf")
"""The kinds of file that `image` makes."""


def image(figure: Any, kind: str) -> bytes:
    """A matplotlib Figure as the bytes of a file of one of `FORMATS`, equal for an equal figure.

    >>> from matplotlib.figure import Figure
    >>> image(Figure(), "pdf")[:5]
    b'%PDF-'
    """
    if kind == "svg":
        return _saved(figure, "svg", metadata=_UNDATED)
    return {"png": png, "pdf": pdf}[kind](figure)


def enlarged(figure: Any, factor: float = 1.4) -> Any:
    """The figure with letters, lines and marks so many times as large, for a slide; changes it.

    The paper grows by the square root of that, so that panels keep room beside their letters.

    >>> from matplotlib.figure import Figure
    >>> figure = Figure(figsize=(4, 3))
    >>> text = figure.text(0.5, 0.5, "far away", fontsize=10)
    >>> enlarged(figure, 2.0) is figure, text.get_fontsize()
    (True, 20.0)
    """
    from matplotlib.collections import Collection
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

    figure.draw_without_rendering()  # ticks and their labels are made when they are drawn
    figure.set_size_inches(*(side * math.sqrt(factor) for side in figure.get_size_inches()))
    for axes in figure.axes:
        for name in ("x", "y"):
            size = (axes.get_xticklabels() if name == "x" else axes.get_yticklabels()) or [Text()]
            axes.tick_params(name, labelsize=float(size[0].get_fontsize()) * factor)
    labels = {
        each
        for axes in figure.axes
        for each in (*axes.get_xticklabels(which="both"), *axes.get_yticklabels(which="both"))
    }
    for artist in figure.findobj():
        if isinstance(artist, Text) and artist not in labels:
            artist.set_fontsize(float(artist.get_fontsize()) * factor)
        elif isinstance(artist, Line2D):
            artist.set_linewidth(artist.get_linewidth() * factor)
            artist.set_markersize(artist.get_markersize() * factor)
        elif isinstance(artist, Collection):
            widths: Any = artist.get_linewidth()
            artist.set_linewidth([width * factor for width in widths])
    figure.draw_without_rendering()
    for axes in figure.axes:
        for title in (axes.title, axes._left_title, axes._right_title):
            share = title.get_window_extent().width / axes.bbox.width
            if share > 0.95:  # it would run into the next panel
                title.set_fontsize(float(title.get_fontsize()) * 0.95 / share)
    return figure


def panels(figure: Any) -> list[str]:
    """A matplotlib Figure as SVG elements, one for every column of axes, for a page to arrange.

    Each has the width and height that it takes in the figure, in points. A figure whose legend or
    title belongs to all of it is one panel. The figure keeps the places that its axes have now.

    >>> from matplotlib.figure import Figure
    >>> figure = Figure(figsize=(6, 2), layout="constrained")
    >>> _ = figure.subplots(1, 3)
    >>> [panel[:5] for panel in panels(figure)]
    ['<svg ', '<svg ', '<svg ']
    """
    with own_settings():
        figure.draw_without_rendering()
        figure.set_layout_engine(None)  # with none at all, nothing is drawn twice
        boxes = {axes: axes.get_tightbbox() for axes in figure.axes if axes.get_visible()}
        drawn_panels = []
        columns = _columns(figure, boxes)
        for place, column in enumerate(columns):
            extent = _extent(figure, [boxes[axes] for axes in column]) if len(columns) > 1 else None
            hidden = [axes for axes in figure.axes if axes not in column and axes.get_visible()]
            for axes in hidden:
                axes.set_visible(False)
            source = _saved(figure, "svg", metadata=_UNDATED, bbox_inches=extent)
            for axes in hidden:
                axes.set_visible(True)
            drawn_panels.append(_inline(source.decode(), f"panel{place}"))
    return drawn_panels


def svg(elements: Sequence[str]) -> bytes:
    """SVG elements side by side as the bytes of one SVG file.

    >>> svg(['<svg width="9pt" height="5pt"></svg>', '<svg width="4pt" height="7pt"></svg>'])[-44:]
    b'<svg x="9" width="4" height="7"></svg></svg>'
    """
    left, height, placed = 0.0, 0.0, []
    for element in elements:
        sizes = re.findall(r'\b(?:width|height)="([\d.]+)pt"', element[: element.index(">")])
        placed.append(element.replace("<svg ", f'<svg x="{left:g}" ', 1).replace('pt"', '"', 2))
        left, height = left + float(sizes[0]), max(height, float(sizes[1]))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' width="{left:g}pt" height="{height:g}pt" viewBox="0 0 {left:g} {height:g}">'
        f"{''.join(placed)}</svg>"
    ).encode()


def _saved(figure: Any, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with own_settings():
        import matplotlib

        matplotlib.rcParams["svg.hashsalt"] = "steepest"
        figure.savefig(buffer, format=kind, **options)
    return buffer.getvalue()


def _columns(figure: Any, boxes: Mapping[Any, Any]) -> list[list[Any]]:
    """The axes of a figure in columns whose boxes do not overlap, from left to right.

    A colour bar stands in the column of what it is the bar of.
    """
    if figure.legends or figure._suptitle is not None:
        return [list(boxes)]
    columns: list[list[Any]] = []
    end = -math.inf
    for axes in sorted(boxes, key=lambda axes: boxes[axes].x0):
        if boxes[axes].x0 < end or (columns and axes in _bars(columns[-1])):
            columns[-1].append(axes)
        else:
            columns.append([axes])
        end = max(end, boxes[axes].x1)
    return columns


def _bars(column: Sequence[Any]) -> list[Any]:
    """The axes of the colour bars of what is drawn in some axes."""
    drawings = [item for axes in column for item in (*axes.images, *axes.collections)]
    return [item.colorbar.ax for item in drawings if item.colorbar is not None]


def _extent(figure: Any, boxes: Sequence[Any]) -> Any:
    """The rectangle in inches, as high as the figure, that holds these boxes and nothing else."""
    from matplotlib.transforms import Bbox

    edge, dpi = 0.04, figure.dpi
    left = min(box.x0 for box in boxes) / dpi - edge
    right = max(box.x1 for box in boxes) / dpi + edge
    bottom = min(0.0, *(box.y0 / dpi - edge for box in boxes))
    top = max(figure.get_figheight(), *(box.y1 / dpi + edge for box in boxes))
    return Bbox([[left, bottom], [right, top]])


def _inline(source: str, name: str) -> str:
    """An SVG file as an element of a page, with ids that no other panel has.

    A page needs no names of namespaces, which look like addresses in it.
    """
    element = source[source.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>\s*", "", element, flags=re.DOTALL)
    element = re.sub(r'\s+xmlns(:xlink)?="[^"]*"', "", element)
    element = re.sub(r"<!--.*?-->\s*", "", element, flags=re.DOTALL)
    element = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", element)
    return re.sub(r"\s*\n\s*", " ", element).strip()
