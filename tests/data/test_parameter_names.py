import numpy as np
import pytest

from steepest.data.parameter_names import align_names
from steepest.errors import DataError

PLAIN = {"l.weight": np.ones((4, 3)), "l.bias": np.zeros(4)}


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod.", "model._orig_mod."]
)
@pytest.mark.parametrize("side", [0, 1])
def test_the_prefix_of_a_wrapper_on_one_side_is_left_out_and_said(prefix, side):
    wrapped = {prefix + name: array for name, array in PLAIN.items()}
    pair = (wrapped, PLAIN) if side == 0 else (PLAIN, wrapped)
    first, second, said = align_names(*pair)
    assert list(first) == list(second) == list(PLAIN)
    assert ("before", "after")[side] in said[0]


def test_names_that_agree_stay_as_they_are():
    wrapped = {"module." + name: array for name, array in PLAIN.items()}
    first, second, said = align_names(wrapped, wrapped)
    assert list(first) == list(second) == list(wrapped)
    assert said == []


def test_a_pruned_weight_is_its_values_times_its_mask():
    mask = np.arange(12).reshape(4, 3) % 2
    pruned = {"l.weight_orig": 2 * np.ones((4, 3)), "l.weight_mask": mask, "l.bias": np.zeros(4)}
    _, second, said = align_names(PLAIN, pruned)
    np.testing.assert_array_equal(second["l.weight"], 2 * mask)
    assert said == ["the checkpoint after keeps masks of pruning: applied to 1 of its arrays"]


def test_a_parametrised_weight_has_its_own_name():
    named = {"l.parametrizations.weight.original": np.ones((4, 3)), "l.bias": np.zeros(4)}
    assert set(align_names(PLAIN, named)[1]) == set(PLAIN)


def test_low_rank_adapters_are_refused_with_the_reason():
    adapters = {"l.lora_A.weight": np.ones((2, 3)), "l.lora_B.weight": np.ones((4, 2))}
    with pytest.raises(
        DataError, match=r"after holds low-rank adapters .* merged into the network or not"
    ):
        align_names(PLAIN, PLAIN | adapters)
