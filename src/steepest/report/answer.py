"""What a command answers: one thing in every form, for a terminal, for JSON, and as a page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steepest.files import to_json
from steepest.pictures import panels, pdf, png, svg
from steepest.report.page import Page, render_page

if TYPE_CHECKING:
    import matplotlib.figure
    from rich.console import RenderableType

__all__ = ["Answer"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Answer:
    """An answer in all its forms; those that cost something are functions, called where needed.

    - `name`: of its files: "verdict" is written as verdict.html, verdict.png and verdict.json.
    - `heading`: the line above the table, what was asked of which file; "" for none.
    - `content`: plain JSON values, what `--json` prints.
    - `table()`: texts and tables for the terminal, as rich prints them.
    - `short()`: the answer in three lines for the terminal, where `table` says more than that.
    - `page()`: what the page says.
    - `draw()`: the picture, a matplotlib Figure.
    - `others`: further files by their names, as functions that give texts.

    >>> from steepest.inference import infer_geometry, simulate_change
    >>> from steepest.report.pair import pair_answer
    >>> before, after = simulate_change(100, 1.0, seed=1)
    >>> verdict = infer_geometry(before, after, noise_cv=0)
    >>> answer = pair_answer(verdict, source="sizes.csv", before="day 0", after="day 4")
    >>> answer.name, answer.heading, answer.content["outcome"]
    ('verdict', 'sizes.csv: column day 0 (before), column day 4 (after)', 'undecided')
    """

    name: str
    heading: str
    content: dict[str, Any] = field(repr=False)
    table: "Callable[[], RenderableType]" = field(repr=False)
    short: "Callable[[], RenderableType] | None" = field(repr=False, default=None)
    page: Callable[[], Page] = field(repr=False)
    draw: "Callable[[], matplotlib.figure.Figure]" = field(repr=False)
    others: Mapping[str, Callable[[], str]] = field(repr=False, default_factory=dict)

    def files(self, command: str) -> dict[str, bytes]:
        """Every file by its name: page, picture, JSON, and the others.

        `command` is the command line that repeats this, which the page shows.
        """
        figure = self.draw()
        shown = panels(figure)  # first: it settles the layout, which is then not computed again
        picture = png(figure)
        content = to_json(self.content).encode()
        # UTF-8 knows no lone surrogates: where a name holds one, its escape is written.
        others = {
            name: text().encode(errors="backslashreplace") for name, text in self.others.items()
        }
        offered = {f"{self.name}.svg": svg(shown), f"{self.name}.pdf": pdf(figure)}
        offered |= others | {f"{self.name}.json": content}
        page = render_page(self.page(), panels=shown, files=offered, command=command)
        return {
            f"{self.name}.html": page.encode(),
            f"{self.name}.png": picture,
            **others,
            f"{self.name}.json": content,
        }
