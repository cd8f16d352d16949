"""Learning-rate robustness: gradient descent against natural gradient descent

A model neuron with unequal inputs (some afferents are much stronger than others) learns online to
fire as a teacher neuron does, from the teacher's random spikes. It descends the same cost in the
Euclidean metric of its weights, or in the Fisher metric of its answers (natural gradient). The
learning rate is a multiple of a base rate, which is about the best one of either rule (found by
trial, and given as a share of the largest stable one, 2 over the greatest curvature of the cost in
the rule's metric).

A small rate is slow, a large one follows the noise of the spikes. The strongest afferent limits
the Euclidean rule's rate, while the weak ones wait; so at its best rate it learns less than the
natural rule anywhere within a factor of 2 of its own.

A study file beside this one, robustness.toml, asks for 5 multiples, 2 rules and 20 seeds.
"""

from dataclasses import dataclass
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.descent import riemannian_step
from steepest.geometry import Euclidean, MatrixMetric
from steepest.study import Claim, parameter, stamp


@dataclass(frozen=True)
class Parameters:
    """The neuron, its task, and how it learns."""

    rule: Literal["euclidean", "natural"] = parameter("natural", "metric that the rule descends in")
    multiple: float = parameter(1.0, "learning rate, as a multiple of the rule's base rate")
    afferents: int = parameter(20, "number of afferents")
    patterns: int = parameter(200, "input patterns to answer, more than afferents")
    spread: float = parameter(1.0, "sd of the log strength of the afferents")
    shown: int = parameter(20, "patterns shown in a step of learning")
    steps: int = parameter(1000, "steps of learning")

    def __post_init__(self):
        if not self.multiple > 0:
            raise ValueError(f"multiple must be above 0, not {self.multiple}")
        if not 0 < self.afferents < self.patterns:
            raise ValueError(f"there must be more patterns than afferents ({self.afferents})")


QUICK = Parameters(patterns=60, afferents=6, steps=100)
_BASE = {"euclidean": 0.14, "natural": 0.004}
_COLOURS = {"euclidean": "#0072B2", "natural": "#D55E00"}


def cost(weights, inputs, answers):
    """Mean relative entropy of the neuron's answers (probabilities to fire) to the teacher's."""
    logits = inputs @ weights
    entropy = jnp.mean(jax.scipy.special.entr(answers) + jax.scipy.special.entr(1 - answers))
    return jnp.mean(jax.nn.softplus(logits) - answers * logits) - entropy


def fisher(weights, inputs):
    """Fisher information of the weights in the neuron's answers to the patterns."""
    fires = jax.nn.sigmoid(inputs @ weights)
    return (inputs * (fires * (1 - fires))[:, None]).T @ inputs / inputs.shape[0]


@eqx.filter_jit
def learn(rule, inputs, answers, rate, shown, spikes):
    """The cost before every step, and at the end."""
    natural = MatrixMetric(lambda weights: fisher(weights, inputs))
    metric = natural if rule == "natural" else Euclidean()

    def step(weights, sample):
        patterns, fired = sample
        error = jax.nn.sigmoid(inputs[patterns] @ weights) - fired
        covector = error @ inputs[patterns] / error.shape[0]
        now = cost(weights, inputs, answers)
        return riemannian_step(metric, weights, covector, rate), now

    weights, costs = jax.lax.scan(step, jnp.zeros(inputs.shape[1]), (shown, spikes))
    return jnp.append(costs, cost(weights, inputs, answers))


def run(parameters, seed):
    """One learning curve, from weights of 0."""
    random = np.random.default_rng(seed)
    strength = np.exp(parameters.spread * random.standard_normal(parameters.afferents))
    inputs = strength * random.standard_normal((parameters.patterns, parameters.afferents))
    teacher = 3 * random.standard_normal(parameters.afferents) / np.linalg.norm(strength)
    answers = 1 / (1 + np.exp(-inputs @ teacher))
    # The curvature is at most that where every answer is 1/2; the Fisher metric makes it 1.
    greatest = np.linalg.eigvalsh(inputs.T @ inputs / parameters.patterns)[-1] / 4
    largest = 2 / greatest if parameters.rule == "euclidean" else 2.0
    rate = parameters.multiple * _BASE[parameters.rule] * largest
    shown = random.integers(parameters.patterns, size=(parameters.steps, parameters.shown))
    spikes = (random.random(shown.shape) < answers[shown]).astype(float)
    with jax.enable_x64(True):
        arrays = [jnp.asarray(x) for x in (inputs, answers, rate, shown, spikes)]
        costs = np.asarray(learn(parameters.rule, *arrays))
    one = {"units": "1"}
    dataset = xr.Dataset(
        {
            "cost": ("step", costs, {"units": "nat", "long_name": "relative entropy to teacher"}),
            "rate": ((), rate, {"units": "1", "long_name": "learning rate"}),
        },
        coords={"step": ("step", np.arange(parameters.steps + 1), one)},
    )
    return stamp(dataset, parameters, seed)


def plot(dataset):
    """The learning curve."""
    figure = matplotlib.figure.Figure(figsize=(4.8, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.semilogy(dataset["step"], dataset["cost"], color="black")
    axes.set(xlabel="step", ylabel="relative entropy to teacher (nat)")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def plot_sweep(dataset):
    """What is left of the cost after learning, against the learning rate, for both rules."""
    figure = matplotlib.figure.Figure(figsize=(5.6, 4.2), layout="constrained")
    axes = figure.subplots()
    left = dataset["cost"].isel(step=-1) / dataset["cost"].isel(step=0)
    for rule in map(str, dataset["rule"].values):
        here = left.isel(rule=list(map(str, dataset["rule"].values)).index(rule))
        low, middle, high = here.quantile([0.25, 0.5, 0.75], dim="seed").values
        axes.fill_between(dataset["multiple"], low, high, color=_COLOURS[rule], alpha=0.25, lw=0)
        axes.plot(dataset["multiple"], middle, "o-", color=_COLOURS[rule], label=rule)
    axes.set(xscale="log", yscale="log", xlabel="learning rate / base rate of the rule")
    axes.set(ylabel="share of the cost left after learning")
    axes.set_xticks(dataset["multiple"].values, [f"{x:g}" for x in dataset["multiple"].values])
    axes.minorticks_off()
    count = dataset.sizes["seed"]
    axes.legend(frameon=False, title=f"median and quartiles of {count} seeds")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def claims(dataset):
    """Learning lowers the cost."""
    left = float(dataset["cost"][-1] / dataset["cost"][0])
    return [
        Claim(
            statement="The neuron learns (share of its cost that is left at the end)",
            expected="less than 0.9",
            measured=left,
            holds=left < 0.9,
        )
    ]
