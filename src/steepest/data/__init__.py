"""Any file to a checked table, time series or checkpoint; knows nothing of inference."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
