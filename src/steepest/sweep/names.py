"""Names of variables and dimensions in a store: none is the study's own, each can name a folder."""

import re
from collections.abc import Container
from urllib.parse import unquote

__all__ = ["own_name", "store_name"]

_SUFFIX = "_result"
# What some file system refuses, what Zarr reads as a path or keeps for itself, and the sign of an
# escape.
_HINDERING = re.compile(r'[/\\:*?"<>|%\x00-\x1f\x7f]|^\.|^_(?=_)|[. ]$')


def store_name(name: str, taken: Container[str]) -> str:
    """A figure's name as the store has it: apart from the names taken, escaped as in URLs.

    >>> store_name("rate (spikes/s)", {"slope"}), store_name("slope", {"slope"})
    ('rate (spikes%2Fs)', 'slope_result')
    """
    kept = f"{name}{_SUFFIX}" if _base(name) in taken else name
    return _HINDERING.sub(lambda match: f"%{ord(match[0]):02X}", kept)


def own_name(name: str, taken: Container[str]) -> str:
    """The figure's name of what the store has under a name: `store_name` undone.

    >>> own_name("rate (spikes%2Fs)", {"slope"}), own_name("slope_result", {"slope"})
    ('rate (spikes/s)', 'slope')
    """
    kept = unquote(name)
    return kept.removesuffix(_SUFFIX) if _base(kept) in taken else kept


def _base(name: str) -> str:
    while name.endswith(_SUFFIX):
        name = name.removesuffix(_SUFFIX)
    return name
