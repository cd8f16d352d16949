"""A layer is read a block of rows at a time, and is gone before the next is read."""

import subprocess
import sys
import warnings
import weakref
import zipfile

import numpy as np
import pytest

from steepest.data import StoredWeights, open_checkpoint, read_checkpoint
from steepest.errors import DataError
from steepest.inference import infer_layers
from steepest.inference.networks import layer_pair
from steepest.inference.networks.layer_pair import LayerPair

RANDOM = np.random.default_rng(0)
SHAPES = {"a": (12, 14), "bias": (9,), "b": (10, 3, 2, 2), "count": ()}
BEFORE = {name: RANDOM.standard_normal(shape) for name, shape in SHAPES.items()}
AFTER = {name: w + 0.3 * RANDOM.standard_normal(w.shape) for name, w in BEFORE.items()}


def watched(arrays, alive, most):
    """Weights that count which layers' arrays are alive whenever one is read."""

    def read(name, rows):
        array = np.array(arrays[name][rows] if arrays[name].ndim else arrays[name])
        alive.append((name, weakref.ref(array)))
        most.append(len({held for held, array in alive if array() is not None}))
        return array

    return StoredWeights({name: array.shape for name, array in arrays.items()}, read)


def test_one_layer_is_in_memory_at_a_time():
    alive, most = [], []
    layers = {f"{at}": BEFORE["a"] for at in range(5)}
    later = dict.fromkeys(layers, AFTER["a"])
    verdict = infer_layers(watched(layers, alive, most), watched(later, alive, most), draws=2)
    assert len(verdict.fitted) == 5
    assert len(most) >= 20  # looked at, and judged: each pair is read twice
    assert max(most) == 1


@pytest.mark.parametrize("name", SHAPES)
def test_blocks_of_rows_give_what_the_whole_layer_gives(name, monkeypatch):
    stored = StoredWeights.of(BEFORE), StoredWeights.of(AFTER)
    whole = LayerPair(name, *stored)
    told = whole.changed, whole.moved_signs, whole.zeros
    sampled = whole.sample(20, 3)
    panel = whole.panel if len(whole.shape) > 1 else None
    monkeypatch.setattr(layer_pair, "_BLOCK", 30)
    parts = LayerPair(name, *stored)
    assert len(list(parts.blocks())) > 1 or whole.size <= 30
    assert (parts.changed, parts.moved_signs, parts.zeros) == told
    np.testing.assert_array_equal(parts.sample(20, 3), sampled)
    if panel is not None:
        np.testing.assert_array_equal(parts.panel, panel)


def test_a_large_layer_is_judged_by_evenly_spaced_rows_of_its_blocks(monkeypatch):
    from steepest.inference.networks import marks

    monkeypatch.setattr(marks, "_LARGEST_PANEL", 42)
    monkeypatch.setattr(layer_pair, "_BLOCK", 30)
    pair = LayerPair("a", StoredWeights.of(BEFORE), StoredWeights.of(AFTER))
    rows, columns = marks.evenly_spaced(12, 14)
    assert (len(rows), len(columns)) == (6, 7)
    np.testing.assert_array_equal(pair.panel[1], AFTER["a"][np.ix_(rows, columns)])


def test_a_bad_number_in_a_later_block_is_named_before_anything_is_judged(monkeypatch):
    monkeypatch.setattr(layer_pair, "_BLOCK", 30)
    bad = {name: w.copy() for name, w in AFTER.items()}
    bad["b"][-1, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match="b: 1 weights are not finite in the checkpoint after"):
        infer_layers(BEFORE, bad)


@pytest.fixture(scope="module", params=["safetensors", "torch", "torch, packed", "npz"])
def saved(request, tmp_path_factory):
    """A file of each kind that holds the arrays BEFORE, as float32."""
    path = tmp_path_factory.mktemp("saved") / "weights"
    arrays = {name: w.astype(np.float32) for name, w in BEFORE.items()}
    if request.param == "safetensors":
        pytest.importorskip("safetensors.numpy").save_file(arrays, path)
    elif request.param == "npz":
        with path.open("wb") as file:
            np.savez(file, **arrays)
    else:
        torch = pytest.importorskip("torch", reason="torch, an extra, is not installed")
        torch.save({name: torch.tensor(w) for name, w in arrays.items()}, path)
    if request.param == "torch, packed":
        with zipfile.ZipFile(path) as archive:
            members = {item: archive.read(item) for item in archive.namelist()}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
    return path


def test_an_opened_checkpoint_holds_what_a_read_one_does(saved):
    stored, read = open_checkpoint(saved), read_checkpoint(saved)
    assert {name: array.shape for name, array in read.items()} == stored.shapes
    assert sorted(stored) == sorted(SHAPES)
    for name, array in read.items():
        assert stored[name].dtype == np.float64
        np.testing.assert_array_equal(stored[name], array)
        np.testing.assert_array_equal(array, BEFORE[name].astype(np.float32))
    np.testing.assert_array_equal(stored.rows("a", slice(2, 5)), read["a"][2:5])


def test_the_verdict_on_an_opened_checkpoint_is_that_on_arrays(saved):
    stored, read = open_checkpoint(saved), read_checkpoint(saved)
    after = {name: w.astype(np.float32) for name, w in AFTER.items()}
    first = infer_layers(stored, StoredWeights.of(after), draws=2)
    assert first.to_dict()["layers"] == infer_layers(read, after, draws=2).to_dict()["layers"]


def test_the_limit_of_size_is_not_for_files_that_are_read_by_layer(saved, monkeypatch):
    monkeypatch.setenv("STEEPEST_MAX_SIZE", "500")
    with pytest.raises(DataError, match="more than the 500 B that are read"):
        read_checkpoint(saved)
    if zipfile.is_zipfile(saved):
        return  # NPZ and packed files are read whole
    assert open_checkpoint(saved)["a"].shape == (12, 14)


def test_whole_numbers_are_left_out_and_files_of_nothing_else_refused():
    table = {"positions": np.arange(24).reshape(4, 6)}
    verdict = infer_layers(BEFORE | table, AFTER | {"positions": table["positions"] + 1}, draws=2)
    (layer,) = (layer for layer in verdict.layers if layer.name == "positions")
    assert (layer.status, layer.reason[:13]) == ("left out", "whole numbers")
    with pytest.raises(DataError, match=r"whole numbers only \('positions'.* before they were"):
        infer_layers(table, table)


def test_quantised_tensors_are_refused_by_name(tmp_path):
    torch = pytest.importorskip("torch", reason="torch, an extra, is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch is about to forget how to make them
        tensor = torch.quantize_per_tensor(torch.ones(4, 4), 0.1, 0, torch.qint8)
        torch.save({"w": tensor}, tmp_path / "w.pt")
    with pytest.raises(DataError, match="'w' is quantised: save the plain weights"):
        open_checkpoint(tmp_path / "w.pt")


MEASURED = """
import resource, sys
import numpy as np
from steepest.data import open_checkpoint
from steepest.inference.networks.layer_pair import LayerPair
before, after = map(open_checkpoint, sys.argv[1:])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = peak()
for name in before:
    pair = LayerPair(name, before, after)
    pair.check()
    print(pair.changed, pair.panel[0].size, len(pair.sample(1000, 0)[0]))
print("grown", (peak() - start) // 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path):
    """Two files of 200 MB each, 800 MB as float64, one layer of which is a third: 250 MB."""
    safetensors = pytest.importorskip("safetensors.numpy")
    shapes = {"embedding": (4000, 4000), **{f"{at}": (2000, 2000) for at in range(9)}}
    paths = [tmp_path / "before", tmp_path / "after"]
    for path in paths:
        safetensors.save_file(
            {n: RANDOM.standard_normal(shape, dtype=np.float32) for n, shape in shapes.items()},
            path,
        )
    command = [sys.executable, "-c", MEASURED, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *layers, grown = done.stdout.splitlines()
    assert len(layers) == 10
    assert int(grown.split()[1]) < 250
