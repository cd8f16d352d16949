"""The front door: which engine runs, what is recorded, and going on from a saved state."""

from contextlib import contextmanager
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from steepest.errors import DataError, LearningError, MetricError, UsageError
from steepest.geometry import HyperbolicEntropy, Weber
from steepest.geometry.chart import Scaling
from steepest.spiking import (
    Afferents,
    Alpha,
    ApproximateNaturalRule,
    EuclideanRule,
    FixedRateTeacher,
    GivenGroup,
    GivenTeacher,
    MetricRule,
    MirrorRule,
    NaturalRule,
    PoissonNeuron,
    QuadraticNaturalRule,
    RealisableTeacher,
    RectifiedQuadratic,
    Sigmoid,
    Spikes,
    SpikeTrains,
    State,
    SteadyGroup,
    Task,
    VaryingGroup,
    dense,
    event_run,
    events,
    paper_task,
    recorder,
    recording,
    simulate,
    simulate_dense,
    why_dense,
)
from steepest.spiking.event_run import events_of, to_event_model
from steepest.spiking.recording import evaluate, record_steps
from steepest.spiking.settings import Settings

DT = 5e-4
RATE = 3e-3


@pytest.fixture(scope="module")
def learner():
    """A task of 10 afferents and 2 trials, and weights to start from."""
    return paper_task(2, n=10, seed=1, test_samples=4)


@pytest.fixture(scope="module")
def whole(learner):
    """One second of learning, recorded in seven intervals."""
    task, w = learner
    return simulate(task, NaturalRule(), w, rate=RATE, duration=1.0, seed=5, record=7)


def changed(task, **changes):
    parts = {
        "neuron": task.neuron,
        "afferents": task.afferents,
        "teacher": task.teacher,
        "test_usps": task.test_usps,
    }
    return Task(**parts | changes)


def trains(n, duration, seed=0, rate=40.0):
    random = np.random.default_rng(seed)
    return [np.sort(random.uniform(0, duration, random.poisson(rate * duration))) for _ in range(n)]


def given_task(task, duration=1.0, **changes):
    group = GivenGroup(SpikeTrains(trains(10, duration), duration))
    return changed(task, afferents=Afferents([group]), **changes)


REASONS = {
    "QuadraticNaturalRule": (lambda task: (task, QuadraticNaturalRule(), None)),
    "chart": (lambda task: (task, NaturalRule(), Scaling(np.full(10, 0.5)))),
    "Sigmoid": (
        lambda task: (
            changed(task, neuron=PoissonNeuron(RectifiedQuadratic())),
            EuclideanRule(),
            None,
        )
    ),
    "difference of exponentials": (
        lambda task: (changed(task, neuron=PoissonNeuron(kernel=Alpha(0.01))), NaturalRule(), None)
    ),
    "fall to 0 Hz": (
        lambda task: (
            changed(task, afferents=Afferents([VaryingGroup(10, [0, 1], [10, 0])])),
            NaturalRule(),
            None,
        )
    ),
    "no few sums": (lambda task: (task, MetricRule(Weber()), None)),
    "HyperbolicEntropy": (lambda task: (task, MirrorRule(HyperbolicEntropy(0.1)), None)),
    "others draw spikes": (
        lambda task: (
            changed(
                task,
                afferents=Afferents(
                    [SteadyGroup(8, 20.0), GivenGroup(SpikeTrains([[0.1], [0.2]], 1.0))]
                ),
            ),
            NaturalRule(),
            None,
        )
    ),
    "USP means": (
        lambda task: (
            changed(task, usp_means=np.full(10, 20.0), usp_variances=np.full(10, 900.0)),
            NaturalRule(),
            None,
        )
    ),
    "no afferent fires": (
        lambda task: (
            changed(task, afferents=Afferents([SteadyGroup(10, 0.0)])),
            EuclideanRule(),
            None,
        )
    ),
}


@pytest.mark.parametrize("word", REASONS)
def test_says_why_a_run_needs_the_dense_engine(learner, word):
    task, w = learner
    task, rule, chart = REASONS[word](task)
    assert word in why_dense(task, rule, chart)
    with pytest.raises(UsageError, match="take 'dense'"):
        simulate(task, rule, w, rate=RATE, duration=0.1, seed=0, chart=chart, engine="events")


def test_an_euler_step_of_a_time_constant_needs_the_dense_engine(learner):
    task, _ = learner
    almost = 0.003 * (1 - 1e-6)
    assert "Euler step" in why_dense(task, NaturalRule(), dt=almost, euler=True)
    assert why_dense(task, NaturalRule(), dt=almost) is None


def test_takes_the_event_driven_engine_where_it_can(learner, whole):
    task, _ = learner
    assert all(
        why_dense(task, r) is None
        for r in (EuclideanRule(), NaturalRule(), ApproximateNaturalRule())
    )
    dataset = whole.to_dataset()
    assert dataset.attrs["engine"] == "events"
    assert dataset["weights"].shape == (8, 2, 10)
    assert whole.complete
    np.testing.assert_allclose(whole.times, np.rint(np.arange(8) * 2000 / 7) * DT)
    assert set(whole.measures) >= {"cost", "rate_distance", "weight_distance", "gamma_s", "gamma_u"}


def test_recording_is_that_of_the_dense_engine(learner):
    """Times, voltages, costs and coefficients, from a teacher that fires as given."""
    task, w = learner
    random = np.random.default_rng(0)
    spikes = Spikes(
        random.poisson(task.afferents.constant_rates * DT, (300, 2, 10)),
        random.poisson(0.02, (300, 2)),
    )
    run = {"rate": RATE, "duration": 300 * DT, "spikes": spikes, "record": [0.0, 0.07, 0.15]}
    fast = simulate(task, NaturalRule(), w, **run)
    dense = simulate(task, NaturalRule(), w, engine="dense", **run)
    assert (fast.engine, dense.engine) == ("events", "dense")
    assert dense.attributes["engine_reason"] == "asked for"
    np.testing.assert_array_equal(fast.times, dense.times)
    np.testing.assert_allclose(fast.weights, dense.weights, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(fast.voltage, dense.voltage, atol=1e-11)
    assert set(fast.measures) == set(dense.measures)
    for name, values in dense.measures.items():
        np.testing.assert_allclose(fast.measures[name], values, rtol=1e-7, atol=1e-11)
    np.testing.assert_allclose(fast.state.traces, dense.state.traces, atol=1e-11)
    # The dense engine goes on from where this one stopped, and the other way round.
    one = simulate(task, NaturalRule(), state=fast.state, engine="dense", **run | {"record": None})
    other = simulate(task, NaturalRule(), state=dense.state, **run | {"record": None})
    assert (one.engine, other.engine, one.state.step) == ("dense", "events", 600)
    np.testing.assert_allclose(one.weights[-1], other.weights[-1], rtol=1e-9, atol=1e-13)


def test_given_trains_and_teachers_run_alike_on_both_engines(learner):
    task, w = learner
    teacher = GivenTeacher(SpikeTrains(trains(1, 1.0, seed=7), 1.0))
    task = given_task(task, teacher=teacher)
    run = {"rate": RATE, "duration": 0.15}
    fast = simulate(task, NaturalRule(), w, **run)
    assert fast.engine == "events"
    dense = simulate_dense(task, NaturalRule(), w, **run)
    np.testing.assert_allclose(fast.weights, dense.weights, rtol=1e-9, atol=1e-13)
    half = simulate(task, NaturalRule(), w, rate=RATE, duration=0.0505)
    rest = simulate(task, NaturalRule(), rate=RATE, duration=0.0995, state=half.state)
    np.testing.assert_array_equal(rest.weights[-1], fast.weights[-1])


def test_recording_does_not_change_the_run(learner, whole):
    task, w = learner
    bare = simulate(task, NaturalRule(), w, rate=RATE, duration=1.0, seed=5)
    np.testing.assert_array_equal(bare.weights[-1], whole.weights[-1])


def test_a_saved_run_goes_on_to_the_bit(learner, whole, tmp_path):
    task, w = learner
    # 731 steps: in the middle of a period, with spikes drawn and not yet used.
    first = simulate(task, NaturalRule(), w, rate=RATE, duration=731 * DT, seed=5)
    first.state.save(tmp_path / "state.npz")
    state = State.load(tmp_path / "state.npz")
    rest = simulate(task, NaturalRule(), rate=RATE, duration=1269 * DT, seed=5, state=state)
    np.testing.assert_array_equal(rest.weights[-1], whole.weights[-1])
    np.testing.assert_array_equal(rest.voltage[-1], whole.voltage[-1])
    assert rest.times[0] == pytest.approx(731 * DT)


@pytest.mark.parametrize("change", ["rule", "seed", "teacher"])
def test_a_state_of_another_run_goes_on_from_its_weights(learner, whole, change):
    task, _ = learner
    rule, seed = NaturalRule(), 5
    if change == "rule":
        rule = EuclideanRule()
    if change == "seed":
        seed = 6
    if change == "teacher":
        task = changed(task, teacher=FixedRateTeacher(20.0))
    rest = simulate(task, rule, rate=1e-7, duration=0.01, seed=seed, state=whole.state)
    np.testing.assert_allclose(rest.weights[0], whole.weights[-1], rtol=1e-12)
    np.testing.assert_allclose(rest.voltage[0], whole.voltage[-1], atol=1e-11)
    assert rest.state.step == 2020


def test_an_interrupted_run_keeps_what_it_recorded(learner, whole, monkeypatch):
    task, w = learner
    run = events.EventEngine.run

    def interrupted(self, until, advance=None):
        run(self, until, advance)
        if self.step > 1000:
            raise KeyboardInterrupt

    monkeypatch.setattr(events.EventEngine, "run", interrupted)
    part = simulate(task, NaturalRule(), w, rate=RATE, duration=1.0, seed=5, record=7)
    assert not part.complete
    assert 1 < len(part.times) < 8
    np.testing.assert_array_equal(part.weights, whole.weights[: len(part.times)])
    monkeypatch.undo()
    left = 1.0 - part.state.step * DT
    rest = simulate(task, NaturalRule(), rate=RATE, duration=left, seed=5, state=part.state)
    np.testing.assert_array_equal(rest.weights[-1], whole.weights[-1])


def test_ctrl_c_during_a_record_leaves_no_half_of_it(learner, whole, monkeypatch):
    task, w = learner
    seen = []

    def impatient(*arguments):
        seen.append(arguments)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return evaluate(*arguments)

    monkeypatch.setattr(recorder, "evaluate", impatient)
    part = simulate(task, NaturalRule(), w, rate=RATE, duration=1.0, seed=5, record=7)
    assert not part.complete
    assert len(part.times) == len(part.measures["cost"]) == 2
    np.testing.assert_array_equal(part.weights, whole.weights[:2])


CHANGES = {
    "weights": (lambda state: {"weights": 0.5 * state.weights}),
    "traces": (lambda state: {"traces": 0.5 * state.traces}),
    "step": (lambda state: {"step": state.step + 100}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_state_that_was_changed_goes_on_from_what_it_says(learner, whole, name):
    """With the numbers of the state, and the spikes that a state without an engine's part has."""
    task, _ = learner
    state = replace(whole.state, **CHANGES[name](whole.state))
    run = {"rate": RATE, "duration": 0.1, "seed": 5}
    out = simulate(task, NaturalRule(), state=state, **run)
    bare = simulate(task, NaturalRule(), state=replace(state, engine={}), **run)
    np.testing.assert_array_equal(out.weights, bare.weights)
    np.testing.assert_allclose(out.weights[0], state.weights, rtol=1e-12)
    assert out.state.step == state.step + 200


DAMAGE = {
    "missing": (lambda engine: engine.pop("random")),
    "shape": (lambda engine: engine.update(scalars=engine["scalars"][:, :-1])),
    "type": (lambda engine: engine.update(counters=engine["counters"].astype(np.int32))),
    "row": (lambda engine: engine["spikes"][0].fill(2**31)),
    "slot": (lambda engine: engine["spikes"][0].fill(-1)),
    "lane": (lambda engine: engine["candidates"][0].fill(99)),
    "count": (lambda engine: engine["counters"][0].__setitem__(2, 2**40)),
    "numbers": (lambda engine: engine["spikes_per_step"][0].fill(2**20)),
    "phase": (lambda engine: engine["counters"][0].__setitem__(1, 2**20)),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_engine_part_of_a_state_is_not_used(learner, whole, name):
    task, _ = learner
    engine = {key: array.copy() for key, array in whole.state.engine.items()}
    DAMAGE[name](engine)
    run = {"rate": RATE, "duration": 0.01, "seed": 5}
    out = simulate(task, NaturalRule(), state=replace(whole.state, engine=engine), **run)
    bare = simulate(task, NaturalRule(), state=replace(whole.state, engine={}), **run)
    np.testing.assert_array_equal(out.weights, bare.weights)
    sound = simulate(task, NaturalRule(), state=whole.state, **run)
    assert not np.array_equal(out.weights[-1], sound.weights[-1])


def test_a_neuron_that_says_nothing_is_named_with_the_cure(learner):
    task, w = learner
    for bias in (-4000.0, 4000.0):
        far = changed(task, neuron=PoissonNeuron(bias=bias))
        for rule in (NaturalRule(), ApproximateNaturalRule()):
            with pytest.raises(MetricError, match=r"trial 0, step 0 .*neuron's bias"):
                simulate(far, rule, w, rate=RATE, duration=0.01, seed=0)


@pytest.mark.slow
def test_a_failure_is_that_of_the_earliest_step_also_when_interrupted(learner):
    """Trials 0 to 7 are one block of lanes, trial 8 another, which fails earlier."""
    task, _ = learner
    random = np.random.default_rng(1)
    scale = np.r_[np.full(8, 1.0), 3.0][:, None]
    weights = scale * random.uniform(-0.1, 0.1, 10)
    task = changed(task, teacher=RealisableTeacher(np.zeros(10)))
    counts = random.poisson(task.afferents.constant_rates * DT, (400, 1, 10))
    taught = random.poisson(0.02, (400, 1))

    def fails(weights):
        trials = len(weights)
        spikes = Spikes(np.repeat(counts, trials, axis=1), np.repeat(taught, trials, axis=1))
        with pytest.raises(LearningError) as error:
            simulate(task, NaturalRule(), weights, rate=30.0, duration=0.2, spikes=spikes)
        return str(error.value).split(" (")[0]

    assert fails(weights) == "trial 8, step 61"
    assert fails(weights[8:]) == "trial 0, step 61"
    assert fails(weights[:8]) == "trial 0, step 113"

    def interrupt(amount):
        raise KeyboardInterrupt

    model = to_event_model(task, NaturalRule(), Settings(30.0, 0.2))
    for eta, raised in ((30.0, LearningError), (0.0, KeyboardInterrupt)):
        engine = events.EventEngine(
            replace(model, eta=eta), weights, 0 * weights, seed=None, draws=(False, False)
        )
        everywhere = (np.repeat(one, 9, axis=1) for one in (counts, taught))
        engine.give(*(events_of(one, 0) for one in everywhere))
        with pytest.raises(raised, match="trial 8, step 61" if eta else None):
            engine.run(400, interrupt)


def test_given_trains_are_counted_in_small_pieces(learner, monkeypatch):
    """However many trains there are, and to the bit as in one piece."""
    task, w = learner
    task = given_task(task, teacher=GivenTeacher(SpikeTrains(trains(1, 1.0, seed=7), 1.0)))
    run = {"rate": RATE, "duration": 0.15}
    usual = simulate(task, NaturalRule(), w, **run)
    sizes = []
    known = SpikeTrains.counts

    def counted(self, first, last, dt):
        counts = known(self, first, last, dt)
        sizes.append(counts.size)
        return counts

    monkeypatch.setattr(SpikeTrains, "counts", counted)
    monkeypatch.setattr(event_run, "_GIVEN_AT_ONCE", 500)
    pieces = simulate(task, NaturalRule(), w, **run)
    assert max(sizes) <= 500
    np.testing.assert_array_equal(pieces.weights[-1], usual.weights[-1])


BAD = {
    "neither": ({"weights": None}, "weights to start from"),
    "engine": ({"engine": "fast"}, "engines are"),
    "threads": ({"threads": 0}, "threads=0"),
    "rate": ({"rate": np.nan}, "learning rate"),
    "dt": ({"dt": 0.003}, "dt is"),
    "much_too_large_dt": ({"dt": 0.02}, "dt is"),
    "negative_dt": ({"dt": -1e-4}, "dt is"),
    "weights": ({"weights": np.array([0.1, np.inf] * 5)}, "finite"),
    "lengths": ({"weights": np.zeros(9)}, "10 afferents"),
    "record": ({"record": [2.0]}, "outside the run"),
    "a_count_that_could_be_a_time": ({"record": 4.0}, "whole number of intervals"),
    "a_count_that_is_a_flag": ({"record": True}, "whole number of intervals"),
    "no_interval": ({"record": 0}, "whole number of intervals"),
    "no_seed": ({"seed": None}, "seed"),
    "negative_seed": ({"seed": -1}, "the seed is -1"),
    "huge_seed": ({"seed": 2**63}, "from 0 to 2"),
    "a_seed_that_is_a_flag": ({"seed": True}, "the seed is True"),
    "traces": ({"state": State(0, np.zeros((2, 10)), np.full((2, 2, 10), np.nan))}, "traces"),
    "negative_step": ({"state": State(-3, np.zeros((2, 10)), np.zeros((2, 2, 10)))}, "step -3"),
    "spikes_of_another_length": (
        {"spikes": Spikes(np.zeros((5, 2, 10)), np.zeros((5, 2)))},
        "steps",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused(learner, name):
    task, w = learner
    arguments, words = BAD[name]
    usual = {"weights": w, "rate": RATE, "duration": 0.1, "seed": 0}
    with pytest.raises(UsageError, match=words):
        simulate(task, NaturalRule(), **usual | arguments)


TOO_MUCH = {
    "huge_weights": (
        {"weights": 1e8},
        r"trial 0: the voltage would spread by .* 1000 mV .* smaller",
    ),
    "weights_of_1e10": ({"weights": 1e10}, "the voltage would spread"),
    "weights_without_a_square": ({"weights": 1e160}, "no finite number; start from smaller"),
    "a_state": ({"state": 1e8}, "the voltage would spread"),
    "rates": ({"rates": 1e6, "weights": 1e2, "dt": 1e-7, "duration": 1e-5}, "lower rates"),
    "steps": ({"duration": 1e300}, r"2e\+303 steps"),
    "more_steps_than_can_be_counted": ({"duration": 1e13}, "9.01e"),
    "records": ({"record": 10**9}, r"1000000001 records of 2 trials with 10 synapses take 288 GB"),
}


@pytest.mark.parametrize("engine", ["events", "dense"])
@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_no_quadrature_and_no_memory_holds_is_refused_before_the_run(
    learner, name, engine, monkeypatch
):
    """One weight of 1e8 took minutes that no Ctrl-C could end, 1e10 an IndexError."""
    task, w = learner
    run, words = TOO_MUCH[name]
    monkeypatch.setattr(recording, "memory", lambda: 64e9)
    run = {"rate": RATE, "duration": 0.1, "seed": 0, "engine": engine} | run
    scale = run.pop("weights", 1.0)
    weights = np.where(np.arange(10) == 3, scale, 1.0) * w
    if "state" in run:
        huge = np.where(np.arange(10) == 3, run["state"], 1.0) * w
        run["state"] = State(0, huge, np.zeros((2, 2, 10)))
    if "rates" in run:
        task = changed(task, afferents=Afferents.steady(np.full(10, run.pop("rates"))))
    for rule in (NaturalRule(), ApproximateNaturalRule()):
        with pytest.raises(UsageError, match=words):
            simulate(task, rule, weights, **run)


def test_the_euclidean_rule_needs_no_quadrature(learner):
    task, w = learner
    run = {"rate": RATE, "duration": 0.01, "seed": 0}
    assert np.isfinite(simulate(task, EuclideanRule(), 1e8 * w, **run).weights).all()


@pytest.mark.parametrize("rule", [NaturalRule(), ApproximateNaturalRule(), EuclideanRule()])
def test_weights_that_run_away_while_they_learn_end_the_run(learner, rule):
    task, w = learner
    error = LearningError if isinstance(rule, EuclideanRule) else MetricError
    rate = 1e308 if isinstance(rule, EuclideanRule) else 1e8
    with pytest.raises(error, match="run away; lower the learning rate"):
        simulate(task, rule, w, rate=rate, duration=0.5, seed=0)


def test_as_many_intervals_as_steps_are_every_step():
    assert record_steps(7, 3, DT, first=2) == record_steps(3, 3, DT, first=2) == [2, 3, 4, 5]


RULES = {"natural": NaturalRule, "approximate": ApproximateNaturalRule, "euclidean": EuclideanRule}
STEPS = 420


@pytest.fixture(scope="module")
def in_one_go(learner):
    """A function of a rule's name and an engine: how the run that never stopped ended."""
    task, w = learner

    @cache
    def run(name, engine):
        rate = 1e-6 if name == "euclidean" else RATE
        options = {"rate": rate, "seed": 5, "engine": engine, "record": 3}
        rule = RULES[name]()
        return rule, options, simulate(task, rule, w, duration=STEPS * DT, **options)

    return run


def stopped_everywhere(points):
    """Steps of a run, its first and last ones and those around a rebase among them."""
    return np.unique(np.linspace(1, STEPS - 1, points).astype(int)).tolist()


FEW = {("natural", "events"), ("natural", "dense"), ("approximate", "events")}
EVERYWHERE = [(name, engine) for name in RULES for engine in ("events", "dense")]


@pytest.mark.parametrize(
    ("name", "engine", "points"),
    [
        *[(*which, 4) for which in EVERYWHERE if which in FEW],
        *[pytest.param(*which, 60, marks=pytest.mark.slow) for which in EVERYWHERE],
    ],
)
def test_a_run_interrupted_anywhere_goes_on_to_the_bit(
    learner, in_one_go, tmp_path, monkeypatch, name, engine, points
):
    """Ctrl-C comes while the progress is shown, the state goes through a file, the run goes on."""
    task, w = learner
    rule, options, whole = in_one_go(name, engine)
    module = {"events": event_run, "dense": dense}[engine]
    for stop in stopped_everywhere(points):
        made = [0.0]

        @contextmanager
        def impatient(description, total, stop=stop, made=made):
            def advance(amount=1.0, description=None):
                made[0] += amount
                if made[0] >= stop - 0.5:
                    raise KeyboardInterrupt

            yield advance

        with monkeypatch.context() as patch:
            patch.setattr(module, "progress_bar", impatient)
            times = [0.0, stop * DT, STEPS * DT]
            part = simulate(task, rule, w, duration=STEPS * DT, **options | {"record": times})
        assert not part.complete
        assert part.state.step == stop
        part.state.save(tmp_path / "state.npz")
        state = State.load(tmp_path / "state.npz")
        left = (STEPS - state.step) * DT
        rest = simulate(task, rule, duration=left, state=state, **options)
        np.testing.assert_array_equal(rest.weights[-1], whole.weights[-1])
        np.testing.assert_array_equal(rest.state.traces, whole.state.traces)
        np.testing.assert_array_equal(part.weights, whole.weights[:1])


def test_a_count_of_numpys_is_a_count():
    assert record_steps(np.int64(4), 400, DT) == record_steps(4, 400, DT) == [0, 100, 200, 300, 400]


@pytest.mark.parametrize("engine", ["events", "dense"])
def test_a_neuron_that_can_fire_more_than_half_a_spike_per_bin_is_refused(learner, engine):
    task, w = learner
    run = {"rate": RATE, "duration": 0.01, "seed": 0, "engine": engine}
    for teacher in (task.teacher, FixedRateTeacher(20.0)):
        fast = changed(task, neuron=PoissonNeuron(Sigmoid(maximum=5000.0)), teacher=teacher)
        with pytest.raises(UsageError, match=r"highest rate: .* 5000 Hz .* dt <= 0\.0001 s"):
            simulate(fast, NaturalRule(), w, **run)


@pytest.mark.parametrize("engine", ["events", "dense"])
def test_a_given_spike_of_a_silent_afferent_is_refused(learner, engine):
    task, w = learner
    task = changed(task, afferents=Afferents.steady([10.0] * 4 + [0.0] + [50.0] * 5))
    counts = np.zeros((20, 2, 10))
    counts[7, 1, 4] = counts[9, 0, 4] = 1
    run = {"rate": RATE, "duration": 0.01, "engine": engine}
    spikes = Spikes(counts, np.zeros((20, 2)))
    with pytest.raises(UsageError, match="afferent 4 spikes in step 7, trial 1, but its rate is 0"):
        simulate(task, EuclideanRule(), w, spikes=spikes, **run)


def test_rates_that_fire_more_than_half_a_spike_per_bin_are_refused(learner):
    task, w = learner
    task = changed(task, afferents=Afferents([SteadyGroup(10, 1500.0)]))
    with pytest.raises(UsageError, match="per bin"):
        simulate(task, NaturalRule(), w, rate=RATE, duration=0.1, seed=0)


def test_a_run_past_the_given_spikes_is_refused(learner):
    task, w = learner
    with pytest.raises(UsageError, match="end at 1 s"):
        simulate(given_task(task), NaturalRule(), w, rate=RATE, duration=2.0, seed=0)


def test_a_file_that_is_no_state_is_refused_and_not_unpickled(tmp_path):
    path = tmp_path / "state.npz"
    path.write_bytes(b"no state at all")
    with pytest.raises(DataError, match="not a saved state"):
        State.load(path)
    np.savez(path, step=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="not a saved state"):
        State.load(path)
    with pytest.raises(DataError, match="not a saved state"):
        State.load(tmp_path / "absent.npz")
    np.savez(path, step=0, weights=np.zeros((2, 3)), traces=np.zeros((2, 2, 4)))
    with pytest.raises(DataError, match="do not fit"):
        State.load(path)


def test_a_teacher_of_weights_per_trial_must_fit(learner):
    task, w = learner
    task = changed(task, teacher=RealisableTeacher(np.zeros((3, 10))))
    with pytest.raises(UsageError, match="3 teachers for 2 trials"):
        simulate(task, NaturalRule(), w, rate=RATE, duration=0.1, seed=0)


def test_idle_lanes_cost_nothing_and_change_nothing():
    """Four trials fill half a vector; what the idle half drifts to must not be integrated."""
    task, start = paper_task(trials=4, n=100, seed=0)
    fast = {"rate": 32 * 4.5e-4, "duration": 20.0, "record": [20.0]}
    ended = simulate(task, ApproximateNaturalRule(), start, seed=3, **fast)
    assert ended.engine == "events"
    assert np.isfinite(ended.weights).all()


def test_a_recording_tells_and_draws_itself(whole):
    told = str(whole).splitlines()
    assert told[0].startswith("Recording: 2 trials of 10 synapses until 1 s")
    assert len(told) == 4
    panels = whole.plot().axes
    assert [axes.get_title(loc="left")[0] for axes in panels] == ["A", "B"]
    assert len(panels[1].lines) == 10
    bare = replace(whole, measures={}, complete=False)
    assert str(bare).endswith("engine; interrupted")
    assert len(bare.plot().axes) == 1
