"""Reads the code lines on top of a mail: an answer, the case that it is about, and a day or a service. Pure.

Only the first lines answer, before any other word and before anything quoted: every letter lists the codes, and a reply
quotes the letter. A line that is not exactly a code answers nothing, and a person reads the mail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from models.answers import Answer
from models.same_words import case_reference

# As a person types them: the words of the answers, and those under which the letters list them.
CODES: Mapping[str, Answer] = {
    "RECEIVED": Answer.RECEIVED,
    "ACKNOWLEDGED": Answer.RECEIVED,
    "SENT": Answer.SENT,
    "SENT ON": Answer.SENT,
    "ADVICE SENT": Answer.SENT,
    "ADVICE SENT ON": Answer.SENT,
    "EXPECTED": Answer.EXPECTED,
    "EXPECTED ON": Answer.EXPECTED,
    "NOT KNOWN": Answer.NOT_KNOWN,
    "NOT KNOWN TO US": Answer.NOT_KNOWN,
    "NOT KNOWN TO THE SERVICE": Answer.NOT_KNOWN,
    "DISCHARGED": Answer.DISCHARGED,
    "ALREADY DISCHARGED": Answer.DISCHARGED,
    "OTHER SERVICE": Answer.OTHER_SERVICE,
    "WRONG PROVIDER": Answer.OTHER_SERVICE,
    "MISSED APPOINTMENT": Answer.MISSED_APPOINTMENT,
    "MISSED APPOINTMENT ON": Answer.MISSED_APPOINTMENT,
    "WRONG MAILBOX": Answer.WRONG_MAILBOX,
}
LONGEST_LINE = 120
MOST_CODES = 20
UNSEEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
AROUND = " \t*_.,;:\"'\u201c\u201d-\u2013"
QUOTED = (">", "|", "--", "__")
FORMS = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d %B %Y", "%d %b %Y")
_REFERENCE = re.compile(r"^(?P<ref>[A-Za-z]{1,4}[ -]?[0-9]{3,9})(?![0-9A-Za-z])")


class CodeLine(NamedTuple):
    """One answer as its sender typed it. `on` and `rest` are None and empty where the line has neither day nor word."""

    answer: Answer
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
    """A line as a code: the reference before or behind the answer, then a day or a service."""
    ref, words = _reference(words)
    typed = f"{words.upper()} "
    name = max((each for each in CODES if re.match(rf"{each}[ :,]", typed)), key=len, default=None)
    if name is None:
        return None
    answer, rest = CODES[name], words[len(name) :].strip(AROUND)
    if ref is None:
        ref, rest = _reference(rest)
    if rest[:3].lower() == "on ":
        rest = rest[3:].strip()
    day = day_in(rest) if rest else None
    if day is not None:
        rest = ""
    if rest and answer is not Answer.OTHER_SERVICE:
        return None
    return CodeLine(answer, ref, day, rest)


def _reference(words: str) -> tuple[str | None, str]:
    """The case reference with which a text begins, if it does, and what follows."""
    found = _REFERENCE.match(words)
    ref = case_reference(found["ref"]) if found else None
    return (ref, words[found.end() :].strip(AROUND)) if found is not None and ref is not None else (None, words)


def references_in(subject: str) -> list[str]:
    """What has the form of a case reference in a subject, also where it is an authority's."""
    return re.findall(r"\b[A-Z]{1,4}-?[0-9]{3,9}\b", subject)


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
