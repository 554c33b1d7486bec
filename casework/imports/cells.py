"""Read one cell of a tracker: a day, an NHS number, a yes or no, a reference, text. Pure.

Purpose: a due date is only as good as the day that it is calculated from. So 03/04/2026 is 3 April, 04/25/2026 is
refused, and no cell is guessed. Every function raises `Doubt` only. Its text says what was expected, with an example,
and contains no part of the cell.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time
from typing import NoReturn

from pydantic import TypeAdapter, ValidationError

from models.facts import REFERENCE, Reference
from models.identifiers import NotAnNhsNumber, read_nhs_number

Cell = str | int | float | bool | date | datetime | time | None

# CFA 2014 Part 3 and the SEND Regs 2014 came into force: no earlier day can start or meet a duty of theirs.
COMMENCED = date(2014, 9, 1)
# A plan may be maintained to the end of the academic year in which a young person becomes 25 (CFA 2014 s46).
OLDEST = 26
LONGEST = 20_000
EXAMPLE = "expected day/month/year with the year in four digits, for example 05/03/2026 or 5 March 2026"
BLANKS = "\0\u00a0\u2007\u202f\u200b\u200c\u200d\ufeff"

MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
CLOCK = r"(?:[ tT]+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?: ?[apAP][mM])?[zZ]?)?"
NUMERIC = re.compile(rf"([0-9]{{1,2}})([/.\-])([0-9]{{1,2}})\2([0-9]{{1,4}}){CLOCK}")
ISO = re.compile(rf"([0-9]{{4}})([/.\-])([0-9]{{1,2}})\2([0-9]{{1,2}}){CLOCK}")
WORDED = re.compile(
    r"(?:([a-z]+)[ ,]+)?([0-9]{1,2})(?:st|nd|rd|th)?[ \-/.,]*(?:of )?([a-z]{3,9})\.?[ \-/.,]*([0-9]{1,4})"
)
MONTH_FIRST = re.compile(r"([a-z]{3,9})\.? ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})")
PARTIAL = re.compile(
    r"[0-9]{1,2}[/.\-][0-9]{1,4}|[a-z]{3,9}\.?[ \-/]*[0-9]{2,4}|[0-9]{1,2}(?:st|nd|rd|th)?["
    r" \-]*[a-z]{3,9}|[0-9]{6}|[0-9]{8}"
)
LATE = re.compile(r"[ tT]([0-9]{1,2}):[0-9]{2}[:0-9.]*(?: ?([pP])[mM])?[zZ]?$")
NOTHING = frozenset({"na", "nil", "none", "notapplicable", "nodate"})
MERGED_BELOW, MERGED_BESIDE = "merged_below", "merged_beside"
# What no spreadsheet writes into a cell, and (as lone surrogates) bytes that are not of the file's encoding.
ODD = re.compile("[\0-\x08\x0e-\x1f\x7f]")
OTHER_ENCODING = re.compile("[\udc80-\udcff]")
LA_REFERENCE: TypeAdapter[str] = TypeAdapter(Reference)


class Doubt(Exception):
    """A cell that cannot be relied on: a code (slug) and what was expected. Never the cell."""

    def __init__(self, code: str, expected: str) -> None:
        super().__init__(code)
        self.code = code
        self.expected = expected


def text_doubt(text: str) -> Doubt | None:
    """The doubt of a text with characters that its writer cannot have meant; None where there are none."""
    if OTHER_ENCODING.search(text):
        return Doubt(
            "encoding",
            "the cell has letters in another encoding than the rest of the file: type its text again, and save the file"
            " as CSV UTF-8",
        )
    if ODD.search(text):
        return Doubt(
            "control_character", "the cell has a control character that no keyboard types: type its text again"
        )
    return None


def blank(cell: Cell) -> bool:
    """Whether the cell is empty or contains only blanks of any sort."""
    return cell is None or (isinstance(cell, str) and not words(cell))


def words(cell: Cell) -> str:
    """Give the cell as text without surrounding blanks; a whole number that a sheet stores as a float loses its .0."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell.strip().strip(BLANKS).strip()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return str(cell)


def cell_text(cell: Cell) -> str:
    """A cell as a person would type it: a day as 05/03/2026."""
    day = cell.date() if isinstance(cell, datetime) else cell
    return f"{day:%d/%m/%Y}" if isinstance(day, date) else words(cell)


def long_words(cell: Cell) -> str:
    """Give free text. Raises Doubt if it is too long to be stored."""
    text = words(cell)
    if len(text) > LONGEST:
        raise Doubt("too_long", f"expected at most {LONGEST} characters; store longer notes with the case's own papers")
    return text.replace("\0", "")


def month_first(cell: Cell) -> bool:
    """Whether a cell proves that its writer puts the month first, as in 03/16/2026."""
    found = NUMERIC.fullmatch(words(cell)) if isinstance(cell, str) else None
    return found is not None and int(found[1]) <= 12 < int(found[3]) <= 31


def either_order(cell: Cell) -> bool:
    """Whether a cell gives another day if its month was meant to come first; a sheet's own date may be so as well."""
    if isinstance(cell, date):
        return cell.day <= 12 and cell.day != cell.month
    found = NUMERIC.fullmatch(words(cell)) if isinstance(cell, str) else None
    return found is not None and int(found[1]) <= 12 and int(found[3]) <= 12 and int(found[1]) != int(found[3])


def plain_day(cell: Cell) -> date:
    """Read a day: a sheet's own date, or text in UK form. Raises Doubt if it is impossible, ambiguous or no date."""
    if isinstance(cell, datetime):
        _check_hour(cell.hour)
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, bool | time):
        raise Doubt("not_a_date", EXAMPLE)
    if isinstance(cell, int | float):
        raise Doubt("not_a_date", f"a bare number is no date: format the cell as a date in the sheet; {EXAMPLE}")
    text = re.sub(r" ?([/.\-]) ?", r"\1", " ".join(words(cell).replace("\u00a0", " ").split()))
    if len(text) > 60:
        raise Doubt("not_a_date", EXAMPLE)
    if re.sub(r"[^a-z]", "", text.casefold()) in NOTHING and not re.search("[0-9]", text):
        raise Doubt("not_a_date", f"the cell says that there is no date: leave the cell empty; {EXAMPLE}")
    if late := LATE.search(text):
        _check_hour(int(late[1]) % 12 + 12 if late[2] else int(late[1]))
    return _read(text)


def _check_hour(hour: int) -> None:
    """Doubt a day just before midnight: programs write the next day so when they mistake the time zone."""
    if hour >= 23:
        raise Doubt(
            "ambiguous_date",
            "the cell has a time just before midnight, so that the day itself or the next one may be meant; expected"
            " the day alone, for example 05/03/2026",
        )


def event_day(cell: Cell, today: date) -> date:
    """Read the day of an event. Raises Doubt as `plain_day`, and for a future day or one before the law began."""
    day = plain_day(cell)
    if day > today:
        raise Doubt("future_date", f"the day has not come yet: expected a day up to {today.strftime('%d/%m/%Y')}")
    if day < COMMENCED:
        raise Doubt(
            "too_old",
            "the day is before 01/09/2014, when this law came into force: expected a later one, for example 05/03/2026",
        )
    return day


def birth_day(cell: Cell, today: date) -> date:
    """Read a date of birth. Raises Doubt as `plain_day` does, and if it cannot be that of a child or young person."""
    day = plain_day(cell)
    if day > today:
        raise Doubt(
            "future_date", "a date of birth cannot be still to come; expected day/month/year, for example 05/03/2016"
        )
    if today.year - day.year > OLDEST:
        raise Doubt(
            "bad_value",
            "a plan is for somebody under 26; expected a date of birth as day/month/year, for example 05/03/2016",
        )
    return day


def _read(text: str) -> date:
    if found := ISO.fullmatch(text):
        year, _, month, day = found.groups()
        return _whole(year, int(month), int(day))
    if found := NUMERIC.fullmatch(text):
        day, _, month, year = found.groups()
        return _whole(year, int(month), int(day))
    lower = text.casefold()
    if found := WORDED.fullmatch(lower):
        weekday, day, month, year = found.groups()
        read = _whole(year, _month(month), int(day))
        if weekday is not None and _named(weekday, WEEKDAYS) != read.weekday() + 1:
            raise Doubt(
                "ambiguous_date" if _named(weekday, WEEKDAYS) else "not_a_date",
                f"the weekday and the date do not agree; {EXAMPLE}",
            )
        return read
    if found := MONTH_FIRST.fullmatch(lower):
        month, day, year = found.groups()
        return _whole(year, _month(month), int(day))
    if PARTIAL.fullmatch(lower):
        raise Doubt("ambiguous_date", f"the date is not whole, or its parts are not set apart; {EXAMPLE}")
    raise Doubt("not_a_date", EXAMPLE)


def _whole(year: str, month: int, day: int) -> date:
    if len(year) != 4:
        raise Doubt("ambiguous_date", f"the year needs four digits; {EXAMPLE}")
    try:
        return date(int(year), month, day)
    except ValueError:
        hint = "; there is no such month: day comes first here, and is never guessed" if month > 12 else ""
        raise Doubt("impossible_date", f"there is no such day in the calendar{hint}; {EXAMPLE}") from None


def _month(text: str) -> int:
    found = _named(text, MONTHS)
    if not found:
        raise Doubt("not_a_date", EXAMPLE)
    return found


def _named(text: str, names: tuple[str, ...]) -> int:
    """Give the number of the name from 1, found by its first three letters or more; 0 if there is none."""
    short = "sep" if text == "sept" else text
    return next((number for number, name in enumerate(names, 1) if len(short) >= 3 and name.startswith(short)), 0)


def nhs_number(cell: Cell) -> str:
    """Read ten digits with a correct check digit; blanks and dashes are ignored. Raises Doubt without the number."""
    if isinstance(cell, bool | date | time):
        _no_number()
    try:
        return read_nhs_number(words(cell))
    except NotAnNhsNumber as problem:
        if not problem.ten_digits:
            _no_number()
        raise Doubt(
            "check_digit",
            "the last digit does not fit the others, so that a digit is wrong or two have changed places; "
            "expected ten digits as on the NHS record, for example 999 123 4500",
        ) from None


def _no_number() -> NoReturn:
    raise Doubt("bad_value", "expected an NHS number of ten digits, for example 999 123 4500")


def reference_key(cell: Cell) -> str:
    """A reference as it is compared with others: PT00011, "PT 00011" and PT-00011 are one."""
    return re.sub(r"[\s\-\u2010-\u2015\u2212]", "", unicodedata.normalize("NFKC", words(cell))).casefold()


def own_reference(cell: Cell) -> str | None:
    """Give the team's reference if it has the form of one here, such as NX00042; None if it needs a new one.

    Blanks are left out before five digits or more: `PT 00011` is PT00011, while `Sam 2015` may be a child.
    """
    text = words(cell).upper()
    if REFERENCE.fullmatch(text):
        return text
    joined = "".join(text.split())
    return joined if REFERENCE.fullmatch(joined) and re.search("[0-9]{5}", joined) else None


def other_spelling(reference: str) -> str:
    """A case's reference with its hyphen left out, or with one before its digits."""
    joined = reference.replace("-", "")
    return joined if joined != reference else re.sub("([0-9])", r"-\1", reference, count=1)


def la_reference(cell: Cell) -> str | None:
    """Give the authority's reference if it has a plain form; None if it may only be stored encrypted."""
    try:
        return LA_REFERENCE.validate_python("".join(words(cell).upper().split()))
    except ValidationError:
        return None
