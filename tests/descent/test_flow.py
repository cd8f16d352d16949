import inspect

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from steepest.arrays.numbers import as_field
from steepest.descent import gradient_flow, velocity
from steepest.errors import ChartError, FlowError, MetricError, UsageError
from steepest.geometry import (
    Box,
    Constant,
    Diagonal,
    DualPower,
    Elementwise,
    Entropy,
    Euclidean,
    Linear,
    MatrixMetric,
    Metabolic,
    Nonzero,
    Power,
    Pullback,
    Weber,
)

A = np.array([[1.0, 0.3], [0.3, 2.0]])
SHEAR = np.array([[1.0, 0.8], [0.0, 1.0]])


def mountain(x):
    return -jnp.exp(-x @ A @ x / 2)


def gaussian(x):
    """KL(N(4, 2) || N(mean, sd)); Surace et al. 2020, Fig 3."""
    return jnp.log(x[1] / 2) + (4 + (x[0] - 4) ** 2) / (2 * x[1] ** 2) - 0.5


def release(x):
    """The binomial release model with N = 1, phi = 1, without readout noise (Costa et al. 2017)."""
    P, q = x
    mean, variance = P * q, P * (1 - P) * q**2
    return jnp.log(variance) / 2 + (1 - mean) ** 2 / (2 * variance)


RELEASE_DOMAIN = Box([0.0, 0.0], [1.0, np.inf])
TO_VARIANCE = Elementwise(
    lambda x: jnp.stack([x[0], x[1] ** 2]), lambda y: jnp.stack([y[0], jnp.sqrt(y[1])])
)


@pytest.mark.parametrize(
    ("metric", "end"),
    [
        pytest.param(Euclidean(), (0.25621346, 0.03877028), marks=pytest.mark.slow),
        (Constant(SHEAR.T @ SHEAR), (0.72256657, 0.48818652)),
        (Pullback(Euclidean(), Linear(SHEAR)), (0.72256657, 0.48818652)),
    ],
    ids=["euclid", "sheared_as_matrix", "sheared_as_chart"],
)
def test_the_wicked_map_leads_where_the_reference_says(metric, end):
    flow = gradient_flow(mountain, metric, [1.0, 1.0], [2.0])
    np.testing.assert_allclose(flow.end, end, atol=2e-8)


class PowersOfSigma(eqx.Module):
    """G = diag(sigma^a, c sigma^b): one compiled flow serves several metrics of Fig 3."""

    a: np.ndarray = eqx.field(converter=as_field)
    c: np.ndarray = eqx.field(converter=as_field)
    b: np.ndarray = eqx.field(converter=as_field)

    def __call__(self, x):
        return [[x[1] ** self.a, 0.0], [0.0, self.c * x[1] ** self.b]]


SIGMA = MatrixMetric(PowersOfSigma(0.0, 1.0, 0.0))
VARIANCE = MatrixMetric(PowersOfSigma(0.0, 4.0, 2.0))
FISHER = MatrixMetric(PowersOfSigma(-2.0, 2.0, -2.0))
UNIT = np.linspace(0.0, 1.0, 7)


@pytest.mark.parametrize(
    ("metric", "end"),
    [
        (SIGMA, (5.39383231, 1.98644225)),
        (VARIANCE, (5.07276891, 1.40674770)),
        pytest.param(
            Pullback(Constant(np.eye(2)), TO_VARIANCE),
            (5.07276891, 1.40674770),
            marks=pytest.mark.slow,
        ),
        (FISHER, (4.73575888, 1.95615396)),
    ],
    ids=["sigma", "variance_as_matrix", "variance_as_chart", "fisher"],
)
def test_the_metrics_of_fig_3_lead_where_the_reference_says(metric, end):
    flow = gradient_flow(gaussian, metric, [6.0, 1.0], UNIT)
    np.testing.assert_allclose(flow.end, end, atol=2e-8)


def test_the_one_dimensional_example_follows_both_closed_forms():
    times = np.linspace(0.0, 0.5, 6)

    def cost(x):
        return jnp.sum((x - 1) ** 2)

    naive = gradient_flow(cost, Euclidean(), [2.0], times)
    np.testing.assert_allclose(naive.points[:, 0], 1 + np.exp(-2 * times), atol=1e-8)
    root = gradient_flow(
        cost, Pullback(Euclidean(), Elementwise(jnp.sqrt, jnp.square)), [2.0], times
    )
    np.testing.assert_allclose(root.points[:, 0], 1 / (1 - np.exp(-8 * times) / 2), atol=2e-8)
    assert root.points[1, 0] == pytest.approx(1.2897642, abs=1e-7)
    weber = gradient_flow(cost, Weber(), [2.0], [1.0])
    assert weber.end[0] == pytest.approx(1.04475623, abs=3e-8)


def test_the_fisher_flow_follows_its_closed_form():
    t = np.linspace(0.0, 3.0, 7)
    flow = gradient_flow(gaussian, FISHER, [6.0, 1.0], t)
    mean = 4 + 2 * np.exp(-t)
    variance = 4 + (1 - 4 + 4) * np.exp(-t) - 4 * np.exp(-2 * t)
    np.testing.assert_allclose(flow.points, np.stack([mean, np.sqrt(variance)], 1), atol=1e-7)


def test_the_same_flow_in_two_charts_is_the_same_to_1e_8():
    chart = TO_VARIANCE
    metric = Constant([[2.0, 0.5], [0.5, 1.0]])
    here = gradient_flow(
        gaussian, Pullback(metric, chart), [6.0, 1.0], UNIT, rtol=1e-10, atol=1e-12
    )
    there = gradient_flow(
        lambda y: gaussian(chart.inverse(y)), metric, [6.0, 1.0], UNIT, rtol=1e-10, atol=1e-12
    )
    seen = np.stack([chart(jnp.asarray(x)) for x in here.points])
    np.testing.assert_allclose(seen, there.points, atol=1e-8)


def test_tighter_tolerances_come_closer_to_the_closed_form():
    def error(rtol):
        flow = gradient_flow(gaussian, FISHER, [6.0, 1.0], UNIT, rtol=rtol, atol=rtol)
        return abs(flow.end[0] - (4 + 2 * np.exp(-1)))

    errors = [error(rtol) for rtol in (1e-4, 1e-7, 1e-10)]
    assert errors[0] > 10 * errors[1] > 100 * errors[2]


def test_cost_never_rises_and_is_recorded():
    flow = gradient_flow(gaussian, Weber(), [6.0, 1.0], 3.0)
    assert flow.times.shape == (101,)
    assert flow.points.shape == (101, 2)
    np.testing.assert_array_equal(flow.points[0], [6.0, 1.0])
    np.testing.assert_allclose(flow.costs, [float(gaussian(x)) for x in flow.points], rtol=1e-13)
    assert (np.diff(flow.costs) < 0).all()
    assert not flow.stopped
    assert flow.end_time == 3.0


class Slope(eqx.Module):
    """The cost p x."""

    p: np.ndarray = eqx.field(converter=as_field)

    def __call__(self, x):
        return jnp.sum(self.p * x)


def test_a_potential_is_a_metric_to_flow_in():
    p = np.array([1.0, -2.0, 0.0])
    flow = gradient_flow(Slope(p), Entropy(), [1.0, 1.0, 1.0], [0.7])
    np.testing.assert_allclose(flow.end, np.exp(-0.7 * p), rtol=1e-8)
    start = np.array([0.2, 0.3, 0.5])
    flow = gradient_flow(Slope([1.0, 2.0, 0.5]), Power(1.0), start, [1.3])
    share = flow.end / flow.end.sum()
    np.testing.assert_allclose(share, [0.16135149, 0.06596011, 0.7726884], atol=1e-7)


def test_several_starts_are_the_same_flows_in_one_call():
    starts = np.array([[6.0, 1.0], [3.0, 2.5], [5.0, 0.7]])
    together = gradient_flow(gaussian, Weber(), starts, 1.0)
    assert together.points.shape == (3, 101, 2)
    assert together.costs.shape == (3, 101)
    for start, points in zip(starts, together.points, strict=True):
        alone = gradient_flow(gaussian, Weber(), start, 1.0)
        np.testing.assert_allclose(points, alone.points, rtol=1e-12)


@pytest.fixture(scope="module")
def impact():
    return gradient_flow(release, Euclidean(), [0.5, 0.7], 1.0, stop=RELEASE_DOMAIN.boundary())


def test_a_boundary_stops_the_flow_at_its_margin_and_the_impact_is_extrapolated(impact):
    assert impact.stopped
    assert impact.end_time == pytest.approx(0.164364, abs=1e-6)
    assert impact.end[0] == pytest.approx(0.999, abs=1e-9)
    assert impact.boundary_time == pytest.approx(0.164656, abs=2e-6)
    assert impact.times[-1] == impact.end_time
    np.testing.assert_array_equal(impact.points[-1], impact.end)
    assert impact.times.size == impact.points.shape[0] == impact.costs.size == 18


@pytest.mark.parametrize("margin", [1e-3, 1e-4, 1e-5])
def test_the_edge_is_reached_at_one_time_whatever_the_margin(margin):
    """Near the edge the solver's steps shrink with the distance: Surace Fig 4 from (.5, 1.5)."""
    stop = RELEASE_DOMAIN.boundary(margin)
    flow = gradient_flow(release, Euclidean(), [0.5, 1.5], 1.0, stop=stop)
    assert flow.boundary_time == pytest.approx(0.4237977, abs=1e-7)


def test_an_edge_that_cannot_be_extrapolated_to_is_an_error():
    def ends_early(x):
        return jnp.sum(jnp.where(x > 5e-4, x, jnp.nan))

    with pytest.raises(FlowError, match=r"at 0\.001 from the edge, but when it would reach"):
        gradient_flow(ends_early, Euclidean(), [0.5], 1.0, stop=Box(lower=0.0).boundary())


def test_a_caller_who_looks_for_nan_stops_no_flow(impact):
    with jax.debug_nans(True), jax.debug_infs(True):
        flow = gradient_flow(release, Euclidean(), [0.5, 0.7], 1.0, stop=RELEASE_DOMAIN.boundary())
    np.testing.assert_array_equal(flow.points, impact.points)


@pytest.mark.slow
def test_a_stiff_solver_stops_at_the_same_time(impact):
    stiff = gradient_flow(
        release,
        Euclidean(),
        [0.5, 0.7],
        1.0,
        stop=lambda x: 1 - x[0] - 1e-3,
        solver=diffrax.Kvaerno5(),
    )
    assert stiff.end_time == pytest.approx(float(impact.end_time), abs=1e-7)
    assert np.isnan(stiff.boundary_time)
    assert stiff.steps > 5 * impact.steps


def test_an_exactly_known_impact_is_extrapolated_exactly():
    # x' = 1/(1-x): (1-x)^2 = 1 - 2t, so the edge is reached at t = 1/2 with infinite speed.
    flow = gradient_flow(
        lambda x: jnp.sum(jnp.log(1 - x)), Euclidean(), [0.0], 1.0, stop=Box(upper=1.0).boundary()
    )
    assert flow.end_time == pytest.approx(0.5 - 1e-6 / 2, abs=1e-9)
    assert flow.boundary_time == pytest.approx(0.5, abs=1e-9)


def test_an_edge_that_is_only_approached_is_reached_never():
    # x' = -x towards the edge at 0.
    flow = gradient_flow(
        lambda x: jnp.sum(x**2) / 2, Euclidean(), [1.0], 30.0, stop=Box(lower=0.0).boundary()
    )
    assert flow.stopped
    assert flow.end_time == pytest.approx(np.log(1e3), abs=1e-6)
    assert np.isinf(flow.boundary_time)


def test_an_edge_approached_exponentially_through_a_chart_is_reached_never():
    flow = gradient_flow(
        lambda x: jnp.sum(x),
        Pullback(Euclidean(), Elementwise(jnp.sqrt, jnp.square)),
        [1.0, 2.0],
        5.0,
        stop=Box(lower=0.0).boundary(),
    )
    assert flow.stopped
    assert np.isinf(flow.boundary_time)


@pytest.mark.slow
def test_the_boundary_of_a_domain_in_two_parts_is_not_jumped_over():
    flow = gradient_flow(
        lambda x: jnp.sum(x), Euclidean(), [0.5, 0.7], [1.0, 2.0], stop=Nonzero().boundary()
    )
    assert flow.end_time == pytest.approx(0.499, abs=1e-9)
    assert flow.boundary_time == pytest.approx(0.5, abs=1e-6)


def test_every_start_of_several_is_checked():
    stop = Weber().domain.boundary()
    with pytest.raises(FlowError, match=r"stop condition is -0\.0009 .*\(start 1\)"):
        gradient_flow(lambda x: jnp.sum(x), Euclidean(), [[1, 2], [1e-4, 2]], 3.0, stop=stop)
    with pytest.raises(FlowError, match=r"the cost is nan at the start .*\(start 1\)"):
        gradient_flow(release, Euclidean(), [[0.5, 0.7], [1.5, 0.7]], 0.1)
    square = Pullback(Euclidean(), Elementwise(jnp.square, jnp.sqrt))
    with pytest.raises(ChartError, match="does not invert"):
        gradient_flow(lambda x: jnp.sum(x), square, [[0.5], [-0.6]], 0.1)


def test_a_metric_that_breaks_on_the_way_is_named():
    singular = MatrixMetric(lambda x: jnp.diag(jnp.stack([1.0, 2.5 - x[0]])))
    with pytest.raises(FlowError, match=r"MatrixMetric: the matrix is (singular|not positive)"):
        gradient_flow(lambda x: -jnp.sum(x), singular, [1.0, 2.0], 5.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rtol": -1.0}, "rtol must be between"),
        ({"atol": 0.0}, "atol positive"),
        ({"max_steps": 0}, "max_steps at least 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        gradient_flow(mountain, Euclidean(), [1.0, 1.0], 1.0, **settings)


def test_a_stop_that_is_no_number_is_refused():
    with pytest.raises(UsageError, match="one number per point"):
        gradient_flow(mountain, Euclidean(), [1.0, 1.0], 1.0, stop=lambda x: x)


def test_some_of_several_flows_may_stop():
    starts = np.array([[0.5, 0.7], [0.2, 0.7]])
    flow = gradient_flow(release, Euclidean(), starts, [0.05, 0.1, 0.2], stop=lambda x: 0.99 - x[0])
    assert flow.stopped.tolist() == [True, False]
    assert np.isnan(flow.points[0, 2]).all()
    assert np.isfinite(flow.points[1]).all()
    assert flow.end_time[1] == 0.2
    assert flow.end[0, 0] == pytest.approx(0.99, abs=1e-9)


def test_the_dataset_is_labelled(impact):
    dataset = impact.to_dataset(["P", "q"])
    assert dataset["point"].dims == ("time", "coordinate")
    assert float(dataset["point"].sel(coordinate="P")[-1]) == pytest.approx(0.999, abs=1e-9)
    assert dataset.attrs["metric"] == "Euclidean"
    assert dataset.attrs["solver"] == "Tsit5"
    with pytest.raises(UsageError, match="1 coordinate names for 2"):
        impact.to_dataset(["P"])


def test_the_dataset_has_units_and_refuses_those_of_something_else(impact):
    dataset = impact.to_dataset(units={"time": "s", "point": "mV"})
    assert dataset["time"].attrs == dataset["end_time"].attrs == {"units": "s"}
    assert dataset["point"].attrs == {"units": "mV"}
    assert dataset["cost"].attrs == {"units": "1"}
    with pytest.raises(UsageError, match="not of speed"):
        impact.to_dataset(units={"speed": "m/s"})


def test_a_trajectory_prints_a_few_lines(impact):
    lines = repr(impact).splitlines()
    assert lines[0] == "Trajectory: 1 flow(s) in Euclidean, 2 coordinate(s) at 18 time(s)"
    assert lines[1] == "  time 0: [0.5 0.7], cost 0.6747"
    assert lines[3].startswith("  stopped; the edge at time 0.16465")
    assert len(lines) == 4


def test_a_trajectory_draws_its_coordinates_its_cost_and_its_path(impact):
    coordinates, cost, path = impact.plot(["P", "q"]).axes
    np.testing.assert_array_equal(coordinates.lines[1].get_ydata(), impact.points[:, 1])
    assert [text.get_text() for text in coordinates.get_legend().get_texts()] == ["P", "q"]
    np.testing.assert_array_equal(cost.lines[0].get_xydata().T, [impact.times, impact.costs])
    np.testing.assert_array_equal(path.lines[0].get_xydata(), impact.points)
    assert (path.get_xlabel(), path.get_ylabel()) == ("P", "q")
    with pytest.raises(UsageError, match="1 coordinate names for 2"):
        impact.plot(["P"])


def test_the_signature_is_one_that_can_be_read():
    assert str(inspect.signature(gradient_flow)).startswith(
        "(cost: Callable[[Any], Any], geometry: AbstractGeometry, start: Numbers, times: Numbers, *"
    )


def test_velocity_is_minus_the_sharp_of_the_differential():
    point = jnp.array([6.0, 1.0])
    for geometry in (Weber(), Constant(A), DualPower(3.0)):
        expected = -geometry.sharp(point, jax.grad(gaussian)(point))
        np.testing.assert_array_equal(velocity(gaussian, geometry, point), expected)


def test_a_flow_that_leaves_its_domain_says_when_where_and_what_to_do():
    with pytest.raises(FlowError, match=r"time 0\.1646\d+, at .*coordinate \d.*stop=") as caught:
        gradient_flow(release, Euclidean(), [0.5, 0.7], 1.0)
    assert "Kvaerno5" in str(caught.value)


def test_a_flow_that_needs_more_steps_than_allowed_says_so():
    with pytest.raises(FlowError, match=r"after 5 solver steps"):
        gradient_flow(gaussian, Weber(), [6.0, 1.0], 50.0, max_steps=5)


def test_a_lane_that_breaks_down_is_named():
    starts = np.array([[0.1, 0.7], [0.5, 0.7]])
    with pytest.raises(FlowError, match=r"from start 1 broke down"):
        gradient_flow(release, Euclidean(), starts, [0.17])


def test_a_metric_that_breaks_at_the_start_is_named():
    with pytest.raises(MetricError, match="not positive definite at"):
        gradient_flow(mountain, MatrixMetric(lambda x: [[1.0, 2.0], [2.0, 1.0]]), [1.0, 1.0], 1.0)


@pytest.mark.parametrize(
    ("cost", "start", "times", "message"),
    [
        (mountain, [1.0, np.nan], 1.0, "start: coordinate 1 is not finite"),
        (mountain, np.ones((2, 2, 2)), 1.0, "one point"),
        (mountain, [1.0, 1j], 1.0, "start: complex numbers"),
        (mountain, np.array([1.0 + 0j, 2.0]), 1.0, "start: complex numbers"),
        (mountain, [1.0, 1.0], [0.5, 1j], "times: complex numbers"),
        (mountain, [1.0, 1.0], [1.0, 0.5], "increasing"),
        (mountain, [1.0, 1.0], [-1.0, 0.5], "not negative"),
        (mountain, [1.0, 1.0], 0.0, "a number after 0"),
        (mountain, [1.0, 1.0], [], "or a list"),
        (lambda x: np.sum(np.asarray(x)), [1.0, 1.0], 1.0, "written with jax.numpy"),
        (lambda x: x, [1.0, 1.0], 1.0, "return a scalar"),
    ],
)
def test_input_that_cannot_be_used_is_refused(cost, start, times, message):
    with pytest.raises(UsageError, match=message):
        gradient_flow(cost, Euclidean(), start, times)


def test_a_start_where_nothing_can_begin_is_refused():
    with pytest.raises(FlowError, match="the cost is nan at the start"):
        gradient_flow(release, Euclidean(), [1.5, 0.7], 1.0)
    with pytest.raises(FlowError, match=r"the stop condition is -0\.5 at the start"):
        gradient_flow(release, Euclidean(), [0.5, 0.7], 1.0, stop=lambda x: x[0] - 1)


def test_inside_jit_the_flow_names_the_kernel_instead():
    with pytest.raises(
        UsageError, match="not inside jit, vmap or grad; transform the metric's sharp"
    ):
        jax.jit(lambda x: gradient_flow(mountain, Euclidean(), x, 1.0).points)(jnp.ones(2))


@pytest.mark.slow
def test_metabolic_cost_slows_the_approach_to_its_maximum():
    flow = gradient_flow(lambda x: -jnp.sum(x), Metabolic(1.0), [0.0], [1.0, 5.0])
    np.testing.assert_allclose(flow.points[:, 0], 1 - np.exp([-1.0, -5.0]), rtol=1e-8)


def test_rates_per_coordinate_are_a_diagonal_metric():
    p = jnp.array([1.0, 1.0])
    flow = gradient_flow(lambda x: jnp.sum(p * x), Diagonal([1.0, 4.0]), [0.0, 0.0], [1.0])
    np.testing.assert_allclose(flow.end, [-1.0, -0.25], rtol=1e-12)
