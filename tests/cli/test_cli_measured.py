"""`steepest infer` on sessions and `steepest plan`: options, JSON, page, and contradictions."""

import json

import numpy as np
import pytest

from steepest.inference import Design, simulate_design


@pytest.fixture
def series(tmp_path):
    """Four sessions of 300 synapses in 10 dendrites, an absent one marked NA, and a TOML file."""
    design = Design(synapses=300, sessions=4, groups=10, multiplicative=0.05)
    sizes = np.exp(np.nan_to_num(simulate_design(design, 1, seed=1).log_sizes, nan=-np.inf))
    lines = ["day0,day4,day8,day12,dendrite"]
    for at, row in enumerate(sizes):
        cells = [f"{x:.17g}" for x in row]
        if at == 7:
            cells[2] = "NA"
        lines.append(",".join([*cells, f"d{at % 10}"]))
    (tmp_path / "series.csv").write_text("\n".join(lines))
    (tmp_path / "ask.toml").write_text(
        'sessions = ["day0", "day4", "day8", "day12"]\ngroup = "dendrite"\nabsent = "NA"\n'
    )
    return tmp_path / "series.csv"


OPTIONS = ["--sessions", "day0", "day4", "day8", "day12", "--group", "dendrite", "--absent", "NA"]


@pytest.mark.usefixtures("sketched")
def test_a_series_is_judged_and_written_whole(call, series, tmp_path):
    code, out, err = call("infer", series, *OPTIONS, "--out", "out", "--full")
    assert (code, err) == (0, "")
    assert "signal share" in out
    assert "to settle" in out
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert sorted(written) == ["verdict.csv", "verdict.html", "verdict.json", "verdict.png"]
    page = written["verdict.html"].decode()
    for words in ("What would settle it", "What was dropped", "day12", "learned from how the var"):
        assert words in page
    code, out, err = call("infer", series, "--config", "ask.toml", "--json")
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert said == json.loads(written["verdict.json"])
    assert said["schema"] == "steepest.infer/1"
    assert said["used"]["sessions"] == ["day0", "day4", "day8", "day12"]
    assert said["request"]["group"] == "dendrite"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--sessions", "day0", "day8", "day4"], "out of order"),
        ([*OPTIONS, "--noise-cv", "0.1"], "--noise-cv and --sessions contradict"),
        ([*OPTIONS, "--before", "day0"], "--sessions and --before contradict"),
        (["--sessions", "dendrite", "day4", "day8"], "--absent"),
        (["--config", "none.toml"], "no such file: none.toml"),
    ],
)
def test_bad_requests_end_with_2_and_write_nothing(call, series, tmp_path, options, says):
    before = sorted(path.name for path in tmp_path.iterdir())
    code, out, err = call("infer", series, *options, "--out", "new")
    assert (code, out) == (2, "")
    assert says in err
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_cell_that_says_nothing_is_a_size_that_was_not_measured(call, series):
    code, out, err = call("infer", series, "--sessions", "day0", "day4", "day8", "--json")
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert said["used"]["rows"] == 300
    assert "absent" not in said["request"]


def test_a_plan_is_printed_and_written(call, tmp_path):
    options = ["--synapses", 60, "--sessions", 3, "--geometry", "multiplicative", "--runs", 1]
    code, out, err = call("plan", *options, "--out", "plan")
    assert (code, err) == (0, "")
    assert "60 synapses, 3 sessions" in out
    assert sorted(path.name for path in (tmp_path / "plan").iterdir()) == [
        "plan.csv",
        "plan.html",
        "plan.json",
        "plan.png",
    ]
    page = (tmp_path / "plan" / "plan.html").read_text()
    for words in ("How many synapses", "60 synapses, 3 sessions", "steepest plan --synapses 60"):
        assert words in page
    code, out, err = call("plan", "--pilot", "x.csv")
    assert code == 2
    assert "--pilot (a file) and --config" in err


@pytest.fixture
def pair(tmp_path):
    """A CSV of 200 synapses whose additive change grows with their presynaptic rate."""
    rng = np.random.default_rng(2)
    rate = np.exp(0.6 * rng.standard_normal(200))
    before = np.exp(0.5 * rng.standard_normal(200) + 1)
    after = before + 0.05 * rate * rng.standard_normal(200)
    path = tmp_path / "pair.csv"
    table = np.column_stack([before, after, rate])
    np.savetxt(path, table, delimiter=",", header="w0,w1,rate", comments="", fmt="%.17g")
    return path


COLUMNS = ["--before", "w0", "--after", "w1"]


def test_unpaired_sizes_write_a_whole_page_and_a_picture(call, pair, tmp_path):
    code, out, err = call("infer", pair, *COLUMNS, "--unpaired", "--out", "out", "--full")
    assert (code, err) == (0, "")
    assert "usable range" in out
    page = (tmp_path / "out" / "verdict.html").read_text()
    for words in ("unpaired sizes", "Follow the same synapses", "--unpaired", "sizes before"):
        assert words in page
    assert (tmp_path / "out" / "verdict.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "out" / "verdict.json").read_text())["n_before"] == 200


@pytest.mark.usefixtures("sketched")
def test_the_rate_is_in_the_table_on_the_page_and_in_json(call, pair, tmp_path):
    # Sizes stated to be exact: how the verdict depends on the noise is not asked, which takes long.
    exact = ["--noise-cv", "0"]
    code, out, err = call(
        "infer", pair, *COLUMNS, "--rate", "rate", *exact, "--out", "out", "--full"
    )
    assert (code, err) == (0, "")
    page = (tmp_path / "out" / "verdict.html").read_text()
    said = json.loads((tmp_path / "out" / "verdict.json").read_text())
    assert said["rate"]["exponent"] == pytest.approx(1, abs=0.3)
    for text in (out, page):
        assert f"{said['rate']['exponent']:.2f}, 95 %" in text
        assert "index at equal rate" in text


def test_an_excel_sheet_is_judged_as_the_same_csv_is(call, series, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in series.read_text().splitlines():
        cells = row.split(",")
        book.active.append([_cell(cell) for cell in cells])
    book.create_sheet("notes").append(["nothing"])
    book.save(tmp_path / "series.xlsx")
    code, out, err = call("infer", "series.xlsx", *OPTIONS, "--table", "Sheet", "--json")
    assert (code, err) == (0, "")
    _, expected, _ = call("infer", series, *OPTIONS, "--json")
    excel, text = json.loads(out), json.loads(expected)
    assert excel["request"].pop("table") == "Sheet"
    assert excel["index"] == pytest.approx(text["index"], abs=1e-9)  # a cell holds 16 digits
    for name in ("outcome", "verdict", "used", "dropped", "request"):
        assert excel[name] == text[name]


def _cell(text):
    try:
        return float(text)
    except ValueError:
        return text


def test_real_pyramidal_synapses_are_in_no_named_geometry(call, shared_data, tmp_path):
    folder = shared_data / "melander2021-psd95" / "weight_matrices"
    sizes = np.load(folder / "quantile_4060_pyr.npz", allow_pickle=False)
    dendrites = np.load(folder / "pyr_map.npz", allow_pickle=False).astype(int)
    days = [f"day{4 * t}" for t in range(sizes.shape[1])]
    table = np.column_stack([sizes, dendrites])
    header = ",".join([*days, "dendrite"])
    np.savetxt("melander.csv", table, delimiter=",", header=header, comments="", fmt="%.17g")
    options = ["--sessions", *days, "--group", "dendrite", "--absent", "nan", "--json"]
    code, out, err = call("infer", "melander.csv", *options)
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert (said["outcome"], len(said["used"]["groups"])) == ("none", 14)
    assert 0.7 <= said["index"] <= 1.05
