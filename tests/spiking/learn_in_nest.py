"""Build a NESTML model, and have it learn in NEST on the spikes of spikes.npz.

    python learn_in_nest.py MODEL

It reads MODEL.nestml, rule.json and spikes.npz of the folder, and writes weights.npz.
STEEPEST_NEST_PATH names the folder that holds bin/nest-config, where NEST does not know it.
"""

import json
import os
import sys

import nest
import numpy as np
from pynestml.frontend.pynestml_frontend import generate_nest_target

name = sys.argv[1]
with open("rule.json") as file:
    rule = json.load(file)
with np.load("spikes.npz", allow_pickle=False) as file:
    afferents, teacher = file["afferents"], file["teacher"]
path = os.environ.get("STEEPEST_NEST_PATH")
generate_nest_target(
    f"{name}.nestml",
    "target",
    install_path=os.path.abspath("installed"),
    module_name="steepest_module",
    codegen_opts={"nest_path": path} if path else {},
)
dt = 1e3 * rule["run"]["time_step"]["value"]
nest.ResetKernel()
nest.resolution = dt
nest.Install(os.path.abspath("installed/steepest_module.so"))
vectors = {
    "w": rule["weights"]["values"],
    "w_teacher": rule["teacher"]["weights"]["values"],
    "r": rule["afferents"]["rates"]["values"],
}
neuron = nest.Create(name, params={**vectors, "drawn": False, "eta": 0.0})
ports = {port.lower(): number for port, number in neuron.get("receptor_types").items()}
steps, n = afferents.shape
for i, counts in enumerate([*afferents.T, teacher]):
    # What is sent at the end of a step with a delay of one is there in the step after the next.
    times = (np.repeat(np.arange(steps), counts) + 1) * dt
    if len(times) == 0:
        continue
    source = nest.Create("spike_generator", params={"spike_times": times})
    port = ports["teacher_spikes" if i == n else f"spikes_{i}"]
    nest.Connect(source, neuron, syn_spec={"receptor_type": port, "delay": dt})
nest.Simulate(dt)  # no spike can be there in the first step: learning begins with the second
neuron.set(eta=rule["learning_rate"]["value"])
nest.Simulate(steps * dt)
np.savez("weights.npz", final=np.ravel(neuron.get("w")))
