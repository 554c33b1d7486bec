"""What looks like an NHS number or a date of birth in a text that is stored in clear. Pure.

References, account names, file names and words of a list can be typed by hand, and stay for ever. This is the one
place that says which of them may identify a child. Nothing here repeats the text.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, datetime

from models.errors import SendflowError

NHS_NUMBER = "an NHS number"
DATE_OF_BIRTH = "a date of birth"
LENGTH = 10
OLDEST = 26  # a plan is for somebody under 26
YOUNGEST = 1  # days of the last year are those of requests and exports
FEWEST_DIGITS = re.compile(r"(?:\d\D*){4}\d")  # five, as in 1may2018
GROUP = re.compile(r"[0-9]+")
BETWEEN = re.compile(r"[\s\W_]{0,3}")
USUAL_GROUPS = (3, 3, 4)
TEN_DIGITS = re.compile(r"[0-9]{10}")
# Blanks of every kind, also those that are not seen, and dashes.
SEPARATORS = re.compile(r"[\s\-\0\u00a0\u2007\u202f\u200b\u200c\u200d\ufeff]")
SCOTTISH = "0100000000", "3112999999"
YEAR, MONTH, DAY = r"(?P<year>(?:19|20)[0-9]{2})", r"(?P<month>[0-9]{1,2}|[a-z]{3,9})", r"(?P<day>[0-9]{1,2})"
APART = r"[\W_]{1,3}"
DATES = tuple(
    re.compile(rf"(?<![0-9]){form}(?![0-9])", re.IGNORECASE)
    for form in (
        f"{YEAR}{APART}{MONTH}{APART}{DAY}",
        f"{DAY}{APART}{MONTH}{APART}{YEAR}",
        rf"{DAY}(?:st|nd|rd|th)?[\W_]{{0,3}}(?P<month>[a-z]{{3,9}})[\W_]{{0,3}}{YEAR}",
        r"(?P<year>(?:19|20)[0-9]{2})(?P<month>[0-9]{2})(?P<day>[0-9]{2})",
        r"(?P<day>[0-9]{2})(?P<month>[0-9]{2})(?P<year>(?:19|20)[0-9]{2})",
    )
)
A_YEAR = re.compile("(?:19|20)[0-9]{2}")  # in each of DATES
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def identifier_in(text: str, today: date | None = None) -> str | None:
    """What a text seems to hold: NHS_NUMBER, DATE_OF_BIRTH, or None. Full-width digits count as digits.

    With `today`, a day on which nobody under 26 and over one can be born is no date of birth: it is that of a request.
    """
    if FEWEST_DIGITS.search(text) is None:
        return None
    plain = _plain(text)
    if _holds_nhs_number(plain):
        return NHS_NUMBER
    if any(_may_be_born_on(day, today) for day in _days(plain)):
        return DATE_OF_BIRTH
    return None


def holds_name(text: str, name: str) -> bool:
    """Whether a text holds every part of a child's full name, in any order, case and spelling of accents."""
    letters = _letters(text)
    parts = [part for part in map(_letters, re.split(r"[\s,]+", name)) if len(part) > 1]
    return len(parts) > 1 and all(part in letters for part in parts)


class NotAnNhsNumber(SendflowError, ValueError):
    """A text is no NHS number. `ten_digits`: it has the form of one, so that a digit is wrong or two changed places."""

    default_code = "bad_value"

    def __init__(self, *, ten_digits: bool) -> None:
        super().__init__("an NHS number has ten digits, of which the last checks the others")
        self.ten_digits = ten_digits


def read_nhs_number(text: str) -> str:
    """Give the ten digits of an NHS number; blanks and dashes are ignored. Raises NotAnNhsNumber, without the text.

    Ten equal digits fill a form and are no number. A Scottish number (CHI) begins with a day of birth that exists.
    """
    digits = SEPARATORS.sub("", text)
    if not TEN_DIGITS.fullmatch(digits) or len(set(digits)) == 1:
        raise NotAnNhsNumber(ten_digits=False)
    if check_digit(digits[:-1]) != int(digits[-1]) or (SCOTTISH[0] <= digits <= SCOTTISH[1] and not _is_chi(digits)):
        raise NotAnNhsNumber(ten_digits=True)
    return digits


def _is_chi(digits: str) -> bool:
    try:
        datetime.strptime(digits[:6], "%d%m%y")  # noqa: DTZ007 (only whether the day exists)
    except ValueError:
        return False
    return True


def check_digit(nine: str) -> int | None:
    """Give the check digit of nine digits (modulus 11, weights 10 to 2); None if no number can have them."""
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1), strict=True)) % 11
    return None if rest == 10 else rest % 11


def _may_be_born_on(day: date, today: date | None) -> bool:
    return today is None or YOUNGEST * 365 <= (today - day).days <= (OLDEST + 1) * 366


def _plain(text: str) -> str:
    """NFKC, with every decimal digit of any script as 0 to 9, and without signs that are not seen."""
    if text.isascii():
        return text
    whole = unicodedata.normalize("NFKC", text)
    return "".join(
        str(unicodedata.decimal(each)) if each.isdecimal() else each
        for each in whole
        if unicodedata.category(each) != "Cf"
    )


def _letters(text: str) -> str:
    whole = unicodedata.normalize("NFKD", text).casefold()
    return "".join(each for each in whole if each.isalpha())


def _holds_nhs_number(plain: str) -> bool:
    return any(
        sizes == USUAL_GROUPS or check_digit(digits[: LENGTH - 1]) == int(digits[-1])
        for digits, sizes in _ten_digits(plain)
    )


def _ten_digits(plain: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Neighbouring groups of digits that are ten together, with the size of each group."""
    groups = list(GROUP.finditer(plain))
    for first in range(len(groups)):
        digits = ""
        sizes: tuple[int, ...] = ()
        for at in range(first, len(groups)):
            if at > first and not BETWEEN.fullmatch(plain[groups[at - 1].end() : groups[at].start()]):
                break
            digits += groups[at].group()
            sizes += (len(groups[at].group()),)
            if len(digits) == LENGTH:
                yield digits, sizes
            if len(digits) >= LENGTH:
                break


def _days(plain: str) -> Iterator[date]:
    """Every whole day that is written in the text."""
    if A_YEAR.search(plain) is None:
        return
    for found in (match for form in DATES for match in form.finditer(plain)):
        year, month, day = int(found["year"]), found["month"].casefold(), int(found["day"])
        number = int(month) if month.isdigit() else MONTHS.index(month[:3]) + 1 if month[:3] in MONTHS else 0
        if number > len(MONTHS):
            number, day = day, number
        try:
            yield date(year, number, day)
        except ValueError:
            continue
