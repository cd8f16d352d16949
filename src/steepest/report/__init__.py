"""Answers for a terminal, for JSON and as a self-contained HTML page: one file a kind.

A new kind is one file here: a function that takes a result and gives an `Answer`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
