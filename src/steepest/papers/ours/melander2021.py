"""PSD-95 of synapses in vivo, 28 days without learning (Melander et al. 2021): which geometry?

Two samples of synapses on dendrites in the barrel cortex of mice, seen every four days: excitatory
synapses on pyramidal cells (8 sessions) and on parvalbumin-positive cells (7). Sizes are relative
to the typical synapse of a dendrite and session; 0 is an absent synapse.

What must be said of them is known from estimators that were checked on simulated data: none of the
named geometries for the pyramidal cells, whose changes grow with size to a power between .7 and
1.05; and nothing for the PV cells, as most of what changes there is noise of measurement.

The data: a copy of github.com/HZhongLab/melander_nayebi_2021 (MIT), given as `steepest reproduce
ours.melander2021 --data FOLDER`. Without it made-up synapses stand in, of which nothing is known.

Melander, Nayebi et al. 2021, Cell Reports 37:109972.
"""

from dataclasses import dataclass

import xarray as xr

from steepest.errors import DataError
from steepest.papers.ours._public_files import MELANDER, first_file, melander_samples
from steepest.papers.ours._samples import (
    Sample,
    draw_samples,
    judged,
    of_sample,
    row_claims,
    stand_in,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run", "samples"]


@dataclass(frozen=True)
class Parameters:
    """Where the data are, and how the intervals are found."""

    data: str = parameter("", "folder of the data; without one, the stand-in", "")
    draws: int = parameter(300, "resamples of every verdict")


QUICK = Parameters(draws=60)
plot = draw_samples

_STAND_INS = {
    "pyramidal": {"synapses": 400, "sessions": 6, "multiplicative": 0.06, "shot": 0.13},
    "PV": {"synapses": 300, "sessions": 5, "change": 0.06, "multiplicative": 0.17},
}


def samples(data: str, seed: int) -> list[Sample]:
    """The two samples, or what stands in for them."""
    if not data:
        return [
            stand_in(f"Melander 2021, {name}", design, 0.8, seed)
            for name, design in _STAND_INS.items()
        ]
    file = first_file([data], MELANDER)
    if file is None:
        raise DataError(
            f"{data} holds no {MELANDER}: give a copy of the repository HZhongLab/"
            "melander_nayebi_2021, or its folder data/weight_matrices"
        )
    return melander_samples(file)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """The verdict on both samples."""
    dataset = judged(samples(parameters.data, seed), parameters.draws, seed)
    return stamp(dataset, parameters, seed)


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The verdicts, the share of signal, the size of the noise, and the index by two estimators."""
    real = not bool(dataset["truth"].notnull().any())
    cells, others = "Melander 2021, pyramidal", "Melander 2021, PV"
    index = of_sample(dataset, cells, "index")
    shares = [of_sample(dataset, name, "share")[0] for name in (cells, others)]
    return [
        *row_claims(dataset),
        Claim.close(
            "Share of signal in the change over four days (pyramidal, PV)",
            [0.63, 0.12],
            shares,
            0.1,
            tested=real,
        ),
        Claim.below(
            "It is too small for a name in PV cells (lower limit, least .25)",
            of_sample(dataset, others, "share")[1],
            0.25,
            tested=real,
        ),
        Claim.above(
            "No geometry of additive or shrinking changes, for pyramidal cells (lower limit of the"
            " index)",
            index[1],
            0,
            tested=real,
        ),
        Claim.close("Index for pyramidal cells", 0.78, index[0], 0.1, tested=real),
        Claim.close(
            "Index for pyramidal cells from changes that share no measurement",
            0.85,
            of_sample(dataset, cells, "products")[0],
            0.12,
            tested=real,
        ),
        Claim.close(
            "Noise of measurement, sd of log size (pyramidal, PV)",
            [0.142, 0.177],
            [of_sample(dataset, name, "noise") for name in (cells, others)],
            0.03,
            tested=real,
        ),
    ]
