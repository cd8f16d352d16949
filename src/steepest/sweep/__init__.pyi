from .drive import Summary, run_sweep
from .figure_source import FigureSource
from .one_cell import one_cell
from .picture import plot_store
from .plan import Axis, Plan, read_plan
from .status import Status, read_status

__all__ = [
    "Axis",
    "FigureSource",
    "Plan",
    "Status",
    "Summary",
    "one_cell",
    "plot_store",
    "read_plan",
    "read_status",
    "run_sweep",
]
