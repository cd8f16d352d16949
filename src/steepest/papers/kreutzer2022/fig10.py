"""The global factor of natural plasticity against the mean voltage (Fig 10)

Natural plasticity is scaled by gamma_s = 1/E[phi'^2/phi] (Eq 107). Where the transfer function phi
is flat, a change of weight hardly changes the output, so the factor is large; and, at the same
slope, it is larger where the neuron fires fast. Curves: the voltage is Gaussian, with the stated
standard deviation. Points: random weights and rates, as in Fig 11.

Its smallest value is not at the threshold (10 mV), where phi is steepest, but 2.3 mV below it,
where phi'^2/phi is largest: phi = phi_max/3.
"""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import xarray as xr
from scipy.integrate import quad
from scipy.special import expit

from steepest.pictures import INK, RULE_COLOURS, bare
from steepest.spiking import PoissonNeuron, sample_usps
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The voltages looked at, and the random weights."""

    lowest: float = parameter(-20.0, "smallest mean voltage", "mV")
    highest: float = parameter(40.0, "largest mean voltage", "mV")
    points: int = parameter(601, "mean voltages between them")
    deviations: tuple[float, ...] = parameter((0.0, 2.0, 5.0, 8.0), "standard deviations", "mV")
    afferents: int = parameter(100, "number of afferents of the sampled neurons")
    span: float = parameter(5.0, "weights are uniform in +-span/afferents")
    rates: tuple[float, ...] = parameter((5.0, 15.0, 25.0, 35.0, 45.0, 55.0), "rates", "Hz")
    weights: int = parameter(20, "weight vectors sampled for each rate")
    usps: int = parameter(2000, "sampled inputs for each weight vector, to check the average")


QUICK = Parameters(points=121, usps=100)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """gamma_s on a grid of means and deviations, at random weights, and by sampling the input."""
    generator = np.random.default_rng(seed)
    mean = np.linspace(parameters.lowest, parameters.highest, parameters.points)
    deviation = np.array(parameters.deviations)
    rates = np.repeat(parameters.rates, parameters.weights)
    shape = (len(rates), parameters.afferents)
    weights = generator.uniform(-1, 1, shape) * parameters.span / parameters.afferents
    with jax.enable_x64(True):
        neuron = PoissonNeuron()
        factor = eqx.filter_jit(
            jax.vmap(lambda mu, variance: 1 / neuron.moments(mu, variance)[0], (0, 0))
        )
        grid = np.meshgrid(mean, deviation)
        curves = np.asarray(factor(grid[0].ravel(), grid[1].ravel() ** 2)).reshape(grid[0].shape)
        mu = np.asarray(neuron.kernel.mean(rates)) * weights.sum(-1)
        variance = np.asarray(neuron.kernel.variance(rates)) * (weights**2).sum(-1)
        sampled = np.asarray(factor(mu, variance))
        each = np.repeat(parameters.rates, shape[1])
        drawn = (parameters.weights, parameters.usps, len(parameters.rates), shape[1])
        x = sample_usps(neuron.kernel, each, drawn[0] * drawn[1], seed=seed).reshape(drawn)
        w = weights.reshape(len(parameters.rates), parameters.weights, shape[1])
        voltage = np.einsum("ksri,rki->rks", x, w).reshape(-1, parameters.usps)
        information = np.asarray(neuron.transfer.information(jnp.asarray(voltage)))
        phi, slope = np.asarray(neuron.rate(mean)), np.asarray(neuron.slope(mean))
    average = information.mean(axis=1)
    error = information.std(axis=1, ddof=1) / np.sqrt(parameters.usps)
    factor_units = {"units": "mV^2/Hz"}
    dataset = xr.Dataset(
        {
            "gamma_s": (("deviation", "mean"), curves, factor_units),
            "phi": ("mean", phi, {"units": "Hz"}),
            "slope": ("mean", slope, {"units": "Hz/mV"}),
            "sampled_mean": ("sample", mu, {"units": "mV"}),
            "sampled_variance": ("sample", variance, {"units": "mV^2"}),
            "sampled": ("sample", sampled, factor_units),
            "by_sampling": ("sample", 1 / average, factor_units),
            "relative_error": ("sample", error / average),
        },
        coords={
            "mean": ("mean", mean, {"units": "mV"}),
            "deviation": ("deviation", deviation, {"units": "mV"}),
            "rate": ("sample", rates, {"units": "Hz"}),
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """gamma_s against the mean voltage, on a logarithmic scale, above the transfer function."""
    figure = matplotlib.figure.Figure(figsize=(7.2, 6.4), layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    mean = dataset["mean"]
    shades = np.linspace(1, 0.3, dataset.sizes["deviation"])
    for deviation, shade in zip(dataset["deviation"].values, shades, strict=True):
        axes.plot(
            mean,
            dataset["gamma_s"].sel(deviation=deviation),
            color=RULE_COLOURS["natural"],
            alpha=shade,
            label=f"Gaussian voltage, standard deviation {deviation:g} mV",
        )
    inside = (dataset["sampled_mean"] > mean.min()) & (dataset["sampled_mean"] < mean.max())
    axes.plot(
        dataset["sampled_mean"][inside],
        dataset["sampled"][inside],
        "o",
        color=INK,
        markersize=3.5,
        alpha=0.6,
        label="random weights and rates",
    )
    axes.set(yscale="log", ylabel=r"$\gamma_s$ (mV$^2$/Hz)", ylim=(0.4, 1e5))
    axes.legend(frameon=False, fontsize=9, loc="upper center")
    below.plot(mean, dataset["phi"], color=INK)
    below.set(xlabel=r"mean voltage $\mu_V$ above rest (mV)", ylabel=r"$\phi(\mu_V)$ (Hz)")
    below.set_xlim(float(mean.min()), float(mean.max()))
    for each in (axes, below):
        each.axvline(10, color="0.6", linewidth=0.8, linestyle=":")
    below.annotate("threshold", (10, 95), xytext=(4, 0), textcoords="offset points", fontsize=8,
                   color="0.4", va="center")  # fmt: skip
    bare(axes, below)
    return figure


def _by_quadrature(mu: float, deviation: float) -> float:
    """1/E[phi'^2/phi] for phi = 100 Hz/(1 + exp(-.3 (V - 10 mV))) and a Gaussian V, mV^2/Hz."""

    def weighed(z: float) -> float:
        p = expit(0.3 * (mu + deviation * z - 10))
        return 100 * 0.3**2 * p * (1 - p) ** 2 * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)

    return 1 / quad(weighed, -12, 12, epsrel=1e-10, limit=200)[0]


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Where the factor is smallest, how it grows where phi is flat or fast, and that it is E[]."""
    gamma, mean = dataset["gamma_s"], dataset["mean"].values

    def at(mu: float, deviation: float) -> float:
        return float(gamma.sel(deviation=deviation).interp(mean=mu))

    sharp = gamma.sel(deviation=0.0)
    step = float(mean[1] - mean[0])
    means = (7.7, -20.0, 0.0, 20.0, 30.0)
    averaged = [at(mu, 5.0) for mu in means]
    wanted = [_by_quadrature(mu, 5.0) for mu in means]
    # phi'^2/phi is the same at two voltages about the threshold but for the rate.
    up, down = at(20.0, 0.0), at(0.0, 0.0)
    ratio = dataset["sampled"] / dataset["by_sampling"]
    deviation = float(ratio.mean()) - 1
    narrow = gamma.sel(deviation=slice(0, 5))
    error = float(np.sqrt((dataset["relative_error"] ** 2).sum())) / ratio.size
    return [
        Claim.close(
            "Without fluctuations gamma_s is smallest where phi = phi_max/3, 10 - ln 2/0.3 mV"
            " (to a grid step)",
            10 - np.log(2) / 0.3,
            mean[int(np.argmin(sharp.values))],
            step,
        ),
        Claim.close(
            "its smallest value is 27/(4 beta^2 phi_max) = 0.75 (to 0.5 %)",
            0.75,
            float(sharp.min()),
            0.00375,
        ),
        Claim.close(
            "gamma_s at sigma = 5 mV and means 7.7, -20, 0, 20, 30 mV (over those by adaptive"
            " quadrature of the sigmoid's phi'^2/phi, to 2 %)",
            np.ones(5),
            np.array(averaged) / np.array(wanted),
            0.02,
        ),
        Claim.close(
            "Equally steep, phi'(20 mV) = phi'(0 mV), it grows with the rate: phi(20)/phi(0) ="
            " exp(3) (to 1e-6)",
            np.exp(3),
            up / down,
            1e-6,
        ),
        Claim.above(
            "Where phi is flat, at -20 and 40 mV, gamma_s is more than 100 times its"
            " smallest value, for every standard deviation of at most 5 mV (least ratio)",
            float((narrow.isel(mean=[0, -1]) / narrow.min("mean")).min()),
            100,
        ),
        Claim.close(
            "It is 1/E[phi'^2/phi] over real input too: mean over random weights of the"
            " sampled E[phi'^2/phi] times the Gaussian gamma_s, less 1 (to .05)",
            0.0,
            deviation,
            0.05,
            standard_error=error,
        ),
    ]
