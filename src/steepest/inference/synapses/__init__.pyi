from .assumed_noise import Sensitivity, sensitivity
from .calls import Calls, LaboratoryRule, classify
from .comparison import Comparison, Difference, compare_conditions
from .covariate import RateFit, rate_exponent
from .deltacdf import delta_cdf, delta_cdf_floor, delta_cdf_of_geometries
from .directed import Directed, directed_change
from .dual import dual_change
from .dual_curve import MirrorMap, mirror_map
from .estimation import Estimate, estimate
from .exchangeable import PairsVerdict, infer_pairs
from .geometries import GEOMETRIES
from .heterogeneity import GroupIndices
from .intervals import Interval
from .kesten import Kesten, fit_kesten
from .likelihood import (
    CensoredLikelihood,
    ExactLikelihood,
    MidpointLikelihood,
    fit_likelihood,
    rank_geometries,
)
from .log_root import logroot, logroot_bootstrap, logroot_interval, logroot_slope
from .measured import MeasuredVerdict, infer_measured
from .measured_rules import decide_measured
from .measurements import Measurements, measure
from .naming import Decision, Outcome
from .noise import Noise, noise_of_table, noise_variance
from .outlying import Outlier, Outliers, find_outliers
from .over_time import GeometryOverTime, Window, geometry_over_time
from .pair import infer_geometry
from .pair_rules import decide
from .potentials import PotentialFit, potential_likelihood, rank_potentials
from .unpaired import UnpairedVerdict, infer_unpaired
from .verdict import (
    Check,
    Counts,
    DeltaCdf,
    DeltaCdfFloor,
    GeometryFit,
    LikelihoodFit,
    Verdict,
)

__all__ = [
    "GEOMETRIES",
    "Calls",
    "CensoredLikelihood",
    "Check",
    "Comparison",
    "Counts",
    "Decision",
    "DeltaCdf",
    "DeltaCdfFloor",
    "Difference",
    "Directed",
    "Estimate",
    "ExactLikelihood",
    "GeometryFit",
    "GeometryOverTime",
    "GroupIndices",
    "Interval",
    "Kesten",
    "LaboratoryRule",
    "LikelihoodFit",
    "MeasuredVerdict",
    "Measurements",
    "MidpointLikelihood",
    "MirrorMap",
    "Noise",
    "Outcome",
    "Outlier",
    "Outliers",
    "PairsVerdict",
    "PotentialFit",
    "RateFit",
    "Sensitivity",
    "UnpairedVerdict",
    "Verdict",
    "Window",
    "classify",
    "compare_conditions",
    "decide",
    "decide_measured",
    "delta_cdf",
    "delta_cdf_floor",
    "delta_cdf_of_geometries",
    "directed_change",
    "dual_change",
    "estimate",
    "find_outliers",
    "fit_kesten",
    "fit_likelihood",
    "geometry_over_time",
    "infer_geometry",
    "infer_measured",
    "infer_pairs",
    "infer_unpaired",
    "logroot",
    "logroot_bootstrap",
    "logroot_interval",
    "logroot_slope",
    "measure",
    "mirror_map",
    "noise_of_table",
    "noise_variance",
    "potential_likelihood",
    "rank_geometries",
    "rank_potentials",
    "rate_exponent",
    "sensitivity",
]
