"""How long an inference takes: 1000 bootstrap draws of 10 000 synapses, a million's likelihood."""

import numpy as np

from steepest.inference import infer_geometry, simulate_change
from steepest.inference.synapses.likelihood import ExactLikelihood, fit_likelihood
from steepest.inference.synapses.log_root import logroot, logroot_bootstrap


def test_a_thousand_bootstrap_draws_of_ten_thousand_synapses(benchmark):
    before, after = simulate_change(10_000, 0.5, seed=1)
    logs = np.log(before), np.log(after)
    index = logroot(*logs)
    draws = benchmark.pedantic(
        logroot_bootstrap, logs, {"index": index, "draws": 1000}, rounds=5, warmup_rounds=1
    )
    assert draws.size == 1000


def test_the_likelihood_and_interval_of_a_million_synapses(benchmark):
    before, after = simulate_change(1_000_000, 0.5, seed=1)
    likelihood = ExactLikelihood(np.log(before), np.log(after))
    fit = benchmark.pedantic(fit_likelihood, (likelihood,), rounds=5)
    assert fit.interval[0] < 0.5 < fit.interval[1]


def test_a_whole_inference_of_ten_thousand_synapses(benchmark):
    before, after = simulate_change(10_000, 0.5, seed=1)
    verdict = benchmark.pedantic(infer_geometry, (before, after), {"noise_cv": 0}, rounds=3)
    assert verdict.n == 10_000


def test_a_whole_inference_of_a_million_synapses(benchmark):
    before, after = simulate_change(1_000_000, 0.5, seed=1)
    verdict = benchmark.pedantic(infer_geometry, (before, after), {"noise_cv": 0}, rounds=1)
    assert verdict.n == 1_000_000
