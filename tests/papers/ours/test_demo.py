"""The first tour: both geometries come back, and would not if the neurons learned otherwise."""

import contextlib
import io
import json

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import root

from steepest import cli
from steepest.papers.ours import demo


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What `steepest demo` printed, and where: run once for this module."""
    out, err = io.StringIO(), io.StringIO()
    place = tmp_path_factory.mktemp("told")
    with contextlib.chdir(place), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.run(["demo"])
    assert (code, err.getvalue()) == (0, "")
    return out.getvalue(), place


@pytest.fixture(scope="module")
def dataset(told):
    return xr.load_dataset(told[1] / "demo/ours.demo.nc")


def test_the_command_tells_its_story_and_what_to_try_next(told, call, monkeypatch):
    out, place = told
    assert "All 9 claims hold." in out
    names = sorted(path.name for path in (place / "demo").iterdir())
    assert names == [
        "demo.html",
        "ours.demo.csv",
        "ours.demo.nc",
        "ours.demo.png",
        "synapses.csv",
    ]
    page = (place / "demo/demo.html").read_text()
    assert "found euclidean and the multiplicative one multiplicative" in page
    # The next step that it prints works as it is printed, and finds what the demo found.
    step = next(line for line in out.splitlines() if "synapses.csv" in line)
    monkeypatch.chdir(place)
    code, out, _ = call(*step.split()[1:], "--json")
    assert code == 0
    assert json.loads(out)["verdict"] == "multiplicative"


def test_every_claim_holds(dataset):
    claims = demo.claims(dataset)
    assert len(claims) == 9
    assert [claim.statement for claim in claims if claim.holds is not True] == []
    assert dataset["outcome"].values.tolist() == ["named", "named"]
    assert demo.headline(dataset) == (
        "From their synapses alone, the additive neuron is found euclidean and the multiplicative"
        " one multiplicative."
    )


def test_both_neurons_end_where_theory_says(dataset):
    # Mirror descent ends at the solution whose dual change is a combination of the inputs
    # (Pogodin et al. 2024, Eq 13): solved here for its coefficients, without any flow.
    parameters = demo.QUICK
    random = np.random.default_rng(0)
    before = np.exp(parameters.spread * random.standard_normal(parameters.synapses))
    inputs = random.standard_normal((parameters.patterns, parameters.synapses))
    inputs /= np.sqrt(parameters.synapses)
    np.testing.assert_array_equal(dataset["before"], before)
    targets = inputs @ dataset["after"].sel(neuron="additive").values

    def additive(duals):
        return before + inputs.T @ duals

    def multiplicative(duals):
        return before * np.exp(inputs.T @ duals)

    for name, weights in {"additive": additive, "multiplicative": multiplicative}.items():
        found = root(
            lambda duals, weights=weights: inputs @ weights(duals) - targets,
            np.zeros(parameters.patterns),
            tol=1e-12,
        )
        assert found.success
        expected = weights(found.x)
        change = np.abs(expected - before).max()
        assert np.abs(dataset["after"].sel(neuron=name) - expected).max() < 1e-5 * change


def test_swapped_neurons_would_not_pass(dataset):
    swapped = dataset.copy(deep=True)
    for name in ("index", "interval", "verdict"):
        swapped[name] = xr.zeros_like(dataset[name])
        swapped[name].values[...] = dataset[name].values[::-1]
    states = [claim.holds for claim in demo.claims(swapped)]
    assert states == [True] * 3 + [False] * 4 + [True] * 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_another_seed_tells_the_same_story(seed):
    assert all(claim.holds for claim in demo.claims(demo.run(demo.QUICK, seed)))


def test_the_neurons_with_spikes_give_their_geometries_away(dataset):
    assert dataset["spiking_named"].values.tolist() == [0, 1]
    assert np.abs(dataset["spiking_index"] - [0, 1]).max() < 0.3


def test_the_table_holds_what_an_experimenter_would_have(dataset):
    table = demo.table(dataset)
    assert list(table) == ["before", "after_additive", "after_multiplicative"]
    assert len(table) == demo.QUICK.synapses
    assert (table > 0).all().all()
    np.testing.assert_array_equal(table["after_additive"], dataset["after"].sel(neuron="additive"))


def test_the_story_tells_the_numbers(dataset):
    story = " ".join(demo.story(dataset))
    assert f"index {dataset['index'].values[0]:.2f}" in story
    assert f"index {dataset['index'].values[1]:.2f}" in story
    assert "euclidean" in story
    assert f"{dataset['spiking_index'].values[1]:.2f}." in story


def test_the_picture_has_its_three_panels(dataset):
    paths, changes, answers = demo.plot(dataset).axes
    assert [axes.get_title(loc="left")[0] for axes in (paths, changes, answers)] == ["A", "B", "C"]
    drawn = {tuple(line.get_xydata()[-1]) for line in paths.lines}
    for end in dataset["path"].isel(path_time=-1).values.reshape(-1, 2):
        assert tuple(end) in drawn
        assert end.sum() == pytest.approx(3.2, abs=1e-5)
