"""How credit comes back to hidden neurons: what every weight does to the USPs of layers above it.

A weight w_ji of a hidden layer changes the USP of its own neuron by E_ji = eps * (phi'_j x_i) in
the mean, and that of a neuron m of the next hidden layer by eps * (phi'_m u_mj E_ji), and so on up.
The trace of a neuron's own USP is kept at the synapse; each hidden layer above takes one trace more
for every pair of its neurons and the synapse, in which all paths between them are summed. Error at
the outputs, e_k, sent back through their weights onto the traces of the last hidden layer, is the
covector: exact where spikes move voltages a little, at any depth.

What a spike more of a hidden neuron does to the expected loss is L(with it) - L(without), of which
credit is the linear part: an error of the outputs times what the spike adds to their voltages. A
trace driven by phi'_j dt, what is expected, meets the errors without the spike; one driven by
s_j phi'_j/phi_j, of the neuron's own spikes, those that the spike has already moved. Each is off
from the difference by the loss's bend, E[phi'^2/phi] (eps v_kj)^2 / 2 an output, with opposite
signs: the first overrates firing, the second underrates it. Half of each drive is the trapezoidal
rule, exact to the second order in what a spike moves, at any depth.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from steepest.spiking.neuron import PoissonNeuron

__all__ = ["SHARES", "advance_credit", "begin_credit", "covectors_of", "felt_by"]

SHARES = {"expected": 0.0, "trapezoid": 0.5, "spikes": 1.0}  # of credit, driven by own spikes


def begin_credit(sizes: Sequence[int], trials: int) -> tuple[tuple[Array, ...], ...]:
    """Traces at rest, of each hidden layer's weights one for itself and each hidden layer above.

    Kernel states (trials, 2, neurons, afferents), with the neurons above before the last two axes.

    >>> [[trace.shape for trace in traces] for traces in begin_credit((6, 4, 3, 2), trials=1)]
    [[(1, 2, 4, 6), (1, 2, 3, 4, 6)], [(1, 2, 3, 4)]]
    """
    hidden = range(1, len(sizes) - 1)
    return tuple(
        tuple(
            jnp.zeros((trials, 2, *((sizes[up],) if up > layer else ()), *shape))
            for up in hidden
            if up >= layer
        )
        for layer in hidden
        for shape in ((sizes[layer], sizes[layer - 1]),)
    )


def felt_by(
    neuron: PoissonNeuron,
    voltage: Float[Array, " neurons"],
    spikes: Float[Array, " neurons"],
    dt: Any,
    share: float,
) -> Float[Array, " neurons"]:
    """How hidden neurons' spikes follow their voltage (1/mV): phi' dt, and a `share` of the score.

    Both have the mean phi' dt: the score is what the neuron's own spikes add to what was expected.

    >>> voltage, spike = jnp.array([10.0]), jnp.array([1.0])
    >>> [round(float(felt_by(PoissonNeuron(), voltage, spike, 1e-3, by)[0]), 5) for by in (0, 1)]
    [0.0075, 0.15]
    """
    expected = neuron.slope(voltage) * dt
    return expected + share * neuron.score(voltage, spikes, dt) if share else expected


def covectors_of(
    credit: tuple[tuple[Array, ...], ...],
    readout: Array,
    outgoing: Float[Array, "outputs hidden"],
    error: Float[Array, " outputs"],
) -> list[Array]:
    """Of each hidden layer's weights, the errors' slope by way of the last hidden layer's USPs.

    `outgoing` are the outputs' weights.
    """
    back = outgoing.T @ error
    covectors = []
    for traces in credit:
        seen = jnp.tensordot(readout, traces[-1], 1)
        own = len(traces) == 1
        covectors.append(back[:, None] * seen if own else jnp.tensordot(back, seen, 1))
    return covectors


def advance_credit(
    credit: tuple[tuple[Array, ...], ...],
    kernel: tuple[Array, Array, Array],
    somatic: Sequence[Array],
    usps: Sequence[Array],
    felt: Sequence[Array],
) -> tuple[tuple[Array, ...], ...]:
    """The traces after a step.

    - `credit`: the traces.
    - `kernel`: the USPs' readout, transition and kick.
    - `somatic`: weights of all layers, and `usps` of their afferents.
    - `felt`: of each hidden neuron how its spikes in this step follow its voltage (1/mV).
    """
    readout, transition, kick = kernel
    advanced = []
    for layer, traces in enumerate(credit):
        drive: Any = jnp.outer(felt[layer], usps[layer])
        moved = []
        for up, trace in enumerate(traces, start=layer):
            if up > layer:
                below = jnp.tensordot(readout, traces[up - 1 - layer], 1)
                through = somatic[up]
                if up == layer + 1:  # a synapse moves its own neuron only
                    effect = through[:, :, None] * below[None]
                else:
                    effect = jnp.tensordot(through, below, 1)
                drive = felt[up][:, None, None] * effect
            kicked = kick.reshape(2, *(1,) * drive.ndim) * drive[None]
            moved.append(jnp.tensordot(transition, trace, 1) + kicked)
        advanced.append(tuple(moved))
    return tuple(advanced)
