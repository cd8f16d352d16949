"""The front door to networks: checks a run, lets many trials learn side by side, and measures them.

The loss is the divergence of the teacher's output rates from the network's, at each moment of
windows in which nothing learns; weights are never compared.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from steepest.arrays.entry import entry_point
from steepest.errors import LearningError, UsageError
from steepest.interrupts import is_passed_on
from steepest.progress import progress_bar
from steepest.spiking.afferents import MOST_EXPECTED, check_bins
from steepest.spiking.learned import Collector, LearnedNetwork, NetworkState
from steepest.spiking.network import LayeredNetwork, check_layers
from steepest.spiking.network_credit import SHARES, begin_credit
from steepest.spiking.network_rules import AbstractNetworkRule, Descent
from steepest.spiking.network_step import (
    Fast,
    NetworkModel,
    NetworkTrial,
    advance_updates,
    watch,
)
from steepest.spiking.network_tasks import AbstractNetworkTask, RatePatterns
from steepest.spiking.recording import record_steps
from steepest.spiking.settings import Settings
from steepest.spiking.transfer import Sigmoid

__all__ = ["LARGEST_STEP", "learn"]

LARGEST_STEP = 5.0  # mV: an update that moves a voltage so far has left what its gradient says
_AT_ONCE = 1000  # updates between two looks at the trials


@entry_point(kernel="the rules of steepest.spiking.network_rules")
def learn(
    network: LayeredNetwork,
    task: AbstractNetworkTask,
    rule: AbstractNetworkRule,
    start: Any = None,
    *,
    duration: float,
    trials: int = 1,
    seed: int = 0,
    record: Any = 10,
    credit: str = "expected",
    dt: float = 1e-3,
    update: float = 0.01,
    memory: float = 2.0,
    windows: int = 32,
    window: float = 0.25,
    state: NetworkState | None = None,
) -> LearnedNetwork:
    """Let a network learn a task by a rule for `duration` s, many trials side by side.

    Ctrl-C ends the run with what is recorded.

    - `network`, `task`, `rule`: who learns what (`TeacherNetwork`, `RatePatterns`), and how.
    - `start`: weights, one matrix a layer (with trials in front for one each); drawn from the seed
      by `network.draw_weights` unless given; not looked at with a `state`.
    - `duration`, `dt`, `update`: of the run, of a step, and between two changes of the weights, s.
    - `trials`, `seed`: how many, and the whole number from which all spikes are drawn.
    - `record`: a number of intervals, or a list of times in s; recording does not change the run.
    - `credit`: "expected" (E_ji of the rates), "spikes" (of the hidden neurons' own spikes), or
      "trapezoid" (half of each), the least biased where a spike moves a voltage by a mV or more.
    - `memory`: s over which neurons average the USPs' means and variances, for the metric.
    - `windows`, `window`: on how many stretches of how many s the loss is measured; of patterns all
      that the task tests are shown, once each.
    - `state`: that of an earlier result (`NetworkState.save`, `.load`); the run goes on from there,
      to the bit as if it had never stopped.

    Raises `UsageError` for what cannot be run, and `LearningError` that names time, trial, layer
    and neuron where an update is not finite or, without `max_step`, past `LARGEST_STEP`.

    >>> from steepest.spiking import OwnFisher
    >>> task = RatePatterns([[5.0, 40.0, 5.0, 40.0]], [[20.0, 2.0]])
    >>> try:
    ...     learn(LayeredNetwork((4, 3)), task, OwnFisher(0.1), duration=1.0)
    ... except UsageError as error:
    ...     print(str(error).partition(":")[0])
    the task has 4 inputs and 2 outputs, the network 4 and 3
    """
    _check_kinds(network, task, rule)
    Settings(0.0, duration, dt, seed)  # refuses what is no duration, step or seed
    if task.sizes != (network.inputs, network.outputs):
        raise UsageError(
            f"the task has {task.sizes[0]} inputs and {task.sizes[1]} outputs, the network"
            f" {network.inputs} and {network.outputs}: layers and task must fit"
        )
    if credit not in SHARES:
        raise UsageError(f"credit {credit!r}: it is 'expected', 'trapezoid' or 'spikes'")
    if trials < 1 or windows < 1:
        raise UsageError(f"{trials} trials, {windows} windows: give 1 or more")
    rule.check(len(network.shapes))
    network.neuron.kernel.check_step(dt)
    steps = _whole(update, dt, "update", "steps")
    updates = _whole(duration, update, "the run", "updates")
    shown_for = 0 if task.hold is None else _whole(task.hold, update, "hold", "updates")
    counted = _whole(window, update, "window", "updates")
    if not memory >= update:
        raise UsageError(f"memory is {memory} s; it is at least an update, {update:g} s")
    check_bins(task.highest, dt, "the task's highest rate")
    if isinstance(network.neuron.transfer, Sigmoid):
        check_bins(network.neuron.transfer.maximum, dt, "the transfer function's highest rate")
    _check_silent(task, rule)
    if state is not None:
        first, trials = state.updates, len(state.arrays["weights_0"])
    else:
        first = 0
    if state is None and start is None:
        start = network.draw_weights(trials, seed=seed)
    given = state.weights if state is not None else start
    weights = check_layers(network, given, trials, "weights")
    _check_paths(weights)
    model = _model(network, task, rule, credit, dt, steps, shown_for, memory)
    own, teacher = task.begin(trials)
    fresh = _begin(model, network, task, weights, teacher)
    moving = fresh if state is None else state.restore(fresh)
    synapses = sum(rows * columns for rows, columns in network.shapes)
    marks = record_steps(record, updates, update, first, (trials, synapses))
    options = rule.describe() | {"credit": credit, "update": update, "memory": memory}
    test = _test(model, network, task, own, fresh, windows, counted, seed)
    root = jax.random.key(seed)
    keys = jax.vmap(lambda k: jax.random.fold_in(root, k))(jnp.arange(trials))
    result = Collector(network, update, options)
    done, last, complete = first, first + updates, True
    try:
        with progress_bar("learning", float(updates)) as advance:
            if done in marks:
                result.add(done, moving, test(moving))
            for stop in sorted({*marks, last} - {first}):
                while done < stop:
                    upto = min(stop, done + _AT_ONCE)
                    reached = jax.block_until_ready(
                        advance_updates(
                            model, own, keys, jnp.asarray(done), jnp.asarray(upto), moving
                        )
                    )
                    _explain(reached, update, rule)
                    amount, moving, done = upto - done, reached, upto
                    advance(float(amount))
                if done in marks:
                    result.add(done, moving, test(moving))
    except KeyboardInterrupt:
        if is_passed_on():
            raise
        complete = False
    return result.close(NetworkState.of(done, moving), complete)


def _check_kinds(network: Any, task: Any, rule: Any) -> None:
    for value, kind, what, example in (
        (network, LayeredNetwork, "network", "LayeredNetwork((30, 15, 3))"),
        (task, AbstractNetworkTask, "task", "RatePatterns(rates, targets)"),
        (rule, AbstractNetworkRule, "rule", "OwnFisher(0.05)"),
    ):
        if not isinstance(value, kind):
            given = f"the class {value.__name__}" if isinstance(value, type) else repr(value)
            raise UsageError(f"the {what} is one such as {example}, not {given}")


def _whole(length: float, unit: float, what: str, of: str) -> int:
    count = length / unit if unit > 0 else float("nan")
    if not (np.isfinite(count) and round(count) >= 1 and abs(count - round(count)) < 1e-6 * count):
        raise UsageError(
            f"{what} lasts {length:g} s, which is no whole number of {of} of {unit:g} s"
        )
    return round(count)


def _check_silent(task: AbstractNetworkTask, rule: AbstractNetworkRule) -> None:
    damping = getattr(rule, "damping", None)
    silent = np.flatnonzero((np.asarray(task.shown) == 0).all(axis=0))
    if damping == 0 and silent.size:
        names = ", ".join(str(int(i)) for i in silent[:10])
        raise UsageError(
            f"inputs {names} never fire, and damping is 0: the metric does not see their weights;"
            " leave them out, give them a rate (a tenth of a Hz will do), or take"
            f" {type(rule).__name__}(..., damping=0.05)"
        )


def _check_paths(weights: Any) -> None:
    reaches = np.ones((len(weights[0]), weights[-1].shape[1]), dtype=bool)
    for layer in range(len(weights) - 1, 0, -1):
        reaches = ((np.asarray(weights[layer]) != 0) & reaches[:, :, None]).any(axis=1)
        if reaches.all():
            continue
        trial, neuron = (int(i) for i in np.argwhere(~reaches)[0])
        above = "its outgoing weights are all 0"
        if layer < len(weights) - 1:
            above = "all that it reaches ends at a weight of 0"
        place = f"hidden neuron {neuron}" + (f" of layer {layer - 1}" if len(weights) > 2 else "")
        raise UsageError(
            f"trial {trial}: {place} has no path to an output, {above}: no credit comes back to"
            " it; start from small random weights"
        )


def _model(
    network: LayeredNetwork,
    task: AbstractNetworkTask,
    rule: AbstractNetworkRule,
    credit: str,
    dt: float,
    steps: int,
    hold: int,
    memory: float,
) -> NetworkModel:
    factors = network.attenuation
    layers = len(network.shapes)
    number = jnp.float64
    limit = LARGEST_STEP if rule.max_step is None else np.inf
    return NetworkModel(
        network.neuron,
        task,
        # Without what is an array of the model: other rates are not compiled anew.
        dataclasses.replace(rule, rate=0.0, max_step=None),
        tuple(jnp.ones(s) for s in network.shapes)
        if factors is None
        else tuple(jnp.asarray(f) for f in factors),
        jnp.asarray(task.shown, dtype=number),
        jnp.asarray(np.broadcast_to(rule.rate, layers), dtype=number),
        jnp.asarray(np.inf if rule.max_step is None else rule.max_step, dtype=number),
        jnp.asarray(limit, dtype=number),
        jnp.asarray(network.neuron.kernel.transition(dt)),
        jnp.asarray(dt, dtype=number),
        jnp.asarray(memory, dtype=number),
        steps,
        hold,
        SHARES[credit],
    )


def _begin(
    model: NetworkModel, network: LayeredNetwork, task: AbstractNetworkTask, weights: Any, own: Any
) -> NetworkTrial:
    """Trials at rest: the statistics are those of the rates that can be shown, at these weights."""
    trials, kernel = len(weights[0]), network.neuron.kernel
    rates = np.asarray(task.shown)
    mean = kernel.mean(rates.mean(axis=0))
    variance = kernel.variance(rates.mean(axis=0)) + kernel.mean(1.0) ** 2 * rates.var(axis=0)
    means = [jnp.broadcast_to(jnp.asarray(mean), (trials, network.inputs))]
    variances = [jnp.broadcast_to(jnp.asarray(variance), (trials, network.inputs))]
    somatic = tuple(w * f[None] for w, f in zip(weights, model.factors, strict=True))
    hidden, information = [], []
    for layer, w in enumerate(somatic):
        voltage = jnp.einsum("tji,ti->tj", w, means[-1])
        if layer or len(somatic) == 1:
            spread = jnp.einsum("tji,ti->tj", w**2, variances[-1])
            moments = jax.vmap(jax.vmap(network.neuron.moments))(voltage, spread)
            information.append(moments[..., 0])
        if layer < len(somatic) - 1:
            hidden.append(network.neuron.rate(voltage))
            means.append(kernel.mean(hidden[-1]))
            variances.append(kernel.variance(hidden[-1]))
    traces = tuple(jnp.zeros((trials, 2, size)) for size in network.sizes[:-1])
    return NetworkTrial(
        tuple(weights),
        Fast(traces, begin_credit(network.sizes, trials), own),
        tuple(means),
        tuple(variances),
        tuple(hidden),
        tuple(information),
        jax.vmap(model.rule.begin)(tuple(weights)),
        jnp.full(trials, -1, dtype=jnp.int64),
        jnp.zeros(trials),
        jnp.zeros((trials, 2), dtype=jnp.int64),
    )


def _test(
    model: NetworkModel,
    network: LayeredNetwork,
    task: AbstractNetworkTask,
    own: Any,
    fresh: NetworkTrial,
    windows: int,
    counted: int,
    seed: int,
) -> Any:
    """The function that measures trials: loss (trials,), and accuracy where there are classes."""
    classes, which = None, jnp.zeros(windows, dtype=jnp.int64)
    if isinstance(task, RatePatterns):
        tested = task.tested()
        model = dataclasses.replace(model, task=tested, shown=jnp.asarray(tested.rates))
        classes, which = task.classes, jnp.arange(len(tested.rates))
    # Nothing learns: one compiled program measures what any rule has learned.
    model = dataclasses.replace(model, rule=Descent(0.0, max_step=None))
    trials = len(fresh.failed)
    root = jax.random.fold_in(jax.random.key(seed), 2**31 - 1)
    keys = jax.vmap(lambda k: jax.random.fold_in(root, k))(jnp.arange(trials))
    settle = max(1, round(0.05 / float(model.dt) / model.steps))

    def measure(moving: NetworkTrial) -> dict[str, np.ndarray]:
        somatic = tuple(w * f[None] for w, f in zip(moving.weights, model.factors, strict=True))
        loss, rates = watch(
            model, somatic, own, which, keys, fresh.fast, jnp.asarray(settle), jnp.asarray(counted)
        )
        measures = {"loss": np.asarray(loss).mean(axis=1)}
        if classes is not None:
            measures["accuracy"] = (np.asarray(rates).argmax(axis=2) == classes).mean(axis=1)
        return measures

    return measure


def _explain(trials: NetworkTrial, update: float, rule: AbstractNetworkRule) -> None:
    """Raise what went wrong in the first trial that stopped, if one did."""
    failed = np.asarray(trials.failed)
    if (failed < 0).all():
        return
    k = int(np.flatnonzero(failed == failed[failed >= 0].min())[0])
    layer, neuron = (int(i) for i in np.asarray(trials.where[k]))
    size = float(trials.step[k])
    place = f"trial {k}, {int(failed[k]) * update:g} s, layer {layer}, neuron {neuron}"
    name = type(rule).__name__
    if np.isfinite(size) and size > LARGEST_STEP:
        raise LearningError(
            f"{place}: one update would move the voltage by {size:.3g} mV (rms), more than"
            f" {LARGEST_STEP:g} mV, and {name} has no cap; take a lower rate, or say"
            f" {name}(..., max_step=0.3) to cap each update, in mV"
        )
    raise LearningError(
        f"{place}: the update is not finite, or a neuron fires more than {MOST_EXPECTED} spikes a"
        " bin: its metric is not positive definite, its firing says nothing about its voltage, or"
        " dt is too long; start from weights nearer to the slope of the transfer function, take a"
        f" lower rate, or {name}(..., max_step=0.3), with damping=0.05 where it has one"
    )
