"""Drift of groups is removed without bias, and squared changes are sorted and never lost."""

import numpy as np
import pytest

from steepest.inference.designs.design import Design, simulate_design
from steepest.inference.synapses import changes
from steepest.inference.synapses.changes import pairs, scale_of_groups, size_resolved
from steepest.inference.synapses.measurements import measure
from steepest.inference.synapses.products import product_index


@pytest.fixture(scope="module")
def series():
    design = Design(synapses=300, sessions=5, groups=10, group_scale=0.5, group_drift=0.3)
    return simulate_design(design, 1, seed=1)


def test_pairs_are_all_changes_between_present_sizes(series):
    logs = series.log_sizes.copy()
    logs[3, 2] = np.nan
    sizes = [np.where(np.isnan(x), 0, np.exp(x)) for x in logs.T]
    found = pairs(measure(sizes), (1, 2, 3))
    expected = {
        (i, t, k): logs[i, t + k] - logs[i, t]
        for i in range(300)
        for k in (1, 2, 3)
        for t in range(5 - k)
        if np.isfinite(logs[i, t + k] - logs[i, t])
    }
    keys = zip(found.synapse, found.start, found.lag, strict=True)
    assert {tuple(map(int, key)) for key in keys} == set(expected)
    for at in range(0, found.step.size, 97):
        key = int(found.synapse[at]), int(found.start[at]), int(found.lag[at])
        assert found.step[at] == pytest.approx(expected[key])
        assert found.kappa[at] == found.lag[at]
        assert found.nu[at] == 2


def test_uneven_times_scale_the_signal():
    sizes = np.exp(np.random.default_rng(2).standard_normal((3, 60)))
    found = pairs(measure(list(sizes), times=[0, 4, 16]), (1, 2))
    assert sorted(set(found.kappa)) == [0.5, 1.5, 2.0]


def test_scales_of_groups_are_found_and_chance_is_not(series):
    scale = scale_of_groups(series)
    same = simulate_design(Design(synapses=300, groups=10, group_scale=0), 1, seed=2)
    assert scale.std() > 0.3
    assert np.abs(scale_of_groups(same)).max() < 0.15


def test_without_drift_squares_keep_their_expectation():
    # Pure Gaussian changes of variance 1 with a drift of each group: the mean square about the
    # drift, leverage put back, is 1.
    rng = np.random.default_rng(3)
    n, groups, runs = 120, 12, 60
    found = []
    for _ in range(runs):
        before = 0.5 * rng.standard_normal(n)
        group = np.arange(n) % groups
        after = before + 0.1 * rng.standard_normal(n) + rng.standard_normal(groups)[group]
        measured = measure([np.exp(before), np.exp(after)], groups=group)
        rows = pairs(measured, (1,))
        moments = size_resolved(rows, np.full(rows.step.size, 0.01), 1.0, group)
        found.append(moments.squares.sum() / moments.counts.sum() / 0.01)
    assert np.mean(found) == pytest.approx(1, abs=4 * np.std(found) / np.sqrt(runs))
    assert np.std(found) / np.sqrt(runs) < 0.05


def test_a_group_with_one_synapse_says_nothing():
    rng = np.random.default_rng(4)
    sizes = np.exp(rng.standard_normal((3, 41)))
    groups = np.array([0] * 20 + [1] * 20 + [2])
    rows = pairs(measure(list(sizes), groups=groups), (1,))
    moments = size_resolved(rows, np.ones(rows.step.size), 1.0, groups)
    assert moments.counts[2].sum() == 0
    assert moments.squares[2].sum() == 0
    assert moments.counts[:2].sum() == 80


def test_drift_is_the_same_to_the_last_digit_however_rows_are_parted(series, monkeypatch):
    cluster, sums = series.groups, []
    for rows in (1, 10**9):
        monkeypatch.setattr(changes, "_STRETCH", rows)
        found = pairs(series, (1, 2, 3))
        assert len(found.stretches) == (9 if rows == 1 else 1)
        sums.append(size_resolved(found, 0.1 + found.middle**2, 0.5, cluster).squares)
    np.testing.assert_array_equal(*sums)


def test_an_index_by_products_of_clusters_is_that_of_their_synapses(series):
    found, cluster = pairs(series, (1, 2, 3)), series.groups
    weights = np.random.default_rng(5).multinomial(10, np.full(10, 0.1), size=20).astype(float)
    rest = (found, found.step, np.ones(found.step.size))
    singly = product_index(*rest, np.arange(300), weights[:, cluster])
    np.testing.assert_allclose(product_index(*rest, cluster, weights), singly, rtol=1e-9)
