import jax
import jax.numpy as jnp
import numpy as np
import pytest

from steepest.errors import DomainError
from steepest.geometry import (
    Box,
    Elementwise,
    Entropy,
    Everywhere,
    Intersection,
    Metabolic,
    Nonzero,
    Preimage,
    SumOfMetrics,
)


def test_margins_are_distances_to_the_nearest_wall():
    box = Box([0.0, -1.0], [1.0, np.inf])
    np.testing.assert_allclose(box.margin(jnp.array([0.2, 3.0])), [0.2, 4.0])
    np.testing.assert_allclose(box.margin(jnp.array([1.5, -3.0])), [-0.5, -2.0])
    np.testing.assert_array_equal(Everywhere().margin(jnp.array([1e300, -5.0])), np.inf)
    np.testing.assert_array_equal(Nonzero().margin(jnp.array([-2.0, 0.0])), [2.0, 0.0])


def test_walls_belong_to_inclusive_boxes_only():
    wall = jnp.array([0.0])
    Box(0.0, inclusive=True).check(wall, "test")
    with pytest.raises(DomainError, match=r"test: coordinate 0 = 0 is outside.*0\. < coordinate"):
        Box(0.0).check(wall, "test")


def test_the_first_coordinate_outside_is_named_and_the_others_counted():
    with pytest.raises(DomainError, match=r"coordinate 1 = -1 \(and 2 more\) is outside"):
        Box(0.0).check(jnp.array([1.0, -1.0, -2.0, -3.0]), "test")
    with pytest.raises(DomainError, match=r"coordinate 1, 0 = -2"):
        Box(0.0).check(jnp.array([[1.0, 3.0], [-2.0, 1.0]]), "a weight matrix")


def test_preimages_and_intersections_are_made_of_their_parts():
    log = Elementwise(jnp.log, jnp.exp)
    small = Preimage(Box(upper=0.0), log)  # log size below 0: size below 1
    np.testing.assert_allclose(small.margin(jnp.array([np.exp(-2.0)])), [2.0])
    both = Intersection((Box(0.0), Box(upper=1.0), Everywhere()))
    np.testing.assert_allclose(both.margin(jnp.array([0.25, 1.5])), [0.25, -0.5])
    total = SumOfMetrics([Metabolic(1.0), Entropy()])
    with pytest.raises(DomainError):
        total.domain.check(jnp.array([0.5, 1.5]), "sum")


WALLS = {
    "everywhere": Everywhere(),
    "nonzero": Nonzero(),
    "open": Box([0.1, -np.inf], [0.3, np.inf]),
    "closed": Box([0.1, -np.inf], [0.3, 2.0], inclusive=True),
    "one_sided": Box(upper=0.1),
}


@pytest.mark.parametrize("name", WALLS)
@pytest.mark.parametrize("dtype", [pytest.param(np.float32, marks=pytest.mark.slow), np.float64])
def test_a_point_whose_numbers_are_known_is_judged_as_a_traced_one(name, dtype):
    numbers = np.array([np.nan, -np.inf, np.inf, 0, -0.0, 0.1, 0.3, 2, -1, 1e-30], dtype)
    numbers = np.concatenate([numbers, np.nextafter(numbers, np.inf)]).astype(dtype)
    domain = WALLS[name]
    for point in np.stack(np.meshgrid(numbers, numbers), -1).reshape(-1, 2):
        known = np.asarray(domain.outside(point))
        assert domain._outside_known(point).tolist() == known.tolist(), point


def test_inside_jit_the_point_becomes_nan_where_it_is_outside():
    inside = jax.jit(lambda x: Box(0.0).require(x, "test"))(jnp.array([1.0, -1.0]))
    np.testing.assert_array_equal(np.isnan(inside), [False, True])


def test_a_domain_in_two_parts_is_left_where_the_part_around_the_start_is_left():
    around = Nonzero().around(jnp.array([0.5, -0.5]))
    np.testing.assert_allclose(around.margin(jnp.array([0.2, -0.1])), [0.2, 0.1])
    np.testing.assert_allclose(around.margin(jnp.array([-0.2, 0.1])), [-0.2, -0.1])
    with pytest.raises(DomainError, match="positive distance"):
        Nonzero().boundary(margin=-1.0)


def test_inside_jit_derivatives_outside_are_no_numbers_either():
    grad = jax.jit(jax.grad(lambda x: Entropy()(x)))(jnp.array([-1.0, 1.0]))
    assert np.isnan(grad[0])


def test_a_boundary_falls_to_zero_at_its_margin():
    stop = Box(0.0, 1.0).boundary(margin=0.01)
    assert float(stop(jnp.array([0.5, 0.99]))) == pytest.approx(0.0, abs=1e-15)
    assert float(stop(jnp.array([0.5, 0.98]))) > 0 > float(stop(jnp.array([0.5, 0.995])))
    assert float(stop.distance(jnp.array([0.5, 0.98]))) == pytest.approx(0.02)
