"""What the command line says of files as laboratories have them."""

import json

import numpy as np
import pytest

ROWS = "".join(f"s{i},{1 + i / 7},{2 + i / 5}\n" for i in range(60))


@pytest.fixture
def told(call, tmp_path):
    def told(text, *options):
        (tmp_path / "sizes.csv").write_text(text)
        code, out, err = call("infer", "sizes.csv", *options, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    return told


def test_a_dash_can_mark_an_absent_synapse(told):
    pair = ("--before", "a", "--after", "b")
    answer = told("id,a,b\n" + ROWS + "x,-,3\ny,2,-\n", *pair, "--absent", "NA", "-")
    assert answer["counts"]["rows"] == 62
    assert (answer["counts"]["new"], answer["counts"]["vanished"]) == (1, 1)
    assert answer["request"]["absent"] == ["NA", "-"]


def test_the_line_of_the_header_is_said(told):
    asked = ("--before", "1", "--after", "2")
    answer = told(ROWS, *asked)
    assert answer["counts"]["rows"] == 60
    assert "sizes.csv has no header: its columns go by number" in answer["notes"][0]
    answer = told("Mouse 3\nid,a,b\n" + ROWS, "--before", "a", "--after", "b")
    assert "named in line 2 of sizes.csv" in answer["notes"][0]
    answer = told(ROWS, *asked, "--header-row", "1")
    assert answer["counts"]["rows"] == 59
    assert told(ROWS)["header"].startswith("sizes.csv has no header")


def test_long_pairs_have_a_header_in_any_line(told):
    text = "1,2\npair,size\n" + "".join(f"p{i // 2},{1 + (i % 7) / 7 + i}\n" for i in range(240))
    asked = ("--pairs", "--pair", "pair", "--size", "size", "--noise-cv", "0.1")
    assert told(text, *asked, "--header-row", "2")["request"]["header_row"] == "2"


def test_a_header_row_that_is_none_is_refused(call, tmp_path):
    (tmp_path / "sizes.csv").write_text(ROWS)
    asked = ("infer", "sizes.csv", "--before", "1", "--after", "2", "--header-row")
    assert "--header-row 'x': give the number of its line" in call(*asked, "x")[2]
    assert "nothing in line 99, which should be its header" in call(*asked, "99")[2]


def test_units_in_rows_are_recognised_and_transposed(call, tmp_path):
    times = np.arange(400) * 0.1
    units = np.stack([np.sin(times), np.cos(times)])
    np.savetxt(tmp_path / "units.csv", units, delimiter=",", fmt="%.6f")
    code, _, err = call("connectivity", "units.csv", "--step", ".1")
    assert code == 2
    assert "2 rows and 400 columns" in err
    assert "add --transpose" in err
    code, out, _ = call("connectivity", "units.csv", "--step", ".1", "--transpose", "--json")
    assert code == 0
    assert len(json.loads(out)["weights"]) == 2
