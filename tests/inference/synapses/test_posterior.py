"""Quantiles of a mixture of Gaussians, found where its density is as good as nothing too."""

import numpy as np
import pytest
from scipy.optimize import brentq

from steepest.inference.synapses.posterior import Posterior


@pytest.mark.parametrize("sd", [0.2, 0.013055, 1e-3])
@pytest.mark.parametrize("share", [0.025, 0.3, 0.5001, 0.975])
def test_a_quantile_is_where_the_distribution_crosses_even_between_parts_far_apart(sd, share):
    # At sd .013055 the density half way is below the smallest normal number: a step divides by it.
    mixture = Posterior(np.full((1, 2), 0.5), np.array([[0.0, 1.0]]), np.full((1, 2), sd))

    quantile = mixture.quantile(share)[0]

    crossing = brentq(lambda at: mixture.below(at)[0] - share, -2.0, 3.0, xtol=1e-13)
    assert quantile == pytest.approx(crossing, abs=1e-6 * (1 + sd))
