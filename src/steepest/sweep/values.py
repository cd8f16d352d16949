"""Values of a figure's Parameters as a study file gives them: checked for type, named and drawn."""

import difflib
import math
import types
import typing
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any, Literal

import numpy as np

from steepest.errors import UsageError

__all__ = ["Hints", "draw", "near", "typed"]


class Hints:
    """The types of a Parameters class, looked up by name. Raises `UsageError` for unknown names."""

    def __init__(self, kind: type) -> None:
        self.types = typing.get_type_hints(kind)
        self.fields = {item.name: item for item in fields(kind)}

    def of(self, name: str, where: str) -> Any:
        """The type of a parameter; `where` begins the message that lists the near names."""
        if name not in self.fields:
            raise UsageError(f"{where}: the figure has no parameter {name!r}; {near(name, self)}")
        return self.types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)


def near(name: str, known: Iterable[str]) -> str:
    """ "near it: a, b" where some known names are like this one, else all of them."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=4, cutoff=0.5)
    return f"near it: {', '.join(close)}" if close else f"known: {', '.join(known)}"


def typed(value: Any, hint: Any, where: str) -> Any:
    """A TOML value as the parameter's type: integers serve as floats, lists as tuples.

    Raises `UsageError`, beginning with `where`, for any other difference, and for NaN, which no
    label can be.
    """
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        if value in parts and not isinstance(value, bool):
            return value
        raise UsageError(f"{where}: {value!r} is not allowed; choose {_either(parts)}")
    if origin in (types.UnionType, typing.Union):
        return _one_of(value, parts, where)
    if origin is tuple and isinstance(value, list | tuple):
        inner = [parts[0]] * len(value) if parts[-1] is Ellipsis else list(parts)
        if len(inner) != len(value):
            raise UsageError(f"{where}: {value!r} has {len(value)} entries, not {len(inner)}")
        return tuple(typed(x, kind, where) for x, kind in zip(value, inner, strict=True))
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError as error:
            raise UsageError(f"{where}: a whole number that is too large for a float") from error
        if math.isnan(number):
            raise UsageError(f"{where}: NaN is no value to sweep")
        return number
    if hint in (bool, int, str) and type(value) is hint:
        return value
    raise UsageError(f"{where}: {value!r} is of type {type(value).__name__}, not {_name(hint)}")


def draw(spec: Any, hint: Any, count: int, seed: int, name: str, where: str) -> list[Any]:
    """`count` random values: {low, high} uniform, with log = true log-uniform, or one of a list.

    Integers are drawn with both ends included. A parameter's draws depend on the seed and its
    name alone, so that adding another parameter leaves them. Raises `UsageError` for a bad `spec`.
    """
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    if isinstance(spec, list):
        choices = [typed(value, hint, where) for value in spec]
        if not choices:
            raise UsageError(f"{where}: an empty list leaves nothing to draw")
        return [choices[i] for i in random.integers(len(choices), size=count)]
    if not isinstance(spec, Mapping) or not {"low", "high"} <= spec.keys() <= {
        "low",
        "high",
        "log",
    }:
        raise UsageError(
            f"{where}: give a list to choose from, or {{low = ..., high = ...}},"
            " with log = true for log-uniform"
        )
    if hint not in (int, float):
        raise UsageError(f"{where}: low and high are for numbers; draw {_name(hint)} from a list")
    low, high = (typed(spec[end], hint, where) for end in ("low", "high"))
    log = typed(spec.get("log", False), bool, f"{where}: log")
    if not (math.isfinite(low) and math.isfinite(high) and low < high) or (log and low <= 0):
        raise UsageError(f"{where}: low {low} must be less than high {high}, and above 0 for log")
    if hint is int and log:
        raise UsageError(f"{where}: log is for floats; draw integers without it or from a list")
    if hint is int:
        return random.integers(low, high, size=count, endpoint=True).tolist()
    if log:
        return np.exp(random.uniform(math.log(low), math.log(high), count)).tolist()
    return random.uniform(low, high, count).tolist()


def _one_of(value: Any, parts: tuple[Any, ...], where: str) -> Any:
    for part in parts:
        try:
            return typed(value, part, where)
        except UsageError:
            continue
    kinds = _either(_name(part) for part in parts)
    raise UsageError(f"{where}: {value!r} is of type {type(value).__name__}, not {kinds}")


def _either(parts: Iterable[Any]) -> str:
    return " or ".join(str(part) for part in parts)


def _name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
