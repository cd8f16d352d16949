"""The learning rules as a NESTML model: a neuron whose synaptic weights are its vectors.

One step is that of `simulate_dense`, in its order: with the USPs as they stand the weights change,
the USPs decay, then the step's spikes are added. NEST and NESTML are not needed here.
"""

from string import Template

from steepest.arrays.entry import entry_point
from steepest.spiking.description import RuleDescription
from steepest.spiking.rules import ApproximateNaturalRule, EuclideanRule
from steepest.spiking.scripts import script_numbers
from steepest.spiking.task import RealisableTeacher

__all__ = ["nestml_model"]

MODEL = Template("""\
# $title
#
# Kreutzer et al. 2022. Numbers are in s, Hz and mV (eps0 in mV s); weights have no unit.
# Afferent i fires into the receptor of spikes[i], a teacher whose spikes are given into that of
# teacher_spikes (drawn=False then), with weight 1. Spikes count from the next step on. The rates of
# afferents, the weights and those of the teacher are vectors, which are set when a neuron is made:
#
#   generate_nest_target("$name.nestml", "target", module_name="steepest_module")
#   nest.Install("steepest_module")
#   neuron = nest.Create("$name", params={"r": RATES, "w": WEIGHTS, "w_teacher": TARGET})
#
# with those of the rule's description (steepest.rule/1): afferents.rates.values, weights.values and
# teacher.weights.values. The resolution of NEST is $resolution ms.
model $name:
    state:
        w[$n] real = 0.0            # synaptic weights
        w_teacher[$n] real = 0.0    # those of the teacher
        r[$n] real = 0.0            # rates of the afferents, Hz
        trace_m[$n] real = 0.0      # the two traces of a USP
        trace_s[$n] real = 0.0
        x[$n] real = 0.0            # USPs, mV
        voltage real = 0.0          # sum of w x, mV
        taught_voltage real = 0.0
        total real = 0.0            # sum of x, mV
        mu real = 0.0               # mean of the voltage
        s2 real = 0.0               # its variance
        y real = 0.0                # spikes of the teacher in this step
        p real = 0.0
        score real = 0.0
        gamma_s real = 1.0
        gamma_u real = 0.0
        gamma_w real = 0.0
        change real = 0.0

    parameters:
        eta real = $eta             # learning rate
        tau_m real = $tau_m         # of the USP, s
        tau_s real = $tau_s
        eps0 real = $eps0           # its integral, mV s
        maximum real = $maximum     # of the transfer function, Hz
        steepness real = $steepness # 1/mV
        threshold real = $threshold # mV
        bias real = $bias           # mV
        teacher_rate real = $teacher_rate   # of a teacher that fires by itself, Hz
        drawn boolean = true        # whether the teacher's spikes are drawn here
        c_u real = $c_u             # of the approximate rule
        c_w real = $c_w             # 1/mV^2

    internals:
        step_s real = resolution() / (1000 ms)   # s
        decay_m real = $decay_m
        decay_s real = $decay_s
        scale real = eps0 / (tau_m - tau_s)
        c_eps real = 2 * (tau_m + tau_s) / eps0**2

    input:
        spikes[$n] <- spike
        teacher_spikes <- spike

    output:
        spike

    update:
        i integer = 0
        voltage = 0.0
        taught_voltage = 0.0
        total = 0.0
        for i in 0 ... $n step 1:
            x[i] = scale * (trace_m[i] - trace_s[i])
            voltage += w[i] * x[i]
            taught_voltage += w_teacher[i] * x[i]
            total += x[i]
        y = teacher_spikes * (1 s)
        if drawn:
            y += random_poisson($expected)
        p = 1 / (1 + exp(-steepness * (voltage + bias - threshold)))
        score = (y - maximum * p * step_s) * steepness * (1 - p)
$coefficients        for i in 0 ... $n step 1:
            change = $change
            w[i] += eta * score * change
            trace_m[i] = decay_m * trace_m[i] + spikes[i] * (1 s)
            trace_s[i] = decay_s * trace_s[i] + spikes[i] * (1 s)
        if random_uniform(0, 1) < 1 - exp(-maximum * p * step_s):
            emit_spike()
""")

MOMENTS = """\
        mu = 0.0
        s2 = 0.0
        sum_r real = 0.0
        for i in 0 ... $n step 1:
            mu += w[i] * eps0 * r[i]
            s2 += w[i] * w[i] * r[i] / c_eps
            sum_r += r[i]
        # E[h], E[h'], E[h''] of h = phi'^2 / phi: Gaussian means over V by the trapezoid rule.
        node integer = 0
        place real = 0.0
        share real = 0.0
        argument real = 0.0
        logistic real = 0.0
        term real = 0.0
        shares real = 0.0
        c1 real = 0.0
        c2 real = 0.0
        c3 real = 0.0
        for node in 0 ... 91 step 1:
            place = 0.2 * node - 9.0
            share = exp(-place * place / 2)
            argument = steepness * (mu + s2**0.5 * place + bias - threshold)
            logistic = 1 / (1 + exp(-argument))
            term = share * steepness**2 * maximum * logistic * (1 - logistic)**2
            shares += share
            c1 += term
            c2 += steepness * term * (1 - 3 * logistic)
            c3 += steepness**2 * term * ((1 - 3 * logistic)**2 - 3 * logistic * (1 - logistic))
        c1 = c1 / shares
        c2 = c2 / shares
        c3 = c3 / shares
        gamma_s = 1 / c1
"""
NATURAL = """\
        q real = c_eps * eps0**2 * sum_r
        delta real = c1 * c3 - c2**2
        denominator real = c1**2 * (1 + q) + 2 * c1 * c2 * mu + c1 * c3 * s2
        denominator += delta * (q * s2 - mu**2)
        g1 real = -(c1**2 + delta * s2) / denominator
        g2 real = -(c1 * c2 - delta * mu) / denominator
        g4 real = -(c1 * c3 + q * delta) / denominator
        gamma_u = -c_eps * eps0 * (g1 * c_eps * eps0 * total + g2 * voltage)
        gamma_w = g2 * c_eps * eps0 * total + g4 * voltage
"""
APPROXIMATE = """\
        gamma_u = c_u * c_eps * eps0
        gamma_w = c_w * voltage
"""
CHANGE = """gamma_s * (gamma_w * w[i] - gamma_u)
            if r[i] > 0:
                change += gamma_s * c_eps * x[i] / r[i]"""


@entry_point(kernel="NeuronFisher and the rules")
def nestml_model(description: RuleDescription) -> str:
    """A NESTML model of a rule's description: a neuron that learns, with its weights as vectors.

    Raises `UsageError` for what the model cannot express.

    >>> from steepest.spiking import NaturalRule, describe_rule, paper_task
    >>> task, start = paper_task(trials=1, n=4)
    >>> description = describe_rule(task, NaturalRule(), start[0], rate=6e-4, duration=1.0)
    >>> "model natural_neuron:" in nestml_model(description)
    True
    """
    numbers = script_numbers(description, "NESTML")
    rule, settings = description.rule, description.settings
    coefficients, change = "", "x[i]"
    if not isinstance(rule, EuclideanRule):
        approximate = isinstance(rule, ApproximateNaturalRule)
        coefficients = Template(MOMENTS + (APPROXIMATE if approximate else NATURAL))
        coefficients, change = coefficients.substitute(numbers), CHANGE
    realisable = isinstance(description.task.source, RealisableTeacher)
    rate = "maximum / (1 + exp(-steepness * (taught_voltage + bias - threshold)))"
    return MODEL.substitute(
        numbers,
        name=f"{description.name}_neuron",
        resolution=repr(1000 * settings.dt),
        expected=f"{rate if realisable else 'teacher_rate'} * step_s",
        decay_m="1 - step_s / tau_m" if settings.euler else "exp(-step_s / tau_m)",
        decay_s="1 - step_s / tau_s" if settings.euler else "exp(-step_s / tau_s)",
        coefficients=coefficients,
        change=change,
    )
