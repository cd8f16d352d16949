"""The wicked map: the claims hold, fail when they should, and the picture shows both routes."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from steepest.papers.surace2020 import fig2
from steepest.study import Claim


@pytest.fixture(scope="module")
def dataset():
    return fig2.run(fig2.QUICK, 0)


def test_every_claim_holds(dataset):
    claims = fig2.claims(dataset)
    assert len(claims) == 9
    assert [claim.statement for claim in claims if claim.holds is not True] == []


def test_the_routes_are_those_of_an_independent_integration(dataset):
    hill, shear = np.array(fig2.QUICK.hill), dataset["shear"].values
    metric = {"red": np.eye(2), "blue": shear.T @ shear}
    for route, matrix in metric.items():
        for place, start in enumerate(fig2.QUICK.starts):

            def ascend(t, x, matrix=matrix):
                return np.linalg.solve(matrix, -hill @ x * np.exp(-x @ hill @ x / 2))

            oracle = solve_ivp(
                ascend, (0, 8), start, "DOP853", dataset["time"], rtol=1e-11, atol=1e-13
            )
            walked = dataset["point"].sel(route=route, map="true").isel(start=place)
            np.testing.assert_allclose(walked, oracle.y.T, atol=1e-8)


def test_the_routes_end_near_the_top_and_differ_on_the_way(dataset):
    drawn = dataset["point"].isel(start=0)
    assert np.abs(drawn.isel(time=-1)).max() < 0.01
    apart = np.linalg.norm(drawn.sel(route="red") - drawn.sel(route="blue"), axis=-1)
    assert apart.max() > 0.3


def test_the_claims_fail_on_a_route_that_is_not_steepest(dataset):
    crooked = dataset.copy(deep=True)
    crooked["angle"].loc[{"route": "red", "map": "true"}] += 1.0
    crooked["point"].loc[{"route": "blue", "map": "sheared"}] += 1e-5
    failed = {claim.statement for claim in fig2.claims(crooked) if claim.holds is False}
    assert len(failed) == 2
    assert any("red route crosses" in statement for statement in failed)
    assert any("blue route is that route" in statement for statement in failed)


def test_without_a_shear_the_routes_agree_and_the_printed_numbers_are_not_tested():
    parameters = replace(fig2.QUICK, shear=0.0)
    dataset = fig2.run(parameters, 0)
    np.testing.assert_allclose(
        dataset["point"].sel(route="red"), dataset["point"].sel(route="blue"), atol=1e-9
    )
    holds = {claim.statement: claim.holds for claim in fig2.claims(dataset)}
    assert [state for words, state in holds.items() if "time 2" in words] == [None, None]
    assert [state for words, state in holds.items() if "does not do so" in words] == [False, False]


def test_the_picture_shows_both_routes_on_both_maps(dataset):
    figure = fig2.plot(dataset)
    assert len(figure.axes) == 2
    for axes, name in zip(figure.axes, ["true", "sheared"], strict=True):
        lines = {
            line.get_color(): line.get_xydata() for line in axes.lines if len(line.get_xydata()) > 9
        }
        for route, colour in (("red", "#d62728"), ("blue", "#1f5fd0")):
            expected = dataset["point"].sel(route=route, map=name).isel(start=0)
            np.testing.assert_array_equal(lines[colour], expected)
        markers = {line.get_marker(): line.get_xydata()[0] for line in axes.lines}
        np.testing.assert_array_equal(markers["^"], [0, 0])
        np.testing.assert_array_equal(markers["s"], expected[0])
        assert axes.get_aspect() == 1


def test_parameters_and_claims_are_plain_data(dataset):
    assert set(asdict(fig2.QUICK)) == {"hill", "shear", "starts", "duration", "step"}
    assert all(isinstance(claim, Claim) for claim in fig2.claims(dataset))
