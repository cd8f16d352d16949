"""Backward: from synapses measured before and after learning to the geometry they moved in."""

from steepest.inference.covariate import RateFit, rate_exponent
from steepest.inference.deltacdf import delta_cdf, delta_cdf_floor, delta_cdf_of_geometries
from steepest.inference.designs import Design, simulate_design
from steepest.inference.dual import dual_change
from steepest.inference.estimate import Estimate, Interval, estimate
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
from steepest.inference.mirror_map import MirrorMap, mirror_map
from steepest.inference.planning import Plan, design_from, plan
from steepest.inference.rules import Decision, decide_measured
from steepest.inference.sensitivity import Sensitivity, sensitivity
from steepest.inference.simulation import simulate_change
from steepest.inference.synapses import infer_geometry
from steepest.inference.tables import Columns, read_columns
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

__all__ = [
    "GEOMETRIES",
    "CensoredLikelihood",
    "Check",
    "Columns",
    "Counts",
    "Decision",
    "DeltaCdf",
    "DeltaCdfFloor",
    "Design",
    "Estimate",
    "ExactLikelihood",
    "GeometryFit",
    "Interval",
    "LikelihoodFit",
    "MeasuredVerdict",
    "Measurements",
    "MidpointLikelihood",
    "MirrorMap",
    "Noise",
    "Outcome",
    "Plan",
    "RateFit",
    "Sensitivity",
    "UnpairedVerdict",
    "Verdict",
    "decide",
    "decide_measured",
    "delta_cdf",
    "delta_cdf_floor",
    "delta_cdf_of_geometries",
    "design_from",
    "dual_change",
    "estimate",
    "fit_likelihood",
    "infer_geometry",
    "infer_measured",
    "infer_unpaired",
    "logroot",
    "logroot_bootstrap",
    "logroot_interval",
    "logroot_slope",
    "measure",
    "mirror_map",
    "noise_variance",
    "plan",
    "rank_geometries",
    "rate_exponent",
    "read_columns",
    "sensitivity",
    "simulate_change",
    "simulate_design",
]
