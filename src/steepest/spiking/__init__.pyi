from .afferents import Afferents, GivenGroup, SteadyGroup, VaryingGroup
from .brian2 import brian2_script, export_brian2
from .cost import cost_per_bin, cost_per_second, rate_distance, weight_distance
from .description import RuleDescription, describe_rule
from .engines import why_dense
from .fisher import (
    FisherCoefficients,
    NeuronFisher,
    inverse_coefficients,
    quadratic_inverse,
)
from .genn import genn_script
from .gpu_limits import why_not_gpu
from .kernel import (
    AbstractKernel,
    Alpha,
    DifferenceOfExponentials,
    double_exponential,
)
from .learned import LearnedNetwork, NetworkState
from .learning import learn
from .nestml import nestml_model
from .network import LayeredNetwork
from .network_rules import (
    AbstractNetworkRule,
    Adam,
    Descent,
    LayerView,
    OutputFisher,
    OwnFisher,
    hidden_shares,
)
from .network_tasks import AbstractNetworkTask, RatePatterns, TeacherNetwork
from .neuron import PoissonNeuron
from .recording import Recording, State, evaluate
from .rules import (
    AbstractRule,
    AbstractSomaticRule,
    ApproximateNaturalRule,
    Coefficients,
    EuclideanRule,
    MetricRule,
    MirrorRule,
    NaturalRule,
    Parts,
    QuadraticNaturalRule,
)
from .settings import Settings, Spikes, check_run
from .simulation import simulate, simulate_dense
from .task import (
    AbstractTeacher,
    AttenuatedTeacher,
    FixedRateTeacher,
    GivenTeacher,
    RealisableTeacher,
    Task,
    backpropagation,
    exponential_attenuation,
    paper_task,
)
from .trains import SpikeTrains, read_spike_trains
from .transfer import (
    AbstractTransfer,
    Exponential,
    RectifiedQuadratic,
    Sigmoid,
    Transfer,
)
from .tuning import (
    Tuning,
    first_time_below,
    mean_time_below,
    output_error,
    tune_rate,
)
from .usps import sample_usps, shot_noise_fisher

__all__ = [
    "AbstractKernel",
    "AbstractNetworkRule",
    "AbstractNetworkTask",
    "AbstractRule",
    "AbstractSomaticRule",
    "AbstractTeacher",
    "AbstractTransfer",
    "Adam",
    "Afferents",
    "Alpha",
    "ApproximateNaturalRule",
    "AttenuatedTeacher",
    "Coefficients",
    "Descent",
    "DifferenceOfExponentials",
    "EuclideanRule",
    "Exponential",
    "FisherCoefficients",
    "FixedRateTeacher",
    "GivenGroup",
    "GivenTeacher",
    "LayerView",
    "LayeredNetwork",
    "LearnedNetwork",
    "MetricRule",
    "MirrorRule",
    "NaturalRule",
    "NetworkState",
    "NeuronFisher",
    "OutputFisher",
    "OwnFisher",
    "Parts",
    "PoissonNeuron",
    "QuadraticNaturalRule",
    "RatePatterns",
    "RealisableTeacher",
    "Recording",
    "RectifiedQuadratic",
    "RuleDescription",
    "Settings",
    "Sigmoid",
    "SpikeTrains",
    "Spikes",
    "State",
    "SteadyGroup",
    "Task",
    "TeacherNetwork",
    "Transfer",
    "Tuning",
    "VaryingGroup",
    "backpropagation",
    "brian2_script",
    "check_run",
    "cost_per_bin",
    "cost_per_second",
    "describe_rule",
    "double_exponential",
    "evaluate",
    "exponential_attenuation",
    "export_brian2",
    "first_time_below",
    "genn_script",
    "hidden_shares",
    "inverse_coefficients",
    "learn",
    "mean_time_below",
    "nestml_model",
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
    "why_not_gpu",
]
