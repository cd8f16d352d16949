"""Kreutzer et al. 2022, the last sentences of the Discussion: claims hold, and can fail."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from steepest import pictures
from steepest.papers.kreutzer2022 import (
    attenuated_statistic,
    counted_spikes,
    hidden_layer,
    layered_fisher,
    silent_changes,
)

MODULES = [
    attenuated_statistic,
    counted_spikes,
    hidden_layer,
    layered_fisher,
    silent_changes,
]


def name(module):
    return module.__name__.split(".")[-1]


def failed(module, dataset):
    return [claim.statement for claim in module.claims(dataset) if claim.holds is False]


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES, ids=name)
def test_no_claim_fails_at_the_quick_scale_and_the_picture_can_be_drawn(module):
    for seed in (0, 1):
        dataset = module.run(module.QUICK, seed)
        assert failed(module, dataset) == []
    assert pictures.png(module.plot(dataset)).startswith(b"\x89PNG")


@pytest.mark.slow
def test_correlated_scores_and_a_block_that_is_one_factor_fail():
    dataset = layered_fisher.run(layered_fisher.QUICK, 0)
    dataset["cross"] = 1.2 * dataset["sampling"]
    dataset["output_ratio"] = 0 * dataset["output_ratio"] + 0.2
    assert len(failed(layered_fisher, dataset)) == 2


@pytest.mark.slow
def test_changes_in_proportion_to_size_fail():
    dataset = silent_changes.run(silent_changes.QUICK, 0)
    size = dataset["size"].values
    dataset["change"] = dataset["change"].mean("synapse") * dataset["size"]
    dataset["line"] = dataset["line"] * np.array([0.0, 1.0])
    assert size.std() > 0
    assert len(failed(silent_changes, dataset)) >= 2


def test_counts_that_lose_nothing_in_long_windows_fail():
    dataset = counted_spikes.run(dataclasses.replace(counted_spikes.QUICK, duration=8.0), 0)
    assert failed(counted_spikes, dataset) == []
    dataset["share"] = 1.02 + 0 * dataset["share"]
    assert len(failed(counted_spikes, dataset)) == 2


def curves(faster):
    """Losses of six trials that fall as exponentials: the own Fisher's `faster` times as soon."""
    times, trials = np.linspace(0, 80, 161), np.linspace(0.8, 1.2, 6)
    constants = np.array([20.0, 10.0, 10.0 / faster])[:, None, None] * trials
    loss = 50 + 100 * np.exp(-times[:, None] / constants)
    coordinates = {"rule": list(hidden_layer.RULES), "time": times}
    axes = ("rule", "tried", "time", "trial")
    return xr.Dataset({"loss": (axes, loss[:, None])}, coords=coordinates)


def speed_up(dataset):
    (claim,) = [c for c in hidden_layer.claims(dataset) if "speed-up" in c.statement]
    return claim


@pytest.mark.parametrize("faster", [0.5, 2.0])
def test_a_speed_up_is_the_one_that_the_curves_were_made_with(faster):
    claim = speed_up(curves(faster))
    assert claim.measured == pytest.approx(faster, rel=0.03)
    assert claim.holds == (faster > 1)


def test_a_rule_that_never_arrives_counts_as_one_that_arrives_at_the_end():
    dataset = curves(2.0)
    dataset["loss"][2, :, 1:, 0] = 100.0
    arrived = speed_up(curves(2.0)).measured
    assert speed_up(dataset).measured < arrived
