"""Any potential has a likelihood; powers give that of the index; the true family comes first."""

import jax
import numpy as np
import pytest

from steepest.errors import DataError, DomainError
from steepest.geometry import Fermi, HyperbolicEntropy, Logit, Power
from steepest.inference import simulate_change
from steepest.inference.synapses.likelihood import ExactLikelihood
from steepest.inference.synapses.potentials import potential_likelihood, rank_potentials

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("index", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_a_power_has_the_likelihood_of_its_index(index):
    before, after = simulate_change(200, 0.5, seed=1)
    expected = ExactLikelihood(np.log(before), np.log(after))(index)
    potential = Power(index, sign=1.0) if index >= 1 else Power(index)
    assert potential_likelihood(potential, before, after) == pytest.approx(expected, rel=1e-10)


def learned(potential, before, sd):
    with jax.enable_x64(True):
        dual = potential.to_dual(before) + sd * RNG.standard_normal(before.size)
        return np.asarray(potential.to_primal(dual))


TRUE = {
    "hyperbolic entropy": (HyperbolicEntropy(1.0), 1.0, 0.1),
    "logit": (Logit(3.0), 3.0, 0.3),
    "power": (Power(0.5), 0.5, 0.1),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name == "logit" else pytest.mark.slow) for name in TRUE],
)
def test_the_true_family_comes_first_with_its_parameter(name):
    potential, parameter, sd = TRUE[name]
    before = np.exp(0.9 * RNG.standard_normal(6000))
    before = before[(before > 0.4) & (before < 2.7)][:3500]  # so that no change crosses zero
    after = learned(potential, before, sd)
    found = rank_potentials(before, after)
    assert found[0].name == name
    # Half the 99 % point of chi-squared with one degree of freedom.
    assert found[0].log_likelihood - potential_likelihood(potential, before, after) < 3.32
    assert found[0].parameter == pytest.approx(parameter, rel=0.25)
    assert (found[0].aic, found[0].at_edge) == (0, False)
    assert found[1].aic > 6
    assert sum(fit.weight for fit in found) == pytest.approx(1)


def test_sizes_outside_a_domain_or_of_no_use_are_refused():
    before, after = simulate_change(50, 1, seed=1)
    with pytest.raises(DomainError, match="Fermi"):
        potential_likelihood(Fermi(0.5), before, after)
    with pytest.raises(DataError, match="positive sizes"):
        rank_potentials(before, 0 * after)
    with pytest.raises(DataError, match="before has 50 rows and after has 49"):
        rank_potentials(before, after[:-1])
    with pytest.raises(DataError, match="changed alike"):
        potential_likelihood(HyperbolicEntropy(1.0), before, before)
