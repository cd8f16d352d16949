"""The torch optimizers beside what people use with them: processes, compilers, averages."""

import copy
import os

import numpy as np
import pytest

from steepest.geometry import Entropy, PNorm

torch = pytest.importorskip("torch", reason="torch, an extra, is not installed")
from steepest.optimizers import AdaptiveMirrorDescent, MirrorDescent, torch_kernel  # noqa: E402

X = torch.randn(32, 6, generator=torch.Generator().manual_seed(0))
Y = torch.randn(32, 3, generator=torch.Generator().manual_seed(1))
WAYS = {
    "entropy": lambda p, **o: MirrorDescent(p, 0.05, Entropy(), 0.9, freeze_signs=True, **o),
    "adaptive": lambda p, **o: AdaptiveMirrorDescent(p, 0.02, Entropy(), freeze_signs=True, **o),
    "3-norm": lambda p, **o: MirrorDescent(p, 0.01, PNorm(3), 0.9, **o),
}


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3))


def loss_of(model, rows=slice(None)):
    return torch.nn.functional.mse_loss(model(X[rows]), Y[rows])


def vector(model):
    return torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy().copy()


def train(model, optimizer, steps=8, after=lambda: None):
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(model).backward()
        optimizer.step()
        after()
    return model


@pytest.fixture
def uncompiled(monkeypatch):
    monkeypatch.setattr(torch_kernel, "compiled", torch_kernel.step_of)


def learn_in_a_process(rank, folder, way, compiled):
    """One of two processes: half of the rows each."""
    torch.set_num_threads(1)
    if compiled:  # the kernels as they stand
        torch_kernel.compiled = torch_kernel.step_of
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    model = torch.nn.parallel.DistributedDataParallel(network())
    optimizer = WAYS[way](model.parameters(), compiled=compiled)
    rows = slice(rank, None, 2)
    for _ in range(8):
        optimizer.zero_grad()
        loss_of(model, rows).backward()
        optimizer.step()
    np.save(os.path.join(folder, f"{rank}.npy"), vector(model))
    torch.distributed.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("way", ["entropy", "adaptive"])
@pytest.mark.filterwarnings("ignore")
def test_two_processes_learn_what_one_does(tmp_path, way, compiled):
    if not torch.distributed.is_available():
        pytest.skip("this torch has no torch.distributed")
    torch.multiprocessing.spawn(learn_in_a_process, (str(tmp_path), way, compiled), nprocs=2)
    model = network()
    expected = vector(train(model, WAYS[way](model.parameters())))
    for rank in (0, 1):
        np.testing.assert_allclose(np.load(tmp_path / f"{rank}.npy"), expected, 2e-5, 2e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, about itself
@pytest.mark.slow
def test_a_compiled_model_learns_what_the_model_does(uncompiled):
    plain, model = network(), network()
    train(plain, WAYS["entropy"](plain.parameters()))
    train(torch.compile(model), WAYS["entropy"](model.parameters(), compiled=True))
    np.testing.assert_allclose(vector(model), vector(plain), 2e-5, 2e-6)


# What the tests check types with is traced, too, where a method is called for the first time.
@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, about itself
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.slow
def test_a_compiled_loop_takes_the_steps_as_they_are(uncompiled, way):
    def learn(model, optimizer):
        optimizer.zero_grad()
        loss_of(model).backward()
        optimizer.step()

    plain, model = network(), network()
    train(plain, WAYS[way](plain.parameters()), 8)
    loop, optimizer = torch.compile(learn), WAYS[way](model.parameters(), compiled=True)
    for _ in range(8):
        loop(model, optimizer)
    np.testing.assert_allclose(vector(model), vector(plain), 2e-5, 2e-6)


@pytest.mark.parametrize("compiled", [False, True])
def test_averages_of_weights_are_those_that_were_passed(uncompiled, compiled):
    model = network()
    optimizer = WAYS["entropy"](model.parameters(), compiled=compiled)
    swa = torch.optim.swa_utils.AveragedModel(model)
    ema = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.5)
    )
    seen = []

    def after():
        seen.append(vector(model))
        swa.update_parameters(model)
        ema.update_parameters(model)

    train(model, optimizer, 4, after)
    np.testing.assert_allclose(vector(swa.module), np.mean(seen, 0), rtol=1e-5)
    weights = [0.125, 0.125, 0.25, 0.5]
    np.testing.assert_allclose(vector(ema.module), np.average(seen, 0, weights), rtol=1e-5)
    model.load_state_dict(swa.module.state_dict())  # and training goes on from there
    train(model, optimizer, 1)
    assert np.isfinite(vector(model)).all()


@pytest.mark.parametrize("compiled", [False, True])
def test_two_accumulated_halves_are_one_whole(uncompiled, compiled):
    whole, halves = network(), network()
    train(whole, WAYS["adaptive"](whole.parameters(), compiled=compiled), 4)
    optimizer = WAYS["adaptive"](halves.parameters(), compiled=compiled)
    for _ in range(4):
        optimizer.zero_grad()
        for rows in (slice(0, 16), slice(16, None)):
            (loss_of(halves, rows) / 2).backward()
        optimizer.step()
    np.testing.assert_allclose(vector(halves), vector(whole), 2e-5, 2e-6)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_scaler_skips_what_overflows_and_warms_up_beside_a_schedule(uncompiled, compiled):
    model = network()
    optimizer = WAYS["adaptive"](model.parameters(), compiled=compiled)
    warm = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=5)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**14)
    rates = []
    for step in range(7):
        optimizer.zero_grad()
        scaler.scale(loss_of(model)).backward()
        if step == 3:
            next(model.parameters()).grad[0, 0] = float("inf")
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        before = vector(model)
        scaler.step(optimizer)
        scaler.update()
        assert (step == 3) == np.array_equal(before, vector(model))
        rates.append(optimizer.param_groups[0]["lr"])
        warm.step()
    assert scaler.get_scale() == 2.0**13
    np.testing.assert_allclose(rates, 0.02 * np.array([0.1, 0.28, 0.46, 0.64, 0.82, 1, 1]))


@pytest.mark.parametrize("compiled", [False, True])
def test_a_tensor_of_a_rate_is_read_anew_at_each_step(uncompiled, compiled):
    number, tensor = network(), network()
    rate = torch.tensor(0.0)
    ours = MirrorDescent(tensor.parameters(), rate, PNorm(3), compiled=compiled)
    train(tensor, ours, 1)
    np.testing.assert_allclose(vector(tensor), vector(number), rtol=1e-6)
    rate.fill_(0.01)
    train(tensor, ours, 2)
    train(number, MirrorDescent(number.parameters(), 0.01, PNorm(3)), 2)
    np.testing.assert_allclose(vector(tensor), vector(number), 1e-5, 1e-6)


def test_a_copied_model_has_weights_of_its_own(uncompiled):
    model = network()
    optimizer = WAYS["entropy"](model.parameters(), compiled=True)
    train(model, optimizer, 1)
    twin = copy.deepcopy(model)
    before = vector(twin)
    train(model, optimizer, 1)
    np.testing.assert_array_equal(vector(twin), before)
