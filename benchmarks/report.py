"""All benchmarks, one after the other, as one page: what they print, the machine and the date.

Run it with nothing else running: `python benchmarks/report.py [NAME ...] [--out PAGE]`. A name is
that of a script here without its ending, or `micro` for the small ones that pytest times; all run
if none is named, each as a process of its own. The page is Markdown; sections of benchmarks that
are not run stay as they were, with the date of their own run.
"""

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "reference" / "benchmarks.md"
PARTS = {
    "command": "Commands as whole processes",
    "tables": "Reading and looking at tables",
    "lab": "The page of this machine",
    "inference": "Inference and flows",
    "rooms": "Climbs between rooms",
    "interrupt": "From Ctrl-C to the end",
    "optimizers": "Optimizers beside SGD and Adam",
    "spiking": "Spiking engines",
    "gpu": "An engine for GPUs",
    "micro": "Small things",
}
HEAD = """# Benchmarks

What `make bench` printed last. Ratios are taken in one run and hold for other machines; seconds are
those of the machine that is named. A section says when it was run.

```sh
make bench
.venv/bin/python benchmarks/report.py spiking   # one of them anew, the others as they were
```
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(PARTS)}; all if none is given")
    parser.add_argument("--out", type=Path, default=PAGE, help="the page, to be written or renewed")
    chosen = parser.parse_args()
    unknown = set(chosen.names) - set(PARTS)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}: take {', '.join(PARTS)}")
    sections = read(chosen.out)
    failed = []
    for name in chosen.names or PARTS:
        print(f"\n== {PARTS[name]}", flush=True)
        code, text = micro() if name == "micro" else script(name)
        if code:
            failed.append(name)
        sections[PARTS[name]] = section(name, code, text)
        write(chosen.out, sections)  # after each: what was measured is kept
    print(f"\nWritten: {chosen.out}" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return len(failed)


def script(name: str) -> tuple[int, str]:
    """A benchmark's exit code, and what it prints, which is passed on while it runs."""
    return passed_on([sys.executable, str(HERE / f"{name}.py")])


def micro() -> tuple[int, str]:
    """The benchmarks of pytest: medians and quartiles, as a table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "micro.json"
        options = ["-m", "", "--benchmark-only", "-p", "no:xdist", "-q", "--benchmark-json"]
        code, text = passed_on([sys.executable, "-m", "pytest", str(HERE), *options, str(path)])
        if not path.is_file() or not path.stat().st_size:
            return code or 1, text
        measured = json.loads(path.read_text("utf-8"))["benchmarks"]
    rows = [
        f"| {one['name'].removeprefix('test_').replace('_', ' ').replace('|', ' ')}"
        f" | {duration(one['stats']['median'])} | {duration(one['stats']['iqr'])}"
        f" | {one['stats']['rounds']} |"
        for one in measured
    ]
    return code, "\n".join(
        ["| what | median | quartiles apart | rounds |", "|---|---|---|---|", *rows]
    )


def duration(seconds: float) -> str:
    """Seconds in the unit that makes them readable.

    >>> duration(0.00123)
    '1.23 ms'
    """
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def passed_on(command: list[str]) -> tuple[int, str]:
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return process.returncode, "".join(lines).strip()


def section(name: str, code: int, text: str) -> str:
    """A section of the page: when and where, then a table as it is, or text as it was printed."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    when = datetime.date.today().isoformat()
    said = f"{when}, {machine()}, load at the end {load:.1f}" + (
        f"; ended with {code}" if code else ""
    )
    body = text if re.search(r"^\|---", text, re.MULTILINE) else f"```text\n{text}\n```"
    how = "make bench" if name == "micro" else f"python benchmarks/{name}.py"
    return f"*{said}.* `{how}`\n\n{body}"


def machine() -> str:
    """The processor and its cores, as a reader would name them."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*:\s*(.+)", info.read_text("utf-8")) if info.is_file() else []
    kind = re.sub(r"\((R|TM)\)", "", names[0]) if names else platform.processor() or "a processor"
    return f"{os.cpu_count()} cores of {kind}, Python {platform.python_version()}"


def read(page: Path) -> dict[str, str]:
    """The sections that an earlier run wrote, by their titles."""
    if not page.is_file():
        return {}
    pieces = re.split(r"^## (.+)\n", page.read_text("utf-8"), flags=re.MULTILINE)
    return {title: body.strip() for title, body in zip(pieces[1::2], pieces[2::2], strict=True)}


def write(page: Path, sections: dict[str, str]) -> None:
    """The page in the order of the parts, all or nothing."""
    ordered = [
        f"## {title}\n\n{sections[title]}\n" for title in PARTS.values() if title in sections
    ]
    page.parent.mkdir(parents=True, exist_ok=True)
    unfinished = page.with_suffix(".part")
    unfinished.write_text("\n".join([HEAD, *ordered]), "utf-8")
    unfinished.replace(page)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
