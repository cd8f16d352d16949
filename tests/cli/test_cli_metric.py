"""`steepest infer-metric`: what it prints and writes, and what it refuses."""

import json
import re

import numpy as np
import pytest

from steepest import cli
from steepest.inference.flows.files import load_cost, read_flow

POSITION = ["--position", "x", "y"]
VELOCITY = ["--velocity", "vx", "vy"]


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*tokens):
        code = cli.run(["infer-metric", *map(str, tokens)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def flow(tmp_path):
    """Velocities on |x|^2/2 with mobility [[2, .5], [.5, 1]]."""
    random = np.random.default_rng(0)
    x = random.standard_normal((40, 2))
    v = -x @ np.array([[2.0, 0.5], [0.5, 1.0]]) + 0.1 * random.standard_normal((40, 2))
    path = tmp_path / "flow.csv"
    np.savetxt(path, np.hstack([x, v]), delimiter=",", header="x,y,vx,vy", comments="")
    return path


def test_it_names_the_metric_and_writes_it(call, flow, tmp_path):
    code, out, _ = call(flow, "--cost", "quadratic", *POSITION, *VELOCITY, "--out", tmp_path / "o")
    assert code == 0
    assert "constant metric is consistent" in out
    assert {p.name for p in (tmp_path / "o").iterdir()} == {
        "metric.csv",
        "metric.html",
        "metric.json",
        "metric.png",
    }
    page = (tmp_path / "o" / "metric.html").read_text()
    command = f"steepest infer-metric {flow} --cost quadratic --position x y --velocity vx vy"
    for text in (command, "Constant metric is consistent", "M01", "10.1371/journal.pcbi.1007640"):
        assert text in page
    code, out, _ = call(flow, "--cost", "quadratic", *POSITION, *VELOCITY, "--json")
    answer = json.loads(out)
    assert answer["consistent"] == ["constant metric"]
    assert answer["n"] == 40
    assert answer == json.loads((tmp_path / "o" / "metric.json").read_text())


def test_trajectories_and_a_cost_file(call, tmp_path):
    t = np.linspace(0, 1, 20)
    rows = [
        np.column_stack([np.full(20, k), t, a * np.exp(-2 * t), b * np.exp(-t)])
        for k, (a, b) in enumerate([(1.0, 2.0), (2.0, -1.0), (-0.5, 1.0)])
    ]
    path = tmp_path / "paths.csv"
    lines = ["k,t,x,y", *(f"cell {k:g},{t},{x},{y}" for k, t, x, y in np.vstack(rows))]
    path.write_text("\n".join(lines) + "\n")
    (tmp_path / "mine.py").write_text(
        "import jax.numpy as jnp\n\n\ndef half(x):\n    return jnp.sum(x**2) / 2\n"
    )
    code, out, _ = call(
        path, "--cost", "mine.py:half", *POSITION, "--time", "t", "--flow", "k", "--json"
    )
    assert code == 0
    diagonal = next(f for f in json.loads(out)["families"] if f["family"] == "diagonal")
    np.testing.assert_allclose([c["value"] for c in diagonal["coefficients"]], [2, 1], atol=0.01)


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        ("quadratik", "known: gaussian"),
        ("none.py", "no such file"),
        ("raises.py", "ZeroDivisionError"),
        ("empty.py", "defines no function cost"),
        ("numpy.py", "the cost fails"),
        ("uphill.py", "climb the cost (rows 2, 3"),
    ],
)
def test_an_unusable_cost_ends_with_2_and_writes_nothing(call, flow, tmp_path, cost, message):
    (tmp_path / "raises.py").write_text("1 / 0\n")
    (tmp_path / "empty.py").write_text("x = 1\n")
    (tmp_path / "numpy.py").write_text("def cost(x):\n    return float(x[0])\n")
    (tmp_path / "uphill.py").write_text("def cost(x):\n    return -(x**2).sum()\n")
    code, _, err = call(flow, "--cost", cost, *POSITION, *VELOCITY, "--out", tmp_path / "o")
    assert code == 2
    assert message in err
    assert not (tmp_path / "o").exists()


def test_columns_that_do_not_fit_are_refused(call, flow):
    for tokens, message in (
        (POSITION, "give either"),
        ([*POSITION, "--velocity", "vx"], "one each"),
        ([*POSITION, *VELOCITY, "--flow", "x"], "give the time"),
        (["--position", "x", "z", *VELOCITY], "no column 'z'"),
    ):
        code, out, _ = call(flow, "--cost", "quadratic", *tokens, "--json")
        assert code == 2
        assert message in json.loads(out)["error"]


def test_a_cell_that_is_no_number_is_named_with_what_helps(call, tmp_path):
    path = tmp_path / "hole.csv"
    path.write_text("x,y,vx,vy\n1,2,3,4\n1,,3,4\n")
    code, _, err = call(path, "--cost", "quadratic", *POSITION, *VELOCITY)
    assert code == 2
    assert "row 3" in err
    assert "leave the row out" in err
    assert "synapse" not in err


def test_the_page_escapes_every_text_and_holds_everything_inside(call, tmp_path):
    evil = "<script>alert(1)</script>"
    random = np.random.default_rng(0)
    x = random.standard_normal((10, 2))
    path = tmp_path / "<b>flow.csv"
    rows = np.hstack([x, -x + 0.1 * random.standard_normal((10, 2))])
    np.savetxt(path, rows, delimiter=",", header=f"{evil},y,vx,vy", comments="")
    (tmp_path / "<i>.py").write_text("def cost(x):\n    return (x**2).sum() / 2\n")
    call(path, "--cost", "<i>.py", "--position", evil, "y", *VELOCITY, "--out", tmp_path / "o")
    page = (tmp_path / "o" / "metric.html").read_text()
    assert "&lt;script&gt;" in page
    assert page.count("<script") == 1
    for forbidden in ("<script>alert", "<b>", "<i>.py", "http:", "https:", "<link"):
        assert forbidden not in page
    assert re.search(r"url\((?!#)", page) is None


def packed(path, kind):
    """The flow's table in another format."""
    import bz2
    import gzip
    import json as text
    import lzma
    import zipfile

    from scipy.io import savemat

    content, columns = path.read_bytes(), np.loadtxt(path, delimiter=",", skiprows=1).T
    named = dict(zip(("x", "y", "vx", "vy"), columns, strict=True))
    other = path.with_name(f"flow.{kind}")
    if kind == "zip":
        with zipfile.ZipFile(other, "w") as file:
            file.writestr("flow.csv", content)
    elif kind == "npz":
        np.savez(other, **named)
    elif kind == "mat":
        savemat(other, named)
    elif kind == "json":
        other.write_text(text.dumps({name: column.tolist() for name, column in named.items()}))
    elif kind == "tsv":  # a row is one coordinate
        lines = [[name, *map(repr, column.tolist())] for name, column in named.items()]
        other.write_text("\n".join(map("\t".join, lines)))
    else:
        other.write_bytes({"gz": gzip, "bz2": bz2, "xz": lzma}[kind].compress(content))
    return other


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zip", "npz", "mat", "json", "tsv"])
def test_a_flow_is_read_through_every_door(flow, kind):
    def read(file, **given):
        # The cost is asked for nothing but gradients: the point itself, of |x|^2/2.
        samples = read_flow(
            file, load_cost("quadratic"), ["x", "y"], velocity=["vx", "vy"], **given
        )
        return np.hstack([samples.positions[:, 0], samples.velocities])

    other = packed(flow, kind)
    np.testing.assert_allclose(read(other, transpose=kind == "tsv"), read(flow))


def test_coordinates_in_rows_are_pointed_out(call, flow):
    options = ("--cost", "quadratic", *POSITION, *VELOCITY)
    code, _, err = call(packed(flow, "tsv"), *options)
    assert code == 2
    assert "4 rows and 41 columns" in err
    assert "if a row is one coordinate, add --transpose" in err
    np.savetxt("bare.csv", np.loadtxt(flow, delimiter=",", skiprows=1).T, delimiter=",")
    bare = ("--cost", "quadratic", "--position", "0", "1", "--velocity", "2", "3")
    assert "add --transpose" in call("bare.csv", *bare)[2]
    assert call("bare.csv", *bare, "--transpose")[0] == 0
