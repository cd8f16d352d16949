"""The reference of the command line, written from what `--help` says of each command."""

import re

from steepest.cli.app import COMMANDS, application


def commands() -> str:
    """Every command with its examples and options, as Markdown."""
    return "\n\n".join([summary(), *(section(name) for name in COMMANDS), ""])


def summary() -> str:
    """The commands in a line each, linked to their sections."""
    lines = [f"| [`{name}`](#steepest-{name}) | {line} |" for name, line in COMMANDS.items()]
    return "\n".join(["| command | answers |", "|---|---|", *lines])


def section(name: str) -> str:
    """What one command's `--help` says; commands inside it get headings of their own."""
    described = application(name)[name].generate_docs(heading_level=2)
    pieces = re.split(r"^(#{2,}) (.+)$", described, flags=re.MULTILINE)
    parts = []
    for level, title, text in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        if title != "Table of Contents":
            parts += [f"{level} steepest {title}", body(text)]
    return "\n\n".join(parts)


def body(text: str) -> str:
    """The text of one command: its usage, sentences, examples, and its options as a table."""
    text = text.replace("```console\n", "```text\nsteepest ", 1)
    # Its examples are what a person types.
    text = re.sub(r"^```\n(?=steepest )", "```sh\n", text, flags=re.MULTILINE)
    text = re.sub(r"^\*\*Commands\*\*:\n\n(\* .*\n?)+", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\*\*(.+)\*\*:\n\n((?:\* .*\n?)+)", as_table, text, flags=re.MULTILINE)
    return text.strip()


def as_table(found: re.Match[str]) -> str:
    """A list of options as a table."""
    rows = []
    for line in found[2].splitlines():
        name, _, meaning = line.removeprefix("* ").partition("`: ")
        meaning = meaning.replace(" *[default: False]*", "").replace("|", "\\|")
        rows.append(f"| {name.replace('|', chr(92) + '|')}` | {meaning} |")
    return "\n".join([f"| {found[1].lower()} | |", "|---|---|", *rows, ""])
