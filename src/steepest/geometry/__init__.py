"""Metrics, potentials and charts, and the laws that they obey."""

from steepest.geometry.chart import (
    AbstractChart,
    Attenuation,
    Composed,
    Elementwise,
    Identity,
    Linear,
    Pullback,
    Scaling,
)
from steepest.geometry.coupled import Coupled
from steepest.geometry.diagonal import Diagonal, Euclidean, Metabolic, Weber
from steepest.geometry.domain import (
    AbstractDomain,
    Boundary,
    Box,
    Everywhere,
    Intersection,
    Nonzero,
    Preimage,
)
from steepest.geometry.laws import (
    Law,
    LawReport,
    Model,
    check_invariance,
    check_metric,
    check_potential,
)
from steepest.geometry.metric import AbstractMetric, Constant, MatrixMetric
from steepest.geometry.potential import AbstractPotential
from steepest.geometry.power import Entropy, PNorm, Power
from steepest.geometry.saturating import Fermi, HyperbolicEntropy, Logit
from steepest.geometry.sums import SumOfInverseMetrics, SumOfMetrics

__all__ = [
    "AbstractChart",
    "AbstractDomain",
    "AbstractMetric",
    "AbstractPotential",
    "Attenuation",
    "Boundary",
    "Box",
    "Composed",
    "Constant",
    "Coupled",
    "Diagonal",
    "Elementwise",
    "Entropy",
    "Euclidean",
    "Everywhere",
    "Fermi",
    "HyperbolicEntropy",
    "Identity",
    "Intersection",
    "Law",
    "LawReport",
    "Linear",
    "Logit",
    "MatrixMetric",
    "Metabolic",
    "Model",
    "Nonzero",
    "PNorm",
    "Power",
    "Preimage",
    "Pullback",
    "Scaling",
    "SumOfInverseMetrics",
    "SumOfMetrics",
    "Weber",
    "check_invariance",
    "check_metric",
    "check_potential",
]
