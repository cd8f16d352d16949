"""The command line: parses, calls, prints. Everything heavy is imported inside the commands."""

from steepest.cli.app import app, main, run
from steepest.cli.connectivity import connectivity
from steepest.cli.export import brian2
from steepest.cli.infer import infer
from steepest.cli.layers import infer_layers
from steepest.cli.metric import infer_metric
from steepest.cli.plan import plan
from steepest.cli.studies import demo, list_papers, reproduce
from steepest.cli.sweeps import sweep

__all__ = [
    "app",
    "brian2",
    "connectivity",
    "demo",
    "infer",
    "infer_metric",
    "list_papers",
    "main",
    "plan",
    "reproduce",
    "run",
    "sweep",
]
__all__ = ["app", "demo", "infer", "infer_layers", "list_papers", "main", "reproduce", "run"]
