from .entropy import InputCovariance, RelativeEntropy, relative_entropy
from .inputs import Inputs, limit_cycle, pooled, velocity
from .kuramoto import KuramotoEntropy
from .lift import AffineLift, BoxCode, DualWeights, fit_dual, lifted
from .natural import cramer_rao, natural_learn
from .network import (
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
from .noise import fit_noisy, learn_noisy, path_entropy, stationary_covariance
from .nonlinearity import IDENTITY, TANH, Nonlinearity, logistic
from .online import Learning, OnlineRule, State, learn
from .reference import ReferenceRun, learn_in_network
from .spikes import SpikeLearning, learn_from_spikes
from .wilson_cowan import WilsonCowanEntropy

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
    "ReferenceRun",
    "RelativeEntropy",
    "SpikeLearning",
    "State",
    "WilsonCowan",
    "WilsonCowanEntropy",
    "cramer_rao",
    "euler",
    "fit_dual",
    "fit_noisy",
    "learn",
    "learn_from_spikes",
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
