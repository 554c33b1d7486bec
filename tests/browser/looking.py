"""What is looked at on a page that is open: axe's rules, its width, its headings and title, its console."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from tests.browser.conftest import Visitor

# WCAG 2.2 at level AA, and what axe calls best practice.
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# The time of axe grows with the elements. A row whose elements have the tags, classes, attributes and places of words
# of an earlier row can have no other fault than that one, so it is left out, unless `all`.
RUN = """([tags, all]) => {
  const seen = new Set(), ways = each => [...each.attributes].map(one => one.name).sort().join();
  const worded = each => [...each.childNodes].some(one => one.nodeType === 3 && one.data.trim());
  const form = each => `${each.tagName} ${each.className} ${ways(each)} ${worded(each)}`;
  for (const row of all ? [] : document.querySelectorAll('tbody tr, li, dl > div')) {
    const kind = [row, ...row.querySelectorAll('*')].map(form);
    for (let up = row.parentElement; up; up = up.parentElement) kind.push(`in ${up.tagName} ${up.className}`);
    if (seen.has(kind.join())) row.setAttribute('data-as-before', '');
    seen.add(kind.join());
  }
  const found = axe.run({include: [document], exclude: [['[data-as-before]']]}, {
    runOnly: {type: 'tag', values: tags}, resultTypes: ['violations'],
  });
  return found.then(({violations}) => {
    document.querySelectorAll('[data-as-before]').forEach(each => each.removeAttribute('data-as-before'));
    return violations;
  });
}"""
# What is wider than the window, unless it is inside a part that scrolls by itself.
WIDER = """() => {
  const wide = document.documentElement.clientWidth;
  const scrolls = each => {
    for (let up = each.parentElement; up; up = up.parentElement)
      if (['auto', 'scroll'].includes(getComputedStyle(up).overflowX)) return true;
    return false;
  };
  const found = document.documentElement.scrollWidth > wide ? ['the page itself'] : [];
  for (const each of document.querySelectorAll('body *')) {
    const box = each.getBoundingClientRect();
    if (box.width && box.height > 1 && box.right > wide + 1 && !scrolls(each)) found.push(each.outerHTML.slice(0, 120));
  }
  return found;
}"""


def violations(visitor: Visitor) -> list[str]:
    """What axe finds wrong: each rule with the first places."""
    if not visitor.page.evaluate("typeof axe === 'object'"):
        visitor.page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found: Sequence[Any] = visitor.page.evaluate(RUN, [list(TAGS), "EXAMPLES" in os.environ])
    return [f"{each['id']}: {each['help']}: {each['nodes'][0]['html'][:200]}" for each in found]


def wider(visitor: Visitor) -> list[str]:
    """What makes a reader scroll sideways."""
    return list(visitor.page.evaluate(WIDER))


def faults_of(visitor: Visitor, axe: bool = True) -> list[str]:
    """Everything that is wrong with the page that is open; without the seconds that axe takes unless `axe`."""
    page = visitor.page
    faults = [f"axe {each}" for each in violations(visitor)] if axe else []
    faults += [f"too wide: {each}" for each in wider(visitor)]
    if page.locator("h1").count() != 1:
        faults.append(f"{page.locator('h1').count()} first headings")
    if not page.title().endswith(" - sendflow") or page.title().startswith(" -"):
        faults.append(f"the title {page.title()!r}")
    faults += [f"console: {line}" for line in visitor.wrong if "status of 4" not in line]
    faults += [f"asked elsewhere: {address}" for address in visitor.asked if not _ours(address, visitor.origin)]
    visitor.wrong.clear()
    return [f"{visitor.path}: {each}" for each in faults]


def _ours(address: str, origin: str) -> bool:
    return address.startswith((origin + "/", "data:"))


def to_the_check_page(visitor: Visitor, answers: Mapping[str, str], most: int = 20) -> None:
    """Answer the questions of a fact until the page that says what it will do. What is not in `answers` stays as it is.

    `answers` gives for the label of a question the text to type or the name of the choice.
    """
    for _page in range(most):
        if visitor.heading.startswith("Check before it is recorded"):
            return
        for label, answer in answers.items():
            group = visitor.page.get_by_role("group", name=label)
            if group.count() and group.get_by_role("radio").count():
                group.get_by_label(answer, exact=True).check()
            elif (chosen := visitor.page.get_by_role("combobox", name=label)).count():
                chosen.select_option(label=answer)
            elif (typed := visitor.page.get_by_role("textbox", name=label)).count():
                typed.fill(answer)
        visitor.press("Continue")
    raise AssertionError(f"no check page after {most} pages: {visitor.heading}")
