"""The page as people use it: in a real browser, wide and narrow, by mouse and by keyboard."""

import json
import os

import pytest
from lab_browser import browser_path, browsing
from lab_client import sizes_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser_path() is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(os.name == "nt", reason="the browser is told over a POSIX pipe"),
]
WIDTHS = [1200, 390]


WIDE = sizes_of(3)


@pytest.fixture(scope="module")
def address(serving):
    with serving() as address:
        yield address.page


@pytest.fixture(scope="module")
def browser(tmp_path_factory, serving):
    with browsing(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


@pytest.fixture(params=WIDTHS)
def tab(browser, request):
    """The browser's tab in one width; at the end it has thrown nothing and asked nobody else."""
    browser.resize(request.param)
    browser.errors.clear()
    browser.asked.clear()
    yield browser
    assert browser.errors == []
    hosts = {url.split("/")[2].split(":")[0] for url in browser.asked if url.startswith("http")}
    assert hosts <= {"127.0.0.1"}


def fits(tab):
    """Whether nothing sticks out of the page's width."""
    return tab.run("document.documentElement.scrollWidth <= innerWidth")


def dropped(tab, page, content, name="my sizes.csv"):
    tab.open(page)
    assert fits(tab)
    tab.drop(".drop", name, content)
    tab.until("document.readyState === 'complete' && document.querySelector('#choices, .error')")
    assert fits(tab)


def command(tab):
    return tab.run("document.querySelector('#command').textContent")


def test_a_table_is_dropped_chosen_judged_and_saved(tab, address, call):
    dropped(tab, address, WIDE)
    assert "120 synapses, one a row, in 3 sessions (day0, day4, day8)" in tab.text()
    asked = "steepest infer 'my sizes.csv' --sessions day0 day4 day8 --group dendrite"
    tab.until(f"document.querySelector('#command').textContent === {json.dumps(asked)}")
    assert not [url for url in tab.asked if "/verdicts" in url]  # a guess is not judged
    tab.click("button.main")
    tab.until("document.querySelector('#progress')")
    assert fits(tab)
    tab.until("document.querySelector('.bar a[download]') && document.readyState === 'complete'")
    assert fits(tab)
    with open("my sizes.csv", "wb") as file:
        file.write(WIDE)
    words = ["my sizes.csv", "--sessions", "day0", "day4", "day8", "--group", "dendrite"]
    code, out, err = call("infer", *words, "--out", "out", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["reason"][1:] in tab.text()
    saved = {}
    for name in ("verdict.html", "verdict.json", "verdict.csv", "verdict.png"):
        path = tab.folder / name
        path.unlink(missing_ok=True)
        tab.click(f"a[download='{name}']")
        saved[name] = tab.saved(name)
    with open("out/verdict.json", "rb") as file:
        assert saved["verdict.json"] == file.read()
    with open("out/verdict.csv", "rb") as file:
        assert saved["verdict.csv"] == file.read()
    assert saved["verdict.png"].startswith(b"\x89PNG")
    assert saved["verdict.html"].startswith(b"<!DOCTYPE html>")
    assert b'class="bar"' not in saved["verdict.html"]


def test_choices_show_their_fields_and_the_command_they_make(tab, address):
    dropped(tab, address, WIDE)
    shown = """[...document.querySelectorAll('fieldset[data-layout]')]
               .filter((part) => part.offsetHeight).map((part) => part.dataset.layout)"""
    assert tab.run(shown) == ["sessions", "pair sessions long"]
    tab.click("[value=pair]")
    assert tab.run(shown) == ["pair", "pair sessions long", "pair long pairs long_pairs"]
    for name, value in (("pair.before", "day0"), ("pair.after", "day8"), ("group", "")):
        tab.run(
            f"""(() => {{ const field = document.querySelector('[name="{name}"]');
            field.value = "{value}";
            field.dispatchEvent(new Event("change", {{ bubbles: true }})); }})()"""
        )
    tab.click("[value=exact]")
    asked = "steepest infer 'my sizes.csv' --before day0 --after day8 --noise-cv 0"
    tab.until(f"document.querySelector('#command').textContent === {json.dumps(asked)}")
    tab.run(
        """(() => { const field = document.querySelector('[name=noise_file]');
        const sent = new DataTransfer();
        sent.items.add(new File(["size,cv"], "noise of day0.csv"));
        field.files = sent.files;
        for (const kind of ["input", "change"])
          field.dispatchEvent(new Event(kind, { bubbles: true })); })()"""
    )
    asked = asked.replace("--noise-cv 0", "--noise 'noise of day0.csv'")
    tab.until(f"document.querySelector('#command').textContent === {json.dumps(asked)}")
    tab.click("[value=sessions]")
    tab.click("li:nth-child(5) [data-move='-1']")
    tab.until("document.querySelector('#command').textContent.includes('day0 day8 day4')")
    assert tab.run("document.getElementById('said').textContent") == "day8 earlier"


def test_a_verdict_on_its_way_is_cancelled_and_nothing_is_lost(tab, serving, program):
    with serving(program=program) as acted:
        dropped(tab, acted.page, b"sleep")
        tab.click("button.main")
        tab.until("document.querySelector('[data-step=drawing].now')")
        assert fits(tab)
        tab.click("form[action$=cancel] button")
        tab.until("document.querySelector('.note')")
        assert "Cancelled: nothing was judged." in tab.text()
        assert tab.run("document.querySelector('[name=\"pair.before\"]').value") == "a"


def test_a_bad_file_and_a_bad_choice_get_the_commands_message(tab, address):
    dropped(tab, address, b'{"no": "table"}', "<b>bad</b>.json")
    assert tab.run("document.querySelector('.error b') === null")
    assert "This could not be read\n" in tab.text().replace("\n\n", "\n")
    assert tab.run("document.querySelector('[role=alert]') !== null")
    dropped(tab, address, WIDE)
    tab.click("li:nth-child(3) input")
    tab.click("button.main")
    tab.until("document.querySelector('#error')")
    assert "--sessions names 2 column: a series has at least three" in tab.text()
    assert tab.run("document.activeElement.id") == "error"
    assert fits(tab)


def test_everything_can_be_done_by_keyboard(tab, address):
    dropped(tab, address, WIDE)
    for _ in range(80):
        tab.press("Tab", 9)
        if tab.run("document.activeElement.matches('button.main')"):
            break
    assert tab.run("document.activeElement.matches('button.main')")
    bare = """[...document.querySelectorAll('input:not([type=hidden]), select, textarea, button')]
              .filter((field) => !(field.labels?.length || field.textContent.trim()
                                   || field.getAttribute('aria-label')))
              .map((field) => field.name)"""
    assert tab.run(bare) == []
    tab.press("Enter", 13, "\r")
    tab.until("document.querySelector('#progress')")
    tab.run("document.querySelector('form[action$=cancel] button').focus()")
    tab.press("Enter", 13, "\r")
    tab.until("document.querySelector('.note, .bar a[download]')")


def test_what_is_too_large_is_refused_before_it_is_sent(tab, serving, program, monkeypatch):
    monkeypatch.setenv("STEEPEST_MAX_SIZE", "10KB")
    with serving(program=program) as acted:
        tab.open(acted.page)
        tab.drop(".drop", "x.csv", b"1" * 20_000)
        tab.until("document.getElementById('said').textContent")
        assert tab.run("document.getElementById('said').textContent").startswith("That is more")
        assert not [url for url in tab.asked if url.endswith("/tables")]
