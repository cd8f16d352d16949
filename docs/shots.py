"""Pictures of the README and of Start: what `steepest infer` prints, and the page that it writes.

`python docs/shots.py` makes the demo in a temporary folder, judges its synapses, and writes
verdict.svg (the terminal, by rich) and verdict_page.png (the top of the page, by Chromium) into
docs/_static. Run it again when the look of a verdict has changed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from io import StringIO
from pathlib import Path

from matplotlib import image
from rich.console import CONSOLE_SVG_FORMAT, Console
from rich.text import Text

STATIC = Path(__file__).parent / "_static"
INFER = (
    "infer demo/synapses.csv --before before --after after_multiplicative --noise-cv 0 --out out"
)
WIDTH, HEIGHT = 1000, 640
# Letters of the machine that shows it: a picture asks no other site for a font.
SVG = (
    CONSOLE_SVG_FORMAT[: CONSOLE_SVG_FORMAT.index("@font-face")]
    + CONSOLE_SVG_FORMAT[CONSOLE_SVG_FORMAT.index(".{unique_id}-matrix") :]
)


def main() -> None:
    """Make both pictures; without Chromium the page's stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        steepest(folder, "demo --out demo")
        printed = steepest(folder, INFER)
        write_terminal(f"$ steepest {INFER}\n{printed}", STATIC / "verdict.svg")
        browser = shutil.which("chromium") or shutil.which("google-chrome")
        if browser is None:
            sys.exit("no Chromium here: verdict_page.png is left as it is")
        photograph(browser, Path(folder) / "out/verdict.html", STATIC / "verdict_page.png")


def steepest(folder: str, arguments: str) -> str:
    """What a command prints on a terminal of 100 columns."""
    command = [sys.executable, "-m", "steepest", *arguments.split()]
    surroundings = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    ours, its = os.openpty()
    with open(its, "wb") as terminal:
        process = subprocess.Popen(
            command, cwd=folder, env=surroundings, stdout=terminal, stderr=subprocess.DEVNULL
        )
    printed = b""
    with open(ours, "rb", buffering=0) as read, suppress(OSError):  # its end, as Linux says it
        while piece := read.read(4096):
            printed += piece
    if process.wait():
        raise SystemExit(f"steepest {arguments} failed")
    return printed.decode().replace("\r\n", "\n")


def write_terminal(printed: str, path: Path) -> None:
    """Text with colours as a picture of a terminal."""
    console = Console(record=True, width=100, file=StringIO())
    console.print(Text.from_ansi(printed))
    path.write_text(
        console.export_svg(title="steepest infer", code_format=SVG, unique_id="verdict"), "utf-8"
    )


def photograph(browser: str, page: Path, path: Path) -> None:
    """The top of a page as a PNG."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    options += [f"--screenshot={path}", f"--window-size={WIDTH},{HEIGHT}"]
    subprocess.run([browser, *options, page.as_uri()], check=True, stderr=subprocess.DEVNULL)
    pixels = image.imread(path)
    image.imsave(path, pixels[: HEIGHT - 90])  # the last lines of a window stay empty


if __name__ == "__main__":
    main()
