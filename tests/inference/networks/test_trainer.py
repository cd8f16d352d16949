"""Marks tell trainers apart, and files that are not before and after one another are refused."""

import numpy as np
import pytest
from scipy import stats

from steepest.inference import infer_layers
from steepest.inference.networks.marks import marks_of
from steepest.inference.networks.trainer import name_trainer

ROWS, COLUMNS = 60, 50
RANDOM = np.random.default_rng(4)
BEFORE = RANDOM.standard_normal((ROWS, COLUMNS)) / 8
NORMAL = RANDOM.standard_normal((ROWS, COLUMNS))
SIGN = np.sign(BEFORE)
SCALES = np.exp(RANDOM.standard_normal((ROWS, 1)) + RANDOM.standard_normal((1, COLUMNS)))
PATTERN = 1.5 * NORMAL + RANDOM.standard_normal((ROWS, 1)) * RANDOM.standard_normal((1, COLUMNS))
DEAD = np.where(np.arange(COLUMNS) < 5, 0.0, 1.0)  # inputs that are always 0
LOW_RANK = RANDOM.standard_normal((ROWS, 3)) @ RANDOM.standard_normal((3, COLUMNS))
ALIKE = np.sign(LOW_RANK) * (1 + 0.2 * NORMAL)
# All its singular values are alike, and its rows are not.
TALL = RANDOM.standard_normal((120, 40)) / 8
ORTHOGONAL = np.linalg.qr(
    np.exp(1.2 * RANDOM.standard_normal((120, 1))) * RANDOM.standard_normal((120, 40))
)[0]

AFTER = {
    "SGD, with or without momentum": BEFORE + 0.01 * SCALES * PATTERN,
    "SGD with weight decay": 0.8 * BEFORE + 0.005 * SCALES * PATTERN,
    "Adam": BEFORE + 0.02 * ALIKE,
    "AdamW": 0.8 * BEFORE + 0.02 * ALIKE * DEAD,
    "the sign of the gradient, or Lion": BEFORE + 0.02 * np.sign(NORMAL),
    "exponentiated gradient": BEFORE * np.exp(0.01 * SCALES * PATTERN * SIGN),
    "adaptive exponentiated gradient": BEFORE * np.exp(0.1 * NORMAL * SIGN),
    "mirror descent in the 3-norm": (lambda z: np.sign(z) * np.sqrt(np.abs(z)))(
        SIGN * BEFORE**2 + 0.001 * SCALES * PATTERN
    ),
}
NAMED = {name: (BEFORE, after) for name, after in AFTER.items()} | {
    "Muon, or another orthogonalised momentum": (TALL, TALL + 0.2 * ORTHOGONAL),
}
NOT_ONE_HISTORY = {
    "unrelated": RANDOM.standard_normal((ROWS, COLUMNS)) / 8,
    "pruned": np.where(np.abs(BEFORE) > 0.05, BEFORE + 0.01 * PATTERN, 0.0),
    "units in another order": (BEFORE + 0.01 * PATTERN)[RANDOM.permutation(ROWS)],
    "noise": BEFORE + 0.02 * NORMAL,
}


def trainer(before, after):
    return name_trainer({"hidden": marks_of(before, after)})


@pytest.mark.parametrize("name", NAMED)
def test_a_trainer_is_known_by_its_marks(name):
    verdict = trainer(*NAMED[name])
    assert (verdict.outcome, verdict.name) == ("named", name), verdict.marks
    assert verdict.alone == {"hidden": name}
    assert verdict.sentence.startswith(f"Trained by {name}: ")


@pytest.mark.parametrize("kind", NOT_ONE_HISTORY)
def test_files_of_two_histories_are_refused_by_name_with_the_numbers(kind):
    verdict = trainer(BEFORE, NOT_ONE_HISTORY[kind])
    assert verdict.outcome == "refused", verdict
    assert kind in verdict.sentence
    assert verdict.sentence.startswith("The checkpoints are not before and after one another, but")


def test_exchanged_files_are_refused_after_a_large_change():
    learned = BEFORE + 0.06 * SCALES**0.5 * PATTERN + 0.05 * BEFORE
    verdict = trainer(learned, BEFORE)
    assert "other order" in verdict.sentence, verdict.marks


def test_weight_decay_is_taken_out_of_the_index():
    after = 0.9 * BEFORE + 0.005 * PATTERN
    marks = marks_of(BEFORE, after)
    assert marks.index > 0.3
    assert marks.index_corrected == pytest.approx(0, abs=0.1)
    assert marks.shrink == pytest.approx(-0.1, abs=0.02)
    assert trainer(BEFORE, after).decay


def test_an_index_of_no_known_rule_is_none():
    size = np.abs(BEFORE)
    after = SIGN * (np.sqrt(size) + 0.005 * SCALES * PATTERN).clip(1e-3) ** 2
    verdict = trainer(BEFORE, after)
    assert (verdict.outcome, verdict.name) == ("none", "")
    assert "is that of no rule known here" in verdict.sentence


def test_small_layers_name_no_trainer_but_may_not_belong_together():
    small = {"a": BEFORE[:20, :20]}
    learned = infer_layers(small, {"a": AFTER["Adam"][:20, :20]}, draws=10)
    assert learned.trainer.outcome == "too small"
    other = infer_layers(small, {"a": NOT_ONE_HISTORY["unrelated"][:20, :20]}, draws=10)
    assert other.verdict == other.trainer.sentence
    assert other.trainer.outcome == "refused"


def test_a_layer_far_from_every_named_geometry_is_near_none():
    size = np.abs(BEFORE)
    index = 1.48
    dual = size ** (1 - index) + 0.02 * PATTERN * size.mean() ** (1 - index)
    after = SIGN * dual.clip(1e-3) ** (1 / (1 - index))
    (fit,) = infer_layers({"a": BEFORE}, {"a": after}, draws=10).layers
    assert fit.nearest == "none"


def test_the_marks_of_many_weights_are_those_of_evenly_spaced_ones(monkeypatch):
    from steepest.inference.networks import marks

    whole = marks_of(BEFORE, AFTER["Adam"])
    monkeypatch.setattr(marks, "_LARGEST_PANEL", 30 * 25)
    part = marks_of(BEFORE, AFTER["Adam"])
    rows, columns = (
        np.unique(np.linspace(0, 59, 30).astype(int)),
        np.linspace(0, 49, 25).astype(int),
    )
    chosen = np.ix_(rows, columns)
    assert whole.weights == BEFORE.size
    assert part == marks_of(BEFORE[chosen], AFTER["Adam"][chosen])


def test_a_merged_low_rank_adapter_is_refused_with_the_reason():
    factors = RANDOM.standard_normal((ROWS, 4)) @ RANDOM.standard_normal((4, COLUMNS))
    merged = (BEFORE.astype(np.float32) + 0.01 * factors.astype(np.float32)).astype(np.float32)
    verdict = trainer(BEFORE.astype(np.float32).astype(float), merged.astype(float))
    assert verdict.outcome == "refused"
    assert "low-rank adapter merged into it" in verdict.sentence
    assert "two factors" in verdict.reason


def test_the_kurtosis_is_that_of_scipy():
    change = 0.3 + RANDOM.standard_t(5, (ROWS, COLUMNS))
    expected = stats.kurtosis(change, axis=None)
    assert marks_of(BEFORE, BEFORE + change).kurtosis == pytest.approx(expected, rel=1e-9)
