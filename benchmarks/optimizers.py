"""Seconds of an optimizer's step over those of the plain one, in torch and in optax, on one thread.

    python benchmarks/optimizers.py [torch] [optax] [compiled] [--small]

Ratios of processor time, in alternation, so that what else the machine does meets both: to
`torch.optim.SGD` with momentum and `AdamW`, both fused, and to `optax.sgd` and `optax.adamw` under
jit with donated weights and state. Medians of 9 pairs.
"""

import argparse
import os
import time

os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

from steepest.geometry import Entropy, PNorm

LAYOUTS = [(10**7, 1), (10**7, 20), (10**7, 200), (10**6, 200)]
PAIRS = 9


def ratio(step, plain):
    """The median of the ratios of two functions' processor times, one after the other."""
    ratios = []
    for _ in range(PAIRS + 2):
        begin = time.process_time()
        step()
        middle = time.process_time()
        plain()
        ratios.append((middle - begin) / (time.process_time() - middle))
    return sorted(ratios[2:])[PAIRS // 2]


def in_torch(size, count, **options):
    import torch

    from steepest.optimizers import AdaptiveMirrorDescent, MirrorDescent

    torch.set_num_threads(1)

    def parameters():
        weights = [torch.nn.Parameter(0.1 + 0.1 * torch.rand(size // count)) for _ in range(count)]
        for weight in weights:
            weight.grad = torch.randn_like(weight)
        return weights

    sgd = torch.optim.SGD(parameters(), 1e-4, momentum=0.9, fused=True)
    adam = torch.optim.AdamW(parameters(), 1e-4, fused=True)
    ours = [
        (MirrorDescent(parameters(), 1e-4, Entropy(), 0.9, **options), sgd),
        (MirrorDescent(parameters(), 1e-4, PNorm(3), 0.9, **options), sgd),
        (AdaptiveMirrorDescent(parameters(), 1e-4, Entropy(), **options), adam),
    ]
    return [ratio(mirror.step, plain.step) for mirror, plain in ours]


def in_optax(size, count):
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    from steepest.optimizers import adaptive_mirror_descent, mirror_descent

    random = np.random.default_rng(0)

    def stepper(optimizer):
        weights = [jnp.asarray(random.uniform(0.1, 0.2, size // count), jnp.float32)] * count
        weights = [weight + 0 for weight in weights]
        gradients = [
            jnp.asarray(random.standard_normal(size // count), jnp.float32) for _ in weights
        ]
        held = [weights, optimizer.init(weights)]

        def step(weights, state):
            changes, state = optimizer.update(gradients, state, weights)
            return optax.apply_updates(weights, changes), state

        jitted = jax.jit(step, donate_argnums=(0, 1))

        def go():
            held[:] = jax.block_until_ready(jitted(*held))

        return go

    sgd, adam = stepper(optax.sgd(1e-4, 0.9)), stepper(optax.adamw(1e-4))
    ours = [
        (stepper(mirror_descent(1e-4, Entropy(), momentum=0.9)), sgd),
        (stepper(mirror_descent(1e-4, PNorm(3), momentum=0.9)), sgd),
        (stepper(adaptive_mirror_descent(1e-4, Entropy())), adam),
    ]
    return [ratio(mirror, plain) for mirror, plain in ours]


ROWS = {
    "torch": in_torch,
    "compiled": lambda *layout: in_torch(*layout, compiled=True),
    "compiled, unchecked": lambda *layout: in_torch(*layout, compiled=True, check_gradients=False),
    "optax": in_optax,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ways", nargs="*", help=f"of {', '.join(ROWS)}; all if none is given")
    parser.add_argument("--small", action="store_true", help="a tenth of the weights")
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"load {load:.1f} on {os.cpu_count()} cores; entropy / 3-norm / adaptive entropy")
    print("| way |" + "".join(f" {size:.0e} in {count} |" for size, count in LAYOUTS))
    print("|---|" + "---|" * len(LAYOUTS))
    for name in chosen.ways or ROWS:
        cells = []
        for size, count in LAYOUTS:
            ratios = ROWS[name](size // 10 if chosen.small else size, count)
            cells.append(" / ".join(f"{value:.2f}" for value in ratios))
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
