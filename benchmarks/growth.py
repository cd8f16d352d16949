"""How time and memory grow with n, trials, steps, synapses, weights and cells.

    python benchmarks/growth.py [NAME ...]

Without names, writes its part of a page of the docs and the picture; less than 4 minutes of CPU.
Each kind of run is measured in a process of its own, at sizes that grow by a factor: seconds of CPU
of a call for which all is compiled, the less of two, and the memory that it took above what the
process held before. An exponent is the
slope of a line through the logarithms, with the standard error that the scatter about it gives;
"at the end" is the slope between the two largest sizes. Other work on the machine lengthens CPU
seconds by some percent, alike for all sizes.
"""

import argparse
import datetime
import gc
import itertools
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
PAGE = ROOT / "docs" / "reference" / "growth.md"
PICTURE = ROOT / "docs" / "_static" / "growth.svg"
DT = 5e-4
LAYER = 250 * 250  # weights
AGAIN = 2.5  # seconds: what takes less is measured twice
SEEN = 1.5e6  # bytes: less is the noise of a process
MARKS = ("<!-- measured: -->", "<!-- until here -->")
FLOOR = 2e5  # bytes: what takes less is drawn here
TOO_MUCH = 0.15  # of an exponent at the end above the expected one


class Growth(NamedTuple):
    """A kind of run, what is made larger, the sizes, and the exponents expected of both."""

    title: str
    axis: str
    sizes: tuple[int, ...]
    time: float
    memory: float


GROWTHS = {
    "events-n": Growth(
        "event-driven engine, 64 trials, 5000 steps",
        "n",
        (100, 800, 6400),
        1,
        1,
    ),
    "events-trials": Growth(
        "event-driven engine, n = 100, 5000 steps",
        "trials",
        (64, 512, 4096),
        1,
        1,
    ),
    "events-steps": Growth(
        "event-driven engine, n = 100, 64 trials",
        "steps",
        (4000, 16_000, 64_000, 256_000),
        1,
        0,
    ),
    "dense-n": Growth(
        "dense engine, 16 trials, 200 steps",
        "n",
        (100, 800, 6400),
        1,
        1,
    ),
    "dense-trials": Growth(
        "dense engine, n = 100, 200 steps",
        "trials",
        (16, 128, 1024),
        1,
        1,
    ),
    "dense-steps": Growth(
        "dense engine, n = 100, 16 trials",
        "steps",
        (200, 800, 3200, 12_800),
        1,
        0,
    ),
    "pairs": Growth(
        "verdict on a pair of columns, noise of 10 %",
        "synapses",
        (4000, 16_000, 64_000, 256_000),
        1,
        1,
    ),
    "sessions": Growth(
        "verdict on 8 sessions in 20 groups",
        "synapses",
        (1000, 4000, 16_000, 64_000),
        1,
        1,
    ),
    "layers": Growth(
        "two checkpoints on disk, layers of 250 x 250",
        "weights",
        (LAYER, 4 * LAYER, 16 * LAYER, 32 * LAYER),
        1,
        0,
    ),
    "cells": Growth(
        "sweep of a quick figure, one worker in the process",
        "cells",
        (16, 64, 256, 1024),
        1,
        0,
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

    numbers = itertools.count()

    def sweep(seeds: int) -> object:
        name = f"study{next(numbers)}"  # a store of its own, or nothing would be left to do
        study = f'figure = "figure.py"\nscale = "quick"\nseeds = {seeds}\n'
        (folder / f"{name}.toml").write_text(study, "utf-8")
        return run_sweep(folder / f"{name}.toml", scheduler=cluster.scheduler_address)

    sweep(2)
    return lambda: sweep(size)


def prepared(name: str, size: int) -> Callable[[], object]:
    """What is measured, with all that it compiles compiled."""
    fixed = {"events": {"trials": 64, "n": 100, "steps": 5000}, "dense": {"trials": 16, "n": 100}}
    fixed["dense"]["steps"] = 200
    kind, _, axis = name.partition("-")
    if kind in fixed:
        return spiking(kind, **{**fixed[kind], axis: size})
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
        del kept
        if spent < AGAIN:
            begun = time.process_time()
            run()
            spent = min(spent, time.process_time() - begun)
        del run
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
    """The slope of log(values) against log(sizes) of the values above `least`; None if one is."""
    seen = values > least
    if seen.sum() < 2 or not seen[-2:].all():
        return None
    x, y = np.log(sizes[seen]), np.log(values[seen])
    end = float((y[-1] - y[-2]) / (x[-1] - x[-2]))
    if len(x) == 2:
        return Slope(end, math.nan, end)
    exponent, offset = np.polyfit(x, y, 1)
    rest = y - exponent * x - offset
    error = math.sqrt((rest**2).sum() / (len(x) - 2) / ((x - x.mean()) ** 2).sum())
    return Slope(float(exponent), error, end)


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
        return "not seen" if math.isnan(flat) else f"{flat / 1e6:.1f} MB at most"
    if math.isnan(seen.error):
        return f"{seen.end:.2f}"
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


def told(results: list[dict[str, object]]) -> str:
    """The table, what exceeds the expected, and where and when."""
    excess = [
        f"- {GROWTHS[result['name']].title}: {what}."
        for result in results
        for what in result["excess"]
    ]
    head = f"**Excesses**, more than {TOO_MUCH:g} above the expected exponent at the end:"
    lines = [table(results), "", head, "", *(excess or ["- none."]), ""]
    when = datetime.date.today().isoformat()
    lines.append(f"*{when}, {machine()}; other work ran beside.* `python benchmarks/growth.py`")
    return "\n".join(lines)


def write(text: str, page: Path) -> None:
    """Put the text in place of what an earlier run left on the page, all or nothing."""
    before, mark, rest = page.read_text("utf-8").partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not (mark and end):
        raise SystemExit(f"{page} has no place for it, between {MARKS[0]} and {MARKS[1]}")
    unfinished = page.with_suffix(".part")
    unfinished.write_text(f"{before}{mark}\n\n{text}\n\n{end}{after}", "utf-8")
    unfinished.replace(page)


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
                values = np.maximum(result[key], FLOOR if key == "bytes" else 0) * scale
                style = {"marker": "osD^vP*X<>"[k % 10], "markersize": 4, "linewidth": 1}
                sizes = np.array(growth.sizes) / growth.sizes[0]
                axis.loglog(sizes, values, label=f"{result['name']}", **style)
            axis.loglog([1, 64], [values_at := axis.get_ylim()[0] * 2, 64 * values_at], "k:", lw=1)
            axis.annotate("slope 1", (20, 20 * values_at * 0.5), fontsize=8)
            axis.set_xlabel("size, in units of the smallest")
            axis.set_ylabel(label)
            axis.spines[["top", "right"]].set_visible(False)
        axes[1].axhspan(0, SEEN / 1e6, color="0.92", zorder=0)
        axes[1].annotate("noise", (40, 0.25), fontsize=8, color="0.4")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right", frameon=False)
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(GROWTHS)}; all if none is given")
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
    if not chosen.names:
        draw(results, PICTURE)
        write(told(results), PAGE)
        print(f"Written: {PAGE}, {PICTURE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
