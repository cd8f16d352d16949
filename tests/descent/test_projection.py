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


def ridge(inputs, targets, start, slack):
    """w0 + X' (X X' + slack)^-1 (y - X w0)."""
    gram = inputs @ inputs.T + slack * np.eye(len(inputs))
    return start + inputs.T @ np.linalg.solve(gram, targets - inputs @ start)


@pytest.mark.parametrize("rows", [ROWS, 2 * WEIGHTS])
def test_a_slack_under_the_two_norm_is_ridge_regression(rows):
    inputs = np.random.default_rng(3).standard_normal((rows, WEIGHTS))
    targets = inputs @ W0 + 0.3
    projection = bregman_projection(inputs, targets, W0, PNorm(2), slack=0.7)
    np.testing.assert_allclose(projection.weights, ridge(inputs, targets, W0, 0.7), atol=1e-11)


@pytest.mark.parametrize("name", ["1.5-norm", "3-norm", "entropy"])
def test_a_slack_minimises_divergence_and_misfit_together(name):
    potential, slack = CONVERGE[name], 0.4
    projection = bregman_projection(X, Y, W0, potential, slack=slack)
    missing = Y - X @ projection.weights
    np.testing.assert_allclose(missing, slack * projection.multipliers, atol=1e-10)
    change = np.asarray(potential.dual_change(W0, projection.weights))
    np.testing.assert_allclose(change, projection.multipliers @ X, atol=1e-10)

    def objective(weights):
        misfit = np.sum((X @ weights - Y) ** 2) / (2 * slack)
        return float(potential.divergence(weights, W0)) + misfit

    least = objective(projection.weights)
    for step in 1e-3 * np.random.default_rng(0).standard_normal((10, WEIGHTS)):
        assert objective(projection.weights + step) > least
    tight = bregman_projection(X, Y, W0, potential, slack=1e-9)
    exact = bregman_projection(X, Y, W0, potential)
    np.testing.assert_allclose(tight.weights, exact.weights, atol=1e-6)


def test_slack_is_the_same_by_every_method():
    methods = ("dense newton", "newton-cg", "quasi-newton")
    ends = [bregman_projection(X, Y, W0, PNorm(1.5), slack=0.4, method=m).weights for m in methods]
    np.testing.assert_allclose(ends[1], ends[0], atol=1e-9)
    np.testing.assert_allclose(ends[2], ends[0], atol=1e-9)


@pytest.mark.parametrize("slack", [0.0, 0.4])
def test_units_that_see_the_same_inputs_are_projected_each_in_its_own_potential(slack):
    starts = np.stack([W0, -W0, np.abs(W0)])
    targets = X @ starts.T + 0.3
    signs = np.sign(starts)
    together = bregman_projection(X, targets, starts, Entropy(signs), slack=slack)
    assert together.weights.shape == together.dual_change.shape == starts.shape
    assert together.multipliers.shape == targets.shape
    for unit in range(3):
        alone = bregman_projection(
            X, targets[:, unit], starts[unit], Entropy(signs[unit]), slack=slack
        )
        np.testing.assert_array_equal(together.weights[unit], alone.weights)
        np.testing.assert_array_equal(together.multipliers[:, unit], alone.multipliers)
    np.testing.assert_array_equal(np.sign(together.weights), signs)


def test_as_many_units_as_weights_share_the_mixing_of_a_coupled_potential():
    starts = np.stack([W0, 2 * W0])[:, :2]
    potential = Coupled(PNorm(2), [[1.0, 0.5], [0.0, 1.0]])
    together = bregman_projection(X[:1, :2], [[0.3, -0.2]], starts, potential)
    for unit, target in enumerate((0.3, -0.2)):
        alone = bregman_projection(X[:1, :2], [target], starts[unit], potential)
        np.testing.assert_array_equal(together.weights[unit], alone.weights)


def test_a_slack_that_is_none_and_units_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match="slack is -1"):
        bregman_projection(X, Y, W0, PNorm(2), slack=-1)
    with pytest.raises(UsageError, match=r"targets \(N, m\) and start \(m, d\)"):
        bregman_projection(X, np.stack([Y, Y], axis=1), W0, PNorm(2))
    starts = np.stack([np.abs(W0), np.abs(W0)])
    targets = np.stack([np.abs(X) @ starts[0] + 0.1, -np.ones(ROWS)], axis=1)
    with pytest.raises(ProjectionError, match=r"unit 1 \(of 2\): no solution"):
        bregman_projection(np.abs(X), targets, starts, Entropy(), max_iterations=80)
