from .fit import (
    MobilityFit,
    ParametricFit,
    compare_families,
    euclidean_tests,
    fit_mobility,
    fit_parametric,
)
from .ftest import FTest
from .integrability import Reconstruction, curl, curl_f_test, reconstruct_cost
from .mobility import ANY, DIAGONAL, EXCHANGEABLE, ISOTROPIC, LOGS, SYMMETRIC, MobilityFamily
from .obstruction import Obstruction, find_closed_orbit, find_obstruction
from .reciprocity import ReciprocityTest, reciprocity_test
from .rule_metric import Effectiveness, RuleMetric, metric_of_rule, rule_effectiveness
from .samples import FlowSamples, flow_samples, join_samples, trajectory_samples
from .shooting import ShootingFit, fit_trajectories
from .tailored import (
    LeastAnisotropic,
    least_anisotropic_matrix,
    linear_flow_metric,
    tailored_matrix,
)
from .verdict import MetricVerdict, infer_metric

__all__ = [
    "ANY",
    "DIAGONAL",
    "EXCHANGEABLE",
    "ISOTROPIC",
    "LOGS",
    "SYMMETRIC",
    "Effectiveness",
    "FTest",
    "FlowSamples",
    "LeastAnisotropic",
    "MetricVerdict",
    "MobilityFamily",
    "MobilityFit",
    "Obstruction",
    "ParametricFit",
    "ReciprocityTest",
    "Reconstruction",
    "RuleMetric",
    "ShootingFit",
    "compare_families",
    "curl",
    "curl_f_test",
    "euclidean_tests",
    "find_closed_orbit",
    "find_obstruction",
    "fit_mobility",
    "fit_parametric",
    "fit_trajectories",
    "flow_samples",
    "infer_metric",
    "join_samples",
    "least_anisotropic_matrix",
    "linear_flow_metric",
    "metric_of_rule",
    "reciprocity_test",
    "reconstruct_cost",
    "rule_effectiveness",
    "tailored_matrix",
    "trajectory_samples",
]
