"""Galtier and Wainrib 2013: STDP, Hebbian learning and scaling from one relative entropy."""

from steepest.papers import Citation

__all__ = ["CITATION"]

CITATION = Citation(
    authors=("Galtier, Mathieu N.", "Wainrib, Gilles"),
    year=2013,
    title=(
        "A biological gradient descent for prediction through a combination of STDP and"
        " homeostatic plasticity"
    ),
    journal="Neural Computation",
    volume="25(11)",
    pages="2815-2832",
    doi="10.1162/NECO_a_00512",
)
