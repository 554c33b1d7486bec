"""An administrator moves a service, changes a step and a column at a browser, wide and narrow, without script too."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Page

from models.enums import Party
from tests.browser.conftest import NARROW, WIDE, Visitor
from tests.browser.looking import faults_of
from tests.web.test_organisation_pages import code_sent
from web.installation import Installation

SLT, NORTHSHIRE, LOWMOOR = "speech_and_language_therapy", "QX101", "QX103"
NEW = ("slt@lowmoor-therapies.example", "slt.manager@lowmoor-therapies.example")
SHOTS = os.environ.get("SENDFLOW_SHOTS")  # a folder for pictures, for a person who looks


class Watched:
    """A person whose every page is looked at."""

    def __init__(self, visitor: Visitor, script: bool, name: str) -> None:
        self.visitor, self.script, self.name, self.number = visitor, script, name, 0
        self.faults: list[str] = []

    def look(self) -> None:
        self.number += 1
        if SHOTS:
            self.visitor.page.screenshot(path=Path(SHOTS) / f"{self.name}-{self.number:02}.png", full_page=True)
        self.faults += faults_of(self.visitor, axe=self.script)

    def press(self, name: str) -> None:
        self.visitor.press(name)
        self.look()

    def follow(self, name: str) -> None:
        self.visitor.follow(name)
        self.look()

    def said(self) -> list[str]:
        """What is wrong with the pages that were seen, but for the console's line about a refusal."""
        return [each for each in self.faults if "console: Failed to load" not in each]

    def day(self, group: str, on: date) -> None:
        fields = self.visitor.page.get_by_role("group", name=group)
        for label, value in (("Day", on.day), ("Month", on.month), ("Year", on.year)):
            fields.get_by_label(label).fill(str(value))


@pytest.fixture(params=[True, False], ids=["wide", "narrow without script"])
def seen(
    request: pytest.FixtureRequest, own_sample: tuple[Installation, str], visitors: Callable[..., Visitor]
) -> Watched:
    installation, origin = own_sample
    script: bool = request.param
    dco = visitors(installation, origin, WIDE if script else NARROW, java_script_enabled=script)
    dco.page.set_default_timeout(60_000)  # an adoption reads every letter and machine
    dco.sign_in("dco.team")
    return Watched(dco, script, "wide" if script else "narrow")


def test_a_service_moves_to_a_new_provider(seen: Watched) -> None:
    dco, page, installation = seen.visitor, seen.visitor.page, seen.visitor.installation
    today = installation.context().today()
    last, first = date(today.year, today.month + 1, 15), date(today.year, today.month + 1, 16)

    # The old provider's last day, and who follows it.
    dco.open("/organisations")
    seen.look()
    seen.follow("Northshire Community Health NHS Trust")
    seen.follow("Change Speech and Language Therapy")
    seen.day("Last day", last)
    page.get_by_label("Successor").select_option(LOWMOOR)
    seen.press("See what it changes")
    assert dco.says("the directory has no body that provides Speech and Language Therapy for Northshire")
    seen.press("Record it")
    assert dco.says("The change is recorded, and in force on every machine.")

    # The new one, with two mailboxes; first without an authority.
    seen.follow("Lowmoor Children's Therapies NHS Trust")
    seen.follow("Add a service that it gives")
    page.get_by_label("Service", exact=True).select_option(SLT)
    page.get_by_label("Mailbox", exact=True).fill(NEW[0])
    page.get_by_label("Mailbox of the manager").fill(NEW[1])
    seen.day("First day", first)
    seen.press("See what it changes")
    assert page.title().startswith("Error: ") and dco.says("For which authorities: choose an answer")
    page.get_by_label("Northshire", exact=True).check()
    page.get_by_label("Tarnford", exact=True).check()
    seen.press("See what it changes")
    assert dco.says("A test message with a code goes to")
    seen.press("Send the test messages")
    for mailbox in NEW:
        page.get_by_label(f"Code of the test message to {mailbox}").fill(code_sent(installation, mailbox))
    seen.press("Record the change")
    assert dco.says("The change is recorded, and in force on every machine.")
    directory = installation.context().directory
    mailboxes = [directory.mailbox("northshire", NORTHSHIRE, SLT, Party.SERVICE, day) for day in (last, first)]
    assert mailboxes == ["slt.advice@northshire-community.example", NEW[0]]

    assert seen.said() == []


def test_a_person_in_a_role_is_away(seen: Watched) -> None:
    dco, page = seen.visitor, seen.visitor.page
    today = dco.installation.context().today()
    first, last = date(today.year + 1, 1, 4), date(today.year + 1, 1, 8)
    dco.open("/organisations/entries/person/new")
    page.get_by_label("Name", exact=True).fill("Jo Hart")
    page.get_by_label("Role", exact=True).select_option(f"{NORTHSHIRE}:send_lead")
    seen.press("See what it changes")
    seen.press("Record it")
    seen.follow("add an absence of Jo Hart")
    seen.day("First day", first)
    seen.day("Last day", last)
    page.get_by_label("Mailbox of the deputy").fill("therapies.manager@northshire-community.example")
    seen.press("See what it changes")
    seen.press("Record it")
    assert dco.says("Away from")

    assert seen.said() == []


def test_a_reminder_is_a_week_later(seen: Watched) -> None:
    dco, page = seen.visitor, seen.visitor.page
    dco.open("/policy")
    seen.look()
    dco.open("/policy/ehc_body_advice_respond/reminder_3_weeks")
    seen.look()
    page.get_by_label("How many").fill("four")
    seen.press("See what it changes")
    assert page.title().startswith("Error: ")
    page.get_by_label("How many").fill("4")
    seen.press("See what it changes")
    assert dco.says("E-mails of the next four weeks, beside now")
    seen.press("Record it")
    step = dco.installation.context().escalation_policy.step("ehc_body_advice_respond", "reminder_3_weeks")
    assert step is not None and step.weeks == 4

    assert seen.said() == []


def test_a_letter_about_a_fact_goes_to_one_more(seen: Watched) -> None:
    dco, page = seen.visitor, seen.visitor.page
    dco.open("/policy/parts/letter.health_advice_requested")
    seen.look()
    page.locator("#to-service").uncheck()
    seen.press("See what it changes")
    assert page.title().startswith("Error: ")
    page.locator("#to-service").check()
    page.locator("#to-dco").check()
    seen.press("See what it changes")
    assert dco.says("In the last four weeks")
    seen.press("Record it")
    to = dco.installation.context().escalation_policy.letter["health_advice_requested"].to
    assert [str(each) for each in to] == ["service", "dco"]
    dco.open("/policy/parts/said_sent.ehc_body_advice_respond")
    page.get_by_label("For how many working days").fill("3")
    seen.press("See what it changes")
    assert dco.says("no step falls due for 3 working days")

    assert seen.said() == []


def test_a_list_of_words_is_changed_by_keyboard_alone(
    own_sample: tuple[Installation, str], visitors: Callable[..., Visitor]
) -> None:
    installation, origin = own_sample
    dco = visitors(installation, origin)
    dco.sign_in("dco.team")
    dco.open("/columns/words.yes")
    page = dco.page
    to_tab(page, "document.activeElement.id", "words")
    page.keyboard.press("Control+End")
    page.keyboard.type("\nja")
    to_tab(page, "document.activeElement.textContent.trim()", "See what it changes")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert dco.says("Added: ja.")
    to_tab(page, "document.activeElement.textContent.trim()", "Record it")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert dco.says("The change is recorded, and in force on every machine")


def to_tab(page: Page, what: str, wanted: str) -> None:
    """Press Tab until the browser says so."""
    for _step in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(what) == wanted:
            return
    raise AssertionError(f"no way by keyboard to {wanted}")


def test_a_header_of_the_tracker_is_learned(seen: Watched) -> None:
    dco, page = seen.visitor, seen.visitor.page
    dco.open("/columns")
    page.get_by_label("A header of your tracker").fill("Northshire number")
    seen.press("Ask")
    assert dco.says("not understood")
    seen.follow("Change Headers of: Ref")
    page.get_by_label("Words").fill("Ref\nRef")
    seen.press("See what it changes")
    assert page.title().startswith("Error: ")
    page.get_by_label("Words").fill("Ref\nNorthshire number")
    page.get_by_label("The header row of your tracker").fill("Northshire number\tLA\tCase ref\tCAMHS chased")
    seen.press("See what it changes")
    assert dco.says("no longer read") and dco.says("CAMHS chased would not be read and may hold answers")
    seen.look()
    seen.press("Record it")
    dco.open("/columns?header=Northshire+number")
    assert dco.says("understood as: Ref")
    seen.look()
    assert seen.said() == []


def test_a_service_ends_by_keyboard_alone(
    own_sample: tuple[Installation, str], visitors: Callable[..., Visitor]
) -> None:
    installation, origin = own_sample
    dco = visitors(installation, origin)
    dco.sign_in("dco.team")
    dco.open("/organisations/entries/provides/QX101.2")
    page = dco.page
    for _step in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "last_day-day":
            break
    for part in ("15", "6", str(installation.context().today().year + 1)):
        page.keyboard.type(part)
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "See what it changes"
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert dco.says("Check before it is recorded")
    for _step in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Record it":
            break
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert dco.says("The change is recorded, and in force on every machine.")
