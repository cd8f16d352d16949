"""Files of settings in TOML: studies, columns of `infer`, options of a cluster."""

import re
import tomllib
from pathlib import Path
from typing import Any

from steepest.data.opening import read_text, refusing
from steepest.errors import DataError

__all__ = ["is_said", "read_toml"]

_DEEPEST = 100  # parts of one key: tomllib takes time in their square


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file says, in UTF-8 with or without a byte order mark.

    Raises DataError for a file that cannot be read, is not TOML, or nests beyond use.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "study.toml"
    ...     _ = path.write_text("seeds = 3", encoding="utf-8-sig")
    ...     read_toml(path)
    {'seeds': 3}
    """
    text = read_text(path).replace("\r\n", "\n")
    marks = re.sub(r"(?m)^[ \t]*#.*$|[^.=,#\[\]{}\n]+", "", text)
    if "." * _DEEPEST in marks:
        line = next(
            number
            for number, content in enumerate(text.split("\n"), start=1)
            if "." * _DEEPEST in re.sub(r"[^.=,#\[\]{}]+", "", content)
        )
        raise DataError(
            f"{path}: line {line} has a key of more than {_DEEPEST} parts: no TOML file of"
            " settings needs that"
        )
    with refusing(path, "is not a TOML file"):
        return tomllib.loads(text)


def is_said(value: Any) -> bool:
    """Whether an option was given: 0 was, None, False and nothing were not.

    >>> is_said(0), is_said(())
    (True, False)
    """
    return value is not None and value is not False and value != ()
