"""The first artificial example: the same cost descended in x and in the square root of x

The cost (x - 1)^2 is descended from x = 2, once naively in x and once naively in the coordinate
sqrt(x), which is as good a name for the same quantity. The two predictions differ: what looks like
"no choice of metric" was a different choice each time. Followed with the metric of x, the flow in
the coordinate sqrt(x) is the flow in x.

Errata. The printed second solution, 1/(exp(-8t)/2 + 1), has a sign error (it starts at 2/3 instead
of 2; drawn dotted): right is 1/(1 - exp(-8t)/2). In the printed transformation of the vector field
the factor must be the derivative of sqrt(x) with respect to x, not that of the cost.
"""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from steepest.descent import gradient_flow
from steepest.geometry import Elementwise, Euclidean, Pullback
from steepest.papers._alternatives import alternatives
from steepest.pictures import LINE_COLOURS, bare
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """How long the flows are followed; cost, start and coordinate are the paper's."""

    duration: float = parameter(1.0, "time followed, at learning rate 1")
    step: float = parameter(0.01, "time between the recorded points")


QUICK = Parameters()

_START = 2.0
_TIGHT: dict[str, Any] = {"rtol": 1e-11, "atol": 1e-13}


class Cost(eqx.Module):
    """(x - 1)^2 as a function of the coordinate y, where x = y^power."""

    power: np.ndarray

    def __call__(self, coordinate: Float[Array, "1"]) -> Float[Array, ""]:
        return jnp.sum((coordinate**self.power - 1) ** 2)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """The flows naive in x, naive in sqrt(x), and in sqrt(x) with the metric of x; all told in x.

    Nothing is random: `seed` is only recorded.
    """
    times = np.linspace(0, parameters.duration, round(parameters.duration / parameters.step) + 1)
    euclidean, of_root, of_square = alternatives(
        [
            Euclidean(),
            Pullback(Euclidean(), Elementwise(jnp.sqrt, jnp.square)),
            Pullback(Euclidean(), Elementwise(jnp.square, jnp.sqrt)),
        ]
    )
    cost, cost_of_root = Cost(np.array(1.0)), Cost(np.array(2.0))

    def follow(cost, metric, start):
        return gradient_flow(cost, metric, [start], times, **_TIGHT).points[:, 0]

    naive_root = follow(cost_of_root, euclidean, np.sqrt(_START))
    metric_of_x = follow(cost_of_root, of_square, np.sqrt(_START))
    dataset = xr.Dataset(
        {
            "x": (
                ("flow", "time"),
                np.array(
                    [
                        follow(cost, euclidean, _START),
                        naive_root**2,
                        metric_of_x**2,
                        follow(cost, of_root, _START),
                    ]
                ),
            ),
            "printed_root": (
                "time",
                1 / (np.exp(-8 * times) / 2 + 1),
                {"long_name": "the paper's second solution, with its sign error"},
            ),
        },
        coords={
            "flow": [
                "naive in x",
                "naive in sqrt(x)",
                "in sqrt(x), metric of x",
                "in x, metric of sqrt(x)",
            ],
            "time": times,
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """x against time: both naive flows, the transported one on top of the first, the misprint."""
    figure = matplotlib.figure.Figure(figsize=(7.2, 4.4), layout="constrained")
    axes = figure.subplots()
    x, time = dataset["x"], dataset["time"]
    axes.plot(
        time,
        x.sel(flow="naive in x"),
        color=LINE_COLOURS[1],
        linewidth=2.4,
        label="naive in x:  1 + exp(-2t)",
    )
    axes.plot(
        time[::8],
        x.sel(flow="in sqrt(x), metric of x")[::8],
        "o",
        color=LINE_COLOURS[1],
        markerfacecolor="white",
        label="computed in $\\sqrt{x}$ with the metric of x",
    )
    axes.plot(
        time,
        x.sel(flow="naive in sqrt(x)"),
        color=LINE_COLOURS[0],
        linewidth=2.4,
        label="naive in $\\sqrt{x}$:  1 / (1 - exp(-8t)/2)",
    )
    axes.plot(
        time,
        dataset["printed_root"],
        ":",
        color=LINE_COLOURS[0],
        label="as printed (sign error):  1 / (1 + exp(-8t)/2)",
    )
    axes.axhline(1, color="black", linewidth=0.6)
    axes.set(
        xlabel="time (at learning rate 1)",
        ylabel="x",
        ylim=(0.6, 2.05),
        title="One cost, (x - 1)$^2$, descended from x = 2",
    )
    bare(axes)
    axes.legend(frameon=False)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The paper's two solutions, the second with its sign corrected, and how they transform."""
    x, time = dataset["x"], dataset["time"]
    naive, naive_root = x.sel(flow="naive in x"), x.sel(flow="naive in sqrt(x)")

    def agree(statement, values, other):
        return Claim.close(
            f"{statement} (greatest difference, to 1e-8)", 0.0, np.abs(values - other).max(), 1e-8
        )

    stated = [
        agree("Naive descent in x: x(t) = 1 + exp(-2t)", naive, 1 + np.exp(-2 * time)),
        agree(
            "Naive descent in the coordinate sqrt(x): it follows 1/sqrt(1 - exp(-8t)/2)",
            np.sqrt(naive_root),
            1 / np.sqrt(1 - np.exp(-8 * time) / 2),
        ),
        agree(
            "Erratum: printed is x(t) = 1/(exp(-8t)/2 + 1), which starts at 2/3; right is"
            " x(t) = 1/(1 - exp(-8t)/2)",
            naive_root,
            1 / (1 - np.exp(-8 * time) / 2),
        ),
        agree(
            "Transformed as a vector, by the derivative of sqrt(x) (erratum: printed with that of"
            " the cost), the flow in sqrt(x) is the flow in x",
            x.sel(flow="in sqrt(x), metric of x"),
            naive,
        ),
        agree(
            "Naive descent in sqrt(x) is descent in x with another metric, 1/(4x)",
            x.sel(flow="in x, metric of sqrt(x)"),
            naive_root,
        ),
    ]
    at = x.sel(time=0.1, method="nearest")
    recorded = bool(np.isclose(at["time"], 0.1))
    for flow, expected in (("naive in x", 1.8187308), ("naive in sqrt(x)", 1.2897642)):
        words = f"x(0.1), {flow} (to 1e-6)"
        stated.append(Claim.close(words, expected, at.sel(flow=flow), 1e-6, tested=recorded))
    return stated
