"""Rules in other simulators: on shared spikes the weights are those of our dense engine."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from nestml_interpreter import run_nestml

from steepest.cli import run
from steepest.errors import DataError, SteepestError, UsageError
from steepest.geometry import Power
from steepest.spiking import (
    AbstractTransfer,
    Afferents,
    Alpha,
    ApproximateNaturalRule,
    AttenuatedTeacher,
    EuclideanRule,
    FixedRateTeacher,
    MirrorRule,
    NaturalRule,
    PoissonNeuron,
    QuadraticNaturalRule,
    RectifiedQuadratic,
    RuleDescription,
    Spikes,
    Task,
    VaryingGroup,
    brian2_script,
    describe_rule,
    export_brian2,
    genn_script,
    nestml_model,
    paper_task,
    simulate,
)

DT, STEPS, N = 5e-4, 400, 12
RULES = {
    "euclidean": (EuclideanRule(), 4.5e-6, False),
    "natural": (NaturalRule(), 3e-3, False),
    "approximate_euler": (ApproximateNaturalRule(), 3e-3, True),
}
NEST = Path(__file__).with_name("learn_in_nest.py")


def python_with(simulator, *modules):
    """A Python that has a simulator: STEEPEST_..._PYTHON, or our own."""
    variable = f"STEEPEST_{simulator.upper()}_PYTHON"
    for python in (os.environ.get(variable), sys.executable):
        if python and shutil.which(python):
            code = "; ".join(f"import {module}" for module in modules)
            done = subprocess.run([python, "-W", "ignore", "-c", code], capture_output=True)
            if done.returncode == 0:
                return python
    pytest.skip(f"no Python with {simulator}: set {variable} to one")


def finished(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return np.load(folder / "weights.npz", allow_pickle=False)


@pytest.fixture(scope="module", params=RULES)
def learned(request):
    """A rule on given spikes: its description, the spikes, and what the dense engine makes of it.

    One afferent is silent, and one spikes twice in a step.
    """
    rule, rate, euler = RULES[request.param]
    task, w = paper_task(1, n=N, seed=2, test_samples=2)
    task = Task(
        PoissonNeuron(bias=-1.0), Afferents.steady([0, *[10.0] * 5, *[50.0] * 6]), task.teacher
    )
    random = np.random.default_rng(0)
    counts = random.poisson(task.afferents.constant_rates * DT, (STEPS, 1, N))
    counts[3, 0, 4] = 2
    taught = random.poisson(0.05, (STEPS, 1))
    run = {"rate": rate, "duration": STEPS * DT, "euler": euler}
    spikes = Spikes(counts, taught)
    weights = simulate(task, rule, w, spikes=spikes, engine="dense", **run).weights[-1, 0]
    assert np.abs(weights - w).max() > 1e-3 * np.abs(w).max()
    return SimpleNamespace(
        # As an exporter gets it: from its JSON.
        description=RuleDescription.from_json(describe_rule(task, rule, w[0], **run).to_json()),
        spikes=spikes,
        weights=weights,
    )


def in_events(learned, folder):
    d = learned.description
    run = {"rate": d.settings.rate, "duration": d.settings.duration, "euler": d.settings.euler}
    events = simulate(d.task, d.rule, d.weights, spikes=learned.spikes, engine="events", **run)
    return events.weights[-1, 0]


def in_brian2(learned, folder):
    python = python_with("brian2", "brian2")
    (folder / "learn.py").write_text(brian2_script(learned.description))
    code = "import brian2, runpy, sys; brian2.prefs.codegen.target = 'numpy'; "
    code += "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [python, "-W", "ignore", "-c", code, "learn.py", "--spikes", "spikes.npz"]
    weights = finished(command, folder)
    assert weights["weights"].shape == (100, N)
    return weights["final"]


def in_genn(learned, folder):
    python = python_with("genn", "pygenn")
    (folder / "learn.py").write_text(genn_script(learned.description))
    weights = finished([python, "learn.py", "--spikes", "spikes.npz"], folder)
    assert weights["weights"].shape == (100, N)
    assert (weights["weights"][0] == learned.description.weights).all()
    return weights["final"]


def in_nest(learned, folder):
    python = python_with("nest", "nest", "pynestml")
    name = f"{learned.description.name}_neuron"
    (folder / f"{name}.nestml").write_text(nestml_model(learned.description))
    (folder / "rule.json").write_text(learned.description.to_json())
    return finished([python, str(NEST), name], folder)["final"]


def in_nestml(learned, folder):
    """The model's own text, its update block done step by step by the interpreter beside."""
    seen, heard = learned.spikes.afferents[:, 0], learned.spikes.teacher[:, 0]
    vectors = learned.description.to_dict()
    state = {
        "w": vectors["weights"]["values"],
        "w_teacher": vectors["teacher"]["weights"]["values"],
        "r": vectors["afferents"]["rates"]["values"],
        "drawn": False,
    }
    return run_nestml(nestml_model(learned.description), DT, state, seen, heard)["w"]


BACK_ENDS = {
    "events": in_events,
    "nestml_text": in_nestml,
    "brian2": in_brian2,
    "genn": in_genn,
    "nest": in_nest,
}


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_all_back_ends_give_the_same_weights_on_shared_spikes(learned, back_end, tmp_path):
    spikes = learned.spikes
    np.savez(
        tmp_path / "spikes.npz", afferents=spikes.afferents[:, 0], teacher=spikes.teacher[:, 0]
    )
    weights = BACK_ENDS[back_end](learned, tmp_path)
    assert np.abs(weights - learned.weights).max() < 1e-9 * np.abs(learned.weights).max()


PARSE = """
import sys
from pynestml.frontend.pynestml_frontend import generate_target
generate_target(sys.argv[1], target_platform="NONE", logging_level="ERROR")
"""


def test_the_parser_of_nestml_has_no_objections(learned, tmp_path):
    python = python_with("nestml", "pynestml")
    path = tmp_path / f"{learned.description.name}_neuron.nestml"
    path.write_text(nestml_model(learned.description))
    done = subprocess.run([python, "-c", PARSE, str(path)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class Reached(Exception):
    """A script came as far as its first use of Brian2."""


SPIKES = {
    "of_another_size": ({"afferents": (40, 3), "teacher": 40}, "(steps, 4) and (steps,)"),
    "of_another_length": ({"afferents": (40, 4), "teacher": 39}, "(steps, 4) and (steps,)"),
    "flat": ({"afferents": 40, "teacher": 40}, "(steps, 4) and (steps,)"),
    "too_few": ({"afferents": (39, 4), "teacher": 39}, "a run of 0.02 s is 40 steps"),
    "without_teacher": ({"afferents": (40, 4)}, "no array 'teacher'"),
    "enough": ({"afferents": (40, 4), "teacher": 40}, None),
}


@pytest.mark.parametrize("name", SPIKES)
def test_the_script_refuses_spikes_that_do_not_fit(name, tmp_path, monkeypatch, capsys):
    """Before Brian2 does anything: it would repeat the last step's spikes."""
    task, w = paper_task(1, n=4, test_samples=2)
    script = tmp_path / "learn.py"
    script.write_text(export_brian2(task, EuclideanRule(), w[0], rate=1e-6, duration=0.02))
    shapes, words = SPIKES[name]
    path = tmp_path / "spikes.npz"
    np.savez(path, **{key: np.zeros(shape, dtype=int) for key, shape in shapes.items()})
    monkeypatch.setitem(sys.modules, "brian2", SimpleNamespace(seed=Mock(side_effect=Reached)))
    monkeypatch.setattr(sys, "argv", [str(script), "--spikes", str(path)])
    if words is None:
        with pytest.raises(Reached):
            runpy.run_path(str(script), run_name="__main__")
        return
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    assert ended.value.code == 2
    assert words in " ".join(capsys.readouterr().err.split())


def with_neuron(task, neuron):
    return Task(neuron, task.afferents, task.teacher)


UNFIT = {
    "QuadraticNaturalRule": (lambda task: (task, QuadraticNaturalRule())),
    "Sigmoid": (
        lambda task: (
            Task(PoissonNeuron(RectifiedQuadratic()), task.afferents, task.teacher),
            NaturalRule(),
        )
    ),
    "exponentials": (
        lambda task: (
            Task(PoissonNeuron(kernel=Alpha(0.01)), task.afferents, task.teacher),
            NaturalRule(),
        )
    ),
    "vary": (
        lambda task: (
            Task(task.neuron, Afferents([VaryingGroup(4, [0, 1], [10, 50])]), task.teacher),
            NaturalRule(),
        )
    ),
    "attenuated": (
        lambda task: (
            Task(task.neuron, task.afferents, AttenuatedTeacher(task.teacher, np.ones(4))),
            NaturalRule(),
        )
    ),
}


@pytest.mark.parametrize("word", UNFIT)
def test_what_cannot_be_written_is_refused(word):
    task, w = paper_task(1, n=4, test_samples=2)
    task, rule = UNFIT[word](task)
    with pytest.raises(UsageError, match=word):
        export_brian2(task, rule, w[0], rate=1e-3, duration=1.0)


@pytest.mark.parametrize("word", ["QuadraticNaturalRule", "Sigmoid", "exponentials", "attenuated"])
def test_a_term_that_an_exporter_cannot_say_is_named_though_the_description_says_it(word):
    task, w = paper_task(1, n=4, test_samples=2)
    task, rule = UNFIT[word](task)
    text = describe_rule(task, rule, w[0], rate=1e-3, duration=1.0).to_json()
    description = RuleDescription.from_json(text)
    assert description.to_json() == text
    for write, simulator in (
        (brian2_script, "Brian2"),
        (nestml_model, "NESTML"),
        (genn_script, "GeNN"),
    ):
        with pytest.raises(UsageError, match=f"export to {simulator}: .*{word}"):
            write(description)


UNTOLD = {
    "the rule MirrorRule": lambda task: (task, MirrorRule(Power(0))),
    "rates that vary": UNFIT["vary"],
    "the transfer function Cubic": lambda task: (
        with_neuron(task, PoissonNeuron(Cubic())),
        EuclideanRule(),
    ),
    "given USP means": lambda task: (
        Task(task.neuron, task.afferents, task.teacher, usp_means=np.ones(4)),
        NaturalRule(),
    ),
}


class Cubic(AbstractTransfer):
    def __call__(self, voltage):
        return voltage**3


@pytest.mark.parametrize("words", UNTOLD)
def test_what_a_description_cannot_say_is_named(words):
    task, w = paper_task(1, n=4, test_samples=2)
    task, rule = UNTOLD[words](task)
    with pytest.raises(UsageError, match=f"cannot say {words}"):
        describe_rule(task, rule, w[0], rate=1e-3, duration=1.0)


def changed(values, path, value):
    """A description in which one field is another, or is missing."""
    copy = json.loads(json.dumps(values))
    *way, last = path.split(".")
    part = copy
    for name in way:
        part = part[name]
    if value is None:
        del part[last]
    else:
        part[last] = value
    return copy


WRONG = [
    ("schema", "steepest.rule/2", "of the form 'steepest.rule/2'"),
    ("rule.name", "hebbian", "rule.name is 'hebbian'; known are euclidean, natural"),
    ("rule.c_w", None, "rule.c_w is missing"),
    ("rule.c_u.unit", "mV", "rule.c_u is in 'mV'; give it in '1'"),
    ("learning_rate.value", "fast", "learning_rate is 'fast'; give a number, in 1/s"),
    ("learning_rate.value", -1.0, "learning rate"),
    ("weights.values", [1.0, True], "weights has no values; give a list of numbers"),
    ("weights.values", [0.1], "for 4 afferents"),
    ("neuron", [], "neuron.: an object was expected"),
    ("neuron.kernel.tau_m.value", -1.0, "tau_m is a positive time"),
    ("afferents.rates.values", [1.0, -5.0, 1.0, 1.0], "rates"),
    ("teacher.weights", None, "teacher.weights is missing"),
    ("run.integration", "guess", "run.integration is 'guess'; known are exact, euler"),
    ("run.seed", -1, "seed is -1"),
]


@pytest.mark.parametrize(("path", "value", "words"), WRONG)
def test_a_description_that_is_wrong_is_refused_with_its_field(path, value, words):
    task, w = paper_task(1, n=4, test_samples=2)
    described = describe_rule(task, ApproximateNaturalRule(), w[0], rate=1e-3, duration=1.0)
    with pytest.raises(SteepestError, match=re.escape(words)):
        RuleDescription.from_dict(changed(described.to_dict(), path, value))


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 100_000, b"\xff\xfe\x00"])
def test_what_is_no_description_is_refused(text):
    with pytest.raises(DataError, match="the rule's description"):
        RuleDescription.from_json(text)


def test_one_trial_at_a_time():
    task, w = paper_task(2, n=4, test_samples=2)
    with pytest.raises(UsageError, match="2 trials"):
        export_brian2(task, NaturalRule(), w, rate=1e-3, duration=1.0)


def test_scripts_are_valid_python_for_every_rule_and_teacher():
    task, w = paper_task(1, n=4, test_samples=2)
    fixed = Task(task.neuron, task.afferents, FixedRateTeacher(20.0))
    for rule in (EuclideanRule(), NaturalRule(), ApproximateNaturalRule(0.9, 0.04)):
        for each in (task, fixed):
            description = describe_rule(each, rule, w[0], rate=1e-3, duration=1.0)
            for script in (brian2_script(description), genn_script(description)):
                compile(script, "script", "exec")
                assert "$" not in script
            assert "$" not in nestml_model(description)


def test_the_command_writes_the_script(tmp_path, capsys):
    path = tmp_path / "learn.py"
    line = ["export", "brian2", "--afferents", "6", "--rule", "approximate", "--out", str(path)]
    assert run([*line, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["file"] == str(path)
    assert told["script"] == path.read_text()
    compile(told["script"], "script", "exec")
    assert run(["export", "brian2", "--afferents", "6", "--duration", "-1"]) == 2
    assert "run lasts" in capsys.readouterr().err
    rule = tmp_path / "rule.json"
    assert run([*line[:1], "rule", *line[2:-1], str(rule)]) == 0
    for name in ("nestml", "genn", "brian2"):
        capsys.readouterr()
        assert run(["export", name, "--description", str(rule), "--json"]) == 0
        again = json.loads(capsys.readouterr().out)
        assert again["description"] == json.loads(rule.read_text())
        assert again["script"] == told["script"] or name != "brian2"
    for options, words in (
        (["--description", str(rule), "--dt", "1e-3"], "--dt: "),
        (["--description", str(rule) + "x"], "no such file"),
        (["--description", str(path)], "is not JSON"),
    ):
        assert run(["export", "genn", *options]) == 2
        assert words in capsys.readouterr().err
    missing = tmp_path / "absent" / "learn.py"
    assert run(["export", "brian2", "--afferents", "6", "--out", str(missing)]) == 2
