"""Spiking neurons that learn to fire like a teacher, in the geometry of their own output.

Kreutzer et al. 2022. The cost is the divergence of the teacher's spikes from the neuron's; its
natural metric is `NeuronFisher`, and the natural rule is that metric's `sharp` on the differential.
Units: s, Hz, mV; weights without unit.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
