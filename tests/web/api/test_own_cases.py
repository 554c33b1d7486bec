"""The system of a local authority hands over requests and sees its own cases; those of others do not exist to it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from config.rights import roles
from models.database import reading
from tests.support.by_hand import CASE
from tests.support.team import Team
from tests.web.api.conftest import Program
from tests.web.conftest import browser_of

Programs = Callable[..., Program]
REQUEST = {"kind": "ehc_assessment_requested", "on": "2026-03-10", "data": {"la_reference": "NS-1", "parent": True}}
OTHER = "NX90077"


@pytest.fixture
def council(team: Team, programs: Programs) -> Program:
    """The system of Northshire, beside a case of another authority."""
    team.record("16 Mar 2026", "ehc_assessment_requested", case=OTHER, la="eastmere", nhs_number="999 000 0018")
    return programs(account="northshire.system", role="council_system")


def sent(**data: object) -> dict[str, object]:
    return {"kind": "ehc_assessment_requested", "on": "2026-03-10", "data": {"la_reference": "NS-1", **data}}


def test_it_hands_a_request_over_and_takes_its_state_back(council: Program) -> None:
    answer = council.act("/own/cases", sent(nhs_number="999 123 4500"), key="k")
    assert answer.status_code == 201, answer.text
    ref = answer.json()["case_ref"]
    again = council.act("/own/cases", sent(nhs_number="999 123 4500"), key="k")
    assert (again.json()["case_ref"], again.headers["idempotency-replayed"]) == (ref, "true")
    found = council.read(f"/own/cases/{ref}").json()
    assert (found["la_reference"], found["process"]) == ("NS-1", "ehc_needs_assessment")
    assert "facts" not in found
    assert ref in [row["case_ref"] for row in council.read("/own/cases").json()["items"]]


def test_its_cases_have_the_duties_of_health_bodies(council: Program) -> None:
    found = council.read(f"/own/cases/{CASE}").json()
    assert [(duty["rule"], duty["body"], duty["due"]) for duty in found["duties"]] == [
        ("ehc_body_advice_respond", "QX101", "2026-04-13")
    ]


def test_a_case_of_another_authority_does_not_exist_to_it(council: Program) -> None:
    none, other = council.read("/own/cases/NX99999"), council.read(f"/own/cases/{OTHER}")
    assert (other.status_code, other.content) == (none.status_code, none.content) == (404, none.content)
    rows = council.read("/own/cases?show=all").json()["items"]
    assert {row["la"] for row in rows} == {"northshire"} and rows
    linked = council.act("/own/cases", sent(linked_to=OTHER))
    assert (linked.status_code, linked.json()["code"]) == (404, none.json()["code"])


def test_a_child_who_is_known_elsewhere_is_asked_of_the_team_and_no_case_is_named(team: Team, council: Program) -> None:
    before = team.dump()
    answer = council.act("/own/cases", sent(nhs_number="999 000 0018"))
    assert (answer.status_code, answer.json()["code"]) == (409, "needs_the_team")
    assert OTHER not in answer.text and "eastmere" not in answer.text
    assert team.dump() == before


@pytest.mark.parametrize(
    ("document", "status", "code"),
    [
        (sent(la="eastmere"), 403, "other_authority"),
        ({"kind": "health_advice_received", "on": "2026-03-10", "data": {}}, 422, "not_handed_over"),
        ({"kind": "panel_convened", "on": "2026-03-10", "data": {}}, 422, "not_handed_over"),
        ({"kind": "safeguarding_referral_made", "on": "2026-03-10", "data": {}}, 422, None),
        ({**sent(), "on": "2027-01-01"}, 422, "future_date"),
    ],
)
def test_what_it_may_not_hand_over_is_refused(
    team: Team, council: Program, document: dict[str, object], status: int, code: str | None
) -> None:
    before = team.dump()
    answer = council.act("/own/cases", document)
    assert answer.status_code == status, answer.text
    assert code is None or answer.json()["code"] == code
    assert team.dump() == before


def test_each_read_of_a_case_is_in_the_log_of_looks(team: Team, council: Program) -> None:
    council.read(f"/own/cases/{CASE}")
    with reading(team.first.engine) as connection:
        query = "SELECT actor FROM case_look WHERE case_ref = 'NX90001'"
        assert connection.exec_driver_sql(query).scalars().all() == ["northshire.system"]


def test_its_account_opens_no_page_and_no_other_list(council: Program) -> None:
    for path in ("/cases", f"/cases/{CASE}", "/duties", "/letters", "/own/requests"):
        assert council.read(path).status_code == 403, path
    assert council.act(f"/cases/{CASE}/facts", {"facts": [REQUEST]}).status_code == 403
    person = browser_of(council.installation).sign_in("northshire.system")
    for path in ("/today", "/cases", f"/cases/{CASE}", "/letters"):
        assert person.get(path).status_code == 403, path
    assert roles()["council_system"].may == {"own", "own_cases", "hand_over"}
