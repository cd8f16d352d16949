"""Columns are read alike from every format, and every bad file is refused with its place."""

import pickle
import sys
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from steepest.data import read_checkpoint, read_series
from steepest.data.tables import read_columns
from steepest.errors import DataError
from steepest.inference import infer_geometry

BEFORE = np.array([0.5, 1.25, 0.0, 3.0])
AFTER = np.array([0.75, 1.0, 2.5, 0.0])


@pytest.fixture
def write(tmp_path):
    def write_text(text, name="sizes.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write_text


def rows(mark):
    return "".join(
        f"s{i}{mark}{b}{mark}{a}\n" for i, (b, a) in enumerate(zip(BEFORE, AFTER, strict=True))
    )


def save_npz(path, **arrays):
    with path.open("wb") as file:  # an open file keeps numpy from adding a suffix
        np.savez(file, **arrays)


def save_npy(path, array):
    with path.open("wb") as file:
        np.save(file, array)


RECORDS = np.rec.fromarrays([["a", "b", "c", "d"], BEFORE, AFTER], names="id,before,after")
WRITERS = {
    "csv": lambda p: p.write_text("id,before,after\n" + rows(",")),
    "tsv": lambda p: p.write_text("id\tbefore\tafter\n" + rows("\t")),
    "semicolons": lambda p: p.write_text("id;before;after\n" + rows(";")),
    "decimal commas": lambda p: p.write_text("id;before;after\n" + rows(";").replace(".", ",")),
    "spaces": lambda p: p.write_text("id before after\n" + rows(" ")),
    "quotes": lambda p: p.write_text('"id";"before";"after"\n' + rows(";")),
    "bom and crlf": lambda p: p.write_bytes(
        b"\xef\xbb\xbf" + ("id,before,after\n" + rows(",")).replace("\n", "\r\n").encode()
    ),
    "utf-16": lambda p: p.write_text("id\tbefore\tafter\n" + rows("\t"), encoding="utf-16"),
    "latin-1": lambda p: p.write_text("µ,before,after\n" + rows(","), encoding="latin-1"),
    "blank rows": lambda p: p.write_text("\n\nid,before,after\n" + rows(",") + ",,\n\n"),
    "structured npy": lambda p: save_npy(p, np.asarray(RECORDS)),
    "npz of columns": lambda p: save_npz(p, id=np.arange(4), before=BEFORE, after=AFTER),
    "npz of one record array": lambda p: save_npz(p, only=np.asarray(RECORDS)),
    "parquet": lambda p: pq.write_table(
        pa.table({"id": list("abcd"), "before": BEFORE, "after": AFTER}), p
    ),
}


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".dat"])
@pytest.mark.parametrize("kind", WRITERS)
def test_every_format_reads_the_same_whatever_its_suffix(kind, suffix, tmp_path):
    path = tmp_path / f"sizes{suffix}"
    WRITERS[kind](path)
    for asked in (["before", "after"], ["1", "2"], [1, 2]):
        columns = read_columns(path, asked)
        assert columns.names == ("before", "after")
        np.testing.assert_array_equal(columns.arrays[0], BEFORE)
        np.testing.assert_array_equal(columns["after"], AFTER)


@pytest.mark.parametrize(
    "save",
    [
        lambda p: save_npy(p, np.column_stack([BEFORE, AFTER])),
        lambda p: save_npy(p, np.asfortranarray(np.column_stack([BEFORE, AFTER]))),
        lambda p: save_npz(p, table=np.column_stack([BEFORE, AFTER])),
        lambda p: np.savetxt(p, np.column_stack([BEFORE, AFTER])),
        lambda p: np.savetxt(p, np.column_stack([BEFORE, AFTER]), delimiter=","),
    ],
)
def test_a_table_without_names_is_read_by_number(save, tmp_path):
    path = tmp_path / "sizes.npz"
    save(path)
    columns = read_columns(path, ["1", 0])
    assert columns.names == ("1", "0")
    np.testing.assert_array_equal(columns.arrays[0], AFTER)
    with pytest.raises(DataError, match=r"no column 'before'.*2 columns, numbered 0 to 1, and no"):
        read_columns(path, ["before"])
    with pytest.raises(DataError, match="no column '2'"):
        read_columns(path, [2])


def test_one_column_needs_no_separator(write):
    path = write("size\n1.5\n2\n")
    np.testing.assert_array_equal(read_columns(path, ["size"]).arrays[0], [1.5, 2])


def test_a_name_wins_over_a_number(write):
    path = write("id,1,0\n7,8,9\n")
    assert read_columns(path, ["1"]).arrays[0] == [8]
    assert read_columns(path, [0]).arrays[0] == [9]
    assert read_columns(path, ["2"]).arrays[0] == [9]


def test_numbers_are_read_to_the_last_digit(write):
    exact = np.random.default_rng(1).standard_normal(2000) ** 2
    path = write("size,other\n" + "".join(f"{x!r},1\n" for x in exact.tolist()))
    np.testing.assert_array_equal(read_columns(path, ["size"]).arrays[0], exact)


def test_rows_are_counted_as_in_the_file(write, tmp_path):
    text = read_columns(write("\nbefore,after\n1,2\n\n3,4\n"), ["before"])
    np.testing.assert_array_equal(text.rows, [3, 5])
    np.testing.assert_array_equal(read_columns(write("1,2\n3,4\n"), [0]).rows, [1, 2])
    save_npy(tmp_path / "a.npy", BEFORE)
    np.testing.assert_array_equal(read_columns(tmp_path / "a.npy", [0]).rows, [0, 1, 2, 3])


def test_series_carry_rows_and_names_into_the_errors_of_inference(write):
    path = write(
        "spine,week 1,week 2\n" + "".join(f"s{i},{i + 1},{i + 2}\n" for i in range(9)) + "x,1,-2\n"
    )
    before, after = read_columns(path, ["week 1", "week 2"]).labelled()
    with pytest.raises(
        DataError, match=r"row 11 of column 'week 2' \(after\) is -2, which is negative"
    ):
        infer_geometry(before, after)


def bad_cell(cell):
    return f"id,before,after\na,1,2\nb,{cell},3\nc,1,1\n"


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("lost", "is 'lost', not a finite number"),
        ("NaN", "is 'NaN'"),
        ("inf", "is 'inf'"),
        ("-Infinity", "is '-Infinity'"),
        ("1e999", "is '1e999'"),
        ('"1,5"', "is '1,5'.*decimal point"),
    ],
)
def test_a_cell_that_is_no_number_is_named_with_its_row_and_column(cell, says, write):
    with pytest.raises(DataError, match=f"row 3 of column 'before' {says}"):
        read_columns(write(bad_cell(cell)), ["before", "after"])
    read_columns(write(bad_cell(cell)), ["after"])  # other columns do not mind


def test_a_column_of_commas_and_points_is_refused_by_row(write):
    path = write("id;before;after\nx.1;1,234;1,5\ny,2;2.5;2\nz;3;n.a.\n")
    with pytest.raises(
        DataError, match=r"sizes.csv: row 3 of column 'before' is '2.5', where row 2 is '1,234'"
    ):
        read_columns(path, ["before"])
    with pytest.raises(DataError, match=r"row 4 of column 'after' is 'n.a.', not a finite"):
        read_columns(path, ["after"])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_named_in_arrays_too(value, tmp_path):
    table = np.column_stack([BEFORE, AFTER])
    table[2, 1] = value
    save_npy(tmp_path / "a.npy", table)
    with pytest.raises(DataError, match=r"row 2 \(counted from 0\) of column '1'"):
        read_columns(tmp_path / "a.npy", [0, 1])


def test_a_null_in_parquet_is_named(tmp_path):
    pq.write_table(pa.table({"before": [1.0, None, 2.0], "who": ["a", "b", "c"]}), tmp_path / "a")
    with pytest.raises(DataError, match=r"row 1 \(counted from 0\) of column 'before'"):
        read_columns(tmp_path / "a", ["before"])
    with pytest.raises(DataError, match="column 'who' holds values of type object"):
        read_columns(tmp_path / "a", ["who"])


def zip_of(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "text")


class Trap:
    """Unpickling this would fail the test."""

    def __reduce__(self):
        return pytest.fail, ("unpickled",)


BAD_FILES = {
    "empty": (lambda p: p.write_bytes(b""), "is empty"),
    "blank": (lambda p: p.write_text(" \n\n"), "is empty"),
    "long and blank": (lambda p: p.write_text("\n" * 500), "is empty"),
    "only a mark": (lambda p: p.write_bytes(b"\xef\xbb\xbf"), "is empty"),
    "header only": (lambda p: p.write_text("before,after\n"), "a header and no rows"),
    "header and blanks": (lambda p: p.write_text("before,after\n,\n\n"), "a header and no rows"),
    "ragged": (
        lambda p: p.write_text("\nbefore,after\n1,2\n1,2,3\n"),
        "row 4 has 3 cells where.* 2",
    ),
    "open quote": (lambda p: p.write_text('before,after\n1,"2\n3,4\n'), "is not a table"),
    "binary": (lambda p: p.write_bytes(bytes(range(256))), "neither text nor a known format"),
    "no rows": (lambda p: save_npy(p, np.empty((0, 2))), "no rows of data"),
    "scalar": (lambda p: save_npy(p, np.float64(1)), "0 dimensions"),
    "cube": (lambda p: save_npy(p, np.ones((2, 2, 2))), "3 dimensions"),
    "complex": (lambda p: save_npy(p, np.ones((3, 2), complex)), "type complex128"),
    "strings": (lambda p: save_npy(p, np.array([["a"], ["b"]])), "type <U1"),
    "cut npy": (lambda p: cut(p, lambda: save_npy(p, BEFORE)), "cannot be read as a NumPy array"),
    "cut npz": (
        lambda p: cut(p, lambda: save_npz(p, before=BEFORE)),
        "begins like an NPZ but cannot",
    ),
    "cut parquet": (
        lambda p: cut(p, lambda: pq.write_table(pa.table({"before": BEFORE}), p)),
        "begins like Parquet but cannot be read",
    ),
    "parquet in name alone": (lambda p: p.write_bytes(b"PAR1 and no more"), "begins like Parquet"),
    "pickled npy": (lambda p: np.save(p.open("wb"), np.array([Trap()])), "pickled Python objects"),
    "pickled npz": (lambda p: save_npz(p, before=np.array([Trap()])), "pickled Python objects"),
    "pickle": (lambda p: p.write_bytes(pickle.dumps([Trap()])), "pickled Python objects"),
    "hdf5": (lambda p: p.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 99), "HDF5"),
    "old excel": (lambda p: p.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "old Excel"),
    "excel": (lambda p: zip_of(p, "[Content_Types].xml", "xl/workbook.xml"), "Excel workbook"),
    "zip": (lambda p: zip_of(p, "figure.svg"), "no NPZ"),
    "zip of words": (lambda p: zip_of(p, "readme.txt"), "a header and no rows"),
    "empty zip": (lambda p: zip_of(p), "is empty"),
    "gzip": (lambda p: p.write_bytes(b"\x1f\x8b\x08\0"), "gzip"),
    "no such column": (lambda p: p.write_text("a,b\n1,2\n"), "no column 'before'.*'a', 'b'"),
    "near column": (lambda p: p.write_text("Before,x\n1,2\n"), "did you mean 'Before'"),
    "two of a name": (lambda p: p.write_text("before,before\n1,2\n"), "2 columns named.* 0, 1"),
    "image as column": (lambda p: save_npz(p, before=np.ones((2, 2)), b=BEFORE), "2 dimensions"),
}


def cut(path, save):
    save()
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_is_refused_by_name(kind, tmp_path):
    write_bad, says = BAD_FILES[kind]
    path = tmp_path / "sizes.csv"
    write_bad(path)
    number = kind in ("no rows", "complex", "strings", "binary")
    with pytest.raises(DataError, match=says) as caught:
        read_columns(path, [0 if number else "before"])
    assert str(path) in str(caught.value)


def test_columns_of_two_lengths_are_refused(tmp_path):
    save_npz(tmp_path / "a.npz", before=BEFORE, after=AFTER[:3])
    with pytest.raises(DataError, match="'before' has 4 rows and column 'after' has 3"):
        read_columns(tmp_path / "a.npz", ["before", "after"])


def test_a_missing_file_or_a_folder_is_said_to_be_one(tmp_path, write):
    write("a,b\n1,2\n", "sizes.csv")
    with pytest.raises(DataError, match=r"no such file: .*did you mean sizes\.csv"):
        read_columns(tmp_path / "size.csv", [0])
    with pytest.raises(DataError, match="there is no folder"):
        read_columns(tmp_path / "nowhere" / "size.csv", [0])
    with pytest.raises(DataError, match="is a folder"):
        read_columns(tmp_path, [0])


def test_parquet_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    pq.write_table(pa.table({"before": BEFORE}), tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r'pip install "steepest\[io\]"'):
        read_columns(tmp_path / "a.parquet", ["before"])


@pytest.fixture(scope="module")
def opened():
    """The names of the files that are opened, as Python's audit sees them."""
    names = []
    sys.addaudithook(lambda event, args: event == "open" and names.append(str(args[0])))
    return names


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_is_opened_once(kind, tmp_path, opened):
    path = tmp_path / "sizes.dat"
    WRITERS[kind](path)
    opened.clear()
    read_columns(path, ["before"], labels=[0])
    assert opened.count(str(path)) == 1


def test_a_series_and_a_checkpoint_are_opened_once(tmp_path, opened):
    (tmp_path / "a.csv").write_text("time,a\n0,1\n1,2\n2,4\n")
    save_npz(tmp_path / "a.npz", w=np.ones((2, 2)))
    opened.clear()
    read_series(tmp_path / "a.csv")
    read_checkpoint(tmp_path / "a.npz")
    assert opened.count(str(tmp_path / "a.csv")) == 1
    assert opened.count(str(tmp_path / "a.npz")) == 1
