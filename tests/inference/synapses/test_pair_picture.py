"""The picture draws every part of a verdict, whatever the verdict is."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from steepest.inference import GEOMETRIES, infer_geometry, simulate_change


def text_of(figure):
    return " ".join(item.get_text() for item in figure.findobj(lambda a: hasattr(a, "get_text")))


CASES = {
    "named": (simulate_change(200, 1, seed=1), {"noise_cv": 0}),
    "unknown noise": (simulate_change(200, 0, seed=1), {}),
    "refused": (simulate_change(200, 1, change=0.01, noise_cv=0.2, seed=1), {"noise_cv": 0.2}),
    "fewest": (simulate_change(8, 1, seed=1), {"noise_cv": 0}),
    "some unchanged": (
        (np.arange(1.0, 41), np.maximum(np.arange(1.0, 41), 25) + np.arange(40) % 3),
        {},
    ),
    "tiny unit": (tuple(1e-9 * w for w in simulate_change(200, 1, seed=1)), {"noise_cv": 0}),
    "many": (simulate_change(12_000, 0.5, seed=1), {"noise_cv": 0.1}),
}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=() if kind in ("named", "fewest") else pytest.mark.slow)
        for kind in CASES
    ],
)
def test_every_verdict_can_be_drawn(kind):
    sizes, stated = CASES[kind]
    figure = infer_geometry(*sizes, **stated).plot()
    assert isinstance(figure, Figure)
    figure.savefig(io.BytesIO(), dpi=30)
    assert len(figure.axes) == 3
    assert all(name in text_of(figure) for name in GEOMETRIES)


def test_points_losses_and_gains_are_all_in_it():
    before, after = simulate_change(100, 1, seed=2)
    verdict = infer_geometry([*before, 1, 2, 0], [*after, 0, 0, 3])
    sizes, changes, likelihood = verdict.plot().axes
    np.testing.assert_array_equal(sizes.collections[0].get_offsets(), np.c_[before, after])
    assert "2 vanished" in text_of(sizes)
    assert "1 new" in text_of(sizes)
    assert f"index {verdict.index:.2f}" in text_of(likelihood)
    lines = {line.get_label(): line for line in changes.lines}
    for name, index in GEOMETRIES.items():
        x, y = lines[f"{name} ({index:g})"].get_data()
        assert np.log(y[1] / y[0]) / np.log(x[1] / x[0]) == pytest.approx(index)
