"""Uses the page in a real Chromium, by pointer and keyboard; checks what it shows and what it must not do."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kernelscope.export.page import write_html
from kernelscope.presentation.colours import DARK, LIGHT, hue
from kernelscope.presentation.explain import gist
from kernelscope.presentation.segments import text_of
from kernelscope.text import clean
from kernelscope.timeline.timeline import Timeline
from kernelscope.timeline.view import TimelineView
from tests.benchmarks.export_page import long_session
from tests.export.hostile import HOSTILE, hostile_story
from tests.support.browser import chromium, missing_requirement, resize, set_color_scheme
from tests.support.facts import reasons
from tests.support.script import Story, churn, learn

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

pytestmark = pytest.mark.skipif(missing_requirement() is not None, reason=missing_requirement() or "")
_FRAMES = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"

_RING = """
const e = document.activeElement, own = getComputedStyle(e), over = getComputedStyle(e.parentElement, "::after");
return [e.id || e.tagName, e === document.body || own.outlineStyle === "solid" || over.borderTopWidth === "2px"];
"""
"""Returns what has the focus, and whether there is a ring around it; scrollers show theirs in their container."""

_INSPECTOR_TEXTS = """
const elements = [".badge", ".sentence", ".pill", ".evidence li"].map((s) => [...document.querySelectorAll("#inspector " + s)]);
return elements.flat().map((e) => e.textContent);
"""

_NUMBERS = """
const numbers = [...document.querySelectorAll(`[data-row="${arguments[0]}"] .num`)];
return numbers.map((e) => `${e.className} ${e.textContent}`);
"""


class Reader:
    """Reads pages as a user does, with pointer and keyboard."""

    def __init__(self, browser: Chrome, folder: Path) -> None:
        self.browser = browser
        self._folder = folder
        self._pages = 0

    def open(self, timeline: TimelineView, place: str = "") -> None:
        """Write the page to a new file and open it, at the change that ``place`` names."""
        self.browser.get(self.write(timeline).as_uri() + place)
        self.settle()

    def write(self, timeline: TimelineView) -> Path:
        self._pages += 1
        path = self._folder / f"page-{self._pages}.html"
        with path.open("w", encoding="utf-8") as out:
            write_html(timeline, out)
        return path

    def settle(self) -> None:
        """Wait until the browser has drawn the changes."""
        self.browser.execute_async_script(_FRAMES)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.browser.switch_to.active_element.send_keys(key)
        self.settle()

    def all(self, selector: str) -> list[WebElement]:
        return self.browser.find_elements("css selector", selector)

    def one(self, selector: str) -> WebElement:
        return self.browser.find_element("css selector", selector)

    def text(self, selector: str) -> str:
        """Return the text in the document; ``.text`` would leave out what is not drawn."""
        return " ".join(e.get_property("textContent") or "" for e in self.all(selector))  # type: ignore[misc]

    def run(self, script: str, *arguments: Any) -> Any:
        return self.browser.execute_script(script, *arguments)

    def complaints(self) -> list[str]:
        """Return what the browser has logged since the last call."""
        return [entry["message"] for entry in self._log("browser")]

    def requested_urls(self) -> list[str]:
        """Return every address that our pages have requested since the last call."""
        messages = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        requests = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [s["request"]["url"] for s in requests if s["documentURL"].startswith("file:")]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.browser.execute("getLog", {"type": kind})["value"]
        return entries


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with chromium(1280, 800) as browser:
        yield Reader(browser, tmp_path_factory.mktemp("pages"))


@pytest.fixture
def reader(shared: Reader) -> Iterator[Reader]:
    """A reader in a light window of one size with no stored choice; fails if the browser logs anything."""
    resize(shared.browser, 1280, 800)
    set_color_scheme(shared.browser, dark=False)
    yield shared
    assert shared.complaints() == []


def test_given_a_page_when_opened_then_the_latest_reset_is_shown_and_nothing_is_fetched(
    reader: Reader,
) -> None:
    reader.requested_urls()

    reader.open(churn().view())

    assert reader.one("h1").text == "churn.ipynb"
    assert reader.one("#summary").text == "28 runs · 6 models · 1 restart · Python 3.12.4"
    assert "model was replaced: a new LogisticRegression (#6)" in reader.one("#inspector").text
    assert "a new object, #6, first seen in this run" in reader.one("#inspector .evidence").text
    assert reader.one("#inspector pre").text == "model = LogisticRegression(C=1.0)"
    assert [url.split(":")[0] for url in reader.requested_urls()] == ["file"]


def test_given_a_page_when_opened_then_a_row_is_a_name_and_a_glyph_is_a_change(reader: Reader) -> None:
    timeline = churn().view()
    resize(reader.browser, 1900, 800)

    reader.open(timeline)

    names = [row.name for row in timeline.rows() if row.whole is None]
    assert [e.text for e in reader.all(".name b")] == names
    labels = [e.get_attribute("aria-label") for e in reader.all("#grid .mark")]
    for name in names:
        changed = [h.change.verdict for h in timeline.track(name) if h.change is not None]
        assert [t.rsplit(": ", 1)[1] for t in labels if t and f", {name}: " in t] == [str(v) for v in changed]


def test_given_generations_when_drawn_then_their_colours_are_the_screen_s(reader: Reader) -> None:
    timeline = churn().view()
    resize(reader.browser, 1900, 800)

    reader.open(timeline)

    for name in (row.name for row in timeline.rows() if row.whole is None):
        drawn = reader.run(_NUMBERS, next(i for i, row in enumerate(timeline.rows()) if row.name == name))
        expected = [
            f"num g{hue(timeline.moments[h.moment].epoch, h.facts.generation)} {h.facts.generation}"
            for h in timeline.track(name)
            if h.facts is not None
            and h.facts.generation is not None
            and (h.change is None or h.change.identity != "same")
        ]
        assert drawn == expected


def test_given_the_cells_when_filtered_and_closed_then_the_timeline_is_laid_out_as_before(
    reader: Reader,
) -> None:
    from selenium.webdriver.common.keys import Keys

    reader.open(churn().view())
    before = reader.one("#grid").rect, reader.one("#again").rect

    reader.press("c", "/", "s", "g", "d", Keys.ENTER, Keys.ESCAPE, "c")

    assert (reader.one("#grid").rect, reader.one("#again").rect) == before
    reader.one("#again .link").click()
    reader.settle()
    assert reader.one("#cells").is_displayed()
    assert reader.one(".cell.here code").text == "model = LogisticRegression(C=1.0)"


def test_given_the_keyboard_when_walking_a_row_then_every_change_is_shown_with_its_evidence(
    reader: Reader,
) -> None:
    timeline = churn().view()
    for place, row in enumerate(r for r in timeline.rows() if r.whole is None):
        changes = [h.change for h in timeline.track(row.name) if h.change is not None]
        if place == 0:
            reader.open(timeline)
        reader.press("g", *"j" * place, "0")
        for change in changes:
            reader.press(">")
            expected = [change.verdict, text_of(gist(change)), change.certainty, *reasons(change)]
            assert reader.run(_INSPECTOR_TEXTS) == [str(one) for one in expected]


def test_given_a_key_when_pressed_then_its_target_is_active_and_visible(reader: Reader) -> None:
    reader.open(TimelineView(long_session(300, 40)))

    for keys in ("G", "$", "0", "}}", "{", "lll", "jjk", "g", "h", ">", "<"):
        reader.press(*keys)
        cursor = reader.one(f"#{reader.one('#grid').get_attribute('aria-activedescendant')}")
        assert cursor.get_attribute("role") == "gridcell"
        assert cursor.get_attribute("aria-label")
        box, window = cursor.rect, reader.one("#grid").rect
        assert window["x"] + 239 <= box["x"] + 4
        assert box["x"] + box["width"] <= window["x"] + window["width"] + 4
        assert window["y"] + 29 <= box["y"] + 4
        assert box["y"] + box["height"] <= window["y"] + window["height"] + 4


def test_given_the_pointer_when_over_a_glyph_then_the_evidence_is_shown(reader: Reader) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    reader.open(churn().view())
    (mark,) = reader.all("[aria-label='In [9], model: refitted']")

    ActionChains(reader.browser).move_to_element(mark).perform()

    assert "what it had learned before is gone" in reader.one("#tip").text
    assert "fit() seen" in reader.one("#tip").text
    mark.click()
    reader.settle()
    assert "In [9]" in reader.one("#inspector .where").text


def test_given_a_name_with_parts_when_unfolded_then_they_are_under_it(reader: Reader) -> None:
    reader.open(churn().view())

    reader.press("g", "j", "j", "j", "o")

    assert [e.text for e in reader.all(".name b")][3:6] == ["pipe", "['scale']", "['clf']"]
    reader.press("j", "$", "<")
    assert "pipe['scale']" in reader.one("#inspector h2").text
    reader.press("o")
    assert [e.text for e in reader.all(".name b")][3:5] == ["pipe", "sgd"]


def test_given_a_filter_when_typed_then_only_matches_stay_and_escape_restores_all(
    reader: Reader,
) -> None:
    from selenium.webdriver.common.keys import Keys

    reader.open(churn().view())

    reader.press("/", "s", "g", "d", Keys.ENTER)

    assert [e.text for e in reader.all(".name b")] == ["sgd", "old"]
    reader.press(Keys.ESCAPE)
    assert len(reader.all(".name b")) == 6


def test_given_the_cells_when_opened_then_they_say_what_re_running_them_did(reader: Reader) -> None:
    reader.open(churn().view())

    reader.press("c")

    lines = [e.text for e in reader.all(".cell")]
    assert "resets model 2 of 2 times" in lines[0]
    assert "[5] [10] [15]" in lines[0]
    reader.press("j")
    assert "fits model 2 of 3 times · refits model 1 of 3 times" in reader.one("#inspector .does").text
    assert reader.one("#option").get_attribute("aria-selected") == "true"
    reader.one("#inspector li .link").click()
    reader.settle()
    assert reader.one("#timeline").is_displayed()
    assert "In [6]" in reader.one("#inspector .where").text


def test_given_help_when_opened_then_it_explains_keys_and_glyphs_and_escape_closes_it(reader: Reader) -> None:
    from selenium.webdriver.common.keys import Keys

    reader.open(churn().view())

    reader.press("?")

    assert reader.one("#help").is_displayed()
    assert len(reader.all("#help .sign")) == 15
    assert "previous and next change in this row" in reader.one("#help").text
    reader.press(Keys.ESCAPE)
    assert not reader.one("#help").is_displayed()


def test_given_the_system_s_colour_scheme_when_opened_then_the_page_uses_it_and_can_be_switched(
    reader: Reader,
) -> None:
    def background() -> str:
        red, green, blue = reader.run(
            "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
        )
        return f"#{red:02x}{green:02x}{blue:02x}"

    reader.open(churn().view())
    assert background() == LIGHT["background"]
    set_color_scheme(reader.browser, dark=True)
    assert background() == DARK["background"]
    reader.press("t")
    assert background() == LIGHT["background"]
    reader.press("t")
    assert background() == DARK["background"]
    reader.run("localStorage.clear()")


def test_given_the_keyboard_when_focus_moves_then_it_is_visible(reader: Reader) -> None:
    from selenium.webdriver.common.keys import Keys

    reader.open(churn().view())

    focused = set()
    for _ in range(30):
        reader.press(Keys.TAB)
        what, ringed = reader.run(_RING)
        assert ringed, what
        focused.add(what)
    assert {"grid", "inspector", "filter", "theme", "ask", "tab-timeline"} <= focused


def test_given_a_link_to_a_change_when_opened_then_it_is_selected(reader: Reader) -> None:
    timeline = churn().view()
    sgd = next(i for i, row in enumerate(timeline.rows()) if row.name == "sgd")
    saved = next(h.moment for h in timeline.track("sgd") if h.change and h.change.verdict == "saved")

    reader.open(timeline, f"#m{saved}.r{sgd}")

    assert "sgd was saved to sgd.joblib" in reader.one("#inspector").text


@pytest.mark.parametrize("width", [360, 640, 900, 1280])
def test_given_a_narrow_window_then_nothing_overflows(reader: Reader, width: int) -> None:
    resize(reader.browser, width, 700)

    reader.open(churn().view())

    assert reader.run("return document.documentElement.scrollWidth") <= width
    assert reader.one("#grid").rect["height"] > 120
    assert reader.one("#inspector .sentence").is_displayed()


def test_given_hostile_texts_when_opened_then_they_are_text_and_nothing_runs(reader: Reader) -> None:
    """One session has all of them; every view is opened."""
    story = Story()
    story.attach()
    for text in HOSTILE:
        story.run(text, names={text: learn(story.new(f"lib.{text}", {text: text}))})
        story.run(text)
    names = {clean(text, limit=1_000) for text in HOSTILE}
    resize(reader.browser, 1280, 4_000)
    reader.requested_urls()

    reader.open(story.view())

    assert {e.get_property("textContent") for e in reader.all(".name b")} == names
    for keys in ("$", "0", "j", "c", "j", "?"):
        reader.press(keys)
    assert (
        reader.run("return [...document.querySelectorAll('script, img, iframe, a, link, object')].length")
        == 2
    )
    assert [url.split(":")[0] for url in reader.requested_urls()] == ["file"]


@pytest.mark.parametrize(
    "text", ["</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\ud800"]
)
def test_given_a_hostile_text_when_a_change_is_shown_then_the_text_is_unchanged(
    reader: Reader, text: str
) -> None:
    reader.open(hostile_story(text).view())

    reader.press("g", "j", "0", ">", ">", ">")

    assert clean(text) in reader.text("#inspector h2")
    assert clean(text) in reader.text("#inspector pre")
    assert clean(text) in reader.text("#inspector .sentence")


def test_given_the_policy_when_text_is_inserted_as_markup_then_the_browser_refuses(reader: Reader) -> None:
    reader.open(churn().view())

    refused = reader.run(
        "try { document.body.insertAdjacentHTML('beforeend', '<b>x</b>') } catch (e) { return e.name }"
    )

    assert refused == "TypeError"
    assert "TrustedHTML" in reader.complaints()[0]


def test_given_a_long_session_when_opened_then_only_what_is_visible_is_drawn(reader: Reader) -> None:
    reader.open(TimelineView(long_session(2_000)))

    for keys in ("$", "G", "0", "z", "z"):
        reader.press(keys)
        assert reader.run("return document.querySelectorAll('#app *').length") < 3_000
    reader.press("c", "G")
    assert len(reader.all(".cell")) < 40
    assert "model_49" in reader.text(".cell.here")


def test_given_a_page_when_printed_then_the_timeline_and_every_change_are_on_paper(reader: Reader) -> None:
    timeline = churn().view()
    set_color_scheme(reader.browser, dark=True)
    reader.open(timeline)

    pdf = reader.browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})

    pages = base64.b64decode(pdf["data"]).count(b"/Type /Page\n")
    assert 2 <= pages <= 12
    reader.run("dispatchEvent(new Event('beforeprint'))")
    reader.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not reader.one("#app").is_displayed()
    assert [e.text for e in reader.all(".band .name b")][:2] == ["scaler", "model"]
    assert len(reader.all("#bands .mark")) == sum(len(m.changes) for m in timeline.moments)
    assert len(reader.all("#printed article")) == sum(
        bool(m.changes or (m.run and m.run.local)) for m in timeline.moments
    )
    assert reader.run("return getComputedStyle(document.querySelector('.loss')).color") == "rgb(192, 31, 47)"
    reader.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_given_no_scripts_when_opened_then_the_changes_can_be_read(reader: Reader) -> None:
    path = reader.write(churn().view())
    reader.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        reader.browser.get(path.as_uri())
        text = reader.one("#printed").text
    finally:
        reader.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    assert "resets model: 2 of 2 times" in text
    assert "model was replaced" in text


def test_given_an_empty_session_when_opened_then_the_page_says_so(reader: Reader) -> None:
    reader.open(TimelineView(Timeline()))

    assert reader.one("#empty").text == "No model was seen."
    reader.press("l", "j", ">", "}", "o", "z", "c", "j", "?")
