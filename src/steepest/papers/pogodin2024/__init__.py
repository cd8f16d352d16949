"""Pogodin and colleagues 2024: weight changes tell the geometry in which synapses move."""

from steepest.papers import Citation

__all__ = ["CITATION"]

CITATION = Citation(
    authors=(
        "Pogodin, Roman",
        "Cornford, Jonathan",
        "Ghosh, Arna",
        "Gidel, Gauthier",
        "Lajoie, Guillaume",
        "Richards, Blake",
    ),
    year=2024,
    title="Synaptic weight distributions depend on the geometry of plasticity",
    journal="International Conference on Learning Representations",
    doi="10.48550/arXiv.2305.19394",
)
