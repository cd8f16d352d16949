"""The rule in its natural metric: recursive least squares, at the Cramer-Rao bound

Relative entropy has a natural metric on W, the covariance C of the presynaptic rates (the same for
all postsynaptic units): it is the Fisher information of the path of a noisy network. In it the rule
needs, beside its three terms, one matrix that all units share, and is recursive least squares
(`natural_learn`).

a: the wiring of Fig 4. With the rate 1/t, which no one has to choose, the natural rule arrives tens
of times sooner, and passes the floor of a constant rate. b: a path of a network with noise. The
natural rule's mean squared error is that of the best unbiased estimate from this path, the
Cramer-Rao bound; the plain rule's is several times that, and stays where its rate leaves it.
"""

import json
from dataclasses import asdict, dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.papers.galtier2013._circ import NETWORK, TRUTH, cycle, error
from steepest.pictures import INK, RULE_COLOURS, bare, letter
from steepest.progress import track
from steepest.recurrent import OnlineRule, cramer_rao, learn, natural_learn, simulate
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The rule on the input of Fig 4, and a network with noise; decays are 1."""

    decay_net: float = parameter(50.0, "l_net", "1/time")
    gamma: float = parameter(100.0, "rate of the STDP window", "1/time")
    rate: float = parameter(0.01, "eps of the plain rule", "1/time")
    ridge: float = parameter(1e-3, "of the natural rule at the start", "time")
    duration: float = parameter(10_000.0, "time learned", "time")
    step: float = parameter(0.002, "time step, about", "time")
    noise: float = parameter(0.5, "sigma of the network with noise", "1/time^.5")
    noisy_rate: float = parameter(0.05, "eps of the plain rule there", "1/time")
    noisy_times: tuple[float, ...] = parameter((100.0, 300.0, 1000.0), "when it is asked", "time")
    noisy_step: float = parameter(0.01, "its time step", "time")
    paths: int = parameter(40, "paths of it")


QUICK = Parameters(paths=24, noisy_times=(100.0, 300.0))
_LEVELS = (0.1, 0.02, 0.01, 0.006)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Both rules on the noiseless input, and both estimates from noisy paths."""
    p, inputs = parameters, cycle(parameters.step)
    times = np.unique(np.round(np.geomspace(5, p.duration, 240)))
    rule = OnlineRule(NETWORK, p.gamma, p.decay_net)
    passes = p.duration / inputs.duration
    plain = learn(rule, inputs.states, inputs.dt, rate=p.rate, passes=passes, record=times)
    natural = natural_learn(
        rule, inputs.states, inputs.dt, ridge=p.ridge, passes=passes, record=times
    )
    courses = [[error(w) for w in course.weights] for course in (plain, natural)]
    time = {"units": "time"}
    dataset = xr.Dataset(
        {
            "error": (("rule", "time"), np.array(courses)),
            "over_bound": (("estimate", "noisy_time", "path"), _noisy(p, seed)),
        },
        coords={
            "rule": ["Euclidean", "natural"],
            "estimate": ["Euclidean", "natural"],
            "time": ("time", plain.times, time),
            "noisy_time": ("noisy_time", list(p.noisy_times), time),
        },
    )
    return stamp(dataset, parameters, seed)


def _noisy(p: Parameters, seed: int) -> np.ndarray:
    """Squared error of W over the bound's sum, of both rules at each time, for every path.

    The path's own increments are Ito's, so dB is taken from them: what the two rules do with them
    differs in the metric alone.
    """
    dt, diffusion = p.noisy_step, p.noise**2 / 2 * np.eye(3)
    steps = np.round(np.array(p.noisy_times) / dt).astype(int)
    squared = np.empty((2, steps.size, p.paths))
    paths = np.stack(
        [
            simulate(
                NETWORK, TRUTH, [0.5, -0.5, 0.1], dt, int(steps[-1]), diffusion=diffusion,
                seed=seed + 1000 + k,
            )
            for k in track(range(p.paths), "Paths")
        ],
        axis=1,
    )  # fmt: skip
    rates = np.tanh(paths[:-1])
    pushed = np.diff(paths, axis=0) + dt * paths[:-1]  # du + l u dt = W s dt + noise
    weights, done = np.zeros((p.paths, 3, 3)), 0
    for i, count in enumerate(steps):
        squares = dt * np.einsum("tki,tkj->kij", rates[:count], rates[:count])
        crossed = np.einsum("tki,tkj->kij", rates[:count], pushed[:count])
        # The natural rule at 1/t is recursive least squares, which ends here.
        estimates = np.linalg.solve(squares, crossed).swapaxes(1, 2)
        squared[1, i] = np.sum((estimates - TRUTH) ** 2, axis=(1, 2))
        for s, v in zip(rates[done:count], pushed[done:count], strict=True):
            missing = v - dt * (weights @ s[:, :, None])[:, :, 0]
            weights += p.noisy_rate * missing[:, :, None] * s[:, None, :]
        done = count
        squared[0, i] = np.sum((weights - TRUTH) ** 2, axis=(1, 2))
    covariances = np.einsum("tki,tkj->kij", rates, rates) / len(rates)
    covariance = covariances.mean(axis=0)
    bounds = [cramer_rao(covariance, diffusion, duration).sum() for duration in p.noisy_times]
    return squared / np.array(bounds)[:, None]


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """a the wiring of Fig 4 over time, b squared errors over the Cramer-Rao bound."""
    figure = matplotlib.figure.Figure(figsize=(9, 3.6), layout="constrained")
    course, bound = figure.subplots(1, 2)
    for name in ("Euclidean", "natural"):
        colour = RULE_COLOURS[name]
        course.loglog(dataset["time"], dataset["error"].sel(rule=name), color=colour, label=name)
        ratio = dataset["over_bound"].sel(estimate=name)
        spread = ratio.std("path", ddof=1) / np.sqrt(ratio.sizes["path"])
        bound.errorbar(dataset["noisy_time"], ratio.mean("path"), yerr=spread, fmt="o-", capsize=2,
                       color=colour, label=name)  # fmt: skip
    course.set(xlabel="time", ylabel="‖W − W₀‖ / ‖W₀‖")
    course.legend(frameon=False, fontsize=8)
    letter(course, "a", "the input of Fig 4")
    bound.axhline(1, color=INK, lw=0.8, ls=":")
    bound.set(xscale="log", yscale="log", xlabel="time", ylabel="squared error / Cramér-Rao bound")
    letter(bound, "b", "a network with noise")
    bare(course, bound)
    return figure


_PLAIN = (1441.0, 3936.0, 5177.0, 6759.0)


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The natural rule is tens of times sooner, and as good as any unbiased estimate can be."""
    p = json.loads(dataset.attrs["parameters"])
    plain = asdict(Parameters())
    same = ("decay_net", "gamma", "rate", "step", "ridge", "duration")
    known = all(p[name] == plain[name] for name in same)
    plain_times, natural_times = (
        np.array([_arrival(dataset["error"].sel(rule=name), level) for level in _LEVELS])
        for name in ("Euclidean", "natural")
    )
    ratio, several = dataset["over_bound"], np.sqrt(dataset.sizes["path"])
    means = ratio.mean("path")
    errors = ratio.std("path", ddof=1) / several
    return [
        Claim.close(
            "Plain rule: time to an error of .1, .02, .01, .006, over 1441, 3936, 5177, 6759 (to 5"
            " %)",
            (1.0,) * len(_LEVELS),
            plain_times / np.array(_PLAIN),
            0.05,
            tested=known,
        ),
        Claim.above(
            "The natural rule is sooner at each of these errors (least ratio of times; its own are"
            f" {', '.join(f'{time:.0f}' for time in natural_times)})",
            float(np.min(plain_times / natural_times)),
            20,
            tested=known,
        ),
        Claim.below(
            "It passes the floor that the constant rate leaves (error at the end)",
            float(dataset["error"].sel(rule="natural")[-1]),
            1.5e-3,
            tested=known,
        ),
        *(
            Claim.near(
                f"From a noisy path of {time:g}, the natural rule's squared error over the"
                " Cramer-Rao bound",
                1.0,
                float(means.sel(estimate="natural", noisy_time=time)),
                float(errors.sel(estimate="natural", noisy_time=time)),
                tolerance=0.1,
            )
            for time in dataset["noisy_time"].values
        ),
        Claim.above(
            "The plain rule's is several times the bound (least over times)",
            float(means.sel(estimate="Euclidean").min()),
            2,
        ),
    ]


def _arrival(course: xr.DataArray, level: float) -> float:
    """When an error first falls below a level, between the records by its logarithm."""
    below = np.flatnonzero(course.values < level)
    if not below.size:
        return np.inf
    i = max(int(below[0]), 1)
    before, after = np.log(course.values[i - 1 : i + 1] / level)
    share = before / (before - after) if before > after else 0.0
    times = course["time"].values
    return float(times[i - 1] + share * (times[i] - times[i - 1]))
