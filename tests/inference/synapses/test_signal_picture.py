"""The figure of a verdict shows data, noise and signal, and what each name would predict."""

import numpy as np
import pytest

from steepest.inference import GEOMETRIES, Design, infer_measured, simulate_design
from steepest.inference.synapses.signal import shown_signal
from steepest.inference.synapses.signal_picture import _bins


@pytest.fixture(scope="module")
def verdict():
    design = Design(synapses=400, sessions=4, groups=1, multiplicative=0.1)
    return infer_measured(simulate_design(design, 0.5, seed=2), draws=100)


@pytest.fixture(scope="module")
def figure(verdict):
    return verdict.plot()


def lines_of(axes):
    return {line.get_label(): line for line in axes.lines}


def test_every_change_of_the_shortest_lag_is_a_point(verdict, figure):
    points = figure.axes[0].collections[0].get_offsets()
    assert len(points) == int((verdict.estimate.changes.lag == 1).sum())


def test_the_band_of_noise_is_that_of_a_change(figure):
    # sqrt(2) times a tenth, both ways, 95 % of it
    y = lines_of(figure.axes[0])["95 % of noise alone"].get_ydata()
    assert np.median(y) == pytest.approx(1.96 * np.sqrt(2) * 0.1, rel=0.15)


def test_named_geometries_meet_the_fitted_signal_at_the_typical_size(verdict, figure):
    lines = lines_of(figure.axes[1])
    typical = np.exp(verdict.estimate.centre)
    at = {
        label: np.interp(np.log(typical), np.log(line.get_xdata()), line.get_ydata())
        for label, line in lines.items()
        if label == "fitted signal, 95 %" or label.split(" (")[0] in GEOMETRIES
    }
    assert len(at) == 6
    np.testing.assert_allclose(list(at.values()), at["fitted signal, 95 %"], rtol=0.01)


def test_a_multiplicative_signal_would_be_flat_and_a_euclidean_one_fall(figure):
    lines = lines_of(figure.axes[1])
    assert np.ptp(lines["multiplicative (1)"].get_ydata()) < 1e-12
    assert np.all(np.diff(lines["euclidean (0)"].get_ydata()) < 0)


def test_classes_of_size_hold_the_true_signal_noise_taken_out(verdict):
    # sd of log change is .25 w^(a-1), scaled so that its mean square is .25^2.
    bins = _bins(verdict.estimate, 1)
    size = np.exp([at.middle + verdict.estimate.centre for at in bins])
    small = (0.25 * np.exp(-((0.5 * 0.7) ** 2)) * size**-0.5) ** 2
    true = shown_signal(small[None], np.array([[0.5]]), verdict.estimate.moments.spread)[0]
    held = [at.signal.low < value < at.signal.high for at, value in zip(bins, true, strict=True)]
    assert len(bins) == 8
    assert sum(held) >= 7


def test_intervals_of_classes_are_drawn_only_for_the_shortest_lag(figure):
    bars = [
        line
        for line in figure.axes[1].lines
        if len(set(line.get_xdata())) == 1 < len(line.get_xdata())
    ]
    assert len(bars) == 8


def test_of_very_many_points_some_are_drawn_as_one_image():
    design = Design(synapses=5100, sessions=3, groups=1, multiplicative=0.1)
    many = infer_measured(simulate_design(design, 1, seed=3), draws=5).plot()
    points = many.axes[0].collections[0]
    assert len(points.get_offsets()) == 10_000
    assert points.get_rasterized()


def test_where_noise_explains_everything_a_class_shows_an_upper_limit():
    still = Design(synapses=150, sessions=3, groups=1, change=0, multiplicative=0.15)
    figure = infer_measured(simulate_design(still, 1, seed=4), draws=20).plot()
    assert any(line.get_marker() == "v" for line in figure.axes[1].lines)
