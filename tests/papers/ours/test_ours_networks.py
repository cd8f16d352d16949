"""Digits and failures of spiking networks: the quick scale runs, and can be drawn."""

import pytest

from steepest import pictures
from steepest.papers.ours import failing_networks, spiking_digits


@pytest.mark.slow
@pytest.mark.parametrize("module", [failing_networks, spiking_digits])
def test_no_claim_fails_at_the_quick_scale_and_the_picture_can_be_drawn(module):
    if module is spiking_digits:
        pytest.importorskip("sklearn", reason="scikit-learn, an extra, is not installed")
    dataset = module.run(module.QUICK, 0)
    assert [c.statement for c in module.claims(dataset) if c.holds is False] == []
    assert pictures.png(module.plot(dataset)).startswith(b"\x89PNG")
