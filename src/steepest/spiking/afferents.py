"""The afferents of a neuron, in groups: steady Poisson, with a varying rate, or given spikes."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from steepest.arrays.given import real_numbers
from steepest.errors import UsageError
from steepest.spiking.trains import SpikeTrains

__all__ = [
    "AbstractGroup",
    "Afferents",
    "GivenGroup",
    "SteadyGroup",
    "VaryingGroup",
    "check_bins",
    "rate_knots",
]

MOST_EXPECTED = 0.5  # spikes per bin; with more, a bin is too long to be taken for one moment


def check_bins(rates: Any, dt: float, what: str) -> None:
    """Raise a `UsageError` that names the first rate (Hz) of more than half a spike per bin."""
    rates = np.atleast_1d(real_numbers(rates, "rates"))
    many = rates * dt > MOST_EXPECTED
    if many.any():
        i = int(np.flatnonzero(many.reshape(-1))[0])
        rate = rates.reshape(-1)[i]
        raise UsageError(
            f"{what}: a rate of {rate:g} Hz (number {i}) makes {rate * dt:g} spikes per bin of "
            f"{dt:g} s, more than {MOST_EXPECTED}; take dt <= {MOST_EXPECTED / rate:.3g} s"
        )


def _check_size(size: int) -> None:
    if size < 1:
        raise UsageError(f"a group of {size} afferents: give a positive number")


def _check_rates(rates: np.ndarray) -> None:
    bad = ~(np.isfinite(rates) & (rates >= 0))
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        raise UsageError(f"afferents: rate {i} is {rates.flat[i]:g} Hz; rates are not negative")


class AbstractGroup(ABC):
    """Afferents that fire in the same way."""

    size: int

    @abstractmethod
    def rates(self, times: np.ndarray) -> Float[np.ndarray, "t n"]:
        """Rate of each afferent (Hz) at times (s)."""


@dataclass(frozen=True, eq=False)
class SteadyGroup(AbstractGroup):
    """`size` independent Poisson afferents of the same constant `rate` (Hz); 0 is silent.

    >>> import numpy as np
    >>> SteadyGroup(2, 10.0).rates(np.array([0.0, 0.5]))
    array([[10., 10.],
           [10., 10.]])
    """

    size: int
    rate: float

    def __post_init__(self) -> None:
        _check_size(self.size)
        _check_rates(np.array([self.rate], dtype=np.float64))

    def rates(self, times: np.ndarray) -> Float[np.ndarray, "t n"]:
        return np.full((len(times), self.size), float(self.rate))


@dataclass(frozen=True, eq=False)
class VaryingGroup(AbstractGroup):
    """`size` independent Poisson afferents whose rate is given at `knots`, linear in between.

    `knots` (k,) increasing times in s, `values` (k,) rates in Hz; before and after them the rate
    is that of the end. The metric takes the rate of the moment ("slowly changing rates", Eq 29).

    >>> import numpy as np
    >>> VaryingGroup(1, [0.0, 1.0], [10.0, 50.0]).rates(np.array([0.25]))
    array([[20.]])
    """

    size: int
    knots: Any
    values: Any

    def __post_init__(self) -> None:
        _check_size(self.size)
        knots = real_numbers(self.knots, "a varying group: times")
        values = real_numbers(self.values, "a varying group: rates")
        if knots.ndim != 1 or knots.shape != values.shape or knots.size < 2:
            raise UsageError(
                f"a varying group: {knots.shape} times for {values.shape} rates; give two or more, "
                "one rate for each time"
            )
        if not (np.isfinite(knots).all() and (np.diff(knots) > 0).all()):
            raise UsageError("a varying group: the times of its rates must increase")
        _check_rates(values)
        object.__setattr__(self, "knots", knots)
        object.__setattr__(self, "values", values)

    def rates(self, times: np.ndarray) -> Float[np.ndarray, "t n"]:
        return np.tile(np.interp(times, self.knots, self.values)[:, None], (1, self.size))


@dataclass(frozen=True, eq=False)
class GivenGroup(AbstractGroup):
    """Afferents with given spike trains, the same in every trial.

    `nominal` (n,) are the rates (Hz) that the metric takes, those of the trains unless given.

    >>> group = GivenGroup(SpikeTrains([[0.1, 0.2], [0.4]], duration=1.0))
    >>> group.size, group.nominal
    (2, array([2., 1.]))
    """

    trains: SpikeTrains
    nominal: Any = None

    def __post_init__(self) -> None:
        nominal = self.trains.rates
        if self.nominal is not None:
            nominal = real_numbers(self.nominal, "given trains: nominal rates")
        if nominal.shape != (self.trains.size,):
            raise UsageError(
                f"given trains: {nominal.shape} nominal rates for {self.trains.size} trains"
            )
        _check_rates(nominal)
        object.__setattr__(self, "nominal", nominal)

    @property
    def size(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.trains.size

    def rates(self, times: np.ndarray) -> Float[np.ndarray, "t n"]:
        return np.tile(self.nominal, (len(times), 1))


@dataclass(frozen=True, eq=False)
class Afferents:
    """All afferents of a neuron: one group after the other.

    >>> Afferents.steady([10.0, 10.0, 50.0]).groups
    (SteadyGroup(size=2, rate=10.0), SteadyGroup(size=1, rate=50.0))
    """

    groups: tuple[AbstractGroup, ...]

    def __init__(self, groups: Sequence[AbstractGroup]) -> None:
        object.__setattr__(self, "groups", tuple(groups))
        if not self.groups:
            raise UsageError("a neuron has at least one group of afferents")

    @classmethod
    def steady(cls, rates: Any) -> "Afferents":
        """Independent Poisson afferents with these constant rates (n,), in Hz."""
        rates = np.atleast_1d(real_numbers(rates, "rates"))
        _check_rates(rates)
        starts = np.flatnonzero(np.r_[True, np.diff(rates) != 0])
        sizes = np.diff(np.r_[starts, len(rates)])
        return cls(
            [SteadyGroup(int(k), float(rates[i])) for i, k in zip(starts, sizes, strict=True)]
        )

    @property
    def size(self) -> int:
        """Number of afferents."""
        return sum(group.size for group in self.groups)

    @property
    def constant_rates(self) -> Float[np.ndarray, " n"] | None:
        """Rates (Hz) if all afferents are steady Poisson ones, else None."""
        if all(isinstance(group, SteadyGroup) for group in self.groups):
            return self.rates(np.zeros(1))[0]
        return None

    def rates(self, times: np.ndarray) -> Float[np.ndarray, "t n"]:
        """Rates (Hz) at times (s); of given trains, the nominal ones."""
        return np.concatenate([group.rates(times) for group in self.groups], axis=1)

    @property
    def is_given(self) -> np.ndarray:
        """Which afferents (n,) have given spike trains."""
        flags = [np.full(g.size, isinstance(g, GivenGroup)) for g in self.groups]
        return np.concatenate(flags)

    def given_counts(self, first: int, last: int, dt: float) -> np.ndarray:
        """Spikes of the given trains in the bins first to last - 1, (steps, n); 0 for the rest."""
        blocks = [
            group.trains.counts(first, last, dt)
            if isinstance(group, GivenGroup)
            else np.zeros((last - first, group.size), dtype=np.uint8)
            for group in self.groups
        ]
        return np.concatenate(blocks, axis=1)

    def check(self, dt: float, duration: float) -> None:
        """Raise a `UsageError` where these afferents do not fit bins of `dt` s or the run."""
        for group in self.groups:
            if isinstance(group, GivenGroup):
                if duration > group.trains.duration * (1 + 1e-12):
                    raise UsageError(
                        f"the run lasts {duration:g} s, but the given spike trains end at "
                        f"{group.trains.duration:g} s; shorten it or give longer trains"
                    )
            else:
                knots = group.knots if isinstance(group, VaryingGroup) else np.zeros(1)
                check_bins(group.rates(np.asarray(knots))[:, 0], dt, "afferents")


def rate_knots(afferents: Afferents) -> tuple[np.ndarray, np.ndarray]:
    """Times (knots,) in s, and constant rates (n,) in Hz or those (knots, n) at the times.

    The times are the knots of all groups, between which every rate is linear.

    >>> groups = [SteadyGroup(1, 5.0), VaryingGroup(1, [0.0, 1.0], [10.0, 50.0])]
    >>> rate_knots(Afferents(groups))[1].tolist()
    [[5.0, 10.0], [5.0, 50.0]]
    """
    varying = [group.knots for group in afferents.groups if isinstance(group, VaryingGroup)]
    if not varying:
        return np.zeros(1), afferents.rates(np.zeros(1))[0]
    knots = np.unique(np.concatenate(varying))
    return knots, afferents.rates(knots)
