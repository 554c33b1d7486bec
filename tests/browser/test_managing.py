"""Audit, children, law, organisations at a browser: forms and refusals, with and without script, by keyboard."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from casework.privacy.case_looks import looks_at
from tests.browser.conftest import Visitor
from tests.browser.looking import faults_of
from web.installation import Installation

CASE, OTHER = "SP90001", "SP00105"


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_dco_manages_law_children_and_audit(
    visitors: Callable[..., Visitor], own_sample: tuple[Installation, str], script: bool
) -> None:
    installation, origin = own_sample
    dco = visitors(installation, origin, java_script_enabled=script)
    page, faults = dco.page, []
    dco.sign_in("dco.team")

    # By when, if it came on 2 March? First without a day, which is refused beside the field.
    dco.open("/law")
    page.get_by_label("Words, or a provision").fill("reg 8(1)")
    dco.press("Show")
    dco.follow("Comply with the request")
    dco.press("Calculate")
    assert page.title().startswith("Error: ")
    faults += faults_of(dco, axe=script)
    day = page.get_by_role("group", name="If it came on")
    for label, text in (("Day", "2"), ("Month", "3"), ("Year", "2026")):
        day.get_by_label(label).fill(text)
    with page.expect_navigation():
        day.get_by_label("Year").press("Enter")
    assert dco.says("Due 13 April 2026") and dco.path == "/law/rules/ehc_body_advice_respond#answer"

    # She looks at what may change, and says what she found.
    dco.open("/law/watch")
    dco.press("Record the check")
    assert page.title().startswith("Error: ")
    faults += faults_of(dco, axe=script)
    page.get_by_label("Nothing has changed").first.check()
    dco.press("Record the check")
    assert dco.says("Your check is recorded")

    # Two cases side by side: who they are about needs a purpose, and joining them a second look.
    dco.open("/children")
    page.get_by_label("A case of the child").fill(CASE)
    page.get_by_label("A case to compare it with").fill(OTHER)
    dco.press("Open")
    dco.press("Show who it is")
    assert page.title().startswith("Error: ")
    faults += faults_of(dco, axe=script)
    page.get_by_label("Why you need to know who it is").select_option("same_child")
    dco.press("Show who it is")
    assert dco.says("This access is logged on each case")
    faults += faults_of(dco, axe=script)
    assert ("identity", "same_child") in {(each.what, each.code) for each in looks_at(installation.context(), OTHER)}

    # A bundle for nobody is refused; a new mailbox that is none sends nothing.
    dco.open("/audit")
    dco.press("Take the bundle")
    assert page.title().startswith("Error: ")
    faults += faults_of(dco, axe=script)
    dco.open("/organisations")
    page.get_by_label("Whose mailbox").select_option(index=1)
    page.get_by_label("New mailbox").fill("nobody")
    dco.press("Send a test message")
    assert page.title().startswith("Error: ") and dco.says("That is no mailbox")
    faults += faults_of(dco, axe=script)
    assert [each for each in faults if "console: Failed to load" not in each] == []


def test_the_form_of_the_calculator_is_filled_by_keyboard_alone(visitor: Callable[..., Visitor]) -> None:
    dco = visitor("dco.team")
    dco.open("/law/rules/ehc_body_advice_respond")
    page = dco.page
    for _step in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "on-day":
            break
    for part in ("2", "3", "2026"):
        page.keyboard.type(part)
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Calculate"
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert dco.says("Due 13 April 2026")
