"""The reciprocity test: do several costs share *some* metric, whatever it is?

If v_a = -G^-1 dC_a and v_b = -G^-1 dC_b at one place, then dC_a(v_b) = dC_b(v_a), because G is
symmetric: an Onsager relation for learning, which makes "some metric" falsifiable.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

from steepest.errors import DataError
from steepest.inference.flows.samples import FlowSamples

__all__ = ["ReciprocityTest", "reciprocity_test"]


@dataclass(frozen=True)
class ReciprocityTest:
    """Differences dC_a(v_b) - dC_b(v_a) per place (m,), in units of their standard deviation.

    `antisymmetric` (c,): the antisymmetric entries of the mobility (01, 02, ..., 12, ...) that fit
    them best, and `standard_errors` (c,). `statistic` is z in the plane, chi-square of `degrees`
    otherwise; `p_value` is that of a mobility without antisymmetric part.

    >>> test = ReciprocityTest(np.zeros(3), np.zeros(1), np.ones(1), 0.5, 1, 0.62)
    >>> test.holds
    True
    """

    differences: Float[np.ndarray, " m"]
    antisymmetric: Float[np.ndarray, " c"]
    standard_errors: Float[np.ndarray, " c"]
    statistic: float
    degrees: int
    p_value: float

    @property
    def holds(self) -> bool:
        """Whether the samples are reciprocal at the 5 % level."""
        return bool(self.p_value >= 0.05)


def reciprocity_test(
    first: FlowSamples, second: FlowSamples, *, noise_sd: float | int
) -> ReciprocityTest:
    """Test that two costs are descended in one metric, from velocities at the same m places.

    `noise_sd` is the standard deviation of each velocity's component, independent and the same for
    all. The mobility's antisymmetric part is taken to be constant over the places. Raises
    `DataError` where the places differ, or are steps of trajectories, or all differentials are
    parallel (then reciprocity says nothing).

    >>> import jax.numpy as jnp
    >>> from steepest.inference.flows import flow_samples
    >>> random = np.random.default_rng(0)
    >>> places = random.standard_normal((30, 2))
    >>> bowl = flow_samples(places, -places, lambda x: jnp.sum(x**2) / 2)
    >>> plane = flow_samples(places, np.tile([-1.0, 0.0], (30, 1)), lambda x: x[0])
    >>> reciprocity_test(bowl, plane, noise_sd=0.1).holds
    True
    """
    if first.positions.shape != second.positions.shape or first.positions.shape[1] != 1:
        raise DataError("reciprocity_test needs velocities on both costs at the same places")
    if not np.allclose(first.positions, second.positions, rtol=1e-9, atol=1e-12):
        far = np.abs(first.positions - second.positions).max(axis=(1, 2))
        raise DataError(f"the places differ, most of all in sample {int(np.argmax(far))}")
    if not noise_sd > 0:
        raise DataError(f"noise_sd is positive, not {noise_sd}")
    a, b = first.covectors[:, 0], second.covectors[:, 0]
    sd = noise_sd * np.sqrt((a**2).sum(axis=1) + (b**2).sum(axis=1))
    if not (sd > 0).all():
        raise DataError(f"sample {int(np.argmin(sd))}: both costs are flat there; leave it out")
    gap = ((a * second.velocities).sum(axis=1) - (b * first.velocities).sum(axis=1)) / sd
    i, j = np.triu_indices(a.shape[1], k=1)
    # With M = S + A: dC_a(v_b) - dC_b(v_a) = -2 a' A b.
    design = -2 * (a[:, i] * b[:, j] - a[:, j] * b[:, i]) / sd[:, None]
    rank = int(np.linalg.matrix_rank(design))
    if rank == 0:
        raise DataError("the two costs' differentials are parallel everywhere: nothing is tested")
    inverse = np.linalg.pinv(design)
    part = inverse @ gap
    explained = float(((design @ part) ** 2).sum())
    flat = len(i) == 1
    statistic = float(np.sign(part[0]) * np.sqrt(explained)) if flat else explained
    return ReciprocityTest(
        gap, part, np.sqrt(np.diagonal(inverse @ inverse.T)), statistic, rank,
        float(stats.chi2.sf(explained, rank)),
    )  # fmt: skip
