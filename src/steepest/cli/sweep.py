"""The command that computes a figure over a grid of parameters and seeds."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from steepest.cli.options import Json
from steepest.cli.output import command_line, show, show_json
from steepest.data.opening import check_file
from steepest.errors import UsageError
from steepest.files import staging
from steepest.markup import visible

__all__ = ["command"]

_SHOWN = 20


def command(
    study: Annotated[Path | None, Parameter(help="Study file (TOML): figure, seeds, grid.")] = None,
    /,
    *,
    store: Annotated[
        Path | None, Parameter(help="Zarr store of the results; STUDY.zarr beside it if not given.")
    ] = None,
    workers: Annotated[
        int | None,
        Parameter(help="Processes on this machine (one per processor)", validator=Number(gte=1)),
    ] = None,
    scheduler: Annotated[
        str | None, Parameter(help="Address of a running Dask scheduler, tcp://HOST:PORT.")
    ] = None,
    slurm: Annotated[
        Path | None, Parameter(help="TOML file with the options of a cluster through Slurm.")
    ] = None,
    retry_failed: Annotated[
        bool, Parameter(negative="", help="Compute the cells that failed once more.")
    ] = False,
    repair: Annotated[
        bool,
        Parameter(negative="", help="Remove what is damaged in the store; compute that again."),
    ] = False,
    status: Annotated[
        Path | None, Parameter(help="Only say how far the sweep of this store is.")
    ] = None,
    plot: Annotated[
        Path | None, Parameter(help="Only draw the study in this store, to a PNG beside it.")
    ] = None,
    json: Json = False,
) -> int:
    """Compute a figure over a grid of parameters and seeds, into one Zarr store.

    Whatever is interrupted goes on with the same command, from the cells that are finished. Ends
    with 0 when every cell is done, with 1 when some failed (their errors are in the store).

    For example:

    ```
    steepest sweep study.toml --workers 4
    steepest sweep --status study.zarr
    ```
    """
    if sum(path is not None for path in (study, status, plot)) != 1:
        raise UsageError("give a study file, or --status STORE, or --plot STORE")
    for file in (study, slurm):
        if file is not None:
            check_file(file)
    try:
        from steepest import sweep as sweeps
    except ModuleNotFoundError as error:
        raise UsageError(
            f"a sweep needs {error.name}; install it with: pip install 'steepest[cluster]'"
        ) from error
    if status is not None:
        return _print_status(sweeps.read_status(status), json)
    if plot is not None:
        from steepest.pictures import png

        picture = png(sweeps.plot_store(plot))
        path = plot.with_suffix(".png")
        with staging(path.parent) as stage:
            (stage / path.name).write_bytes(picture)
        if json:
            show_json({"picture": str(path)})
        else:
            show(f"Wrote {visible(str(path))}")
        return 0
    assert study is not None
    summary = sweeps.run_sweep(
        study,
        store,
        workers=workers,
        scheduler=scheduler,
        slurm=slurm,
        retry_failed=retry_failed,
        repair=repair,
    )
    if json:
        show_json(summary.to_dict())
        return 1 if summary.failed else 0
    for words in summary.repaired:
        show(visible(f"Repaired {words}"))
    show(
        f"{summary.done} of {summary.cells} cells are done, {summary.failed} failed;"
        f" {summary.computed} were computed now, in {summary.seconds:.1f} s"
    )
    if summary.failed:
        again = command_line("sweep", study, store=summary.store, retry_failed=True)
        show(f"What went wrong:  {command_line('sweep', status=summary.store)}")
        show(f"Try those again:  {again}")
    show(f'Open it with xarray.open_zarr("{visible(str(summary.store))}")')
    return 1 if summary.failed else 0


def _print_status(status: Any, as_json: bool) -> int:
    if as_json:
        show_json(status.to_dict())
        return 0
    show(visible(f"{status.store}: {status.title}"))
    show(f"{status.done} of {status.cells} cells done, {status.failed} failed, {status.left} left")
    if status.workers is not None:
        time = status.seconds_left
        ahead = "" if time is None else f", about {time / 60:.1f} minutes left"
        show(f"A driver is at work with {status.workers} workers{ahead}")
    elif status.left:
        show("No driver is at work; the command that began the sweep goes on with it")
    for error, count in list(status.errors.items())[:_SHOWN]:
        show(visible(f"  {count} x {error}"))
    if len(status.errors) > _SHOWN:
        show(f"  and {len(status.errors) - _SHOWN} other errors; --json lists them")
    for words in status.damage[:_SHOWN]:
        show(visible(f"  damaged: {words}"))
    if len(status.damage) > _SHOWN:
        show(f"  and {len(status.damage) - _SHOWN} other files; --json lists them")
    if status.damage:
        show("The command that began the sweep, with --repair, computes again what lay in them")
    return 0
