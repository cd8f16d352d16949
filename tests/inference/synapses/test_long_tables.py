"""Long tables become one row a synapse, or are refused with the rows that stand in the way."""

import numpy as np
import pytest

from steepest.data.labels import Labels
from steepest.data.size_table import SizeTable
from steepest.errors import DataError, UsageError
from steepest.inference.synapses.request import Request

SIZES = np.exp(np.random.default_rng(0).standard_normal((30, 3))).round(4)
LONG = {"id": "spine", "session": "day", "size": "volume"}


@pytest.fixture
def write(tmp_path):
    """Writes a long table of 30 spines at three days, of two animals; lines may be changed."""

    def write(change=lambda lines: lines, days=("0", "4", "12"), name="long.csv", spine="s{}"):
        lines = [
            f"m{at % 2},{spine.format(at)},{day},{size:g}"
            for at, row in enumerate(SIZES)
            for day, size in zip(days, row, strict=True)
        ]
        path = tmp_path / name
        path.write_text("\n".join(["animal,spine,day,volume", *change(lines)]) + "\n")
        return path

    return write


def values(sizes: SizeTable) -> np.ndarray:
    return np.stack([columns[0].values for columns in sizes.sessions], axis=1)


@pytest.mark.parametrize(
    "shuffle", [lambda lines: lines, lambda lines: lines[::-1], lambda lines: sorted(lines)]
)
def test_a_long_table_is_the_wide_one_whatever_the_order_of_its_rows(write, shuffle):
    sizes = Request(**LONG, group="animal").read(write(shuffle))
    assert sizes.names == ("day 0", "day 4", "day 12")
    names = [f"s{at}" for at in range(30)]
    spines = [line.split(",")[1] for line in shuffle(open_lines(write(shuffle)))]
    order = [names.index(name) for name in dict.fromkeys(spines)]
    np.testing.assert_array_equal(values(sizes), SIZES[order])
    assert sizes.labels["group"].texts().tolist() == [f"m{at % 2}" for at in order]


def open_lines(path):
    return sorted(path.read_text().splitlines()[1:], key=lambda line: int(line.split(",")[1][1:]))


def test_dates_order_the_sessions_and_say_how_far_they_are_apart(write):
    path = write(lambda lines: lines[::-1], days=("28.12.2019", "1.1.2020", "9.1.2020"))
    asked = Request(**LONG)
    assert asked.read(path).names == ("28.12.2019", "1.1.2020", "9.1.2020")
    assert asked.measurements(path).times.tolist() == [0, 4, 12]
    told = Request(**LONG, times=(0.0, 1.0, 2.0))
    assert told.measurements(path).times.tolist() == [0, 1, 2]


def test_names_are_ordered_as_told_and_refused_where_they_are_not(write):
    path = write(days=("pre", "post", "late"))
    asked = Request(**LONG, order=("pre", "post", "late"))
    np.testing.assert_array_equal(values(asked.read(path)), SIZES)
    with pytest.raises(DataError, match=r"the sessions of 'day' 'pre', 'post', 'late'.*--order"):
        Request(**LONG).read(path)


def test_numbers_are_evenly_spaced_unless_times_are_told_and_that_is_said(write):
    sizes = Request(**LONG).read(write())
    assert sizes.times is None
    assert any("if these are times, say --times 0 4 12" in note for note in sizes.notes)
    assert Request(**LONG).read(write(days=("0", "4", "8"))).notes == ()
    with pytest.raises(DataError, match="--times gives 2 times and there are 3 sessions"):
        Request(**LONG, times=(1.0, 2.0)).read(write())


def test_a_row_that_is_not_there_was_not_measured_unless_told(write):
    path = write(lambda lines: [line for line in lines if not line.startswith("m1,s3,4,")])
    sizes = Request(**LONG).read(path)
    assert np.argwhere(np.isnan(values(sizes))).tolist() == [[3, 1]]
    assert any(note.startswith("1 of 90 pairs") for note in sizes.notes)
    measured = Request(**LONG).measurements(path)
    assert np.argwhere(measured.not_measured).tolist() == [[3, 1]]
    gone = Request(**LONG, absent=("no-row",)).measurements(path)
    assert not gone.not_measured.any()
    assert np.isnan(gone.log_sizes[3, 1])


def test_absent_lost_and_not_measured_are_told_apart(write):
    def change(lines):
        lines[1] = "m0,s0,4,"
        lines[4] = "m1,s1,4,0"
        lines[7] = "m0,s2,4,-99"
        lines[10] = "m1,s3,4,lost"
        return lines

    path = write(change)
    asked = Request(**LONG, absent=("lost",), not_measured=("-99",))
    measured = asked.measurements(path)
    assert np.argwhere(measured.not_measured).tolist() == [[0, 1], [2, 1]]
    assert np.argwhere(np.isnan(measured.log_sizes)).tolist() == [[0, 1], [1, 1], [2, 1], [3, 1]]
    merged = Request(**LONG, absent=("lost",), not_measured=("-99", "0")).measurements(path)
    assert np.argwhere(merged.not_measured).tolist() == [[0, 1], [1, 1], [2, 1]]
    with pytest.raises(DataError, match=r"row 9 of column 'volume' is -99, which is negative"):
        Request(**LONG, absent=("lost",)).read(path)
    limited = Request(**LONG, absent=("lost",), detection_limit=0.01).measurements(path)
    assert "below the detection limit" in limited.dropped[0].what
    assert limited.dropped[0].count == 1


def test_two_rows_of_one_synapse_and_session_are_named_or_are_replicates(write):
    path = write(lambda lines: [*lines, "m0,s2,4,1.5", "m0,s2,4,1.75"])
    says = r"row 9 and row 92 are both synapse 's2' in session '4'; .*--replicates"
    with pytest.raises(DataError, match=says):
        Request(**LONG).read(path)
    sizes = Request(**LONG, replicates=True).read(path)
    assert [column.values[2] for column in sizes.sessions[1]] == [SIZES[2, 1], 1.5, 1.75]
    measured = Request(**LONG, replicates=True).measurements(path)
    assert measured.replicates[2].tolist() == [1, 3, 1]
    assert measured.replicates[3].tolist() == [1, 1, 1]


def test_names_that_repeat_between_groups_are_one_with_the_group(write):
    def two_alike(lines):
        return [line.replace(",s1,", ",s0,") for line in lines]

    path = write(two_alike)
    with pytest.raises(DataError, match=r"different groups \(m0 and m1\).*--id GROUP/spine"):
        Request(**LONG, group="animal").read(path)
    joined = Request(**(LONG | {"id": "animal/spine"}), group="animal").read(path)
    assert joined.rows == 30


def test_a_synapse_has_one_group(write):
    path = write(lambda lines: [lines[0].replace("m0", "m1"), *lines[1:]])
    says = r"synapse 's0' has the group 'm1' in row 2 and 'm0' in row 3"
    with pytest.raises(DataError, match=says):
        Request(**LONG, group="animal").read(path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda lines: ["m0,,4,1", *lines], "row 2 of column 'spine' is empty: label it"),
        (lambda lines: ["m0,s0,NA,1", *lines], "row 2 of column 'day' is empty: label it"),
        (lambda lines: ["m0,s0,4,big", *lines], "row 2 of column 'volume' is 'big', not a finite"),
        (lambda lines: lines[::3], "column 'day' holds one session .'0'.: a change needs at least"),
    ],
)
def test_a_long_table_that_cannot_be_used_names_row_and_column(write, change, says):
    with pytest.raises(DataError, match=says):
        Request(**LONG).read(write(change))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"id": "a"}, "--id without --session and --size"),
        ({"session": "s", "size": "v"}, "--session and --size without --id"),
        (LONG | {"before": "x"}, "--id, --session, --size and --before contradict"),
        (LONG | {"sessions": ("a", "b", "c")}, "--size and --sessions contradict"),
        (LONG | {"unpaired": True}, "--unpaired contradict"),
        ({"before": "a", "after": "b", "order": ("a", "b")}, "--order is for long tables"),
        ({"before": "a", "after": "b", "replicates": True}, "--replicates is for long tables"),
        (LONG | {"absent": ("0",), "not_measured": ("0",)}, "both name '0'"),
    ],
)
def test_contradictions_about_the_shape_are_named(options, says):
    with pytest.raises(UsageError, match=says):
        Request(**options)


def test_labels_keep_the_order_in_which_they_appear():
    labels = Labels.of(np.array([3, 1, 3]))
    assert labels.names == ("3", "1")
    assert labels.select(np.array([1, 2])).names == ("1", "3")
    assert labels.texts().tolist() == ["3", "1", "3"]
