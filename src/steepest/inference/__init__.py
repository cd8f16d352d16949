"""Backward: from synapses measured before and after learning to the geometry they moved in."""

from steepest.inference.checkpoints import read_checkpoint
from steepest.inference.connectivity import Connectivity, infer_connectivity
from steepest.inference.connectivity_picture import connectivity_picture
from steepest.inference.deltacdf import delta_cdf, delta_cdf_floor, delta_cdf_of_geometries
from steepest.inference.dual import dual_change
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
from steepest.inference.metric_fit import (
    MobilityFit,
    ParametricFit,
    compare_families,
    euclidean_tests,
    fit_mobility,
    fit_parametric,
)
from steepest.inference.metrics import MetricVerdict, infer_metric
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
from steepest.inference.reciprocity import ReciprocityTest, reciprocity_test
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
    "DeltaCdf",
    "DeltaCdfFloor",
    "ExactLikelihood",
    "FTest",
    "FlowSamples",
    "GeometryFit",
    "LayerFit",
    "LayersVerdict",
    "LeastAnisotropic",
    "LikelihoodFit",
    "MetricVerdict",
    "MidpointLikelihood",
    "MobilityFamily",
    "MobilityFit",
    "Noise",
    "Obstruction",
    "Outcome",
    "Panel",
    "ParametricFit",
    "ReciprocityTest",
    "Reconstruction",
    "Series",
    "ShootingFit",
    "Verdict",
    "WeightStatistics",
    "compare_families",
    "connectivity_picture",
    "curl",
    "curl_f_test",
    "decide",
    "delta_cdf",
    "delta_cdf_floor",
    "delta_cdf_of_geometries",
    "dual_change",
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
    "infer_metric",
    "join_samples",
    "least_anisotropic_matrix",
    "linear_flow_metric",
    "logroot",
    "logroot_bootstrap",
    "logroot_interval",
    "logroot_slope",
    "noise_variance",
    "rank_geometries",
    "read_checkpoint",
    "read_columns",
    "read_series",
    "reciprocity_test",
    "reconstruct_cost",
    "simulate_change",
    "tailored_matrix",
    "trajectory_samples",
    "weight_statistics",
]
