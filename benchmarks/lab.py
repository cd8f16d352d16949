"""What the lab's page costs: its first page, and a verdict beside that of the command.

Run it from anywhere: `python benchmarks/lab.py [FILE]`. FILE has eight columns of sizes (see
command.py). A verdict on the page is timed from pressing Judge until it is there, asked for as
often as the page asks; the command runs with `--out`, which writes what the page shows. Both run
five times, in turn, and the medians are compared. The page needs the extra `lab`.
"""

import http.client
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from command import DATA, ROUNDS, seconds
from rooms import made_up

from steepest.lab import serving

ASKED_EVERY = 0.25  # s, as lab.js does
PAGES = 50
MOST_PAGE = 0.050  # s
MOST_VERDICT = 1.2  # of the command's time


class Page:
    """Requests to the page below its secret."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.host, self.base = parts.netloc, parts.path.rstrip("/")

    def ask(self, method: str, place: str, body: bytes = b"", kind: str = "") -> tuple[str, bytes]:
        """Where an answer leads, and its content."""
        connection = http.client.HTTPConnection(self.host)
        connection.request(method, f"{self.base}/{place}", body, {"Content-Type": kind})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status >= 400:
            raise SystemExit(f"{place} was answered with {answer.status}")
        return answer.headers.get("Location", "").removeprefix(f"{self.base}/"), content

    def drop(self, path: Path) -> str:
        part = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n\r\n'
        body = part.encode() + path.read_bytes() + b"\r\n--x--\r\n"
        return self.ask("POST", "tables", body, "multipart/form-data; boundary=x")[0]

    def judge(self, table: str, sessions: list[str]) -> float:
        """How long a verdict takes, from the press of a button until it is there."""
        fields = [("layout", "sessions"), *(("sessions.sessions", name) for name in sessions)]
        started = time.perf_counter()
        form = "application/x-www-form-urlencoded"
        verdict, _ = self.ask("POST", f"{table}verdicts", urlencode(fields).encode(), form)
        while not (state := json.loads(self.ask("GET", f"{verdict}state")[1]))["over"]:
            time.sleep(ASKED_EVERY)
        if state["state"] != "done":
            raise SystemExit(f"the verdict {state['state']}")
        self.ask("GET", verdict)
        return time.perf_counter() - started


def main() -> None:
    melander = Path(__file__).resolve().parents[2] / DATA
    sessions = [str(session) for session in range(8)]
    with tempfile.TemporaryDirectory() as folder, serving() as address:
        made = melander if melander.is_file() else made_up(Path(folder))
        file = Path(sys.argv[1] if len(sys.argv) > 1 else made)
        words = ["infer", str(file), "--sessions", *sessions, "--out", f"{folder}/out", "--json"]
        command = [sys.executable, "-m", "steepest", *words]
        page = Page(address.page)
        first = []
        for _ in range(PAGES):
            started = time.perf_counter()
            page.ask("GET", "")
            first.append(time.perf_counter() - started)
        table = page.drop(file)
        both = [(seconds(command), page.judge(table, sessions)) for _ in range(ROUNDS + 1)][1:]
    alone, on_page = (statistics.median(times) for times in zip(*both, strict=True))
    middle = statistics.median(first)
    print(f"{Path(file).name}\n\n{'':24}{'measured':>10}{'at most':>9}")
    print(f"{'GET /, ms':24}{1e3 * middle:10.1f}{1e3 * MOST_PAGE:9.0f}")
    print(f"{'  of what it may take':24}{middle / MOST_PAGE:10.2f}{1:9.2f}")
    print(f"{'the command, s':24}{alone:10.2f}")
    print(f"{'the page, s':24}{on_page:10.2f}")
    print(f"{'  page over command':24}{on_page / alone:10.2f}{MOST_VERDICT:9.2f}")


if __name__ == "__main__":
    main()
