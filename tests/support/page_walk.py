"""Every page that an account reaches by links from the first one: what it answers, as text."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from html import unescape
from io import BytesIO
from zipfile import ZipFile

from tests.web.conftest import Browser

LINK = re.compile(r'<a\b[^>]*?\shref="(/[^"#]*)')
LEFT_OUT = ("/sign-out", "/static", "//", "/unusual")
MOST = 4  # addresses of one sort that a walk opens


def workbook(content: bytes) -> str:
    """The cells of a workbook."""
    with ZipFile(BytesIO(content)) as parts:
        return "\n".join(parts.read(name).decode() for name in parts.namelist() if not name.startswith("docProps"))


def links(page: str) -> set[str]:
    """The addresses that a page links to."""
    found = map(unescape, LINK.findall(page))
    # Who looked at a case differs by what other tests of a module opened.
    return {each for each in found if not each.startswith(LEFT_OUT) and not each.endswith("/looks")}


def walked(browser: Browser, first: Iterable[str] = ("/",)) -> Iterator[tuple[str, int, str]]:
    """Each address with its status and its text, a few of each sort."""
    seen: set[str] = set()
    waiting, of_a_sort = list(first), Counter[str]()
    while waiting:
        address = waiting.pop(0)
        sort = re.sub(r"[A-Z]{1,4}-?\d+|\d{8}-[0-9a-f]+|(?<=/templates/).*|page=\d+", "X", address)
        # A form asks the same of every case; a kind of fact has one.
        most = 1 if "/record/" in sort else MOST
        if address in seen or (of_a_sort[sort] >= most and sort != address):
            continue
        of_a_sort[sort] += 1
        seen.add(address)
        answer = browser.get(address)
        text = workbook(answer.content) if answer.content.startswith(b"PK") else answer.text
        assert "<Macro" not in text and "&lt;Macro" not in text, f"{address}: a value has the name of a macro"
        yield address, answer.status_code, text
        if answer.headers.get("content-type", "").startswith("text/html"):
            waiting += sorted(links(answer.text) - seen)
