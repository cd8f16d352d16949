"""One network under two sets of names: what wrappers, pruning and parametrisations add to one."""

from collections.abc import Mapping

import numpy as np

from steepest.data.stored import StoredWeights
from steepest.errors import DataError

__all__ = ["align_names"]

# What data parallelism, compilation, Lightning and averaging put before every name.
_WRAPPERS = ("module.", "_orig_mod.", "model.", "ema_model.")
_ADAPTERS = ("lora_a", "lora_b", "lora_down", "lora_up", "lora_embedding")


def align_names(
    before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]
) -> tuple[StoredWeights, StoredWeights, list[str]]:
    """The arrays of two checkpoints under the names of their plain network, and what was done.

    A weight that `torch.nn.utils.prune` keeps as `weight_orig` and `weight_mask` is their product;
    one that a parametrisation keeps as `parametrizations.weight.original` is `weight`. Prefixes of
    wrappers (`module.`, `_orig_mod.`, `model.`) are left out where one file has them and the other
    has not. Nothing is read before it is asked for. Raises `DataError` for low-rank adapters, whose
    factors are not the network's weights.

    >>> import numpy as np
    >>> pruned = {"module.w_orig": np.ones((2, 2)), "module.w_mask": np.eye(2)}
    >>> first, second, said = align_names({"w": np.ones((2, 2))}, pruned)
    >>> list(second), second["w"].tolist(), len(said)
    (['w'], [[1.0, 0.0], [0.0, 1.0]], 2)
    """
    said: list[str] = []
    first, second = (
        _plain(arrays, which, said) for arrays, which in ((before, "before"), (after, "after"))
    )
    if set(first) != set(second):
        for prefix in _WRAPPERS * 2:
            wrapped = [all(name.startswith(prefix) for name in x) for x in (first, second)]
            if wrapped[0] != wrapped[1]:
                cut = len(prefix)
                if wrapped[0]:
                    first = first.renamed({name: name[cut:] for name in first})
                else:
                    second = second.renamed({name: name[cut:] for name in second})
                which = "before" if wrapped[0] else "after"
                said.append(f"names of the checkpoint {which} begin with {prefix!r}: left out")
            if set(first) == set(second):
                break
    return first, second, said


def _plain(arrays: Mapping[str, np.ndarray], which: str, said: list[str]) -> StoredWeights:
    stored = arrays if isinstance(arrays, StoredWeights) else StoredWeights.of(arrays)
    adapters = [n for n in arrays if any(part in n.lower() for part in _ADAPTERS)]
    if adapters:
        raise DataError(
            f"the checkpoint {which} holds low-rank adapters ({adapters[0]!r} and"
            f" {len(adapters) - 1} more): the two factors are trained, not the weights, so no"
            " geometry of the weights is to be seen in them; merge them into the network and give"
            " the merged checkpoint"
        )
    names: dict[str, str] = {}
    masks: dict[str, str] = {}
    for name in stored:
        base, _, last = name.rpartition("_")
        if last == "orig" and f"{base}_mask" in stored:
            names[name] = base
            masks[base] = f"{base}_mask"
        elif ".original" in name and "parametrizations." in name:
            names[name] = name.replace("parametrizations.", "").removesuffix(".original")
    masked, parametrised = len(masks), len(names) - len(masks)
    plain = stored.renamed(names)
    if masks:
        values = plain

        def read(name: str, rows: slice) -> np.ndarray:
            array = values.rows(name, rows)
            return array * stored.rows(masks[name], rows) if name in masks else array

        kept = values.shapes.keys() - set(masks.values())
        shapes = {name: shape for name, shape in values.shapes.items() if name in kept}
        plain = StoredWeights(shapes, read, values.integers & kept)
    if masked:
        said.append(
            f"the checkpoint {which} keeps masks of pruning: applied to {masked} of its arrays"
        )
    if parametrised:
        said.append(
            f"the checkpoint {which} keeps {parametrised} of its arrays as parametrisations"
        )
    return plain
