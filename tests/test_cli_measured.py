"""`steepest infer` on sessions and `steepest plan`: options, JSON, page, and contradictions."""

import json

import numpy as np
import pytest

from steepest import cli
from steepest.inference import Design, simulate_design


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*tokens):
        code = cli.run([str(token) for token in tokens])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def series(tmp_path):
    """Four sessions of 300 synapses in 10 dendrites, an absent one marked NA, and a TOML file."""
    design = Design(synapses=300, sessions=4, groups=10, multiplicative=0.05)
    sizes = np.exp(np.nan_to_num(simulate_design(design, 1, seed=1).log_sizes, nan=-np.inf))
    lines = ["day0,day4,day8,day12,dendrite"]
    for at, row in enumerate(sizes):
        cells = [f"{x:.17g}" for x in row]
        if at == 7:
            cells[2] = "NA"
        lines.append(",".join([*cells, f"d{at % 10}"]))
    (tmp_path / "series.csv").write_text("\n".join(lines))
    (tmp_path / "ask.toml").write_text(
        'sessions = ["day0", "day4", "day8", "day12"]\ngroup = "dendrite"\nabsent = "NA"\n'
    )
    return tmp_path / "series.csv"


OPTIONS = ["--sessions", "day0", "day4", "day8", "day12", "--group", "dendrite", "--absent", "NA"]


def test_a_series_is_judged_and_written_whole(call, series, tmp_path):
    code, out, err = call("infer", series, *OPTIONS, "--out", "out")
    assert (code, err) == (0, "")
    assert "signal share" in out
    assert "to settle" in out
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert sorted(written) == ["verdict.html", "verdict.json", "verdict.png"]
    page = written["verdict.html"].decode()
    for words in ("What would settle it", "What was dropped", "day12", "learned from how the var"):
        assert words in page
    code, out, err = call("infer", series, "--config", "ask.toml", "--json")
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert said == json.loads(written["verdict.json"])
    assert said["schema"] == "steepest.infer/1"
    assert said["used"]["sessions"] == ["day0", "day4", "day8", "day12"]
    assert said["request"]["group"] == "dendrite"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--sessions", "day0", "day8", "day4"], "out of order"),
        ([*OPTIONS, "--noise-cv", "0.1"], "--noise-cv and --sessions contradict"),
        ([*OPTIONS, "--before", "day0"], "--sessions and --before contradict"),
        (["--sessions", "day0", "day4", "day8"], "--absent"),
        (["--config", "none.toml"], "none.toml cannot be read"),
    ],
)
def test_bad_requests_end_with_2_and_write_nothing(call, series, tmp_path, options, says):
    before = sorted(path.name for path in tmp_path.iterdir())
    code, out, err = call("infer", series, *options, "--out", "new")
    assert (code, out) == (2, "")
    assert says in err
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_plan_is_printed_and_written(call, tmp_path):
    options = ["--synapses", 60, "--sessions", 3, "--geometry", "multiplicative", "--runs", 1]
    code, out, err = call("plan", *options, "--out", "plan")
    assert (code, err) == (0, "")
    assert "60 synapses, 3 sessions" in out
    assert sorted(path.name for path in (tmp_path / "plan").iterdir()) == ["plan.json", "plan.png"]
    code, out, err = call("plan", "--pilot", "x.csv")
    assert code == 2
    assert "--pilot (a file) and --config" in err
