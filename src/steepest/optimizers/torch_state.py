"""An optimizer's settings as they are saved: plain values, and potentials as words."""

from dataclasses import fields
from hashlib import sha256
from typing import Any

import numpy as np

from steepest.errors import UsageError
from steepest.geometry import AbstractPotential
from steepest.optimizers.settings import check_keys

__all__ = ["VERSION", "restored_groups", "saved_groups"]

# 1: momentum only. 2: duals near an edge of the domain, and this number. 3: decay, Nesterov's
# momentum, a bound on steps, Adam's moments.
VERSION = 3


def saved_groups(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parameter groups without objects, so that `torch.load(weights_only=True)` reads them."""
    plain = [{key: value for key, value in group.items() if key != "compiled"} for group in groups]
    return [
        {**group, "potential": _describe(group["potential"]), "version": VERSION} for group in plain
    ]


def restored_groups(
    name: str, saved: list[dict[str, Any]], own: list[dict[str, Any]], defaults: dict[str, Any]
) -> list[dict[str, Any]]:
    """Saved groups with the potentials, and what was not saved, of the optimizer's own.

    Raises `UsageError` for another potential, an unknown key, or a later version.
    """
    restored = []
    for place, group in enumerate(saved):
        group = dict(group)
        mine = own[place] if place < len(own) else defaults
        version = group.pop("version", 1)
        if version > VERSION:
            raise UsageError(
                f"group {place}: the saved state is of version {version}, and this release reads"
                f" up to {VERSION}: update steepest"
            )
        check_keys(f"group {place} of the saved state of {name}", group, defaults)
        ours = _describe(mine["potential"])
        theirs = _today(group.get("potential", ours))
        if theirs != ours:
            raise UsageError(
                f"group {place}: the saved state belongs to {theirs}, this"
                f" optimizer has {ours}: their momentum is not in the same dual; make the"
                " optimizer with the saved potential"
            )
        restored.append(
            {**{key: mine[key] for key in defaults}, **group, "potential": mine["potential"]}
        )
    return restored


def _today(words: Any) -> Any:
    """A potential's words as they are written now: Entropy was a class before it was a function."""
    return words.replace("Entropy(sign=", "Power(index=1.0, sign=") if _is_entropy(words) else words


def _is_entropy(words: Any) -> bool:
    return isinstance(words, str) and words.startswith("Entropy(")


def _describe(potential: AbstractPotential) -> str:
    """Class and fields of a potential in one line; long fields by a digest."""
    values = []
    for field in fields(potential):
        array = np.asarray(getattr(potential, field.name))
        text = str(array.tolist()) if array.size < 9 else sha256(array.tobytes()).hexdigest()[:16]
        values.append(f"{field.name}={text}")
    return f"{type(potential).__name__}({', '.join(values)})"
