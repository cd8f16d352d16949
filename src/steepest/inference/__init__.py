"""Backward: from synapses measured before and after learning to the geometry they moved in.

The names here are the front door; what is behind each answer lives in five rooms that do not know
each other: `synapses` (sizes), `flows` (velocities, trajectories), `networks` (two checkpoints),
`activity` (time series) and `designs` (simulated experiments and plans).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
