"""Spines of the auditory cortex, six sessions (Loewenstein et al. 2011, 2015): which geometry?

Relative fluorescence of spines in mice, seen every four days. The authors find changes whose size
grows in proportion to the spine ("multiplicative dynamics"); their estimate does not take the noise
of measurement out. Groups are dendrites, and cells are resampled whole. A spine without a row in a
session counts as absent there.

The data: your copy of `publication_data.csv` from the authors' site, given as `steepest reproduce
ours.loewenstein2011 --data FILE`. It bears no licence, so it is not part of this program. It is
recognised by its size and SHA-256; `--unchecked` reads another copy of the same layout: no header,
13 columns (cell, dendrite, spine, session, intensity, two eigenvalues, distance to the dendrite,
positions). Without it made-up synapses stand in. The verdict is printed and held against nothing.

Loewenstein, Kuras, Rumpel 2011, J Neurosci 31:9481; Loewenstein, Yanover, Rumpel 2015, J Neurosci
35:12535.
"""

from dataclasses import dataclass

import xarray as xr

from steepest.errors import DataError
from steepest.papers.ours._public_files import LOEWENSTEIN, first_file, loewenstein_sample
from steepest.papers.ours._samples import Sample, draw_samples, judged, row_claims, stand_in
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run", "samples"]


@dataclass(frozen=True)
class Parameters:
    """Where the data are, how they are taken, and how the intervals are found."""

    data: str = parameter("", "publication_data.csv, or its folder; without it the stand-in", "")
    unchecked: bool = parameter(False, "whether to read a copy that is not the published file", "")
    no_row: str = parameter("absent", "a spine without a row: absent, or not measured", "")
    draws: int = parameter(300, "resamples of every verdict")


QUICK = Parameters(draws=60)
plot = draw_samples

_STAND_IN = {"synapses": 400, "sessions": 6, "multiplicative": 0.1, "groups": 20}


def samples(data: str, seed: int, *, unchecked: bool, no_row: str) -> list[Sample]:
    """The one sample, or what stands in for it."""
    if not data:
        return [stand_in("Loewenstein 2011", _STAND_IN, 1.0, seed)]
    file = first_file([data], LOEWENSTEIN)
    if file is None:
        raise DataError(f"{data} is not, and does not hold, {LOEWENSTEIN}: fetch the authors' file")
    return [loewenstein_sample(file, unchecked=unchecked, no_row=no_row)]


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """The verdict on all spines."""
    given = samples(parameters.data, seed, unchecked=parameters.unchecked, no_row=parameters.no_row)
    return stamp(judged(given, parameters.draws, seed), parameters, seed)


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The verdict, which is held against nothing."""
    return row_claims(dataset)
