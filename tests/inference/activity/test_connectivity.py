"""Connectivity from time series: it comes back, with honest intervals, and bad files are named."""

import html
import json
import re
import shlex
from dataclasses import replace

import numpy as np
import pytest

from steepest import cli
from steepest.data.series import read_series
from steepest.errors import DataError, UsageError
from steepest.inference import infer_connectivity
from steepest.inference.activity.picture import connectivity_picture
from steepest.recurrent import IDENTITY, limit_cycle
from steepest.report.connectivity import connectivity_answer

TRUTH = np.array([[1.0, -2, 0], [0, 1, -2], [-2, 0, 1]])


def field(u):
    return -u + np.tanh(u) @ TRUTH.T


@pytest.fixture(scope="module")
def smooth():
    """Four periods of the cycle, dt about .035: (values, dt)."""
    cycle = limit_cycle(field, [0.1, 0.2, -0.3], 200, transient=80.0, longest=30.0)
    return np.concatenate([cycle.states] * 4), cycle.dt


@pytest.fixture(scope="module")
def noisy():
    """A diffusion on the cycle, T = 300, dt = .01, D = .1."""
    noise = np.random.default_rng(0).standard_normal((30_000, 3)) * np.sqrt(2 * 0.1 * 0.01)
    series, state = np.empty((30_000, 3)), np.array([1.0, -1.0, 0.5])
    for k in range(30_000):
        series[k] = state
        state = state + 0.01 * field(state) + noise[k]
    return series


@pytest.fixture
def write(tmp_path, smooth):
    """A function that writes a table of time, a, b, c after a change to it; returns its path."""

    def write(change=lambda rows: rows, header="time,a,b,c"):
        values, dt = smooth
        table = np.column_stack([np.arange(len(values)) * dt, values])
        rows = change([",".join(f"{x:.15g}" for x in row) for row in table])
        path = tmp_path / "series.csv"
        path.write_text("\n".join([*([header] if header else []), *rows]) + "\n")
        return path

    return write


def test_the_wiring_of_a_smooth_recording_comes_back_and_replays_it(smooth):
    values, dt = smooth
    found = infer_connectivity(values, dt, names=["a", "b", "c"])
    assert found.derivative == "fourth"
    assert found.roughness == pytest.approx(2, abs=0.01)
    np.testing.assert_allclose(found.weights, TRUTH, atol=2e-5)
    assert np.abs(found.weights - TRUTH).max() < found.step_error < 5e-3
    assert found.minimum.rank == 3
    assert not found.minimum.undetermined.any()
    assert found.explained.min() > 1 - 1e-6
    assert found.correlation.min() > 0.999
    assert found.follows == pytest.approx((len(values) - 1) * dt)
    assert found.caution is None


def test_the_intervals_of_a_noisy_recording_are_as_wide_as_the_fisher_information_says(
    noisy, monkeypatch
):
    monkeypatch.setattr("steepest.inference.activity.estimate._REPLAYED", 300)
    found = infer_connectivity(noisy, 0.01)
    assert found.derivative == "forward"
    assert found.roughness == pytest.approx(1.08, abs=0.08)
    assert found.clear[TRUTH != 0].all()
    width = found.interval[1] - found.interval[0]
    rates = np.tanh(noisy)
    bound = np.sqrt(0.2 * np.diag(np.linalg.inv(rates.T @ rates / len(rates))) / 300)
    np.testing.assert_allclose(width.mean(axis=0), 3.92 * bound, rtol=0.4)
    assert np.abs((found.weights - TRUTH) / bound).max() < 4


def test_a_connectivity_tells_shows_and_hands_itself_over(smooth):
    values, dt = smooth
    connectivity = infer_connectivity(values, dt, names=["a", "b<", "c"])
    told = str(connectivity).splitlines()
    assert told[0] == f"Connectivity: {connectivity.sentence()}"
    assert len(told) == 3
    assert f"{connectivity.clear.sum()} of 9 weights" in told[0]
    assert "caution" in str(replace(connectivity, roughness=0.5))
    page = connectivity._repr_html_()
    assert "b&lt;" in page
    assert page.count("<tr>") == 4
    data = connectivity.to_dataset()
    assert data.weights.sel({"to": "b<", "from": "c"}) == connectivity.weights[1, 2]
    np.testing.assert_array_equal(data.interval.sel(bound="low"), connectivity.interval[0])
    assert len(connectivity.plot().axes) == len(connectivity_picture(connectivity).axes)


@pytest.mark.slow
def test_the_intervals_cover_the_truth():
    """100 diffusions, T = 300: coverage of all nine weights, within 3 standard errors of .95."""
    random, runs, n = np.random.default_rng(5), 100, 30_000
    state, paths = np.tile([1.0, -1.0, 0.5], (runs, 1)), np.empty((n, runs, 3))
    for k in range(n):
        paths[k] = state
        shock = np.sqrt(2 * 0.1 * 0.01) * random.standard_normal((runs, 3))
        state = state + 0.01 * field(state) + shock
    held = []
    for run in range(runs):
        low, high = infer_connectivity(paths[:, run], 0.01, draws=200, seed=run).interval
        held.append(np.mean((low <= TRUTH) & (high >= TRUTH)))
    print(f"coverage {np.mean(held):.3f} +- {np.std(held) / np.sqrt(runs):.3f}")
    assert abs(np.mean(held) - 0.95) < 3 * np.std(held) / np.sqrt(runs)


def test_the_bootstrap_resamples_blocks_of_time(smooth):
    values, dt = smooth
    found = infer_connectivity(values[:401], dt, derivative="central", blocks=8, draws=60, seed=3)
    inside = values[1:400]
    rates = np.tanh(inside)
    target = (values[2:401] - values[:399]) / (2 * dt) + inside
    parts, random, draws = np.array_split(np.arange(399), 8), np.random.default_rng(3), []
    for _ in range(60):
        rows = np.concatenate([parts[k] for k in random.integers(0, 8, 8)])
        draws.append(np.linalg.lstsq(rates[rows], target[rows], rcond=None)[0].T)
    wider = 2.364624 / 1.959964 * np.sqrt(8 / 7)  # Student's quantile for 7 degrees of freedom
    expected = np.quantile(draws, [0.025, 0.975], axis=0) - found.weights
    np.testing.assert_allclose(found.interval - found.weights, wider * expected, atol=1e-8)


def test_measurement_noise_is_pointed_out(smooth):
    values, dt = smooth
    shaken = values + 0.5 * np.random.default_rng(0).standard_normal(values.shape)
    assert "measurement noise" in (infer_connectivity(shaken, dt).caution or "")


def test_directions_that_are_not_covered_are_named_or_cut_on_request(smooth):
    values, dt = smooth
    doubled = np.column_stack([values, values[:, 0]])
    with pytest.raises(DataError, match=r"3 of 4 directions.*units (a|d) \(50%\), (a|d) \(50%\)"):
        infer_connectivity(doubled, dt, names=["a", "b", "c", "d"])
    found = infer_connectivity(doubled, dt, cut=1e-9, names=["a", "b", "c", "d"])
    assert {*found.uncovered.split(", ")} == {"a 50%", "d 50%"}
    assert f"not covered, as a share: {found.uncovered}" in "\n".join(found.lines())
    np.testing.assert_allclose(found.minimum.undetermined, [0.5, 0, 0, 0.5], atol=1e-6)
    assert "3 of 4 directions" in (found.caution or "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decay": -1.0}, "decay is -1"),
        ({"decay": 1e308}, r"a decay of 1e\+308.* the weights are no finite numbers"),
        ({"blocks": 3}, "at least 8 blocks"),
        ({"blocks": 400}, "at least 1200"),
        ({"derivative": "spectral"}, "whole period"),
        ({"ridge": 0.1, "cut": 0.1}, "give one of them"),
    ],
)
def test_settings_that_make_no_sense_are_refused(smooth, options, message):
    with pytest.raises((DataError, UsageError), match=message):
        infer_connectivity(*smooth, **options)


@pytest.mark.parametrize(
    ("values", "dt", "message"),
    [
        (np.ones((100, 2)), 0.1, "column '0' is constant"),
        (np.ones(100), 0.1, "rows are times"),
        (np.random.default_rng(0).random((100, 2)), None, "sampling step"),
        (np.random.default_rng(0).random((100, 2)), -1.0, "step is -1"),
        (np.array([[0.0, np.nan]] * 100), 0.1, "row 0, column 1"),
    ],
)
def test_series_that_cannot_be_used_are_refused(values, dt, message):
    with pytest.raises((DataError, UsageError), match=message):
        infer_connectivity(values, dt)


def call(capsys, *tokens):
    code = cli.run([str(token) for token in tokens])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.usefixtures("sketched")
def test_the_command_prints_writes_and_speaks_json(capsys, write, tmp_path):
    path = write()
    code, out, err = call(capsys, "connectivity", path, "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    assert "directions covered: 3 of 3" in out
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert names == [f"connectivity.{kind}" for kind in ("csv", "html", "json", "png")]
    code, out, err = call(capsys, "connectivity", path, "--json")
    found = json.loads(out)
    assert (code, err, found["units"]) == (0, "", ["a", "b", "c"])
    np.testing.assert_allclose(found["weights"], TRUTH, atol=2e-5)
    assert found == json.loads((tmp_path / "out/connectivity.json").read_text())
    table = (tmp_path / "out/connectivity.csv").read_text().splitlines()
    assert len(table) == 10
    assert table[2].startswith("a,b,-1.99") or table[2].startswith("a,b,-2.0")


def test_the_page_says_what_was_found_escapes_names_and_repeats_itself(capsys, write, tmp_path):
    path = write(header="time,<b>,b,c")
    options = ("--decay", "0.9", "--seed", "3")
    code, out, _ = call(capsys, "connectivity", path, *options, "--json", "--out", tmp_path / "a")
    page = (tmp_path / "a/connectivity.html").read_text()
    found = json.loads(out)
    clear = np.abs(np.array(found["weights"])) > found["step_error"]
    assert code == 0
    assert f"{clear.sum()} of 9 weights differ from zero." in page
    rows = re.findall(r"<td>(yes|not shown)</td>", page)
    assert (rows.count("yes"), len(rows)) == (clear.sum(), 9)
    table = (tmp_path / "a/connectivity.csv").read_text().splitlines()[1:]
    assert sum(row.endswith(",1") for row in table) == clear.sum()
    assert "&lt;b&gt;" in page
    assert "<td><b></td>" not in page
    assert page.count("<svg ") == 3  # a colour bar stays with its panel
    assert "http://" not in page.replace("http://www.w3.org", "")
    command = html.unescape(page.split("<pre>steepest ")[1].split("</pre>")[0])
    code, again, _ = call(capsys, *shlex.split(command), "--json")
    assert (code, json.loads(again)) == (0, found)


def test_weights_below_the_step_error_are_not_told_from_zero(smooth):
    """Resampling alone would tell them: a smooth fit may have next to no scatter."""
    found = infer_connectivity(*smooth)
    assert found.step_error > np.abs(found.weights[TRUTH == 0]).max()
    sharp = replace(found, interval=np.stack([found.weights - 1e-9, found.weights + 1e-9]))
    np.testing.assert_array_equal(sharp.clear, TRUTH != 0)
    rows = connectivity_answer(sharp, source="x.csv").page().sections[0].rows
    told = [row[-1] for row in rows]
    assert 0 < told.count("not shown") == (TRUTH == 0).sum() < 9


def test_the_replays_null_baseline_and_the_weakest_direction_are_told(smooth):
    values, dt = smooth
    found = infer_connectivity(values, dt, names=["a", "b", "c"])
    spread = np.sqrt(values.var(axis=0).sum())
    away = np.linalg.norm(values - values[0], axis=1) > spread / 2
    assert found.stays == pytest.approx(np.argmax(away) * dt)
    assert found.stays < found.follows / 10
    assert found.weakest.count("+0.58") == 3  # the sum of the three hardly moves on this cycle
    text = "\n".join(found.lines())
    assert f"staying at the start: {found.stays:.4g}" in text


def test_options_reach_the_estimate(capsys, write, smooth):
    path = write(header="")
    code, out, _ = call(
        capsys, "connectivity", path, "--time", 0, "--columns", 1, 2, 3, "--decay", 0.5,
        "--nonlinearity", "linear", "--derivative", "central", "--ridge", 0.01, "--json",
    )  # fmt: skip
    expected = infer_connectivity(
        *smooth, decay=0.5, nonlinearity=IDENTITY, derivative="central", ridge=0.01
    )
    assert code == 0
    np.testing.assert_allclose(json.loads(out)["weights"], expected.weights, rtol=1e-9)
    assert json.loads(out)["ridge"] == 0.01


def emptied(rows):
    return [*rows[:9], rows[9].rsplit(",", 1)[0] + ",", *rows[10:]]


def swapped(rows):
    return [*rows[:5], rows[6], rows[5], *rows[7:]]


@pytest.mark.parametrize(
    ("change", "header", "options", "message"),
    [
        (lambda rows: rows[:50] + rows[53:], "time,a,b,c", (), "a gap before row 52"),
        (swapped, "time,a,b,c", (), "time does not rise in row 8"),
        (emptied, "time,a,b,c", (), "fill the gap"),
        (lambda r: [x.rsplit(",", 1)[0] + ",3" for x in r], "time,a,b,c", (), "'c' is constant"),
        (lambda rows: rows[:30], "time,a,b,c", (), "30 rows, too few"),
        (lambda rows: rows[:1], "time,a,b,c", (), "one row of data"),
        (lambda rows: rows, "when,a,b,c", (), "no column called time"),
        (lambda rows: rows, "time,a,b,c", ("--time", "time", "--step", "1"), "not both"),
        (lambda rows: rows, "time,a,b,c", ("--columns", "a", "d"), "no column 'd'"),
        (lambda rows: rows, "time,a,b,c", ("--columns", "a,d"), "type --columns a d"),
        (lambda rows: rows, "time,a,b,c", ("--decay", "-2"), "decay is -2"),
        (lambda rows: [row.split(",")[0] for row in rows], "time", (), "no column beside the time"),
    ],
)  # fmt: skip
def test_bad_files_are_one_message_and_leave_nothing(
    capsys, write, tmp_path, change, header, options, message
):
    path = write(change, header)
    code, out, err = call(capsys, "connectivity", path, *options, "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_the_picture_shows_weights_spectrum_and_replay(smooth):
    values, dt = smooth
    found = infer_connectivity(values, dt, names=["a", "b", "c"])
    figure = connectivity_picture(found)
    assert "A   connectivity W" in [axes.get_title(loc="left") for axes in figure.axes]
    assert {text.get_text() for text in figure.axes[0].texts} >= {"1.00", "-2.00"}
    (replay,) = [a for a in figure.axes if a.get_ylabel() == "a"]
    lines = {line.get_label(): line.get_ydata() for line in replay.lines}
    np.testing.assert_array_equal(lines["data"], values[:, 0])
    np.testing.assert_array_equal(lines["replay"], found.replayed[:, 0])


def test_read_series_takes_a_step_or_a_time_column(write, smooth):
    path = write()
    by_time = read_series(path)
    assert by_time.dt == pytest.approx(smooth[1])
    assert by_time.names == ("a", "b", "c")
    by_step = read_series(path, step=0.5, columns=["c", "a"])
    assert (by_step.dt, by_step.names) == (0.5, ("c", "a"))
    np.testing.assert_allclose(by_step.values, smooth[0][:, [2, 0]])


def test_a_decay_that_was_typed_in_explains_nothing():
    walk = np.random.default_rng(0).standard_normal((800, 3)).cumsum(axis=0)
    result = infer_connectivity(walk, 0.1, decay=100.0, nonlinearity=IDENTITY, draws=40)
    assert result.explained.min() > 0.99
    assert np.abs(result.velocity_explained).max() < 0.05
    assert result.saturated == 0
    assert any("of its velocity" in line for line in result.lines())


def test_a_nonlinearity_that_saturates_is_said():
    walk = 10 * np.random.default_rng(0).standard_normal((200, 2)).cumsum(axis=0)
    result = infer_connectivity(walk, 2.0, draws=40)
    assert result.saturated > 0.8
    assert "tanh saturates in" in result.caution
    assert any("explains nothing of its velocity" in line for line in result.lines())


@pytest.mark.parametrize("step", [1e308, 1e200])
def test_a_step_beyond_which_velocities_vanish_is_refused(step):
    times = np.linspace(0, 20, 200)
    with pytest.raises(UsageError, match="beyond floats: take other units"):
        infer_connectivity(np.column_stack([np.sin(times), np.cos(times)]), step)


def test_a_ridge_that_makes_the_replay_all_but_constant_leaves_its_correlation_open():
    times = np.linspace(0, 20, 200)
    waves = np.column_stack([np.sin(times), np.cos(times)])
    assert np.isnan(infer_connectivity(waves, 0.1, ridge=1e300).correlation).any()
