from .design import Design, simulate_design
from .planning import Plan, design_from, plan
from .simulation import simulate_change

__all__ = ["Design", "Plan", "design_from", "plan", "simulate_change", "simulate_design"]
