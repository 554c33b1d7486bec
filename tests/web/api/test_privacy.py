"""No answer has an identity without the scope and a purpose; and a case that may not be named does not exist."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from casework.context import AppContext
from casework.privacy.case_looks import looks_at
from models.change_log import COVERED
from models.database import reading
from tests.support.by_hand import CASE, SALT
from tests.support.canaries import CANARIES, CLINICAL, NAMES
from tests.support.team import Team
from tests.web.api.conftest import Program

Programs = Callable[..., Program]
OTHER = "NX90002"
NUMBER, BORN = "9993334448", "2012-02-29"
OPENS: dict[str, Any] = {
    "kind": "ehc_assessment_requested",
    "on": "2026-03-10",
    "data": {"la": "northshire", "la_reference": "NS-05555", "nhs_number": NUMBER, "date_of_birth": BORN},
}
READS = (
    "/me",
    "/cases?show=all",
    f"/cases/{CASE}",
    f"/cases/{CASE}/recordable",
    "/duties?show=open",
    "/letters",
    "/processes",
)


def everything(program: Program, ref: str) -> str:
    """Every answer that this program can read, also of the letters."""
    texts = [program.read(path.replace(CASE, ref)).text for path in READS]
    ids = [each["id"] for each in program.read("/letters").json()["items"]]
    return "\n".join([*texts, *(program.read(f"/letters/{id_}").text for id_ in ids)])


def test_an_identity_goes_in_and_comes_out_only_with_its_scope_and_a_purpose(
    team: Team, programs: Programs, caplog: pytest.LogCaptureFixture
) -> None:
    program, context = programs(), team.context("16 Mar 2026")
    with caplog.at_level(logging.DEBUG):
        opened = program.act("/cases", {"facts": [OPENS]})
        ref = opened.json()["case_ref"]
        claim = {
            "kind": "excuse_claimed",
            "on": "2026-03-16",
            "data": {"ground": "absent_4_weeks", "reason": CLINICAL[0]},
        }
        program.act(f"/cases/{CASE}/facts", {"facts": [claim]})
        wrong = {"facts": [{**OPENS, "kind": NAMES[0], "data": {NAMES[0]: NUMBER, "nhs_number": "9993334449"}}]}
        refused = program.act("/cases", wrong)
        bad_number = program.act(
            "/cases", {"facts": [{**OPENS, "data": {**OPENS["data"], "nhs_number": "9993334449"}}]}
        )
        in_clear = program.act("/cases", {"facts": [{**OPENS, "data": {"la": "northshire", "la_reference": NUMBER}}]})
        texts = [opened.text, refused.text, bad_number.text, in_clear.text, everything(program, ref)]
    assert bad_number.json()["field"] == "nhs_number"
    assert in_clear.status_code in (409, 422)
    for canary in (*CANARIES, NUMBER, "9993334449", BORN):
        assert not any(canary in text for text in texts), canary
        assert canary not in caplog.text
    no_purpose = program.act(f"/cases/{ref}/identity", {"purpose": " "})
    assert (no_purpose.status_code, no_purpose.json()["field"]) == (422, "purpose")
    no_word = program.act(f"/cases/{ref}/identity", {"purpose": CANARIES[0].lower()})
    assert (no_word.status_code, no_word.json()["field"]) == (422, "purpose")
    assert CANARIES[0].lower() not in no_word.text
    shown = program.act(f"/cases/{ref}/identity", {"purpose": "which_child"})
    assert (shown.json()["nhs_number"], shown.json()["date_of_birth"]) == (NUMBER, BORN)
    (look,) = [each for each in looks_at(context, ref) if each.what == "identity"]
    assert (look.actor, look.what, look.code) == ("council.system", "identity", "which_child")


def test_no_stored_answer_and_no_key_has_an_identity(team: Team, programs: Programs) -> None:
    programs().act("/cases", {"facts": [OPENS]}, key=NUMBER)
    with reading(team.first.engine) as connection:
        rows = connection.exec_driver_sql("SELECT * FROM api_answer").all()
    assert len(rows) == 1
    assert NUMBER not in str(rows)
    assert "api_answer" not in COVERED


def hide(team: Team, program: Program, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the case one that no program may see: withheld by a fact, or of a process that Prefect may not name."""
    if how == "restricted":
        monkeypatch.setattr(AppContext, "restricted", frozenset({"package"}))
        program.installation.context().__dict__.pop("restricted", None)  # it was worked out before
    else:
        team.record("16 Mar 2026", how, case=OTHER)


@pytest.fixture
def hidden(team: Team, programs: Programs) -> Programs:
    """A second case of the first one's child, linked to it."""
    team.record("16 Mar 2026", "package_proposed", case=OTHER, la="northshire", la_reference="NS-04412", linked_to=CASE)
    return programs


@pytest.mark.parametrize("how", ["restricted", "person_flagged_sensitive"])
def test_a_case_that_may_not_be_named_answers_as_one_that_does_not_exist(
    team: Team, hidden: Programs, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = hidden()
    for when in ("16 Mar 2026", "14 Apr 2026", "16 Mar 2026"):
        team.day(when)
    assert OTHER in everything(program, CASE)
    hide(team, program, how, monkeypatch)
    before = team.dump()

    def answers(ref: str) -> list[Any]:
        fact = {"facts": [{"kind": "case_closed", "on": "2026-03-16"}]}
        found = [program.read(f"/cases/{ref}"), program.read(f"/cases/{ref}/recordable")]
        found += [program.read(f"/cases/{ref}/duties/x/1/why"), program.act(f"/cases/{ref}/facts", fact)]
        found += [program.post(f"/api/v1/cases/{ref}/facts?dry_run=true", json=fact)]
        found += [program.act(f"/cases/{ref}/identity", {"purpose": "contact"})]
        return [(each.status_code, each.content) for each in found]

    assert answers(OTHER) == answers("NX99999")
    assert {status for status, _content in answers(OTHER)} == {404}
    assert OTHER not in everything(program, CASE)
    assert team.dump() == before
    assert [
        look for look in looks_at(team.context("16 Mar 2026"), OTHER) if look.actor == "council.system"
    ] == [] or how


def test_what_an_act_says_names_no_hidden_case(team: Team, hidden: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    program = hidden()
    hide(team, program, "restricted", monkeypatch)
    fact = {"kind": "case_withdrawn", "on": "2026-03-16"}
    tried = program.post(f"/api/v1/cases/{CASE}/facts?dry_run=true", json={"facts": [fact]})
    done = program.act(f"/cases/{CASE}/facts", {"facts": [fact]})
    assert (tried.status_code, done.status_code) == (200, 201), done.text
    assert OTHER not in tried.text + done.text
    opens = {"kind": "package_proposed", "on": "2026-03-16", "data": {"la": "northshire", "linked_to": CASE}}
    refused = program.act("/cases", {"facts": [opens]})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_fact")
    assert "package" not in {each["name"] for each in program.read("/processes").json()["items"]}
    assert program.read("/processes/package/facts/package_proposed").status_code == 404


def test_the_service_of_a_withheld_case_cannot_answer_it(team: Team, programs: Programs) -> None:
    provider = programs("answer", "own", account="trust.system", role="provider")
    (owed,) = provider.read("/own/requests").json()["items"]
    assert owed["service"] == SALT
    team.record("16 Mar 2026", "person_died")
    about = {name: owed[name] for name in ("case_ref", "rule", "opened_seq")}
    answer = provider.act("/own/answers", {**about, "answer": "received"})
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_case")
    assert provider.read("/own/requests").json() == {"items": []}
    assert provider.read("/own/duties").json()["items"] == []
