"""Measurements are checked once, at the door, and what is left out is counted with its reason."""

import numpy as np
import pytest

from steepest.errors import DataError
from steepest.inference.synapses.measurements import measure

RNG = np.random.default_rng(0)
A, B, C = np.exp(RNG.standard_normal((3, 40)))


def test_log_sizes_are_means_of_replicates_and_zero_is_absent():
    found = measure([[A, 2 * A], np.where(np.arange(40) == 3, 0.0, B)])
    np.testing.assert_allclose(found.log_sizes[:, 0], np.log(A) + np.log(2) / 2)
    assert np.isnan(found.log_sizes[3, 1])
    assert found.replicates[:, 0].tolist() == [2] * 40
    assert found.replicates[3, 1] == 0
    assert found.n == 39
    assert {item.what: item.count for item in found.dropped}["synapses seen once"] == 1


def test_a_replicate_that_is_larger_throughout_is_no_noise():
    np.testing.assert_allclose(measure([[A, 2 * A], B]).within, 0, atol=1e-24)


def test_the_spread_within_replicates_is_that_about_their_means():
    found = measure([np.stack([A, B, C], axis=1), B])
    logs = np.log(np.stack([A, B, C], axis=1))
    logs = logs - logs.mean(axis=0)
    expected = ((logs - logs.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    np.testing.assert_allclose(found.within[:, 0], expected, rtol=1e-10)


def test_sizes_below_the_limit_are_absent_and_counted():
    found = measure([A, B, C], detection_limit=0.5)
    low = int(sum((x < 0.5).sum() for x in (A, B, C)))
    assert found.dropped[0].count == low > 0
    assert np.isnan(found.log_sizes).sum() == low


def test_groups_are_numbered_and_named():
    found = measure([A, B], groups=["d2", "d1"] * 20)
    assert found.group_names == ("d1", "d2")
    assert found.groups is not None
    assert found.groups[:2].tolist() == [1, 0]


BAD = {
    "one session": (([A],), {}, "1 session is given"),
    "lengths": (([A, B[:-1]],), {}, "session 1 has 39 rows and session 0 has 40"),
    "replicates": (([[A, B[:-1]], C],), {}, "replicates of session 0 have 40 and 39 rows"),
    "negative": (([A, -B],), {}, r"row 0 \(counted from 0\) of session 1 is -.* negative"),
    "infinite": (([A, np.full(40, np.inf)],), {}, "row 0 .* session 1 is inf"),
    "text": (([A, ["x"] * 40],), {}, "sizes must be numbers"),
    "dimensions": (([A, np.ones((2, 2, 2))],), {}, "session 1 has 3 dimensions"),
    "all lost": (([A, 0 * B, 0 * C],), {}, "all 40 synapses were lost"),
    "nothing": (([0 * A, 0 * B],), {}, "no synapse has a size"),
    "below the limit": (([A, B],), {"detection_limit": 1e9}, "below the detection limit 1e"),
    "limit": (([A, B],), {"detection_limit": -1}, "detection_limit is -1"),
    "order": (([A, B, C],), {"times": [0, 8, 4]}, "out of order: session 1 is at time 8"),
    "times": (([A, B, C],), {"times": [0, 8]}, "2 times for 3 sessions"),
    "groups": (([A, B],), {"groups": [1, 2]}, "groups has 2 labels"),
    "no label": (([A, B],), {"groups": ["a"] * 39 + [""]}, "row 39 .* has no group"),
    "null length": (([A, B],), {"null": [True]}, "null has 1 rows"),
    "null alone": (([A, B],), {"null": [True, False] * 20}, "without groups"),
    "few null groups": (
        ([A, B],),
        {"null": [True, False] * 20, "groups": np.arange(40) % 14},
        "null condition has 7 groups: at least 8",
    ),
    "null and series": (
        ([A, B, C],),
        {"null": [True, False] * 20, "groups": np.arange(40)},
        "a null condition and 3 sessions contradict",
    ),
    "equal": (([0 * A + 1, 0 * A + 1],), {}, "all sizes are equal"),
    "identical": (([A, A, A],), {}, "every session is identical"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_measurements_are_refused_with_their_place(kind):
    given, options, says = BAD[kind]
    with pytest.raises(DataError, match=says):
        measure(*given, **options)
