"""The network that the tests of this room learn: three units on a limit cycle."""

from types import SimpleNamespace

import numpy as np
import pytest

from steepest.recurrent import RateNetwork, limit_cycle

TRUTH = np.array([[1.0, -2, 0], [0, 1, -2], [-2, 0, 1]])


@pytest.fixture(scope="session")
def circ():
    """truth, network, inputs (one period, 700 samples), dt, period, and error(W) against truth."""
    network = RateNetwork()
    # Written out rather than `network.field`: run-time type checks would cost seconds here.
    inputs = limit_cycle(
        lambda u: -u + TRUTH @ np.tanh(u), [0.1, 0.2, -0.3], 700, transient=80.0, longest=30.0
    )

    def error(weights):
        return np.linalg.norm(weights - TRUTH) / np.linalg.norm(TRUTH)

    return SimpleNamespace(
        truth=TRUTH,
        network=network,
        inputs=inputs,
        dt=inputs.dt,
        period=inputs.duration,
        error=error,
    )
