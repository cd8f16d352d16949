# pyright: reportPrivateImportUsage=false
# torch documents its foreach operations under these names.
"""Mirror descent as torch optimizers: with momentum, and with Adam's moments."""

from collections.abc import Sequence
from typing import Any

import torch

from steepest.geometry import PNorm
from steepest.optimizers.settings import check_betas, check_momentum
from steepest.optimizers.torch_base import AbstractMirrorOptimizer
from steepest.optimizers.torch_compiled import CompiledGroup
from steepest.optimizers.torch_maps import Tensors
from steepest.optimizers.torch_pieces import PiecewiseGroup

__all__ = ["AdaptiveMirrorDescent", "MirrorDescent"]


class MirrorDescent(AbstractMirrorOptimizer):
    """Mirror descent with momentum in the dual: m <- momentum m + g, then z <- z - lr m.

    With `PNorm(2)`, the default, it is `torch.optim.SGD`. Arguments, each also a key of a
    parameter group:

    - `lr`: learning rate, a number (or a tensor with one), in units of dual weight per gradient.
    - `potential`: any potential of `steepest.geometry`; `PNorm(p)`, `Entropy()`, ...
    - `momentum`: at least 0 and below 1; the buffer is the sum of raw gradients, not dampened.
      With `nesterov` the dual moves by g + momentum m.
    - `weight_decay`: how much decays per unit of the rate, and `decay` what: "weights" (each
      weight loses the share lr * weight_decay, as in AdamW), "gradient" (weight_decay w is added
      to the gradient, before momentum, as in SGD), or "dual" (z goes to that of `reference`, a
      weight; for potentials whose dual is 0 at 0 it need not be given).
    - `max_step`: the largest step of a component of the dual; what is longer is cut, and counted
      in the state (`bounded`).
    - `freeze_signs`: under a potential of index 1 and above, keep every weight on the side of 0
      where it is, instead of demanding the potential's own `sign` of it.
    - `check_gradients`: look for gradients that are not finite before anything is changed (one
      more reading of the gradients; on a GPU one synchronisation).
    - `foreach`: all tensors of a group in one launch. None takes it on a GPU; on a CPU weights are
      moved in place, in pieces that stay in the cache.
    - `compiled`: keep the group in one flat buffer, of which parameters and gradients are views,
      and move it by one kernel of `torch.compile`; see below.

    Compiled steps are those of the others to a rounding, and nearly twice as fast. A kernel
    takes about 10 s to compile (a minute for the first of a machine, whose result torch keeps in
    TORCHINDUCTOR_CACHE_DIR); it serves all sizes and is made anew for another potential or
    precision, or another use of momentum and decay; one more where a step may be longer than 1.
    Weights near an edge, steps longer than 16 or cut by `max_step`, decay="dual", fields of a
    potential that differ from weight to weight, and potentials of index .6 to 1, above 1, or of
    your own are left to the usual step. Parameters share one storage then: `zero_grad` keeps the
    gradients as zeros, and what others replace (`p.data = ...`) is copied back with a
    `FlatBufferWarning`. With `check_gradients=False` no look is taken at results that overflow, and
    the entropy's steps on a CPU in float32 need no C++ compiler: a kernel of Numba's guards each
    weight, in place of a bound on the gradients.

    Give `model.named_parameters()` and errors name the parameter. Frozen and lazy parameters are
    looked at when they have their first gradient. Half-precision weights are moved in float32 and
    rounded; `torch.autocast` keeps them in float32. Near an edge of the domain, where floats do not
    hold a weight's dual, the state keeps it (`dual`, and its remainder `dual_rest`), so that a
    weight comes back as it went.

    Raises `DomainError` for weights that the potential cannot hold or move (and warns of single
    ones that never will), `UsageError` for settings that cannot be used and complex weights, and
    from `step` `DataError` for gradients that are sparse or not finite, and `DomainError` for a
    step to infinite weights; then no weight of any group has moved. Pogodin et al. 2024, Eq 6 and
    B.1.

    >>> weights = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    >>> optimizer = MirrorDescent([weights], lr=0.5, potential=PNorm(3))
    >>> (weights**2).sum().backward()
    >>> optimizer.step()
    >>> [round(w, 3) for w in weights.tolist()]
    [0.0, 1.414]
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        potential: Any = None,
        momentum: Any = 0.0,
        *,
        nesterov: bool = False,
        weight_decay: Any = 0.0,
        decay: Any = "weights",
        reference: Any = None,
        max_step: Any = None,
        freeze_signs: bool = False,
        check_gradients: bool = True,
        foreach: bool | None = None,
        compiled: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "potential": PNorm(2) if potential is None else potential,
            "momentum": momentum,
            "nesterov": nesterov,
            "weight_decay": weight_decay,
            "decay": decay,
            "reference": reference,
            "max_step": max_step,
            "freeze_signs": freeze_signs,
            "check_gradients": check_gradients,
            "foreach": foreach,
            "compiled": compiled,
        }
        super().__init__(params, defaults)

    def _check_settings(self, where: str, group: dict[str, Any]) -> None:
        check_momentum(where, group["momentum"], group["nesterov"])

    def _reach(self, group: dict[str, Any], largest: float) -> float:
        return largest / (1 - float(group["momentum"]))

    def _longest(
        self, memory: CompiledGroup | PiecewiseGroup, group: dict[str, Any], largest: float
    ) -> float:
        momentum = float(group["momentum"])
        if momentum == 0:
            return largest
        longest = memory.sum_bound(momentum, largest)
        return largest + momentum * longest if group["nesterov"] else longest

    def _buffer_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("momentum_buffer",) if float(group["momentum"]) else ()

    def _covectors(
        self,
        group: dict[str, Any],
        gradients: Tensors,
        buffers: Sequence[Tensors],
        counts: Sequence[float],
        rate: float,
    ) -> Tensors:
        momentum = float(group["momentum"])
        covectors = gradients
        if momentum:
            (covectors,) = buffers
            if len(covectors) == 1:  # a tensor alone in one pass over its memory
                torch.add(gradients[0], covectors[0], alpha=momentum, out=covectors[0])
            else:
                torch._foreach_mul_(covectors, momentum)
                torch._foreach_add_(covectors, gradients)
            if group["nesterov"]:
                covectors = torch._foreach_add(gradients, covectors, alpha=momentum)
        return covectors if rate == 1 else torch._foreach_mul(covectors, rate)


class AdaptiveMirrorDescent(AbstractMirrorOptimizer):
    """Mirror descent by Adam's moments of the covector: z <- z - lr m / (sqrt(v) + eps).

    With `PNorm(2)`, the default, it is `torch.optim.AdamW`; with `Entropy()` it is AdamW on log|w|
    that is fed sgn(w) dL/dw (not the chain rule's w dL/dw). A component of a step is at most about
    3 `lr` long, and 1 at first, so warm the rate up; clip gradients before `step`. `betas` and
    `eps` are Adam's; the other arguments, each also a key of a parameter group, what is raised and
    what the state keeps, are those of `MirrorDescent`. Kingma & Ba 2015; Cornford et al. 2024.

    >>> from steepest.geometry import Entropy
    >>> weights = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    >>> optimizer = AdaptiveMirrorDescent([weights], lr=0.5, potential=Entropy())
    >>> weights.grad = torch.tensor([1e-3, -7.0])
    >>> optimizer.step()
    >>> [round(w, 3) for w in weights.tolist()]
    [0.607, 3.297]
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        potential: Any = None,
        betas: Any = (0.9, 0.999),
        eps: Any = 1e-8,
        *,
        weight_decay: Any = 0.0,
        decay: Any = "weights",
        reference: Any = None,
        max_step: Any = None,
        freeze_signs: bool = False,
        check_gradients: bool = True,
        foreach: bool | None = None,
        compiled: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "potential": PNorm(2) if potential is None else potential,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "decay": decay,
            "reference": reference,
            "max_step": max_step,
            "freeze_signs": freeze_signs,
            "check_gradients": check_gradients,
            "foreach": foreach,
            "compiled": compiled,
        }
        super().__init__(params, defaults)

    def _check_settings(self, where: str, group: dict[str, Any]) -> None:
        check_betas(where, group["betas"], group["eps"])

    def _reach(self, group: dict[str, Any], largest: float) -> float:
        first, second = (float(beta) for beta in group["betas"])
        return (1 - first) / (1 - second) ** 0.5 + 1

    def _buffer_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return "exp_avg", "exp_avg_sq"

    def _covectors(
        self,
        group: dict[str, Any],
        gradients: Tensors,
        buffers: Sequence[Tensors],
        counts: Sequence[float],
        rate: float,
    ) -> Tensors:
        first, second = (float(beta) for beta in group["betas"])
        means, squares = buffers
        torch._foreach_lerp_(means, gradients, 1 - first)
        torch._foreach_mul_(squares, second)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - second)
        # m / (1 - first^t) / (sqrt(v / (1 - second^t)) + eps), with as few passes as can be.
        seen = [(1 - second**count) ** 0.5 for count in counts]
        eps = float(group["eps"])
        widths = torch._foreach_sqrt(squares)
        torch._foreach_add_(widths, [eps * share for share in seen])
        covectors = torch._foreach_div(means, widths)
        factors = [rate * root / (1 - first**t) for root, t in zip(seen, counts, strict=True)]
        torch._foreach_mul_(covectors, factors)
        return covectors
