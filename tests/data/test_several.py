"""Several files are one experiment: patterns, names, and units that agree."""

import numpy as np
import pytest

from steepest.data.several import expanded, file_labels
from steepest.errors import DataError
from steepest.inference.synapses.request import Request


def test_a_pattern_is_its_files_in_order_and_a_file_counts_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.csv", "a.csv", "c.txt", "[x].csv"):
        (tmp_path / name).write_text("1\n")
    assert [path.name for path in expanded(["?.csv", "c.txt"])] == ["a.csv", "b.csv", "c.txt"]
    assert [path.name for path in expanded(["[x].csv"])] == ["[x].csv"]
    for files, says in (
        (["*.tsv"], r"no file matches \*.tsv"),
        (["a.csv", "?.csv"], "a.csv is given twice"),
        (["d.csv"], "no such file: d.csv"),
        (["."], "is a folder"),
    ):
        with pytest.raises(DataError, match=says):
            expanded(files)


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    assert file_labels([tmp_path / "m1" / "d.npy", tmp_path / "m2" / "d.npy"]) == ("m1/d", "m2/d")
    deep = [tmp_path / a / "x" / "d.npy" for a in ("m1", "m2")]
    assert file_labels(deep) == tuple(map(str, deep))
    assert file_labels([tmp_path / ".hidden"]) == (".hidden",)


RNG = np.random.default_rng(0)
SIZES = np.exp(0.5 * RNG.standard_normal((40, 4)))


@pytest.fixture
def arrays(tmp_path, monkeypatch):
    """Four NPY files, a dendrite each."""
    monkeypatch.chdir(tmp_path)
    for at in range(4):
        np.save(f"d{at}.npy", SIZES[10 * at : 10 * at + 10])


def test_one_array_a_dendrite_is_a_table_of_groups(arrays):
    sizes = Request(sessions=("0", "1", "2", "3")).read(["d*.npy"])
    np.testing.assert_array_equal([s[0].values for s in sizes.sessions], SIZES.T)
    assert sizes.labels["group"].names == ("d0", "d1", "d2", "d3")
    assert sizes.source == "4 files"
