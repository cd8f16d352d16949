"""The change of a dual weight is that of the power family, continuous where the family is not."""

import numpy as np
import pytest

from steepest.inference import simulate_change
from steepest.inference.synapses.dual import dual_change

BEFORE, AFTER = simulate_change(50, 0.3, change=0.5, seed=1)


@pytest.mark.parametrize("index", [-2.0, -1.0, 0.0, 0.5, 0.9, 1.1, 2.0, 3.0])
def test_it_is_the_difference_of_two_dual_weights(index):
    def dual(w):
        return w ** (1 - index) / (1 - index)

    change = dual_change(np.log(BEFORE), np.log(AFTER), index)
    np.testing.assert_allclose(change, dual(AFTER) - dual(BEFORE), rtol=1e-10, atol=1e-13)


def test_at_one_it_is_the_change_of_log_size_and_nearby_it_is_close():
    logs = np.log(BEFORE), np.log(AFTER)
    np.testing.assert_array_equal(dual_change(*logs, 1.0), logs[1] - logs[0])
    for offset in (1e-6, 1e-9, 1e-13):
        near = dual_change(*logs, 1 + offset)
        assert np.abs(near - dual_change(*logs, 1.0)).max() < 10 * offset


def test_many_indices_at_once_give_each_its_own():
    logs = np.log(BEFORE), np.log(AFTER)
    indices = np.array([[-1.0], [1.0], [0.4]])
    together = dual_change(*(np.tile(log, (3, 1)) for log in logs), indices)
    for row, index in zip(together, indices[:, 0], strict=True):
        np.testing.assert_allclose(row, dual_change(*logs, float(index)), rtol=1e-14)
