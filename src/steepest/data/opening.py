"""Whether there is a file at all, before anything that reads it is imported."""

from difflib import get_close_matches
from pathlib import Path

from steepest.errors import DataError

__all__ = ["check_file"]


def check_file(path: Path) -> None:
    """Raise DataError, naming the files near it, where there is no such file or it is a folder.

    >>> from pathlib import Path
    >>> check_file(Path("no/sizes.csv"))
    Traceback (most recent call last):
    steepest.errors.DataError: no such file: no/sizes.csv (there is no folder no)
    """
    try:
        there = path.exists()
    except OSError as error:  # a name that is too long, a folder that must not be looked into
        raise DataError(f"{path} cannot be opened: {error.strerror}") from error
    if not there:
        raise DataError(f"no such file: {path}{_near_file(path)}")
    if path.is_dir():
        raise DataError(f"{path} is a folder: give a file")


def _near_file(path: Path) -> str:
    if not path.parent.is_dir():
        return f" (there is no folder {path.parent})"
    near = get_close_matches(path.name, [entry.name for entry in path.parent.iterdir()], n=3)
    return f"; did you mean {' or '.join(near)}?" if near else ""
