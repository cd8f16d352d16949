"""The first artificial example: printed and corrected solutions against the flows."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from steepest.papers.surace2020 import example_1d


@pytest.fixture(scope="module")
def dataset():
    return example_1d.run(example_1d.QUICK, 0)


def test_every_claim_holds(dataset):
    claims = example_1d.claims(dataset)
    assert len(claims) == 7
    assert [claim.statement for claim in claims if claim.holds is not True] == []


def test_the_flows_solve_their_differential_equations(dataset):
    # Velocities of x, written by hand: the second is 2 y dy/dt with y = sqrt(x).
    velocities = {"naive in x": lambda x: 2 - 2 * x, "naive in sqrt(x)": lambda x: 8 * x * (1 - x)}
    for flow, velocity in velocities.items():
        oracle = solve_ivp(
            lambda t, x, velocity=velocity: velocity(x),
            (0, 1),
            [2.0],
            "DOP853",
            dataset["time"],
            rtol=1e-11,
            atol=1e-13,
        )
        np.testing.assert_allclose(dataset["x"].sel(flow=flow), oracle.y[0], atol=1e-8)


def test_the_printed_second_solution_is_wrong(dataset):
    assert dataset["printed_root"][0] == pytest.approx(2 / 3)
    assert np.abs(dataset["printed_root"] - dataset["x"].sel(flow="naive in sqrt(x)")).max() > 1


def test_a_misprint_would_not_pass(dataset):
    broken = dataset.copy(deep=True)
    broken["x"].loc[{"flow": "naive in sqrt(x)"}] = dataset["printed_root"]
    failed = [claim.statement for claim in example_1d.claims(broken) if claim.holds is False]
    assert any(statement.startswith("Erratum") for statement in failed)
    assert any(statement.startswith("x(0.1), naive in sqrt(x)") for statement in failed)
    assert len(failed) == 4


def test_numbers_at_times_that_were_not_recorded_are_not_tested(dataset):
    coarse = dataset.isel(time=slice(None, None, 4))
    states = [claim.holds for claim in example_1d.claims(coarse)]
    assert states == [True] * 5 + [None] * 2


def test_the_picture_draws_the_misprint_dotted(dataset):
    (axes,) = example_1d.plot(dataset).axes
    dotted = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert len(dotted) == 1
    np.testing.assert_array_equal(dotted[0].get_ydata(), dataset["printed_root"])
