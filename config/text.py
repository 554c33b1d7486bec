"""Days and counts as sentences write them: the one place that says how. Pure."""

import re
from datetime import date
from functools import lru_cache


def full_day(day: date) -> str:
    """13 April 2026."""
    return f"{day.day} {day:%B %Y}"


def full_weekday(day: date) -> str:
    """Monday 13 April 2026."""
    return f"{day:%A} {full_day(day)}"


def short_day(day: date) -> str:
    """13 Apr 2026, for tables."""
    return f"{day.day} {day:%b %Y}"


def short_weekday(day: date) -> str:
    """Mon 13 Apr 2026, for tables."""
    return f"{day:%a} {short_day(day)}"


ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def with_days(text: str) -> str:
    """A sentence with its days as people write them, such as 21 Dec 2026."""
    return ISO_DAY.sub(lambda found: short_day(date.fromisoformat(found[0])), text)


def noun(number: int, one: str, many: str | None = None) -> str:
    """The noun of a number: "duty" for 1, "duties" for every other; without `many`, one with an s."""
    return one if number == 1 else many or f"{one}s"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 due date", "0 due dates", "2 mailboxes"."""
    return f"{number} {noun(number, one, many)}"


def in_days(number: int) -> str:
    """A number of calendar days: "1 day", "14 days"."""
    return counted(number, "day")


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def readable(text: str) -> str:
    """A text without the characters that no person types, and that PostgreSQL or a workbook refuses."""
    return _CONTROL.sub("", text)


ABBREVIATIONS = re.compile(r"\b(ehc|la|icb|rcb|dco|nhs|camhs|cypcc|chc|gp|dsr|cetr|laep)\b", re.IGNORECASE)


@lru_cache(maxsize=4096)
def in_words(stored: str) -> str:
    """A stored word, such as `la_send_lead`, in words, with the abbreviations in capitals: LA SEND lead."""
    plain = re.sub(r"\bsection g\b", "section G", stored.replace("_", " "))
    plain = re.sub(r"\bsend lead\b", "SEND lead", plain)
    plain = re.sub(r"\bchildrens\b", "children's", plain)
    return ABBREVIATIONS.sub(lambda found: found[0].upper(), plain)
