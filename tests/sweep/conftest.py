"""Studies for tests: a small figure in a file, which notes every run in a log beside it."""

from pathlib import Path

import pytest

# Without JAX, so that a worker is ready soon. The log shows what was computed, by whom and when.
FIGURE = '''"""Noise with a trend

A figure for tests.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.study import Claim, parameter, stamp


@dataclass(frozen=True)
class Parameters:
    slope: float = parameter(1.0, "slope of the trend", "mV/s")
    points: int = parameter(5, "number of points")
    kind: Literal["up", "down"] = parameter("up", "direction of the trend")
    window: tuple[float, float] = parameter((0.0, 1.0), "from when to when", "s")
    pause: float = parameter(0.0, "time that the run takes at least", "s")
    size: int = parameter(0, "numbers stored beside")
    grid: bool = parameter(False, "whether time goes with the points")

    def __post_init__(self):
        if self.points < 1:
            raise ValueError("points must be at least 1")


QUICK = Parameters()


def run(parameters, seed):
    with open(Path(__file__).with_suffix(".log"), "a") as log:
        words = (parameters.slope, parameters.kind, parameters.points, seed, os.getpid())
        log.write(" ".join(map(str, words)) + "\\n")
    time.sleep(parameters.pause)
    if parameters.slope == 13:
        raise ZeroDivisionError("thirteen")
    if parameters.slope == 17 and not Path(__file__).with_suffix(".cured").exists():
        os._exit(1)
    random = np.random.default_rng(seed)
    time_ = np.linspace(*parameters.window, parameters.points)
    if parameters.grid:
        time_ = 0.1 * np.arange(parameters.points)
    sign = 1 if parameters.kind == "up" else -1
    noise = random.standard_normal(parameters.points)
    dataset = xr.Dataset(
        {
            "v": ("time", sign * parameters.slope * time_ + noise, {"units": "mV"}),
            "count": ((), np.int64(seed + 2**60), {"units": "1"}),
            "slope": ((), parameters.slope, {"units": "mV/s"}),
            "kind": ((), parameters.kind),
            "flag": ("half", noise[:1] > 0),
            "ballast": ("ballast", random.random(parameters.size), {"units": "1"}),
        },
        coords={"time": ("time", time_, {"units": "s"}), "name": ("half", ["only"])},
    )
    return stamp(dataset, parameters, seed)


def plot(dataset):
    figure = matplotlib.figure.Figure(figsize=(2, 2))
    figure.subplots().plot(dataset["time"], dataset["v"])
    return figure


def claims(dataset):
    return [Claim.close("Points are there", 0.0, 0.0, 1.0)]
'''


@pytest.fixture(scope="session")
def write_study():
    """Write a study file into a folder, with figure.py beside it unless that is ""; its path."""

    def write_study(folder: Path, text: str, figure: str = FIGURE) -> Path:
        if figure:
            (folder / "figure.py").write_text(figure)
        path = folder / "study.toml"
        path.write_text(text if "figure =" in text else f'figure = "figure.py"\n{text}')
        return path

    return write_study


@pytest.fixture
def study(tmp_path, write_study):
    """Write a study file (with figure.py beside it, unless named otherwise); gives its path."""

    def study(text: str, figure: str = FIGURE, folder: Path | None = None) -> Path:
        return write_study(folder or tmp_path, text, figure)

    return study
