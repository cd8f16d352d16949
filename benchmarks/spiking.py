"""Synapse-updates per second of the spiking engines and of what others would write, in one run.

    python benchmarks/spiking.py [--json] [--brian2-python PATH] [--n 100 1000 10000]

An update is one synapse of one trial in one step of 0.5 ms: n * trials * steps / wall time, medians
over interleaved rounds. Presynaptic events per second are spikes that reach a synapse: n * trials *
mean rate * simulated seconds / wall time, 1.5 % of the updates at these rates. Half the afferents
fire at 10 Hz, half at 50 Hz. The contender in JAX is our own reference engine, float64 and written
to be read, not the fastest that JAX could do. Brian2 2.9 needs an older NumPy, so it runs under its
own Python, once, right after the rounds of its size and rule; without one it is reported as not
measured.
"""

import argparse
import json
import statistics
import sys
import time
from functools import partial

import jax
import numpy as np
import spiking_peers as peers

from steepest.machine import cores
from steepest.spiking import EuclideanRule, NaturalRule, paper_task
from steepest.spiking.event_run import to_event_model
from steepest.spiking.events import EventEngine
from steepest.spiking.settings import Settings
from steepest.spiking.simulation import simulate_dense

RULES = {"euclidean": (EuclideanRule(), 4.5e-7), "natural": (NaturalRule(), 6e-4)}
DT = peers.DT
BRIAN2 = "Brian2 cpp_standalone float32"
EVENTS_PER_UPDATE = (10.0 + 50.0) / 2 * DT  # a synapse's spikes in a step


class Ours:
    def __init__(self, rule, n, trials):
        task, w = paper_task(trials, n=n, test_samples=1)
        model = to_event_model(task, RULES[rule][0], Settings(RULES[rule][1], 1.0))
        self.engine = EventEngine(model, w, task.teacher.weights, seed=0)

    def run(self, steps):
        self.engine.run(self.engine.step + steps)


class Dense:
    """JAX, float64: the readable reference, compiled once for any number of steps."""

    def __init__(self, rule, n, trials):
        self.task, w = paper_task(trials, n=n, test_samples=1)
        self.rule, self.rate = RULES[rule]
        self.arguments = {"rate": self.rate, "seed": 0, "record": 1}
        self.state = simulate_dense(self.task, self.rule, w, duration=DT, **self.arguments).state

    def run(self, steps):
        self.state = simulate_dense(
            self.task, self.rule, None, duration=steps * DT, state=self.state, **self.arguments
        ).state


class Peer:
    def __init__(self, function, kind):
        self.function, self.kind = function, kind

    def __call__(self, rule, n, trials):
        random = np.random.default_rng(0)
        rates = np.repeat([10.0, 50.0], n // 2).astype(self.kind)
        w, target = random.uniform(-1 / n, 1 / n, (2, trials, n)).astype(self.kind)
        natural = rule == "natural"
        gains = (peers.C_EPS / rates if natural else np.ones(n)).astype(self.kind)
        traces = np.zeros((2, trials, n), dtype=self.kind)
        arrays = rates, w, target, traces[0], traces[1], gains
        return Running(lambda steps: self.function(natural, RULES[rule][1], *arrays, steps, n // 2))


class Running:
    def __init__(self, run):
        self.run = run


CONTENDERS = {
    "steepest events": Ours,
    "steepest dense (JAX float64)": Dense,
    "Numba dense float32": Peer(peers.numba_dense, np.float32),
    "Numba dense float64": Peer(peers.numba_dense, np.float64),
    "NumPy float32, sparse spikes": Peer(peers.numpy_sparse, np.float32),
}
GOALS = {  # natural rule: ratio of ours to the contender
    100: {"Brian2": 150, "Numba dense float64": 5.5},
    1000: {"Brian2": 300, "Numba dense float64": 8.5},
    10_000: {"Brian2": 215, "Numba dense float64": 7},
}


def measure(rules, sizes, synapses, budget, rounds, clock, brian2):
    """Contender -> rule -> n -> updates per second; `brian2` (rule, n) gives its own, if any."""
    found = {name: {rule: {} for rule in rules} for name in CONTENDERS}
    found[BRIAN2] = {rule: {} for rule in rules} if brian2 else None
    for n in sizes:
        trials = max(16, synapses // n)
        for rule in rules:
            made = {}
            for name, contender in CONTENDERS.items():
                running = contender(rule, n, trials)
                steps = 64
                running.run(steps)  # compiles
                begun = clock()
                running.run(steps)
                took = max(1e-4, clock() - begun)
                made[name] = running, max(64, int(steps * budget / took)), []
            for _ in range(rounds):
                for running, steps, speeds in made.values():
                    begun = clock()
                    running.run(steps)
                    speeds.append(n * trials * steps / (clock() - begun))
            for name, (_, _, speeds) in made.items():
                found[name][rule][n] = statistics.median(speeds)
                say(f"{name:30s} {rule:10s} n={n:<6d} {found[name][rule][n]:.3g} updates/s")
            if brian2:
                found[BRIAN2][rule][n] = brian2(rule, n)
                say(f"{BRIAN2:30s} {rule:10s} n={n:<6d} {found[BRIAN2][rule][n]:.3g} updates/s")
    return found


def brian2_speed(python, synapses, cpu, rule, n):
    """Brian2's updates per second."""
    trials = max(1, synapses // n)
    steps = max(20, int(2e8 / (n * trials)))
    natural, rate = rule == "natural", RULES[rule][1]
    return n * trials * steps / peers.brian2_seconds(python, natural, rate, n, trials, steps, cpu)


def say(line):
    print(line, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument("--brian2-python", help="a Python that has Brian2")
    parser.add_argument("--n", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--rules", nargs="+", choices=list(RULES), default=list(RULES))
    parser.add_argument("--synapses", type=int, default=100_000, help="n times trials")
    parser.add_argument("--budget", type=float, default=0.5, help="seconds per timed run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--cpu",
        action="store_true",
        help="per second of CPU time instead of wall time, where other work runs beside (pin the "
        "process to one core: taskset -c 0)",
    )
    arguments = parser.parse_args()
    brian2 = None
    if arguments.brian2_python:
        brian2 = partial(brian2_speed, arguments.brian2_python, arguments.synapses, arguments.cpu)
    speeds = measure(
        arguments.rules,
        arguments.n,
        arguments.synapses,
        arguments.budget,
        arguments.rounds,
        time.process_time if arguments.cpu else time.perf_counter,
        brian2,
    )
    ratios = {
        name: {
            rule: {n: speeds["steepest events"][rule][n] / value for n, value in by_n.items()}
            for rule, by_n in by_rule.items()
        }
        for name, by_rule in speeds.items()
        if by_rule is not None and name != "steepest events"
    }
    machine = {"cores": cores(), "accelerator": jax.default_backend() != "cpu"}
    if arguments.json:
        events = {
            name: by_rule
            and {
                rule: {n: value * EVENTS_PER_UPDATE for n, value in by_n.items()}
                for rule, by_n in by_rule.items()
            }
            for name, by_rule in speeds.items()
        }
        units = {"updates_per_second": speeds, "presynaptic_events_per_second": events}
        print(json.dumps({**units, "ratios": ratios, **machine}))
        return
    seconds = "CPU second" if arguments.cpu else "second"
    print(
        f"{machine['cores']} cores; updates per {seconds}, and how many times fewer than steepest's"
    )
    for rule in arguments.rules:
        for n in arguments.n:
            ours = speeds["steepest events"][rule][n]
            print(
                f"\n{rule}, n = {n}: steepest events {ours:.3g} updates, "
                f"{ours * EVENTS_PER_UPDATE:.3g} presynaptic events"
            )
            for name, by_rule in speeds.items():
                if name == "steepest events":
                    continue
                if by_rule is None:
                    print(f"  {name:32s} not measured (give --brian2-python)")
                    continue
                goals = GOALS.get(n, {}) if rule == "natural" else {}
                goal = next((f"  (goal {g})" for k, g in goals.items() if name.startswith(k)), "")
                print(f"  {name:32s} {by_rule[rule][n]:9.3g}  {ratios[name][rule][n]:7.1f}x{goal}")


if __name__ == "__main__":
    main()
