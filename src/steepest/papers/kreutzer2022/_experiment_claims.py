"""What the Discussion's experiments must show, with standard errors."""

import numpy as np
import xarray as xr

from steepest.study import Claim

__all__ = ["of_democracy", "of_equal_weights", "of_failing_teachers", "of_slopes", "of_trains"]

RULES = ("natural", "Euclidean")


def of_trains(dataset: xr.Dataset) -> list[Claim]:
    total = float(dataset["usp_mean"]) ** 2 + dataset["usp_variance"].to_numpy()
    found = []
    for rule, expected, why in (
        ("natural", total[0] / total[1], "falls as 1/(mean^2 + variance) of the USP"),
        ("Euclidean", 1.0, "stays as it is"),
    ):
        change = dataset["train_change"].sel(rule=rule).to_numpy()
        error = dataset["train_error"].sel(rule=rule).to_numpy() / change
        ratio = float(change[1] / change[0])
        se = ratio * float(np.hypot(*error))
        found.append(
            Claim(
                statement=f"A: with spikes in pairs LTP by the {rule} rule {why} (ratio to LTP with"
                " Poisson spikes, within .03 + 3 SE)",
                expected=float(expected),
                measured=ratio,
                standard_error=se,
                holds=bool(abs(ratio - expected) <= 0.03 + 3 * se),
            )
        )
    return found


def of_slopes(dataset: xr.Dataset) -> list[Claim]:
    x = np.log(dataset["slope"].to_numpy())
    x = x - x.mean()
    found = []
    for rule, expected, how in (("natural", -1.0, "faster"), ("Euclidean", 1.0, "slower")):
        change = dataset["slope_change"].sel(rule=rule).to_numpy()
        relative = dataset["slope_error"].sel(rule=rule).to_numpy() / change
        slope = float(np.sum(x * np.log(change)) / np.sum(x**2)) if (change > 0).all() else np.nan
        se = float(np.sqrt(np.sum((x * relative) ** 2)) / np.sum(x**2))
        found.append(
            Claim(
                statement=f"B: by the {rule} rule a neuron of a flatter transfer function learns"
                " the same error of its rate proportionally"
                f" {how} (exponent of the slope, within .1 + 3 SE)",
                expected=expected,
                measured=slope,
                standard_error=se,
                holds=bool(abs(slope - expected) <= 0.1 + 3 * se),
            )
        )
    return found


def of_democracy(dataset: xr.Dataset) -> list[Claim]:
    last = dataset.isel(time=-1)
    distance = dataset["distance"].to_numpy()
    x = distance - distance.mean()
    weights = last["somatic"].sel(rule="natural").to_numpy()
    error = last["somatic_error"].sel(rule="natural").to_numpy()
    span = float(distance[-1] - distance[0])
    fall = span * float(x @ weights / (x @ x)) / weights.mean()
    se = span * float(np.sqrt(np.sum((x * error) ** 2)) / (x @ x)) / weights.mean()
    euclidean = last["somatic"].sel(rule="Euclidean").to_numpy()
    euclidean_error = last["somatic_error"].sel(rule="Euclidean").to_numpy() / euclidean
    ratio = float(euclidean[-1] / euclidean[0])
    ratio_error = ratio * float(np.hypot(euclidean_error[0], euclidean_error[-1]))
    return [
        Claim(
            statement="C: under the natural gradient redundant afferents reach the same somatic"
            " weight at every distance (fitted change from the first to the last synapse, relative"
            " to the mean; 0 within .02 + 3 SE)",
            expected=0.0,
            measured=fall,
            standard_error=se,
            holds=bool(abs(fall) <= 0.02 + 3 * se),
        ),
        Claim(
            statement="C: the Euclidean rule in dendritic weights is slower at distal synapses: the"
            " last one's somatic weight over the first one's (below .2 by 3 SE)",
            expected=0.0,
            measured=ratio,
            standard_error=ratio_error,
            holds=bool(ratio + 3 * ratio_error < 0.2),
        ),
    ]


def of_equal_weights(dataset: xr.Dataset) -> list[Claim]:
    slopes, errors = dataset["equal_slope"].to_numpy(), dataset["equal_slope_error"].to_numpy()
    return [
        Claim(
            statement="D: synapses of equal dendritic weight change less with distance, as Froemke"
            " et al. report, if the teacher answers the same input more strongly (slope of the"
            " somatic change against the somatic weight: positive, clear at 3 SE)",
            expected=1.0,
            measured=float(slopes[0]),
            standard_error=float(errors[0]),
            holds=bool(slopes[0] > 3 * errors[0]),
        ),
        Claim(
            statement="D: a teacher of a constant rate does the reverse (the slope is negative,"
            " clear at 3 SE)",
            expected=-1.0,
            measured=float(slopes[1]),
            standard_error=float(errors[1]),
            holds=bool(slopes[1] < -3 * errors[1]),
        ),
    ]


def of_failing_teachers(dataset: xr.Dataset) -> list[Claim]:
    predicted = float(dataset["predicted_switch"])
    found = []
    for rule in RULES:
        switch = float(dataset["switch"].sel(rule=rule))
        se = float(dataset["switch_error"].sel(rule=rule))
        found.append(
            Claim(
                statement=f"E: where the teacher's spike fades, LTP turns into LTD ({rule} rule):"
                " distance (um) of the switch against that at which the mean error of the Euclidean"
                " rule vanishes (within 5 % + 3 SE)",
                expected=predicted,
                measured=switch,
                standard_error=se,
                holds=bool(abs(switch - predicted) <= 0.05 * predicted + 3 * se),
            )
        )
    return found
