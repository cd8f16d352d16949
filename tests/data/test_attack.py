"""Whatever stands in a file, a reader gives what it holds, or one error that names it."""

import pickle
import signal

import numpy as np
import pytest
from attacked import FORMATS, IDS, broken, npz, zipped

from steepest.data import read_checkpoint, read_columns
from steepest.errors import DataError, SteepestError

PATIENCE = 60  # s for one small file, on a machine that does much else
APART = ("nwb", "nwb of sessions", "matlab 7.3")  # each takes a process of its own


@pytest.fixture(scope="module")
def sound():
    return {name: make() for name, (make, _) in FORMATS.items()}


@pytest.fixture
def watched():
    """Ends a reader that does not come back."""

    def stop(*_):
        raise TimeoutError("a reader does not come back")

    before = signal.signal(signal.SIGALRM, stop)
    yield lambda seconds: signal.alarm(seconds)
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", FORMATS)
def test_a_sound_file_of_every_format_is_read(name, sound, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(sound[name])
    _, read = FORMATS[name]
    answer = read(path)
    if read.__name__ == "columns":
        assert answer.labels == (tuple(IDS),)


def attack(name, content, folder, seeds, watched):
    path = folder / "file"
    _, read = FORMATS[name]
    refused = []
    for seed in seeds:
        attacked = broken(content, np.random.default_rng([seed, len(name)]))
        path.write_bytes(attacked)
        watched(PATIENCE)
        try:
            read(path)
        except SteepestError as error:
            refused.append(str(error))
        except BaseException as error:
            raise AssertionError(f"{name}, seed {seed}: {type(error).__name__}: {error}") from error
        watched(0)
        assert path.read_bytes() == attacked
    assert [file.name for file in folder.iterdir()] == ["file"]
    assert [said for said in refused if "\n" in said or len(said) > 4000] == []
    return refused


def test_a_broken_file_gives_one_error_and_nothing_else(sound, tmp_path, watched):
    seeds = {name: range(2 if name in APART else 10) for name in sound}
    refused = [
        said
        for name, content in sound.items()
        for said in attack(name, content, tmp_path, seeds[name], watched)
    ]
    assert sum(map(len, seeds.values())) >= 300
    assert len(refused) >= 150


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_ten_thousand_broken_files_give_one_error_each_and_nothing_else(
    name, sound, tmp_path, watched, monkeypatch
):
    monkeypatch.setattr("steepest.data.hdf5._PATIENCE", 10.0)
    attack(name, sound[name], tmp_path, range(10, 310), watched)


class Trap:
    """Unpickling this makes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("kind", ["pickle", "npy", "npz", "torch", "old torch", "state"])
def test_nothing_is_ever_unpickled(kind, tmp_path, sound):
    trap = tmp_path / "sprung"
    code = pickle.dumps({"w": Trap(trap)}, protocol=2)
    array = np.array([Trap(trap)], dtype=object)
    path = tmp_path / "file"
    if kind in ("pickle", "old torch"):
        path.write_bytes(code)
    elif kind == "npy":
        with path.open("wb") as file:
            np.save(file, array)
    elif kind == "torch":
        path.write_bytes(zipped(**{"archive/data.pkl": code, "archive/version": b"3\n"}))
    else:
        path.write_bytes(npz(before=array, step=array))
    read = {
        "torch": read_checkpoint,
        "old torch": read_checkpoint,
        "state": FORMATS["saved state"][1],
    }.get(kind, lambda path: read_columns(path, ["before"]))
    with pytest.raises(DataError, match=r"pickle|never loaded"):
        read(path)
    assert not trap.exists()
