"""A figure module keeps the whole protocol, and what it writes is whole or not there."""

import csv
import json
from dataclasses import dataclass
from types import ModuleType

import matplotlib.figure
import numpy as np
import pytest
import xarray as xr
from jaxtyping import TypeCheckError

from steepest._version import __version__
from steepest.errors import UsageError
from steepest.study import Claim, Figure, parameter, reproduce, stamp


@dataclass(frozen=True)
class Parameters:
    points: int = parameter(100, "points drawn")
    sd: float = parameter(2.0, "their standard deviation", "mV")


def run(parameters, seed):
    drawn = parameters.sd * np.random.default_rng(seed).standard_normal(parameters.points)
    return stamp(xr.Dataset({"v": ("point", drawn, {"units": "mV"})}), parameters, seed)


def plot(dataset):
    figure = matplotlib.figure.Figure()
    figure.subplots().plot(dataset["v"])
    return figure


def claims(dataset):
    return [
        Claim.close("The number of points", 7, dataset.sizes["point"], 0),
        Claim(statement='a "quoted", one', expected=(1.0, 2.0), measured="x", holds=None),
    ]


def toy(**changes):
    """A small figure module; a part given as None is left out."""
    module = ModuleType("toy")
    module.__doc__ = """Seven points, drawn

    They are drawn
    at random.

    From a Gaussian.
    """
    parts = {
        "Parameters": Parameters,
        "QUICK": Parameters(points=7),
        "run": run,
        "plot": plot,
        "claims": claims,
    }
    for name, part in (parts | changes).items():
        if part is not None:
            setattr(module, name, part)
    return module


FIGURE = Figure("toy.fig1", toy())


@pytest.mark.parametrize("part", ["Parameters", "QUICK", "run", "plot", "claims"])
def test_a_module_that_lacks_a_part_is_refused_and_the_part_named(part):
    with pytest.raises(UsageError, match=f"toy is not a figure module: it has no {part} "):
        Figure("toy.fig1", toy(**{part: None}))


def test_parameters_are_frozen_and_documented():
    @dataclass
    class Thawed:
        points: int = parameter(1, "points")

    @dataclass(frozen=True)
    class Silent:
        points: int = 1

    with pytest.raises(UsageError, match="not a frozen dataclass"):
        Figure("toy.fig1", toy(Parameters=Thawed, QUICK=Thawed()))
    with pytest.raises(UsageError, match="not a frozen dataclass"):
        Figure("toy.fig1", toy(Parameters=dict, QUICK={}))
    with pytest.raises(UsageError, match=r"Parameters\.points says neither what"):
        Figure("toy.fig1", toy(Parameters=Silent, QUICK=Silent()))
    with pytest.raises(UsageError, match="QUICK is not an instance"):
        Figure("toy.fig1", toy(QUICK=Silent()))
    with pytest.raises(UsageError, match="no docstring"):
        Figure("toy.fig1", toy(__doc__=" "))


def test_title_and_text_come_from_the_docstring():
    assert FIGURE.title == "Seven points, drawn"
    assert FIGURE.text == ["They are drawn at random.", "From a Gaussian."]


def test_the_scale_chooses_the_parameters():
    assert FIGURE.parameters("quick") == Parameters(points=7)
    assert FIGURE.parameters("paper") == Parameters()


def test_what_is_written_is_what_was_computed(tmp_path):
    out = tmp_path / "a" / "b"
    result = reproduce(FIGURE, "quick", 3, out)
    assert sorted(path.name for path in out.iterdir()) == [
        "toy.fig1.csv",
        "toy.fig1.nc",
        "toy.fig1.png",
    ]
    assert sorted(result.files.values()) == sorted(out.iterdir())
    with xr.open_dataset(result.files["nc"], engine="h5netcdf") as saved:
        xr.testing.assert_identical(saved.load(), result.dataset)
        assert saved.attrs["steepest_version"] == __version__
        assert saved.attrs["seed"] == 3
        assert saved.attrs["scale"] == "quick"
        assert json.loads(saved.attrs["parameters"]) == {"points": 7, "sd": 2.0}
        assert saved["v"].attrs["units"] == "mV"
    assert result.files["png"].read_bytes() == result.picture
    assert result.picture.startswith(b"\x89PNG")
    with result.files["csv"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["statement"] for row in rows] == ["The number of points", 'a "quoted", one']
    assert [row["holds"] for row in rows] == ["True", ""]


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = reproduce(FIGURE)
    assert result.files == {}
    assert list(tmp_path.iterdir()) == []


def test_the_seed_decides():
    first, again, other = (reproduce(FIGURE, seed=seed).dataset for seed in (1, 1, 2))
    xr.testing.assert_identical(first, again)
    assert not np.array_equal(first["v"], other["v"])


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda p, s: run(p, s).assign_attrs(seed=s + 1), "attribute seed is 1, not 0"),
        (lambda p, s: run(Parameters(), s), "attribute parameters"),
        (lambda p, s: run(p, s).drop_attrs(deep=False), "steepest_version is None"),
        (lambda p, s: run(p, s).assign(x=("point", np.ones(7))), "'x' has no attribute units"),
        (lambda p, s: run(p, s).assign_coords(point=np.arange(7)), "'point' has no attribute"),
    ],
)
def test_data_that_do_not_say_what_they_are_are_refused(tmp_path, broken, message):
    with pytest.raises(UsageError, match=message):
        reproduce(Figure("toy.fig1", toy(run=broken)), out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_numbers_without_a_unit_get_1_from_the_stamp_and_others_keep_theirs():
    dataset = xr.Dataset(
        {"x": ("point", [1.0]), "v": ("point", [1.0], {"units": "mV"}), "name": ("point", ["a"])},
        coords={"point": [3]},
    )
    stamped = stamp(dataset, Parameters(), 0)
    units = {name: variable.attrs.get("units") for name, variable in stamped.variables.items()}
    assert units == {"x": "1", "v": "mV", "name": None, "point": "1"}
    assert "units" not in dataset["x"].attrs
    assert "units" not in dataset["point"].attrs


def test_pictures_are_drawn_in_settings_of_our_own():
    import matplotlib

    sizes = []

    def plot_and_look(dataset):
        sizes.append(matplotlib.rcParams["font.size"])
        return plot(dataset)

    with matplotlib.rc_context({"font.size": 33.0}):
        reproduce(Figure("toy.fig1", toy(plot=plot_and_look)))
    assert sizes == [matplotlib.rcParamsDefault["font.size"]]


def test_a_figure_without_claims_is_refused():
    with pytest.raises(UsageError, match="no claims"):
        reproduce(Figure("toy.fig1", toy(claims=lambda dataset: [])))


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_figure_that_breaks_off_leaves_the_folder_as_it_was(tmp_path, error):
    def plot(dataset):
        raise error("no picture")

    reproduce(FIGURE, seed=5, out=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(before) == 3
    with pytest.raises(error):
        reproduce(Figure("toy.fig1", toy(plot=plot)), seed=6, out=tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_picture_is_written_in_the_formats_asked_for_and_in_a_style(tmp_path):
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF-"}
    paper = reproduce(FIGURE, out=tmp_path, formats=("svg", "pdf"))
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".csv", ".nc", ".pdf", ".svg"]
    for kind in ("svg", "pdf"):
        assert paper.files[kind].read_bytes().startswith(starts[kind])
    slide = reproduce(FIGURE, out=tmp_path, formats=("png",), style="slide")
    assert slide.files["png"].read_bytes() == slide.picture != paper.picture


@pytest.mark.parametrize("asked", [{"formats": ("gif",)}, {"formats": ()}, {"style": "poster"}])
def test_an_unknown_format_or_style_is_refused_before_anything_is_computed(asked, tmp_path):
    runs = []
    figure = Figure("toy.fig1", toy(run=lambda p, s: runs.append(1) or run(p, s)))
    with pytest.raises((UsageError, TypeCheckError), match=next(iter(asked))):
        reproduce(figure, out=tmp_path, **asked)
    assert runs == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_computed(tmp_path):
    (tmp_path / "file").write_text("in the way")
    runs = []
    figure = Figure("toy.fig1", toy(run=lambda p, s: runs.append(1) or run(p, s)))
    for out in (tmp_path / "file", tmp_path / "file" / "out", tmp_path / "a" / ("x" * 300)):
        with pytest.raises(UsageError, match=f"cannot write to the folder {out}: "):
            reproduce(figure, out=out)
    assert runs == []
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("expected", "measured", "tolerance", "holds"),
    [
        (1.0, 1.25, 0.25, True),
        (1.0, 1.25, 0.24, False),
        ((1.0, 2.0), np.array([1.0, 2.1]), 0.2, True),
        ((1.0, 2.0), np.array([1.0, 2.1]), 0.05, False),
        ((1.0, 2.0), 1.0, 10.0, False),
        (1.0, np.nan, 10.0, False),
        (0, np.inf, 10.0, False),
    ],
)
def test_close_means_every_number_within_the_tolerance(expected, measured, tolerance, holds):
    assert Claim.close("", expected, measured, tolerance).holds is holds


def test_two_texts_are_close_when_they_are_the_same():
    assert Claim.close("", "burg", "burg", 0).holds is True
    claim = Claim.close("", "burg", "euclidean", 0)
    assert (claim.expected, claim.measured, claim.holds) == ("burg", "euclidean", False)


@pytest.mark.parametrize(
    ("claim", "measured", "settings", "expected", "holds"),
    [
        (Claim.below, 0.9, {}, "below 1", True),
        (Claim.below, 1.0, {}, "below 1", False),
        (Claim.below, 1.0, {"inclusive": True}, "at most 1", True),
        (Claim.below, (0.5, 1.5), {}, "below 1", False),
        (Claim.below, np.nan, {}, "below 1", False),
        (
            Claim.below,
            0.9,
            {"standard_error": 0.05, "by": 3},
            "below 1 by 3 standard errors",
            False,
        ),
        (Claim.above, 1.1, {}, "above 1", True),
        (Claim.above, 1, {}, "above 1", False),
        (Claim.above, 1, {"inclusive": True}, "at least 1", True),
        (Claim.above, np.array([2.0, 0.9]), {"inclusive": True}, "at least 1", False),
        (Claim.above, 2.0, {"standard_error": 0.5, "by": 2}, "above 1 by 2 standard errors", False),
        (Claim.above, 2.0, {"tested": False}, "above 1", None),
    ],
)
def test_the_words_of_a_limit_are_made_from_it(claim, measured, settings, expected, holds):
    made = claim("", measured, 1, **settings)
    assert (made.expected, made.holds) == (expected, holds)


def test_near_means_every_number_within_so_many_standard_errors():
    assert Claim.near("", 1.0, 1.3, 0.1).holds
    assert not Claim.near("", 1.0, 1.31, 0.1).holds
    assert Claim.near("", 1.0, (0.5, 1.5), 0.1, by=2, tolerance=0.3).holds
    assert not Claim.near("", 1.0, (0.5, 1.6), 0.1, by=2, tolerance=0.3).holds
    assert Claim.near("", 1.0, 1.0, np.nan).holds is None
    assert Claim.near("", 1.0, 5.0, 0.1, tested=False).holds is None


def test_a_claim_is_valid_json_whatever_was_measured():
    claim = Claim.close("", (1.0, 2.0), np.array([np.nan, np.inf]), 1.0)
    assert json.loads(json.dumps(claim.to_dict(), allow_nan=False)) == {
        "statement": "",
        "expected": [1.0, 2.0],
        "measured": [None, None],
        "standard_error": None,
        "holds": False,
    }


def test_a_result_holds_unless_a_claim_fails():
    def with_claims(*states):
        found = [Claim(statement="", expected="", measured="", holds=state) for state in states]
        return reproduce(Figure("toy.fig1", toy(claims=lambda dataset: found))).holds

    assert with_claims(True, None)
    assert not with_claims(True, None, False)
    assert reproduce(FIGURE).to_dict()["figure"] == "toy.fig1"
