"""From velocities or trajectories on a known cost to the metric they descend in."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
