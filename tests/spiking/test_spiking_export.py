"""The rules as Brian2 scripts: on shared spikes the weights are those of our dense engine."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest

from steepest.cli import run
from steepest.errors import UsageError
from steepest.spiking import (
    Afferents,
    Alpha,
    ApproximateNaturalRule,
    AttenuatedTeacher,
    EuclideanRule,
    FixedRateTeacher,
    NaturalRule,
    PoissonNeuron,
    QuadraticNaturalRule,
    RectifiedQuadratic,
    Spikes,
    Task,
    VaryingGroup,
    export_brian2,
    paper_task,
    simulate,
)

DT, STEPS, N = 5e-4, 400, 12


def python_with_brian2():
    """A Python that has Brian2 (2.9 needs an older NumPy): STEEPEST_BRIAN2_PYTHON, or our own."""
    for python in (os.environ.get("STEEPEST_BRIAN2_PYTHON"), sys.executable):
        if python and shutil.which(python):
            found = subprocess.run([python, "-c", "import brian2"], capture_output=True)
            if found.returncode == 0:
                return python
    pytest.skip("no Python with Brian2: set STEEPEST_BRIAN2_PYTHON to one")


@pytest.mark.parametrize(
    ("rule", "rate", "euler"),
    [
        (EuclideanRule(), 4.5e-6, False),
        (NaturalRule(), 3e-3, False),
        (ApproximateNaturalRule(), 3e-3, True),
    ],
    ids=["euclidean", "natural", "approximate_euler"],
)
def test_brian2_gives_the_same_weights(rule, rate, euler, tmp_path):
    python = python_with_brian2()
    task, w = paper_task(1, n=N, seed=2, test_samples=2)
    task = Task(
        PoissonNeuron(bias=-1.0), Afferents.steady([0, *[10.0] * 5, *[50.0] * 6]), task.teacher
    )
    random = np.random.default_rng(0)
    counts = random.poisson(task.afferents.constant_rates * DT, (STEPS, 1, N))
    counts[3, 0, 4] = 2
    taught = random.poisson(0.05, (STEPS, 1))
    run = {"rate": rate, "duration": STEPS * DT, "euler": euler}
    script = tmp_path / "learn.py"
    script.write_text(export_brian2(task, rule, w[0], **run))
    np.savez(tmp_path / "spikes.npz", afferents=counts[:, 0], teacher=taught[:, 0])
    command = [python, "-c", "import brian2, runpy, sys; brian2.prefs.codegen.target = 'numpy'; "]
    command[2] += "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    command += [str(script), "--spikes", "spikes.npz", "--out", "weights.npz"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    theirs = np.load(tmp_path / "weights.npz", allow_pickle=False)
    ours = simulate(task, rule, w, spikes=Spikes(counts, taught), engine="dense", **run).weights[-1]
    assert np.abs(ours - w).max() > 1e-3 * np.abs(w).max()
    assert np.abs(theirs["final"] - ours[0]).max() < 1e-9 * np.abs(ours).max()
    assert theirs["weights"].shape == (100, N)


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


def test_one_trial_at_a_time():
    task, w = paper_task(2, n=4, test_samples=2)
    with pytest.raises(UsageError, match="2 trials"):
        export_brian2(task, NaturalRule(), w, rate=1e-3, duration=1.0)


def test_scripts_are_valid_python_for_every_rule_and_teacher():
    task, w = paper_task(1, n=4, test_samples=2)
    fixed = Task(task.neuron, task.afferents, FixedRateTeacher(20.0))
    for rule in (EuclideanRule(), NaturalRule(), ApproximateNaturalRule(0.9, 0.04)):
        for each in (task, fixed):
            script = export_brian2(each, rule, w[0], rate=1e-3, duration=1.0)
            compile(script, "script", "exec")
            assert "$" not in script


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
    missing = tmp_path / "absent" / "learn.py"
    assert run(["export", "brian2", "--afferents", "6", "--out", str(missing)]) == 2
