"""Where cells are computed: on this machine, on a running Dask cluster, or on one through Slurm."""

import inspect
import logging
import multiprocessing
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dask.config
import dask.system
from distributed import Client, LocalCluster, Nanny
from distributed.core import Status

from steepest.data.settings import read_toml
from steepest.errors import UsageError
from steepest.interrupts import deferred_in_children, undone
from steepest.sweep.surroundings import environment
from steepest.sweep.values import near

__all__ = ["open_client", "read_slurm", "replace_dead"]

# A nanny starts a new process at once; one that has none for longer does not mean to.
_START = 10.0

# The scheduler remembers its last steps; by default so many that its memory grows with the cells.
_SETTINGS = {
    "distributed.admin.low-level-log-length": 1000,
    # How often a cell's worker may die before the cell is tried alone, and then recorded.
    "distributed.scheduler.allowed-failures": 1,
    # Results are in files: there is nothing to spill, and a worker that waits for memory that its
    # last cell keeps would wait for ever. One that takes nearly all is ended, and its cell told.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
}


@contextmanager
def open_client(
    workers: int | None,
    scheduler: str | None,
    slurm: dict[str, Any] | None,
    patience: float,
) -> Iterator[Client]:
    """A client of one of the three; what was started here is stopped at the end.

    Raises `UsageError` when no scheduler answers at the address within `patience` seconds, or
    when Slurm does not take the job.
    """
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(_SETTINGS))
        if scheduler is not None:
            yield stack.enter_context(_connect(scheduler, patience))
            return
        others = set(multiprocessing.active_children())

        def kill() -> None:
            for process in set(multiprocessing.active_children()) - others:
                process.kill()

        # This process speaks for its workers at Ctrl-C, and ends them. The threads that start
        # them, now and where one has died, begin here.
        stack.enter_context(undone(kill))
        with deferred_in_children():
            cluster = _slurm(slurm) if slurm is not None else _local(workers)
        stack.enter_context(cluster)
        yield stack.enter_context(Client(cluster))


def replace_dead(client: Client, missing: dict[Any, float]) -> dict[Any, float]:
    """Replace processes of this machine that died while they started: their nannies do not.

    `missing` and the result tell since when each has been gone, by the monotonic clock.
    """
    cluster = client.cluster
    if not isinstance(cluster, LocalCluster):
        return {}
    now = time.monotonic()
    gone = [
        name
        for name, nanny in cluster.workers.items()
        if isinstance(nanny, Nanny) and not nanny.is_alive()
    ]
    missing = {name: missing.get(name, now) for name in gone}
    late = [name for name, since in missing.items() if now - since > _START]
    if late:
        count = len(cluster.worker_spec)
        cluster.sync(cluster.scale_down, late)
        cluster.scale(count)
    return {name: since for name, since in missing.items() if name not in late}


def read_slurm(path: str | Path) -> dict[str, Any]:
    """The options in a Slurm file (TOML): `jobs`, and those of dask_jobqueue.SLURMCluster.

    Raises `DataError` for a file that is no TOML, `UsageError` for unknown options (the near ones
    are listed) and missing ones.
    """
    from dask_jobqueue.core import Job, JobQueueCluster
    from dask_jobqueue.slurm import SLURMJob

    path = Path(path)
    options = read_toml(path)
    known = {"jobs"}
    for kind in (JobQueueCluster, SLURMJob, Job):
        known |= set(inspect.signature(kind.__init__).parameters)
    known -= {"self", "base_class_kwargs", "job_kwargs", "n_workers", "processes", "scheduler"}
    for name in options.keys() - known:
        raise UsageError(f"{path.name}: Slurm has no option {name!r} here; {near(name, known)}")
    missing = {"cores", "memory"} - options.keys()
    if missing:
        raise UsageError(f'{path.name}: set {" and ".join(sorted(missing))} (memory as "4GB")')
    options.setdefault("jobs", 1)
    for name in ("jobs", "cores"):
        if type(options[name]) is not int or options[name] < 1:
            raise UsageError(
                f"{path.name}: {name} = {options[name]!r} is not a whole number from 1"
            )
    if not isinstance(options["memory"], str):
        raise UsageError(f'{path.name}: memory = {options["memory"]!r} needs a unit, as in "4GB"')
    return options


def _connect(address: str, patience: float) -> Client:
    try:
        return Client(address, timeout=patience, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:
        raise UsageError(
            f"no Dask scheduler answered at {address} within {patience:g} s ({error});"
            " is the address that which `dask scheduler` printed, and is it running?"
        ) from error


def _local(workers: int | None) -> LocalCluster:
    return LocalCluster(
        n_workers=workers or dask.system.CPU_COUNT,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",
        silence_logs=logging.CRITICAL,
        env=environment(),
    )


def _slurm(options: dict[str, Any]) -> Any:
    from dask_jobqueue.slurm import SLURMCluster

    if shutil.which("sbatch") is None:
        raise UsageError("there is no sbatch here: run this on a machine that can submit to Slurm")
    rest = {name: value for name, value in options.items() if name != "jobs"}
    exports = [f"export {name}={value!r}" for name, value in environment().items()]
    rest["job_script_prologue"] = [*exports, *rest.get("job_script_prologue", [])]
    # Any free port: several sweeps may be driven from one machine.
    rest["scheduler_options"] = {"dashboard_address": ":0", **rest.get("scheduler_options", {})}
    cores = rest["cores"]
    try:
        cluster = SLURMCluster(processes=cores, n_workers=options["jobs"] * cores, **rest)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise UsageError(f"Slurm could not be used: {error}") from error
    # Jobs are submitted behind the scenes; they are listed here once sbatch has answered for all.
    while len(cluster.workers) < options["jobs"]:
        time.sleep(0.05)
    refused = [job for job in cluster.workers.values() if job.job_id is None]
    if refused:
        # Closing the cluster asks that every job has either run or ended.
        for job in refused:
            job.status = Status.closed
        cluster.close()
        raise UsageError("Slurm did not take the jobs; what sbatch said stands above")
    return cluster
