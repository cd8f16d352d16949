"""Recurrent networks that learn their input's dynamics by descending a relative entropy.

Galtier & Wainrib 2013. The cost is `relative_entropy`, its natural metric `InputCovariance`, its
online form `learn` with an `OnlineRule`.
"""

from steepest.recurrent.coupled import learn_in_network
from steepest.recurrent.entropy import InputCovariance, RelativeEntropy, relative_entropy
from steepest.recurrent.inputs import Inputs, limit_cycle, pooled, velocity
from steepest.recurrent.kuramoto import KuramotoEntropy
from steepest.recurrent.lift import AffineLift, BoxCode, DualWeights, fit_dual, lifted
from steepest.recurrent.natural import cramer_rao, natural_learn
from steepest.recurrent.network import (
    AdditiveNetwork,
    Kuramoto,
    RateNetwork,
    WilsonCowan,
    euler,
    linear_network,
    replay,
    rk4,
    simulate,
)
from steepest.recurrent.noise import fit_noisy, learn_noisy, path_entropy, stationary_covariance
from steepest.recurrent.nonlinearity import IDENTITY, TANH, Nonlinearity, logistic
from steepest.recurrent.online import Learning, OnlineRule, State, learn
from steepest.recurrent.wilson_cowan import WilsonCowanEntropy

__all__ = [
    "IDENTITY",
    "TANH",
    "AdditiveNetwork",
    "AffineLift",
    "BoxCode",
    "DualWeights",
    "InputCovariance",
    "Inputs",
    "Kuramoto",
    "KuramotoEntropy",
    "Learning",
    "Nonlinearity",
    "OnlineRule",
    "RateNetwork",
    "RelativeEntropy",
    "State",
    "WilsonCowan",
    "WilsonCowanEntropy",
    "cramer_rao",
    "euler",
    "fit_dual",
    "fit_noisy",
    "learn",
    "learn_in_network",
    "learn_noisy",
    "lifted",
    "limit_cycle",
    "linear_network",
    "logistic",
    "natural_learn",
    "path_entropy",
    "pooled",
    "relative_entropy",
    "replay",
    "rk4",
    "simulate",
    "stationary_covariance",
    "velocity",
]
