"""Weights that are masked, complex, boolean or text are refused wherever weights are given."""

import numpy as np
import pytest

from steepest.errors import DataError
from steepest.geometry import Power
from steepest.inference import infer_layers, weight_statistics

WEIGHTS = np.exp(np.random.default_rng(0).standard_normal((8, 8)))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (np.ma.masked_less(WEIGHTS, 1.0), r"entry \(0, .\) is masked"),
        (WEIGHTS + 0j, "complex numbers cannot be used"),
        (WEIGHTS > 1, "values of type bool are not numbers"),
    ],
)
def test_what_are_no_weights_is_refused(wrong, says):
    with pytest.raises(DataError, match=says):
        infer_layers({"w": WEIGHTS}, {"w": wrong})
    with pytest.raises(DataError, match=says):
        weight_statistics(wrong, WEIGHTS, Power(1))
