"""Learning: single steps, and the flow that they approximate."""

from steepest.descent.flow import gradient_flow
from steepest.descent.step import mirror_step, riemannian_step
from steepest.descent.trajectory import Trajectory

__all__ = ["Trajectory", "gradient_flow", "mirror_step", "riemannian_step"]
