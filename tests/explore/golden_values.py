"""What the explorers' mathematics must give, computed by the package: each case with its answer.

`python tests/explore/golden_values.py` writes the files of `golden/` anew, or those that are named.
"""

import json
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "golden"
TIGHT = {"rtol": 1e-11, "atol": 1e-13}


def case(function, arguments, expected):
    """A call of a function of `NAME_math.js`, and what it returns."""
    return {"function": function, "arguments": plain(arguments), "expected": plain(expected)}


def plain(value):
    """Numbers and lists as JSON holds them; numbers that are not finite by name."""
    if isinstance(value, np.ndarray) or type(value).__module__.startswith("jax"):
        value = np.asarray(value).tolist()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float | np.floating):
        value = float(value)
        return value if np.isfinite(value) else {"number": str(value)}
    return value


def wicked():
    """Heights, slopes, ascents, angles and routes of the wicked map."""
    import jax
    import jax.numpy as jnp

    from steepest.descent import gradient_flow, velocity
    from steepest.geometry import Constant
    from steepest.papers.surace2020.fig2 import Depth

    hill = np.array([[1.0, 0.3], [0.3, 2.0]])
    times = np.array([0.0, 0.5, 2.0, 8.0])
    cases = []
    with jax.enable_x64(True):
        for shear, start in ((0.8, (-0.8, 1.2)), (-1.3, (1.0, 1.0)), (0.0, (1.9, -0.4))):
            matrix = np.array([[1.0, shear], [0.0, 1.0]])
            back = np.linalg.inv(matrix)
            form, metric = back.T @ hill @ back, matrix.T @ matrix
            point = jnp.asarray(start)
            true, sheared = Depth(hill), Depth(form)
            up = velocity(true, Constant(metric), point)
            slope = -jax.grad(sheared)(jnp.asarray(matrix @ np.array(start)))
            straight = -jax.grad(true)(point)
            cases += [
                case("shearMatrix", [shear], matrix),
                case("apply", [matrix, start], matrix @ np.array(start)),
                case("contour", [form, 0.3, 8], ellipse(form, 0.3, 8)),
                case("shearedForm", [hill, shear], form),
                case("metricOfShear", [shear], metric),
                case("height", [hill, start], -true(point)),
                case("differential", [form, matrix @ np.array(start)], slope),
                case("ascent", [hill, metric, start], up),
                case("crossing", [hill, metric, start], angle(up, straight)),
                case("crossing", [hill, np.eye(2), start, shear], angle(matrix @ straight, slope)),
                case("crossing", [hill, metric, start, shear], 90.0),
                case(
                    "route",
                    [hill, metric, start, times],
                    gradient_flow(true, Constant(metric), np.array(start), times, **TIGHT).points,
                ),
            ]
    return cases


def ellipse(form, level, number):
    """Points of the contour line exp(-x'Fx/2) = level, by the inverse of the Cholesky factor."""
    turns = np.linspace(0, 2 * np.pi, number + 1)
    circle = np.sqrt(-2 * np.log(level)) * np.array([np.cos(turns), np.sin(turns)])
    return np.linalg.solve(np.linalg.cholesky(form).T, circle).T


def angle(vector, covector):
    """Degrees between a vector and the contour line, at right angles to the covector."""
    vector, covector = np.asarray(vector), np.asarray(covector)
    sine = vector @ covector / np.linalg.norm(vector) / np.linalg.norm(covector)
    return float(np.degrees(np.arcsin(np.clip(sine, -1, 1))))


def metrics():
    """Cost, differential, descent and flows of `GaussianModel` in its five metrics."""
    import jax
    import jax.numpy as jnp

    from steepest.descent import gradient_flow, velocity
    from steepest.models import GaussianModel

    model = GaussianModel()
    points = [(5.0, 1.0), (2.5, 3.2), (6.5, 0.4), (1.2, 0.7)]
    starts = [(6.0, 1.0), (2.5, 3.2), (1.2, 0.7)]
    times = np.array([0.0, 0.1, 1.0, 4.0])
    cases = []
    with jax.enable_x64(True):
        for point in points:
            at = jnp.asarray(point)
            cases.append(case("cost", [point], model.cost(at)))
            cases.append(case("differential", [point], jax.grad(model.cost)(at)))
            for name, metric in model.metrics().items():
                cases.append(case("descent", [name, point], velocity(model.cost, metric, at)))
    for name, metric in model.metrics().items():
        flows = gradient_flow(model.cost, metric, np.array(starts), times, **TIGHT).points
        for start, path in zip(starts, np.asarray(flows), strict=True):
            cases.append(case("flow", [name, start, times], path))
    return cases


def noise():
    """The naive index of simulated sizes, its slopes, and what the rule says of an index."""
    from steepest.inference.designs import simulate_change
    from steepest.inference.synapses import GEOMETRIES, Noise, decide, logroot, logroot_slope
    from steepest.inference.synapses.dual import dual_change
    from steepest.inference.synapses.intervals import Interval
    from steepest.inference.synapses.naming import candidates, margin
    from steepest.inference.synapses.signal import noise_at, signal_at

    cases = []
    for seed, (truth, kind) in enumerate(
        [(1, {}), (1, {"noise_sd": 0.2}), (0, {"noise_cv": 0.2}), (2, {}), (-1, {"noise_cv": 0.1})]
    ):
        before, after = map(np.log, simulate_change(61, truth, seed=seed, **kind))
        index = logroot(before, after)
        cases.append(case("logroot", [before, after], index))
        cases.append(case("slopeInterval", [before, after, index], interval(before, after, index)))
        for at in (-1.0, 0.3, 1.0, 2.0):
            cases.append(
                case(
                    "logrootSlope", [before, after, at], logroot_slope(before, after, np.array(at))
                )
            )
        cases.append(case("median", [before], np.median(before)))
        cases.append(case("median", [before[1:]], np.median(before[1:])))
        few = [before[:5], after[:5], float(truth)]
        cases.append(case("dualChange", few, dual_change(*few)))
        change = dual_change(*few)
        cases += [
            case("changeOfLog", [size, dual, float(truth)], later - size)
            for size, dual, later in zip(before[:5], change, after[:5], strict=True)
        ]
    for index in (-1.2, 0.0, 0.2, 0.45, 0.7, 0.9, 1.1, 2.3, 4.0, np.inf, -np.inf, np.nan):
        for low, high in ((0.1, 0.1), (0.3, 0.5), (0.0, 0.0), (np.inf, 0.2)):
            ends = (index - low, index + high)
            if np.isfinite(index):
                cases.append(case("margin", [index], margin(index)))
                names = list(candidates(Interval(index, *ends)))
                cases.append(case("candidates", [index, ends], names))
            for noise_of in (Noise("none"), Noise("unknown"), Noise("cv", 0.1)):
                decision = decide(index, ends, noise_of)
                said = noise_of.kind if noise_of.kind in ("none", "unknown") else "stated"
                cases.append(
                    case("decide", [index, ends, said], [decision.outcome, decision.verdict])
                )
    middle = np.array([-1.5, 0.0, 0.7])
    for index, parts in ((1.0, (0.2, 0.0, 0.0)), (0.0, (0.1, 0.05, 0.3)), (2.0, (0.0, 0.0, 0.1))):
        signal = signal_at(np.array([index]), np.array([-4.0]), middle)[0]
        errors = noise_at(np.array([parts]), middle)[0]
        for size, s, e in zip(middle, signal, errors, strict=True):
            cases.append(case("signalAt", [index, -4.0, size], s))
            cases.append(case("noiseAt", [parts, size], e))
        share = signal.sum() / (signal + 2 * errors).sum()
        cases.append(case("signalShare", [index, -4.0, parts, middle], share))
    # `simulate_change` draws 10 sizes and 10 changes from one seed: the change of the dual weight
    # over its draw is the scale.
    for index in (-1.0, 0.0, 1.0, 2.0):
        before, after = map(np.log, simulate_change(10, index, change=0.01, seed=3))
        draws = np.random.default_rng(3).standard_normal(20)[10:]
        scale = dual_change(before, after, index) / draws
        cases.append(case("dualScale", [index, 0.01, 0.8], float(np.median(scale))))
    assert list(GEOMETRIES.values()) == [-1.0, 0.0, 0.5, 1.0, 2.0]
    return cases


def interval(before, after, index):
    """The naive index and 1.96 standard errors, from the scatter about the slope."""
    from steepest.inference.synapses import logroot_slope
    from steepest.inference.synapses.dual import dual_change

    change = dual_change(before, after, index)
    deviation = np.abs(change - np.median(change))
    kept = deviation > 0
    size, log = before[kept] - before[kept].mean(), np.log(deviation[kept])
    error = np.sqrt(np.sum((size * (log - log.mean())) ** 2)) / np.sum(size**2)
    ends = [logroot_slope(before, after, np.array(index + step)) for step in (0.25, -0.25)]
    half = 1.959964 * error / abs((ends[0] - ends[1]) / 0.5)
    return [float(index - half), float(index + half)]


def dendrite():
    """Cost, metric, changes and learning of a neuron with two synapses."""
    import jax
    import jax.numpy as jnp

    from steepest.descent import gradient_flow, velocity
    from steepest.geometry import Attenuation, Euclidean, Pullback
    from steepest.papers.kreutzer2022._surrogate import ExpectedCost, surrogate_usps
    from steepest.papers.kreutzer2022._two_coordinates import Parameters
    from steepest.spiking import NeuronFisher, PoissonNeuron

    paper = Parameters()
    neuron, rates = PoissonNeuron(), np.array(paper.rates)
    usps, target = surrogate_usps(neuron, rates, 16, 0), np.array(paper.target)
    fisher = NeuronFisher(neuron, rates)
    times = np.array([0.0, 5.0, 50.0, 200.0])
    speeds = {"Euclidean": paper.euclidean_rate, "natural": paper.natural_rate}
    cases = [
        case("attenuation", [d], Attenuation([d]).factors[0]) for d in (0.0, 45.0, 240.0, 400.0)
    ]
    with jax.enable_x64(True):
        cases += [case("kernel", [t], neuron.kernel(jnp.asarray(t))) for t in (-0.01, 0.0, 0.006)]
        cases += [case("rate", [V], neuron.rate(jnp.asarray(V))) for V in (-900.0, 3.0, 60.0)]
        for mean, variance in ((2.0, 0.0), (9.0, 30.0), (-5.0, 4.0)):
            expected = neuron.moments(jnp.asarray(mean), jnp.asarray(variance))
            cases.append(case("moments", [mean, variance], expected))
        somatic = ExpectedCost(neuron, usps, target)
        for weights in ((0.05, 0.05), (0.3, 0.1), (-0.1, 0.2)):
            w = jnp.asarray(weights)
            slope = jax.grad(somatic)(w)
            cases += [
                case("cost", [usps, target, weights], somatic(w)),
                case("differential", [usps, target, weights], slope),
                case("meanRate", [usps, weights], somatic.rates(w).mean()),
                case("sharp", [weights, slope], fisher.sharp(w, slope)),
            ]
    draws = (usps - rates) / np.sqrt(rates / float(neuron.kernel.c_eps))
    cases.append(case("uspsOf", [draws], usps))
    start = np.array(paper.start)
    for distances in ((0.0, 0.0), (45.0, 240.0), (45.0, 400.0)):
        chart = Attenuation(list(distances))
        factors = np.asarray(chart.factors)
        cost = ExpectedCost(neuron, usps, target, chart)
        for rule, speed in speeds.items():
            metric = Pullback(fisher, chart) if rule == "natural" else Euclidean()
            with jax.enable_x64(True):
                change = speed * velocity(cost, metric, jnp.asarray(start / factors))
            cases.append(case("velocity", [rule, usps, target, factors, start / factors], change))
            path = gradient_flow(cost, metric, start / factors, times * speed, **TIGHT).points
            cases.append(case("learn", [rule, usps, target, factors, times], path * factors))
    return cases


def dale():
    """Mirror steps in the power family, and the shape of sizes."""
    import jax
    import jax.numpy as jnp
    from scipy import stats

    from steepest.descent import mirror_step
    from steepest.geometry import Power

    cases = []
    with jax.enable_x64(True):
        for index in (-1.0, -0.35, 0.0, 0.5, 0.95, 1.0):
            for weight in (0.3, -2.0):
                sign = float(np.sign(weight))
                potential = Power(index, sign)
                w = jnp.asarray([weight])
                dual = potential.to_dual(w)
                cases.append(case("toDual", [index, weight, sign], dual[0]))
                cases.append(
                    case("toPrimal", [index, float(dual[0]), sign], potential.to_primal(dual)[0])
                )
                for covector in (0.7, -3.0):
                    after = mirror_step(potential, w, jnp.asarray([covector]), 0.8)[0]
                    cases.append(case("mirrorStep", [index, weight, sign, covector, 0.8], after))
    values = np.random.default_rng(5).gamma(2.0, size=40)
    cases += [
        case("meanAndSd", [values], [values.mean(), values.std()]),
        case("skewness", [values], stats.skew(values)),
        case("normalDensity", [0.3, 1.0, 2.0], stats.norm.pdf(0.3, 1.0, 2.0)),
    ]
    heights, edges = np.histogram(values, np.linspace(0, 12, 13), density=True)
    cases.append(
        case("histogram", [values, 0.0, 12.0, 12], np.stack([edges[:-1], edges[1:], heights], 1))
    )
    return cases


GOLDEN = {
    "wicked": wicked, "metrics": metrics, "noise": noise, "dendrite": dendrite, "dale": dale,
}  # fmt: skip


def main(names):
    for name in names or GOLDEN:
        lines = ",\n".join(json.dumps(each) for each in GOLDEN[name]())
        (FOLDER / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
