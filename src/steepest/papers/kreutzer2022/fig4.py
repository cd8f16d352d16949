"""Democratic plasticity: learning is scaled to the distance from the soma (Fig 4)

A single synapse receives Poisson spikes at 5 Hz and its neuron a teacher's at 20 Hz, for 5 s. At
the distance d its dendritic amplitude starts scaled up by 1/alpha(d): the soma sees 3 mV from
everywhere. A: EPSPs of two such synapses before and after learning. B: their weights. C: change of
the dendritic amplitude against the distance, absolute and relative. All synapses get the same
spikes. The natural change is alpha-independent at the soma, relative to the weight everywhere, and
so proportional to 1/alpha at the dendrite; the Euclidean one, made at dendrites, is relatively
smaller by alpha^2.

The text gives alpha = exp(-d/lambda), the caption "inverse distance"; the same simulations serve
both, as only alpha enters: the distance is read off each profile.
"""

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.arrays.repetitions import mean_and_error
from steepest.geometry import Pullback, Scaling
from steepest.pictures import INK, RULE_COLOURS, bare, letter
from steepest.spiking import (
    Afferents,
    EuclideanRule,
    FixedRateTeacher,
    MetricRule,
    PoissonNeuron,
    Task,
    simulate_dense,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The conditions of Sec 6.4.2; learning rates and attenuation lengths are not given there."""

    rate: float = parameter(5.0, "rate of the afferent", "Hz")
    teacher: float = parameter(20.0, "rate of the teacher", "Hz")
    weight: float = parameter(0.05, "initial somatic weight, an EPSP of 3 mV")
    duration: float = parameter(5.0, "how long the synapse learns", "s")
    inverse_attenuations: tuple[float, ...] = parameter(
        (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 8.5, 10.0), "1/alpha of the synapses"
    )
    examples: tuple[float, float] = parameter((3.0, 7.0), "1/alpha of the synapses of A and B")
    length: float = parameter(200.0, "lambda of alpha = exp(-d/lambda)", "um")
    half: float = parameter(51.1, "d0 of alpha = d0/(d0 + d), 1/10 at 460 um", "um")
    natural_rate: float = parameter(0.02, "natural learning rate", "1/s")
    euclidean_rate: float = parameter(2e-5, "Euclidean learning rate", "1")
    trials: int = parameter(200, "repetitions with other spikes")


QUICK = Parameters(inverse_attenuations=(1.0, 3.0, 7.0), trials=20)


_RECORDS = 100


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Dendritic weights in time, of every synapse, for both rules, with shared spikes."""
    neuron = PoissonNeuron()
    task = Task(neuron, Afferents.steady([parameters.rate]), FixedRateTeacher(parameters.teacher))
    inverse = np.array(parameters.inverse_attenuations)
    charts = [Scaling(np.array([1 / factor])) for factor in inverse]
    # Steepest descent in dendritic weights: in their Fisher metric, and in the Euclidean one.
    rules = {
        "natural": ([MetricRule(Pullback(task.fisher(), c)) for c in charts],
                    parameters.natural_rate),
        "Euclidean": ([EuclideanRule()] * len(charts), parameters.euclidean_rate),
    }  # fmt: skip
    weights = np.stack(
        [
            [
                simulate_dense(
                    task,
                    rule,
                    np.full((parameters.trials, 1), parameters.weight * factor),
                    rate=eta,
                    duration=parameters.duration,
                    seed=seed,
                    record=_RECORDS,
                    chart=chart,
                ).weights[:, :, 0]
                for rule, chart, factor in zip(each, charts, inverse, strict=True)
            ]
            for each, eta in rules.values()
        ]
    )
    times = np.linspace(0, parameters.duration, weights.shape[2])
    delay = np.linspace(0, 0.06, 181)
    m, s = (float(tau) for tau in neuron.kernel.time_constants)
    epsp = float(neuron.kernel.integral) * (np.exp(-delay / m) - np.exp(-delay / s)) / (m - s)
    dataset = xr.Dataset(
        {
            "dendritic": (("rule", "inverse_attenuation", "time", "trial"), weights),
            "epsp": ("delay", epsp, {"units": "mV", "long_name": "at a weight of 1"}),
            "exponential_distance": (
                "inverse_attenuation", parameters.length * np.log(inverse), {"units": "um"},
            ),
            "inverse_distance": (
                "inverse_attenuation", parameters.half * (inverse - 1), {"units": "um"},
            ),
        },
        coords={
            "rule": list(rules),
            "inverse_attenuation": ("inverse_attenuation", inverse),
            "time": ("time", times, {"units": "s"}),
            "delay": ("delay", delay, {"units": "s"}),
        },
        attrs={"examples": parameters.examples},
    )  # fmt: skip
    return stamp(dataset, parameters, seed)


def _relative(dataset: xr.Dataset) -> xr.DataArray:
    """Relative change of every synapse (rule, 1/alpha, trial) at the end."""
    w = dataset["dendritic"]
    return w.isel(time=-1) / w.isel(time=0) - 1


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """EPSPs at dendrite and soma, weights in time, and changes against the distance."""
    figure = matplotlib.figure.Figure(figsize=(11.5, 6.6), layout="constrained")
    grid = figure.add_gridspec(2, 3)
    shades = ("#e8767f", RULE_COLOURS["natural"])  # lighter and full
    at_dendrite, at_soma = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    traces = figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[1, 1])
    absolute, relative = figure.add_subplot(grid[0, 2]), figure.add_subplot(grid[1, 2])
    natural = dataset["dendritic"].sel(rule="natural").isel(trial=0)
    delay, epsp = dataset["delay"] * 1e3, dataset["epsp"]
    for inverse, colour in zip(dataset.attrs["examples"], shades, strict=True):
        w = natural.sel(inverse_attenuation=inverse)
        for axes, alpha in ((at_dendrite, 1.0), (at_soma, 1 / inverse)):
            axes.plot(delay, alpha * w[0] * epsp, color=colour, label=f"$1/\\alpha$ = {inverse:g}")
            axes.plot(delay, alpha * w[-1] * epsp, "--", color=colour)
        for axes, alpha in zip(traces, (1.0, 1 / inverse), strict=True):
            axes.plot(dataset["time"], alpha * w, color=colour, linewidth=2.4 if alpha == 1 else
                      (3.4 if inverse == min(dataset.attrs["examples"]) else 1.4))  # fmt: skip
    at_dendrite.set(ylabel="EPSP at the dendrite (mV)", xlim=(0, 60))
    at_soma.set(xlabel="time since the spike (ms)", ylabel="EPSP at the soma (mV)", xlim=(0, 60))
    at_dendrite.legend(frameon=False, title="before (solid), after (dashed)", fontsize=9)
    traces[0].set(ylabel="dendritic weight")
    traces[1].set(xlabel="time (s)", ylabel="somatic weight")
    change = _relative(dataset)
    count = dataset.sizes["trial"]
    for rule in ("natural", "Euclidean"):
        each = change.sel(rule=rule)
        start = dataset["dendritic"].sel(rule=rule).isel(time=0, trial=0)
        error = each.std("trial", ddof=1) / np.sqrt(count)
        mean = each.mean("trial")
        for where, style, name in (
            ("exponential_distance", "o-", r"$e^{-d/\lambda}$"),
            ("inverse_distance", "s--", r"$d_0/(d_0+d)$"),
        ):
            options = {"fmt": style, "color": RULE_COLOURS[rule], "markersize": 4, "linewidth": 1.2}
            label = f"{rule}, $\\alpha$ = {name}"
            absolute.errorbar(dataset[where], mean * start, error * start, label=label, **options)
            relative.errorbar(dataset[where], mean * 100, error * 100, **options)
    absolute.set(ylabel="change of the dendritic weight")
    absolute.legend(frameon=False, fontsize=8)
    relative.set(xlabel=r"distance from the soma ($\mu$m)", ylabel="relative change (%)")
    relative.set_yscale("log")
    for axes, name in zip((at_dendrite, traces[0], absolute), "ABC", strict=True):
        letter(axes, name)
    for axes in (*traces, absolute, relative):
        axes.margins(x=0.03)
    bare(at_dendrite, at_soma, *traces, absolute, relative)
    at_soma.axhline(0, color=INK, linewidth=0.4)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Natural changes do not depend on the distance at the soma; Euclidean ones do, as alpha^2."""
    change = _relative(dataset)
    inverse = dataset["inverse_attenuation"].values
    near = change.sel(inverse_attenuation=1.0)
    natural, euclidean = change.sel(rule="natural"), change.sel(rule="Euclidean")
    spread = np.abs(natural - near.sel(rule="natural")).max()
    size = np.abs(natural).max()
    start = dataset["dendritic"].sel(rule="natural").isel(time=0)
    absolute = (natural * start).mean("trial").values
    ltp, error = mean_and_error(natural.isel(inverse_attenuation=0).values)
    ratio = (euclidean.mean("trial") / near.sel(rule="Euclidean").mean("trial")).values
    w = dataset["dendritic"].sel(rule="natural")
    examples = list(dataset.attrs["examples"])
    somatic = (w / dataset["inverse_attenuation"]).sel(inverse_attenuation=examples)
    return [
        Claim.close(
            "Natural: the relative change of the dendritic amplitude does not depend on the"
            " distance, spike train by spike train (greatest difference over size, to 1e-9)",
            0.0,
            float(spread / size),
            1e-9,
        ),
        Claim.close(
            "so the absolute change is proportional to 1/alpha (each 1/alpha, relative to the"
            " synapse at the soma, to 1e-9)",
            inverse,
            absolute / absolute[inverse == 1.0],
            1e-9,
        ),
        Claim.close(
            "and the somatic EPSPs of the two example synapses change alike, at all times"
            " (greatest difference of weights, to 1e-12)",
            0.0,
            float(np.abs(somatic.diff("inverse_attenuation")).max()),
            1e-12,
        ),
        Claim.above(
            "The synapse is potentiated: mean relative change after learning (more than"
            " 4 standard errors)",
            float(ltp),
            0,
            standard_error=float(error),
            by=4,
        ),
        Claim.close(
            "Euclid, learning at the dendrite: the relative change falls as alpha^2 (each ratio"
            " to the synapse at the soma times 1/alpha^2, to 5 %)",
            np.ones(len(inverse)),
            ratio * inverse**2,
            0.05,
        ),
    ]
