"""Every public entry point refuses what is no array of real numbers, and labels in another order.

A small table: which function, with which argument in the place of a good one. What is refused is
refused at the door, before anything is computed, so that hundreds of cases cost little.
"""

import inspect

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from steepest.arrays.given import masked, real_numbers, same_axes
from steepest.arrays.numbers import as_coordinates
from steepest.descent import (
    bregman_projection,
    gradient_flow,
    inertial_flow,
    mirror_step,
    riemannian_step,
)
from steepest.errors import DataError, SteepestError, UsageError
from steepest.geometry import (
    Attenuation,
    Box,
    Constant,
    Diagonal,
    DualPower,
    Entropy,
    Euclidean,
    Fermi,
    HyperbolicEntropy,
    Linear,
    Metabolic,
    Model,
    Neighbour,
    PNorm,
    Power,
    Scaling,
    Weber,
    check_homogeneity,
    check_invariance,
    check_metric,
    check_potential,
    exponential_map,
    gaussian_wasserstein_distance,
    geodesic_distance,
    logarithm_map,
    monte_carlo_fisher,
)
from steepest.inference import infer_connectivity, infer_layers, weight_statistics
from steepest.inference.flows import (
    curl_f_test,
    find_closed_orbit,
    find_obstruction,
    fit_parametric,
    fit_trajectories,
    flow_samples,
    linear_flow_metric,
    reconstruct_cost,
    trajectory_samples,
)
from steepest.inference.networks import Panel
from steepest.recurrent import (
    AffineLift,
    BoxCode,
    Inputs,
    OnlineRule,
    RateNetwork,
    learn,
    limit_cycle,
    relative_entropy,
    replay,
    simulate,
)
from steepest.spiking import (
    Afferents,
    AttenuatedTeacher,
    EuclideanRule,
    FixedRateTeacher,
    NeuronFisher,
    PoissonNeuron,
    RealisableTeacher,
    SpikeTrains,
    Task,
    exponential_attenuation,
    first_time_below,
    paper_task,
    sample_usps,
    shot_noise_fisher,
)
from steepest.spiking import simulate as simulate_spiking

POINT = np.array([0.5, 1.5])
TIMES = np.array([0.5, 1.0])
TABLE = np.array([[0.5, 1.5], [1.0, 2.0], [1.5, 0.5], [2.0, 2.5]])
MOMENTS = np.array([0.0, 1.0, 2.0, 3.0])
MATRIX = np.array([[2.0, 1.0], [1.0, 2.0]])
SERIES = np.random.default_rng(0).standard_normal((200, 2)).cumsum(axis=0)
RATES = np.array([10.0, 50.0])
NEURON, RULE = PoissonNeuron(), OnlineRule(RateNetwork(), gamma=10.0, decay_net=10.0)
TASK, START = paper_task(trials=2, n=4)


def bowl(x):
    return jnp.sum(x**2) / 2


def inward(x):
    return -x


def log_density(sample, point):
    return -jnp.sum((sample - point) ** 2) / 2


def raw(kernel):
    """A kernel as users have it, without the run-time type checks of the tests."""
    return inspect.unwrap(kernel)


SAMPLES = flow_samples(TABLE, -TABLE, bowl)

# name: (a good value, the call with a value in its place)
DOORS = {
    "gradient_flow start": (POINT, lambda x: gradient_flow(bowl, Euclidean(), x, TIMES)),
    "gradient_flow times": (TIMES, lambda x: gradient_flow(bowl, Euclidean(), POINT, x)),
    "inertial_flow start": (
        POINT,
        lambda x: inertial_flow(bowl, Euclidean(), x, TIMES, friction=1.0),
    ),
    "inertial_flow momentum": (
        POINT,
        lambda x: inertial_flow(bowl, Euclidean(), POINT, TIMES, friction=1.0, momentum=x),
    ),
    "inertial_flow times": (
        TIMES,
        lambda x: inertial_flow(bowl, Euclidean(), POINT, x, friction=1.0),
    ),
    "bregman_projection inputs": (
        TABLE[:1],
        lambda x: bregman_projection(x, [4.0], POINT, Entropy()),
    ),
    "bregman_projection targets": (
        TIMES[:1],
        lambda x: bregman_projection(TABLE[:1], x, POINT, Entropy()),
    ),
    "bregman_projection start": (
        POINT,
        lambda x: bregman_projection(TABLE[:1], [4.0], x, Entropy()),
    ),
    "riemannian_step point": (POINT, lambda x: raw(riemannian_step)(Weber(), x, POINT, 0.1)),
    "riemannian_step covector": (POINT, lambda x: raw(riemannian_step)(Weber(), POINT, x, 0.1)),
    "mirror_step point": (POINT, lambda x: raw(mirror_step)(Entropy(), x, POINT, 0.1)),
    "mirror_step covector": (POINT, lambda x: raw(mirror_step)(Entropy(), POINT, x, 0.1)),
    "exponential_map": (POINT, lambda x: exponential_map(Weber(), POINT, x)),
    "logarithm_map": (POINT, lambda x: logarithm_map(Weber(), x, POINT * 2)),
    "geodesic_distance": (POINT, lambda x: geodesic_distance(Weber(), POINT * 2, x)),
    "monte_carlo_fisher point": (POINT, lambda x: monte_carlo_fisher(log_density, x, TABLE)),
    "monte_carlo_fisher samples": (TABLE, lambda x: monte_carlo_fisher(log_density, POINT, x)),
    "gaussian distance mean": (
        POINT,
        lambda x: gaussian_wasserstein_distance(x, MATRIX, POINT, MATRIX),
    ),
    "gaussian distance covariance": (
        MATRIX,
        lambda x: gaussian_wasserstein_distance(POINT, x, POINT, MATRIX),
    ),
    "check_metric": (POINT, lambda x: check_metric(Weber(), x)),
    "check_potential": (POINT, lambda x: check_potential(Entropy(), x)),
    "check_invariance": (
        POINT,
        lambda x: check_invariance(lambda model: Weber(), Model(bowl, x), Scaling([2.0, 1.0])),
    ),
    "check_homogeneity": (POINT, lambda x: check_homogeneity(Weber(), x)),
    "Scaling": (POINT, lambda x: Scaling(x)(jnp.asarray(POINT))),
    "Diagonal": (POINT, lambda x: Diagonal(x).flat(jnp.asarray(POINT), jnp.asarray(POINT))),
    "Constant": (MATRIX, Constant),
    "Linear": (MATRIX, Linear),
    "Attenuation": (POINT, lambda x: Attenuation(x)(jnp.asarray(POINT))),
    "Box": (POINT, lambda x: Box(lower=x).check(POINT + 1, "a point")),
    "Power": (np.float64(1.0), Power),
    "PNorm": (np.float64(3.0), PNorm),
    "DualPower": (np.float64(3.0), DualPower),
    "Fermi": (POINT, lambda x: Fermi(x).to_dual(jnp.asarray(POINT / 3))),
    "HyperbolicEntropy": (POINT, lambda x: HyperbolicEntropy(x).to_dual(jnp.asarray(POINT))),
    "Neighbour": (POINT, lambda x: Neighbour(x, length=5.0)),
    "a point outside jit": (POINT, lambda x: Weber().check(x)),
    "flow_samples positions": (TABLE, lambda x: flow_samples(x, -TABLE, bowl)),
    "flow_samples velocities": (TABLE, lambda x: flow_samples(TABLE, x, bowl)),
    "trajectory_samples times": (MOMENTS, lambda x: trajectory_samples(x, TABLE, bowl)),
    "trajectory_samples points": (TABLE, lambda x: trajectory_samples(MOMENTS, x, bowl)),
    "find_obstruction points": (TABLE, lambda x: find_obstruction(inward, cost=bowl, points=x)),
    "find_obstruction minimum": (
        np.zeros(2),
        lambda x: find_obstruction(inward, minimum=x),
    ),
    "find_closed_orbit": (POINT, lambda x: find_closed_orbit(inward, x, 1.0)),
    "reconstruct_cost origin": (POINT, lambda x: reconstruct_cost(inward, Euclidean(), x, TABLE)),
    "reconstruct_cost points": (TABLE, lambda x: reconstruct_cost(inward, Euclidean(), POINT, x)),
    "curl_f_test positions": (
        SERIES,
        lambda x: curl_f_test(x, -SERIES, Euclidean(), degree=2),
    ),
    "curl_f_test velocities": (
        SERIES,
        lambda x: curl_f_test(SERIES, x, Euclidean(), degree=2),
    ),
    "fit_trajectories times": (MOMENTS, lambda x: fit_trajectories(x, TABLE[None], bowl)),
    "fit_trajectories points": (TABLE[None], lambda x: fit_trajectories(MOMENTS, x, bowl)),
    "fit_parametric": (POINT, lambda x: fit_parametric(SAMPLES, Diagonal, x)),
    "linear_flow_metric": (MATRIX, linear_flow_metric),
    "infer_connectivity": (SERIES, lambda x: infer_connectivity(x, 0.1, draws=40)),
    "weight_statistics before": (TABLE, lambda x: weight_statistics(x, TABLE + 1, Power(1))),
    "weight_statistics after": (TABLE + 1, lambda x: weight_statistics(TABLE, x, Power(1))),
    "infer_layers": (TABLE, lambda x: infer_layers({"w": x}, {"w": TABLE})),
    "Panel": (TABLE, lambda x: Panel.of(x, TABLE + 1)),
    "Inputs.cycle": (TABLE, lambda x: Inputs.cycle(x, period=1.0)),
    "Inputs.sampled": (TABLE, lambda x: Inputs.sampled(x, 0.1)),
    "Inputs.sampled xi": (TABLE, lambda x: Inputs.sampled(TABLE, 0.1, np.asanyarray(x))),
    "Inputs.ergodic": (POINT, lambda x: Inputs.ergodic(inward, x, 0.1, 3)),
    "limit_cycle": (POINT, lambda x: limit_cycle(inward, x, 3, transient=1.0, longest=1.0)),
    "recurrent simulate": (POINT, lambda x: simulate(RateNetwork(), MATRIX, x, 0.1, 2)),
    "replay": (POINT, lambda x: replay(RateNetwork(), MATRIX, x, 0.1, 2)),
    "learn": (SERIES, lambda x: learn(RULE, x, 0.01, rate=1e-3)),
    "AffineLift.encode": (TABLE, AffineLift.random(2, 3, seed=0).encode),
    "BoxCode.over": (TABLE, lambda x: BoxCode.over(x, 2)),
    "RelativeEntropy.flow": (
        TIMES,
        lambda x: relative_entropy(Inputs.sampled(SERIES, 0.1), RateNetwork()).flow(x),
    ),
    "spiking simulate": (
        START,
        lambda x: simulate_spiking(TASK, EuclideanRule(), x, rate=1e-5, duration=0.01, seed=0),
    ),
    "SpikeTrains": (TIMES, lambda x: SpikeTrains([x], duration=2.0)),
    "RealisableTeacher": (POINT, RealisableTeacher),
    "AttenuatedTeacher": (POINT / 2, lambda x: AttenuatedTeacher(FixedRateTeacher(20.0), x)),
    "test USPs": (
        TABLE,
        lambda x: Task(NEURON, Afferents.steady(RATES), FixedRateTeacher(20.0), x),
    ),
    "Afferents.steady": (RATES, Afferents.steady),
    "exponential_attenuation": (POINT, exponential_attenuation),
    "sample_usps": (RATES, lambda x: sample_usps(NEURON.kernel, x, samples=2)),
    "shot_noise_fisher": (POINT, lambda x: shot_noise_fisher(NEURON, RATES, x, samples=20)),
    "NeuronFisher": (RATES, lambda x: NeuronFisher(NEURON, x)),
    "first_time_below": (MOMENTS, lambda x: first_time_below(x, 1 / (1 + MOMENTS), 0.3)),
}

BAD = {
    "masked": lambda x: np.ma.masked_array(x, mask=np.arange(np.size(x)).reshape(np.shape(x)) == 0),
    "complex": lambda x: x + 0j,
    "boolean": lambda x: x > 0,
    "text": lambda x: np.asarray(x).astype(str).tolist(),
    "a date": lambda x: np.asarray(x).astype("M8[s]"),
    "nothing": lambda x: np.where(np.asarray(x) > 0, None, None),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("door", DOORS)
def test_what_is_no_real_number_is_refused(door, bad):
    good, call = DOORS[door]
    with pytest.raises(SteepestError):
        call(BAD[bad](good))


@pytest.mark.parametrize("door", [door for door, (good, _) in DOORS.items() if np.ndim(good)])
def test_nothing_at_all_is_refused_or_leads_to_nothing(door):
    good, call = DOORS[door]
    try:
        call(good[:0])
    except SteepestError:
        return
    assert door in {"SpikeTrains", "infer_layers", "Attenuation", "RelativeEntropy.flow"}


@pytest.mark.slow
@pytest.mark.parametrize("door", DOORS)
def test_the_good_value_is_taken(door):
    good, call = DOORS[door]
    if door in {"limit_cycle", "infer_layers"}:
        return  # these need more than a few numbers, and say so
    call(good)


PERMUTED = {
    "bregman_projection": lambda a, b: bregman_projection(a, [4.0], b, Entropy()),
    "flow_samples": lambda a, b: flow_samples(a, b, bowl),
    "curl_f_test": lambda a, b: curl_f_test(a, b, Euclidean(), degree=1),
    "weight_statistics": lambda a, b: weight_statistics(a, b, Power(1)),
    "infer_layers": lambda a, b: infer_layers({"w": a}, {"w": b}),
}


@pytest.mark.parametrize("door", PERMUTED)
def test_tables_of_coordinates_in_another_order_are_refused(door):
    table = pd.DataFrame(TABLE, columns=["x", "y"])
    other = table[["y", "x"]]
    if door == "bregman_projection":
        table, other = table[:1], pd.Series(POINT, index=["y", "x"])
    with pytest.raises(DataError, match=r"in another order \(x, y and y, x\): align them"):
        PERMUTED[door](table, other)


@pytest.mark.parametrize("door", ["flow_samples", "curl_f_test", "weight_statistics"])
def test_rows_in_another_order_and_permuted_dimensions_are_refused(door):
    table = pd.DataFrame(TABLE)
    with pytest.raises(DataError, match="differ, so one place may hold two"):
        PERMUTED[door](table, table[::-1])
    square = xr.DataArray(MATRIX, dims=("sample", "coordinate"))
    with pytest.raises(DataError, match="transpose one of them"):
        PERMUTED[door](square, square.T)


@pytest.mark.parametrize(
    "call",
    [
        lambda a, b: inertial_flow(bowl, Euclidean(), a, TIMES, friction=1.0, momentum=b),
        lambda a, b: exponential_map(Weber(), a, b),
        lambda a, b: geodesic_distance(Weber(), a, b),
        lambda a, b: raw(riemannian_step)(Weber(), a, b, 0.1),
        lambda a, b: raw(mirror_step)(Entropy(), a, b, 0.1),
        lambda a, b: gaussian_wasserstein_distance(a, MATRIX, b, MATRIX),
    ],
)
def test_a_vector_in_another_order_than_its_point_is_refused(call):
    with pytest.raises(DataError, match="in another order"):
        call(pd.Series(POINT, index=["x", "y"]), pd.Series(POINT, index=["y", "x"]))


def test_names_of_their_own_and_equal_names_are_well():
    point, vector = (pd.Series(POINT, index=names) for names in (["x", "y"], ["vx", "vy"]))
    same_axes({"point": (point, 0), "vector": (vector, 0)})
    same_axes({"point": (point, 0), "covector": (point * 2, 0), "rate": (0.1, 0)})
    array = xr.DataArray(MATRIX, dims=("a", "b"), coords={"b": ["x", "y"]})
    same_axes({"matrix": (array, 1), "point": (point, 0)})
    with pytest.raises(DataError, match="matrix and point name their coordinates"):
        same_axes({"matrix": (array, 1), "point": (point[::-1], 0)})


def test_numbers_of_every_floating_kind_are_taken():
    import ml_dtypes

    assert real_numbers(np.ones(2, ml_dtypes.bfloat16), "x").tolist() == [1.0, 1.0]
    assert real_numbers(pd.array([1.0, None]), "x").tolist()[0] == 1.0
    assert real_numbers(np.ma.masked_array([1.0]), "x").tolist() == [1.0]
    assert as_coordinates(jnp.ones(2, jnp.float32), "x").dtype == jnp.float32
    with pytest.raises(UsageError, match="not a rectangular array"):
        real_numbers([[1.0], [1.0, 2.0]], "x")
    with pytest.raises(UsageError, match="complex numbers cannot be used"):
        as_coordinates(jnp.ones(2, jnp.complex128), "x")


def test_masked_entries_of_lists_are_seen():
    column = np.ma.masked_array([1.0, 2.0], mask=[False, True])
    assert masked(list(column)).tolist() == [False, True]
    assert masked([np.ones(2), column]).tolist() == [False, True]
    assert not masked([1.0, 2.0]).any()
    assert masked(np.ma.masked).tolist() == [True]


@pytest.mark.parametrize("geometry", [Fermi, HyperbolicEntropy])
def test_one_number_in_an_array_is_no_default_for_all_coordinates(geometry):
    with pytest.raises(UsageError, match=r"of shape \(1,\) for coordinates of shape \(2,\)"):
        geometry([3.0]).to_dual(jnp.asarray(POINT))
    with pytest.raises(UsageError, match=r"Scaling: factors of shape \(1,\)"):
        Scaling([1000.0])(jnp.asarray(POINT))
    with pytest.raises(UsageError, match="Metabolic: maximum"):
        Metabolic(1.0, [2.0]).flat(jnp.asarray(POINT), jnp.asarray(POINT))
