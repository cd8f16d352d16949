"""Steepest descent in the geometry you choose, and the geometry that measured synapses chose.

Forward: `gradient_flow(cost, metric, start, times)`. Backward: `infer_geometry(before, after)`.
Names are imported when first used, so that the command line answers at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from steepest._version import __version__

if TYPE_CHECKING:
    from steepest import (
        descent,
        geometry,
        inference,
        models,
        optimizers,
        papers,
        report,
        results,
        study,
    )
    from steepest.descent import (
        Projection,
        Trajectory,
        bregman_projection,
        gradient_flow,
        mirror_step,
        riemannian_step,
    )
    from steepest.inference import Verdict, infer_geometry

_HOMES = {
    "Projection": "descent",
    "Trajectory": "descent",
    "Verdict": "inference",
    "bregman_projection": "descent",
    "gradient_flow": "descent",
    "infer_geometry": "inference",
    "mirror_step": "descent",
    "riemannian_step": "descent",
}
_ROOMS = (
    "descent",
    "errors",
    "geometry",
    "inference",
    "models",
    "optimizers",
    "papers",
    "report",
    "results",
    "study",
)

__all__ = [
    "Projection",
    "Trajectory",
    "Verdict",
    "__version__",
    "bregman_projection",
    "descent",
    "geometry",
    "gradient_flow",
    "infer_geometry",
    "inference",
    "mirror_step",
    "models",
    "optimizers",
    "papers",
    "report",
    "results",
    "riemannian_step",
    "study",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"steepest.{name}")
    if name in _HOMES:
        return getattr(import_module(f"steepest.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'steepest' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS, *_HOMES})
