"""The badges of the README, drawn from what pyproject.toml and the package say.

`python docs/badges.py` writes them into docs/_static/badges; a test compares them with the facts.
"""

import tomllib
from pathlib import Path

from steepest import __version__

ROOT = Path(__file__).parents[1]
BADGES = ROOT / "docs/_static/badges"
LETTER = 6.6  # width of one, in px
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="20" role="img"'
    ' aria-label="{name}: {value}"><title>{name}: {value}</title>'
    '<rect width="{width:.0f}" height="20" rx="3" fill="#1b4f9c"/>'
    '<rect width="{left:.0f}" height="20" rx="3" fill="#444"/>'
    '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif"'
    ' font-size="11"><text x="{first:.0f}" y="14">{name}</text>'
    '<text x="{second:.0f}" y="14">{value}</text></g></svg>\n'
)


def badges() -> dict[str, str]:
    """Each badge as SVG, by its name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    prefix = "Programming Language :: Python :: 3."
    minors = [c.removeprefix(prefix) for c in project["classifiers"] if c.startswith(prefix)]
    facts = {
        "version": __version__,
        "python": " | ".join(f"3.{minor}" for minor in minors),
        "licence": project["license"],
    }
    return {name: drawn(name, value) for name, value in facts.items()}


def drawn(name: str, value: str) -> str:
    """A badge: a name on the left, its value on the right."""
    left, right = (LETTER * len(text) + 12 for text in (name, value))
    places = {"first": left / 2, "second": left + right / 2}
    return SVG.format(name=name, value=value, left=left, width=left + right, **places)


def main() -> None:
    """Write them."""
    BADGES.mkdir(exist_ok=True)
    for name, svg in badges().items():
        (BADGES / f"{name}.svg").write_text(svg, "utf-8")


if __name__ == "__main__":
    main()
