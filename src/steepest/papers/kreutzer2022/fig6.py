"""Natural plasticity is made of three parts: homosynaptic, uniform and proportional (Fig 6)

Two synapses receive spikes, two are silent, and the teacher's spike makes the error positive. The
update is gamma_s times the error's slope times the sum of three parts (Eqs 21-23). A: the
homosynaptic part, c_eps x/r, moves stimulated synapses alone. B: the uniform heterosynaptic part,
-gamma_u, moves all of them alike and here down. C: the heterosynaptic part gamma_w w is
proportional to the weight. Of each pair one synapse is strong and one is weak.

gamma_w is linear in the voltage exactly, g2 c_eps eps0 sum x + g4 V; the paper's "approximately
proportional to V" leaves out the first term, which is negative.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.pictures import INK, LINE_COLOURS, bare, letter
from steepest.spiking import NaturalRule, NeuronFisher, PoissonNeuron, sample_usps
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """Four synapses; the paper's figure is a scheme without numbers."""

    rates: tuple[float, ...] = parameter((50.0, 50.0, 0.0, 0.0), "afferent rates", "Hz")
    weights: tuple[float, ...] = parameter((0.12, 0.06, 0.12, 0.06), "somatic weights")
    delays: tuple[float, ...] = parameter(
        (0.004, 0.008), "time since the last spike of the stimulated afferents", "s"
    )
    window: float = parameter(5e-4, "time bin of the teacher's spike", "s")
    eta: float = parameter(4.0, "learning rate (large, to be seen)", "1/s")
    samples: int = parameter(200, "sampled inputs over which gamma_w is looked at")


QUICK = Parameters()

_NEARLY_SILENT = 1e-6  # Hz, in place of silence where the metric's matrix is to be solved
_PARTS = ("homosynaptic", "uniform", "proportional")


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """The three parts of one update, and gamma_w at sampled inputs."""
    w, rates = np.array(parameters.weights), np.array(parameters.rates)
    with jax.enable_x64(True):
        neuron, rule = PoissonNeuron(), NaturalRule()
        fisher = NeuronFisher(neuron, rates)
        x = np.zeros(len(w))
        x[: len(parameters.delays)] = np.asarray(neuron.kernel(np.array(parameters.delays)))
        V = float(w @ x)
        score = float(neuron.score(jnp.asarray(V), 1.0, parameters.window))
        parts = rule.parts(fisher, w, x)
        # The natural update by its definition: what the metric takes to the covector x.
        matrix = NeuronFisher(neuron, np.maximum(rates, _NEARLY_SILENT)).matrix(w)
        whole = np.linalg.solve(np.asarray(matrix), x)
        euclidean = parameters.eta * score * x
        coefficients = fisher.coefficients(w)
        usps = sample_usps(neuron.kernel, rates, parameters.samples, seed=seed)
        # Two silent synapses get updates that differ by gamma_s gamma_w times their weights alone.
        strong, weak = np.flatnonzero(rates == 0)[:2]
        updates = np.linalg.solve(np.asarray(matrix), usps.T)
        gamma_w = float(coefficients.c1) * (updates[strong] - updates[weak]) / (w[strong] - w[weak])
        delay = np.linspace(0, 0.06, 181)
        epsp = np.asarray(neuron.kernel(delay))
        scale = float(neuron.kernel.c_eps * neuron.kernel.integral)
        linear = scale * float(coefficients.g2) * usps.sum(-1) + float(coefficients.g4) * usps @ w
    dataset = xr.Dataset(
        {
            "change": (
                ("part", "synapse"),
                parameters.eta * score * np.stack([np.asarray(part) for part in parts]),
            ),
            "total": ("synapse", parameters.eta * score * whole),
            "euclidean": ("synapse", euclidean, {"long_name": "not to scale"}),
            "weight": ("synapse", w),
            "usp": ("synapse", x, {"units": "mV"}),
            "gamma_w": ("sample", gamma_w, {"units": "1/mV"}),
            "gamma_w_linear": ("sample", linear, {"units": "1/mV"}),
            "voltage": ("sample", usps @ w, {"units": "mV"}),
            "epsp": ("delay", epsp, {"units": "mV"}),
        },
        coords={
            "part": list(_PARTS),
            "synapse": ["stimulated, strong", "stimulated, weak", "silent, strong", "silent, weak"],
            "delay": ("delay", delay, {"units": "s"}),
        },
        attrs={"score": score, "voltage": V},
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """EPSPs before and after each part of the update: a column for each part, a row per synapse."""
    figure = matplotlib.figure.Figure(figsize=(9.2, 8), layout="constrained")
    panels = figure.subplots(4, 3, sharex=True, sharey=True)
    titles = (
        "homosynaptic",
        "uniform heterosynaptic",
        "weight-proportional\n     heterosynaptic",
    )
    delay, epsp = dataset["delay"] * 1e3, dataset["epsp"]
    for column, (part, title, colour) in enumerate(
        zip(_PARTS, titles, LINE_COLOURS[:3], strict=True)
    ):
        for row, synapse in enumerate(dataset["synapse"].values):
            axes = panels[row, column]
            before = float(dataset["weight"].sel(synapse=synapse))
            change = float(dataset["change"].sel(part=part, synapse=synapse))
            axes.plot(delay, before * epsp, color=INK, label="before")
            axes.plot(delay, (before + change) * epsp, "--", color=colour, label="after")
            axes.fill_between(delay, before * epsp, (before + change) * epsp, color=colour,
                              alpha=0.25, linewidth=0)  # fmt: skip
            axes.annotate(
                f"$\\Delta w$ = {change:+.3f}" if change else "unchanged",
                (0.97, 0.9), xycoords="axes fraction", ha="right", va="top", fontsize=9,
                color=colour if change else "0.4",
            )  # fmt: skip
            if column == 0:
                axes.set_ylabel(f"{synapse}\nEPSP (mV)")
            bare(axes)
        letter(panels[0, column], "ABC"[column], title)
        panels[-1, column].set_xlabel("time (ms)")
    panels[0, 0].legend(frameon=False, fontsize=8, loc="center right")
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """What each part does to which synapse, and that they add up."""
    change, weight = dataset["change"], dataset["weight"].values
    homosynaptic, uniform, proportional = (change.sel(part=part).values for part in _PARTS)
    silent = dataset["usp"].values == 0
    gamma, voltage = dataset["gamma_w"].values, dataset["voltage"].values
    linear = dataset["gamma_w_linear"].values
    per_weight = proportional / weight
    total = dataset["total"].values
    return [
        Claim.above(
            "The error is positive (phi'/phi times the error, 1/mV)", dataset.attrs["score"], 0
        ),
        Claim.close("The homosynaptic part leaves silent synapses as they are (greatest change)",
                    0.0, np.abs(homosynaptic[silent]).max(), 0.0),
        Claim.above(
            "and potentiates the stimulated ones (smallest change)",
            float(homosynaptic[~silent].min()),
            0,
        ),
        Claim.close("The uniform part is the same for all synapses (spread over size, to 1e-12)",
                    0.0, np.ptp(uniform) / np.abs(uniform).max(), 1e-12),
        Claim.below("and opposes the homosynaptic one", float(uniform[0]), 0),
        Claim.close("The third part is proportional to the weight (spread of change per weight over"
                    " its size, to 1e-12)", 0.0, np.ptp(per_weight) / np.abs(per_weight).max(),
                    1e-12),
        Claim.close("The three parts make the natural update, which solves G dw = x (greatest"
                    " difference over size, to 1e-6)", 0.0,
                    np.abs(change.sum("part").values - total).max() / np.abs(total).max(), 1e-6),
        Claim.close("gamma_w of the solutions is c_eps eps0 g2 sum x + g4 V, linear in the voltage"
                    " (greatest difference over inputs, over the greatest size, to 1e-6)", 0.0,
                    np.abs(gamma - linear).max() / np.abs(gamma).max(), 1e-6),
        Claim.above(
            "so that it grows with the voltage: correlation over inputs",
            float(np.corrcoef(gamma, voltage)[0, 1]),
            0.7,
        ),
    ]  # fmt: skip
