"""Public data sets, and one's own tables, are judged alike from the files that people have."""

import hashlib
import json

import numpy as np
import pytest

from steepest import study
from steepest.errors import DataError, UsageError
from steepest.inference import Design, simulate_design
from steepest.papers import load
from steepest.papers.ours import _public_files, atlas, loewenstein2011, melander2021

SIZES = np.exp(simulate_design(Design(synapses=240, sessions=5, groups=12), 1, seed=2).log_sizes)
GONE = (7, 3)  # a spine and a session of which there is no row


@pytest.fixture(scope="module")
def spines(tmp_path_factory):
    """A folder with a file laid out as that of Loewenstein et al.: 13 columns, no header."""
    folder = tmp_path_factory.mktemp("spines") / "deep"
    folder.mkdir()
    lines = [
        f"{spine % 12},{spine // 12 % 2},{spine // 24},{session + 1},{size:.6f}," + "1.5," * 7 + "2"
        for spine, row in enumerate(SIZES)
        for session, size in enumerate(row)
        if (spine, session) != GONE
    ]
    (folder / "publication_data.csv").write_text("\n".join(lines) + "\n")
    return folder.parent


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A folder with a table and, beside it, what its columns are."""
    folder = tmp_path_factory.mktemp("own")
    np.savetxt(folder / "mine.csv", SIZES, delimiter=",", header="d0,d1,d2,d3,d4", comments="")
    (folder / "mine.toml").write_text('sessions = ["d0", "d1", "d2", "d3", "d4"]\n')
    (folder / "settings.toml").write_text("[tool]\n")  # of something else
    return folder


def figure(key):
    return load(f"ours.{key}")[0]


def test_a_copy_that_is_not_the_published_file_is_refused_with_what_to_do(spines):
    with pytest.raises(DataError, match=r"not the published .* that has 569,938; .*--unch"):
        study.reproduce(figure("loewenstein2011"), data=spines)


def test_a_copy_of_the_right_length_is_told_by_its_hash(spines, monkeypatch):
    file = spines / "deep" / "publication_data.csv"
    monkeypatch.setattr(_public_files, "_SIZE", file.stat().st_size)
    with pytest.raises(DataError, match="its SHA-256 is not 2f63436"):
        _public_files.loewenstein_sample(file)
    content = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setattr(_public_files, "_SHA256", content)
    assert _public_files.loewenstein_sample(file).measured.sessions == 5


def test_its_columns_are_read_as_they_are_laid_out(spines):
    sample = _public_files.loewenstein_sample(
        spines / "deep" / "publication_data.csv", unchecked=True
    )
    measured = sample.measured
    expected = np.log(SIZES.round(6))
    expected[GONE] = np.nan
    np.testing.assert_allclose(measured.log_sizes, expected)
    assert (len(measured.group_names), measured.resampled) == (24, "clusters")
    assert not measured.not_measured.any()  # without a row a spine was absent


def test_a_spine_without_a_row_may_not_have_been_measured(spines):
    file = spines / "deep" / "publication_data.csv"
    sample = _public_files.loewenstein_sample(file, unchecked=True, no_row="not measured")
    assert np.argwhere(sample.measured.not_measured).tolist() == [[*GONE]]


def test_another_layout_is_refused(tmp_path):
    file = tmp_path / "publication_data.csv"
    file.write_text("1,2,3,1,0.5\n1,2,3,2,0.6\n")
    with pytest.raises(DataError, match="has 5 columns, and publication_data"):
        _public_files.loewenstein_sample(file, unchecked=True)


def test_melanders_verdicts_are_those_that_are_known_to_be_right(shared_data):
    folder = shared_data / "melander2021-psd95"
    result = study.reproduce(figure("melander2021"), data=folder)
    assert all(claim.holds for claim in result.claims)
    assert [claim.expected for claim in result.claims[:2]] == ["none", "refused"]


def test_a_folder_without_the_data_says_what_to_fetch(own):
    with pytest.raises(DataError, match=r"holds no quantile_4060_pyr\.npz: give a copy of"):
        melander2021.samples(str(own), 0)
    with pytest.raises(DataError, match=r"does not hold, publication_data\.csv"):
        loewenstein2011.samples(str(own), 0, unchecked=False, no_row="absent")


def test_the_atlas_has_a_row_for_all_that_is_there_and_for_all_that_is_not(spines, own):
    parameters = figure("atlas").parameters("quick", [spines, own], unchecked=True)
    dataset = atlas.run(parameters, 0)
    rows = [claim.statement for claim in atlas.claims(dataset)]
    assert rows == [
        "Loewenstein 2011: 240 synapses, 24 groups, 5 sessions",
        "mine: 240 synapses, 0 groups, 5 sessions",
        "Melander 2021: quantile_4060_pyr.npz",
    ]
    assert json.loads(dataset.attrs["absent"]) == ["Melander 2021"]
    assert dataset["outcome"].values.tolist() == ["multiplicative"] * 2


def test_a_folder_without_any_data_is_refused_by_the_atlas(tmp_path):
    with pytest.raises(DataError, match="there is no data set here"):
        atlas.run(figure("atlas").parameters("quick", tmp_path), 0)


def test_ones_own_table_is_judged_by_what_is_said_beside_it(own):
    result = study.reproduce(figure("own_table"), data=own / "mine.toml")
    assert result.claims[0].measured.startswith("multiplicative; index")
    assert result.claims[0].holds is None


@pytest.mark.parametrize("tables", [[], ["mine.csv", "mine.tsv"]])
def test_settings_without_a_table_of_their_name_are_refused(tmp_path, tables):
    (tmp_path / "mine.toml").write_text('before = "0"\nafter = "1"\n')
    for name in tables:
        (tmp_path / name).write_text("1,2\n")
    with pytest.raises(DataError, match=f"there are {len(tables)} such files beside it"):
        _public_files.own_sample(tmp_path / "mine.toml")


def test_stand_ins_are_told_from_data_and_have_the_index_they_were_made_with():
    result = study.reproduce(figure("atlas"))
    assert all("(stand-in)" in claim.statement for claim in result.claims)
    assert [claim.holds for claim in result.claims if "Index of" in claim.statement].count(
        True
    ) == 2


@pytest.mark.parametrize(
    ("key", "asked", "message"),
    [
        ("own_table", {"unchecked": True}, "checks no copy of data"),
        ("own_table", {"data": ["a", "b"]}, "takes one file or folder of data, not 2"),
        ("demo", {"data": "a"}, "no data file"),
    ],
)
def test_figures_say_what_they_do_not_take(key, asked, message):
    with pytest.raises(UsageError, match=message):
        figure(key).parameters("quick", **asked)
