"""The online rule in pure spikes: every factor is a spike train or a trace of one.

Galtier & Wainrib 2013, Discussion: with both factors of the Hebbian term seen through g, STDP and
Hebb are one asymmetric window, of (gamma + l)/2 after a presynaptic spike and -(gamma - l)/2 before
it. Units fire at R (baseline + vbar) as postsynaptic and at R (1 + S(vbar)) as presynaptic ones;
baselines subtracted and over R, the trains x and y have the means vbar and S. With X = x * g and
Y = y * g, of past spikes only,

    dW/dt = eps/2 { (gamma + l) x Y' - (gamma - l) X y' - (W y) Y' - (W Y) y' }.

No spike is paired with itself, all terms have one gain, so no floor of gamma is left; what is left
is the noise of the spikes, smaller the larger R and the smaller gamma. Traces decay by Euler's map.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from steepest.arrays.numbers import Numbers
from steepest.errors import DataError, UsageError
from steepest.progress import progress_bar
from steepest.recurrent._kernels import lowpass, spike_steps
from steepest.recurrent.inputs import checked
from steepest.recurrent.limits import check_filters
from steepest.recurrent.network import RateNetwork
from steepest.recurrent.online import TERMS, OnlineRule

__all__ = ["SpikeLearning", "learn_from_spikes"]

_CHUNK = 100_000  # samples whose spikes are held at once


@dataclass(frozen=True, eq=False)
class SpikeLearning:
    """W (k, n, n) at `times` (k,), and the W (n, n) at which all these spikes would balance.

    `solved` is where the rule would rest if it had seen the whole run before it changed anything.

    >>> still = np.zeros((1, 2, 2))
    >>> SpikeLearning(np.zeros(1), still, still[0]).weights.shape
    (1, 2, 2)
    """

    times: Float[np.ndarray, " k"]
    weights: Float[np.ndarray, "k n n"]
    solved: Float[np.ndarray, "n n"]


def learn_from_spikes(
    rule: OnlineRule,
    inputs: Numbers,
    dt: float,
    *,
    intensity: float,
    rate: float,
    passes: float | int = 1,
    baseline: float = 3.0,
    seed: int = 0,
    record: Numbers = (),
) -> SpikeLearning:
    """Learn the inputs (t, n), shown `passes` times, from Poisson spikes alone; W starts at 0.

    - `rule`: an `OnlineRule` of a `RateNetwork` with all three terms; its gamma and l_net.
    - `inputs`: one row per sample, `dt` apart.
    - `intensity`: R, spikes per unit of time and of signal.
    - `rate`: eps, in 1/time.
    - `passes`: how often the inputs are shown.
    - `baseline`: of postsynaptic rates, in units of vbar, which must stay above minus it; the
      presynaptic one is 1, as |S| <= 1.
    - `seed`: of the spikes.
    - `record`: times at which W is kept (the end always is).

    Raises `UsageError` for a rule with options or another network, rates that would be negative,
    and steps past a stability limit, and `DataError` for too few spikes to solve for W.

    >>> from steepest.recurrent import RateNetwork
    >>> rule = OnlineRule(RateNetwork(), gamma=5.0, decay_net=50.0)
    >>> turns = 2 * np.pi * np.arange(500) / 500
    >>> shown = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    >>> run = learn_from_spikes(rule, shown, 0.01, intensity=1e6, rate=0.1, passes=40)
    >>> run.weights.shape, bool(run.solved[1, 0] > 1)
    ((1, 2, 2), True)
    """
    _check(rule, intensity, rate, baseline)
    shown = checked(inputs, dt)
    n, total = shown.shape[1], round(passes * len(shown))
    check_filters(dt, rule.gamma, rule.decay_net)
    if total < 1:
        raise UsageError(f"passes {passes}: show at least one sample")
    decay, gamma = rule.network.decay, rule.gamma  # pyright: ignore[reportAttributeAccessIssue]
    marks = {min(total, max(1, round(t / dt))) for t in np.ravel(record)} | {total}
    random = np.random.default_rng(seed)
    weights, push, square = np.zeros((3, n, n))
    vbar, post, pre = np.zeros((3, n))
    times, kept, first = [], [], 0
    with progress_bar("learning", float(total)) as advance:
        for last in sorted(marks | set(range(_CHUNK, total, _CHUNK))):
            stretch = np.ascontiguousarray(shown[np.arange(first, last) % len(shown)])
            seen = np.empty_like(stretch)
            lowpass(stretch, vbar, rule.decay_net * dt, seen)
            if not seen.min() > -baseline:
                raise UsageError(
                    f"the filtered input goes down to {seen.min():.3g}, and a rate is not negative:"
                    f" give a baseline above {-seen.min():.3g} (it is {baseline:g})"
                )
            x = _train(seen, baseline, intensity * dt, random)
            y = _train(rule.network.nonlinearity(seen), 1.0, intensity * dt, random)
            spike_steps(
                weights, x, y, post, pre, gamma * dt, gamma + decay, gamma - decay, rate * dt, push,
                square,
            )  # fmt: skip
            if not np.isfinite(weights).all():
                raise UsageError(
                    f"W has run away by time {last * dt:g}: scaling is unstable at eps {rate:g} and"
                    f" {intensity:g} spikes per unit of time; lower eps, or raise the intensity"
                )
            if last in marks:
                times.append(last * dt)
                kept.append(weights.copy())
            advance(float(last - first))
            first = last
    values = np.linalg.eigvalsh(square)
    if not values[0] > 1e-9 * values[-1]:
        raise DataError(
            "the spikes do not cover all directions of W: show the input longer, or raise the"
            " intensity"
        )
    solved = np.linalg.solve(square, push.T).T
    return SpikeLearning(np.array(times), np.array(kept), solved)


def _train(
    mean: Float[np.ndarray, "t n"], baseline: float, dose: float, random: np.random.Generator
) -> Float[np.ndarray, "t n"]:
    """Poisson counts of rate (baseline + mean), as a signal of that mean again."""
    return random.poisson(dose * (baseline + mean)) / dose - baseline


def _check(rule: OnlineRule, intensity: float, rate: float, baseline: float) -> None:
    plain = not rule.filtered and rule.diffusion is None and set(rule.terms) == set(TERMS)
    if not plain or not isinstance(rule.network, RateNetwork):
        raise UsageError("the rule in spikes is that of a RateNetwork, without options")
    if rule.network.nonlinearity.bound is None or rule.network.nonlinearity.bound > 1:
        raise UsageError("presynaptic rates are 1 + S(vbar): S stays within -1 and 1")
    for name, value in (("intensity", intensity), ("rate", rate), ("baseline", baseline)):
        if not (np.isfinite(value) and value > 0):
            raise UsageError(f"{name} is {value}: give a positive number")
