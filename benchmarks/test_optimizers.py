"""Optimizers on 10 million parameters in 101 tensors, and the projection of a million weights.

`make bench` prints medians; the ratios are those of the rows "sgd" of each group.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from steepest.descent import bregman_projection
from steepest.geometry import Entropy, PNorm
from steepest.optimizers import mirror_descent

SHAPES = [(316, 316)] * 100 + [(1000,)]
POTENTIALS = {"2-norm": PNorm(2), "entropy": Entropy(), "3-norm": PNorm(3)}


@pytest.mark.benchmark(group="torch")
@pytest.mark.parametrize("name", ["sgd", *POTENTIALS])
def test_a_torch_step(benchmark, name):
    torch = pytest.importorskip("torch", reason="torch, an extra, is not installed")
    from steepest.optimizers import MirrorDescent

    torch.manual_seed(0)
    weights = [torch.nn.Parameter(0.1 + 0.1 * torch.rand(shape)) for shape in SHAPES]
    for weight in weights:
        weight.grad = torch.randn_like(weight)
    if name == "sgd":
        optimizer = torch.optim.SGD(weights, 1e-4, momentum=0.9, foreach=True)
    else:
        optimizer = MirrorDescent(weights, 1e-4, POTENTIALS[name], 0.9, freeze_signs=True)
    benchmark.pedantic(optimizer.step, rounds=20, warmup_rounds=3)


@pytest.mark.benchmark(group="optax under jit")
@pytest.mark.parametrize("name", ["sgd", *POTENTIALS])
def test_an_optax_step(benchmark, name):
    random = np.random.default_rng(0)
    weights = [jnp.asarray(random.uniform(0.1, 0.2, s), jnp.float32) for s in SHAPES]
    gradients = [jnp.asarray(random.standard_normal(s), jnp.float32) for s in SHAPES]
    if name == "sgd":
        optimizer = optax.sgd(1e-4, 0.9)
    else:
        optimizer = mirror_descent(1e-4, POTENTIALS[name], momentum=0.9, freeze_signs=True)

    @jax.jit
    def step(weights, state):
        change, state = optimizer.update(gradients, state, weights)
        return optax.apply_updates(weights, change), state

    state = optimizer.init(weights)
    benchmark.pedantic(
        lambda: jax.block_until_ready(step(weights, state)), rounds=20, warmup_rounds=3
    )


@pytest.mark.benchmark(group="projection, d = 1e6, N = 300")
def test_the_projection_of_a_million_weights(benchmark):
    random = np.random.default_rng(0)
    inputs = random.standard_normal((300, 1_000_000))
    targets = random.choice([-1.0, 1.0], 300)
    start = random.standard_normal(1_000_000) / 1000
    found = benchmark.pedantic(
        bregman_projection, (inputs, targets, start, PNorm(1.5)), rounds=3, warmup_rounds=1
    )
    assert found.method == "newton-cg"
    assert found.residual < 1e-9


@pytest.mark.benchmark(group="projection, d = 1e6, N = 300")
def test_one_step_of_mirror_descent_of_a_million_weights(benchmark):
    """Times 440 it is what the projection saves."""
    random = np.random.default_rng(0)
    inputs = random.standard_normal((300, 1_000_000))
    targets = random.choice([-1.0, 1.0], 300)
    weights = random.standard_normal(1_000_000) / 1000

    def step():
        dual = np.sign(weights) * np.sqrt(np.abs(weights))
        dual -= 1e-7 * (inputs @ weights - targets) @ inputs
        return np.sign(dual) * dual**2

    benchmark.pedantic(step, rounds=5, warmup_rounds=1)
