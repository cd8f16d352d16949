"""What asks the page in tests: plain requests, as any program of this machine can make them."""

import http.client
import json
import re
import time
import uuid
from urllib.parse import urlencode, urlsplit

import numpy as np

from steepest.inference import Design, simulate_design

PATIENCE = 120.0  # s; a busy machine is slow


class Answer:
    """Status, headers and text of one answer."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.content = response.read()

    @property
    def text(self):
        return self.content.decode()


class Client:
    """Requests to one lab, below its secret; `ask` may leave it."""

    def __init__(self, page):
        parts = urlsplit(page)
        self.host, self.base = parts.netloc, parts.path.rstrip("/")

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection(self.host, timeout=PATIENCE)
        try:
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, place):
        return self.ask("GET", self.path(place))

    def post(self, place, fields=()):
        kind = "application/x-www-form-urlencoded"
        return self.ask("POST", self.path(place), urlencode(fields), Content_Type=kind)

    def send(self, **files):
        """Drop files; the answer to that. Names are written with __ for a dot."""
        return self.send_named({name.replace("__", "."): data for name, data in files.items()})

    def send_named(self, files, place="tables", field="file", said=()):
        """Send files as a form does, in one field, beside fields of words."""
        mark = uuid.uuid4().hex
        begin = f"--{mark}\r\nContent-Disposition: form-data; name="
        parts = [f'{begin}"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in said]
        parts += [
            f'{begin}"{field}"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n".encode()
            + content
            + b"\r\n"
            for name, content in files.items()
        ]
        body = b"".join(parts) + f"--{mark}--\r\n".encode()
        kind = f"multipart/form-data; boundary={mark}"
        return self.ask("POST", self.path(place), body, Content_Type=kind)

    def drop(self, **files):
        """The place of a table whose files are taken."""
        return self.place(self.send(**files))

    def judge(self, table, fields):
        """The place of a verdict that was asked for."""
        return self.place(self.post(f"{table}verdicts", fields))

    def place(self, answer):
        assert answer.status == 303, answer.text
        return answer.headers["Location"].removeprefix(f"{self.base}/")

    def path(self, place):
        return f"{self.base}/{place}"

    def state(self, verdict):
        return json.loads(self.get(f"{verdict}state").content)

    def wait(self, verdict, until=lambda state: state["over"]):
        """The state of a verdict once it is one of those that are waited for."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            state = self.state(verdict)
            if until(state):
                return state
            time.sleep(0.01)
        raise TimeoutError(str(state))


def error_of(page):
    """The message in the page's box of errors, as it stands in the HTML."""
    box = re.search(r'class="error"[^>]*><strong>[^<]*</strong><p>(.*?)</p>', page, re.DOTALL)
    return None if box is None else box[1]


def sizes_of(sessions, seed=1):
    """A CSV of 120 synapses of ten dendrites, as bytes."""
    sizes = np.exp(simulate_design(Design(synapses=120, sessions=sessions), 1, seed=seed).log_sizes)
    names = ["spine", "dendrite", *(f"day{4 * n}" for n in range(sessions))]
    rows = [
        ",".join([f"s{n}", f"d{n % 10}", *(f"{size:.6g}" for size in row)])
        for n, row in enumerate(np.asarray(sizes).reshape(120, sessions))
    ]
    return "\n".join([",".join(names), *rows, ""]).encode()
