"""Reads the code lines on top of a mail: an answer, the case that it is about, and a day or a service. Pure.

Only the first lines answer, before any other word and before anything quoted: every letter lists the codes, and a reply
quotes the letter. A line that is not exactly a code answers nothing, and a person reads the mail.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import NamedTuple

from models.same_words import case_reference

# As a person types them; `models.answers` has the meaning of each word behind.
CODES = {
    "RECEIVED": "received",
    "SENT": "sent",
    "SENT ON": "sent",
    "EXPECTED": "expected",
    "EXPECTED ON": "expected",
    "NOT KNOWN": "not_known",
    "DISCHARGED": "discharged",
    "ALREADY DISCHARGED": "discharged",
    "OTHER SERVICE": "other_service",
    "MISSED APPOINTMENT": "missed_appointment",
    "MISSED APPOINTMENT ON": "missed_appointment",
    "WRONG MAILBOX": "wrong_mailbox",
}
WITH_A_DAY = frozenset({"sent", "expected", "missed_appointment"})
LONGEST_LINE = 120
MOST_CODES = 20
UNSEEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
AROUND = " \t*_.,;:\"'\u201c\u201d"
QUOTED = (">", "|", "--", "__")
FORMS = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d %B %Y", "%d %b %Y")
_REFERENCE = re.compile(r"^(?P<ref>[A-Za-z]{1,4}[ -]?[0-9]{3,9})(?![0-9A-Za-z])")


class CodeLine(NamedTuple):
    """One answer as its sender typed it. `on` and `rest` are None and empty where the line has neither day nor word."""

    answer: str
    case_ref: str | None
    on: date | None
    rest: str


def code_lines(text: str) -> list[CodeLine]:
    """The answers on top of a text: every code line before the first line of another kind; none if it begins with one.

    Blank lines before the first code count for nothing; a blank line after one ends them.
    """
    found: list[CodeLine] = []
    for line in text.translate(UNSEEN).splitlines():
        words = " ".join(line.split()).strip(AROUND)
        if not words:
            if found:
                break
            continue
        code = None if line.lstrip().startswith(QUOTED) or len(words) > LONGEST_LINE else _code(words)
        if code is None or len(found) == MOST_CODES:
            break
        found.append(code)
    return found


def _code(words: str) -> CodeLine | None:
    typed = words.upper()
    name = max((each for each in CODES if f"{typed} ".startswith(f"{each} ")), key=len, default=None)
    if name is None:
        return None
    answer, rest = CODES[name], words[len(name) :].strip(AROUND)
    reference = _REFERENCE.match(rest)
    ref = case_reference(reference["ref"]) if reference else None
    if reference is not None and ref is not None:
        rest = rest[reference.end() :].strip(AROUND)
    if rest[:3].lower() == "on ":
        rest = rest[3:].strip()
    day = day_in(rest) if rest else None
    if day is not None:
        rest = ""
    if rest and answer != "other_service":
        return None
    return CodeLine(answer, ref, day, rest)


def day_in(text: str) -> date | None:
    """A whole day as people in England write it, day before month; None for anything else, such as a day without a
    year.
    """
    for form in FORMS:
        try:
            return datetime.strptime(" ".join(text.split()), form).date()  # noqa: DTZ007 (a day has no zone)
        except ValueError:
            continue
    return None
