"""With x64 off, as users run JAX: kernels stay float32, entry points compute in float64."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import jax, jax.numpy as jnp, numpy as np
from steepest.geometry import (
    Diagonal, Entropy, Euclidean, HyperbolicEntropy, MatrixMetric, PNorm, Power, Weber, check_metric
)
from steepest.descent import gradient_flow, mirror_step, riemannian_step
from steepest.errors import PrecisionError

assert not jax.config.jax_enable_x64
w = jnp.array([0.2, 0.5])
assert w.dtype == jnp.float32
for potential in (Entropy(), PNorm(1.5)):
    assert mirror_step(potential, w, w, 0.1).dtype == jnp.float32
for metric in (Weber(), Diagonal([1.0, 2.0])):
    assert riemannian_step(metric, w, w, 0.1).dtype == jnp.float32
try:
    MatrixMetric(lambda x: jnp.eye(2)).sharp(w, w)
except PrecisionError as error:
    assert "enable_x64" in str(error)
else:
    raise AssertionError("a dense solve took float32")

# Integers are numbers, not a reason to round what meets them.
whole, part = np.array([1, 2]), np.array([1.0, 2.0])
step = riemannian_step(Euclidean(), whole, np.array([1, 1]), 0.1)
np.testing.assert_allclose(step, [0.9, 1.9], rtol=1e-6)
for geometry in (Diagonal([0.5, 2.0]), Weber(), HyperbolicEntropy(0.5), Entropy(), Power(0.5)):
    np.testing.assert_allclose(geometry.flat(whole, whole), geometry.flat(part, part), rtol=1e-6)
    np.testing.assert_allclose(geometry.sharp(whole, whole), geometry.sharp(part, part), rtol=1e-6)
np.testing.assert_allclose(HyperbolicEntropy(0.5).to_dual(whole), np.arcsinh([2.0, 4.0]), rtol=1e-6)

cost = lambda x: jnp.sum((x - 1) ** 2) / 2
flow = gradient_flow(cost, MatrixMetric(lambda x: jnp.eye(2)), [2.0, 3.0], [1.0])
np.testing.assert_allclose(flow.end, 1 + np.array([1.0, 2.0]) * np.exp(-1.0), rtol=1e-8)
assert flow.points.dtype == np.float64
assert check_metric(Weber(), [1.0, 2.0]).holds
assert not jax.config.jax_enable_x64, "the caller's configuration was changed"
assert jnp.ones(1).dtype == jnp.float32
"""


@pytest.mark.slow
def test_float32_sessions_work_and_stay_as_they_are():
    environment = {k: v for k, v in os.environ.items() if k != "JAX_ENABLE_X64"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
