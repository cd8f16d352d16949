"""Signal and noise are told apart exactly on exact moments, and as well as a grid search does."""

import dataclasses
import itertools

import numpy as np
import pytest

from steepest.inference.synapses.changes import Moments
from steepest.inference.synapses.signal import (
    fit_mixture,
    fit_noise_and_index,
    fit_signal,
    noise_at,
    shown_signal,
    signal_at,
)

MIDDLE = np.linspace(-1.2, 1.2, 15)


def exact(index, log_signal, noise, *, kinds=((1.0, 2.0), (2.0, 2.0), (3.0, 2.0)), clusters=1):
    """Moments whose squares are exactly what the model expects."""
    kappa, nu = (np.repeat(values, MIDDLE.size) for values in zip(*kinds, strict=True))
    middle = np.tile(MIDDLE, len(kinds))
    signal = signal_at(np.array([index]), np.array([log_signal]), middle)[0] * kappa
    shown = shown_signal(signal[None], np.array([[index]]), 0.7)[0]
    variance = shown + nu * noise_at(np.array([noise], dtype=float), middle)[0]
    counts = np.full((clusters, middle.size), 100.0)
    lag = np.arange(len(kinds)).repeat(MIDDLE.size) + 1
    return Moments(
        counts * variance, counts, middle, kappa, nu, lag, 0 * lag, 0.7, np.zeros(middle.size)
    )


@pytest.mark.parametrize("index", [-1.0, 0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("noise", [(0, 0, 0), (0.15, 0, 0), (0, 0.1, 0), (0.05, 0.08, 0.1)])
def test_exact_moments_give_back_index_signal_and_noise(index, noise):
    fit = fit_noise_and_index(exact(index, -3.0, noise), np.ones((1, 1)))
    assert fit.index[0] == pytest.approx(index, abs=0.02)
    assert fit.log_signal[0] == pytest.approx(-3, abs=0.03)
    expected = noise_at(np.array([noise], dtype=float), MIDDLE)[0]
    np.testing.assert_allclose(noise_at(fit.noise, MIDDLE)[0], expected, atol=2e-3)


def test_rows_of_noise_alone_serve_as_lags_do():
    moments = exact(0.5, -3.0, (0.1, 0.0, 0.1), kinds=((1.0, 0.5), (0.0, 1.0)))
    fit = fit_noise_and_index(moments, np.ones((1, 1)))
    assert fit.index[0] == pytest.approx(0.5, abs=0.02)


def test_no_grid_point_is_likelier_than_the_fit():
    rng = np.random.default_rng(1)
    moments = exact(0.5, -3.0, (0.1, 0.05, 0.05))
    noisy = moments.squares * rng.chisquare(100, moments.squares.shape) / 100
    moments = Moments(noisy, *[getattr(moments, name) for name in (
        "counts", "middle", "kappa", "nu", "lag", "start", "spread", "width")])  # fmt: skip
    fit = fit_noise_and_index(moments, np.ones((1, 1)))
    grid = itertools.product(
        np.linspace(0, 1, 6), np.linspace(-3.5, -2.5, 6), *[np.linspace(0, 0.2, 5) ** 2] * 3
    )
    best = -np.inf
    for index, log_signal, *parts in grid:
        signal = moments.kappa * signal_at(
            np.array([index]), np.array([log_signal]), moments.middle
        )
        powers = np.exp(-np.arange(3)[:, None] * moments.middle)
        variance = shown_signal(signal, np.array([[index]]), 0.7)[0] + moments.nu * (
            np.array(parts) @ powers
        )
        cost = 0.5 * np.sum(moments.counts[0] * np.log(variance) + noisy[0] / variance)
        best = max(best, -cost)
    assert fit.log_likelihood[0] >= best - 1e-6


def test_a_batch_is_its_rows_one_by_one():
    moments = exact(1.0, -3.0, (0.1, 0.0, 0.0), clusters=6)
    rng = np.random.default_rng(2)
    squares = moments.squares * rng.chisquare(100, moments.squares.shape) / 100
    moments = Moments(squares, *[getattr(moments, name) for name in (
        "counts", "middle", "kappa", "nu", "lag", "start", "spread", "width")])  # fmt: skip
    weights = rng.multinomial(6, np.full(6, 1 / 6), size=5).astype(float)
    start = fit_noise_and_index(moments, np.ones((1, 6)))
    batch = fit_noise_and_index(moments, weights, start)
    for row in range(5):
        alone = fit_noise_and_index(moments, weights[row : row + 1], start)
        assert batch.index[row] == pytest.approx(alone.index[0], abs=1e-6)


def test_a_stated_noise_and_a_given_index_are_kept():
    moments = exact(0.5, -3.0, (0.1, 0.0, 0.0))
    stated = np.array([0.1, 0.0, 0.0])
    fit = fit_noise_and_index(moments, np.ones((2, 1)), stated=stated, index=np.array([0.5, 1.0]))
    np.testing.assert_allclose(fit.noise, [stated, stated])
    np.testing.assert_array_equal(fit.index, [0.5, 1.0])
    assert fit.log_likelihood[0] > fit.log_likelihood[1] + 1


def test_a_mixture_beats_one_power_exactly_where_it_is_true():
    one = np.ones((1, 1))
    power = exact(0.5, -3.0, (0.0, 0.0, 0.0))
    fit = fit_noise_and_index(power, one, stated=np.zeros(3))
    alone = fit_signal(power, one, fit.noise, fit)
    assert (
        alone.log_likelihood[0] > fit_mixture(power, one, fit, stated=np.zeros(3)).log_likelihood[0]
    )
    # Additive plus multiplicative: the mixture's own variance.
    total = 0.02 * np.exp(-2 * power.middle) + 0.02
    share = 0.02 / total
    shown = shown_signal((power.kappa * total)[None], share[None], 0.7)
    mixed = Moments(power.counts * shown, *[getattr(power, name) for name in (
        "counts", "middle", "kappa", "nu", "lag", "start", "spread", "width")])  # fmt: skip
    fit = fit_noise_and_index(mixed, one, stated=np.zeros(3))
    alone = fit_signal(mixed, one, fit.noise, fit)
    mixture = fit_mixture(mixed, one, fit, stated=np.zeros(3))
    assert mixture.log_likelihood[0] > alone.log_likelihood[0] + 1
    assert mixture.additive_share[0] == pytest.approx(0.5, abs=0.1)
    bent = fit_signal(mixed, one, fit.noise, fit, curved=True)
    assert bent.bend[0] > 0.02


def test_a_mixture_is_recovered_where_the_noise_curve_of_one_power_hides_it():
    one = np.ones((1, 1))
    clean = exact(1.0, -3.0, (0.08, 0.05, 0.0))
    total = 0.01 * np.exp(-2 * clean.middle) + 0.04
    share = 0.01 * np.exp(-2 * clean.middle) / total
    noise = clean.nu * noise_at(np.array([[0.08, 0.05, 0.0]]), clean.middle)[0]
    shown = shown_signal((clean.kappa * total)[None], 1 - share[None], 0.7)[0] + noise
    mixed = dataclasses.replace(clean, squares=clean.counts * shown)
    fit = fit_noise_and_index(mixed, one)
    mixture = fit_mixture(mixed, one, fit)
    held = fit_mixture(mixed, one, fit, stated=fit.noise[0])
    assert mixture.additive_share[0] == pytest.approx(0.2, abs=0.01)
    assert held.additive_share[0] < 0.1
    assert mixture.log_likelihood[0] > held.log_likelihood[0]


@pytest.mark.parametrize("index", [0.0, 1.0, 2.0])
def test_what_a_large_change_shows_is_right_to_second_order(index):
    # Exact dual changes of log-normal sizes: variance of the change of log size about its mean, at
    # the middle size. Monte Carlo with 4 standard errors.
    rng = np.random.default_rng(3)
    before = 0.7 * rng.standard_normal(4_000_000)
    dual = 0.3 * rng.standard_normal(before.size)
    if index == 1:
        step = dual
    else:
        grown = 1 + (1 - index) * dual * np.exp((index - 1) * before)
        fine = grown > 0
        before, step = before[fine], np.log(grown[fine]) / (1 - index)
    middle = before + step / 2
    near = np.abs(middle) < 0.05
    measured = step[near].var()
    expected = float(shown_signal(np.array([[0.09]]), np.array([[float(index)]]), 0.7)[0, 0])
    error = measured * np.sqrt(3 / near.sum())
    assert measured == pytest.approx(expected, abs=4 * error + 0.015 * expected)
    assert abs(measured - 0.09) > 0.03 * 0.09
