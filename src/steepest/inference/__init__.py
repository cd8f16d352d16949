"""Backward: from synapses measured before and after learning to the geometry they moved in."""

from steepest.inference.connectivity import Connectivity, infer_connectivity
from steepest.inference.connectivity_picture import connectivity_picture
from steepest.inference.deltacdf import delta_cdf, delta_cdf_floor, delta_cdf_of_geometries
from steepest.inference.dual import dual_change
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
from steepest.inference.series import Series, read_series
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

__all__ = [
    "GEOMETRIES",
    "CensoredLikelihood",
    "Check",
    "Columns",
    "Connectivity",
    "Counts",
    "DeltaCdf",
    "DeltaCdfFloor",
    "ExactLikelihood",
    "GeometryFit",
    "LikelihoodFit",
    "MidpointLikelihood",
    "Noise",
    "Outcome",
    "Series",
    "Verdict",
    "connectivity_picture",
    "decide",
    "delta_cdf",
    "delta_cdf_floor",
    "delta_cdf_of_geometries",
    "dual_change",
    "fit_likelihood",
    "infer_connectivity",
    "infer_geometry",
    "logroot",
    "logroot_bootstrap",
    "logroot_interval",
    "logroot_slope",
    "noise_variance",
    "rank_geometries",
    "read_columns",
    "read_series",
    "simulate_change",
]
