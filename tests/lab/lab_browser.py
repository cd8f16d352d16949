"""A real browser for tests: Debian's Chromium, told what to do over a pipe (DevTools protocol)."""

import base64
import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 60.0  # s; a busy machine is slow


def browser_path():
    """The browser of this machine, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


@contextmanager
def browsing(folder):
    """A browser without a window, whose downloads go to a folder; yields its tab."""
    ours, its = os.pipe(), os.pipe()  # to the browser, and from it

    def as_3_and_4():
        heard, told = os.dup(ours[0]), os.dup(its[1])
        os.dup2(heard, 3)
        os.dup2(told, 4)

    options = [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--remote-debugging-pipe", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-extensions", "--disable-sync",
        f"--user-data-dir={folder / 'profile'}",
    ]  # fmt: skip
    process = subprocess.Popen(
        [browser_path(), *options, "about:blank"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        close_fds=False, preexec_fn=as_3_and_4,
    )  # fmt: skip
    os.close(ours[0])
    os.close(its[1])
    try:
        with os.fdopen(ours[1], "wb") as told, os.fdopen(its[0], "rb") as heard:
            yield Tab(told, heard, folder)
    finally:
        process.kill()
        process.wait()


class Tab:
    """One page of the browser; `errors` are what scripts threw, `asked` the addresses fetched."""

    def __init__(self, told, heard, folder):
        self._told, self._heard, self._count = told, heard, 0
        self._rest = b""
        self.errors, self.asked = [], []
        self.session = None
        self.folder = folder
        pages = self.call("Target.getTargets")["targetInfos"]
        target = next(page["targetId"] for page in pages if page["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def call(self, method, **parameters):
        """What the browser answers to one call; events before it are noted."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self.session is not None:
            message["sessionId"] = self.session
        self._told.write(json.dumps(message).encode() + b"\0")
        self._told.flush()
        while (answer := self._next()).get("id") != self._count:
            self._note(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def _next(self):
        while b"\0" not in self._rest:
            part = os.read(self._heard.fileno(), 1 << 20)
            if not part:
                raise RuntimeError("the browser is gone")
            self._rest += part
        first, _, self._rest = self._rest.partition(b"\0")
        return json.loads(first)

    def _note(self, event):
        known = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.errors.append(known["exceptionDetails"])
        elif event.get("method") == "Log.entryAdded" and known["entry"]["level"] == "error":
            self.errors.append(known["entry"])
        elif event.get("method") == "Network.requestWillBeSent":
            self.asked.append(known["request"]["url"])

    def open(self, address):
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete'")

    def run(self, script):
        """The value of an expression on the page, or of a promise."""
        answer = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True,
            userGesture=True,
        )  # fmt: skip
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, condition):
        """Wait until a condition holds; pages may come and go meanwhile."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                holds = self.run(f"!!({condition})")
            except RuntimeError as error:
                if "the browser is gone" in str(error):
                    raise
                holds = False
            if holds:
                return
            time.sleep(0.05)
        raise TimeoutError(f"{condition} of {self.run('document.body.innerText')[:2000]}")

    def text(self):
        return self.run("document.body.innerText")

    def click(self, selector):
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def saved(self, name):
        """The content of a file that was saved, once all of it is there."""
        path, end = self.folder / name, time.monotonic() + PATIENCE
        while not path.exists():
            if time.monotonic() > end:
                raise TimeoutError(f"{name} was not saved")
            self.run("1")  # events are heard only when something is asked
            time.sleep(0.05)
        return path.read_bytes()

    def drop(self, selector, name, content):
        """Let go of a file over an element, as a person does who has dragged it there."""
        data = base64.b64encode(content).decode()
        self.run(
            f"""(() => {{
              const bytes = Uint8Array.from(atob("{data}"), (c) => c.charCodeAt(0));
              const dragged = new DataTransfer();
              dragged.items.add(new File([bytes], {json.dumps(name)}));
              const at = document.querySelector({json.dumps(selector)});
              for (const kind of ["dragover", "drop"]) at.dispatchEvent(new DragEvent(kind,
                {{ bubbles: true, cancelable: true, dataTransfer: dragged }}));
            }})()"""
        )

    def press(self, key, code, text=""):
        """One key of the keyboard, down and up."""
        known = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **known)
        self.call("Input.dispatchKeyEvent", type="keyUp", **known)

    def resize(self, width, height=900, dark=False):
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height,
            deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, path):
        """The whole page as a PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        shot = self.call(
            "Page.captureScreenshot", captureBeyondViewport=True,
            clip={"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1},
        )  # fmt: skip
        path.write_bytes(base64.b64decode(shot["data"]))
