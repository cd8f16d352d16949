"""Samples of measured synapses judged alike: one dataset, one picture, one row of a table each."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.inference import GEOMETRIES
from steepest.inference.designs.design import Design, simulate_design
from steepest.inference.synapses.intervals import Interval
from steepest.inference.synapses.measured import MeasuredVerdict, infer_measured
from steepest.inference.synapses.measurements import Measurements
from steepest.papers.ours._calibration_claims import printed
from steepest.pictures import GEOMETRY_COLOURS, bare, letter
from steepest.study import Claim

__all__ = ["Sample", "draw_samples", "judged", "of_sample", "row_claims", "stand_in"]

_INTERVALS = ("index", "share", "products")


@dataclass(frozen=True, eq=False)
class Sample:
    """Measured synapses by name; `reference` is the outcome that is known to be right, or "".

    `truth` is the index of synapses that were made up, as no data were given; NaN of measured
    ones. What was stated about noise is None where it is learned from the data.
    """

    name: str
    measured: Measurements
    reference: str = ""
    truth: float = math.nan
    noise_cv: float | None = None
    noise_sd: float | None = None


def stand_in(name: str, design: Mapping[str, Any], index: float, seed: int) -> Sample:
    """Made-up synapses in the place of a sample that was not given."""
    measured = simulate_design(Design(**design), index, seed=seed)
    return Sample(f"{name} (stand-in)", measured, truth=index)


def judged(samples: Sequence[Sample], draws: int, seed: int) -> xr.Dataset:
    """The verdict on every sample, with its numbers, as a dataset without a stamp."""
    verdicts = [
        infer_measured(
            sample.measured,
            noise_cv=sample.noise_cv,
            noise_sd=sample.noise_sd,
            draws=draws,
            seed=seed,
        )
        for sample in samples
    ]
    intervals = [_intervals(verdict) for verdict in verdicts]
    groups = [0 if v.measured.groups is None else len(v.measured.group_names) for v in verdicts]
    noise = [math.sqrt(sum(part.value**2 for part in v.estimate.noise)) for v in verdicts]
    return xr.Dataset(
        {
            "outcome": ("sample", [_called(verdict) for verdict in verdicts]),
            "sentence": ("sample", [verdict.sentence() for verdict in verdicts]),
            "reference": ("sample", [sample.reference for sample in samples]),
            "truth": ("sample", [sample.truth for sample in samples]),
            "synapses": ("sample", [verdict.n for verdict in verdicts]),
            "groups": ("sample", groups),
            "sessions": ("sample", [sample.measured.sessions for sample in samples]),
            "noise": ("sample", noise, {"long_name": "sd of log size at the typical size"}),
            **{
                name: (("sample", "part"), [parts[name] for parts in intervals])
                for name in _INTERVALS
            },
        },
        coords={
            "sample": [sample.name for sample in samples],
            "part": ["value", "low", "high"],
        },
    )


def _called(verdict: MeasuredVerdict) -> str:
    """The name of the geometry, or what became of the question."""
    return verdict.verdict if verdict.outcome == "named" else verdict.outcome


def _intervals(verdict: MeasuredVerdict) -> dict[str, tuple[float, float, float]]:
    estimate = verdict.estimate
    found: dict[str, Interval] = {
        "index": Interval(verdict.index, *verdict.interval),
        "share": estimate.share,
        "products": estimate.by_products,
    }
    return {name: (part.value, part.low, part.high) for name, part in found.items()}


def of_sample(dataset: xr.Dataset, name: str, variable: str) -> Any:
    """A number (or value, low and high) of the sample whose name begins so."""
    names = [str(sample) for sample in dataset["sample"].values]
    at = next(place for place, sample in enumerate(names) if sample.startswith(name))
    return dataset[variable].values[at]


def row_claims(dataset: xr.Dataset) -> list[Claim]:
    """One row a sample: what it is, the outcome that is known to be right, and the verdict.

    Below them, whether the index of what was made up is that with which it was.
    """
    rows: list[Claim] = []
    for at, name in enumerate(map(str, dataset["sample"].values)):
        here = dataset.isel(sample=at)
        outcome, reference = str(here["outcome"].values), str(here["reference"].values)
        index, share = (_printed(here[variable].values) for variable in ("index", "share"))
        what = (
            f"{name}: {int(here['synapses'])} synapses, {int(here['groups'])} groups,"
            f" {int(here['sessions'])} sessions"
        )
        said = f"{outcome}; index {index}; signal share {share}"
        if reference:  # the outcome is compared, and its numbers are told
            rows.append(
                dataclasses.replace(Claim.close(what, reference, outcome, 0), measured=said)
            )
        else:
            rows.append(printed(what, said))
    return rows + [
        Claim.near(
            f"Index of {name}",
            float(truth),
            float(index[0]),
            float(index[2] - index[1]) / 4,
            tested=outcome != "refused",
        )
        for name, truth, index, outcome in zip(
            *(dataset[key].values for key in ("sample", "truth", "index", "outcome")), strict=True
        )
        if math.isfinite(truth)
    ]


def _printed(interval: np.ndarray) -> str:
    value, low, high = interval
    if not math.isfinite(value):
        return "none"
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def draw_samples(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A: the index of every sample with its interval; B: the share of signal in its change."""
    many = dataset.sizes["sample"]
    figure = matplotlib.figure.Figure(figsize=(10, 2.2 + 0.45 * many), layout="constrained")
    indices, shares = figure.subplots(1, 2, sharey=True, width_ratios=[2, 1])
    rows = np.arange(many)
    for name, index in GEOMETRIES.items():
        indices.axvline(index, color=GEOMETRY_COLOURS[name], lw=1)
        indices.annotate(
            name, (index, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), fontsize=8,
            textcoords="offset points", rotation=30, va="bottom", color=GEOMETRY_COLOURS[name],
        )  # fmt: skip
    for axes, variable in ((indices, "index"), (shares, "share")):
        value, low, high = dataset[variable].values.T
        axes.hlines(rows, low, high, color="black", lw=1.5)
        axes.plot(value, rows, "o", color="black", ms=5)
    names = [
        f"{name}\n{outcome}"
        for name, outcome in zip(dataset["sample"].values, dataset["outcome"].values, strict=True)
    ]
    indices.set_yticks(rows, names)
    indices.set(xlim=(-2, 3), ylim=(many - 0.5, -0.5), xlabel="geometry index (95 % interval)")
    shares.axvline(0.25, color="0.5", ls="--", lw=1)
    shares.set(xlim=(0, 1.1), xlabel="share of signal in the change\n(dashed: least for a name)")
    for axes, mark in ((indices, "A"), (shares, "B")):
        letter(axes, mark)
    bare(indices, shares)
    return figure
