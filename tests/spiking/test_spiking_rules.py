"""The rules: what they are made of, how they are one `sharp`, and how they change with charts."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from steepest.descent import mirror_step
from steepest.geometry import (
    Attenuation,
    Elementwise,
    Entropy,
    Euclidean,
    Identity,
    Power,
    Pullback,
)
from steepest.spiking import (
    ApproximateNaturalRule,
    EuclideanRule,
    MetricRule,
    MirrorRule,
    NaturalRule,
    NeuronFisher,
    PoissonNeuron,
    QuadraticNaturalRule,
    RectifiedQuadratic,
    sample_usps,
)

NEURON = PoissonNeuron()
RATES = np.repeat([10.0, 50.0], 3)
POINT = np.array([0.02, -0.1, 0.3, 0.05, -0.02, 0.1])
USPS = np.array([0.0, 3.0, 25.0, 60.0, 8.0, 41.0])
FISHER = NeuronFisher(NEURON, RATES)
RULES = {
    "euclidean": EuclideanRule(),
    "natural": NaturalRule(),
    "approximate": ApproximateNaturalRule(),
    "quadratic": QuadraticNaturalRule(),
}
# Steep in one half, flat in the other: a chart whose derivative depends on the weight.
BENT = Elementwise(lambda d: 0.5 * jnp.sinh(2 * d), lambda w: jnp.arcsinh(2 * w) / 2)


def test_the_natural_rule_is_the_metrics_sharp_on_the_euclidean_covector():
    covector = EuclideanRule().direction(FISHER, POINT, USPS)
    np.testing.assert_array_equal(covector, USPS)
    expected = FISHER.sharp(POINT, covector)
    np.testing.assert_allclose(NaturalRule().direction(FISHER, POINT, USPS), expected, rtol=1e-12)
    natural = MetricRule(FISHER).direction(FISHER, POINT, USPS)
    np.testing.assert_array_equal(natural, expected)
    plain = MetricRule(Euclidean()).direction(FISHER, POINT, USPS)
    np.testing.assert_array_equal(plain, USPS)


@pytest.mark.parametrize("potential", [Entropy(np.sign(POINT)), Power(-1.0)])
def test_a_mirror_rule_moves_the_dual_by_the_dose_times_the_covector(potential):
    point, usps = jnp.asarray(POINT), jnp.asarray(USPS)
    moved, _ = MirrorRule(potential).step(FISHER, point, usps, Identity(), jnp.asarray(1e-3))
    change = potential.to_dual(moved) - potential.to_dual(point)
    np.testing.assert_allclose(change, 1e-3 * USPS, rtol=1e-9, atol=1e-15)
    np.testing.assert_array_equal(moved, mirror_step(potential, point, -1e-3 * usps, 1.0))
    along = MirrorRule(potential).direction(FISHER, POINT, USPS)
    np.testing.assert_array_equal(along, MetricRule(potential).direction(FISHER, POINT, USPS))


def test_it_is_so_for_other_input_statistics_too():
    fisher = NeuronFisher(NEURON, RATES, RATES - 4, RATES * 60)
    direction = NaturalRule().direction(fisher, POINT, USPS)
    np.testing.assert_allclose(direction, fisher.sharp(POINT, USPS), rtol=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_the_three_parts_add_up_and_are_what_they_are_called(name):
    rule = RULES[name]
    parts = rule.parts(FISHER, POINT, USPS)
    np.testing.assert_array_equal(parts.total, rule.direction(FISHER, POINT, USPS))
    gamma = rule.coefficients(FISHER, POINT, USPS)
    scale = 1 if name == "euclidean" else 0.026 / RATES
    np.testing.assert_allclose(parts.homosynaptic, gamma.gamma_s * USPS * scale, rtol=1e-13)
    np.testing.assert_allclose(parts.uniform, -gamma.gamma_s * gamma.gamma_u * np.ones(6))
    np.testing.assert_allclose(parts.proportional, gamma.gamma_s * gamma.gamma_w * POINT)
    assert parts.homosynaptic[0] == 0  # no spikes there


def test_the_coefficients_are_those_of_equations_107_to_109():
    c = FISHER.coefficients(POINT)
    gamma = NaturalRule().coefficients(FISHER, POINT, USPS)
    total, V = 0.026 * USPS.sum(), POINT @ USPS
    assert float(gamma.gamma_s) == pytest.approx(1 / float(c.c1))
    assert float(gamma.gamma_u) == pytest.approx(-0.026 * float(c.g1 * total + c.g2 * V))
    assert float(gamma.gamma_w) == pytest.approx(float(c.g2 * total + c.g4 * V))
    approximate = ApproximateNaturalRule(0.9, 0.04).coefficients(FISHER, POINT, USPS)
    expected = [1 / float(c.c1), 0.9 * 0.026, 0.04 * V]
    np.testing.assert_allclose(np.asarray(approximate), expected, rtol=1e-12)
    np.testing.assert_array_equal(EuclideanRule().coefficients(FISHER, POINT, USPS), [1, 0, 0])


def test_a_quadratic_neurons_natural_rule_does_not_see_the_weights():
    fisher = NeuronFisher(PoissonNeuron(RectifiedQuadratic(threshold=-500.0)), RATES)
    natural = NaturalRule().coefficients(fisher, POINT, USPS)
    q = 0.026 * RATES.sum()
    expected = [1, 0.026**2 * USPS.sum() / (q + 1), 0]
    np.testing.assert_allclose(np.asarray(natural), expected, rtol=1e-12, atol=1e-14)
    closed = QuadraticNaturalRule()
    np.testing.assert_allclose(closed.coefficients(fisher, POINT, USPS), expected, rtol=1e-12)
    # At the mean USPs the bracket of Eq 123 is c/(q + 1), 0 for many afferents.
    bracket = closed.direction(fisher, POINT, RATES)
    np.testing.assert_allclose(bracket, 0.026 / (q + 1), rtol=1e-10)


@pytest.mark.parametrize("chart", [Attenuation([0.0, 50, 100, 200, 400, 460.5]), BENT])
def test_the_somatic_change_is_the_same_in_every_chart_but_not_for_euclid(chart):
    dendritic = chart.inverse(POINT)
    for name, rule in RULES.items():
        change = rule.direction(FISHER, dendritic, USPS, chart)
        somatic = chart.push(dendritic, change)
        direct = rule.direction(FISHER, POINT, USPS)
        if name == "euclidean":
            slope = np.asarray(chart.push(dendritic, np.ones(6)))
            np.testing.assert_allclose(somatic, slope**2 * direct, rtol=1e-10)  # Eq 44
        else:
            np.testing.assert_allclose(somatic, direct, rtol=1e-9)
    pulled = MetricRule(Pullback(FISHER, chart)).direction(FISHER, dendritic, USPS, chart)
    np.testing.assert_allclose(
        pulled, NaturalRule().direction(FISHER, dendritic, USPS, chart), 1e-9
    )


def test_a_silent_synapse_keeps_its_heterosynaptic_parts():
    fisher = NeuronFisher(NEURON, np.array([10.0, 50, 10, 50, 10, 0]))
    usps = USPS.copy()
    usps[-1] = 0
    parts = NaturalRule().parts(fisher, POINT, usps)
    assert parts.homosynaptic[-1] == 0
    assert parts.uniform[-1] == parts.uniform[0] != 0
    rare = NeuronFisher(NEURON, np.array([10.0, 50, 10, 50, 10, 1e-9]))
    np.testing.assert_allclose(parts.total, NaturalRule().direction(rare, POINT, usps), rtol=1e-8)


@pytest.mark.slow
def test_the_averages_from_which_the_approximation_comes():
    """n = 100, weights in +-5/n, 5 to 55 Hz (Fig 11), with the corrected numbers."""
    random = np.random.default_rng(3)
    rates = np.array([5.0, 25.0, 55.0])
    weights = jnp.asarray(random.uniform(-0.05, 0.05, (30, 100)))
    natural = NaturalRule()

    @eqx.filter_jit
    def look(rate, usps):
        fisher = NeuronFisher(NEURON, jnp.full(100, rate))

        def one(w):
            gamma = jax.vmap(lambda x: natural.coefficients(fisher, w, x))(usps)
            c = fisher.coefficients(w)
            return c.g1 * c.q, c.g4, gamma.gamma_u / 0.026, gamma.gamma_w, c.g4 * (usps @ w)

        return jax.vmap(one)(weights)

    found = []
    for rate in rates:
        usps = sample_usps(NEURON.kernel, np.full(100, rate), 20, seed=1)
        found.append([np.asarray(v) for v in look(rate, jnp.asarray(usps))])
    medians = [np.median(f[0]) for f in found]
    np.testing.assert_allclose(medians, [-0.886, -0.966, -0.984], atol=0.006)
    g4 = np.concatenate([f[1] for f in found])
    assert 0.012 < g4.min() < g4.max() < 0.050
    assert g4.mean() == pytest.approx(0.033, abs=4 * g4.std() / np.sqrt(90) + 0.0005)
    gamma_u = np.concatenate([f[2].ravel() for f in found])
    per_weight = np.concatenate([f[2].mean(axis=1) for f in found])
    error = per_weight.std() / np.sqrt(len(per_weight))
    assert gamma_u.mean() == pytest.approx(0.967, abs=4 * error + 0.02)
    gamma_w = np.concatenate([f[3].ravel() for f in found])
    assert np.corrcoef(gamma_w, np.concatenate([f[4].ravel() for f in found]))[0, 1] > 0.98
