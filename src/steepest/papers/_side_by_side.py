"""Figures side by side: each in a process of its own, their results in the order asked for."""

from collections.abc import Generator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from steepest import papers, study
from steepest.errors import UsageError
from steepest.interrupts import deferred_in_children, shielded
from steepest.processes import process_pool
from steepest.progress import progress_bar
from steepest.study import Figure, Result, Scale

__all__ = ["reproduce_all"]


def reproduce_all(
    figures: Sequence[Figure],
    scale: Scale = "quick",
    seed: int = 0,
    out: str | Path | None = None,
    *,
    data: str | Path | Sequence[str | Path] | None = None,
    unchecked: bool = False,
    formats: Sequence[str] = ("png",),
    style: study.Style = "paper",
    jobs: int = 1,
) -> Generator[Result, None, None]:
    """The results of `steepest.study.reproduce` for figures of the package, one after the other.

    With `jobs`, up to that many are computed at a time, each in a fresh process; numbers and order
    are the same. When a figure fails, or the caller stops, those under way are ended.
    """
    jobs = min(jobs, len(figures))
    asked = (scale, seed, out)
    options = {"data": data, "unchecked": unchecked, "formats": formats, "style": style}
    if jobs <= 1:
        for figure in figures:
            yield study.reproduce(figure, *asked, **options)
        return
    for figure in figures:
        # What cannot be asked of one is told before any is run.
        figure.parameters(scale, data, unchecked=unchecked)
    with process_pool(jobs) as pool:
        # A process that begins without hearing what it is for would say so in a traceback.
        with deferred_in_children(), shielded():
            futures = [pool.submit(_reproduce, figure.key, asked, options) for figure in figures]
        for place, (figure, future) in enumerate(zip(figures, futures, strict=True)):
            try:
                with progress_bar(f"Figures ({jobs} at a time)", len(figures)) as advance:
                    advance(float(place))
                    values = future.result()
            except BrokenProcessPool as error:
                raise UsageError(
                    f"a process that computed a figure died ({figure.key}, or one beside it):"
                    " killed, or out of memory? --jobs 1 runs one after the other"
                ) from error
            yield Result(figure, *values)


def _reproduce(key: str, asked: tuple[Any, ...], options: dict[str, Any]) -> tuple:
    """All of a result but the figure, which is a module and cannot travel."""
    (figure,) = papers.load(key)
    result = study.reproduce(figure, *asked, **options)
    return (
        result.parameters,
        result.scale,
        result.seed,
        result.dataset,
        result.claims,
        result.picture,
        result.seconds,
        result.files,
    )
