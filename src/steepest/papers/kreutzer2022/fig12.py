"""A simpler rule in place of the natural one: its angles, and its learning curves (Fig 12)

The approximate rule has gamma_u = c_u c_eps eps0 and gamma_w = c_w V, quantities that a synapse can
know (Eq 114). A, B: angles between its updates and the natural ones, and between the Euclidean and
the natural ones, each a mean over inputs at one random weight vector; in Fisher's metric, where the
Euclidean gradient is nearly orthogonal to the natural one, and in the Euclidean metric. Also the
ratio of the lengths. C to F: learning curves of the three rules in the setting of Fig 3F, for four
pairs of rates, at the learning rates of Table 1.

The natural direction is steepest descent in the metric of the weights that learn. Computed at
dendrites, through any attenuation, it moves the soma the same, and keeps its Fisher angle to the
approximate rule, which is defined at the soma. Euclidean angles belong to the coordinates.
"""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.arrays.repetitions import mean_and_error
from steepest.geometry import AbstractChart, Elementwise, Euclidean, Identity, Pullback
from steepest.papers.kreutzer2022._curves import (
    Setting,
    curve_claims,
    draw_curves,
    learning_curves,
)
from steepest.pictures import RULE_COLOURS, bare, letter
from steepest.spiking import (
    AbstractRule,
    ApproximateNaturalRule,
    EuclideanRule,
    MetricRule,
    NeuronFisher,
    PoissonNeuron,
    sample_usps,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]

_PAIRS = ((10.0, 10.0), (10.0, 30.0), (10.0, 50.0), (20.0, 20.0), (20.0, 40.0))
_RULES = ("approximate", "Euclidean")


@dataclass(frozen=True)
class Parameters:
    """The conditions of Sec 6.4.6."""

    afferents: int = parameter(100, "number of afferents, half of them at each rate of a pair")
    span: float = parameter(5.0, "weights are uniform in +-span/afferents")
    weights: int = parameter(100, "random weight vectors for each pair of rates (A, B)")
    usps: int = parameter(100, "sampled inputs for each weight vector (A, B)")
    trials: int = parameter(1000, "learning curves of each rule and pair of rates (C to F)")
    duration: float = parameter(10_000.0, "how long they learn (C to F), at the paper's rates", "s")
    speed: float = parameter(1.0, "multiplies learning rates and divides times (C to F)")
    records: int = parameter(100, "recorded times of a curve, beside the start")
    c_u: float = parameter(0.95, "the constant in place of gamma_u/(c_eps eps0)")
    c_w: float = parameter(0.05, "the constant in gamma_w = c_w V", "1/mV^2")


QUICK = Parameters(weights=40, usps=25, trials=16, duration=3200.0, speed=8.0, records=16)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Angles and lengths of sampled updates, in somatic and in dendritic weights."""
    generator = np.random.default_rng(seed)
    half = parameters.afferents // 2
    count = parameters.weights
    rates = np.stack([np.repeat(pair, [parameters.afferents - half, half]) for pair in _PAIRS])
    shape = (len(_PAIRS), count, parameters.afferents)
    w = generator.uniform(-1, 1, shape) * parameters.span / parameters.afferents
    with jax.enable_x64(True):
        neuron = PoissonNeuron()
        drawn = (count, parameters.usps, len(_PAIRS), parameters.afferents)
        x = sample_usps(neuron.kernel, rates.ravel(), count * parameters.usps, seed=seed)
        x = np.moveaxis(x.reshape(drawn), 2, 0).reshape(-1, parameters.usps, drawn[-1])
        every = np.repeat(rates, count, axis=0)
        charts = _charts(generator.uniform(1.0, 10.0, parameters.afferents))
        measured = [
            _measure(neuron, parameters, chart, w.reshape(-1, drawn[-1]), every, x)
            for chart in charts.values()
        ]
    # (chart, weights, metric, rule), and how far an update moves the soma differently.
    angles = np.stack([np.asarray(part[0]).mean(axis=1) for part in measured])
    lengths = np.stack([np.asarray(part[1]).mean(axis=1) for part in measured])
    somatic = [np.asarray(part[2]) for part in measured]
    scale = np.linalg.norm(somatic[0], axis=-1)
    moved = np.stack([(np.linalg.norm(s - somatic[0], axis=-1) / scale).max((0, 1))
                      for s in somatic])  # fmt: skip
    setting = Setting(
        parameters.afferents,
        parameters.trials,
        parameters.duration,
        parameters.speed,
        parameters.records,
        parameters.c_u,
        parameters.c_w,
    )
    names = ("chart", "pair", "weights", "metric", "rule")
    split = (len(charts), *shape[:2], 2, 2)
    dataset = xr.Dataset(
        {
            "angle": (names, np.degrees(angles).reshape(split), {"units": "degree"}),
            "length_ratio": (names, lengths.reshape(split)),
            "somatic_difference": (
                ("chart", "direction"),
                moved,
                {"long_name": "from the update computed at the soma, relative"},
            ),
            **learning_curves(setting, seed),
        },
        coords={
            "chart": list(charts),
            "pair": [f"{a:g} Hz / {b:g} Hz" for a, b in _PAIRS],
            "metric": ["Fisher", "Euclidean"],
            "rule": list(_RULES),
            "direction": ["natural", *_RULES],
        },
        attrs={"speed": parameters.speed},
    )
    return stamp(dataset, parameters, seed)


def _charts(factors: np.ndarray) -> dict[str, AbstractChart]:
    """The soma itself, and dendrites that attenuate, large weights more than small ones."""
    factors = 1 / factors

    def attenuated(dendritic: Any) -> Any:
        return jnp.arcsinh(5 * dendritic) / 5 * factors

    def dendritic(somatic: Any) -> Any:
        return jnp.sinh(5 * somatic / factors) / 5

    return {
        "soma": Identity(),
        "dendrites": Elementwise(attenuated, dendritic),
    }


def _natural(fisher: NeuronFisher, chart: AbstractChart) -> AbstractRule:
    """Steepest descent in the metric of the weights that learn; it knows nothing of the soma's."""
    return MetricRule(Pullback(fisher, chart))


def _measure(
    neuron: PoissonNeuron, parameters: Parameters, chart: AbstractChart, w: Any, rates: Any, x: Any
) -> Any:
    """Angles and length ratios (weights, usp, metric, rule), somatic directions (.., rule, n)."""
    others = (ApproximateNaturalRule(parameters.c_u, parameters.c_w), EuclideanRule())

    @eqx.filter_jit
    @eqx.filter_vmap(in_axes=(0, 0, 0))
    def measure(w: Any, r: Any, x: Any) -> Any:
        fisher = NeuronFisher(neuron, r)
        point = chart.inverse(w)
        rules = (_natural(fisher, chart), *others)

        def compare(usps: Any) -> Any:
            steps = [rule.direction(fisher, point, usps, chart) for rule in rules]
            angles, lengths = [], []
            for metric in (Pullback(fisher, chart), Euclidean()):
                flats = [metric.flat(point, step) for step in steps]
                norms = [jnp.sqrt(jnp.sum(f * s)) for f, s in zip(flats, steps, strict=True)]
                cosines = [jnp.sum(flats[0] * steps[k]) / (norms[0] * norms[k]) for k in (1, 2)]
                angles.append(jnp.arccos(jnp.clip(jnp.stack(cosines), -1.0, 1.0)))
                lengths.append(jnp.stack(norms[1:]) / norms[0])
            somatic = jnp.stack([chart.push(point, step) for step in steps])
            return jnp.stack(angles), jnp.stack(lengths), somatic

        return jax.vmap(compare)(x)

    return measure(w, rates, x)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Histograms of the mean angles, pooled over the pairs of rates, and learning curves."""
    figure = matplotlib.figure.Figure(figsize=(12, 6.8), layout="constrained")
    parts: Any = figure.subfigures(2, 1)
    upper, lower = parts
    panels = upper.subplots(1, 3)
    angle = dataset["angle"].sel(chart="soma")
    for axes, metric, name in zip(panels[:2], ("Fisher", "Euclidean"), "AB", strict=True):
        for rule in _RULES:
            axes.hist(
                angle.sel(metric=metric, rule=rule).values.ravel(),
                bins=np.arange(0, 92, 2.5),
                color=RULE_COLOURS[rule],
                alpha=0.75,
                label=f"natural and {rule}",
            )
        axes.set(xlabel="mean angle (degrees)", xlim=(0, 90))
        letter(axes, name, f"{metric} metric" if name == "B" else "Fisher's metric")
    for rule in _RULES:
        panels[2].hist(_log_length(dataset, rule).values.ravel(), bins=np.arange(-1, 1.01, 0.05),
                       color=RULE_COLOURS[rule], alpha=0.75)  # fmt: skip
    panels[2].set(xlabel="log$_{10}$ (length / natural length), less median")
    letter(panels[2], "", "lengths (Euclidean metric)")
    panels[0].set_ylabel("weight vectors")
    panels[1].set_ylim(top=1.4 * panels[1].get_ylim()[1])  # room for the legend
    panels[1].legend(frameon=False, loc="upper right")
    bare(*panels)
    draw_curves(lower.subplots(1, 4, sharey=True), dataset)
    return figure


def _log_length(dataset: xr.Dataset, rule: str) -> xr.DataArray:
    """log10 of the length over the natural update's, less its median in each pair of rates.

    A constant factor is a matter of the learning rate, and left out.
    """
    length = dataset["length_ratio"].sel(chart="soma", metric="Euclidean", rule=rule)
    logs = xr.apply_ufunc(np.log10, length)
    return logs - logs.median("weights")


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Pooled mean angles, which rule is closer, and what does not depend on the coordinates."""
    angle, verdicts = dataset["angle"].sel(chart="soma"), []
    expectations = {
        ("Euclidean", "approximate"): 11.3,
        ("Euclidean", "Euclidean"): 43.7,
        ("Fisher", "approximate"): 29.6,
        ("Fisher", "Euclidean"): 74.2,
    }
    for (metric, rule), expected in expectations.items():
        mean, error = mean_and_error(angle.sel(metric=metric, rule=rule).values.ravel())
        verdicts.append(
            Claim.near(
                f"Mean angle (degrees) of natural and {rule} updates in the {metric}"
                " metric, pooled over five pairs of rates (to 4 standard errors and .5)",
                expected,
                float(mean),
                float(error),
                by=4,
                tolerance=0.5,
            )
        )
    closer = angle.sel(rule="approximate") < angle.sel(rule="Euclidean")
    scatter = {rule: float(_log_length(dataset, rule).std()) for rule in _RULES}
    fisher = dataset["angle"].sel(metric="Fisher", rule="approximate")
    difference = np.abs(fisher - fisher.sel(chart="soma"))
    euclid = dataset["angle"].sel(metric="Euclidean", rule="Euclidean").mean(("pair", "weights"))
    turned = float(euclid.sel(chart="dendrites") - euclid.sel(chart="soma"))
    moved = dataset["somatic_difference"]
    return [
        *verdicts,
        Claim.close(
            "The approximate update is closer to the natural one than the Euclidean, in both"
            " metrics, for every weight vector (fraction)",
            1.0,
            float(closer.mean()),
            0.0,
        ),
        Claim.below(
            "Its length, too, is nearly a constant multiple of the natural one's: scatter"
            " of the logarithm of the ratio, approximate over Euclidean",
            scatter["approximate"] / scatter["Euclidean"],
            0.5,
        ),
        Claim.close(
            "The Fisher angle of approximate and natural updates is the same at dendrites (greatest"
            " difference in degrees, to 1e-6)",
            0.0,
            float(difference.max()),
            1e-6,
        ),
        Claim.above(
            "Euclidean angles are not: the mean angle of natural and Euclidean updates at"
            " attenuating dendrites less that at the soma (degrees)",
            abs(turned),
            5,
        ).showing("either way", turned),
        Claim.close(
            "Steepest descent in the natural metric of the weights that learn moves the soma the"
            " same, wherever it is computed (greatest relative difference, to 1e-9)",
            0.0,
            float(moved.sel(direction="natural").max()),
            1e-9,
        ),
        Claim.above(
            "The Euclidean rule does not (relative difference)",
            float(moved.sel(direction="Euclidean").values[1:].min()),
            0.5,
        ),
        *curve_claims(dataset, dataset.attrs["speed"]),
    ]
