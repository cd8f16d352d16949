"""The projection of a million weights, and the steps of mirror descent that it saves."""

import numpy as np
import pytest

from steepest.descent import bregman_projection
from steepest.geometry import PNorm


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
