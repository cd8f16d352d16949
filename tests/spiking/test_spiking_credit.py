"""Credit through hidden layers: what it is the slope of, and what it leaves out."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import xlogy

from steepest.spiking import (
    Descent,
    LayeredNetwork,
    PoissonNeuron,
    RatePatterns,
    RectifiedQuadratic,
    Sigmoid,
    learn,
)
from steepest.spiking.network_credit import (
    SHARES,
    advance_credit,
    begin_credit,
    covectors_of,
    felt_by,
)

NEURON = PoissonNeuron(RectifiedQuadratic(gain=0.1))


@jax.jit
def driven(weights, spikes, taught_spikes):
    """Log-likelihood of the outputs, and covectors, where hidden spikes are what is expected."""
    dt, kernel = 1e-3, NEURON.kernel
    readout, kick = jnp.asarray(kernel.readout), jnp.asarray(kernel.kick)
    transition = jnp.asarray(kernel.transition(dt))
    sizes = (weights[0].shape[1], *map(len, weights))

    def step(moving, seen):
        states, credit, likelihood, covectors = moving
        now, z = seen
        usps = [readout @ state for state in states]
        voltages = [w @ x for w, x in zip(weights, usps, strict=True)]
        rates = [NEURON.rate(v) for v in voltages]
        likelihood += jnp.sum(xlogy(z, rates[-1]) - rates[-1] * dt)
        error = NEURON.score(voltages[-1], z, dt)
        terms = covectors_of(credit, readout, weights[-1], error)
        covectors = [a + b for a, b in zip(covectors, terms, strict=True)]
        felt = [NEURON.slope(v) * dt for v in voltages[:-1]]
        credit = advance_credit(credit, (readout, transition, kick), weights, usps, felt)
        counts = [now, *(r * dt for r in rates[:-1])]
        states = [transition @ s + jnp.outer(kick, c) for s, c in zip(states, counts, strict=True)]
        return (states, credit, likelihood, covectors), None

    start = (
        [jnp.zeros((2, n)) for n in sizes[:-1]],
        jax.tree.map(lambda trace: trace[0], begin_credit(sizes, 1)),
        jnp.zeros(()),
        [jnp.zeros(w.shape) for w in weights[:-1]],
    )
    (_, _, likelihood, covectors), _ = jax.lax.scan(step, start, (spikes, taught_spikes))
    return likelihood, covectors


def test_credit_through_three_hidden_layers_is_the_slope_of_what_is_expected():
    random = np.random.default_rng(3)
    sizes = (3, 3, 2, 3, 2)
    with jax.enable_x64(True):
        weights = [
            jnp.asarray(random.uniform(0.5, 1.5, (m, n)))
            for m, n in zip(sizes[1:], sizes, strict=False)
        ]
        spikes = jnp.asarray(random.integers(0, 2, (25, 3)).astype(float))
        taught_spikes = jnp.asarray(random.integers(0, 2, (25, 2)).astype(float))
        # The outputs fire from the start: no logarithm of 0.
        spikes, taught_spikes = spikes.at[0].set(1.0), taught_spikes.at[:12].set(0.0)
        _, covectors = driven(weights, spikes, taught_spikes)
        for layer, covector in enumerate(covectors):
            way = jnp.asarray(random.normal(size=weights[layer].shape))
            ends = []
            for sign in (1, -1):
                moved = list(weights)
                moved[layer] = weights[layer] + sign * 1e-5 * way
                ends.append(driven(moved, spikes, taught_spikes)[0])
            slope = (ends[0] - ends[1]) / 2e-5
            assert slope == pytest.approx(float(jnp.sum(covector * way)), rel=1e-6)
            assert abs(slope) > 1e-3


QUIET = PoissonNeuron(Sigmoid(), bias=-3.0)  # rarely fires: few spikes of its own beside one
# A spike is felt two steps later. Later spikes than these reach no output; earlier ones of the
# second layer do not depend on weights, and are left out.
FREE = np.array([[1, 1, 0, 0]] * 2 + [[0, 0, 1, 1]] * 2 + [[0, 0, 0, 0]] * 2, dtype=bool)


@jax.jit
def history(weights, hidden, share):
    """Probability, log-likelihood and covectors where hidden neurons spike so: hidden[t][neuron].

    The one input's USP falls from a spike before the first step; the teacher is what is expected.
    """
    dt, kernel = 5e-3, QUIET.kernel
    readout, kick = jnp.asarray(kernel.readout), jnp.asarray(kernel.kick)
    transition = jnp.asarray(kernel.transition(dt))
    ends = np.cumsum([len(w) for w in weights[:-1]])[:-1]

    def step(moving, seen):
        states, credit, chance, likelihood, covectors = moving
        spikes, free = seen
        usps = [readout @ state for state in states]
        voltages = [w @ x for w, x in zip(weights, usps, strict=True)]
        likely = jnp.concatenate([QUIET.rate(v) for v in voltages[:-1]]) * dt
        chance *= jnp.prod(jnp.where(free, jnp.where(spikes > 0, likely, 1 - likely), 1.0))
        spikes = jnp.split(spikes, ends)
        rate, taught_count = QUIET.rate(voltages[-1]), 5.0 * dt
        likelihood += jnp.sum(xlogy(taught_count, rate) - rate * dt)
        terms = covectors_of(
            credit, readout, weights[-1], QUIET.score(voltages[-1], taught_count, dt)
        )
        covectors = [a + b for a, b in zip(covectors, terms, strict=True)]
        felt = [
            felt_by(QUIET, v, s, dt, 0.0) * (1 - share) + felt_by(QUIET, v, s, dt, 1.0) * share
            for v, s in zip(voltages[:-1], spikes, strict=True)
        ]
        credit = advance_credit(credit, (readout, transition, kick), weights, usps, felt)
        counts = [jnp.zeros(1), *spikes]
        states = [transition @ s + jnp.outer(kick, c) for s, c in zip(states, counts, strict=True)]
        return (states, credit, chance, likelihood, covectors), None

    sizes = (1, *map(len, weights))
    states = [jnp.zeros((2, n)) for n in sizes[:-1]]
    states[0] = jnp.linalg.matrix_power(transition, 2) @ jnp.outer(kick, jnp.ones(1))
    start = (
        states,
        jax.tree.map(lambda trace: trace[0], begin_credit(sizes, 1)),
        jnp.ones(()),
        jnp.zeros(()),
        [jnp.zeros(w.shape) for w in weights[:-1]],
    )
    (_, _, chance, likelihood, covectors), _ = jax.lax.scan(
        step, start, (hidden, jnp.asarray(FREE))
    )
    return chance, likelihood, covectors


@pytest.fixture(scope="module")
def credited():
    """Of two hidden layers' weights, the slope of the expected loss, and of each credit the mean.

    All histories of two neurons in either layer are summed over: nothing is drawn.
    """
    bits = np.array(list(product((0.0, 1.0), repeat=int(FREE.sum()))))
    histories = np.zeros((len(bits), *FREE.shape))
    histories[:, FREE] = bits
    many = jax.jit(jax.vmap(history, in_axes=(None, 0, None)))
    with jax.enable_x64(True):
        weights = [
            jnp.array([[0.1], [0.15]]),
            jnp.array([[0.02, 0.01], [0.015, 0.03]]),  # about 1 mV a spike
            jnp.array([[0.02, 0.03]]),
        ]
        means = {}
        for name, share in SHARES.items():
            chance, _, covectors = many(weights, histories, share)
            means[name] = [np.tensordot(chance, covector, 1) for covector in covectors]
        slopes = []
        for layer in range(2):
            slope = np.zeros(weights[layer].shape)
            for place in np.ndindex(slope.shape):
                ends = []
                for sign in (1, -1):
                    moved = list(weights)
                    moved[layer] = weights[layer].at[place].add(sign * 1e-4)
                    chance, likelihood, _ = many(moved, histories, 0.0)
                    ends.append(float(chance @ likelihood))
                slope[place] = (ends[0] - ends[1]) / 2e-4
            slopes.append(slope)
    return slopes, means


@pytest.mark.parametrize("layer", [0, 1])
def test_half_of_each_credit_is_the_slope_of_the_expected_loss_where_spikes_are_large(
    credited, layer
):
    slopes, means = credited
    assert (slopes[layer] > 0).all()
    assert np.allclose(means["trapezoid"][layer], slopes[layer], rtol=0.03)


@pytest.mark.parametrize("layer", [0, 1])
def test_expected_credit_overrates_firing_and_that_of_own_spikes_underrates_it(credited, layer):
    slopes, means = credited
    assert (means["expected"][layer] > 1.01 * slopes[layer]).all()
    assert (means["spikes"][layer] < 0.9 * slopes[layer]).all()


@pytest.fixture(scope="module")
def drawn():
    """Of runs with two hidden layers, spikes of some 3 mV: each trial's credit, and its slope.

    Both along the sum of a layer's weights; the slope is that of the measured loss.
    """
    network = LayeredNetwork((3, 3, 2, 2))
    start = network.draw_weights(1, mean=0.2, spread=0.1, seed=4)
    weights = [scale * w[0] for scale, w in zip((1.5, 0.5, 0.5), start, strict=True)]
    task = RatePatterns([[40.0, 25.0, 30.0]], [[60.0, 5.0]], hold=10.0)
    times = dict.fromkeys(("duration", "update", "memory", "window"), 10.0)
    options = {"trials": 80, "record": 1, "windows": 1, **times}
    credit = {}
    for name in SHARES:
        run = learn(network, task, Descent(1e-9), weights, seed=3, credit=name, **options)
        changes = [(a - b) / 1e-9 / 10.0 for a, b in zip(run.weights, weights, strict=True)]
        credit[name] = [change.sum(axis=(1, 2)) for change in changes]
    slopes = []
    for layer in range(2):
        step = 0.03 * np.abs(weights[layer]).mean()
        ends = []
        for sign in (1, -1):
            moved = [w + sign * step if k == layer else w for k, w in enumerate(weights)]
            ends.append(learn(network, task, Descent(0.0), moved, seed=5, **options).loss[0])
        slopes.append((ends[1] - ends[0]) / (2 * step))
    return credit, slopes


@pytest.mark.slow
@pytest.mark.parametrize("layer", [0, 1])
def test_of_drawn_spikes_the_trapezoid_has_no_bias_that_is_seen_and_the_others_have(drawn, layer):
    credit, slopes = drawn
    apart = {}
    for name in SHARES:
        samples = (credit[name][layer], slopes[layer])
        error = np.hypot(*(np.std(sample, ddof=1) / np.sqrt(len(sample)) for sample in samples))
        apart[name] = (samples[0].mean() - samples[1].mean()) / error
    assert abs(apart["trapezoid"]) < 3, apart
    assert apart["expected"] > 3
    assert apart["spikes"] < -3


@pytest.mark.slow
def test_linear_credit_is_the_slope_of_the_expected_loss():
    """At .6 mV a spike: of the exact change .98 of it, and a little less (the bend of the loss)."""
    network = LayeredNetwork((2, 1, 1), NEURON)
    readout, weights, bend = np.array([[0.01]]), np.array([[0.1, 0.05]]), np.array([[0.01, 0.0]])
    assert readout[0, 0] * NEURON.kernel.peak == pytest.approx(0.6, abs=0.01)

    def shown(hidden, target, seed):
        task = RatePatterns([[60.0, 30.0]], [[target]], hold=20.0)
        times = dict.fromkeys(("duration", "update", "memory", "window"), 20.0)
        options = {"trials": 150, "record": 1, "windows": 1, "seed": seed, **times}
        return learn(network, task, Descent(1e-9), [hidden, readout], **options)

    credit, exact = [], []
    for target in (25.0, 2.0):
        learned = shown(weights, target, seed=3).weights[0][..., 0, 0]
        credit.append((learned - weights[0, 0]) / 1e-9 / 20.0)
        above, below = (shown(weights + way * bend, target, 1).loss[0] for way in (1, -1))
        exact.append((below - above) / 0.02)
    means, errors = (
        [f(values) for values in (*credit, *exact)]
        for f in (np.mean, lambda v: np.std(v, ddof=1) / np.sqrt(len(v)))
    )
    slope = (means[2] - means[3]) / (means[0] - means[1])
    error = np.hypot(*errors[2:]) / (means[0] - means[1])
    assert slope == pytest.approx(0.98, abs=3 * error)
    assert error < 0.03
    assert means[2] < slope * means[0]
