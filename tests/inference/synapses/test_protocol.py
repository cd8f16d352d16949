"""Every verdict on sizes has a sentence, a dataset, and HTML for a notebook."""

import pytest

from steepest._version import __version__
from steepest.inference import (
    Design,
    infer_geometry,
    infer_measured,
    infer_unpaired,
    simulate_change,
    simulate_design,
)
from steepest.inference.synapses.verdict import sentence_of

PAIR = simulate_change(100, 1, seed=1)
VERDICTS = {
    "pair": lambda: infer_geometry(*PAIR, noise_cv=0),
    "measured": lambda: infer_measured(
        simulate_design(Design(synapses=100, sessions=3), 1), draws=20
    ),
    "unpaired": lambda: infer_unpaired(*PAIR, draws=3),
}


@pytest.mark.parametrize("kind", VERDICTS)
def test_a_verdict_tells_itself(kind):
    verdict = VERDICTS[kind]()
    sentence = verdict.sentence()
    assert sentence.startswith(sentence_of(verdict).removesuffix("."))
    assert sentence.endswith(".")
    assert f"geometry index {verdict.index:.2f}, 95 % interval" in sentence
    for paragraph in (verdict.methods(), verdict.legend()):
        assert paragraph.endswith(".")
        assert ".." not in paragraph.replace("...", "")
        assert f"{verdict.n_before if kind == 'unpaired' else verdict.n} " in paragraph
    assert f"steepest {__version__}" in verdict.methods()
    assert all(name.replace("_", " ") in verdict.methods() for name in verdict.checks)
    assert sentence_of(verdict) in verdict._repr_html_()
    assert all(name in verdict._repr_html_() for name in verdict.checks)
    dataset = verdict.to_dataset()
    assert dataset.attrs["outcome"] == verdict.outcome
    assert dataset.attrs["index"] == verdict.index
    assert dataset.sizes["index"] > 20
