"""A valid reference appears unchanged in every place: an address, a file name, a header, a calendar, a sheet. A value
never becomes a link.
"""

from __future__ import annotations

import csv
import io
import re
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from html.parser import HTMLParser
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from config.law import load_law
from config.period_schema import Period
from models.facts import REFERENCE, Reference
from notifications.layout import hidden, read, to_html, to_text
from tests.support.examples import examples
from tests.support.random_links import ODD

QUIET = settings(max_examples=examples(60), deadline=None)
THEIRS: TypeAdapter[str] = TypeAdapter(Reference)
TEXT = st.one_of(st.sampled_from(ODD), st.text(max_size=40), st.text("AZ09-/=+@. \r\n\0\u202e", max_size=14))
CALENDAR = re.compile(r'[,;:\\"\s]')  # what RFC 5545 would escape, fold or take for a mark
ADDRESSES = st.sampled_from(
    (
        "https://www.legislation.gov.uk/x",
        "javascript:alert(1)",
        "sam@icb.example",
        "https://a.example/<b>",
        'http://a"onclick=x',
        "**https://b**",
    )
)


def theirs(value: str) -> str | None:
    """Return the authority's own reference if it is valid."""
    try:
        return THEIRS.validate_python(value)
    except ValidationError:
        return None


def is_unchanged_everywhere(reference: str) -> None:
    message = EmailMessage(policy=SMTP)
    message["Subject"] = f"{reference}: health advice due"
    assert f"Subject: {reference}: health advice due\r\n".encode() in message.as_bytes()
    assert (
        escape(reference)
        == reference
        == hidden(reference).translate({0xE000 + place: mark for place, mark in enumerate("*#>|-")})
    )
    assert not CALENDAR.search(reference)
    rows = io.StringIO()
    csv.writer(rows).writerow([reference])
    assert rows.getvalue() == f"{reference}\r\n"
    assert reference[0] not in "=+-@\t\r" and reference.isascii() and reference == reference.upper()
    assert not re.search(r"[0-9]{10}", reference), "no NHS number is a reference"


@QUIET
@given(st.one_of(st.from_regex(REFERENCE, fullmatch=True), TEXT))
def test_a_case_reference(text: str) -> None:
    reference = text.strip().upper()
    if not REFERENCE.fullmatch(reference):
        return
    is_unchanged_everywhere(reference)
    assert quote(reference, safe="") == reference
    assert PurePosixPath(reference).name == reference and not PureWindowsPath(f"{reference}.html").is_reserved()
    assert theirs(reference) == reference, "one case may name another in linked_to"


@QUIET
@given(st.one_of(st.from_regex(r"[A-Z][A-Z0-9]{0,12}(?:[-/][A-Z0-9]{1,10}){0,3}|[0-9]{3,9}", fullmatch=True), TEXT))
def test_an_authoritys_reference(text: str) -> None:
    if (reference := theirs(text)) is None:
        return
    is_unchanged_everywhere(reference)
    assert quote(reference, safe="/") == reference


class Links(HTMLParser):
    """Collects where a page leads, and every element that could act."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.acts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.leads += [str(value) for name, value in attrs if name in ("href", "src")]
        self.acts += [name for name, _value in attrs if name.startswith("on")] + [tag] * (
            tag in ("script", "img", "iframe", "form")
        )


@QUIET
@given(st.one_of(TEXT, ADDRESSES, st.tuples(TEXT, ADDRESSES).map(" ".join)))
def test_a_value_in_a_letter_leads_only_where_it_says(value: str) -> None:
    source = (
        f"# Letter\n\nThe case {hidden(value)} is **late**.\n\n- {hidden(value) or '-'}\n\n| Case |"
        f" {hidden(value) or '-'}"
    )
    page = Links(to_html(read(source), "Letter"))
    assert page.acts == []
    for lead in page.leads:
        assert lead.startswith(("http://", "https://", "mailto:"))
        assert lead.removeprefix("mailto:") in value
    assert len(to_text(read(source)).splitlines()) < 60


def test_every_address_of_the_law_is_one_of_the_web() -> None:
    addresses = {period.url for rule in load_law().rules.values() for period in rule.period if period.url}
    assert len(addresses) > 40
    assert {address.split("/")[2] for address in addresses} == {
        "www.legislation.gov.uk",
        "www.bailii.org",
        "www.lgo.org.uk",
        "www.england.nhs.uk",
    }


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "www.legislation.gov.uk/x",
        "https://a.example/) [x](y",
        "https://a b",
        'https://a/"x',
        "",
        "https://a\nb",
    ],
)
def test_a_statute_file_names_no_other_address(address: str) -> None:
    """Letters, pages and spreadsheets show the address without a change."""
    with pytest.raises(ValidationError, match="url"):
        Period.model_validate(
            {"from": None, "text": "6 weeks", "weeks": 6, "counts": "after", "basis": "regulation", "url": address}
        )
