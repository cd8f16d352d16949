"""Both optimizers take the step of `mirror_step`, with momentum in the dual and schedules."""

import functools
import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from steepest.descent import mirror_step
from steepest.errors import DomainError, UsageError
from steepest.geometry import Entropy, Fermi, HyperbolicEntropy, Logit, PNorm, Power
from steepest.optimizers import mirror_descent
from steepest.optimizers.optax_step import expm1
from tests.optimizers.conftest import BACKENDS as WITH_TORCH
from tests.optimizers.conftest import of_torch

try:
    import torch

    from steepest.optimizers import MirrorDescent
except ImportError:
    torch = MirrorDescent = None

BACKENDS = [*WITH_TORCH, of_torch("torch_foreach")]
POTENTIALS = {
    "1.1-norm": PNorm(1.1),
    "1.5-norm": PNorm(1.5),
    "2-norm": PNorm(2),
    "3-norm": PNorm(3),
    "power_-1": Power(-1),
    "power_0": Power(0),
    "power_0.5": Power(0.5),
    "entropy": Entropy(),
    "power_1": Power(1),
    "power_1.5": Power(1.5),
    "burg": Power(2),
    "hyperbolic": HyperbolicEntropy(0.3),
    "fermi": Fermi(2.0),
    "logit": Logit(2.0),
}
# Each class once in every run, and both edges of the family of powers.
EVERY_TIME = ("3-norm", "entropy", "burg", "hyperbolic", "logit")
EVERY_POTENTIAL = [
    pytest.param(name, marks=() if name in EVERY_TIME else pytest.mark.slow) for name in POTENTIALS
]
# Of the dictionary that the laws run over, those that weigh each weight alone.
OTHERS = (
    *[f"power_{a:g}" for a in (-2, -1, -0.5, 0, 0.5, 0.9, 1, 1.1, 1.5, 2, 3)],
    *[f"{p:g}_norm" for p in (1.1, 1.5, 2, 3)],
    *("entropy", "hyperbolic", "fermi", "logit"),
)
TWO_SIDED = ("1.1-norm", "1.5-norm", "2-norm", "3-norm", "power_-1", "hyperbolic", "fermi")
STEPS, RATE, MOMENTUM = 7, 0.01, 0.9
SHAPES = {"first": (5, 4), "second": (4,), "third": ()}


def start(signed, seed=0):
    random = np.random.default_rng(seed)
    weights = {name: random.uniform(0.2, 1.0, shape) for name, shape in SHAPES.items()}
    if signed:
        weights = {k: w * random.choice([-1, 1], w.shape) for k, w in weights.items()}
    return weights


def gradients(seed=1):
    random = np.random.default_rng(seed)
    return [{k: random.standard_normal(s) for k, s in SHAPES.items()} for _ in range(STEPS)]


def oracle(potential, weights, steps, rates, signs=None):
    """Momentum of raw gradients, then `mirror_step`, one parameter at a time."""
    own = {k: potential if signs is None else potential(np.sign(w)) for k, w in weights.items()}

    @jax.jit
    def step(weights, moving, rate):
        return {k: mirror_step(own[k], w, moving[k], rate) for k, w in weights.items()}

    weights = {k: jnp.asarray(w) for k, w in weights.items()}
    moving = {k: np.zeros(w.shape) for k, w in weights.items()}
    for covectors, rate in zip(steps, rates, strict=True):
        moving = {k: MOMENTUM * moving[k] + covectors[k] for k in moving}
        weights = step(weights, moving, rate)
    return {k: np.asarray(w) for k, w in weights.items()}


@functools.cache
def expected_of(name, signed):
    """Where a potential takes the weights at the constant rate: asked for by every backend."""
    return oracle(POTENTIALS[name], start(signed), gradients(), [RATE] * STEPS)


@functools.cache
def expected_of_frozen(make):
    return oracle(make, start(signed=True), gradients(), [RATE] * STEPS, signs="own")


@functools.cache
def expected_of_schedule(name):
    schedule = optax.cosine_decay_schedule(RATE, STEPS)
    with jax.numpy_dtype_promotion("standard"):
        rates = [float(schedule(n)) for n in range(STEPS)]
    return oracle(POTENTIALS[name], start(signed=False), gradients(), rates)


@functools.cache
def expected_of_negative():
    weights = {k: -w for k, w in start(signed=False).items()}
    return oracle(Entropy(-1), weights, gradients(), [RATE] * STEPS)


def learn(backend, potential, weights, steps, rate=RATE, **options):
    """The weights after all steps, as the backend's optimizer moves them (float64)."""
    if backend == "optax":
        tree = {k: jnp.asarray(w) for k, w in weights.items()}
        mirror = mirror_descent(rate, potential, momentum=MOMENTUM, **options)
        state = mirror.init(tree)
        update = jax.jit(mirror.update)
        for covectors in steps:
            change, state = update({k: jnp.asarray(g) for k, g in covectors.items()}, state, tree)
            tree = optax.apply_updates(tree, change)
        return {k: np.asarray(w) for k, w in tree.items()}
    named = {k: torch.nn.Parameter(torch.tensor(w)) for k, w in weights.items()}
    first = rate(0) if callable(rate) else rate
    mirror = MirrorDescent(
        named.items(),
        float(first),
        potential,
        MOMENTUM,
        foreach=backend == "torch_foreach",
        **options,
    )
    factor = (lambda n: float(rate(n)) / float(first)) if callable(rate) else (lambda n: 1.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(mirror, factor)
    for covectors in steps:
        for k, weight in named.items():
            weight.grad = torch.tensor(covectors[k])
        mirror.step()
        schedule.step()
    return {k: w.detach().numpy() for k, w in named.items()}


def assert_same(found, expected, rtol=1e-12):
    for k in expected:
        np.testing.assert_allclose(found[k], expected[k], rtol=rtol, atol=1e-14, err_msg=k)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", EVERY_POTENTIAL)
def test_the_weights_are_those_of_mirror_step(backend, name):
    weights, steps = start(signed=name in TWO_SIDED), gradients()
    expected = expected_of(name, name in TWO_SIDED)
    assert min(np.abs(expected[k] - weights[k]).min() for k in weights) > 1e-5
    assert_same(learn(backend, POTENTIALS[name], weights, steps), expected, rtol=2e-12)


def in_the_laws():
    """The dictionary of constructors that the laws run over."""
    path = Path(__file__).resolve().parents[1] / "geometry" / "constructors.py"
    spec = importlib.util.spec_from_file_location("constructors_of_geometries", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.POTENTIALS


@pytest.mark.parametrize("backend", BACKENDS[:2])
@pytest.mark.parametrize(
    "name",
    ["coupled", "coupled_entropy", *[pytest.param(k, marks=pytest.mark.slow) for k in OTHERS]],
)
def test_one_step_of_every_potential_of_the_laws_is_that_of_mirror_step(backend, name):
    laws = in_the_laws()
    assert {"coupled", "coupled_entropy", *OTHERS} == set(laws)
    potential, weights = laws[name](), np.array([0.5, 0.7])
    covector = np.array([0.3, -0.8])
    moved = learn(backend, potential, {"w": weights}, [{"w": covector}])["w"]
    np.testing.assert_allclose(moved, mirror_step(potential, weights, covector, RATE), rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "make",
    [
        Entropy,
        pytest.param(lambda s=1: Power(1, s), marks=pytest.mark.slow),
        pytest.param(lambda s=1: Power(1.5, s), marks=pytest.mark.slow),
        lambda s=1: Power(2, s),
    ],
)
def test_frozen_signs_are_those_of_the_weights(backend, make):
    weights, steps = start(signed=True), gradients()
    expected = expected_of_frozen(make)
    found = learn(backend, make(), weights, steps, freeze_signs=True)
    assert_same(found, expected)
    for k in weights:
        np.testing.assert_array_equal(np.sign(found[k]), np.sign(weights[k]))


@pytest.mark.parametrize("backend", BACKENDS)
def test_negative_weights_have_a_potential_of_negative_sign(backend):
    weights = {k: -w for k, w in start(signed=False).items()}
    steps = gradients()
    assert_same(learn(backend, Entropy(-1), weights, steps), expected_of_negative())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "name",
    ["entropy", *(pytest.param(name, marks=pytest.mark.slow) for name in ("2-norm", "3-norm"))],
)
def test_schedules_set_the_rate_of_each_step(backend, name):
    schedule = optax.cosine_decay_schedule(RATE, STEPS)
    weights, steps = start(signed=False), gradients()
    expected = expected_of_schedule(name)
    with jax.numpy_dtype_promotion("standard"):  # optax's schedules multiply an int by a float
        found = learn(backend, POTENTIALS[name], weights, steps, rate=schedule)
    assert_same(found, expected, 1e-6)


@pytest.mark.parametrize("name", EVERY_POTENTIAL)
def test_a_point_in_single_precision_stays_in_it(name):
    weights = {k: jnp.asarray(w, jnp.float32) for k, w in start(signed=False).items()}
    mirror = mirror_descent(RATE, POTENTIALS[name], momentum=MOMENTUM)
    # Types are settled in tracing: nothing need be compiled.
    change, state = jax.eval_shape(mirror.update, weights, mirror.init(weights), weights)
    kinds = {leaf.dtype for leaf in jax.tree_util.tree_leaves((change, state.momentum))}
    assert kinds == {jnp.dtype("float32")}


def test_two_norm_in_optax_is_sgd():
    weights = {k: jnp.asarray(w, jnp.float32) for k, w in start(signed=True).items()}
    ours, theirs = mirror_descent(RATE, PNorm(2), momentum=MOMENTUM), optax.sgd(RATE, MOMENTUM)
    state, their_state, their_weights = ours.init(weights), theirs.init(weights), weights
    our_update, their_update = jax.jit(ours.update), jax.jit(theirs.update)
    for covectors in gradients():
        covector = {k: jnp.asarray(g, jnp.float32) for k, g in covectors.items()}
        change, state = our_update(covector, state, weights)
        weights = optax.apply_updates(weights, change)
        change, their_state = their_update(covector, their_state, their_weights)
        their_weights = optax.apply_updates(their_weights, change)
    assert_same(weights, their_weights, rtol=3e-7)


def test_the_exponential_of_single_precision_steps_is_exact_to_rounding():
    sizes = np.geomspace(1e-30, 20, 4001)
    x = np.concatenate([-sizes, sizes, [0.0, 2**-5, -(2**-5)]]).astype(np.float32)
    exact = np.expm1(x.astype(np.float64))
    found = np.asarray(expm1(jnp.asarray(x)), np.float64)
    assert np.abs(found - exact).max(where=exact != 0, initial=0) > 0
    np.testing.assert_allclose(found, exact, rtol=4e-6)
    assert (np.abs(found - exact) / np.maximum(1, np.exp(x.astype(float)))).max() < 3e-7
    np.testing.assert_allclose(expm1(jnp.asarray([1e-9, 0.3])), np.expm1([1e-9, 0.3]), rtol=1e-15)


def test_clipping_and_groups_compose_in_optax():
    weights = {k: jnp.asarray(w) for k, w in start(signed=True).items()}
    covector = {k: jnp.asarray(g) for k, g in gradients()[0].items()}
    groups = {
        "excitatory": mirror_descent(RATE, Entropy(), freeze_signs=True),
        "bias": mirror_descent(RATE, PNorm(2)),
    }
    labels = {"first": "excitatory", "second": "bias", "third": "bias"}
    mirror = optax.chain(optax.clip_by_global_norm(0.1), optax.multi_transform(groups, labels))
    change, _ = mirror.update(covector, mirror.init(weights), weights)
    norm = np.sqrt(sum(np.sum(g**2) for g in map(np.asarray, covector.values())))
    assert norm > 1
    clipped = {k: g * 0.1 / norm for k, g in covector.items()}
    sign = np.sign(weights["first"])
    expected = mirror_step(Entropy(sign), weights["first"], clipped["first"], RATE)
    np.testing.assert_allclose(weights["first"] + change["first"], expected, rtol=1e-12)
    np.testing.assert_allclose(change["second"], -RATE * clipped["second"], rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS[:2])
def test_weights_of_the_wrong_sign_are_refused_by_name_with_the_cure(backend):
    weights = start(signed=True)
    with pytest.raises(DomainError, match=r"first.*outside the domain of Entropy.*PNorm\(2\)") as e:
        learn(backend, Entropy(), weights, [])
    assert "freeze_signs=True" in str(e.value)


@pytest.mark.parametrize("backend", BACKENDS[:2])
def test_a_parameter_of_zeros_that_could_never_move_is_refused_by_name(backend):
    weights = {**start(signed=True), "bias": np.zeros(6)}
    with pytest.raises(DomainError, match=r"bias.*all 6 weights are 0.*HyperbolicEntropy"):
        learn(backend, Entropy(), weights, [], freeze_signs=True)
    learn(backend, PNorm(1.5), weights, [])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "potential",
    [
        Entropy(),
        pytest.param(Power(1), marks=pytest.mark.slow),
        pytest.param(Power(1.5), marks=pytest.mark.slow),
        Power(2),
    ],
)
def test_single_zeros_are_reported_and_stay(backend, potential):
    weights = start(signed=True)
    weights["first"][1, 2] = weights["first"][3, 3] = 0.0
    with pytest.warns(UserWarning, match=r"never move under .*first.* \(2 of 20\)"):
        found = learn(backend, potential, weights, gradients(), freeze_signs=True)
    np.testing.assert_array_equal(found["first"] == 0, weights["first"] == 0)
    assert all(np.isfinite(w).all() for w in found.values())


@pytest.mark.parametrize("backend", BACKENDS[:2])
def test_weights_that_are_not_finite_are_refused(backend):
    weights = start(signed=True)
    weights["second"][1] = np.nan
    with pytest.raises(DomainError, match=r"second.*1 of 4 weights are not finite"):
        learn(backend, PNorm(3), weights, [])


@pytest.mark.parametrize("backend", BACKENDS[:2])
def test_settings_that_cannot_be_used_are_refused(backend):
    with pytest.raises(UsageError, match="-1"):
        learn(backend, PNorm(2), start(signed=True), [], rate=-1.0)


def test_settings_of_optax_alone_are_refused():
    with pytest.raises(UsageError, match=r"momentum is 1\.5"):
        mirror_descent(0.1, PNorm(2), momentum=1.5)
    mirror = mirror_descent(0.1, PNorm(2))
    with pytest.raises(UsageError, match="needs the weights"):
        mirror.update(jnp.ones(3), mirror.init(jnp.ones(3)))


def test_gradients_that_are_not_finite_become_nan_and_can_be_skipped():
    weights, bad = jnp.ones(3), jnp.array([1.0, jnp.nan, 1.0])
    mirror = mirror_descent(0.1, Entropy())
    change, _ = mirror.update(bad, mirror.init(weights), weights)
    np.testing.assert_array_equal(np.isnan(change), [False, True, False])
    safe = optax.apply_if_finite(mirror, 3)
    change, _ = safe.update(bad, safe.init(weights), weights)
    np.testing.assert_array_equal(change, 0.0)


WEIGHTS, COVECTOR = jnp.array([0.5, 0.2]), jnp.array([1.0, -1.0])


def total_after_a_step(rate):
    mirror = mirror_descent(rate, Entropy())
    change, _ = mirror.update(COVECTOR, mirror.init(WEIGHTS), WEIGHTS)
    return jnp.sum(WEIGHTS + change)


def test_a_rate_may_be_traced_by_jit_vmap_and_grad():
    def exact(rate):
        return 0.5 * np.exp(-rate) + 0.2 * np.exp(rate)

    rates = np.array([0.1, 0.3])
    np.testing.assert_allclose(jax.jit(total_after_a_step)(0.1), exact(0.1), rtol=1e-14)
    np.testing.assert_allclose(jax.vmap(total_after_a_step)(rates), exact(rates), rtol=1e-14)
    slope = -0.5 * np.exp(-0.1) + 0.2 * np.exp(0.1)
    np.testing.assert_allclose(jax.grad(total_after_a_step)(0.1), slope, rtol=1e-14)


@pytest.mark.parametrize("static", [(), "potential"])
def test_hyperparameters_may_be_injected(static):
    inject = optax.inject_hyperparams(mirror_descent, static_args=static)
    mirror = inject(0.1, Entropy(), momentum=0.9)
    state = mirror.init(WEIGHTS)
    state.hyperparams["learning_rate"] = jnp.asarray(0.2)
    change, state = jax.jit(mirror.update)(COVECTOR, state, WEIGHTS)
    np.testing.assert_allclose(WEIGHTS + change, [0.5 * np.exp(-0.2), 0.2 * np.exp(0.2)])
    np.testing.assert_array_equal(state.inner_state.momentum, COVECTOR)


def test_parameters_without_a_gradient_stay():
    mirror = mirror_descent(0.1, Entropy(), momentum=0.9)
    weights = {"moving": WEIGHTS, "still": WEIGHTS, "absent": None}
    gradient = {"moving": COVECTOR, "still": None, "absent": None}
    state = mirror.init(weights)
    change, after = jax.jit(mirror.update)(gradient, state, weights)
    assert change["still"] is change["absent"] is None
    assert jax.tree_util.tree_structure(after) == jax.tree_util.tree_structure(state)
    np.testing.assert_array_equal(after.momentum["still"], 0.0)
    assert (np.abs(change["moving"]) > 0.01).all()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_weights_are_moved_in_single_precision_and_rounded(dtype):
    weights, covector = WEIGHTS.astype(dtype), COVECTOR.astype(dtype)
    mirror = mirror_descent(0.1, Entropy(), momentum=0.9)
    change, state = jax.jit(mirror.update)(covector, mirror.init(weights), weights)
    assert change.dtype == state.momentum.dtype == dtype
    expected = weights.astype(float) * np.expm1(-0.1 * np.array([1.0, -1.0]))
    np.testing.assert_allclose(change.astype(float), expected, rtol=float(jnp.finfo(dtype).eps))


def test_complex_weights_and_gradients_are_refused():
    mirror = mirror_descent(0.1, PNorm(3))
    with pytest.raises(UsageError, match=r"\['w'\] is complex.*real and imaginary"):
        mirror.init({"w": jnp.ones(2, complex)})
    with pytest.raises(UsageError, match="is complex"):
        mirror.update(jnp.ones(2, complex), mirror.init(jnp.ones(2)), jnp.ones(2))


@pytest.mark.parametrize(
    ("rate", "potential", "message"),
    [
        (float("nan"), PNorm(2), "learning_rate is nan, which is not finite"),
        (jnp.array([0.1, 0.2]), PNorm(2), "learning_rate has 2 numbers"),
        (0.1, "entropy", r"potential is 'entropy'; give one of steepest\.geometry"),
    ],
)
def test_settings_are_checked_where_they_are_given(rate, potential, message):
    with pytest.raises(UsageError, match=message):
        mirror_descent(rate, potential)
