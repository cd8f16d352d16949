"""Several geometries that share one compiled program, for figures that follow a flow in each."""

from collections.abc import Iterable
from typing import Any

import jax
import numpy as np
from jaxtyping import Array

from steepest.geometry import AbstractMetric
from steepest.geometry.domain import AbstractDomain

__all__ = ["Alternative", "alternatives"]


class Alternative(AbstractMetric):
    """The metric number `which` of `metrics`; only the number differs from one to the next."""

    metrics: tuple[AbstractMetric, ...]
    which: np.ndarray

    @property
    def domain(self) -> AbstractDomain:
        return self.metrics[int(self.which)].domain

    def flat(self, point: Any, vector: Any) -> Array:
        ways = [lambda x, v, metric=metric: metric.flat(x, v) for metric in self.metrics]
        return jax.lax.switch(self.which, ways, point, vector)

    def sharp(self, point: Any, covector: Any) -> Array:
        ways = [lambda x, p, metric=metric: metric.sharp(x, p) for metric in self.metrics]
        return jax.lax.switch(self.which, ways, point, covector)

    def check(self, point: Any) -> None:
        """What the chosen metric itself says of a concrete point."""
        self.metrics[int(self.which)].check(point)


def alternatives(metrics: Iterable[AbstractMetric]) -> list[Alternative]:
    """The same metrics; what is compiled for one of them (seconds for a flow) serves them all."""
    every = tuple(metrics)
    return [Alternative(every, np.asarray(which)) for which in range(len(every))]
