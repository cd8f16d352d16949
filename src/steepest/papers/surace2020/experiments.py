"""Which metric do potentiated synapses obey? The release model against a before/after table

"The available and appropriately normalized experimental data are consistent with the Euclidean
metric in P-q space, but there are probably not sufficient data to discard a metric based on
metabolic cost." Here that is put into numbers. Each recording starts at its release probability P
and quantal amplitude q before potentiation and follows the flow of a metric without free parameters
until its mean response P q is the observed one; the residual is the log of the observed over the
predicted amplitude there. A metric survives if its mean residual is not significantly different
from 0 (F-test).

The unit problem: Euclid's prediction, and the metabolic one, depend on the unit of q. They are
shown for q in millivolts, in microvolts and relative to its mean before; F-tests compare each unit
with the one that fits best. Weber, equal log change, Fisher and Wasserstein do not depend on it.

Give your own table as `Parameters(table="recordings.csv")`, with columns named as in `columns`.
Without one, 13 recordings are simulated: P and q as in hippocampal slices, moved by the metabolic
flow, with log-normal scatter. With the 13 recordings of Larkman et al. 1992 (quantal analysis as
released with Costa et al. 2017) further claims hold the published numbers.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import optimistix as optx
import xarray as xr
from jaxtyping import Array, Float
from scipy import optimize, stats

from steepest.data.tables import read_columns
from steepest.descent import velocity
from steepest.errors import DataError
from steepest.geometry import AbstractMetric, Diagonal, Linear, Metabolic, Pullback, Weber
from steepest.models import ReleaseModel
from steepest.papers._alternatives import alternatives
from steepest.pictures import LINE_COLOURS, bare
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "follow", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The table, and the model's constants."""

    table: str = parameter("", "CSV of recordings; empty: 13 simulated ones")
    columns: tuple[str, ...] = parameter(
        ("p_release_before", "p_release_after", "q_before_uV", "q_after_uV"),
        "columns: P before and after, q before and after in microvolts",
    )
    target: float = parameter(3.4697, "target response phi, relative to the mean q before")
    scatter: float = parameter(0.14, "sd of ln q after, of the simulated recordings")
    recordings: int = parameter(13, "number of simulated recordings")


QUICK = Parameters()

_MEAN_OF_LARKMAN = 2614 / 13  # uV, by which the published table is recognised
_PUBLISHED = {"metabolic": 0.250, "Euclidean": 0.316, "equal log change": 0.788, "Weber": 0.868}
_UNITS = ("relative to the mean", "millivolt", "microvolt")


@eqx.filter_jit
def _follow(metric: Any, phi: Any, start: Array, goal: Array) -> Float[Array, "recordings 2"]:
    model = ReleaseModel(target=phi)

    def arrive(recording: tuple[Array, Array]) -> Array:
        begin, end = recording

        @partial(jax.jit, inline=True)  # traced once for all the places where the solver asks
        def along(_: Any, point: Array, args: Any) -> Array:
            v = velocity(model.cost, metric, point)
            return v / jnp.linalg.norm(v)  # by arc length: the line is asked for, not its speed

        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(along),
            diffrax.Tsit5(),  # stiff near P = 1, but short: cheaper than an implicit solver
            t0=0.0,
            t1=10.0,
            dt0=None,
            y0=begin,
            stepsize_controller=diffrax.PIDController(rtol=1e-8, atol=1e-10),
            event=diffrax.Event(
                lambda t, y, args, **_: jnp.log(end) - jnp.log(y[0] * y[1]),
                root_finder=optx.Bisection(rtol=1e-12, atol=1e-12),
                direction=False,
            ),
            max_steps=20_000,
            throw=False,
        )
        assert solution.ys is not None
        arrived = solution.result == diffrax.RESULTS.event_occurred
        return jnp.where(arrived, solution.ys[0], jnp.nan)

    return jax.lax.map(arrive, (start, goal))


def follow(
    metric: Any, start: np.ndarray, goal: np.ndarray, phi: float
) -> Float[np.ndarray, "recordings 2"]:
    """(P, q) on each recording's flow line where its mean response P q is `goal`, (recordings,).

    `start` (recordings, 2). The first such point: P q may fall before it rises. NaN where the line
    leaves the domain before.
    """
    with jax.enable_x64(True):
        arrays = jnp.asarray(phi), jnp.asarray(start), jnp.asarray(goal)
        return np.asarray(_follow(metric, *arrays))


def _metric(model: ReleaseModel, name: str, unit: float = 1.0) -> AbstractMetric:
    """The metric of that name on (P, q), q relative to its mean; `unit` is q's over that mean.

    On a unit depend only "Euclidean in unit" and "metabolic in unit", which count q in it.
    """
    metabolic = Metabolic(2.0, np.array([1.0, np.inf]))
    counted = Linear(np.diag([1.0, 1 / unit]))
    every = {
        "metabolic": metabolic,
        "Euclidean": Diagonal(np.ones(2)),
        "Weber": Weber(),
        "Fisher": model.fisher(),
        "Wasserstein": model.wasserstein(),
        "Euclidean in unit": Diagonal(np.array([1.0, unit**-2])),
        "metabolic in unit": Pullback(metabolic, counted),
    }
    return alternatives(every.values())[list(every).index(name)]


def _simulate(parameters: Parameters, seed: int) -> np.ndarray:
    """P and q (relative) before and after, (recordings, 4)."""
    random = np.random.default_rng(seed)
    count = parameters.recordings
    P, q = random.uniform(0.15, 0.6, count), random.uniform(0.6, 1.4, count)
    q /= q.mean()
    goal = P * q * random.uniform(1.2, 1.8, count)
    metric = _metric(ReleaseModel(target=parameters.target), "metabolic")
    after = follow(metric, np.stack([P, q], axis=1), goal, parameters.target)
    # Normal scores in random order: scatter whose mean is 0 exactly, so that the claims do not
    # fail by chance in one of twenty seeds.
    scores = stats.norm.ppf((np.arange(count) + 0.5) / count)
    # Scatter is along a level of P q, which keeps the mean response, and stops short of P = 1.
    shifted = after[:, 1] * np.exp(parameters.scatter * random.permutation(scores))
    q_after = np.maximum(shifted, goal / 0.98)
    return np.stack([P, goal / q_after, q, q_after], axis=1)


def _read(parameters: Parameters) -> np.ndarray:
    table = read_columns(parameters.table, parameters.columns)
    if len(table.rows) < 3:
        raise DataError(f"{parameters.table}: at least 3 recordings are needed for a test")
    P1, P2, q1, q2 = table.arrays
    for name, values in zip(table.names[:2], (P1, P2), strict=True):
        bad = np.flatnonzero(~((values > 0) & (values < 1)))
        if bad.size:
            raise DataError(
                f"{parameters.table}: row {table.rows[bad[0]]} of column {name!r} is "
                f"{values[bad[0]]:g}; a release probability lies between 0 and 1"
            )
    for name, values in zip(table.names[2:], (q1, q2), strict=True):
        if not (values > 0).all():
            bad = int(np.flatnonzero(~(values > 0))[0])
            raise DataError(
                f"{parameters.table}: row {table.rows[bad]} of column {name!r} is "
                f"{values[bad]:g}; an amplitude is positive"
            )
    return np.stack([P1, P2, q1, q2], axis=1)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Residuals of every metric, their F-tests, and how Euclid's depend on the unit of q."""
    if parameters.table:
        data = _read(parameters)
        mean = float(data[:, 2].mean())
        data[:, 2:] /= mean
    else:
        data, mean = _simulate(parameters, seed), 200.0
    P1, P2, q1, q2 = data.T
    start, goal, phi = np.stack([P1, q1], axis=1), P2 * q2, parameters.target
    beyond = np.flatnonzero(goal >= phi)
    if beyond.size:
        raise DataError(f"recording {beyond[0]} responds above the target {phi}: raise `target`")
    model = ReleaseModel(target=phi)

    def residual(name: str, unit: float = 1.0) -> np.ndarray:
        return np.log(q2 / follow(_metric(model, name, unit), start, goal, phi)[:, 1])

    named: dict[str, np.ndarray] = {
        "metabolic": residual("metabolic"),
        "Euclidean": residual("Euclidean"),
        "equal log change": np.log(q2 / (q1 * np.sqrt(goal / (P1 * q1)))),
        "Weber": residual("Weber"),
        "Fisher": residual("Fisher"),
        "Wasserstein": residual("Wasserstein"),
    }
    residuals = np.array(list(named.values()))
    units = {"relative to the mean": 1.0, "millivolt": 1000 / mean, "microvolt": 1 / mean}
    by_unit = np.array(
        [[residual(f"{kind} in unit", u) for u in units.values()]
         for kind in ("Euclidean", "metabolic")]
    )  # fmt: skip
    grid = np.geomspace(1e-3, 10, 41)
    curve = np.array([(residual("Euclidean in unit", u) ** 2).sum() for u in grid])

    def sse(log_unit: float) -> float:
        return float((residual("Euclidean in unit", float(np.exp(log_unit))) ** 2).sum())

    at = int(np.nanargmin(curve))
    around = np.log(grid[[max(at - 1, 0), min(at + 1, len(grid) - 1)]])
    best = optimize.minimize_scalar(sse, bounds=tuple(around), method="bounded")
    n = len(data)
    ratio = n * residuals.mean(axis=1) ** 2 / residuals.var(axis=1, ddof=1)
    gain = ((by_unit[0] ** 2).sum(axis=1) - best.fun) / (best.fun / (n - 1))
    dataset = xr.Dataset(
        {
            "P": (("recording", "when"), np.stack([P1, P2], axis=1)),
            "q": (
                ("recording", "when"),
                np.stack([q1, q2], axis=1),
                {"long_name": "amplitude over its mean before"},
            ),
            "residual": (("metric", "recording"), residuals),
            "sse": ("metric", (residuals**2).sum(axis=1)),
            "f_statistic": ("metric", ratio),
            "p_value": ("metric", stats.f.sf(ratio, 1, n - 1)),
            "unit_sse": (("unit_metric", "unit"), (by_unit**2).sum(axis=2)),
            "unit_f": ("unit", gain),
            "unit_p": ("unit", stats.f.sf(np.maximum(gain, 0), 1, n - 1)),
            "sse_of_unit": ("unit_grid", curve),
            "best_unit": ((), np.exp(best.x)),
            "mean_amplitude": ((), mean, {"units": "uV"}),
        },
        coords={
            "metric": list(named),
            "unit": list(units),
            "unit_metric": ["Euclidean", "metabolic"],
            "unit_grid": grid,
            "when": ["before", "after"],
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Recordings in the P-q plane; residuals of each metric; Euclid's misfit for each unit."""
    figure = matplotlib.figure.Figure(figsize=(12.4, 4.2), layout="constrained")
    plane, misses, units = figure.subplots(1, 3)
    for P, q in zip(dataset["P"].values, dataset["q"].values, strict=True):
        arrow = {"arrowstyle": "-|>", "color": LINE_COLOURS[0]}
        plane.annotate("", (P[1], q[1]), (P[0], q[0]), arrowprops=arrow)
        plane.plot(P[0], q[0], "o", color="black", markersize=4)
        plane.plot(P[1], q[1], alpha=0)  # an arrow alone does not widen the axes
    plane.axvline(1, color="black", linestyle="--")
    plane.set(xlim=(0, 1.03), ylim=(0, None), xlabel="release probability P",
              ylabel="amplitude q / mean before", title="Recordings, before to after")  # fmt: skip
    names = dataset["metric"].values[::-1]
    for place, name in enumerate(names):
        here = dataset.sel(metric=name)
        survives = float(here["p_value"]) >= 0.05
        colour = LINE_COLOURS[0] if survives else LINE_COLOURS[1]
        values = here["residual"].values
        misses.plot(values, np.full(len(values), place), "o", color=colour, alpha=0.6)
        misses.plot(values.mean(), place, "|", color="black", markersize=16)
    misses.axvline(0, color="black", linewidth=0.8)
    chances = [float(dataset["p_value"].sel(metric=name)) for name in names]
    labels = [f"{name}\np {_said(p)}" for name, p in zip(names, chances, strict=True)]
    misses.set_yticks(range(len(names)), labels)
    misses.set(
        xlabel="ln(q observed / predicted)", title="Residuals and their mean (red: rejected)"
    )
    units.semilogx(dataset["unit_grid"], dataset["sse_of_unit"], color=LINE_COLOURS[0], linewidth=2)
    mean = float(dataset["mean_amplitude"])
    places = {"mean q": 1.0, "1 mV": 1000 / mean, "1 $\\mu$V": 1 / mean}
    for label, unit in places.items():
        units.axvline(unit, color="black", linewidth=0.8, linestyle=":")
        units.annotate(label, (unit, 0.98), xycoords=("data", "axes fraction"), rotation=90,
                       ha="right", va="top")  # fmt: skip
    units.set(xlabel="unit of q / mean q", ylabel="sum of squared residuals",
              title="Euclid depends on the unit of q", xlim=(2e-3, 12), ylim=(0, None))  # fmt: skip
    bare(plane, misses, units)
    return figure


def _said(p: float) -> str:
    return f"= {p:.2f}" if p >= 0.01 else "< .01"


def claims(dataset: xr.Dataset) -> list[Claim]:
    """What survives, what does not, and the unit problem; the published numbers on their data."""
    p = dict(zip(dataset["metric"].values, dataset["p_value"].values, strict=True))
    sse = dict(zip(dataset["metric"].values, dataset["sse"].values, strict=True))
    n = dataset.sizes["recording"]
    negative = (dataset["residual"] < 0).sum("recording").values
    signs = dict(zip(dataset["metric"].values, negative, strict=True))
    spread = dataset["unit_sse"].sel(unit_metric="Euclidean").values
    published = n == 13 and bool(np.isclose(float(dataset["mean_amplitude"]), _MEAN_OF_LARKMAN))
    worst = max(p["Fisher"], p["Wasserstein"])
    stated = [
        Claim.above(
            "The metabolic metric cannot be discarded (F-test of its mean residual, p)",
            p["metabolic"],
            0.05,
            inclusive=True,
        ),
        Claim.below(
            "Fisher's and Wasserstein's metrics are rejected (larger p)",
            worst,
            0.05,
        ),
        Claim.above(
            "Euclid's prediction depends on the unit of q (largest over smallest sum of"
            " squared residuals for mean, mV, uV; a unit whose flow runs into P = 1 left out)",
            np.nanmax(spread) / np.nanmin(spread),
            1.5,
        ),
    ]
    on_data = [
        Claim.close(f"13 LTP recordings: sum of squared residuals, {name} (to .0006)", value,
                    sse[name], 6e-4)
        for name, value in _PUBLISHED.items()
    ]  # fmt: skip
    on_data += [
        Claim.close(
            "13 LTP recordings: all residuals of Fisher and Wasserstein have one sign", (13, 13),
            (signs["Fisher"], signs["Wasserstein"]), 0,
        ),
        Claim.above(
            "13 LTP recordings: Euclid, with q relative to its mean, survives too (p)",
            p["Euclidean"], 0.05, inclusive=True,
        ),
    ]  # fmt: skip
    return stated + [claim if published else replace(claim, holds=None) for claim in on_data]
