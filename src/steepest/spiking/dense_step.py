"""One step of the dense engine: all trials, every synapse, as a pure function of JAX arrays.

In this order (the event-driven engine has the same): the teacher's spikes are drawn and the weights
updated with the USPs as they stand; the USPs decay; this step's spikes are added and count from the
next step on.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.special import pdtrc

from steepest.arrays.numbers import like
from steepest.errors import LearningError, MetricError
from steepest.geometry.chart import AbstractChart
from steepest.spiking.afferents import MOST_EXPECTED
from steepest.spiking.fisher import NeuronFisher
from steepest.spiking.neuron import PoissonNeuron
from steepest.spiking.rules import AbstractRule, AbstractSomaticRule
from steepest.spiking.task import AbstractTeacher, GivenTeacher, RealisableTeacher

__all__ = [
    "Model",
    "Trial",
    "advance_trials",
    "draw_counts",
    "explain_failure",
    "look_at",
    "most_drawn",
]

_RARE = 1e-17  # a count of spikes in a bin that is less likely than this is not drawn


class Model(eqx.Module):
    """All that stays as it is during a run, as arrays: what one trial's step needs."""

    neuron: PoissonNeuron
    rule: AbstractRule
    chart: AbstractChart
    rates: Array  # (n,) Hz, or (knots, n) beside `knots`
    knots: Array  # (knots,) s
    means: Any
    variances: Any
    given: Array  # (n,) which afferents have given trains
    transition: Array
    factors: Array  # () or (n,): how much of a teacher's spike reaches each synapse
    eta: Array
    dt: Array
    most: int = eqx.field(static=True)  # the largest count drawn of an afferent in a bin
    source: type = eqx.field(static=True)  # which kind of teacher
    own: AbstractTeacher | None  # the teacher itself, where it is of the user's own class
    drawn: bool = eqx.field(static=True)  # whether spikes are drawn or all given

    def fisher(self, step: Array) -> NeuronFisher:
        """The metric at a step, of the rates of the moment."""
        if self.rates.ndim == 1:
            rates = self.rates
        else:
            time = like(step, self.dt) * self.dt
            rates = jax.vmap(lambda r: jnp.interp(time, self.knots, r), in_axes=1)(self.rates)
        return NeuronFisher(self.neuron, rates, self.means, self.variances)


class Trial(NamedTuple):
    """A trial's moving state; `failed` is the step that was not taken, or -1."""

    weights: Array  # (n,)
    traces: Array  # (2, n)
    failed: Array
    growth: Array  # lambda of the failed step


def most_drawn(expected: float) -> int:
    """The largest count per bin worth drawing."""
    # The tail of Poisson's law; scipy.stats, which has it by name, takes long to import.
    return int(np.argmax(pdtrc(np.arange(64), expected) < _RARE))


def draw_counts(expected: Any, uniform: Any, most: int) -> Any:
    """Poisson counts by inversion: how many cumulative probabilities lie below `uniform`."""
    probability = total = jnp.exp(-expected)
    count = jnp.zeros_like(uniform)
    for k in range(1, most + 1):
        count = count + (uniform > total).astype(uniform.dtype)
        probability = probability * expected / k
        total = total + probability
    return count


def take_step(
    model: Model,
    teacher: Array,
    key: Array,
    counts: Array,
    taught: Array,
    step: Array,
    trial: Trial,
) -> Trial:
    """One step of one trial; `counts` (n,) and `taught` are given spikes, or what is not drawn."""
    neuron, kernel = model.neuron, model.neuron.kernel
    w, z = trial.weights, trial.traces
    x = like(kernel.readout, w) @ z
    somatic = model.chart(w)
    V = jnp.sum(somatic * x)
    fisher = model.fisher(step)
    expected_taught = like(0, w)
    if model.source is RealisableTeacher:
        expected_taught = neuron.rate(jnp.sum(teacher * x)) * model.dt
    elif model.own is not None:
        rate = model.own.rate(x, like(step, model.dt) * model.dt)
        expected_taught = like(rate, w) * model.dt
    elif model.source is not GivenTeacher:
        expected_taught = teacher * model.dt
    spikes, y = counts, taught
    if model.drawn:
        n = w.shape[0]
        uniform = jax.random.uniform(jax.random.fold_in(key, step), (n + 1,), dtype=w.dtype)
        expected = like(fisher.rates, w) * model.dt
        spikes = jnp.where(model.given, counts, draw_counts(expected, uniform[:n], model.most))
        if model.source is not GivenTeacher:
            y = draw_counts(expected_taught, uniform[n], most_drawn(MOST_EXPECTED))
    reached = model.factors * y
    score = neuron.score(jnp.broadcast_to(V, reached.shape), reached, model.dt)
    updated, growth = model.rule.step(fisher, w, x, model.chart, model.eta * score)
    growing = 1 + model.eta * jnp.min(score * growth)
    usable = jnp.isfinite(updated).all() & (growing > 0) & (expected_taught <= MOST_EXPECTED)
    moved = Trial(
        updated,
        model.transition @ z + jnp.outer(like(kernel.kick, w), spikes),
        trial.failed,
        trial.growth,
    )
    alive = trial.failed < 0
    stopped = Trial(w, z, jnp.asarray(step, dtype=trial.failed.dtype), growing)
    choice = jax.tree.map(lambda a, b: jnp.where(usable, a, b), moved, stopped)
    return jax.tree.map(lambda a, b: jnp.where(alive, a, b), choice, trial)


@eqx.filter_jit
def advance_trials(
    model: Model,
    teacher: Array,
    keys: Array,
    counts: Array,
    taught: Array,
    first: Array,
    last: Array,
    trials: Trial,
) -> Trial:
    """All trials from step `first` to `last`; given spikes are those from `first` on.

    `counts` (steps, n) or (steps, trials, n), or (n,) zeros where none are given; `taught`
    (steps,) or (steps, trials), or one 0.
    """

    def advance_all(step: Array, state: Trial) -> Trial:
        now = counts if counts.ndim == 1 else counts[step - first]
        y = taught if taught.ndim == 0 else taught[step - first]
        axes = (0, 0, 0 if now.ndim == 2 else None, 0 if y.ndim == 1 else None, 0)

        def advance(teacher: Array, key: Array, c: Array, y: Array, trial: Trial) -> Trial:
            return take_step(model, teacher, key, c, y, step, trial)

        dtype = model.dt.dtype
        return jax.vmap(advance, in_axes=axes)(
            teacher, keys, now.astype(dtype), y.astype(dtype), state
        )

    return jax.lax.fori_loop(first, last, advance_all, trials)


@eqx.filter_jit
def look_at(model: Model, step: Array, trials: Trial) -> dict[str, Array]:
    """V and the rule's coefficients of every trial."""

    def look(trial: Trial) -> dict[str, Array]:
        x = like(model.neuron.kernel.readout, trial.weights) @ trial.traces
        somatic = model.chart(trial.weights)
        seen = {"voltage": jnp.sum(somatic * x), "somatic": somatic}
        if isinstance(model.rule, AbstractSomaticRule):
            gamma = model.rule.coefficients(model.fisher(step), somatic, x)
            seen |= gamma._asdict()
        return seen

    return jax.vmap(look)(trials)


def explain_failure(model: Model, trials: Trial, dt: float) -> None:
    """Raise what went wrong in the first trial that stopped, if one did."""
    failed = np.asarray(trials.failed)
    if (failed < 0).all():
        return
    k = int(np.flatnonzero(failed == failed[failed >= 0].min())[0])
    step, growth = int(failed[k]), float(trials.growth[k])
    place = f"trial {k}, step {step} ({step * dt:g} s)"
    weights, traces = trials.weights[k], trials.traces[k]
    somatic = model.chart(weights)
    fisher = model.fisher(jnp.asarray(step))
    try:
        fisher.check(somatic)
    except ValueError as error:
        raise type(error)(f"{place}: {error}") from error
    usps = np.asarray(model.neuron.kernel.readout) @ np.asarray(traces)
    unseen = (np.asarray(fisher.usp_variances()) == 0) & (usps != 0)
    direction = model.rule.respond(fisher, weights, jnp.asarray(usps), model.chart)[0]
    if unseen.any() and not np.isfinite(np.asarray(direction)).all():
        i = int(np.flatnonzero(unseen)[0])
        raise MetricError(
            f"{place}: afferent {i} has a rate of 0 Hz there, so that its USP has no variance in "
            f"the metric, but its USP is {usps[i]:.3g} mV, left by earlier spikes; keep its rate "
            "above 0 (a tenth of a Hz will do), or take the Euclidean rule"
        )
    if np.isfinite(growth) and growth <= 0:
        safe = float(model.eta) / (1 - growth)
        raise LearningError(
            f"{place}: the learning rate {float(model.eta):g} multiplies the weights by "
            f"{growth:.3g} in one step, past 0; the largest safe rate there is {safe:.3g}"
        )
    V = float(np.sum(np.asarray(somatic) * usps))
    raise LearningError(
        f"{place}: the weights' change is not finite, or the teacher fires more than "
        f"{MOST_EXPECTED} spikes per bin (V = {V:g} mV, largest weight "
        f"{float(jnp.max(jnp.abs(somatic))):g}); lower the learning rate, or take another transfer "
        "function or a smaller dt"
    )
