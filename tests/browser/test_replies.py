"""Answering by a link in Chromium: without script, by keyboard, at 320 pixels, and nothing that axe complains of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from casework.replies.links import Link, link_to_all, link_to_duty, store_links, token_of
from casework.replies.record import Asked
from models.database import reading, transact
from models.enums import Party
from tests.browser.conftest import NARROW, WIDE, Visitor
from tests.browser.looking import faults_of
from web.installation import Installation

if TYPE_CHECKING:
    from playwright.sync_api import Page


def owed(installation: Installation) -> list[Asked]:
    """The requests for advice that the service with the most of them owes."""
    query = (
        "SELECT case_ref, rule, opened_seq, body, service FROM duty WHERE rule = 'ehc_body_advice_respond'"
        " AND closed_on IS NULL AND service = 'speech_and_language_therapy' ORDER BY due"
    )
    with reading(installation.context().engine) as connection:
        rows = [tuple(row) for row in connection.exec_driver_sql(query)]
    return [Asked(row[0], row[1], row[2], row[3], row[4], "service") for row in rows]


def address_of(installation: Installation, link: Link) -> str:
    context = installation.context()
    transact(context.engine, lambda each: store_links(each, context.cipher, [link], context.now()))
    return f"/reply/{token_of(context.cipher, link)}"


def links(installation: Installation) -> tuple[str, str]:
    """The address that answers one thing, and the one that answers all of its mailbox."""
    context = installation.context()
    one = owed(installation)[0]
    with reading(context.engine) as connection:
        la = connection.exec_driver_sql("SELECT la FROM case_file WHERE case_ref = ?", (one.case_ref,)).scalar()
    mailbox = context.directory.mailbox(la, one.body, one.service, Party.SERVICE, context.today())
    assert mailbox is not None
    this = address_of(installation, link_to_duty(one, mailbox, "a notice"))
    return this, address_of(installation, link_to_all(mailbox, context.today()))


def is_sound(visitor: Visitor) -> None:
    """Nothing that axe complains of, nothing wider than the window, nothing asked of elsewhere."""
    assert faults_of(visitor) == []


@pytest.mark.parametrize(("size", "script"), [(WIDE, True), (NARROW, False)])
def test_one_thing_is_answered_step_by_step_and_taken_back(
    own_sample: tuple[Installation, str], visitors: Callable[..., Visitor], size: tuple[int, int], script: bool
) -> None:
    installation, origin = own_sample
    this, _everything = links(installation)
    person = visitors(installation, origin, size, java_script_enabled=script)
    look = is_sound if script else lambda _visitor: None
    person.open(this)
    look(person)
    person.press("Continue")
    assert person.says("There is a problem") and person.says("Choose the answer that fits")
    look(person)
    person.page.get_by_label("We expect to send it, or do it").check()
    person.press("Continue")
    assert person.heading.startswith("We expect to send it, or do it")
    look(person)
    person.press("Continue")
    assert person.says("There is a problem")
    for part, value in (("Day", "20"), ("Month", "4"), ("Year", "2026")):
        person.page.get_by_label(part, exact=True).fill(value)
    person.press("Continue")
    assert person.heading == "Check before it is recorded" and person.says("20 April 2026")
    look(person)
    person.press("Send this answer")
    assert person.heading == "Your answer is recorded"
    look(person)
    person.press("Take this answer back")
    assert person.says("Your answer is taken back")
    look(person)


def test_the_list_of_a_mailbox_is_sound_wide_and_narrow_and_answered_by_keyboard(
    own_sample: tuple[Installation, str], visitors: Callable[..., Visitor]
) -> None:
    installation, origin = own_sample
    _this, everything = links(installation)
    person = visitors(installation, origin, NARROW)
    person.open(everything)
    is_sound(person)
    person.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    is_sound(person)
    keyboard(person.page)
    assert person.heading == "Check before it is recorded"
    is_sound(person)
    person.page.keyboard.press("Tab")
    person.press("Send this answer")
    assert person.says("Your answer is recorded")
    is_sound(person)


def test_a_provider_answers_in_its_account_on_a_narrow_screen_without_script(
    own_sample: tuple[Installation, str], visitors: Callable[..., Visitor]
) -> None:
    installation, origin = own_sample
    person = visitors(installation, origin, NARROW, java_script_enabled=False)
    person.sign_in("provider")
    person.follow("Answer what is asked for")
    assert person.path == "/own/reply" and person.says("the most overdue first")
    first, second = (person.page.locator("select.app-reply__select").nth(place) for place in (0, 1))
    first.select_option("received")
    second.select_option("wrong_mailbox")
    person.press("Continue")
    assert person.heading == "Check before it is recorded" and person.says("in the name of your account")
    person.press("Send these 2 answers")
    assert person.says("2 answers are recorded")
    person.press("Take this answer back")
    assert person.says("Your answer is taken back")


def keyboard(page: Page) -> None:
    """Choose the second answer of the first line and press Enter, without a mouse."""
    page.locator("select").first.focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("button", name="Continue").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_a_wrong_link_is_a_courteous_page(
    own_sample: tuple[Installation, str], visitors: Callable[..., Visitor]
) -> None:
    installation, origin = own_sample
    person = visitors(installation, origin, NARROW)
    person.open(f"/reply/{'A' * 32}")
    assert person.heading == "This link does not work"
    is_sound(person)
