"""Pages written from the program: what has not changed is left alone, so Sphinx skips it."""

from collections.abc import Iterable
from pathlib import Path


def renew(texts: dict[Path, str], there: Iterable[Path] = ()) -> None:
    """Write each text to its path where it differs, and remove of those `there` what is no more."""
    for path in set(there) - texts.keys():
        path.unlink()
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
