"""The task is checked at the door; costs are divergences; spike files say which row is wrong."""

import inspect

import jax.numpy as jnp
import numpy as np
import pytest

from steepest.errors import DataError, UsageError
from steepest.spiking import (
    Afferents,
    AttenuatedTeacher,
    FixedRateTeacher,
    GivenGroup,
    GivenTeacher,
    PoissonNeuron,
    RealisableTeacher,
    Settings,
    Spikes,
    SpikeTrains,
    SteadyGroup,
    Task,
    VaryingGroup,
    backpropagation,
    check_run,
    cost_per_bin,
    cost_per_second,
    evaluate,
    exponential_attenuation,
    paper_task,
    rate_distance,
    read_spike_trains,
    weight_distance,
)
from steepest.spiking.recording import record_steps

NEURON = PoissonNeuron()
TWO = Afferents.steady([10.0, 50.0])


def test_the_papers_task():
    task, start = paper_task(5, n=6, seed=3, test_samples=7)
    np.testing.assert_array_equal(task.afferents.constant_rates, [10, 10, 10, 50, 50, 50])
    target = task.teacher.weights
    assert start.shape == target.shape == (5, 6)
    assert np.abs(np.concatenate([start, target])).max() <= 1 / 6
    assert task.test_usps.shape == (7, 6)
    again, same = paper_task(5, n=6, seed=3, test_samples=7)
    np.testing.assert_array_equal(start, same)
    np.testing.assert_array_equal(task.test_usps, again.test_usps)
    assert not np.array_equal(paper_task(5, n=6, seed=4)[1], start)


def test_rates_follow_a_sinusoid_or_keep_still_in_intervals():
    times = np.arange(0, 2, 0.0005)
    wave = VaryingGroup.sinusoid(2, 20.0, 15.0, 3.0, 2.0)
    known = 20 + 15 * np.sin(6 * np.pi * times)
    np.testing.assert_allclose(wave.rates(times)[:, 1], known, atol=15 * 1.3e-4)
    steps = VaryingGroup.intervals(1, [0.0, 0.3, 1.2], [10.0, 50.0, 5.0])
    known = np.select([times < 0.3, times < 1.2], [10.0, 50.0], 5.0)
    np.testing.assert_array_equal(steps.rates(times)[:, 0], known)


def test_groups_follow_each_other_and_rates_vary_between_knots():
    trains = SpikeTrains([[0.0, 0.5], []], 2.0)
    afferents = Afferents(
        [SteadyGroup(2, 10.0), VaryingGroup(1, [0.0, 1.0], [0.0, 40.0]), GivenGroup(trains)]
    )
    assert afferents.size == 5
    assert afferents.constant_rates is None
    expected = [[10, 10, 10, 1, 0], [10, 10, 40, 1, 0]]
    np.testing.assert_allclose(afferents.rates(np.array([0.25, 3.0])), expected)
    np.testing.assert_array_equal(afferents.is_given, [False, False, False, True, True])
    counts = afferents.given_counts(0, 1001, 5e-4)
    assert counts.sum() == 2
    assert counts[0, 3] == counts[1000, 3] == 1
    assert [g.size for g in Afferents.steady([5.0, 5, 7, 5]).groups] == [2, 1, 1]


def test_a_spike_at_the_edge_of_a_bin_belongs_to_the_bin_that_starts_there():
    times = np.arange(200) * 5e-4
    counts = SpikeTrains([times, times + 1e-5], 0.1).counts(0, 200, 5e-4)
    np.testing.assert_array_equal(counts, 1)
    # Past 2^24 bins an edge divided by the step falls below its bin by some units of rounding.
    late = np.arange(2**24, 2**24 + 500)
    far = SpikeTrains([late * 5e-4], late[-1] * 5e-4 + 1).counts(2**24, 2**24 + 500, 5e-4)
    np.testing.assert_array_equal(far, 1)
    with pytest.raises(DataError, match="at most 255"):
        SpikeTrains([np.zeros(256)], 0.1).counts(0, 1, 5e-4)


@pytest.mark.parametrize(
    ("trains", "message"),
    [
        ([[0.1], [0.2, 0.1]], "spike train 1: spike 1 at 0.1 s comes before"),
        ([[0.1, 1.0]], "spike train 0: spike 1 at 1 s is outside the run of 1 s"),
        ([[-0.1]], "outside the run"),
        ([[np.nan]], "outside the run"),
        ([[[0.1]]], "one array"),
        ([], "none were given"),
    ],
)
def test_bad_spike_trains_are_refused(trains, message):
    with pytest.raises(DataError, match=message):
        SpikeTrains(trains, 1.0)


def test_a_spike_file_is_read(tmp_path):
    path = tmp_path / "spikes.csv"
    path.write_text("# afferent, time\n1, 0.2\n0 0.1\n\n1,0.3  # late\n")
    trains = read_spike_trains(path, 3, 1.0)
    assert [list(t) for t in trains.trains] == [[0.1], [0.2, 0.3], []]
    np.testing.assert_allclose(trains.rates, [1, 2, 0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0, 0.1\nx, 0.2\n", "row 2"),
        ("0\n", "row 1"),
        ("0, 0.1, 3\n", "row 1"),
        ("0, 0.1\n3, 0.1\n", "row 2: afferent 3"),
        ("0, 0.2\n0, 0.1\n", "comes before"),
        ("0, 7\n", "outside the run"),
    ],
)
def test_bad_spike_files_name_the_row(tmp_path, text, message):
    path = tmp_path / "spikes.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_spike_trains(path, 2, 1.0)
    with pytest.raises(DataError, match="cannot be read"):
        read_spike_trains(tmp_path / "none.csv", 2, 1.0)


def task(**other):
    return Task(**({"neuron": NEURON, "afferents": TWO, "teacher": FixedRateTeacher(20.0)} | other))


def raw(kind, **fields):
    """Made as users make it, without the run-time type checks of the tests."""
    inspect.unwrap(kind.__init__)(object.__new__(kind), **fields)


TASK = {"neuron": NEURON, "afferents": TWO}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SteadyGroup(3, -1.0), "not negative"),
        (lambda: SteadyGroup(3, float("nan")), "not negative"),
        (lambda: SteadyGroup(0, 1.0), "positive number"),
        (lambda: VaryingGroup(1, [0.0, 1.0], [1.0]), "one rate for each time"),
        (lambda: VaryingGroup.intervals(1, [0.0, 1.0], [1.0]), "one each"),
        (lambda: VaryingGroup.intervals(1, [1.0, 0.0], [1.0, 2.0]), "increase"),
        (lambda: VaryingGroup.sinusoid(1, 10.0, 5.0, 0.0, 1.0), "frequency 0"),
        (lambda: VaryingGroup.sinusoid(1, 10.0, 15.0, 2.0, 1.0), "not negative"),
        (lambda: VaryingGroup(1, [1.0, 0.0], [1.0, 2.0]), "increase"),
        (lambda: VaryingGroup(1, [0.0, 1.0], [1.0, -2.0]), "not negative"),
        (lambda: GivenGroup(SpikeTrains([[]], 1.0), [1.0, 2.0]), "nominal"),
        (lambda: Afferents([]), "at least one group"),
        (lambda: Afferents.steady([1.0, np.inf]), "not negative"),
        (lambda: RealisableTeacher([0.1, np.nan]), r"number \(1\) is nan"),
        (lambda: RealisableTeacher(np.zeros((1, 1, 1))), "trials, n"),
        (lambda: FixedRateTeacher(-1.0), "not negative"),
        (lambda: GivenTeacher(SpikeTrains([[], []], 1.0)), "one spike train"),
        (lambda: AttenuatedTeacher(FixedRateTeacher(1.0), [0.5, 1.5]), "from 0 to 1"),
        (lambda: exponential_attenuation([-1.0]), "distances"),
        (lambda: exponential_attenuation([1.0], 0.0), "length is positive"),
        (lambda: backpropagation([1.0], 10.0, 0.0), "width is positive"),
        (lambda: task(teacher=RealisableTeacher([0.1])), "1 numbers for 2 afferents"),
        (
            lambda: task(teacher=AttenuatedTeacher(FixedRateTeacher(1.0), [1.0])),
            "1 numbers for 2 afferents",
        ),
        (
            lambda: raw(Task, teacher=None, **TASK),
            "a class of your own that derives from AbstractTeacher",
        ),
        (lambda: raw(Task, teacher="teacher", **TASK), "not 'teacher'"),
        (lambda: raw(Task, teacher=RealisableTeacher, **TASK), "not the class RealisableTeacher"),
        (lambda: raw(AttenuatedTeacher, teacher=None, factors=[1.0]), "a teacher is a Realisable"),
        (
            lambda: raw(Task, neuron=PoissonNeuron, afferents=TWO, teacher=FixedRateTeacher(1.0)),
            "a task is a PoissonNeuron, Afferents and",
        ),
        (lambda: task(test_usps=np.zeros((3, 1))), "1 numbers for 2 afferents"),
        (lambda: task(test_usps=np.zeros(2)), "samples"),
        (lambda: task(test_usps=np.full((1, 2), np.nan)), "test USPs"),
        (lambda: paper_task(1, n=1), "2 or more"),
        (lambda: Settings(-1.0, 1.0), "learning rate"),
        (lambda: Settings(np.nan, 1.0), "learning rate"),
        (lambda: Settings(1.0, 1e-5), "less than one step"),
        (lambda: Settings(1.0, 1.0, 0.0), "positive"),
        (lambda: Spikes(np.zeros((2, 1, 2)), np.zeros((3, 1))), "must agree"),
        (lambda: Spikes(np.full((2, 1, 2), 0.5), np.zeros((2, 1))), "whole numbers"),
        (lambda: Spikes(np.full((2, 1, 2), 256), np.zeros((2, 1))), "represented"),
        (lambda: Spikes(np.full((2, 1, 2), -1), np.zeros((2, 1))), "represented"),
        (lambda: Spikes(np.zeros((2, 2)), np.zeros((2, 1))), "steps, trials, n"),
        (lambda: record_steps([3.0], 10, 0.1), "outside the run"),
        (lambda: record_steps([], 10, 0.1), "outside the run"),
        (lambda: record_steps(0, 10, 0.1), "whole number of intervals, 1 or more"),
    ],
)
def test_bad_tasks_are_refused(make, message):
    with pytest.raises(UsageError, match=message):
        make()


SETTINGS = Settings(1e-3, 0.1, seed=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"settings": Settings(1e-3, 0.1, 0.003, seed=1)}, "below the kernel's shortest"),
        ({"settings": Settings(1e-3, 0.1)}, "give a seed"),
        ({"weights": [0.1]}, "for 2 afferents"),
        ({"weights": [0.1, np.inf]}, "give finite numbers"),
        ({"task": task(afferents=Afferents.steady([10.0, 1500.0]))}, "dt <= 0.000333"),
        ({"task": task(teacher=FixedRateTeacher(1200.0))}, "the teacher: a rate of 1200 Hz"),
        ({"task": task(teacher=RealisableTeacher(np.zeros((3, 2))))}, "3 teachers for 1 trials"),
        ({"task": task(teacher=GivenTeacher(SpikeTrains([[]], 0.05)))}, "after the teacher's"),
        (
            {"task": task(afferents=Afferents([GivenGroup(SpikeTrains([[], []], 0.05))]))},
            "trains end at 0.05",
        ),
        ({"spikes": Spikes(np.zeros((7, 1, 2)), np.zeros((7, 1)))}, "200 steps of 1 trials"),
    ],
)
def test_bad_runs_are_refused(changes, message):
    given = {
        "task": task(), "weights": [0.1, 0.2], "settings": SETTINGS, "spikes": None, "state": None
    } | changes  # fmt: skip
    with pytest.raises(UsageError, match=message):
        check_run(**given)


def test_costs_are_divergences():
    target, rate = np.array([[10.0, 40.0]]), np.array([[20.0, 30.0]])
    p, q = target * 5e-4, rate * 5e-4
    expected = np.mean(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))
    assert float(cost_per_bin(target, rate)[0]) == pytest.approx(expected, rel=1e-12)
    poisson = np.mean(target * np.log(target / rate) - target + rate)
    assert float(cost_per_second(target, rate)[0]) == pytest.approx(poisson, rel=1e-12)
    assert poisson * 5e-4 == pytest.approx(expected, rel=0.03)
    gaps = [abs(float(cost_per_bin(target, rate, dt)[0]) / dt - poisson) for dt in (2e-4, 1e-4)]
    assert np.log2(gaps[0] / gaps[1]) == pytest.approx(1, abs=0.02)
    assert float(cost_per_bin(target, target)[0]) == 0
    assert float(rate_distance(target, rate)[0]) == 10
    assert float(weight_distance(np.zeros(2), np.array([3.0, 4.0]))) == 5


def test_the_rules_descend_this_cost():
    """-dD/dw/dt = E[(phi* - phi) phi'/phi x], by differentiating the cost itself."""
    learning, start = paper_task(1, n=6, seed=1, test_samples=9)
    target = learning.teacher_rates(learning.test_usps)[0]
    usps, w, step = learning.test_usps, start[0], 1e-6
    rates = np.asarray(NEURON.rate(usps @ w))
    factor = (target - rates) * np.asarray(NEURON.log_slope(usps @ w))
    expected = np.mean(factor[:, None] * usps, axis=0)

    def cost(w):
        return float(cost_per_second(jnp.asarray(target), NEURON.rate(usps @ w)))

    slopes = [(cost(w + e) - cost(w - e)) / (2 * step) for e in step * np.eye(6)]
    np.testing.assert_allclose(-np.array(slopes), expected, rtol=1e-6)


def test_what_is_not_there_is_not_evaluated():
    found = evaluate(task(), np.zeros((1, 2)))
    assert found == {}
    found = evaluate(task(test_usps=np.ones((4, 2))), np.zeros((1, 2)))
    assert set(found) == {"cost", "cost_per_second", "rate_distance"}
    spikes = GivenTeacher(SpikeTrains([[0.1]], 1.0))
    assert evaluate(task(teacher=spikes, test_usps=np.ones((4, 2))), np.zeros((1, 2))) == {}
    realisable = task(teacher=AttenuatedTeacher(RealisableTeacher([0.0, 1.0]), [1.0, 0.5]))
    np.testing.assert_allclose(evaluate(realisable, np.zeros((3, 2)))["weight_distance"], 1.0)


def test_attenuation_with_distance():
    np.testing.assert_allclose(exponential_attenuation([0.0, 460.517]), [1, 0.1], rtol=1e-5)
    assert backpropagation([1e6], 200.0, 1.0)[0] == 0  # and no overflow on the way
    factors = backpropagation([0.0, 200.0, 1000.0], 200.0, 30.0)
    np.testing.assert_allclose(factors, [0.9987, 0.5, 0.0], atol=1e-4)


def test_recording_times_are_steps():
    assert record_steps(None, 100, 0.01) == [0, 100]
    assert record_steps(4, 100, 0.01, first=20) == [20, 45, 70, 95, 120]
    assert record_steps([0.5, 0.25, 0.5], 100, 0.01) == [25, 50]
