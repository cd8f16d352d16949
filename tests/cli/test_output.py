"""What is printed is never obeyed by a terminal, and a stdout that fails is no fault of ours."""

import errno
import io
import json
import os
import subprocess
import sys

import matplotlib
import numpy as np
import pytest

from steepest import cli
from steepest.cli.app import COMMANDS
from steepest.cli.output import command_line, complain, show, show_json
from steepest.inference import activity
from steepest.markup import visible
from steepest.report.answer import Answer
from steepest.report.tables import text

NASTY = "a\x1b[2J\x9b31m\u202eb\x07\udcff\rc"
SHOWN = r"a\x1b[2J\x9b31m\u202eb\x07\xff\rc"
PAIR = ["--before", NASTY, "--after", "w1", "--noise-cv", "0"]


@pytest.fixture(scope="module")
def sizes():
    random = np.random.default_rng(2)
    before = np.exp(0.8 * random.standard_normal(60))
    return before, before * np.exp(0.1 * random.standard_normal(60))


def test_a_pipe_gets_plain_text_also_where_colours_are_forced(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    show(text("named", "bold green"))
    assert capsys.readouterr().out == "named\n"


@pytest.fixture
def files(tmp_path, sizes):
    """A table, two checkpoints, a flow and a recording whose names would clear the screen."""
    before, after = sizes
    name = NASTY.replace("\udcff", "")
    rows = "".join(f"{b},{a}\n" for b, a in zip(before, after, strict=True))
    head = name.replace("\r", "") + ",w1\n"
    (tmp_path / f"{NASTY}.csv").write_text(head + rows, encoding="utf-8", newline="")
    random = np.random.default_rng(0)
    for file, scale in (("first", 0.0), ("last", 0.01)):
        weights = {NASTY[:8]: np.outer(before[:12], after[:12]) + scale * random.random((12, 12))}
        np.savez(tmp_path / f"{file}.npz", **weights)
    time = np.linspace(0, 20, 200)
    waves = np.column_stack([np.sin(time), np.cos(time)])
    np.savetxt(tmp_path / "waves.csv", waves, delimiter=",", header="=a\x1b[2J,b$", comments="")
    return tmp_path


def is_harmless(text):
    return visible(text, lines=True) == text


def test_names_from_files_reach_no_terminal_raw(call, files):
    pair = ["--before", 0, "--after", 1, "--noise-cv", 0]
    runs = [
        ["infer", f"{NASTY}.csv", *pair, "--out", NASTY],
        ["infer-layers", "first.npz", "last.npz", "--draws", 10, "--out", "layers"],
        ["connectivity", "waves.csv", "--step", 0.1, "--out", "network"],
    ]
    for tokens in runs:
        code, out, err = call(*tokens)
        assert (code, err) == (0, ""), tokens
        assert r"\x1b[2J" in out
        assert is_harmless(out)
    for name in ("verdict", "layers", "connectivity"):
        (path,) = files.rglob(f"{name}.html")
        page = path.read_text(encoding="utf-8")
        assert r"\x1b[2J" in page
        assert is_harmless(page)
    (table,) = files.rglob("connectivity.csv")
    assert table.read_text(encoding="utf-8").splitlines()[1].startswith("'=a\x1b[2J,'=a")


def test_json_keeps_names_as_they_are_in_escapes(call, files):
    code, out, _ = call("infer-layers", "first.npz", "last.npz", "--draws", 10, "--json")
    assert code == 0
    assert out.isascii()
    assert is_harmless(out)
    assert json.loads(out)["layers"][0]["name"] == NASTY[:8]


@pytest.mark.parametrize(
    "tokens",
    [
        [NASTY],
        ["infer", NASTY, "--before", "0", "--after", "1"],
        ["infer", f"--{NASTY}"],
        ["infer", f"{NASTY}.csv", "--before", NASTY, "--after", "w1"],
        ["infer", "waves.csv", "--before", "0", "--after", "1", "--seed", NASTY],
        ["infer", "waves.csv", "--config", NASTY],
        ["infer-layers", "first.npz", NASTY],
        ["connectivity", "waves.csv", "--step", "1", "--columns", NASTY],
        ["reproduce", NASTY],
        ["sweep", NASTY],
    ],
)
def test_messages_show_what_they_quote_on_one_line(call, files, tokens):
    code, out, err = call(*tokens)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert r"\x1b[2J" in err
    assert is_harmless(err)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_styles_of_ours_and_none_of_theirs(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    show(NASTY + " :smile:[bold]x")
    show(text(NASTY, "bold"))
    show(NASTY + "long " * 50, wrap=True)
    printed = terminal.getvalue()
    assert printed.startswith(SHOWN + " :smile:[bold]x\n")
    assert f"\x1b[1m{SHOWN}\x1b[0m" in printed
    assert is_harmless(printed.replace("\x1b[1m", "").replace("\x1b[0m", ""))
    assert len(printed.splitlines()) > 4


def test_a_command_line_with_such_names_can_be_typed_again():
    line = command_line("infer", "a\x1b\x9b'\\\udcff.csv", before="é")
    assert line == r"steepest infer $'a\x1b\xc2\x9b\'\\\xff.csv' --before 'é'"
    echoed = subprocess.run(
        ["bash", "-c", line.replace("steepest infer", "printf %s", 1).partition(" --")[0]],
        capture_output=True,
        check=True,
    )
    assert echoed.stdout == os.fsencode("a\x1b\x9b'\\\udcff.csv")


class Failing(io.StringIO):
    """A stdout that takes text and cannot pass it on, as that of a full disk."""

    def __init__(self, number):
        super().__init__()
        self.number = number

    def flush(self):
        if self.getvalue():
            raise OSError(self.number, os.strerror(self.number))


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("command", COMMANDS)
def test_a_stdout_that_fails_ends_every_command_with_2_or_141(command, monkeypatch):
    kinds = {
        "No space left": (Failing(errno.ENOSPC), 2),
        "": (Failing(errno.EPIPE), 141),
        "it is closed": (closed(), 2),
        "stdout: it is closed": (None, 2),
    }
    for words, (stream, code) in kinds.items():
        said = io.StringIO()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", stream)
            patch.setattr(sys, "stderr", said)
            assert cli.run([command, "--help"]) == code
        assert words in said.getvalue()
        assert (said.getvalue() == "") == (code == 141)


@pytest.mark.parametrize(
    "tokens",
    [
        ["infer", f"{NASTY}.csv", "--before", "0", "--after", "1", "--noise-cv", "0"],
        ["infer", f"{NASTY}.csv", "--before", "0", "--after", "1", "--noise-cv", "0", "--json"],
        ["infer", "no.csv", "--before", "0", "--after", "1", "--json"],
        ["infer-layers", "first.npz", "last.npz", "--draws", "10"],
        ["connectivity", "waves.csv", "--step", ".1"],
        ["papers"],
        ["--version"],
    ],
)
def test_a_full_disk_is_named_whatever_was_printed(tokens, files, monkeypatch):
    monkeypatch.chdir(files)
    said = io.StringIO()
    monkeypatch.setattr(sys, "stdout", Failing(errno.ENOSPC))
    monkeypatch.setattr(sys, "stderr", said)
    assert cli.run(tokens) == 2
    assert said.getvalue() == "steepest: cannot write to stdout: No space left on device\n"


@pytest.mark.parametrize("stream", [None, Failing(errno.ENOSPC), closed()])
def test_a_stderr_that_fails_changes_no_exit_code(stream, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    assert cli.run(["reproduce", "nothing"]) == 2
    assert capsys.readouterr().out == ""


def test_closed_descriptors_end_with_a_code_and_no_traceback(tmp_path):
    line = f"{sys.executable} -m steepest papers >&-; echo $? >> codes"
    line += f"; {sys.executable} -m steepest papers 2>&- > /dev/full; echo $? >> codes"
    done = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert (tmp_path / "codes").read_text().split() == ["2", "2"]
    assert done.stderr == "steepest: cannot write to stdout: it is closed\n"


def an_answer(draw):
    return Answer(
        name="toy",
        heading="what was asked",
        content={"index": 1.0},
        table=lambda: "the verdict",
        page=lambda: pytest.fail("the picture comes first"),
        draw=draw,
    )


def no_picture():
    raise RuntimeError("no picture")


def test_the_verdict_is_printed_before_a_picture_is_tried(call, files, monkeypatch):
    from steepest.report import asked

    monkeypatch.setattr(asked, "answer_request", lambda file, request: an_answer(no_picture))
    pair = ["infer", "waves.csv", "--before", 0, "--after", 1, "--out", "out"]
    code, out, err = call(*pair)
    assert (code, out) == (70, "what was asked\n\nthe verdict\n")
    assert "no picture" in err
    code, out, err = call(*pair, "--json")
    assert (code, json.loads(out)) == (70, {"index": 1.0})
    assert "no picture" in err
    assert not (files / "out").exists()


def test_pictures_are_drawn_in_our_own_settings(call, files):
    with matplotlib.rc_context({"text.usetex": True, "font.family": "no such font"}):
        code, _, err = call("infer-layers", "first.npz", "last.npz", "--draws", 10, "--out", "out")
        assert matplotlib.rcParams["text.usetex"]
    assert (code, err) == (0, "")
    assert (files / "out/layers.png").stat().st_size > 5000


@pytest.mark.slow
def test_a_backend_that_does_not_exist_hides_no_verdict(files):
    (files / "matplotlibrc").write_text("text.usetex: True\n")
    pair = ["infer", f"{NASTY}.csv", "--before", "0", "--after", "1", "--noise-cv", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "steepest", *pair, "--out", "out"],
        env={**os.environ, "MPLBACKEND": "nonsense"},
        cwd=files,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (files / "out/verdict.png").stat().st_size > 10_000


def test_nothing_but_the_answer_is_on_stdout_with_json(call, files, monkeypatch):
    real = activity.infer_connectivity

    def chatty(*arguments, **options):
        print("a library says something")
        return real(*arguments, **options)

    from steepest import inference

    monkeypatch.setattr(inference, "infer_connectivity", chatty)
    code, out, err = call("connectivity", "waves.csv", "--step", 0.1, "--json")
    assert (code, err) == (0, "a library says something\n")
    assert json.loads(out)["units"][0] == "=a\x1b[2J"


CHATTY = """
import os, subprocess, sys
from steepest import cli
from steepest.cli import app
from steepest.cli.output import show_json

def application(name):
    def command(tokens, **options):
        print("Python")
        os.write(1, b"a library of C\\n")
        subprocess.run(["echo", "another process"])
        show_json({"index": 1.0})
        return 0

    return command

app.application = application
sys.argv = ["steepest", "infer", "--json"]
cli.main()
"""


def test_what_writes_to_the_descriptor_itself_is_not_on_stdout_with_json():
    command = [sys.executable, "-c", CHATTY]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert json.loads(done.stdout) == {"index": 1.0}
    assert set(done.stderr.splitlines()) == {"Python", "a library of C", "another process"}


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (["infer"], None),
        (["infer", "waves.csv"], "--config"),
        (["infer-layers", "first.npz"], None),
        (["infer-metric", "waves.csv", "--position", "0", "--velocity", "1"], "--cost"),
        (["infer-metric", "--cost", "quadratic", "--position", "0", "--velocity", "1"], None),
        (["connectivity"], None),
        (["plan", "--config", "x.toml"], "--pilot"),
        (["reproduce"], None),
        (["reproduce", "pogodin2024.fig5"], "--data"),
        (["reproduce", "surace2020.fig1"], "--out"),
        (["demo"], "--out"),
        (["sweep"], None),
        (["sweep"], "--status"),
        (["sweep"], "--plot"),
    ],
)
def test_a_name_of_5000_characters_is_one_message(call, files, command, option):
    code, out, err = call(*command, *([] if option is None else [option]), "x" * 5000)
    assert (code, out) == (2, "")
    assert err.startswith("steepest: ")
    assert err.count("\n") == 1


def test_what_is_printed_and_complained_of_passes_one_place(capsys):
    show(NASTY)
    show_json(NASTY)
    complain(NASTY + "\nsteepest: another")
    out, err = capsys.readouterr()
    assert out.splitlines() == [SHOWN, json.dumps(NASTY)]
    assert err == f"steepest: {SHOWN}\\nsteepest: another\n"


def test_no_command_prints_past_that_place():
    """All printing and all streams of the commands are in output.py, but for `main`'s own."""
    from pathlib import Path

    folder = Path(cli.__file__).parent
    for path in folder.glob("*.py"):
        if path.name not in {"output.py", "app.py"}:
            words = path.read_text(encoding="utf-8")
            assert "print(" not in words.replace("_print(", ""), path.name
            assert ".write(" not in words, path.name
