"""The rule in pure spikes (Discussion): one window of spike pairs learns the wiring

The paper derives its rule for rates, and says in its Discussion that with both factors of the
Hebbian term seen through the window of STDP the two make one asymmetric window, as measured between
pairs of spikes. Here the rule is run so: units fire Poisson spikes, and nothing but pairs of
spikes, past against present, changes the weights (`learn_from_spikes`).

a: it learns the wiring of Fig 4. The more spikes per unit of time (R), the better; a slow window
(small gamma) needs fewer, for it averages over more of them. b: with the spikes of the whole run
solved for the weights at which they balance, the error falls with R to below .005. No floor of
gamma is left: all terms are seen through the same window. c: the window itself.
"""

import json
from dataclasses import asdict, dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.papers.galtier2013._circ import NETWORK, cycle, error
from steepest.pictures import INK, LINE_COLOURS, bare, letter
from steepest.progress import track
from steepest.recurrent import OnlineRule, learn_from_spikes
from steepest.recurrent.stdp import window
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The rule, the spikes, and how long they are watched; the input's decay is l0 = 1."""

    gammas: tuple[float, ...] = parameter((5.0, 20.0, 100.0), "rates of the window", "1/time")
    decay_net: float = parameter(50.0, "l_net", "1/time")
    intensities: tuple[float, ...] = parameter(
        (1e2, 1e3, 1e4, 1e6), "R, spikes per unit of time and of signal", "1/time"
    )
    passes: int = parameter(140, "periods of the input whose spikes are solved for W")
    seeds: int = parameter(8, "runs of each")
    rate: float = parameter(0.01, "learning rate eps of the runs online", "1/time")
    duration: float = parameter(6000.0, "time learned online, at the second gamma", "time")
    step: float = parameter(0.002, "time step, about (a period is a whole number)", "time")


QUICK = Parameters(seeds=4)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Errors of W, solved from all spikes and learned online."""
    p, inputs = parameters, cycle(parameters.step)
    solved = np.empty((len(p.gammas), len(p.intensities), p.seeds))
    cases = list(np.ndindex(*solved.shape))
    for at in track(cases, "Spikes"):
        g, r, s = at
        spikes = learn_from_spikes(
            OnlineRule(NETWORK, p.gammas[g], p.decay_net), inputs.states, inputs.dt,
            intensity=p.intensities[r], rate=1e-6, passes=p.passes, seed=seed + 100 * s,
        )  # fmt: skip
        solved[at] = error(spikes.solved)
    times = np.unique(np.round(np.geomspace(100, p.duration, 25)))
    rule = OnlineRule(NETWORK, p.gammas[1], p.decay_net)
    online = [
        learn_from_spikes(
            rule, inputs.states, inputs.dt, intensity=intensity, rate=p.rate,
            passes=p.duration / inputs.duration, seed=seed + 1, record=times,
        )
        for intensity in track(list(p.intensities), "Online")
    ]  # fmt: skip
    time = {"units": "time"}
    per_time = {"units": "1/time"}
    lags = np.linspace(-1, 1, 401)
    dataset = xr.Dataset(
        {
            "solved": (("gamma", "intensity", "run"), solved),
            "online": (
                ("intensity", "time"),
                np.array([[error(w) for w in run.weights] for run in online]),
            ),
            "window": ("lag", window(lags, p.gammas[0], NETWORK.decay), {"units": "1/time^2"}),
        },
        coords={
            "gamma": ("gamma", np.array(p.gammas), per_time),
            "intensity": ("intensity", np.array(p.intensities), per_time),
            "time": ("time", online[0].times, time),
            "lag": ("lag", lags, time),
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """a errors over time, b errors against R, c the window."""
    figure = matplotlib.figure.Figure(figsize=(11, 3.5), layout="constrained")
    online, solved, pairs = figure.subplots(1, 3)
    for intensity, colour in zip(dataset["intensity"].values, LINE_COLOURS, strict=False):
        course = dataset["online"].sel(intensity=intensity)
        online.loglog(dataset["time"], course, color=colour, label=f"R = {intensity:.0e}")
    online.set(xlabel="time", ylabel="‖W − W₀‖ / ‖W₀‖")
    online.legend(frameon=False, fontsize=8)
    letter(online, "a", "learned online from spikes")
    for gamma, colour in zip(dataset["gamma"].values, LINE_COLOURS, strict=False):
        errors = dataset["solved"].sel(gamma=gamma)
        spread = errors.std("run", ddof=1) / np.sqrt(errors.sizes["run"])
        solved.errorbar(dataset["intensity"], errors.mean("run"), yerr=spread, fmt="o-", capsize=2,
                        color=colour, label=f"γ = {gamma:g}")  # fmt: skip
    solved.axhline(0.005, color=INK, lw=0.8, ls=":")
    solved.set(xscale="log", yscale="log", xlabel="R, spikes per time and signal")
    solved.set(ylabel="‖W − W₀‖ / ‖W₀‖")
    solved.legend(frameon=False, fontsize=8)
    letter(solved, "b", "where all spikes balance")
    pairs.plot(dataset["lag"], dataset["window"], color=INK)
    pairs.axhline(0, color="0.7", lw=0.6)
    pairs.set(xlabel="post after pre, time", ylabel="change by a pair, 1/time²")
    letter(pairs, "c", f"one window, γ = {float(dataset['gamma'][0]):g}")
    bare(online, solved, pairs)
    return figure


# Errors seen over 8 runs, with standard errors where they matter.
_EXPECTED = {
    (5.0, 1e2): 0.034, (5.0, 1e3): 0.010, (5.0, 1e4): 0.003,
    (20.0, 1e2): 0.152, (20.0, 1e3): 0.022, (20.0, 1e4): 0.003,
}  # fmt: skip


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Spikes alone learn the wiring, better the more there are, and without a floor of gamma."""
    p = json.loads(dataset.attrs["parameters"])
    plain = asdict(Parameters())
    known = all(p[name] == plain[name] for name in ("decay_net", "passes", "step"))
    solved, several = dataset["solved"], np.sqrt(dataset.sizes["run"])

    def at(gamma: float, intensity: float) -> tuple[float, float]:
        errors = solved.sel(gamma=gamma, intensity=intensity)
        return float(errors.mean()), float(errors.std(ddof=1) / several)

    slow, slow_error = at(5.0, 1e4)
    means = solved.mean("run")
    last = dataset["online"].isel(time=-1)
    return [
        Claim.below(
            "In pure spikes at R = 1e4 and gamma = 5 the wiring is found (mean error of W)",
            slow,
            0.005,
            standard_error=slow_error,
            inclusive=True,
            tested=known,
        ),
        *(
            Claim.near(
                f"Mean error of W at gamma = {gamma:g}, R = {intensity:g}",
                expected,
                at(gamma, intensity)[0],
                at(gamma, intensity)[1],
                tolerance=0.35 * expected,
                tested=known,
            )
            for (gamma, intensity), expected in _EXPECTED.items()
        ),
        Claim.above(
            "Spikes want a slow window: at R = 100 the error grows with gamma (least step)",
            float(means.sel(intensity=1e2).diff("gamma").min()),
            0,
        ),
        Claim.below(
            "The more spikes, the smaller the error, at every gamma (largest ratio of R = 1e4 to"
            " R = 100)",
            float((means.sel(intensity=1e4) / means.sel(intensity=1e2)).max()),
            0.2,
        ),
        Claim.below(
            "No floor of gamma is left: at R = 1e6 the largest error over gammas",
            float(means.sel(intensity=1e6).max()),
            0.004,
        ),
        Claim.close(
            "Learned online at eps .01 and gamma = 20, error of W at R = 1e4 (to .004)",
            0.007,
            float(last.sel(intensity=1e4)),
            0.004,
            tested=known and p["duration"] >= 6000,
        ),
        Claim.below(
            "and at R = 100, where spikes are few",
            float(last.sel(intensity=1e2)),
            0.2,
        ),
    ]
