"""One of each: transfer functions, kernels and neurons that the tests of this room run over."""

import jax
import jax.numpy as jnp

from steepest.spiking import (
    Alpha,
    DifferenceOfExponentials,
    Exponential,
    PoissonNeuron,
    RectifiedQuadratic,
    Sigmoid,
    Transfer,
)


def softplus(v):
    return 10 * jax.nn.softplus(0.2 * (v - 5))


def paper_sigmoid(v):
    return 100 * jax.nn.sigmoid(0.3 * (v - 10))


def log_paper_sigmoid(v):
    return jnp.log(100.0) + jax.nn.log_sigmoid(0.3 * (v - 10))


TRANSFERS = {
    "sigmoid": lambda: Sigmoid(),
    "steep": lambda: Sigmoid(50.0, 0.6, 2.0),
    "quadratic": lambda: RectifiedQuadratic(),
    "exponential": lambda: Exponential(),
    "softplus": lambda: Transfer(softplus),
    "user": lambda: Transfer(paper_sigmoid, log_paper_sigmoid),
}

KERNELS = {
    "paper": lambda: DifferenceOfExponentials(),
    "slow_synapse": lambda: DifferenceOfExponentials(0.010, 0.020, 0.1),
    "alpha": lambda: Alpha(0.010),
    "alpha_small": lambda: Alpha(0.004, 0.5),
}

NEURONS = {
    "paper": lambda: PoissonNeuron(),
    "steep_inhibited": lambda: PoissonNeuron(Sigmoid(50.0, 0.6, 2.0), bias=-5.0),
    "quadratic_alpha": lambda: PoissonNeuron(RectifiedQuadratic(), Alpha(0.010)),
}
