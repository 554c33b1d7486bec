"""The pages by keyboard, without a script, enlarged four times, in forced colours, in dark and on paper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import Visitor
from tests.browser.looking import wider

CASE = "SP90001"
PAGES = ("/today", "/cases", f"/cases/{CASE}", f"/cases/{CASE}/record/health_advice_received", "/letters")
# What a keyboard reaches: each stop with its text, and whether a mark shows where it is.
STOP = """() => {
  const here = document.activeElement;
  if (!here || here === document.body) return null;
  const style = getComputedStyle(here);
  const seen = style.outlineStyle !== 'none' || style.boxShadow !== 'none';
  const box = here.getBoundingClientRect();
  return {tag: here.tagName, text: (here.innerText || here.name || '').trim().slice(0, 60), id: here.id, seen,
          inside: box.width > 0 && box.bottom > 0 && box.top < innerHeight};
}"""


def stops(person: Visitor, most: int = 400) -> list[dict[str, object]]:
    """Where the tabulator goes, until it leaves the page."""
    found: list[dict[str, object]] = []
    for _press in range(most):
        person.page.keyboard.press("Tab")
        here = person.page.evaluate(STOP)
        if here is None:
            break
        found.append(here)
    return found


@pytest.mark.parametrize("path", PAGES)
def test_a_keyboard_reaches_everything_and_each_stop_is_seen(visitor: Callable[..., Visitor], path: str) -> None:
    person = visitor("dco.team")
    person.open(path)
    wanted = person.page.locator(
        "a[href]:visible, button:visible, input:not([type=hidden]):visible, select:visible, textarea:visible"
    )
    radios = person.page.locator("input[type=radio]:visible").count()
    names = person.page.locator("input[type=radio]:visible").evaluate_all("all => new Set(all.map(e => e.name)).size")
    found = stops(person)
    assert found[0]["text"] == "Skip to main content"
    controls = [each for each in found if each["tag"] in ("A", "BUTTON", "INPUT", "SELECT", "TEXTAREA")]
    # A date field has a stop for its day, month, year and calendar, and radios of one name are one stop.
    assert len({(each["tag"], each["text"], each["id"]) for each in controls}) > 0
    assert len(controls) >= wanted.count() - radios + names
    assert [each for each in found if not each["seen"] or not each["inside"]] == []


def test_a_keyboard_alone_records_a_fact_up_to_the_check_page(visitor: Callable[..., Visitor]) -> None:
    person = visitor("dco.team")
    keys = person.page.keyboard
    person.open(f"/cases/{CASE}/record/health_advice_received")
    for _page in range(8):
        if person.heading.startswith("Check before it is recorded"):
            break
        keys.press("Tab")
        keys.press("Enter")  # "Skip to main content"
        radio = person.page.locator("input[type=radio]:visible")
        for _stop in range(30):
            keys.press("Tab")
            here = person.page.evaluate(STOP)
            if here["tag"] == "INPUT" and radio.count() and person.page.locator("input[type=radio]:focus").count():
                keys.press("Space")
            if here["tag"] == "BUTTON":
                with person.page.expect_navigation():
                    keys.press("Enter")
                break
    assert person.heading.startswith("Check before it is recorded")


@pytest.mark.parametrize("path", PAGES)
def test_without_a_script_a_page_says_the_same(visitor: Callable[..., Visitor], path: str) -> None:
    words = []
    for script in (True, False):
        person = visitor("auditor" if "record" not in path else "dco.team", java_script_enabled=script)
        person.open(path)
        if script:  # a slider is added beside the two fields that say the same
            person.page.evaluate("document.querySelectorAll('.app-slider').forEach(each => each.remove())")
        words.append(person.page.locator("main").inner_text())
    assert words[0] == words[1]
    assert len(words[0]) > 100


@pytest.mark.parametrize("path", PAGES)
def test_at_four_times_the_size_nobody_scrolls_sideways(visitor: Callable[..., Visitor], path: str) -> None:
    """A window of 1280 by 1024 pixels at 400 % is one of 320 by 256 in which each pixel is four."""
    person = visitor("dco.team", (320, 256), device_scale_factor=4)
    person.open(path)
    assert wider(person) == []


def test_forced_colours_leave_every_mark_to_see(visitor: Callable[..., Visitor]) -> None:
    person = visitor("dco.team", forced_colors="active")
    person.open(f"/cases/{CASE}")
    borders = person.page.locator(".app-menu a").evaluate_all(
        "all => all.map(each => getComputedStyle(each).borderBottomColor)"
    )
    assert len(set(borders)) == 2  # the page that is open differs from the others
    tag = person.page.locator(".nhsuk-tag").first
    assert tag.evaluate("each => getComputedStyle(each).borderTopStyle") == "solid"
    person.open(f"/cases/{CASE}?as_at=2026-03-23")
    mark = person.page.locator("mark.app-differs").first
    assert mark.evaluate("each => getComputedStyle(each).borderTopStyle") == "solid"


def test_a_case_prints_without_its_buttons_and_whole(visitor: Callable[..., Visitor], tmp_path: Path) -> None:
    person = visitor("dco.team")
    person.open(f"/cases/{CASE}")
    person.page.emulate_media(media="print")
    for hidden in (".app-menu", ".app-filter", ".app-next", ".app-owner", ".app-links", "#replay", ".app-diagram"):
        assert not person.page.locator(hidden).first.is_visible()
    assert person.page.locator(".app-timeline__item").last.is_visible()
    # Paper opens nothing: what is folded on a screen is there, and so is the day of which the case is.
    folded = person.page.locator(".app-fold .app-timeline__item")
    assert folded.count() > 5 and all(each.is_visible() for each in folded.all())
    assert person.says("The case as on 14 April 2026. Case owner:")
    assert person.page.pdf(path=str(tmp_path / "case.pdf"), format="A4")[:5] == b"%PDF-"


def test_a_number_of_a_fact_leads_into_a_fold(visitor: Callable[..., Visitor]) -> None:
    person = visitor("auditor", java_script_enabled=False)
    person.open(f"/cases/{CASE}")
    folded = person.page.locator(".app-fold .app-timeline__item[id]").first
    number = folded.get_attribute("id")
    assert not folded.is_visible()
    person.open(f"/cases/{CASE}#{number}")
    assert folded.is_visible()


@pytest.mark.parametrize("path", [f"/cases/{CASE}", "/help/components"])
def test_a_chart_of_duties_is_whole_on_a_narrow_screen(visitor: Callable[..., Visitor], path: str) -> None:
    """Its right half, with the due dates and this day, was outside of 320 pixels."""
    person = visitor("auditor", size=(320, 640))
    person.open(path)
    wrong = person.page.locator(".app-chart__bars").evaluate(
        """chart => {
          const right = chart.parentElement.getBoundingClientRect().right;
          const parts = [...chart.querySelectorAll("text, rect, line, path")];
          return parts.map(each => [each.outerHTML, each.getBoundingClientRect()])
            .filter(([, box]) => box.width + box.height > 0 && (box.right > right || box.left < 0))
            .map(([what]) => what.slice(0, 200));
        }"""
    )
    assert wrong == []
    assert person.page.locator(".app-chart__bars text").get_by_text("this day").is_visible()
    assert person.page.locator(".app-chart__bars").evaluate("chart => chart.getBoundingClientRect().width") > 200


def test_a_slider_moves_through_a_case_and_its_view_can_be_cited(visitor: Callable[..., Visitor]) -> None:
    person = visitor("auditor")
    person.open(f"/cases/{CASE}")
    slider = person.page.get_by_role("slider")
    slider.focus()
    for _press in range(3):
        person.page.keyboard.press("ArrowLeft")
    assert slider.get_attribute("aria-valuetext") == "11 April 2026"
    person.page.keyboard.press("Enter")
    person.page.wait_for_url("**as_at=2026-04-11**")
    assert person.says("This is not now. The case as true on 11 April 2026")


@pytest.mark.parametrize("account", ["dco.team", "admin.team", "auditor", "operations", "provider"])
def test_the_menu_is_one_line_and_what_is_under_more_opens_without_a_script(
    visitor: Callable[..., Visitor], account: str
) -> None:
    person = visitor(account, java_script_enabled=False)
    tops = person.page.locator(".app-menu__list > li").evaluate_all(
        "all => new Set(all.map(each => each.getBoundingClientRect().top)).size"
    )
    assert tops == 1
    more = person.page.locator(".app-menu summary")
    assert more.count() == (account in ("dco.team", "admin.team"))
    if more.count():
        law = person.page.get_by_role("link", name="Law", exact=True)
        assert not law.is_visible()
        more.focus()
        person.page.keyboard.press("Enter")
        law.click()
        assert person.heading == "Law" and person.page.locator(".app-menu summary").inner_text() == "More: Law"
        narrow = person.page
        narrow.set_viewport_size({"width": 320, "height": 640})
        more.click()
        assert narrow.evaluate("document.documentElement.scrollWidth") <= 320
