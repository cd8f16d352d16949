from .independence import Panel, independence_index, independence_interval
from .layers import LayerFit, LayersVerdict, infer_layers
from .marks import Marks, marks_of
from .trainer import Trainer, name_trainer
from .weights import WeightStatistics, weight_statistics

__all__ = [
    "LayerFit",
    "LayersVerdict",
    "Marks",
    "Panel",
    "Trainer",
    "WeightStatistics",
    "independence_index",
    "independence_interval",
    "infer_layers",
    "marks_of",
    "name_trainer",
    "weight_statistics",
]
