"""Noise (a perspective of the paper): the drift and the diffusion matrix, learned from one series

The paper restricts itself to inputs without noise, and says what would be wanted: that "the network
should learn both the vector field through W and the diffusion matrix". Here it does. a: drift W and
diffusion D of a noisy oscillation, from one series, as a batch and online; STDP estimates a
Stratonovich drift, and without a correction by D diag<S'> the weights are biased. b: left alone
with its own noise, the network that learned both has the input's covariance.
"""

import json
from dataclasses import dataclass, replace

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.papers.galtier2013._circ import NETWORK, TRUTH, cycle, error
from steepest.pictures import INK, LINE_COLOURS, bare, letter
from steepest.recurrent import (
    Inputs,
    OnlineRule,
    cramer_rao,
    fit_noisy,
    learn,
    learn_noisy,
    relative_entropy,
    simulate,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The noise, the series, and the rule."""

    diffusion: tuple[tuple[float, ...], ...] = parameter(
        ((0.125, 0.05, 0.0), (0.05, 0.1, 0.0), (0.0, 0.0, 0.08)), "D", "1/time"
    )
    duration: float = parameter(3000.0, "length of the series", "time")
    step: float = parameter(0.005, "its sampling step", "time")
    decay_net: float = parameter(50.0, "l_net", "1/time")
    gamma: float = parameter(100.0, "rate of the STDP window", "1/time")
    rate: float = parameter(0.05, "learning rate eps", "1/time")
    samples: int = parameter(2000, "steps of the 200 replays whose covariance is taken")


QUICK = replace(Parameters(), duration=500.0, samples=1000)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """One series, what is learned from it as a batch and online, and replays."""
    p, diffusion = parameters, np.array(parameters.diffusion)
    steps = round(p.duration / p.step)
    start = cycle(0.01).states[0]
    series = simulate(NETWORK, TRUTH, start, p.step, steps, diffusion=diffusion, seed=seed)
    batch = fit_noisy(series, p.step, NETWORK)
    rates = np.tanh(series)
    covariance = rates.T @ rates / len(rates)
    central = relative_entropy(Inputs.sampled(series, p.step), NETWORK).minimum().weights
    bias = diffusion * (1 - rates**2).mean(axis=0) @ np.linalg.inv(covariance)
    rule = OnlineRule(NETWORK, p.gamma, p.decay_net)
    plain = learn(rule, series, p.step, rate=p.rate * 4).weights[-1]
    online, online_diffusion, _ = learn_noisy(rule, series, p.step, rate=p.rate * 4)

    def crowd(weights: np.ndarray, noise: np.ndarray, offset: int) -> np.ndarray:
        """Covariance, over copies and time, of the network left alone with its noise."""
        first = series[np.linspace(len(series) // 4, len(series) - 1, 200).astype(int)]
        paths = simulate(
            NETWORK, weights, first, 0.01, p.samples, diffusion=noise, seed=seed + offset
        )
        flat = paths[p.samples // 2 :].reshape(-1, 3)
        return np.cov(flat.T)

    replay = crowd(batch.weights, batch.diffusion, 1)
    reference = crowd(TRUTH, diffusion, 2)
    again = crowd(TRUTH, diffusion, 3)
    wrong = crowd(batch.weights, np.eye(3) * 1e-6, 4)

    rate = {"units": "1/time"}
    named = ["batch", "central difference", "online", "online, uncorrected"]
    dataset = xr.Dataset(
        {
            "weights": (
                ("how", "post", "pre"),
                np.array([batch.weights, central, online, plain]),
            ),
            "truth": (("post", "pre"), TRUTH),
            "error": (("how",), [error(w) for w in (batch.weights, central, online, plain)]),
            "bias": (("post", "pre"), bias),
            "error_corrected": ((), error(central - bias)),
            "bound": (("post", "pre"), np.sqrt(cramer_rao(covariance, diffusion, p.duration))),
            "true_diffusion": (("post", "pre"), diffusion, rate),
            "diffusion": (
                ("how_diffusion", "post", "pre"),
                np.array([batch.diffusion, online_diffusion]),
                rate,
            ),
            "covariance": (
                ("whose", "post", "pre"),
                np.array([reference, again, replay, wrong]),
            ),
            "path": (("moment", "unit"), series[: round(20 / p.step) : 4]),
        },
        coords={
            "how": named,
            "how_diffusion": ["batch", "online"],
            "whose": ["input", "input, other seed", "replay", "replay without noise"],
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """a learned against true weights, b covariances of input and replay."""
    figure = matplotlib.figure.Figure(figsize=(7.6, 3.6), layout="constrained")
    a, b = figure.subplots(1, 2)
    truth = dataset["truth"].values.ravel()
    marks = {"batch": "o", "online": "s", "online, uncorrected": "x"}
    colours = (INK, *LINE_COLOURS[:2])
    for offset, (how, mark), colour in zip((-0.06, 0, 0.06), marks.items(), colours, strict=True):
        learned = dataset["weights"].sel(how=how).values.ravel()
        a.plot(truth + offset, learned, mark, color=colour, ms=4.5, label=how, mfc="none")
    a.plot([-2.3, 1.6], [-2.3, 1.6], color="0.7", lw=0.8, zorder=0)
    letter(a, "a", "weights from one noisy series")
    a.set(xlabel="true W", ylabel="learned W")
    a.legend(frameon=False, fontsize=8, loc="upper left")
    upper = np.triu_indices(3)
    reference = dataset["covariance"].sel(whose="input").values[upper]
    for whose, mark, colour in (
        ("replay", "o", LINE_COLOURS[0]),
        ("input, other seed", "+", INK),
        ("replay without noise", "x", LINE_COLOURS[1]),
    ):
        b.plot(
            reference,
            dataset["covariance"].sel(whose=whose).values[upper],
            mark,
            color=colour,
            label=whose,
            mfc="none",
        )
    b.plot([-1, 3], [-1, 3], color="0.7", lw=0.8, zorder=0)
    letter(b, "b", "covariance of the activity")
    b.set(xlabel="input", ylabel="network left alone")
    b.legend(frameon=False, fontsize=8)
    bare(a, b)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """W and D within their sampling errors; the Stratonovich bias; the replay's covariance."""
    p = json.loads(dataset.attrs["parameters"])
    count = p["duration"] / p["step"]
    truth, diffusion = dataset["truth"].values, dataset["true_diffusion"].values
    z = (dataset["weights"].sel(how="batch").values - truth) / dataset["bound"].values
    spread = np.sqrt((np.outer(np.diag(diffusion), np.diag(diffusion)) + diffusion**2) / count)
    zd = (dataset["diffusion"].sel(how_diffusion="batch").values - diffusion) / spread
    online_gap = np.abs(dataset["diffusion"].sel(how_diffusion="online").values - diffusion).max()
    errors = {str(h): float(dataset["error"].sel(how=h)) for h in dataset["how"].values}
    covariance = {
        str(w): dataset["covariance"].sel(whose=w).values for w in dataset["whose"].values
    }
    before, after = errors["central difference"], float(dataset["error_corrected"])
    bias = dataset["bias"].values
    off = dataset["weights"].sel(how="online, uncorrected") - dataset["weights"].sel(how="online")
    taken = float(np.linalg.norm(off - bias) / np.linalg.norm(bias))
    size = np.linalg.norm(covariance["input"])
    gap = {w: float(np.linalg.norm(c - covariance["input"]) / size) for w, c in covariance.items()}
    return [
        Claim.below(
            "Batch: every weight within 4 Cramer-Rao errors of the truth (largest z)",
            float(np.abs(z).max()),
            4,
        ),
        Claim.below(
            "Batch: every entry of D within 4.5 standard errors (largest z)",
            float(np.abs(zd).max()),
            4.5,
        ),
        Claim.below("Online: D (largest error)", float(online_gap), 0.02),
        Claim.above(
            "The central difference is biased; taking D diag<S'> C^-1 off removes it"
            " (errors before, after)",
            before / after,
            2,
        ).showing("before over after", before, after),
        Claim.below(
            "So is STDP: with the D that it learns the online rule takes off just that"
            " bias (what it takes off less D diag<S'> C^-1, relative; errors without and with)",
            taken,
            0.25,
        ).showing("the first", taken, errors["online, uncorrected"], errors["online"]),
        Claim.below(
            "Left alone with its noise, the network has the input's covariance (relative"
            " difference: replay, the input itself with another seed, replay without noise)",
            gap["replay"],
            0.1,
        ).showing("replay", gap["replay"], gap["input, other seed"], gap["replay without noise"]),
    ]
