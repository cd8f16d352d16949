"""What a table is, is said and never acted upon; what cannot be told is said too."""

import json
import shlex
from importlib.resources import files

import jsonschema
import numpy as np
import pandas as pd
import pytest

from steepest.data import look
from steepest.errors import DataError

RNG = np.random.default_rng(0)
SIZES = np.exp(0.5 * RNG.standard_normal((40, 4))).round(4)
CELLS = [f"c{at % 8}" for at in range(40)]


def wide(*names, **others):
    return others | dict(zip(names, SIZES.T, strict=False))


def long(sessions=("0", "4", "12"), copies=1, **others):
    rows = [(at, t) for at in range(40) for t in range(len(sessions)) for _ in range(copies)]
    return {
        "Spine_ID": [f"s{at}" for at, _ in rows],
        "session": [sessions[t] for _, t in rows],
        **{name: [values[at] for at, _ in rows] for name, values in others.items()},
        "spine_vol": np.exp(RNG.standard_normal(len(rows))),
    }


@pytest.mark.parametrize(
    ("table", "shape", "synapses", "commands"),
    [
        (
            wide("day8", "day0", "day4", cell=CELLS),
            "wide",
            40,
            ["--sessions day0 day4 day8 --group cell"],
        ),
        (
            wide("-5", "2", "20", cell=CELLS),
            "wide",
            40,
            ["--sessions -5 2 20 --group cell", "--sessions -5 2 20 --times -5 2 20 --group cell"],
        ),
        (
            wide("2020-01-05", "2020-01-01", "2020-02-01"),
            "wide",
            40,
            ["--sessions 2020-01-01 2020-01-05 2020-02-01"],
        ),
        (wide("post", "pre"), "wide", 40, ["--before pre --after post"]),
        (wide("t 0", "t 1", "t 2"), "wide", 40, ["--sessions 't 0' 't 1' 't 2'"]),
        (
            wide("s0", "s1", "s2", dendrite=CELLS, mouse=[c[-1] in "0123" for c in CELLS]),
            "wide",
            40,
            ["--sessions s0 s1 s2 --group mouse/dendrite"],
        ),
        (
            wide("s0", "s1", "s2", arm=["sham", "trained"] * 20),
            "wide",
            40,
            ["--sessions s0 s1 s2 --compare arm"],
        ),
        (
            wide("before", "after", cell=CELLS, arm=["sham", "trained"] * 20),
            "wide",
            40,
            ["--before before --after after --group cell --condition arm --null sham"],
        ),
        (
            long(),
            "long",
            40,
            ["--id Spine_ID --session session --size spine_vol"],
        ),
        (
            long(("post", "pre"), mouse=[f"m{at % 4}" for at in range(40)]),
            "long",
            40,
            ["--id Spine_ID --session session --size spine_vol --order pre post --group mouse"],
        ),
        (
            long(copies=2),
            "long",
            40,
            ["--id Spine_ID --session session --size spine_vol --replicates"],
        ),
    ],
)
def test_shapes_are_told_and_commands_proposed(table, shape, synapses, commands):
    looked = look(table)
    assert (looked.shape, looked.synapses) == (shape, synapses)
    assert list(looked.commands) == [f"steepest infer FILE {command}" for command in commands]
    again = look(pd.DataFrame(table))
    assert again.commands == looked.commands


def test_names_of_synapses_that_repeat_are_known_with_their_animal():
    table = long(mouse=[f"m{at // 20}" for at in range(40)])
    table["Spine_ID"] = [f"s{int(name[1:]) % 20}" for name in table["Spine_ID"]]
    looked = look(table)
    assert looked.synapses == 40
    assert "--id mouse/Spine_ID --session session" in looked.commands[0]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (wide("head", "neck"), "different measures of a synapse"),
        (wide("pre5", "pre10", "pre15", "a"), "which order, or different measures"),
        (long(("early", "late", "later")), "The order of the sessions of 'session': add --order"),
        ({"x": SIZES[:, 0], "y": SIZES[:, 1]}, "Which columns hold sizes"),
        ({"a": -SIZES[:, 0], "b": RNG.standard_normal(40)}, "Which columns hold sizes"),
    ],
)
def test_what_cannot_be_told_is_said_and_nothing_is_proposed(table, says):
    looked = look(table)
    assert looked.commands == ()
    assert any(says in sentence for sentence in looked.unknown)


def test_names_that_repeat_in_dendrites_that_repeat_in_animals_are_no_replicates():
    rows = [(a, d, s, t) for a in range(3) for d in range(2) for s in range(9) for t in (0, 4, 8)]
    table = {
        "animal": [f"m{a}" for a, *_ in rows],
        "dendrite": [f"d{d}" for _, d, *_ in rows],
        "spine": [f"s{s}" for *_, s, _ in rows],
        "day": [t for *_, t in rows],
        "volume": np.exp(RNG.standard_normal(len(rows))),
    }
    looked = look(table)
    assert looked.synapses == 54
    (command,) = looked.commands
    assert "--id animal/dendrite/spine --session day --size volume --group animal/dendr" in command


@pytest.mark.parametrize(
    ("files", "ending"),
    [
        (("day0", "day4", "day8"), " --group dendrite"),
        (("post", "pre"), " --order pre post --group dendrite"),
        (("left", "right"), None),
    ],
)
def test_files_of_one_session_each_are_proposed_where_their_names_tell_the_order(files, ending):
    table = {
        "spine_id": range(40),
        "dendrite": CELLS,
        "spine_vol": SIZES[:, 0],
        "x": SIZES[:, 1],
    }
    looked = look(table, files=files)
    assert looked.sentence == "It seems to be of one session: 40 synapses, one a row."
    assert "(--file-is session)" in looked.unknown[0]
    wanted = f"steepest infer FILE --file-is session --id spine_id --size spine_vol{ending}"
    assert looked.commands == (() if ending is None else (wanted,))
    assert look(table).commands == ()


def test_times_that_stand_in_columns_of_their_own_are_proposed():
    times = {f"time.{at}": [time] * 40 for at, time in enumerate((-5, 2, 20))}
    looked = look({f"mean.{at}": SIZES[:, at] for at in range(3)} | times | {"cell": CELLS})
    assert looked.commands[1].endswith("--times -5 2 20 --group cell")
    assert "(-5 2 20) are the times of the sessions" in looked.unknown[0]


def test_marks_are_counted_and_their_meaning_is_asked():
    table = {name: list(map(str, SIZES[:, at])) for at, name in enumerate(("s0", "s1", "s2"))}
    table["s1"][3:5], table["s1"][6], table["s2"][0], table["s2"][1] = ["lost"] * 2, "", "0", "-1"
    looked = look(table)
    assert {(m.column, m.written, m.count, m.taken) for m in looked.marks} == {
        ("s1", "lost", 2, "refused"),
        ("s1", "empty", 1, "not measured"),
        ("s2", "0", 1, "absent"),
        ("s2", "-1", 1, "refused"),
    }
    assert looked.commands == (
        "steepest infer FILE --sessions s0 s1 s2 --not-measured lost -1",
        "steepest infer FILE --sessions s0 s1 s2 --absent lost -1",
    )
    table["s2"][2] = "-0.5"
    assert look(table).commands[0].endswith("--detection-limit LIMIT --not-measured lost")


def test_a_look_has_the_form_of_its_schema(tmp_path):
    schema = json.loads(files("steepest").joinpath("schemas", "look-1.json").read_text())
    check = jsonschema.Draft202012Validator(schema)
    np.savez(tmp_path / "a.npz", a=SIZES, b=SIZES[:, 0], c=SIZES[:, 1], d=np.full(40, np.nan))
    for table in (wide("day0", "day4"), long(), tmp_path / "a.npz", {"a": [None, "b"]}):
        check.validate(json.loads(json.dumps(look(table).to_dict(), allow_nan=False)))


def test_arrays_without_names_are_not_known_to_be_sessions(tmp_path):
    np.save(tmp_path / "a.npy", SIZES)
    looked = look(tmp_path / "a.npy")
    assert shlex.split(looked.commands[0])[-4:] == ["0", "1", "2", "3"]
    assert "which have no names" in looked.unknown[0]
    np.save(tmp_path / "b.npy", SIZES.T)
    turned = look(tmp_path / "b.npy")
    assert turned.commands == ()
    assert "rows and columns are exchanged" in turned.unknown[0]


def test_what_is_no_table_is_refused():
    for table, says in (([1, 2], "list is no table"), ({"a": [1]}, None)):
        if says is None:
            assert look(table).shape == "unknown"
            continue
        with pytest.raises(DataError, match=says):
            look(table)
    with pytest.raises(DataError, match="no path"):
        look({"a": [1]}, part="Sheet1")
