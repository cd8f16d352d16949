"""From activity to connectivity (Fig 4): three neurons' wiring, retrieved from what they do

A network of three neurons oscillates. Another network, whose weights start at zero, is shown that
oscillation and nothing else. a: the wiring that produced it. b: the distance of the learned wiring
from it. With the network's own decay as slow as the input's (homogeneous, red) it learns a slower
input than the one shown. With a fast network and the input's decay in the rule only (hybrid, blue)
it arrives within half a per cent. Batch descent of the relative entropy (black) arrives exactly.
c: the oscillation (dashed), and what the learned network plays by itself (solid).

The paper says that the hybrid model "converges exactly". It does not: it stays at a floor of about
a / l_net^2 + b / gamma^2 + c eps, where the learning rate eps dominates at the paper's .01. Three
cures are computed too. The paper's wiring is only drawn; another one is used here.
"""

import json
from dataclasses import asdict, dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.papers.galtier2013._circ import NETWORK, TRUTH, cycle, error
from steepest.pictures import INK, LINE_COLOURS, bare, letter
from steepest.recurrent import OnlineRule, learn, relative_entropy, replay, rk4
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The rule's time constants and rate; the input's decay is l0 = 1."""

    decay_net: float = parameter(50.0, "l_net of the hybrid model", "1/time")
    gamma: float = parameter(100.0, "rate of the STDP window", "1/time")
    rate: float = parameter(0.01, "learning rate eps", "1/time")
    duration: float = parameter(12_000.0, "time learned", "time")
    step: float = parameter(0.002, "time step, about (a period is a whole number)", "time")


QUICK = Parameters()
_TIMES = (100.0, 1000.0, 2000.0, 4000.0, 6000.0, 10_000.0)
_HYBRID = (0.43, 0.134, 0.069, 0.019, 7.3e-3, 5.2e-3)
_NETS = np.array([5.0, 10.0, 20.0])
_STYLES = {
    "homogeneous": ("-.", LINE_COLOURS[1]),
    "hybrid": ("--", LINE_COLOURS[0]),
    "batch": ("-", INK),
}


def _period(path: np.ndarray, dt: float) -> float:
    """Mean time between upward crossings of zero by unit 0, each found by interpolation."""
    x = path[:, 0]
    at = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))
    crossings = (at - x[at] / (x[at + 1] - x[at])) * dt
    return float(np.diff(crossings).mean())


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Both online runs, batch descent, the cures, and replays. Not random: `seed` is recorded."""
    p, inputs = parameters, cycle(parameters.step)
    dt, shown = inputs.dt, inputs.states
    passes = p.duration / inputs.duration
    curve = np.unique(np.round(np.geomspace(10, p.duration, 60)))
    record = np.union1d(curve, [t for t in _TIMES if t <= p.duration])
    hybrid = OnlineRule(NETWORK, p.gamma, p.decay_net)
    rules = {"homogeneous": OnlineRule(NETWORK, p.gamma, 1.0), "hybrid": hybrid}
    runs = {
        name: learn(rule, shown, dt, rate=p.rate, passes=passes, record=record)
        for name, rule in rules.items()
    }
    cost = relative_entropy(inputs, NETWORK)
    batch = cost.flow(p.rate * runs["hybrid"].times)
    errors = [
        [error(w) for w in weights] for weights in (*(r.weights for r in runs.values()), batch)
    ]

    def floor(gamma: float, net: float, filtered: bool = False) -> float:
        rule = OnlineRule(NETWORK, gamma, net, filtered)
        return error(rule.equilibrium(inputs, discrete=False))

    long = 10_500 / inputs.duration
    scheduled = learn(
        hybrid, shown, dt, rate=[(0.1, 1500.0), (0.01, 4500.0), (0.001, 1e9)], passes=long
    )
    gathered = learn(hybrid, shown, dt, rate=0.2, passes=1000, block="input")
    samples = round(14 * inputs.duration / 0.01)
    replays = {
        name: replay(NETWORK, some.mean, shown[0], 0.01, samples, integrator=rk4)
        for name, some in runs.items()
    }
    replays["equilibrium"] = replay(
        NETWORK, hybrid.equilibrium(inputs), shown[0], 0.01, samples, integrator=rk4
    )
    settled = {name: path[len(path) // 2 :] for name, path in replays.items()}
    time = {"units": "time"}
    played = np.arange(samples + 1) * 0.01
    looped = np.column_stack(
        [
            np.interp(played % inputs.duration, np.arange(len(shown) + 1) * dt, np.append(x, x[0]))
            for x in shown.T
        ]
    )
    dataset = xr.Dataset(
        {
            "truth": (("post", "pre"), TRUTH),
            "learned": (("post", "pre"), runs["hybrid"].mean),
            "error": (("model", "time"), np.array(errors)),
            "minimum_error": ((), error(cost.minimum().weights)),
            "spectrum": (("mode",), cost.minimum().spectrum),
            "period": ((), inputs.duration, time),
            "floor": ((), floor(p.gamma, p.decay_net)),
            "floor_net": (("net",), [floor(p.gamma, x) for x in _NETS]),
            "floor_filtered": (
                ("window",),
                [floor(g, p.decay_net, True) for g in (p.gamma / 2, p.gamma, 2 * p.gamma)],
            ),
            "scheduled": ((), error(scheduled.mean)),
            "gathered": ((), error(gathered.weights[-1])),
            "replay": (("model_replayed", "moment", "unit"), np.array(list(replays.values()))),
            "input": (("moment", "unit"), looped),
            "replay_period": (
                ("model_replayed",),
                [_period(path, 0.01) for path in settled.values()],
                time,
            ),
            "replay_amplitude": (
                ("model_replayed",),
                [
                    np.ptp(path, axis=0).mean() / np.ptp(shown, axis=0).mean()
                    for path in settled.values()
                ],
            ),
        },
        coords={
            "model": ["homogeneous", "hybrid", "batch"],
            "model_replayed": list(replays),
            "time": ("time", runs["hybrid"].times, time),
            "moment": ("moment", played, time),
            "net": ("net", _NETS, {"units": "1/time"}),
        },
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """a the wiring, b the distance from it, c input (dashed) and replay (solid)."""
    figure = matplotlib.figure.Figure(figsize=(10, 3.3), layout="constrained")
    a, b, c = figure.subplots(1, 3, width_ratios=(0.8, 1.3, 1.5))
    image = a.imshow(dataset["truth"], cmap="RdBu_r", vmin=-2.2, vmax=2.2)
    for (i, j), value in np.ndenumerate(dataset["truth"].values):
        shade = "white" if abs(value) > 1.5 else "black"
        a.text(j, i, f"{value:g}", ha="center", va="center", fontsize=10, color=shade)
    letter(a, "a", "wiring W₀")
    a.set(xlabel="from", ylabel="to", xticks=range(3), yticks=range(3))
    figure.colorbar(image, ax=a, shrink=0.7)
    for name, (style, colour) in _STYLES.items():
        b.loglog(dataset["time"], dataset["error"].sel(model=name), style, color=colour, label=name)
    b.axhline(float(dataset["floor"]), color="0.6", lw=0.8, ls=":")
    b.text(
        12,
        float(dataset["floor"]) * 1.15,
        "floor without the rate's share",
        fontsize=7,
        color="0.4",
    )
    letter(b, "b", "distance from W₀")
    b.set(xlabel="time", ylabel="‖W − W₀‖ / ‖W₀‖", ylim=(1e-4, 2))
    b.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 0.2))
    early = dataset.isel(moment=dataset["moment"] < 2.5 * float(dataset["period"]))
    for unit, colour in zip(range(3), LINE_COLOURS, strict=False):
        c.plot(
            early["moment"],
            early["replay"].sel(model_replayed="hybrid")[:, unit],
            color=colour,
            lw=1.2,
        )
        c.plot(early["moment"], early["input"][:, unit], "--", color=INK, lw=1.0)
    letter(c, "c", "input (dashed) and replay (solid)")
    c.set(xlabel="time", ylabel="activity")
    bare(b, c)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """What the paper says, with its "exactly" corrected, and the cures of the floor."""
    p = json.loads(dataset.attrs["parameters"])
    same = {k: v for k, v in asdict(Parameters()).items() if k != "duration"}
    known = all(p[key] == value for key, value in same.items())
    long = known and p["duration"] >= 10_000
    errors = dataset["error"]

    def at(model: str, time: float) -> float:
        return float(errors.sel(model=model).sel(time=time, method="nearest"))

    hybrid = [
        Claim.close(
            f"Hybrid model, error of W at time {time:g} (to 5 %)",
            expected,
            at("hybrid", time),
            0.05 * expected,
            tested=known and p["duration"] >= time,
        )
        for time, expected in zip(_TIMES, _HYBRID, strict=True)
    ]
    nets = dataset["floor_net"].values
    slope = float(np.polyfit(np.log(_NETS[1:]), np.log(nets[1:]), 1)[0])
    last = float(dataset["time"][-1])
    filtered = dataset["floor_filtered"].values
    return [
        Claim.close("The input's period (to 1e-4)", 7.0514, dataset["period"], 1e-4),
        Claim.close(
            "The input covers all directions: eigenvalues of C (to 1e-3)",
            (0.992, 0.992, 0.066),
            dataset["spectrum"],
            1e-3,
        ),
        Claim.close(
            "Batch: the minimum of the relative entropy is W0 (relative error)",
            0.0,
            dataset["minimum_error"],
            1e-10,
        ),
        *hybrid,
        Claim.close(
            "Homogeneous model: W ends elsewhere (error of W, to .005)",
            0.263,
            at("homogeneous", last),
            0.005,
            tested=long,
        ),
        Claim.close(
            "Homogeneous model: the replay is a slower variation of the input (amplitude, as a"
            " fraction of the input's, to .02)",
            0.75,
            dataset["replay_amplitude"].sel(model_replayed="homogeneous"),
            0.02,
            tested=long,
        ),
        Claim.close(
            'Corrected: the hybrid model does not converge "exactly"; without the share of eps'
            " its floor is (to 1 %)",
            5.33e-4,
            dataset["floor"],
            5.33e-6,
            tested=known,
        ),
        Claim.close(
            "Corrected: that floor at l_net = 5, 10, 20 (to 3 % of the first)",
            (3.1e-2, 8.9e-3, 2.4e-3),
            nets,
            3e-4,
            tested=known,
        ),
        Claim.close(
            "The floor falls as the square of l_net (slope between 10 and 20, to .2)",
            -2.0,
            slope,
            0.2,
        ),
        Claim.close(
            "Cure 1, rates .1, .01, .001 in turn: error (to 3e-4: it depends on the phase at"
            " which the rate changes)",
            1.0e-3,
            dataset["scheduled"],
            3e-4,
            tested=known,
        ),
        Claim.close(
            "Cure 2, whole periods gathered before W changes: error at eps .2 (to 2e-5)",
            4.6e-4,
            dataset["gathered"],
            2e-5,
            tested=known,
        ),
        Claim.close(
            "Cure 3, all three terms seen through the window: the floor does not depend on gamma"
            " (relative spread over gamma/2, gamma, 2 gamma)",
            0.0,
            float(np.ptp(filtered) / filtered.mean()),
            1e-3,
        ),
        Claim.close(
            "Replay by the averaged rule's W: its period (to .001)",
            7.0525,
            dataset["replay_period"].sel(model_replayed="equilibrium"),
            1e-3,
            tested=known,
        ),
        Claim.close(
            "Replay by the hybrid W as learned: its period beside the input's (to 1 %)",
            dataset["period"],
            dataset["replay_period"].sel(model_replayed="hybrid"),
            0.01 * float(dataset["period"]),
        ),
    ]
