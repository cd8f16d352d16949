"""The study of spoiled experiments: few runs here, many with the slow tests."""

import dataclasses

import numpy as np
import pytest

from steepest.errors import UsageError
from steepest.inference.designs.design import Design
from steepest.inference.designs.spoiling import SPOILINGS, Spoiling, simulate_spoiled
from steepest.papers.ours import real_synapses

TINY = dataclasses.replace(
    real_synapses.QUICK,
    runs=1,
    synapses=200,
    cells=("outliers 2 %: multiplicative", "mixture, a half", "no change", "Kesten, additive"),
    designs=("series",),
    draws=20,
    comparisons=("1 and 0",),
)


def test_every_kind_of_experiment_is_judged_and_told():
    dataset = real_synapses.run(TINY, 0)
    assert dataset["outcomes"].sum("outcome").values.tolist() == [[1] * 4]
    assert int(dataset["outcomes"].sel(cell="no change", outcome="wrong").sum()) == 0
    assert dataset["compared"].sum("answer").values.tolist() == [1]
    claims = real_synapses.claims(dataset)
    assert all(claim.holds is not False for claim in claims)
    assert any("Kesten, additive" in str(claim.measured) for claim in claims)
    assert real_synapses.plot(dataset).subfigs


def test_spoiled_and_clean_experiments_of_a_truth_are_of_the_same_synapses():
    codes = {real_synapses._code(f"{kind}: euclidean") for kind in SPOILINGS}
    assert len(codes) == 1
    others = [name for name in real_synapses.CELLS if name.partition(": ")[0] not in SPOILINGS]
    assert len({real_synapses._code(name) for name in others} | codes) == len(others) + 1


def test_an_unknown_kind_of_experiment_is_refused():
    with pytest.raises(UsageError, match="cells 'dust' is not known"):
        real_synapses.run(dataclasses.replace(TINY, cells=("dust",)), 0)


def test_what_is_spoiled_is_spoiled_as_stated():
    design = Design(synapses=400, sessions=5, multiplicative=0.05, groups=10)
    clean, change = simulate_spoiled(design, 1, Spoiling(), seed=1)
    assert np.nanstd(change) > 0.3
    wrong, _ = simulate_spoiled(design, 1, SPOILINGS["outliers 2 %"], seed=1)
    assert np.mean(wrong.log_sizes - clean.log_sizes > 1) == pytest.approx(0.02, abs=0.008)
    low, _ = simulate_spoiled(design, 1, Spoiling(ceiling=2.0), seed=1)
    assert np.nanquantile(low.log_sizes, 0.99) < np.log(2.0) + 0.15
    lost, gone = simulate_spoiled(design, 1, Spoiling(loss=0.2), seed=1)
    assert np.isnan(gone).sum() == np.isnan(lost.log_sizes[:, -1]).sum() > 100
    pixels, _ = simulate_spoiled(design, 1, Spoiling(pixel=0.05), seed=1)
    sizes = np.exp(pixels.log_sizes[np.isfinite(pixels.log_sizes)]) / 0.05
    assert np.allclose(sizes, np.round(sizes))
    kesten, _ = simulate_spoiled(design, 1, Spoiling(kesten=(0.1, 0.2, 0.05)), seed=1)
    assert np.exp(kesten.log_sizes).mean() == pytest.approx(1, abs=0.15)


@pytest.mark.slow
def test_no_name_is_wrong_too_often_in_the_series_that_were_tuned_least():
    cells = ("outliers 2 %: 1.5-norm", "groups 1 and 0", "mixture, a quarter", "between: .75")
    parameters = dataclasses.replace(
        real_synapses.Parameters(), runs=60, cells=cells, designs=("series",)
    )
    wrong = real_synapses.run(parameters, 3)["outcomes"].sel(outcome="wrong")
    print(wrong.values)
    assert int(wrong.max()) <= 8  # at a rate of .05, more in less than 1 %
