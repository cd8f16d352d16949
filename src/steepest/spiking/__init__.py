"""Spiking neurons that learn to fire like a teacher, in the geometry of their own output.

Kreutzer et al. 2022. The cost is the divergence of the teacher's spikes from the neuron's; its
natural metric is `NeuronFisher`, and the natural rule is that metric's `sharp` on the differential.
Units: s, Hz, mV; weights without unit.
"""

from steepest.spiking.fisher import FisherCoefficients, NeuronFisher, quadratic_inverse
from steepest.spiking.kernel import (
    AbstractKernel,
    Alpha,
    DifferenceOfExponentials,
    double_exponential,
)
from steepest.spiking.neuron import PoissonNeuron
from steepest.spiking.rules import (
    AbstractRule,
    AbstractSomaticRule,
    ApproximateNatural,
    Coefficients,
    EuclideanRule,
    MetricRule,
    Natural,
    Parts,
    QuadraticNatural,
)
from steepest.spiking.transfer import (
    AbstractTransfer,
    Exponential,
    RectifiedQuadratic,
    Sigmoid,
    Transfer,
)

__all__ = [
    "AbstractKernel",
    "AbstractRule",
    "AbstractSomaticRule",
    "AbstractTransfer",
    "Alpha",
    "ApproximateNatural",
    "Coefficients",
    "DifferenceOfExponentials",
    "EuclideanRule",
    "Exponential",
    "FisherCoefficients",
    "MetricRule",
    "Natural",
    "NeuronFisher",
    "Parts",
    "PoissonNeuron",
    "QuadraticNatural",
    "RectifiedQuadratic",
    "Sigmoid",
    "Transfer",
    "double_exponential",
    "quadratic_inverse",
]
