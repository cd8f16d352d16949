"""Frozen input, and the spikes of a teacher and a student in response to it (Fig 3B-C)."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Int
from scipy.signal import fftconvolve

from steepest.papers.kreutzer2022._schemes import STUDENT, TEACHER
from steepest.pictures import bare
from steepest.spiking import PoissonNeuron

__all__ = ["Responses", "draw_responses", "respond"]

_PAST = 0.2  # s of input before the shown piece, so that USPs are stationary


@dataclass(frozen=True, eq=False)
class Responses:
    """Voltage (mV) and spike counts per bin of neurons with other weights, to the same input."""

    voltage: Float[np.ndarray, "neuron steps"]
    spikes: Int[np.ndarray, "neuron repetition steps"]


def respond(
    neuron: PoissonNeuron,
    rates: Float[np.ndarray, " n"],
    weights: Float[np.ndarray, "neuron n"],
    duration: float,
    repetitions: int,
    seed: int,
    dt: float = 5e-4,
) -> Responses:
    """One piece of input of `duration` s, and output spikes drawn `repetitions` times from it."""
    random = np.random.default_rng([seed, 3])
    past, steps = round(_PAST / dt), round(duration / dt)
    counts = random.poisson(rates * dt, (past + steps, len(rates)))
    with jax.enable_x64(True):
        kernel = np.asarray(neuron.kernel(np.arange(past) * dt))
        usps = fftconvolve(counts, kernel[:, None], axes=0)[past : past + steps]
        voltage = weights @ usps.T
        expected = np.asarray(neuron.rate(voltage)) * dt
    shape = (len(weights), repetitions, steps)
    return Responses(voltage, random.poisson(expected[:, None, :], shape))


def draw_responses(
    raster: Any, histogram: Any, trace: Any, time: np.ndarray, bins: Any, pair: dict[str, Any]
) -> None:
    """Raster, PSTH and voltage of teacher and student; `pair` has both's spikes, psth, voltage."""
    for index, (name, colour) in enumerate((("teacher", TEACHER), ("student", STUDENT))):
        spikes = pair["spikes"][index][:20]
        row, step = np.nonzero(spikes)
        raster.plot(time[step] * 1e3, row + 21 * (1 - index), "|", color=colour, markersize=3.2)
        histogram.stairs(pair["psth"][index], bins * 1e3, color=colour, linewidth=1.6, label=name)
        trace.plot(time * 1e3, pair["voltage"][index], color=colour, linewidth=1.4)
    raster.set(ylim=(-1, 42), yticks=[])
    raster.spines["left"].set_visible(False)
    trace.set(xlabel="time (ms)")
    for axes in (raster, histogram, trace):
        axes.set_xlim(0, time[-1] * 1e3)
    bare(raster, histogram, trace)
