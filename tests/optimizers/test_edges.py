"""Near an edge of the domain a float does not hold a weight's dual: the optimizer's state does."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from steepest.errors import DomainError
from steepest.geometry import Entropy, Fermi, HyperbolicEntropy, Logit, PNorm, Power
from steepest.optimizers import mirror_descent
from tests.optimizers.conftest import BACKENDS

try:
    import torch

    from steepest.optimizers import MirrorDescent
except ImportError:
    torch = MirrorDescent = None

# Where a weight starts, and the step of its dual.
EDGES = {
    "fermi": (Fermi(1.0), 0.0, 0.1),
    "fermi of another bound": (Fermi(3.0), -2.5, -0.5),
    "logit, the top": (Logit(2.0), 1.5, 0.7),
    "logit, the bottom": (Logit(1.0), 0.5, -1.0),
    "entropy, below the smallest float": (Entropy(), 1e-36, -0.1),
    "entropy of negative weights": (Entropy(-1), -1e-36, 0.1),
    "hyperbolic, far out": (HyperbolicEntropy(1e-3), 0.1, 0.1),
    "1.1-norm through 0": (PNorm(1.1), 1e-3, 0.01),
}
# One edge at a finite weight, one at 0; the others stand on the same two rules.
EVERY_TIME = ("logit, the top", "entropy, below the smallest float")


class Torch:
    """A parameter and its optimizer behind the words that `Optax` has."""

    def __init__(self, weights, rate, potential, **options):
        self.weight = torch.nn.Parameter(torch.tensor(np.asarray(weights)))
        self.optimizer = MirrorDescent([("w", self.weight)], rate, potential, **options)

    def step(self, covector):
        self.weight.grad = torch.tensor(np.asarray(covector), dtype=self.weight.dtype)
        self.optimizer.step()

    @property
    def weights(self):
        return self.weight.detach().numpy().copy()

    @weights.setter
    def weights(self, values):
        with torch.no_grad():
            self.weight.copy_(torch.tensor(np.asarray(values)))


class Optax:
    def __init__(self, weights, rate, potential, **options):
        self.weights = jnp.asarray(weights)
        mirror = mirror_descent(rate, potential, **options)
        self.state = mirror.init(self.weights)
        self.update = jax.jit(mirror.update)

    def step(self, covector):
        covector = jnp.asarray(covector, self.weights.dtype)
        changes, self.state = self.update(covector, self.state, self.weights)
        self.weights = optax.apply_updates(self.weights, changes)


MAKE = {"optax": Optax, "torch": Torch}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "edge",
    [pytest.param(e, marks=() if e in EVERY_TIME else pytest.mark.slow) for e in EDGES],
)
def test_a_hundred_steps_out_and_two_hundred_back_end_where_they_should(backend, edge):
    potential, start, step = EDGES[edge]
    start = np.float32(start).item()
    learner = MAKE[backend](np.array([start], np.float32), np.float32(abs(step)).item(), potential)
    for direction in [-1.0] * 100 + [1.0] * 200:
        learner.step([direction * np.sign(step)])
    step = np.float32(step).astype(float)
    exact = potential.to_primal(potential.to_dual(np.array([start])) - 100 * step)
    tiny = abs(start) < 1e-30  # there XLA's exponential is 3e-6 off
    rtol, atol = (4e-6, 0.0) if tiny else (1e-6, 1e-6)
    np.testing.assert_allclose(learner.weights, exact, rtol=rtol, atol=atol)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("potential", "step", "there"),
    [
        (Fermi(1.0), 1e5, -1.0),
        (Fermi(1.0), -1e5, 1.0),
        (Logit(1.0), 1e5, 0.0),
        (Logit(1.0), -1e5, 1.0),
        (Entropy(), 1e5, 0.0),
        (Power(0.99), 90.0, 0.0),
    ],
)
def test_one_enormous_step_is_undone_by_the_next(backend, potential, step, there):
    learner = MAKE[backend](np.array([0.5, 0.2], np.float32), 1.0, potential)
    learner.step([step, 0.0])
    assert learner.weights[0] == there
    learner.step([-step, 0.0])
    np.testing.assert_allclose(learner.weights, [0.5, 0.2], rtol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_weight_that_vanished_comes_back_with_its_sign(backend):
    learner = MAKE[backend](np.array([-1e-36, 0.5], np.float32), 1.0, Entropy(), freeze_signs=True)
    for direction in (-1.0, 1.0):
        for _ in range(5):
            learner.step([10 * direction, 0.0])
    np.testing.assert_allclose(learner.weights, np.float32([-1e-36, 0.5]), rtol=4e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_weights_that_others_have_set_are_read_anew(backend):
    learner = MAKE[backend](np.array([0.5, 0.5], np.float32), 1.0, Logit(1.0))
    learner.step([-50.0, -50.0])
    learner.weights = np.array([0.25, 1.0], np.float32)
    learner.step([0.0, 50.0])
    np.testing.assert_allclose(learner.weights, [0.25, 0.5], rtol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_weight_pruned_to_0_stays_there(backend):
    learner = MAKE[backend](np.array([0.5, 0.25], np.float32), 1.0, Entropy())
    learner.weights = np.array([0.0, 0.25], np.float32)
    for covector in ([-1.0, 0.0], [50.0, 0.0], [-80.0, 0.0]):
        learner.step(covector)
    np.testing.assert_array_equal(learner.weights, np.float32([0.0, 0.25]))


def test_single_zeros_stay_without_jit_too():
    weights = jnp.array([0.0, 0.5])
    mirror = mirror_descent(0.1, Power(1.5))
    with pytest.warns(UserWarning, match="1 of 2"):
        state = mirror.init(weights)
    change, _ = mirror.update(jnp.ones(2), state, weights)
    assert change[0] == 0
    assert change[1] < 0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("potential", [Fermi(1.0), Logit(1.0)])
def test_weights_at_a_bound_are_reported_and_all_of_them_refused(backend, potential):
    with pytest.warns(UserWarning, match=r"weights at a bound never move under .*1 of 2"):
        MAKE[backend](np.array([1.0, 0.5], np.float32), 0.1, potential)
    with pytest.raises(DomainError, match="all 2 weights are at a bound"):
        MAKE[backend](np.array([1.0, 1.0], np.float32), 0.1, potential)


def test_a_step_to_infinity_is_refused_by_name_in_optax_and_nan_under_jit():
    weights = {"out": jnp.ones(3)}
    covectors = {"out": jnp.array([0.0, -1e5, 0.0])}
    mirror = mirror_descent(1.0, HyperbolicEntropy(1.0))
    state = mirror.init(weights)
    with pytest.raises(
        DomainError, match=r"\['out'\].*1 of 3 weights past infinity.*lower the lea"
    ):
        mirror.update(covectors, state, weights)
    change, _ = jax.jit(mirror.update)(covectors, state, weights)
    np.testing.assert_array_equal(np.isnan(change["out"]), [False, True, False])


@pytest.mark.skipif(torch is None, reason="torch, an extra, is not installed")
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("potential", [Entropy(), HyperbolicEntropy(1.0), Power(2)])
def test_a_step_to_infinity_is_refused_by_name_in_torch_and_nothing_has_moved(potential, momentum):
    first, second = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    optimizer = MirrorDescent([("first", first), ("second", second)], 1.0, potential, momentum)
    first.grad, second.grad = torch.full((3,), 0.1), torch.tensor([0.0, -1e5, 0.0])
    with pytest.raises(DomainError, match=r"'second'.*1 of 3 weights.*nothing was changed"):
        optimizer.step()
    assert first.tolist() == second.tolist() == [1.0, 1.0, 1.0]
    assert not any(optimizer.state.values())


@pytest.mark.skipif(torch is None, reason="torch, an extra, is not installed")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_kept_duals_are_saved_and_go_on(dtype, tmp_path):
    kind = getattr(torch, dtype)

    def build():
        weight = torch.nn.Parameter(torch.tensor([0.5, -0.25], dtype=kind))
        return weight, MirrorDescent([weight], 1.0, Fermi(1.0), 0.5)

    weight, optimizer = build()
    weight.grad = torch.tensor([-20.0, 0.0], dtype=kind)
    optimizer.step()
    torch.save((weight, optimizer.state_dict()), tmp_path / "state.pt")
    resumed, other = build()
    values, saved = torch.load(tmp_path / "state.pt", weights_only=True)
    with torch.no_grad():
        resumed.copy_(values)
    other.load_state_dict(saved)
    for parameter, mirror in ((weight, optimizer), (resumed, other)):
        parameter.grad = torch.tensor([30.0, 0.0], dtype=kind)
        mirror.step()
    assert weight.tolist() == resumed.tolist()
    assert weight.tolist()[0] == pytest.approx(0.5, abs=2e-3)
