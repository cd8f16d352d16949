"""Tables are taken, looked at and judged, each by itself; what goes wrong is said on the page."""

import html
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from lab_client import Client, error_of, sizes_of

from steepest.errors import UsageError

PAIR = [("layout", "pair"), ("pair.before", "a"), ("pair.after", "b")]


@pytest.fixture
def workplace(monkeypatch, tmp_path):
    """The folder in which a lab that is begun now puts all it has."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_table_is_shown_with_the_first_guess_filled_in_and_nothing_is_judged(acting):
    table = acting.drop(x__csv=b"quiet")
    page = acting.get(table).text
    assert "It acts." in page
    assert 'value="pair" checked' in page
    assert "steepest infer x.csv --before a --after b" in page
    other = acting.get(f"{table}?guess=1").text
    assert 'value="sessions" checked' in other
    assert "steepest infer x.csv --sessions a b c" in other


def test_the_command_is_shown_that_the_choices_make(acting):
    table = acting.drop(x__csv=b"quiet")
    line = acting.post(f"{table}command", [*PAIR, ("noise_is", "exact")]).text
    assert line == "steepest infer x.csv --before a --after b --noise-cv 0"


def test_a_verdict_is_the_page_that_was_written_below_a_bar(acting):
    verdict = acting.judge(acting.drop(x__csv=b"told"), PAIR)
    assert acting.wait(verdict)["state"] == "done"
    written = acting.get(f"{verdict}verdict.html")
    assert written.text.startswith("<html>\n<body>\n<main>told")
    assert written.headers["Content-Disposition"] == 'attachment; filename="verdict.html"'
    head, bar, rest = acting.get(verdict).text.partition('<nav class="bar"')
    assert bar
    assert head.startswith("<html>\n<body>\n")
    assert rest.endswith(written.text.partition("<body>\n")[2])
    for name in ("verdict.html", "verdict.json"):
        address = f'href="{acting.base}/{verdict}{name}"'
        assert f'download="{name}" aria-label="Save {name}" {address}' in rest
    assert ">steepest infer x.csv --before a --after b</span>" in rest
    assert json.loads(acting.get(f"{verdict}verdict.json").content) == "told"


@pytest.mark.parametrize("name", ["verdict.csv", "..%2F..%2Fsecret", "%2Fetc%2Fpasswd", "begun"])
def test_only_files_of_the_verdict_are_given(acting, name):
    verdict = acting.judge(acting.drop(x__csv=b"told"), PAIR)
    acting.wait(verdict)
    assert acting.get(f"{verdict}{name}").status == 404


def test_ten_at_once_do_not_mix(acting):
    tables = [acting.drop(**{f"t{n}__csv": f"table {n}".encode()}) for n in range(10)]
    verdicts = [acting.judge(table, [*PAIR, ("seed", str(n))]) for n, table in enumerate(tables)]
    for n, verdict in enumerate(verdicts):
        acting.wait(verdict)
        words = f"<main>table {n}infer t{n}.csv --before a --after b --seed {n}</main>"
        assert words in acting.get(verdict).text


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (b"refuse", "column <b>x</b> & more"),
        (b"dumb", "no such thing"),
        (b"crash", "ended by signal 9"),
    ],
)
def test_what_the_command_says_is_on_the_page_escaped(acting, told, words):
    page = acting.get(acting.drop(x__csv=told)).text
    assert html.escape(words) in error_of(page)


def test_choices_that_cannot_be_judged_are_shown_again_with_the_message(acting):
    table = acting.drop(x__csv=b"quiet")
    acting.get(table)
    (folder,) = Path(tempfile.gettempdir()).glob(f"steepest-lab-*/{table[7:-1]}")
    (folder / "x.csv").write_text("refuse")  # looked at, and then not to be judged
    verdict = acting.judge(table, [*PAIR, ("where", "day<=12"), ("seed", "5")])
    assert acting.wait(verdict)["state"] == "failed"
    page = acting.get(verdict).text
    assert error_of(page) == "column &lt;b&gt;x&lt;/b&gt; &amp; more"
    assert ">day&lt;=12</textarea>" in page
    assert "--seed 5" in page


def test_a_table_of_noise_is_kept_beside_the_sizes_and_named_in_the_command(acting):
    table = acting.drop(x__csv=b"told")
    said = [*PAIR, ("noise_is", "table"), ("noise", "an earlier one.csv")]

    def judged(files):
        return acting.send_named(files, f"{table}verdicts", "noise_file", said)

    verdict = acting.place(judged({"a b.csv": b"size,cv"}))
    assert acting.wait(verdict)["state"] == "done"
    assert "infer x.csv --before a --after b --noise a b.csv</main>" in acting.get(verdict).text
    chosen = acting.get(f"{verdict}choices").text
    assert "steepest infer x.csv --before a --after b --noise &#39;a b.csv&#39;" in chosen
    assert 'value="table" checked' in chosen
    (kept,) = Path(tempfile.gettempdir()).glob(f"steepest-lab-*/{table[7:-1]}/a b.csv")
    assert kept.read_bytes() == b"size,cv"
    again = acting.place(judged({"a b.csv": b"size,cv"}))
    assert acting.wait(again)["state"] == "done"
    assert "called a b.csv was sent before: rename" in error_of(judged({"a b.csv": b"x"}).text)
    assert "is called x.csv, as the table of sizes" in error_of(judged({"x.csv": b"size,cv"}).text)


def test_a_cancelled_verdict_ends_its_process_and_leaves_nothing(serving, program, workplace):
    with serving(program=program) as address:
        client = Client(address.page)
        verdict = client.judge(client.drop(x__csv=b"sleep"), PAIR)
        client.wait(verdict, lambda state: state["state"] == "drawing")
        (begun,) = workplace.glob("steepest-lab-*/*/begun")
        process = int(begun.read_text())
        assert is_alive(process)
        assert 'data-step="drawing" class="now"' in client.get(verdict).text
        assert client.place(client.post(f"{verdict}cancel")) == verdict
        assert not is_alive(process)
        assert not [*workplace.glob(f"steepest-lab-*/{verdict[9:-1]}")]
        assert "Cancelled: nothing was judged." in client.get(verdict).text


def test_who_waits_for_a_turn_can_be_cancelled_and_the_others_come(serving, program, workplace):
    from steepest.machine import cores

    with serving(program=program) as address:
        client = Client(address.page)
        table = client.drop(x__csv=b"sleep")
        running = [client.judge(table, PAIR) for _ in range(cores())]
        for verdict in running:
            client.wait(verdict, lambda state: state["state"] == "drawing")
        waiting = client.judge(table, PAIR)
        last = client.judge(client.drop(y__csv=b"quick"), PAIR)
        assert client.state(waiting)["state"] == client.state(last)["state"] == "waiting"
        client.post(f"{waiting}cancel")
        client.post(f"{running[0]}cancel")
        assert client.wait(last)["state"] == "done"
        assert client.state(waiting)["state"] == "cancelled"
        begun = "".join(path.read_text() for path in workplace.glob("steepest-lab-*/*/begun"))
        processes = [int(line) for line in begun.split()]
        assert len(processes) == len(running) + 1  # and the last one; the cancelled one never began
        began = time.monotonic()
    assert not any(map(is_alive, processes))
    assert time.monotonic() - began < 300  # the end waits for none of them to wake
    assert [*workplace.iterdir()] == []


def test_files_of_one_experiment_lie_side_by_side_in_the_order_of_their_names(acting):
    table = acting.place(acting.send_named({"d/b.csv": b"two", "a.csv": b"one"}))
    page = acting.get(table).text
    assert "steepest infer a.csv b.csv --before" in page
    assert "first of 2 files" in page


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a/x.csv": b"1", "b/x.csv": b"2"}, "two files are called x.csv"),
        ({}, "no file was sent"),
        ({"x" * 300: b"1"}, "File name too long"),
    ],
)
def test_files_that_cannot_be_kept_are_refused(acting, files, message):
    answer = acting.send_named(files)
    assert answer.status == 400
    assert message in error_of(answer.text)


@pytest.mark.parametrize("name", ["--json", "../../x.csv", "..\\x.csv", "<b>.csv", "-"])
def test_a_file_is_kept_under_a_name_that_does_no_harm(acting, name):
    page = acting.get(acting.place(acting.send_named({name: b"quiet"}))).text
    assert "It acts." in page
    assert "<b>" not in page
    assert "infer -" not in page


def test_more_than_the_limit_is_refused_and_the_limit_is_said(serving, program, monkeypatch):
    monkeypatch.setenv("STEEPEST_MAX_SIZE", "10KB")
    with serving(program=program) as address:
        client = Client(address.page)
        assert "up to\n10 KB" in client.get("").text
        answer = client.send(x__csv=b"1" * 20_000)
        assert answer.status == 413
        assert "this page takes 10 KB" in error_of(answer.text)
        assert client.send(x__csv=b"1" * 2_000).status == 303
        unsaid = client.ask(
            "POST", client.path("tables"), iter([b"1"]), Transfer_Encoding="chunked"
        )
        assert unsaid.status == 411


def test_what_is_not_there_is_said_on_the_page(acting):
    for place in ("tables/x/", "verdicts/x/", "verdicts/x/state", "else"):
        answer = acting.get(place)
        assert answer.status == 404
        assert "Drop a file here" in answer.text


def test_a_real_table_is_looked_at_and_who_chose_nothing_gets_the_commands_message(client):
    rows = [f"s{n},1.{n},2.{n},3.{n}\n" for n in range(9)]
    table = client.drop(sizes__csv="".join(["spine,day0,day4,day8\n", *rows]).encode())
    page = client.get(table).text
    assert "It seems to be wide: 9 synapses, one a row, in 3 sessions (day0, day4, day8)." in page
    assert "steepest infer sizes.csv --sessions day0 day4 day8" in page
    verdict = client.judge(table, [("layout", "pair")])
    client.wait(verdict)
    assert error_of(client.get(verdict).text).startswith("--before and --after missing: give")


def test_a_command_that_cannot_be_run_is_said_and_not_waited_for(acting):
    verdict = acting.judge(acting.drop(x__csv=b"quiet"), [*PAIR, ("null", "x\0")])
    assert acting.wait(verdict)["state"] == "failed"
    assert "could not be run: embedded null byte" in error_of(acting.get(verdict).text)


def test_a_port_that_is_taken_is_refused(serving, program):
    with serving(program=program) as address:
        port = int(address.page.split(":")[2].split("/")[0])
        with pytest.raises(UsageError, match=f"port {port} .* cannot be had"):  # noqa: SIM117
            with serving(port=port, program=program):
                pass


def test_without_the_extra_it_is_named(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_multipart", None)
    code, out, err = call("lab", "--no-browser")
    assert (code, out) == (2, "")
    assert (
        'the lab needs python_multipart, which is in an extra: pip install "steepest[lab]"' in err
    )


@pytest.mark.slow
def test_the_page_imports_nothing_heavy(serving):
    code = """
import sys
from steepest.lab import serving
with serving() as address:
    import urllib.request
    urllib.request.urlopen(address.page).read()
print(sorted({"jax", "matplotlib", "numba", "pandas"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.slow
def test_the_verdict_is_that_of_the_command_to_the_last_digit(serving, call, tmp_path):
    """Of three shapes at once, one of them in two files: numbers, rows and the page itself."""
    long = ["spine,day,volume"]
    for line in sizes_of(3).decode().splitlines()[1:]:
        name, _, *sizes = line.split(",")
        long += [f"{name},{4 * n},{size}" for n, size in enumerate(sizes)]
    exact = [("pair.before", "day0"), ("pair.after", "day4"), ("noise_is", "exact")]
    series = [("sessions.sessions", f"day{4 * n}") for n in range(3)]
    rows = [("long.id", "spine"), ("long.session", "day"), ("long.size", "volume")]
    cases = {
        "pair": ({"x.csv": sizes_of(3)}, exact, "--before day0 --after day4 --noise-cv 0"),
        "sessions": (
            {"a.csv": sizes_of(3), "b.csv": sizes_of(3, seed=2)},
            [*series, ("file_is", "part"), ("group", "dendrite")],
            "--sessions day0 day4 day8 --file-is part --group dendrite",
        ),
        "long": (
            {"long.csv": "\n".join(long).encode()},
            rows,
            "--id spine --session day --size volume",
        ),
    }
    with serving() as address:
        client = Client(address.page)
        verdicts = {}
        for layout, (files, fields, _) in cases.items():
            table = client.place(client.send_named(files))
            verdicts[layout] = client.judge(table, [("layout", layout), ("seed", "3"), *fields])
        for layout, (files, _, words) in cases.items():
            verdict = verdicts[layout]
            client.wait(verdict)
            for name, content in files.items():
                (tmp_path / name).write_bytes(content)
            code, _, err = call("infer", *files, *words.split(), "--seed", "3", "--out", "out")
            assert (code, err) == (0, "")
            for name in ("verdict.json", "verdict.csv", "verdict.html"):
                written = (tmp_path / "out" / name).read_bytes()
                assert client.get(f"{verdict}{name}").content == written, (layout, name)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
@pytest.mark.parametrize(
    ("sent", "code", "farewell"),
    [
        (signal.SIGINT, 130, "steepest: the lab is closed; what was not saved is gone\n"),
        (signal.SIGTERM, 143, ""),
    ],
)
def test_the_lab_ends_at_once_and_leaves_nothing_behind(serving, tmp_path, sent, code, farewell):
    lab = subprocess.Popen(
        [sys.executable, "-m", "steepest", "lab", "--no-browser"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert lab.stdout is not None
    address = re.search(r"http\S+", lab.stdout.readline())
    assert address is not None
    client = Client(address[0])
    table = client.drop(sizes__csv=sizes_of(3))
    sessions = [("sessions.sessions", f"day{4 * n}") for n in range(3)]
    verdict = client.judge(table, [("layout", "sessions"), *sessions])
    client.wait(verdict, lambda state: state["state"] == "judging")
    assert [*tmp_path.iterdir()] != []
    lab.send_signal(sent)
    _, said = lab.communicate(timeout=120)
    assert (lab.returncode, said) == (code, farewell)
    assert [*tmp_path.iterdir()] == []
