import jax
import jax.numpy as jnp
import numpy as np
import pytest

from steepest.errors import ChartError, LawBroken, UsageError
from steepest.geometry import (
    Elementwise,
    Euclidean,
    Linear,
    MatrixMetric,
    Model,
    Scaling,
    Weber,
    check_invariance,
    check_metric,
)

POINTS = np.array([[5.0, 1.0], [3.0, 2.5]])


def divergence_to_target(x):
    """KL(N(4, 2) || N(mean, sd)): the cost of Surace et al. 2020, Fig 3."""
    return jnp.log(x[1] / 2) + (4 + (x[0] - 4) ** 2) / (2 * x[1] ** 2) - 0.5


def mean_and_sd(x):
    return x


GAUSSIAN = Model(divergence_to_target, POINTS, family=mean_and_sd)
TO_LOG_SD = Elementwise(
    lambda x: jnp.stack([x[0], jnp.log(x[1])]), lambda y: jnp.stack([y[0], jnp.exp(y[1])])
)
CHARTS = {
    "shear": Linear([[1.0, 0.8], [0.0, 1.0]]),
    "unit": Scaling([1000.0, 1.0]),
    "log": TO_LOG_SD,
}


def whatever_coordinates_are_at_hand(model):
    return Euclidean()


def weber_of_the_coordinates_at_hand(model):
    return Weber()


def fisher(model):
    """The Fisher metric in any parametrisation of a Gaussian, by the chain rule."""

    def matrix(x):
        _, sd = model.family(x)
        J = jax.jacfwd(model.family)(x)
        return J.T @ jnp.diag(jnp.array([1.0, 2.0]) / sd**2) @ J

    return MatrixMetric(matrix)


def fisher_as_a_rule(model):
    metric = fisher(model)
    return lambda x: -metric.sharp(x, jax.grad(model.cost)(x))


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("recipe", [fisher, fisher_as_a_rule])
def test_a_recipe_that_looks_at_the_model_is_the_same_on_every_map(recipe, chart):
    assert check_invariance(recipe, GAUSSIAN, CHARTS[chart]).holds


@pytest.mark.parametrize("chart", CHARTS)
def test_naive_gradients_fall_for_the_wicked_map(chart):
    with pytest.raises(LawBroken, match=r"BROKEN  the direction is the same on both maps"):
        check_invariance(whatever_coordinates_are_at_hand, GAUSSIAN, CHARTS[chart])


def test_webers_law_solves_the_unit_problem_but_not_the_shear():
    assert check_invariance(weber_of_the_coordinates_at_hand, GAUSSIAN, CHARTS["unit"]).holds
    with pytest.raises(LawBroken):
        check_invariance(weber_of_the_coordinates_at_hand, GAUSSIAN, CHARTS["shear"])


def test_a_rotation_is_a_map_that_euclid_survives():
    turn = np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    assert check_invariance(whatever_coordinates_are_at_hand, GAUSSIAN, Linear(turn)).holds


def test_a_chart_that_does_not_invert_is_refused():
    with pytest.raises(ChartError, match="does not invert"):
        check_invariance(fisher, GAUSSIAN, Elementwise(jnp.exp, jnp.log1p))


def test_reports_print_as_a_table_and_name_what_was_checked():
    text = str(check_metric(Weber(), [1.0, 2.0]))
    assert text.startswith("Weber, a metric at 1 point(s)")
    assert text.count("holds") == 11
    assert "[Eq 3]" in text
    assert "J' G J" in text


def test_laws_work_with_lists_and_refuse_what_is_no_point():
    assert check_metric(Euclidean(), [[1, 2], [3, 4]]).holds
    with pytest.raises(UsageError, match="one point"):
        check_metric(Euclidean(), np.zeros((2, 2, 2)))


def test_laws_refuse_tracers_and_name_the_kernel():
    with pytest.raises(UsageError, match="flat and sharp"):
        jax.jit(lambda x: check_metric(Euclidean(), x).holds)(jnp.ones(2))
