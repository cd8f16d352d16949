"""Learning curves of the three rules for four pairs of rates, tuned as in Table 1 (Fig 12C-F)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from steepest.arrays.repetitions import mean_and_error
from steepest.pictures import RULE_COLOURS, bare, letter
from steepest.spiking import (
    AbstractRule,
    ApproximateNaturalRule,
    EuclideanRule,
    NaturalRule,
    mean_time_below,
    paper_task,
    simulate,
)
from steepest.study import Claim

__all__ = ["THRESHOLD", "Setting", "curve_claims", "draw_curves", "learning_curves"]

THRESHOLD = 5e-5  # nats per bin
RULES = ("natural", "approximate", "Euclidean")

# Table 1, and after how many seconds mean curves reach the threshold: in the order of RULES. At
# 10/50 Hz the natural and the Euclidean time are means of 500 trials, with the cost of 4000 inputs.
TABLE_1 = {
    (10.0, 30.0): ((6.55e-4, 5.5e-4, 1.1e-6), (2315, 2320, 3535)),
    (10.0, 50.0): ((6.0e-4, 4.5e-4, 4.5e-7), (3300, 3110, 8060)),
    (20.0, 20.0): ((6.5e-4, 5.3e-4, 1.18e-6), (2235, 2425, 3215)),
    (20.0, 40.0): ((5.8e-4, 4.5e-4, 5.5e-7), (3090, 3195, 5170)),
}


@dataclass(frozen=True)
class Setting:
    """How the curves are run; `speed` multiplies the learning rates and divides the time."""

    afferents: int
    trials: int
    duration: float
    speed: float
    records: int
    c_u: float
    c_w: float


def learning_curves(setting: Setting, seed: int) -> dict[str, Any]:
    """Costs (pair, rule, time, trial), shared weights and test inputs, as variables of a dataset.

    Time is told at the learning rates of Table 1.
    """
    rules: dict[str, AbstractRule] = {
        "natural": NaturalRule(),
        "approximate": ApproximateNaturalRule(setting.c_u, setting.c_w),
        "Euclidean": EuclideanRule(),
    }
    costs = []
    for pair, (eta, _) in TABLE_1.items():
        task, start = paper_task(setting.trials, n=setting.afferents, rates=pair, seed=seed)
        for rule, rate in zip(rules.values(), eta, strict=True):
            recording = simulate(
                task,
                rule,
                start,
                rate=rate * setting.speed,
                duration=setting.duration / setting.speed,
                seed=seed,
                record=setting.records,
            )
            costs.append(recording.measures["cost"])
    shape = (len(TABLE_1), len(rules), *costs[0].shape)
    return {
        "curve": (
            ("curve_pair", "curve_rule", "time", "trial"),
            np.reshape(costs, shape),
            {"units": "nats per bin of 0.5 ms"},
        ),
        "time": ("time", np.linspace(0, setting.duration, shape[2]), {"units": "s"}),
        "curve_rule": list(rules),
        "curve_pair": [f"{a:g} Hz / {b:g} Hz" for a, b in TABLE_1],
    }


def draw_curves(panels: Any, dataset: xr.Dataset) -> None:
    """One panel for each pair of rates."""
    for axes, pair, name in zip(panels, dataset["curve_pair"].values, "CDEF", strict=True):
        for rule in RULES:
            curve = dataset["curve"].sel(curve_pair=pair, curve_rule=rule).mean("trial")
            axes.plot(dataset["time"] / 60, curve, color=RULE_COLOURS[rule], label=rule)
        axes.axhline(THRESHOLD, color="0.6", linewidth=0.8, linestyle=":")
        axes.set(yscale="log", xlabel="time (min)")
        letter(axes, name, pair)
        bare(axes)
    panels[0].set_ylabel(r"$D_{KL}$ (nats per bin)")
    panels[0].legend(frameon=False, fontsize=8)


def curve_claims(dataset: xr.Dataset, speed: float) -> list[Claim]:
    """The approximate rule learns nearly as fast as the natural one, faster than the Euclidean."""
    curve = dataset["curve"]
    time = dataset["time"].values
    middle = int(np.searchsorted(time, 3000.0))
    verdicts = []
    if middle < len(time):
        logs = xr.apply_ufunc(np.log, curve.isel(time=middle))
        for rule in ("natural", "approximate"):
            lead = logs.sel(curve_rule="Euclidean") - logs.sel(curve_rule=rule)
            ahead, error = mean_and_error(lead.mean("curve_pair").values)
            verdicts.append(
                Claim.above(
                    f"C-F: at 3000 s the {rule} rule is ahead of the Euclidean: log of"
                    " the ratio of costs, mean of the pairs (more than 2 standard errors)",
                    float(ahead),
                    0,
                    standard_error=float(error),
                    by=2,
                )
            )
    for pair, (_, expected) in zip(dataset["curve_pair"].values, TABLE_1.values(), strict=True):
        for rule, seconds in zip(RULES, expected, strict=True):
            costs = curve.sel(curve_pair=pair, curve_rule=rule).transpose("time", "trial").values
            reached, error = mean_time_below(time, costs, THRESHOLD)
            verdicts.append(
                Claim.near(
                    f"C-F, {pair}, {rule} rule: seconds to a mean cost of 5e-5 per bin"
                    " (to 10 % and 3 standard errors; only at the learning rates of Table 1)",
                    seconds,
                    reached,
                    error,
                    tolerance=0.1 * seconds,
                    tested=speed == 1,
                )
            )
    return verdicts
