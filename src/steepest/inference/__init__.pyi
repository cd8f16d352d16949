from . import activity, designs, flows, networks, synapses
from .activity.connectivity import Connectivity
from .activity.estimate import infer_connectivity
from .designs.design import Design, simulate_design
from .designs.planning import Plan, plan
from .designs.simulation import simulate_change
from .flows.samples import flow_samples, join_samples, trajectory_samples
from .flows.verdict import MetricVerdict, infer_metric
from .networks.layers import LayersVerdict, infer_layers
from .networks.weights import weight_statistics
from .synapses.assumed_noise import sensitivity
from .synapses.calls import Calls, classify
from .synapses.comparison import Comparison, compare_conditions
from .synapses.covariate import rate_exponent
from .synapses.directed import directed_change
from .synapses.dual_curve import MirrorMap, mirror_map
from .synapses.exchangeable import PairsVerdict, infer_pairs
from .synapses.geometries import GEOMETRIES
from .synapses.measured import MeasuredVerdict, infer_measured
from .synapses.measurements import Measurements, measure
from .synapses.over_time import GeometryOverTime, geometry_over_time
from .synapses.pair import infer_geometry
from .synapses.potentials import rank_potentials
from .synapses.unpaired import UnpairedVerdict, infer_unpaired
from .synapses.verdict import Verdict

__all__ = [
    "GEOMETRIES",
    "Calls",
    "Comparison",
    "Connectivity",
    "Design",
    "GeometryOverTime",
    "LayersVerdict",
    "MeasuredVerdict",
    "Measurements",
    "MetricVerdict",
    "MirrorMap",
    "PairsVerdict",
    "Plan",
    "UnpairedVerdict",
    "Verdict",
    "activity",
    "classify",
    "compare_conditions",
    "designs",
    "directed_change",
    "flow_samples",
    "flows",
    "geometry_over_time",
    "infer_connectivity",
    "infer_geometry",
    "infer_layers",
    "infer_measured",
    "infer_metric",
    "infer_pairs",
    "infer_unpaired",
    "join_samples",
    "measure",
    "mirror_map",
    "networks",
    "plan",
    "rank_potentials",
    "rate_exponent",
    "sensitivity",
    "simulate_change",
    "simulate_design",
    "synapses",
    "trajectory_samples",
    "weight_statistics",
]
