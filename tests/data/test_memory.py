"""What reading costs: at most 20 times what a table holds, beside the libraries that read it."""

import bz2
import gzip
import json
import lzma
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io

from steepest.data import look, read_columns
from steepest.errors import DataError

LIBRARIES = 200  # MB, at most, of all those that read files
TIMES = 20

MEASURE = """
import sys
from steepest.data import look, read_columns
path, names = sys.argv[1], sys.argv[2:]
labels = [name for name in names if name == "id"]
read_columns(path, [name for name in names if name != "id"], labels=labels, missing=True)
look(path)
# Not getrusage's, which is at least what the process had that started this one.
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM:")).split()[1])
"""


def rows(cells, count):
    return ("id,before,after\n" + f"{cells}\n" * count).encode()


def varied(count=200_000):
    sizes = np.exp(np.random.default_rng(0).standard_normal((count, 2)))
    lines = [f"spine{row:06d},{a:.5f},{b:.5f}\n" for row, (a, b) in enumerate(sizes.tolist())]
    return ("id,before,after\n" + "".join(lines)).encode()


def save(path, write):
    with path.open("wb") as file:
        write(file)


def workbook(path):
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("sizes")
    sheet.append(["id", "before", "after"])
    for row in range(60_000):
        sheet.append([f"s{row}", 1.25, 2])
    book.save(path)


def unzipped(path):
    with zipfile.ZipFile(path) as archive:
        return sum(member.file_size for member in archive.infolist())


def nwb(path, **how):
    with h5py.File(path, "w") as content:
        content.attrs["nwb_version"] = "2.8.0"
        table = content.create_group("acquisition/synapses")
        table.attrs["colnames"] = ["id", "before", "after"]
        table.create_dataset("id", data=["s1"] * 300_000, **how)
        for name in ("before", "after"):
            table.create_dataset(name, data=np.ones(300_000), **how)


def matlab_73(path):
    with h5py.File(path, "w", userblock_size=512) as content:
        for name in ("before", "after"):
            content[name] = np.ones((500_000, 1))
            content[name].attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(512, b" "))


SHORT = rows("a,1,2", 1_500_000)
ONES = {"before": np.ones(600_000), "after": np.ones(600_000)}
TEXTS = pa.array(["a" * 100] * 500_000)
ARRAYS = ["before", "after"]
TABLE = ["before", "after", "id"]
# How to write a file, the bytes that it unpacks to (None: its own), what is asked of it.
FORMATS = {
    "short cells": (lambda p: p.write_bytes(SHORT), None, TABLE),
    "cells in quotes": (lambda p: p.write_bytes(rows('"a","1","2"', 700_000)), None, TABLE),
    "long cells": (lambda p: p.write_bytes(varied()), None, TABLE),
    "semicolons": (
        lambda p: p.write_bytes(varied().replace(b",", b";").replace(b".", b",")),
        None,
        TABLE,
    ),
    "UTF-16": (lambda p: p.write_bytes(varied().decode().encode("utf-16")), None, TABLE),
    "gzip": (lambda p: p.write_bytes(gzip.compress(SHORT)), len(SHORT), TABLE),
    "bzip2": (lambda p: p.write_bytes(bz2.compress(SHORT)), len(SHORT), TABLE),
    "xz": (lambda p: p.write_bytes(lzma.compress(SHORT, preset=1)), len(SHORT), TABLE),
    "JSON records": (
        lambda p: p.write_text(json.dumps([{"id": "a", "before": 1, "after": 2}] * 200_000)),
        None,
        TABLE,
    ),
    "JSON lists": (
        lambda p: p.write_text(json.dumps({"before": [1] * 1_000_000, "after": [2] * 1_000_000})),
        None,
        ARRAYS,
    ),
    "NPY of half precision": (
        lambda p: save(p, lambda file: np.save(file, np.ones((2_000_000, 2), np.float16))),
        None,
        ["0", "1"],
    ),
    "NPZ": (lambda p: save(p, lambda file: np.savez(file, **ONES)), None, ARRAYS),
    "NPZ, packed": (
        lambda p: save(p, lambda file: np.savez_compressed(file, **ONES)),
        9_600_000,
        ARRAYS,
    ),
    "MATLAB 5": (lambda p: save(p, lambda f: scipy.io.savemat(f, ONES)), None, ARRAYS),
    "MATLAB 7.3": (matlab_73, None, ARRAYS),
    "NWB": (nwb, None, TABLE),
    "NWB, packed": (lambda p: nwb(p, compression="gzip"), 10_000_000, TABLE),
    "Parquet of texts": (
        lambda p: pq.write_table(pa.table({"id": TEXTS, "before": range(500_000)}), p),
        12_000_000,
        ["before", "id"],
    ),
    "Parquet of ones": (lambda p: pq.write_table(pa.table(ONES), p), 9_600_000, ARRAYS),
    "Excel": (workbook, unzipped, TABLE),
}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="no peak of memory is told")
@pytest.mark.parametrize("kind", FORMATS)
def test_a_table_costs_at_most_20_times_what_it_holds(kind, tmp_path):
    write, unpacked, names = FORMATS[kind]
    path = tmp_path / "table"
    write(path)
    size = unpacked(path) if callable(unpacked) else unpacked or path.stat().st_size
    assert size > 5e6
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path), *names],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stderr == ""
    assert float(done.stdout) / 1e3 < LIBRARIES + TIMES * size / 1e6


@pytest.fixture
def pool():
    """The memory that Arrow takes while a test runs."""
    before = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(before)
    pa.set_memory_pool(pool)
    yield pool
    pa.set_memory_pool(before)


def test_a_text_that_parquet_keeps_once_is_kept_once(tmp_path, pool):
    same = np.zeros(5_000, dtype=np.int32)
    notes = [pa.DictionaryArray.from_arrays(same, [letter * 10_000]) for letter in "xy"]
    table = pa.table({"before": np.arange(5e3), "note": notes[0], "other": notes[1]})
    pq.write_table(table, tmp_path / "a.parquet", store_schema=False)
    assert (tmp_path / "a.parquet").stat().st_size < 100_000
    columns = read_columns(tmp_path / "a.parquet", ["before"], labels=["note"])
    assert columns.labels[0] == ("x" * 10_000,) * 5_000
    assert look(tmp_path / "a.parquet").rows == 5_000
    assert pool.max_memory() < 20e6  # 100 MB as texts of their own


def test_numbers_that_parquet_keeps_once_count_for_each_row(tmp_path, monkeypatch):
    pq.write_table(pa.table({"before": np.ones(200_000)}), tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 10_000
    monkeypatch.setenv("STEEPEST_MAX_SIZE", "1MB")
    with pytest.raises(DataError, match=r"unpacks to 1\.6 MB, more than the 1 MB that are read"):
        read_columns(tmp_path / "a.parquet", ["before"])


def test_columns_of_parquet_are_read_as_what_they_say(tmp_path):
    texts = pa.array(["b", None, "a", "b"])
    table = pa.Table.from_arrays(
        [
            texts,
            pa.array([4, 3, None, 1]).dictionary_encode(),
            pa.array([[1], [2, 3], [], None]),
            pa.array([1, 2, 3, 4]),
            pa.array([5, 6, 7, 8]),
            pa.array([0, 1, 2, 3], pa.timestamp("ms")),
        ],
        names=["id", "size", "list", "twice", "twice", "day"],
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=3)
    path = tmp_path / "a.parquet"
    columns = read_columns(path, ["size", "4"], labels=["id"], missing=True)
    np.testing.assert_array_equal(columns["size"], [4, 3, np.nan, 1])
    assert columns.arrays[1].tolist() == [5, 6, 7, 8]
    assert columns.labels[0] == ("b", "", "a", "b")
    kinds = {column.name: column.kind for column in look(path).columns}
    assert kinds["list"] == "array"
    with pytest.raises(DataError, match="array 'list' has 2 dimensions: a column has one"):
        read_columns(path, ["list"])
