"""Every page that an account reaches by links from the first one: what it answers, as text.

`make test` opens a few pages of each sort, and `make fuzz` (EXAMPLES is set) also every rule, form and step.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from html import unescape
from io import BytesIO
from zipfile import ZipFile
from zlib import crc32

from tests.web.conftest import Browser

LINK = re.compile(r'<a\b[^>]*?\shref="(/[^"#]*)')
LEFT_OUT = ("/sign-out", "/static", "//", "/unusual")
MOST = 4  # addresses of one sort that a walk opens
CODE = r"[A-Z]{1,4}-?\d+(?:-\d+)?|\d{8}-[0-9a-f]+|(?<=/templates/).*|page=\d+"
# Pages of the law and the policy show the rules and no case.
RULE = r"|(?<=/law/rules/)[^?]+|(?<=/policy/parts/)[^?]+|(?<=/policy/)(?!parts/)\w+/\w+"
EVERY = "EXAMPLES" in os.environ
CODES = re.compile(CODE if EVERY else CODE + RULE)
FORM = re.compile(r"/record/(\w+)")
FORMS_IN = 1 if EVERY else 3  # one form in so many is opened
RESTRICTED = "safeguarding"  # a page of the rules of a restricted process is always opened


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
    """Each address with its status and its text, a few of each sort, and each of `first`."""
    given, seen, of_a_sort = set(first), set[str](), Counter[str]()
    waiting = list(first)
    while waiting:
        address = waiting.pop(0)
        sort = CODES.sub("X", address)
        if address in seen or not (address in given or _is_chosen(address, sort, of_a_sort[sort])):
            continue
        of_a_sort[sort] += 1
        seen.add(address)
        answer = browser.get(address)
        text = workbook(answer.content) if answer.content.startswith(b"PK") else answer.text
        assert "<Macro" not in text and "&lt;Macro" not in text, f"{address}: a value has the name of a macro"
        yield address, answer.status_code, text
        if answer.headers.get("content-type", "").startswith("text/html"):
            waiting += sorted(links(answer.text) - seen)


def _is_chosen(address: str, sort: str, opened: int) -> bool:
    """Whether an address is opened after so many of its sort."""
    if form := FORM.search(address):  # a form asks the same of every case; a kind of fact has one
        return opened < 1 and crc32(form[1].encode()) % FORMS_IN == 0
    return opened < MOST or sort == address or RESTRICTED in address
