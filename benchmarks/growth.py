"""How time and memory grow with n, trials, steps, synapses, weights and cells.

    python benchmarks/growth.py [NAME ...] [--out PAGE]

Writes a page of the docs and its picture; less than 4 minutes of CPU. Each kind of run is measured
in a process of its own, at sizes that grow by a factor: seconds of CPU of a second, equal call (the
first compiles), and the memory that it took above what the process held before. An exponent is the
slope of a line through the logarithms, with the standard error that the scatter about it gives;
"at the end" is the slope between the two largest sizes. Other work on the machine lengthens CPU
seconds by some percent, alike for all sizes.
"""

import argparse
import datetime
import gc
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from report import machine

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "docs"))

from renewing import renew

PAGE = ROOT / "docs" / "reference" / "growth.md"
PICTURE = ROOT / "docs" / "_static" / "growth.svg"
DT = 5e-4
LAYER = 250 * 250  # weights
SEEN = 4e6  # bytes: less is the noise of a process
TOO_MUCH = 0.15  # of an exponent at the end above the expected one


class Growth(NamedTuple):
    """A kind of run, what is made larger, the sizes, and the exponents expected of both."""

    title: str
    axis: str
    sizes: tuple[int, ...]
    time: float
    memory: float
    why: str


GROWTHS = {
    "events-n": Growth(
        "event-driven engine, 16 trials, 20,000 steps",
        "n",
        (100, 400, 1600, 6400),
        1,
        1,
        "its spikes; a step of a neuron besides, which few afferents do not outweigh",
    ),
    "events-trials": Growth(
        "event-driven engine, n = 100, 5000 steps",
        "trials",
        (64, 256, 1024, 4096),
        1,
        1,
        "",
    ),
    "events-steps": Growth(
        "event-driven engine, n = 100, 64 trials",
        "steps",
        (4000, 16_000, 64_000, 256_000),
        1,
        0,
        "spikes are drawn a few steps ahead and not kept",
    ),
    "dense-n": Growth(
        "dense engine, 16 trials, 200 steps",
        "n",
        (100, 400, 1600, 6400),
        1,
        1,
        "",
    ),
    "dense-trials": Growth(
        "dense engine, n = 100, 200 steps",
        "trials",
        (16, 64, 256, 1024),
        1,
        1,
        "",
    ),
    "dense-steps": Growth(
        "dense engine, n = 100, 16 trials",
        "steps",
        (200, 800, 3200, 12_800),
        1,
        0,
        "",
    ),
    "pairs": Growth(
        "verdict on a pair of columns, noise of 10 %",
        "synapses",
        (1000, 4000, 16_000, 64_000),
        1,
        1,
        "",
    ),
    "sessions": Growth(
        "verdict on 8 sessions in 20 groups",
        "synapses",
        (1000, 4000, 16_000, 64_000),
        1,
        1,
        "",
    ),
    "layers": Growth(
        "two checkpoints on disk, layers of 250 x 250",
        "weights",
        (LAYER, 4 * LAYER, 16 * LAYER, 32 * LAYER),
        1,
        0,
        "one layer at a time",
    ),
    "cells": Growth(
        "sweep of a quick figure, one worker in the process",
        "cells",
        (16, 64, 256, 1024),
        1,
        0,
        "a cell is written when it is done, and forgotten",
    ),
}

FIGURE = '''"""A synapse that learns from a noisy error

For measurements.
"""

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.study import Claim, parameter, stamp


@dataclass(frozen=True)
class Parameters:
    rate: float = parameter(0.1, "learning rate")


QUICK = Parameters()


def run(parameters, seed):
    error = np.random.default_rng(seed).standard_normal(100)
    return stamp(xr.Dataset({"weight": ("step", parameters.rate * error)}), parameters, seed)


def plot(dataset):
    return matplotlib.figure.Figure()


def claims(dataset):
    return [Claim.close("The weight stays about 0", 0, dataset["weight"].mean(), 10)]
'''


def spiking(engine: str, trials: int, n: int, steps: int) -> Callable[[], object]:
    from steepest.spiking import NaturalRule, paper_task, simulate

    task, w = paper_task(trials, n=n, test_samples=2)
    run = {"rate": 6e-4, "seed": 0, "engine": engine, "threads": 1}
    # The first call must compile what the second needs, and no more than that.
    simulate(task, NaturalRule(), w, duration=min(steps, 200) * DT, **run)
    return lambda: simulate(task, NaturalRule(), w, duration=steps * DT, **run)


def sizes_of(synapses: int, sessions: int) -> np.ndarray:
    random = np.random.default_rng(0)
    steps = 0.2 * random.standard_normal((sessions, synapses))
    logs = 0.7 * random.standard_normal(synapses) + np.cumsum(steps, axis=0)
    return np.exp(logs + 0.08 * random.standard_normal(logs.shape))


def pairs(size: int) -> Callable[[], object]:
    from steepest.inference import infer_geometry

    before, after = sizes_of(size, 2)
    infer_geometry(before[:1000], after[:1000], noise_cv=0.1)
    return lambda: infer_geometry(before, after, noise_cv=0.1)


def sessions(size: int) -> Callable[[], object]:
    from steepest.inference import infer_measured, measure

    sizes = sizes_of(size, 8)
    groups = np.random.default_rng(1).integers(20, size=size)
    infer_measured(measure(sizes[:, :1000], groups=groups[:1000]))
    return lambda: infer_measured(measure(sizes, groups=groups))


def layers(size: int) -> Callable[[], object]:
    from steepest.data.checkpoints import open_checkpoint
    from steepest.inference import infer_layers

    random = np.random.default_rng(0)
    folder = Path(tempfile.mkdtemp())
    before, after = {}, {}
    for k in range(size // LAYER):
        before[f"layer{k}"] = 0.02 * random.standard_normal((250, 250), np.float32)
        change = np.float32(1e-3) * random.standard_normal((250, 250), np.float32)
        after[f"layer{k}"] = before[f"layer{k}"] + change
    for name, arrays in (("before", before), ("after", after)):
        np.savez(folder / f"{name}.npz", **arrays)
    infer_layers({"layer0": before["layer0"]}, {"layer0": after["layer0"]}, seed=0)
    stored = [open_checkpoint(folder / f"{name}.npz") for name in ("before", "after")]
    return lambda: infer_layers(*stored, seed=0)


def cells(size: int) -> Callable[[], object]:
    import distributed

    from steepest.sweep import run_sweep

    folder = Path(tempfile.mkdtemp())
    (folder / "figure.py").write_text(FIGURE, "utf-8")
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
    )

    def sweep(name: str, seeds: int) -> object:
        study = f'figure = "figure.py"\nscale = "quick"\nseeds = {seeds}\n'
        (folder / f"{name}.toml").write_text(study, "utf-8")
        return run_sweep(folder / f"{name}.toml", scheduler=cluster.scheduler_address)

    sweep("first", 2)
    return lambda: sweep("whole", size)


def prepared(name: str, size: int) -> Callable[[], object]:
    """What is measured, with all that it compiles compiled."""
    fixed = {"events": {"trials": 16, "n": 100, "steps": 20_000}, "dense": {"trials": 16, "n": 100}}
    fixed["dense"]["steps"] = 200
    kind, _, axis = name.partition("-")
    if kind in fixed:
        others = {"events-trials": {"steps": 5000}, "events-steps": {"trials": 64}}.get(name, {})
        return spiking(kind, **{**fixed[kind], **others, axis: size})
    return {"pairs": pairs, "sessions": sessions, "layers": layers, "cells": cells}[name](size)


def held(name: str) -> float:
    """Bytes of memory that this process holds (VmRSS), or held at most (VmHWM)."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return math.nan
    line = next(x for x in status.read_text("ascii").splitlines() if x.startswith(name))
    return 1024.0 * int(line.split()[1])


def measure(name: str) -> None:
    """Print a line of JSON for each size: seconds of CPU, and bytes above those held before."""
    for size in GROWTHS[name].sizes:
        run = prepared(name, size)
        gc.collect()
        forget = Path("/proc/self/clear_refs")
        if forget.is_file():
            forget.write_text("5")  # the peak starts anew
        before, begun = held("VmRSS"), time.process_time()
        kept = run()
        spent, most = time.process_time() - begun, held("VmHWM") - before
        del kept, run
        print(json.dumps({"size": size, "seconds": spent, "bytes": most}), flush=True)


def asked(name: str) -> list[dict[str, float]]:
    """What a process of its own measures."""
    # Memory that is freed goes back to the system, and is seen again when it is taken again.
    environment = os.environ | {
        "MALLOC_MMAP_THRESHOLD_": "1000000",
        "MALLOC_TRIM_THRESHOLD_": "1000000",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, __file__, "--measure", name]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, text=True)
    return [json.loads(line) for line in said.stdout.splitlines() if line.startswith("{")]


class Slope(NamedTuple):
    """An exponent, its standard error from the scatter, and that between the two largest sizes."""

    exponent: float
    error: float
    end: float


def slope(sizes: np.ndarray, values: np.ndarray, least: float = 0.0) -> Slope | None:
    """The slope of log(values) against log(sizes), of the values above `least`, if three are."""
    seen = values > least
    if seen.sum() < 3 or not seen[-2:].all():
        return None
    x, y = np.log(sizes[seen]), np.log(values[seen])
    exponent, offset = np.polyfit(x, y, 1)
    rest = y - exponent * x - offset
    error = math.sqrt((rest**2).sum() / max(1, len(x) - 2) / ((x - x.mean()) ** 2).sum())
    return Slope(float(exponent), error, float((y[-1] - y[-2]) / (x[-1] - x[-2])))


def judged(name: str, rows: list[dict[str, float]]) -> dict[str, object]:
    """What the page says of one growth: its rows, its exponents, and what exceeds the expected."""
    growth = GROWTHS[name]
    sizes = np.array([row["size"] for row in rows])
    seconds, held_more = (np.array([row[key] for row in rows]) for key in ("seconds", "bytes"))
    slopes = {"time": slope(sizes, seconds), "memory": slope(sizes, held_more, SEEN)}
    excess = []
    for what, seen in slopes.items():
        expected = getattr(growth, what)
        if seen is not None and seen.end > expected + TOO_MUCH:
            excess.append(
                f"{what} grows as {growth.axis}^{seen.end:.2f} at the end, not {expected}"
            )
    return {"name": name, "seconds": seconds, "bytes": held_more, **slopes, "excess": excess}


def shown(seen: Slope | None, flat: float) -> str:
    """An exponent as the table shows it; where too little memory was taken, how little."""
    if seen is None:
        return "not seen" if math.isnan(flat) else f"flat: {flat / 1e6:.1f} MB at most"
    return f"{seen.exponent:.2f} ± {seen.error:.2f}; {seen.end:.2f}"


def table(results: list[dict[str, object]]) -> str:
    lines = [
        "| run | grows | sizes | seconds of CPU | MB taken | time: expected | seen; at the end"
        " | memory: expected | seen; at the end |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        growth = GROWTHS[result["name"]]
        sizes = f"{growth.sizes[0]:,} to {growth.sizes[-1]:,}"
        seconds = " ".join(f"{value:.2g}" for value in result["seconds"])
        taken = " ".join(f"{value / 1e6:.3g}" for value in result["bytes"])
        time_seen = shown(result["time"], math.nan)
        memory_seen = shown(result["memory"], result["bytes"].max())
        lines.append(
            f"| {growth.title} | {growth.axis} | {sizes} | {seconds} | {taken} | {growth.time:g}"
            f" | {time_seen} | {growth.memory:g} | {memory_seen} |"
        )
    return "\n".join(lines)


PAGE_TEXT = """# How time and memory grow

![Seconds of CPU and memory against size, logarithmic: all lie along the slope 1 or flatter](../_static/growth.svg)

Ten kinds of run, each at sizes that grow fourfold. An exponent is the slope of a straight line through the
logarithms, with the standard error that the points' scatter about it gives; "at the end" is the slope
between the two largest sizes, where what a run costs whatever its size weighs least. Seconds are of CPU and
of a second, equal call; memory is what the call took above what the process held before, and below {seen:g} MB
it is a process's noise.

{table}

{excess}

Why these exponents are expected:

- **n, trials, steps.** The event-driven engine touches a synapse when it spikes: its time goes as the number
  of spikes, n trials steps, plus a neuron's own step, trials steps, which is most of it below n of about
  1000: so the exponent in n is below 1 and rises. It keeps four numbers of a synapse; spikes are drawn a few
  steps ahead and forgotten, so steps cost no memory. Records do: n trials for each time that is recorded.
  The dense engine touches every synapse in every step; what a step costs to start weighs at small sizes.
- **synapses.** A verdict computes sums over synapses once and resamples groups or weights of these sums,
  so both exponents are 1; sessions multiply both.
- **weights.** A checkpoint is read and judged layer by layer: time goes as the weights, memory as the
  largest layer (of a layer above a million weights, a part stands for all).
- **cells.** A cell is written when it is done, and the driver forgets it.
- **A GPU.** Its memory goes as n trials: 32 bytes for each synapse of a trial that fires where a thread runs a
  trial, 48 where a team does. Its time was not measured: no GPU was at hand.

*{when}, {machine}; other work ran beside.* `python benchmarks/growth.py`
"""


def page(results: list[dict[str, object]]) -> str:
    excess = [
        f"- {GROWTHS[result['name']].title}: {what}."
        for result in results
        for what in result["excess"]
    ]
    limit = f"more than {TOO_MUCH:g} above the expected exponent at the end"
    told = (
        f"**Excesses**, {limit}:\n\n" + "\n".join(excess)
        if excess
        else (f"**Excesses**, {limit}: none.")
    )
    return PAGE_TEXT.format(
        table=table(results),
        excess=told,
        seen=SEEN / 1e6,
        when=datetime.date.today().isoformat(),
        machine=machine(),
    )


def draw(results: list[dict[str, object]], path: Path) -> None:
    """Seconds and bytes against size, both in units of the smallest size's, with the slope 1."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    with pyplot.rc_context({"svg.hashsalt": "growth", "font.size": 9}):
        figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
        for axis, key, label in zip(
            axes, ("seconds", "bytes"), ("seconds of CPU", "MB taken"), strict=True
        ):
            scale = 1.0 if key == "seconds" else 1e-6
            for k, result in enumerate(results):
                growth = GROWTHS[result["name"]]
                values = np.maximum(result[key], 1e3 if key == "bytes" else 0) * scale
                style = {"marker": "osD^vP*X<>"[k % 10], "markersize": 4, "linewidth": 1}
                sizes = np.array(growth.sizes) / growth.sizes[0]
                axis.loglog(sizes, values, label=f"{result['name']}", **style)
            axis.loglog([1, 64], [values_at := axis.get_ylim()[0] * 2, 64 * values_at], "k:", lw=1)
            axis.annotate("slope 1", (20, 20 * values_at * 0.5), fontsize=8)
            axis.set_xlabel("size, in units of the smallest")
            axis.set_ylabel(label)
            axis.spines[["top", "right"]].set_visible(False)
        axes[1].axhline(SEEN / 1e6, color="0.6", linewidth=0.8)
        axes[1].annotate("noise below", (1, SEEN / 1e6), va="top", fontsize=8, color="0.4")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right", frameon=False)
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(GROWTHS)}; all if none is given")
    parser.add_argument("--out", type=Path, help="the page; without names that of the docs")
    parser.add_argument("--measure", choices=list(GROWTHS), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        measure(chosen.measure)
        return 0
    unknown = set(chosen.names) - set(GROWTHS)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}: take {', '.join(GROWTHS)}")
    results = []
    for name in chosen.names or GROWTHS:
        results.append(judged(name, asked(name)))
        print(table(results[-1:]).splitlines()[-1], flush=True)
        for what in results[-1]["excess"]:
            print(f"  excess: {what}", flush=True)
    out = chosen.out or (None if chosen.names else PAGE)
    if out is not None:
        picture = PICTURE if out == PAGE else out.with_suffix(".svg")
        draw(results, picture)
        renew({out: page(results)})
        print(f"Written: {out}, {picture}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
