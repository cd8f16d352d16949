"""The index in windows of sessions: constant where the geometry is, drifting where it drifts."""

import json

import numpy as np
import pytest

from steepest.errors import DataError
from steepest.inference import Design, geometry_over_time, simulate_design
from steepest.inference.designs.simulation import change_of_log
from steepest.inference.synapses.estimation import estimate


@pytest.fixture(scope="module")
def turning():
    """Exact weights of 500 synapses that learn additively four times, then multiplicatively."""
    rng = np.random.default_rng(2)
    logs = [0.7 * rng.standard_normal(500)]
    for step in range(8):
        index, scale = (0, 0.08) if step < 4 else (1, 0.12)
        logs.append(logs[-1] + change_of_log(rng, logs[-1], index, scale))
    return geometry_over_time(list(np.exp(logs)), window=4, noise_cv=0, draws=60)


@pytest.fixture(scope="module")
def constant():
    design = Design(synapses=300, sessions=6, groups=10, multiplicative=0.08)
    return simulate_design(design, 1, seed=3)


def test_a_change_of_geometry_shows_in_the_windows_and_in_the_slope(turning):
    first, last = turning.windows[0].index, turning.windows[-1].index
    assert len(turning.windows) == 6
    assert first.holds(0.0)
    assert last.value == pytest.approx(1.0, abs=0.08)
    assert first.high < last.low
    assert turning.drifts
    assert turning.slope.value == pytest.approx(1 / 5, abs=0.08)
    assert "changes over time" in turning.sentence()


def test_a_constant_geometry_shows_no_drift(constant):
    over = geometry_over_time(constant, window=3, draws=60)
    assert over.drifts is False
    assert all(window.index.holds(1.0) for window in over.windows)
    assert over.windows[0].first == "session 0"
    assert over.windows[0].last == "session 2"
    assert over.windows[0].time == 1.0


def test_a_window_of_all_sessions_is_the_whole_series(constant):
    (window,) = geometry_over_time(constant, window=6, draws=5).windows
    assert window.index.value == pytest.approx(estimate(constant, draws=5).index.value, abs=0.02)


def test_windows_of_two_sessions_are_the_steps_of_the_estimate(constant):
    fitted = estimate(constant, draws=5)
    steps = [value for value, _ in fitted.in_windows(2)]
    assert [at.value for at in fitted.over_time] == steps


def test_it_is_plain_json_a_dataset_a_picture_and_short_in_print(turning):
    said = json.loads(json.dumps(turning.to_dict(), allow_nan=False))
    assert len(said["windows"]) == 6
    assert said["drifts"] is True
    assert turning.to_dataset()["resampled"].shape == (60, 6)
    axes = turning.plot().axes[0]
    assert len(axes.get_xticks()) == 6
    assert "slope 0." in axes.get_title(loc="left")
    assert len(repr(turning).splitlines()) < len(str(turning).splitlines())


@pytest.mark.parametrize("window", [1, 7])
def test_windows_that_no_series_has_are_refused(constant, window):
    with pytest.raises(DataError, match=f"window is {window}: give 2 to 6"):
        geometry_over_time(constant, window=window)


def test_two_sessions_are_no_course_of_time():
    sizes = np.exp(np.random.default_rng(0).standard_normal((2, 100)))
    with pytest.raises(DataError, match="2 sessions: a course of time needs three"):
        geometry_over_time(list(sizes))
