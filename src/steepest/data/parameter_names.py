"""One network under two sets of names: what wrappers, pruning and parametrisations add to one."""

from collections.abc import Mapping

import numpy as np

from steepest.errors import DataError

__all__ = ["align_names"]

# What data parallelism, compilation, Lightning and averaging put before every name.
_WRAPPERS = ("module.", "_orig_mod.", "model.", "ema_model.")
_ADAPTERS = ("lora_a", "lora_b", "lora_down", "lora_up", "lora_embedding")


def align_names(
    before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], list[str]]:
    """The arrays of two checkpoints under the names of their plain network, and what was done.

    A weight that `torch.nn.utils.prune` keeps as `weight_orig` and `weight_mask` is their product;
    one that a parametrisation keeps as `parametrizations.weight.original` is `weight`. Prefixes of
    wrappers (`module.`, `_orig_mod.`, `model.`) are left out where one file has them and the other
    has not. Raises `DataError` for low-rank adapters, whose factors are not the network's weights.

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
                    first = {name[cut:]: array for name, array in first.items()}
                else:
                    second = {name[cut:]: array for name, array in second.items()}
                which = "before" if wrapped[0] else "after"
                said.append(f"names of the checkpoint {which} begin with {prefix!r}: left out")
            if set(first) == set(second):
                break
    return first, second, said


def _plain(arrays: Mapping[str, np.ndarray], which: str, said: list[str]) -> dict[str, np.ndarray]:
    adapters = [n for n in arrays if any(part in n.lower() for part in _ADAPTERS)]
    if adapters:
        raise DataError(
            f"the checkpoint {which} holds low-rank adapters ({adapters[0]!r} and"
            f" {len(adapters) - 1} more): the two factors are trained, not the weights, so no"
            " geometry of the weights is to be seen in them; merge them into the network and give"
            " the merged checkpoint"
        )
    plain: dict[str, np.ndarray] = {}
    masked, parametrised = 0, 0
    for name, array in arrays.items():
        base, _, last = name.rpartition("_")
        if last == "mask" and f"{base}_orig" in arrays:
            continue
        if last == "orig" and f"{base}_mask" in arrays:
            plain[base] = array * arrays[f"{base}_mask"]
            masked += 1
        elif ".original" in name and "parametrizations." in name:
            plain[name.replace("parametrizations.", "").removesuffix(".original")] = array
            parametrised += 1
        else:
            plain[name] = array
    if masked:
        said.append(
            f"the checkpoint {which} keeps masks of pruning: applied to {masked} of its arrays"
        )
    if parametrised:
        said.append(
            f"the checkpoint {which} keeps {parametrised} of its arrays as parametrisations"
        )
    return plain
