"""One act on several cases in Chromium: chosen by boxes, checked, done; its error states; at both widths."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.conftest import NARROW, WIDE, Visitor
from tests.browser.looking import faults_of
from web.installation import Installation


def test_cases_are_chosen_checked_and_assigned_at_both_widths(
    visitors: Callable[..., Visitor], own_sample: tuple[Installation, str]
) -> None:
    installation, origin = own_sample
    faults: list[str] = []
    for size in (WIDE, NARROW):
        person = visitors(installation, origin, size)
        person.sign_in("dco.team")
        person.open("/cases")
        person.press("Do something with the chosen cases")
        assert person.says("No case was chosen")
        for place in (0, 1):
            person.page.get_by_role("checkbox").nth(place).check()
        person.press("Do something with the chosen cases")
        faults += faults_of(person)
        person.press("Continue")
        assert person.page.title().startswith("Error: ")
        faults += faults_of(person)
        person.page.get_by_label("Assign them to somebody").check()
        person.press("Continue")
        faults += faults_of(person)
        person.press("See what it does")
        assert person.page.title().startswith("Error: ")
        faults += faults_of(person)
        person.page.get_by_label("Who looks after them").select_option("admin.team" if size == WIDE else "dco.team")
        person.press("See what it does")
        faults += faults_of(person)
        person.press("Do it with 2 cases")
        assert person.says("Done with 2 cases")
        faults += faults_of(person)
    assert faults == []


def test_the_same_fact_and_a_view_without_a_script(
    visitors: Callable[..., Visitor], own_sample: tuple[Installation, str]
) -> None:
    installation, origin = own_sample
    person = visitors(installation, origin, NARROW, java_script_enabled=False)
    person.sign_in("admin.team")
    person.open("/cases?process=ehc_needs_assessment")
    for place in (0, 1):
        person.page.get_by_role("checkbox").nth(place).check()
    person.press("Do something with the chosen cases")
    person.page.get_by_label("Record the same fact on each").check()
    person.press("Continue")
    assert person.heading.startswith("Which fact")
    person.page.get_by_label("The fact").select_option("contact_made")
    person.press("Continue")
    assert person.heading.startswith("Record the same fact on each")
    person.open("/cases?show=late")
    person.page.get_by_text("Your views", exact=True).click()
    person.page.get_by_label("Save these filters as").fill("Late ones")
    person.press("Save the view")
    assert person.path == "/cases?show=late" and person.page.get_by_role("link", name="Late ones").count() == 1


def test_nothing_is_wrong_with_a_view_that_is_refused(
    visitors: Callable[..., Visitor], own_sample: tuple[Installation, str]
) -> None:
    installation, origin = own_sample
    person = visitors(installation, origin, NARROW)
    person.sign_in("auditor")
    person.open("/cases")
    person.page.get_by_text("Your views", exact=True).click()
    person.press("Save the view")
    assert person.page.title().startswith("Error: ")
    assert faults_of(person) == []
