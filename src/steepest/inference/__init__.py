"""Backward: from synapses measured before and after learning to the geometry they moved in."""

from steepest.inference.checkpoints import read_checkpoint
from steepest.inference.deltacdf import delta_cdf, delta_cdf_floor, delta_cdf_of_geometries
from steepest.inference.dual import dual_change
from steepest.inference.independence import Panel, independence_index, independence_interval
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
from steepest.inference.simulation import simulate_change
from steepest.inference.synapses import infer_geometry
from steepest.inference.tables import Columns, read_columns
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
    "GEOMETRIES",
    "CensoredLikelihood",
    "Check",
    "Columns",
    "Counts",
    "DeltaCdf",
    "DeltaCdfFloor",
    "ExactLikelihood",
    "GeometryFit",
    "LayerFit",
    "LayersVerdict",
    "LikelihoodFit",
    "MidpointLikelihood",
    "Noise",
    "Outcome",
    "Panel",
    "Verdict",
    "WeightStatistics",
    "decide",
    "delta_cdf",
    "delta_cdf_floor",
    "delta_cdf_of_geometries",
    "dual_change",
    "fit_likelihood",
    "independence_index",
    "independence_interval",
    "infer_geometry",
    "infer_layers",
    "logroot",
    "logroot_bootstrap",
    "logroot_interval",
    "logroot_slope",
    "noise_variance",
    "rank_geometries",
    "read_checkpoint",
    "read_columns",
    "simulate_change",
    "weight_statistics",
]
