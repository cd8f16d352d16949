"""The STDP window that falls out of the rule (Fig 2): from pairs of spikes, two ways

Learning rule (5) was derived for rates from a relative entropy; nobody put a spike-timing window
in. Give its first term two spikes instead, one in each neuron, and what it leaves is the classical
window: strengthening when the presynaptic spike comes first, weakening when it comes second. Count
the Hebbian term in, seen through the same filter, and the window becomes asymmetric, with factors
(gamma + l)/2 and (gamma - l)/2.

Averaged over time, the same term is a velocity: the derivative of the postsynaptic activity, seen
through the window, against the presynaptic activity seen through the window.
"""

import json
from dataclasses import asdict, dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.pictures import INK, LINE_COLOURS, bare, letter
from steepest.recurrent._kernels import lowpass
from steepest.recurrent.stdp import gain, periodic_lowpass, window
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The window, and how finely it is measured."""

    gamma: float = parameter(100.0, "rate of the window", "1/time")
    decay: float = parameter(40.0, "l of the asymmetric window, large to be seen", "1/time")
    lags: int = parameter(40, "pairs of spikes on each side")
    step: float = parameter(1e-3, "gamma dt of the simulated filters")


QUICK = Parameters()


def _pairs(parameters: Parameters, decay: float, lags: np.ndarray) -> np.ndarray:
    """What the rule's filters leave of one spike pair at each lag."""
    gamma, dt = parameters.gamma, parameters.step / parameters.gamma
    shift = np.round(lags / dt).astype(int)
    origin = int(np.abs(shift).max()) + 2
    steps = 2 * origin + 2
    post, pre = np.zeros((2, steps, len(lags)))
    pre[origin] = 1 / dt
    post[origin + shift, np.arange(len(lags))] = 1 / dt
    post_trace, pre_trace = np.empty_like(post), np.empty_like(pre)
    lowpass(post, np.zeros(len(lags)), gamma * dt, post_trace)
    lowpass(pre, np.zeros(len(lags)), gamma * dt, pre_trace)
    causal, acausal = (gamma + decay) / 2, (gamma - decay) / 2
    return dt * np.sum(causal * post * pre_trace - acausal * post_trace * pre, axis=0)


def _identity(gamma: float, decay: float) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Both sides of the operator identity for two smooth periodic signals, and measured gains."""
    t = np.arange(256) * 2 * np.pi / 256
    x = np.column_stack([np.sin(t) + np.cos(7 * t), np.exp(np.sin(2 * t))])
    velocity = np.column_stack(
        [np.cos(t) - 7 * np.sin(7 * t), 2 * np.cos(2 * t) * np.exp(np.sin(2 * t))]
    )
    y = np.column_stack([np.cos(t) * np.sin(6 * t), np.tanh(np.cos(t))])

    def lag(signal: np.ndarray) -> np.ndarray:
        return periodic_lowpass(signal, gamma, t[1])

    stdp = gamma / 2 * (x.T @ lag(y) - lag(x).T @ y)
    operator = lag(velocity).T @ lag(y)
    size = np.abs(operator).max()
    asymmetric = (gamma + decay) / 2 * x.T @ lag(y) - (gamma - decay) / 2 * lag(x).T @ y
    both = operator + decay * lag(x).T @ lag(y)
    frequencies = np.array([1, 3, 10, 30, 60])
    sines, cosines = np.sin(np.outer(t, frequencies)), np.cos(np.outer(t, frequencies))
    # <delta[sin, cos]> = w gain / 2 for x = sin(w t) and y = cos(w t).
    measured = np.array(
        [
            gamma / 2 * np.mean(sines[:, k] * lag(cosines)[:, k] - lag(sines)[:, k] * cosines[:, k])
            for k in range(len(frequencies))
        ]
    )
    return (
        float(np.abs(stdp - operator).max() / size),
        float(np.abs(asymmetric - both).max() / np.abs(both).max()),
        frequencies.astype(np.float64),
        2 * measured / frequencies,
    )


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """The window by formula and by pairs of spikes. Not random: `seed` is only recorded."""
    gamma = parameters.gamma
    side = (np.arange(parameters.lags) + 1) * 5 / parameters.lags / gamma
    lags = np.concatenate([-side[::-1], side])
    kinds = {"antisymmetric": 0.0, "asymmetric": parameters.decay}
    formula = np.stack([window(lags, gamma, decay) for decay in kinds.values()])
    pairs = np.stack([_pairs(parameters, decay, lags) for decay in kinds.values()])
    # The identity is scale-free: gamma and l in units of the signals' frequency, 1.
    gap, asymmetric_gap, frequencies, gains = _identity(5.0, 2.0)
    rate = {"units": "1/time"}
    dataset = xr.Dataset(
        {
            "window": (("kind", "lag"), formula, rate),
            "pairs": (("kind", "lag"), pairs, rate),
            "identity": (("kind",), np.array([gap, asymmetric_gap])),
            "gain": (("frequency",), gains),
            "expected_gain": (("frequency",), gain(frequencies, 5.0)),
        },
        coords={
            "kind": list(kinds),
            "lag": ("lag", lags, {"units": "time", "long_name": "t_post - t_pre"}),
            "frequency": ("frequency", frequencies, rate),
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Both windows: lines by formula, dots from pairs of spikes; and the gain of the velocity."""
    figure = matplotlib.figure.Figure(figsize=(9.6, 3.4), layout="constrained")
    panels = figure.subplots(1, 3, width_ratios=(1, 1, 0.9))
    gamma = json.loads(dataset.attrs["parameters"])["gamma"]
    lag = dataset["lag"].values * gamma
    kinds = (
        ("a", "antisymmetric", "STDP term alone"),
        ("b", "asymmetric", "with the Hebbian term"),
    )
    for axes, colour, (name, kind, title) in zip(panels, LINE_COLOURS, kinds, strict=False):
        here = dataset.sel(kind=kind)
        for side in (lag < 0, lag > 0):
            axes.plot(lag[side], here["window"].values[side] / gamma**2, color=colour, lw=1.8)
        axes.plot(lag, here["pairs"] / gamma**2, "o", color=colour, ms=3.2, mfc="white")
        axes.axhline(0, color="0.6", lw=0.6)
        axes.axvline(0, color="0.6", lw=0.6)
        axes.set(xlabel="post minus pre, in 1/γ", ylim=(-0.55, 0.75))
        letter(axes, name, title)
    panels[0].set_ylabel("weight change / γ²")
    panels[0].plot([], [], color="0.3", lw=1.8, label="formula")
    panels[0].plot([], [], "o", color="0.3", ms=3.2, mfc="white", label="pairs of spikes")
    panels[0].legend(frameon=False, loc="upper left", fontsize=8)
    fine = np.geomspace(0.5, 100, 200)
    panels[2].loglog(fine, gain(fine, 5.0), color="0.3", lw=1.5, label="γ²/(γ² + ω²)")
    panels[2].loglog(dataset["frequency"], dataset["gain"], "o", color=INK, ms=4)
    panels[2].set(xlabel="ω")
    letter(panels[2], "c", "velocity seen by STDP (γ = 5)")
    panels[2].legend(frameon=False, fontsize=8)
    bare(*panels)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The window's shape, and the two identities behind it."""
    p = json.loads(dataset.attrs["parameters"])
    gamma = p["gamma"]
    off = abs(dataset["pairs"] - dataset["window"]).max("lag") / gamma**2
    area = float(
        (dataset["pairs"].sel(kind="asymmetric")).integrate("lag") / (gamma * (1 - np.exp(-5)))
    )
    anti = dataset["window"].sel(kind="antisymmetric").values
    pairs = [
        Claim.close(
            f"Pairs of spikes leave the {kind} window (largest difference, in gamma^2)",
            0.0,
            off.sel(kind=kind),
            1e-3,
        )
        for kind in ("antisymmetric", "asymmetric")
    ]
    paper = dataset.attrs["parameters"] == json.dumps(asdict(Parameters()))
    return [
        *pairs,
        Claim.close("The STDP window is antisymmetric", 0.0, np.abs(anti + anti[::-1]).max(), 1e-9),
        Claim.close(
            "The two halves of the asymmetric window differ in area by l (in units of gamma,"
            " measured from the pairs to 2 %)",
            p["decay"] / gamma,
            area,
            0.02 * p["decay"] / gamma + 0.01,
            tested=paper,
        ),
        Claim.close(
            "STDP is a velocity: <delta[x, y]> = <(x' * g)(y * g)'> (relative difference)",
            0.0,
            dataset["identity"].sel(kind="antisymmetric"),
            1e-12,
        ),
        Claim.close(
            "With the Hebbian term seen through g the rule is"
            " (gamma + l)/2 x (y * g) - (gamma - l)/2 (x * g) y (relative difference)",
            0.0,
            dataset["identity"].sel(kind="asymmetric"),
            1e-12,
        ),
        Claim.close(
            "The velocity of a sine is seen with gain gamma^2 / (gamma^2 + w^2)",
            dataset["expected_gain"],
            dataset["gain"],
            1e-12,
        ),
    ]
