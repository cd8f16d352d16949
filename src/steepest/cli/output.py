"""What commands print: text, tables, and JSON."""

import io
import json
import sys
from typing import Any

__all__ = ["show", "to_json"]


def to_json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def show(what: Any, wrap: bool = False) -> None:
    """Print text as it is, or wrapped at words, or a rich table; plain where nobody watches."""
    from rich.console import Console

    style: dict[str, Any] = {"highlight": False, "markup": False}
    style["soft_wrap"] = isinstance(what, str) and not wrap
    if sys.stdout.isatty():
        Console(**style).print(what)
        return
    text = io.StringIO()
    Console(file=text, width=110, **style).print(what)
    print("\n".join(line.rstrip() for line in text.getvalue().splitlines()))
