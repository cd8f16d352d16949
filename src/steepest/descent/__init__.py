"""Learning: single steps, and the flow that they approximate."""

from steepest.descent.flow import gradient_flow
from steepest.descent.projection import Projection, bregman_projection
from steepest.descent.step import mirror_step, riemannian_step
from steepest.descent.trajectory import Trajectory

__all__ = [
    "Projection",
    "Trajectory",
    "bregman_projection",
    "gradient_flow",
    "mirror_step",
    "riemannian_step",
]
