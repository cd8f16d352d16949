"""What is asked is understood once: options, TOML, contradictions named together, columns found."""

import numpy as np
import pytest

from steepest.errors import DataError, UsageError
from steepest.inference.synapses.request import Request

RNG = np.random.default_rng(0)


@pytest.fixture
def table(tmp_path):
    sizes = np.exp(RNG.standard_normal((120, 4)))
    path = tmp_path / "sizes.csv"
    lines = ["day0,day4,day8,again,dendrite,arm"]
    for at, row in enumerate(sizes):
        cells = [f"{x:.17g}" for x in row]
        if at == 5:
            cells[1] = ""
        if at == 6:
            cells[1] = "-9"
        arm = "sham" if at % 2 else "learned"
        lines.append(",".join([*cells, f"d{at % 20}", arm]))
    path.write_text("\n".join(lines))
    return path


def test_sessions_groups_and_absent_codes_are_read(table):
    asked = Request(sessions=("day0", "day4", "day8"), group="dendrite", absent=("empty", "-9"))
    found = asked.measurements(table)
    assert found.sessions == 3
    assert len(found.group_names) == 20
    assert np.isnan(found.log_sizes[[5, 6], 1]).all()
    assert found.names == ("day0", "day4", "day8")
    assert not found.not_measured.any()
    empty = Request(sessions=("day0", "day4", "day8"), absent=("-9",)).measurements(table)
    assert np.argwhere(empty.not_measured).tolist() == [[5, 1]]


def test_replicates_and_a_null_are_read(table):
    asked = Request(
        before="day0",
        replicate_before=("again",),
        after="day8",
        group="dendrite",
        condition="arm",
        null="sham",
    )
    found = asked.measurements(table)
    assert found.replicates[:, 0].tolist() == [2] * 120
    assert found.replicates[:, 1].tolist() == [1] * 120
    assert found.null.sum() == 60


def test_a_toml_file_holds_any_option_and_the_command_line_wins(table, tmp_path):
    path = tmp_path / "ask.toml"
    path.write_text(
        'sessions = ["day0", "day4", "day8"]\ngroup = "dendrite"\nabsent = "empty"\n'
        "detection-limit = 0.01\nseed = 4\ntimes = [0, 4, 8]\n"
    )
    asked = Request.from_toml(path, {"seed": 7, "group": None, "absent": ()})
    assert asked == Request(
        sessions=("day0", "day4", "day8"),
        group="dendrite",
        absent=("empty",),
        detection_limit=0.01,
        seed=7,
        times=(0.0, 4.0, 8.0),
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("sesions = ['a']", "'sesions' is no option of infer; did you mean sessions"),
        ("= 3", "is not a TOML file"),
        ("noise_cv = 'low'\nbefore='a'\nafter='b'", "noise_cv is 'low': give a number"),
        ("before = ['a', 'b']", "before is .*give one column"),
        ("times = ['a']", "times must be numbers"),
        ("seed = 1.5", "seed is 1.5: give int"),
        ("unpaired = 1", "unpaired is 1: give bool"),
    ],
)
def test_bad_toml_is_refused(tmp_path, content, says):
    path = tmp_path / "ask.toml"
    path.write_text(content)
    with pytest.raises(DataError if "TOML" in says else UsageError, match=says):
        Request.from_toml(path, {})
    with pytest.raises(DataError, match=r"no such file: .*none.toml"):
        Request.from_toml(tmp_path / "none.toml", {})


SERIES = ("a", "b", "c")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "--before and --after missing"),
        ({"before": "a"}, "--after missing"),
        ({"sessions": SERIES, "before": "a"}, "--sessions and --before contradict"),
        ({"sessions": ("a", "b")}, "at least three"),
        ({"sessions": SERIES, "times": (1.0,)}, "--times gives 1 times and --sessions 3"),
        ({"sessions": SERIES, "noise_cv": 0.1}, "--noise-cv and --sessions contradict"),
        ({"sessions": SERIES, "noise_sd": 0.0}, "--noise-sd and --sessions contradict"),
        ({"before": "a", "after": "b", "noise_cv": 0.1, "noise_sd": 0.1}, "--noise-cv and --noise"),
        ({"before": "a", "after": "b", "noise_cv": -0.1}, "--noise-cv is -0.1"),
        ({"before": "a", "after": "b", "noise": ""}, "--noise names no file"),
        ({"before": "a", "after": "b", "null": "sham"}, "--condition .* and --null .* together"),
        ({"before": "a", "after": "b", "condition": "arm"}, "go together"),
        (
            {"sessions": SERIES, "condition": "arm", "null": "sham"},
            "--sessions and --null contradict",
        ),
        ({"before": "a", "after": "b", "unpaired": True, "group": "g"}, "--unpaired and --group"),
        (
            {"before": "a", "after": "b", "replicate_after": ("c",), "rate": "r"},
            "--rate and --replicate-after",
        ),
    ],
)
def test_contradictory_options_are_named_together(options, says):
    with pytest.raises(UsageError, match=says):
        Request(**options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sessions": ("day0", "day8", "day4")}, "out of order: 'day4' comes after 'day8'"),
        ({"sessions": ("day0", "day4", "day4")}, "'day4' is given twice"),
        (
            {"before": "day0", "after": "day8", "condition": "arm", "null": "shan"},
            "no condition 'shan'; did you mean 'sham'",
        ),
        (
            {"before": "day0", "after": "day8", "condition": "dendrite", "null": "d1"},
            "19 conditions beside the null 'd1'",
        ),
        ({"before": "day0", "after": "day8", "group": "dendrit"}, "did you mean 'dendrite'"),
    ],
)
def test_columns_that_cannot_be_what_they_are_said_to_be(table, options, says):
    with pytest.raises(DataError, match=says):
        Request(absent=("empty", "-9"), **options).measurements(table)
