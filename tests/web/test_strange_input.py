"""Characters that no person types end no page: a database or a workbook may refuse them."""

from __future__ import annotations

from tests.support.by_hand import CASE
from tests.support.team import Team
from tests.web.conftest import Browser
from tests.web.test_recording import fields, person

__all__ = ["person"]

PLACES = (
    "/cases?search=%00NX90001",
    "/cases?la=%00&body=%01&process=%1f",
    "/cases?search=%00&format=xlsx",
    "/today?la=%00&body=%00",
    "/lists/late?la=%00",
    "/reply/%00",
    "/mails/%00",
    "/mails?done=%00",
    "/reply/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA?page=%00&recorded=%0b",
    "/letters?state=%0b&format=xlsx",
    "/letters?state=%00",
    "/letters/%00",
    "/templates/%00",
    "/cases/%00",
    "/cases/%00/looks",
    "/cases/%00/identity",
    "/cases/%00/record",
    f"/cases/{CASE}?kind=%00&by=%00&text=%00&as_at=%00",
    f"/cases/{CASE}/why/%00/2",
    f"/cases/{CASE}/why/health_advice_respond/99999999999999999999",
    "/decide?open=%00",
    "/tomorrow?page=99999999999999999999",
    "/cases?page=99999999999999999999",
    "/letters?page=999999",
)


def test_a_page_answers_an_address_with_control_characters(team: Team, person: Browser) -> None:
    assert team.lines()
    answers = {place: person.get(place).status_code for place in PLACES}
    assert {place: status for place, status in answers.items() if status not in (200, 400, 404)} == {}


def test_a_form_with_control_characters_is_answered(team: Team, person: Browser) -> None:
    token = {"token": fields(person.get("/sign-out").text)["token"]}
    for path, form in (
        ("/cases/by-nhs-number", {"nhs_number": "999\x00"}),
        (f"/cases/{CASE}/identity", {"purpose": "to \x00 answer \x0b a call"}),
        (f"/cases/{CASE}/record/contact_made", {"with_whom": "\x00", "note": "\x00\x1f"}),
    ):
        assert person.post(path, data={**token, **form}).status_code in (200, 400)
    assert team.lines()
