"""Many units: treated alike, or coupled to their neighbours."""

import jax.numpy as jnp
import numpy as np
import pytest

from steepest.errors import LawBroken, MetricError
from steepest.geometry import (
    Box,
    Diagonal,
    Homogeneous,
    HomogeneousState,
    Neighbour,
    Weber,
    check_homogeneity,
    check_metric,
)

POINT = np.array([0.5, 1.0, 2.0, 0.8])
STATE = HomogeneousState(lambda x: x**-2, lambda x: 0.7 / x, Box(lower=0.0))

METRICS = {
    "homogeneous": (Homogeneous(2.0, 0.3), True),
    "negative share": (Homogeneous(2.0, -0.4), True),
    "state": (STATE, True),
    "Weber": (Weber(), True),
    "diagonal": (Diagonal([1.0, 1.0, 1.0, 2.0]), False),
    "neighbours": (Neighbour([0.0, 1.0, 3.0, 9.0], 2.0, 0.6), False),
}


@pytest.mark.parametrize("name", METRICS)
def test_the_laws_of_a_metric_hold_and_homogeneity_where_units_are_alike(name):
    metric, alike = METRICS[name]
    assert check_metric(metric, [POINT], rtol=1e-8).holds
    if alike:
        assert check_homogeneity(metric, [POINT]).holds
    else:
        with pytest.raises(LawBroken, match="exchanged units"):
            check_homogeneity(metric, [POINT])


def test_the_closed_forms_invert_the_matrices_they_stand_for():
    p = jnp.asarray([1.0, -2.0, 0.5, 3.0])
    G = 2 * np.eye(4) + 0.3
    np.testing.assert_allclose(Homogeneous(2, 0.3).sharp(POINT, p), np.linalg.solve(G, p))
    b = 0.7 / POINT
    G = np.diag(POINT**-2) + np.outer(b, b)
    np.testing.assert_allclose(STATE.sharp(POINT, p), np.linalg.solve(G, p), rtol=1e-12)


def test_cross_talk_falls_with_distance_and_reaches_silent_synapses():
    metric = Neighbour([0.0, 5.0, 10.0, 50.0], 5.0)
    moved = np.asarray(metric.sharp(POINT, jnp.asarray([1.0, 0.0, 0.0, 0.0])))
    np.testing.assert_allclose(moved, np.exp(-np.array([0, 5, 10, 50]) / 5), rtol=1e-14)
    flat = np.asarray(metric.flat(POINT, jnp.asarray(moved)))
    np.testing.assert_allclose(flat, [1, 0, 0, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Homogeneous(-1.0, 0.0), "own is positive"),
        (lambda: Homogeneous(1.0, -0.3).sharp(POINT, POINT), "raise shared above -0.25"),
        (lambda: Neighbour([0.0, 1.0, 1.0], 2.0), "synapses 1 and 2 are at one place"),
        (lambda: Neighbour([0.0, 1.0], -2.0), "length is positive"),
        (lambda: Neighbour([0.0, np.nan], 2.0), "finite"),
        (lambda: HomogeneousState(lambda x: x - 1, lambda x: x).sharp(POINT, POINT), "unit 0"),
    ],
)
def test_what_is_no_metric_is_refused(make, message):
    with pytest.raises(MetricError, match=message):
        make()


def test_twins_may_share_a_place_when_less_spills_over():
    metric = Neighbour([0.0, 1.0, 1.0, 2.0], 2.0, 0.9)
    assert check_metric(metric, [POINT], rtol=1e-8).holds
