"""`steepest classify` on the command line: same options as infer, files written whole."""

import json

import numpy as np
import pytest

from steepest.inference.designs.design import Design, simulate_design


@pytest.fixture
def table(tmp_path):
    sizes = np.exp(
        simulate_design(Design(synapses=150, sessions=4, groups=10), 1, seed=1).log_sizes
    )
    lines = ["group,s0,s1,s2,s3"]
    lines += [f"g{at % 10}," + ",".join(f"{x:.9g}" for x in row) for at, row in enumerate(sizes)]
    path = tmp_path / "sizes.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.usefixtures("sketched")
def test_calls_are_printed_as_json_and_written_whole(call, table, tmp_path):
    tokens = ["classify", table, "--sessions", "s0", "s1", "s2", "s3", "--group", "group"]
    code, out, _ = call(*tokens, "--change", ".3", "--json", "--out", tmp_path / "calls")
    assert code == 0
    said = json.loads(out)
    assert said["schema"] == "steepest.calls/1"
    assert said["request"]["sessions"] == ["s0", "s1", "s2", "s3"]
    assert said["change"] == said["request"]["change"] == 0.3
    assert sum(said["counts"].values()) == 150
    names = {path.name for path in (tmp_path / "calls").iterdir()}
    assert names == {"calls.html", "calls.png", "calls.json", "calls.csv"}
    page = (tmp_path / "calls" / "calls.html").read_text(encoding="utf-8")
    assert "Which synapses changed?" in page
    assert "--change 0.3" in page
    assert 'data-copies="methods"' in page
    assert "(from s0 to s3; a change of log size by more than 0.3;" in page
    assert "(false discovery rate)" in page


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (["--before", "s0", "--after", "s1"], "calls need a known noise"),
        (["--sessions", "s0", "s1", "s2", "--fdr", "2"], "fdr is 2"),
        (["--sessions", "s0", "s1", "s2", "--change", "-1"], "change is -1"),
        (["--sessions", "s0"], "--sessions names 1 column"),
    ],
)
def test_what_cannot_be_called_exits_with_2(call, table, tokens, says):
    code, _, err = call("classify", table, *tokens)
    assert code == 2
    assert says in err


def test_pairs_are_judged_wide_and_long_and_one_column_is_refused(call, tmp_path):
    rng = np.random.default_rng(1)
    sizes = np.exp(0.7 * rng.standard_normal(200) + 0.3 * rng.standard_normal((2, 200))).T
    wide, long = tmp_path / "wide.csv", tmp_path / "long.csv"
    wide.write_text("a,b\n" + "\n".join(f"{a:.9g},{b:.9g}" for a, b in sizes))
    rows = [f"p{at},{size:.9g}" for at, pair in enumerate(sizes) for size in pair]
    long.write_text("pair,size\n" + "\n".join(rows))
    options = ["--pairs", "--noise-cv", "0", "--json"]
    said = json.loads(call("infer", wide, "--before", "a", "--after", "b", *options)[1])
    again = json.loads(call("infer", long, "--pair", "pair", "--size", "size", *options)[1])
    assert said["index"] == again["index"]
    assert said["pairs"] == 200
    for tokens in (["--before", "a"], ["--pair", "pair"], []):
        code, out, _ = call("infer", wide, *tokens, *options)
        assert code == 2
        assert "name both sizes of a pair" in out
    code, out, _ = call("infer", wide, "--before", "a", "--after", "b", "--rate", "b", *options)
    assert code == 2
    assert "--pairs and --rate contradict" in out


def test_several_files_are_taken_and_none_is_refused(call, table):
    sessions = ["--sessions", "s0", "s1", "s2"]
    code, _, err = call("classify", table, table, *sessions)
    assert (code, f"{table} is given twice" in err) == (2, True)
    code, _, err = call("classify", *sessions)
    assert (code, "give a file" in err) == (2, True)
