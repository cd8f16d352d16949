"""A quadratic transfer function: the natural rule without heterosynaptic weights (Sec 6.8)

Where phi'^2/phi = 1, as for a rectified quadratic phi = (V - theta)^2/4 far above its threshold,
Fisher's metric does not depend on the weights. Its inverse is closed (Eq 122), gamma_s = 1,
gamma_w = 0, and gamma_u = c_eps^2 eps0^2 sum x/(q + 1) (Eqs 123-124), close to what is found for
the sigmoid. A: the mean of the bracket c_eps x/r - gamma_u vanishes as 1/(q + 1) with many inputs;
learning is then driven by the correlation of error and input alone. B: gamma_u of both transfer
functions against s (Eq 111). C: angles, in the sigmoid's Fisher metric, between its natural updates
and those of the quadratic and of the Euclidean rule.
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
from steepest.geometry import Identity
from steepest.pictures import INK, LINE_COLOURS, RULE_COLOURS, bare, letter
from steepest.spiking import (
    EuclideanRule,
    NaturalRule,
    NeuronFisher,
    PoissonNeuron,
    QuadraticNaturalRule,
    RectifiedQuadratic,
    quadratic_inverse,
    sample_usps,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """Numbers of afferents and random weights, as in Fig 11."""

    rate: float = parameter(20.0, "rate of every afferent (A)", "Hz")
    numbers: tuple[int, ...] = parameter((3, 10, 30, 100, 300, 1000), "numbers of afferents (A)")
    samples: int = parameter(20000, "sampled inputs for each number (A)")
    afferents: int = parameter(100, "number of afferents, half at each rate (B, C)")
    rates: tuple[float, float] = parameter((10.0, 50.0), "their rates (B, C)", "Hz")
    span: float = parameter(5.0, "weights are uniform in +-span/afferents (B, C)")
    weights: int = parameter(100, "random weight vectors (B, C)")
    usps: int = parameter(20, "sampled inputs for each weight vector (B, C)")
    threshold: float = parameter(-400.0, "threshold theta, far below every voltage", "mV")


QUICK = Parameters(numbers=(3, 10, 30, 100), samples=2000, weights=50)

_RULES = ("quadratic", "Euclidean")


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """The mean bracket, gamma_u and angles; the inverse and the rule against the general ones."""
    generator = np.random.default_rng(seed)
    numbers = np.array(parameters.numbers)
    half = parameters.afferents // 2
    rates = np.repeat(parameters.rates, [parameters.afferents - half, half])
    shape = (parameters.weights, parameters.afferents)
    w = generator.uniform(-1, 1, shape) * parameters.span / parameters.afferents
    with jax.enable_x64(True):
        sigmoid = PoissonNeuron()
        kernel = sigmoid.kernel
        c_eps, eps0 = float(kernel.c_eps), float(kernel.integral)
        every = np.full(int(numbers.max()), parameters.rate)
        x = sample_usps(kernel, every, parameters.samples, seed=seed)
        # The first afferent's bracket, and with n afferents in all.
        sums = np.stack([x[:, :n].sum(axis=1) for n in numbers])
        q = c_eps * eps0**2 * parameters.rate * numbers
        own = np.stack([x[:, :n].mean(axis=1) for n in numbers])
        bracket = c_eps * own / parameters.rate - (c_eps * eps0) ** 2 * sums / (q[:, None] + 1)
        bracket /= c_eps * eps0
        x = sample_usps(kernel, rates, parameters.weights * parameters.usps, seed=seed + 1)
        x = x.reshape(parameters.weights, parameters.usps, -1)

        @eqx.filter_jit
        @eqx.filter_vmap(in_axes=(0, 0))
        def compare(w: Any, x: Any) -> Any:
            fisher = NeuronFisher(sigmoid, rates)

            def each(usps: Any) -> Any:
                rules = (NaturalRule(), QuadraticNaturalRule(), EuclideanRule())
                steps = [rule.direction(fisher, w, usps, Identity()) for rule in rules]
                flats = [fisher.flat(w, step) for step in steps]
                norms = [jnp.sqrt(jnp.sum(f * s)) for f, s in zip(flats, steps, strict=True)]
                cosines = jnp.stack(
                    [jnp.sum(flats[0] * steps[k]) / (norms[0] * norms[k]) for k in (1, 2)]
                )
                gammas = [rule.coefficients(fisher, w, usps).gamma_u for rule in rules[:2]]
                return jnp.arccos(jnp.clip(cosines, -1.0, 1.0)), jnp.stack(gammas)

            return jax.vmap(each)(x)

        angle, gamma_u = (np.asarray(part) for part in compare(w, x))
        quadratic = PoissonNeuron(RectifiedQuadratic(parameters.threshold))
        fisher = NeuronFisher(quadratic, rates)
        inverse = quadratic_inverse(kernel, rates)
        point = jnp.asarray(w[0])
        matrix = np.asarray(fisher.matrix(point))
        general = np.asarray(NaturalRule().direction(fisher, point, x[0, 0], Identity()))
        closed = np.asarray(QuadraticNaturalRule().direction(fisher, point, x[0, 0], Identity()))
    mean, error = mean_and_error(bracket, axis=1)
    dataset = xr.Dataset(
        {
            "bracket": ("number", mean),
            "bracket_error": ("number", error),
            "q": ("number", q),
            "angle": (("weights", "rule"), np.degrees(angle.mean(axis=1)), {"units": "degree"}),
            "gamma_u": (("weights", "usp", "transfer"), gamma_u, {"units": "1/mV"}),
            "s": (("weights", "usp"), c_eps * x.sum(-1) / rates.sum(), {"units": "1/mV"}),
            "residual": (
                (),
                np.abs(inverse @ matrix - np.eye(len(rates))).max(),
                {"long_name": "closed inverse times the metric, less the identity"},
            ),
            "rule_difference": (
                (),
                np.abs(general - closed).max() / np.abs(closed).max(),
                {"long_name": "natural rule less Eqs 123-124, relative"},
            ),
        },
        coords={
            "number": ("number", numbers),
            "rule": list(_RULES),
            "transfer": ["sigmoid", "quadratic"],
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """The vanishing bracket, gamma_u, and the angles."""
    figure = matplotlib.figure.Figure(figsize=(11, 3.6), layout="constrained")
    first, second, third = figure.subplots(1, 3)
    number, q = dataset["number"].values, dataset["q"].values
    fine = np.geomspace(number[0], number[-1], 100)
    first.plot(fine, 1 / (1 + fine * q[0] / number[0]), color=INK, label="$1/(q+1)$")
    first.errorbar(
        number,
        dataset["bracket"],
        dataset["bracket_error"],
        fmt="o",
        color=LINE_COLOURS[1],
        label="sampled, with standard error",
    )
    first.set(xscale="log", xlabel="number of afferents n", ylim=(0, None),
              ylabel=r"mean of $x/(\epsilon_0 r) - \gamma_u/(c_\epsilon\epsilon_0)$")  # fmt: skip
    first.legend(frameon=False, fontsize=8)
    s = dataset["s"].values.ravel() * 1e3
    for transfer, colour in (("sigmoid", LINE_COLOURS[0]), ("quadratic", LINE_COLOURS[1])):
        second.plot(
            s,
            dataset["gamma_u"].sel(transfer=transfer).values.ravel() * 1e3,
            "o",
            markersize=2.5,
            alpha=0.4,
            color=colour,
            label=transfer,
        )
    second.plot([s.min(), s.max()], [s.min(), s.max()], color=LINE_COLOURS[4], label="equal to $s$")
    second.set(xlabel="$s$ (1/V)", ylabel=r"$\gamma_u$ (1/V)")
    second.legend(frameon=False, fontsize=8)
    for rule, colour in (("quadratic", LINE_COLOURS[1]), ("Euclidean", RULE_COLOURS["Euclidean"])):
        third.hist(
            dataset["angle"].sel(rule=rule), bins=np.arange(0, 92, 2.5), color=colour, alpha=0.75,
            label=f"{rule} rule",
        )  # fmt: skip
    third.set(xlabel="Fisher angle to the natural rule (degrees)", xlim=(0, 90),
              ylabel="weight vectors")  # fmt: skip
    third.legend(frameon=False, fontsize=8)
    for axes, name in zip((first, second, third), "ABC", strict=True):
        letter(axes, name)
    bare(first, second, third)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Eqs 122-124, the limit of many afferents, and the likeness to the sigmoid's rule."""
    bracket, error, q = (dataset[k].values for k in ("bracket", "bracket_error", "q"))
    sigmoid = dataset["gamma_u"].sel(transfer="sigmoid").values.ravel()
    quadratic = dataset["gamma_u"].sel(transfer="quadratic").values.ravel()
    angle, angle_error = (
        dict(zip(_RULES, values, strict=True))
        for values in mean_and_error(dataset["angle"].sel(rule=list(_RULES)).values)
    )
    return [
        Claim.close(
            "Eq 122 is the inverse of the metric of a rectified quadratic phi (greatest entry of"
            " the product less the identity, to 1e-9)",
            0.0,
            float(dataset["residual"]),
            1e-9,
        ),
        Claim.close(
            "Eqs 123-124 are its natural rule (greatest relative difference, to 1e-9)",
            0.0,
            float(dataset["rule_difference"]),
            1e-9,
        ),
        *(
            Claim.near(
                "The mean bracket, over c_eps eps0, is 1/(q + 1), which vanishes for many"
                f" afferents: n = {number} (to 4 standard errors)",
                expected,
                mean,
                spread,
                by=4,
            )
            for number, mean, spread, expected in zip(
                dataset["number"].values, bracket, error, 1 / (q + 1), strict=True
            )
        ),
        Claim.below(
            "It falls with the number of afferents: largest over smallest number",
            float(bracket[-1] / bracket[0]),
            0.2,
        ),
        Claim.above(
            "gamma_u of the sigmoid is in line with the quadratic's: correlation over"
            " random weights and inputs",
            float(np.corrcoef(sigmoid, quadratic)[0, 1]),
            0.85,
        ),
        Claim.below(
            "The quadratic update's Fisher angle to the sigmoid's natural one (mean, in degrees)",
            float(angle["quadratic"]),
            30,
            standard_error=float(angle_error["quadratic"]),
        ),
        Claim.above(
            "The Euclidean update's Fisher angle to the sigmoid's natural one (mean, in degrees)",
            float(angle["Euclidean"]),
            60,
            standard_error=float(angle_error["Euclidean"]),
        ),
    ]
