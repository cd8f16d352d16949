"""The engine for GPUs, without one: in Numba's simulator, and a thread's source on a CPU."""

import json
import math
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numba
import numpy as np
import pytest
from test_spiking_events import APPROXIMATE, CASES, DT, EUCLIDEAN, NATURAL, as_events, plain_loop
from test_spiking_events import model as make_model

from steepest.errors import LearningError, MetricError, UsageError
from steepest.geometry import Euclidean
from steepest.machine import compiled
from steepest.spiking import (
    Afferents,
    Alpha,
    AttenuatedTeacher,
    EuclideanRule,
    Exponential,
    FixedRateTeacher,
    GivenGroup,
    GivenTeacher,
    MetricRule,
    NaturalRule,
    PoissonNeuron,
    QuadraticNaturalRule,
    SpikeTrains,
    SteadyGroup,
    Task,
    VaryingGroup,
    _gpu_threads,
    gpu_engine,
    paper_task,
    simulate,
    why_not_gpu,
)
from steepest.spiking import _gpu_rows as row
from steepest.spiking._philox import INPUTS, TEACHER, count_spikes, draw, key_of, philox
from steepest.spiking.event_model import Events
from steepest.spiking.events import EventEngine
from steepest.spiking.gpu_engine import GpuEngine, open_gpu
from steepest.spiking.gpu_layouts import THREADS_FROM, Teams, Threads, layout_of

RULES = [EUCLIDEAN, NATURAL, APPROXIMATE]


# Known answers of Random123 (kat_vectors: philox4x32 10).
@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_philox_gives_the_known_answers(counter, key, words):
    plain = getattr(philox, "py_func", philox)
    assert [int(word) for word in plain(*map(np.uint64, counter + key))] == words


def test_a_key_belongs_to_a_seed_and_a_first_step():
    keys = {key_of(seed, step) for seed in (0, 1, 2**62) for step in (0, 1, 2**40)}
    assert len(keys) == 9


class Simulated:
    """Jobs for `gpu_simulated.py`, which runs in one process, and what it gave."""

    def __init__(self, folder):
        self.folder, self.jobs, self.spikes, self.models = Path(folder), {}, {}, {}

    def add(self, name, model, weights, target, spikes=None, **how):
        told = asdict(model) | {"rates": model.rates.tolist()}
        told = {key: value for key, value in told.items() if not isinstance(value, np.ndarray)}
        self.jobs |= {f"{name}/model": json.dumps(told), f"{name}/how": json.dumps(how)}
        self.jobs |= {f"{name}/weights": weights, f"{name}/target": target}
        if spikes is not None:
            self.jobs |= {f"{name}/counts": spikes[0], f"{name}/taught": spikes[1]}
        self.models[name], self.spikes[name] = model, spikes

    def run(self):
        np.savez(self.folder / "jobs.npz", **self.jobs)
        script = Path(__file__).parent / "gpu_simulated.py"
        # Nothing is compiled: the threads of the simulator are Python's.
        environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
        paths = [str(self.folder / name) for name in ("jobs.npz", "results.npz")]
        subprocess.run([sys.executable, str(script), *paths], check=True, env=environment)
        self.results = dict(np.load(paths[1]))
        return self

    def of(self, name, what="weights"):
        return self.results[f"{name}/{what}"]

    def check(self, name, error):
        """Weights, voltages and traces are those of the loop over every synapse and step."""
        w, target = self.jobs[f"{name}/weights"], self.jobs[f"{name}/target"]
        assert target.shape == w.shape
        weights, voltages, traces = plain_loop(self.models[name], w, *self.spikes[name])
        assert np.abs(weights - w).max() > 1e-5 * np.abs(w).max()  # something was learned
        assert np.abs(self.of(name) - weights).max() < error * np.abs(weights).max()
        np.testing.assert_allclose(self.of(name, "voltages"), voltages, atol=1e-9)
        fires = self.models[name].rates > 0
        np.testing.assert_allclose(self.of(name, "traces")[..., fires], traces[..., fires], 0, 1e-9)


def drawn(rates, trials, steps, seed=0):
    random = np.random.default_rng(seed)
    n = len(rates)
    w, target = random.uniform(-3 / n, 3 / n, (2, trials, n))
    counts = random.poisson(rates * DT, (steps, trials, n))
    counts[2, 0, -1] = 3  # more than one spike of a synapse in a step
    return w, target, (counts, random.poisson(0.1, (steps, trials)))


@pytest.fixture(scope="module")
def quickly(tmp_path_factory):
    """Both kernels once, for a few steps."""
    simulated = Simulated(tmp_path_factory.mktemp("gpu"))
    rates = np.array([0.0, 10, 10, 50, 50])
    for name, trials, steps in (("teams", 1, 10), ("threads", 2, 70)):
        w, target, spikes = drawn(rates, trials, steps)
        how = {"layout": name, "block": 1, "stops": [3, steps]}
        simulated.add(name, make_model(NATURAL, rates), w, target, spikes, **how)
    return simulated.run()


@pytest.mark.parametrize("layout", ["teams", "threads"])
def test_a_kernel_in_the_simulator_learns_the_weights_of_the_plain_loop(quickly, layout):
    quickly.check(layout, 1e-11)


@pytest.fixture(scope="module")
def thoroughly(tmp_path_factory):
    """Both kernels: each rule and case, launches of other shapes, pauses, failures."""
    simulated = Simulated(tmp_path_factory.mktemp("gpu"))
    for layout in ("teams", "threads"):
        for rule in RULES:
            for case, (rates, decay, bias) in CASES.items():
                w, target, spikes = drawn(rates, 2, 70)
                model = make_model(rule, rates, decay=decay, bias=bias)
                how = {"layout": layout, "block": 32, "stops": [1, 33, 70]}
                simulated.add(f"{layout}-{rule}-{case}", model, w, target, spikes, **how)
        rates = np.repeat([100.0, 500.0], 4)
        w, target, _ = drawn(rates, 3, 3)
        w, target = w / 10, target / 10
        model = make_model(NATURAL, rates, eta=1e-3)
        for name, block, stops, paused in (
            ("one", 32, [70], False),
            ("parts", 32, [13, 70], False),
            ("paused", 32, [13, 65, 70], True),
            ("other-blocks", 2, [70], False),
        ):
            how = {"layout": layout, "block": block, "stops": stops, "paused": paused, "seed": 5}
            simulated.add(f"{layout}-{name}", model, w, target, **how)
        how = {"layout": layout, "block": 32, "stops": [70], "seed": 6}
        simulated.add(f"{layout}-other-seed", model, w, target, **how)
        w, target, spikes = drawn(np.repeat([10.0, 50.0], 5), 2, 60)
        model = make_model(NATURAL, np.repeat([10.0, 50.0], 5), eta=100.0)
        how = {"layout": layout, "block": 32, "stops": [60]}
        simulated.add(f"{layout}-fails", model, w, target, spikes, **how)
    rates = np.repeat([10.0, 50.0], 70)  # two synapses to a thread, two warps to a team
    w, target, spikes = drawn(rates, 1, 12)
    how = {"layout": "teams", "block": 32, "stops": [12]}
    simulated.add("wide", make_model(NATURAL, rates), w, target, spikes, **how)
    return simulated.run()


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("layout", ["teams", "threads"])
def test_kernels_learn_the_weights_of_the_plain_loop(thoroughly, layout, rule, case):
    thoroughly.check(f"{layout}-{rule}-{case}", 1e-11)


@pytest.mark.slow
def test_a_team_of_several_warps_learns_the_weights_of_the_plain_loop(thoroughly):
    thoroughly.check("wide", 1e-11)


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["teams", "threads"])
def test_drawn_spikes_depend_on_the_seed_and_not_on_launches_blocks_or_pauses(thoroughly, layout):
    whole = thoroughly.of(f"{layout}-one")
    assert np.array_equal(whole, thoroughly.of(f"{layout}-parts"))
    assert np.array_equal(whole, thoroughly.of(f"{layout}-paused"))
    assert np.array_equal(whole, thoroughly.of(f"{layout}-other-blocks"))
    assert not np.array_equal(whole, thoroughly.of(f"{layout}-other-seed"))


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["teams", "threads"])
def test_a_kernel_names_trial_step_and_rate_as_the_event_engine_does(thoroughly, layout):
    name = f"{layout}-fails"
    w, target = thoroughly.jobs[f"{name}/weights"], thoroughly.jobs[f"{name}/target"]
    counts, taught = thoroughly.spikes[name]
    engine = EventEngine(thoroughly.models[name], w, target, seed=0, draws=(False, False))
    engine.give(as_events(counts), as_events(taught))
    with pytest.raises((LearningError, MetricError)) as caught:
        engine.run(60)
    assert str(thoroughly.of(name, "error")) == f"{type(caught.value).__name__}: {caught.value}"


class OnCpu:
    """In place of a GPU's kernels: the very source of a thread, compiled for a CPU."""

    free = math.inf

    def __init__(self):
        self.cuda = self
        self.body = compiled()(_gpu_threads.run_trial)

    def to_device(self, array):
        return array.view(OnHost)

    def current_context(self):
        return self

    def get_memory_info(self):
        return self

    def synchronize(self):
        pass

    def thread_kernel(self):
        return self

    def __getitem__(self, shape):
        return self.launch

    def launch(self, trials, *run):
        run = [value.view(np.ndarray) if isinstance(value, OnHost) else value for value in run]
        for trial in range(trials):
            self.body(trial, *run)


class OnHost(np.ndarray):
    def copy_to_host(self):
        return np.array(self)


@pytest.fixture(scope="module")
def on_cpu():
    return OnCpu()


@pytest.fixture
def threads_engine(on_cpu, monkeypatch):
    monkeypatch.setattr(gpu_engine, "open_gpu", lambda: on_cpu)

    def make(model, w, target, **options):
        return GpuEngine(model, w, target, layout=Threads(model, len(w)), **options)

    return make


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_agrees_with_the_event_engine_on_given_spikes(threads_engine, rule):
    """To 1e-9 after 20,000 steps at some five times the paper's rate."""
    rates, steps, trials = np.repeat([10.0, 50.0], 25), 20_000, 3
    model = make_model(rule, rates)
    w, target, (counts, taught) = drawn(rates, trials, steps)
    w, target = w / 3, target / 3
    engines = [
        make(model, w, target, seed=0, draws=(False, False))
        for make in (EventEngine, threads_engine)
    ]
    for engine in engines:
        engine.give(as_events(counts), as_events(taught))
        engine.run(steps)
    events, threads = (engine.weights() for engine in engines)
    assert np.abs(events - w).max() > 0.01 * np.abs(w).max()
    assert np.abs(events - threads).max() < 1e-9 * np.abs(events).max()


@pytest.mark.slow
def test_drawn_spikes_of_a_thread_have_the_rates_of_their_afferents(threads_engine):
    """By the traces that they leave, whose mean is r dt a/(1 - a) and whose spread is measured."""
    rates = np.repeat([0.0, 5.0, 20.0, 80.0], [1, 3, 2, 4])
    trials = 64
    model = make_model(EUCLIDEAN, rates, eta=0.0)
    engine = threads_engine(model, np.zeros((trials, 10)), np.zeros((trials, 10)), seed=3)
    seen = []
    for step in range(400, 200_000, 400):  # 20 time constants apart
        engine.run(step)
        seen.append(engine.traces()[:, 0, rates > 0])
    seen = np.array(seen).reshape(-1, 9)
    expected = rates[rates > 0] * DT / (1 - model.decay[0])
    z = (seen.mean(axis=0) - expected) / (seen.std(axis=0) / math.sqrt(len(seen)))
    assert np.abs(z).max() < 4
    variance = rates[rates > 0] * DT / (1 - model.decay[0] ** 2)
    errors = ((seen - seen.mean(axis=0)) ** 2).std(axis=0) / math.sqrt(len(seen))
    assert np.abs((seen.var(axis=0) - variance) / errors).max() < 4
    across = np.corrcoef(seen.T)[np.triu_indices(9, 1)]
    assert np.abs(across).max() < 4.5 / math.sqrt(len(seen))
    total = 200_000 // 400 * 400 - 400
    number = engine._read("counters")[row.EVENTS] - total * DT * rates.sum()
    assert abs(number.mean()) < 4 * math.sqrt(total * DT * rates.sum() / trials)


@pytest.mark.slow
@pytest.mark.parametrize("fixed", [None, 12.0])
def test_a_student_that_is_its_teacher_does_not_drift_on_a_gpu(threads_engine, fixed):
    """E[y - phi dt] = 0 where student and teacher fire alike."""
    n, trials = 20, 256
    rates = np.full(n, 20.0)
    w = np.full((trials, n), 12.0 / (n * 20.0) if fixed is None else 0.0)
    bias = 0.0 if fixed is None else 10 + math.log(fixed / (100 - fixed)) / 0.3
    model = make_model(EUCLIDEAN, rates, eta=1e-9, teacher_rate=fixed, bias=bias)
    engine = threads_engine(model, w, w, seed=2)
    engine.run(20_000)
    drift = (engine.weights() - w) @ rates
    assert drift.std() > 0
    assert abs(drift.mean()) < 4 * drift.std() / math.sqrt(trials)


@pytest.mark.slow
def test_counts_of_a_synapse_of_a_team_are_poisson():
    @compiled()
    def counts_of(hazard, steps, synapse, trial, k0, k1):
        left, _ = draw(0, synapse, trial, INPUTS, k0, k1)
        event = 0
        counts = np.zeros(steps)
        for step in range(steps):
            counts[step], left, event = count_spikes(left, hazard, event, synapse, trial, k0, k1)
        return counts

    steps, key = 200_000, key_of(7, 0)
    trains = [
        [counts_of(hazard, steps, synapse, trial, *key) for synapse in (0, 1)]
        for trial, hazard in enumerate((0.005, 0.025, 0.5))
    ]
    for pair, hazard in zip(trains, (0.005, 0.025, 0.5), strict=True):
        for counts in pair:
            assert abs(counts.mean() - hazard) < 4 * math.sqrt(hazard / steps)
            error = math.sqrt((hazard + 2 * hazard**2) / steps)  # of a Poisson variance
            assert abs(counts.var() - hazard) < 4 * error
            lag = np.corrcoef(counts[1:], counts[:-1])[0, 1]
            assert abs(lag) < 4 / math.sqrt(steps)
        assert abs(np.corrcoef(*pair)[0, 1]) < 4 / math.sqrt(steps)


@pytest.mark.slow
def test_gaps_and_chances_are_what_they_say():
    @compiled()
    def many(count, stream, k0, k1):
        out = np.zeros((2, count))
        for i in range(count):
            out[0, i], out[1, i] = draw(i, 0, 3, stream, k0, k1)
        return out

    gaps, chances = many(200_000, TEACHER, *key_of(1, 0))
    assert gaps.min() >= 0
    assert 0 < chances.min() <= chances.max() <= 1
    root = math.sqrt(len(gaps))
    assert abs(gaps.mean() - 1) < 4 / root
    assert abs((gaps**2).mean() - 2) < 4 * math.sqrt(20) / root
    assert abs(chances.mean() - 0.5) < 4 * math.sqrt(1 / 12) / root
    assert abs(np.corrcoef(gaps, chances)[0, 1]) < 4 / root
    assert not np.array_equal(many(10, INPUTS, *key_of(1, 0))[0], gaps[:10])


@pytest.mark.slow
def test_a_run_on_a_gpu_goes_on_to_the_bit(on_cpu, monkeypatch):
    """By `simulate`, with records in between, a saved state and another learning rate after it."""
    monkeypatch.setattr(gpu_engine, "open_gpu", lambda: on_cpu)
    monkeypatch.setattr(gpu_engine, "layout_of", lambda model, trials: Threads(model, trials))
    task, w = paper_task(3, n=6, test_samples=2)
    run = {"rate": 6e-2, "seed": 4, "engine": "gpu"}
    whole = simulate(task, NaturalRule(), w, duration=1.0, **run)
    half = simulate(task, NaturalRule(), w, duration=0.4567, record=7, **run)
    rest = simulate(task, NaturalRule(), state=half.state, duration=1.0 - 0.4567, **run)
    assert np.array_equal(rest.weights[-1], whole.weights[-1])
    assert whole.engine == "gpu"
    assert whole.attributes["engine_reason"].startswith("asked for; a thread a trial")
    # Without the engine's own state new spikes are drawn, from the same weights.
    bare = half.state.__class__(half.state.step, half.state.weights, half.state.traces)
    other = simulate(task, NaturalRule(), state=bare, duration=1.0 - 0.4567, **run)
    assert not np.array_equal(other.weights[-1], whole.weights[-1])


@pytest.mark.slow
def test_given_trains_on_a_gpu_are_those_of_the_event_engine(on_cpu, monkeypatch):
    monkeypatch.setattr(gpu_engine, "open_gpu", lambda: on_cpu)
    monkeypatch.setattr(gpu_engine, "layout_of", lambda model, trials: Threads(model, trials))
    random = np.random.default_rng(0)
    trains = SpikeTrains([np.sort(random.uniform(0, 1, 20)) for _ in range(5)], duration=1.0)
    taught = SpikeTrains([np.sort(random.uniform(0, 1, 30))], duration=1.0)
    task = Task(PoissonNeuron(), Afferents([GivenGroup(trains)]), GivenTeacher(taught))
    w = random.uniform(-0.3, 0.3, (2, 5))
    gpu, events = (
        simulate(task, NaturalRule(), w, rate=6e-2, duration=1.0, record=3, engine=engine)
        for engine in ("gpu", "events")
    )
    assert np.abs(events.weights[-1] - w).max() > 1e-3
    np.testing.assert_allclose(gpu.weights, events.weights, 0, 1e-11)
    np.testing.assert_allclose(gpu.voltage, events.voltage, 0, 1e-9)


@pytest.mark.slow
def test_the_kernels_compile_for_a_gpu_and_spill_no_register():
    python = os.environ.get("STEEPEST_NUMBA_CUDA_PYTHON")
    if python is None:
        pytest.skip("STEEPEST_NUMBA_CUDA_PYTHON names no Python with numba-cuda[cu12]")
    script = Path(__file__).parent / "gpu_compiled.py"
    told = json.loads(subprocess.run([python, str(script)], check=True, capture_output=True).stdout)
    assert len(told) == 7
    for name, kernel in told.items():
        assert kernel["spilled"] == [0, 0], name
        assert kernel["registers"] <= 255, name
        assert (kernel["shuffles"] > 0) == (name != "threads")


BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


@pytest.mark.slow
def test_the_benchmark_checks_both_kernels_in_the_simulator():
    command = [sys.executable, str(BENCHMARK), "--simulate", "--json"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert len(told["checks"]) == 8
    assert all(check["holds"] for check in told["checks"].values())
    assert told["updates_per_second"] == {}


@pytest.mark.slow
def test_the_benchmark_says_where_nothing_can_be_measured():
    told = subprocess.run([sys.executable, str(BENCHMARK)], check=True, capture_output=True)
    if told.stdout.startswith(b"Device"):
        pytest.skip("there is a GPU")
    assert told.stdout.strip().endswith(b"Nothing was checked and nothing measured.")


def test_the_number_of_trials_picks_the_kernel():
    m = make_model(EUCLIDEAN, [10.0, 50.0])
    assert isinstance(layout_of(m, THREADS_FROM), Threads)
    assert isinstance(layout_of(m, THREADS_FROM - 1), Teams)


STEADY = SteadyGroup(2, 10.0)
TEACHER_WEIGHTS = [0.1, 0.2]


def a_task(neuron=None, groups=(STEADY,), teacher=None, **more):
    teacher = FixedRateTeacher(10.0) if teacher is None else teacher
    return Task(neuron or PoissonNeuron(), Afferents(groups), teacher, **more)


TRAINS = SpikeTrains([[0.1], [0.2]], duration=1.0)


@pytest.mark.parametrize(
    ("task", "rule", "words"),
    [
        (a_task(), MetricRule(Euclidean()), "the rule is MetricRule"),
        (a_task(), QuadraticNaturalRule(), "the rule is QuadraticNaturalRule"),
        (a_task(PoissonNeuron(Exponential())), NaturalRule(), "not Sigmoid"),
        (a_task(PoissonNeuron(kernel=Alpha(0.01))), NaturalRule(), "difference of exponentials"),
        (a_task(groups=(VaryingGroup(2, [0, 1], [1, 2]),)), NaturalRule(), "rates vary"),
        (a_task(groups=(STEADY, GivenGroup(TRAINS))), NaturalRule(), "others draw spikes"),
        (a_task(groups=(GivenGroup(TRAINS, [0.0, 1.0]),)), NaturalRule(), "nominal rate 0"),
        (
            a_task(teacher=AttenuatedTeacher(FixedRateTeacher(10.0), [1.0, 0.5])),
            NaturalRule(),
            "attenuated",
        ),
        (a_task(usp_means=[1.0, 1.0]), NaturalRule(), "USP means"),
        (a_task(groups=(SteadyGroup(2, 0.0),)), EuclideanRule(), "no afferent fires"),
    ],
)
def test_what_the_engine_for_gpus_cannot_do_is_named(task, rule, words):
    assert words in why_not_gpu(task, rule)


def test_what_cannot_be_done_is_named_before_a_gpu_is_looked_for():
    run = {"rate": 1e-3, "duration": 0.1, "seed": 0, "engine": "gpu"}
    with pytest.raises(UsageError, match="for GPUs cannot do this run: the rule is Quadratic"):
        simulate(a_task(), QuadraticNaturalRule(), np.zeros((1, 2)), **run)


def test_nothing_of_a_gpu_is_imported_where_none_is_asked_for(monkeypatch):
    def of_gpus():
        kinds = ("numba.cuda", "steepest.spiking.gpu_run", "steepest.spiking._gpu_kernels")
        return [name for name in sys.modules if name.startswith(kinds)]

    for name in of_gpus():
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(numba, "cuda", raising=False)
    run = {"rate": 1e-5, "duration": 0.01, "seed": 0}
    simulate(a_task(), EuclideanRule(), np.zeros((2, 2)), **run)
    assert of_gpus() == []


def test_without_numba_cuda_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'steepest\[gpu\]'"):
        open_gpu()


class NoDriver:
    def __len__(self):
        raise RuntimeError("CUDA driver library cannot be found.\nEnsure it is there")


@pytest.mark.parametrize(
    ("gpus", "words"), [([], "0 GPUs"), (NoDriver(), "cannot be found. Ensure it is there")]
)
def test_without_a_gpu_it_says_what_was_found(monkeypatch, gpus, words):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr(numba, "cuda", SimpleNamespace(gpus=gpus), raising=False)
    with pytest.raises(UsageError, match=rf"no GPU was found .*{words}.*take 'events'"):
        open_gpu()


def test_too_little_memory_is_named_in_bytes(monkeypatch):
    small = SimpleNamespace(get_memory_info=lambda: SimpleNamespace(free=3e4))
    kernels = SimpleNamespace(cuda=SimpleNamespace(current_context=lambda: small))
    monkeypatch.setattr(gpu_engine, "open_gpu", lambda: kernels)
    m = make_model(EUCLIDEAN, np.full(100, 10.0))
    with pytest.raises(UsageError, match=r"needs 4\.9\d+e\+04 bytes .* 3e\+04 are free"):
        GpuEngine(m, np.zeros((10, 100)), np.zeros((10, 100)), seed=0)


def test_given_spikes_of_every_trial_are_not_repeated(monkeypatch):
    """One list serves all trials: what is sent does not grow with them."""
    kernels = SimpleNamespace(cuda=SimpleNamespace(to_device=lambda array: array.view(OnHost)))
    kernels.cuda.current_context = lambda: SimpleNamespace(
        get_memory_info=lambda: SimpleNamespace(free=math.inf)
    )
    monkeypatch.setattr(gpu_engine, "open_gpu", lambda: kernels)
    m = make_model(EUCLIDEAN, [10.0, 10.0])
    w = np.zeros((5, 2))
    engine = GpuEngine(m, w, w, seed=0, draws=(False, False))
    spikes = Events(np.array([1, 4]), np.array([0, 0]), np.array([1, 0]))
    engine.give(spikes, Events(np.array([2]), np.array([0])), shared=True)
    assert [len(array) for array in engine.lists] == [3, 3, 2]  # and a mark of the end
    assert engine.stops.tolist() == [[2] * 5, [1] * 5]
