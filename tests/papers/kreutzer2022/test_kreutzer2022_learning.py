"""Kreutzer et al. 2022, the figures that learn for long: claims hold, and can fail."""

from dataclasses import replace

import numpy as np
import pytest

from steepest import study
from steepest.papers.kreutzer2022 import fig5, fig7, fig9, predictions, table1

MODULES = [fig5, fig7, fig9, predictions, table1]


def name(module):
    return module.__name__.split(".")[-1]


def failed(module, dataset):
    return [claim.statement for claim in module.claims(dataset) if claim.holds is False]


@pytest.fixture(scope="module")
def interplay():
    """Fig 7 with few points; 60 s of learning as in the paper, for its numbers to be tested."""
    return fig7.run(replace(fig7.QUICK, points=5, trials=2, example_trials=32), 0)


def test_the_interplay_of_synapses_is_the_papers_and_can_be_drawn(interplay):
    assert failed(fig7, interplay) == []
    assert sum(claim.holds is True for claim in fig7.claims(interplay)) >= 8
    assert study.png(fig7.plot(interplay)).startswith(b"\x89PNG")


def test_claims_of_the_interplay_fail_for_silent_synapses_that_do_not_move(interplay):
    """What a pseudo-inverse of the metric would give."""
    still = interplay.copy(deep=True)
    still["trace"].loc[{"group": "silent"}] = 0.0
    assert len(failed(fig7, still)) >= 2
    other = interplay.copy(deep=True)
    other["change"].loc[{"group": "stimulated"}] = -interplay["change"].sel(group="silent")
    assert failed(fig7, other)


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES, ids=name)
def test_no_claim_fails_at_the_quick_scale_and_the_picture_can_be_drawn(module):
    dataset = module.run(module.QUICK, 0)
    assert failed(module, dataset) == []
    assert sum(claim.holds is True for claim in module.claims(dataset)) >= 3
    assert study.png(module.plot(dataset)).startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES, ids=name)
def test_random_figures_hold_for_other_seeds(module):
    for seed in (1, 2):
        assert failed(module, module.run(module.QUICK, seed)) == []


@pytest.mark.slow
def test_claims_of_the_scaling_fail_for_the_printed_law():
    dataset = fig5.run(fig5.QUICK, 0)
    variance = dataset["variance"]
    printed = 1 / variance * float(variance[0]) * dataset["change"][0, 0, -1]
    dataset["change"].loc[{"rule": "natural"}] = printed.broadcast_like(dataset["change"][0])
    assert any("1/(m^2 + sigma^2)" in text for text in failed(fig5, dataset))


def test_the_time_to_a_threshold_has_a_standard_error():
    times = np.linspace(0, 100, 21)
    random = np.random.default_rng(0)
    cost = np.exp(-times[:, None] / random.uniform(15, 25, 64))
    _, error = fig9._time_to(times, cost, 0.1)
    halves = [fig9._time_to(times, cost[:, k::2], 0.1)[0] for k in range(2)]
    assert 0 < error < 3
    assert abs(halves[0] - halves[1]) < 6 * error
    assert np.isinf(fig9._time_to(times, cost, 1e-6)[0])
