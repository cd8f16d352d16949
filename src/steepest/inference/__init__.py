"""Backward: from synapses measured before and after learning to the geometry they moved in."""

from steepest.inference.verdict import (
    GEOMETRIES,
    Check,
    Counts,
    DeltaCdf,
    DeltaCdfFloor,
    GeometryFit,
    LikelihoodFit,
    Noise,
    Outcome,
    Verdict,
    decide,
)

__all__ = [
    "GEOMETRIES",
    "Check",
    "Counts",
    "DeltaCdf",
    "DeltaCdfFloor",
    "GeometryFit",
    "LikelihoodFit",
    "Noise",
    "Outcome",
    "Verdict",
    "decide",
]
