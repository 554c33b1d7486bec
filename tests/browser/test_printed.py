"""On paper: tables are tables, nothing that only a screen can do is there, and no link has its address behind it."""

from collections.abc import Callable

import pytest

from tests.browser.conftest import Visitor

PAPER = (720, 1000)  # A4 with its margins, in the pixels of a style sheet
FOUND = """() => {
  const shown = (one) => one.getClientRects().length > 0
  const rows = [...document.querySelectorAll("main tr")].filter(shown)
  const wrong = rows.filter((row) => getComputedStyle(row).display !== "table-row").map((row) => row.innerText)
  for (const link of document.querySelectorAll("main a[href]")) {
    const behind = getComputedStyle(link, "::after").content
    if (behind !== "none" && behind !== "normal") wrong.push(behind)
  }
  wrong.push(...[...document.querySelectorAll("main .nhsuk-button, nav")].filter(shown).map((one) => one.innerText))
  if (document.documentElement.scrollWidth > innerWidth) wrong.push("it is wider than the paper")
  return [rows.length, wrong]
}"""


@pytest.mark.parametrize("path", ["/today", "/cases/SP90001", "/cases/PS31001/papers", "/decide"])
def test_a_printed_page_is_for_paper(visitor: Callable[..., Visitor], path: str) -> None:
    person = visitor("dco.team")
    person.open(path)
    person.page.set_viewport_size({"width": PAPER[0], "height": PAPER[1]})
    person.page.emulate_media(media="print")
    rows, wrong = person.page.evaluate(FOUND)
    assert wrong == []
    assert rows > 0 or path == "/decide"
