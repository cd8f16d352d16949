"""A network of spiking neurons has two Fisher metrics, and one of them is local (Discussion)

Where all spikes of a network are its output (joint), scores of different neurons are uncorrelated:
the metric is block-diagonal, and each block is the neuron's own `NeuronFisher` with the layer below
as its inputs. A local rule can follow it. Where hidden spikes are summed over (output), the blocks
are smaller and overlap, and no single factor lambda makes them of the own ones: a local rule with
such a factor is an approximation.

A: correlations of the scores of a spiking network's weights, over many windows. B: eigenvalues of
the scores' covariance in each neuron's own metric. Both hold through two hidden layers, too. C: the
same of the output metric of a small network, summed over all its spikes exactly, beside two
estimates of lambda.
"""

from dataclasses import dataclass
from itertools import product

import jax
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import xarray as xr
from jaxtyping import Float

from steepest.pictures import INK, LINE_COLOURS, bare, letter
from steepest.spiking import LayeredNetwork, NeuronFisher, PoissonNeuron, hidden_shares, sample_usps
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The spiking network, the windows, and the small network that is summed over."""

    inputs: int = parameter(30, "inputs of the spiking network")
    hidden: int = parameter(15, "its hidden neurons")
    outputs: int = parameter(3, "its output neurons")
    deep: tuple[int, ...] = parameter((12, 9, 8, 3), "sizes of a network of two hidden layers")
    windows: int = parameter(16_000, "independent windows")
    settle: float = parameter(0.08, "time before a window", "s")
    window: float = parameter(0.1, "length of a window", "s")
    dt: float = parameter(1e-3, "time step", "s")
    few: int = parameter(5, "hidden neurons of the network that is summed over")
    samples: int = parameter(4000, "its sampled USPs")
    bin: float = parameter(2e-3, "its time bin", "s")
    jumps: tuple[float, ...] = parameter((1.0, 3.0), "rms EPSP of its outputs", "mV")


QUICK = Parameters(windows=1000, samples=400)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Scores of the spiking network, and the output metric of the small one."""
    p = parameters
    with jax.enable_x64(True):
        cross, sampling, ratios, close, errors = _blocks(p, *_scores(p, _wide(p), seed))
        deep = _blocks(p, *_scores(p, p.deep, seed))
        values, shares, overlap = _output_metric(p, seed)
    dataset = xr.Dataset(
        {
            "cross": ((), cross),
            "sampling": ((), sampling),
            "deep_cross": ((), deep[0]),
            "deep_ratio": (("deep_neuron", "deep_direction"), deep[2]),
            "deep_error": ("deep_neuron", deep[4]),
            "ratio_error": ("neuron", errors),
            "ratio": (("neuron", "direction"), ratios),
            "gaussian_ratio": (("neuron", "direction"), close),
            "output_ratio": (("jump", "hidden", "direction_few"), values),
            "share": (("jump", "estimate", "hidden"), shares),
            "overlap": ("jump", overlap),
        },
        coords={
            "jump": ("jump", list(p.jumps), {"units": "mV"}),
            "estimate": ["exact", "of all outputs", "back-propagated"],
        },
    )
    return stamp(dataset, parameters, seed)


def _wide(p: Parameters) -> tuple[int, ...]:
    return p.inputs, p.hidden, p.outputs


def _scores(
    p: Parameters, sizes: tuple[int, ...], seed: int
) -> tuple[list[np.ndarray], list[np.ndarray], list]:
    """Scores of each neuron (windows, afferents), its own metric, and the Gaussian form of it.

    Per window: the sum over its steps of E[phi'^2/phi x x'] dt, as it was met.
    """
    random = np.random.default_rng([seed, 7])
    network = LayeredNetwork(sizes)
    neuron, kernel = network.neuron, network.neuron.kernel
    rates = random.uniform(10, 50, network.inputs)
    above = len(sizes) - 2
    means, spreads = (10 / rates.mean(), *(0.25,) * above), (0.1, *(0.15,) * above)
    weights = [w[0] for w in network.draw_weights(1, mean=means, spread=spreads, seed=seed)]
    A, kick = np.asarray(kernel.transition(p.dt)), np.asarray(kernel.kick)
    readout = np.asarray(kernel.readout)
    m = p.windows
    traces = [np.zeros((2, m, n)) for n in network.sizes[:-1]]
    scores = [np.zeros((m, *shape)) for shape in network.shapes]
    own = [np.zeros((j, n, n)) for j, n in network.shapes]
    sums, steps = [np.zeros(n) for n in network.sizes[:-1]], round(p.window / p.dt)
    squares = [np.zeros(n) for n in network.sizes[:-1]]
    first = round(p.settle / p.dt)
    for step in range(first + steps):
        counts = [random.poisson(rates * p.dt, (m, network.inputs))]
        for layer, w in enumerate(weights):
            x = np.tensordot(readout, traces[layer], 1)
            V = jnp.asarray(x @ w.T)
            phi, slope = np.asarray(neuron.rate(V)), np.asarray(neuron.slope(V))
            spikes = random.poisson(phi * p.dt)
            if step >= first:
                error = np.asarray(neuron.score(V, spikes, p.dt))
                scores[layer] += error[:, :, None] * x[:, None, :]
                h = slope**2 / phi * p.dt
                for j in range(len(w)):
                    own[layer][j] += (x * h[:, j, None]).T @ x / m
                sums[layer] += x.mean(axis=0) / steps
                squares[layer] += (x**2).mean(axis=0) / steps
            counts.append(spikes)
        for layer in range(len(weights)):
            traces[layer] = np.einsum("ab,bmn->amn", A, traces[layer])
            traces[layer] += kick[:, None, None] * counts[layer]
    gaussian = []
    for layer, w in enumerate(weights):
        variances = squares[layer] - sums[layer] ** 2
        for row in w:
            fisher = NeuronFisher(neuron, variances * kernel.c_eps, sums[layer], variances)
            gaussian.append(np.asarray(fisher.matrix(jnp.asarray(row))) * p.window)
    flat = [score[:, j] for score in scores for j in range(score.shape[1])]
    return flat, [block for blocks in own for block in blocks], gaussian


def _blocks(
    p: Parameters, scores: list[np.ndarray], own: list[np.ndarray], gaussian: list[np.ndarray]
) -> tuple[float, float, np.ndarray, np.ndarray, np.ndarray]:
    """rms correlation across neurons, sampling's own, and eigenvalues of each block in its own.

    Last the standard error of each block's mean eigenvalue, from the scatter of the windows.
    """
    unit = [s / np.sqrt((s**2).mean(axis=0)) for s in scores]
    squares, number = 0.0, 0
    for k, a in enumerate(unit):
        for b in unit[k + 1 :]:
            correlation = a.T @ b / len(a)
            squares += float((correlation**2).sum())
            number += correlation.size
    ratios = np.full((2, len(scores), max(score.shape[1] for score in scores)), np.nan)
    errors = np.zeros(len(scores))
    for k, score in enumerate(scores):
        covariance = score.T @ score / len(score)
        # The mean eigenvalue is the mean over windows of their squared length in the own metric.
        lengths = (score * np.linalg.solve(own[k], score.T).T).mean(axis=1)
        errors[k] = lengths.std(ddof=1) / np.sqrt(len(score))
        for which, metric in enumerate((own[k], gaussian[k])):
            values = np.linalg.eigvals(np.linalg.solve(metric, covariance)).real
            ratios[which, k, : len(values)] = np.sort(values)
    return np.sqrt(squares / number), 1 / np.sqrt(p.windows), ratios[0], ratios[1], errors


def _output_metric(p: Parameters, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues of output blocks in the own ones, lambda's estimates, overlap, for each jump.

    One time bin: hidden neurons spike or not, each spike moves the outputs' voltages by its weight
    (mV), and the outputs spike or not. All 2^hidden x 2^outputs are summed over; USPs are sampled.
    """
    neuron, random = PoissonNeuron(), np.random.default_rng([seed, 8])
    n, few, outputs = p.few, p.few, 2
    x = sample_usps(neuron.kernel, np.full(n, 30.0), p.samples, seed=seed)
    w = 10.0 / (30 * n) * (1 + 0.5 * random.normal(size=(few, n)))
    spiking = np.array(list(product((0, 1), repeat=few)))
    seen = np.array(list(product((0, 1), repeat=outputs)))
    V = jnp.asarray(x @ w.T)
    chance = np.asarray(neuron.rate(V)) * p.bin
    slope = np.asarray(neuron.slope(V)) * p.bin
    own = np.einsum("sj,sa,sb->jab", slope**2 / (chance * (1 - chance)), x, x) / p.samples
    # P(hidden | x) and, for each hidden neuron, its derivative by the neuron's chance.
    factors = np.where(spiking[None] == 1, chance[:, None], 1 - chance[:, None])
    hidden = factors.prod(axis=2)
    signs = np.where(spiking == 1, 1.0, -1.0)
    moved = hidden[:, :, None] / factors * signs[None]
    values, shares, overlap = [], [], []
    for jump in p.jumps:
        v = jump * random.normal(size=(outputs, few))
        out = np.asarray(neuron.rate(jnp.asarray(10 + spiking @ v.T))) * p.bin
        given = np.where(seen[None] == 1, out[:, None], 1 - out[:, None]).prod(axis=2)
        likelihood = hidden @ given  # (samples, outcomes)
        score = np.einsum("shj,hz->sjz", moved, given) / likelihood[:, None]
        matrix = np.einsum("sjz,skz,sz->sjk", score, score, likelihood)
        felt = matrix * slope[:, :, None] * slope[:, None, :]
        blocks = np.einsum("sjk,sa,sb->jkab", felt, x, x) / p.samples
        values.append(
            [
                np.sort(np.linalg.eigvals(np.linalg.solve(own[j], blocks[j, j])).real)
                for j in range(few)
            ]
        )
        exact = [np.trace(np.linalg.solve(own[j], blocks[j, j])) / n for j in range(few)]
        rest = np.asarray(neuron.rate(jnp.array(10.0))) * p.bin
        bend = np.asarray(neuron.slope(jnp.array(10.0))) * p.bin
        information = np.full(outputs, bend**2 / rest)
        rates = chance.mean(axis=0)
        one = PoissonNeuron()  # eps0 is 1: the weights are the jumps
        better = hidden_shares(one, jnp.asarray(v), jnp.asarray(rates), jnp.asarray(information))
        shares.append([exact, np.asarray(better), rates * (v**2 * information[:, None]).sum(0)])
        diagonal = np.sqrt(np.einsum("sjj->sj", matrix))
        coherence = np.abs(matrix / (diagonal[:, :, None] * diagonal[:, None, :])).mean(axis=0)
        overlap.append(coherence[~np.eye(few, dtype=bool)].mean())
    return np.array(values), np.array(shares), np.array(overlap)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A: correlations across neurons. B: own blocks. C: output blocks."""
    figure = matplotlib.figure.Figure(figsize=(11, 3.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    bars = [float(dataset["cross"]), float(dataset["sampling"])]
    left.bar([0, 1], bars, 0.5, color=[LINE_COLOURS[0], "0.7"])
    left.set_xticks([0, 1], ["scores of\ndifferent neurons", "sampling alone"])
    left.set(ylabel="rms correlation", xlim=(-0.6, 1.6), ylim=(0, 1.3 * max(bars)))
    letter(left, "A", "joint Fisher: block-diagonal")
    for neuron, row in enumerate(dataset["ratio"].values):
        middle.plot(np.full(len(row), neuron), row, "_", color=LINE_COLOURS[0], markersize=4)
    middle.axhline(1, color=INK, linewidth=0.8)
    middle.set(xlabel="neuron", ylabel="eigenvalues in its own metric", ylim=(0, 1.6))
    letter(middle, "B", "each block is its own")
    for k, jump in enumerate(dataset["jump"].values):
        for j, row in enumerate(dataset["output_ratio"].values[k]):
            right.plot(np.full(len(row), j + 0.2 * k), row, "_", color=LINE_COLOURS[k])
        right.plot([], [], "_", color=LINE_COLOURS[k], label=f"{jump:g} mV")
    right.set(xlabel="hidden neuron", ylabel="eigenvalues in its own metric", yscale="log")
    right.legend(frameon=False, title="EPSPs (rms)", fontsize=8)
    letter(right, "C", "output Fisher: no single factor")
    bare(left, middle, right)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Block-diagonal, own blocks, and the output metric's that are not a single factor."""
    worst, deepest = (
        float((np.abs(_means(dataset[f"{name}ratio"].values) - 1) / dataset[error].values).max())
        for name, error in (("", "ratio_error"), ("deep_", "deep_error"))
    )
    spread = dataset["output_ratio"].values
    apart = spread.max(axis=2) / spread.min(axis=2)
    share = dataset["share"].values
    return [
        Claim.close(
            "A: the joint Fisher is block-diagonal: rms correlation of scores across neurons over"
            " that of sampling alone",
            1.0,
            float(dataset["cross"] / dataset["sampling"]),
            0.1,
        ),
        Claim.below(
            "B: each block is the neuron's own: largest departure from 1 of the mean eigenvalue of"
            " a block in its own metric, in standard errors of sampling",
            worst,
            4,
        ),
        Claim.close(
            "so it is through two hidden layers: rms correlation of scores across neurons over that"
            " of sampling alone",
            1.0,
            float(dataset["deep_cross"] / dataset["sampling"]),
            0.1,
        ),
        Claim.below(
            "and each block is the neuron's own: largest departure from 1 of the mean eigenvalue,"
            " in standard errors of sampling",
            deepest,
            4,
        ),
        Claim.close(
            "B: of which the Gaussian `NeuronFisher` is a close form: mean eigenvalue in it",
            1.0,
            float(np.nanmean(dataset["gaussian_ratio"])),
            0.05,
        ),
        Claim.below(
            "C: the output Fisher's blocks are smaller than the own ones (largest eigenvalue)",
            float(spread.max()),
            1,
        ),
        Claim.above(
            "C: and not a single factor of them: largest over smallest eigenvalue of a block",
            float(apart.max()),
            1.05,
        ),
        Claim.above(
            "C: nor is it near block-diagonal: mean size of the cosine between the scores of two"
            " hidden neurons",
            float(dataset["overlap"].min()),
            0.3,
        ),
        Claim.below(
            "C: at large EPSPs the back-propagated lambda is too large, that of all outputs less"
            " so: largest error of the second over that of the first",
            float(
                np.abs(share[-1, 1] - share[-1, 0]).max()
                / np.abs(share[-1, 2] - share[-1, 0]).max()
            ),
            1,
        ),
    ]


def _means(ratio: Float[np.ndarray, "neurons directions"]) -> Float[np.ndarray, " neurons"]:
    return np.nanmean(ratio, axis=1)
