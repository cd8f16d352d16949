"""Every option of every command, found from the parsers, with values that nobody should give."""

import importlib
import inspect
import resource
import signal
from contextlib import contextmanager

import numpy as np
import pytest

from steepest.cli.app import COMMANDS
from steepest.markup import visible

NASTY = "a\x1b[2Jb\x07"
# Numbers, texts and places. Not 10**9 of things that are computed one after the other: as many as
# asked for are, until Ctrl-C.
VALUES = [
    NASTY, "", "nan", "inf", "-inf", "-1", "0", "-0", "1e308", "1e-320", "1e400", "9" * 400,
    str(2**63), str(2**64), "1.5", "é\u202e中", "x" * 5000, "--", "-", "=1+1", "../..",
    "/dev/full", "/dev/null", "/dev/zero", "folder", "sizes.csv", "/proc/nope/x", "\udcff", "1,2",
    "[1]", "{}", "None", "true", " ", "\n",
]  # fmt: skip
PATIENCE = 120  # s, on a machine where much else runs
MOST_MEMORY = 1e6  # KB, beyond what the process has had

PAIR = ["sizes.csv", "--before", "w0", "--after", "w1", "--noise-cv", "0"]
SOUND = {
    "classify": [["classify", *PAIR]],
    "connectivity": [["connectivity", "waves.csv", "--step", ".1"]],
    "demo": [["demo"]],
    "explore": [["explore", "wicked"]],
    "export": [["export", "brian2", "--afferents", "10", "--duration", ".1"]],
    "infer": [
        ["infer", *PAIR],
        ["infer", "sizes.csv", "--sessions", "w0", "w1", "w2"],
        ["infer", "long.csv", "--id", "id", "--session", "day", "--size", "size"],
    ],
    "infer-layers": [["infer-layers", "first.npz", "last.npz", "--draws", "10"]],
    "infer-metric": [
        ["infer-metric", "flow.csv", "--cost", "quadratic", "--position", "x", "--velocity", "v"]
    ],
    "lab": [["lab", "--no-browser"]],
    "papers": [["papers"]],
    "plan": [
        ["plan", "--synapses", "40", "--sessions", "3", "--runs", "1", "--geometry", "burg"]
    ],
    "reproduce": [["reproduce", "surace2020.example_1d", "--jobs", "1"]],
    "sweep": [["sweep", "study.toml"], ["sweep", "--status", "none.zarr"]],
}  # fmt: skip


@pytest.fixture
def files(tmp_path):
    """A small file for every command."""
    random = np.random.default_rng(2)
    sizes = np.exp(0.8 * random.standard_normal((40, 1)) + 0.1 * random.standard_normal((40, 3)))
    table(tmp_path / "sizes.csv", sizes, "w0,w1,w2")
    places = [(row, day) for row in range(40) for day in range(3)]
    days = [f"s{row},{day},{sizes[row, day]:.4f}\n" for row, day in places]
    (tmp_path / "long.csv").write_text("id,day,size\n" + "".join(days), encoding="utf-8")
    for name, change in (("first", 0.0), ("last", 0.01)):
        weights = np.outer(sizes[:12, 0], sizes[:12, 1])
        np.savez(tmp_path / f"{name}.npz", w=weights + change * random.random((12, 12)))
    time = np.linspace(0, 20, 200)
    table(tmp_path / "waves.csv", np.column_stack([np.sin(time), np.cos(time)]), "a,b")
    at = random.standard_normal((30, 1))
    table(tmp_path / "flow.csv", np.hstack([at, -at]), "x,v")
    (tmp_path / "study.toml").write_text("figure = 'none'\n", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    return tmp_path


def table(path, columns, names):
    np.savetxt(path, columns, delimiter=",", header=names, comments="", fmt="%.6f")


def options(command):
    module = importlib.import_module(f"steepest.cli.{command.replace('-', '_')}")
    function = module.brian2 if command == "export" else module.command
    return inspect.signature(function).parameters.values()


def attacked(command, values):
    """Every command line with one option, or one argument, replaced, added, or given twice."""
    for sound in SOUND[command]:
        first = 2 if command == "export" else 1
        for option in options(command):
            if option.kind is not option.KEYWORD_ONLY:
                for value in values:
                    yield [*sound[:first], value, *sound[first + 1 :]]
                    yield [*sound[:first], value, *sound[first:]]
                continue
            flag = "--" + option.name.replace("_", "-")
            rest = without(sound, flag)
            yield [*rest, flag]
            yield [*rest, flag, "1", flag, "1"]
            yield [*rest, flag, "1", "1"]
            for value in values:
                yield [*rest, flag, value]
                yield [*rest, f"{flag}={value}"]


def without(tokens, flag):
    if flag not in tokens:
        return tokens
    start = tokens.index(flag)
    ends = (at for at in range(start + 1, len(tokens)) if tokens[at].startswith("--"))
    return tokens[:start] + tokens[next(ends, len(tokens)) :]


class Late(BaseException):
    """A command that goes on and on."""


def late(number, frame):
    raise Late


def faults(call, lines):
    """What is wrong with how each command line ends, those that end as they should left out."""
    before = signal.signal(signal.SIGALRM, late)
    wrong = []
    try:
        for tokens in lines:
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + MOST_MEMORY
            signal.alarm(PATIENCE)
            try:
                code, out, err = call(*tokens)
            except Late:
                code, out, err = "no end", "", ""
            finally:
                signal.alarm(0)
            if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > most:
                wrong.append(("too much memory", tokens, ""))
            if not ends_well(code, out, err):
                wrong.append((code, tokens, err[-300:]))
    finally:
        signal.signal(signal.SIGALRM, before)
    return wrong


def ends_well(code, out, err):
    """An answer, or one message, which may be JSON, and nothing that a terminal obeys."""
    if visible(out + err, lines=True) != out + err:
        return False
    if code == 2:
        said = err if err else out
        begins = "steepest: " if err else '{"error": '
        return said.startswith(begins) and said.count("\n") == 1
    return code in (0, 1) and err == ""


def test_every_command_and_option_is_attacked():
    assert set(SOUND) == set(COMMANDS)
    lines = list(attacked("plan", VALUES))
    assert len(lines) > 1000
    for option in options("plan"):
        flag = "--" + option.name.replace("_", "-")
        assert [line for line in lines if [flag, "nan"] == line[-2:]]


def test_an_option_that_means_nothing_is_one_message(call, tmp_path):
    """With no file to be judged, which is said where the option may mean something."""
    lines = [
        [command, f"none{tmp_path.name}", "--" + option.name.replace("_", "-"), NASTY]
        for command in ("connectivity", "infer", "infer-layers", "reproduce")
        for option in options(command)
        if option.kind is option.KEYWORD_ONLY
    ]
    assert len(lines) > 60
    assert faults(call, lines) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("command", SOUND)
def test_values_that_nobody_should_give_are_one_message_or_an_answer(
    command, call, files, monkeypatch, sketched
):
    from steepest import study
    from steepest.lab import server

    if command == "lab":  # else it would wait for somebody
        serving = server.serving
        monkeypatch.setattr(server, "serving", lambda **options: closed(serving(**options)))
    if command in ("demo", "reproduce"):  # of the picture and the learning every line is alike
        monkeypatch.setattr(study, "png", lambda figure: b"")
    assert faults(call, attacked(command, VALUES)) == []


@contextmanager
def closed(serving):
    with serving as address:
        address.closed.set()
        yield address
