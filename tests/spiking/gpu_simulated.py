"""Runs of the engine for GPUs in Numba's simulator: `python gpu_simulated.py JOBS RESULTS`.

Both are .npz files. A job K has K/model and K/how (JSON), K/weights, K/target, and K/counts and
K/taught where spikes are given. The simulator is switched on when Numba is imported.
"""

import json
import os
import sys

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"

import numpy as np

from steepest.errors import SteepestError
from steepest.spiking.event_model import EventModel, Events
from steepest.spiking.gpu_engine import GpuEngine
from steepest.spiking.gpu_layouts import Teams, Threads

jobs = dict(np.load(sys.argv[1]))
results = {}


def as_events(counts, first):
    places = np.nonzero(counts)
    step, trial, *afferent = (np.repeat(place, counts[places]) for place in places)
    return Events(step + first, trial, afferent[0] if afferent else None)


for name in sorted({key.partition("/")[0] for key in jobs}):
    job = {
        key.partition("/")[2]: array for key, array in jobs.items() if key.startswith(f"{name}/")
    }
    told, how = json.loads(str(job["model"])), json.loads(str(job["how"]))
    model = EventModel(**told | {"rates": np.array(told["rates"]), "decay": tuple(told["decay"])})
    trials = len(job["weights"])
    teams = how["layout"] == "teams"
    layout = Teams(model, trials) if teams else Threads(model, trials, block=how["block"])
    options = {"seed": how.get("seed"), "layout": layout, "draws": ("counts" not in job,) * 2}
    engine = GpuEngine(model, job["weights"], job["target"], **options)
    try:
        for first, last in zip([0, *how["stops"]], how["stops"], strict=False):
            if "counts" in job:
                here = slice(first, last)
                engine.give(
                    as_events(job["counts"][here], first), as_events(job["taught"][here], first)
                )
            engine.run(last)
            if how.get("paused"):
                told = {"traces": engine.traces(), "step": last, "saved": engine.save()}
                engine = GpuEngine(model, engine.weights(), job["target"], **options, **told)
        results[f"{name}/weights"] = engine.weights()
        results[f"{name}/voltages"] = engine.voltages()
        results[f"{name}/traces"] = engine.traces()
        results[f"{name}/origin"] = engine.origin
    except SteepestError as error:
        results[f"{name}/error"] = f"{type(error).__name__}: {error}"
np.savez(sys.argv[2], **results)
