"""Acts of programs: the same validation and facts as every other way, done once under one key, with the right head."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from casework.access import api_answers
from models.database import reading
from tests.support.by_hand import CASE, PAEDS, SALT
from tests.support.team import Team
from tests.web.api.conftest import Program

Programs = Callable[..., Program]
RECEIVED = {"kind": "health_advice_received", "on": "2026-03-16", "data": {"body": "QX101", "service": SALT}}
OPENS = {
    "kind": "ehc_assessment_requested",
    "on": "2026-03-10",
    "data": {"la": "northshire", "la_reference": "NS-05555", "nhs_number": "9991234500"},
}


def test_a_program_opens_a_case_and_reads_it(team: Team, programs: Programs) -> None:
    program = programs("record", "case")
    answer = program.act("/cases", {"facts": [OPENS]})
    assert answer.status_code == 201, answer.text
    ref = answer.json()["case_ref"]
    assert answer.headers["location"] == f"/api/v1/cases/{ref}"
    assert answer.json() == {
        "case_ref": ref,
        "process": "ehc_needs_assessment",
        "state": answer.json()["state"],
        "seq": 1,
        "facts": 1,
        "follow_ups": answer.json()["follow_ups"],
    }
    [line] = team.lines(ref)
    assert (line.kind, line.actor, line.via) == ("ehc_assessment_requested", "council.system", "api")
    found = program.get(answer.headers["location"]).json()
    assert (found["case_ref"], found["la_reference"]) == (ref, "NS-05555")
    assert "9991234500" not in answer.text
    assert "9991234500" not in str(found)


def test_a_fact_by_a_program_is_the_fact_by_a_person(team: Team, programs: Programs) -> None:
    answer = programs("record").act(f"/cases/{CASE}/facts", {"facts": [RECEIVED]})
    assert (answer.status_code, answer.json()["case_ref"]) == (201, CASE)
    *_before, line = team.lines()
    assert (line.kind, line.data["service"], line.seq) == ("health_advice_received", SALT, answer.json()["seq"])
    assert team.verify("16 Mar 2026").intact


def test_the_account_of_the_token_is_who_acted(team: Team, programs: Programs) -> None:
    program = programs()
    program.act(f"/cases/{CASE}/facts", {"facts": [RECEIVED]})
    program.read(f"/cases/{CASE}")
    program.act(f"/cases/{CASE}/identity", {"purpose": "contact"})
    query = """
        SELECT a.account, a.how FROM fact f JOIN acting a ON a.number = f.acting WHERE f.kind = 'health_advice_received'
        UNION ALL SELECT a.account, a.how FROM change_log c JOIN acting a ON a.number = c.acting
        WHERE c.subject IN ('case_look', 'person_read')
    """
    with reading(team.first.engine) as connection:
        assert {tuple(row) for row in connection.exec_driver_sql(query)} == {("council.system", "signed_in")}


def test_a_dry_run_says_what_it_would_do_and_records_nothing(team: Team, programs: Programs) -> None:
    program, before = programs("record"), team.dump()
    answer = program.post(f"/api/v1/cases/{CASE}/facts?dry_run=true", json={"facts": [RECEIVED]})
    assert answer.status_code == 200
    (case,) = answer.json()["cases"]
    assert (case["case_ref"], case["kinds"]) == (CASE, ["health_advice_received"])
    opened = program.post("/api/v1/cases?dry_run=true", json={"facts": [OPENS]})
    assert [each["case_ref"] for each in opened.json()["cases"]] == ["new"]
    assert team.dump() == before


def test_the_same_call_again_records_nothing_and_has_the_same_answer(team: Team, programs: Programs) -> None:
    program = programs("record")
    for path, facts in (("/cases", [OPENS]), (f"/cases/{CASE}/facts", [RECEIVED])):
        first = program.act(path, {"facts": facts}, key="once" + path[-5:])
        before = team.dump()
        again = program.act(path, {"facts": facts}, key="once" + path[-5:])
        assert (again.status_code, again.json()) == (first.status_code, first.json())
        assert again.headers["idempotency-replayed"] == "true"
        assert again.headers["location"] == first.headers["location"]
        assert "idempotency-replayed" not in first.headers
        assert team.dump() == before


def test_a_key_is_of_one_act_of_one_account(team: Team, programs: Programs) -> None:
    program = programs("record")
    assert program.act("/cases", {"facts": [OPENS]}, key="k").status_code == 201
    before = team.dump()
    other = program.act(f"/cases/{CASE}/facts", {"facts": [RECEIVED]}, key="k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert other.json()["field"] == "Idempotency-Key"
    assert team.dump() == before
    another = programs("record", account="other.system")
    assert another.act(f"/cases/{CASE}/facts", {"facts": [RECEIVED]}, key="k").status_code == 201


def test_a_refused_act_may_be_tried_again_under_its_key(programs: Programs) -> None:
    program = programs("record")
    late = {**RECEIVED, "on": "2027-01-01"}
    refused = program.act(f"/cases/{CASE}/facts", {"facts": [late]}, key="k")
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, "future_date", "on")
    assert program.act(f"/cases/{CASE}/facts", {"facts": [RECEIVED]}, key="k").status_code == 201


def test_an_act_has_a_key(team: Team, programs: Programs) -> None:
    before = team.dump()
    answer = programs("record").post(f"/api/v1/cases/{CASE}/facts", json={"facts": [RECEIVED]})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")
    assert team.dump() == before


def test_calls_under_one_key_at_once_record_once(team: Team, programs: Programs) -> None:
    program, answers = programs("record"), list[Any]()
    threads = [
        threading.Thread(target=lambda: answers.append(program.act("/cases", {"facts": [OPENS]}, key="k")))
        for _ in range(6)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {each.status_code for each in answers} == {201}
    assert len({each.json()["case_ref"] for each in answers}) == 1
    with reading(team.first.engine) as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM fact WHERE kind = 'ehc_assessment_requested'")
        assert count.scalar_one() == 2


def test_the_answer_is_stored_with_the_facts_or_neither_is(
    team: Team, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, before = programs("record"), team.dump()

    def broken(*_given: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(api_answers.Once, "end", broken)
        assert program.act("/cases", {"facts": [OPENS]}, key="k").status_code == 500
    assert team.dump() == before
    assert program.act("/cases", {"facts": [OPENS]}, key="k").status_code == 201


def test_if_match_records_only_on_the_case_that_was_read(team: Team, programs: Programs) -> None:
    program = programs("record", "case")
    tag = program.read(f"/cases/{CASE}").headers["etag"]
    team.record("16 Mar 2026", "health_advice_acknowledged", body="QX101", service=SALT)
    before = team.dump()
    stale = program.act(f"/cases/{CASE}/facts", {"facts": [RECEIVED]}, if_match=tag)
    assert (stale.status_code, stale.json()["code"]) == (412, "changed_meanwhile")
    tried = program.post(
        f"/api/v1/cases/{CASE}/facts?dry_run=true", json={"facts": [RECEIVED]}, headers={"if-match": tag}
    )
    assert tried.status_code == 412
    assert team.dump() == before
    fresh = program.read(f"/cases/{CASE}").headers["etag"]
    assert program.act(f"/cases/{CASE}/facts", {"facts": [RECEIVED]}, if_match=f'"x.y", {fresh}').status_code == 201
    again = [{"kind": "health_advice_requested", "on": "2026-03-16", "data": {"service": PAEDS}}]
    assert program.act(f"/cases/{CASE}/facts", {"facts": again}, if_match="*").status_code == 201


@pytest.mark.parametrize(
    ("facts", "status", "code", "field"),
    [
        ([], 422, "bad_request", "facts"),
        ([{**RECEIVED, "kind": "Maisie Canary"}], 422, "bad_request", "kind"),
        ([{**RECEIVED, "kind": "no_such_fact"}], 422, "unknown_fact", None),
        ([{**RECEIVED, "on": "16/03/2026"}], 422, "bad_request", "on"),
        ([{**RECEIVED, "data": {"body": "QX999", "service": SALT}}], 422, "unknown_body", "body"),
        ([{**RECEIVED, "data": {"body": "QX101", "service": SALT, "Maisie": 1}}], 422, "unknown_data", None),
        ([{**RECEIVED, "data": {"body": "QX101\u0000", "service": SALT}}], 422, "bad_request", "body"),
        ([{**RECEIVED, "data": {"body": 10**30}}], 422, "bad_request", "body"),
        ([{**RECEIVED, "data": {"body": ["x"]}}], 422, "bad_request", "body"),
        ([RECEIVED, RECEIVED], 409, "recorded_already", None),
        ([{"kind": "fact_withdrawn", "on": "2026-03-16", "corrects": 1, "data": {"reason": "x"}}], 409, None, None),
    ],
)
def test_a_wrong_fact_is_refused_with_code_and_field_and_without_what_was_sent(
    team: Team, programs: Programs, facts: list[Any], status: int, code: str | None, field: str | None
) -> None:
    before = team.dump()
    answer = programs("record").act(f"/cases/{CASE}/facts", {"facts": facts})
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status), answer.text
    assert code is None or (problem["code"], problem.get("field")) == (code, field)
    assert problem["type"] == f"urn:sendflow:problem:{problem['code']}"
    assert "Maisie" not in answer.text
    assert team.dump() == before


def test_a_provider_answers_what_its_body_owes_and_nothing_else(team: Team, programs: Programs) -> None:
    provider = programs("answer", "own", account="trust.system", role="provider")
    (owed,) = provider.read("/own/requests").json()["items"]
    assert (owed["case_ref"], owed["service"], owed["due"]) == (CASE, SALT, "2026-04-13")
    assert "sent" in {each["answer"] for each in owed["answers"]}
    about = {name: owed[name] for name in ("case_ref", "rule", "opened_seq")}
    wrong = provider.act("/own/answers", {**about, "answer": "expected", "on": "2026-03-01"})
    assert (wrong.status_code, wrong.json()["code"], wrong.json()["field"]) == (409, "bad_day", "on")
    sent = {**about, "answer": "expected", "on": "2026-03-30"}
    answer = provider.act("/own/answers", sent, key="a")
    assert answer.status_code == 201, answer.text
    line = team.lines()[-1]
    assert ([line.seq], line.actor, line.via) == (answer.json()["facts"], "trust.system", "api")
    before = team.dump()
    assert provider.act("/own/answers", sent, key="a").json() == answer.json()
    for other in ({**about, "opened_seq": 1}, {**about, "rule": "none"}, {**about, "case_ref": "NX99999"}):
        assert provider.act("/own/answers", {**other, "answer": "received"}).status_code == 404
    assert team.dump() == before
