"""Count the calls that climb: from a file in a lower room of the house into a higher room.

Run it from anywhere: `python benchmarks/rooms.py [FILE]`. Without a file of its own it makes one
up. Rooms and their order are those of tests/test_house.py; the five rooms of inference are rooms,
too. A call through a library (scipy calling a function back) counts as made by the file of ours
that called the library.
"""

import contextlib
import io
import runpy
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import steepest
from steepest import cli

SOURCE = Path(steepest.__file__).parent
TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(TESTS))  # what the test imports from beside it
STOREYS: list[list[str]] = runpy.run_path(str(TESTS / "test_house.py"))["STOREYS"]
# Within inference, from above: the rooms that may use sizes, then sizes.
INSIDE = [["inference"], ["networks", "designs", "flows", "activity"], ["synapses"]]
AIM = 3


def levels() -> dict[str, float]:
    """The storey of every room, the roof highest."""
    storeys: dict[str, float] = {}
    for depth, rooms in enumerate(STOREYS):
        for room in rooms:
            storeys[room] = -float(depth)
    for depth, rooms in enumerate(INSIDE):
        for room in rooms:
            name = room if room == "inference" else f"inference/{room}"
            storeys[name] = storeys["inference"] - depth / 10
    return storeys


LEVEL = levels()


def room_of(path: str) -> str | None:
    """The room of a source file; None for one that is not of the package."""
    try:
        parts = Path(path).relative_to(SOURCE).parts
    except ValueError:
        return None
    if parts[0] == "inference" and len(parts) > 2:
        return f"inference/{parts[1]}"
    first = parts[0].removesuffix(".py")
    return None if first == "__init__" else first


def climbs(tokens: list[str]) -> Counter[tuple[str, str]]:
    """Calls upward while one command line runs: from which function, to which, how often."""
    counted: Counter[tuple[str, str]] = Counter()
    rooms: dict[str, str | None] = {}

    def room(frame: FrameType) -> str | None:
        file = frame.f_code.co_filename
        if file not in rooms:
            rooms[file] = room_of(file)
        return rooms[file]

    def told(frame: FrameType) -> str:
        code = frame.f_code
        return f"{Path(code.co_filename).relative_to(SOURCE)}:{code.co_qualname}"

    def watch(frame: FrameType, event: str, argument: Any) -> None:
        # A module that is run is imported, which is no call.
        if event != "call" or frame.f_code.co_name == "<module>" or (here := room(frame)) is None:
            return
        caller = frame.f_back
        while caller is not None and room(caller) is None:
            if caller.f_code.co_filename.startswith("<frozen importlib"):
                return
            caller = caller.f_back
        if caller is None or caller.f_code.co_name == "<module>":
            return
        there = room(caller)
        if there is not None and LEVEL[there] < LEVEL[here]:
            counted[told(caller), told(frame)] += 1

    with contextlib.redirect_stdout(io.StringIO()):
        sys.setprofile(watch)
        try:
            code = cli.run(tokens)
        finally:
            sys.setprofile(None)
    if code:
        raise SystemExit(f"steepest {' '.join(tokens)} ended with {code}")
    return counted


def made_up(folder: Path) -> Path:
    """A file of 300 synapses in eight sessions, which change in proportion to their size."""
    random = np.random.default_rng(0)
    steps = 0.15 * random.standard_normal((300, 8))
    logs = 0.7 * random.standard_normal((300, 1)) + np.cumsum(steps, axis=1)
    path = folder / "sizes.npz"
    np.savez(path, np.exp(logs + 0.05 * random.standard_normal(logs.shape)))
    return path


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = sys.argv[1] if len(sys.argv) > 1 else str(made_up(Path(folder)))
        for options in (
            ["--before", "0", "--after", "1"],
            ["--sessions", *map(str, range(8))],
        ):
            tokens = ["infer", file, *options]
            for out in ([], ["--out", f"{folder}/out"]):
                counted = climbs([*tokens, *out])
                said = " ".join(["steepest", *tokens, *out]).replace(f"{folder}/", "")
                print(f"{said}: {counted.total()} climbs")
                for (caller, called), times in counted.most_common():
                    print(f"  {times:6d} x {caller} -> {called}")
    print(f"Aim: at most {AIM} a run.")


if __name__ == "__main__":
    main()
