"""What others would write: the spiking task dense in Numba and NumPy, and in Brian2.

Each peer is written for speed, as an expert would: the dense ones fuse update, decay and sums into
one pass, draw spikes by gaps or sparsely, and refresh the metric's coefficients every 20 ms, which
is as good as in every bin.
"""
# ruff: noqa: NPY002  (inside Numba, np.random is per thread and the fast one)

import json
import math
import subprocess
import tempfile
from pathlib import Path

import numba
import numpy as np

DT, TAU_M, TAU_S = 5e-4, 0.010, 0.003
A, B, KAPPA = math.exp(-DT / TAU_M), math.exp(-DT / TAU_S), 1 / (TAU_M - TAU_S)
C_EPS = 2 * (TAU_M + TAU_S)
REFRESH = 40  # steps
Z = np.linspace(-6, 6, 49)
WEIGHT = np.exp(-(Z**2) / 2) / np.exp(-(Z**2) / 2).sum()


@numba.njit(cache=True)
def inverse_metric(mu, s2, q):
    """1/c1, g1, g2 and g4 at a mean and variance of the voltage."""
    c1 = c2 = c3 = 0.0
    deviation = math.sqrt(s2)
    for k in range(len(Z)):
        p = 1 / (1 + math.exp(-0.3 * (mu + deviation * Z[k] - 10)))
        h = WEIGHT[k] * 9 * p * (1 - p) ** 2
        c1 += h
        c2 += 0.3 * h * (1 - 3 * p)
        c3 += 0.09 * h * ((1 - 3 * p) ** 2 - 3 * p * (1 - p))
    delta = c1 * c3 - c2 * c2
    D = c1 * c1 * (1 + q) + 2 * c1 * c2 * mu + c1 * c3 * s2 + delta * (q * s2 - mu * mu)
    return (
        1 / c1,
        -(c1 * c1 + delta * s2) / D,
        -(c1 * c2 - delta * mu) / D,
        -(c1 * c3 + q * delta) / D,
    )


@numba.njit(parallel=True, fastmath=True, cache=True)
def numba_dense(natural, eta, rates, w, target, m, s, gains, steps, half):
    """All trials for some steps; `gains` (n,) is c/r, or 1. Every array has one float type."""
    trials, n = w.shape
    q = C_EPS * np.sum(rates)
    slow = 1 / (rates[0] * DT * half)
    fast = 1 / (rates[-1] * DT * (n - half))
    zero = w[0, 0] * 0
    a, b, kappa = zero + A, zero + B, zero + KAPPA
    for trial in numba.prange(trials):
        wt, mt, st, tt = w[trial], m[trial], s[trial], target[trial]
        V = T = X = zero
        mu = s2 = zero
        for i in range(n):
            x = kappa * (mt[i] - st[i])
            V += wt[i] * x
            T += tt[i] * x
            X += x
            mu += wt[i] * rates[i]
            s2 += wt[i] * wt[i] * rates[i]
        next_slow, next_fast = np.random.exponential(slow), np.random.exponential(fast)
        gs = g1 = g2 = g4 = 0.0
        for step in range(steps):
            if natural and step % REFRESH == 0:
                gs, g1, g2, g4 = inverse_metric(mu, s2 / C_EPS, q)
            y = 1.0 if np.random.random() < 100 * DT / (1 + math.exp(-0.3 * (T - 10))) else 0.0
            e = math.exp(-0.3 * (V - 10))
            score = eta * (y - 100 * DT / (1 + e)) * 0.3 * e / (1 + e)
            bu = lam = 0.0
            if natural:
                score *= gs
                bu = -score * C_EPS * (g1 * C_EPS * X + g2 * V)
                lam = score * (g2 * C_EPS * X + g4 * V)
            grow, down, up = zero + 1 + lam, zero + bu, zero + score * KAPPA
            V = T = X = zero
            mu = s2 = zero
            for i in range(n):
                w1 = grow * wt[i] + up * gains[i] * (mt[i] - st[i]) - down
                m1, s1 = a * mt[i], b * st[i]
                wt[i], mt[i], st[i] = w1, m1, s1
                x = kappa * (m1 - s1)
                V += w1 * x
                T += tt[i] * x
                X += x
                mu += w1 * rates[i]
                s2 += w1 * w1 * rates[i]
            # A spike adds 1 to both traces: x, and with it all sums, are as they were.
            while next_slow < step + 1:
                i = np.random.randint(0, half)
                mt[i] += 1
                st[i] += 1
                next_slow += np.random.exponential(slow)
            while next_fast < step + 1:
                i = np.random.randint(half, n)
                mt[i] += 1
                st[i] += 1
                next_fast += np.random.exponential(fast)


def numpy_sparse(natural, eta, rates, w, target, m, s, gains, steps, half):
    """The same, all trials at once in each step, spikes drawn as counts and places."""
    random = np.random.default_rng(0)
    trials, n = w.shape
    kind = w.dtype.type
    q = C_EPS * float(rates.sum())
    one = np.ones((trials, 1), dtype=kind)
    gs = g1 = g2 = g4 = one
    expected = trials * DT * half * float(rates[0]), trials * DT * (n - half) * float(rates[-1])
    for step in range(steps):
        x = kind(KAPPA) * (m - s)
        V = np.einsum("ij,ij->i", w, x)[:, None]
        T = np.einsum("ij,ij->i", target, x)[:, None]
        if natural and step % REFRESH == 0:
            found = [
                inverse_metric(*at, q)
                for at in zip(w @ rates, w**2 @ rates / kind(C_EPS), strict=True)
            ]
            gs, g1, g2, g4 = (np.array(g, dtype=kind)[:, None] for g in zip(*found, strict=True))
        y = random.random((trials, 1), dtype=np.float32) < 100 * DT / (1 + np.exp(-0.3 * (T - 10)))
        e = np.exp(-kind(0.3) * (V - kind(10)))
        score = kind(eta * 0.3) * (y - kind(100 * DT) / (1 + e)) * e / (1 + e)
        if natural:
            score = score * gs
            X = x.sum(axis=1, keepdims=True)
            x *= gains
            x *= score
            w *= 1 + score * (g2 * kind(C_EPS) * X + g4 * V)
            w += score * kind(C_EPS) * (g1 * kind(C_EPS) * X + g2 * V)
        else:
            x *= score
        w += x
        m *= kind(A)
        s *= kind(B)
        for k, mean in enumerate(expected):
            count = random.poisson(mean)
            where = (
                random.integers(0, trials, count),
                random.integers(k * half, half + k * (n - half), count),
            )
            m[where] += 1
            s[where] += 1


BRIAN2 = '''
import json, resource, sys, tempfile
import brian2 as b2
import numpy as np
job = json.loads(sys.argv[1])
folder = tempfile.mkdtemp()
b2.set_device("cpp_standalone", directory=folder, build_on_run=False)
b2.prefs.core.default_float_dtype = np.float32
b2.prefs.devices.cpp_standalone.extra_make_args_unix = ["-j2"]
n, trials, natural = job["n"], job["trials"], job["natural"]
half = n // 2
b2.defaultclock.dt = 0.5 * b2.ms
rates = np.tile(np.repeat([10.0, 50.0], half), trials)
random = np.random.default_rng(0)
names = {"eta": job["eta"], "c": 0.026, "q": 0.026 * 60.0 * half, "dts": 5e-4, "kappa": 1 / 0.007}
inputs = b2.PoissonGroup(n * trials, rates * b2.Hz)
teacher_and_student = "V : 1\\nT : 1\\ny : 1\\ng : 1\\nbu : 1\\nlam : 1\\n"
extra = "X : 1\\nmu : 1\\ns2 : 1\\nc1 : 1\\nc2 : 1\\nc3 : 1\\n" if natural else ""
neuron = b2.NeuronGroup(trials, teacher_and_student + extra, namespace=names)
model = """dm/dt = -m/(10*ms) : 1 (clock-driven)
ds/dt = -s/(3*ms) : 1 (clock-driven)
w : 1
ws : 1 (constant)
x = kappa*(m - s) : 1
V_post = w*x : 1 (summed)
T_post = ws*x : 1 (summed)
"""
if natural:
    model += """r : 1 (constant)
X_post = x : 1 (summed)
mu_post = w*r : 1 (summed)
s2_post = w*w*r/c : 1 (summed)
"""
syn = b2.Synapses(inputs, neuron, model, on_pre="m += 1\\ns += 1", method="euler", order=4,
                  namespace=names)
syn.connect(i=np.arange(n * trials), j=np.repeat(np.arange(trials), n))
syn.w = random.uniform(-1 / n, 1 / n, n * trials)
syn.ws = random.uniform(-1 / n, 1 / n, n * trials)
score = "eta*(y - 100*dts/(1 + exp(-0.3*(V - 10))))*0.3/(1 + exp(0.3*(V - 10)))"
draw = "y = int(rand() < 100*dts/(1 + exp(-0.3*(T - 10))))\\n"
if natural:
    syn.r = rates
    z = np.linspace(-4, 4, 17)
    p = np.exp(-z**2 / 2) / np.exp(-z**2 / 2).sum()
    def mean(f):
        at = "(1/(1+exp(-0.3*(mu+sqrt(s2)*(%.9g)-10))))"
        return " + ".join("%.9g*(%s)" % (pk, f.replace("P", at % zk)) for zk, pk in zip(z, p))
    neuron.run_regularly(
        "c1 = " + mean("9*P*(1-P)**2") + "\\nc2 = " + mean("2.7*P*(1-P)**2*(1-3*P)")
        + "\\nc3 = " + mean("0.81*P*(1-P)**2*((1-3*P)**2-3*P*(1-P))"),
        dt=20 * b2.ms, when="groups", order=1)
    neuron.run_regularly(draw + """d = c1*c3 - c2*c2
D = c1*c1*(1+q) + 2*c1*c2*mu + c1*c3*s2 + d*(q*s2-mu*mu)
g1 = -(c1*c1 + d*s2)/D
g2 = -(c1*c2 - d*mu)/D
g4 = -(c1*c3 + q*d)/D
g = """ + score + """/c1
bu = -g*c*(g1*c*X + g2*V)
lam = g*(g2*c*X + g4*V)
""", when="groups", order=2)
    syn.run_regularly("w += g_post*(c/r)*x - bu_post + lam_post*w", when="groups", order=3)
else:
    neuron.run_regularly(draw + "g = " + score, when="groups", order=2)
    syn.run_regularly("w += g_post*x", when="groups", order=3)
b2.run(job["steps"] * 0.5 * b2.ms)
b2.device.build(directory=folder, run=False)
before = resource.getrusage(resource.RUSAGE_CHILDREN)
b2.device.run()
after = resource.getrusage(resource.RUSAGE_CHILDREN)
assert np.isfinite(np.asarray(syn.w)).all()
cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
print(json.dumps(cpu if job["cpu"] else float(b2.device._last_run_time)))
'''


def brian2_seconds(
    python: str, natural: bool, eta: float, n: int, trials: int, steps: int, cpu: bool
) -> float:
    """Seconds (of CPU time if `cpu`) of a compiled Brian2 run, without its compilation."""
    job = {"natural": natural, "eta": eta, "n": n, "trials": trials, "steps": steps, "cpu": cpu}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "peer.py"
        script.write_text(BRIAN2)
        done = subprocess.run(
            [python, str(script), json.dumps(job)], capture_output=True, text=True, check=True
        )
    return json.loads(done.stdout.strip().splitlines()[-1])
