"""Your own table, judged and claimed like a paper's figure: a template to copy

A table of sizes (any file that `steepest infer` reads) and beside it a TOML file of the same name
that says what its columns are, in the words of the command's options: `spines.csv` and

    # spines.toml
    id = "animal/spine"
    session = "day"
    size = "volume"
    group = "animal/dendrite"

It is judged as `steepest reproduce ours.own_table --data spines.toml`, and `ours.atlas` takes every
such pair in a folder. Without data, made-up synapses of known geometry stand in.

To publish a figure of your own data, copy this module, put the numbers that you expect into
`claims` (`Claim.close`, `below`, `above`, `near` write the words), and send it in.
"""

from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from steepest.papers.ours._public_files import own_sample
from steepest.papers.ours._samples import draw_samples, judged, row_claims, stand_in
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """Where the table's settings are, and how the intervals are found."""

    data: str = parameter("", "TOML file beside the table; without one, the stand-in", "")
    draws: int = parameter(300, "resamples of the verdict")


QUICK = Parameters(draws=60)
plot = draw_samples

_STAND_IN = {"synapses": 400, "sessions": 6, "multiplicative": 0.06}


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """The verdict on the table."""
    if parameters.data:
        sample = own_sample(Path(parameters.data))
    else:
        sample = stand_in("Your table", _STAND_IN, 1.0, seed)
    return stamp(judged([sample], parameters.draws, seed), parameters, seed)


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The verdict, and of the stand-in the index with which it was made: put your own here."""
    return row_claims(dataset)
