"""Surace, Pfister, Gerstner and Brea 2020: a cost alone does not say how it is descended."""

from steepest.papers import Citation

__all__ = ["CITATION"]

CITATION = Citation(
    authors=(
        "Surace, Simone Carlo",
        "Pfister, Jean-Pascal",
        "Gerstner, Wulfram",
        "Brea, Johanni",
    ),
    year=2020,
    title="On the choice of metric in gradient-based theories of brain function",
    journal="PLoS Computational Biology",
    volume="16(4)",
    pages="e1007640",
    doi="10.1371/journal.pcbi.1007640",
)
