"""Other networks (perspectives of the paper): linear, Wilson-Cowan, Kuramoto, and a chaotic input

The principle "virtually works with any network equations". Linear: minimising relative entropy is
linear inverse modelling. Wilson-Cowan, v' = -l v + S(W v + h): the cost is not convex, but without
the factor S' in its differential it becomes one that is, with the same minimum. Kuramoto: couplings
and frequencies come back from incoherent phases; from phase-locked ones they cannot, and pooled
transients help. Lorenz: an input that is ergodic and not periodic is learned by a lifted network in
closed form; three neurons cannot.
"""

import json
from dataclasses import asdict, dataclass, replace

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.errors import DataError
from steepest.recurrent import (
    AffineLift,
    Inputs,
    Kuramoto,
    KuramotoEntropy,
    RateNetwork,
    WilsonCowan,
    WilsonCowanEntropy,
    lifted,
    limit_cycle,
    linear_network,
    pooled,
    relative_entropy,
    rk4,
    simulate,
)
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """Sizes of the four studies."""

    oscillators: int = parameter(6, "Kuramoto: number of oscillators")
    phases: int = parameter(20_000, "Kuramoto: samples of an incoherent run")
    transients: int = parameter(20, "Kuramoto: runs pooled before they lock")
    phase_step: float = parameter(0.01, "Kuramoto: time step", "time")
    units: int = parameter(300, "Lorenz: units of the lift")
    ridge: float = parameter(1e-12, "Lorenz: ridge, relative")
    samples: int = parameter(20_000, "Lorenz: samples learned")
    step: float = parameter(0.005, "Lorenz: their distance", "time")
    horizon: int = parameter(2000, "Lorenz: samples predicted")


QUICK = replace(Parameters(), phases=6000, samples=6000)
_LINEAR = np.array([[-0.5, 2.0, 0.0], [-2.0, -0.5, 0.3], [0.0, 0.4, -0.8]])
_WC = np.array([[10.0, -12.0, 0.0], [0.0, 9.0, -11.0], [-12.0, 0.0, 10.0]])
_LYAPUNOV = 0.9056  # of the Lorenz system, per unit of its time
_SCALE = np.array([20.0, 25.0, 25.0])


def _relative(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(found - truth) / np.linalg.norm(truth))


def _lorenz(u: np.ndarray) -> np.ndarray:
    """The Lorenz system in units of about one: x/20, y/25, (z - 25)/25."""
    x, y, z = (u * _SCALE + np.array([0.0, 0.0, 25.0])).T
    return np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], axis=-1) / _SCALE


def _linear() -> float:
    """Error of W* - l against the drift matrix A, from exact velocities of one decaying orbit."""
    orbit = Inputs.ergodic(lambda u: _LINEAR @ u, [1.0, 0.5, -0.7], 0.02, 400)
    found = relative_entropy(orbit, linear_network(1.0)).minimum().weights - np.eye(3)
    return _relative(found, _LINEAR)


def _wilson_cowan(seed: int) -> tuple[float, float, float]:
    """Error of the matching minimum, and the least monotonicity of both differentials."""
    network = WilsonCowan(bias=-_WC.sum(axis=1) / 2)

    def field(u: np.ndarray) -> np.ndarray:
        return network.field(_WC, u)

    states, period = limit_cycle(field, [0.3, 0.6, 0.4], 400, transient=80.0, longest=40.0)
    cost = WilsonCowanEntropy(Inputs.cycle(states, period / 400), network)
    random, lowest = np.random.default_rng(seed), [np.inf, np.inf]
    for _ in range(100):
        a, b = 15 * random.standard_normal((2, 3, 3))
        for k, slope in enumerate((cost.differential, cost.matching_differential)):
            lowest[k] = min(lowest[k], float(np.sum((slope(b) - slope(a)) * (b - a))))
    return _relative(cost.minimum(), _WC), lowest[0], lowest[1]


def _kuramoto(p: Parameters, seed: int) -> dict:
    """Errors of K for an incoherent run and for pooled transients, and the reason for refusal."""
    random, n, dt = np.random.default_rng(seed), p.oscillators, p.phase_step
    coupling = random.uniform(0.5, 1.5, (n, n)) / n
    np.fill_diagonal(coupling, 0)

    def phases(spread: float, strength: float, steps: int) -> tuple[Inputs, np.ndarray]:
        network = Kuramoto(spread * np.linspace(-1, 1, n))
        start = random.uniform(0, 2 * np.pi, n)
        path = simulate(network, strength * coupling, start, dt, steps, integrator=rk4)
        return Inputs.sampled(path, dt), path

    incoherent, path = phases(4.0, 1.0, p.phases)
    free = KuramotoEntropy(incoherent).minimum()
    locked, locked_path = phases(0.3, 4.0, 4000)
    tail = Inputs(locked.states[3000:], locked.velocities[3000:], dt, periodic=False)
    try:
        KuramotoEntropy(tail).minimum()
        reason = ""
    except DataError as error:
        reason = str(error)
    runs = [phases(0.3, 4.0, 150)[0] for _ in range(p.transients)]
    together = KuramotoEntropy(pooled(runs)).minimum()

    def order(theta: np.ndarray) -> np.ndarray:
        return np.abs(np.exp(1j * theta).mean(axis=1))

    return {
        "incoherent": _relative(free.coupling, coupling),
        "pooled": _relative(together.coupling, 4.0 * coupling),
        "reason": reason,
        "order": np.stack([order(path[:3000]), order(locked_path[:3000])]),
        "coupling": np.stack([coupling, free.coupling]),
    }


def _lorenz_study(p: Parameters, seed: int) -> dict:
    """Residual flow and valid time of the lifted network, and the residual of three neurons."""
    orbit = Inputs.ergodic(_lorenz, [0.1, 0.1, 0.0], p.step, p.samples, transient=2000, substeps=2)
    test = Inputs.ergodic(_lorenz, orbit.states[-1], p.step, p.horizon, transient=500, substeps=2)
    network = RateNetwork(1.0)
    lift = AffineLift.random(3, p.units, seed, scale=1.0, spread=1.0)
    high = lifted(orbit, lift)
    fit = relative_entropy(high, network).minimum(ridge=p.ridge).weights
    miss = network.field(fit, high.states) - high.velocities
    plain = relative_entropy(orbit, network).minimum().weights
    rough = network.field(plain, orbit.states) - orbit.velocities

    def predicted(step: float) -> np.ndarray:
        start = lift.encode(test.states[0])
        ratio = round(p.step / step)
        path = simulate(network, fit, start, step, ratio * (p.horizon - 1), integrator=rk4)
        return lift.decode(path[::ratio])

    path = predicted(p.step)
    off = np.linalg.norm(path - test.states, axis=1) / np.sqrt(test.states.var(axis=0).sum())
    lost = int(np.argmax(off > 0.4)) if (off > 0.4).any() else len(off) - 1
    return {
        "residual": float(np.linalg.norm(miss) / np.linalg.norm(high.velocities)),
        "raw": float(np.linalg.norm(rough) / np.linalg.norm(orbit.velocities)),
        "valid": lost * p.step * _LYAPUNOV,
        "truth": test.states,
        "path": path,
    }


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """All four studies; `seed` draws couplings, phases and the lift."""
    p = parameters
    wc_error, wc_entropy, wc_matching = _wilson_cowan(seed)
    phases, lorenz = _kuramoto(p, seed), _lorenz_study(p, seed)
    one = {"units": "1"}
    lyapunov = np.arange(p.horizon) * p.step * _LYAPUNOV
    dataset = xr.Dataset(
        {
            "linear_error": ((), _linear(), one),
            "wilson_cowan_error": ((), wc_error, one),
            "monotonicity": (("loss",), [wc_entropy, wc_matching], one),
            "kuramoto_error": (("phases",), [phases["incoherent"], phases["pooled"]], one),
            "order": (("coupled", "moment"), phases["order"], one),
            "coupling": (("whose", "post", "pre"), phases["coupling"], one),
            "lorenz_residual": (("network",), [lorenz["residual"], lorenz["raw"]], one),
            "valid_time": ((), lorenz["valid"], {"units": "Lyapunov time"}),
            "lorenz": (("sample", "axis"), lorenz["truth"], one),
            "lorenz_predicted": (("sample", "axis"), lorenz["path"], one),
        },
        coords={
            "loss": ["relative entropy", "matching loss"],
            "phases": ["incoherent", "pooled transients"],
            "coupled": ["weak", "strong"],
            "whose": ["truth", "found"],
            "network": ["lifted", "three neurons"],
            "sample": ("sample", lyapunov, {"units": "Lyapunov time"}),
        },
        attrs={"refusal": phases["reason"]},
    )
    return stamp(dataset, parameters, seed)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """a errors, b phase order and couplings, c Lorenz and its prediction."""
    figure = matplotlib.figure.Figure(figsize=(10.4, 3.4), layout="constrained")
    a, b, c = figure.subplots(1, 3, width_ratios=(1, 1, 1.5))
    names = ["linear", "Wilson-\nCowan", "Kuramoto\nincoherent", "Kuramoto\npooled"]
    values = [
        float(dataset["linear_error"]),
        float(dataset["wilson_cowan_error"]),
        *dataset["kuramoto_error"].values,
    ]
    a.bar(range(4), values, color="#1f5fd0")
    a.set(yscale="log", title="a   error of the weights", ylim=(1e-16, 1), xticks=range(4))
    a.set_ylabel("‖W − W₀‖ / ‖W₀‖")
    a.set_xticklabels(names, fontsize=7)
    time = np.arange(dataset.sizes["moment"]) * 0.01
    for kind, colour in (("weak", "#1f5fd0"), ("strong", "#d62728")):
        b.plot(
            time, dataset["order"].sel(coupled=kind), color=colour, lw=1, label=f"{kind} coupling"
        )
    b.annotate("locked: refused", (29, 0.97), ha="right", va="top", fontsize=8, color="#d62728")
    b.set(title="b   Kuramoto: order of the phases", xlabel="time", ylim=(0, 1.25))
    b.set_ylabel("|mean of exp(iθ)|")
    b.legend(frameon=False, fontsize=7, ncols=2, loc="upper center", handlelength=1.2)
    c.plot(dataset["sample"], dataset["lorenz"][:, 0], color="black", lw=1, label="Lorenz, x")
    c.plot(
        dataset["sample"],
        dataset["lorenz_predicted"][:, 0],
        "--",
        color="#1f5fd0",
        lw=1,
        label="network",
    )
    c.axvline(float(dataset["valid_time"]), color="0.6", lw=0.8, ls=":")
    c.set(title="c   Lorenz: network left alone", xlabel="Lyapunov times", ylim=(-1.2, 1.6))
    c.set_ylabel("x / 20")
    c.legend(frameon=False, fontsize=8, ncols=2, loc="upper right")
    for axes in (a, b, c):
        axes.title.set_fontsize(10)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """What each network's relative entropy finds, and where it cannot."""
    same = {k: v for k, v in asdict(Parameters()).items() if k not in ("phases", "samples")}
    known = all(json.loads(dataset.attrs["parameters"])[k] == v for k, v in same.items())

    def below(statement: str, value: float, limit: float) -> Claim:
        claim = Claim(
            statement=statement, expected=f"below {limit:g}", measured=value, holds=value < limit
        )
        return claim if known else replace(claim, holds=None)

    entropy, matching = (float(x) for x in dataset["monotonicity"])
    lifted_, raw = (float(x) for x in dataset["lorenz_residual"])
    valid = float(dataset["valid_time"])
    return [
        below("Linear: W* - l is the drift matrix (error)", float(dataset["linear_error"]), 1e-12),
        below(
            "Wilson-Cowan: the matching loss finds W (error)",
            float(dataset["wilson_cowan_error"]),
            1e-8,
        ),
        Claim(
            statement="Wilson-Cowan: relative entropy is not convex, the matching loss is"
            " (least <dF(b) - dF(a), b - a> over random pairs)",
            expected="negative, then not",
            measured=(entropy, matching),
            holds=entropy < 0 <= matching,
        ),
        below(
            "Kuramoto: incoherent phases give the couplings (error; the central difference's)",
            float(dataset["kuramoto_error"].sel(phases="incoherent")),
            5e-3,
        ),
        Claim(
            statement="Kuramoto: phase-locked oscillators are refused with the reason",
            expected="phase-locked",
            measured=dataset.attrs["refusal"][:60],
            holds="phase-locked" in dataset.attrs["refusal"],
        ),
        below(
            "Kuramoto: pooled transients give the couplings (error)",
            float(dataset["kuramoto_error"].sel(phases="pooled transients")),
            5e-3,
        ),
        below("Lorenz, lifted: relative residual flow", lifted_, 1e-3),
        Claim(
            statement="Lorenz, three neurons: relative residual flow (it depends on the units of"
            " the three variables)",
            expected="above .7",
            measured=raw,
            holds=raw > 0.7,
        ),
        Claim(
            statement="Lorenz, lifted: the network left alone follows for some Lyapunov times"
            " (until it is off by .4 of the spread)",
            expected="above 3",
            measured=valid,
            holds=valid > 3 if known else None,
        ),
    ]
