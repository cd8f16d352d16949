import jax
import jax.numpy as jnp
import numpy as np
import pytest
from constructors import COMPUTED, METRICS, POINTS, SPD, fisher_of_a_gaussian

from steepest.errors import DomainError, LawBroken, MetricError, PrecisionError, UsageError
from steepest.geometry import (
    AbstractMetric,
    Constant,
    Diagonal,
    Euclidean,
    Linear,
    MatrixMetric,
    Metabolic,
    MetabolicEnergies,
    Pullback,
    SumOfInverseMetrics,
    SumOfMetrics,
    Weber,
    check_metric,
)

# Classes that others here stand for, and charts and sums that have laws of their own.
REPEATED = (
    "metabolic_default",
    "weber_constant",
    "rank_two_wide",
    "alternative",
    "euclidean_in_composed",
    "matrix_in_linear",
    "sum_of_inverses",
    *(f"euclidean_in_{chart}" for chart in ("attenuation", "identity", "linear", "square", "unit")),
)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in REPEATED else ()) for name in METRICS],
)
def test_every_metric_obeys_the_laws(name):
    report = check_metric(METRICS[name](), POINTS)
    assert report.holds
    assert len(report.laws) == 11


@pytest.mark.parametrize("name", COMPUTED)
def test_every_metric_that_is_computed_obeys_the_laws(name):
    assert check_metric(COMPUTED[name](), POINTS[:1], rtol=1e-8).holds


@pytest.mark.parametrize("name", METRICS)
def test_sharp_equals_the_dense_solve(name):
    metric = METRICS[name]()
    p = np.array([0.3, -1.2])
    for point in POINTS:
        x = jnp.asarray(point)
        dense = np.linalg.solve(np.asarray(metric.matrix(x)), p)
        np.testing.assert_allclose(metric.sharp(x, p), dense, rtol=1e-11)


@pytest.mark.parametrize("name", METRICS)
def test_metrics_are_kernels_that_jit_and_vmap(name):
    metric = METRICS[name]()
    covectors = jnp.asarray(np.random.default_rng(0).standard_normal(POINTS.shape))
    together = jax.jit(jax.vmap(metric.sharp))(jnp.asarray(POINTS), covectors)
    one_by_one = [metric.sharp(jnp.asarray(x), p) for x, p in zip(POINTS, covectors, strict=True)]
    np.testing.assert_allclose(together, np.stack(one_by_one), rtol=1e-12)


@pytest.mark.parametrize("metric", [Weber(), Metabolic(2.0, 1e4), Diagonal([1e-6, 1e6])])
def test_the_laws_hold_in_units_six_decades_apart(metric):
    assert check_metric(metric, [1e3, 1e-3]).holds


def test_the_two_sums_are_two_different_things():
    parts = [Diagonal([1.0, 4.0]), Diagonal([4.0, 1.0])]
    x, p = jnp.ones(2), jnp.ones(2)
    np.testing.assert_allclose(SumOfMetrics(parts, [0.5, 0.5]).sharp(x, p), [0.4, 0.4], rtol=1e-15)
    inverse = SumOfInverseMetrics(parts, [0.5, 0.5])
    np.testing.assert_allclose(inverse.sharp(x, p), [0.625, 0.625], rtol=1e-15)


def test_adding_a_metric_through_a_chart_or_through_its_matrix_is_the_same():
    A = np.array([[1.0, 0.8], [0.2, 1.0]])
    through_chart = Pullback(MatrixMetric(fisher_of_a_gaussian), Linear(A))
    through_matrix = MatrixMetric(lambda x: A.T @ jnp.asarray(fisher_of_a_gaussian(A @ x)) @ A)
    p = jnp.array([0.3, -2.0])
    for combine in (SumOfMetrics, SumOfInverseMetrics):
        for x in jnp.asarray(POINTS):
            one = combine([Euclidean(), through_chart])
            other = combine([Euclidean(), through_matrix])
            np.testing.assert_allclose(one.sharp(x, p), other.sharp(x, p), rtol=1e-12)
            np.testing.assert_allclose(one.flat(x, p), other.flat(x, p), rtol=1e-12)


@pytest.mark.parametrize(("start", "end", "length"), [(0.9, 1.0, 0.632456), (0.5, 0.6, 0.149302)])
def test_metabolic_lengths_equal_the_reference(start, end, length):
    metric = Metabolic(1.0)
    # Midpoints in the square root of the distance to 1, where the speed is smooth.
    s = np.linspace(np.sqrt(1 - end), np.sqrt(1 - start), 2001)
    middle = (s[1:] + s[:-1]) / 2
    speed = jax.vmap(lambda x, v: metric.norm(x[None], v[None]))
    total = speed(jnp.asarray(1 - middle**2), jnp.asarray(2 * middle * np.diff(s))).sum()
    assert float(total) == pytest.approx(length, abs=1e-6)


def test_a_metabolic_cost_for_one_coordinate_leaves_the_other_euclidean():
    matrix = Metabolic(2.0, (1.0, np.inf)).matrix(jnp.array([0.75, 3.0]))
    np.testing.assert_allclose(matrix, [[16.0, 0.0], [0.0, 1.0]])


def test_energies_make_a_metric_that_is_rank_deficient_without_a_floor():
    def energies(x):
        return jnp.stack([x[0] * x[1] ** 2])  # one energy of two coordinates

    x, slope = jnp.array([0.5, 2.0]), np.array([4.0, 2.0])
    metric = MetabolicEnergies(energies, 0.3, delta=0.1)
    expected = 0.3 * np.outer(slope, slope) + 0.1 * np.eye(2)
    np.testing.assert_allclose(metric.matrix(x), expected, rtol=1e-14)
    assert check_metric(metric, [[0.5, 2.0]]).holds
    with pytest.raises(MetricError, match=r"singular.*does not measure, \[-0\.4472  0\.8944\]"):
        MetabolicEnergies(energies, 0.3).sharp(x, jnp.ones(2))
    both = MetabolicEnergies(lambda x: x**2, [1.0, 2.0])
    np.testing.assert_allclose(both.matrix(x), np.diag([1.0, 32.0]), rtol=1e-14)
    with pytest.raises(MetricError, match="weights are positive"):
        MetabolicEnergies(energies, -1.0)
    with pytest.raises(MetricError, match="not negative"):
        MetabolicEnergies(energies, delta=-1.0)


def broken(message, function, point=(1.0, 2.0)):
    with pytest.raises(MetricError, match=message):
        MatrixMetric(function).sharp(jnp.asarray(point), jnp.ones(2))


def test_a_matrix_that_is_no_metric_is_refused_by_name_and_place():
    broken(
        r"not symmetric at \[1\. 2\.\].*entry \(0, 1\) is 0.1 but",
        lambda x: [[1.0, 0.1], [0.3, 1.0]],
    )
    broken(
        r"not positive definite at \[1\. 2\.\].*eigenvalue is -1",
        lambda x: [[1.0, 2.0], [2.0, 1.0]],
    )
    broken("singular at", lambda x: [[1.0, 1.0], [1.0, 1.0]])
    broken("condition number past 1e\\+12", lambda x: [[1.0, 0.0], [0.0, 1e-13]])
    broken(r"entry \(1, 1\) of the matrix is inf", lambda x: [[1.0, 0.0], [0.0, 1 / (x[0] - 1)]])
    broken(r"shape \(2,\).*must return \(2, 2\)", lambda x: jnp.ones(2))
    with pytest.raises(MetricError, match="not positive definite"):
        Constant([[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(MetricError, match="factor 1 is -3"):
        Diagonal([1.0, -3.0])
    with pytest.raises(MetricError, match=r"factors of shape \(3,\) for a vector"):
        Diagonal([1.0, 2.0, 3.0]).sharp(jnp.ones(2), jnp.ones(2))
    with pytest.raises(MetricError, match=r"shape \(3, 3\) for a point of shape \(2,\)"):
        Constant(np.eye(3)).sharp(jnp.ones(2), jnp.ones(2))
    with pytest.raises(MetricError, match="square"):
        Constant(np.zeros((2, 3)))
    with pytest.raises(UsageError, match="no numbers in it"):
        Constant(np.zeros((0, 0)))
    with pytest.raises(MetricError, match="give a list of metrics"):
        SumOfMetrics(Euclidean())
    with pytest.raises(MetricError, match="exponents are finite"):
        Metabolic(np.nan)
    with pytest.raises(MetricError, match="returned nothing"):
        MatrixMetric(lambda x: None).sharp(jnp.ones(2), jnp.ones(2))
    with pytest.raises(MetricError, match=r"write its function with jax\.numpy"):
        jax.jit(MatrixMetric(lambda x: np.diag(np.asarray(x))).sharp)(jnp.ones(2), jnp.ones(2))
    with pytest.raises(MetricError, match="weights of shape"):
        SumOfMetrics([Euclidean(), Weber()], [1.0])
    with pytest.raises(MetricError, match="positive and finite"):
        SumOfInverseMetrics([Euclidean(), Weber()], [1.0, -1.0])


def test_a_condition_number_just_inside_the_limit_is_solved():
    metric = MatrixMetric(lambda x: [[1.0, 0.0], [0.0, 2e-12]])
    np.testing.assert_allclose(metric.sharp(jnp.ones(2), jnp.ones(2)), [1.0, 5e11])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: [[1.0, 0.1 * x[0]], [0.3, 1.0]],
        lambda x: [[1.0, 2.0 * x[0]], [2.0 * x[0], 1.0]],
        lambda x: [[1.0, 0.0], [0.0, 1e-14 * x[0]]],
    ],
)
def test_under_jit_a_broken_matrix_gives_nan_not_a_wrong_number(function):
    metric = MatrixMetric(function)
    assert np.isnan(jax.jit(metric.sharp)(jnp.ones(2), jnp.ones(2))).all()


@pytest.mark.parametrize(
    "metric",
    [Constant(SPD), MatrixMetric(lambda x: SPD), SumOfMetrics([Euclidean(), Weber()])],
    ids=lambda m: type(m).__name__,
)
def test_a_dense_solve_refuses_float32(metric):
    single = jnp.ones(2, dtype=jnp.float32)
    with pytest.raises(PrecisionError, match=r"needs float64.*enable_x64"):
        metric.sharp(single, single)


@pytest.mark.parametrize("metric", [Euclidean(), Diagonal([1.0, 2.0]), Weber(), Metabolic()])
def test_elementwise_metrics_keep_float32(metric):
    x = jnp.array([0.3, 0.6], dtype=jnp.float32)
    assert metric.sharp(x, x).dtype == metric.flat(x, x).dtype == jnp.float32


def test_singular_points_are_named():
    with pytest.raises(DomainError, match=r"Weber: coordinate 1 = 0 .* outside the domain.*!= 0"):
        Weber().sharp(jnp.array([1.0, 0.0]), jnp.ones(2))
    with pytest.raises(DomainError, match=r"Metabolic: coordinate 0 = 1 "):
        Metabolic(1.0).flat(jnp.array([1.0, 0.5]), jnp.ones(2))
    assert np.isnan(jax.jit(Weber().sharp)(jnp.array([1.0, 0.0]), jnp.ones(2)))[1]


class Lopsided(AbstractMetric):
    """Not a metric: its matrix is not symmetric."""

    def flat(self, point, vector):
        return jnp.array([[1.0, 0.5], [0.0, 1.0]]) @ vector

    def sharp(self, point, covector):
        return jnp.linalg.solve(jnp.array([[1.0, 0.5], [0.0, 1.0]]), covector)


class Inconsistent(AbstractMetric):
    """Not a metric: flat and sharp belong to different matrices."""

    def flat(self, point, vector):
        return 2 * vector

    def sharp(self, point, covector):
        return covector


class Indefinite(AbstractMetric):
    """Not a metric: a direction of negative length."""

    def flat(self, point, vector):
        return jnp.array([1.0, -1.0]) * vector

    def sharp(self, point, covector):
        return jnp.array([1.0, -1.0]) * covector


@pytest.mark.parametrize(
    ("impostor", "law"),
    [
        (Lopsided, r"BROKEN  <u, v> = <v, u>"),
        (Inconsistent, "BROKEN  sharp inverts flat"),
        (Indefinite, "BROKEN  <v, v> > 0"),
    ],
)
def test_the_laws_catch_impostors(impostor, law):
    with pytest.raises(LawBroken, match=law):
        check_metric(impostor(), POINTS)


def test_brute_force_catches_a_sharp_that_is_not_steepest():
    with pytest.raises(LawBroken, match=r"BROKEN  no unit direction is steeper"):
        check_metric(Lopsided(), POINTS)
