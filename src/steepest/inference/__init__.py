"""Backward: from synapses measured before and after learning to the geometry they moved in."""

from steepest.inference.checkpoints import read_checkpoint
from steepest.inference.connectivity import Connectivity, infer_connectivity
from steepest.inference.connectivity_picture import connectivity_picture
from steepest.inference.covariate import RateFit, rate_exponent
from steepest.inference.deltacdf import delta_cdf, delta_cdf_floor, delta_cdf_of_geometries
from steepest.inference.designs import Design, simulate_design
from steepest.inference.dual import dual_change
from steepest.inference.estimate import Estimate, Interval, estimate
from steepest.inference.flows import FlowSamples, flow_samples, join_samples, trajectory_samples
from steepest.inference.ftest import FTest
from steepest.inference.independence import Panel, independence_index, independence_interval
from steepest.inference.integrability import Reconstruction, curl, curl_f_test, reconstruct_cost
from steepest.inference.layers import LayerFit, LayersVerdict, infer_layers
from steepest.inference.likelihood import (
    CensoredLikelihood,
    ExactLikelihood,
    MidpointLikelihood,
    fit_likelihood,
    noise_variance,
    rank_geometries,
)
from steepest.inference.logroot import (
    logroot,
    logroot_bootstrap,
    logroot_interval,
    logroot_slope,
)
from steepest.inference.measured import MeasuredVerdict, infer_measured
from steepest.inference.measurements import Measurements, measure
from steepest.inference.metric_fit import (
    MobilityFit,
    ParametricFit,
    compare_families,
    euclidean_tests,
    fit_mobility,
    fit_parametric,
)
from steepest.inference.metrics import MetricVerdict, infer_metric
from steepest.inference.mirror_map import MirrorMap, mirror_map
from steepest.inference.mobility import (
    ANY,
    DIAGONAL,
    EXCHANGEABLE,
    ISOTROPIC,
    LOGS,
    SYMMETRIC,
    MobilityFamily,
)
from steepest.inference.obstruction import Obstruction, find_closed_orbit, find_obstruction
from steepest.inference.planning import Plan, design_from, plan
from steepest.inference.potentials import PotentialFit, potential_likelihood, rank_potentials
from steepest.inference.reciprocity import ReciprocityTest, reciprocity_test
from steepest.inference.rules import Decision, decide_measured
from steepest.inference.sensitivity import Sensitivity, sensitivity
from steepest.inference.series import Series, read_series
from steepest.inference.shooting import ShootingFit, fit_trajectories
from steepest.inference.simulation import simulate_change
from steepest.inference.synapses import infer_geometry
from steepest.inference.tables import Columns, read_columns
from steepest.inference.tailored import (
    LeastAnisotropic,
    least_anisotropic_matrix,
    linear_flow_metric,
    tailored_matrix,
)
from steepest.inference.unpaired import UnpairedVerdict, infer_unpaired
from steepest.inference.verdict import (
    GEOMETRIES,
    Check,
    Counts,
    DeltaCdf,
    DeltaCdfFloor,
    GeometryFit,
    LikelihoodFit,
    Noise,
    Outcome,
    Verdict,
    decide,
)
from steepest.inference.weights import WeightStatistics, weight_statistics

__all__ = [
    "ANY",
    "DIAGONAL",
    "EXCHANGEABLE",
    "GEOMETRIES",
    "ISOTROPIC",
    "LOGS",
    "SYMMETRIC",
    "CensoredLikelihood",
    "Check",
    "Columns",
    "Connectivity",
    "Counts",
    "Decision",
    "DeltaCdf",
    "DeltaCdfFloor",
    "Design",
    "Estimate",
    "ExactLikelihood",
    "FTest",
    "FlowSamples",
    "GeometryFit",
    "Interval",
    "LayerFit",
    "LayersVerdict",
    "LeastAnisotropic",
    "LikelihoodFit",
    "MeasuredVerdict",
    "Measurements",
    "MetricVerdict",
    "MidpointLikelihood",
    "MirrorMap",
    "MobilityFamily",
    "MobilityFit",
    "Noise",
    "Obstruction",
    "Outcome",
    "Panel",
    "ParametricFit",
    "Plan",
    "PotentialFit",
    "RateFit",
    "ReciprocityTest",
    "Reconstruction",
    "Sensitivity",
    "Series",
    "ShootingFit",
    "UnpairedVerdict",
    "Verdict",
    "WeightStatistics",
    "compare_families",
    "connectivity_picture",
    "curl",
    "curl_f_test",
    "decide",
    "decide_measured",
    "delta_cdf",
    "delta_cdf_floor",
    "delta_cdf_of_geometries",
    "design_from",
    "dual_change",
    "estimate",
    "euclidean_tests",
    "find_closed_orbit",
    "find_obstruction",
    "fit_likelihood",
    "fit_mobility",
    "fit_parametric",
    "fit_trajectories",
    "flow_samples",
    "independence_index",
    "independence_interval",
    "infer_connectivity",
    "infer_geometry",
    "infer_layers",
    "infer_measured",
    "infer_metric",
    "infer_unpaired",
    "join_samples",
    "least_anisotropic_matrix",
    "linear_flow_metric",
    "logroot",
    "logroot_bootstrap",
    "logroot_interval",
    "logroot_slope",
    "measure",
    "mirror_map",
    "noise_variance",
    "plan",
    "potential_likelihood",
    "rank_geometries",
    "rank_potentials",
    "rate_exponent",
    "read_checkpoint",
    "read_columns",
    "read_series",
    "reciprocity_test",
    "reconstruct_cost",
    "sensitivity",
    "simulate_change",
    "simulate_design",
    "tailored_matrix",
    "trajectory_samples",
    "weight_statistics",
]
