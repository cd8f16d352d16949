"""How natural-gradient learning converges

The task of Fig 3F, 100 afferents of 10 and 50 Hz and a realisable teacher, for both rules: the
divergence of the outputs (mean and range), the distance of weights and of firing rates, and the
time to a divergence of 5e-5 when the learning rates are varied.

How it must be read. The natural gradient reaches 5e-5 about 2.4 times sooner, at every multiple of
the learning rates, but not from the start: the mean curves cross. For the first 1000 s or so the
Euclidean rule is ahead, as it removes the error of the mean voltage first. The divergence is per
bin of 0.5 ms, on 50 test USPs that both rules share.
"""

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.arrays.repetitions import mean_and_error
from steepest.pictures import RULE_COLOURS, bare, letter
from steepest.spiking import (
    AbstractRule,
    EuclideanRule,
    NaturalRule,
    Recording,
    State,
    mean_time_below,
    paper_task,
    simulate,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The paper's task and learning rates; D is run with fewer trials than A-C."""

    n: int = parameter(100, "number of afferents")
    rates: tuple[float, ...] = parameter((10.0, 50.0), "rates of the two halves", "Hz")
    trials: int = parameter(1000, "pairs of initial and target weights")
    natural_rate: float = parameter(6e-4, "learning rate of the natural rule", "1/s")
    euclidean_rate: float = parameter(4.5e-7, "learning rate of the Euclidean rule", "1")
    duration: float = parameter(8000.0, "time of learning in A-C", "s")
    interval: float = parameter(100.0, "time between recorded points", "s")
    threshold: float = parameter(5e-5, "divergence to be reached in D", "nats per bin")
    multipliers: tuple[float, ...] = parameter(
        (0.5, 0.75, 1.0, 1.5, 2.0), "multiples of the learning rates in D"
    )
    robustness_trials: int = parameter(200, "trials in D, of the paper's 1000")
    longest: float = parameter(11000.0, "time after which D gives up, at the multiple 1", "s")


QUICK = Parameters(
    trials=96, duration=600.0, multipliers=(2.0,), robustness_trials=16, longest=12000.0
)

_RULES = ("natural", "Euclidean")
_DIVERGENCE = {"units": "nats per bin"}
_WELL_BELOW = 0.7  # of the threshold: there the curves with a part of the trials are below it too
_SEGMENTS = 12
_MANY = 96  # trials that show which rule is ahead early


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Learning curves of both rules on the same tasks, and times to the threshold."""
    p = parameters
    curves = {name: _learn(p, name, 1.0, p.trials, p.duration, seed) for name in _RULES}
    times = curves["natural"].times
    reached = np.full((len(_RULES), len(p.multipliers)), np.inf)
    error = np.full_like(reached, np.nan)
    for i, name in enumerate(_RULES):
        for j, multiplier in enumerate(p.multipliers):
            followed = _until(p, name, multiplier, seed)
            reached[i, j], error[i, j] = mean_time_below(*followed, p.threshold)

    def stack(name: str) -> np.ndarray:
        return np.stack([curves[rule].measures[name] for rule in _RULES])

    cost, distance = stack("cost"), stack("weight_distance")
    mean, cost_error = mean_and_error(cost, axis=2)
    difference, difference_error = mean_and_error(cost[1] - cost[0], axis=1)
    closer, closer_error = mean_and_error(distance[1] - distance[0], axis=1)
    named = ("rule", "time")
    dataset = xr.Dataset(
        {
            "cost": (named, mean, _DIVERGENCE),
            "least_cost": (named, cost.min(axis=2), _DIVERGENCE),
            "largest_cost": (named, cost.max(axis=2), _DIVERGENCE),
            "cost_error": (named, cost_error, _DIVERGENCE),
            "weight_distance": (named, distance.mean(axis=2)),
            "rate_distance": (named, stack("rate_distance").mean(axis=2), {"units": "Hz"}),
            "difference": ("time", difference, _DIVERGENCE),
            "difference_error": ("time", difference_error, _DIVERGENCE),
            "closer": ("time", closer),
            "closer_error": ("time", closer_error),
            "time_to_threshold": (("rule", "multiplier"), reached, {"units": "s"}),
            "time_error": (("rule", "multiplier"), error, {"units": "s"}),
            "threshold": ((), p.threshold, _DIVERGENCE),
        },
        coords={
            "rule": list(_RULES),
            "time": ("time", times, {"units": "s"}),
            "multiplier": ("multiplier", np.array(p.multipliers)),
        },
        attrs={"trials": p.trials},
    )
    return stamp(dataset, parameters, seed)


def _learn(
    p: Parameters,
    rule: str,
    multiplier: float,
    trials: int,
    duration: float,
    seed: int,
    state: State | None = None,
) -> Recording:
    """Learning for a while, from the start or from a state."""
    task, start = paper_task(trials, n=p.n, rates=(p.rates[0], p.rates[1]), seed=seed)
    chosen: AbstractRule = NaturalRule() if rule == "natural" else EuclideanRule()
    rate = p.natural_rate if rule == "natural" else p.euclidean_rate
    return simulate(
        task,
        chosen,
        start,
        rate=multiplier * rate,
        duration=duration,
        seed=seed,
        record=max(1, round(duration / p.interval)),
        state=state,
    )


def _until(p: Parameters, rule: str, multiplier: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Times and divergences (times, trials) until the mean is well below the threshold."""
    segment = p.interval * max(1, round(p.longest / multiplier / p.interval / _SEGMENTS))
    times, costs, state = [], [], None
    for _ in range(_SEGMENTS):
        part = _learn(p, rule, multiplier, p.robustness_trials, segment, seed, state)
        skip = 0 if state is None else 1
        times.append(part.times[skip:])
        costs.append(part.measures["cost"][skip:])
        state = part.state
        if costs[-1][-1].mean() < _WELL_BELOW * p.threshold:
            break
    return np.concatenate(times), np.concatenate(costs)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A: divergence; B: distance of weights; C: of rates; D: time to the threshold."""
    figure = matplotlib.figure.Figure(figsize=(9.5, 6.6), layout="constrained")
    (costs, weights), (rates, robust) = figure.subplots(2, 2)
    minutes = dataset["time"] / 60
    for name in _RULES:
        curve, colour = dataset.sel(rule=name), RULE_COLOURS[name]
        costs.plot(minutes, curve["cost"], color=colour, label=name, linewidth=1.8)
        for bound in ("least_cost", "largest_cost"):
            costs.plot(minutes, curve[bound], color=colour, alpha=0.35, linewidth=0.8)
        weights.plot(minutes, curve["weight_distance"], color=colour)
        rates.plot(minutes, curve["rate_distance"], color=colour)
        robust.errorbar(
            dataset["multiplier"],
            curve["time_to_threshold"] / 60,
            yerr=2 * curve["time_error"].fillna(0) / 60,
            color=colour,
            marker="o",
            markersize=4,
        )
    costs.axhline(float(dataset["threshold"]), color="0.4", linestyle=":", linewidth=1)
    costs.set(yscale="log", ylabel="divergence (nats per 0.5 ms bin)")
    costs.set_ylim(top=15 * float(dataset["largest_cost"].max()))  # room for the legend
    costs.legend(
        frameon=False, loc="upper right", title="mean, and range over trials", alignment="left"
    )
    letter(costs, "A", "outputs")
    weights.set(ylabel="distance of weights")
    letter(weights, "B", "weights")
    rates.set(ylabel="distance of rates (Hz)")
    letter(rates, "C", "firing rates")
    for axes in (costs, weights, rates):
        axes.set(xlabel="time (min)", xlim=(0, float(minutes[-1])))
    robust.set(
        xlabel="multiple of the learning rate $\\eta_0$",
        ylabel=f"time to {float(dataset['threshold']):g} nats per bin (min)",
        ylim=(0, None),
    )
    letter(robust, "D", "robustness")
    bare(*figure.axes)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Times and their ratio, the curves that cross, and the weights."""
    early = dataset["difference"].sel(time=slice(200, 600))
    early_error = dataset["difference_error"].sel(time=slice(200, 600))
    late = dataset.isel(time=-1)
    closer = dataset["closer"].isel(time=slice(1, None))
    z = float((dataset["closer"] / dataset["closer_error"]).isel(time=-1))
    return [
        *_time_claims(dataset),
        *_scaling(dataset),
        Claim.below(
            "Erratum to the impression of Fig 3F: from 200 to 600 s the Euclidean rule is"
            " ahead (largest z of its mean divergence over the natural one's, below -2; not tested"
            f" with fewer than {_MANY} trials)",
            float((early / early_error).max()) if early.size else float("nan"),
            -2,
            tested=bool(early.size) and dataset.attrs["trials"] >= _MANY,
        ),
        Claim.above(
            "The curves cross: at the end the natural gradient is ahead (z of the"
            " difference of mean divergences, above 3; not tested before 1900 s)",
            float(late["difference"] / late["difference_error"]),
            3,
            tested=bool(late["time"] >= 1900),
        ),
        # Two conditions: the sign everywhere, and how clear it is at the last point.
        Claim(
            statement="The weights are closer to the teacher's under the natural gradient at every"
            " recorded point (z of the paired difference at the last one, above 3)",
            expected=3.0,
            measured=z,
            holds=bool((closer > 0).all()) and z > 3,
        ),
    ]


def _time_claims(dataset: xr.Dataset) -> list[Claim]:
    """Times to the threshold: their ratio at every multiple, and at 1 their size."""
    verdicts = []
    for k, multiplier in enumerate(dataset["multiplier"].to_numpy()):
        at = dataset.isel(multiplier=k)
        times = {rule: float(at["time_to_threshold"].sel(rule=rule)) for rule in _RULES}
        errors = {rule: float(at["time_error"].sel(rule=rule)) for rule in _RULES}
        ratio = times["Euclidean"] / times["natural"]
        own, other = (errors[rule] / times[rule] for rule in _RULES)
        verdicts.append(
            Claim.near(
                f"At {multiplier:g} times the learning rates the natural gradient reaches"
                " 5e-5 about 2.4 times sooner (mean curves, within .15 + 3 SE)",
                2.4,
                ratio,
                ratio * float(np.hypot(own, other)),
                tolerance=0.15,
            )
        )
        if multiplier == 1:
            # On 500 other trials and 4000 inputs; the 50 inputs of a run move it by some 4 %.
            for rule, expected, name in (
                ("natural", 3300, "natural gradient"),
                ("Euclidean", 8060, "Euclidean rule"),
            ):
                verdicts.append(
                    Claim.near(
                        f"Time (s) of the {name}'s mean curve to 5e-5 at the paper's learning"
                        " rate (within 5 % and 3 SE)",
                        expected,
                        times[rule],
                        errors[rule],
                        tolerance=0.05 * expected,
                    )
                )
    return verdicts


def _scaling(dataset: xr.Dataset) -> list[Claim]:
    """Times go as 1/multiplier."""
    m = dataset["multiplier"].to_numpy()
    if len(m) < 2:
        return []
    verdicts = []
    for rule in _RULES:
        time = dataset["time_to_threshold"].sel(rule=rule).to_numpy()
        error = dataset["time_error"].sel(rule=rule).to_numpy()
        x = np.log(m) - np.log(m).mean()
        verdicts.append(
            Claim.near(
                f"Time to 5e-5 goes about as 1/learning rate ({rule} rule): slope in"
                " logarithms -1 (within .1 + 3 SE)",
                -1.0,
                float(np.sum(x * np.log(time)) / np.sum(x**2)),
                float(np.sqrt(np.sum((x * error / time) ** 2)) / np.sum(x**2)),
                tolerance=0.1,
                tested=bool(np.isfinite(time).all()),
            )
        )
    return verdicts
