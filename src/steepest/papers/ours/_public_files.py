"""Public data sets in the files that their authors give away, each user's own copy."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from steepest.data.opening import check_file, opened, read_all
from steepest.data.tables import open_file, read_columns
from steepest.errors import DataError
from steepest.inference.synapses.measurements import measure
from steepest.inference.synapses.request import Request
from steepest.papers.ours._samples import Sample

__all__ = [
    "LOEWENSTEIN",
    "MELANDER",
    "first_file",
    "loewenstein_sample",
    "melander_samples",
    "own_sample",
]

MELANDER = "quantile_4060_pyr.npz"
"""The file by which a copy of the data of Melander et al. 2021 is known."""

LOEWENSTEIN = "publication_data.csv"
"""The file of Loewenstein et al. 2011 and 2015."""

_SIZE = 569_938
_SHA256 = "2f6343606f62abb07b82491a71f0e4a4a898923d2bcf86aa4be8d596276d0062"
_COLUMNS = 13


def first_file(places: Sequence[str], name: str) -> Path | None:
    """The file of this name among files and in folders (and theirs), None where there is none."""
    for place in map(Path, places):
        if not place.is_dir():
            check_file(place)
        inside = sorted(place.rglob(name)) if place.is_dir() else [place]
        for path in inside:
            if path.name == name:
                return path
    return None


def melander_samples(file: Path) -> list[Sample]:
    """Pyramidal and PV dendrites: a matrix of spines by sessions, 0 where absent, and a map."""
    samples = []
    for kind, name, sessions, reference in (
        ("pyr", "pyramidal", 8, "none"),
        ("pv", "PV", 7, "refused"),
    ):
        table = file.with_name(f"quantile_4060_{kind}.npz")
        sizes = read_columns(table, range(sessions))
        dendrites = read_columns(file.with_name(f"{kind}_map.npz"), [0])
        measured = measure(
            list(sizes.arrays),
            groups=dendrites.arrays[0].astype(int),
            names=[f"day {4 * at}" for at in range(sessions)],
        )
        samples.append(Sample(f"Melander 2021, {name}", measured, reference))
    return samples


def loewenstein_sample(file: Path, *, unchecked: bool = False, no_row: str = "absent") -> Sample:
    """The one table, a row for each spine and session, without a header.

    Raises DataError for a file that is not the published one (by size and SHA-256), unless it is
    to be read `unchecked`, and for one of another layout.
    """
    if not unchecked:
        _check_copy(file)
    width = len(open_file(file, header_row="none").names)
    if width != _COLUMNS:
        raise DataError(
            f"{file} has {width} columns, and {LOEWENSTEIN} has {_COLUMNS}: cell, dendrite, spine,"
            " session, intensity and eight more"
        )
    asked = Request(
        id="0/1/2",
        session="3",
        size="4",
        group="0/1",
        header_row="none",
        absent=("no-row",) if no_row == "absent" else (),
    )
    return Sample("Loewenstein 2011", asked.measurements(file))


def _check_copy(file: Path) -> None:
    with opened(file) as opening:
        content = read_all(file, opening)
    if len(content) == _SIZE and hashlib.sha256(content).hexdigest() == _SHA256:
        return
    differs = (
        f"it has {len(content):,} bytes and that has {_SIZE:,}"
        if len(content) != _SIZE
        else f"its SHA-256 is not {_SHA256}"
    )
    raise DataError(
        f"{file} is not the published {LOEWENSTEIN}: {differs}; fetch it again from the authors, or"
        " read this one as it is with --unchecked"
    )


def own_sample(settings: Path) -> Sample:
    """The table beside a TOML file of the same name, which says what its columns are.

    Raises DataError where there is no such table, or several, and as `Request` does.
    """
    check_file(settings)
    asked = Request.from_toml(settings, {})
    tables = [
        path for path in sorted(settings.parent.glob(f"{settings.stem}.*")) if path != settings
    ]
    if len(tables) != 1:
        raise DataError(
            f"{settings} says what the columns of {settings.stem}.* are, and there are"
            f" {len(tables)} such files beside it: put the table there, under the same name"
        )
    return Sample(
        settings.stem,
        asked.measurements(tables[0]),
        noise_cv=asked.noise_cv,
        noise_sd=asked.noise_sd,
    )
