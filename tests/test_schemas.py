"""What commands print as JSON is what the schemas say; new fields may come, none may go."""

import json
from importlib.resources import files

import jsonschema
import numpy as np
import pytest

from steepest.inference import (
    classify,
    infer_geometry,
    infer_measured,
    infer_pairs,
    infer_unpaired,
    measure,
)
from steepest.inference.designs.design import Design, simulate_design
from steepest.inference.designs.planning import plan
from steepest.inference.synapses.verdict import SCHEMA
from steepest.spiking import NaturalRule, describe_rule, paper_task

RNG = np.random.default_rng(0)
BEFORE = np.exp(0.8 * RNG.standard_normal(300))
AFTER = BEFORE * np.exp(0.1 * RNG.standard_normal(300))


def validator(name):
    schema = json.loads(files("steepest").joinpath("schemas", f"{name}-1.json").read_text())
    assert schema["title"] == f"steepest.{name}/1"
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


MAPS = {"checks", "index_by_lag", "power", "wrong", "enough"}  # by names that are no fields


def opened(value, is_map=False):
    """The same document with one more field in every object that has fields."""
    if isinstance(value, dict):
        fields = {key: opened(item, key in MAPS) for key, item in value.items()}
        return fields if is_map else fields | {"of_a_later_version": 1}
    return [opened(item) for item in value] if isinstance(value, list) else value


def series():
    design = Design(synapses=80, sessions=4, groups=8, multiplicative=0.05)
    return infer_measured(simulate_design(design, 1, seed=1), draws=20)


def replicates():
    noisy = [BEFORE * np.exp(0.05 * RNG.standard_normal(300)) for _ in range(2)]
    return infer_measured(measure([noisy, AFTER], detection_limit=0.1), draws=20)


VERDICTS = {
    "pair": lambda: infer_geometry(BEFORE, AFTER),
    "pair, exact": lambda: infer_geometry(BEFORE, AFTER, noise_cv=0, detection_limit=0.2),
    "pair, silent": lambda: infer_geometry(BEFORE, AFTER, noise_cv=0.5),
    "series": series,
    "replicates": replicates,
    "pairs": lambda: infer_pairs(BEFORE, AFTER),
    "unpaired": lambda: infer_unpaired(BEFORE, AFTER, draws=5),
    "unpaired, narrower": lambda: infer_unpaired(BEFORE, np.sqrt(AFTER), draws=5),
}


@pytest.mark.parametrize("kind", VERDICTS)
def test_every_verdict_has_the_form_of_the_schema(kind):
    check = validator("infer")
    said = VERDICTS[kind]().to_dict()
    assert said["schema"] == SCHEMA == "steepest.infer/1"
    text = json.dumps(said, allow_nan=False)
    check.validate(json.loads(text))
    check.validate(opened(json.loads(text)))
    for damage in ({"outcome": "maybe"}, {"n": -1}, {"interval": [1.0]}):
        assert not check.is_valid(said | damage)
    for name in ("index", "checks", "estimator"):
        assert not check.is_valid({key: value for key, value in said.items() if key != name})


def test_calls_have_the_form_of_their_schema():
    said = classify(series()).to_dict()
    check = validator("calls")
    check.validate(json.loads(json.dumps(said, allow_nan=False)))
    check.validate(opened(said))


def test_a_plan_has_the_form_of_its_schema():
    design = Design(synapses=60, sessions=4, groups=8)
    said = plan(design, truths=("multiplicative",), runs=1).to_dict()
    check = validator("plan")
    check.validate(json.loads(json.dumps(said, allow_nan=False)))
    check.validate(opened(json.loads(json.dumps(said))))
    assert not check.is_valid(said | {"runs": 0})


def test_a_rule_has_the_form_of_its_schema():
    task, start = paper_task(trials=1, n=4, test_samples=1)
    said = describe_rule(task, NaturalRule(), start[0], rate=6e-4, duration=1.0).to_dict()
    check = validator("rule")
    check.validate(json.loads(json.dumps(said, allow_nan=False)))
    check.validate(opened(said))
    assert not check.is_valid(said | {"rule": {"name": "hebbian"}})
    assert not check.is_valid({name: part for name, part in said.items() if name != "neuron"})
