"""Every figure's claims hold at quick scale, fail on broken data, and are drawn."""

import numpy as np
import pytest
import xarray as xr

from steepest.papers.cornford2024 import dale_rnn, log_normal, noise_inputs, pruning, sparse_inputs

TORCH = (dale_rnn, log_normal, noise_inputs, pruning)


def name(figure):
    return figure.__name__.rpartition(".")[2]


@pytest.fixture(scope="module")
def datasets():
    return {}


@pytest.fixture
def dataset(figure, datasets):
    if figure in TORCH:
        pytest.importorskip("torch", reason="torch, an extra, is not installed")
    if figure not in datasets:
        datasets[figure] = figure.run(figure.QUICK, 0)
    return datasets[figure]


@pytest.mark.slow
@pytest.mark.parametrize("figure", [sparse_inputs, *TORCH], ids=name)
def test_no_claim_fails_and_the_picture_is_drawn(figure, dataset):
    claims = figure.claims(dataset)
    assert [(c.statement, c.measured) for c in claims if c.holds is False] == []
    assert sum(c.holds is True for c in claims) >= 3
    assert all(axes.has_data() for axes in figure.plot(dataset).axes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("figure", "variable", "word"),
    [
        (sparse_inputs, "error", "1 - n/d"),
        (log_normal, "skew_after", "without skewness"),
        (pruning, "accuracy", "random half"),
        (noise_inputs, "digit_size", "grow against those of noise"),
        (dale_rnn, "flips", "Dale's law holds"),
    ],
    ids=lambda x: name(x) if hasattr(x, "__name__") else None,
)
def test_claims_fail_on_data_that_are_wrong(figure, dataset, variable, word):
    broken = dataset.copy(deep=True)
    broken[variable] = xr.ones_like(broken[variable]) * 0.5
    failed = [c.statement for c in figure.claims(broken) if c.holds is False]
    assert any(word in statement for statement in failed)


def test_what_small_networks_do_not_decide_is_told_and_not_tested():
    errors = np.full((5, 2, 4), 0.01)
    errors[0], errors[4] = 0.9, 0.9
    rules = list(sparse_inputs._COLOURS)
    dataset = xr.Dataset(
        {"error": (("rule", "inputs", "draw"), errors)},
        coords={"rule": rules, "inputs": [64, 256]},
        attrs={"examples": 60, "with_start": 1.25},
    )
    claims = sparse_inputs.claims(dataset)
    (untested,) = (claim for claim in claims if "Not at this scale" in claim.statement)
    assert (untested.holds, claims[0].holds, claims[1].holds) == (None, True, False)
    assert "would test it" in untested.statement
