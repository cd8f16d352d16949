"""A model's NESTML text run step by step: the statements that our models use, and no others."""

import math
import re

import numpy as np


def run_nestml(text, dt, values, spikes, teacher):
    """Variables after the `spikes` (steps, n) and the `teacher`'s (steps,) of all steps.

    Follows the language: declarations block by block, then the update block at each step. `values`
    replace those that vectors and parameters have at first.
    """
    text = re.sub(r" *#.*", "", text)
    text = re.sub(r"\((\d+) ms\)", r"\1", text).replace("(1 s)", "1")  # times are in ms there
    blocks = dict(re.findall(r"^    (\w+):\n((?:(?: {8}.*)?\n)*)", text, flags=re.M))
    variables = {"resolution": lambda: 1000 * dt, "exp": math.exp, "true": True}
    variables |= {"random_uniform": lambda low, high: high, "emit_spike": lambda: None}
    for block in ("state", "parameters", "internals"):
        for name, size, value in re.findall(
            r"^ {8}(\w+)(?:\[(\d+)\])? \w+ = (.*)$", blocks[block], flags=re.M
        ):
            value = eval(value, variables)
            value = values.get(name, [value] * int(size) if size else value)
            variables[name] = list(value) if size else value
    update = re.sub(r"^( *\w+) (?:real|integer) =", r"\1 =", blocks["update"], flags=re.M)
    update = re.sub(r"for (\w+) in (\d+) \.\.\. (\d+) step 1:", r"for \1 in range(\2, \3):", update)
    step = compile("if True:\n" + update, "update", "exec")
    for counts, count in zip(spikes.tolist(), teacher.tolist(), strict=True):
        variables |= {"spikes": counts, "teacher_spikes": count}
        exec(step, variables)
    return {name: np.array(v) for name, v in variables.items() if isinstance(v, list | float)}
