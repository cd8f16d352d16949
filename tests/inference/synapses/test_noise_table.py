"""A noise stated by session or by size is taken out as such, and names as little as a number."""

import json

import numpy as np
import pandas as pd
import pytest

from steepest.errors import DataError
from steepest.inference import infer_geometry, simulate_change
from steepest.inference.synapses import noise_of_table, noise_variance


def noisy(before_cv, after_cv, *, n=900, seed=4):
    """Additive change (index 0) with another multiplicative noise in each session."""
    rng = np.random.default_rng(seed)
    sizes = simulate_change(n, 0, change=0.3, seed=seed)
    return [
        w * np.exp(cv * rng.standard_normal(n))
        for w, cv in zip(sizes, (before_cv, after_cv), strict=True)
    ]


def test_a_table_by_session_gives_each_session_its_noise():
    noise = noise_of_table(pd.DataFrame({"session": ["day 0", "day 4"], "cv": [0.05, 0.3]}))
    variance = noise_variance(np.ones(2), np.array([1.0, 3.0]), noise)
    np.testing.assert_allclose(variance, 0.05**2 + 0.3**2)
    additive = noise_of_table({"session": [0, 1], "sd": [0.1, 0.2]})
    variance = noise_variance(np.array([2.0]), np.array([4.0]), additive)
    np.testing.assert_allclose(variance, 0.05**2 + 0.05**2)


def test_a_table_by_size_is_its_three_parts_in_any_unit():
    size = np.geomspace(20, 900, 7)
    true = 0.07**2 + 0.4**2 / size + 3.0**2 / size**2
    noise = noise_of_table({"size": size, "cv": np.sqrt(true)})
    np.testing.assert_allclose(noise.parts, [0.07, 0.4, 3.0], rtol=1e-6)
    np.testing.assert_allclose(noise_variance(size, size, noise), 2 * true, rtol=1e-6)
    np.testing.assert_allclose(np.sum(noise.at(np.log(50.0)) ** 2), noise_variance(
        np.array([50.0]), np.array([50.0]), noise) / 2)  # fmt: skip
    of_sd = noise_of_table({"size": size, "sd": np.sqrt(true) * size})
    np.testing.assert_allclose(of_sd.parts, noise.parts, rtol=1e-6)


def test_equal_noise_in_both_sessions_is_the_number():
    sizes = noisy(0.1, 0.1, n=300)
    one, table = (infer_geometry(*sizes, **stated) for stated in
                  ({"noise_cv": 0.1}, {"noise": [0.1, 0.1]}))  # fmt: skip
    assert table.index == pytest.approx(one.index, abs=1e-6)
    assert table.outcome == "undecided"
    assert table.noise.statement.startswith("coefficient of variation 0.1 before and 0.1 after")
    json.dumps(table.to_dict(), allow_nan=False)


def test_which_session_is_the_noisier_moves_the_index_only_where_it_is_not_said():
    # The same change, with the noise before or after: one number for both turns the index over.
    pairs = {cv: noisy(*cv, seed=0) for cv in ((0.03, 0.25), (0.25, 0.03))}
    told = [infer_geometry(*sizes, noise=list(cv)).index for cv, sizes in pairs.items()]
    mean = np.sqrt((0.03**2 + 0.25**2) / 2)
    untold = [infer_geometry(*sizes, noise_cv=mean).index for sizes in pairs.values()]
    assert abs(told[0] - told[1]) < 0.3
    assert abs(untold[0] - untold[1]) > 0.6


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"size": [1, 2, 3]}, "noise has the columns size: give"),
        ({"session": [0, 1], "cv": [0.1, -0.1]}, "row 1 .* of cv of noise is -0.1"),
        ({"session": [0, 1], "cv": [0.1, np.nan]}, "row 1 .* of cv of noise is nan"),
        ({"session": [0, 1], "cv": [10, 12]}, "more than size itself"),
        ({"session": [0, 1, 2], "cv": [0.1, 0.1, 0.1]}, "noise has 3 rows: give one for before"),
        ({"size": [1, 2], "cv": [0.1, 0.1]}, "three or more positive sizes"),
        ({"size": [1, 2, -3], "cv": [0.1, 0.1, 0.1]}, "three or more positive sizes"),
        ({"size": [1, 2, 3], "cv": [0.1, 0.1]}, "different lengths"),
        ({"session": [0, 1], "cv": [0.1, "x"]}, "cv of noise is 'x': give one number"),
        ([0.1], "noise has 1 rows"),
    ],
)
def test_what_is_no_table_of_noise_is_refused(table, says):
    with pytest.raises(DataError, match=says):
        infer_geometry(*simulate_change(40, 1, seed=1), noise=table)


def test_noise_is_stated_one_way():
    with pytest.raises(DataError, match="both noise and noise_cv are given"):
        infer_geometry(*simulate_change(40, 1, seed=1), noise=[0.1, 0.1], noise_cv=0.1)


def test_a_table_of_zeros_says_that_sizes_are_exact():
    assert noise_of_table([0, 0]).kind == "none"
