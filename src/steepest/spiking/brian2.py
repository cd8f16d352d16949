"""The learning rules as a runnable Brian2 script, with the same steps as our own engines.

Brian2 is not needed here: the script is text. It does what `simulate_dense` does, in its order:
with the USPs as they stand the weights change, the USPs decay, then the step's spikes are added.
"""

from string import Template
from typing import Any

from steepest.arrays.entry import entry_point
from steepest.spiking.description import RuleDescription, describe_rule
from steepest.spiking.rules import AbstractRule, ApproximateNaturalRule, EuclideanRule
from steepest.spiking.scripts import check_scripted, script_numbers, steps_between
from steepest.spiking.task import FixedRateTeacher, RealisableTeacher, Task

__all__ = ["brian2_script", "export_brian2"]

SCRIPT = Template('''\
"""$title

    python SCRIPT.py [--out FILE.npz] [--spikes FILE.npz] [--duration SECONDS] [--standalone]

Writes `times` (s), `weights` (times, synapses) and `final` (synapses). --spikes reads `afferents`
(steps, synapses) and `teacher` (steps), counts per time step, instead of drawing spikes; it must
hold as many steps as are run.
Kreutzer et al. 2022. Numbers without units are in s, Hz and mV (eps0 in mV s); weights have none.
"""

import argparse

import brian2 as b2
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--out", default="weights.npz")
parser.add_argument("--spikes")
parser.add_argument("--duration", type=float, default=$duration)
parser.add_argument("--standalone", action="store_true", help="compile to C++ and run that")
arguments = parser.parse_args()

rates = np.array($rates)
start = np.array($start)
target = np.array($target)
n = len(rates)

steps = round(arguments.duration / $dt)
$read_spikes
if arguments.standalone:
    b2.set_device("cpp_standalone")
b2.seed($seed)
b2.defaultclock.dt = $dt * b2.second

parameters = {
    "dt_s": $dt, "eta": $eta, "tau_m": $tau_m * b2.second, "tau_s": $tau_s * b2.second,
    "kappa": $kappa, "eps0": $eps0, "c_eps": $c_eps, "q": $q,
    "maximum": $maximum, "steepness": $steepness, "threshold_V": $threshold, "bias": $bias,
    "teacher_rate": $teacher_rate, "c_u": $c_u, "c_w": $c_w,
}

if arguments.spikes:
    parameters["given"] = b2.TimedArray(seen.astype(float), dt=$dt * b2.second)
    parameters["taught"] = b2.TimedArray(heard.astype(float), dt=$dt * b2.second)

# Within the slot "groups" of a time step, in this order: sums over synapses (-1), the neuron's
# coefficients (2), the weights (3), the decay of the USPs (4). Spikes follow in later slots, so
# they count from the next step on.
afferents = b2.NeuronGroup(
    n, "rate : 1 (constant)\\ncount : 1", threshold="count > 0", namespace=parameters,
    name="afferents",
)
afferents.rate = rates
draw = "count = given(t, i)" if arguments.spikes else "count = poisson(rate * dt_s)"
afferents.run_regularly(draw, when="groups")

neuron = b2.NeuronGroup(
    1,
    """
    V : 1        # sum of w x, mV
    V_teacher : 1
    total : 1    # sum of x, mV
    mu : 1       # mean of V
    s2 : 1       # variance of V
    c1 : 1       # E[h], E[h'], E[h''] of h = phi'^2 / phi
    c2 : 1
    c3 : 1
    y : 1        # spikes of the teacher in this step
    score : 1
    gamma_s : 1
    gamma_u : 1
    gamma_w : 1
    """,
    namespace=parameters,
    name="neuron",
)
synapses = b2.Synapses(
    afferents,
    neuron,
    """
    dm/dt = -m / tau_m : 1 (clock-driven)
    ds/dt = -s / tau_s : 1 (clock-driven)
    x = eps0 * kappa * (m - s) : 1
    w : 1
    w_teacher : 1 (constant)
    r : 1 (constant)
    per_r : 1 (constant)   # 1/r, and 0 where r = 0: a silent afferent has no USP
    V_post = w * x : 1 (summed)
    V_teacher_post = w_teacher * x : 1 (summed)
    total_post = x : 1 (summed)
    mu_post = w * eps0 * r : 1 (summed)
    s2_post = w**2 * r / c_eps : 1 (summed)
    """,
    on_pre="m += count_pre\\ns += count_pre",
    method="$method",
    order=4,
    namespace=parameters,
    name="a_synapses",  # sums of the same order are taken by name: these before the moments
)
synapses.connect()
synapses.w = start
synapses.w_teacher = target
synapses.r = rates
synapses.per_r = np.divide(1.0, rates, out=np.zeros(n), where=rates > 0)
$moments
teacher = "y = taught(t)" if arguments.spikes else "$teacher"
neuron.run_regularly(
    teacher
    + """
    score = (y - rate_of(V + bias) * dt_s) * steepness * rest_of(V + bias)
$coefficients
    """.replace("rate_of(V + bias)", "maximum / (1 + exp(-steepness * (V + bias - threshold_V)))")
    .replace("rest_of(V + bias)", "1 / (1 + exp(steepness * (V + bias - threshold_V)))"),
    when="groups",
    order=2,
)
synapses.run_regularly(
    "w += $change",
    when="groups",
    order=3,
)

record = b2.StateMonitor(synapses, "w", record=True, dt=$interval * b2.second, name="record")
b2.run(arguments.duration * b2.second)
np.savez(
    arguments.out,
    times=np.asarray(record.t / b2.second),
    weights=np.asarray(record.w).T,
    final=np.asarray(synapses.w[:]),
)
print(f"weights after {arguments.duration:g} s are in {arguments.out}")
''')

MOMENTS = '''
# Gaussian means over V by the trapezoid rule: each node is a neuron, each term a synapse.
points = np.arange(-45, 46) / 5.0
nodes = b2.NeuronGroup(len(points), "z : 1 (constant)\\nweight : 1 (constant)", name="nodes")
nodes.z = points
nodes.weight = np.exp(-(points**2) / 2) / np.exp(-(points**2) / 2).sum()
moments = b2.Synapses(
    nodes,
    neuron,
    """
    u = steepness * (mu_post + sqrt(s2_post) * z_pre + bias - threshold_V) : 1
    p = 1 / (1 + exp(-u)) : 1
    rest = 1 / (1 + exp(u)) : 1
    h = weight_pre * steepness**2 * maximum * p * rest**2 : 1
    c1_post = h : 1 (summed)
    c2_post = steepness * h * (1 - 3 * p) : 1 (summed)
    c3_post = steepness**2 * h * ((1 - 3 * p)**2 - 3 * p * rest) : 1 (summed)
    """,
    namespace=parameters,
    name="b_moments",
)
moments.connect()
'''

NATURAL = """
    gamma_s = 1 / c1
    delta = c1 * c3 - c2**2
    D = c1**2 * (1 + q) + 2 * c1 * c2 * mu + c1 * c3 * s2 + delta * (q * s2 - mu**2)
    g1 = -(c1**2 + delta * s2) / D
    g2 = -(c1 * c2 - delta * mu) / D
    g4 = -(c1 * c3 + q * delta) / D
    gamma_u = -c_eps * eps0 * (g1 * c_eps * eps0 * total + g2 * V)
    gamma_w = g2 * c_eps * eps0 * total + g4 * V"""

APPROXIMATE = """
    gamma_s = 1 / c1
    gamma_u = c_u * c_eps * eps0
    gamma_w = c_w * V"""

CHANGE = "eta * score_post * gamma_s_post * (c_eps * x * per_r - gamma_u_post + gamma_w_post * w)"

TEACHERS = {
    RealisableTeacher: (
        "y = poisson(maximum / (1 + exp(-steepness * (V_teacher + bias - threshold_V))) * dt_s)"
    ),
    FixedRateTeacher: "y = poisson(teacher_rate * dt_s)",
}


@entry_point(kernel="NeuronFisher and the rules")
def export_brian2(
    task: Task,
    rule: AbstractRule,
    weights: Any,
    *,
    rate: float,
    duration: float,
    dt: float = 5e-4,
    seed: int = 0,
    euler: bool = False,
    intervals: int = 100,
) -> str:
    """A Brian2 script in which one neuron learns a task by a rule from `weights` (n,).

    For the Euclidean, natural and approximate rules, a sigmoid, a difference of exponentials and
    constant rates. On the same spikes (its `--spikes`) it gives the weights of `simulate`.
    `brian2_script` writes the same of a `RuleDescription`.

    - `task`, `rule`: what is learned, and how; `weights`: where learning begins, (n,).
    - `rate`: eta, in 1/s for the natural rules, a number without unit for the Euclidean one.
    - `duration`, `dt`: of the run and of one step, in s; `seed`: of the script's spikes.
    - `euler`: USPs by forward Euler instead of exact ones.
    - `intervals`: how often the script records.

    Raises `UsageError` for what it cannot express.

    >>> from steepest.spiking import paper_task
    >>> task, start = paper_task(trials=1, n=4)
    >>> script = export_brian2(task, EuclideanRule(), start[0], rate=1e-5, duration=1.0)
    >>> "import brian2" in script
    True
    """
    check_scripted(task, rule, "Brian2")
    description = describe_rule(
        task, rule, weights, rate=rate, duration=duration, dt=dt, seed=seed, euler=euler
    )
    return brian2_script(description, intervals)


@entry_point(kernel="NeuronFisher and the rules")
def brian2_script(description: RuleDescription, intervals: int = 100) -> str:
    """A Brian2 script of a rule's description, which records at so many intervals.

    On the same spikes (its `--spikes`) it gives the weights of `simulate`. Raises `UsageError` for
    what it cannot express.

    >>> from steepest.spiking import NaturalRule, describe_rule, paper_task
    >>> task, start = paper_task(trials=1, n=4)
    >>> description = describe_rule(task, NaturalRule(), start[0], rate=6e-4, duration=1.0)
    >>> "import brian2" in brian2_script(description)
    True
    """
    numbers = script_numbers(description, "Brian2")
    rule, settings = description.rule, description.settings
    steps = steps_between(description, intervals)
    euclidean = isinstance(rule, EuclideanRule)
    coefficients = APPROXIMATE if isinstance(rule, ApproximateNaturalRule) else NATURAL
    return SCRIPT.substitute(
        numbers,
        method="euler" if settings.euler else "exact",
        moments="" if euclidean else MOMENTS,
        teacher=TEACHERS[type(description.task.source)],
        coefficients="" if euclidean else coefficients.strip("\n"),
        change="eta * score_post * x" if euclidean else CHANGE,
        interval=repr(steps * settings.dt),
    )
