"""Costs from theory with the geometries that were, or could have been, chosen for them."""

from steepest.models.gaussian import GaussianModel
from steepest.models.inputs import LogisticInput, NormalInput, UniformInput
from steepest.models.intrinsic import IntrinsicModel
from steepest.models.release import ReleaseModel

__all__ = [
    "GaussianModel",
    "IntrinsicModel",
    "LogisticInput",
    "NormalInput",
    "ReleaseModel",
    "UniformInput",
]
