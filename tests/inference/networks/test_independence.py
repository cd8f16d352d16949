"""Two-way independence finds the index where units' scales mislead pooled estimators."""

import numpy as np
import pytest

from steepest.geometry import PNorm, Power
from steepest.inference.networks import independence
from steepest.inference.networks.independence import (
    Panel,
    independence_index,
    independence_interval,
)
from steepest.inference.synapses.log_root import logroot


def layer(index, rows=60, columns=80, seed=0, size=0.02):
    """Weights whose dual change is a product of row and column scales and a Gaussian.

    Scales go with the sizes of the weights of a unit, as in a trained network: this biases
    whoever ignores the units.
    """
    random = np.random.default_rng(seed)
    by_row, by_column = random.standard_normal((rows, 1)), random.standard_normal((1, columns))
    logs = 0.5 * (by_row + by_column + random.standard_normal((rows, columns)))
    w0 = random.choice([-1.0, 1.0], (rows, columns)) * np.exp(logs)
    scale = size * np.exp(0.7 * by_row + 0.2 * by_column)
    if index >= 1:
        potential = Power(index, np.sign(w0))
        scale = size * np.exp(0.1 * (by_row + by_column))
    else:
        potential = Power(index)
    dual = np.asarray(potential.to_dual(w0)) + scale * random.standard_normal((rows, columns))
    return w0, np.array(potential.to_primal(dual))


@pytest.mark.parametrize("index", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_the_index_is_found(index):
    panel = Panel.of(*layer(index))
    found = independence_index(panel)
    low, high = independence_interval(panel, found, draws=60)
    assert found == pytest.approx(index, abs=0.12)
    assert low <= found <= high
    assert high - low < 0.5


def test_pooling_is_misled_by_what_units_share():
    w0, w1 = layer(0.0)
    same = w0 * w1 > 0
    pooled = logroot(np.log(np.abs(w0[same])), np.log(np.abs(w1[same])))
    assert abs(pooled) > 0.2 > 3 * abs(independence_index(Panel.of(w0, w1)))


def test_the_slope_is_that_of_a_regression_with_one_dummy_per_unit():
    w0, w1 = layer(0.5, rows=9, columns=11)
    w0[2, 3] = w1[4, 4] = 0.0
    w1[5, 6] = w0[5, 6]
    panel = Panel.of(w0, w1)
    assert panel.used.sum() == 96
    index = independence_index(panel)
    logs, kept = panel.log_change(index)
    row, column = np.nonzero(kept)
    design = np.column_stack([panel.log_size[kept], np.eye(9)[row], np.eye(11)[column][:, 1:]])
    slope = np.linalg.lstsq(design, logs[kept])[0][0]
    assert slope == pytest.approx(0.0, abs=1e-5)


def test_weights_that_crossed_zero_count_below_index_1_by_their_signed_dual():
    w0, w1 = layer(0.0)
    w1[0, :5] = -w1[0, :5]
    panel = Panel.of(w0, w1)
    logs, kept = panel.log_change(-1.0)
    change = np.asarray(PNorm(3).dual_change(w0, w1)) / 2
    assert kept.all()
    centre = np.log(np.abs(w0)).mean()
    np.testing.assert_allclose(logs, np.log(np.abs(change)) - 2 * centre, atol=1e-9)
    assert panel.log_change(1.0)[1].sum() == w0.size - 5


def test_units_that_did_not_change_are_left_out():
    w0, w1 = layer(0.0)
    w1[3], w1[:, 7] = w0[3], w0[:, 7]
    assert Panel.of(w0, w1).used.shape == (59, 79)


def test_the_same_seed_gives_the_same_interval():
    panel = Panel.of(*layer(0.5, rows=20, columns=20))
    first, again, other = (independence_interval(panel, 0.5, draws=30, seed=s) for s in (1, 1, 2))
    assert first == again != other


def test_equal_sizes_leave_nothing_to_compare():
    w0 = np.ones((10, 10))
    panel = Panel.of(w0, w0 + 0.1 * np.random.default_rng(0).standard_normal((10, 10)))
    assert np.isnan(independence_index(panel))


def test_the_interval_is_that_of_least_squares_in_every_resample():
    w0, w1 = layer(0.5, rows=9, columns=11)
    w0[2, 3] = w1[4, 4] = 0.0
    w1[5, 6:9] = w0[5, 6:9]
    panel = Panel.of(w0, w1)
    index = independence_index(panel)
    places, rng, roots = index + independence._OFFSETS, np.random.default_rng(3), []
    for _ in range(40):
        rows, columns = rng.integers(9, size=9), rng.integers(11, size=11)
        # Twins in a resample are one unit, of which every weight counts twice.
        count = np.outer(np.bincount(rows, minlength=9), np.bincount(columns, minlength=11))
        slopes = np.array([weighted_slope(panel, place, count) for place in places])
        roots.append(independence._interpolated_root(places, slopes))
    laid_out = np.quantile(roots, [0.025, 0.975], method="inverted_cdf")
    interval = independence_interval(panel, index, draws=40, seed=3)
    np.testing.assert_allclose(interval, laid_out, atol=1e-3)


def weighted_slope(panel, index, count):
    """By least squares with one dummy per unit."""
    logs, kept = panel.log_change(index)
    row, column = np.nonzero(kept & (count > 0))
    design = np.column_stack([panel.log_size[row, column], np.eye(9)[row], np.eye(11)[column]])
    root = np.sqrt(count[row, column])
    return np.linalg.lstsq(root[:, None] * design, root * logs[row, column])[0][0]


def test_the_index_is_the_same_however_rows_are_parted(monkeypatch):
    panel, whole = Panel.of(*layer(0.5)), []
    for weights in (80, 10**9):
        monkeypatch.setattr(independence, "_PART", weights)
        whole.append(independence_index(panel))
    assert whole[0] == pytest.approx(whole[1], abs=1e-9)
