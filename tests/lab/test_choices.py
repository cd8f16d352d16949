"""What is chosen becomes arguments of `steepest infer`, and nothing is lost on the way."""

import inspect
import shlex
from html.parser import HTMLParser
from pathlib import Path

import pytest

from steepest.cli.app import application
from steepest.cli.infer import command as infer
from steepest.lab import Choices
from steepest.lab.choices import LAYOUTS, SHARED
from steepest.lab.pages import choose_page, columns_of
from steepest.lab.work import Table

COMMON = {
    "where": ("group=trained", "day<=12"), "compare": ("state",), "condition": ("state",),
    "null": ("sham",), "file_is": ("part",), "times": ("-1", "0.5", "4"), "absent": ("-", "NA"),
    "not_measured": ("-1",), "detection_limit": ("0.1",), "keep_outliers": (),
    "table": ("Sheet 2",), "header_row": ("3",), "seed": ("7",),
}  # fmt: skip
SAID = {
    "pair": {
        "before": ("w 0",), "after": ("-w1",), "replicate_before": ("a", "b"),
        "replicate_after": ("--c", "<b>'\""), "rate": ("rate",), "signed": (),
        "group": ("animal/cell",),
        "noise_sd": ("0.2",),
    },
    "sessions": {"sessions": ("a", "b", "--c"), "group": ("cell",)},
    "long": {
        "id": ("animal/spine",), "session": ("day",), "size": ("volume",), "replicates": (),
        "order": ("pre", "post 1"), "group": ("cell",), "noise": ("noise of 'cells'.csv",),
    },
    "unpaired": {"before": ("a",), "after": ("b",), "unpaired": ()},
    "pairs": {"before": ("a",), "after": ("b",), "noise_cv": ("0.1",), "pairs": ()},
    "long_pairs": {"pair": ("axon",), "size": ("volume",), "pairs": ()},
}  # fmt: skip
CHOICES = {layout: Choices(layout, said | COMMON) for layout, said in SAID.items()}
NAMES = ["w 0", "-w1", "a", "b", "--c", "rate", "animal", "cell", "spine", "day", "volume", "axon"]
NAMES += ["state", "odd\nname", "twice", "twice", "", "<b>'\""]
LOOK = {
    "columns": [
        {"name": name, "place": place, "kind": "number", "example": "1", "distinct": 2, "empty": 0,
         "seems": None}
        for place, name in enumerate(NAMES)
    ],
    "sentence": "It seems.", "header": None, "rows": 2, "unknown": [], "marks": [],
    "commands": ["steepest infer x --before a --after b", "steepest infer x --sessions a b day"],
}  # fmt: skip
TABLE = Table("key", Path(), ("my sizes.csv",))


class Sent(HTMLParser):
    """What a browser would send of the form of choices, as it stands in the HTML."""

    def __init__(self, page):
        super().__init__()
        self.fields, self._name, self._text, self._first = [], None, None, None
        self._in_form = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self._in_form = given.get("id") == "choices"
        if not self._in_form:
            return
        if tag == "input":
            ticked = given.get("type") not in ("radio", "checkbox") or "checked" in given
            if ticked and "name" in given:
                self.fields.append((given["name"], given.get("value", "")))
        elif tag == "select":
            self._name, self._first = given["name"], None if "multiple" in given else ""
        elif tag == "option" and "selected" in given:
            self.fields.append((self._name, given["value"]))
        elif tag == "textarea":
            self._name, self._text = given["name"], ""

    def handle_data(self, data):
        if self._text is not None:
            self._text += data

    def handle_endtag(self, tag):
        if tag == "textarea" and self._text is not None:
            self.fields.append((self._name, self._text))
            self._text = None
        elif tag == "form":
            self._in_form = False


def test_every_option_of_infer_can_be_chosen():
    options = {*inspect.signature(infer).parameters} - {"file", "config", "full", "out", "json"}
    chosen = {option for said in SAID.values() for option in said} | {*SHARED}
    assert chosen == options
    assert chosen == {o for layout in LAYOUTS.values() for o in layout} | {
        *SHARED,
        "unpaired",
        "pairs",
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_infer_reads_the_arguments_as_they_were_meant(layout):
    choices = CHOICES[layout]
    words = ["infer", "x.csv", *choices.arguments()]
    _, bound, _ = application("infer").parse_args(words, exit_on_error=False, print_error=False)
    heard = {name: value for name, value in bound.arguments.items() if name != "file"}
    numbers = {"times", "detection_limit", "seed", "noise_cv", "noise_sd"}
    for option, values in choices.said.items():
        told = heard.pop(option)
        told = told if isinstance(told, tuple) else (told,)
        if values == ():
            assert told == (True,)
        elif option in numbers:
            assert told == tuple(map(float, values))
        else:
            assert told == values
    assert heard == {}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_command_line_is_read_back_as_the_choices_it_was_made_of(layout):
    choices = CHOICES[layout]
    line = shlex.join(["steepest", "infer", "my sizes.csv", *choices.arguments()])
    assert Choices.of_command(line) == choices


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_form_shows_what_is_chosen_and_sends_it_again(layout):
    choices = CHOICES[layout]
    page = choose_page("/secret", TABLE, LOOK, choices, 10)
    assert "<b>" not in page
    assert Choices.of_form(Sent(page).fields) == choices


def test_sessions_stand_in_the_order_in_which_they_were_chosen():
    choices = Choices("sessions", {"sessions": ("day", "b", "a")})
    sent = Sent(choose_page("/secret", TABLE, LOOK, choices, 10)).fields
    assert [value for name, value in sent if name == "sessions.sessions"] == ["day", "b", "a"]


def test_what_another_layout_was_filled_in_with_counts_for_nothing():
    fields = [
        ("layout", "sessions"), ("sessions.sessions", "a"), ("sessions.sessions", "b"),
        ("pair.before", "a"), ("long.size", "b"), ("noise_is", "exact"), ("noise_sd", "3"),
    ]  # fmt: skip
    assert Choices.of_form(fields) == Choices("sessions", {"sessions": ("a", "b")})


def test_noise_that_is_said_without_a_number_is_refused_and_not_forgotten():
    choices = Choices.of_form([("layout", "pair"), ("noise_is", "cv"), ("noise_cv", " ")])
    assert choices.arguments() == ["--noise-cv="]


def test_what_a_proposal_leaves_open_stays_open():
    guess = Choices.of_command("steepest infer x --before a --after b --detection-limit LIMIT")
    assert guess.said == {"before": ("a",), "after": ("b",)}


def test_a_column_without_a_name_of_its_own_goes_by_its_number():
    values = {column.label: column.value for column in columns_of(LOOK)}
    assert values["odd\nname, number 13"] == "13"
    assert values["twice, number 14"] == "14"
    assert values["twice, number 15"] == "15"
    assert values["(no name), number 16"] == "16"
    assert values["w 0"] == "w 0"
