"""Inputs with noise: du = f(u) dt + L dB, L L' = 2 D. The drift and the diffusion, from one series.

Galtier & Wainrib 2013 name this as a perspective: the network "should learn both the vector field
through W and the diffusion matrix". The relative entropy of two path laws exists only where both
have the same D (Girsanov); with different ones it is infinite, and refused here.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
from jaxtyping import Float

from steepest.arrays.given import real_numbers
from steepest.arrays.numbers import Numbers
from steepest.errors import DataError, UsageError
from steepest.recurrent.entropy import Minimum, precision_of, relative_entropy
from steepest.recurrent.inputs import Inputs, checked
from steepest.recurrent.network import AbstractAdditive
from steepest.recurrent.online import OnlineRule, State, learn

__all__ = [
    "NoisyFit",
    "PathEntropy",
    "dissipated",
    "fit_noisy",
    "learn_noisy",
    "path_entropy",
    "stationary_covariance",
]

Drift = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class NoisyFit:
    """Weights (n, n) and diffusion matrix D (n, n) of one series; `minimum` says how determined."""

    weights: Float[np.ndarray, "n n"]
    diffusion: Float[np.ndarray, "n n"]
    minimum: Minimum


def fit_noisy(
    series: Numbers, dt: float, network: AbstractAdditive, *, ridge: float = 0.0, cut: float = 0.0
) -> NoisyFit:
    """W and D of one noisy series (t, n), as a batch: the path's maximum likelihood.

    W from forward differences, which are the Ito ones and free of the bias that central ones (and
    STDP) have; D = dt <r r'> / 2 over the residuals r, with t - n degrees of freedom. Errors as
    `RelativeEntropy.minimum`, and `DataError` for a series of no more rows than units.

    >>> from steepest.recurrent import linear_network, simulate
    >>> noise = {"diffusion": np.eye(1), "seed": 0}
    >>> path = simulate(linear_network(), np.zeros((1, 1)), [0.0], 0.01, 5000, **noise)
    >>> fit = fit_noisy(path, 0.01, linear_network())
    >>> fit.diffusion.round(1)
    array([[1.]])
    """
    inputs = Inputs.sampled(series, dt, xi="forward")
    count, n = inputs.states.shape
    if count <= n:
        raise DataError(f"{count + 1} rows cannot determine {n} units: give more than {n + 1}")
    minimum = relative_entropy(inputs, network).minimum(ridge=ridge, cut=cut)
    residual = inputs.velocities - network.field(minimum.weights, inputs.states)
    diffusion = dt * residual.T @ residual / (2 * (count - n))
    return NoisyFit(minimum.weights, diffusion, minimum)


def learn_noisy(
    rule: OnlineRule, series: Numbers, dt: float, *, rate: float, block: int = 1000
) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, "n n"], State]:
    """W and D learned online from one noisy series (t, n): (W, D, state).

    D is the running mean of du du' / (2 dt), of bias dt <f f'> / 2; the rule's STDP is a
    Stratonovich drift, from which D diag<S'> is taken with the D of the moment, renewed every
    `block` samples. Raises as `learn`.

    >>> from steepest.recurrent import linear_network, simulate
    >>> noise = {"diffusion": np.eye(1), "seed": 0}
    >>> path = simulate(linear_network(), np.zeros((1, 1)), [0.0], 0.01, 5000, **noise)
    >>> rule = OnlineRule(linear_network(), gamma=20.0, decay_net=20.0)
    >>> weights, diffusion, state = learn_noisy(rule, path, 0.01, rate=0.1)
    >>> diffusion.round(1)
    array([[1.]])
    """
    states = checked(series, dt)
    n = states.shape[1]
    state, total, seen = None, np.zeros((n, n)), 0
    weights = np.zeros((n, n))
    for first in range(0, len(states) - 1, block):
        stretch = states[first : first + block]
        steps = np.diff(states[first : first + block + 1], axis=0)
        total += steps.T @ steps / (2 * dt)
        seen += len(steps)
        noisy = replace(rule, diffusion=total / seen)
        run = learn(noisy, stretch, dt, rate=rate, start=state)
        state, weights = run.state, run.weights[-1]
    if state is None:
        raise DataError("one row is no series")
    return weights, total / seen, state


def stationary_covariance(
    drift: Float[np.ndarray, "n n"], diffusion: Float[np.ndarray, "n n"]
) -> Float[np.ndarray, "n n"]:
    """P of du = A u dt + L dB: the Lyapunov equation A P + P A' + 2 D = 0.

    Raises `DataError` where A is not stable, so that there is no stationary state.

    >>> stationary_covariance(-np.eye(2), np.diag([0.5, 2.0]))
    array([[0.5, 0. ],
           [0. , 2. ]])
    """
    slowest = np.linalg.eigvals(drift).real.max()
    if slowest >= 0:
        raise DataError(
            f"the drift matrix has an eigenvalue of real part {slowest:.3g}: a linear network with"
            " that drift has no stationary state"
        )
    return scipy.linalg.solve_continuous_lyapunov(drift, -2 * diffusion)


def dissipated(
    drift: Float[np.ndarray, "n n"], covariance: Float[np.ndarray, "n n"]
) -> Float[np.ndarray, "n n"]:
    """D = -(A P + P A') / 2: the noise that keeps covariance P up against drift A.

    Fluctuation-dissipation: D without a look at the increments.
    """
    return -(drift @ covariance + covariance @ drift.T) / 2


@dataclass(frozen=True, eq=False)
class PathEntropy:
    """H(Q|P) in nats over the paths' duration, two ways, each with its standard error.

    `quadratic` is E_Q int |g - f|^2_{(2D)^-1} dt / 2 (Eq 13), `log_ratio` is E_Q ln dQ/dP.
    """

    quadratic: float
    quadratic_error: float
    log_ratio: float
    log_ratio_error: float


def path_entropy(
    drift: Drift,
    other: Drift,
    paths: Float[np.ndarray, "t paths n"],
    dt: float,
    diffusion: Float[np.ndarray, "n n"],
    other_diffusion: Float[np.ndarray, "n n"] | None = None,
) -> PathEntropy:
    """Relative entropy of the law with `drift` (Q), whose `paths` are given, and that with `other`.

    Eq 12 as printed has E_Q ln dP/dQ, which is not positive; it must read E_Q ln dQ/dP, which is
    what Eq 13 is. Raises `UsageError` where the two laws have different diffusion matrices.

    >>> paths = np.cumsum(np.random.default_rng(0).standard_normal((100, 50, 1)), axis=0) * 0.1
    >>> entropy = path_entropy(lambda u: 0 * u, lambda u: 1 + 0 * u, paths, 0.01, np.eye(1) / 2)
    >>> round(entropy.quadratic, 3)
    0.495
    """
    same = real_numbers(diffusion, "diffusion")
    if other_diffusion is not None and not np.allclose(same, other_diffusion, rtol=1e-9, atol=0):
        gap = np.abs(same - other_diffusion)
        i, j = np.unravel_index(gap.argmax(), gap.shape)
        raise UsageError(
            f"the two diffusion matrices differ (entry ({i}, {j}): {same[i, j]:g} and"
            f" {np.asarray(other_diffusion)[i, j]:g}): the path laws are mutually singular and"
            " their relative entropy is infinite; compare drifts under one diffusion matrix"
        )
    precision = precision_of(same)
    begin, steps = paths[:-1], np.diff(paths, axis=0)
    g, f = drift(begin), other(begin)
    gap = g - f
    quadratic = np.einsum("tpi,ij,tpj->p", gap, precision, gap, optimize=True) * dt / 2
    driven = steps - (g + f) / 2 * dt
    ratio = np.einsum("tpi,ij,tpj->p", gap, precision, driven, optimize=True)
    root = np.sqrt(paths.shape[1])
    return PathEntropy(
        float(quadratic.mean()),
        float(quadratic.std(ddof=1) / root),
        float(ratio.mean()),
        float(ratio.std(ddof=1) / root),
    )
