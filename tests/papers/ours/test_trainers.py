"""The calibration of trainers: pairs that are none, what is counted, and a small run."""

import dataclasses

import numpy as np
import pytest

from steepest.errors import UsageError
from steepest.papers.ours import _trainer_pairs, _trainers, trainers

RANDOM = np.random.default_rng(0)
LAYERS = {"first": RANDOM.standard_normal((40, 30)), "last": RANDOM.standard_normal((25, 80))}
INPUTS = RANDOM.standard_normal(30)


def output(weights):
    """What a network answers whose hidden unit sends two outputs on (as a flattened image)."""
    hidden = np.tanh(weights["first"] @ INPUTS)
    return weights["last"] @ np.repeat(hidden, 2)


def course(end):
    start, moved = (
        {name: w + size * RANDOM.standard_normal(w.shape) for name, w in LAYERS.items()}
        for size in (0.0, 0.05)
    )
    other = {name: RANDOM.standard_normal(w.shape) for name, w in LAYERS.items()}
    return _trainers.Course("SGD", 0.1, start, moved, end, moved, other, 1.0)


def test_units_in_another_order_answer_the_same():
    exchanged = _trainer_pairs.permuted(LAYERS, np.random.default_rng(1))
    assert not np.array_equal(exchanged["first"], LAYERS["first"])
    np.testing.assert_allclose(output(exchanged), output(LAYERS), rtol=1e-12)


@pytest.fixture(scope="module")
def table():
    """A change by the sign of noise, and the pairs that are not before/after; of two seeds."""
    end = {name: w + 0.01 * np.sign(RANDOM.standard_normal(w.shape)) for name, w in LAYERS.items()}
    rows = []
    for kind, before, after in _trainer_pairs.pairs(course(end), 1):
        marks = _trainer_pairs.marks_of_pair(before, after)
        rows += [("mlp", seed, "sign", kind, 1.0, marks) for seed in (0, 1)]
    return trainers.dataset_of(rows)


def test_every_kind_of_pair_is_made_and_those_that_share_nothing_are_refused(table):
    kinds = table["kind"].values
    assert sorted({*kinds}) == sorted(_trainer_pairs.KINDS)
    for kind in _trainer_pairs.UNRELATED:
        assert (table["outcome"].values[kinds == kind] == "refused").all(), kind
    assert (table["name"].values[kinds == "trained"] == _trainers.TRAINERS["sign"].name).all()


def test_only_odd_seeds_are_counted(table):
    names, shares, counts = trainers.confusion(table)
    assert (names, counts) == (["sign"], [1])
    assert shares.sum() == pytest.approx(1)
    assert all(sum(row.values()) == 1 for row in trainers.fates(table).values())


def test_a_wrong_geometry_is_counted_against_the_verdict(table):
    many = table.isel(pair=np.repeat(np.arange(table.sizes["pair"]), 100))
    good = trainers.claims(many)[0]
    assert (good.measured, good.holds) == (0.0, True)
    wrong = many.assign(geometry=("pair", np.full(many.sizes["pair"], "3-norm")))
    assert trainers.claims(wrong)[0].holds is False


def test_an_unknown_trainer_is_refused_before_anything_is_trained():
    with pytest.raises(UsageError, match="trainer 'Adagrad' is not known: choose among SGD"):
        trainers.run(dataclasses.replace(trainers.QUICK, trainers=("Adagrad",)), 0)


@pytest.mark.slow
def test_the_quick_calibration_names_no_wrong_geometry_and_is_drawn():
    pytest.importorskip("torch", reason="torch, an extra, is not installed")
    dataset = trainers.run(trainers.QUICK, 0)
    trained = dataset["kind"].values == "trained"
    # Some schedules hardly begin in so few steps; no trainer fails in all of them.
    best = dataset["accuracy"][trained].groupby(dataset["trainer"][trained]).max()
    assert best.min() > 0.4
    geometries = dataset["geometry"].values[trained & (dataset["outcome"].values == "named")]
    assert {*geometries} <= {"additive", "multiplicative", "3-norm"}
    assert all(claim.holds is not False for claim in trainers.claims(dataset))
    assert trainers.plot(dataset).axes
