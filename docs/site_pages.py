"""Parts of pages that are written from the program: terms, commands, rooms, counts of tests, ...

Sphinx has them written before it reads the pages that include them (see conf.py).
"""

from pathlib import Path

import architecture
import command_pages
import facts_of_tests
import paper_scale
from renewing import renew

from steepest.explore import module_script, stylesheet
from steepest.papers import available
from steepest.report.terms import TERMS

EXPLORER = """<style>
{style}</style>
<div id="wicked" class="explorer-of-home"></div>
<script type="module">
{script}
$wicked.mount(document.querySelector("#wicked"), {{ small: true, heading: "h2" }});
</script>
"""


def write_parts(folder: Path) -> None:
    """Write the parts into a folder."""
    parts = {
        "wicked.html": EXPLORER.format(style=stylesheet(), script=module_script("wicked")),
        "glossary.md": glossary(),
        "bibtex.md": bibtex(),
        "commands.md": command_pages.commands(),
        "rooms.md": architecture.table(),
        "rooms.svg": architecture.picture(),
        "tests.md": facts_of_tests.counts_table(),
        "oracles.md": facts_of_tests.oracles_table(),
        "laws.md": facts_of_tests.laws_table(),
        "paper_scale.md": paper_scale.table(),
    }
    renew({folder / name: text for name, text in parts.items()})


def glossary() -> str:
    """The terms that verdicts explain, in the alphabet's order, as Sphinx's glossary."""
    lines = ["```{glossary}"]
    for term in sorted(TERMS, key=str.lower):
        lines += [term, f"  {TERMS[term]}", ""]
    return "\n".join([*lines[:-1], "```", ""])


def bibtex() -> str:
    """The entries of the papers, for a bibliography."""
    entries = [paper.citation.bibtex for paper in available() if paper.citation]
    return "\n".join(["```bibtex", "\n\n".join(entries), "```", ""])
