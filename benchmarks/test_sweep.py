"""What a sweep adds to each cell, and how long its store takes to load."""

from pathlib import Path

import pytest
import xarray as xr
from distributed import LocalCluster

from steepest.sweep import run_sweep

FIGURE = '''"""Almost nothing

For the overhead of a sweep.
"""

from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import xarray as xr

from steepest.study import Claim, parameter, stamp


@dataclass(frozen=True)
class Parameters:
    offset: float = parameter(0.0, "offset of every number")


QUICK = Parameters()


def run(parameters, seed):
    x = parameters.offset + np.random.default_rng(seed).standard_normal(100)
    return stamp(xr.Dataset({"x": ("draw", x, {"units": "1"})}), parameters, seed)


def plot(dataset):
    return matplotlib.figure.Figure()


def claims(dataset):
    return [Claim.close("Numbers are there", 0.0, 0.0, 1.0)]
'''


def study(folder: Path, cells: int) -> Path:
    (folder / "tiny.py").write_text(FIGURE)
    path = folder / "study.toml"
    path.write_text(f'figure = "tiny.py"\nseeds = {cells // 4}\n[grid]\noffset = [0, 1, 2, 3]\n')
    return path


@pytest.fixture(scope="module")
def scheduler():
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        yield cluster.scheduler_address


def test_two_thousand_tiny_cells(benchmark, scheduler, tmp_path):
    path = study(tmp_path, 2000)
    summary = benchmark.pedantic(run_sweep, (path,), {"scheduler": scheduler}, rounds=1)
    assert summary.done == 2000


def test_loading_two_thousand_cells(benchmark, scheduler, tmp_path):
    summary = run_sweep(study(tmp_path, 2000), scheduler=scheduler)
    dataset = benchmark(lambda: xr.open_zarr(summary.store, chunks=None).load())
    assert dataset["x"].shape == (4, 500, 100)
