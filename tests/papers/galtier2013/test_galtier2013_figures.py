"""Galtier & Wainrib 2013: every figure's claims hold at its quick scale, and can fail."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from steepest import pictures, study
from steepest.papers.galtier2013 import (
    assumption6,
    fig2,
    fig3,
    fig4,
    fig5,
    girsanov,
    kuramoto,
    linear_network,
    lorenz,
    natural_online,
    noisy_linear_network,
    noisy_network,
    pure_spikes,
    three_terms,
    wilson_cowan,
)
from steepest.papers.galtier2013._letter import scores, write_a
from steepest.study import Figure

# Small versions, for run-time type checks slow every call down; the rest is left to slow tests.
SMALL = {
    fig2: fig2.QUICK,
    fig5: replace(fig5.QUICK, grids=(10, 43, 44, 58), fine=100, lifted_units=60),
}
RANDOM = [girsanov, kuramoto, lorenz, noisy_linear_network, noisy_network, wilson_cowan]
SLOW = [fig4, fig5, assumption6, linear_network, natural_online, pure_spikes, three_terms, *RANDOM]


def name(module):
    return module.__name__.split(".")[-1]


@pytest.fixture(scope="module", params=SMALL, ids=name)
def small(request):
    return request.param, request.param.run(SMALL[request.param], 0)


def test_no_claim_fails(small):
    module, dataset = small
    claims = module.claims(dataset)
    # The small lift of fig 5 is tested at its quick scale.
    failed = [c.statement for c in claims if c.holds is False and "affine lift" not in c.statement]
    assert failed == []
    assert sum(claim.holds is True for claim in claims) >= 4


def test_the_picture_can_be_drawn(small):
    module, dataset = small
    assert pictures.png(module.plot(dataset)).startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.parametrize("module", SLOW, ids=name)
def test_every_claim_holds_at_the_quick_scale_and_the_picture_can_be_drawn(module):
    dataset = module.run(module.QUICK, 0)
    assert [c.statement for c in module.claims(dataset) if c.holds is not True] == []
    assert pictures.png(module.plot(dataset)).startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.parametrize("module", RANDOM, ids=name)
def test_random_figures_hold_for_other_seeds(module):
    for seed in (1, 2):
        claims = module.claims(module.run(module.QUICK, seed))
        assert [c.statement for c in claims if c.holds is False] == []


@pytest.mark.slow
def test_the_three_terms_claims_fail_where_scaling_stays():
    dataset = three_terms.run(three_terms.QUICK, 0)
    for variable in ("size", "error", "played"):
        dataset[variable].loc[{"kept": "no scaling"}] = dataset[variable].sel(kept="all three")
    failed = [claim.statement for claim in three_terms.claims(dataset) if claim.holds is False]
    assert any("straight line" in statement for statement in failed)
    assert any("still cycles" in statement for statement in failed)


def test_figure_2s_claims_fail_for_another_window():
    dataset = fig2.run(fig2.QUICK, 0)
    dataset["pairs"] = dataset["pairs"] * 1.05
    failed = [claim.statement for claim in fig2.claims(dataset) if claim.holds is False]
    assert len(failed) >= 2


@pytest.mark.slow
def test_figure_3_holds_and_moves(tmp_path):
    result = study.reproduce(Figure("galtier2013.fig3", fig3), "quick", 0, tmp_path)
    assert [claim.statement for claim in result.claims if claim.holds is not True] == []
    assert set(result.files) == {"nc", "png", "csv", "gif"}
    assert all(path.is_file() for path in result.files.values())
    with Image.open(io.BytesIO(result.files["gif"].read_bytes())) as movie:
        assert movie.n_frames == 20
        first = np.asarray(movie.convert("L"), dtype=float)
    expected = np.kron(1 - result.dataset["movie"].values[0], np.ones((8, 8)))
    np.testing.assert_allclose(first[:, :160] / 255, expected, atol=0.02)


def test_the_movie_is_periodic_ink_from_the_bottom_left_and_never_blank():
    movie = write_a(20, 20, 0.06)
    assert movie.shape == (20, 400)
    assert movie.min() >= 0
    assert movie.max() <= 1
    assert movie.sum(axis=1).min() > 1
    rows, columns = np.nonzero(movie[0].reshape(20, 20) > 0.5)
    assert rows.min() >= 11
    assert columns.max() <= 8
    writing = np.diff(movie[:16].sum(axis=1))
    assert (writing > 0).all()
    assert (np.diff(movie[15:].sum(axis=1)) < 0).all()


def test_scores_are_one_for_the_movie_and_low_for_the_null():
    movie = write_a(12, 16, 0.1)
    assert scores(movie, movie) == pytest.approx((1.0, 1.0, 1.0))
    backwards = scores(movie[::-1], movie)
    assert backwards[1] < 0.6
    mean = scores(np.repeat(movie.mean(axis=0)[None], 12, axis=0), movie)
    assert mean[0] > 0.7
    assert mean[2] == 0
    assert scores(np.full_like(movie, np.nan), movie) == (0.0, 0.0, 0.0)
