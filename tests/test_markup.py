"""What a prompt, a notebook and a progress bar show holds nothing that a terminal obeys."""

import io
import sys
import unicodedata

import pytest

from steepest.errors import DataError
from steepest.markup import brief, fragment, table, visible
from steepest.progress import progress_bar

NASTY = "a\x1b[2J\u202e\x9b\udcff"
SHOWN = r"a\x1b[2J\u202e\x9b\xff"


def test_every_control_character_surrogate_and_mark_of_direction_is_escaped():
    every = "".join(map(chr, range(0x3000))) + "\ud800\udcff\udfff\ue000\ufeff"
    shown = visible(every)
    assert {unicodedata.category(c) for c in shown} & {"Cc", "Cs", "Zl", "Zp"} == set()
    directed = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    assert {unicodedata.bidirectional(c) for c in shown} & directed == set()
    assert visible(shown) == shown


@pytest.mark.parametrize("text", ["Grüße", "שלום", "日本", "क्‍ष", "👩‍🔬", "a b\u00a0c"])
def test_every_script_stays_as_it_is(text):
    assert visible(text) == text


def test_lines_of_ours_stay_lines():
    assert visible("a\n\tb\r\n", lines=True) == "a\n\tb\\r\n"
    assert visible("a\n\tb") == r"a\n\tb"


def test_prompts_notebooks_and_errors_show_and_do_not_obey():
    assert brief(f"{NASTY}\nb\nc", 1) == f"{SHOWN}\n  ... (2 more lines: print it)"
    assert str(DataError(f"no {NASTY}")) == f"no {SHOWN}"
    page = fragment(NASTY, [NASTY], [table([NASTY], [[NASTY]])])
    assert page.count(SHOWN) == 4
    assert page == visible(page)


def test_a_progress_bar_shows_names_as_they_are(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar(f"[red]{NASTY}", 2.0) as advance:
        advance(1.0, f"[bold]{NASTY}b")
    printed = terminal.getvalue()
    assert f"[red]{SHOWN}" in printed or f"[bold]{SHOWN}b" in printed
    assert "\u202e" not in printed
    assert "\x1b[2J" not in printed
