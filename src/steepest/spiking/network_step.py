"""A step and an update of a network, as pure functions of JAX arrays of one trial.

In a step: rates follow from the USPs as they stand; the teacher's, the hidden neurons' and the
inputs' spikes are drawn; scores of the outputs and the credit of hidden neurons are added up; the
USPs decay and this step's spikes count from the next step on. Steps make an update, in which the
rule changes the weights once.

Credit of a hidden weight is `network_credit`'s: e_k = (z_k - phi_k dt) phi'_k/phi_k at the outputs,
sent back through v_kj onto the traces of what the weight does to hidden USPs. They are driven by
phi'_j dt, the expected change of the neuron's spikes, by its own spikes, or by half of each.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import xlogy
from jaxtyping import Array

from steepest.arrays.numbers import like
from steepest.spiking.afferents import MOST_EXPECTED
from steepest.spiking.dense_step import draw_counts, most_drawn
from steepest.spiking.network_credit import advance_credit, covectors_of, felt_by
from steepest.spiking.network_rules import AbstractNetworkRule, LayerView, network_shares
from steepest.spiking.network_tasks import AbstractNetworkTask, Clock
from steepest.spiking.neuron import PoissonNeuron

__all__ = ["Fast", "NetworkModel", "NetworkTrial", "advance_updates", "watch"]

_MOST = most_drawn(MOST_EXPECTED)


class NetworkModel(eqx.Module):
    """All that stays as it is during a run."""

    neuron: PoissonNeuron
    task: AbstractNetworkTask
    rule: AbstractNetworkRule
    factors: tuple[Array, ...]  # of dendritic weights, (neurons, afferents)
    shown: Array  # (patterns, inputs) Hz
    rates: Array  # learning rates, one a layer
    cap: Array  # mV, infinite for none
    limit: Array  # mV past which an update ends the run
    transition: Array
    dt: Array
    memory: Array  # s over which USPs are averaged
    steps: int = eqx.field(static=True)  # in an update
    hold: int = eqx.field(static=True)  # updates for which a pattern is shown; 0: always
    spiked: float = eqx.field(static=True)  # share of credit that own spikes drive


class Fast(NamedTuple):
    """What moves in a step: kernel states of each layer's afferents, of credit, the teacher's."""

    traces: tuple[Array, ...]
    credit: tuple[tuple[Array, ...], ...]  # as `begin_credit` makes it
    teacher: Any


class NetworkTrial(NamedTuple):
    """A trial's moving state; `failed` is the update that was not taken, or -1."""

    weights: tuple[Array, ...]
    fast: Fast
    means: tuple[Array, ...]
    variances: tuple[Array, ...]
    hidden_rates: tuple[Array, ...]  # Hz, of each hidden layer
    information: tuple[Array, ...]  # Hz/mV^2, of the layers above the first hidden one, or outputs
    memory: Any
    failed: Array
    step: Array  # mV, the largest of the failed update
    where: Array  # (2,): its layer and neuron


class _Sums(NamedTuple):
    covectors: tuple[Array, ...]
    first: tuple[Array, ...]
    second: tuple[Array, ...]
    hidden_rates: tuple[Array, ...]
    information: tuple[Array, ...]
    loss: Array
    outputs: Array
    busiest: Array  # spikes expected in a bin, at most


def _advance(
    model: NetworkModel,
    somatic: tuple[Array, ...],
    own: Any,
    which: Array,
    uniform: Array,
    fast: Fast,
    sums: _Sums,
    learns: bool,
) -> tuple[Fast, _Sums]:
    """One step; where nothing `learns`, only loss, outputs and the busiest bin are added up."""
    neuron, dt = model.neuron, model.dt
    kernel = neuron.kernel
    readout, kick = jnp.asarray(kernel.readout), jnp.asarray(kernel.kick)
    usps = tuple(readout @ z for z in fast.traces)
    voltages = tuple(w @ x for w, x in zip(somatic, usps, strict=True))
    inputs, draws = model.shown.shape[1], model.task.draws
    outputs = somatic[-1].shape[0]
    clock = Clock(dt, model.transition)
    target, teacher = model.task.teach(
        which, own, fast.teacher, usps[0], uniform[inputs : inputs + draws], clock
    )
    rest = jnp.concatenate([uniform[:inputs], uniform[inputs + draws :]])
    hidden = [neuron.rate(v) for v in voltages[:-1]]
    expected = jnp.concatenate([model.shown[which], target, *hidden]) * dt
    counts = draw_counts(expected, rest, _MOST)
    spikes, first = [counts[:inputs]], inputs + outputs
    for rates in hidden:
        spikes.append(counts[first : first + rates.size])
        first += rates.size
    phi = neuron.rate(voltages[-1])
    divergence = jnp.sum(xlogy(target, target) - xlogy(target, phi) - target + phi)
    traces = tuple(
        model.transition @ z + jnp.outer(kick, s) for z, s in zip(fast.traces, spikes, strict=True)
    )
    sums = sums._replace(
        loss=sums.loss + divergence,
        outputs=sums.outputs + phi,
        busiest=jnp.maximum(sums.busiest, jnp.max(expected)),
    )
    if not learns:
        return Fast(traces, fast.credit, teacher), sums
    error = neuron.score(voltages[-1], counts[inputs : inputs + outputs], dt)
    covectors = [
        *covectors_of(fast.credit, readout, somatic[-1], error),
        jnp.outer(error, usps[-1]),
    ]
    felt = [
        felt_by(neuron, v, s, dt, model.spiked)
        for v, s in zip(voltages[:-1], spikes[1:], strict=True)
    ]
    kernel_states = (readout, model.transition, kick)
    credit = advance_credit(fast.credit, kernel_states, somatic, usps, felt)
    information = [
        neuron.transfer.information(v + like(neuron.bias, v)) for v in voltages[len(hidden) > 0 :]
    ]
    sums = sums._replace(
        covectors=_add(sums.covectors, covectors),
        first=_add(sums.first, usps),
        second=_add(sums.second, [x**2 for x in usps]),
        hidden_rates=_add(sums.hidden_rates, hidden),
        information=_add(sums.information, information),
    )
    return Fast(traces, credit, teacher), sums


def _add(sums: Sequence[Array], terms: Sequence[Array]) -> tuple[Array, ...]:
    return tuple(a + b for a, b in zip(sums, terms, strict=True))


def _run_steps(
    model: NetworkModel,
    somatic: tuple[Array, ...],
    own: Any,
    which: Array,
    key: Array,
    fast: Fast,
    learns: bool = True,
) -> tuple[Fast, _Sums]:
    """All steps of an update, and their sums."""
    outputs = somatic[-1].shape[0]
    neurons = [len(w) for w in somatic]
    draws = model.shown.shape[1] + model.task.draws + sum(neurons)
    uniform = jax.random.uniform(key, (model.steps, draws), dtype=somatic[0].dtype)
    zero = jnp.zeros_like
    sums = _Sums(
        tuple(zero(w) for w in somatic),
        tuple(zero(w[0]) for w in somatic),
        tuple(zero(w[0]) for w in somatic),
        tuple(jnp.zeros(size) for size in neurons[:-1]),
        tuple(jnp.zeros(size) for size in neurons[len(neurons) > 1 :]),
        jnp.zeros(()),
        jnp.zeros(outputs),
        jnp.zeros(()),
    )

    def step(k: Array, state: tuple[Fast, _Sums]) -> tuple[Fast, _Sums]:
        return _advance(model, somatic, own, which, uniform[k], *state, learns)

    return jax.lax.fori_loop(0, model.steps, step, (fast, sums))


def _take_update(
    model: NetworkModel, own: Any, key: Array, index: Array, trial: NetworkTrial
) -> NetworkTrial:
    """The steps of an update, and the change of the weights after them."""
    neuron = model.neuron
    steps_key, pattern_key = jax.random.split(key)
    which = jnp.zeros((), dtype=jnp.int64)
    if model.hold:
        turn = jax.random.fold_in(pattern_key, index // model.hold)
        which = jax.random.randint(turn, (), 0, model.shown.shape[0])
    somatic = tuple(w * f for w, f in zip(trial.weights, model.factors, strict=True))
    fast, sums = _run_steps(
        model, somatic, own, which, jax.random.fold_in(steps_key, index), trial.fast
    )
    count = model.steps
    share = count * model.dt / model.memory
    means, variances = [], []
    for mean, variance, first, second in zip(
        trial.means, trial.variances, sums.first, sums.second, strict=True
    ):
        block = first / count
        inner = second / count - block**2
        means.append(mean + share * (block - mean))
        inner = jnp.where(inner > 0, inner, 0.0)  # rounding
        variances.append((1 - share) * (variance + share * (block - mean) ** 2) + share * inner)

    def follow(averages: Sequence[Array], sums: Sequence[Array]) -> tuple[Array, ...]:
        return tuple(a + share * (s / count - a) for a, s in zip(averages, sums, strict=True))

    hidden_rates = follow(trial.hidden_rates, sums.hidden_rates)
    information = follow(trial.information, sums.information)
    shares = network_shares(neuron, somatic, hidden_rates, information)
    layers = tuple(
        LayerView(*view)
        for view in zip(trial.weights, model.factors, means, variances, shares, strict=True)
    )
    directions, memory = model.rule.directions(neuron, layers, sums.covectors, trial.memory)
    weights, largest, where = [], jnp.zeros(()), jnp.zeros(2, dtype=jnp.int64)
    finite = jnp.array(True)
    for k, (w, direction, layer) in enumerate(zip(trial.weights, directions, layers, strict=True)):
        change = model.rates[k] * direction
        moved = change * layer.factors
        size = jnp.sqrt((moved @ layer.means) ** 2 + moved**2 @ layer.variances)
        worst = jnp.argmax(jnp.where(jnp.isfinite(size), size, jnp.inf))
        where = jnp.where(size[worst] > largest, jnp.stack([jnp.array(k), worst]), where)
        largest = jnp.maximum(largest, size[worst])
        scale = jnp.where(size > model.cap, model.cap / jnp.where(size > 0, size, 1.0), 1.0)
        weights.append(w + scale[:, None] * change)
        finite = finite & jnp.isfinite(weights[-1]).all()
    moved_on = NetworkTrial(
        tuple(weights),
        fast,
        tuple(means),
        tuple(variances),
        hidden_rates,
        information,
        memory,
        trial.failed,
        trial.step,
        trial.where,
    )
    usable = finite & (largest <= model.limit) & (sums.busiest <= MOST_EXPECTED)
    stopped = trial._replace(
        failed=jnp.asarray(index, dtype=trial.failed.dtype), step=largest, where=where
    )
    chosen = jax.tree.map(lambda a, b: jnp.where(usable, a, b), moved_on, stopped)
    return jax.tree.map(lambda a, b: jnp.where(trial.failed < 0, a, b), chosen, trial)


@eqx.filter_jit
def advance_updates(
    model: NetworkModel, own: Any, keys: Array, first: Array, last: Array, trials: NetworkTrial
) -> NetworkTrial:
    """All trials from update `first` to `last`."""

    def advance_all(index: Array, state: NetworkTrial) -> NetworkTrial:
        return jax.vmap(lambda o, k, t: _take_update(model, o, k, index, t))(own, keys, state)

    return jax.lax.fori_loop(first, last, advance_all, trials)


@eqx.filter_jit
def watch(
    model: NetworkModel,
    somatic: tuple[Array, ...],
    own: Any,
    which: Array,
    keys: Array,
    start: Fast,
    settle: Array,
    updates: Array,
) -> tuple[Array, Array]:
    """Loss (trials, windows), nats/s, and output rates (trials, windows, outputs); nothing learns.

    `which` (windows,) is shown from silence on; `settle` updates are left out, `updates` counted.
    `own`, `somatic` and `keys` have trials in front.
    """
    outputs = somatic[-1].shape[1]

    def window(own: Any, weights: Any, key: Array, which: Array, start: Fast) -> Any:
        def update(index: Array, state: Any) -> Any:
            fast, loss, rates = state
            turn = jax.random.fold_in(key, index)
            fast, sums = _run_steps(model, weights, own, which, turn, fast, learns=False)
            counts = (index >= settle).astype(loss.dtype)
            return fast, loss + counts * sums.loss, rates + counts * sums.outputs

        state = (start, jnp.zeros(()), jnp.zeros(outputs))
        _, loss, rates = jax.lax.fori_loop(0, settle + updates, update, state)
        return loss / (updates * model.steps), rates / (updates * model.steps)

    def windows(own: Any, weights: Any, key: Array, start: Fast) -> Any:
        many = jax.vmap(lambda k: jax.random.fold_in(key, k))(jnp.arange(len(which)))
        return jax.vmap(lambda k, w: window(own, weights, k, w, start))(many, which)

    return jax.vmap(windows)(own, somatic, keys, start)
