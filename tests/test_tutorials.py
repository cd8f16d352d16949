"""The tutorials run as they stand, and each teaches by a picture and three exercises."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

TUTORIALS = sorted(
    path
    for path in (Path(__file__).parents[1] / "docs/tutorials").glob("*.md")
    if path.name != "index.md"
)
CELL = re.compile(r"^```\{code-cell\} ipython3\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTIONS = re.compile(r"\A---\n(.*?)^---\n", re.MULTILINE | re.DOTALL)


@pytest.fixture(params=TUTORIALS, ids=lambda path: path.stem)
def tutorial(request):
    return request.param


@pytest.mark.slow
def test_a_tutorial_runs_from_top_to_bottom(tutorial, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = tutorial.read_text("utf-8")
    if "import torch" in text:
        pytest.importorskip("torch", reason="torch, an extra, is not installed")
        pytest.importorskip("sklearn", reason="scikit-learn, of the extra torch, is not installed")
    if "steepest.sweep" in text:
        pytest.importorskip("distributed", reason="the extra cluster is not installed")
    namespace = {"__name__": "__main__"}
    for cell in CELL.findall(text):
        exec(compile(OPTIONS.sub("", cell), str(tutorial), "exec"), namespace)
    plt.close("all")
    assert capsys.readouterr().out


def test_a_tutorial_draws_a_picture(tutorial):
    cells = CELL.findall(tutorial.read_text("utf-8"))
    assert any(".plot(" in cell or "plt.subplots(" in cell for cell in cells)


def test_a_tutorial_ends_with_three_exercises_their_solutions_and_a_question(tutorial):
    lesson, exercises = tutorial.read_text("utf-8").split("\n## Exercises\n")
    assert "hide-cell" not in lesson
    parts = re.split(r"^\*\*(\d)\.\*\*", exercises, flags=re.MULTILINE)
    assert parts[1::2] == ["1", "2", "3"]
    for part in parts[2::2]:
        (solution,) = CELL.findall(part)
        options = OPTIONS.match(solution)
        assert options is not None
        assert "tags: [hide-cell]" in options[1]
    assert re.search(r"^\*\*To think about\.\*\* .*\?$", parts[-1], re.MULTILINE | re.DOTALL)


def test_the_list_of_tutorials_names_them_all():
    index = TUTORIALS[0].with_name("index.md").read_text("utf-8")
    listed = re.search(
        r"^```\{toctree\}\n(?::[^\n]*\n)+\n(.*?)^```", index, re.MULTILINE | re.DOTALL
    )
    assert listed is not None
    assert sorted(listed[1].split()) == [path.stem for path in TUTORIALS]
