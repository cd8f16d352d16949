"""`steepest infer` on tables of any shape: looked at when alone, judged when told what is what."""

import json
import shlex
import sys

import numpy as np
import pytest

from steepest.inference import Design, simulate_design
from steepest.inference.synapses.request import Request


@pytest.fixture(scope="module")
def sizes():
    """Four sessions of 160 synapses in 16 dendrites of 8 animals."""
    design = Design(synapses=160, sessions=4, groups=16, multiplicative=0.05)
    return np.exp(simulate_design(design, 1, seed=1).log_sizes)


@pytest.fixture
def tables(sizes, tmp_path):
    """The same sizes as a wide table, as a long one, and as a file for each dendrite."""
    days = ("day0", "day4", "day8", "day12")
    wide, long = [",".join(["mouse", "dendrite", *days])], ["mouse,dendrite,spine,day,volume"]
    for at, row in enumerate(sizes):
        labels = f"m{at % 8},d{at % 16:02}"
        wide.append(",".join([labels, *(f"{x:.17g}" for x in row)]))
        long += [f"{labels},s{at},{day},{x:.17g}" for day, x in zip(days, row, strict=True)]
    (tmp_path / "wide.csv").write_text("\n".join(wide))
    (tmp_path / "long.csv").write_text("\n".join(long))
    for dendrite in range(16):
        np.save(tmp_path / f"d{dendrite:02}.npy", sizes[dendrite::16])
    return tmp_path


WIDE = ["--sessions", "day0", "day4", "day8", "day12"]
LONG = ["--id", "spine", "--session", "day", "--size", "volume"]


def test_every_shape_of_the_same_sizes_holds_the_same_measurements(tables, monkeypatch):
    monkeypatch.chdir(tables)
    wide = Request(sessions=tuple(WIDE[1:]), group="dendrite")
    long = Request(id="spine", session="day", size="volume", group="dendrite")
    arrays = Request(sessions=("0", "1", "2", "3"))
    expected = wide.measurements(wide.read("wide.csv"))
    for request, files in ((long, "long.csv"), (arrays, "d*.npy")):
        measured = request.measurements(request.read(files))
        order = np.argsort(np.arange(160) % 16, kind="stable") if files == "d*.npy" else ...
        np.testing.assert_array_equal(measured.log_sizes, expected.log_sizes[order])
        np.testing.assert_array_equal(measured.groups, expected.groups[order])
        assert measured.group_names == expected.group_names
        assert measured.times.tolist() == [0, 1, 2, 3]


def test_a_group_that_lies_in_an_animal_is_pointed_out(tables):
    said = Request(sessions=tuple(WIDE[1:]), group="dendrite").read(tables / "wide.csv")
    (note,) = said.notes
    assert "16 groups of 'dendrite' lie in 8 of 'mouse'" in note
    assert "--group mouse/dendrite" in note
    for group in ("mouse", "mouse/dendrite"):
        assert Request(sessions=tuple(WIDE[1:]), group=group).read(tables / "wide.csv").notes == ()


@pytest.mark.usefixtures("sketched")
def test_a_file_alone_is_looked_at_and_its_command_judges_it(call, tables):
    code, out, err = call("infer", "long.csv")
    assert (code, err) == (0, "")
    assert "Nothing was judged" in out
    assert "160 synapses in 4 sessions" in out
    command = next(line for line in out.splitlines() if line.startswith("  steepest infer"))
    code, out, err = call("infer", "long.csv", "--json")
    assert (code, err) == (0, "")
    looked = json.loads(out)
    assert looked["schema"] == "steepest.look/1"
    assert looked["commands"][0] == command.strip()
    proposed = shlex.split(command)[1:]
    assert proposed[-2:] == ["--group", "mouse/dendrite"]
    chosen = ["--where", "mouse!=m7", "day != day12", "--out", "out"]
    code, out, err = call(*proposed, *chosen, "--full")
    assert (code, err) == (0, "")
    assert "7 clusters resampled" in out
    said = json.loads((tables / "out" / "verdict.json").read_text())
    assert said["used"]["sessions"] == ["day0", "day4", "day8"]
    assert (said["used"]["resampled"], len(said["used"]["groups"])) == ("clusters", 14)
    assert said["request"]["where"] == ["mouse!=m7", "day != day12"]
    page = (tables / "out" / "verdict.html").read_text()
    assert "--where &#39;mouse!=m7&#39; &#39;day != day12&#39;" in page


@pytest.mark.parametrize(("typed", "runs"), [("y", True), ("", False), ("no", False)])
def test_on_a_terminal_the_first_command_is_offered(call, tables, monkeypatch, typed, runs):
    import steepest.cli.looking

    asked = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(steepest.cli.looking, "input", lambda q: asked.append(q) or typed, False)
    code, out, _ = call("infer", "d00.npy")
    assert len(asked) == 1
    assert (code, "why" in out) == (0, runs)


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (["wide.csv", "--out", "new"], "without columns a file is only looked at"),
        (["none.csv"], "no such file: none.csv"),
        (["wide.csv", "--group", "mouse"], "--before and --after missing"),
        ([], "give a file"),
        (["d*.tsv", *WIDE], "no file matches"),
        (["long.csv", *LONG, "--where", "mouse"], "'mouse' is no condition"),
        (["long.csv", *LONG, "--where", "mouse=x"], "no row has mouse=x"),
        (["long.csv", *LONG[:-1], "size"], "no column 'size'"),
        (["wide.csv", *WIDE, "--order", "a"], "--order is for long tables"),
        (
            ["wide.csv", "--before", "day0", "--after", "day4", "--replicate-before", "day0"],
            "'day0' and 'day0' are one column, which cannot be two measurements",
        ),
        (["wide.csv", "--before", "2", "--after", "day0"], "'2' and 'day0' are one column"),
    ],
)
def test_bad_requests_end_with_2_and_write_nothing(call, tables, tokens, says):
    before = sorted(path.name for path in tables.iterdir())
    code, out, err = call("infer", *tokens)
    assert (code, out) == (2, "")
    assert says in err
    assert sorted(path.name for path in tables.iterdir()) == before


def test_a_group_of_a_pair_is_resampled_and_not_passed_over(call, tables):
    pair = ["infer", "wide.csv", "--before", "day0", "--after", "day12", "--noise-cv", 0.05]
    code, out, _ = call(*pair, "--group", "mouse", "--full")
    assert code == 0
    assert "8 groups resampled" in out


@pytest.mark.usefixtures("sketched")
def test_conditions_are_compared_and_written(call, tables):
    lines = (tables / "wide.csv").read_text().splitlines()
    arms = [
        f"{line},{'trained' if at % 2 else 'sham'}" for at, line in enumerate(lines[1:], start=1)
    ]
    (tables / "arms.csv").write_text("\n".join([lines[0] + ",arm", *arms]))
    options = [*WIDE[:4], "--group", "dendrite", "--compare", "arm"]
    code, out, err = call("infer", "arms.csv", *options, "--out", "out")
    assert (code, err) == (0, "")
    assert "The indices of sham and trained do not differ" in out
    said = json.loads((tables / "out" / "comparison.json").read_text())
    assert said["request"]["compare"] == "arm"
    assert {len(verdict["used"]["groups"]) for verdict in said["verdicts"].values()} == {8}
    page = (tables / "out" / "comparison.html").read_text()
    assert "The indices of sham and trained do not differ" in page
    assert "--compare arm" in page


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--compare", "mouse"], "condition 'm0' has 2 groups: at least 8"),
        (["--compare", "arm"], "no column 'arm'"),
        (["--compare", "mouse", "--where", "mouse=m1"], "1 condition (m1)"),
    ],
)
def test_conditions_that_cannot_be_compared_end_with_2(call, tables, options, says):
    code, out, err = call("infer", "wide.csv", *WIDE, "--group", "dendrite", *options)
    assert (code, out) == (2, "")
    assert says in err
    pair = ["--before", "day0", "--after", "day4", "--compare", "mouse"]
    code, _, err = call("infer", "wide.csv", *pair)
    assert code == 2
    assert "--compare needs to know the noise of measurement" in err


def test_weights_of_either_sign_are_judged_when_that_is_said(call, tmp_path):
    rng = np.random.default_rng(1)
    before = rng.standard_normal(120)
    after = before + 0.3 * rng.standard_normal(120)
    np.savetxt(
        tmp_path / "weights.csv", np.c_[before, after], delimiter=",", header="a,b", comments=""
    )
    asked = ["infer", "weights.csv", "--before", "a", "--after", "b", "--json"]
    code, out, _ = call(*asked, "--signed", "--noise-cv", "0")
    said = json.loads(out)
    assert code == 0
    assert said["crossed"] == int((np.sign(before) != np.sign(after)).sum())
    assert said["request"]["signed"] is True
    code, out, _ = call(*asked)
    assert code == 2
    assert "is negative" in json.loads(out)["error"]
    code, out, _ = call(*asked, "--signed", "--noise-cv", "0.1", "--rate", "a")
    assert code == 2
    assert "--signed and --noise-cv, --rate contradict each other" in json.loads(out)["error"]


def test_a_stated_noise_may_be_a_file(call, tmp_path):
    sizes = np.exp(np.random.default_rng(1).standard_normal((120, 2)) / 2)
    np.savetxt(tmp_path / "sizes.csv", sizes, delimiter=",", header="a,b", comments="")
    (tmp_path / "noise.csv").write_text("session,cv\nday 0,0.05\nday 4,0.1\n")
    asked = ["infer", "sizes.csv", "--before", "a", "--after", "b", "--json", "--noise"]
    code, out, _ = call(*asked, "noise.csv")
    assert code == 0
    assert "0.05 before and 0.1 after" in json.loads(out)["noise"]["statement"]
    code, out, _ = call(*asked, "noise.csv", "--noise-cv", "0")
    assert code == 2
    assert "--noise-cv and --noise contradict each other" in json.loads(out)["error"]
    code, out, _ = call(*asked, "sizes.csv")
    assert code == 2
    assert "give `session` or `size`" in json.loads(out)["error"]
