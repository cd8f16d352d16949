"""Are all three terms needed? What becomes of the network when one is left out

The rule is the sum of STDP, a Hebbian term and synaptic scaling. Each is left out in turn. a: where
the weights go. Without STDP or without the Hebbian term they arrive somewhere else; without scaling
they grow for ever, as a straight line in time: what drives them no longer depends on them. b: what
the network plays with these weights. With all three it plays the input; without STDP it comes to
rest, for nothing tells it where the input goes next; without the Hebbian term it falls silent, for
nothing holds against its own decay; without scaling it goes on cycling, in a cycle that grows with
the weights.

c: the Discussion lets the Hebbian term be seen through the window of STDP as well, so that both are
one window of spike pairs. In the end that changes nothing: the equilibria differ by what the window
blurs, which falls with the square of its rate gamma.
"""

import json
from dataclasses import asdict, dataclass

import matplotlib.figure
import numpy as np
import xarray as xr
from jaxtyping import Float

from steepest.papers.galtier2013._circ import NETWORK, TRUTH, cycle, error
from steepest.pictures import INK, LINE_COLOURS, bare, letter
from steepest.recurrent import Inputs, OnlineRule, learn, replay, rk4
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The rule, as the hybrid model of Fig 4; the input's decay is l0 = 1."""

    decay_net: float = parameter(50.0, "l_net", "1/time")
    gamma: float = parameter(100.0, "rate of the STDP window", "1/time")
    rate: float = parameter(0.01, "learning rate eps", "1/time")
    duration: float = parameter(4000.0, "time learned", "time")
    step: float = parameter(0.002, "time step, about (a period is a whole number)", "time")
    replayed: float = parameter(10.0, "periods that the network plays alone", "periods")


QUICK = Parameters()
_ALL = ("stdp", "hebbian", "scaling")
_KEPT = {
    "all three": _ALL,
    "no STDP": ("hebbian", "scaling"),
    "no Hebbian term": ("stdp", "scaling"),
    "no scaling": ("stdp", "hebbian"),
}
_GAMMAS = np.array([25.0, 50.0, 100.0, 200.0, 400.0])
_ASKED = 1000.0


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Learning and replay with each term left out. Not random: `seed` is recorded."""
    p, inputs = parameters, cycle(parameters.step)
    times = np.unique(np.r_[np.arange(10.0, 200.0, 10.0), np.arange(200.0, p.duration, 100.0)])
    samples = round(p.replayed * inputs.duration / 0.01)
    sizes, errors, played, ends = [], [], [], []
    for terms in _KEPT.values():
        rule = OnlineRule(NETWORK, p.gamma, p.decay_net, terms=terms)
        course = learn(
            rule, inputs.states, inputs.dt, rate=p.rate, passes=p.duration / inputs.duration,
            record=times,
        )  # fmt: skip
        sizes.append([np.linalg.norm(w) for w in course.weights])
        errors.append([error(w) for w in course.weights])
        if "scaling" in terms:
            settled = rule.equilibrium(inputs)
        else:
            settled = course.weights[np.searchsorted(course.times, min(_ASKED, p.duration))]
        ends.append(settled)
        played.append(replay(NETWORK, settled, inputs.states[0], 0.01, samples, integrator=rk4))
    time = {"units": "time"}
    dataset = xr.Dataset(
        {
            "size": (("kept", "time"), np.array(sizes)),
            "error": (("kept", "time"), np.array(errors)),
            "weights": (("kept", "post", "pre"), np.array(ends)),
            "end_error": ("kept", [error(w) for w in ends]),
            "played": (("kept", "moment", "unit"), np.array(played)),
            "true_size": ((), np.linalg.norm(TRUTH)),
            "input_size": ((), np.ptp(inputs.states, axis=0).mean()),
            "hebb_filtered": ("gamma", [_hebb_through_the_window(p, inputs, g) for g in _GAMMAS]),
        },
        coords={
            "kept": list(_KEPT),
            "time": ("time", course.times, time),
            "moment": ("moment", 0.01 * np.arange(samples + 1), time),
            "gamma": ("gamma", _GAMMAS, {"units": "1/time"}),
        },
    )
    return stamp(dataset, parameters, seed)


def _hebb_through_the_window(p: Parameters, inputs: Inputs, gamma: float) -> float:
    """How far the equilibrium moves where both factors of the Hebbian term are seen through g."""
    rule = OnlineRule(NETWORK, gamma, p.decay_net)
    signals = rule.steady(inputs, discrete=False)
    seen = OnlineRule(NETWORK, gamma, p.decay_net, filtered=True)
    through = seen.averages(seen.steady(inputs, discrete=False))[1]
    stdp, hebbian, covariance = rule.averages(signals)

    def rest(term: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
        return np.linalg.solve(covariance, (stdp + term).T).T

    moved = np.linalg.norm(rest(through) - rest(hebbian))
    return float(moved / np.linalg.norm(rest(hebbian)))


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """a size of W over time, b replays, c the Hebbian term seen through the window."""
    figure = matplotlib.figure.Figure(figsize=(11, 4.2), layout="constrained")
    sizes, replays, blurred = figure.subplots(1, 3, width_ratios=(1.1, 1.2, 0.9))
    colours = (INK, *LINE_COLOURS)
    for name, colour in zip(dataset["kept"].values, colours, strict=False):
        sizes.loglog(dataset["time"], dataset["size"].sel(kept=name), color=colour, label=str(name))
    sizes.axhline(float(dataset["true_size"]), color="0.7", lw=0.8, ls=":")
    sizes.set(xlabel="time", ylabel="‖W‖ (dotted: ‖W₀‖)")
    sizes.legend(frameon=False, fontsize=8)
    letter(sizes, "a", "each term left out")
    for place, (name, colour) in enumerate(zip(dataset["kept"].values, colours, strict=False)):
        path = dataset["played"].sel(kept=name).isel(unit=0).values
        largest = max(np.abs(path).max(), float(dataset["input_size"]) / 2)
        replays.plot(dataset["moment"], 0.42 * path / largest - place, color=colour, lw=1)
        replays.annotate(f"±{largest:.3g}", (float(dataset["moment"][-1]), -place), fontsize=8,
                         va="bottom", ha="right")  # fmt: skip
    replays.set(yticks=[-k for k in range(4)], yticklabels=list(dataset["kept"].values))
    replays.set(xlabel="time", ylim=(-3.6, 0.6))
    letter(replays, "b", "what the network plays (unit 1)")
    blurred.loglog(dataset["gamma"], dataset["hebb_filtered"], "o-", color=INK)
    blurred.set(xlabel="γ, 1/time", ylabel="equilibrium moves by, relative")
    letter(blurred, "c", "Hebb seen through g")
    bare(sizes, replays, blurred)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """Which term does what, and how fast W grows without scaling."""
    p = json.loads(dataset.attrs["parameters"])
    plain = asdict(Parameters())
    same = [name for name in plain if name not in ("duration", "replayed")]
    known = all(p[name] == plain[name] for name in same) and p["duration"] >= _ASKED
    ends = dataset["end_error"]
    grown = dataset["size"].sel(kept="no scaling")
    times = dataset["time"].values
    late = times >= 100
    slope = float(np.polyfit(times[late], grown.values[late], 1)[0])
    line = np.polyval(np.polyfit(times[late], grown.values[late], 1), times[late])
    bend = float(np.abs(line - grown.values[late]).max() / grown.values[-1])
    reached = float(np.interp(float(dataset["true_size"]), grown.values, times))
    wrong = dataset["error"].sel(kept="no scaling")
    settled = dataset["played"].isel(moment=slice(dataset.sizes["moment"] // 2, None))
    swing = settled.max("moment") - settled.min("moment")
    swing = swing.mean("unit")
    amplitude = {str(name): float(swing.sel(kept=name)) for name in dataset["kept"].values}
    rest = float(np.abs(settled.sel(kept="no STDP").isel(moment=-1)).mean())
    blur = dataset["hebb_filtered"].values
    return [
        Claim.below("All three terms: the wiring is found (error of W)", ends[0], 0.0015),
        Claim.close(
            "Without STDP the weights end elsewhere (error of W, to .02)", 0.681, ends[1], 0.02,
            tested=known,
        ),
        Claim.below(
            "and the network comes to rest at a point away from 0 (swing of its replay)",
            amplitude["no STDP"], 1e-3,
        ).showing("swing, where it rests:", amplitude["no STDP"], rest),
        Claim.close(
            "Without the Hebbian term the weights end elsewhere (error of W, to .02)",
            0.720, ends[2], 0.02, tested=known,
        ),
        Claim.below(
            "and the network falls silent (largest activity at the end of its replay)",
            float(np.abs(settled.sel(kept="no Hebbian term").isel(moment=-1)).max()), 1e-3,
        ),
        Claim.close(
            "Without scaling |W| grows as a straight line, by so much per unit of time (to 5 %)",
            0.0371, slope, 0.05 * 0.0371, tested=known,
        ),
        Claim.below("(largest distance from that line, of the size at the end)", bend, 0.01),
        Claim.close(
            "and passes |W0| at time (to 5)", 104.0, reached, 5.0, tested=known,
        ),
        Claim.close(
            "Its error at time 1000 (to 5 %)", 8.6,
            float(wrong.sel(time=_ASKED, method="nearest")), 0.43, tested=known,
        ),
        Claim.above(
            "The network without scaling still cycles, in a cycle that has grown (swing of its"
            " replay at time 1000, times the input's)",
            amplitude["no scaling"] / float(dataset["input_size"]), 5, tested=known,
        ),
        Claim.close(
            "With all three it plays the input (swing of its replay, times the input's, to .02)",
            1.0, amplitude["all three"] / float(dataset["input_size"]), 0.02,
        ),
        Claim.below(
            "Hebb seen through the window has the same equilibrium (relative difference)",
            float(blur[p["gamma"] == _GAMMAS][0]) if p["gamma"] in _GAMMAS else np.nan,
            0.001, tested=p["gamma"] in _GAMMAS,
        ),
        Claim.close(
            "but for what the window blurs, which falls with the square of gamma (slope, to .1)",
            -2.0, float(np.polyfit(np.log(_GAMMAS), np.log(blur), 1)[0]), 0.1,
        ),
    ]  # fmt: skip
