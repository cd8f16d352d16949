"""What a parameter must be before a potential can move it, told when the optimizer is made."""

import warnings
from dataclasses import dataclass

import jax
import numpy as np

from steepest.arrays.numbers import lengthened
from steepest.errors import DomainError
from steepest.geometry import AbstractPotential, Fermi, Logit, Power
from steepest.geometry.domain import Everywhere

__all__ = ["Tally", "check_start"]


@dataclass(frozen=True)
class Tally:
    """What was counted in one parameter: its size, and weights at rest or outside the domain.

    At rest, for ever, are weights at 0 under an index of 1 and above, and those at a bound.
    """

    name: str
    size: int
    resting: int
    outside: int
    not_finite: int


def check_start(tallies: list[Tally], potential: AbstractPotential) -> None:
    """Raise, or warn, where weights cannot be moved by the potential.

    `DomainError` names a parameter that has weights that are not finite or outside the domain, or
    nothing but weights, at 0 or at a bound, that the potential cannot move. Single ones give a
    `UserWarning` with their number.
    """
    what = potential.name
    frozen = potential.freezes_signs
    edge, there = ("0", "at 0") if frozen else ("at a bound", "at a bound")
    cure = (
        "give it a group of its own with another potential, for example PNorm(2) (plain gradient"
        " descent) or HyperbolicEntropy(scale), whose weights may change sign"
    )
    for tally in tallies:
        if tally.not_finite:
            raise DomainError(
                f"{tally.name}: {tally.not_finite} of {tally.size} weights are not finite"
            )
        if tally.outside:
            keep = (
                ", or keep every weight on the side of 0 where it starts: freeze_signs=True"
                if frozen
                else ""
            )
            raise DomainError(
                f"{tally.name}: {tally.outside} of {tally.size} weights are outside the domain of"
                f" {what}, which is {potential.domain.describe()}; {cure}{keep}"
            )
        if tally.size and tally.resting == tally.size:
            raise DomainError(
                f"{tally.name}: all {tally.size} weights are {edge}, and under {what} a weight"
                f" {there} never moves; {cure}"
            )
    resting = [tally for tally in tallies if tally.resting]
    if resting:
        listed = ", ".join(f"{tally.name} ({tally.resting} of {tally.size})" for tally in resting)
        warnings.warn(
            f"weights {there} never move under {what}: {listed}; start them elsewhere, or choose a"
            " potential of index below 1 or HyperbolicEntropy for their group",
            UserWarning,
            stacklevel=4,
        )


def _resting(weights: np.ndarray, potential: AbstractPotential) -> int:
    if isinstance(potential, Fermi | Logit):
        bound = potential.bound.astype(weights.dtype)
        lowest = -bound if isinstance(potential, Fermi) else 0 * bound
        return int(((weights == lowest) | (weights == bound)).sum())
    return int((weights == 0).sum()) if potential.freezes_signs else 0


def tally(name: str, weights: np.ndarray, potential: AbstractPotential, own_signs: bool) -> Tally:
    """Count a parameter's weights; with `own_signs` their signs cannot be wrong."""
    outside = 0
    # Whatever sign a weight has is its own: only `Power` can take each at its word.
    any_sign = own_signs and isinstance(potential, Power) and potential.freezes_signs
    if not isinstance(potential.domain, Everywhere) and not any_sign:
        points = weights
        if all(np.ndim(leaf) == 0 for leaf in jax.tree_util.tree_leaves(potential)):
            points = lengthened(weights.ravel())  # one compilation serves parameters of many sizes
        with jax.ensure_compile_time_eval():  # inside jit, weights may be numbers all the same
            outside = np.asarray(potential.domain.outside(points)).ravel()[: weights.size].sum()
    return Tally(
        name=name,
        size=weights.size,
        resting=_resting(weights, potential),
        outside=int(outside),
        not_finite=int((~np.isfinite(weights)).sum()),
    )
