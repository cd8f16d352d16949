"""A recurrent network under Dale's law that adds up evidence

Two channels send pulses at random; at the end a network of excitatory and inhibitory neurons says
which sent more. Every neuron's outgoing weights have one sign, which exponentiated gradient keeps
of itself and gradient descent by projection at 0. A: the loss while learning. B: accuracy on unseen
trials, network by network. C: the sizes of the recurrent weights before and after.

The paper finds that exponentiated gradient learns better under Dale's law. Here both learn, and at
these rates and lengths projected gradient descent is ahead; what exponentiated gradient gains for
certain is that no weight is lost at 0.
"""

from dataclasses import dataclass
from typing import Any

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.arrays.repetitions import standard_error
from steepest.optimizers import require_torch
from steepest.papers.cornford2024._digits import (
    COLOURS,
    descend,
)
from steepest.papers.pogodin2024._networks import one_thread
from steepest.pictures import INK, bare, letter
from steepest.progress import track
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]

_RULES = ("EG", "projected GD")
_BATCH = 64
_TESTED = 2000


@dataclass(frozen=True)
class Parameters:
    """The task, the network, and how it is trained (small; the paper's networks are larger)."""

    times: int = parameter(20, "time steps of a trial")
    hidden: int = parameter(80, "recurrent neurons")
    excitatory: float = parameter(0.8, "share of them that excite")
    steps: int = parameter(1500, "steps of batches of 64 trials")
    eg_rate: float = parameter(2.0, "rate of exponentiated gradient")
    gd_rate: float = parameter(0.3, "rate of projected gradient descent")
    seeds: int = parameter(6, "networks")


QUICK = Parameters(times=10, hidden=30, steps=500, seeds=3)


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Loss, accuracy, and recurrent weights for every rule and network."""
    torch = require_torch("training networks")
    shape = (len(_RULES), parameters.seeds)
    loss = np.full((*shape, parameters.steps), np.nan)
    right, flips, lost = (np.full(shape, np.nan) for _ in range(3))
    sizes = np.full((len(_RULES) + 1, parameters.hidden**2), np.nan)
    rates = {"EG": parameters.eg_rate, "projected GD": parameters.gd_rate}
    with one_thread():
        for rule, s in track([*np.ndindex(*shape)], "Networks"):
            generator = torch.Generator().manual_seed(seed + s)
            model = _network(parameters, generator)
            start = model.cell.recurrent.weight.detach().double().numpy().copy()
            losses: list[float] = []

            def trial_loss(_: int, model: Any = model, draws: Any = generator, told: Any = losses):
                pulses, answer = _trials(_BATCH, parameters.times, draws)
                error = torch.nn.functional.cross_entropy(model(pulses), answer)
                told.append(float(error.detach()))
                return error

            descend(model, _RULES[rule], rates[_RULES[rule]], trial_loss, parameters.steps)
            loss[rule, s] = losses
            with torch.no_grad():
                fresh = torch.Generator().manual_seed(10_000 + seed + s)
                pulses, answer = _trials(_TESTED, parameters.times, fresh)
                right[rule, s] = float((model(pulses).argmax(1) == answer).double().mean())
            end = model.cell.recurrent.weight.detach().double().numpy()
            flips[rule, s], lost[rule, s] = np.mean(start * end < 0), np.mean(end == 0)
            if s == 0:
                with np.errstate(divide="ignore"):
                    both = [np.log10(np.abs(w)).ravel() for w in (start, end)]
                sizes[0], sizes[rule + 1] = both
    dataset = xr.Dataset(
        {
            "loss": (("rule", "network", "step"), loss),
            "accuracy": (("rule", "network"), right),
            "flips": (("rule", "network"), flips),
            "lost": (("rule", "network"), lost),
            "log_size": (("shown", "weight"), np.where(np.isfinite(sizes), sizes, np.nan)),
        },
        coords={"rule": list(_RULES), "shown": ["start", *_RULES]},
    )
    return stamp(dataset, parameters, seed)


def _network(parameters: Parameters, generator: Any) -> Any:
    """Recurrent neurons under Dale's law, and a readout of both signs of all of them."""
    torch = require_torch("training networks")
    from steepest.optimizers import DaleRNNCell, lognormal_

    class Evidence(torch.nn.Module):
        """Reads pulses step by step, and answers at the end."""

        def __init__(self) -> None:
            super().__init__()
            self.cell = DaleRNNCell(
                2, parameters.hidden, excitatory=parameters.excitatory, generator=generator
            )
            self.readout = torch.nn.Linear(parameters.hidden, 2)
            lognormal_(self.readout.weight, generator=generator)
            torch.nn.init.zeros_(self.readout.bias)

        def forward(self, pulses: Any) -> Any:
            hidden = None
            for now in pulses.unbind(1):
                hidden = self.cell(now, hidden)
            return self.readout(hidden)

    return Evidence()


def _trials(count: int, times: int, generator: Any) -> tuple[Any, Any]:
    """Pulses (count, times, 2) of two channels, and which sends more (a tie is no trial)."""
    torch = require_torch("training networks")
    chances = torch.rand(count, 1, 2, generator=generator) * 0.6 + 0.2
    pulses = (torch.rand(count, times, 2, generator=generator) < chances).float()
    counts = pulses.sum(1)
    ties = counts[:, 0] == counts[:, 1]
    pulses[ties, 0, 0] = 1 - pulses[ties, 0, 0]
    counts = pulses.sum(1)
    return pulses, (counts[:, 1] > counts[:, 0]).long()


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A: loss; B: accuracy; C: sizes of recurrent weights."""
    figure = matplotlib.figure.Figure(figsize=(11, 3.6), layout="constrained")
    losses, right, sizes = figure.subplots(1, 3)
    width = max(1, dataset.sizes["step"] // 50)
    for at, rule in enumerate(_RULES):
        here = dataset.sel(rule=rule)
        smooth = here["loss"].coarsen(step=width, boundary="trim").mean()
        steps = np.arange(smooth.sizes["step"]) * width
        for s in range(dataset.sizes["network"]):
            losses.plot(steps, smooth.isel(network=s), color=COLOURS[rule], lw=1.2,
                        label=rule if s == 0 else None)  # fmt: skip
        values = 100 * here["accuracy"].values
        right.plot(at + np.linspace(-0.15, 0.15, len(values)), values, "o", color=COLOURS[rule])
    losses.set(xlabel="step", ylabel="cross entropy", yscale="log")
    losses.legend(frameon=False, fontsize=8)
    right.set_xticks([0, 1], list(_RULES))
    right.set(xlim=(-0.6, 1.6), ylabel="accuracy on unseen trials (%)")
    bins = np.linspace(-4, 0.5, 40).tolist()
    for name in ("start", *_RULES):
        values = dataset["log_size"].sel(shown=name).values
        sizes.hist(values[np.isfinite(values)], bins=bins, histtype="step", density=True,
                   color=COLOURS.get(name, INK), label=name, lw=1.6)  # fmt: skip
    sizes.set(xlabel="log10 |w|, recurrent", ylabel="density")
    sizes.legend(frameon=False, fontsize=8, loc="upper left")
    for axes, name, title in (
        (losses, "A", "Learning"), (right, "B", "Unseen trials"), (sizes, "C", "Recurrent weights")
    ):  # fmt: skip
        letter(axes, name, title)
    bare(losses, right, sizes)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Signs are kept, evidence is added up, and projection loses weights."""
    gap = 100 * (dataset["accuracy"].sel(rule="EG") - dataset["accuracy"].sel(rule="projected GD"))
    return [
        Claim.below(
            "Dale's law holds after learning (share of signs that changed)",
            dataset["flips"].max(),
            0,
            inclusive=True,
        ),
        Claim.above(
            "Networks learn to add up evidence (lowest accuracy, %)",
            100 * dataset["accuracy"].min(),
            65,
        ),
        Claim.below(
            "Exponentiated gradient loses no weight (share at 0)",
            dataset["lost"].sel(rule="EG").max(),
            0,
            inclusive=True,
        ),
        Claim.above(
            "Projection loses some (share of recurrent weights that ends at 0)",
            dataset["lost"].sel(rule="projected GD").mean(),
            0.001,
        ),
        Claim.above(
            "Not at this scale: exponentiated gradient learns better under Dale's law (accuracy,"
            " difference in %). Larger networks, and rates chosen for each rule, would test it",
            gap.mean(),
            0,
            standard_error=standard_error(gap.values),
            by=2,
            tested=False,
        ),
    ]  # fmt: skip
