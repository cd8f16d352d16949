"""A picture is drawn in our own settings, and whoever is handed one can look at it."""

import pickle

import pytest

from steepest.descent import gradient_flow
from steepest.geometry import Euclidean
from steepest.inference.designs.design import Design, simulate_design
from steepest.inference.synapses.measured import infer_measured


def of_a_flow():
    return gradient_flow(lambda x: (x**2).sum(), Euclidean(), [1.0, 2.0], [0.5, 1.0]).plot()


def of_a_verdict():
    design = Design(synapses=120, sessions=4, groups=10)
    return infer_measured(simulate_design(design, 1.0), draws=20).checks["size_halves"].plot()


@pytest.mark.parametrize("draw", [of_a_flow, of_a_verdict])
def test_a_notebook_shows_a_figure_without_pyplot_and_one_that_was_pickled(draw):
    figure = draw()

    for shown in (figure, pickle.loads(pickle.dumps(figure))):
        assert shown._repr_png_().startswith(b"\x89PNG")
