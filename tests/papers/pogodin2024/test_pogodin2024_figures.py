"""Every figure's claims hold at quick scale, fail on broken data, and are drawn."""

import dataclasses
import sys
import types

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from steepest.errors import DataError, UsageError
from steepest.geometry import PNorm
from steepest.papers import load
from steepest.papers.pogodin2024 import (
    _layers,
    _networks,
    _pairs,
    _regression,
    appendix_a1,
    appendix_c,
    error_terms,
    fig2,
    fig3,
    fig4,
    fig5,
    fig6,
    fig7,
    linearised,
    moving_inputs,
    theorem1,
)
from steepest.study import stamp

SMALL = {
    appendix_a1: dataclasses.replace(appendix_a1.QUICK, widths=(100, 10_000), seeds=8),
    appendix_c: dataclasses.replace(appendix_c.QUICK, powers=(1.0, 2.0)),
    fig2: fig2.QUICK,
    fig3: dataclasses.replace(fig3.QUICK, widths=(100, 1061), regressions=3),
    fig5: fig5.QUICK,
}
TORCH = (fig4, fig7)
QUICKEST = (fig2,)
FIGURES = [
    pytest.param(figure, marks=() if figure in QUICKEST else pytest.mark.slow)
    for figure in (*SMALL, error_terms, fig4, fig6, moving_inputs, theorem1, fig7, linearised)
]


def name(figure):
    return figure.__name__.rpartition(".")[2]


@pytest.fixture(scope="module")
def datasets():
    return {}


@pytest.fixture(scope="module")
def torch():
    torch = pytest.importorskip("torch", reason="torch, an extra, is not installed")
    torch.set_num_threads(1)  # on networks so small a second one only waits, at full cost
    return torch


@pytest.fixture
def dataset(figure, datasets, request):
    if figure in TORCH:
        request.getfixturevalue("torch")
    if figure not in datasets:
        datasets[figure] = figure.run(SMALL.get(figure, figure.QUICK), 0)
    return datasets[figure]


@pytest.mark.parametrize("figure", FIGURES, ids=name)
def test_no_claim_fails_and_the_picture_is_drawn(figure, dataset):
    claims = figure.claims(dataset)
    assert [(c.statement, c.measured) for c in claims if c.holds is False] == []
    assert sum(c.holds is True for c in claims) >= 3
    picture = figure.plot(dataset)
    assert all(axes.has_data() for axes in picture.axes if axes.axison)


@pytest.mark.parametrize(
    ("figure", "variable", "word"),
    [
        pytest.param(*case, marks=() if case[0] in QUICKEST else pytest.mark.slow)
        for case in (
            (appendix_a1, "dual", "dual change over dual"),
            (appendix_c, "weight", "flow"),
            (fig2, "path", "mirror descent ends"),
            (fig3, "robustness", "B: log-normal"),
            (fig5, "distance", "two starting values"),
            (error_terms, "outside", "span of the inputs"),
            (moving_inputs, "outside", "hardly drift"),
            (theorem1, "loss_gap", "log cosh"),
            (linearised, "apart", "predicts"),
            (fig7, "index", "Two-way"),
        )
    ],
    ids=lambda x: name(x) if hasattr(x, "__name__") else None,
)
def test_claims_fail_on_data_that_are_wrong(figure, dataset, variable, word):
    broken = dataset.copy(deep=True)
    noise = np.random.default_rng(0).uniform(0.5, 1.5, broken[variable].shape)
    broken[variable] = broken[variable] * noise + 0.3
    failed = [c.statement for c in figure.claims(broken) if c.holds is False]
    assert any(word in statement for statement in failed)


def test_inputs_have_the_stated_correlations():
    random = np.random.default_rng(0)
    x = _regression.correlated_inputs(4000, 60, 1.0, random)
    lag = np.subtract.outer(np.arange(60), np.arange(60))
    expected = (-1.0) ** lag / (1 + np.abs(lag)) + np.eye(60) / 12
    assert np.abs(x.T @ x / 4000 - expected).max() < 5.5 * np.sqrt(2 / 4000)


def test_training_by_the_protocol_solves_the_regression():
    random = np.random.default_rng(1)
    x, y = random.standard_normal((8, 100)), random.choice([-1.0, 1.0], 8)
    weights, loss, rate = _regression.train(x, y, random.standard_normal(100) / 10, PNorm(3))
    assert loss < 1e-3
    assert np.mean((x @ weights - y) ** 2) == pytest.approx(loss)
    assert rate in _regression._RATES


@pytest.fixture
def backbone(torch):
    """A trained network of the interface of CORnet, torchvision or timm, and what it learned."""

    class Backbone(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.block = torch.nn.Sequential(torch.nn.Linear(12, 24), torch.nn.BatchNorm1d(24))
            self.decoder = torch.nn.Linear(24, 3)

        def forward(self, images):
            return self.decoder(torch.relu(self.block(images.flatten(1))))

    torch.manual_seed(0)
    model, images, labels = Backbone(), torch.randn(20, 1, 3, 4), torch.arange(20) % 3
    _networks.pretrain(model, images, labels, 3, 0)
    return model, images, labels


def test_a_users_own_module_is_tuned_in_its_plastic_weights(backbone):
    model, images, labels = backbone
    assert _networks.plastic(model) == ["block.0.weight"]
    untouched = _networks.snapshot(model, ["decoder.weight"])["decoder.weight"]
    tuned = _networks.finetune(
        model, images, labels, _networks.POTENTIALS["entropy"], [0.1, 1.0], epochs=60, extensions=0
    )
    assert list(tuned.after) == ["block.0.weight"]
    assert tuned.accuracy >= 0.8
    before, after = tuned.before["block.0.weight"], tuned.after["block.0.weight"]
    np.testing.assert_array_equal(np.sign(before), np.sign(after))
    assert not np.array_equal(before, after)
    kept = _networks.snapshot(model, ["decoder.weight"])["decoder.weight"]
    np.testing.assert_array_equal(kept, untouched)


def test_the_gentle_choice_stops_early_and_the_papers_takes_the_lowest_loss(backbone):
    rates, options = [0.1, 0.3], {"epochs": 25, "extensions": 0}
    potential = _networks.POTENTIALS["2-norm"]
    gentle = _networks.finetune(*backbone, potential, rates, **options)
    lowest = _networks.finetune(*backbone, potential, rates, gentle=False, **options)
    assert (gentle.accuracy, lowest.accuracy) == (1.0, 1.0)
    assert gentle.epochs < lowest.epochs == 25
    each = [
        _networks.finetune(*backbone, potential, [rate], gentle=False, **options).loss
        for rate in rates
    ]
    assert lowest.loss == min(each) < gentle.loss
    change = [
        np.linalg.norm(tuned.after["block.0.weight"] - tuned.before["block.0.weight"])
        for tuned in (gentle, lowest)
    ]
    assert change[0] < change[1]


def test_models_of_torchvision_and_images_of_ones_own_go_through_the_figure(
    backbone, tmp_path, monkeypatch
):
    model, images, labels = backbone
    library = types.ModuleType("torchvision")
    library.models = types.SimpleNamespace(get_model=lambda name, weights: {"tiny": model}[name])
    monkeypatch.setitem(sys.modules, "torchvision", library)
    np.savez(tmp_path / "images.npz", images=images.numpy(), labels=labels.numpy())
    parameters = fig4.Parameters(
        networks=("torchvision:tiny",), data=str(tmp_path / "images.npz"), seeds=1, epochs=3,
        extensions=0, rates=(1e-2,),
    )  # fmt: skip
    dataset = fig4.run(parameters, 0)
    assert [str(case) for case in dataset["case"].values] == [
        f"torchvision:tiny 0 block.0.weight {name}" for name in _networks.POTENTIALS
    ]
    own = fig4.tuned_layers(model, images, labels, rates=(1e-2,), epochs=3, extensions=0)
    assert own.sizes == {"case": 3, "potential": 3}
    with pytest.raises(UsageError, match="give them as `data`"):
        fig4.run(dataclasses.replace(parameters, data=""), 0)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.ones((4, 1, 2, 2))}, "cannot be read.*labels"),
        ({"images": np.ones((4, 2, 2)), "labels": np.ones(4)}, "do not fit"),
        ({"images": np.ones((4, 1, 2, 2)), "labels": np.ones(3)}, "do not fit"),
        ({"images": np.full((4, 1, 2, 2), np.nan), "labels": np.ones(4)}, "not finite"),
        ({"images": np.array([None]), "labels": np.ones(1)}, "cannot be read"),
    ],
)
def test_images_that_cannot_be_used_are_refused(torch, tmp_path, arrays, message):
    np.savez(tmp_path / "images.npz", **arrays)
    with pytest.raises(DataError, match=message):
        _networks.images_of(tmp_path / "images.npz")


def test_the_pair_loss_is_the_negative_cosine_and_its_gradient_can_be_stopped(torch):
    model = _pairs.build_pairs(32, 0).eval()
    generator = torch.Generator().manual_seed(0)
    images = torch.rand((6, 1, 8, 8), generator=generator)
    first, second = (_pairs.views(images, generator) for _ in range(2))
    codes = [model.encoder(v).detach().numpy() for v in (first, second)]
    predicted = [model.predictor(model.encoder(v)).detach().numpy() for v in (first, second)]
    cosines = [
        (p * z).sum(1) / np.linalg.norm(p, axis=1) / np.linalg.norm(z, axis=1)
        for p, z in zip(predicted, codes[::-1], strict=True)
    ]
    slopes = []
    for stop in (True, False):
        model.zero_grad()
        loss = _pairs.pair_loss(model, first, second, stop)
        assert float(loss.detach()) == pytest.approx(-np.mean(cosines), abs=1e-6)
        loss.backward()
        slopes.append(
            [model.encoder[0][0].weight.grad.clone(), model.predictor[3].weight.grad.clone()]
        )
    assert torch.allclose(slopes[0][1], slopes[1][1], atol=1e-7)
    assert (slopes[0][0] - slopes[1][0]).abs().max() > 0.01 * slopes[0][0].abs().max()


def test_views_are_shifted_by_at_most_a_pixel(torch):
    image = torch.zeros((200, 1, 8, 8))
    image[:, 0, 4, 4] = 10.0
    moved = _pairs.views(image, torch.Generator().manual_seed(0))
    brightest = moved.flatten(1).argmax(1).numpy()
    places = {(int(b) // 8 - 4, int(b) % 8 - 4) for b in brightest}
    assert places == {(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)}
    rest = moved[moved < 5]
    assert float(rest.std()) == pytest.approx(0.1, abs=0.005)


@pytest.mark.slow
def test_two_way_independence_names_the_potential_in_46_of_48_layers(torch):
    right = []
    for kind, seeds in (("cnn", 2), ("mlp", 3), ("rnn", 2)):
        parameters = fig4.Parameters(
            networks=(kind,), seeds=seeds, rates=(1e-3, 1e-2, 1e-1), extensions=2
        )
        right += list(_layers.named(fig4.run(parameters, 0))[0])
    assert len(right) == 48
    assert sum(right) >= 46


@pytest.mark.parametrize("bad", ["resnet18", "keras:resnet", "timm_"])
def test_unknown_models_and_networks_are_refused(bad, torch):
    with pytest.raises(UsageError, match="torchvision:NAME or timm:NAME"):
        _networks.load_model(bad)
    with pytest.raises(UsageError, match="choose mlp, cnn or rnn"):
        _networks.build(bad, 8, 0)


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UsageError, match="needs timm: pip install timm"):
        _networks.load_model("timm:resnet18")


def test_the_largest_change_covers_the_true_one_and_excludes_larger_ones():
    random = np.random.default_rng(0)
    for index, noise in ((1.0, 0.4), (0.0, 0.03)):
        start = np.where(random.random(2000) < 0.5, 0.2, 1.5)
        if index == 1:
            end = start * np.exp(noise * random.standard_normal(2000))
            relative = noise
        else:
            end = start + noise * random.standard_normal(2000)
            relative = noise / np.median(end)
        found = fig5.largest_change(end, index, steps=5)
        assert 0.97 * relative < found < 1.3 * relative


def test_the_entropy_fit_finds_the_mixture():
    random = np.random.default_rng(1)
    small = random.random(20_000) < 0.7
    logs = np.where(small, -3.0, -1.5) + 0.5 * random.standard_normal(small.size)
    np.testing.assert_allclose(fig5._fit_entropy(logs), [0.7, -3.0, -1.5, 0.5], atol=0.03)


def test_the_three_norm_fit_is_a_distribution_and_loses_what_becomes_negative():
    fit = np.array([0.02, -2.4, 0.9, 1.6e-3])
    random = np.random.default_rng(2)
    start = np.where(
        random.random(200_000) < 0.5,
        fit[0],
        np.exp(fit[1] + fit[2] * random.standard_normal(200_000)),
    )
    dual = start**2 + fit[3] * random.standard_normal(start.size)
    assert fig5._negative_share(fit) == pytest.approx((dual < 0).mean(), abs=0.004)
    end = np.sqrt(dual[dual > 0])
    at = np.array([0.02, 0.05, 0.1, 0.5])
    np.testing.assert_allclose(
        fig5._three_norm_cdf(fit, at), [(end < x).mean() for x in at], atol=0.006
    )
    grid = np.geomspace(1e-4, 5, 500)
    assert np.trapezoid(fig5._three_norm(fit, grid), grid) == pytest.approx(1, abs=2e-3)


@pytest.fixture(scope="module")
def another_lab(tmp_path_factory):
    """A table of one kind of spine, as no fit of Fig 5 would have it; the volumes in it."""
    volumes = np.random.default_rng(0).uniform(0.4, 0.6, 60)
    table = pd.DataFrame({"id": np.arange(61), "spine_vol_um3": np.append(volumes, np.nan)})
    path = tmp_path_factory.mktemp("another lab") / "spines.csv"
    table.to_csv(path, index=False)
    return path, volumes


@pytest.fixture(scope="module")
def measured(another_lab):
    """What Fig 5 measures on that table."""
    (figure,) = load("pogodin2024.fig5")
    chosen = figure.parameters("quick", another_lab[0])
    assert chosen == dataclasses.replace(fig5.QUICK, data=str(another_lab[0]))
    return fig5.run(dataclasses.replace(chosen, steps=1), 0)


def test_the_users_spine_volumes_are_read(another_lab, measured):
    path, volumes = another_lab
    np.testing.assert_allclose(fig5.spine_volumes(path), volumes)
    np.testing.assert_allclose(measured["volume"], volumes)


def test_no_claim_is_tested_on_another_labs_spines_and_all_is_measured(measured):
    claims = fig5.claims(measured)
    assert [claim.holds for claim in claims] == [None] * 5
    # Were there as many as the published ones, the paper's words would be tested, and fail.
    published = fig5.claims(measured.isel(spine=np.arange(1961) % 60))
    assert [claim.holds for claim in published[:2]] == [False, False]
    assert [claim.holds is None for claim in published] == [False] * 4 + [True]
    assert [claim.measured for claim in claims] == [claim.measured for claim in published]
    assert all(np.isfinite(claim.measured) for claim in claims)


def test_another_labs_spines_end_with_0_and_are_said_not_to_be_tested(
    another_lab, measured, call, monkeypatch
):
    def measure(parameters, seed):
        return stamp(measured, parameters, seed)

    monkeypatch.setattr(fig5, "run", measure)
    monkeypatch.setattr(fig5, "plot", lambda dataset: Figure(figsize=(1, 1)))
    code, out, err = call("reproduce", "pogodin2024.fig5", "--data", another_lab[0])
    assert (code, err) == (0, "")
    assert "No claim can be tested at this scale or on these data." in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no column 'spine_vol_um3'.* 'a', 'b'"),
        ("spine_vol_um3\n" + "0.1\n" * 60 + "-1\n", "1 values .* not positive, the first -1"),
        ("spine_vol_um3\n" + "0.1\n" * 60 + "big\n", "row 62 of column 'spine_vol_um3' is 'big'"),
        ("spine_vol_um3\n0.1\n", "needs at least 50"),
        ("spine_vol_um3\n" + "0.1\n0.2\n" * 30, "30 of 60 values .* are 0.1: .* not rounded"),
        ("spine_vol_um3\n" + "4e7\n0.2\n" * 30, "from 0.2 to 4e.07: no spine"),
        ("", "is empty"),
    ],
)
def test_spine_volumes_that_cannot_be_used_are_refused(tmp_path, text, message):
    (tmp_path / "spines.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        fig5.spine_volumes(tmp_path / "spines.csv")


def test_what_holds_no_spines_is_refused_and_not_waited_for(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        fig5.spine_volumes(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="is a device"):
        fig5.spine_volumes("/dev/zero")


def test_data_for_a_figure_that_takes_none_are_refused():
    (figure,) = load("pogodin2024.fig2")
    with pytest.raises(UsageError, match=r"pogodin2024\.fig2 .* no data file"):
        figure.parameters("quick", "spines.csv")
