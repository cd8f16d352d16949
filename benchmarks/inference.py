"""How long inference and flows take: seconds of CPU, and how often that fits into what they may.

Run it from anywhere: `python benchmarks/inference.py [NAME ...]`. Each number is that of fresh
processes (and of the processes they start), the median of three, of `plan` and of the streamed
checkpoint one. CPU seconds, not the clock's: other work on the machine makes them longer too, but
less. `flow` times a first gradient flow from its call, then flows that are compiled already.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROUNDS = 3
COMMAND = "import sys; from steepest import cli; sys.exit(cli.run(sys.argv[1:]))"
VERDICT = """
import json, sys, time
import numpy as np
from steepest.inference import infer_measured, measure
held = np.load(sys.argv[1])
infer_measured(measure(held["sizes"][:, :500], groups=held["groups"][:500]), draws=20).to_dict()
begun = time.process_time()
infer_measured(measure(held["sizes"], groups=held["groups"])).to_dict()
print(json.dumps({"verdict": time.process_time() - begun}))
"""
FLOW = """
import json, statistics, time
import numpy as np
from steepest import gradient_flow
from steepest.geometry import Weber
def cost(x):
    return (x**2).sum() / 2
def spent(*call):
    begun = time.process_time()
    gradient_flow(cost, Weber(), *call)
    return time.process_time() - begun
many = np.stack(np.meshgrid(*2 * [np.linspace(0.5, 2, 20)]), -1).reshape(-1, 2)
one = [1.0, 2.0]
said = {"first flow": spent(one, [1.0])}
said["warm flow"] = statistics.median(spent(one, [1.0]) for _ in range(100))
spent(many, [1.0])
said["warm flow of 400 starts"] = statistics.median(spent(many, [1.0]) for _ in range(20))
print(json.dumps(said))
"""
# What each may take, in seconds of CPU; `plan` has two cores.
MAY = {
    "infer-layers, 112,000 weights": 2.0,
    "infer-layers, 10 million weights in 10 layers": 18.0,
    "verdict": 2.0,
    "plan": 40.0,
    "first flow": 1.0,
    "warm flow": 1e-3,
    "warm flow of 400 starts": 0.05,
}


def checkpoints(folder: Path, shapes: list[tuple[int, int]]) -> list[str]:
    """Two checkpoints of a network that gradient descent trained a little."""
    rng = np.random.default_rng(0)
    before = {
        f"layer{at:02d}": 0.02 * rng.standard_normal(shape, np.float32)
        for at, shape in enumerate(shapes)
    }
    after = {
        name: weights + 1e-3 * rng.standard_normal(weights.shape, np.float32)
        for name, weights in before.items()
    }
    paths = []
    for side, arrays in (("before", before), ("after", after)):
        try:
            from safetensors.numpy import save_file
        except ImportError:
            paths.append(str(folder / f"{side}.npz"))
            np.savez(paths[-1], **arrays)
        else:
            paths.append(str(folder / f"{side}.safetensors"))
            save_file(arrays, paths[-1])
    return paths


def series(folder: Path) -> str:
    """100,000 synapses in eight sessions and 50 groups, which change in proportion to size."""
    rng = np.random.default_rng(0)
    logs = 0.7 * rng.standard_normal(100_000) + np.cumsum(
        0.2 * rng.standard_normal((8, 100_000)), axis=0
    )
    sizes = np.exp(logs + 0.08 * rng.standard_normal(logs.shape))
    path = folder / "sizes.npz"
    np.savez(path, sizes=sizes, groups=rng.integers(50, size=100_000))
    return str(path)


def run(*arguments: str) -> tuple[float, str]:
    """CPU seconds of a Python process and those it starts, and what it prints."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, told.stdout


def say(name: str, seconds: float) -> None:
    print(f"{name:46} {seconds:9.4f} s {MAY[name] / seconds:6.2f} x", flush=True)


def layers(shapes: list[tuple[int, int]], name: str, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = checkpoints(Path(folder), shapes)
        taken = [run("-c", COMMAND, "infer-layers", *paths, "--json")[0] for _ in range(rounds)]
    say(name, statistics.median(taken))


def medians(texts: list[str]) -> None:
    rows = [json.loads(text) for text in texts]
    for name in rows[0]:
        say(name, statistics.median(row[name] for row in rows))


def main() -> None:
    asked = sys.argv[1:] or ["layers", "verdict", "plan", "flow", "streamed"]
    print(f"load {os.getloadavg()[0]:.1f}; seconds of CPU, and how often they fit into the aim")
    if "layers" in asked:
        layers([(256, 256), (128, 256), (104, 128)], "infer-layers, 112,000 weights", ROUNDS)
    if "verdict" in asked:
        with tempfile.TemporaryDirectory() as folder:
            path = series(Path(folder))
            medians([run("-c", VERDICT, path)[1] for _ in range(ROUNDS)])
    if "plan" in asked:
        say("plan", run("-c", COMMAND, "plan", "--json")[0])
    if "flow" in asked:
        medians([run("-c", FLOW)[1] for _ in range(ROUNDS)])
    if "streamed" in asked:
        layers(10 * [(1000, 1000)], "infer-layers, 10 million weights in 10 layers", 1)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        print(f"{'largest process of all':46} {peak:9.2f} GiB")


if __name__ == "__main__":
    main()
