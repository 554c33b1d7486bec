"""Help: each page of the menu has a text, each account reads those of its pages, and the words are the glossary's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.web.conftest import Browser
from tests.web.test_same_as_the_commands import text_of
from web.help import glossary, help_of, pages
from web.routes import MENU, ROUTES


def test_every_page_of_the_menu_has_its_help_and_each_help_a_page() -> None:
    missing = [item.address for item in MENU if help_of(item.address) == ""]
    assert missing == []
    addresses = {way.path for way in ROUTES}
    assert {each.starts for each in pages()} <= {*addresses, "/cases/new/record"}
    rights = {item.address: item.right for item in MENU}
    assert all(rights.get(each.starts, each.right) == each.right for each in pages())


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/cases/NX00042", "cases"),
        ("/cases/new/record/ehc_assessment_requested", "record"),
        ("/law/packs/x", "law"),
        ("/lawful", ""),
        ("/sign-out", ""),
    ],
)
def test_a_page_leads_to_its_own_help(path: str, expected: str) -> None:
    assert help_of(path) == expected


def test_each_account_reads_the_help_of_its_pages(browsers: Callable[[str], Browser]) -> None:
    for account in ("dco.team", "provider", "auditor", "operations"):
        page = browsers(account).get("/help").text
        may = {item.address for item in MENU if f'href="{item.address}"' in page.partition("<main")[0]}
        for each in pages():
            if each.starts in {item.address for item in MENU}:
                assert (f'id="{each.id}"' in page) == (each.starts in may), (account, each.id)
    assert 'href="/help#law"' in browsers("dco.team").get("/law").text


def test_the_glossary_is_searched(browsers: Callable[[str], Browser]) -> None:
    assert sum(len(part["words"]) for part in glossary()) > 40
    auditor = browsers("auditor")
    assert [each for part in glossary() for each in part["words"] if "|" in each["source"]] == [], "an empty cell"
    found = text_of(auditor.get("/help/glossary?search=fact").text)
    assert "something that happened (an event) on a day" in found
    assert "No word is like that" in auditor.get("/help/glossary?search=zzzz").text
    assert "fault injection" not in text_of(auditor.get("/help/glossary?search=escalation").text)


def test_who_is_not_signed_in_reads_the_accessibility_statement(nobody: Browser) -> None:
    page = nobody.get("/help/accessibility")
    assert page.status_code == 200 and "Web Content Accessibility Guidelines 2.2" in page.text
    assert 'href="/help"' not in page.text and nobody.get("/help").status_code == 401
