"""Recurrent networks that learn their input's dynamics by descending a relative entropy.

Galtier & Wainrib 2013. The cost is `relative_entropy`, its natural metric `InputCovariance`, its
online form `learn` with an `OnlineRule`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
