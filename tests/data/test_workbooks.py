"""Excel sheets and NWB tables are read like any table, and refused by name where they are not."""

import datetime

import h5py
import numpy as np
import pytest

from steepest.data.tables import read_columns
from steepest.errors import DataError

SIZES = np.exp(np.random.default_rng(0).standard_normal((12, 2)))


@pytest.fixture
def workbook(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")

    def write(*, merged=False, second=False, empty=False):
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.title = "sizes"
        if not empty:
            sheet.append(["before", "after", "cell"])
            for row in SIZES.tolist():
                sheet.append([*row, "a"])
        if merged:
            sheet.merge_cells("A1:B1")
        if second:
            book.create_sheet("notes")
        path = tmp_path / "book.xlsx"
        book.save(path)
        return path

    return write


def test_a_sheet_is_a_table(workbook):
    found = read_columns(workbook(), ["before", 1], labels=["cell"])
    np.testing.assert_allclose(np.stack(found.arrays, axis=1), SIZES, rtol=1e-14)
    assert found.labels == (("a",) * 12,)
    assert found.rows[0] == 2


def test_one_of_several_sheets_is_named(workbook):
    path = workbook(second=True)
    with pytest.raises(DataError, match=r"2 sheets, 'sizes', 'notes': say which with --table"):
        read_columns(path, ["before"])
    assert read_columns(path, ["before"], part="sizes").arrays[0].size == 12
    with pytest.raises(DataError, match=r"no sheet 'size'; it has 'sizes', 'notes'"):
        read_columns(path, ["before"], part="size")
    with pytest.raises(DataError, match="sheet 'notes' is empty"):
        read_columns(path, ["before"], part="notes")


def test_merged_headers_are_refused(workbook):
    with pytest.raises(DataError, match=r"merged headers \(A1:B1\): unmerge"):
        read_columns(workbook(merged=True), ["before"])


def test_what_begins_like_a_workbook_but_is_none(tmp_path):
    import zipfile

    path = tmp_path / "book.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "")
    pytest.importorskip("openpyxl")
    with pytest.raises(DataError, match="begins like an Excel workbook but cannot be read"):
        read_columns(path, ["before"])


def test_a_part_of_a_plain_table_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="is one table, and --table x"):
        read_columns(path, ["a"], part="x")


@pytest.fixture
def nwb(tmp_path):
    pytest.importorskip("pynwb")
    from hdmf.common import DynamicTable, VectorData
    from pynwb import NWBHDF5IO, NWBFile

    def write(*, tables=("synapses",)):
        start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
        file = NWBFile(session_description="x", identifier="x", session_start_time=start)
        for name in tables:
            columns = [
                VectorData(name="before", description="size", data=SIZES[:, 0]),
                VectorData(name="after", description="size", data=SIZES[:, 1]),
                VectorData(name="cell", description="cell", data=["a"] * 12),
            ]
            file.add_acquisition(DynamicTable(name=name, description="sizes", columns=columns))
        path = tmp_path / "a.nwb"
        with NWBHDF5IO(str(path), "w") as io:
            io.write(file)
        return path

    return write


def test_an_nwb_table_is_a_table(nwb):
    found = read_columns(nwb(), ["before", "after"], labels=["cell"])
    np.testing.assert_array_equal(np.stack(found.arrays, axis=1), SIZES)
    assert found.labels == (("a",) * 12,)


def test_an_nwb_file_without_the_table_is_refused(nwb):
    with pytest.raises(DataError, match="no table 'spines'; it has 'synapses'"):
        read_columns(nwb(), ["before"], part="spines")
    with pytest.raises(DataError, match=r"2 tables, .*say which with --table"):
        read_columns(nwb(tables=("a", "b")), ["before"])
    with pytest.raises(DataError, match="without any table"):
        read_columns(nwb(tables=()), ["before"])


def test_other_hdf5_is_refused(tmp_path):
    path = tmp_path / "a.mat"
    with h5py.File(path, "w") as file:
        file["x"] = SIZES
    with pytest.raises(DataError, match="HDF5 but no NWB file"):
        read_columns(path, ["before"])
