"""Importing or using any room changes nothing of the caller's."""

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import surroundings

# The run-time type checks of the tests draw from `random`, and others' modules, when one of ours
# imports them first, set filters of their own: both are looked at in the process of the slow test.
OF_OTHERS = ("Python's random state", "warnings")


def pair():
    from steepest.inference import infer_geometry, simulate_change

    verdict = infer_geometry(*simulate_change(60, index=1.0, seed=1), noise_cv=0)
    verdict.plot()


def series():
    from steepest.inference import Design, infer_measured, simulate_design

    design = Design(synapses=120, sessions=3, groups=8)
    infer_measured(simulate_design(design, 1, seed=1), draws=5).plot()


def layers():
    from steepest.inference import infer_layers

    weights = np.exp(np.random.default_rng(0).standard_normal((12, 12)))
    infer_layers({"w": weights}, {"w": weights * 1.5 ** np.random.default_rng(1).random((12, 12))})


def flows():
    from steepest import bregman_projection, gradient_flow
    from steepest.geometry import Euclidean, PNorm

    gradient_flow(lambda x: (x**2).sum() / 2, Euclidean(), [1.0, 2.0], [1.0]).plot()
    bregman_projection([[1.0, 1.0]], [2.0], [0.0, 1.0], PNorm(2))


def activity():
    from steepest.inference import infer_connectivity

    infer_connectivity(np.random.default_rng(0).standard_normal((100, 2)).cumsum(axis=0), 0.1)


def learning():
    from steepest.recurrent import OnlineRule, RateNetwork, learn
    from steepest.spiking import NaturalRule, paper_task, simulate

    task, start = paper_task(trials=2, n=4)
    for engine in ("events", "dense"):
        simulate(task, NaturalRule(), start, rate=1e-3, duration=0.05, seed=0, engine=engine)
    rule = OnlineRule(RateNetwork(), gamma=10.0, decay_net=10.0)
    learn(rule, np.random.default_rng(0).standard_normal((100, 2)), 0.01, rate=1e-3)


def optimizers():
    import optax
    import torch

    from steepest.geometry import PNorm
    from steepest.optimizers import MirrorDescent, mirror_descent

    weight = torch.nn.Parameter(torch.tensor([0.5, 1.5]))
    (weight**2).sum().backward()
    MirrorDescent([weight], lr=0.1, potential=PNorm(3)).step()
    rule = mirror_descent(0.1, PNorm(3))
    point = {"w": np.array([0.5, 1.5], np.float32)}
    optax.apply_updates(point, rule.update(point, rule.init(point), point)[0])


def command():
    from steepest import cli

    cli.run(["papers", "--json"])


@pytest.mark.parametrize("use", [pair, series, layers, flows, activity], ids=lambda u: u.__name__)
def test_using_a_room_changes_nothing_of_the_callers(use):
    with surroundings.unchanged(*OF_OTHERS):
        use()


def test_what_changes_is_noticed():
    changed = pytest.raises(AssertionError, match="NumPy's printing: precision 8 -> 3")
    with np.printoptions(), changed, surroundings.unchanged():
        np.set_printoptions(precision=3)


@pytest.mark.slow
def test_importing_and_using_every_room_changes_nothing_of_the_callers():
    """In a process of its own: what others change when they are imported is no fault of ours."""
    script = """
        import importlib
        from pathlib import Path

        import surroundings

        for name in surroundings.OTHERS:
            importlib.import_module(name)

        import test_global_state as uses

        with surroundings.unchanged():
            import steepest

            source = Path(steepest.__file__).parent
            for path in sorted(source.rglob("*.py")):
                if path.name != "__main__.py":
                    name = ".".join(path.relative_to(source.parent).with_suffix("").parts)
                    importlib.import_module(name.removesuffix(".__init__"))
        for name in ("pair series layers flows activity learning optimizers command").split():
            with surroundings.unchanged():
                getattr(uses, name)()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
