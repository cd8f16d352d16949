"""Atlas: every public data set, and your own tables, with their verdicts in one table

Reads what it finds in the files and folders given, `steepest reproduce ours.atlas --data FOLDER
...`: the data of Melander et al. 2021 and of Loewenstein et al. 2011 and 2015 (see the figures of
these names for where they are), and every table of your own with a TOML file beside it (see
`ours.own_table`). A row for each sample says what it is, which outcome is known to be right where
one is, and the verdict with its numbers; data sets that are not there are named. Without data
made-up synapses stand in.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.figure
import xarray as xr

from steepest.errors import DataError
from steepest.papers.ours import loewenstein2011, melander2021
from steepest.papers.ours._calibration_claims import printed
from steepest.papers.ours._public_files import LOEWENSTEIN, MELANDER, first_file, own_sample
from steepest.papers.ours._samples import Sample, draw_samples, judged, row_claims
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """Where data are looked for, and how the intervals are found."""

    data: tuple[str, ...] = parameter((), "files and folders; without any, the stand-ins", "")
    unchecked: bool = parameter(False, "whether to read copies that are not the published ones", "")
    draws: int = parameter(300, "resamples of every verdict")


QUICK = Parameters(draws=60)
_PUBLIC = {"Melander 2021": MELANDER, "Loewenstein 2011": LOEWENSTEIN}


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """The verdict on every sample that is there."""
    data = parameters.data
    files = {name: first_file(data, file) for name, file in _PUBLIC.items()}
    samples: list[Sample] = []
    if files["Melander 2021"] or not data:
        samples += melander2021.samples(str(files["Melander 2021"] or ""), seed)
    if files["Loewenstein 2011"] or not data:
        samples += loewenstein2011.samples(
            str(files["Loewenstein 2011"] or ""),
            seed,
            unchecked=parameters.unchecked,
            no_row="absent",
        )
    samples += [own_sample(path) for path in _settings(data)]
    if not samples:
        looked = ", ".join(_PUBLIC.values())
        raise DataError(
            f"{', '.join(data)}: there is no data set here ({looked}, or a TOML file beside a"
            " table): give a file of one, or the folder in which it is"
        )
    dataset = judged(samples, parameters.draws, seed)
    absent = [name for name, file in files.items() if file is None] if data else []
    dataset.attrs["absent"] = json.dumps(absent)
    return stamp(dataset, parameters, seed)


def _settings(places: Sequence[str]) -> list[Path]:
    """The TOML files of tables among files and directly in folders."""
    found: list[Path] = []
    for place in map(Path, places):
        if place.is_dir():
            beside = {path.stem for path in place.iterdir() if path.suffix != ".toml"}
            found += [path for path in sorted(place.glob("*.toml")) if path.stem in beside]
        elif place.suffix == ".toml":
            found.append(place)
    return found


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A: the index of every sample with its interval; B: the share of signal in its change."""
    return draw_samples(dataset)


def claims(dataset: xr.Dataset) -> list[Claim]:
    """A row for every sample, and for every data set that is not there."""
    absent = [
        printed(f"{name}: {_PUBLIC[name]}", "not there")
        for name in json.loads(dataset.attrs["absent"])
    ]
    return [*row_claims(dataset), *absent]
