"""The progress bar that all long work shares: on stderr, and only where somebody is watching."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar, runtime_checkable

from steepest.markup import visible

__all__ = ["Advance", "progress_bar", "track"]

T = TypeVar("T")


@runtime_checkable
class Advance(Protocol):
    """What `progress_bar` yields: call it with the amount of work that was done.

    >>> with progress_bar("counting", total=2) as advance:
    ...     isinstance(advance, Advance)
    True
    """

    def __call__(self, amount: float = 1.0, description: str | None = None) -> None: ...


@contextmanager
def progress_bar(description: str, total: float | None = None) -> Iterator[Advance]:
    """Show a bar for `total` units of work; yields a function that advances it by an amount.

    The function takes a new description, too, where the work has more to say than its amount.

    Writes nothing when stderr is not a terminal, so pipes, logs and `--json` stay clean.

    >>> with progress_bar("learning", total=3) as advance:
    ...     for step in range(3):
    ...         advance(description=f"step {step}")
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}", style="progress.description", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        redirect_stdout=False,  # what a command prints on stdout stays on stdout
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(visible(description), total=total)

        def advance(amount: float = 1.0, description: str | None = None) -> None:
            shown = None if description is None else visible(description)
            bar.update(task, advance=amount, description=shown)

        yield advance


def track(items: Iterable[T], description: str, total: float | None = None) -> Iterator[T]:
    """Iterate over `items` under a progress bar.

    >>> [2 * x for x in track([1, 2, 3], "doubling")]
    [2, 4, 6]
    """
    if total is None and hasattr(items, "__len__"):
        total = float(len(items))  # pyright: ignore[reportArgumentType]
    with progress_bar(description, total) as advance:
        for item in items:
            yield item
            advance()
