"""What the tests of both optimizers run over."""

import importlib.util

import pytest


def of_torch(name):
    """A parameter of tests that need torch, which is an extra."""
    missing = importlib.util.find_spec("torch") is None
    reason = "torch, an extra, is not installed"
    return pytest.param(name, marks=pytest.mark.skipif(missing, reason=reason))


BACKENDS = ["optax", of_torch("torch")]
