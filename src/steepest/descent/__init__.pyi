from .factors import three_factor
from .flow import gradient_flow
from .inertia import InertialTrajectory, inertial_flow
from .newton import covariant_hessian, newton_direction
from .projection import Projection, bregman_projection
from .step import mirror_step, riemannian_step, velocity
from .trajectory import Trajectory

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
    "three_factor",
    "velocity",
]
