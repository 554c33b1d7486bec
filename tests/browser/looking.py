"""What is looked at on a page that is open: axe's rules, its width, its headings and title, its console."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources import files

from tests.browser.conftest import Visitor

# WCAG 2.2 at level AA, and what axe calls best practice.
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# The time of axe grows with the elements. A row whose elements have the tags, classes, attributes and places of words
# of an earlier row can have no other fault than that one, so it is taken out of the page for that time, unless `all`.
# Contrast is most of the time of axe. It follows from the colours, the size and the weight of words and from what is
# behind and over them: where every such kind was looked at on an earlier page, axe leaves contrast out, unless `all`.
RUN = """([tags, all, before]) => {
  const seen = new Set(), ways = each => [...each.attributes].map(one => one.name).sort().join();
  const hasWords = each => [...each.childNodes].some(one => one.nodeType === 3 && one.data.trim());
  const form = each => `${each.tagName} ${each.className} ${ways(each)} ${hasWords(each)}`;
  const again = [];
  for (const row of all ? [] : document.querySelectorAll('tbody tr, li, dl > div')) {
    const kind = [row, ...row.querySelectorAll('*')].map(form);
    for (let up = row.parentElement; up; up = up.parentElement) kind.push(`in ${up.tagName} ${up.className}`);
    if (seen.has(kind.join())) again.push(row);
    seen.add(kind.join());
  }
  const places = again.map(row => {
    const place = document.createComment('');
    row.replaceWith(place);
    return place;
  });
  const behind = each => {
    const layers = [];
    for (let up = each; up; up = up.parentElement) {
      const {backgroundColor, backgroundImage, opacity, filter, mixBlendMode} = getComputedStyle(up);
      layers.push(backgroundColor, backgroundImage, opacity, filter, mixBlendMode);
      if (backgroundImage === 'none' && backgroundColor.startsWith('rgb(')) break;
    }
    return layers.filter(one => !['rgba(0, 0, 0, 0)', 'none', '1', 'normal'].includes(one)).join();
  };
  const over = each => {
    const box = each.getBoundingClientRect();
    const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return top && !each.contains(top) && !top.contains(each) ? `under ${top.tagName} ${top.className}` : '';
  };
  const kinds = [...document.body.querySelectorAll('*')].filter(each => hasWords(each) || 'value' in each).map(each => {
    const {color, fontSize, fontWeight, textShadow} = getComputedStyle(each);
    return [color, fontSize, fontWeight, textShadow, each.disabled, behind(each), over(each)].join();
  });
  const known = new Set(before), found = [...new Set(kinds)].filter(kind => !known.has(kind));
  const run = axe.run(document, {
    runOnly: {type: 'tag', values: tags}, resultTypes: ['violations'],
    rules: {'color-contrast': {enabled: all || found.length > 0}},
  });
  return run.then(({violations}) => {
    places.reverse().forEach((place, number) => place.replaceWith(again[again.length - 1 - number]));
    return [violations, found];
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


_KINDS: set[str] = set()  # of words whose contrast was looked at in this process


def violations(visitor: Visitor) -> list[str]:
    """What axe finds wrong: each rule with the first places."""
    if not visitor.page.evaluate("typeof axe === 'object'"):
        visitor.page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found, kinds = visitor.page.evaluate(RUN, [list(TAGS), "EXAMPLES" in os.environ, sorted(_KINDS)])
    if not found:  # a fault is said of each page that has it
        _KINDS.update(kinds)
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
