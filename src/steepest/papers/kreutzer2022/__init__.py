"""Kreutzer, Senn and Petrovici 2022: spiking neurons that learn along the natural gradient."""

from steepest.papers import Citation

__all__ = ["CITATION"]

CITATION = Citation(
    authors=("Kreutzer, Elena", "Senn, Walter", "Petrovici, Mihai A."),
    year=2022,
    title="Natural-gradient learning for spiking neurons",
    journal="eLife",
    volume="11",
    pages="e66526",
    doi="10.7554/eLife.66526",
)
