import jax
import jax.numpy as jnp
import numpy as np
import pytest
from constructors import INDICES, POINTS, POTENTIALS

from steepest.descent import mirror_step
from steepest.errors import DomainError, LawBroken
from steepest.geometry import (
    AbstractPotential,
    Box,
    Entropy,
    Fermi,
    HyperbolicEntropy,
    Logit,
    PNorm,
    Power,
    check_potential,
)

SIGNED = (
    "power_-2",
    "power_-1",
    "power_-0.5",
    "power_0.5",
    "power_0",
    "power_0.5",
    "power_0",
    "power_0.5",
    "power_0.9",
    "hyperbolic",
    "fermi",
    "1.1_norm",
    "3_norm",
)


# Each class, and each way in which a power of size depends on its index, stays in every run.
REPEATED = (
    "power_-2",
    "power_-1",
    "power_-0.5",
    "power_0.9",
    "power_1.1",
    "power_1.5",
    "power_3",
    "1.1_norm",
    "1.5_norm",
    "2_norm",
    "coupled_entropy",
    "entropy",
)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in REPEATED else ()) for name in POTENTIALS],
)
def test_every_potential_obeys_the_laws(name):
    """Those for signed weights on both sides."""
    signed = POINTS * np.array([1.0, -1.0])
    points = np.concatenate([POINTS, signed]) if name in SIGNED else POINTS
    assert check_potential(POTENTIALS[name](), points).holds


@pytest.mark.parametrize(
    "index", [1.0, *(pytest.param(index, marks=pytest.mark.slow) for index in (1.5, 2.0))]
)
def test_a_fixed_sign_may_be_negative(index):
    potential = Power(index, sign=[1.0, -1.0])
    assert check_potential(potential, POINTS * np.array([1.0, -1.0])).holds


@pytest.mark.parametrize("name", POTENTIALS)
def test_round_trips_are_exact_to_1e_14_over_eight_decades(name):
    potential = POTENTIALS[name]()
    bound = 0.999 if name in ("fermi", "logit") else 1e2
    w = np.geomspace(1e-6, bound, 2001)
    w = w[: w.size // 2 * 2].reshape(-1, 2)
    back = jax.vmap(lambda x: potential.to_primal(potential.to_dual(x)))(jnp.asarray(w))
    # Where the dual is a large or small power, the map back multiplies rounding by 1/(1-a).
    amplification = 1 / abs(1 - potential.index) if name in ("power_0.9", "power_1.1") else 1.0
    allowed = 1e-14 * max(1.0, amplification / 2)
    error = np.abs(back / w - 1).max()
    if name == "logit":  # one minus a number near 1 is all the dual knows there
        error = (np.abs(back - w) / np.minimum(w, np.array([1.0, 2.0]) - w)).max()
    if name == "fermi":
        error = np.abs(back - w).max()
    assert error <= allowed


@pytest.mark.parametrize("p", [1.1, 1.5, 2.0, 3.0])
def test_the_p_norm_is_the_power_family_times_p_minus_1(p):
    w, v = jnp.array([0.3, -2.0]), jnp.array([1.0, 0.5])
    norm, power = PNorm(p), Power(2 - p)
    assert norm.index == power.index
    np.testing.assert_allclose(norm.flat(w, v), (p - 1) * power.flat(w, v), rtol=1e-14)
    np.testing.assert_allclose(norm.to_dual(w), jnp.sign(w) * jnp.abs(w) ** (p - 1), rtol=1e-14)
    np.testing.assert_allclose(norm(w), jnp.sum(jnp.abs(w) ** p) / p, rtol=1e-14)


@pytest.mark.parametrize("index", INDICES)
def test_the_change_scales_as_size_to_the_geometry_index(index):
    sizes = jnp.array([0.1, 1.0, 10.0])
    step = Power(index).sharp(sizes, jnp.ones(3))
    slopes = np.diff(np.log(step)) / np.diff(np.log(sizes))
    np.testing.assert_allclose(slopes, index, atol=1e-12)


def test_entropy_is_a_name_for_the_power_of_index_1():
    entropy = Entropy([1.0, -1.0])
    assert isinstance(entropy, Power)
    assert entropy.index == 1.0
    assert entropy.name == Power(1.0).name == "Entropy"
    assert repr(Power(1)) == "Power(1)"
    assert repr(entropy) == "Power(1, sign=[ 1. -1.])"
    w, v = jnp.array([0.3, -2.0]), jnp.array([1.0, 0.5])
    np.testing.assert_array_equal(entropy.flat(w, v), v / jnp.abs(w))
    np.testing.assert_array_equal(entropy.sharp(w, v), v * jnp.abs(w))


def test_dual_changes_are_continuous_in_the_index():
    before, after = jnp.array([0.02, 0.5, 3.0]), jnp.array([0.021, 0.2, 9.0])
    for centre in (1.0, 2.0):
        middle = Power(centre).dual_change(before, after)
        for epsilon in (1e-4, -1e-4, 1e-9, -1e-9):
            near = Power(centre + epsilon).dual_change(before, after)
            assert np.abs(near / middle - 1).max() < 20 * abs(epsilon) + 1e-13


def test_small_dual_changes_do_not_cancel():
    before = jnp.array([1e-8, 1.0, 1e6])
    after = before * (1 + 1e-9)
    for index in (-1.0, 0.5, 0.999, 1.5):
        change = Power(index).dual_change(before, after)
        expected = before ** (1 - index) * 1e-9
        np.testing.assert_allclose(change, expected, rtol=1e-6)


def test_the_dual_change_counts_a_change_of_sign():
    change = Power(-1.0).dual_change(jnp.array([0.5, 0.0]), jnp.array([-0.3, 0.2]))
    np.testing.assert_allclose(change, [-(0.09 + 0.25) / 2, 0.02], rtol=1e-14)


@pytest.mark.parametrize("index", [1.1, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_dual_past_infinite_weight_has_no_primal(index, sign):
    potential = Power(index, sign)
    with pytest.raises(DomainError, match="went past infinite weight"):
        mirror_step(potential, jnp.array([sign]), jnp.array([-20.0 * sign]), 1.0)
    past = jax.jit(lambda z: potential.to_primal(z))(jnp.array([sign * 0.5]))
    assert np.isnan(past).all()


@pytest.mark.parametrize("potential", [HyperbolicEntropy(0.5), Fermi(1.5), Power(0.0)])
def test_potentials_at_exact_zero_obey_the_laws(potential):
    points = [[0.0, 0.3], [0.2, 0.0]] if isinstance(potential, Fermi) else [[0.0, 1.0], [2.0, 0.0]]
    assert check_potential(potential, points).holds


def test_exact_zeros_never_move_where_the_index_is_one_or_more():
    zero, p = jnp.zeros(2), jnp.array([1.0, -1.0])
    for potential in (Power(1.0), Power(1.5), Power(2.0), Entropy()):
        np.testing.assert_array_equal(potential.sharp(zero, p), 0.0)
        moved = potential.to_primal(potential.to_dual(zero) - 0.1 * p)
        np.testing.assert_array_equal(moved, 0.0)


def test_sharp_at_exact_zeros_is_right_where_the_derived_one_is_not():
    zero, p = jnp.zeros(2), jnp.ones(2)
    np.testing.assert_array_equal(PNorm(1.5).sharp(zero, p), 0.0)
    np.testing.assert_array_equal(PNorm(2.0).sharp(zero, p), p)
    with pytest.raises(DomainError, match=r"sharp of Power\(index=-1\): coordinate 0 = 0"):
        PNorm(3.0).sharp(zero, p)


@pytest.mark.parametrize(
    ("potential", "point", "message"),
    [
        (Entropy(), [1.0, -0.2], r"Entropy: coordinate 1 = -0.2 is outside the domain"),
        (Entropy([1.0, -1.0]), [1.0, 0.2], r"Entropy: coordinate 1 = 0.2"),
        (Power(2.0), [-1.0, 1.0], r"Power\(index=2\): coordinate 0 = -1"),
        (Fermi(1.0), [0.5, 1.5], r"Fermi: coordinate 1 = 1.5"),
        (Logit(1.0), [-0.5, 0.5], r"Logit: coordinate 0 = -0.5"),
        (Entropy(), [1.0, np.nan], r"coordinate 1 = nan"),
    ],
    ids=str,
)
def test_points_outside_the_domain_are_named(potential, point, message):
    x = jnp.asarray(point)
    for kernel in (potential, potential.to_dual, lambda w: potential.sharp(w, jnp.ones(2))):
        with pytest.raises(DomainError, match=message):
            kernel(x)
    inside_jit = np.asarray(jax.jit(lambda w: potential.to_dual(w))(x))
    assert np.isnan(inside_jit).sum() == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: PNorm(1.0),
        lambda: PNorm(np.inf),
        lambda: Power(np.nan),
        lambda: Entropy(0.5),
        lambda: Power(1.0, sign=0.0),
        lambda: HyperbolicEntropy(0.0),
        lambda: Fermi(-1.0),
        lambda: Logit([1.0, np.inf]),
    ],
)
def test_impossible_parameters_are_refused(make):
    with pytest.raises(DomainError):
        make()


def test_domains_are_declared():
    assert isinstance(Entropy([1.0, -1.0]).domain, Box)
    np.testing.assert_array_equal(Entropy([1.0, -1.0]).domain.lower, [0.0, -np.inf])
    np.testing.assert_array_equal(Fermi(2.0).domain.margin(jnp.array([0.5, -1.5])), [1.5, 0.5])


@pytest.mark.parametrize("name", [name for name in POTENTIALS if "coupled" not in name])
def test_potentials_keep_float32_and_serve_matrices(name):
    potential = POTENTIALS[name]()
    weights = jnp.full((3, 2), 0.4, dtype=jnp.float32)
    if name == "logit":
        potential = Logit(1.0)
    dual = potential.to_dual(weights)
    assert dual.dtype == potential.to_primal(dual).dtype == jnp.float32
    np.testing.assert_allclose(potential.to_primal(dual), weights, rtol=2e-6)


K = np.array([[2.0, 0.7], [0.7, 1.0]])


@jax.jit
def newton_inverse(dual):
    def newton(_, w):
        return w - jnp.linalg.solve(K + jnp.diag(jnp.exp(w)), K @ w + jnp.exp(w) - dual)

    return jax.lax.fori_loop(0, 30, newton, jnp.zeros_like(dual))


class Coupled(AbstractPotential):
    """A potential whose Hessian is not diagonal: w' K w / 2 + sum exp(w), inverted by Newton."""

    def __call__(self, point):
        return point @ K @ point / 2 + jnp.sum(jnp.exp(point))

    def to_primal(self, dual):
        return newton_inverse(dual)


@pytest.mark.slow
def test_a_potential_that_couples_weights_needs_only_phi_and_its_inverse():
    assert check_potential(Coupled(), POINTS * np.array([1.0, -1.0])).holds


class Shifted(AbstractPotential):
    """Not a mirror map: the dual has an offset that its inverse does not know."""

    def __call__(self, point):
        return jnp.sum(point**2) / 2

    def to_dual(self, point):
        return point + 0.1

    def to_primal(self, dual):
        return dual


def test_the_laws_catch_a_dual_that_does_not_come_back():
    with pytest.raises(LawBroken, match="BROKEN  to_primal inverts to_dual"):
        check_potential(Shifted(), POINTS)
