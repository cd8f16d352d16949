"""What is written is whole or not there, JSON holds plain values, and no CSV a formula."""

import csv
import errno
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from steepest import files, study
from steepest.errors import UsageError
from steepest.files import plain, staging, to_csv, to_json, write_whole, writing
from steepest.papers import load


@pytest.fixture
def small_disk(tmp_path):
    """A function that makes a disk of so many bytes; skips where this machine lets nobody."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(size):
        options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        try:
            subprocess.run(["mount", *options], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("a small disk cannot be mounted here (it takes root)")
        return folder

    yield mount
    if os.path.ismount(folder):
        subprocess.run(["umount", str(folder)], check=True)


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


def test_a_file_that_is_no_file_is_written_to_and_a_link_is_followed(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "a.txt")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a.txt").read_bytes() == b"new"
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader:
        write_whole(Path(f"/dev/fd/{write}"), b"through a pipe")
        os.close(write)
        assert reader.read() == b"through a pipe"
    if Path("/dev/full").exists():
        with pytest.raises(OSError, match="No space left"):
            write_whole(Path("/dev/full"), b"x")
        assert Path("/dev/full").is_char_device()


@pytest.mark.parametrize("path", [".", "", "/"])
def test_a_folder_is_no_file_to_write(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(IsADirectoryError):
        write_whole(Path(path), b"x")


def test_a_file_that_is_written_bit_by_bit_is_whole_or_not_there(tmp_path):
    def write_half():
        with writing(tmp_path / "a.txt") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_taken_away_after_a_day(tmp_path, monkeypatch):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    own = files._own_name()
    left = own.replace(f"-{os.getpid()}-", f"-{gone.pid}-")
    elsewhere = left.replace(f"-{files._machine()}-", "-00000000-")
    yesterday = time.time() - 90_000
    names = {own: False, left: True, elsewhere: False, ".steepest-mine": False, "note": False}
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "half.txt").write_text("half")
        os.utime(tmp_path / name, (yesterday, yesterday))
    with staging(tmp_path):
        pass
    assert {name: not (tmp_path / name).exists() for name in names} == names
    # Of this very hour: the process may have been started anew under the same number.
    (tmp_path / left).write_text("half a file")
    with staging(tmp_path):
        pass
    assert (tmp_path / left).exists()
    os.utime(tmp_path / left, (yesterday, yesterday))
    with staging(tmp_path):
        pass
    assert not (tmp_path / left).exists()


def test_what_a_killed_lab_left_is_taken_away_after_a_day_by_the_next_one(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    own = files.own_folder(tmp_path, "lab")
    left = tmp_path / own.name.replace(f"-{os.getpid()}-", f"-{gone.pid}-")
    left.mkdir()
    (left / "sizes.csv").write_text("a table")
    files.own_folder(tmp_path, "lab")
    assert left.exists()
    yesterday = time.time() - 90_000
    for folder in (own, left):
        os.utime(folder, (yesterday, yesterday))
    files.own_folder(tmp_path, "lab")
    assert not left.exists()
    assert own.exists()
    assert own.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("size", ["4k", "16k"])
def test_a_figure_that_does_not_fit_the_disk_is_refused_and_nothing_is_left(small_disk, size):
    (figure,) = load("surace2020.example_1d")
    disk = small_disk(size)
    with pytest.raises(UsageError, match="No space left"):
        study.reproduce(figure, "quick", 0, disk)
    assert list(disk.iterdir()) == []


WRITER = """
import sys
from pathlib import Path
from steepest.files import staging, write_whole
out, own = Path(sys.argv[1]), sys.argv[2].encode()
for k in range(300):
    with staging(out) as stage:
        for name in ("a.json", "b.csv", "c.png"):
            (stage / name).write_bytes(own * 100_000)
    write_whole(out / "d.py", own * 100_000)
"""


@pytest.mark.slow
def test_three_writers_on_one_folder_leave_each_file_whole(tmp_path):
    out, seen = tmp_path / "out", 0
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(out), own]) for own in ("x", "y", "z")
    ]
    while any(writer.poll() is None for writer in writers):
        for name in ("a.json", "b.csv", "c.png", "d.py"):
            with suppress(FileNotFoundError):
                content = (out / name).read_bytes()
                assert content in [own * 100_000 for own in (b"x", b"y", b"z")]
                seen += 1
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert seen > 100
    assert sorted(path.name for path in out.iterdir()) == ["a.json", "b.csv", "c.png", "d.py"]


@pytest.mark.slow
def test_three_commands_with_one_out_give_whole_results(tmp_path):
    """Each file is one command's, and those of one command are the same as when it is alone."""
    command = [sys.executable, "-m", "steepest", "reproduce", "surace2020.example_1d", "--out"]
    alone = tmp_path / "alone"
    subprocess.run([*command, str(alone)], check=True, capture_output=True)
    together = tmp_path / "together"
    started = [
        subprocess.Popen(
            [*command, str(together), "--seed", seed],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in "012"
    ]
    errors = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], errors
    names = sorted(path.name for path in alone.iterdir())
    assert sorted(path.name for path in together.iterdir()) == names
    with xr.open_dataset(together / "surace2020.example_1d.nc", engine="h5netcdf") as dataset:
        assert dataset.attrs["seed"] in (0, 1, 2)
    picture = together / "surace2020.example_1d.png"
    assert picture.read_bytes() == (alone / picture.name).read_bytes()
    table = together / "surace2020.example_1d.csv"
    assert table.read_bytes() == (alone / table.name).read_bytes()
    page = (together / "surace2020.example_1d.html").read_text("utf-8")
    assert page.rstrip().endswith("</html>")


@pytest.mark.slow
@pytest.mark.parametrize("size", ["4k", "12k", "40k", "64k", "100k", "200k"])
@pytest.mark.parametrize("command", ["reproduce surace2020.example_1d", "demo", "export brian2"])
def test_no_command_crashes_on_a_full_disk(small_disk, command, size):
    disk = small_disk(size)
    out = disk / "out" if "export" not in command else disk / "out.py"
    done = subprocess.run(
        [sys.executable, "-m", "steepest", *command.split(), "--out", str(out)],
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 2), done.stderr
    assert ("cannot" in done.stderr and "No space" in done.stderr) == (done.returncode == 2)
    assert not [path for path in disk.rglob("*") if ".steepest" in path.name]


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
