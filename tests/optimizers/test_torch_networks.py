"""Log-normal starts, neurons of one sign, and the baseline that keeps signs by projection."""

import numpy as np
import pytest

from steepest.errors import DomainError, UsageError
from steepest.geometry import Entropy, HyperbolicEntropy

torch = pytest.importorskip("torch", reason="torch, an extra, is not installed")
from steepest.optimizers import (  # noqa: E402
    AdaptiveMirrorDescent,
    DaleLinear,
    DaleRNNCell,
    MirrorDescent,
    ProjectedSGD,
    lognormal_,
    split_bias,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_log_normal_start_has_the_moments_it_says():
    weight = lognormal_(torch.empty(500, 200), gain=2.0, ratio=1.5, generator=seeded()).double()
    sizes = weight.abs()
    assert float(weight.pow(2).mean()) == pytest.approx(2.0**2 / 200, rel=0.02)
    assert float(sizes.mean() / sizes.std()) == pytest.approx(1.5, rel=0.02)
    logs = sizes.log()
    skewness = ((logs - logs.mean()) / logs.std()).pow(3).mean()
    assert abs(float(skewness)) < 4 * np.sqrt(6 / weight.numel())
    assert float((weight > 0).double().mean()) == pytest.approx(0.5, abs=0.01)


def test_columns_of_one_sign_balance_each_other():
    signs = torch.tensor([1.0] * 80 + [-1.0] * 20)
    weight = lognormal_(torch.empty(2000, 100), signs=signs, generator=seeded())
    assert torch.equal(weight.sign(), signs.expand_as(weight))
    up, down = weight[:, :80].sum(), -weight[:, 80:].sum()
    assert float(up / down) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("weight", "settings", "message"),
    [
        ((3,), {}, "two axes"),
        ((3, 2), {"signs": torch.tensor([1.0, 0.5])}, "signs are 1 or -1"),
        ((3, 2), {"signs": torch.ones(3)}, "one for each of 2 columns"),
        ((3, 2), {"ratio": 0.0}, "gain and ratio are positive"),
    ],
)
def test_starts_that_make_no_sense_are_refused(weight, settings, message):
    with pytest.raises(UsageError, match=message):
        lognormal_(torch.empty(weight), **settings)


@pytest.mark.parametrize("optimizer", [MirrorDescent, AdaptiveMirrorDescent])
def test_the_geometry_keeps_the_signs_of_a_recurrent_network_that_learns(optimizer):
    cell = DaleRNNCell(3, 12, generator=seeded())
    learn = optimizer(split_bias(cell, Entropy()), 0.05)
    inputs = torch.rand(5, 8, 3, generator=seeded(1))
    losses = []
    for _ in range(30):
        hidden = None
        for now in inputs:
            hidden = cell(now, hidden)
        loss = (hidden - 1.0).pow(2).mean()
        learn.zero_grad()
        loss.backward()
        learn.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    for layer in (cell.input, cell.recurrent):
        assert torch.equal(layer.weight.sign(), layer.signs.expand_as(layer.weight))


def test_biases_are_free_of_their_signs_under_split_bias():
    groups = split_bias(torch.nn.Linear(3, 2), Entropy(), scale=0.5)
    assert [name for name, _ in groups[0]["params"]] == ["weight"]
    assert groups[0]["freeze_signs"]
    assert isinstance(groups[1]["potential"], HyperbolicEntropy)
    assert len(split_bias(torch.nn.Linear(3, 2, bias=False), Entropy())) == 1


def test_columns_with_mixed_signs_are_refused_by_name():
    layer = DaleLinear(4, 3, excitatory=0.5)
    layer.check()
    state = {name: value.clone() for name, value in layer.state_dict().items()}
    state["weight"][1, 2] = 0.5
    with pytest.raises(DomainError, match=r"column 2 is inhibitory .*freeze_signs=True"):
        layer.load_state_dict(state)
    with pytest.raises(UsageError, match="a share of the inputs"):
        DaleLinear(4, 3, excitatory=80)


def test_projected_descent_is_sgd_that_stops_at_0():
    weights, free = (torch.nn.Parameter(torch.tensor([1.0, -1.0, 0.0])) for _ in range(2))
    optimizer = ProjectedSGD(
        [{"params": [weights]}, {"params": [free], "keep_signs": False}], lr=1.0, momentum=0.5
    )
    for gradient in ([3.0, -3.0, 1.0], [-6.0, -1.0, 0.0]):
        weights.grad, free.grad = torch.tensor(gradient), torch.tensor(gradient)
        optimizer.step()
    assert free.tolist() == [2.5, 4.5, -1.5]
    assert weights.tolist() == [4.5, 0.0, -1.5]


def test_projected_descent_is_saved_and_goes_on(tmp_path):
    weights = torch.nn.Parameter(torch.tensor([1.0, -1.0]))
    optimizer = ProjectedSGD([weights], lr=1.0)
    weights.grad = torch.tensor([3.0, 0.0])
    optimizer.step()
    torch.save(optimizer.state_dict(), tmp_path / "state.pt")
    other = ProjectedSGD([weights], lr=1.0)
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    weights.grad = torch.tensor([3.0, -3.0])
    other.step()
    assert weights.tolist() == [0.0, 0.0]
    assert other.state[weights]["signs"].dtype == torch.int8


def test_settings_of_projected_descent_are_checked():
    with pytest.raises(UsageError, match=r"'keep_sign' is not a setting .*'keep_signs'"):
        ProjectedSGD([{"params": [torch.nn.Parameter(torch.ones(2))], "keep_sign": True}], lr=0.1)
