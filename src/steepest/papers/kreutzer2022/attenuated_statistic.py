"""A fading teacher has a cost of its own, but not by the printed rule (Discussion)

Where the teacher's spikes reach synapse i with b_i, the printed rule moves it by
F_i = E[(b_i phi* - phi) phi'/phi x_i]. For an exponential phi it is an exact gradient. For any
other its Jacobian has the antisymmetric part (b_i - b_j) A_ij/2, A = E[phi* (phi'/phi)' x x'], and
at fixed points complex eigenvalues can appear: there it is steepest descent on no cost, in no
continuous metric.

Without the factor phi'/phi it is: (b_i Y* - phi) x_i descends the convex cost
C_b = E[Phi(V)] - sum_i w_i b_i E[phi* x_i] with Phi' = phi. The teacher is seen through an
attenuated sufficient statistic, and the natural metric is E[phi' x x'], the cost's own Hessian. The
printed rule makes a few degrees with it, and lowers it at every point looked at.
"""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.figure
import matplotlib.patches
import numpy as np
import xarray as xr
from scipy.optimize import root

from steepest.arrays.entry import double_precision
from steepest.inference.flows import find_obstruction
from steepest.pictures import INK, LINE_COLOURS, bare, letter
from steepest.spiking import (
    AbstractTransfer,
    DifferenceOfExponentials,
    Exponential,
    Sigmoid,
    sample_usps,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """Neurons with random teachers, and how far the teacher fades."""

    n: int = parameter(20, "afferents")
    cases: int = parameter(24, "random teachers")
    samples: int = parameter(3000, "sampled USPs, over which all means are taken")
    rates: tuple[float, float] = parameter((10.0, 50.0), "rates of the halves of afferents", "Hz")
    least: tuple[float, ...] = parameter((0.95, 0.9, 0.8), "strength at the farthest synapse")
    voltage: float = parameter(10.0, "mean voltage of the teacher", "mV")
    spread: float = parameter(2.0, "standard deviation of its weights times n", "1")


QUICK = Parameters(cases=8, samples=1000)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Curls, angles, fixed points and their eigenvalues."""
    p, random = parameters, np.random.default_rng([seed, 5])
    shape = (len(p.least), p.cases)
    names = ("curl", "predicted", "exponential_curl", "angle", "descends", "fixed", "complex")
    values = {name: np.full(shape, np.nan) for name in names}
    rates = np.repeat(p.rates, [p.n - p.n // 2, p.n // 2])
    sigmoid, exponential = Sigmoid(), Exponential(threshold=20.0, steepness=0.05)
    statistic = np.full(shape, np.nan)
    for c in range(p.cases):
        x = sample_usps(DifferenceOfExponentials(), rates, p.samples, seed=1000 * seed + c)
        target = p.voltage / rates.sum() + p.spread / p.n**1.5 * random.normal(size=p.n)
        order = random.permutation(p.n)
        start = target + 0.2 * p.spread / p.n**1.5 * random.normal(size=p.n)
        for k, least in enumerate(p.least):
            b = np.linspace(1.0, least, p.n)[order]
            with double_precision():
                field = _of(sigmoid, x, target, b, printed=True)
                natural = _of(sigmoid, x, target, b, printed=False)
                other = _of(exponential, x, target, b, printed=True)
                w = jnp.asarray(start)
                slope = np.asarray(_slope(field, w))
                skew = (slope - slope.T) / 2
                A = _bend(sigmoid, x, target, start)
                values["curl"][k, c] = np.linalg.norm(skew) / np.linalg.norm(slope)
                predicted = (b[:, None] - b[None, :]) * A / 2
                values["predicted"][k, c] = np.abs(skew - predicted).max() / np.abs(skew).max()
                J = np.asarray(_slope(other, w))
                values["exponential_curl"][k, c] = np.abs(J - J.T).max() / np.abs(J).max()
                pull, metric = np.asarray(_moved(natural, w)), -np.asarray(_slope(natural, w))
                push = np.linalg.solve(_fisher(sigmoid, x, start), np.asarray(_moved(field, w)))
                steepest = np.linalg.solve(metric, pull)
                length = np.sqrt((push @ metric @ push) * (steepest @ metric @ steepest))
                values["angle"][k, c] = np.degrees(np.arccos((push @ pull) / length))
                values["descends"][k, c] = push @ pull > 0
                statistic[k, c] = _settles(natural, target) is not None
                fixed = _settles(field, target)
            values["fixed"][k, c] = fixed is not None
            if fixed is not None:
                reason = find_obstruction(field, minimum=fixed, tolerance=1e-6)
                values["complex"][k, c] = (
                    reason is not None and reason.reason == "complex eigenvalues"
                )
    dataset = xr.Dataset(
        {name: (("least", "case"), array) for name, array in values.items()}
        | {"statistic_fixed": (("least", "case"), statistic)},
        coords={"least": list(p.least)},
    )
    dataset["angle"].attrs["units"] = "degrees"
    return stamp(dataset, parameters, seed)


class _Rule(eqx.Module):
    """E[(b phi* - phi) psi x] over sampled USPs, psi = phi'/phi as `printed`, or 1: -grad C_b."""

    transfer: AbstractTransfer
    usps: Any
    teacher: Any
    factors: Any
    printed: bool = eqx.field(static=True)

    def __call__(self, w: Any) -> Any:
        V = self.usps @ w
        weight = self.transfer.log_slope(V) if self.printed else jnp.ones_like(V)
        taught, own = (self.teacher * weight) @ self.usps, (self.transfer(V) * weight) @ self.usps
        return (self.factors * taught - own) / len(self.usps)


@eqx.filter_jit
def _moved(rule: _Rule, w: Any) -> Any:
    return rule(w)


@eqx.filter_jit
def _slope(rule: _Rule, w: Any) -> Any:
    return jax.jacfwd(rule)(w)


def _of(
    transfer: AbstractTransfer, x: np.ndarray, target: np.ndarray, b: np.ndarray, *, printed: bool
) -> _Rule:
    teacher = transfer(jnp.asarray(x @ target))
    return _Rule(transfer, jnp.asarray(x), teacher, jnp.asarray(b), printed)


def _bend(transfer: AbstractTransfer, x: np.ndarray, target: np.ndarray, w: Any) -> np.ndarray:
    """A = E[phi* (phi'/phi)' x x']."""
    V, teacher = jnp.asarray(x @ w), transfer(jnp.asarray(x @ target))
    bend = jax.jvp(transfer.log_slope, (V,), (jnp.ones_like(V),))[1]
    return (x * np.asarray(teacher * bend)[:, None]).T @ x / len(x)


def _fisher(transfer: AbstractTransfer, x: np.ndarray, w: Any) -> np.ndarray:
    """E[phi'^2/phi x x']: the metric of the printed natural rule."""
    h = np.asarray(transfer.information(jnp.asarray(x @ w)))
    return (x * h[:, None]).T @ x / len(x)


def _settles(rule: _Rule, start: np.ndarray) -> np.ndarray | None:
    """A stable fixed point of the rule near `start`, or None."""

    def move(w: np.ndarray) -> np.ndarray:
        return np.asarray(_moved(rule, jnp.asarray(w)))

    def slope(w: np.ndarray) -> np.ndarray:
        return np.asarray(_slope(rule, jnp.asarray(w)))

    for method in ("hybr", "lm"):
        place = root(move, start, jac=slope, method=method, tol=1e-13).x
        J = slope(place)
        if np.abs(move(place)).max() < 1e-9 * np.abs(J).max():
            return place if np.linalg.eigvals(J).real.max() < 0 else None
    return None


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A: how far the printed rule is from a gradient. B: its angle. C: fixed points."""
    figure = matplotlib.figure.Figure(figsize=(10.5, 3.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    least = dataset["least"].values
    for axes, name in ((left, "curl"), (middle, "angle")):
        for k in range(len(least)):
            values = dataset[name].values[k]
            axes.plot(np.full(len(values), k), values, "o", color=LINE_COLOURS[0], alpha=0.5)
    left.set(ylabel="antisymmetric share of the Jacobian", ylim=(0, None))
    middle.set(ylabel="angle to the natural gradient of C_b (degrees)", ylim=(0, None))
    for k in range(len(least)):
        found = [
            dataset["statistic_fixed"].values[k].sum(),
            dataset["fixed"].values[k].sum(),
            np.nansum(dataset["complex"].values[k]),
        ]
        right.bar(k + np.array([-0.25, 0, 0.25]), found, 0.24, color=[*LINE_COLOURS[:2], INK])
    handles = [matplotlib.patches.Patch(color=c) for c in (*LINE_COLOURS[:2], INK)]
    words = ["minimum of C_b", "fixed point, printed", "complex eigenvalues"]
    right.legend(handles, words, frameon=False, fontsize=8)
    right.set(ylabel="teachers", ylim=(0, 1.5 * dataset.sizes["case"]))
    for axes in (left, middle, right):
        axes.set_xticks(range(len(least)), [f"{b:g}" for b in least])
        axes.set_xlabel("teacher's strength at the farthest synapse")
    letter(left, "A", "printed rule: no gradient")
    letter(middle, "B", "but close to one")
    letter(right, "C", "where it comes to rest")
    bare(left, middle, right)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """A gradient for an exponential, a predicted curl, a certificate, and the convex cost."""
    certified = int(np.nansum(dataset["complex"].values))
    return [
        Claim.below(
            "A: for an exponential transfer function the attenuated rule is an exact gradient"
            " (largest antisymmetric entry of the Jacobian)",
            float(dataset["exponential_curl"].max()),
            1e-12,
        ),
        Claim.below(
            "A: for the sigmoid its antisymmetric part is (b_i - b_j) A_ij/2 (largest deviation)",
            float(dataset["predicted"].max()),
            1e-10,
        ),
        Claim.above(
            "A: which is not 0 (smallest mean share of the Jacobian)",
            float(dataset["curl"].mean("case").min()),
            0.005,
        ),
        Claim.above(
            "B: the printed natural rule lowers the cost of the attenuated sufficient statistic at"
            " every point looked at (share of points)",
            float(dataset["descends"].mean()),
            1,
            inclusive=True,
        ),
        Claim.below(
            "B: and makes a few degrees with its natural gradient (mean)",
            float(dataset["angle"].mean()),
            10,
        ),
        Claim.above(
            "C: that cost is convex: it has its minimum for every teacher (share)",
            float(dataset["statistic_fixed"].mean()),
            1,
            inclusive=True,
        ),
        Claim.above(
            "C: at fixed points of the printed rule the Jacobian can have complex eigenvalues:"
            " there no cost with a continuous metric exists (certified teachers)",
            certified,
            1,
            inclusive=True,
        ),
    ]
