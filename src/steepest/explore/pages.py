"""One page that holds explorers whole: style, modules and words, and no address of anything else.

A browser takes no module from a file beside a page that is a file itself, so the modules are put
into one script, each in a function of its own: nothing becomes global.
"""

import base64
import hashlib
import html
import re
from importlib.resources import files
from string import Template

from steepest._version import __version__
from steepest.errors import UsageError
from steepest.markup import visible

__all__ = ["EXPLORERS", "explorer_page", "module_script", "stylesheet"]

EXPLORERS = {
    "wicked": "The wicked map",
    "metrics": "One cost, five metrics",
    "noise": "Noise looks like geometry",
    "dendrite": "The dendrite",
    "dale": "Dale and the log-normal",
}
"""The explorers: the name of each, which is that of its module, and its title."""

_ALL = "Explorers"
_IMPORT = re.compile(r'^import \{([\w\s,]+)\} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:function|const) (\w+))", re.MULTILINE)


def explorer_page(name: str | None = None) -> str:
    """One explorer as a page of its own, or all of them with tabs; HTML that loads nothing.

    Raises `UsageError` for an unknown name, with the known ones.

    >>> page = explorer_page("wicked")
    >>> "<title>The wicked map</title>" in page, "https:" in page
    (True, False)
    """
    if name is not None and name not in EXPLORERS:
        raise UsageError(
            f"there is no explorer {visible(name)!r}: type one of {', '.join(EXPLORERS)}, or none "
            "for a page of all"
        )
    names = list(EXPLORERS) if name is None else [name]
    mounts = ", ".join(f"{each}: ${each}.mount" for each in names)
    script = "\n".join(
        [
            module_script(*names, "page"),
            f'$page.showPage(document.querySelector("main"), {{ {mounts} }});\n',
        ]
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return Template(_text("page.html")).substitute(
        title=_ALL if name is None else EXPLORERS[name],
        digest=f"sha256-{digest}",
        style=stylesheet(),
        body=_body(names),
        script=script,
        version=html.escape(__version__),
    )


def module_script(*names: str) -> str:
    """Modules with all that they import, as one script: `wicked` is the constant `$wicked` there.

    Every constant holds what the module exports: `mount(element, options)` of an explorer draws it
    into an element. The script is to be a module's own (`<script type="module">`). Raises
    `UsageError` for a name that is none of a module.

    >>> script = module_script("wicked_math")
    >>> [line for line in script.splitlines() if line.startswith("const ") and "(()" in line]
    ['const $flow = (() => {', 'const $wicked_math = (() => {']
    """
    folder = files("steepest.explore").joinpath("modules")
    known = sorted(path.name.removesuffix(".js") for path in folder.iterdir())
    for name in names:
        if name not in known:
            raise UsageError(f"there is no module {visible(name)!r}, but {', '.join(known)}")
    ordered: list[str] = []
    for name in names:
        _collect(name, ordered)
    return "\n".join(_enclosed(name) for name in ordered)


def stylesheet() -> str:
    """The explorers' style, for light and dark pages; it styles nothing outside of them.

    >>> ".explorer" in stylesheet()
    True
    """
    return _text("explore.css")


def _text(*path: str) -> str:
    return files("steepest.explore").joinpath(*path).read_text(encoding="utf-8")


def _module(name: str) -> str:
    return _text("modules", f"{name}.js")


def _collect(name: str, ordered: list[str]) -> None:
    """Put a module after those that it imports."""
    if name in ordered:
        return
    for _, imported in _IMPORT.findall(_module(name)):
        _collect(imported, ordered)
    ordered.append(name)


def _enclosed(name: str) -> str:
    source = _module(name)
    exported = ", ".join(_EXPORT.findall(source))
    inner = _EXPORT.sub("", _IMPORT.sub(r"const {\1} = $\2;\n", source))
    return f"const ${name} = (() => {{\n{inner}return {{ {exported} }};\n}})();"


def _body(names: list[str]) -> str:
    """A place for each explorer; where there are several, tabs above."""
    places = [f'<div data-explorer="{name}"></div>' for name in names]
    if len(names) == 1:  # its heading is the page's
        return places[0]
    tabs = [
        f'<button role="tab" id="tab-{name}" aria-controls="{name}-panel" data-shows="{name}">'
        f"{html.escape(EXPLORERS[name])}</button>"
        for name in names
    ]
    panels = [
        f'<div role="tabpanel" id="{name}-panel" aria-labelledby="tab-{name}"'
        f' data-explorer="{name}" hidden></div>'
        for name in names
    ]
    return "\n".join(
        [
            f"<h1>{_ALL}</h1>",
            '<div role="tablist" aria-label="Explorers">',
            *tabs,
            "</div>",
            *panels,
        ]
    )
