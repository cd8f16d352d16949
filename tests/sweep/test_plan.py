"""A study file stands for a fixed list of cells, and a bad one is refused before anything runs."""

import itertools
import json

import pytest

from steepest.errors import DataError, UsageError
from steepest.papers.surace2020 import fig2
from steepest.sweep import read_plan
from steepest.sweep.plan import difference, restore_plan


def test_a_grid_is_all_combinations_with_seeds_fastest(study):
    plan = read_plan(study('seeds = [5, 3]\n[grid]\nslope = [1, 2.5]\nkind = ["down", "up"]'))
    found = [plan.cell(index) for index in range(plan.size)]
    expected = list(itertools.product([1.0, 2.5], ["down", "up"], [5, 3]))
    assert [(c.values["slope"], c.values["kind"], c.seed) for c in found] == expected
    assert [cell.index for cell in found] == list(range(8))
    assert plan.dims == ("slope", "kind", "seed")
    assert all(type(cell.values["slope"]) is float for cell in found)


def test_a_zip_goes_in_step_beside_the_grid(study):
    plan = read_plan(
        study("seeds = 2\n[zip]\nslope = [1, 2]\npoints = [3, 4]\n[grid]\npause = [0]")
    )
    assert plan.dims == ("pause", "zip", "seed")
    found = [plan.cell(i).values for i in range(0, 4, 2)]
    assert found == [
        {"pause": 0.0, "slope": 1.0, "points": 3},
        {"pause": 0.0, "slope": 2.0, "points": 4},
    ]


DRAW = """
draw_count = 50
draw_seed = 3
[draw]
slope = {low = 0.01, high = 100, log = true}
points = {low = 1, high = 1000}
kind = ["up", "down"]
"""


def test_draws_stay_in_their_range_and_depend_on_the_seed_and_the_name_alone(study):
    drawn = read_plan(study(DRAW)).axes[0].values
    assert {len(column) for column in drawn.values()} == {50}
    assert min(drawn["slope"]) >= 0.01
    assert max(drawn["slope"]) <= 100
    # Half of a log-uniform draw lies below the geometric middle: 25 of 50, sd 3.5.
    assert abs(sum(x < 1 for x in drawn["slope"]) - 25) < 4 * 3.5
    assert all(type(n) is int and 1 <= n <= 1000 for n in drawn["points"])
    assert set(drawn["kind"]) == {"up", "down"}
    assert read_plan(study(DRAW)).axes[0].values == drawn
    fewer = read_plan(study(DRAW.replace('kind = ["up", "down"]', ""))).axes[0].values
    assert fewer["slope"] == drawn["slope"]
    other = read_plan(study(DRAW.replace("draw_seed = 3", "draw_seed = 4"))).axes[0].values
    assert other["slope"] != drawn["slope"]


def test_tuples_and_figures_of_the_package_can_be_swept(study):
    text = "[grid]\nwindow = [[0, 1], [0, 2.5]]"
    assert read_plan(study(text)).cell(1).values == {"window": (0.0, 2.5)}
    plan = read_plan(study('figure = "surace2020.fig2"\n[grid]\nshear = [0.1, 0.2]', figure=""))
    assert plan.figure.module is fig2
    assert plan.base == fig2.QUICK


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[grid]\nslop = [1]", r"\[grid\]: the figure has no parameter 'slop'; near it: slope"),
        ("[grid]\nslope = ['a']", r"slope, value 1: 'a' is of type str, not float"),
        ("[grid]\nslope = [1, true]", "slope, value 2: True is of type bool, not float"),
        ("[grid]\nslope = [nan]", "NaN"),
        ("[grid]\npoints = [1.5]", "points, value 1: 1.5 is of type float, not int"),
        ("[grid]\nkind = ['left']", "'left' is not allowed; choose up or down"),
        ("[grid]\nwindow = [[1]]", "1 entries, not 2"),
        ("[grid]\nwindow = [1]", "value 1: 1 is of type int"),
        ("[grid]\npoints = [3, 0]", "refuses points=0: points must be at least 1"),
        ("[zip]\npoints = [3, -1]\nslope = [1, 2]", "points must be at least 1"),
        ("[grid]\nslope = [1, 2, 1.0]", "values 1 and 3 are the same"),
        ("[zip]\nslope = [1, 1]\npoints = [2, 2]", "values 1 and 2 are the same"),
        ("seeds = [1, 2, 1]", "seeds: values 1 and 3 are the same"),
        ("seeds = 0", "seeds = 0"),
        ("seeds = []", "seeds"),
        ("seeds = [-1]", "seeds"),
        ("seeds = 2.5", "seeds"),
        ("[grid]", r"\[grid\] is empty"),
        ("[grid]\nslope = []", "the grid is empty"),
        ("[grid]\nslope = 3", "give a list"),
        ("[zip]\nslope = [1, 2]\npoints = [3]", "slope has 2, points has 1"),
        ("[grid]\nslope = [1]\n[zip]\nslope = [1]", "'slope' is given twice"),
        ("[draw]\nslope = [1]", "draw_count"),
        ("draw_count = 3", r"\[draw\]"),
        ("draw_count = 3\n[draw]\nslope = {low = 2, high = 1}", "low 2.0 must be less"),
        ("draw_count = 3\n[draw]\nslope = {low = 0, high = 1, log = true}", "above 0"),
        ("draw_count = 3\n[draw]\nslope = {low = 0}", "low = "),
        ("draw_count = 3\n[draw]\nkind = {low = 0, high = 1}", "from a list"),
        ("draw_count = 5\n[draw]\nkind = ['up', 'down']", "are the same"),
        ("scale = 'huge'", "huge"),
        ("grids = 1", "no key 'grids'; near it: grid"),
        ("[grid", "not a TOML file"),
        ("seeds = 1000000000", "1,000,000,000 cells"),
        ("draw_count = 1000000000\n[draw]\nslope = [1, 2]", "1,000,000,000 cells"),
        (f"draw_count = 1\n[draw]\nslope = {{low = 0, high = 1{'0' * 400}}}", "too large"),
        ("a" + ".a" * 100_000 + " = 1", "line 2 has a key of more than 100 parts.*TOML"),
        ("a = " + "[" * 5000, "nested too deeply|not a TOML file"),
        ("seeds = " + "1" * 5000, "not a TOML file"),
        ("figure = 3", "names no figure"),
        ("figure = 'absent.py'", "absent.py"),
        ("figure = 'surace2020'", "surace2020.fig2"),
        ("figure = 'surace2020.fig9'", "surace2020.fig2"),
    ],
)
def test_a_study_that_cannot_be_run_is_refused_and_nothing_is_left(study, text, message):
    path = study(text)
    with pytest.raises(DataError if "TOML" in message else UsageError, match=message):
        read_plan(path)
    assert sorted(file.name for file in path.parent.iterdir()) == ["figure.py", "study.toml"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("def claims", "def klaims", "it has no claims"),
        ("QUICK = ", "SLOW = ", "it has no QUICK"),
        ("frozen=True", "frozen=False", "not a frozen dataclass"),
        ("import os", "import os, nowhere", "cannot be imported: ModuleNotFoundError.*nowhere"),
        ("def run", "def def run", "cannot be imported: SyntaxError"),
    ],
)
def test_a_file_that_is_no_figure_is_refused_by_the_missing_part(study, old, new, message):
    path = study("")
    figure = path.with_name("figure.py")
    text = figure.read_text()
    assert old in text
    figure.write_text(text.replace(old, new, 1))
    with pytest.raises(UsageError, match=f"figure.py.*{message}"):
        read_plan(path)


def test_differences_are_told_by_name(study):
    old = read_plan(study("seeds = 2\n[grid]\nslope = [1, 2]")).description
    assert difference(old, old) == []
    new = read_plan(study("seeds = 3\nscale = 'paper'\n[grid]\nslope = [1, 3]\npoints = [4]"))
    assert difference(old, new.description) == [
        'scale: "quick" -> "paper"',
        "slope: [1.0, 2.0] -> [1.0, 3.0]",
        "seed: [0, 1] -> [0, 1, 2]",
        "points: absent -> [4]",
    ]
    path = study("seeds = 2\n[grid]\nslope = [1, 2]")
    figure = path.with_name("figure.py")
    figure.write_text(figure.read_text() + "\n# changed\n")
    (line,) = difference(old, read_plan(path).description)
    assert line.startswith("the figure's code: ")


def test_a_plan_comes_back_from_its_description(study):
    plan = read_plan(study(DRAW + "window = [[0, 1], [0, 2]]"))
    back = restore_plan(json.loads(json.dumps(plan.description)), plan.source)
    assert [back.cell(i) for i in range(plan.size)] == [plan.cell(i) for i in range(plan.size)]
    with pytest.raises(UsageError, match=r"figure\.py is not that"):
        restore_plan(plan.description | {"source": "0"}, plan.source)
