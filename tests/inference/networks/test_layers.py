"""Checkpoints are read without running their code, compared by name, and judged layer by layer."""

import json
import os
import pickle

import numpy as np
import pytest

from steepest import cli
from steepest.data.checkpoints import read_checkpoint
from steepest.errors import DataError
from steepest.inference import infer_layers
from tests.inference.networks.test_independence import layer

try:
    import torch
except ImportError:
    torch = None
needs_torch = pytest.mark.skipif(torch is None, reason="torch, an extra, is not installed")


@pytest.fixture(scope="module")
def networks():
    before, after = {}, {}
    for place, index in enumerate((0.0, 1.0)):
        w0, w1 = layer(index, rows=40, columns=54, seed=place)
        before[f"{place}.weight"], after[f"{place}.weight"] = w0, w1
    before["conv.weight"], after["conv.weight"] = (
        w.reshape(40, 6, 3, 3) for w in layer(-1.0, 40, 54)
    )
    before["0.bias"], after["0.bias"] = np.zeros(40), np.ones(40)
    before["head.weight"] = after["head.weight"] = np.ones((10, 40))
    before["tiny.weight"], after["tiny.weight"] = np.ones((3, 5)), np.full((3, 5), 2.0)
    after["conv.weight"] = after["conv.weight"].copy()
    after["conv.weight"][0, 0, 0, 0] *= -1
    return before, after


@pytest.fixture(scope="module")
def verdict(networks):
    return infer_layers(*networks, draws=60)


def test_each_layer_has_its_own_geometry(verdict):
    fitted = {layer.name: layer for layer in verdict.fitted}
    assert {name: fit.nearest for name, fit in fitted.items()} == {
        "0.weight": "euclidean",
        "1.weight": "multiplicative",
        "conv.weight": "3-norm",
    }
    assert "differ" in verdict.verdict
    for fit in fitted.values():
        assert fit.interval[0] <= fit.index <= fit.interval[1]
        assert np.isfinite([fit.logroot, fit.likelihood, fit.delta_cdf_floor]).all()
        assert len(fit.delta_cdf) == 5


def test_frozen_layers_biases_and_moved_signs_are_reported(verdict, networks):
    found = {layer.name: layer for layer in verdict.layers}
    assert list(found) == list(networks[0])
    assert found["head.weight"].status == "frozen"
    assert (found["0.bias"].status, found["tiny.weight"].status) == ("left out", "left out")
    crossed = int((networks[0]["conv.weight"] * networks[1]["conv.weight"] < 0).sum())
    assert found["conv.weight"].moved_signs == crossed >= 1
    assert found["1.weight"].moved_signs == 0


def test_checkpoints_of_two_networks_are_refused_with_all_differences(networks):
    before, after = networks[0], dict(networks[1])
    after["extra.weight"] = after.pop("0.bias")
    after["1.weight"] = after["1.weight"].T
    with pytest.raises(DataError) as error:
        infer_layers(before, after)
    for part in (
        "only before: 0.bias",
        "only after: extra.weight",
        "1.weight (40, 54) -> (54, 40)",
    ):
        assert part in str(error.value)


def test_weights_that_are_not_finite_are_named(networks):
    after = {name: w.copy() for name, w in networks[1].items()}
    after["conv.weight"][1, 1, 1, 1] = np.inf
    with pytest.raises(DataError, match=r"conv\.weight: 1 weights are not finite .* after"):
        infer_layers(networks[0], after)


def test_npz_is_read(networks, tmp_path):
    np.savez(tmp_path / "w.npz", **networks[0])
    read = read_checkpoint(tmp_path / "w.npz")
    assert list(read) == list(networks[0])
    np.testing.assert_array_equal(read["1.weight"], networks[0]["1.weight"])


def test_safetensors_is_read_whatever_its_name(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    weights = {"a": np.arange(6, dtype=np.float32).reshape(2, 3)}
    safetensors.save_file(weights, tmp_path / "w.bin")
    np.testing.assert_array_equal(read_checkpoint(tmp_path / "w.bin")["a"], weights["a"])
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "w.bin").read_bytes()[:-5])
    with pytest.raises(DataError, match="begins like safetensors but cannot be read"):
        read_checkpoint(tmp_path / "cut.safetensors")


@needs_torch
@pytest.mark.parametrize("nested", [None, "state_dict", "model"])
@pytest.mark.parametrize("zipped", [True, False])
def test_torch_checkpoints_are_read(tmp_path, nested, zipped):
    model = torch.nn.Linear(4, 3)
    saved = model.state_dict() if nested is None else {nested: model.state_dict(), "epoch": 3}
    torch.save(saved, tmp_path / "w.pt", _use_new_zipfile_serialization=zipped)
    read = read_checkpoint(tmp_path / "w.pt")
    assert list(read) == ["weight", "bias"]
    np.testing.assert_array_equal(read["weight"], model.weight.detach().double().numpy())


class Trap:
    """What an attacker would pickle: it makes a folder when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@needs_torch
@pytest.mark.parametrize("zipped", [True, False])
def test_pickled_code_is_refused_and_never_run(tmp_path, zipped):
    trap = Trap(str(tmp_path / "sprung"))
    torch.save({"w": trap}, tmp_path / "w.pt", _use_new_zipfile_serialization=zipped)
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps(trap, protocol=4))
    np.savez(tmp_path / "w.npz", w=np.array([trap], dtype=object))
    for name in ("w.pt", "plain.pkl", "w.npz"):
        with pytest.raises(DataError, match=r"never loaded|cannot be read"):
            read_checkpoint(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", [b"", b"w0,w1\n1,2\n", b"\x00" * 40])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "w.pt").write_bytes(content)
    with pytest.raises(DataError, match="no checkpoint that is read here"):
        read_checkpoint(tmp_path / "w.pt")
    with pytest.raises(DataError, match="no such file"):
        read_checkpoint(tmp_path / "absent.pt")


def test_the_command_prints_a_table_json_and_a_file(networks, tmp_path, capsys):
    for name, weights in zip(("before", "after"), networks, strict=True):
        np.savez(tmp_path / f"{name}.npz", **weights)
    files = [str(tmp_path / "before.npz"), str(tmp_path / "after.npz")]
    out = ["--draws", "30", "--out", str(tmp_path / "out")]
    assert cli.run(["infer-layers", *files, *out]) == 0
    text = capsys.readouterr().out
    assert "3-norm" in text
    assert "frozen: no weight changed" in text
    assert "weights changed sign" in text
    assert cli.run(["infer-layers", *files, "--draws", "30", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / "layers.json").read_text())
    assert [fit["status"] for fit in printed["layers"]].count("fitted") == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "layers.csv",
        "layers.html",
        "layers.json",
        "layers.png",
    ]
    page = (tmp_path / "out" / "layers.html").read_text()
    for words in ("Which geometry trained this network?", "No weight changed.", "--draws 30"):
        assert words in page


def test_the_command_ends_with_2_for_bad_input(tmp_path, capsys):
    np.savez(tmp_path / "a.npz", w=np.ones((5, 5)))
    np.savez(tmp_path / "b.npz", v=np.ones((5, 5)))
    files = [str(tmp_path / "a.npz"), str(tmp_path / "b.npz")]
    assert cli.run(["infer-layers", *files, "--json"]) == 2
    assert "only before: w" in json.loads(capsys.readouterr().out)["error"]
    assert cli.run(["infer-layers", files[0], str(tmp_path / "no.npz")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_the_index_that_gives_the_name_is_said_beside_the_raw_one_where_they_differ(networks):
    before, after = layer(1.0, rows=40, columns=54, seed=3)
    verdict = infer_layers({"weight": before}, {"weight": 0.9 * after}, draws=20)
    (fitted,) = verdict.fitted
    said = f"{fitted.corrected:.2f} with the shrinking taken out, {fitted.nearest}"
    assert abs(fitted.corrected - fitted.index) > 0.01
    assert said in str(verdict)
    assert "shrinking" not in str(infer_layers(*networks, draws=5)).partition("conv.weight")[0]
