"""What a command costs, as a whole process, beside importing what every analysis imports.

Run it from anywhere: `python benchmarks/command.py [FILE]`. FILE has eight columns of sizes; by
default it is that of Melander et al. where their data lie beside this checkout, else a made-up one.
The yardstick Y imports NumPy, pandas, scipy.stats and matplotlib. Every command is run five times,
in turn with the others, and the medians are compared.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rooms import made_up

ROUNDS = 5
DATA = "shared/data/melander2021-psd95/weight_matrices/quantile_4060_pyr.npz"
YARDSTICK = [sys.executable, "-c", "import numpy, pandas, scipy.stats, matplotlib.figure"]


def commands(file: str) -> dict[str, tuple[list[str], float, int]]:
    """Each command by its name: what follows `steepest`, the most it may cost in Y, its exit."""
    sessions = [str(session) for session in range(8)]
    return {
        "infer, no such file": (["infer", "none.npz", "--before", "0", "--after", "1"], 0.3, 2),
        "infer, a pair": (["infer", file, "--before", "0", "--after", "1"], 1.0, 0),
        "infer, eight sessions": (["infer", file, "--sessions", *sessions], 1.5, 0),
        "--help": (["--help"], 0.15, 0),
    }


def seconds(command: list[str], code: int = 0) -> float:
    """How long a process takes from its start to its end."""
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    took = time.perf_counter() - started
    if done.returncode != code:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return took


def main() -> None:
    melander = Path(__file__).resolve().parents[2] / DATA
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 1:
            file = sys.argv[1]
        else:
            file = str(melander if melander.is_file() else made_up(Path(folder)))
        asked = commands(file)
        whole = {
            name: ([sys.executable, "-m", "steepest", *tokens], code)
            for name, (tokens, _, code) in asked.items()
        }
        took: dict[str, list[float]] = {name: [] for name in ("Y", *asked)}
        for turn in range(ROUNDS + 1):
            times = {"Y": seconds(YARDSTICK)}
            times |= {name: seconds(command, code) for name, (command, code) in whole.items()}
            if turn:  # the first turn fills the caches
                for name, value in times.items():
                    took[name].append(value)
    yard = statistics.median(took.pop("Y"))
    print(f"{Path(file).name}\nY is {yard:.2f} s, the median of {ROUNDS}\n")
    print(f"{'command':24}{'seconds':>9}{'in Y':>8}{'at most':>9}")
    for name, times in took.items():
        middle, most = statistics.median(times), asked[name][1]
        mark = "" if middle <= most * yard else "  too slow"
        print(f"{name:24}{middle:9.2f}{middle / yard:8.2f}{most:9.2f}{mark}")


if __name__ == "__main__":
    main()
