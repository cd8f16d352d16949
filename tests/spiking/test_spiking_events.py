"""The event-driven engine: the dense scheme's weights on shared spikes, and Poisson spikes."""

import importlib
import linecache
import math
import sys

import numpy as np
import pytest
from numba import njit
from scipy.special import expit
from scipy.stats import poisson

from steepest.errors import LearningError, UsageError
from steepest.spiking import (
    ApproximateNaturalRule,
    EuclideanRule,
    NaturalRule,
    Spikes,
    _lockstep,
    _moments,
    _random,
    _records,
    _updates,
    event_blocks,
    paper_task,
    simulate_dense,
)
from steepest.spiking._moments import ORDERS, TILE, R, information_moments
from steepest.spiking._random import (
    STREAMS,
    alias_table,
    count_table,
    digest_of,
    draw_uniforms,
    polynomial_exp,
    stream_states,
)
from steepest.spiking.event_model import EventModel, Events
from steepest.spiking.events import EventEngine
from steepest.spiking.simulation import simulate

TAU_M, TAU_S, DT = 0.010, 0.003, 5e-4
C_EPS, KAPPA = 2 * (TAU_M + TAU_S), 1 / (TAU_M - TAU_S)
EXACT = math.exp(-DT / TAU_M), math.exp(-DT / TAU_S)
EULER = 1 - DT / TAU_M, 1 - DT / TAU_S
EUCLIDEAN, NATURAL, APPROXIMATE = range(3)
ETA = {EUCLIDEAN: 4.5e-6, NATURAL: 3e-3, APPROXIMATE: 3e-3}


def model(rule, rates, eta=None, decay=EXACT, bias=0.0, **more):
    return EventModel(
        rule=rule,
        rates=np.asarray(rates, dtype=np.float64),
        eta=ETA[rule] if eta is None else eta,
        dt=DT,
        decay=decay,
        kappa=KAPPA,
        eps0=1.0,
        c_eps=C_EPS,
        maximum=100.0,
        slope=0.3,
        threshold=10.0,
        bias=bias,
        teacher_bias=bias,
        **more,
    )


def gaussian_means(mean, variance):
    """c1, c2, c3 of the paper's sigmoid by a fine trapezoid over +-9 sigma: (trials,) each."""
    z = np.arange(-9, 9.0001, 0.05)
    weight = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    v = 0.3 * (mean[:, None] + np.sqrt(variance)[:, None] * z - 10)
    s, rest = expit(v), expit(-v)
    h = 9 * s * rest**2
    first, second = 0.3 * h * (1 - 3 * s), 0.09 * h * ((1 - 3 * s) ** 2 - 3 * s * rest)
    return h @ weight, first @ weight, second @ weight


def plain_loop(m, w, counts, taught):
    """Every synapse in every step: the oracle, written from the paper's formulae alone."""
    w, rates = w.copy(), m.rates
    fires, total = rates > 0, rates.sum()
    q = C_EPS * total
    a = np.zeros_like(w)
    b = np.zeros_like(w)
    for spikes, y in zip(counts, taught, strict=True):
        x = KAPPA * (a - b)
        V, sum_x = (w * x).sum(1), x.sum(1)
        p = expit(0.3 * (V + m.bias - 10))
        score = (y - 100 * p * DT) * 0.3 * (1 - p)
        if m.rule == EUCLIDEAN:
            direction = x
        else:
            mu, s2 = w @ rates, w**2 @ rates / C_EPS
            c1, c2, c3 = gaussian_means(mu + m.bias, s2)
            delta = c1 * c3 - c2**2
            D = c1**2 * (1 + q) + 2 * c1 * c2 * mu + c1 * c3 * s2 + delta * (q * s2 - mu**2)
            g1, g2, g4 = (
                -(c1**2 + delta * s2) / D,
                -(c1 * c2 - delta * mu) / D,
                -(c1 * c3 + q * delta) / D,
            )
            u, v = -C_EPS * (g1 * C_EPS * sum_x + g2 * V), g2 * C_EPS * sum_x + g4 * V
            if m.rule == APPROXIMATE:
                u, v = 0.95 * C_EPS, 0.05 * V
            homosynaptic = np.where(fires, C_EPS * x / np.where(fires, rates, 1), 0)
            direction = homosynaptic - np.broadcast_to(u, V.shape)[:, None] + v[:, None] * w
            direction = direction / c1[:, None]
        w = w + m.eta * score[:, None] * direction
        a = m.decay[0] * a + spikes
        b = m.decay[1] * b + spikes
    return w, (w * KAPPA * (a - b)).sum(1), np.stack([a, b], axis=1)


def as_events(counts, first=0):
    places = np.nonzero(counts)
    step, trial, *afferent = (np.repeat(place, counts[places]) for place in places)
    return Events(step + first, trial, afferent[0] if afferent else None)


CASES = {
    "two_rates": (np.repeat([10.0, 50.0], 10), EXACT, 0.0),
    "one_rate_euler": (np.full(12, 30.0), EULER, 0.0),
    "silent_and_many_rates": (np.array([0, 0, 5, 7, 20, 20, 0, 50, 50, 5, 90.0]), EXACT, -2.0),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("rule", [EUCLIDEAN, NATURAL, APPROXIMATE])
@pytest.mark.parametrize(("lanes", "trials"), [(8, 11), (16, 3)])
def test_weights_are_those_of_the_plain_loop(case, rule, lanes, trials):
    rates, decay, bias = CASES[case]
    random = np.random.default_rng(0)
    steps, n = 700, len(rates)
    m = model(rule, rates, decay=decay, bias=bias)
    w, target = random.uniform(-3 / n, 3 / n, (2, trials, n))
    counts = random.poisson(rates * DT, (steps, trials, n))
    counts[5, 0, -1] = 3  # more than one spike of a synapse in a step
    taught = random.poisson(0.03, (steps, trials))
    engine = EventEngine(m, w, target, seed=0, draws=(False, False), lanes=lanes)
    for first, last in ((0, 1), (1, 333), (333, steps)):  # not at multiples of the period
        engine.give(as_events(counts[first:last], first), as_events(taught[first:last], first))
        engine.run(last)
    weights, voltage, traces = plain_loop(m, w, counts, taught)
    assert np.abs(weights - w).max() > 1e-3 * np.abs(w).max()  # something was learned
    assert np.abs(engine.weights() - weights).max() < 1e-11 * np.abs(weights).max()
    np.testing.assert_allclose(engine.voltages(), voltage, atol=1e-10)
    np.testing.assert_allclose(engine.traces()[:, :, rates > 0], traces[:, :, rates > 0], 0, 1e-10)


def agreement(rule, rate, steps=100_000, trials=2, n=10):
    """The largest difference of weights from the dense engine's, on the same spikes, relative."""
    task, w = paper_task(trials, n=n, seed=3, test_samples=2)
    random = np.random.default_rng(1)
    spikes = Spikes(
        random.poisson(task.afferents.constant_rates * DT, (steps, trials, n)),
        random.poisson(0.015, (steps, trials)),
    )
    run = {"rate": rate, "duration": steps * DT, "spikes": spikes}
    dense = simulate_dense(task, rule, w, **run).weights[-1]
    fast = simulate(task, rule, w, **run)
    assert fast.engine == "events"
    assert np.abs(dense - w).max() > 0.01 * np.abs(w).max()
    return np.abs(fast.weights[-1] - dense).max() / np.abs(dense).max()


@pytest.mark.slow
def test_agrees_with_dense_to_1e_minus_10_over_1e5_steps():
    assert agreement(NaturalRule(), 6e-4) < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "rate"),
    [(EuclideanRule(), 4.5e-6), (NaturalRule(), 3e-3), (ApproximateNaturalRule(), 3e-3)],
)
def test_agrees_with_dense_at_large_rates(rule, rate):
    assert agreement(rule, rate) < 1e-10


@pytest.mark.parametrize(
    ("rates", "trials"), [([0.0, 5, 20, 20, 80, 80], 8), ([10.0, 10, 50, 50], 6), ([40.0, 40], 3)]
)
def test_spikes_are_poisson_in_every_class(rates, trials):
    rates = np.array(rates)
    active, n = rates[rates > 0], len(rates)
    zeros = np.zeros((trials, n))
    engine = EventEngine(model(EUCLIDEAN, rates, eta=0.0), zeros, zeros, seed=4)
    steps, lanes = 20_000, len(engine.lanes)
    counts = np.zeros((lanes, len(active)))
    totals = []
    pairs = 0
    while engine.step < steps:
        engine.run(engine.step + 1)  # a period is drawn in its first step
        total = engine.state["counters"][0, _lockstep.SPIKES]
        numbers = engine.state["spikes_per_step"][0, : engine.model.period]
        assert numbers.sum() == total
        rows = engine.state["spikes"][0, :total] & 0xFFFFFFFF
        np.add.at(counts.reshape(-1), rows, 1)
        totals.extend(numbers)
        keys = np.repeat(np.arange(len(numbers)), numbers) * 1000 + rows
        pairs += len(keys) - len(np.unique(keys))
        engine.run(engine.step + engine.model.period - 1)
    assert not counts[trials:].any()
    expected = active * DT * engine.step
    z = (counts[:trials] - expected) / np.sqrt(expected)
    assert np.abs(z).max() < 4.5
    assert abs((z**2).sum() - z.size) < 4.5 * math.sqrt(2 * z.size)
    # A step's number is Poisson, and its neighbour knows nothing of it.
    mean, totals = trials * active.sum() * DT, np.array(totals, dtype=np.float64)
    error = math.sqrt((2 * mean**2 + mean) / len(totals))
    assert abs(totals.var() - mean) < 4.5 * error
    across = np.corrcoef(totals[:-1], totals[1:])[0, 1]
    assert abs(across) < 4.5 / math.sqrt(len(totals))
    # Two or more spikes in a bin: expected - 1 + exp(-expected), all but the first of them.
    lam = active * DT
    more = trials * engine.step * (lam - 1 + np.exp(-lam)).sum()
    assert abs(pairs - more) < 4.5 * math.sqrt(more)


@pytest.mark.parametrize("fixed", [None, 100 * expit(-3.0)])
def test_a_student_that_is_its_teacher_does_not_drift(fixed):
    """E[y - phi dt] = 0 where student and teacher fire alike: 2 % in the rate would be 9 errors."""
    n, trials = 20, 1024
    rates = np.full(n, 20.0)
    w = np.full((trials, n), 12.0 / (n * 20.0) if fixed is None else 0.0)
    engine = EventEngine(model(EUCLIDEAN, rates, eta=1e-9, teacher_rate=fixed), w, w, seed=2)
    engine.run(20_000)
    drift = (engine.weights() - w) @ rates
    assert drift.std() > 0
    assert abs(drift.mean()) < 4.5 * drift.std() / math.sqrt(trials)


def test_exponential_is_exact_to_rounding():
    @njit
    def exponentials(x):
        e = np.empty_like(x)
        for i in range(len(x)):
            e[i] = polynomial_exp(x[i])
        return e

    x = np.linspace(-690, 690, 20_001)
    assert np.abs(exponentials(x) / np.exp(x) - 1).max() < 5e-16


def test_uniforms_are_what_they_say():
    state = stream_states(5, 0)
    uniforms = []
    for _ in range(2000):
        draw_uniforms(state)
        uniforms.append(state[4 * STREAMS :].view(np.float64).copy())
    u = np.concatenate(uniforms)
    assert u.min() >= 0
    assert u.max() < 1
    error = math.sqrt(1 / 12 / len(u))
    assert abs(u.mean() - 0.5) < 4.5 * error
    streams = np.stack(uniforms) - 0.5
    across = (streams[:, :-1] * streams[:, 1:]).mean() * 12
    assert abs(across) < 4.5 / math.sqrt(streams.size)
    assert not np.array_equal(stream_states(5, 0), stream_states(5, 1))


def chances_of(table, values):
    """The chance of each value that a table to draw from gives."""
    chance, other, own = table
    chances = np.zeros(len(values))
    np.add.at(chances, np.searchsorted(values, own), chance / len(own))
    np.add.at(chances, np.searchsorted(values, other), (1 - chance) / len(own))
    return chances


@pytest.mark.parametrize("mean", [1e-3, 0.8, 24.0, 640.0, 7000.0])
def test_the_table_of_counts_is_that_of_a_poisson_number(mean):
    table = count_table(mean)
    counts = np.unique(table[2])
    error = np.abs(chances_of(table, counts) - poisson.pmf(counts, mean))
    assert error.max() < 1e-12
    assert poisson.cdf(counts[0] - 1, mean) + poisson.sf(counts[-1], mean) < 1e-17


def test_a_table_gives_each_value_its_share():
    rates = np.array([3.0, 1.0, 0.1, 40.0, 7.0, 7.0])
    table = alias_table(rates, np.arange(6))
    np.testing.assert_allclose(chances_of(table, np.arange(6)), rates / rates.sum(), rtol=1e-13)


@pytest.mark.parametrize(("mean", "deviation"), [(0, 0.5), (5, 8), (-5, 5), (25, 14), (-20, 0)])
def test_moments_of_information_are_those_of_a_finer_rule(mean, deviation):
    """c1, c2, c3 to 1e-11 of themselves, the Taylor terms to 1e-9 of 100 * .3^(k + 2)."""
    scratch = np.zeros(8 + 3 * TILE)
    information_moments(mean - 10.0, float(deviation) ** 2, 0.3, 100.0, scratch)
    z = np.arange(-12, 12.0001, 0.005).astype(np.longdouble)
    weight = np.exp(-(z**2) / 2)
    u = np.longdouble(0.3) * (mean + deviation * z - 10)
    s, rest = 1 / (1 + np.exp(-u)), 1 / (1 + np.exp(u))
    for order in range(ORDERS):
        polynomial = np.polynomial.Polynomial(np.array(R[order], dtype=np.longdouble))
        unit = 100 * 0.3 ** (order + 2)
        known = unit * float((weight * s * rest**2 * polynomial(s)).sum() / weight.sum())
        tolerance = {"rel": 1e-11} if order < 3 else {"rel": 0, "abs": 1e-9 * unit}
        assert scratch[order] == pytest.approx(known, **tolerance)


def test_derivatives_of_information_are_those_of_differences():
    """The table R against h itself, by the derivative's definition at four points."""
    h = np.polynomial.Polynomial([0.0, 1.0, -2.0, 1.0])  # s (1-s)^2 in units of beta^2 phi_max
    move = np.polynomial.Polynomial([0.0, 1.0, -1.0])  # ds/du
    s = np.array([0.1, 0.4, 0.7, 0.95])
    for order in range(ORDERS):
        known = s * (1 - s) ** 2 * np.polynomial.Polynomial(R[order])(s)
        np.testing.assert_allclose(known, h(s), atol=1e-9)
        h = h.deriv() * move


def test_results_depend_on_the_seed_and_not_on_the_threads():
    m = model(NATURAL, np.repeat([10.0, 50.0], 5))
    w = np.random.default_rng(0).uniform(-0.1, 0.1, (11, 10))

    def run(seed, threads):
        engine = EventEngine(m, w, w[::-1].copy(), seed=seed, threads=threads, lanes=8)
        engine.run(500)
        return engine.weights()

    assert np.array_equal(run(1, 1), run(1, 3))
    assert not np.array_equal(run(1, 1), run(2, 1))


def test_a_rate_too_large_names_the_step_and_the_largest_safe_rate():
    """The plain loop's lambda at that step, for every trial before it, and for the named one."""
    task, w = paper_task(2, n=10, seed=0, test_samples=2)
    random = np.random.default_rng(0)
    spikes = Spikes(
        random.poisson(task.afferents.constant_rates * DT, (400, 2, 10)),
        random.poisson(0.02, (400, 2)),
    )
    run = {"duration": 0.2, "spikes": spikes}
    with pytest.raises(LearningError, match=r"trial \d, step \d+ .*largest safe rate") as caught:
        simulate(task, NaturalRule(), 5 * w, rate=30.0, **run)
    with pytest.raises(LearningError, match="largest safe rate") as theirs:
        simulate_dense(task, NaturalRule(), 5 * w, rate=30.0, **run)

    def told(words):
        return words.split(" (")[0], float(words.split()[-1])

    ours, dense = told(str(caught.value)), told(str(theirs.value))
    assert ours[0] == dense[0]  # the same trial and step
    assert ours[1] == pytest.approx(dense[1], rel=0.01)
    assert 0 < ours[1] < 30


def test_a_given_spike_of_a_silent_afferent_is_refused():
    engine = EventEngine(
        model(EUCLIDEAN, [0.0, 20.0]),
        np.zeros((2, 2)),
        np.zeros((2, 2)),
        seed=0,
        draws=(False, True),
    )
    spike = Events(np.array([3, 4]), np.array([0, 1]), np.array([1, 0]))
    with pytest.raises(UsageError, match="afferent 0 spikes in step 4, trial 1"):
        engine.give(spike)


HELPER = "from steepest.machine import compiled\n@compiled()\ndef helped(): return {}\n"
MAIN = """
import helper
from helper import helped
from steepest.machine import compiled
from steepest.spiking._random import digest_of
def made(sources):
    def run():
        _ = sources
        return helped()
    return compiled(cache=True)(run)
run = made(digest_of(helper))
"""


def test_compiled_code_on_disk_is_not_used_when_what_it_calls_has_changed(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)

    def run(value):
        (tmp_path / "helper.py").write_text(HELPER.format(value))
        linecache.checkcache()
        importlib.invalidate_caches()
        for name in ("helper", "main"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        module = importlib.import_module("main")
        return module.run(), sum(module.run.stats.cache_hits.values())

    (tmp_path / "main.py").write_text(MAIN)
    assert run(100) == (100, 0)
    assert run(100) == (100, 1)
    assert run(27182) == (27182, 0)
    # The kernel's own function is made like that.
    (kept,) = (cell.cell_contents for cell in _lockstep.run_block.py_func.__closure__)
    assert kept == digest_of(_moments, _random, _records, _updates)


def test_an_overflow_of_the_spike_buffer_raises(monkeypatch):
    monkeypatch.setattr(event_blocks, "_room", lambda mean: 32)
    m = model(EUCLIDEAN, np.full(10, 50.0))
    engine = EventEngine(m, np.zeros((2, 10)), np.zeros((2, 10)), seed=0)
    with pytest.raises(UsageError, match="more spikes"):
        engine.run(100)
