"""Every figure's claims hold at quick scale, fail on broken data, and are drawn."""

import dataclasses

import numpy as np
import pytest

from steepest.errors import UsageError
from steepest.geometry import PNorm
from steepest.papers.pogodin2024 import (
    _networks,
    _regression,
    appendix_a1,
    appendix_c,
    fig2,
    fig3,
    fig4,
    fig6,
    theorem1,
)

SMALL = {
    appendix_a1: dataclasses.replace(appendix_a1.QUICK, widths=(100, 10_000), seeds=8),
    appendix_c: dataclasses.replace(appendix_c.QUICK, powers=(1.0, 2.0)),
    fig2: fig2.QUICK,
    fig3: dataclasses.replace(fig3.QUICK, widths=(100, 1061), regressions=3),
}
FIGURES = [
    *SMALL,
    pytest.param(fig6, marks=pytest.mark.slow),
    pytest.param(theorem1, marks=pytest.mark.slow),
    pytest.param(fig4, marks=pytest.mark.slow),
]


def name(figure):
    return figure.__name__.rpartition(".")[2]


@pytest.fixture(scope="module")
def datasets():
    return {}


@pytest.fixture
def dataset(figure, datasets):
    if figure is fig4:
        pytest.importorskip("torch", reason="torch, an extra, is not installed")
    if figure not in datasets:
        datasets[figure] = figure.run(SMALL.get(figure, figure.QUICK), 0)
    return datasets[figure]


@pytest.mark.parametrize("figure", FIGURES, ids=name)
def test_no_claim_fails_and_the_picture_is_drawn(figure, dataset):
    claims = figure.claims(dataset)
    assert [(c.statement, c.measured) for c in claims if c.holds is False] == []
    assert sum(c.holds is True for c in claims) >= 3
    picture = figure.plot(dataset)
    assert all(axes.has_data() for axes in picture.axes)


@pytest.mark.parametrize(
    ("figure", "variable", "word"),
    [
        (appendix_a1, "dual", "dual change over dual"),
        (appendix_c, "weight", "flow"),
        (fig2, "path", "mirror descent ends"),
        (fig3, "robustness", "B: log-normal"),
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


def test_a_users_own_module_is_tuned_in_its_plastic_weights():
    torch = pytest.importorskip("torch", reason="torch, an extra, is not installed")
    torch.manual_seed(0)

    class Backbone(torch.nn.Module):
        """Of the interface of CORnet or timm: named blocks, logits of a readout."""

        def __init__(self):
            super().__init__()
            self.block = torch.nn.Sequential(torch.nn.Linear(12, 24), torch.nn.BatchNorm1d(24))
            self.decoder = torch.nn.Linear(24, 3)

        def forward(self, images):
            return self.decoder(torch.relu(self.block(images)))

    model = Backbone()
    assert _networks.plastic(model) == ["block.0.weight"]
    images, labels = torch.randn(20, 12), torch.arange(20) % 3
    _networks.pretrain(model, images, labels, 3, 0)
    tuned = _networks.finetune(
        model, images, labels, _networks.POTENTIALS["entropy"], [0.1, 1.0], epochs=60, extensions=0
    )
    assert list(tuned.after) == ["block.0.weight"]
    assert tuned.accuracy >= 0.8
    before, after = tuned.before["block.0.weight"], tuned.after["block.0.weight"]
    np.testing.assert_array_equal(np.sign(before), np.sign(after))
    assert not np.array_equal(before, after)


@pytest.mark.parametrize("bad", ["resnet18", "keras:resnet", "timm_"])
def test_unknown_models_and_networks_are_refused(bad):
    with pytest.raises(UsageError, match="torchvision:NAME or timm:NAME"):
        _networks.load_model(bad)
    pytest.importorskip("torch", reason="torch, an extra, is not installed")
    with pytest.raises(UsageError, match="choose mlp, cnn or rnn"):
        _networks.build(bad, 8, 0)
