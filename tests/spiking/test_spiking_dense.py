"""The dense engine against a loop in plain NumPy, and what a run must keep."""

import inspect
from contextlib import contextmanager

import numpy as np
import pytest
from scipy.stats import poisson

import steepest.spiking.dense as dense
import steepest.spiking.dense_step as dense_step
from steepest.errors import DomainError, LearningError, MetricError, UsageError
from steepest.geometry import Attenuation, Entropy, PNorm, Pullback
from steepest.spiking import (
    AbstractTeacher,
    Afferents,
    AttenuatedTeacher,
    EuclideanRule,
    FixedRateTeacher,
    GivenGroup,
    GivenTeacher,
    MetricRule,
    MirrorRule,
    NaturalRule,
    PoissonNeuron,
    Spikes,
    SpikeTrains,
    Task,
    VaryingGroup,
    paper_task,
    recorder,
    simulate,
    simulate_dense,
    why_dense,
)

TASK, START = paper_task(3, n=6, seed=2, test_samples=5)
RATES = TASK.afferents.constant_rates
STEPS, DT = 400, 5e-4
SEED = np.random.default_rng(0)
SPIKES = Spikes(SEED.poisson(2 * RATES * DT, (STEPS, 3, 6)), SEED.random((STEPS, 3)) < 0.03)
RULES = {"euclidean": (EuclideanRule(), 5e-5), "natural": (NaturalRule(), 0.2)}


def plain(rule, eta, start, spikes, euler=False, rates=RATES):
    """One trial of the paper's Eqs 10 and 13, without a library: (steps + 1, n) weights."""
    R = rates.sum()
    a, b = np.exp(-DT / 0.010), np.exp(-DT / 0.003)
    if euler:
        a, b = 1 - DT / 0.010, 1 - DT / 0.003
    nodes = np.linspace(-9, 9, 1201)
    density = np.exp(-(nodes**2) / 2)
    density /= density.sum()
    w, m, s, path = start.copy(), np.zeros(len(start)), np.zeros(len(start)), [start.copy()]
    for counts, y in zip(*spikes, strict=True):
        x = (m - s) / 0.007
        V = w @ x
        p = 1 / (1 + np.exp(-0.3 * (V - 10)))
        error = (y - 100 * p * DT) * 0.3 * (1 - p)
        if rule == "euclidean":
            w = w + eta * error * x
        else:
            mu, s2 = w @ rates, w**2 @ rates / 0.026
            sig = 1 / (1 + np.exp(-0.3 * (mu + np.sqrt(s2) * nodes - 10)))
            h = 9 * sig * (1 - sig) ** 2
            c1 = density @ h
            c2 = density @ (0.3 * h * (1 - 3 * sig))
            c3 = density @ (0.09 * h * ((1 - 3 * sig) ** 2 - 3 * sig * (1 - sig)))
            C, Q = np.array([[c1, c2], [c2, c3]]), np.array([[0.026 * R, mu], [mu, s2]])
            g = -np.linalg.solve(c1 * np.eye(2) + C @ Q, C)
            gamma_u = -0.026 * (g[0, 0] * 0.026 * x.sum() + g[0, 1] * V)
            gamma_w = g[0, 1] * 0.026 * x.sum() + g[1, 1] * V
            w = w + eta * error / c1 * (0.026 * x / rates - gamma_u + gamma_w * w)
        m, s = a * m + counts, b * s + counts
        path.append(w)
    return np.array(path)


def run(rule, eta, **options):
    given = {"rate": eta, "duration": STEPS * DT, "spikes": SPIKES, "record": 4} | options
    return simulate_dense(given.pop("task", TASK), rule, given.pop("start", START), **given)


@pytest.mark.parametrize(
    ("name", "euler"), [("euclidean", False), ("natural", False), ("natural", True)]
)
def test_the_engine_is_the_plain_loop(name, euler):
    rule, eta = RULES[name]
    recording = run(rule, eta, euler=euler)
    for k in range(3):
        path = plain(name, eta, START[k], (SPIKES.afferents[:, k], SPIKES.teacher[:, k]), euler)
        expected = path[:: STEPS // 4]
        assert np.abs(expected - START[k]).max() > 1e-4
        np.testing.assert_allclose(recording.weights[:, k], expected, atol=1e-11)
    np.testing.assert_allclose(recording.times, np.linspace(0, STEPS * DT, 5))
    data = recording.to_dataset()
    assert data.weights.dims == ("time", "trial", "synapse")
    assert data.cost.attrs["units"] == "nats per bin"
    np.testing.assert_allclose(
        data.weight_distance[-1],
        np.linalg.norm(recording.weights[-1] - TASK.teacher.weights, axis=1),
    )


def test_any_metric_is_a_rule_and_the_natural_one_moves_the_soma_alike_in_dendritic_weights():
    chart = Attenuation([0.0, 50, 100, 200, 400, 460.5])
    gain = np.exp(chart.distance / 200)
    rule = MetricRule(Pullback(TASK.fisher(), chart))
    seen = run(rule, 0.2, start=START * gain, chart=chart)
    np.testing.assert_allclose(seen.weights / gain, run(NaturalRule(), 0.2).weights, atol=1e-11)
    assert "gamma_s" not in seen.measures
    distance = np.linalg.norm(seen.weights[-1] / gain - TASK.teacher.weights, axis=1)
    np.testing.assert_allclose(seen.measures["weight_distance"][-1], distance)


@pytest.mark.slow
def test_mirror_steps_keep_every_sign_and_follow_the_metrics_flow():
    signs = np.sign(START[0])
    start = np.tile(START[0], (3, 1))
    seen = run(MirrorRule(Entropy(signs)), 0.05, start=start)
    assert (np.sign(seen.weights) == signs).all()
    moved = run(MirrorRule(PNorm(2)), 5e-5).weights
    np.testing.assert_allclose(moved, run(EuclideanRule(), 5e-5).weights, rtol=1e-9)
    euler = run(MetricRule(Entropy(signs)), 1e-7, start=start).weights[-1]
    mirror = run(MirrorRule(Entropy(signs)), 1e-7, start=start).weights[-1]
    np.testing.assert_allclose(mirror - start, euler - start, rtol=1e-3, atol=1e-12)


def test_weights_outside_the_potential_are_refused_before_the_run():
    assert (START < 0).any()
    with pytest.raises(DomainError, match="coordinate"):
        run(MirrorRule(Entropy()), 0.1)


def test_a_run_that_goes_on_is_the_run_that_never_stopped(monkeypatch):
    whole = run(NaturalRule(), 0.2, spikes=None, seed=5)
    half = run(NaturalRule(), 0.2, spikes=None, seed=5, duration=STEPS * DT / 2, record=2)
    rest = run(
        NaturalRule(), 0.2, spikes=None, seed=5, duration=STEPS * DT / 2, record=2, state=half.state
    )
    np.testing.assert_array_equal(rest.weights[-1], whole.weights[-1])
    np.testing.assert_array_equal(rest.state.traces, whole.state.traces)
    np.testing.assert_array_equal(rest.times, whole.times[2:])
    # Nor does it matter how the run is cut, or what is recorded.
    monkeypatch.setattr(dense, "_AT_ONCE", dense._SMALL * 37)
    again = run(NaturalRule(), 0.2, spikes=None, seed=5, record=None)
    np.testing.assert_array_equal(again.weights[-1], whole.weights[-1])
    other = run(NaturalRule(), 0.2, spikes=None, seed=6)
    assert not np.array_equal(other.weights[-1], whole.weights[-1])


def test_counts_are_drawn_from_poissons_distribution():
    for expected in (0.005, 0.1, 0.5):
        most = dense_step.most_drawn(expected)
        cumulative = poisson.cdf(np.arange(4), expected)
        for side, shift in ((1e-12, 1), (-1e-12, 0)):
            drawn = dense_step.draw_counts(expected, np.asarray(cumulative + side), most)
            np.testing.assert_array_equal(drawn, np.arange(4) + shift)


def test_drawn_spikes_have_the_groups_rates_and_a_teacher_need_not_reach_every_synapse():
    trains = SpikeTrains([[0.15]], 1.0)
    groups = [*Afferents.steady([10.0, 50.0]).groups, VaryingGroup(1, [0.0, 0.4], [0.0, 40.0])]
    afferents = Afferents([*groups, GivenGroup(trains)])
    teacher = AttenuatedTeacher(FixedRateTeacher(80.0), [1.0, 1.0, 0.0, 0.0])
    task = Task(PoissonNeuron(), afferents, teacher)
    trials, start = 400, np.full((400, 4), 0.01)
    out = simulate_dense(task, EuclideanRule(), start, rate=1e-7, duration=0.2, seed=1)
    x = np.einsum("s,ksn->kn", np.asarray(task.neuron.kernel.readout), out.state.traces)
    ramp = 40 / 0.4 * (0.2 - 0.013)  # the kernel lags by tau_m + tau_s
    z = (x[:, :3].mean(axis=0) - [10, 50, ramp]) / (x[:, :3].std(axis=0) / np.sqrt(trials))
    assert np.abs(z).max() < 4
    # The given spike falls into bin 300 and counts from step 301 on.
    expected = float(task.neuron.kernel(np.array(99 * DT)))
    np.testing.assert_allclose(x[:, 3], expected, rtol=1e-10)
    change = out.weights[-1] - start
    assert (change[:, 1] > 0).mean() > 0.95
    assert (change[:, 2:] <= 0).all()
    # It is depressed wherever it got a spike: two are expected there.
    silent = (change[:, 2] == 0).mean()
    assert silent == pytest.approx(np.exp(-2), abs=4 * np.sqrt(0.135 * 0.865 / trials))


def test_given_trains_are_the_counts_that_they_make():
    trains = SpikeTrains([[0.001, 0.02, 0.0201], [0.03]], 1.0)
    teacher = SpikeTrains([[0.0305, 0.06]], 1.0)
    task = Task(PoissonNeuron(), Afferents([GivenGroup(trains)]), GivenTeacher(teacher))
    start = np.array([0.1, 0.2])
    out = simulate_dense(task, NaturalRule(), start, rate=0.2, duration=0.1)
    spikes = trains.counts(0, 200, DT), teacher.counts(0, 200, DT)[:, 0]
    path = plain("natural", 0.2, start, spikes, rates=trains.rates)
    assert np.abs(path[-1] - start).max() > 1e-3
    np.testing.assert_allclose(out.weights[:, 0], path[[0, -1]], atol=1e-11)


def test_too_large_a_rate_is_named_with_the_step_and_the_largest_safe_one():
    with pytest.raises(LearningError, match=r"trial \d, step \d+ .*largest safe rate"):
        run(NaturalRule(), 300.0)
    # A step without a teacher's spike, in the steady state that a rate of 0 leaves.
    still = run(NaturalRule(), 0.0, record=STEPS // 10)
    growth = still.measures["gamma_s"][:-1] * still.measures["gamma_w"][:-1]
    score = -DT * np.asarray(TASK.neuron.slope(still.voltage[:-1]))
    change = np.where(SPIKES.teacher[::10] == 0, score * growth, 0.0)
    mark = int(np.argmin(change.min(axis=1)))
    step = 10 * mark
    assert mark > 0
    state = run(NaturalRule(), 0.0, spikes=part(0, step), duration=step * DT).state

    def taken(rate):
        return run(NaturalRule(), rate, spikes=part(step, step + 1), duration=DT, state=state)

    with pytest.raises(LearningError, match=f"step {step} ") as caught:
        taken(1e6)
    trial = int(np.flatnonzero(change[mark] < 0)[0])  # the first of those that fail at this step
    words = str(caught.value)
    assert words.startswith(f"trial {trial}, ")
    assert float(words.rsplit(" ", 1)[1]) == pytest.approx(-1 / change[mark, trial], rel=5e-3)
    safe = -1 / change[mark].min()  # for all of them
    taken(0.99 * safe)
    with pytest.raises(LearningError, match=f"trial {np.argmin(change[mark])}, "):
        taken(1.02 * safe)


def part(first, last):
    return Spikes(SPIKES.afferents[first:last], SPIKES.teacher[first:last])


def test_a_neuron_that_says_nothing_is_named_with_the_cure():
    task = Task(PoissonNeuron(bias=-4000.0), TASK.afferents, TASK.teacher)
    with pytest.raises(MetricError, match=r"trial 0, step 0 .*bias"):
        run(NaturalRule(), 0.2, task=task)


@pytest.mark.slow
def test_a_rate_that_falls_to_0_runs_until_the_metric_loses_sight_of_a_usp():
    """The natural rule divides by the rate of the moment, while the USP still decays."""
    steady = TASK.afferents.groups
    falling = Afferents([*steady, VaryingGroup(1, [0.0, 0.1], [80.0, 0.0])])
    task = Task(PoissonNeuron(), falling, FixedRateTeacher(20.0))
    options = {"task": task, "start": np.full((2, 7), 0.01), "spikes": None, "seed": 0}
    run(NaturalRule(), 0.2, **options, duration=0.1)
    with pytest.raises(MetricError, match=r"step 200 .*afferent 6 has a rate of 0 Hz.*above 0"):
        run(NaturalRule(), 0.2, **options)
    assert np.isfinite(run(EuclideanRule(), 5e-5, **options).weights).all()
    above = Afferents([*steady, VaryingGroup(1, [0.0, 0.1], [80.0, 0.1])])
    kept = run(NaturalRule(), 0.2, **options | {"task": Task(PoissonNeuron(), above, task.teacher)})
    assert np.isfinite(kept.weights).all()


def test_a_given_train_of_nominal_rate_0_is_named_where_it_spikes():
    trains = SpikeTrains([[0.02], [0.01, 0.03]], 1.0)
    task = Task(
        PoissonNeuron(), Afferents([GivenGroup(trains, [0.0, 20.0])]), FixedRateTeacher(20.0)
    )
    with pytest.raises(MetricError, match=r"step 42 .*afferent 0 has a rate of 0 Hz"):
        run(NaturalRule(), 0.2, task=task, start=np.array([0.1, 0.2]), spikes=None, seed=0)


def test_ctrl_c_during_a_record_leaves_no_half_of_it(monkeypatch):
    known = recorder.evaluate
    seen = []

    def impatient(*arguments):
        seen.append(arguments)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return known(*arguments)

    monkeypatch.setattr(recorder, "evaluate", impatient)
    out = run(NaturalRule(), 0.2)
    assert not out.complete
    assert len(out.times) == len(out.weights) == len(out.voltage) == len(out.measures["cost"]) == 2


def test_ctrl_c_keeps_what_was_recorded(monkeypatch):
    @contextmanager
    def impatient(description, total=None):
        seen = []

        def advance(amount=1.0, description=None):
            seen.append(amount)
            if len(seen) == 2:
                raise KeyboardInterrupt

        yield advance

    whole = run(NaturalRule(), 0.2)
    monkeypatch.setattr(dense, "progress_bar", impatient)
    out = run(NaturalRule(), 0.2)
    assert not out.complete
    assert out.to_dataset().attrs["complete"] == 0
    np.testing.assert_array_equal(out.weights, whole.weights[: len(out.times)])
    assert 2 <= len(out.times) < 5
    monkeypatch.undo()
    with pytest.raises(UsageError, match="give a seed"):
        run(NaturalRule(), 0.2, spikes=None)


class Steady(AbstractTeacher):
    """As `FixedRateTeacher`, by a rate of its own that follows time."""

    mean: float
    swing: float = 0.0

    def rate(self, usps, time):
        return self.mean * (1 + self.swing * time)


@pytest.mark.slow
def test_a_teacher_of_ones_own_class_teaches():
    options = {"rate": 1e-3, "duration": 1.0, "seed": 1}
    afferents, start = Afferents.steady([10.0, 50.0]), np.array([0.1, 0.2])

    def learned(teacher, engine):
        task = Task(PoissonNeuron(), afferents, teacher)
        return simulate(task, EuclideanRule(), start, engine=engine, **options)

    own = learned(Steady(200.0), None)
    assert own.engine == "dense"
    np.testing.assert_array_equal(own.weights, learned(FixedRateTeacher(200.0), "dense").weights)
    rising = learned(Steady(200.0, 4.0), None)
    assert (rising.weights[-1] > own.weights[-1]).all()
    task = Task(PoissonNeuron(), afferents, Steady(20.0))
    assert why_dense(task, EuclideanRule()) == "the teacher is Steady"


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"rule": EuclideanRule}, r"such as NaturalRule\(\), not the class EuclideanRule"),
        ({"task": "paper"}, "the task is one such as .* not 'paper'"),
        ({"chart": Attenuation}, "not the class Attenuation"),
    ],
)
def test_a_class_in_the_place_of_a_thing_is_named(what, message):
    task, start = paper_task(trials=1, n=2)
    given = {"task": task, "rule": EuclideanRule(), "chart": None} | what
    with pytest.raises(UsageError, match=message):
        inspect.unwrap(simulate)(
            given["task"], given["rule"], start, rate=1e-3, duration=0.1, chart=given["chart"]
        )
