"""The torch optimizer in torch's own company: SGD, state, schedulers, clipping, mixed precision."""

import copy
import subprocess
import sys

import numpy as np
import pytest

from steepest.errors import DataError, DomainError, UsageError
from steepest.geometry import AbstractPotential, Entropy, PNorm, Power

torch = pytest.importorskip("torch", reason="torch, an extra, is not installed")
from steepest.optimizers import MirrorDescent  # noqa: E402
from steepest.optimizers.torch_maps import move  # noqa: E402

X = torch.randn(32, 6, generator=torch.Generator().manual_seed(0))
Y = torch.randn(32, 3, generator=torch.Generator().manual_seed(1))


def network(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3))


def train(model, optimizer, steps, after=lambda: None):
    for _ in range(steps):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(X), Y)
        loss.backward()
        optimizer.step()
        after()
    return float(loss.detach())


def vector(model):
    return torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy().copy()


@pytest.mark.parametrize("foreach", [None, False, True])
@pytest.mark.parametrize("potential", [PNorm(2), Power(0)])
def test_two_norm_is_sgd_with_momentum(foreach, potential):
    ours, theirs = network(), network()
    train(ours, MirrorDescent(ours.parameters(), 0.1, potential, 0.9, foreach=foreach), 25)
    train(theirs, torch.optim.SGD(theirs.parameters(), 0.1, momentum=0.9), 25)
    assert np.abs(vector(theirs) - vector(network())).max() > 0.1
    np.testing.assert_allclose(vector(ours), vector(theirs), rtol=0, atol=2e-6)


@pytest.mark.parametrize("potential", [PNorm(1.5), PNorm(3), Entropy(), Power(2)])
def test_every_potential_lowers_the_loss_of_a_network(potential):
    model = network()
    optimizer = MirrorDescent(model.parameters(), 1e-3, potential, 0.9, freeze_signs=True)
    first = train(model, optimizer, 1)
    assert train(model, optimizer, 150) < 0.99 * first


@pytest.mark.parametrize("potential", [PNorm(3), Entropy()])
def test_state_survives_a_round_trip_through_a_file(tmp_path, potential):
    def build(model):
        return MirrorDescent(model.parameters(), 0.01, potential, 0.9, freeze_signs=True)

    straight = network()
    train(straight, build(straight), 10)
    halfway = network()
    optimizer = build(halfway)
    train(halfway, optimizer, 5)
    torch.save({"w": halfway.state_dict(), "o": optimizer.state_dict()}, tmp_path / "half.pt")

    resumed = network(seed=5)
    other = build(resumed)
    saved = torch.load(tmp_path / "half.pt", weights_only=True)
    resumed.load_state_dict(saved["w"])
    other.load_state_dict(saved["o"])
    train(resumed, other, 5)
    np.testing.assert_array_equal(vector(resumed), vector(straight))


def test_a_copy_goes_on_by_itself():
    model = network()
    optimizer = MirrorDescent(model.parameters(), 0.01, Entropy(), 0.9, freeze_signs=True)
    train(model, optimizer, 2)
    twin = copy.deepcopy(optimizer)
    assert twin.param_groups[0]["potential"].index == 1


def test_state_of_another_potential_is_refused():
    model = network()
    saved = MirrorDescent(model.parameters(), 0.01, PNorm(3), 0.9).state_dict()
    optimizer = MirrorDescent(model.parameters(), 0.01, PNorm(1.5), 0.9)
    with pytest.raises(UsageError, match=r"group 0.*PNorm\(p=3.*PNorm\(p=1\.5"):
        optimizer.load_state_dict(saved)


def test_torch_schedulers_drive_the_rate():
    model = network()
    optimizer = MirrorDescent(model.parameters(), 0.1, PNorm(3), 0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    train(model, optimizer, 10, after=schedule.step)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.0, abs=1e-12)
    still = vector(model)
    train(model, optimizer, 1)
    np.testing.assert_allclose(vector(model), still, rtol=1e-5)


def test_clipping_acts_before_the_step():
    model = network()
    before = vector(model)
    optimizer = MirrorDescent(model.parameters(), 1.0, PNorm(2))
    torch.nn.functional.mse_loss(model(100 * X), Y).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
    optimizer.step()
    assert np.linalg.norm(vector(model) - before) == pytest.approx(0.01, rel=1e-4)


@pytest.mark.parametrize("potential", [PNorm(3), Entropy()])
def test_mixed_precision_with_a_scaler_skips_what_overflows(potential):
    model = network()
    optimizer = MirrorDescent(model.parameters(), 0.01, potential, 0.9, freeze_signs=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**14)
    losses = []
    for step in range(12):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = torch.nn.functional.mse_loss(model(X), Y.bfloat16())
        scaler.scale(loss).backward()
        if step == 5:
            next(model.parameters()).grad[0, 0] = float("inf")
        before = vector(model)
        scaler.step(optimizer)
        scaler.update()
        assert (step == 5) == np.array_equal(before, vector(model))
        losses.append(float(loss.detach()))
    assert scaler.get_scale() == 2.0**13
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert losses[-1] < losses[0]


def test_a_closure_is_evaluated_with_gradients():
    model = network()
    optimizer = MirrorDescent(model.parameters(), 0.05, PNorm(3))

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(X), Y)
        loss.backward()
        return loss

    assert optimizer.step(closure).detach() > optimizer.step(closure).detach()


def test_a_rate_may_be_a_tensor():
    for potential in (PNorm(2), PNorm(3), Entropy(), Power(2)):
        number, tensor = network(), network()
        train(number, MirrorDescent(number.parameters(), 0.01, potential, freeze_signs=True), 3)
        rate = torch.tensor(0.01)
        train(tensor, MirrorDescent(tensor.parameters(), rate, potential, freeze_signs=True), 3)
        np.testing.assert_allclose(vector(number), vector(tensor), rtol=1e-5, atol=1e-6)


def test_each_group_has_its_own_potential_and_frozen_parameters_stay():
    model = network()
    optimizer = MirrorDescent(
        [
            {"params": [model[0].weight], "potential": Entropy(), "freeze_signs": True},
            {"params": [model[0].bias, model[2].bias]},
            {"params": [model[2].weight], "potential": PNorm(3)},
        ],
        lr=0.02,
        momentum=0.9,
    )
    model[2].weight.requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    train(model, optimizer, 30)
    after = model.state_dict()
    assert torch.equal(before["0.weight"].sign(), after["0.weight"].sign())
    assert torch.equal(before["2.weight"], after["2.weight"])
    for name in ("0.weight", "0.bias", "2.bias"):
        assert not torch.equal(before[name], after[name])


def test_biases_of_both_signs_are_refused_by_name():
    model = network()
    with torch.no_grad():
        model[0].weight.abs_()
        model[2].weight.abs_()
    with pytest.raises(DomainError, match=r"'0\.bias'.*outside the domain of Entropy.*group"):
        MirrorDescent(model.named_parameters(), 0.1, Entropy())


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_gradients_that_are_not_finite_change_nothing(value, momentum):
    model = network()
    before = vector(model)
    parameters = list(model.named_parameters())
    groups = [{"params": parameters[:2]}, {"params": parameters[2:]}]
    optimizer = MirrorDescent(groups, 0.1, PNorm(2), momentum)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    model[2].bias.grad[1] = value
    with pytest.raises(DataError, match=r"'2\.bias': 1 of 3 gradients are not finite"):
        optimizer.step()
    np.testing.assert_array_equal(vector(model), before)
    assert all(not state for state in optimizer.state.values())
    model[2].bias.grad[1] = 1.0
    optimizer.step()
    assert not np.array_equal(vector(model), before)


def test_large_gradients_whose_sum_overflows_are_finite():
    weight = torch.nn.Parameter(torch.zeros(4))
    optimizer = MirrorDescent([weight], 1e-38, PNorm(2))
    weight.grad = torch.full((4,), 3e38)
    optimizer.step()
    np.testing.assert_allclose(weight.detach().numpy(), -3.0, rtol=1e-6)


def test_sparse_gradients_are_refused_by_name():
    table = torch.nn.Embedding(5, 2, sparse=True)
    optimizer = MirrorDescent(table.named_parameters(), 0.1, PNorm(3))
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(DataError, match="'weight' has a sparse gradient"):
        optimizer.step()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": -0.1}, r"lr is -0\.1, which is negative"),
        ({"lr": float("nan")}, "lr is nan, which is not finite"),
        ({"lr": float("inf")}, "lr is inf, which is not finite"),
        ({"lr": torch.tensor([0.1, 0.2])}, "lr has 2 numbers"),
        ({"lr": "fast"}, "lr is 'fast': give a number"),
        ({"potental": PNorm(3)}, "'potental' is not a setting of it .do you mean 'potential'"),
        ({"dampening": 0.1}, "'dampening' is not a setting of it; its settings are lr, potential"),
        ({"momentum": 1.0}, "momentum is 1"),
        ({"potential": 3.0}, "potential is 3.0"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        MirrorDescent([{"params": [torch.nn.Parameter(torch.ones(2))], **settings}])


def test_a_refused_group_is_not_kept():
    optimizer = MirrorDescent([torch.nn.Parameter(torch.ones(2))], 0.1, Entropy())
    with pytest.raises(DomainError):
        optimizer.add_param_group({"params": [torch.nn.Parameter(-torch.ones(2))]})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("index", [1.5, 2.0])
def test_a_step_past_infinity_is_refused(index):
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = MirrorDescent([weight], 10.0, Power(index))
    weight.grad = -torch.ones(3)
    with pytest.raises(DomainError, match=r"3 of 3 weights.*lower the learning rate"):
        optimizer.step()


class Quartic(AbstractPotential):
    """phi = sum w^2/2 + w^4/4 under a name that torch does not know."""

    def __call__(self, point):
        return (point**2).sum() / 2 + (point**4).sum() / 4

    def to_primal(self, dual):
        raise NotImplementedError


def test_a_potential_of_ones_own_is_refused_until_it_is_registered():
    weight = torch.nn.Parameter(torch.ones(2))
    with pytest.raises(UsageError, match="Quartic has no torch version: register"):
        MirrorDescent([weight], 0.1, Quartic())

    @move.register
    def _(potential: Quartic, weights, covectors, rate, freeze_signs):
        for w, g in zip(weights, covectors, strict=True):
            w.sub_(rate * g / (1 + 3 * w**2))

    optimizer = MirrorDescent([weight], 0.4, Quartic())
    weight.grad = torch.ones(2)
    optimizer.step()
    np.testing.assert_allclose(weight.detach().numpy(), 0.9, rtol=1e-6)


@pytest.mark.slow
def test_torch_is_imported_on_demand_alone_and_without_it_the_message_names_the_extra():
    code = """
import sys
import steepest, steepest.optimizers, steepest.inference, steepest.descent
from steepest import papers
papers.load("pogodin2024")
from steepest.optimizers import mirror_descent
print("torch" in sys.modules)
sys.modules["torch"] = None
from steepest.errors import UsageError
try:
    from steepest.optimizers import MirrorDescent
except UsageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported, message = done.stdout.strip().split("\n", 1)
    assert imported == "False"
    assert 'pip install "steepest[torch]"' in message


def test_a_rate_may_be_a_tensor_of_one_number():
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = MirrorDescent([weight], torch.tensor([0.1]), Entropy())
    weight.grad = torch.ones(2)
    optimizer.step()
    np.testing.assert_allclose(weight.detach().numpy(), np.exp(-0.1), rtol=1e-6)


def test_frozen_parameters_are_looked_at_when_they_begin_to_learn():
    frozen = torch.nn.Parameter(torch.zeros(3), requires_grad=False)
    half = torch.nn.Parameter(torch.zeros(3, dtype=torch.bfloat16), requires_grad=False)
    moving = torch.nn.Parameter(torch.ones(2))
    named = [("moving", moving), ("frozen", frozen), ("half", half)]
    optimizer = MirrorDescent(named, 0.1, Entropy())
    moving.grad = torch.ones(2)
    optimizer.step()
    frozen.requires_grad_()
    frozen.grad = torch.ones(3)
    with pytest.raises(DomainError, match="'frozen': all 3 weights are 0"):
        optimizer.step()


def test_lazy_parameters_learn_once_they_have_a_shape():
    layer = torch.nn.LazyLinear(3)
    optimizer = MirrorDescent(layer.named_parameters(), 0.1, PNorm(3))
    layer(torch.ones(2, 4)).sum().backward()
    before = layer.weight.detach().clone()
    optimizer.step()
    assert not torch.equal(before, layer.weight)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("potential", [Entropy(), PNorm(3)])
def test_half_precision_weights_are_moved_in_single_precision_and_rounded(dtype, potential):
    weight, single = (torch.nn.Parameter(torch.tensor([0.5, 0.25], dtype=t)) for t in (dtype, None))
    for parameter in (weight, single):
        parameter.grad = torch.tensor([1.0, -1.0], dtype=parameter.dtype)
        MirrorDescent([parameter], 0.1, potential, 0.9).step()
    assert torch.equal(weight, single.to(dtype))


def test_complex_weights_are_refused():
    with pytest.raises(UsageError, match=r"complex64.*view_as_real"):
        MirrorDescent([torch.nn.Parameter(torch.ones(2, dtype=torch.complex64))], 0.1)


def test_an_old_state_goes_on_with_what_it_lacks_filled_in():
    """As saved by 0.1.0: Entropy was a class, and groups had fewer keys."""
    weight = torch.nn.Parameter(torch.ones(2))
    old = {
        "state": {0: {"momentum_buffer": torch.ones(2)}},
        "param_groups": [
            {"lr": 0.5, "potential": "Entropy(sign=1.0)", "momentum": 0.5, "params": [0]}
        ],
    }
    optimizer = MirrorDescent([weight], 0.1, Entropy(), 0.9)
    optimizer.load_state_dict(old)
    weight.grad = torch.zeros(2)
    optimizer.step()
    np.testing.assert_allclose(weight.detach().numpy(), np.exp(-0.25), rtol=1e-6)
    again = MirrorDescent([weight], 0.1, Entropy(), 0.9)
    again.load_state_dict(optimizer.state_dict())
    assert again.param_groups[0]["momentum"] == 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [({"version": 99}, "version 99.*update steepest"), ({"dampening": 0.1}, "'dampening'")],
)
def test_states_of_others_are_refused(change, message):
    optimizer = MirrorDescent([torch.nn.Parameter(torch.ones(2))], 0.1)
    saved = optimizer.state_dict()
    saved["param_groups"][0].update(change)
    with pytest.raises(UsageError, match=message):
        optimizer.load_state_dict(saved)


def test_parameters_without_weights_are_passed_over():
    weight, empty = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(0, 3))
    optimizer = MirrorDescent([weight, empty], 0.1, Entropy())
    weight.grad, empty.grad = torch.ones(2), torch.ones(0, 3)
    optimizer.step()
    np.testing.assert_allclose(weight.detach().numpy(), np.exp(-0.1), rtol=1e-6)


def stepped(values, gradient, steps=3, between=lambda optimizer, weight: None, **options):
    """Weights after steps of the entropy in pieces (`foreach` False) or all at once (True)."""
    weight = torch.nn.Parameter(values.clone())
    optimizer = MirrorDescent([weight], 0.1, Entropy(), 0.9, freeze_signs=True, **options)
    for _ in range(steps):
        weight.grad = gradient.clone()
        optimizer.step()
        between(optimizer, weight)
    return weight.detach()


LARGE = torch.linspace(-1.0, 1.0, 70_001) + 1e-3  # more than a piece
UPHILL = torch.linspace(-2.0, 3.0, 70_001).flip(0)


@pytest.mark.parametrize("decay", ["weights", "gradient"])
def test_pieces_of_a_large_tensor_move_as_the_whole(decay):
    options = {"weight_decay": 0.3, "decay": decay, "nesterov": True}
    pieces = stepped(LARGE, UPHILL, foreach=False, **options)
    whole = stepped(LARGE, UPHILL, foreach=True, **options)
    np.testing.assert_allclose(pieces, whole, 3e-7)


def test_one_weight_near_an_edge_keeps_its_dual_in_a_large_tensor():
    values = LARGE.clone()
    values[50_000] = 1e-37
    out = stepped(values, 50 * torch.ones_like(values), 2)
    assert out[50_000] < 1e-40
    back = stepped(values, 50 * torch.ones_like(values), 6, reverse_momentum_after(3))
    np.testing.assert_allclose(back, values, 1e-4)


def reverse_momentum_after(half):
    """Undo what was done: the momentum of each step, backwards, by hand."""
    taken = []

    def between(optimizer, weight):
        state = optimizer.state[weight]
        taken.append(state["momentum_buffer"].clone())
        if len(taken) >= half:
            place = 2 * half - 1 - len(taken)
            if place >= 0:  # momentum .9 and this gradient make the opposite of that step
                state["momentum_buffer"].copy_((-taken[place] - weight.grad) / 0.9)

    return between


@pytest.mark.parametrize("rate", [0.25, 1.0])
@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}])
@pytest.mark.parametrize("potential", [Entropy(), PNorm(2), PNorm(3)])
def test_a_step_of_any_rate_leaves_gradients_alone_and_momentum_their_sum(
    potential, settings, rate
):
    weight = torch.nn.Parameter(torch.tensor([0.5, 1.0, 2.0]))
    optimizer = MirrorDescent([weight], rate, potential, **settings)
    total = torch.zeros(3)
    for gradient in torch.tensor([[0.1, -0.2, 0.05], [-0.05, 0.1, 0.2]]):
        weight.grad = gradient.clone()

        optimizer.step()

        total = settings.get("momentum", 0.0) * total + gradient
        assert torch.equal(weight.grad, gradient)
        if settings:
            (momentum,) = (own["momentum_buffer"] for own in optimizer.state.values())
            torch.testing.assert_close(momentum, total)
