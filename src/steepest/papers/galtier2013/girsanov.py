"""Girsanov: the relative entropy of two noisy networks, by its drifts and by likelihood ratios

The law of a path with drift Q, seen from the law of one with drift P and the same diffusion matrix
D, has relative entropy T E[|Q - P|^2]/4 in the metric of D (Eq 13), which is also the mean of
ln dQ/dP along paths of Q. Both are measured for drifts -2x and -x, either way, and compared with
the exact values. Between laws of different diffusion matrices it does not exist, and is refused.

Eq 12 as printed has the wrong sign; Eq 13 is right.
"""

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.errors import UsageError
from steepest.pictures import INK, LINE_COLOURS, bare
from steepest.recurrent import linear_network, path_entropy, simulate
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """One unit with noise, and the paths over which both forms are averaged."""

    diffusion: float = parameter(0.125, "D", "1/time")
    step: float = parameter(0.002, "time step", "time")
    steps: int = parameter(2500, "their number")
    copies: int = parameter(4000, "paths")


QUICK = Parameters(copies=2000)
_WAYS = {"Q slower": (2.0, 1.0), "Q faster": (1.0, 2.0)}
# Exact for 5 units of time: E[x^2] is D/q, so T E[(q - p)^2 x^2]/(4 D) = T (q - p)^2/(4 q).
_EXACT = (("Q slower", "-2x to -x", 0.625), ("Q faster", "-x to -2x", 1.25))
_FORMS = ("Eq 13", "E ln dQ/dP")


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Both forms, both ways, over stationary paths; and whether two matrices are refused."""
    p, diffusion = parameters, np.array([[parameters.diffusion]])
    entropies, errors = [], []
    for q, other in _WAYS.values():
        spread = np.sqrt(p.diffusion / q)
        start = np.random.default_rng(seed + 7).normal(0, spread, (p.copies, 1))
        paths = simulate(
            linear_network(q), np.zeros((1, 1)), start, p.step, p.steps, diffusion=diffusion,
            seed=seed + 8,
        )  # fmt: skip
        entropy = path_entropy(
            lambda x, q=q: -q * x, lambda x, other=other: -other * x, paths, p.step, diffusion
        )
        entropies.append([entropy.quadratic, entropy.log_ratio])
        errors.append([entropy.quadratic_error, entropy.log_ratio_error])
    nats = {"units": "nat"}
    dataset = xr.Dataset(
        {
            "girsanov": (("way", "form"), np.array(entropies), nats),
            "girsanov_error": (("way", "form"), np.array(errors), nats),
            "refused": ((), _refused(diffusion)),
        },
        coords={"way": list(_WAYS), "form": list(_FORMS)},
    )
    return stamp(dataset, parameters, seed)


def _refused(diffusion: np.ndarray) -> int:
    """1 if the entropy between laws of different diffusion matrices is refused."""
    try:
        path_entropy(lambda x: -x, lambda x: x, np.zeros((3, 2, 1)), 0.1, diffusion, 2 * diffusion)
    except UsageError:
        return 1
    return 0


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """Both forms, both ways, with 3 standard errors, on the exact values."""
    figure = matplotlib.figure.Figure(figsize=(5.2, 3.4), layout="constrained")
    axes = figure.subplots()
    for place, (_, _, exact) in enumerate(_EXACT):
        axes.plot([place - 0.3, place + 0.3], [exact, exact], color=INK, lw=1,
                  label="" if place else "exact")  # fmt: skip
    for offset, form, colour in zip((-0.12, 0.12), _FORMS, LINE_COLOURS, strict=False):
        measured = dataset["girsanov"].sel(form=form)
        wide = 3 * dataset["girsanov_error"].sel(form=form)
        axes.errorbar(np.arange(2) + offset, measured, wide, fmt="o", color=colour, label=form)
    axes.set(
        xticks=range(2), xticklabels=[f"drift {name}" for _, name, _ in _EXACT], xlim=(-0.6, 1.6)
    )
    axes.set(ylabel="relative entropy (nat)", ylim=(0, 1.6))
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    bare(axes)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Both forms give the exact relative entropy; different diffusion matrices are refused."""
    return [
        Claim.close(
            "Different diffusion matrices are refused in the relative entropy (1: yes)",
            1,
            int(dataset["refused"]),
            0,
        ),
        *(
            Claim.near(
                f"Girsanov: relative entropy of drift {name}, by {form} (3 SE)",
                exact,
                float(dataset["girsanov"].sel(way=way, form=form)),
                float(dataset["girsanov_error"].sel(way=way, form=form)),
            )
            for way, name, exact in _EXACT
            for form in _FORMS
        ),
    ]
