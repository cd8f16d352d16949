"""Weight statistics say what they count, in the dual they are asked for."""

import numpy as np
import pytest

from steepest.errors import DataError
from steepest.geometry import Entropy, HyperbolicEntropy, PNorm, Power
from steepest.inference import weight_statistics
from steepest.inference.synapses.deltacdf import delta_cdf_floor

POTENTIALS = [Entropy(), PNorm(1.5), PNorm(2), PNorm(3), Power(2), HyperbolicEntropy(0.1)]


def learned(potential, n=4000, size=0.02, seed=1):
    """Weights of both signs whose dual change is exactly Gaussian."""
    random = np.random.default_rng(seed)
    w0 = random.choice([-1.0, 1.0], n) * np.exp(0.5 * random.standard_normal(n))
    frozen = potential.freezes_signs
    if frozen:
        potential = Power(potential.index, np.sign(w0))
    dual = np.asarray(potential.to_dual(w0)) + size * random.standard_normal(n)
    return w0, np.array(potential.to_primal(dual))


@pytest.mark.parametrize("potential", POTENTIALS, ids=lambda p: type(p).__name__)
def test_a_gaussian_dual_change_is_at_the_noise_floor(potential):
    w0, w1 = learned(potential)
    found = weight_statistics(w0, w1, potential)
    assert found.delta_cdf < found.floor.uncentred_q95
    assert found.delta_cdf_centred < found.floor.centred_q95
    assert found.floor == delta_cdf_floor(found.n)
    assert found.dual_change.std() == pytest.approx(0.02, rel=0.05)
    other = weight_statistics(w0, w1, PNorm(3) if getattr(potential, "p", 0) != 3 else Entropy())
    assert other.delta_cdf > 3 * other.floor.uncentred_q95


def test_magnitudes_are_norm_ratios_and_log_change_has_no_unit():
    w0, w1 = learned(Entropy())
    found = weight_statistics(w0, w1, PNorm(2))
    assert found.relative_magnitude == pytest.approx(
        np.linalg.norm(w1 - w0) / np.linalg.norm(w0), rel=1e-12
    )
    in_other_unit = weight_statistics(1000 * w0, 1000 * w1, Entropy())
    here = weight_statistics(w0, w1, Entropy())
    assert in_other_unit.sd_log_change == pytest.approx(here.sd_log_change, rel=1e-9)
    assert here.sd_log_change == pytest.approx(0.02, rel=0.05)
    assert abs(in_other_unit.relative_magnitude / here.relative_magnitude - 1) > 0.5


def test_laziness_is_half_the_index_times_the_relative_change_of_large_weights():
    w0, w1 = learned(PNorm(3))
    large = np.abs(w0) > np.median(np.abs(w0))
    rms = np.sqrt(np.mean((w1[large] / w0[large] - 1) ** 2))
    assert weight_statistics(w0, w1, PNorm(3)).lazy == pytest.approx(rms / 2)
    assert weight_statistics(w0, w1, PNorm(2)).lazy == 0
    assert np.isnan(weight_statistics(w0, w1, HyperbolicEntropy(1)).lazy)


def test_crossings_and_zeros_are_counted_and_left_out_where_signs_are_kept():
    w0, w1 = learned(Entropy(), n=50)
    w1[:3] *= -1
    w0[5] = w1[7] = 0.0
    entropy, norm = weight_statistics(w0, w1, Entropy()), weight_statistics(w0, w1, PNorm(2))
    assert (entropy.moved_signs, entropy.zeros, entropy.n) == (3, 2, 45)
    assert (norm.moved_signs, norm.zeros, norm.n) == (3, 2, 50)


def test_shape_does_not_matter_but_must_be_the_same():
    w0, w1 = learned(PNorm(2), n=60)
    flat = weight_statistics(w0, w1, PNorm(2))
    square = weight_statistics(w0.reshape(6, 10), w1.reshape(6, 10), PNorm(2))
    assert square.delta_cdf == flat.delta_cdf


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ([1.0, 2.0], [1.0, 2.0, 3.0], r"shape \(2,\) and after \(3,\)"),
        ([1.0, np.nan, 1.0], [1.0, 2.0, 3.0], "before: 1 weights are not finite"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], "did not change"),
        ([1.0, 2.0, 0.0], [-1.0, 2.0, 3.0], "only 1 of 3 weights can be used"),
    ],
)
def test_weights_that_cannot_be_compared_are_refused(before, after, message):
    with pytest.raises(DataError, match=message):
        weight_statistics(before, after, Entropy())
