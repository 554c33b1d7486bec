"""Names and references as they are compared: signs, blanks, letter case and code points make no difference. Pure."""

import re
import unicodedata
from collections.abc import Iterator

APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u02b9\u0060\u00b4\u2032", "'"))
HYPHENS = str.maketrans(dict.fromkeys("\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"))
PARTS = re.compile(r"([A-Z]{1,4})-?([0-9]{3,9})")


def name_key(name: str) -> str:
    """A name as it is compared: composed, with one sort of apostrophe, hyphen and blank, in small letters."""
    whole = unicodedata.normalize("NFKC", name.translate(APOSTROPHES)).translate(APOSTROPHES).translate(HYPHENS)
    return re.sub(r"\s*-\s*", "-", " ".join(whole.casefold().split()))


def plain_reference(text: str) -> str:
    """A reference in capital letters, without blanks, with one sort of hyphen: `PT 00011` is `PT00011`."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(HYPHENS)).translate(HYPHENS)
    return "".join(text.upper().split())


def reference_key(text: str) -> str:
    """A reference as it is compared with others: hyphens make no difference either."""
    return plain_reference(text).replace("-", "")


def spellings(reference: str) -> Iterator[str]:
    """The forms in which a case reference may be stored, first as it is typed: `PT00011`, then `PT-00011`."""
    typed = plain_reference(reference)
    yield typed
    found = PARTS.fullmatch(typed)
    if found is not None:
        yield from ({f"{found[1]}{found[2]}", f"{found[1]}-{found[2]}"} - {typed})


def case_reference(text: str) -> str | None:
    """A text as a case reference; None if it has another form.

    Blanks are left out before five digits or more: `PT 00011` is PT00011, while `Sam 2015` may be a child.
    """
    plain = plain_reference(text)
    apart = len(text.split()) > 1 and not re.search("[0-9]{5}", plain)
    return plain if PARTS.fullmatch(plain) and not apart else None
