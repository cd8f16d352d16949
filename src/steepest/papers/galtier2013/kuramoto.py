"""Kuramoto oscillators: couplings come back from incoherent phases, and not from locked ones

theta_i' = w_i + sum_j K_ij sin(theta_j - theta_i). The relative entropy of a series of phases is a
quadratic cost of couplings and frequencies. Incoherent phases give both back. Phase-locked ones
show one state and leave the couplings undetermined: they are refused, with the reason. Transients,
pooled over runs that end locked, give the couplings back again.
"""

import json
from dataclasses import asdict, dataclass, replace

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.errors import DataError
from steepest.papers.galtier2013._errors import relative_error
from steepest.pictures import LINE_COLOURS, bare, letter
from steepest.recurrent import Inputs, Kuramoto, KuramotoEntropy, pooled, rk4, simulate
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The oscillators, and how long they are seen."""

    oscillators: int = parameter(6, "number of oscillators")
    phases: int = parameter(20_000, "samples of an incoherent run")
    transients: int = parameter(20, "runs pooled before they lock")
    step: float = parameter(0.01, "time step", "time")


QUICK = replace(Parameters(), phases=6000)
_SHOWN = 3000  # samples


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Couplings from an incoherent run and from pooled transients; `seed` draws them and phases."""
    random, n, dt = np.random.default_rng(seed), parameters.oscillators, parameters.step
    coupling = random.uniform(0.5, 1.5, (n, n)) / n
    np.fill_diagonal(coupling, 0)

    def phases(spread: float, strength: float, steps: int) -> tuple[Inputs, np.ndarray]:
        network = Kuramoto(spread * np.linspace(-1, 1, n))
        start = random.uniform(0, 2 * np.pi, n)
        path = simulate(network, strength * coupling, start, dt, steps, integrator=rk4)
        return Inputs.sampled(path, dt), path

    incoherent, path = phases(4.0, 1.0, parameters.phases)
    free = KuramotoEntropy(incoherent).minimum().coupling
    locked, locked_path = phases(0.3, 4.0, 4000)
    tail = Inputs(locked.states[3000:], locked.velocities[3000:], dt, periodic=False)
    runs = [phases(0.3, 4.0, 150)[0] for _ in range(parameters.transients)]
    together = KuramotoEntropy(pooled(runs)).minimum().coupling / 4.0
    rate = {"units": "1/time"}
    order = np.stack([_order(path[:_SHOWN]), _order(locked_path[:_SHOWN])])
    dataset = xr.Dataset(
        {
            "truth": (("post", "pre"), coupling, rate),
            "coupling": (("phases", "post", "pre"), np.stack([free, together]), rate),
            "order": (("coupled", "time"), order),
        },
        coords={
            "phases": ["incoherent", "pooled transients"],
            "coupled": ["weak", "strong"],
            "time": ("time", np.arange(order.shape[1]) * dt, {"units": "time"}),
        },
        attrs={"refusal": _refusal(tail)},
    )
    return stamp(dataset, parameters, seed)


def _order(theta: np.ndarray) -> np.ndarray:
    """|mean of exp(i theta)|: 1 where all phases are the same."""
    return np.abs(np.exp(1j * theta).mean(axis=1))


def _refusal(inputs: Inputs) -> str:
    """Why the couplings cannot be learned from the inputs; empty if they can."""
    try:
        KuramotoEntropy(inputs).minimum()
    except DataError as error:
        return str(error)
    return ""


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """a the order of the phases, b learned against true couplings."""
    figure = matplotlib.figure.Figure(figsize=(8.4, 3.4), layout="constrained")
    a, b = figure.subplots(1, 2, width_ratios=(1.3, 1))
    for kind, colour in zip(("weak", "strong"), LINE_COLOURS, strict=False):
        curve = dataset["order"].sel(coupled=kind)
        a.plot(dataset["time"], curve, color=colour, lw=1, label=f"{kind} coupling")
    last = float(dataset["time"][-1])
    a.annotate(
        "locked: refused", (0.97 * last, 0.93), ha="right", va="top", fontsize=8,
        color=LINE_COLOURS[1],
    )  # fmt: skip
    letter(a, "a", "order of the phases")
    a.set(xlabel="time", ylabel="|mean of exp(iθ)|", ylim=(0, 1.25))
    a.legend(frameon=False, fontsize=8, ncols=2, loc="upper center", handlelength=1.2)
    off = ~np.eye(dataset.sizes["post"], dtype=bool)
    truth = dataset["truth"].values[off]
    ends = np.array([0.9 * truth.min(), 1.1 * truth.max()])
    b.plot(ends, ends, color="0.7", lw=0.8, zorder=0)
    for phases, mark, colour in zip(dataset["phases"].values, "ox", LINE_COLOURS, strict=False):
        learned = dataset["coupling"].sel(phases=phases).values[off]
        b.plot(truth, learned, mark, color=colour, ms=4.5, mfc="none", label=phases)
    letter(b, "b", "couplings")
    b.set(xlabel="true K (1/time)", ylabel="learned K (1/time; pooled: of 4 K)")
    b.legend(frameon=False, fontsize=8)
    bare(a, b)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """What comes back, and what is refused."""
    truth = dataset["truth"].values
    known = asdict(Parameters())
    chosen = json.loads(dataset.attrs["parameters"])
    tested = all(chosen[name] == known[name] for name in known if name != "phases")
    incoherent, transients = (
        relative_error(dataset["coupling"].sel(phases=phases).values, truth)
        for phases in ("incoherent", "pooled transients")
    )
    return [
        Claim.below(
            "Kuramoto: incoherent phases give the couplings (error; the central difference's)",
            incoherent,
            5e-3,
            tested=tested,
        ),
        # A text.
        Claim(
            statement="Kuramoto: phase-locked oscillators are refused with the reason",
            expected="phase-locked",
            measured=dataset.attrs["refusal"][:60],
            holds="phase-locked" in dataset.attrs["refusal"],
        ),
        Claim.below(
            "Kuramoto: pooled transients give the couplings (error)",
            transients,
            5e-3,
            tested=tested,
        ),
    ]
