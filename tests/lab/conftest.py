"""A lab that answers on this machine, with the command or with one that only acts it."""

import sys

import pytest

NEEDED = ("starlette", "uvicorn", "python_multipart")

# Does what `steepest infer` does for the page, without reading or computing: what the (first) table
# holds says how it ends. Without --out it is a look.
ACTED = """
import json, os, signal, sys, time
words = sys.argv[1:]
out = next((w[6:] for w in words if w.startswith("--out=")), None)
with open(words[1]) as file:
    told = file.read()
if "refuse" in told:
    print(json.dumps({"error": "column <b>x</b> & more"}))
    sys.exit(2)
if "crash" in told:
    os.kill(os.getpid(), signal.SIGKILL)
if "dumb" in told:
    print("trouble\\nno such thing", file=sys.stderr)
    sys.exit(3)
if out is None:
    columns = [dict(name=n, place=i, kind="number", example="1", distinct=2, empty=0, seems="size")
               for i, n in enumerate(["a", "b", "c"])]
    commands = ["steepest infer x --before a --after b", "steepest infer x --sessions a b c"]
    print(json.dumps(dict(sentence="It acts.", header=None, columns=columns, rows=2, unknown=[],
                          marks=[], commands=commands)))
    sys.exit()
with open("begun", "a") as file:
    print(os.getpid(), file=file)
print("{}", flush=True)
if "sleep" in told:
    time.sleep(600)
asked = " ".join(word for word in words[:-2] if word != "--seed=0")
with open(os.path.join(out, "verdict.html"), "w") as file:
    file.write("<html>\\n<body>\\n<main>" + told + asked + "</main></body></html>")
with open(os.path.join(out, "verdict.json"), "w") as file:
    file.write(json.dumps(told))
"""


@pytest.fixture(scope="session")
def serving():
    """`steepest.lab.serving`, where the extra is installed."""
    for name in NEEDED:
        pytest.importorskip(name, reason=f"{name}, of the extra lab, is not installed")
    from steepest.lab import serving

    return serving


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("acted") / "acted.py"
    path.write_text(ACTED)
    return (sys.executable, "-I", "-S", str(path))


@pytest.fixture(scope="module")
def acting(serving, program):
    """Asks a lab whose command only acts."""
    from lab_client import Client

    with serving(program=program) as address:
        yield Client(address.page)


@pytest.fixture(scope="module")
def client(serving):
    """Asks a lab with the real command."""
    from lab_client import Client

    with serving() as address:
        yield Client(address.page)
