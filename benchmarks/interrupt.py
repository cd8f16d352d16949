"""How long a command still runs after Ctrl-C: at most 2 s, whatever it is in.

Run it from anywhere: `python benchmarks/interrupt.py [FIGURE ...]`. Every command, and every figure
that is named (all with `all`), is interrupted after several times of work, as a terminal does it:
the whole group of processes hears it. Each line has the seconds to the end of the process.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

LIMIT = 2.0
AFTER = (0.05, 1.0, 4.0, 10.0)  # s of work: importing, compiling, in compiled code
FIGURES = ["kreutzer2022.fig3", "surace2020.fig3", "pogodin2024.fig3", "galtier2013.fig3"]


def inputs(folder: Path) -> dict[str, list[str]]:
    """Commands that run long on inputs that are written to the folder."""
    random = np.random.default_rng(0)
    sizes = np.exp(np.cumsum(random.normal(0, 0.2, (20_000, 5)), axis=1))
    np.savetxt(folder / "s.csv", sizes, "%.5g", ",", header="a,b,c,d,e", comments="")
    np.save(folder / "activity.npy", np.cumsum(random.normal(0, 1e-3, (20_000, 40)), axis=0))
    before = {f"layer{k}": random.normal(0, 1, (400, 400)) for k in range(4)}
    np.savez(folder / "before.npz", **before)
    np.savez(folder / "after.npz", **{k: w + random.normal(0, 0.01) for k, w in before.items()})
    (folder / "study.toml").write_text('figure = "galtier2013.fig4"\nseeds = 300')
    return {
        "infer": ["infer", "s.csv", "--sessions", "a", "b", "c", "d", "e"],
        "connectivity": ["connectivity", "activity.npy", "--step", "0.01"],
        "infer-layers": ["infer-layers", "before.npz", "after.npz", "--draws", "20000"],
        "plan": ["plan"],
        "demo": ["demo"],
        "sweep": ["sweep", "study.toml", "--workers", "2"],
    }


def seconds_to_end(folder: Path, command: list[str], after: float) -> tuple[float, int]:
    """Seconds from Ctrl-C to the end, and the exit code; (nan, code) where it had ended before."""
    process = subprocess.Popen(
        [sys.executable, "-m", "steepest", *command],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    # Python's own start, in which nobody listens yet, does not count.
    time.sleep(0.5 + after)
    if process.poll() is not None:
        return float("nan"), process.returncode
    os.killpg(process.pid, signal.SIGINT)
    started = time.perf_counter()
    code = process.wait()
    return time.perf_counter() - started, code


def main(figures: list[str]) -> int:
    if figures == ["all"]:
        from steepest.papers import available

        figures = [figure.key for paper in available() for figure in paper.figures]
    worst = 0.0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        commands = inputs(folder)
        commands |= {name: ["reproduce", name, "--scale", "paper"] for name in figures or FIGURES}
        print(f"{'seconds after Ctrl-C, which came after':40}", *(f"{t:>7g} s" for t in AFTER))
        for name, command in commands.items():
            measured = [seconds_to_end(folder, command, after) for after in AFTER]
            worst = max([worst, *(took for took, _ in measured if took == took)])
            wrong = {code for took, code in measured if took == took} - {130}
            cells = [f"{took:9.2f}" if took == took else "    ended" for took, _ in measured]
            print(f"{name:40}", *cells, f"  ended with {wrong}" if wrong else "", flush=True)
    print(f"the longest: {worst:.2f} s (at most {LIMIT:g})")
    return int(worst > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
