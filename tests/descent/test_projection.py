"""The projection is where mirror descent ends; it solves its equations, or says why not."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from steepest.descent import bregman_projection, mirror_step
from steepest.errors import DomainError, ProjectionError, UsageError
from steepest.geometry import (
    Coupled,
    Entropy,
    Fermi,
    HyperbolicEntropy,
    Logit,
    PNorm,
    Power,
)

ROWS, WEIGHTS = 5, 40
RANDOM = np.random.default_rng(7)
X = RANDOM.standard_normal((ROWS, WEIGHTS))
W0 = RANDOM.choice([-1.0, 1.0], WEIGHTS) * RANDOM.uniform(0.05, 0.3, WEIGHTS)
Y = X @ W0 + 0.3 * RANDOM.standard_normal(ROWS)
SIGN = np.sign(W0)
MIXING = np.eye(WEIGHTS) + 0.3 * np.eye(WEIGHTS, k=1)

CONVERGE = {
    "1.1-norm": PNorm(1.1),
    "1.5-norm": PNorm(1.5),
    "2-norm": PNorm(2),
    "3-norm": PNorm(3),
    "entropy": Entropy(SIGN),
    "hyperbolic": HyperbolicEntropy(0.05),
    "coupled": Coupled(PNorm(1.5), MIXING),
}
OTHERS = {
    "2.5-norm": PNorm(2.5),
    "4-norm": PNorm(4),
    "power_0.5": Power(0.5),
    "power_1": Power(1, SIGN),
    "power_1.5": Power(1.5, SIGN),
    "burg": Power(2, SIGN),
    "fermi": Fermi(0.5),
}


@eqx.filter_jit
def descend(potential, start, rate, steps):
    def step(_, weights):
        return mirror_step(potential, weights, X.T @ (X @ weights - Y), rate)

    return jax.lax.fori_loop(0, steps, step, start)


@pytest.mark.parametrize("name", CONVERGE)
def test_it_is_where_mirror_descent_converges(name):
    potential = CONVERGE[name]
    found = bregman_projection(X, Y, W0, potential)
    raised = jax.vmap(lambda row: potential.sharp(jnp.asarray(found.weights), row))(jnp.asarray(X))
    rate = 0.3 / np.linalg.eigvalsh(X @ np.asarray(raised).T).max()
    end = np.asarray(descend(potential, jnp.asarray(W0), rate, 8000))
    assert np.abs(X @ end - Y).max() < 1e-12
    assert np.abs(found.weights - W0).max() > 0.01
    np.testing.assert_allclose(found.weights, end, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", {**CONVERGE, **OTHERS})
def test_it_solves_the_problem_and_its_optimality_conditions(name):
    potential = {**CONVERGE, **OTHERS}[name]
    found = bregman_projection(X, Y, W0, potential)
    np.testing.assert_allclose(X @ found.weights, Y, rtol=0, atol=1e-9)
    change = np.asarray(potential.dual_change(W0, found.weights))
    np.testing.assert_allclose(change, found.multipliers @ X, rtol=0, atol=1e-8)
    np.testing.assert_allclose(found.dual_change, found.multipliers @ X, atol=1e-12)
    assert found.residual <= 1e-9
    assert found.kkt <= 1e-12


@pytest.mark.parametrize("name", ["1.5-norm", "3-norm", "entropy", "hyperbolic", "coupled"])
def test_no_other_solution_is_nearer_in_the_divergence(name):
    potential = CONVERGE[name]
    found = bregman_projection(X, Y, W0, potential).weights
    nearest = float(potential.divergence(found, W0))
    null = np.linalg.svd(X)[2][ROWS:]
    random = np.random.default_rng(0)
    for size in (1e-3, 1e-2):
        others = found + size * random.standard_normal((20, WEIGHTS - ROWS)) @ null
        assert not any(np.asarray(potential.domain.outside(other)).any() for other in others)
        farther = [float(potential.divergence(other, W0)) for other in others]
        assert min(farther) > nearest


def test_two_norm_is_the_pseudo_inverse():
    found = bregman_projection(X, Y, W0, PNorm(2))
    np.testing.assert_allclose(found.weights, W0 + np.linalg.pinv(X) @ (Y - X @ W0), atol=1e-12)
    assert found.iterations == 1


def test_a_coupled_quadratic_has_its_closed_form():
    metric = MIXING.T @ MIXING
    raised = np.linalg.solve(metric, X.T)
    expected = W0 + raised @ np.linalg.solve(X @ raised, Y - X @ W0)
    found = bregman_projection(X, Y, W0, Coupled(PNorm(2), MIXING))
    np.testing.assert_allclose(found.weights, expected, atol=1e-11)


def test_a_weight_without_input_moves_with_those_it_is_coupled_to():
    inputs = X.copy()
    inputs[:, 3] = 0
    raised = np.linalg.solve(MIXING.T @ MIXING, inputs.T)
    expected = W0 + raised @ np.linalg.solve(inputs @ raised, Y - inputs @ W0)
    projection = bregman_projection(inputs, Y, W0, Coupled(PNorm(2), MIXING))
    np.testing.assert_allclose(projection.weights, expected, atol=1e-11)
    assert projection.kkt <= 1e-12
    assert abs(projection.weights[3] - W0[3]) > 1e-3


def test_a_general_minimiser_finds_the_same_weights():
    potential = PNorm(3)

    def cost(w):
        return float(potential.divergence(w, W0)), np.asarray(potential.dual_change(W0, w))

    constraint = {"type": "eq", "fun": lambda w: X @ w - Y, "jac": lambda w: X}
    oracle = minimize(
        cost, W0, jac=True, constraints=constraint, method="SLSQP", options={"ftol": 1e-15}
    )
    found = bregman_projection(X, Y, W0, potential)
    np.testing.assert_allclose(found.weights, oracle.x, atol=2e-5)


@pytest.mark.parametrize("name", ["1.1-norm", "2-norm", "entropy", "hyperbolic", "coupled"])
def test_the_methods_agree(name):
    methods = ["dense newton", "newton-cg"] + (["quasi-newton"] if name != "coupled" else [])
    found = [bregman_projection(X, Y, W0, CONVERGE[name], method=m) for m in methods]
    assert [f.method for f in found] == methods
    for other in found[1:]:
        np.testing.assert_allclose(other.weights, found[0].weights, atol=1e-9)


def test_the_method_is_chosen_by_size_and_potential():
    assert bregman_projection(X, Y, W0, PNorm(1.5)).method == "dense newton"
    assert bregman_projection(X, Y, W0, PNorm(3)).method == "quasi-newton"
    random = np.random.default_rng(0)
    inputs = random.standard_normal((400, 8000))
    start = random.standard_normal(8000) / np.sqrt(8000)
    found = bregman_projection(inputs, random.choice([-1.0, 1.0], 400), start, PNorm(1.5))
    assert found.method == "newton-cg"
    assert found.products < 150
    assert found.residual < 1e-9


def test_weights_at_zero_stay_under_entropy_and_move_under_a_norm():
    start = np.where(np.arange(WEIGHTS) % 7 == 0, 0.0, W0)
    for potential in (Entropy(SIGN), PNorm(1.5), PNorm(3), HyperbolicEntropy(0.05)):
        found = bregman_projection(X, Y, start, potential)
        np.testing.assert_allclose(X @ found.weights, Y, atol=1e-9)
        moved = found.weights[start == 0] != 0
        assert (not moved.any()) if potential.freezes_signs else moved.all()


def test_signs_are_kept_where_the_potential_keeps_them():
    targets = Y + 5.0
    found = bregman_projection(X, targets, W0, Entropy(SIGN))
    np.testing.assert_array_equal(np.sign(found.weights), SIGN)
    assert (np.sign(bregman_projection(X, targets, W0, PNorm(2)).weights) != SIGN).any()


@pytest.mark.parametrize("p", [6, 10])
def test_high_norms_are_a_stated_limit(p):
    with pytest.raises(UsageError, match=rf"p < 6.*p = {p}.*mirror_step"):
        bregman_projection(X, Y, W0, PNorm(p))


def test_a_caller_who_looks_for_nan_stops_no_projection():
    with jax.debug_nans(True), jax.debug_infs(True):
        solved = bregman_projection([[1.0, 1.0, 1.0]], [2.5], [0.5, 1.5, 0.0], Entropy())
    np.testing.assert_allclose(solved.weights, [0.625, 1.875, 0.0], rtol=1e-12)


@pytest.mark.parametrize(
    ("inputs", "targets", "start", "message"),
    [
        (X[:, :5], Y, W0[:5], "5 rows for 5 weights: .* not overparametrised"),
        (X, Y[:3], W0, "do not fit"),
        (X, Y, W0[:7], "do not fit"),
        (X[0], Y, W0, "do not fit"),
        (np.where(X[2, 3] == X, np.nan, X), Y, W0, r"inputs: entry \(2, 3\) is not finite"),
        (X, np.append(Y[:4], np.inf), W0, r"targets: entry \(4\) is not finite"),
    ],
)
def test_problems_that_cannot_be_posed_are_refused(inputs, targets, start, message):
    with pytest.raises(UsageError, match=message):
        bregman_projection(inputs, targets, start, PNorm(2))


@pytest.mark.parametrize("potential", [PNorm(2), PNorm(3), Entropy(SIGN)])
def test_rows_that_contradict_each_other_are_named(potential):
    inputs = X.copy()
    inputs[3] = 2 * inputs[1]
    with pytest.raises(ProjectionError, match=r"rank 4 with 5 rows: rows 1, 3"):
        bregman_projection(inputs, Y, W0, potential, max_iterations=60)


@pytest.mark.parametrize("potential", [PNorm(1.5), PNorm(3), Entropy(SIGN)])
def test_rows_that_repeat_each_other_without_contradiction_are_solved(potential):
    inputs, targets = X.copy(), Y.copy()
    inputs[3], targets[3] = 2 * inputs[1], 2 * targets[1]
    found = bregman_projection(inputs, targets, W0, potential)
    once = bregman_projection(np.delete(X, 3, 0), np.delete(Y, 3), W0, potential)
    np.testing.assert_allclose(found.weights, once.weights, atol=1e-7)


def test_a_row_of_zeros_is_named():
    inputs = X.copy()
    inputs[2] = 0
    with pytest.raises(ProjectionError, match="row 2 of the inputs is all 0"):
        bregman_projection(inputs, Y, W0, PNorm(2))


def test_targets_that_no_weights_of_these_signs_reach_are_said_so():
    inputs = np.abs(X)
    with pytest.raises(ProjectionError, match="signs are kept from index 1"):
        bregman_projection(inputs, -np.ones(ROWS), np.abs(W0), Entropy(), max_iterations=80)


def test_a_start_outside_the_domain_is_refused():
    with pytest.raises(DomainError, match="coordinate"):
        bregman_projection(X, Y, W0, Entropy())
    with pytest.raises(DomainError, match="coordinate"):
        bregman_projection(X, Y, W0, Logit(1.0))
