"""Colours of the rules and the look of the axes, the same in every figure of the paper."""

from typing import Any

__all__ = ["APPROXIMATE", "EUCLIDEAN", "INK", "NATURAL", "STUDENT", "TEACHER", "bare", "letter"]

NATURAL = "#c8202f"
EUCLIDEAN = "#1f5fd0"
APPROXIMATE = "#e08a00"
TEACHER = "#e08a00"
STUDENT = "#c8202f"
INK = "#222222"


def bare(*axes: Any) -> None:
    """Take away the upper and right spines."""
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)


def letter(axes: Any, name: str, title: str = "") -> None:
    """The panel's letter, and what it shows, at its upper left."""
    axes.set_title(f"{name}   {title}".rstrip(), loc="left", fontsize=10)
