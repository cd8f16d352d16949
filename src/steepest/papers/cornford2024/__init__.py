"""Cornford and colleagues 2024: exponentiated gradient as a model of how brains learn."""

from steepest.papers import Citation

__all__ = ["CITATION"]

CITATION = Citation(
    authors=(
        "Cornford, Jonathan",
        "Pogodin, Roman",
        "Ghosh, Arna",
        "Sheng, Kaiwen",
        "Bicknell, Brendan A.",
        "Codol, Olivier",
        "Clark, Beverley A.",
        "Lajoie, Guillaume",
        "Richards, Blake A.",
    ),
    year=2024,
    title="Brain-like learning with exponentiated gradients",
    journal="bioRxiv",
    doi="10.1101/2024.10.25.620272",
)
