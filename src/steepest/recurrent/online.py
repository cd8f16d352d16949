"""The online rule (Galtier & Wainrib 2013, Eq 5): STDP, a Hebbian term, and synaptic scaling.

dW/dt = eps [ (gamma/2) (vbar Y' - X s') + l vbar s' - (W s) s' ], s = S(vbar), X = vbar * g_gamma,
Y = s * g_gamma, and vbar = u * g_lnet (Eq 14): exactly, for every W(t), so that the rule is linear
in W, is driven by the filtered input, and cannot blow up through the network's activity.

The discrete map is Euler's, every right-hand side from the old values (other orders bias the gain
of STDP by gamma dt / 2, which then dominates all errors): W += eps dt [...];
X += gamma dt (vbar - X); Y, likewise; vbar += l_net dt (u - vbar). W is float64.

"Converges exactly" (hybrid model) is not so: the floor is about a / l_net^2 + b / gamma^2 + c eps,
and eps dominates at the paper's .01. Its cures: a schedule of rates, `block="input"` (B and C
gathered over whole periods), `filtered=True` (all three terms seen through g_gamma).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.linalg.blas import dgemm  # pyright: ignore[reportAttributeAccessIssue]

from steepest.arrays.entry import readable
from steepest.arrays.numbers import Numbers
from steepest.errors import DataError, UsageError
from steepest.progress import progress_bar
from steepest.recurrent._kernels import lowpass, rank_two_steps
from steepest.recurrent.inputs import Inputs, checked
from steepest.recurrent.limits import Rates, check_filters, check_rate, rate_schedule
from steepest.recurrent.network import AbstractAdditive
from steepest.recurrent.stdp import periodic_lowpass

__all__ = ["Learning", "OnlineRule", "Signals", "State", "Terms", "learn"]

# Numbers per signal held at once: few enough for the cache where samples are taken one by one,
# many where the products of a block want them.
CHUNK = 30_000
BLOCK_CHUNK = 1_500_000
TERMS = ("stdp", "hebbian", "scaling")


@dataclass(frozen=True, eq=False)
class Terms:
    """The three terms of the rule, each (n, n), as rates of W per unit of eps."""

    stdp: Float[np.ndarray, "n n"]
    hebbian: Float[np.ndarray, "n n"]
    scaling: Float[np.ndarray, "n n"]

    @property
    def total(self) -> Float[np.ndarray, "n n"]:
        return self.stdp + self.hebbian + self.scaling


@dataclass(frozen=True, eq=False)
class State:
    """What the rule carries from one sample to the next: W (n, n), and vbar, X and Y (n,).

    >>> State.silent(2).weights.shape
    (2, 2)
    """

    weights: Float[np.ndarray, "n n"]
    filtered_input: Float[np.ndarray, " n"]
    filtered_post: Float[np.ndarray, " n"]
    filtered_pre: Float[np.ndarray, " n"]

    @classmethod
    def silent(cls, n: int) -> "State":
        """Everything zero."""
        return cls(np.zeros((n, n)), np.zeros(n), np.zeros(n), np.zeros(n))

    def copy(self) -> "State":
        """Its own arrays, in double precision: changes of W below rounding would be lost."""
        fields = self.__dataclass_fields__
        return State(*(np.array(getattr(self, name), dtype=np.float64) for name in fields))


@dataclass(frozen=True, eq=False)
class Signals:
    """One stretch of what drives W, each (t, n).

    dW/dt = eps [left traces' + stdp_push rates' + (hebbian_push - W pre) pre'].
    """

    left: Float[np.ndarray, "t n"]
    traces: Float[np.ndarray, "t n"]
    stdp_push: Float[np.ndarray, "t n"]
    hebbian_push: Float[np.ndarray, "t n"]
    rates: Float[np.ndarray, "t n"]  # s
    pre: Float[np.ndarray, "t n"]  # s, or Y where all terms are filtered
    slopes: Float[np.ndarray, "t n"] | None  # S'(vbar), with noise correction only


@dataclass(frozen=True, eq=False)
class OnlineRule:
    """Rule (5) for an additive network.

    `network` gives f (the Hebbian term is -f(vbar) s', so l vbar s' for a `RateNetwork`) and S;
    `gamma` is the rate of the STDP window and `decay_net` is l_net, the network's own decay: equal
    to l in the homogeneous model, much larger in the hybrid one. All in 1/time.

    `filtered`: all three terms are seen through g_gamma; the gamma floor vanishes identically.
    `diffusion`: D (n, n) of the input's noise; STDP estimates the Stratonovich drift, and
    D diag<S'(vbar)> is subtracted from it to make the Ito one. `terms`: those of the three that
    act, all unless given; without scaling W grows for ever.

    >>> from steepest.recurrent import RateNetwork
    >>> rule = OnlineRule(RateNetwork(), gamma=10.0, decay_net=10.0)
    >>> rule.filtered, rule.terms
    (False, ('stdp', 'hebbian', 'scaling'))
    """

    network: AbstractAdditive
    gamma: float
    decay_net: float
    filtered: bool = False
    diffusion: Float[np.ndarray, "n n"] | None = None
    terms: tuple[str, ...] = TERMS

    def __post_init__(self) -> None:
        unknown = [name for name in self.terms if name not in TERMS]
        if unknown or not self.terms:
            raise UsageError(f"terms {self.terms!r}: give some of {', '.join(TERMS)}")
        if self.diffusion is not None and "stdp" not in self.terms:
            raise UsageError("a diffusion corrects the STDP term: keep it, or leave D out")

    def signals(
        self, inputs: Float[np.ndarray, "t n"], dt: float, state: State
    ) -> tuple[Signals, State]:
        """The signals of a stretch of inputs, and the filters after it (W is left as it was)."""
        state = state.copy()
        drive = np.ascontiguousarray(inputs, dtype=np.float64)
        vbar, post, traces = np.empty_like(drive), np.empty_like(drive), np.empty_like(drive)
        lowpass(drive, state.filtered_input, self.decay_net * dt, vbar)
        lowpass(vbar, state.filtered_post, self.gamma * dt, post)
        rates = self.network.nonlinearity(vbar)
        lowpass(rates, state.filtered_pre, self.gamma * dt, traces)
        return self._signals(vbar, rates, post, traces), state

    def steady(self, inputs: Inputs, *, discrete: bool = True) -> Signals:
        """The signals of a periodic input once its filters have settled.

        Of the discrete map that `learn` runs, or, not `discrete`, of the filters in continuous
        time. Raises `UsageError` for an input that is not periodic.
        """
        if not inputs.periodic:
            raise UsageError("a steady state of the filters needs a periodic input: Inputs.cycle")
        if discrete:
            check_filters(inputs.dt, self.gamma, self.decay_net)

        def lag(signal: np.ndarray, rate: float) -> np.ndarray:
            return periodic_lowpass(signal, rate, inputs.dt, discrete=discrete)

        vbar = lag(inputs.states, self.decay_net)
        rates = self.network.nonlinearity(vbar)
        return self._signals(vbar, rates, lag(vbar, self.gamma), lag(rates, self.gamma))

    def _signals(
        self, vbar: np.ndarray, rates: np.ndarray, post: np.ndarray, traces: np.ndarray
    ) -> Signals:
        half = self.gamma / 2 if "stdp" in self.terms else 0.0
        slopes = None
        if self.diffusion is not None:
            slopes = self.network.nonlinearity.derivative(vbar)
        # Seen through g, all terms stand on Y; STDP keeps its antisymmetric form.
        hebbian = -self.network.intrinsic(post if self.filtered else vbar)
        if "hebbian" not in self.terms:
            hebbian = np.zeros_like(hebbian)
        pre = traces if self.filtered else rates
        return Signals(half * vbar, traces, -half * post, hebbian, rates, pre, slopes)

    def averages(self, signals: Signals) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Time means: STDP (n, n), Hebbian (n, n), and the covariance that scaling multiplies."""
        count = len(signals.rates)
        stdp = (signals.left.T @ signals.traces + signals.stdp_push.T @ signals.rates) / count
        if self.diffusion is not None and signals.slopes is not None:
            stdp = stdp - self.diffusion * signals.slopes.mean(axis=0)
        hebbian = signals.hebbian_push.T @ signals.pre / count
        return stdp, hebbian, signals.pre.T @ signals.pre / count

    def mean_terms(self, signals: Signals, weights: Float[np.ndarray, "n n"]) -> Terms:
        """The time means of the three terms at a connectivity; 0 for one that does not act."""
        stdp, hebbian, covariance = self.averages(signals)
        return Terms(stdp, hebbian, -weights @ covariance * ("scaling" in self.terms))

    def equilibrium(self, inputs: Inputs, *, discrete: bool = True) -> Float[np.ndarray, "n n"]:
        """Where the averaged rule ends (rule 15 at rest): (STDP + Hebbian) C^-1; see `steady`.

        Raises `DataError` for an input that leaves C singular, `UsageError` without scaling.
        """
        if "scaling" not in self.terms:
            raise UsageError("without scaling W grows for ever: the rule has no equilibrium")
        stdp, hebbian, covariance = self.averages(self.steady(inputs, discrete=discrete))
        values = np.linalg.eigvalsh(covariance)
        if values[0] <= 1e-12 * values[-1]:
            raise DataError(
                "the filtered input covers"
                f" {int(np.sum(values > 1e-12 * values[-1]))} of {len(values)} directions: the"
                " rule has no single equilibrium (see RelativeEntropy.minimum for which)"
            )
        return np.linalg.solve(covariance, (stdp + hebbian).T).T


@dataclass(frozen=True, eq=False)
class Learning:
    """A run of the online rule: W (k, n, n) at `times` (k,), and the state it ended in.

    `terms[i]` holds the mean of the three terms between times[i-1] and times[i] (from 0 for the
    first), where asked for; else `terms` is empty. `mean` is W averaged over the last pass of an
    input that was shown more than once, else the W it ended at.

    >>> from steepest.recurrent import RateNetwork
    >>> rule = OnlineRule(RateNetwork(), gamma=10.0, decay_net=10.0)
    >>> run = learn(rule, np.ones((40, 2)), dt=0.01, rate=0.1, record=[0.2])
    >>> run.times, run.weights.shape
    (array([0.2, 0.4]), (2, 2, 2))
    """

    times: Float[np.ndarray, " k"]
    weights: Float[np.ndarray, "k n n"]
    terms: tuple[Terms, ...]
    state: State
    mean: Float[np.ndarray, "n n"]


@readable
def learn(
    rule: OnlineRule,
    inputs: Numbers,
    dt: float,
    *,
    rate: Rates,
    passes: float | int = 1,
    block: int | Literal["input"] = 1,
    record: Numbers = (),
    terms: bool = False,
    start: State | None = None,
) -> Learning:
    """Run the rule on `inputs` (t, n), shown `passes` times in a row; the network is not simulated.

    - `rule`: the network's nonlinearity and the time constants of learning (`OnlineRule`).
    - `inputs`: one row per sample, `dt` apart; `passes`: how often they are shown.
    - `rate`: eps, in 1/time, or pairs (eps, until time), each eps holding until its time.
    - `block`: with K > 1, W is held during K samples and changed at their end: the same to first
      order in eps K dt, and several times faster for large n; "input" takes one whole pass as a
      block (and whole passes only).
    - `record`: times at which W is kept (the end always is), moved up to the end of their block.
    - `terms`: keep the three terms too. `start`: continue a run.

    Raises `UsageError`, before anything runs, where dt or eps is past a stability limit (named,
    with the largest dt that is not), and `DataError` for inputs shorter than a filter remembers.

    >>> from steepest.recurrent import RateNetwork
    >>> rule = OnlineRule(RateNetwork(), gamma=10.0, decay_net=10.0)
    >>> turns = 2 * np.pi * np.arange(100) / 100
    >>> shown = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    >>> run = learn(rule, shown, dt=0.02, rate=0.1, passes=50, block="input")
    >>> run.weights[-1].round(1)
    array([[ 1.2, -3.4],
           [ 3.4,  1.2]])
    """
    shown = checked(inputs, dt)
    n, period = shown.shape[1], len(shown)
    total = period * round(passes) if block == "input" else round(passes * period)
    span = period if block == "input" else block
    if span < 1 or total < 1:
        raise UsageError(f"block {block}, passes {passes}: give at least one sample and one pass")
    check_filters(dt, rule.gamma, rule.decay_net)
    slowest = 1 / min(rule.gamma, rule.decay_net)
    if total * dt < slowest:
        raise DataError(
            f"the input lasts {total * dt:g}, less than the slowest filter's time constant"
            f" {slowest:g}: show it longer, or more often"
        )
    schedule = rate_schedule(rate, total, dt)
    state = State.silent(n) if start is None else start.copy()
    largest, bound = max(eps for _, eps in schedule), rule.network.nonlinearity.bound
    if "scaling" not in rule.terms:
        bound = 0.0  # nothing contracts, so nothing can oscillate
    if bound is None or largest * dt * span * n * bound**2 >= 2:  # else no input can be past it
        check_rate(_driving(rule, shown, dt), dt, largest, span)
    marks = {min(total, -(-round(t / dt) // span) * span) for t in np.ravel(record)} | {total}
    ends = marks | {end for end, _ in schedule} if span == 1 else set(range(span, total, span))
    chunk = max(1, (CHUNK if span == 1 else BLOCK_CHUNK) // n)
    if span == 1:
        ends |= set(range(chunk, total, chunk))
        if total > period:
            # W runs round a small cycle with the input: its mean needs several samples of a pass.
            ends |= {total - period * k // 64 for k in range(64)}
    ends = sorted(end for end in ends | {total} if 0 < end <= total)
    times, kept, log = [], [], []
    since = state.weights.copy()
    tally = _Tally(np.zeros((n, n)), np.zeros((n, n)), 0.0)
    mean, weight, first = np.zeros((n, n)), 0, 0
    longest = min(chunk, max(b - a for a, b in pairwise([0, *ends])))
    looped = shown if period >= longest else np.concatenate([shown] * (1 + -(-longest // period)))
    with progress_bar("learning", float(total)) as advance:
        for last in ends:
            eps = next(eps for end, eps in schedule if first < end)
            delta = np.zeros((n, n)) if span > 1 else None
            for begin in range(first, last, chunk):
                place, count = begin % period, min(last - begin, chunk)
                stretch = looped[place : place + count]
                if len(stretch) < count:
                    stretch = np.concatenate([stretch, shown[: count - len(stretch)]])
                signals, state = rule.signals(stretch, dt, state)
                _change(rule, signals, state.weights, eps * dt, delta)
                if terms:
                    tally.add(rule, signals, eps * dt)
            if delta is not None:
                np.add(state.weights, delta, out=state.weights)
            if last > total - period:
                mean += (last - first) * state.weights
                weight += last - first
            if last in marks:
                times.append(last * dt)
                kept.append(state.weights.copy())
                if terms:
                    log.append(tally.close(state.weights - since))
                    since = state.weights.copy()
            advance(float(last - first))
            first = last
    average = mean / weight if total > period else state.weights
    return Learning(np.array(times), np.array(kept), tuple(log), state, average)


@dataclass
class _Tally:
    """Sums of the terms since W was last kept; scaling is what they leave of W's change."""

    stdp: np.ndarray
    hebbian: np.ndarray
    dose: float

    def add(self, rule: OnlineRule, signals: Signals, step: float) -> None:
        count = len(signals.rates)
        stdp, hebbian, _ = rule.averages(signals)
        self.stdp += step * count * stdp
        self.hebbian += step * count * hebbian
        self.dose += step * count

    def close(self, change: np.ndarray) -> Terms:
        stdp, hebbian = self.stdp / self.dose, self.hebbian / self.dose
        self.stdp, self.hebbian, dose = np.zeros_like(stdp), np.zeros_like(stdp), self.dose
        self.dose = 0.0
        return Terms(stdp, hebbian, change / dose - stdp - hebbian)


def _change(
    rule: OnlineRule, signals: Signals, weights: np.ndarray, step: float, delta: np.ndarray | None
) -> None:
    """W's change by a stretch: sample after sample, or, W held, added to `delta`."""
    if delta is None:
        slopes = signals.slopes if signals.slopes is not None else np.empty((0, 0))
        rank_two_steps(
            weights,
            signals.left,
            signals.traces,
            signals.stdp_push,
            signals.hebbian_push,
            signals.rates,
            signals.pre,
            rule.filtered,
            slopes,
            rule.diffusion if rule.diffusion is not None else np.empty((0, 0)),
            step,
            "scaling" in rule.terms,
        )
        return
    # The sum over samples of [push + hebbian_push - W pre] pre' and of the STDP term's other half,
    # as three products added in place (the transposed views are in Fortran's order already).
    push, other, partner = signals.stdp_push, signals.left, signals.traces
    if rule.filtered:
        push, other, partner = signals.left, signals.stdp_push, signals.rates
    push = np.add(push, signals.hebbian_push, order="C")
    if "scaling" in rule.terms:
        dgemm(-1.0, weights.T, signals.pre.T, 1.0, push.T, trans_a=True, overwrite_c=True)
    for post, pre in ((push, signals.pre), (other, partner)):
        dgemm(step, pre.T, post.T, 1.0, delta.T, trans_b=True, overwrite_c=True)
    if rule.diffusion is not None and signals.slopes is not None:
        delta -= step * rule.diffusion * signals.slopes.sum(axis=0)


def _driving(rule: OnlineRule, shown: np.ndarray, dt: float) -> Iterator[np.ndarray]:
    """The rates that scaling multiplies, (t, n) at a time, over the first showing."""
    state = State.silent(shown.shape[1])
    chunk = max(1, BLOCK_CHUNK // shown.shape[1])
    for first in range(0, len(shown), chunk):
        signals, state = rule.signals(shown[first : first + chunk], dt, state)
        yield signals.pre
