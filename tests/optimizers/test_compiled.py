"""`compiled=True`: flat buffers, of which parameters are views, and the steps of the usual way."""

import copy
import inspect
import warnings

import numpy as np
import pytest

from steepest.descent import mirror_step
from steepest.errors import DataError, DomainError, UsageError
from steepest.geometry import Entropy, Fermi, HyperbolicEntropy, Logit, PNorm, Power

torch = pytest.importorskip("torch", reason="torch, an extra, is not installed")
from steepest.optimizers import (  # noqa: E402
    AdaptiveMirrorDescent,
    FlatBufferWarning,
    MirrorDescent,
    torch_kernel,
)
from tests.optimizers.test_edges import EDGES  # noqa: E402
from tests.optimizers.test_mirror_descent import in_the_laws  # noqa: E402

POTENTIALS = {
    "2-norm": PNorm(2),
    "3-norm": PNorm(3),
    "1.5-norm": PNorm(1.5),
    "power -1": Power(-1),
    "entropy": Entropy(),
    "hyperbolic": HyperbolicEntropy(0.3),
    "fermi": Fermi(2.0),
    "logit": Logit(2.0),
    # These have no kernel, and are moved the usual way.
    "1.1-norm": PNorm(1.1),
    "burg": Power(2),
}
SETTINGS = {
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    "gradient": {"momentum": 0.5, "weight_decay": 0.1, "decay": "gradient"},
    "dual": {"weight_decay": 0.1, "decay": "dual", "reference": 0.3},
    "bounded": {"max_step": 0.02},
    "adaptive": {"weight_decay": 0.1},
    "adaptive, bounded": {"max_step": 0.5},
}


@pytest.fixture
def uncompiled(monkeypatch):
    """The kernels as they stand: torch takes seconds to compile one."""
    monkeypatch.setattr(torch_kernel, "compiled", torch_kernel.step_of)


@pytest.fixture
def unguarded(monkeypatch):
    """The functions of kernels without the tests' checks of types, which torch cannot compile."""
    for name in ("step_of", "_reached", "_polynomial", "_power", "_to_the", "_expm1"):
        monkeypatch.setattr(torch_kernel, name, inspect.unwrap(getattr(torch_kernel, name)))


def start(dtype=torch.float32):
    random = np.random.default_rng(0)
    shapes = [(5, 7), (3,), (4, 2, 2)]
    return [torch.nn.Parameter(torch.tensor(random.uniform(0.2, 1, s)).to(dtype)) for s in shapes]


def build(weights, potential, setting, **options):
    make = AdaptiveMirrorDescent if setting.startswith("adaptive") else MirrorDescent
    return make(weights, 0.01, potential, **SETTINGS[setting], **options)


def learn(weights, optimizer, steps=6, seed=1):
    random = np.random.default_rng(seed)
    for _ in range(steps):
        optimizer.zero_grad()
        for weight in weights[:-1]:
            covector = torch.tensor(random.standard_normal(weight.shape)).to(weight.dtype)
            (weight * covector).sum().backward()
        optimizer.step()
    return weights


def assert_same(weights, expected, rtol):
    for one, other in zip(weights, expected, strict=True):
        np.testing.assert_allclose(one.detach().float(), other.detach().float(), rtol, rtol)


def both_ways(potential, setting, dtype=torch.float32):
    usual, flat = start(dtype), start(dtype)
    eager = build(usual, potential, setting)
    quick = build(flat, potential, setting, compiled=True)
    return learn(flat, quick), learn(usual, eager), quick, eager


def assert_same_states(quick, eager):
    for own, other in zip(
        quick.param_groups[0]["params"], eager.param_groups[0]["params"], strict=True
    ):
        assert quick.state[own].keys() == eager.state[other].keys()
        for key, value in eager.state[other].items():
            np.testing.assert_allclose(quick.state[own][key], value, rtol=2e-6, atol=1e-9)


# One of each way in every run; the others stand on the same lines.
EVERY_TIME = ("entropy, momentum", "entropy, adaptive", "3-norm, nesterov")
EVERY = [
    pytest.param(
        name, setting, marks=() if f"{name}, {setting}" in EVERY_TIME else pytest.mark.slow
    )
    for name in POTENTIALS
    for setting in SETTINGS
]


@pytest.mark.parametrize(("name", "setting"), EVERY)
def test_weights_and_state_are_those_of_the_usual_way(uncompiled, name, setting):
    flat, usual, quick, eager = both_ways(POTENTIALS[name], setting)
    assert_same(flat, usual, 1e-6)
    assert_same_states(quick, eager)
    assert torch.equal(flat[-1], start()[-1])  # it had no gradient


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, about itself
@pytest.mark.slow
@pytest.mark.parametrize("setting", ["momentum", "adaptive"])
@pytest.mark.parametrize("name", ["3-norm", "entropy", "hyperbolic", "fermi", "logit"])
def test_what_torch_compiles_gives_the_same(unguarded, name, setting):
    flat, usual, quick, eager = both_ways(POTENTIALS[name], setting)
    assert_same(flat, usual, 1e-6)
    assert_same_states(quick, eager)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, about itself
@pytest.mark.slow
def test_one_kernel_serves_all_sizes_and_rates_in_double_and_half_precision_too(unguarded):
    for dtype, rtol in [(torch.float64, 1e-12), (torch.bfloat16, 1e-2)]:
        flat, usual, *_ = both_ways(Entropy(), "momentum", dtype)
        assert_same(flat, usual, rtol)
    torch._dynamo.utils.counters.clear()
    for size in (3, 70, 1000):
        weights = [torch.nn.Parameter(torch.ones(size)) for _ in range(2)]
        learn(weights, MirrorDescent(weights, 0.1 / size, Entropy(), 0.9, compiled=True))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] <= 1


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in ("3_norm",) else pytest.mark.slow)
        for name in in_the_laws()
    ],
)
def test_one_step_is_that_of_mirror_step(uncompiled, name):
    potential, weights = in_the_laws()[name](), np.array([0.5, 0.7])
    covector = np.array([0.3, -0.8])
    moved = torch.nn.Parameter(torch.tensor(weights))
    optimizer = MirrorDescent([moved], 0.01, potential, compiled=True)
    moved.grad = torch.tensor(covector)
    optimizer.step()
    expected = mirror_step(potential, weights, covector, 0.01)
    np.testing.assert_allclose(moved.detach().numpy(), expected, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("edge", EDGES)
def test_a_hundred_steps_out_and_two_hundred_back_end_where_they_should(uncompiled, edge):
    potential, first, step = EDGES[edge]
    first, rate = np.float32(first).item(), np.float32(abs(step)).item()
    weight = torch.nn.Parameter(torch.tensor([first]))
    optimizer = MirrorDescent([weight], rate, potential, compiled=True)
    for direction in [-1.0] * 100 + [1.0] * 200:
        optimizer.zero_grad()
        (weight * (direction * np.sign(step))).sum().backward()
        optimizer.step()
    step = np.float32(step).astype(float)
    exact = potential.to_primal(potential.to_dual(np.array([first])) - 100 * step)
    np.testing.assert_allclose(weight.detach().numpy(), exact, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("potential", [Fermi(1.0), Logit(1.0), Entropy()])
def test_one_enormous_step_is_undone_by_the_next(uncompiled, potential):
    weight = torch.nn.Parameter(torch.tensor([0.5, 0.2]))
    optimizer = MirrorDescent([weight], 1.0, potential, compiled=True)
    for covector in (1e5, -1e5):
        optimizer.zero_grad()
        (weight * torch.tensor([covector, 0.0])).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(weight.detach().numpy(), [0.5, 0.2], rtol=1e-6)


def test_the_polynomial_of_short_steps_is_an_exponential_to_2e_7():
    x = torch.linspace(-1, 1, 20001)
    exact = np.exp(x.double().numpy())
    values = (1 + torch_kernel._expm1(x)).double().numpy()
    assert 0 < np.abs(values / exact - 1).max() <= 2e-7


def test_parameters_and_gradients_are_views_that_zero_grad_keeps(uncompiled):
    weights = start()
    optimizer = MirrorDescent(weights, 0.01, Entropy(), 0.9, compiled=True)
    learn(weights, optimizer, 1)
    gradients = [weight.grad for weight in weights]
    places = {t.untyped_storage().data_ptr() for t in [*weights, *gradients]}
    assert len(places) == 2
    for set_to_none in (True, False):
        optimizer.zero_grad(set_to_none)
        assert all(w.grad is g for w, g in zip(weights, gradients, strict=True))
        assert not any(gradient.any() for gradient in gradients)


def test_a_parameter_without_a_gradient_stays_though_its_momentum_would_move_it(uncompiled):
    weights, usual = start(), start()
    for each, compiled in ((weights, True), (usual, False)):
        optimizer = MirrorDescent(each, 0.01, Entropy(), 0.9, compiled=compiled)
        learn([*each, each[0]], optimizer, 2)
        learn(each, optimizer, 2)  # none for the last
        optimizer.zero_grad()
        sum(w.sum() for w in each[1:]).backward()
        torch.nn.utils.clip_grad_norm_(each, 0.5)
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)  # zeros are gradients
        optimizer.step()
    assert_same(weights, usual, 1e-6)


def test_what_others_replace_is_copied_back_and_reported_once(uncompiled):
    weights, usual = start(), start()
    optimizer = MirrorDescent(weights, 0.01, Entropy(), 0.9, compiled=True)
    plain = MirrorDescent(usual, 0.01, Entropy(), 0.9)
    learn(weights, optimizer, 2)
    learn(usual, plain, 2)
    for each in (weights, usual):
        each[0].data = torch.full_like(each[0], 0.25)
        for weight in each[:2]:
            weight.grad = torch.ones_like(weight)
    with pytest.warns(FlatBufferWarning, match="1 parameters and 2 gradients"):
        optimizer.step()
    plain.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weights[1].grad = torch.ones_like(weights[1])
        usual[1].grad = torch.ones_like(usual[1])
        optimizer.step()
    plain.step()
    assert_same(weights, usual, 1e-6)


def test_a_model_brought_to_another_precision_goes_on_in_it(uncompiled):
    weights = start()
    optimizer = MirrorDescent(weights, 0.01, PNorm(3), 0.9, compiled=True)
    learn(weights, optimizer, 1)
    for weight in weights:
        weight.grad = None
        weight.data = weight.data.double()
    learn(weights, optimizer, 1)
    assert {weight.dtype for weight in weights} == {torch.float64}


@pytest.mark.parametrize("setting", ["momentum", "adaptive"])
@pytest.mark.parametrize("first", [True, False])
def test_states_go_from_one_way_to_the_other(uncompiled, tmp_path, setting, first):
    straight = start()
    optimizer = build(straight, PNorm(3), setting)
    learn(straight, optimizer, 3, seed=1)
    learn(straight, optimizer, 3, seed=2)
    halfway = start()
    optimizer = build(halfway, PNorm(3), setting, compiled=first)
    learn(halfway, optimizer, 3, seed=1)
    torch.save((halfway, optimizer.state_dict()), tmp_path / "half.pt")
    resumed = start()
    values, saved = torch.load(tmp_path / "half.pt", weights_only=True)
    other = build(resumed, PNorm(3), setting, compiled=not first)
    with torch.no_grad():
        for weight, value in zip(resumed, values, strict=True):
            weight.copy_(value)
    other.load_state_dict(saved)
    assert other.param_groups[0]["compiled"] is not first
    learn(resumed, other, 3, seed=2)
    assert_same(resumed, straight, 1e-6)


def test_a_copy_goes_on_by_itself(uncompiled):
    weights = start()
    optimizer = MirrorDescent(weights, 0.01, Entropy(), 0.9, compiled=True)
    learn(weights, optimizer, 2)
    twin = copy.deepcopy(optimizer)
    before = [weight.detach().clone() for weight in weights]
    learn(twin.param_groups[0]["params"], twin, 1)
    assert_same(weights, before, 0)
    learn(weights, optimizer, 1)
    assert_same(weights, twin.param_groups[0]["params"], 1e-6)


def test_gradients_that_are_not_finite_change_nothing(uncompiled):
    weights = start()
    named = [(f"w{i}", weight) for i, weight in enumerate(weights)]
    optimizer = MirrorDescent(named, 0.01, Entropy(), 0.9, compiled=True)
    learn(weights, optimizer, 1)
    before = [weight.detach().clone() for weight in weights]
    weights[1].grad[0] = float("nan")
    with pytest.raises(DataError, match="'w1': 1 of 3 gradients are not finite"):
        optimizer.step()
    assert_same(weights, before, 0)


def test_a_step_to_infinity_is_refused_and_nothing_has_moved(uncompiled):
    first, second = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    named = [("first", first), ("second", second)]
    optimizer = MirrorDescent(named, 1.0, Entropy(), 0.9, compiled=True)
    first.grad, second.grad = torch.full((3,), 0.1), torch.tensor([0.0, -1e5, 0.0])
    with pytest.raises(DomainError, match=r"'second'.*1 of 3 weights.*nothing was changed"):
        optimizer.step()
    assert first.tolist() == second.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("largest", [1.0, 300.0])  # steps of .01, and ones that are guarded
@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}, {"momentum": 0.9, "weight_decay": 0.1}])
def test_the_entropys_steps_without_a_look_at_gradients_are_the_usual_ones(
    uncompiled, options, largest
):
    ways = []
    for more in ({"compiled": True, "check_gradients": False}, {}):
        weights = start()
        with torch.no_grad():
            weights[0].mul_(-1)
        optimizer = MirrorDescent(weights, 0.01, Entropy(), freeze_signs=True, **options, **more)
        random = np.random.default_rng(2)
        for step in range(6):
            optimizer.zero_grad()
            for weight in weights:
                gradient = random.standard_normal(weight.shape) * (largest if step % 3 == 1 else 1)
                (weight * torch.tensor(gradient).to(weight.dtype)).sum().backward()
            optimizer.step()
        ways.append((weights, optimizer))
    (quick, one), (usual, other) = ways
    assert_same(quick, usual, 2e-6)
    for weight, twin in zip(quick, usual, strict=True):
        assert one.state[weight].keys() == other.state[twin].keys()


def test_one_enormous_step_without_a_look_at_gradients_is_undone_by_the_next(uncompiled):
    weight = torch.nn.Parameter(torch.tensor([0.5, 0.2]))
    optimizer = MirrorDescent([weight], 1.0, Entropy(), compiled=True, check_gradients=False)
    for covector in (1e5, -1e5):
        optimizer.zero_grad()
        (weight * torch.tensor([covector, 0.0])).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(weight.detach().numpy(), [0.5, 0.2], rtol=1e-6)


@pytest.mark.parametrize("gradient", [-1e5, float("nan"), float("inf")])
def test_a_weight_that_would_be_lost_is_named_without_a_look_at_gradients(uncompiled, gradient):
    named = [(name, torch.nn.Parameter(torch.ones(3))) for name in ("first", "second")]
    optimizer = MirrorDescent(named, 1.0, Entropy(), compiled=True, check_gradients=False)
    for _, weight in named:
        weight.grad = torch.zeros(3)
    named[1][1].grad[1] = gradient
    with pytest.raises(DomainError, match=r"'second'.*1 of 3 weights"):
        optimizer.step()
    assert named[0][1].tolist() == [1.0, 1.0, 1.0]


def test_compiled_is_true_or_false():
    group = {"params": [torch.nn.Parameter(torch.ones(2))], "compiled": "yes"}
    with pytest.raises(UsageError, match="compiled is 'yes': give True or False"):
        MirrorDescent([group])
