"""A death on the pages: the case says it, files leave the child out, and a person releases what waits."""

from __future__ import annotations

from casework.cases.of_the_child import withheld_cases
from casework.delivery.holds import held_notices
from models.database import reading
from tests.support.by_hand import CASE
from tests.support.team import Team
from tests.web.conftest import Browser
from tests.web.test_owners_and_rows import token_of
from tests.web.test_recording import person

__all__ = ["person"]
SAID = "The child died on 16 March 2026. No e-mail about any case of the child leaves until a person releases it"


def test_a_case_says_it_files_leave_it_out_and_a_person_releases(team: Team, person: Browser) -> None:
    before = person.get("/lists/late?format=csv").text + person.get("/cases?format=csv").text
    assert CASE in before
    team.record("16 Mar 2026", "person_died", case=CASE)
    page = person.get(f"/cases/{CASE}").text
    assert SAID in page
    file = person.get("/cases?format=csv").text
    assert CASE not in file and "1 row is not in this list" in file
    with reading(team.first.engine) as connection:
        assert withheld_cases(connection) == {CASE: "person_died"}


def test_what_waits_is_released_with_a_reason(team: Team, person: Browser) -> None:
    team.record("16 Mar 2026", "person_flagged_sensitive", case=CASE)
    context = team.context("16 Mar 2026")
    waiting = held_notices(context, CASE)
    assert waiting, "a request was made, so that its body is to be written to"
    assert f'action="/cases/{CASE}/release"' in person.get(f"/cases/{CASE}").text
    refused = person.post(f"/cases/{CASE}/release", data={**token_of(person), "reason": " "})
    assert refused.status_code == 400 and "Say why" in refused.text
    done = person.post(f"/cases/{CASE}/release", data={**token_of(person), "reason": "the family agreed"})
    assert done.status_code == 200 and f'action="/cases/{CASE}/release"' not in done.text
    assert held_notices(context, CASE) == []
    [fact] = [line for line in team.lines(CASE) if line.kind == "letters_released"]
    assert fact.actor == "dco.team" and "family" not in str(fact.data)
