"""Simulated experiments: sessions, groups with scale and drift, and every form of noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from steepest.errors import UsageError
from steepest.inference.designs.simulation import change_of_log
from steepest.inference.synapses.measurements import Measurements, measure
from steepest.machine import memory

__all__ = ["Design", "simulate_design"]

_BYTES = 200
"""Memory that it takes to simulate and judge one measurement; 150 to 860 were seen."""

_LARGEST = (20.0, 1e6)
"""Of a log or a relative change, and of sizes whose median is 1; squares are within floats."""


@dataclass(frozen=True)
class Design:
    """An experiment as one would plan it: how many synapses, how they change, how they are seen.

    - `synapses`, `sessions`, `groups`: how many, the synapses dealt evenly to the groups.
    - `spread`: standard deviation of log size; the median size is 1.
    - `change`: root mean square relative change from one session to the next.
    - `multiplicative`, `shot`, `additive`: noise of one measurement, as standard deviation of log
      size, and as standard deviations at the median size.
    - `group_scale`, `group_drift`: how groups differ in their unit (sd of the log), and drift a
      session (sd of log size).
    - `drift`, `skew`: of the dual change, common to all: its mean in standard deviations, and its
      skewness.
    - `replicates`: measurements of each synapse at each session.
    - `null`: as many synapses again, in as many groups, are measured without change.
    - `additive_share`: of the variance of change at the median size, the rest being of the stated
      index (a mixture).
    - `detection_limit`: sizes below it are lost.

    Raises UsageError for a number below 1, and for a spread, change or noise that is negative or
    beyond all that is measured.

    >>> Design(synapses=300, sessions=4).with_change(replicates=2).replicates
    2
    """

    synapses: int = 700
    sessions: int = 8
    spread: float | int = 0.7
    change: float | int = 0.25
    multiplicative: float | int = 0.0
    shot: float | int = 0.0
    additive: float | int = 0.0
    groups: int = 14
    group_scale: float | int = 0.0
    group_drift: float | int = 0.0
    drift: float | int = 0.0
    skew: float | int = 0.0
    replicates: int = 1
    null: bool = False
    additive_share: float | int = 0.0
    detection_limit: float | int | None = None

    def __post_init__(self) -> None:
        for name in ("synapses", "sessions", "groups", "replicates"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}: give at least 1")
        conditions = 2 if self.null else 1
        count = self.synapses * self.sessions * self.replicates * conditions + self.groups
        needed = _BYTES * count
        if needed > (most := memory()):
            raise UsageError(
                f"synapses {self.synapses}, sessions {self.sessions}, replicates"
                f" {self.replicates}, groups {self.groups}: more measurements than the"
                f" {most / 1e9:.3g} GB of memory of this machine hold; give fewer"
            )
        for name in ("spread", "change", "multiplicative", "shot", "additive", "group_scale"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise UsageError(f"{name} is {value:g}: give 0 or a positive number")
            if value > (largest := _LARGEST[name in ("shot", "additive")]):
                raise UsageError(f"{name} is {value:g}: give at most {largest:g}")

    def with_change(self, **values: float | int | bool | None) -> "Design":
        """The same design with some values changed."""
        return replace(self, **values)  # pyright: ignore[reportArgumentType]


def simulate_design(
    design: Design, index: float | int, *, seed: int | Sequence[int] = 0
) -> Measurements:
    """Measurements of synapses that change in the geometry of `index`, under a design.

    Sizes start log-normal with median 1. With `change` 0 nothing changes but the measurement.
    Raises UsageError where the changes carry sizes across zero whatever is drawn, or beyond floats.

    >>> simulate_design(Design(synapses=100, sessions=4), index=1).log_sizes.shape
    (100, 4)
    """
    rng = np.random.default_rng(seed)
    conditions = [False, True] if design.null else [False]
    with np.errstate(over="ignore", invalid="ignore"):
        parts = [_condition(design, index, rng, still) for still in conditions]
    if not all(np.isfinite(session).all() for part in parts for session in part):
        raise UsageError(
            "sizes of this design are beyond what numbers hold: give a smaller spread, change or"
            " noise"
        )
    sessions = [np.concatenate([part[t] for part in parts]) for t in range(design.sessions)]
    labels = np.concatenate(
        [np.arange(design.synapses) % design.groups + design.groups * k for k in range(len(parts))]
    )
    return measure(
        sessions,
        groups=labels if design.groups > 1 or design.null else None,
        null=np.repeat(conditions, design.synapses) if design.null else None,
        detection_limit=design.detection_limit,
    )


def _condition(
    design: Design, index: float | int, rng: np.random.Generator, still: bool
) -> list[Float[np.ndarray, "n r"]]:
    group = np.arange(design.synapses) % design.groups
    scale = design.group_scale * rng.standard_normal(design.groups)
    logs = design.spread * rng.standard_normal(design.synapses)
    sessions = []
    for t in range(design.sessions):
        if t and not still:
            logs = logs + _step(design, index, rng, logs)
        unit = scale + (design.group_drift * rng.standard_normal(design.groups) if t else 0.0)
        sessions.append(_seen(design, rng, np.exp(logs), np.exp(unit)[group]))
    return sessions


def _step(
    design: Design, index: float | int, rng: np.random.Generator, logs: np.ndarray
) -> Float[np.ndarray, " n"]:
    if design.change == 0:
        return np.zeros_like(logs)
    share = design.additive_share
    if share == 0:
        scale = design.change * np.exp(-np.square((index - 1.0) * design.spread))
        return change_of_log(rng, logs, index, scale, drift=design.drift, skew=design.skew)
    first = change_of_log(rng, logs, index, design.change * math.sqrt(1 - share))
    additive = design.change * math.sqrt(share) * np.exp(-np.square(float(design.spread)) / 2)
    return first + change_of_log(rng, logs + first, 0, additive)


def _seen(
    design: Design, rng: np.random.Generator, sizes: np.ndarray, unit: np.ndarray
) -> Float[np.ndarray, "n r"]:
    """Replicates of one session; a synapse whose measured size is not positive is absent."""
    shape = (sizes.size, design.replicates)
    true = sizes[:, None]
    measured = true * np.exp(design.multiplicative * rng.standard_normal(shape))
    measured = measured + design.shot * np.sqrt(true) * rng.standard_normal(shape)
    measured = measured + design.additive * rng.standard_normal(shape)
    return np.where(measured > 0, measured * unit[:, None], 0.0)
