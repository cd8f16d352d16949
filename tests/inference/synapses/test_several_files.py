"""What each of several files is: a group, a session, a condition, or a part of one table."""

from pathlib import Path

import numpy as np
import pytest

from steepest.errors import DataError, UsageError
from steepest.inference import measure
from steepest.inference.synapses.changes import pairs
from steepest.inference.synapses.estimation import clusters
from steepest.inference.synapses.request import Request

SIZES = np.exp(0.5 * np.random.default_rng(0).standard_normal((60, 4)))
WIDE = ("0", "1", "2", "3")


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a CSV of some spines (animal, dendrite, spine, sessions) to the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(name, rows, columns=WIDE, scale=1.0, animals=2):
        lines = [",".join(["animal", "dendrite", "spine", *(f"day{c}" for c in columns)])]
        for at in rows:
            cells = [f"{scale * SIZES[at, int(c)]:.10g}" for c in columns]
            lines.append(",".join([f"m{at % animals}", f"d{at % 6}", f"s{at}", *cells]))
        (tmp_path / name).write_text("\n".join(lines))
        return name

    return write


def asked(**options):
    return Request(sessions=tuple(f"day{c}" for c in WIDE), **options)


def test_files_are_groups_unless_told_and_groups_in_them_are_nested(write):
    files = [write("a.csv", range(30)), write("b.csv", range(30, 60))]
    assert asked().read(files).labels["group"].names == ("a", "b")
    nested = asked(group="dendrite").read(files)
    assert set(nested.labels["group"].names) == {f"{f}/d{d}" for f in "ab" for d in range(6)}
    assert nested.labels["cluster"].names == ("a", "b")
    part = asked(group="dendrite", file_is="part").read(files)
    assert len(part.labels["group"].names) == 6
    assert "cluster" not in part.labels


def test_files_are_sessions_whose_synapses_are_known_by_name(write):
    for day, rows in (("2", range(60)), ("0", range(60)), ("1", range(59, 10, -1))):
        write(f"day{day}.csv", rows, (day,))
        path = Path(f"day{day}.csv")
        path.write_text(path.read_text().replace(f"day{day}\n", "volume\n"))
    request = Request(id="spine", size="volume", file_is="session", group="dendrite")
    sizes = request.read(["day?.csv"])
    assert sizes.names == ("day0", "day1", "day2")
    expected = SIZES[:, :3].copy()
    expected[:11, 1] = np.nan
    found = np.array([columns[0].values for columns in sizes.sessions]).T
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    with pytest.raises(UsageError, match="--file-is session needs --id and --size"):
        asked(file_is="session")


def test_files_are_conditions_with_a_null_or_to_be_compared(write):
    files = [write("learned.csv", range(30)), write("sham.csv", range(30, 60))]
    compared = asked(file_is="condition", group="dendrite").read(files)
    assert compared.labels["compare"].names == ("learned", "sham")
    assert "learned/d0" in compared.labels["group"].names
    request = Request(before="day0", after="day1", null="sham", file_is="condition", group="spine")
    measured = request.measurements(request.read(files))
    assert measured.null.tolist() == [False] * 30 + [True] * 30
    with pytest.raises(UsageError, match="--file-is condition and --compare contradict"):
        asked(file_is="condition", compare="animal")


def test_a_bad_cell_names_its_file_and_row(write):
    files = [write("a.csv", range(30)), write("b.csv", range(30, 60), scale=-1.0)]
    with pytest.raises(DataError, match=r"row 2 of b\.csv of day0 is -"):
        asked().measurements(asked().read(files))


def test_files_in_other_units_or_of_other_columns_are_refused(write):
    files = [write("a.csv", range(30)), write("b.csv", range(30, 60), scale=1000.0)]
    with pytest.raises(DataError, match=r"in a.csv and .* in b.csv: that is another unit"):
        asked().read(files)
    files = [write("a.csv", range(30)), write("c.csv", range(30), ("0", "1"))]
    with pytest.raises(DataError, match=r"c\.csv has no column 'day2'"):
        asked().read(files)


def test_nested_groups_resample_the_outer_and_take_drift_out_of_the_inner(write):
    file = write("a.csv", range(60), animals=3)
    request = asked(group="animal/dendrite")
    measured = request.measurements(file)
    assert measured.group_names == tuple(f"m{d % 3}/d{d}" for d in (0, 3, 1, 4, 2, 5))
    assert np.unique(measured.clusters).size == 3
    assert measured.resampled == "clusters"
    np.testing.assert_array_equal(clusters(measured, 0), np.arange(60) % 3)
    changes = pairs(measured, (1,))
    assert np.unique(changes.cell).size == 6 * 3  # a drift for each dendrite and interval


def test_a_group_lies_in_one_cluster():
    sizes = [[1.0, 2.0, 3.0], [1.5, 2.5, 2.0]]
    with pytest.raises(DataError, match="group 'd' lies in 'm1' and in 'm2'"):
        measure(sizes, groups=["d", "d", "e"], clusters=["m1", "m2", "m2"])
    with pytest.raises(DataError, match="clusters are given without groups"):
        measure(sizes, clusters=["m1", "m2", "m2"])
    assert measure(sizes, groups=["d", "d", "e"], clusters=["m", "m", "n"]).resampled == "clusters"
