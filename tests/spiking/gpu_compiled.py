"""Compiles the kernels for a GPU where there is none; prints JSON: name -> what ptxas says.

Needs numba-cuda with the compilers of CUDA, and their ptxas.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import nvidia
from numba import cuda, types
from numba.cuda import dispatcher

from steepest.spiking import _gpu_kernels as kernels

CAPABILITY = (9, 0)
# A device function is compiled for the GPU that is there.
dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=CAPABILITY)


def array(kind, ndim):
    return types.Array(kind, ndim, "C")


F, N, B = types.float64, types.int64, types.boolean
KEY, PAR = types.UniTuple(types.uint64, 2), types.UniTuple(F, 15)
GIVEN = (array(N, 1), array(N, 1), array(N, 1), array(N, 2))
MOVED = (array(F, 2), array(N, 2), array(F, 3))
THREAD = (N, N, N, N, N, B, B, KEY, PAR, array(F, 2), array(F, 2), *MOVED, array(F, 2), *GIVEN)
TEAM = (N, B, B, KEY, PAR, array(F, 1), array(F, 1), *MOVED, array(N, 2), *GIVEN)

ptxas = next(p for root in nvidia.__path__ for p in Path(root).rglob("ptxas"))
told = {}
cases = [("threads", kernels.thread_kernel(), THREAD)]
for rule in (0, 1, 2):
    for n in (100, 1000):
        cases.append((f"rule {rule}, n={n}", kernels.team_kernel(rule, *kernels.team_of(n)), TEAM))
for name, kernel, signature in cases:
    code, _ = cuda.compile_ptx(kernel.py_func, signature, cc=CAPABILITY)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.ptx"
        path.write_text(code)
        command = [str(ptxas), "-v", "-arch=sm_90", str(path), "-o", str(Path(folder) / "kernel")]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    told[name] = {
        "registers": int(re.findall(r"Used (\d+) registers", said)[-1]),
        "spilled": [int(bytes) for bytes in re.findall(r"(\d+) bytes spill", said)],
        "shuffles": code.count("shfl.sync.bfly"),
    }
json.dump(told, sys.stdout)
