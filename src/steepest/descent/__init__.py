"""Learning: single steps, and the flow that they approximate."""

from steepest.descent.flow import gradient_flow
from steepest.descent.inertia import InertialTrajectory, inertial_flow
from steepest.descent.newton import covariant_hessian, newton_direction
from steepest.descent.projection import Projection, bregman_projection
from steepest.descent.step import mirror_step, riemannian_step
from steepest.descent.trajectory import Trajectory
from steepest.geometry.directions import velocity

__all__ = [
    "InertialTrajectory",
    "Projection",
    "Trajectory",
    "bregman_projection",
    "covariant_hessian",
    "gradient_flow",
    "inertial_flow",
    "mirror_step",
    "newton_direction",
    "riemannian_step",
    "velocity",
]
