"""What programs read: the same reports as commands and pages, by cursor, with ETags, and each look logged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from casework.privacy.case_looks import looks_at
from casework.reports.case_list import CaseFilter, Show, case_list
from casework.reports.case_report import report
from tests.support.by_hand import ADVICE, CASE, PAEDS
from tests.support.team import Team
from tests.web.api.conftest import Program

Programs = Callable[..., Program]


def many(team: Team, count: int) -> list[str]:
    """Open further cases."""
    refs = [f"NX{90100 + number}" for number in range(count)]
    for ref in refs:
        team.record("2 Mar 2026", "ehc_assessment_requested", case=ref, la="northshire", la_reference="NS-04412")
    return refs


def all_pages(program: Program, path: str, limit: int) -> list[Any]:
    """Every row of a list, page by page."""
    rows, cursor = list[Any](), ""
    for _ in range(200):
        page = program.read(f"{path}{'&' if '?' in path else '?'}limit={limit}{cursor}").json()
        assert len(page["items"]) <= limit
        rows += page["items"]
        if page["next"] is None:
            return rows
        cursor = f"&cursor={page['next']}"
    raise AssertionError("the list has no end")


def test_a_token_says_who_it_is(programs: Programs) -> None:
    found = programs("case", "record").read("/me").json()
    assert (found["account"], found["role"], found["rights"]) == ("council.system", "administrator", ["case", "record"])
    assert (found["today"], found["simulation"]) == ("2026-03-16", True)


def test_a_case_is_the_report_of_the_command(team: Team, programs: Programs) -> None:
    program = programs("case")
    assert program.read(f"/cases/{CASE}").json() == team.report("16 Mar 2026").model_dump(mode="json")
    then = program.read(f"/cases/{CASE}?as_at=2026-02-10&known_at=2026-02-11T00:00:00Z").json()
    context = team.context("16 Mar 2026")
    wanted = report(context, CASE, date(2026, 2, 10), "2026-02-11T00:00:00.000000Z")
    assert then == wanted.model_dump(mode="json")
    assert len(then["facts"]) == 2


def test_each_look_at_a_case_is_logged_by_the_account_and_a_list_is_none(team: Team, programs: Programs) -> None:
    program, context = programs("case", "cases", "today", "record"), team.context("16 Mar 2026")
    for path in ("/cases", "/duties?show=open", "/processes", "/me"):
        assert program.read(path).status_code == 200
    assert looks_at(context, CASE) == []
    tag = program.read(f"/cases/{CASE}").headers["etag"]
    assert program.read(f"/cases/{CASE}", if_none_match=tag).status_code == 304
    program.read(f"/cases/{CASE}/recordable")
    program.read(f"/cases/{CASE}/duties/{ADVICE}/3/why")
    assert [(look.actor, look.what) for look in looks_at(context, CASE)] == [("council.system", "api")] * 3


def test_an_etag_changes_with_the_case_and_with_what_is_said_of_it(team: Team, programs: Programs) -> None:
    program = programs("case")
    first = program.read(f"/cases/{CASE}")
    same = program.read(f"/cases/{CASE}", if_none_match=f'"other", {first.headers["etag"]}')
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
    earlier = program.read(f"/cases/{CASE}?as_at=2026-02-10").headers["etag"]
    assert earlier != first.headers["etag"]
    assert earlier.partition(".")[0] == first.headers["etag"].partition(".")[0], "the head is the same"
    team.asked("16 Mar 2026", PAEDS)
    after = program.read(f"/cases/{CASE}", if_none_match=first.headers["etag"])
    assert after.status_code == 200
    assert after.headers["etag"].partition(".")[0] != first.headers["etag"].partition(".")[0]


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
def test_pages_of_cases_have_each_case_once(team: Team, programs: Programs, limit: int) -> None:
    refs = [CASE, *many(team, 7)]
    program = programs("cases")
    rows = all_pages(program, "/cases?show=all", limit)
    assert [row["case_ref"] for row in rows] == sorted(refs)
    listed = case_list(team.context("16 Mar 2026"), CaseFilter(show=Show.ALL), team.context("16 Mar 2026").today(), 0)
    assert sorted(rows, key=str) == sorted((row.model_dump(mode="json") for row in listed.rows), key=str)


def test_a_case_that_comes_between_two_pages_repeats_and_hides_none(team: Team, programs: Programs) -> None:
    refs = many(team, 6)
    program = programs("cases")
    first = program.read("/cases?show=all&limit=3").json()
    team.record("2 Mar 2026", "ehc_assessment_requested", case="NX00001", la="northshire", la_reference="NS-04412")
    team.record("2 Mar 2026", "ehc_assessment_requested", case="NX99991", la="northshire", la_reference="NS-04412")
    rest = program.read(f"/cases?show=all&limit=100&cursor={first['next']}").json()
    seen = [row["case_ref"] for row in first["items"] + rest["items"]]
    assert seen == sorted([CASE, *refs, "NX99991"])


def test_filters_are_those_of_the_list(team: Team, programs: Programs) -> None:
    many(team, 2)
    program = programs("cases")
    for query in (
        "show=soon",
        "show=late",
        "show=no_date",
        "la=northshire",
        "body=QX101",
        "process=mediation",
        "owner=-",
    ):
        show, wanted = "open", dict([query.split("=")])
        wanted = {"show": show, **wanted}
        today = team.context("16 Mar 2026").today()
        expected = case_list(team.context("16 Mar 2026"), CaseFilter(**wanted), today, 0).rows
        found = program.read(f"/cases?{query}").json()["items"]
        assert sorted(row["case_ref"] for row in found) == sorted(row.case_ref for row in expected), query


def test_duties_are_listed_by_date_and_paged(team: Team, programs: Programs) -> None:
    team.asked("2 Mar 2026", PAEDS)
    program = programs("today")
    rows = all_pages(program, "/duties?show=open", 1)
    assert rows == program.read("/duties?show=open").json()["items"]
    assert [row["due"] for row in rows] == sorted(row["due"] for row in rows)
    assert {row["case_ref"] for row in rows} == {CASE}
    assert len(rows) > 2
    (of_body, *_more) = program.read("/duties?show=open&body=QX101").json()["items"]
    assert of_body["body"] == "QX101"
    assert program.read("/duties?show=late").json() == {"items": [], "next": None}
    assert program.read("/duties?show=open&process=mediation").json()["items"] == []


def test_a_body_and_an_authority_see_their_own_duties_only(team: Team, programs: Programs) -> None:
    provider = programs("own", account="trust.system", role="provider")
    council = programs("own", account="north.system", role="council")
    assert [row["body"] for row in provider.read("/own/duties").json()["items"]] == ["QX101"]
    assert [row["la"] for row in council.read("/own/duties").json()["items"]] == ["northshire"]
    assert council.read("/cases").status_code == 403


def test_letters_are_listed_by_state_and_shown(team: Team, programs: Programs) -> None:
    for when in ("5 Mar 2026", "9 Mar 2026", "10 Mar 2026", "16 Mar 2026"):
        team.day(when)
    program = programs("letters")
    rows = all_pages(program, "/letters", 1)
    assert rows
    assert rows == program.read("/letters?state=sent").json()["items"]
    assert {ref for row in rows for ref in row["cases"]} == {CASE}
    letter = program.read(f"/letters/{rows[0]['id']}").json()
    assert letter["subject"] == rows[0]["subject"]
    assert looks_at(team.context("16 Mar 2026"), CASE)[0].what == "api"
    assert program.read("/letters?state=failed").json() == {"items": [], "next": None}


def test_the_processes_and_the_schema_of_each_fact(programs: Programs) -> None:
    program = programs("case")
    found = program.read("/processes").json()["items"]
    assert "ehc_needs_assessment" in {each["name"] for each in found}
    shape = program.read("/processes/ehc_needs_assessment/facts/ehc_assessment_requested").json()
    assert "la_reference" in shape["fields"]["properties"]
    assert "nhs_number" in shape["identity"]
    for process in found:
        assert program.read(f"/processes/{process['name']}/facts/{process['opens']}").json()["kind"] == process["opens"]


def test_why_a_date_is_the_count_of_the_command(team: Team, programs: Programs) -> None:
    found = programs("case").read(f"/cases/{CASE}/duties/{ADVICE}/3/why").json()
    assert (found["due"], found["period"]) == ("2026-04-13", "6 weeks")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/cases?limit=0", 422, "bad_request"),
        ("/cases?limit=501", 422, "bad_request"),
        ("/cases?shwo=late", 422, "bad_request"),
        ("/cases?show=none", 422, "bad_request"),
        ("/cases?la=%00", 422, "bad_request"),
        ("/cases?cursor=x", 400, "bad_cursor"),
        ("/cases?cursor=WzFd", 400, "bad_cursor"),
        ("/cases?cursor=WyJcdTAwMDAiXQ", 400, "bad_cursor"),
        ("/duties?cursor=WyJ4Il0", 400, "bad_cursor"),
        (f"/cases/{CASE}?as_at=14.4.2026", 422, "bad_request"),
        (f"/cases/{CASE}?known_at=2026-04-14T09:00:00", 422, "bad_request"),
        (f"/cases/{CASE}?as_at=2020-01-01", 404, "nothing_known_then"),
        (f"/cases/{CASE}/duties/none/3/why", 404, "no_such_duty"),
        (f"/cases/{CASE}/duties/{ADVICE}/x/why", 422, "bad_request"),
        ("/cases/NX99999", 404, "no_such_case"),
        ("/cases/%00", 404, "no_such_case"),
        ("/cases/NS-04412", 404, "no_such_case"),
        ("/letters/none", 404, "no_such_letter"),
        ("/letters/%00", 404, "no_such_letter"),
        ("/processes/none/facts/none", 404, "no_such_fact"),
        ("/nothing", 404, "not_found"),
        ("/cases/%0A", 404, "no_such_case"),
        ("/%0A/recordable", 404, "not_found"),
        ("/", 404, "not_found"),
    ],
)
def test_a_wrong_call_gets_a_problem(programs: Programs, path: str, status: int, code: str) -> None:
    answer = programs("cases", "case", "today", "letters").read(path)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_other_methods_and_bodies_that_are_no_json_get_a_problem(programs: Programs) -> None:
    program = programs("record")
    for method in ("PUT", "DELETE", "PATCH"):
        answer = program.request(method, f"/api/v1/cases/{CASE}")
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    for body in (b"{", b"\xff", b'{"facts": '):
        answer = program.post("/api/v1/cases", content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_json")
    large = program.post("/api/v1/cases", content=b"x" * 300_000, headers={"content-type": "application/json"})
    assert (large.status_code, large.headers["content-type"]) == (413, "application/problem+json")
    other = program.get("/api/v1/me", headers={"host": "evil.example"})
    assert (other.status_code, other.headers["content-type"]) == (421, "application/problem+json")
