"""Whether the built site holds together: dead links, requests to other sites, pages of mere words.

`python docs/check_site.py FOLDER` (the end of `make docs`) names what is wrong, and counts pages,
pages with a picture, and figures of the gallery. A page shows a picture or an example that runs,
but for PLAIN ones and for those that Sphinx writes.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"img": "src", "script": "src", "iframe": "src", "source": "src", "video": "src"}
PLAIN = {
    "start/faq.html",
    "start/glossary.html",
    "reference/changelog.html",
    "reference/contributing.html",
    "reference/cite.html",
    "json.html",
    "genindex.html",
    "py-modindex.html",
    "search.html",
}
# How Sphinx marks code that a reader can run; a prompt of Python stands in code of any kind.
RUN = ("highlight-py", "highlight-ipython3", "highlight-sh")
WORDS = ("tutori", "cite", "spreadsheet")  # stems, as the index of Sphinx's search has them


class Page(HTMLParser):
    """What a page links to and loads, its anchors, and its pictures without words for the blind."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.pictures: list[str] = []
        self.wordless: list[str] = []
        self.shows = False
        self._depth = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read one tag."""
        said = {name: value or "" for name, value in attrs}
        self.anchors |= {said[name] for name in ("id", "name") if name in said}
        self._depth += tag == "article"
        if self._depth and (tag in ("img", "svg", "canvas") or runs(said)):
            self.shows = True
        if tag == "a" and "href" in said:
            self.links.append(said["href"])
        if tag == "link" and said.get("rel") in ("stylesheet", "preload", "icon"):
            self.loads.append(said["href"])
        if tag in LOADED and LOADED[tag] in said:
            self.loads.append(said[LOADED[tag]])
        if tag == "img":
            self.pictures.append(said["src"])
            if "alt" not in said:
                self.wordless.append(said["src"])

    def handle_endtag(self, tag: str) -> None:
        """Leave what the page is about."""
        self._depth -= tag == "article"

    def handle_data(self, data: str) -> None:
        """See a prompt of Python."""
        if self._depth and data.startswith(">>> "):
            self.shows = True


def runs(said: dict[str, str]) -> bool:
    """Whether a tag begins code that can be run, or what a script draws."""
    return any(kind in said.get("class", "") for kind in (*RUN, "explorer"))


def faults_of(site: Path, pages: dict[Path, Page]) -> list[str]:
    """What is wrong with the pages of a site, a line each."""
    faults = []
    anchors = {path: {unquote(anchor) for anchor in page.anchors} for path, page in pages.items()}
    for path, page in pages.items():
        name = path.relative_to(site).as_posix()
        faults += [f"{name}: a picture without alt: {picture}" for picture in page.wordless]
        if not (page.shows or name in PLAIN or name.startswith("_modules/")):
            faults.append(f"{name} shows neither a picture nor an example that runs")
        for address in page.loads:
            if urlsplit(address).netloc:
                faults.append(f"{name} asks another site: {address}")
        for address in page.links + page.loads:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                faults.append(f"{name} links to {address}, which is not there")
            elif (
                target in pages
                and parts.fragment
                and unquote(parts.fragment) not in anchors[target]
            ):
                faults.append(f"{name} links to {address}, where there is no such place")
    for style in site.rglob("*.css"):
        for address in re.findall(
            r"(?:url\(|@import )\s*['\"]?((?:https?:)?//[^'\")]+)", style.read_text("utf-8")
        ):
            faults.append(f"{style.relative_to(site)} asks another site: {address}")
    index = (site / "searchindex.js").read_text("utf-8")
    faults += [f"no search finds {word}" for word in WORDS if f'"{word}"' not in index]
    return faults


def main(folder: str) -> int:
    """Print faults and counts; returns 1 where anything is wrong."""
    site = Path(folder).resolve()
    pages = {
        path: Page(path.read_text("utf-8"))
        for path in site.rglob("*.html")
        if "_static" not in path.parts  # the theme's templates
    }
    faults = faults_of(site, pages)
    for fault in faults:
        print(fault, file=sys.stderr)
    written = {path: page for path, page in pages.items() if "_modules" not in path.parts}
    shown = sum(bool(page.pictures) for page in written.values())
    examples = sum(page.shows for page in written.values())
    figures = [path for path in written if path.parts[-3] == "figures" and path.stem != "index"]
    print(
        f"{len(written)} pages, {shown} with pictures, {examples} with a picture or an example,"
        f" {len(figures)} figures"
    )
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
