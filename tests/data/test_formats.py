"""Tables packed, nested and named as other programs leave them."""

import re
import zipfile

import h5py
import numpy as np
import pytest
import scipy.io
from attacked import IDS, nwb
from attacked import SIZES as SESSIONS

from steepest.data import read_columns, read_series
from steepest.errors import DataError

SIZES = np.exp(np.random.default_rng(0).standard_normal((5, 3)))


def test_matlab_matrices_are_columns_by_number_and_texts_are_labels(tmp_path):
    cells = np.array([f"c{i}" for i in range(5)], dtype=object)
    scipy.io.savemat(tmp_path / "a.mat", {"volume": SIZES, "cell": cells, "step": 4.0})
    columns = read_columns(tmp_path / "a.mat", ["volume.0", "volume.2"], labels=["cell"])
    np.testing.assert_array_equal(columns.arrays[1], SIZES[:, 2])
    assert columns.labels == (("c0", "c1", "c2", "c3", "c4"),)
    by_number = read_columns(tmp_path / "a.mat", ["2"], part="volume")
    np.testing.assert_array_equal(by_number.arrays[0], SIZES[:, 2])


def test_arrays_in_matlab_structs_are_listed_and_read_by_name(tmp_path):
    inside = {"before": SIZES[:, 0], "after": SIZES[:4, 1]}
    scipy.io.savemat(tmp_path / "a.mat", {"mouse": inside})
    with pytest.raises(DataError, match=r"mouse.before \(5\), mouse.after \(4\): say which"):
        read_columns(tmp_path / "a.mat", ["before"])
    column = read_columns(tmp_path / "a.mat", ["mouse.after"], part="mouse.after").arrays[0]
    np.testing.assert_array_equal(column, SIZES[:4, 1])


def test_an_array_of_matlab_structs_is_a_row_each(tmp_path):
    kind = [("name", object), ("volume", object), ("path", object)]
    entries = np.empty((1, 4), dtype=kind)
    for at in range(4):
        entries[0, at] = (f"s{at}", np.array([[1.0 + at, 2.0 + at]]), np.ones((at + 2, 2)))
    scipy.io.savemat(tmp_path / "a.mat", {"roi": entries})
    columns = read_columns(
        tmp_path / "a.mat", ["roi.volume.0", "roi.volume.1"], labels=["roi.name"]
    )
    assert [array.tolist() for array in columns.arrays] == [[1, 2, 3, 4], [2, 3, 4, 5]]
    assert columns.labels == (("s0", "s1", "s2", "s3"),)


def test_arrays_in_a_matlab_cell_are_listed_and_read_by_name(tmp_path):
    cell = np.empty((1, 2), dtype=object)
    cell[0] = [np.arange(6.0).reshape(3, 2), np.arange(8.0).reshape(4, 2)]
    scipy.io.savemat(tmp_path / "a.mat", {"dendrites": cell})
    with pytest.raises(
        DataError, match=r"dendrites\{1\} \(3 x 2\), dendrites\{2\} \(4 x 2\): say w"
    ):
        read_columns(tmp_path / "a.mat", [0])
    columns = read_columns(tmp_path / "a.mat", [1], part="dendrites{2}")
    assert columns.arrays[0].tolist() == [1, 3, 5, 7]


def test_a_matlab_file_of_texts_says_that_it_holds_no_numbers(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"note": "nothing here"})
    with pytest.raises(DataError, match="is a MATLAB file without any array of numbers"):
        read_columns(tmp_path / "a.mat", [0])


def test_a_json_of_several_tables_names_them(tmp_path):
    (tmp_path / "a.json").write_text('{"spines": [{"v": 1}], "shafts": [{"v": 2}]}')
    with pytest.raises(DataError, match="holds several tables, spines, shafts: give one of them"):
        read_columns(tmp_path / "a.json", ["v"])


def test_an_nwb_file_without_a_table_says_so_and_one_with_several_lists_them(tmp_path):
    def written(*names):
        with h5py.File(tmp_path / "a.nwb", "w") as file:
            file.attrs["nwb_version"] = "2.8.0"
            for name in names:
                group = file.create_group(name)
                group.attrs["colnames"] = ["v"]
                group.attrs["data_type"] = "DynamicTable"
                group["v"] = [1.0, 2.0, 3.0]
        return tmp_path / "a.nwb"

    with pytest.raises(DataError, match="is an NWB file without any table"):
        read_columns(written(), ["v"])
    with pytest.raises(
        DataError, match=r"has 2 tables, .*rois.*, .*spines.*: say which with --table"
    ):
        read_columns(written("spines", "rois"), ["v"])


def test_matlab_73_is_read_as_it_lies_in_matlab(tmp_path):
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["volume"] = SIZES.T  # MATLAB stores columns first
        file["volume"].attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file")
    np.testing.assert_array_equal(read_columns(path, ["1"]).arrays[0], SIZES[:, 1])


@pytest.fixture(scope="module")
def matlab_73(tmp_path_factory):
    """Structs and cells as MATLAB 7.3 keeps them: they refer to what lies elsewhere."""
    path = tmp_path_factory.mktemp("matlab") / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:

        def kept(group, name, values, kind="double"):
            group[name] = np.asarray(values).T
            group[name].attrs["MATLAB_class"] = np.bytes_(kind)
            return group[name].ref

        def referring(group, name, parts, kind):
            group[name] = np.array(parts, dtype=h5py.ref_dtype)[None]
            if kind:
                group[name].attrs["MATLAB_class"] = np.bytes_(kind)

        parts = file.create_group("#refs#")
        for name in ("mouse", "roi", "mouse/inner"):
            file.create_group(name).attrs["MATLAB_class"] = np.bytes_("struct")
        kept(file["mouse"], "volume", SIZES)
        kept(file["mouse/inner"], "area", SIZES[:4])
        cell = [kept(parts, f"c{n}", np.arange(6.0 + 2 * n).reshape(-1, 2)) for n in range(2)]
        referring(file, "dendrites", cell, "cell")
        sizes = [kept(parts, f"v{n}", [[1.0 + n, 2.0 + n]]) for n in range(4)]
        codes = [np.frombuffer(f"s{n}".encode("utf-16-le"), np.uint16)[None] for n in range(4)]
        names = [kept(parts, f"n{n}", code, "char") for n, code in enumerate(codes)]
        referring(file["roi"], "volume", sizes, None)
        referring(file["roi"], "name", names, None)
        kept(file, "objects", np.ones((4, 4)), "table")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file")
    return path


def test_structs_and_cells_of_matlab_73_are_listed_and_read_by_path(matlab_73):
    told = (
        "dendrites{1} (3 x 2), dendrites{2} (4 x 2), mouse.inner.area (4 x 3),"
        " mouse.volume (5 x 3), roi.name (4), roi.volume (4 x 2): say which"
    )
    with pytest.raises(DataError, match=re.escape(told)):
        read_columns(matlab_73, [0])
    cell = read_columns(matlab_73, [1], part="dendrites{2}").arrays[0]
    assert cell.tolist() == [1, 3, 5, 7]
    field = read_columns(matlab_73, [1], part="mouse.inner.area").arrays[0]
    np.testing.assert_array_equal(field, SIZES[:4, 1])


def test_a_struct_of_matlab_73_is_a_table_of_its_fields(matlab_73):
    columns = read_columns(matlab_73, ["roi.volume.1"], labels=["roi.name"], part="roi")
    assert columns.arrays[0].tolist() == [2, 3, 4, 5]
    assert columns.labels == (("s0", "s1", "s2", "s3"),)


def test_an_nwb_file_without_a_table_lists_the_arrays_that_may_hold_sizes(tmp_path):
    path = tmp_path / "a.nwb"
    with h5py.File(path, "w") as file:
        file.attrs["nwb_version"] = "2.8.0"
        file["scratch/volumes"] = SIZES
        file["note"] = "a text"
    with pytest.raises(DataError, match=r"holds sizes, scratch/volumes \(5 x 3\)"):
        read_columns(path, [0])
    columns = read_columns(path, [1], part="scratch/volumes")
    np.testing.assert_array_equal(columns.arrays[0], SIZES[:, 1])


def test_json_is_records_or_lists(tmp_path):
    path = tmp_path / "rois.json"
    path.write_text(
        '[{"id": "a", "mean": [1, 2.5], "x": {"y": 1}}, {"id": "b", "mean": [3, null]}]'
    )
    columns = read_columns(path, ["mean.0", "mean.1"], labels=["id"], missing=True)
    np.testing.assert_array_equal(columns.arrays[1], [2.5, np.nan])
    assert columns.labels == (("a", "b"),)
    path.write_text('{"before": [1, 2], "after": [3, 4]}')
    assert read_columns(path, ["after"]).arrays[0].tolist() == [3, 4]
    path.write_text('{"before": [1, 2], "after": [3]}')
    with pytest.raises(DataError, match=r"before has 2, after has 1.*give a list of records"):
        read_columns(path, ["after"])


def test_one_of_several_tables_in_a_zip_file_is_named(tmp_path):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "before\n1\n2\n")
        archive.writestr("b.csv", "before\n3\n4\n")
        archive.writestr("__MACOSX/._a.csv", "x")
    with pytest.raises(DataError, match=r"2 files, 'a.csv', 'b.csv': say which with --table"):
        read_columns(path, ["before"])
    assert read_columns(path, ["before"], part="b.csv").arrays[0].tolist() == [3, 4]


def test_dates_and_titles_above_an_excel_header_are_understood(tmp_path):
    import datetime

    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    days = [datetime.datetime(2019, 6, 20), datetime.datetime(2019, 6, 24)]
    for row in (["Mouse", 1], [], ["Dendrite", "Spine", *days], ["d0", 0, 0.5, 0.25]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    columns = read_columns(tmp_path / "a.xlsx", ["2019-06-20", "2019-06-24"], labels=["Dendrite"])
    assert [array.tolist() for array in columns.arrays] == [[0.5], [0.25]]
    assert columns.rows.tolist() == [4]


@pytest.mark.parametrize(
    ("begins", "says"),
    [
        (b"\x89PNG\r\n", "a picture"),
        (b"II*\x00", "a TIFF"),
        (b"ARROW1", "save the table as Parquet"),
    ],
)
def test_what_is_no_table_says_what_it_is(begins, says, tmp_path):
    (tmp_path / "a").write_bytes(begins + bytes(20))
    with pytest.raises(DataError, match=says):
        read_columns(tmp_path / "a", [0])


def test_a_column_of_nwb_that_is_a_matrix_holds_sessions(tmp_path):
    (tmp_path / "a.nwb").write_bytes(nwb(matrix=True))
    columns = read_columns(tmp_path / "a.nwb", ["size.0", "size.1"], labels=["id"])
    np.testing.assert_array_equal(np.stack(columns.arrays, axis=1), SESSIONS)
    assert columns.labels == (tuple(IDS),)


def test_a_time_series_of_nwb_is_a_series(tmp_path):
    path = tmp_path / "a.nwb"
    with h5py.File(path, "w") as file:
        file.attrs["nwb_version"] = "2.8.0"
        file["acquisition/rates/data"] = SESSIONS
        file["acquisition/rates/starting_time"] = 3.0
        file["acquisition/rates/starting_time"].attrs["rate"] = 10.0
    series = read_series(path)
    np.testing.assert_array_equal(series.values, SESSIONS)
    assert series.names == ("0", "1")
    assert series.dt == pytest.approx(0.1)
