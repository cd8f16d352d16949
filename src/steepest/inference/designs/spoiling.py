"""Experiments as they come out: mis-segmented spines, ceilings, losses, groups of another kind."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from steepest.inference.designs.design import Design
from steepest.inference.designs.simulation import change_of_log
from steepest.inference.synapses.measurements import Measurements, measure

__all__ = ["SPOILINGS", "Spoiling", "simulate_spoiled"]

_BURN_IN = 300


@dataclass(frozen=True)
class Spoiling:
    """What is wrong with an experiment; every field at its default leaves it as designed.

    - `outliers`, `factor`: share of measurements that are wrong, and by which factor.
    - `degrees`: of freedom of Student's t of the change (above 2).
    - `other`: the index of every second group, None: all share one.
    - `noise_of_groups`: sd of the log of the noise between groups.
    - `ceiling`: the largest size of a synapse.
    - `loss`: chance of a synapse below the median size to be lost by the next session.
    - `slope`, `mean`: of the log change on log size, from session to session (directed change).
    - `kesten`: (pull to the mean, multiplicative sd, additive sd) instead of a geometry.
    - `pixel`: the step to which sizes are rounded.

    >>> Spoiling(outliers=0.02).factor
    3.0
    """

    outliers: float = 0.0
    factor: float = 3.0
    degrees: float = math.inf
    other: float | None = None
    noise_of_groups: float = 0.0
    ceiling: float = math.inf
    loss: float = 0.0
    slope: float = 0.0
    mean: float = 0.0
    kesten: tuple[float, float, float] | None = None
    pixel: float = 0.0


SPOILINGS: dict[str, Spoiling] = {
    "clean": Spoiling(),
    "outliers .5 %": Spoiling(outliers=0.005),
    "outliers 1 %": Spoiling(outliers=0.01),
    "outliers 2 %": Spoiling(outliers=0.02),
    "outliers 5 %": Spoiling(outliers=0.05),
    "outliers 2 %, a third": Spoiling(outliers=0.02, factor=1 / 3),
    "t3": Spoiling(degrees=3.0),
    "t3 and outliers 2 %": Spoiling(degrees=3.0, outliers=0.02),
    "noise by group": Spoiling(noise_of_groups=0.3),
    "ceiling": Spoiling(ceiling=2.0),
    "losses of small ones": Spoiling(loss=0.15),
    "directed change": Spoiling(slope=-0.05, mean=0.05),
    "whole pixels": Spoiling(pixel=0.05),
}
"""What may be wrong with experiments of every geometry; the calibration tries each."""


def simulate_spoiled(
    design: Design, index: float | int, spoiling: Spoiling, *, seed: int | Sequence[int] = 0
) -> tuple[Measurements, Float[np.ndarray, " n"]]:
    """Measurements of a spoiled experiment, and every synapse's true change of log size.

    Synapses start log-normal with median 1 (at the stationary distribution of a `kesten` process),
    and the change is that from the first session to the last. Of a design, `skew`, `drift`,
    `additive_share`, and what units and groups differ in are left out; a null changes in nothing.

    Raises UsageError where changes carry sizes across zero whatever is drawn.

    >>> measured, change = simulate_spoiled(Design(synapses=50, sessions=3), 1, Spoiling(), seed=1)
    >>> measured.log_sizes.shape, change.shape
    ((50, 3), (50,))
    """
    rng = np.random.default_rng(seed)
    conditions = [False, True] if design.null else [False]
    parts = [_condition(design, float(index), spoiling, rng, still) for still in conditions]
    sizes = np.concatenate([part[0] for part in parts])
    group = np.concatenate(
        [np.arange(design.synapses) % design.groups + design.groups * k for k in range(len(parts))]
    )
    if spoiling.outliers:
        wrong = rng.random(sizes.shape) < spoiling.outliers
        sizes = np.where(wrong, sizes * spoiling.factor, sizes)
    if spoiling.pixel:
        sizes = spoiling.pixel * np.round(sizes / spoiling.pixel)
    measured = measure(
        list(np.swapaxes(sizes, 0, 1)),
        groups=group,
        null=np.repeat(conditions, design.synapses) if design.null else None,
        detection_limit=design.detection_limit,
    )
    return measured, np.concatenate([part[1] for part in parts])


def _condition(
    design: Design, index: float, spoiling: Spoiling, rng: np.random.Generator, still: bool
) -> tuple[Float[np.ndarray, "n t r"], Float[np.ndarray, " n"]]:
    n = design.synapses
    group = np.arange(n) % design.groups
    step = _steps(design, index, spoiling, group)
    logs = design.spread * rng.standard_normal(n)
    if spoiling.kesten is not None:
        logs = np.zeros(n)
        for _ in range(_BURN_IN):
            logs = step(rng, logs)
    logs = np.minimum(logs, math.log(spoiling.ceiling))
    first, alive = logs, np.ones(n, dtype=bool)
    level = np.exp(spoiling.noise_of_groups * rng.standard_normal(design.groups))[group][:, None]
    sessions = []
    for t in range(design.sessions):
        if t and not still:
            alive &= ~((rng.random(n) < spoiling.loss) & (logs < 0))
            logs = np.minimum(step(rng, logs), math.log(spoiling.ceiling))
        shape = (n, design.replicates)
        true = np.exp(logs)[:, None]
        noisy = true * np.exp(level * design.multiplicative * rng.standard_normal(shape))
        noisy = noisy + level * design.shot * np.sqrt(true) * rng.standard_normal(shape)
        noisy = noisy + level * design.additive * rng.standard_normal(shape)
        sessions.append(np.where((noisy > 0) & alive[:, None], noisy, 0.0))
    return np.stack(sessions, axis=1), np.where(alive, logs - first, np.nan)


def _steps(
    design: Design, index: float, spoiling: Spoiling, group: np.ndarray
) -> Callable[[np.random.Generator, np.ndarray], Float[np.ndarray, " n"]]:
    """One step from session to session, log sizes to log sizes."""
    if spoiling.kesten is not None:
        pull, multiplicative, additive = spoiling.kesten

        def kesten(rng: np.random.Generator, logs: np.ndarray) -> np.ndarray:
            size = np.exp(logs)
            moved = (
                (1 - pull + multiplicative * rng.standard_normal(size.size)) * size
                + pull
                + additive * rng.standard_normal(size.size)
            )
            # A size that the noise carries to zero stays where it was.
            return np.log(np.where(moved > 0, moved, size))

        return kesten
    if design.change == 0:
        return lambda rng, logs: logs
    of_group = np.full(group.size, index)
    if spoiling.other is not None:
        of_group[group % 2 == 1] = spoiling.other

    def step(rng: np.random.Generator, logs: np.ndarray) -> np.ndarray:
        moved = logs + spoiling.mean + spoiling.slope * logs
        for value in np.unique(of_group):
            rows = of_group == value
            scale = design.change * math.exp(-(((value - 1) * design.spread) ** 2))
            moved[rows] += change_of_log(
                rng, logs[rows], float(value), scale, degrees=spoiling.degrees
            )
        return moved

    return step
