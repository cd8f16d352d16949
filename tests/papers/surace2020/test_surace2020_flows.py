"""Figures 1, 3 and 4, spike trains and experiments: every claim holds, and can fail."""

from dataclasses import replace

import numpy as np
import pytest

from steepest.errors import DataError
from steepest.papers.surace2020 import experiments, fig1, fig3, fig4, spike_trains

SMALL = {
    "fig1": (fig1, replace(fig1.QUICK, grid=15)),
    "fig3": (fig3, replace(fig3.QUICK, grid=15)),
    "fig4": (fig4, replace(fig4.QUICK, grid=15)),
    "spike_trains": (spike_trains, spike_trains.QUICK),
    "experiments": (experiments, experiments.QUICK),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == "spike_trains" else pytest.mark.slow)
        for name in SMALL
    ],
)
def test_every_claim_holds_and_the_picture_is_drawn(name):
    module, parameters = SMALL[name]
    dataset = module.run(parameters, 0)
    claims = module.claims(dataset)
    assert [claim.statement for claim in claims if claim.holds is False] == []
    assert sum(claim.holds is True for claim in claims) >= 3
    assert len(module.plot(dataset).axes) >= 2
    if name == "fig3":
        wrong = dataset.copy(deep=True)
        wrong["point"].loc[{"metric": "Fisher"}] += 1e-6
        failed = [claim for claim in module.claims(wrong) if claim.holds is False]
        assert len(failed) == 3
    if name == "fig4":
        wrong = dataset.copy(deep=True)
        wrong["hit"][:] = 0.2
        assert sum(claim.holds is False for claim in module.claims(wrong)) == 2


@pytest.mark.slow
def test_the_13_recordings_give_the_published_numbers(shared_data):
    table = shared_data / "larkman1992-ltp" / "larkman1992_ltp.csv"
    dataset = experiments.run(experiments.Parameters(table=str(table)), 0)
    claims = experiments.claims(dataset)
    assert [claim.statement for claim in claims if claim.holds is not True] == []
    assert dataset.sizes["recording"] == 13
    # Only the metrics that mix probability and amplitude notice the unit of amplitude.
    sse = dataset["unit_sse"].values
    assert (np.nanmax(sse, axis=1) / np.nanmin(sse, axis=1) > 1.5).all()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0.2,1.3,100,120", "between 0 and 1"),
        ("0.2,0.3,100,-3", "positive"),
        ("0.2,x,100,120", "row 3"),
    ],
)
def test_a_table_that_cannot_be_used_is_named(tmp_path, row, message):
    path = tmp_path / "recordings.csv"
    names = ",".join(experiments.Parameters().columns)
    good = "0.2,0.3,100,120"
    path.write_text("\n".join([names, good, row, good]) + "\n")
    with pytest.raises(DataError, match=message):
        experiments.run(experiments.Parameters(table=str(path)), 0)


def test_a_flow_line_ends_at_the_observed_mean_response():
    from steepest.geometry import Weber

    # 13 of them, as in the other tests: compiled once.
    start = np.linspace([0.3, 0.8], [0.5, 1.2], 13)
    goal = np.linspace(0.4, 0.9, 13)
    end = experiments.follow(Weber(), start, goal, 3.5)
    np.testing.assert_allclose(end.prod(axis=1), goal, rtol=1e-6)
