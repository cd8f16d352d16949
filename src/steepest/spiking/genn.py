"""The learning rules as PyGeNN model classes in a runnable script.

GeNN is not needed here: the script is text. A step is that of `simulate_dense`. GeNN runs synapses
before neurons, so the synapses do what the neuron decided in the step before, with the USPs of that
step; the mean and variance of V that the natural rules need follow the weights in closed form.
"""

from string import Template
from textwrap import indent

from steepest.arrays.entry import entry_point
from steepest.spiking.description import RuleDescription
from steepest.spiking.rules import ApproximateNaturalRule, EuclideanRule
from steepest.spiking.scripts import script_numbers, steps_between
from steepest.spiking.task import RealisableTeacher

__all__ = ["genn_script"]

SCRIPT = Template('''\
"""$title

    python SCRIPT.py [--out FILE.npz] [--spikes FILE.npz] [--duration SECONDS] [--backend NAME]

Writes `times` (s), `weights` (times, synapses) and `final` (synapses). --spikes reads `afferents`
(steps, synapses) and `teacher` (steps), counts per time step, instead of drawing spikes; it must
hold as many steps as are run. The models can be imported from here: `afferent_model`,
`neuron_model`, `learning` and `summing`. Kreutzer et al. 2022. Numbers without units are in s, Hz
and mV (eps0 in mV s); GeNN's own t and dt are in ms.
"""

import argparse

import numpy as np
import pygenn

POISSON = """
    // Poisson counts by inversion
    const scalar uniform = gennrand_uniform();
    scalar chance = exp(-expected);
    scalar below = chance;
    count = 0.0;
    while(uniform > below && count < 63.0) {
        count += 1.0;
        chance = chance * expected / count;
        below += chance;
    }
"""
GIVEN = "count = (step < steps) ? given[(step * $n) + id] : 0.0;"
TAUGHT = "count = (step < steps) ? taught[step] : 0.0;"


def afferent_model(spikes_given):
    """An afferent: its USP x (mV), that of the step before, and what it adds to sums over them."""
    return pygenn.create_neuron_model(
        "afferent",
        params=["decay_m", "decay_s", "scale", "dt_s", "steps"],
        vars=[("rate", "scalar"), ("m", "scalar"), ("s", "scalar"), ("x", "scalar"),
              ("x_before", "scalar"), ("per_r", "scalar"), ("count", "scalar"),
              ("step", "unsigned int")],
        extra_global_params=[("given", "scalar*")] if spikes_given else [],
        sim_code="const scalar expected = rate * dt_s;"
        + (GIVEN if spikes_given else POISSON)
        + """
        x_before = x;
        m = (decay_m * m) + count;
        s = (decay_s * s) + count;
        x = scale * (m - s);
        step += 1;
        """,
        threshold_condition_code="count > 0.0",
    )


def neuron_model(spikes_given):
    """The neuron: its score against the teacher's spikes, and the three scalars of the rule."""
    return pygenn.create_neuron_model(
        "neuron",
        params=["eta", "dt_s", "maximum", "steepness", "threshold_V", "bias", "eps0", "c_eps",
                "q", "total_rate", "c_u", "c_w", "teacher_rate", "steps"],
        vars=[("V", "scalar"), ("mu", "scalar"), ("s2", "scalar"), ("score", "scalar"),
              ("dose", "scalar"), ("gamma_u", "scalar"), ("gamma_w", "scalar"),
              ("count", "scalar"), ("step", "unsigned int"), ("fires", "scalar")],
        additional_input_vars=[("V_teacher", "scalar", 0.0), ("total", "scalar", 0.0),
                               ("squares", "scalar", 0.0)],
        extra_global_params=[("taught", "scalar*")] if spikes_given else [],
        sim_code="""
        V = Isyn;
        const scalar expected = $expected;
        """
        + (TAUGHT if spikes_given else POISSON)
        + """
        const scalar p = 1.0 / (1.0 + exp(-steepness * (V + bias - threshold_V)));
        const scalar rest = 1.0 / (1.0 + exp(steepness * (V + bias - threshold_V)));
        score = (count - (maximum * p * dt_s)) * steepness * rest;
$coefficients
        fires = (gennrand_uniform() < (1.0 - exp(-maximum * p * dt_s))) ? 1.0 : 0.0;
        step += 1;
        """,
        threshold_condition_code="fires > 0.0",
    )


# A synapse that learns, and sends its part of V.
learning = pygenn.create_weight_update_model(
    "learning",
    params=["c_eps"],
    vars=[("w", "scalar")],
    pre_neuron_var_refs=[("x", "scalar", pygenn.VarAccessMode.READ_ONLY),
                         ("x_before", "scalar", pygenn.VarAccessMode.READ_ONLY),
                         ("per_r", "scalar", pygenn.VarAccessMode.READ_ONLY)],
    post_neuron_var_refs=[("dose", "scalar", pygenn.VarAccessMode.READ_ONLY),
                          ("gamma_u", "scalar", pygenn.VarAccessMode.READ_ONLY),
                          ("gamma_w", "scalar", pygenn.VarAccessMode.READ_ONLY)],
    synapse_dynamics_code="""
    w += dose * ($change);
    addToPost(w * x);
    """,
)

# A synapse that does not: a weighted sum of USPs, or of their squares over rates.
summing = pygenn.create_weight_update_model(
    "summing",
    params=["square"],
    vars=[("w", "scalar", pygenn.VarAccess.READ_ONLY)],
    pre_neuron_var_refs=[("x", "scalar", pygenn.VarAccessMode.READ_ONLY),
                         ("per_r", "scalar", pygenn.VarAccessMode.READ_ONLY)],
    synapse_dynamics_code="addToPost(w * ((square > 0.0) ? (x * x * per_r) : x));",
)


def main():
    """Learn, and write the weights."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default="weights.npz")
    parser.add_argument("--spikes")
    parser.add_argument("--duration", type=float, default=$duration)
    parser.add_argument("--backend", default="single_threaded_cpu")
    arguments = parser.parse_args()

    rates = np.array($rates)
    start = np.array($start)
    target = np.array($target)
    n = len(rates)
    steps = round(arguments.duration / $dt)
    given = None
$read_spikes
    per_r = np.divide(1.0, rates, out=np.zeros(n), where=rates > 0)
    model = pygenn.GeNNModel("double", "$name", backend=arguments.backend)
    model.dt = 1000 * $dt
    model.seed = 1 + $seed % (2**32 - 1)  # 0 would be another seed at each run

    afferents = model.add_neuron_population(
        "afferents", n, afferent_model(given is not None),
        {"decay_m": $decay_m, "decay_s": $decay_s, "scale": $eps0 * $kappa, "dt_s": $dt,
         "steps": steps},
        {"rate": rates, "m": 0.0, "s": 0.0, "x": 0.0, "x_before": 0.0, "per_r": per_r,
         "count": 0.0, "step": 0},
    )
    neuron = model.add_neuron_population(
        "neuron", 1, neuron_model(given is not None),
        {"eta": $eta, "dt_s": $dt, "maximum": $maximum, "steepness": $steepness,
         "threshold_V": $threshold, "bias": $bias, "eps0": $eps0, "c_eps": $c_eps, "q": $q,
         "total_rate": $total_rate, "c_u": $c_u, "c_w": $c_w, "teacher_rate": $teacher_rate,
         "steps": steps},
        {"V": 0.0, "mu": $eps0 * (start @ rates), "s2": (start**2 @ rates) / $c_eps,
         "score": 0.0, "dose": 0.0, "gamma_u": 0.0, "gamma_w": 0.0, "count": 0.0, "step": 0,
         "fires": 0.0},
    )
    if given is not None:
        afferents.extra_global_params["given"].set_init_values(
            np.ascontiguousarray(seen, dtype=float).ravel()
        )
        neuron.extra_global_params["taught"].set_init_values(heard.astype(float))

    usps = {"x": pygenn.create_var_ref(afferents, "x"),
            "per_r": pygenn.create_var_ref(afferents, "per_r")}
    synapses = model.add_synapse_population(
        "synapses", "DENSE", afferents, neuron,
        pygenn.init_weight_update(
            learning, {"c_eps": $c_eps}, {"w": start},
            pre_var_refs={**usps, "x_before": pygenn.create_var_ref(afferents, "x_before")},
            post_var_refs={name: pygenn.create_var_ref(neuron, name)
                           for name in ("dose", "gamma_u", "gamma_w")},
        ),
        pygenn.init_postsynaptic("DeltaCurr"),
    )
    sums = {"V_teacher": (target, 0.0), "total": (np.ones(n), 0.0), "squares": (np.ones(n), 1.0)}
    for name, (weights, square) in sums.items():
        group = model.add_synapse_population(
            f"sum_{name}", "DENSE", afferents, neuron,
            pygenn.init_weight_update(
                summing, {"square": square}, {"w": weights}, pre_var_refs=usps
            ),
            pygenn.init_postsynaptic("DeltaCurr"),
        )
        group.post_target_var = name

    model.build()
    model.load()
    times, recorded = [], []
    weights = synapses.vars["w"]
    for step in range(steps + 1):  # the synapses of the last one do what the neuron decided before
        model.step_time()
        if step == steps or step % $every == 0:
            weights.pull_from_device()
            values = np.array(weights.values, dtype=float).ravel()
            if step < steps:
                times.append(step * $dt)
                recorded.append(values)
    np.savez(
        arguments.out, times=np.array(times), weights=np.array(recorded), final=values
    )
    print(f"weights after {arguments.duration:g} s are in {arguments.out}")


if __name__ == "__main__":
    main()
''')

MOMENTS = """\
        // E[h], E[h'], E[h''] of h = phi'^2 / phi: Gaussian means over V by the trapezoid rule
        scalar c1 = 0.0;
        scalar c2 = 0.0;
        scalar c3 = 0.0;
        scalar shares = 0.0;
        for(int k = 0; k < 91; k++) {
            const scalar z = (k - 45) / 5.0;
            const scalar share = exp(-z * z / 2.0);
            const scalar u = steepness * (mu + (sqrt(s2) * z) + bias - threshold_V);
            const scalar f = 1.0 / (1.0 + exp(-u));
            const scalar g = 1.0 / (1.0 + exp(u));
            const scalar h = share * steepness * steepness * maximum * f * g * g;
            const scalar r = 1.0 - (3.0 * f);
            shares += share;
            c1 += h;
            c2 += steepness * h * r;
            c3 += steepness * steepness * h * ((r * r) - (3.0 * f * g));
        }
        c1 = c1 / shares;
        c2 = c2 / shares;
        c3 = c3 / shares;
        dose = eta * score / c1;
"""
NATURAL = """\
        const scalar delta = (c1 * c3) - (c2 * c2);
        const scalar D = (c1 * c1 * (1.0 + q)) + (2.0 * c1 * c2 * mu) + (c1 * c3 * s2)
            + (delta * ((q * s2) - (mu * mu)));
        const scalar g1 = -((c1 * c1) + (delta * s2)) / D;
        const scalar g2 = -((c1 * c2) - (delta * mu)) / D;
        const scalar g4 = -((c1 * c3) + (q * delta)) / D;
        gamma_u = -c_eps * eps0 * ((g1 * c_eps * eps0 * total) + (g2 * V));
        gamma_w = (g2 * c_eps * eps0 * total) + (g4 * V);
"""
APPROXIMATE = """\
        gamma_u = c_u * c_eps * eps0;
        gamma_w = c_w * V;
"""
FOLLOW = """\
        // what the weights' change, dose (c x / r - gamma_u + gamma_w w), makes of mu and s2
        const scalar cross = (c_eps * V) - (gamma_u * mu / eps0) + (gamma_w * c_eps * s2);
        const scalar square = (c_eps * c_eps * squares) + (gamma_u * gamma_u * total_rate)
            + (gamma_w * gamma_w * c_eps * s2) - (2.0 * c_eps * gamma_u * total)
            + (2.0 * c_eps * gamma_w * V) - (2.0 * gamma_u * gamma_w * mu / eps0);
        s2 += ((2.0 * dose * cross) + (dose * dose * square)) / c_eps;
        mu += dose * ((eps0 * c_eps * total) - (eps0 * gamma_u * total_rate) + (gamma_w * mu));"""


@entry_point(kernel="NeuronFisher and the rules")
def genn_script(description: RuleDescription, intervals: int = 100) -> str:
    """A PyGeNN script of a rule's description, which records at so many intervals.

    On the same spikes (its `--spikes`) it gives the weights of `simulate`. Raises `UsageError` for
    what it cannot express.

    >>> from steepest.spiking import NaturalRule, describe_rule, paper_task
    >>> task, start = paper_task(trials=1, n=4)
    >>> description = describe_rule(task, NaturalRule(), start[0], rate=6e-4, duration=1.0)
    >>> "import pygenn" in genn_script(description)
    True
    """
    numbers = script_numbers(description, "GeNN")
    rule, settings = description.rule, description.settings
    coefficients, change = "        dose = eta * score;", "x_before"
    if not isinstance(rule, EuclideanRule):
        approximate = isinstance(rule, ApproximateNaturalRule)
        coefficients = MOMENTS + (APPROXIMATE if approximate else NATURAL) + FOLLOW
        change = "(c_eps * x_before * per_r) - gamma_u + (gamma_w * w)"
    realisable = isinstance(description.task.source, RealisableTeacher)
    rate = "maximum / (1.0 + exp(-steepness * (V_teacher + bias - threshold_V)))"

    def decay(name: str) -> str:
        steps = f"{numbers['dt']} / {numbers[name]}"
        return f"1.0 - {steps}" if settings.euler else f"np.exp(-{steps})"

    return SCRIPT.substitute(
        numbers,
        read_spikes=indent(numbers["read_spikes"], "    "),
        name=description.name,
        expected=f"{rate if realisable else 'teacher_rate'} * dt_s",
        coefficients=coefficients,
        change=change,
        decay_m=decay("tau_m"),
        decay_s=decay("tau_s"),
        every=steps_between(description, intervals),
    )
