"""Contrasts of two estimates from the same resamples."""

import math

import numpy as np
import pytest

from steepest.inference.synapses.intervals import contrast_of

RNG = np.random.default_rng(0)


def test_a_contrast_has_the_error_of_the_difference_not_of_the_parts():
    common = RNG.standard_normal(20_000)
    first, second = common, common + 0.1 * RNG.standard_normal(20_000)
    contrast = contrast_of((0.0, first), (0.3, second), 14)
    assert contrast.error == pytest.approx(0.1 * math.sqrt(14 / 13), rel=0.05)
    assert 0.005 < contrast.p_value < 0.02  # t = 2.9 on 13 degrees of freedom
    assert contrast.z == pytest.approx(0.3 / contrast.error)


def test_an_index_beyond_the_searched_range_differs_by_the_side_of_its_draws():
    beyond = np.where(np.arange(100) < 98, np.inf, -0.1)
    contrast = contrast_of((0.0, np.zeros(100)), (np.inf, beyond), 14)
    assert contrast.p_value == pytest.approx(0.04)
    assert math.isnan(contrast_of((0.0, np.zeros(2)), (1.0, np.ones(2)), 14).p_value)
    assert math.isnan(contrast_of((0.0, np.zeros(9)), (math.nan, np.ones(9)), 14).p_value)
