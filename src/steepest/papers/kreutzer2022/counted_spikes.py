"""Fisher's metric when spikes are counted in windows, not placed in time (Sec 6.2)

The metric G = E[phi'^2/phi x x'] per second is what the times of all spikes tell about the weights.
Over a window in which the voltage stays as it is, their number tells as much: it is a sufficient
statistic. Over a longer one it is the sum of rates that is seen, G_counted =
E[(sum phi' x)(sum phi' x)' / sum phi] per second, which by Cauchy and Schwarz is never more, in no
direction of weights. A: the share of G that counts keep, by the largest, the mean and the smallest
eigenvalue of G^-1 G_counted, against the length of the window. Counts do for windows that are short
beside the USP; from ten times its length on they keep one direction, the common rate of all
afferents.
"""

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy.linalg import eigh
from scipy.signal import lfilter
from scipy.special import expit

from steepest.pictures import LINE_COLOURS, bare
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The neuron, its afferents, and the windows."""

    afferents: int = parameter(10, "afferents, half of them at each rate")
    rates: tuple[float, float] = parameter((10.0, 50.0), "their rates", "Hz")
    weight: float = parameter(0.05, "spread of the weights")
    step: float = parameter(5e-4, "time step", "s")
    duration: float = parameter(200.0, "time of all spikes", "s")
    parts: int = parameter(8, "parts of that time, for standard errors")
    windows: tuple[int, ...] = parameter(
        (1, 2, 4, 10, 20, 40, 100, 200, 400, 1000), "steps of a window"
    )


QUICK = Parameters(duration=40.0, parts=4, windows=(1, 2, 4, 20, 100, 400))
_MAXIMUM, _STEEPNESS, _THRESHOLD = 100.0, 0.3, 10.0  # Hz, 1/mV, mV: the paper's neuron
_TAU_M, _TAU_S = 0.010, 0.003  # s


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Eigenvalues of G^-1 G_counted for each window, in parts of the time."""
    p = parameters
    n = p.afferents
    random = np.random.default_rng(seed)
    weights = p.weight * random.standard_normal(n)
    steps = round(p.duration / p.parts / p.step)
    shares = np.empty((p.parts, len(p.windows), n))
    for part in range(p.parts):
        usps = _usps(p, steps, random)
        voltage = usps @ weights
        chance = expit(_STEEPNESS * (voltage - _THRESHOLD))
        rate, slope = _MAXIMUM * chance, _MAXIMUM * _STEEPNESS * chance * (1 - chance)
        placed = (usps * (slope**2 / rate)[:, None]).T @ usps * p.step
        for k, window in enumerate(p.windows):
            whole = steps // window * window
            moved = (slope[:whole, None] * usps[:whole]).reshape(-1, window, n).sum(1) * p.step
            expected = rate[:whole].reshape(-1, window).sum(1) * p.step
            counted = (moved / expected[:, None]).T @ moved * steps / whole
            shares[part, k] = eigh(counted, placed, eigvals_only=True)
    dataset = xr.Dataset(
        {"share": (("part", "window", "direction"), shares)},
        coords={"window": ("window", np.array(p.windows) * p.step, {"units": "s"})},
    )
    return stamp(dataset, parameters, seed)


def _usps(p: Parameters, steps: int, random: np.random.Generator) -> Float[np.ndarray, "steps n"]:
    rates = np.repeat(p.rates, [p.afferents - p.afferents // 2, p.afferents // 2])
    spikes = random.poisson(rates * p.step, (steps, p.afferents)).astype(np.float64)
    slow, fast = (
        lfilter([1.0], [1.0, -np.exp(-p.step / tau)], spikes, axis=0) for tau in (_TAU_M, _TAU_S)
    )
    return (slow - fast) / (_TAU_M - _TAU_S)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """The share of information that counts keep, against the window."""
    figure = matplotlib.figure.Figure(figsize=(5.2, 3.8), layout="constrained")
    axes = figure.subplots()
    share = dataset["share"].mean("part")
    shown = (
        ("largest", share.isel(direction=-1)),
        ("mean", share.mean("direction")),
        ("smallest", share.isel(direction=0)),
    )
    for colour, (name, values) in zip(LINE_COLOURS, shown, strict=False):
        axes.semilogx(1e3 * dataset["window"], values, marker="o", color=colour, label=name)
    axes.axvspan(1e3 * _TAU_S, 1e3 * _TAU_M, color="grey", alpha=0.2, label="tau_s to tau_m")
    axes.set(xlabel="window, ms", ylabel="eigenvalue of $G^{-1} G_{counted}$", ylim=(0, 1.05))
    axes.legend(frameon=False)
    axes.set_title("What counts keep of the metric", loc="left", fontsize=10)
    bare(axes)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Counts keep G in short windows, never add to it, and lose it in long ones."""
    share, windows = dataset["share"], dataset["window"].values
    short = share.isel(window=int(np.argmin(np.abs(windows - 1e-3))))
    long = share.isel(window=int(np.argmin(np.abs(windows - 0.2))))
    parts = np.sqrt(dataset.sizes["part"])
    kept = short.min("direction")
    mean = long.mean("direction")
    return [
        Claim.above(
            "G does not change when spikes are counted in windows of 1 ms, short beside the USP"
            " (share kept in the direction that loses most)",
            float(kept.mean()),
            0.97,
            standard_error=float(kept.std(ddof=1) / parts),
        ),
        Claim.below(
            "Counting never adds information, in any direction (largest eigenvalue of"
            " G^-1 G_counted, less 1)",
            share.max() - 1,
            1e-2,
        ),
        Claim.below(
            "but the statement needs the short window: counts over 200 ms, 20 time constants, keep"
            " little of G (share kept, mean over directions)",
            float(mean.mean()),
            0.5,
            standard_error=float(mean.std(ddof=1) / parts),
        ),
    ]
