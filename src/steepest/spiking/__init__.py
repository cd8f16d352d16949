"""Spiking neurons that learn to fire like a teacher, in the geometry of their own output.

Kreutzer et al. 2022. The cost is the divergence of the teacher's spikes from the neuron's; its
natural metric is `NeuronFisher`, and the natural rule is that metric's `sharp` on the differential.
Units: s, Hz, mV; weights without unit.
"""

from steepest.spiking.afferents import Afferents, GivenGroup, SteadyGroup, VaryingGroup
from steepest.spiking.brian2 import export_brian2
from steepest.spiking.cost import cost_per_bin, cost_per_second, rate_distance, weight_distance
from steepest.spiking.dense import simulate_dense
from steepest.spiking.fisher import (
    FisherCoefficients,
    NeuronFisher,
    inverse_coefficients,
    quadratic_inverse,
)
from steepest.spiking.kernel import (
    AbstractKernel,
    Alpha,
    DifferenceOfExponentials,
    double_exponential,
)
from steepest.spiking.neuron import PoissonNeuron
from steepest.spiking.recording import Recording, State, evaluate
from steepest.spiking.rules import (
    AbstractRule,
    AbstractSomaticRule,
    ApproximateNaturalRule,
    Coefficients,
    EuclideanRule,
    MetricRule,
    NaturalRule,
    Parts,
    QuadraticNaturalRule,
)
from steepest.spiking.settings import Settings, Spikes, check_run
from steepest.spiking.simulation import simulate, why_dense
from steepest.spiking.task import (
    AttenuatedTeacher,
    FixedRateTeacher,
    GivenTeacher,
    RealisableTeacher,
    Task,
    backpropagation,
    exponential_attenuation,
    paper_task,
)
from steepest.spiking.trains import SpikeTrains, read_spike_trains
from steepest.spiking.transfer import (
    AbstractTransfer,
    Exponential,
    RectifiedQuadratic,
    Sigmoid,
    Transfer,
)
from steepest.spiking.tuning import (
    Tuning,
    first_time_below,
    mean_time_below,
    output_error,
    tune_rate,
)
from steepest.spiking.usps import sample_usps, shot_noise_fisher

__all__ = [
    "AbstractKernel",
    "AbstractRule",
    "AbstractSomaticRule",
    "AbstractTransfer",
    "Afferents",
    "Alpha",
    "ApproximateNaturalRule",
    "AttenuatedTeacher",
    "Coefficients",
    "DifferenceOfExponentials",
    "EuclideanRule",
    "Exponential",
    "FisherCoefficients",
    "FixedRateTeacher",
    "GivenGroup",
    "GivenTeacher",
    "MetricRule",
    "NaturalRule",
    "NeuronFisher",
    "Parts",
    "PoissonNeuron",
    "QuadraticNaturalRule",
    "RealisableTeacher",
    "Recording",
    "RectifiedQuadratic",
    "Settings",
    "Sigmoid",
    "SpikeTrains",
    "Spikes",
    "State",
    "SteadyGroup",
    "Task",
    "Transfer",
    "Tuning",
    "VaryingGroup",
    "backpropagation",
    "check_run",
    "cost_per_bin",
    "cost_per_second",
    "double_exponential",
    "evaluate",
    "exponential_attenuation",
    "export_brian2",
    "first_time_below",
    "inverse_coefficients",
    "mean_time_below",
    "output_error",
    "paper_task",
    "quadratic_inverse",
    "rate_distance",
    "read_spike_trains",
    "sample_usps",
    "shot_noise_fisher",
    "simulate",
    "simulate_dense",
    "tune_rate",
    "weight_distance",
    "why_dense",
]
