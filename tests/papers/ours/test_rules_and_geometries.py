"""Our findings on rules, Dale's law and the loop: claims hold, and fail where data are wrong."""

import dataclasses

import numpy as np
import pytest

from steepest import pictures
from steepest.papers.ours import dale, loop, metric_of_rules

FIGURES = [dale, loop, metric_of_rules]
# What is broken in each figure's data, and a word of the claim that must then fail.
BROKEN = {
    dale: ("error", "entropy's error is below"),
    loop: ("rate_exponent", "lower power of presynaptic rate"),
    metric_of_rules: ("attained", "rank-two metric"),
}


def name(figure):
    return figure.__name__.rpartition(".")[2]


@pytest.fixture(scope="module")
def datasets():
    return {}


@pytest.fixture
def dataset(figure, datasets):
    if figure not in datasets:
        datasets[figure] = figure.run(figure.QUICK, 0)
    return datasets[figure]


@pytest.mark.slow
@pytest.mark.parametrize("figure", FIGURES, ids=name)
def test_every_claim_holds_and_the_picture_is_drawn(figure, dataset):
    assert [(c.statement, c.measured) for c in figure.claims(dataset) if c.holds is not True] == []
    assert pictures.png(figure.plot(dataset)).startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.parametrize("figure", FIGURES, ids=name)
def test_claims_fail_on_data_that_are_wrong(figure, dataset):
    variable, word = BROKEN[figure]
    broken = dataset.copy(deep=True)
    broken[variable] = broken[variable] * 0 + 1.0
    failed = [c.statement for c in figure.claims(broken) if c.holds is False]
    assert any(word in statement for statement in failed)


@pytest.mark.slow
@pytest.mark.parametrize("figure", FIGURES, ids=name)
@pytest.mark.parametrize("seed", [1, 2])
def test_other_seeds_say_the_same(figure, seed):
    claims = figure.claims(figure.run(figure.QUICK, seed))
    assert [(c.statement, c.measured) for c in claims if c.holds is False] == []


def test_signs_forced_upon_euclid_solve_the_frames_nearest_to_the_start():
    random = np.random.default_rng(0)
    sign = np.where(np.arange(12) < 9, 1.0, -1.0)
    truth = sign * np.exp(random.standard_normal((3, 12)))
    frames = random.standard_normal((6, 12))
    start = np.tile(sign, (3, 1))
    weights = dale._forced(frames, frames @ truth.T, start, sign)
    assert (weights * sign >= 0).all()
    np.testing.assert_allclose(frames @ weights.T, frames @ truth.T, atol=1e-6)
    away = np.linalg.norm(weights - start, axis=1)
    assert (away <= np.linalg.norm(truth - start, axis=1) + 1e-6).all()


def test_feedback_alignment_learns_what_its_update_is_asked_about():
    parameters = dataclasses.replace(
        metric_of_rules.QUICK, layers=(6, 5, 4), patterns=20, steps=(0, 200)
    )
    asked = [metric_of_rules._feedback_alignment(parameters, [0, k]) for k in range(20)]
    assert all(each.effective[-1] for each in asked)
    assert 2 < sum(each.effective[0] for each in asked) < 18


@pytest.mark.parametrize("place", range(3))
def test_one_sample_names_the_index_that_moved_it(place):
    random = np.random.default_rng(place)
    before = np.exp(0.6 * random.standard_normal(400))
    change = 0.05 * before ** loop._NAMED[place] * random.standard_normal(400)
    assert loop._named(before, before + 0.3 * change * (before + 0.3 * change > 0)) == place
