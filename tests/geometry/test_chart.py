import jax
import jax.numpy as jnp
import numpy as np
import pytest
from constructors import CHARTS, POINTS, SHEAR

from steepest.errors import ChartError
from steepest.geometry import Attenuation, Elementwise, Euclidean, Linear, Pullback, Scaling


@pytest.mark.parametrize("name", CHARTS)
def test_the_inverse_inverts(name):
    chart = CHARTS[name]()
    for x in jnp.asarray(POINTS):
        chart.check(x)
        np.testing.assert_allclose(chart.inverse(chart(x)), x, rtol=1e-13)


@pytest.mark.parametrize("name", CHARTS)
def test_vectors_and_covectors_are_carried_by_the_jacobian(name):
    chart = CHARTS[name]()
    v = jnp.array([0.4, -1.5])
    for x in jnp.asarray(POINTS):
        J = np.asarray(jax.jacfwd(chart)(x))
        np.testing.assert_allclose(chart.push(x, v), J @ v, rtol=1e-12)
        np.testing.assert_allclose(chart.pull(x, v), J.T @ v, rtol=1e-12)
        np.testing.assert_allclose(chart.push_back(x, v), np.linalg.solve(J, v), rtol=1e-10)
        np.testing.assert_allclose(chart.pull_back(x, v), np.linalg.solve(J.T, v), rtol=1e-10)


def test_attenuation_is_tenfold_at_460_micrometres():
    somatic = Attenuation([0.0, 200 * np.log(10)])(jnp.ones(2))
    np.testing.assert_allclose(somatic, [1.0, 0.1], rtol=1e-14)


def test_a_chart_whose_inverse_does_not_invert_is_refused():
    wrong = Elementwise(jnp.square, lambda y: y / 2)
    message = r"Elementwise: the inverse does not invert.*coordinate \d comes back as"
    with pytest.raises(ChartError, match=message):
        Pullback(Euclidean(), wrong).sharp(jnp.asarray(POINTS[0]), jnp.ones(2))
    with pytest.raises(ChartError, match=message):
        Elementwise(jnp.square, jnp.sqrt).check([-1.0, 2.0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Linear([[1.0, 2.0], [2.0, 4.0]]), "not invertible"),
        (lambda: Linear([[1.0, np.nan], [2.0, 4.0]]), "not finite"),
        (lambda: Linear([1.0, 2.0]), "square"),
        (lambda: Scaling([1.0, 0.0]), "not 0"),
        (lambda: Attenuation([1.0, 2.0], -200.0), "length positive"),
    ],
)
def test_charts_that_cannot_be_inverted_are_refused_where_they_are_made(make, message):
    with pytest.raises(ChartError, match=message):
        make()


def test_charts_keep_float32():
    x = jnp.array([0.3, 0.6], dtype=jnp.float32)
    for chart in (Linear(SHEAR), Scaling([2.0, 3.0]), Attenuation([1.0, 2.0])):
        assert chart(x).dtype == chart.inverse(x).dtype == jnp.float32
