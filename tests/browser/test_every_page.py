"""Every page and state, wide and narrow: axe finds nothing, nothing scrolls sideways, nothing is asked elsewhere.

axe takes a second a page: it looks at every second page and state wide and at the others narrow, and with EXAMPLES set
at all of them at both widths.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from casework.mailbox.imap import Fetched
from casework.mailbox.read import AllNames
from casework.mailbox.receive import receive
from casework.reports.case_report import report
from casework.reports.letters import letters
from notifications.message_ids import message_id
from tests.browser.conftest import NARROW, WIDE, Visitor
from tests.browser.looking import faults_of
from tests.casework.mailbox.samples import reply
from web.installation import Installation
from web.routes import ROUTES

CASE, LATE = "SP90001", "SP00105"
SITTING, PACKAGE = "PS31001", "PK41001"
# A case of each register: an audit round, transition, looked-after health, the health check, dynamic support, the Local
# Offer, and entries of registers without a clock.
REGISTERS = ("PA51001", "TR61001", "LH71001", "LD81001", "DS91001", "DS91003", "LF21001", "RG31001", "RG31002")
SIZES = {"wide": WIDE, "narrow": NARROW}
# The pages of each person, by the route that they show.
PAGES: dict[str, tuple[str, ...]] = {
    "dco.team": (
        "/today",
        "/lists/late",
        "/lists/decide",
        "/lists/meetings",
        "/today?la=northshire&body=QX101",
        "/decide",
        "/cases",
        "/cases?show=no_date",
        "/cases?search=ZZ99999&page=1",
        f"/cases/{CASE}",
        f"/cases/{LATE}",
        f"/cases/{CASE}?as_at=2026-03-20",
        f"/cases/{CASE}?show=letters&not=yes&order=oldest",
        f"/cases/{CASE}?as_at=yesterday",
        f"/cases/{CASE}/identity",
        "/registers/panels?by=month",
        "/registers/approvals",
        "/registers/packages_due?days=365",
        "/registers/packages_due?days=none",
        f"/cases/{SITTING}",
        f"/cases/{SITTING}/papers",
        f"/cases/{SITTING}/papers/minutes",
        f"/cases/{SITTING}/papers/items/item_1",
        f"/cases/{PACKAGE}",
        *(f"/cases/{each}" for each in REGISTERS),
        f"/cases/{CASE}/ladder",
        f"/cases/{CASE}/looks",
        f"/cases/{CASE}/bundle",
        f"/cases/{CASE}/subject-access",
        "/retention",
        f"/cases/{CASE}/record",
        f"/cases/{CASE}/record/health_advice_received",
        f"/cases/{CASE}/record/excuse_claimed",
        f"/cases/{CASE}/record/fact_corrected?corrects=1",
        f"/cases/{CASE}/record/fact_withdrawn?corrects=1",
        "/cases/new/record",
        "/cases/new/record/ehc_assessment_requested",
        "/registers",
        "/registers/dynamic_support",
        "/registers/transition",
        "/registers/local_offer",
        "/registers/policy",
        "/imports",
        "/sen2",
        "/letters",
        "/letters?state=failed",
        "/mails",
        "/tomorrow",
        "/held",
        "/templates",
        "/templates/breach",
        "/unusual",
        "/second-factor",
        "/password",
        "/sign-out",
        "/people",
        "/nothing/here",
        "/mails/none",
    ),
    "admin.team": (
        "/people",
        "/children",
        "/children?case=NX99999",
        f"/children/{CASE}",
        f"/children/{CASE}/with/{LATE}",
        "/law",
        "/law?search=zzzz",
        "/law/rules/ehc_body_advice_respond",
        "/law/packs",
        "/law/packs/none",
        "/law/watch",
        "/organisations",
        "/organisations/bodies/QX101",
        "/organisations/entries/body/QX101",
        "/organisations/entries/body/new",
        "/organisations/entries/provides/QX101.2",
        "/organisations/entries/person/new",
        "/organisations/month",
        "/policy",
        "/policy/ehc_body_advice_respond/breach",
        "/policy/ehc_body_advice_respond/new",
        "/policy/parts/letter.health_advice_requested",
        "/policy/parts/said_sent.ehc_body_advice_respond",
        "/columns?header=Ref",
        "/columns/column.reference",
        "/organisations/mailboxes/none",
        "/help",
        "/help/glossary",
        "/help/glossary?search=zzzz",
        "/help/accessibility",
        "/help/components",
    ),
    "operations": ("/letters", "/people"),
    "auditor": (
        "/today",
        f"/cases/{CASE}/looks",
        "/audit",
        "/audit/health",
        "/audit/looks",
        "/audit/looks?from_on=yesterday&page=2",
        "/audit/people",
        "/audit/webhooks",
    ),
    "provider": ("/own", "/own/reply", "/today"),
    "council": ("/own",),
}


# Pages of a template that another page shows as fully: axe looks at them with EXAMPLES set.
AGAIN = {
    "/lists/meetings",
    "/cases?show=no_date",
    f"/cases/{LATE}",
    f"/cases/{PACKAGE}",
    *(f"/cases/{each}" for each in REGISTERS[1:]),
    f"/cases/{SITTING}/papers/minutes",
    f"/cases/{CASE}/record/excuse_claimed",
    f"/cases/{CASE}/record/fact_withdrawn?corrects=1",
    "/letters?state=failed",
    "/nothing/here",
}


OPENED_ELSEWHERE = {
    "/imports/{id}",  # with a file that was sent: test_imports.py
    "/imports/{id}/refused",
    "/imports/{id}/rows/{sheet:int}/{line:int}",
    "/",
    "/sign-in",
    "/start",
    "/sign-in/sso",  # with an identity provider: test_single_sign_on.py
    "/sign-in/sso/back",
    "/sign-out/sso",
    "/reset",
    "/reply/{token}",
    "/calendar/{name}/{token}",  # for programs
    "/reply/{token}/answers",  # a file
    "/own/reply/answers",  # a file
    "/cases/{ref}/why/{rule}/{seq:int}",
    "/letters/{id}",
    "/retention/erasures/{number:int}",
}


class Looking:
    """Looks at each page that is open, wide and narrow. axe takes turns: wide at one page, narrow at the next."""

    def __init__(self) -> None:
        self._number = 0
        self.faults: list[str] = []

    def at(self, person: Visitor) -> None:
        """Look at the page that is open. A width is a matter of style sheets alone, so it is not loaded again."""
        self._number += 1
        for number, (name, (width, height)) in enumerate(SIZES.items()):
            person.page.set_viewport_size({"width": width, "height": height})
            its_turn = (self._number % 2 == number and person.path not in AGAIN) or "EXAMPLES" in os.environ
            self.faults += [f"{name}: {each}" for each in faults_of(person, axe=its_turn)]
        person.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


@pytest.mark.parametrize("account", PAGES)
def test_nothing_is_wrong_with_any_page(visitor: Callable[..., Visitor], account: str) -> None:
    person, looking = visitor(account), Looking()
    for path in PAGES[account]:
        person.open(path)
        looking.at(person)
    assert looking.faults == []


def test_a_row_of_another_form_than_those_before_it_is_looked_at(visitor: Callable[..., Visitor]) -> None:
    person = visitor("dco.team")
    person.open("/letters")
    person.page.locator("tbody tr").nth(9).locator("a").first.evaluate("each => each.style.color = '#eee'")
    faults = faults_of(person)
    assert len(faults) == 1 and "axe color-contrast" in faults[0] and 'style="color' in faults[0]


def test_nothing_is_wrong_with_why_a_date_is_and_with_an_email(
    visitor: Callable[..., Visitor], sample: Installation
) -> None:
    context = sample.context()
    person, looking = visitor("dco.team"), Looking()
    for duty in report(context, CASE).duties[-2:]:
        person.open(f"/cases/{CASE}/why/{duty.rule}/{duty.opened_seq}")
        looking.at(person)
    for letter in letters(context)[:2]:
        person.open(f"/letters/{letter.id}")
        looking.at(person)
    assert looking.faults == []


def test_nothing_is_wrong_with_a_mail_that_waits(visitor: Callable[..., Visitor], sample: Installation) -> None:
    context = sample.context()
    letter = next(each for each in reversed(letters(context)) if each.state == "sent")
    sent_as = message_id(letter.id, context.directory.dco)
    raw = reply("We will look at it. " * 20, str(letter.mailbox), sent_as)
    found = receive(context, Fetched("dco@imap/INBOX/1/1", "1", raw, len(raw)), AllNames(context))
    person, looking = visitor("dco.team"), Looking()
    for path in ("/mails", f"/mails/{found.id}"):
        person.open(path)
        looking.at(person)
    person.press("Settle the mail")
    assert person.page.title().startswith("Error: ")
    looking.at(person)
    assert looking.faults == []


def test_nothing_is_wrong_with_holds_and_erasures(visitor: Callable[..., Visitor]) -> None:
    person, looking = visitor("dco.team"), Looking()
    page = person.page
    person.open("/retention")
    page.locator("#hold-case").fill(LATE)
    person.press("Record the hold")
    assert page.title().startswith("Error: ")
    looking.at(person)
    page.get_by_label("Why").select_option("complaint")
    person.press("Record the hold")
    assert person.says("is recorded")
    looking.at(person)
    page.locator("#case").fill(CASE)
    page.get_by_label("Ground").select_option("court_order")
    person.press("See what it erases")
    looking.at(person)
    person.press("Propose this erasure")
    assert person.says("Nothing is erased until another account approves it")
    looking.at(person)
    person.press("Refuse: erase nothing")
    looking.at(person)
    assert looking.faults == []


def test_nothing_is_wrong_with_errors_and_with_the_check_page(visitor: Callable[..., Visitor]) -> None:
    person, looking = visitor("dco.team"), Looking()
    page = person.page
    person.open(f"/cases/{CASE}/record/health_advice_received")
    page.get_by_label("Month").fill("14")
    person.press("Continue")
    assert page.title().startswith("Error: ")
    assert page.evaluate("document.activeElement.classList.contains('nhsuk-error-summary')")
    looking.at(person)
    page.get_by_label("Month").fill("4")
    for _question in range(10):
        person.press("Continue")
        looking.at(person)
        if person.heading.startswith("Check before it is recorded"):
            break
    assert page.locator("dd", has_text="14 Apr 2026").count() > 0
    person.press("Change Day on which it happened")
    assert page.get_by_label("Month").input_value() == "4"
    person.open("/decide")
    person.press("Record the decision")
    assert page.title().startswith("Error: ")
    looking.at(person)
    person.open(f"/cases/{CASE}/identity")
    person.press("Show it")
    assert page.title().startswith("Error: ")
    looking.at(person)
    page.get_by_label("Why you need to know it").select_option("which_child")
    person.press("Show it")
    assert person.says("This access is logged")
    looking.at(person)
    person.open("/cases")
    page.locator("summary", has_text="NHS number").click()
    page.get_by_label("NHS number").fill("999 000 0018")
    person.press("Find")
    looking.at(person)
    assert looking.faults == []


def test_nothing_is_wrong_before_and_after_a_session(
    visitors: Callable[..., Visitor], sample: Installation, origin: str
) -> None:
    person, looking = visitors(sample, origin), Looking()
    for path in ("/sign-in", "/sign-in?token=none", "/start", "/start?token=none", "/reset", "/reply/none", "/today"):
        person.open(path)
        looking.at(person)
    person.open("/sign-in")
    person.page.get_by_label("Account name").fill("nobody.here")
    person.page.get_by_label("Password").fill("three green bicycles")
    person.press("Sign in")
    assert person.page.title().startswith("Error: ")
    looking.at(person)
    person.sign_in("council")
    person.follow("Sign out")
    person.press("Sign out", exact=True)
    assert person.says("You are signed out")
    looking.at(person)
    assert looking.faults == []


def test_every_route_that_shows_a_page_is_opened_here() -> None:
    """A new page is looked at as well: its route is in a list of this file."""
    opened = [path.partition("?")[0] for paths in PAGES.values() for path in paths]
    for way in ROUTES:
        parts = way.path.split("/")
        found = any(
            len(path.split("/")) == len(parts)
            and all(part.startswith("{") or part == given for part, given in zip(parts, path.split("/"), strict=True))
            for path in opened
        )
        assert found or way.path in OPENED_ELSEWHERE or way.method == "POST", way.path
