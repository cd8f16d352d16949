"""The built site in a real browser: no fault that axe finds, no request to another site.

`python docs/check_browser.py FOLDER` (`make docs-browser`) opens PAGES at a desk's and at a phone's
width, in light and in dark, runs axe-core's rules of WCAG 2 A and AA, and counts what sticks out of
the page, what scripts throw, and requests that leave the machine; then it searches for words that
newcomers type. `--pictures FOLDER` keeps a picture of each. It needs Chromium, and npm, which
brings axe-core into docs/_build once; it says so where one is missing, and fails.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/lab"))
from lab_browser import Tab, browser_path, browsing

AXE = Path(__file__).parent / "_build/axe"
PAGES = (
    "index",
    "start/verdict",
    "start/which_command",
    "tutorials/spreadsheet_to_paper",
    "figures",
    "figures/surace2020/fig2",
    "api/index",
    "api/objects/steepest.descent.gradient_flow",
    "inference",
    "command_line",
    "reference/architecture",
    "reference/commands",
    "reference/formats",
    "paper",
)
WIDTHS = (1280, 390)
MODES = ("light", "dark")
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SOUGHT = ("tutorial", "cite", "spreadsheet")


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The address at which this machine serves a folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def axe_script() -> str:
    """The source of axe-core, which npm brings the first time."""
    script = AXE / "node_modules/axe-core/axe.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        if npm is None:
            sys.exit("axe-core comes from npm, which is not here: install npm")
        AXE.mkdir(parents=True, exist_ok=True)
        options = ["install", "--silent", "--no-audit", "--no-fund", "--prefix", str(AXE)]
        subprocess.run([npm, *options, "axe-core@4"], check=True)
    return script.read_text("utf-8")


def opened(tab: Tab, address: str, mode: str) -> None:
    """Open a page in a mode, as one who has chosen it finds it, with all of its formulas set."""
    tab.run(f"try {{ localStorage.setItem('mode', '{mode}') }} catch (error) {{}}")
    tab.open(address)
    tab.until("!window.MathJax?.startup?.promise || document.readyState === 'complete'")
    tab.run("(async () => { await window.MathJax?.startup?.promise; })()")
    tab.run("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 200)))")


def faults_of_page(tab: Tab, axe: str) -> list[str]:
    """What axe finds on the page that is open, and whether it is wider than the window."""
    tab.run(f"{axe}; true")
    rules = json.dumps({"runOnly": LEVELS, "resultTypes": ["violations"]})
    violations = tab.run(
        f"axe.run(document, {rules}).then((said) => JSON.stringify(said.violations))"
    )
    faults = [
        f"{rule['id']} ({rule['impact']}): {place['target'][0]}: "
        + (place["any"] + place["all"] + place["none"])[0]["message"]
        for rule in json.loads(violations)
        for place in rule["nodes"]
    ]
    wide = tab.run("document.documentElement.scrollWidth - innerWidth")
    return faults + ([f"it is {wide} px wider than the window"] if wide > 0 else [])


def unanswered(tab: Tab, site: str) -> list[str]:
    """The words for which the site's search has no page."""
    without = []
    for word in SOUGHT:
        tab.open(f"{site}search.html?q={word}")
        tab.until("/finished|Search Results|did not match/.test(document.body.innerText)")
        tab.until("document.querySelector('#search-results .search-summary')?.innerText")
        if not tab.run("document.querySelectorAll('#search-results li').length"):
            without.append(f"search finds nothing for {word}")
    return without


def main() -> int:
    """Print every fault and the counts; returns 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("--pictures", type=Path, help="a folder for a picture of each page")
    chosen = parser.parse_args()
    if browser_path() is None:
        sys.exit("no Chromium on this machine: install it")
    if not (chosen.site / "index.html").exists():
        sys.exit(f"{chosen.site} holds no site: run make docs")
    axe, faults, asked = axe_script(), [], set()
    with (
        tempfile.TemporaryDirectory() as folder,
        served(chosen.site) as site,
        browsing(Path(folder)) as tab,
    ):
        tab.open(f"{site}index.html")
        for width in WIDTHS:
            for mode in MODES:
                tab.resize(width, dark=mode == "dark")
                for page in PAGES:
                    opened(tab, f"{site}{page}.html", mode)
                    where = f"{page}, {width} px, {mode}"
                    faults += [f"{where}: {fault}" for fault in faults_of_page(tab, axe)]
                    if chosen.pictures:
                        chosen.pictures.mkdir(parents=True, exist_ok=True)
                        name = f"{page.replace('/', '.')}-{width}-{mode}.png"
                        tab.picture(chosen.pictures / name)
        faults += unanswered(tab, site)
        here = (site, "data:", "blob:", "about:")
        asked = {address for address in tab.asked if not address.startswith(here)}
        faults += [f"a request left the machine: {address}" for address in sorted(asked)]
        faults += [f"a script failed: {json.dumps(error)[:300]}" for error in tab.errors]
        total = len(tab.asked)
    for fault in faults:
        print(fault, file=sys.stderr)
    print(
        f"{len(PAGES)} pages, {len(WIDTHS)} widths, {' and '.join(MODES)}: {len(faults)} faults;"
        f" {len(asked)} of {total} requests left the machine"
    )
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
