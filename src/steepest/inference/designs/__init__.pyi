from .design import Design, simulate_design
from .planning import Plan, design_from, plan
from .simulation import simulate_change
from .spoiling import SPOILINGS, Spoiling, simulate_spoiled

__all__ = [
    "SPOILINGS",
    "Design",
    "Plan",
    "Spoiling",
    "design_from",
    "plan",
    "simulate_change",
    "simulate_design",
    "simulate_spoiled",
]
