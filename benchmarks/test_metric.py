"""Ten thousand flow lines of Surace's Fig 3 in one call, against scipy in a loop."""

import time

import numpy as np
from scipy.integrate import solve_ivp

from steepest.descent import gradient_flow
from steepest.geometry import FisherNormal
from steepest.models import GaussianModel

LINES, IN_LOOP = 10_000, 100


def test_ten_thousand_flow_lines_of_fig_3(benchmark):
    model, times = GaussianModel(), np.linspace(0.1, 1, 10)
    random = np.random.default_rng(0)
    starts = random.uniform([1.0, 0.8], [7.0, 3.5], (LINES, 2))
    tolerances = {"rtol": 1e-6, "atol": 1e-8}

    def ours():
        return gradient_flow(model.cost, FisherNormal(), starts, times, **tolerances)

    flow = benchmark.pedantic(ours, rounds=5, warmup_rounds=1)

    def plain(t, x):
        mu, sigma = x
        slope = 1 / sigma - (4 + (mu - 4) ** 2) / sigma**3
        return [-(mu - 4), -(sigma**2) / 2 * slope]

    began = time.perf_counter()
    theirs = [
        solve_ivp(plain, (0, 1), start, t_eval=times, **tolerances).y[:, -1]
        for start in starts[:IN_LOOP]
    ]
    loop = (time.perf_counter() - began) * LINES / IN_LOOP
    ratio = loop / benchmark.stats.stats.median
    print(f"\n10 000 flow lines: scipy's loop {loop:.2f} s, ratio {ratio:.0f}")
    np.testing.assert_allclose(flow.points[:IN_LOOP, -1], theirs, atol=1e-4)
