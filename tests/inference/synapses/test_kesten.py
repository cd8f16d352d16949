"""A Kesten process is described free of measurement noise, and judges nothing."""

import numpy as np
import pytest

from steepest.inference import Design, infer_measured, measure
from steepest.inference.designs.spoiling import Spoiling, simulate_spoiled
from steepest.inference.synapses.estimation import estimate
from steepest.inference.synapses.kesten import fit_kesten

TRUE = (0.1, 0.2, 0.05)


@pytest.fixture(scope="module")
def measured():
    design = Design(synapses=700, sessions=8, groups=14, multiplicative=0.1)
    return simulate_spoiled(design, 1, Spoiling(kesten=TRUE), seed=1)[0]


@pytest.fixture(scope="module")
def process(measured):
    return fit_kesten(estimate(measured, draws=50))


def test_pull_set_point_and_the_larger_fluctuation_are_found(process):
    pull, multiplicative, _ = TRUE
    assert process.pull.holds(pull)
    assert process.set_point.holds(1.0)
    assert process.multiplicative.value == pytest.approx(multiplicative, rel=0.35)
    assert process.additive.low < 0.15
    assert process.n == 3500


def test_the_pull_is_not_that_of_noise(measured, process):
    size = np.exp(measured.log_sizes)
    naive = 1 - np.polyfit(size[:, :-1].ravel(), size[:, 1:].ravel(), 1)[0]
    assert naive > process.pull.high


def test_the_unit_of_size_carries_over(measured, process):
    sizes = 1000 * np.exp(measured.log_sizes)
    larger = fit_kesten(estimate(measure(list(sizes.T), groups=measured.groups), draws=50))
    assert larger.pull.value == pytest.approx(process.pull.value, rel=1e-6)
    assert larger.set_point.value == pytest.approx(1000 * process.set_point.value, rel=1e-6)
    assert larger.additive.value == pytest.approx(1000 * process.additive.value, rel=1e-4)


def test_it_stands_in_the_json_and_among_the_numbers_and_names_nothing(measured):
    from steepest.report.measured import _numbers

    verdict = infer_measured(measured, draws=20)
    said = verdict.to_dict()["kesten"]
    assert said["pull"]["value"] == pytest.approx(verdict.kesten.pull.value)
    rows = {row[0]: row[2] for row in _numbers(verdict)}
    assert "no verdict" in rows["pull"]
    assert "Kesten" not in verdict.verdict + verdict.reason


def test_three_sessions_and_uneven_ones_are_not_described(measured):
    sizes = list(np.exp(measured.log_sizes.T))
    assert fit_kesten(estimate(measure(sizes[:3]), draws=5)) is None
    assert fit_kesten(estimate(measure(sizes[:4], times=[0, 1, 2, 9]), draws=5)) is None
