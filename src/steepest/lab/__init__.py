"""The page of this machine: drop a table, see what it is, choose, read the verdict, save it.

It computes nothing of its own. What is chosen becomes the arguments of `steepest infer`, which runs
in a process of its own; what that writes is shown.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
