"""Explorers as people use them: in a real browser, by mouse, finger and keys, wide and narrow."""

import os
import statistics
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "lab"))
from lab_browser import browser_path, browsing

from steepest.explore import EXPLORERS, explorer_page, module_script, stylesheet

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser_path() is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(os.name == "nt", reason="the browser is told over a POSIX pipe"),
]
MOST = 16.0  # ms that a browser may work on one step of a drag, in the median
SAYS = "document.querySelector('.explorer .says').textContent"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with browsing(tmp_path_factory.mktemp("browser")) as tab:
        # In time of the processor: on a busy machine the clock counts what others do.
        tab.call("Performance.enable", timeDomain="threadTicks")
        yield tab


@pytest.fixture(params=["1200", "360", "360 dark"])
def tab(browser, request):
    """A tab in one width; at the end it has thrown nothing, and asked for nothing but its file."""
    width, _, dark = request.param.partition(" ")
    browser.resize(int(width), dark=bool(dark))
    browser.errors.clear()
    browser.asked.clear()
    yield browser
    assert browser.errors == []
    assert {address.partition(":")[0] for address in browser.asked} == {"file"}


def opened(tab, folder, name):
    path = folder / "page.html"
    path.write_text(explorer_page(name), encoding="utf-8")
    tab.open(path.as_uri())
    tab.until(f"{SAYS}.length > 20")


def shown(tab):
    """All that is drawn and said."""
    return tab.run("""[...document.querySelectorAll('.explorer path, .explorer .handle')].map(
        (node) => node.getAttribute('d') ?? node.getAttribute('transform')).join() +
        [...document.querySelectorAll(".says, output, .answers")].map(
            (node) => node.textContent).join()""")


def middle(tab, selector):
    return tab.run(f"""(() => {{
        const box = document.querySelector("{selector}");
        box.scrollIntoView({{ block: "center" }});
        const r = box.getBoundingClientRect();
        return [r.x + r.width / 2, r.y + r.height / 2]; }})()""")


def mouse(tab, kind, x, y):
    tab.call(
        "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1
    )


def worked(tab):
    """Seconds that the page's main thread has worked: scripts, style, layout and paint."""
    metrics = tab.call("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


@pytest.mark.parametrize("name", EXPLORERS)
def test_nothing_sticks_out_of_the_page(tab, tmp_path, name):
    opened(tab, tmp_path, name)
    assert tab.run("document.documentElement.scrollWidth <= innerWidth")
    drawn = tab.run("""[...document.querySelectorAll('.explorer figure > svg')].every((svg) => {
        const r = svg.getBoundingClientRect(); return r.left >= 0 && r.right <= innerWidth; })""")
    assert drawn
    assert not tab.run(
        "[...document.querySelectorAll('path')].some((p) => /NaN|Inf/.test(p.getAttribute('d')))"
    )


@pytest.mark.parametrize("name", EXPLORERS)
def test_every_slider_and_choice_changes_what_is_seen(tab, tmp_path, name):
    opened(tab, tmp_path, name)
    for kind in ("range", "radio"):
        for at in range(tab.run(f"document.querySelectorAll('[type={kind}]').length")):
            before = shown(tab)
            tab.run(f"document.querySelectorAll('[type={kind}]')[{at}].focus()")
            if kind == "range":
                tab.press("ArrowLeft", 37)
                if shown(tab) == before:  # it stood at its end
                    tab.press("ArrowRight", 39)
            elif not tab.run(f"document.querySelectorAll('[type={kind}]')[{at}].checked"):
                tab.press(" ", 32, " ")
            else:
                continue
            assert shown(tab) != before, (kind, at)


@pytest.mark.parametrize("name", ["wicked", "metrics", "dendrite"])
def test_a_point_is_moved_by_mouse_finger_and_keys(tab, tmp_path, name):
    opened(tab, tmp_path, name)
    x, y = middle(tab, ".handle .grip")
    places = [tab.run("document.querySelector('.handle').getAttribute('transform')")]
    mouse(tab, "mousePressed", x, y)
    mouse(tab, "mouseMoved", x - 20, y + 20)
    mouse(tab, "mouseReleased", x - 20, y + 20)
    places.append(tab.run("document.querySelector('.handle').getAttribute('transform')"))
    x, y = middle(tab, ".handle .grip")
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x - 30, "y": y}]),
        ("touchEnd", []),
    ):
        tab.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)
    places.append(tab.run("document.querySelector('.handle').getAttribute('transform')"))
    tab.run("document.querySelector('.handle').focus()")
    tab.press("ArrowLeft", 37)
    places.append(tab.run("document.querySelector('.handle').getAttribute('transform')"))
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("name", EXPLORERS)
def test_a_step_of_a_drag_takes_less_than_a_frame(browser, tmp_path, name, record_property):
    browser.resize(1200)
    opened(browser, tmp_path, name)
    selector = (
        ".handle .grip" if browser.run("!!document.querySelector('.handle')") else ".slider input"
    )
    x, y = middle(browser, selector)
    mouse(browser, "mousePressed", x, y)
    taken = []
    for step in range(60):
        before, begun = shown(browser), worked(browser)
        mouse(browser, "mouseMoved", x + 4 * (step * 17 % 61 - 30), y + step % 7)
        browser.run("new Promise((r) => requestAnimationFrame(() => setTimeout(r)))")
        spent = 1000 * (worked(browser) - begun)
        if shown(browser) != before:  # a slider may stand at the same step
            taken.append(spent)
    mouse(browser, "mouseReleased", x, y)
    record_property("median_ms", statistics.median(taken))
    print(name, f"{statistics.median(taken):.1f} ms")
    assert len(taken) > 40
    assert statistics.median(taken) <= MOST


def test_an_explorer_in_a_page_of_ones_own_is_small_and_follows_its_theme(browser, tmp_path):
    path = tmp_path / "own.html"
    path.write_text(
        f"""<!DOCTYPE html><html data-theme="dark"><meta charset="utf-8">
        <style>{stylesheet()}</style><div id="map"></div>
        <script>window.before = ["names", ...Object.keys(window), "before"];</script>
        <script type="module">
        {module_script("wicked")}
        $wicked.mount(document.querySelector("#map"), {{ small: true, shear: -0.5 }});
        window.names = Object.keys(window).filter((name) => !before.includes(name));
        </script></html>""",
        encoding="utf-8",
    )
    browser.resize(1200, dark=False)
    browser.open(path.as_uri())
    browser.until(f"{SAYS}.length > 20")
    assert browser.run("document.querySelector('.explorer input').value") == "-0.5"
    assert browser.run("document.querySelector('.intro, .source')") is None
    assert browser.run("names") == []
    ink = "getComputedStyle(document.querySelector('.explorer .says')).color"
    assert browser.run(ink) == "rgb(231, 234, 238)"
    browser.run("document.documentElement.dataset.theme = 'light'")
    assert browser.run(ink) == "rgb(29, 33, 41)"


def test_tabs_are_walked_by_arrow_keys_and_kept_in_the_address(browser, tmp_path):
    browser.resize(1200)
    opened(browser, tmp_path, None)
    browser.run("document.querySelector('[role=tab][aria-selected=true]').focus()")
    for name in [*list(EXPLORERS)[1:], "wicked"]:
        browser.press("ArrowRight", 39)
        browser.until(f"location.hash === '#{name}'")
        browser.until(
            f"document.querySelector('[data-explorer={name}] .says')?.textContent.length > 20"
        )
    assert browser.run("document.querySelectorAll('[data-explorer]:not([hidden])').length") == 1


def test_who_asked_for_less_motion_sees_the_end_at_once(browser, tmp_path):
    browser.resize(1200)
    features = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    browser.call("Emulation.setEmulatedMedia", features=features)
    opened(browser, tmp_path, "dale")
    browser.run("document.querySelectorAll('[type=range]')[1].value")
    browser.click(".explorer button")
    assert "After 200 updates" in browser.run(SAYS)
    assert browser.run("document.querySelector('.explorer button').textContent") == "Play"
    browser.resize(1200)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", EXPLORERS)
def test_texts_stand_out_from_their_ground(browser, tmp_path, name, dark):
    """Contrast of 4.5 and more, as WCAG counts it, of each text with what lies behind it."""
    browser.resize(1200, dark=dark)
    opened(browser, tmp_path, name)
    poor = browser.run("""(() => {
      const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255;
        return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
      const poor = [];
      for (const node of document.querySelectorAll("body *")) {
        const own = [...node.childNodes].some((c) => c.nodeType === 3 && c.data.trim());
        if (!own || !node.getClientRects().length || node.closest("script, style")) continue;
        const style = getComputedStyle(node);
        const ink = numbers(node instanceof SVGElement ? style.fill : style.color);
        let at = node, ground = null;
        while (at && !ground) { const c = numbers(getComputedStyle(at).backgroundColor);
          if (c.length < 4 || c[3] === 1) ground = c; at = at.parentElement; }
        const [a, b] = [light(ink), light(ground ?? [255, 255, 255])];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) poor.push([node.textContent.slice(0, 40), ratio]);
      }
      return poor; })()""")
    assert poor == []
