"""Flows of a cost in the plane: one, once it is compiled, and the 400 of a stream plot."""

import jax.numpy as jnp
import numpy as np
import pytest

from steepest.descent import gradient_flow
from steepest.geometry import Weber

TIMES = np.linspace(0, 2, 50)


def _cost(point):
    return jnp.sum((point - jnp.array([1.0, 2.0])) ** 2) / 2


@pytest.mark.parametrize("starts", [1, 400])
def test_flows_that_are_compiled(benchmark, starts):
    points = np.random.default_rng(0).uniform(0.5, 3.0, (starts, 2))

    def follow():
        return gradient_flow(_cost, Weber(), points if starts > 1 else points[0], TIMES)

    flow = benchmark.pedantic(follow, rounds=30, warmup_rounds=2)
    median = benchmark.stats.stats.median
    print(f"\n{starts} flows of 2 coordinates, compiled: {1e3 * median:.2f} ms")
    assert np.isfinite(flow.points).all()
