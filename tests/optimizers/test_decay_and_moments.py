"""Momentum, Adam's moments, decay and bounded steps: the oracles, and torch and optax as one."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from steepest.errors import UsageError
from steepest.geometry import (
    Entropy,
    Fermi,
    HyperbolicEntropy,
    Logit,
    PNorm,
    Power,
)
from steepest.optimizers import adaptive_mirror_descent, mirror_descent

try:
    import torch

    from steepest.optimizers import AdaptiveMirrorDescent, MirrorDescent
except ImportError:
    torch = MirrorDescent = AdaptiveMirrorDescent = None

needs_torch = pytest.mark.skipif(torch is None, reason="torch, an extra, is not installed")
RANDOM = np.random.default_rng(0)
WEIGHTS = RANDOM.uniform(0.2, 1, 6) * np.array([1, -1, 1, 1, -1, -1])
SIGNS = np.sign(WEIGHTS)
GRADIENTS = RANDOM.standard_normal((40, 6))
RATE = 0.01


def by_optax(optimizer, weights=WEIGHTS, gradients=GRADIENTS):
    weights = jnp.asarray(weights)

    @jax.jit
    def walk(weights, gradients):
        def step(carry, gradient):
            weights, state = carry
            changes, state = optimizer.update(gradient, state, weights)
            return (optax.apply_updates(weights, changes), state), None

        return jax.lax.scan(step, (weights, optimizer.init(weights)), gradients)[0]

    with jax.numpy_dtype_promotion("standard"):  # optax's Adam adds an int to a float
        weights, state = walk(weights, jnp.asarray(gradients))
    return np.asarray(weights), state


def by_torch(make, weights=WEIGHTS, gradients=GRADIENTS):
    parameters = [torch.nn.Parameter(torch.tensor(weights)) for _ in range(2)]
    optimizer = make(parameters)
    for gradient in gradients:
        for parameter in parameters:
            parameter.grad = torch.tensor(gradient)
        optimizer.step()
    return parameters[1].detach().numpy(), optimizer


def assert_close(weights, expected, rtol=1e-12):
    np.testing.assert_allclose(weights, expected, rtol=rtol)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adaptive_2_norm_is_adamw(decay):
    ours, _ = by_optax(adaptive_mirror_descent(RATE, PNorm(2), weight_decay=decay))
    assert_close(ours, by_optax(optax.adamw(RATE, weight_decay=decay))[0])


@needs_torch
@pytest.mark.parametrize(
    ("decay", "foreach"),
    [
        (0.1, True),
        *(
            pytest.param(*c, marks=pytest.mark.slow)
            for c in ((0.0, False), (0.0, True), (0.1, False))
        ),
    ],
)
def test_adaptive_2_norm_is_torchs_adamw(decay, foreach):
    ours, _ = by_torch(
        lambda p: AdaptiveMirrorDescent(p, RATE, weight_decay=decay, foreach=foreach)
    )
    assert_close(ours, by_torch(lambda p: torch.optim.AdamW(p, RATE, weight_decay=decay))[0])


def test_nesterov_and_decay_of_the_gradient_are_those_of_sgd():
    settings = {"weight_decay": 0.1, "decay": "gradient"}
    ours = mirror_descent(RATE, PNorm(2), momentum=0.9, nesterov=True, **settings)
    theirs = optax.chain(optax.add_decayed_weights(0.1), optax.sgd(RATE, 0.9, nesterov=True))
    assert_close(by_optax(ours)[0], by_optax(theirs)[0])


@needs_torch
@pytest.mark.parametrize("foreach", [False, True])
def test_nesterov_and_decay_of_the_gradient_are_those_of_torchs_sgd(foreach):
    settings = {"weight_decay": 0.1, "nesterov": True, "foreach": foreach}
    ours, _ = by_torch(lambda p: MirrorDescent(p, RATE, momentum=0.9, decay="gradient", **settings))
    theirs, _ = by_torch(lambda p: torch.optim.SGD(p, RATE, momentum=0.9, **settings))
    assert_close(ours, theirs)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adaptive_entropy_is_adam_on_log_sizes_fed_the_covector(decay):
    ours, _ = by_optax(
        adaptive_mirror_descent(RATE, Entropy(), weight_decay=decay, freeze_signs=True)
    )
    log_sizes, _ = by_optax(optax.adam(RATE), np.log(np.abs(WEIGHTS)), GRADIENTS * SIGNS)
    shrunk = len(GRADIENTS) * np.log1p(-RATE * decay)
    assert_close(ours, SIGNS * np.exp(log_sizes + shrunk))


def test_hyperbolic_entropy_of_a_wide_scale_is_adam():
    ours, _ = by_optax(adaptive_mirror_descent(RATE / 1e5, HyperbolicEntropy(1e5)))
    np.testing.assert_allclose(ours, by_optax(optax.adam(RATE))[0], atol=3e-11)


def test_hyperbolic_entropy_is_a_pair_of_multiplicative_weights():
    ours, _ = by_optax(adaptive_mirror_descent(RATE, HyperbolicEntropy(0.3)))
    long = np.hypot(WEIGHTS, 0.3)
    up, _ = by_optax(adaptive_mirror_descent(RATE, Entropy()), (long + WEIGHTS) / 2)
    down, _ = by_optax(adaptive_mirror_descent(RATE, Entropy()), (long - WEIGHTS) / 2, -GRADIENTS)
    np.testing.assert_allclose(ours, up - down, rtol=0, atol=2e-15)
    assert_close(up * down, 0.3**2 / 4)


@pytest.mark.parametrize("decay", ["weights", "dual"])
@pytest.mark.parametrize(
    "name", ["3-norm", pytest.param("1.5-norm", marks=pytest.mark.slow), "entropy"]
)
def test_decay_of_weights_and_of_duals_are_what_their_names_say(name, decay):
    potential = {"3-norm": PNorm(3), "1.5-norm": PNorm(1.5), "entropy": Entropy(SIGNS)}[name]
    reference = 0.5 if name == "entropy" and decay == "dual" else None
    ours, _ = by_optax(
        mirror_descent(RATE, potential, weight_decay=0.3, decay=decay, reference=reference)
    )

    @jax.jit
    def step(weights, gradient):
        if decay == "weights":
            weights = weights * (1 - RATE * 0.3)
        dual = potential.to_dual(weights)
        if decay == "dual":
            goal = potential.to_dual(0.5 * SIGNS) if reference else 0.0
            dual = dual - RATE * 0.3 * (dual - goal)
        return potential.to_primal(dual - RATE * gradient)

    assert_close(ours, functools.reduce(step, GRADIENTS, jnp.asarray(WEIGHTS)))


POTENTIALS = {
    "2-norm": PNorm(2),
    "3-norm": PNorm(3),
    "1.5-norm": PNorm(1.5),
    "entropy": Entropy(),
    "burg": Power(2),
    "hyperbolic": HyperbolicEntropy(0.3),
    "fermi": Fermi(2.0),
    "logit": Logit(3.0),
}
SETTINGS = {
    "weights": {"weight_decay": 0.3},
    "gradient": {"weight_decay": 0.3, "decay": "gradient"},
    "dual": {"weight_decay": 0.3, "decay": "dual", "reference": 0.5},
    "bounded": {"max_step": 0.002, "weight_decay": 0.2},
}


@needs_torch
@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize(
    ("name", "setting"),
    [
        pytest.param(name, setting, marks=() if i % len(SETTINGS) == j else pytest.mark.slow)
        for i, name in enumerate(POTENTIALS)
        for j, setting in enumerate(SETTINGS)
    ],
)
def test_torch_and_optax_agree(name, setting, adaptive):
    potential, weights = POTENTIALS[name], np.abs(WEIGHTS) if name == "logit" else WEIGHTS
    settings = {"freeze_signs": True, **SETTINGS[setting]}
    if not adaptive:
        settings |= {"momentum": 0.9, "nesterov": True}
    ours, theirs = (
        (AdaptiveMirrorDescent, adaptive_mirror_descent)
        if adaptive
        else (MirrorDescent, mirror_descent)
    )
    one, _ = by_torch(lambda p: ours(p, 0.004, potential, **settings), weights)
    other, _ = by_optax(theirs(0.004, potential, **settings), weights)
    assert np.abs(one - weights).max() > 1e-3
    assert_close(one, other)


@pytest.mark.parametrize("backend", ["optax", pytest.param("torch", marks=needs_torch)])
def test_steps_that_are_too_long_are_cut_and_counted(backend):
    settings = {"max_step": 0.05, "freeze_signs": True}
    if backend == "optax":
        weights, state = by_optax(mirror_descent(0.1, Entropy(), **settings))
        bounded = int(state.bounded)
    else:
        weights, optimizer = by_torch(lambda p: MirrorDescent(p, 0.1, Entropy(), **settings))
        bounded = int(next(iter(optimizer.state.values()))["bounded"])
    steps = np.clip(0.1 * GRADIENTS, -0.05, 0.05)
    assert_close(weights, WEIGHTS * np.exp(-SIGNS * steps.sum(0)))
    assert bounded == (np.abs(0.1 * GRADIENTS) > 0.05).sum()


@pytest.mark.parametrize("backend", ["optax", pytest.param("torch", marks=needs_torch)])
@pytest.mark.parametrize(
    ("potential", "out", "dual"),
    [
        (Fermi(2.0), 40.0, np.arctanh(1 - 1e-9)),
        (Fermi(2.0), -40.0, -np.arctanh(1 - 1e-9)),
        (Logit(2.0), 60.0, -np.log(1e-9)),
        (Entropy(), -745.0, -745.0 - 1e-9),
    ],
)
def test_a_weight_far_out_decays_though_its_float_cannot(backend, potential, out, dual):
    """A billionth of it, which near a bound is most of the way back."""
    first = float(potential.to_dual(np.array([0.5]))[0]) - out
    if backend == "optax":
        weights = jnp.array([0.5])
        changes, state = mirror_descent(1.0, potential).update(
            jnp.array([first]), mirror_descent(1.0, potential).init(weights), weights
        )
        mirror = mirror_descent(1.0, potential, weight_decay=1e-9)
        _, state = jax.jit(mirror.update)(jnp.zeros(1), state, weights + changes)
        reached = float(state.kept[0])
    else:
        parameter = torch.nn.Parameter(torch.tensor([0.5], dtype=torch.float64))
        optimizer = MirrorDescent([parameter], 1.0, potential)
        for decay, gradient in ((0.0, first), (1e-9, 0.0)):
            optimizer.param_groups[0]["weight_decay"] = decay
            parameter.grad = torch.tensor([gradient], dtype=torch.float64)
            optimizer.step()
        reached = float(optimizer.state[parameter]["dual"][0])
    assert reached == pytest.approx(dual, rel=1e-8)


@pytest.mark.parametrize("backend", ["optax", pytest.param("torch", marks=needs_torch)])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weight_decay": -1.0}, "weight_decay is -1"),
        ({"weight_decay": float("inf")}, "weight_decay is inf"),
        ({"decay": "l2"}, "decay is 'l2'; give one of 'weights', 'gradient', 'dual'"),
        ({"nesterov": True}, "give momentum, too"),
        ({"weight_decay": 0.1, "decay": "dual"}, "does not go to 0.*reference="),
        ({"reference": 1.0}, 'a reference is where decay="dual" goes'),
        ({"max_step": 0.0}, "max_step is 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(backend, settings, message):
    if backend == "optax":
        make = functools.partial(mirror_descent, 0.1, Entropy())
    else:
        make = functools.partial(MirrorDescent, [torch.nn.Parameter(torch.ones(2))], 0.1, Entropy())
    with pytest.raises(UsageError, match=message):
        make(**settings)


@pytest.mark.parametrize(
    ("betas", "message"), [((1.0, 0.9), "the first of betas is 1"), ((0.9, -1.0), "the second")]
)
def test_moments_that_make_no_sense_are_refused(betas, message):
    with pytest.raises(UsageError, match=message):
        adaptive_mirror_descent(0.1, Entropy(), b1=betas[0], b2=betas[1])


@needs_torch
def test_a_step_that_takes_all_of_every_weight_is_refused():
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = MirrorDescent([parameter], 2.0, Entropy(), weight_decay=0.5)
    parameter.grad = torch.zeros(2)
    with pytest.raises(UsageError, match="100% of every weight"):
        optimizer.step()


@needs_torch
def test_adaptive_training_is_saved_and_goes_on(tmp_path):
    def build():
        parameter = torch.nn.Parameter(torch.tensor(WEIGHTS))
        return parameter, AdaptiveMirrorDescent(
            [parameter], RATE, Entropy(), weight_decay=0.1, max_step=0.01, freeze_signs=True
        )

    def train(parameter, optimizer, gradients):
        for gradient in gradients:
            parameter.grad = torch.tensor(gradient)
            optimizer.step()

    straight, whole = build()
    train(straight, whole, GRADIENTS)
    first, half = build()
    train(first, half, GRADIENTS[:20])
    torch.save((first, half.state_dict()), tmp_path / "half.pt")
    resumed, other = build()
    values, saved = torch.load(tmp_path / "half.pt", weights_only=True)
    with torch.no_grad():
        resumed.copy_(values)
    other.load_state_dict(saved)
    train(resumed, other, GRADIENTS[20:])
    assert torch.equal(resumed, straight)
    assert torch.equal(other.state[resumed]["bounded"], whole.state[straight]["bounded"])
