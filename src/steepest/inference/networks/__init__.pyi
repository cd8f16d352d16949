from .independence import Panel, independence_index, independence_interval
from .layers import LayerFit, LayersVerdict, infer_layers
from .weights import WeightStatistics, weight_statistics

__all__ = [
    "LayerFit",
    "LayersVerdict",
    "Panel",
    "WeightStatistics",
    "independence_index",
    "independence_interval",
    "infer_layers",
    "weight_statistics",
]
