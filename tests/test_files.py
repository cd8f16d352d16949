"""What is written is whole or not there, JSON holds plain values, and no CSV a formula."""

import csv
import errno
import json
from pathlib import Path

import numpy as np
import pytest

from steepest import files
from steepest.errors import UsageError
from steepest.files import plain, staging, to_csv, to_json, write_whole


def test_folders_made_in_vain_are_taken_away(tmp_path):
    (tmp_path / "a").mkdir()

    def write_half():
        with staging(tmp_path / "a" / "b" / "c") as stage:
            (stage / "half").write_text("")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert [path.name for path in tmp_path.rglob("*")] == ["a"]


def test_a_full_disk_is_named_and_other_errors_keep_theirs(tmp_path):
    with pytest.raises(UsageError, match="No space left"), staging(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(FileNotFoundError), staging(tmp_path / "out"):
        Path(tmp_path / "absent").read_text()
    (tmp_path / "out" / "x").mkdir(parents=True)
    with pytest.raises(UsageError, match="cannot write"), staging(tmp_path / "out") as stage:
        (stage / "x").write_text("a folder has this name")


def test_files_appear_together_or_not_at_all(tmp_path):
    (tmp_path / "first").write_text("old")

    def write_both_and_break_off():
        with staging(tmp_path) as stage:
            (stage / "first").write_text("new")
            (stage / "second").write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_both_and_break_off()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"first": "old"}


def test_a_file_is_whole_or_keeps_what_it_held(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"third")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"a.txt": b"second"}


def test_values_are_plain_json_and_what_does_not_exist_is_null():
    value = {"a": (1.0, np.float64("nan")), "b": [{"c": -np.inf}], "n": 3, "name": "x", "no": None}
    assert plain(value) == {
        "a": [1.0, None], "b": [{"c": None}], "n": 3, "name": "x", "no": None
    }  # fmt: skip
    assert json.loads(to_json(plain(value))) == plain(value)
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"a": float("nan")})


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0d"])
def test_no_text_of_a_csv_begins_a_formula(start):
    text = to_csv([f"{start}name"], [[f"{start}cmd|'/c calc'!A0"], [f"a{start}b"]])
    rows = list(csv.reader(text.splitlines(keepends=True)))
    assert rows == [[f"'{start}name"], [f"'{start}cmd|'/c calc'!A0"], [f"a{start}b"]]


def test_numbers_of_a_csv_stay_numbers():
    values = [-1, -0.1, np.float64(-2.5), True, None, "-15", "+1e-3", "-.5"]
    assert to_csv(["a"] * 8, [values]).splitlines()[1] == "-1,-0.1,-2.5,True,,-15,+1e-3,-.5"
    assert to_csv(["a"], [["-1+1"]]).splitlines()[1] == "'-1+1"


def test_a_file_may_have_as_long_a_name_as_the_system_allows(tmp_path):
    path = tmp_path / ("x" * 255)
    write_whole(path, b"whole")
    assert path.read_bytes() == b"whole"
