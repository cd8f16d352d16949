"""Metrics, potentials and charts, and the laws that they obey."""

from steepest.arrays.quadrature import Integral, integrate
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
from steepest.geometry.density import FisherDensity
from steepest.geometry.diagonal import Diagonal, Euclidean, Metabolic, Weber
from steepest.geometry.directions import AbstractGeometry, velocity
from steepest.geometry.domain import (
    AbstractDomain,
    Boundary,
    Box,
    Everywhere,
    Intersection,
    Nonzero,
    Preimage,
)
from steepest.geometry.energy import MetabolicEnergies
from steepest.geometry.fisher import (
    FisherEstimate,
    FisherExponentialFamily,
    FisherGaussian,
    FisherNormal,
    LossGradientCovariance,
    monte_carlo_fisher,
)
from steepest.geometry.geodesic import (
    christoffel,
    exponential_map,
    geodesic_distance,
    logarithm_map,
    path_length,
)
from steepest.geometry.homogeneous import Homogeneous, HomogeneousState, Neighbour
from steepest.geometry.laws import (
    Law,
    LawReport,
    Model,
    check_homogeneity,
    check_invariance,
    check_metric,
    check_potential,
)
from steepest.geometry.matrix import AbstractMatrixMetric, Constant, MatrixMetric
from steepest.geometry.metric import AbstractMetric
from steepest.geometry.norm import AbstractNorm, DualPower, NormPullback, Spectral
from steepest.geometry.potential import AbstractPotential
from steepest.geometry.power import Entropy, PNorm, Power
from steepest.geometry.rank_two import RankTwo
from steepest.geometry.saturating import Fermi, HyperbolicEntropy, Logit
from steepest.geometry.sums import SumOfInverseMetrics, SumOfMetrics
from steepest.geometry.wasserstein import (
    WassersteinDistribution,
    WassersteinGaussian,
    WassersteinQuantile,
    gaussian_wasserstein_distance,
)

__all__ = [
    "AbstractChart",
    "AbstractDomain",
    "AbstractGeometry",
    "AbstractMatrixMetric",
    "AbstractMetric",
    "AbstractNorm",
    "AbstractPotential",
    "Attenuation",
    "Boundary",
    "Box",
    "Composed",
    "Constant",
    "Coupled",
    "Diagonal",
    "DualPower",
    "Elementwise",
    "Entropy",
    "Euclidean",
    "Everywhere",
    "Fermi",
    "FisherDensity",
    "FisherEstimate",
    "FisherExponentialFamily",
    "FisherGaussian",
    "FisherNormal",
    "Homogeneous",
    "HomogeneousState",
    "HyperbolicEntropy",
    "Identity",
    "Integral",
    "Intersection",
    "Law",
    "LawReport",
    "Linear",
    "Logit",
    "LossGradientCovariance",
    "MatrixMetric",
    "Metabolic",
    "MetabolicEnergies",
    "Model",
    "Neighbour",
    "Nonzero",
    "NormPullback",
    "PNorm",
    "Power",
    "Preimage",
    "Pullback",
    "RankTwo",
    "Scaling",
    "Spectral",
    "SumOfInverseMetrics",
    "SumOfMetrics",
    "WassersteinDistribution",
    "WassersteinGaussian",
    "WassersteinQuantile",
    "Weber",
    "check_homogeneity",
    "check_invariance",
    "check_metric",
    "check_potential",
    "christoffel",
    "exponential_map",
    "gaussian_wasserstein_distance",
    "geodesic_distance",
    "integrate",
    "logarithm_map",
    "monte_carlo_fisher",
    "path_length",
    "velocity",
]
