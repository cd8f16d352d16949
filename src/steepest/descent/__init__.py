"""Learning: single steps, and the flow that they approximate.

Names are imported when first used, so that a step costs no solver; `__init__.pyi` is their list.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
