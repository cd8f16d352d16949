"""Steepest descent in the geometry you choose, and the geometry that measured synapses chose.

Forward: `gradient_flow(cost, metric, start, times)`. Backward: `infer_geometry(before, after)`.
Names are imported when first used, so that the command line answers at once; `__init__.pyi` is
their list.
"""

import lazy_loader

from steepest._version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
