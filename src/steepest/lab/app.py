"""What the page answers to each address: tables that are dropped, choices, verdicts."""

import shutil
from collections.abc import Awaitable, Callable
from pathlib import PurePosixPath
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Mount, Route

from steepest.data.opening import size_told
from steepest.files import write_whole, writing
from steepest.lab.choices import Choices
from steepest.lab.pages import (
    choose_page,
    command_of,
    start_page,
    unread_page,
    waiting_page,
    with_bar,
)
from steepest.lab.work import Run, Table, Verdict, Workplace

__all__ = ["application"]

_CHUNK = 1 << 20
_MANY = 1000  # files at once, and fields of a form
_FIELD = 1 << 20  # bytes of one field: names of thousands of columns


def application(workplace: Workplace, secret: str, largest: int) -> Starlette:
    """The page below `/SECRET`, which takes at most `largest` bytes at once."""
    desk = _Desk(workplace, secret, largest)
    return Starlette(
        routes=[Mount(f"/{secret}", routes=desk.routes)],
        exception_handlers={Exception: desk.fault, HTTPException: desk.refused},
    )


class _Desk:
    """Every answer, of one workplace; `base` is the address of the page."""

    def __init__(self, workplace: Workplace, secret: str, largest: int) -> None:
        self.work = workplace
        self.base = f"/{secret}"
        self.largest = largest
        table, verdict = "/tables/{table}", "/verdicts/{verdict}"
        self.routes = [
            Route("/", self.start),
            Route("/tables", self.take, methods=["POST"]),
            Route(f"{table}/", self.of_table(self.show)),
            Route(f"{table}/command", self.of_table(self.preview), methods=["POST"]),
            Route(f"{table}/verdicts", self.of_table(self.judge), methods=["POST"]),
            Route(f"{verdict}/", self.of_verdict(self.read)),
            Route(f"{verdict}/choices", self.of_verdict(self.choose_again)),
            Route(f"{verdict}/state", self.of_verdict(self.state)),
            Route(f"{verdict}/cancel", self.of_verdict(self.cancel), methods=["POST"]),
            Route(f"{verdict}/{{name}}", self.of_verdict(self.save)),
        ]

    def of_table(
        self, answer: Callable[[Request, Table], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """An answer about a table that is known."""

        async def answered(request: Request) -> Response:
            table = self.work.tables.get(request.path_params["table"])
            return self.unknown() if table is None else await answer(request, table)

        return answered

    def of_verdict(
        self, answer: Callable[[Request, Verdict], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """An answer about a verdict that was asked for."""

        async def answered(request: Request) -> Response:
            verdict = self.work.verdicts.get(request.path_params["verdict"])
            return self.unknown() if verdict is None else await answer(request, verdict)

        return answered

    def unknown(self) -> Response:
        return self.first("there is no such table or verdict; it may be of an earlier lab", 404)

    def first(self, error: str = "", code: int = 200) -> Response:
        tables = [*self.work.tables.values()]
        return HTMLResponse(start_page(self.base, self.largest, tables, error), code)

    async def fault(self, request: Request, error: Exception) -> Response:
        kind = type(error).__name__
        return self.first(f"a fault of this program, not of yours: {kind}: {error}", 500)

    async def refused(self, request: Request, error: Exception) -> Response:
        """What the library itself refuses: an address that is none, a form that is none."""
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return self.unknown()
        return self.first(error.detail, error.status_code)

    async def start(self, request: Request) -> Response:
        return self.first()

    async def take(self, request: Request) -> Response:
        """Keep what is sent, side by side in a folder, under its own names."""
        refusal = await self._too_large(request)
        if refusal is not None:
            return refusal
        try:
            async with request.form(max_files=_MANY, max_fields=_MANY) as form:
                sent = [file for file in form.getlist("file") if isinstance(file, UploadFile)]
                sent = [file for file in sent if file.filename]
                names = [_own_name(str(file.filename)) for file in sent]
                if not sent:
                    return self.first("no file was sent", 400)
                twice = next((name for name in names if names.count(name) > 1), None)
                if twice is not None:
                    return self.first(f"two files are called {twice}: rename one of them", 400)
                key, folder = self.work.new_folder()
                try:
                    for name, file in zip(names, sent, strict=True):
                        with writing(folder / name) as kept:
                            while part := await file.read(_CHUNK):
                                kept.write(part)
                except OSError:
                    shutil.rmtree(folder, ignore_errors=True)
                    raise
        except OSError as error:
            return self.first(f"it could not be kept: {error.strerror or error}", 400)
        table = self.work.add_table(key, folder, sorted(names))
        return self._go(f"tables/{table.key}/")

    async def _too_large(self, request: Request) -> Response | None:
        """The refusal of what is more than this page takes, or does not say how much it is."""
        length = request.headers.get("content-length", "")
        if not length.isdecimal():
            return self.first("the size of what is sent was not said", 411)
        if int(length) <= self.largest:
            return None
        async for _ in request.stream():  # or the browser would not hear the answer
            pass
        sent, most = size_told(int(length)), size_told(self.largest)
        return self.first(
            f"{sent} were sent, and this page takes {most}: start the lab with STEEPEST_MAX_SIZE"
            " set to another limit",
            413,
        )

    async def show(self, request: Request, table: Table) -> Response:
        """What the table seems to be, and the form as a proposed command would fill it in."""
        query = request.query_params
        asked = (query.get("table", "").strip(), query.get("header_row", "").strip())
        run = await self.work.look(table, *asked)
        if run.state != "done":
            return HTMLResponse(unread_page(self.base, table, asked, _why(run)))
        commands: list[str] = run.content["commands"]
        guess = query.get("guess", "")
        number = int(guess) if guess.isdecimal() and int(guess) < len(commands) else 0
        choices = Choices.of_command(commands[number]) if commands else Choices()
        said = zip(("table", "header_row"), asked, strict=True)
        choices = Choices(
            choices.layout, {**choices.said, **{name: (word,) for name, word in said if word}}
        )
        return self._chosen(table, run.content, choices, guess=number)

    async def preview(self, request: Request, table: Table) -> Response:
        """The command line that the choices make."""
        sent, _ = await _sent(request)
        return PlainTextResponse(command_of(table, Choices.of_form(sent)))

    async def judge(self, request: Request, table: Table) -> Response:
        """Begin to judge; a table of noise that is sent along is kept beside the sizes."""
        refusal = await self._too_large(request)
        if refusal is not None:
            return refusal
        sent, noise = await _sent(request)
        if noise is None:
            choices = Choices.of_form(sent)
        else:
            others = [(field, value) for field, value in sent if field != "noise"]
            choices = Choices.of_form([*others, ("noise", noise[0])])
            problem = _keep_beside(table, *noise) if choices.values("noise") else ""
            if problem:
                return await self._choose(table, choices, error=problem)
        verdict = self.work.judge(table, choices)
        return self._go(f"verdicts/{verdict.key}/")

    async def read(self, request: Request, verdict: Verdict) -> Response:
        """The verdict's own page; before it is there, how far it is; or why there is none."""
        run = verdict.run
        if not run.over:
            return HTMLResponse(waiting_page(self.base, verdict, self.work.at_once))
        page = verdict.page()
        if page is not None:
            return HTMLResponse(with_bar(page.read_bytes(), self.base, verdict))
        if run.state == "cancelled":
            note = "Cancelled: nothing was judged."
            return await self._choose(verdict.table, verdict.choices, note=note)
        return await self._choose(verdict.table, verdict.choices, error=_why(run))

    async def choose_again(self, request: Request, verdict: Verdict) -> Response:
        """The form as it was when this was judged."""
        return await self._choose(verdict.table, verdict.choices)

    async def _choose(
        self, table: Table, choices: Choices, error: str = "", note: str = ""
    ) -> Response:
        asked = (choices.first("table"), choices.first("header_row"))
        run = await self.work.look(table, *asked)
        if run.state != "done":
            return HTMLResponse(unread_page(self.base, table, asked, _why(run)))
        return self._chosen(table, run.content, choices, error=error, note=note)

    def _chosen(self, table: Table, look: Any, choices: Choices, **said: Any) -> Response:
        return HTMLResponse(choose_page(self.base, table, look, choices, self.largest, **said))

    async def state(self, request: Request, verdict: Verdict) -> Response:
        """How far a verdict is."""
        run = verdict.run
        return JSONResponse({"state": run.state, "over": run.over, "seconds": run.seconds})

    async def cancel(self, request: Request, verdict: Verdict) -> Response:
        """End it, and take away what it may have written."""
        verdict.run.cancel()
        await verdict.run.wait()
        if verdict.run.state == "cancelled":
            shutil.rmtree(verdict.folder, ignore_errors=True)
        return self._go(f"verdicts/{verdict.key}/")

    async def save(self, request: Request, verdict: Verdict) -> Response:
        """A file as it was written."""
        path = verdict.files().get(request.path_params["name"])
        return self.unknown() if path is None else FileResponse(path, filename=path.name)

    def _go(self, place: str) -> Response:
        return RedirectResponse(f"{self.base}/{place}", 303)


async def _sent(request: Request) -> tuple[list[tuple[str, str]], tuple[str, bytes] | None]:
    """The fields of the form of choices, and the table of noise that came with them, if any."""
    async with request.form(max_files=1, max_fields=_MANY * 10, max_part_size=_FIELD) as form:
        fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        file = form.get("noise_file")
        if not isinstance(file, UploadFile) or not file.filename:
            return fields, None
        return fields, (_own_name(str(file.filename)), await file.read())


def _keep_beside(table: Table, name: str, content: bytes) -> str:
    """Keep a file beside those of a table; a sentence where that cannot be."""
    path = table.folder / name
    if name in table.files:
        return f"the table of noise is called {name}, as the table of sizes: rename it"
    try:
        if not path.exists():
            write_whole(path, content)
        elif path.read_bytes() != content:  # verdicts may still be reading the first one
            return f"another table of noise called {name} was sent before: rename this one"
    except OSError as error:
        return f"it could not be kept: {error.strerror or error}"
    return ""


def _own_name(name: str) -> str:
    """A file's own name, without folders, and not like an option of a command."""
    return PurePosixPath(name.replace("\\", "/").replace("\0", "")).name.lstrip("-") or "table"


def _why(run: Run) -> str:
    return run.message or "cancelled"
