"""Files are opened once, read as streams where they are none, and measured before they are read."""

import gzip
import io
import os
import threading
import tracemalloc
import zipfile

import numpy as np
import pytest

from steepest.data import opening, read_checkpoint, read_columns
from steepest.data.settings import read_toml
from steepest.errors import DataError, UsageError
from steepest.spiking.trains import read_spike_trains

TABLE = "before,after\n" + "".join(f"{i + 1},{i + 2}\n" for i in range(2000))


@pytest.fixture
def pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_a_pipe_is_read_once_to_its_end(pipe):
    writer = threading.Thread(target=lambda: pipe.write_text(TABLE))
    writer.start()
    columns = read_columns(pipe, ["before", "after"])
    writer.join()
    np.testing.assert_array_equal(columns["after"], np.arange(2000) + 2)


def test_the_end_of_a_pipe_without_a_name_is_read_to_its_end():
    out, into = os.pipe()
    with os.fdopen(into, "w") as file:
        file.write(TABLE)
    try:
        columns = read_columns(f"/dev/fd/{out}", ["before"])
    finally:
        os.close(out)
    assert columns.arrays[0].sum() == 2000 * 2001 / 2


@pytest.mark.parametrize("kind", ["nobody", "silent"])
def test_a_pipe_to_which_nobody_writes_is_refused(kind, pipe, monkeypatch):
    monkeypatch.setattr(opening, "_PATIENCE", 0.2)
    silent = os.open(pipe, os.O_RDWR) if kind == "silent" else None
    with pytest.raises(DataError, match=r"pipe to which nobody wrote within 0.2 s"):
        read_columns(pipe, [0])
    if silent is not None:
        os.close(silent)


def test_a_pipe_that_ends_without_a_word_is_empty():
    out, into = os.pipe()
    os.close(into)
    with pytest.raises(DataError, match="is empty"):
        read_columns(f"/dev/fd/{out}", [0])
    os.close(out)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null"])
def test_a_device_is_no_file(path):
    with pytest.raises(DataError, match=f"{path} is a device"):
        read_columns(path, [0])
    with pytest.raises(DataError, match=f"{path} is a device"):
        read_toml(opening.Path(path))


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_a_name_that_no_file_can_have_is_refused(name, tmp_path):
    for read in (lambda path: read_columns(path, [0]), read_checkpoint):
        with pytest.raises(DataError, match="cannot be opened") as caught:
            read(tmp_path / name)
        assert len(str(caught.value)) < 1000


def declared(shape):
    header = io.BytesIO()
    told = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, told)
    return header.getvalue()


def npz_bomb(path):
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("before.npy", "w") as member,
    ):
        member.write(declared((3_000_000,)))
        member.write(bytes(24_000_000))


BOMBS = {
    "npz": (npz_bomb, "unpacks to 24 MB"),
    "npy": (
        lambda p: p.write_bytes(declared((10**12,)) + bytes(8)),
        "1000000000000.*8 bytes follow",
    ),
    "npy of nothing": (lambda p: p.write_bytes(declared((0, 10**9))), "1,000,000,000 columns"),
    "gzip": (
        lambda p: p.write_bytes(gzip.compress(b"1,2\n" * 5_000_000, 1)),
        "unpacks to at least",
    ),
    "text": (lambda p: p.write_bytes(b"1,2\n" * 2_000_000), "holds 8 MB, more than the 5 MB"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_what_is_too_large_is_refused_before_it_is_allocated(kind, tmp_path, monkeypatch):
    monkeypatch.setenv(opening.LIMIT, "5MB")
    path = tmp_path / "bomb"
    make, says = BOMBS[kind]
    make(path)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=says):
            read_columns(path, [0])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5_000_000


def test_the_limit_can_be_raised_as_its_message_says(tmp_path, monkeypatch):
    path = tmp_path / "sizes.csv"
    path.write_text(TABLE)
    monkeypatch.setenv(opening.LIMIT, "10KB")
    with pytest.raises(DataError, match=r"set STEEPEST_MAX_SIZE=18KB"):
        read_columns(path, [0])
    monkeypatch.setenv(opening.LIMIT, "18KB")
    assert read_columns(path, [0]).rows.size == 2000
    monkeypatch.setenv(opening.LIMIT, "much")
    with pytest.raises(UsageError, match="give a size such as 500MB or 4GB"):
        read_columns(path, [0])


def test_a_tensor_that_a_few_numbers_stand_for_is_not_unfolded(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"w": torch.zeros(1).expand(10**11)}, tmp_path / "a.pt")
    with pytest.raises(DataError, match="declares tensors of 400 GB"):
        read_checkpoint(tmp_path / "a.pt")


def test_settings_are_read_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text("seeds = 3\r\n", encoding="utf-8-sig", newline="")
    assert read_toml(path) == {"seeds": 3}


def test_a_key_of_many_parts_is_refused_before_it_is_parsed(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text("seeds = 3\n" + ".".join("a" * 100_000) + " = 1\n")
    with pytest.raises(DataError, match="line 2 has a key of more than 100 parts"):
        read_toml(path)


def test_spikes_are_read_with_a_byte_order_mark_and_without_underscores(tmp_path):
    path = tmp_path / "spikes.txt"
    path.write_text("0, 0.25\n", encoding="utf-8-sig")
    assert read_spike_trains(path, size=1, duration=1.0).trains[0].tolist() == [0.25]
    path.write_text("0, 0.2_5\n")
    with pytest.raises(DataError, match=r"row 1, '0, 0.2_5', is not an afferent's number"):
        read_spike_trains(path, size=1, duration=1.0)
