"""Every verdict on sizes has a sentence, a dataset, and HTML for a notebook."""

import pytest

from steepest.inference import (
    Design,
    infer_geometry,
    infer_measured,
    infer_unpaired,
    simulate_change,
    simulate_design,
)

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
    assert verdict.sentence.endswith(".")
    assert verdict.sentence in verdict._repr_html_()
    assert all(name in verdict._repr_html_() for name in verdict.checks)
    dataset = verdict.to_dataset()
    assert dataset.attrs["outcome"] == verdict.outcome
    assert dataset.attrs["index"] == verdict.index
    assert dataset.sizes["index"] > 20
