"""Which metric has this rule? Four rules asked, and what the answer is worth

Wherever an update u lowers a cost, p.u > 0 with p = -dC, some metric makes it the natural gradient
(Shoji et al. 2024). A: of all those metrics the least anisotropic has the condition number
(1 + sin psi)/(1 - sin psi), psi the angle between u and p. The rules stand where they are found.

B: feedback alignment sends errors back through random weights. Before learning its update of the
hidden layer lowers the error about as often as it raises it: no metric. It soon always lowers it,
in a metric that may be close to Euclid's. C: the online rule (5) of Galtier and Wainrib 2013, one
sample at a time, is further from descent the nearer it is to its end, and is descent over each half
period of the input. D: a lower bound is not the metric. The natural gradient of a spiking neuron
could do with a metric less crooked than the one it has, Fisher's, by a factor; the approximate rule
is nearer to the natural one than to plain descent, and its least metric nearer to Euclid's than
both.

Oja's rule needs no bound: it is exactly descent of |w|^2/2 - ln(w'Cw)/2 in the metric I/(w'Cw).
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import matplotlib.figure
import numpy as np
import xarray as xr
from jaxtyping import Float

from steepest.arrays.entry import double_precision
from steepest.descent import velocity
from steepest.geometry import MatrixMetric
from steepest.inference.flows import Effectiveness, metric_of_rule, rule_effectiveness
from steepest.papers.galtier2013._circ import NETWORK, TRUTH, cycle
from steepest.pictures import INK, LINE_COLOURS, RULE_COLOURS, bare, letter
from steepest.progress import track
from steepest.recurrent import OnlineRule, relative_entropy
from steepest.spiking import ApproximateNaturalRule, NaturalRule, paper_task, sample_usps
from steepest.study import Claim, parameter, stamp

__all__ = ["QUICK", "Parameters", "claims", "plot", "run"]


@dataclass(frozen=True)
class Parameters:
    """The rules that are asked, each on a task of its own."""

    networks: int = parameter(100, "two-layer linear networks that learn by feedback alignment")
    layers: tuple[int, int, int] = parameter((30, 20, 10), "their inputs, hidden and output units")
    patterns: int = parameter(200, "input patterns of each")
    rate: float = parameter(0.1, "their learning rate")
    steps: tuple[int, ...] = parameter((0, 3, 10, 30, 100, 300), "steps at which they are asked")
    neurons: int = parameter(60, "spiking neurons of Kreutzer et al. 2022, Fig 3F")
    afferents: int = parameter(100, "afferents of each")
    samples: int = parameter(20_000, "sampled USPs over which their updates are averaged")
    distances: tuple[float, ...] = parameter(
        (1.0, 0.3, 0.1, 0.05, 0.02), "of W from the end of rule (5)", "|W0|"
    )
    starts: int = parameter(60, "W's at each distance")
    parts: tuple[int, ...] = parameter((1, 2, 4), "averages over a period, a half, a quarter")


QUICK = Parameters(networks=20, neurons=20, samples=2000, starts=20)
_ANGLES = np.array([0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 85.0, 89.0])


def run(parameters: Parameters, seed: int) -> xr.Dataset:
    """Angles and least condition numbers of all rules' updates."""
    p = parameters
    hidden = [_feedback_alignment(p, [seed, 0, k]) for k in track(range(p.networks), "Networks")]
    spiking = _spiking_rules(p, seed)
    shares, whole = _online_rule(p, np.random.default_rng([seed, 2]))
    attained, members = _least_conditions(np.random.default_rng([seed, 3]))
    degrees = {"units": "degrees"}
    dataset = xr.Dataset(
        {
            "attained": ("asked", attained),
            "member": (("asked", "other"), members),
            "effective": (("network", "step"), np.array([e.effective for e in hidden])),
            "angle": (("network", "step"), np.array([e.angle for e in hidden]), degrees),
            "condition": (("network", "step"), np.array([e.condition for e in hidden])),
            "spiking_angle": (("rule", "neuron"), spiking["angle"], degrees),
            "spiking_condition": (("rule", "neuron"), spiking["condition"]),
            "to_natural": ("neuron", spiking["to_natural"], degrees),
            "fisher_condition": ("neuron", spiking["fisher"]),
            "share": (("average", "distance", "start"), shares),
            "period_angle": (("distance", "start"), whole, degrees),
            "oja": ((), _oja_gap(np.random.default_rng([seed, 4]))),
        },
        coords={
            "asked": ("asked", _ANGLES, degrees),
            "step": list(p.steps),
            "rule": ["approximate", "natural"],
            "average": ["one sample", *(_period(k) for k in p.parts)],
            "distance": ("distance", list(p.distances), {"units": "|W0|"}),
        },
    )
    return stamp(dataset, parameters, seed)


def _period(parts: int) -> str:
    """What an average over one of so many equal parts of a period is called."""
    return "a period" if parts == 1 else f"1/{parts} period"


def _least_conditions(
    random: np.random.Generator,
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "k m"]]:
    """The condition number of the rank-two metric at each angle, and of other metrics."""
    attained, others = np.empty(_ANGLES.size), np.empty((_ANGLES.size, 50))
    for k, angle in enumerate(np.radians(_ANGLES)):
        first, second = np.linalg.qr(random.standard_normal((6, 2)))[0].T
        p = 3 * (np.cos(angle) * first + np.sin(angle) * second)
        with double_precision():
            metric = metric_of_rule(first, p).metric
            attained[k] = np.linalg.cond(np.asarray(metric.matrix(jnp.zeros(6))))
        project = np.eye(6) - np.outer(first, p) / (p @ first)
        for m in range(others.shape[1]):
            root = np.eye(6) + 0.3 * random.standard_normal((6, 6))
            free = project.T @ root @ root.T @ project * 10 ** random.uniform(-1, 1)
            others[k, m] = np.linalg.cond(free + np.outer(p, p) / (p @ first))
    return attained, others


def _feedback_alignment(p: Parameters, seed: list[int]) -> Effectiveness:
    """Updates of the hidden layer of one network against its gradient, at the steps asked for."""
    random = np.random.default_rng(seed)
    inputs, hidden, outputs = p.layers
    shown = random.standard_normal((inputs, p.patterns))
    answers = random.standard_normal((outputs, inputs)) / np.sqrt(inputs) @ shown
    first = random.standard_normal((hidden, inputs)) / (2 * np.sqrt(inputs))
    second = random.standard_normal((outputs, hidden)) / (2 * np.sqrt(hidden))
    feedback = random.standard_normal((hidden, outputs)) / np.sqrt(outputs)
    updates, gradients = [], []
    for step in range(p.steps[-1] + 1):
        active = first @ shown
        error = (answers - second @ active) / p.patterns
        sent = feedback @ error @ shown.T
        if step in p.steps:
            updates.append(sent.ravel())
            gradients.append((second.T @ error @ shown.T).ravel())
        second += p.rate * error @ active.T
        first += p.rate * sent
    return rule_effectiveness(np.array(updates), np.array(gradients))


@double_precision()
def _spiking_rules(p: Parameters, seed: int) -> dict[str, np.ndarray]:
    """The mean updates of both natural rules against -grad and, in Fisher's metric, each other."""
    task, start = paper_task(p.neurons, n=p.afferents, test_samples=2, seed=seed)
    neuron, fisher, dt = task.neuron, task.fisher(), 5e-4
    target = jnp.asarray(task.source.weights)  # pyright: ignore[reportAttributeAccessIssue]
    usps = jnp.asarray(sample_usps(neuron.kernel, fisher.rates, p.samples, seed=seed + 1))

    @jax.jit
    def update(w: jax.Array, wanted: jax.Array) -> jax.Array:
        score = neuron.score(usps @ w, neuron.rate(usps @ wanted) * dt, dt)

        def mean(rule):
            each = jax.vmap(lambda s, x: s * rule.direction(fisher, w, x))(score, usps)
            return each.mean(axis=0)

        rules = (ApproximateNaturalRule(), NaturalRule())
        return jnp.stack([score @ usps / p.samples, *map(mean, rules)])

    moves = np.array([update(w, t) for w, t in zip(jnp.asarray(start), target, strict=True)])
    answers = [rule_effectiveness(moves[:, k], moves[:, 0]) for k in (1, 2)]
    matrices = [np.asarray(fisher.matrix(w)) for w in start]
    between = []
    for (_, approximate, natural), G in zip(moves, matrices, strict=True):
        lengths = (approximate @ G @ approximate) * (natural @ G @ natural)
        between.append(np.degrees(np.arccos(approximate @ G @ natural / np.sqrt(lengths))))
    return {
        "angle": np.array([a.angle for a in answers]),
        "condition": np.array([a.condition for a in answers]),
        "to_natural": np.array(between),
        "fisher": np.array([np.linalg.cond(G) for G in matrices]),
    }


def _online_rule(p: Parameters, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The share of effective updates (average, distance, start), and the angle of a period's."""
    inputs = cycle(0.002)
    rule, cost = OnlineRule(NETWORK, 100.0, 50.0), relative_entropy(inputs, NETWORK)
    signals = rule.steady(inputs)
    pairs = np.einsum("ti,tj->tij", signals.left, signals.traces)
    pairs += np.einsum("ti,tj->tij", signals.stdp_push + signals.hebbian_push, signals.rates)
    squares = np.einsum("ti,tj->tij", signals.pre, signals.pre)
    shares = np.empty((1 + len(p.parts), len(p.distances), p.starts))
    angles = np.empty((len(p.distances), p.starts))
    for d, distance in enumerate(p.distances):
        for s in range(p.starts):
            way = random.standard_normal(TRUTH.shape)
            weights = TRUTH + distance * np.linalg.norm(TRUTH) / np.linalg.norm(way) * way
            each = (pairs - weights @ squares).reshape(len(pairs), -1)
            downhill = -cost.differential(weights).ravel()
            for k, count in enumerate([len(each), *p.parts]):
                averaged = [part.mean(axis=0) for part in np.array_split(each, count)]
                wanted = np.tile(downhill, (count, 1))
                answer = rule_effectiveness(np.array(averaged), wanted)
                shares[k, d, s] = answer.effective.mean()
                if count == 1:
                    angles[d, s] = answer.angle[0]
    return shares, angles


@double_precision()
def _oja_gap(random: np.random.Generator) -> float:
    """The largest relative gap between Oja's rule and descent in I/(w'Cw), over random w and C."""
    gaps = []
    for _ in range(20):
        root, w = random.standard_normal((5, 8)), random.standard_normal(5)
        C = jnp.asarray(root @ root.T / 8)

        def cost(x, C=C):
            return x @ x / 2 - jnp.log(x @ C @ x) / 2

        metric = MatrixMetric(lambda x, C=C: jnp.eye(5) / (x @ C @ x))
        oja = C @ w - (w @ C @ w) * w
        gap = jnp.linalg.norm(velocity(cost, metric, jnp.asarray(w)) - oja)
        gaps.append(float(gap / jnp.linalg.norm(oja)))
    return max(gaps)


def plot(dataset: xr.Dataset) -> matplotlib.figure.Figure:
    """A condition against angle, B feedback alignment, C rule (5), D bounds beside Fisher's."""
    figure = matplotlib.figure.Figure(figsize=(11, 7.4), layout="constrained")
    (bound, alignment), (online, fisher) = figure.subplots(2, 2)
    fine = np.linspace(0, 89, 300)
    sine = np.sin(np.radians(fine))
    bound.semilogy(fine, (1 + sine) / (1 - sine), color=INK, lw=1.2, label="least possible")
    asked = np.repeat(dataset["asked"].values, dataset.sizes["other"])
    bound.semilogy(asked, dataset["member"].values.ravel(), ".", color="0.8", ms=3, zorder=0,
                   label="other metrics of the same update")  # fmt: skip
    for rule in dataset["rule"].values:
        here = dataset.sel(rule=rule)
        bound.plot(here["spiking_angle"].median(), here["spiking_condition"].median(), "o",
                   color=RULE_COLOURS[str(rule)], label=f"{rule} rule")  # fmt: skip
    last = dataset.isel(step=-1)
    bound.plot(last["angle"].median(), last["condition"].median(), "s", color=LINE_COLOURS[2],
               label="feedback alignment, learned")  # fmt: skip
    bound.set(xlabel="angle to -gradient, degrees", ylabel="condition number", xlim=(0, 90))
    bound.legend(frameon=False, fontsize=8)
    letter(bound, "A", "The least crooked metric of an update")

    steps = np.arange(dataset.sizes["step"])
    alignment.plot(steps, dataset["angle"].T, color="0.85", lw=0.7, zorder=0)
    alignment.plot(steps, dataset["angle"].mean("network"), "o-", color=LINE_COLOURS[2])
    alignment.axhline(90, color=INK, lw=0.8, ls=":")
    alignment.set(xticks=steps, xticklabels=[str(k) for k in dataset["step"].values])
    alignment.set(xlabel="step of learning", ylabel="angle to -gradient, degrees")
    alignment.annotate("above: no metric", (steps[-1], 91), ha="right", va="bottom", fontsize=8)
    letter(alignment, "B", "Feedback alignment, hidden layer")

    for name, colour in zip(dataset["average"].values, LINE_COLOURS, strict=False):
        share = dataset["share"].sel(average=name)
        error = share.std("start") / np.sqrt(share.sizes["start"])
        online.errorbar(dataset["distance"], share.mean("start"), yerr=error, fmt="o-",
                        color=colour, label=str(name), capsize=2)  # fmt: skip
    online.set(xscale="log", xlabel="distance of W from its end, |W₀|", ylim=(0.4, 1.05))
    online.set(ylabel="share of updates that lower the cost")
    online.legend(frameon=False, fontsize=8, title="averaged over")
    letter(online, "C", "Rule (5)")

    names = ["approximate", "natural", "natural: Fisher's"]
    values = [*dataset["spiking_condition"].values, dataset["fisher_condition"].values]
    colours = [RULE_COLOURS["approximate"], RULE_COLOURS["natural"], INK]
    for k, (value, colour) in enumerate(zip(values, colours, strict=True)):
        jitter = np.linspace(-0.2, 0.2, value.size)
        fisher.semilogy(k + jitter, value, ".", color=colour, ms=4)
        fisher.plot([k - 0.3, k + 0.3], [np.median(value)] * 2, color=colour, lw=2)
    fisher.set(xticks=range(3), xticklabels=names, ylabel="condition number, least possible")
    letter(fisher, "D", "A lower bound is not the metric")
    bare(bound, alignment, online, fisher)
    return figure


def claims(dataset: xr.Dataset) -> list[Claim]:
    """The bound, where each rule stands, and that a bound is not the metric."""
    sine = np.sin(np.radians(dataset["asked"].values))
    least = (1 + sine) / (1 - sine)
    effective, networks = dataset["effective"], dataset.sizes["network"]
    at_start = float(effective.isel(step=0).mean())
    first, last = (dataset["angle"].isel(step=k) for k in (0, -1))
    approximate, natural = (dataset.sel(rule=rule) for rule in ("approximate", "natural"))
    share = dataset["share"].sel(average="one sample")
    fisher, bound = dataset["fisher_condition"].values, natural["spiking_condition"].values
    return [
        Claim.below(
            "The rank-two metric has the condition number (1 + sin psi)/(1 - sin psi), from 0 to 89"
            " degrees (largest relative difference)",
            np.abs(dataset["attained"].values / least - 1).max(),
            1e-9,
        ),
        Claim.above(
            "No other metric of the same update has a smaller one (smallest ratio over 550)",
            float((dataset["member"] / least[:, None]).min()),
            1,
        ),
        Claim.near(
            "Feedback alignment before learning lowers the error by its hidden layer as often as"
            " it raises it (share of networks)",
            0.5,
            at_start,
            float(np.sqrt(0.25 / networks)),
        ),
        Claim.above(
            "At the end of learning it lowers it in every network (share of networks)",
            float(effective.isel(step=-1).mean()),
            1,
            inclusive=True,
        ),
        Claim.below(
            "Its angle to the gradient has fallen below 60 degrees",
            float(last.mean()),
            60,
            standard_error=_standard_error(last),
            by=3,
        ).showing("mean at the end, after that at the start,", float(last.mean()), first.mean()),
        Claim.below(
            "so that a metric of condition number below 10 would do (median over networks)",
            float(dataset["condition"].isel(step=-1).median()),
            10,
        ),
        Claim.near(
            "The approximate rule of Kreutzer et al. 2022: mean angle to plain descent, degrees",
            60.4,
            float(approximate["spiking_angle"].mean()),
            float(np.hypot(_standard_error(approximate["spiking_angle"]), 1.6)),
        ),
        Claim.near(
            "and to the natural rule, in Fisher's metric, degrees",
            31.5,
            float(dataset["to_natural"].mean()),
            float(np.hypot(_standard_error(dataset["to_natural"]), 2.6)),
        ),
        Claim.close(
            "The least condition number of the approximate rule (mean, to 5)",
            16.0,
            float(approximate["spiking_condition"].mean()),
            5,
        ),
        Claim.above(
            "A lower bound, not the metric: the natural rule follows Fisher's metric, of a"
            " condition number several times what its updates need",
            float(np.median(fisher / bound)),
            2,
        ).showing("median ratio, from medians", float(np.median(fisher)), float(np.median(bound))),
        Claim.below(
            "No metric that its updates have is less crooked than that bound, Fisher's included"
            " (largest ratio of bound and Fisher's condition number)",
            float(np.max(bound / fisher)),
            1,
            inclusive=True,
        ),
        *(
            Claim.near(
                f"Rule (5): share of single samples that lower relative entropy, {distance:g} |W0|"
                " from the end",
                expected,
                float(share.sel(distance=distance).mean()),
                _standard_error(share.sel(distance=distance)),
                tolerance=0.04,
            )
            for distance, expected in ((1.0, 0.93), (0.1, 0.57), (0.02, 0.51))
        ),
        Claim.above(
            "Averaged over a whole or half a period of the input, all of its updates do",
            float(dataset["share"].sel(average=[_period(1), _period(2)]).min()),
            1,
            inclusive=True,
        ),
        Claim.below(
            "and a period's is plain descent but for the rule's floor (largest angle, degrees)",
            float(dataset["period_angle"].max()),
            2,
        ),
        Claim.below(
            "Oja's rule is exactly descent of |w|^2/2 - ln(w'Cw)/2 in the metric I/(w'Cw) (largest"
            " relative difference)",
            float(dataset["oja"]),
            1e-12,
        ),
    ]


def _standard_error(values: xr.DataArray) -> float:
    return float(values.std(ddof=1) / np.sqrt(values.size))
