"""The work behind the page: tables in a folder of their own, and `steepest infer` in processes.

Nothing is read or computed here. A table is looked at, and judged, by the command itself, in a
process that can be ended; what it prints and writes is all that is known of its answer.
"""

import asyncio
import json
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from steepest.lab.choices import Choices
from steepest.machine import cores
from steepest.markup import visible

__all__ = ["Run", "Table", "Verdict", "Workplace"]

# Not from the folder of the tables: one of them could bear the name of a module (-P).
PROGRAM = (sys.executable, "-P", "-m", "steepest")

State = Literal["waiting", "judging", "drawing", "done", "failed", "cancelled"]

_CHUNK = 1 << 16
_TRIES = 10


class Run:
    """One process of the command: what state it is in, and what it said.

    It is "waiting" for its turn, then "judging"; once it has answered it is "drawing" what goes to
    its folder; "done" with `content` (what it printed as JSON), "failed" with a `message`, or
    "cancelled".
    """

    def __init__(self, command: Sequence[str], folder: Path, turn: asyncio.Semaphore) -> None:
        self.state: State = "waiting"
        self.content: Any = None
        self.message = ""
        self._began = time.monotonic()
        self._ended: float | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._task = asyncio.create_task(self._run(command, folder, turn))

    @property
    def over(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.state in ("done", "failed", "cancelled")

    @property
    def seconds(self) -> float:
        """How long it has taken, or took."""
        return (time.monotonic() if self._ended is None else self._ended) - self._began

    async def wait(self) -> None:
        """Until it is over, its process too."""
        await asyncio.wait({self._task})

    def cancel(self) -> None:
        """End it, unless it is over: the process at once, and what it has printed is forgotten."""
        if self.over:
            return
        if self.state == "waiting":
            self._task.cancel()
        self._end("cancelled")
        self.kill()

    def kill(self) -> None:
        """End its process, if there is one, without a word."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _run(self, command: Sequence[str], folder: Path, turn: asyncio.Semaphore) -> None:
        """Run it, whatever happens, to an end that is said."""
        try:
            await self._follow(command, folder, turn)
        except Exception as error:  # nobody else would hear of it, and the page would wait for ever
            self.kill()
            if not self.over:
                self._end("failed", f"the command could not be run: {error}")

    async def _follow(self, command: Sequence[str], folder: Path, turn: asyncio.Semaphore) -> None:
        async with turn:
            if self.over:
                return
            self.state = "judging"
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for this program, which ends the others
            )
            self._process = process
            if self.over:  # cancelled while it was being started
                self.kill()
            said, complained = await asyncio.gather(
                _read(process.stdout, self._answered), _read(process.stderr)
            )
            code = await process.wait()
        if not self.over:
            self._conclude(code, said, complained)

    def _answered(self) -> None:
        """The command prints its answer before it draws the picture."""
        if self.state == "judging":
            self.state = "drawing"

    def _conclude(self, code: int, said: bytes, complained: bytes) -> None:
        try:
            content = json.loads(said)
        except ValueError:
            content = None
        if code == 0 and content is not None:
            self.content = content
            self._end("done")
        elif code < 0:
            self._end(
                "failed",
                f"the command was ended by signal {-code} of the system; often that means that the"
                " memory was full",
            )
        elif isinstance(content, dict) and "error" in content:
            self._end("failed", str(content["error"]))
        else:
            words = complained.decode(errors="replace").strip().splitlines()
            self._end("failed", words[-1] if words else f"the command ended with code {code}")

    def _end(self, state: State, message: str = "") -> None:
        self.state, self.message, self._ended = state, message, time.monotonic()


async def _read(
    stream: asyncio.StreamReader | None, heard: Callable[[], None] = lambda: None
) -> bytes:
    """All of a stream; `heard` is called whenever there is some of it."""
    parts: list[bytes] = []
    while stream is not None and (part := await stream.read(_CHUNK)):
        heard()
        parts.append(part)
    return b"".join(parts)


@dataclass(eq=False)
class Table:
    """What was dropped: files side by side in a folder, and how they looked, by part and header."""

    key: str
    folder: Path
    files: tuple[str, ...]
    looks: dict[tuple[str, str], Run] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The file's name, or the first one and how many more."""
        more = len(self.files) - 1
        return visible(self.files[0]) + (f" and {more} more" if more else "")


@dataclass(eq=False)
class Verdict:
    """A verdict that was asked for: of which table, by which choices, and its run."""

    key: str
    table: Table
    choices: Choices
    folder: Path
    run: Run

    def files(self) -> dict[str, Path]:
        """What was written, by name; nothing before it is done."""
        if self.run.state != "done":
            return {}
        return {path.name: path for path in sorted(self.folder.iterdir())}

    def page(self) -> Path | None:
        """The page among them."""
        pages = [path for name, path in self.files().items() if name.endswith(".html")]
        return pages[0] if pages else None


class Workplace:
    """All tables and verdicts of one page, in a folder; as many processes at once as cores.

    `program` is the command as a list of words. Everything is ended and forgotten by `close`.
    """

    def __init__(self, folder: Path, program: Sequence[str] = PROGRAM) -> None:
        self.folder = folder
        self.at_once = cores()
        self.tables: dict[str, Table] = {}
        self.verdicts: dict[str, Verdict] = {}
        self._program = tuple(program)
        self._looks = asyncio.Semaphore(self.at_once)
        self._judges = asyncio.Semaphore(self.at_once)

    def new_folder(self) -> tuple[str, Path]:
        """A folder of its own, and the key by which it is known."""
        key = secrets.token_urlsafe(9)
        folder = self.folder / key
        folder.mkdir()
        return key, folder

    def add_table(self, key: str, folder: Path, files: Sequence[str]) -> Table:
        """A table whose files lie in a folder."""
        table = Table(key, folder, tuple(files))
        self.tables[key] = table
        return table

    async def look(self, table: Table, part: str = "", header_row: str = "") -> Run:
        """What the command says of a table without columns, once it has been said."""
        run = table.looks.get((part, header_row))
        if run is None or run.state in ("failed", "cancelled"):
            said = {"table": part, "header_row": header_row}
            choices = Choices("pair", {name: (word,) for name, word in said.items() if word})
            command = [*self._program, "infer", *table.files, *choices.arguments(), "--json"]
            run = table.looks[part, header_row] = Run(command, table.folder, self._looks)
        await run.wait()
        return run

    def judge(self, table: Table, choices: Choices) -> Verdict:
        """Have a table judged; the verdict is there at once, its answer when its run is done."""
        key, folder = self.new_folder()
        command = [*self._program, "infer", *table.files, *choices.arguments()]
        # With a seed it is never a look, also where nothing was chosen; 0 is what is not said.
        seed = [] if choices.values("seed") else ["--seed=0"]
        run = Run([*command, *seed, f"--out={folder}", "--json"], table.folder, self._judges)
        verdict = Verdict(key, table, choices, folder, run)
        self.verdicts[key] = verdict
        return verdict

    def runs(self) -> list[Run]:
        """Every process that was asked for."""
        looks = [run for table in self.tables.values() for run in table.looks.values()]
        return [*looks, *(verdict.run for verdict in self.verdicts.values())]

    def cancel(self) -> None:
        """End everything that is not over."""
        for run in self.runs():
            run.cancel()

    async def close(self) -> None:
        """End everything, wait for its end, and remove the folder."""
        self.cancel()
        for run in self.runs():
            await run.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def abandon(self) -> None:
        """End everything and remove the folder at once, from whatever thread, without waiting."""
        for run in self.runs():
            run.kill()
        for _ in range(_TRIES):  # what is being ended may write a last file
            shutil.rmtree(self.folder, ignore_errors=True)
            if not self.folder.exists():
                break
            time.sleep(0.02)
