"""Several files of one experiment: patterns, what each file is called, and whether units agree."""

from collections.abc import Sequence
from glob import glob, has_magic
from pathlib import Path

import numpy as np

from steepest.data.opening import check_file
from steepest.errors import DataError

__all__ = ["check_units", "expanded", "file_labels"]

_UNLIKE = 300.0
"""How far typical sizes of files may differ: preparations do tenfold, units a thousandfold."""


def expanded(files: Sequence[str | Path]) -> tuple[Path, ...]:
    """The files that paths and quoted patterns (`'cell*.csv'`) name, in order, each once.

    Raises DataError for a pattern that matches nothing, a file that is not there, and a file that
    is named twice.
    """
    paths: list[Path] = []
    for file in files:
        path = Path(file)
        if has_magic(str(path)) and not path.exists():
            matches = [Path(name) for name in sorted(glob(str(path))) if Path(name).is_file()]
            if not matches:
                raise DataError(f"no file matches {path}")
            paths += matches
        else:
            check_file(path)
            paths.append(path)
    seen: dict[Path, Path] = {}
    for path in paths:
        real = path.resolve()
        if real in seen:
            raise DataError(f"{path} is given twice: give every file once")
        seen[real] = path
    return tuple(paths)


def file_labels(paths: Sequence[Path]) -> tuple[str, ...]:
    """What each file is called as a group, a session or a condition.

    Its name without the suffix, after its folder where two files have the same name.

    >>> file_labels([Path("a/day0.csv"), Path("a/day4.csv.gz")])
    ('day0', 'day4')
    >>> file_labels([Path("m1/sizes.csv"), Path("m2/sizes.csv")])
    ('m1/sizes', 'm2/sizes')
    """
    names = [path.name.split(".")[0] or path.name for path in paths]
    if len(set(names)) < len(names):
        names = [f"{path.parent.name}/{name}" for path, name in zip(paths, names, strict=True)]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    return tuple(names)


def check_units(sources: Sequence[str], sizes: Sequence[np.ndarray]) -> None:
    """DataError where the typical sizes of two files differ as those of different units do."""
    if len(sizes) < 2:
        return
    typical = []
    for values in sizes:
        positive = values[values > 0]
        typical.append(float(np.median(positive)) if positive.size else np.nan)
    if not np.isfinite(typical).any():
        return
    least, most = int(np.nanargmin(typical)), int(np.nanargmax(typical))
    if typical[most] > _UNLIKE * typical[least]:
        raise DataError(
            f"the typical size is {typical[least]:.3g} in {sources[least]} and"
            f" {typical[most]:.3g} in {sources[most]}: that is another unit; bring all files to one"
        )
