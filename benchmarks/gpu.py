"""The engine for GPUs: first whether it is right, then how fast it is.

    python benchmarks/gpu.py [--simulate] [--json]

Where there is one of NVIDIA's GPUs, less than 5 minutes. Checks: the event-driven engine's weights
on given spikes, rates of drawn ones, and the same bits from other launches. Then synapse-updates
per second for 1e5 trials of 100 afferents and for 1000 trials of 100 and of 1000, against JAX's
dense engine on the device that JAX has. Without a GPU it says so, and nothing is measured;
--simulate runs the checks at tiny sizes in Numba's simulator, whose speed says nothing.
"""

import argparse
import json
import math
import os
import statistics
import sys
import time

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX leaves us our memory
if "--simulate" in sys.argv:
    os.environ["NUMBA_ENABLE_CUDASIM"] = "1"

import numpy as np

from steepest.errors import UsageError
from steepest.spiking import _gpu_rows as row
from steepest.spiking.event_model import EventModel, Events
from steepest.spiking.events import EventEngine
from steepest.spiking.gpu_engine import GpuEngine, open_gpu
from steepest.spiking.gpu_layouts import Teams, Threads

DT, TAU_M, TAU_S = 5e-4, 0.010, 0.003
RULES = {"euclidean": (0, 4.5e-7), "natural": (1, 6e-4)}
LAYOUTS = {"threads": Threads, "teams": Teams}
MOST_APART = 1e-9  # weights, relative to the largest
SIZES = [  # layout, trials, n
    ("threads", 100_000, 100),
    ("teams", 1000, 100),
    ("teams", 1000, 1000),
]


def model(rule, n, eta=None):
    number, usual = RULES[rule]
    return EventModel(
        rule=number,
        rates=np.repeat([10.0, 50.0], [n - n // 2, n // 2]),
        eta=usual if eta is None else eta,
        dt=DT,
        decay=(math.exp(-DT / TAU_M), math.exp(-DT / TAU_S)),
        kappa=1 / (TAU_M - TAU_S),
        eps0=1.0,
        c_eps=2 * (TAU_M + TAU_S),
        maximum=100.0,
        slope=0.3,
        threshold=10.0,
    )


def weights_of(trials, n, seed=0):
    return np.random.default_rng(seed).uniform(-1 / n, 1 / n, (2, trials, n))


def events_of(counts):
    places = np.nonzero(counts)
    step, trial, *afferent = (np.repeat(place, counts[places]) for place in places)
    return Events(step, trial, afferent[0] if afferent else None)


def agreement(rule, layout, n, trials, steps):
    """How far weights are from the event-driven engine's on the same spikes, and how far they went.

    Both relative to the largest weight; at ten times the usual learning rate.
    """
    m = model(rule, n, 10 * RULES[rule][1])
    w, target = weights_of(trials, n)
    random = np.random.default_rng(1)
    inputs = events_of(random.poisson(m.rates * DT, (steps, trials, n)))
    taught = events_of(random.poisson(0.02, (steps, trials)))
    events = EventEngine(m, w, target, seed=0, draws=(False, False))
    ours = GpuEngine(m, w, target, seed=0, draws=(False, False), layout=LAYOUTS[layout](m, trials))
    for engine in (events, ours):
        engine.give(inputs, taught)
        engine.run(steps)
    known = events.weights()
    largest = np.abs(known).max()
    return np.abs(ours.weights() - known).max() / largest, np.abs(known - w).max() / largest


def rates_off(layout, n, trials, steps):
    """Mean, and spread, of spikes drawn: how many standard errors from a Poisson process's."""
    m = model("euclidean", n, 0.0)
    w, target = weights_of(trials, n)
    engine = GpuEngine(m, w, target, seed=2, layout=LAYOUTS[layout](m, trials))
    engine.run(steps)
    state = engine.save()
    if layout == "threads":
        counts, expected = state["counters"][row.EVENTS], m.rates.sum() * DT * steps
    else:
        counts, expected = state["drawn"], np.broadcast_to(m.rates * DT * steps, w.shape)
    z = (counts - expected) / np.sqrt(expected)
    return z.mean() * math.sqrt(z.size), ((z**2).mean() - 1) / math.sqrt(2 / z.size)


def same_bits(layout, n, trials, steps):
    """Whether weights depend on the seed alone: not on how a run is cut, nor on the blocks."""
    m = model("natural", n)
    w, target = weights_of(trials, n)
    runs = []
    for stops, block in (((steps,), 128), ((steps // 3, steps), 64)):
        shape = Threads(m, trials, block=block) if layout == "threads" else Teams(m, trials)
        engine = GpuEngine(m, w, target, seed=3, layout=shape)
        for stop in stops:
            engine.run(stop)
        runs.append(engine.weights())
    return np.array_equal(*runs) and not np.array_equal(runs[0], w)


def check(simulate):
    """All checks as lines of a table, and how many failed."""
    rows, failed = [], 0
    n, trials, steps = (6, 1, 24) if simulate else (100, 64, 20_000)
    for layout in LAYOUTS:
        for rule in RULES:
            apart, moved = agreement(rule, layout, n, trials, min(steps, 4000))
            good = apart < MOST_APART and moved > 1e-5
            failed += not good
            rows.append((f"{layout}, {rule}: weights apart", f"{apart:.1e}", good))
        many = (3, 60) if simulate else (trials if layout == "teams" else 20_000, steps)
        mean, spread = rates_off(layout, n, *many)
        good = max(abs(mean), abs(spread)) < 4.5
        failed += not good
        rows.append((f"{layout}: rates, standard errors off", f"{mean:.1f}, {spread:.1f}", good))
        good = same_bits(layout, n, 2 if simulate else trials, min(steps, 1000))
        failed += not good
        rows.append((f"{layout}: other launches, the same bits", "yes" if good else "no", good))
    return rows, failed


def speed(rule, layout, trials, n, seconds=3.0, rounds=3):
    """Updates per second: the median of some launches of so many seconds."""
    m = model(rule, n)
    w, target = weights_of(trials, n)
    engine = GpuEngine(m, w, target, seed=0, layout=LAYOUTS[layout](m, trials))
    steps, took = 100, 0.0
    engine.run(steps)  # compiles
    while took < 0.3:
        steps *= 4
        begun = time.perf_counter()
        engine.run(engine.step + steps)
        took = time.perf_counter() - begun
    steps = max(1000, int(steps * seconds / took))
    speeds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        engine.run(engine.step + steps)
        speeds.append(n * trials * steps / (time.perf_counter() - begun))
    return statistics.median(speeds)


def dense_speed(rule, trials, n, steps=200):
    """Updates per second of the dense engine, on the device that JAX has; and its name."""
    import jax

    from steepest.spiking import EuclideanRule, NaturalRule, paper_task, simulate

    task, w = paper_task(trials, n=n, test_samples=1)
    kind = EuclideanRule() if rule == "euclidean" else NaturalRule()
    run = {"rate": RULES[rule][1], "seed": 0, "engine": "dense", "record": 1}
    state = simulate(task, kind, w, duration=DT, **run).state
    begun = time.perf_counter()
    simulate(task, kind, duration=steps * DT, state=state, **run)
    return n * trials * steps / (time.perf_counter() - begun), str(jax.devices()[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulate", action="store_true", help="tiny sizes, in the simulator")
    parser.add_argument("--json", action="store_true", help="print one JSON object and no more")
    arguments = parser.parse_args()
    try:
        kernels = open_gpu()
    except UsageError as error:
        told = f"{error}. Nothing was checked and nothing measured."
        print(json.dumps({"measured": False, "why": told}) if arguments.json else told)
        return 0
    rows, failed = check(arguments.simulate)
    measured = {}
    if not arguments.simulate:
        for layout, trials, n in SIZES:
            for rule in RULES:
                ours = speed(rule, layout, trials, n)
                peer, where = dense_speed(rule, min(trials, 1000), n)
                measured[f"{trials:g} trials of {n}, {rule}, {layout}"] = (ours, peer, where)
    name = "Numba's simulator" if arguments.simulate else str(kernels.cuda.gpus[0].name)
    if arguments.json:
        checks = {what: {"seen": seen, "holds": bool(good)} for what, seen, good in rows}
        print(json.dumps({"device": name, "checks": checks, "updates_per_second": measured}))
        return min(failed, 1)
    print(f"Device: {name}\n\n| check | seen | holds |\n|---|---|---|")
    for what, seen, good in rows:
        print(f"| {what} | {seen} | {'yes' if good else 'NO'} |")
    if measured:
        print("\n| run | updates per second | our dense engine (JAX) | times |\n|---|---|---|---|")
        for what, (ours, peer, where) in measured.items():
            print(f"| {what} | {ours:.3g} | {peer:.3g} ({where}) | {ours / peer:.3g} |")
    else:
        print("\nNo speeds: the simulator's say nothing about a GPU.")
    print("\nPyGeNN in batch mode: not measured.")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
