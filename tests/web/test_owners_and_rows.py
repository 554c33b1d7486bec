"""Who looks after a case, and refused rows on the queue: both by a page, and both in the filters and the counts."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from casework.imports.tracker_import import import_file
from casework.owners import UNOWNED, assign
from casework.reports.case_list import CaseFilter, Show, case_list
from casework.reports.today import Wanted, today_of
from models.change_log import insert_logged
from models.database import writing
from models.tables import CASE_OWNER
from tests.support.by_hand import CASE
from tests.support.team import Team
from tests.web.conftest import Browser
from tests.web.test_recording import fields, person

__all__ = ["person"]

OTHER = "NX90002"


def token_of(person: Browser) -> dict[str, str]:
    return {"token": fields(person.get("/sign-out").text)["token"]}


def test_a_case_is_assigned_and_the_filters_find_it(team: Team, person: Browser) -> None:
    team.record("16 Mar 2026", "ehc_assessment_requested", case=OTHER, la="northshire")
    page = person.get(f"/cases/{CASE}").text
    assert '<option value="admin.team">' in page and '<option value="auditor"' not in page
    done = person.post(f"/cases/{CASE}/owner", data={**token_of(person), "owner": "admin.team"})
    assert '<option value="admin.team" selected>' in done.text
    assert "case owner: admin.team" in person.get("/cases").text
    context = team.context("16 Mar 2026")
    listed = {
        owner: [row.case_ref for row in case_list(context, CaseFilter(owner=owner), context.today()).rows]
        for owner in ("admin.team", "dco.team", UNOWNED, "")
    }
    assert listed == {"admin.team": [CASE], "dco.team": [], UNOWNED: [OTHER], "": sorted([CASE, OTHER])}
    late = team.context("20 May 2026")
    mine, nobodys = (today_of(late, late.today(), Wanted(owner=each)).late for each in ("admin.team", UNOWNED))
    assert {row.case_ref for row in mine} == {CASE}
    assert CASE not in {row.case_ref for row in nobodys}


def test_a_case_is_assigned_to_nobody_and_to_no_one_outside_the_team(team: Team, person: Browser) -> None:
    context, token = team.context("16 Mar 2026"), token_of(person)
    assert assign(context, CASE, "admin.team", "dco.team")
    assert not assign(context, CASE, "admin.team", "dco.team")
    for owner in ("auditor", "Sam Lee", "sam.lee'--"):
        assert person.post(f"/cases/{CASE}/owner", data={**token, "owner": owner}).status_code == 400
    assert person.post("/cases/NX00000/owner", data={**token, "owner": ""}).status_code == 404
    person.post(f"/cases/{CASE}/owner", data={**token, "owner": ""})
    assert case_list(context, CaseFilter(owner="admin.team"), context.today()).total == 0
    assert team.verify("17 Mar 2026").intact


def test_a_replay_names_the_case_owner_of_its_instant(team: Team, person: Browser) -> None:
    """It named the one of now."""
    assign(team.context("16 Mar 2026"), CASE, "admin.team", "dco.team")
    with writing(team.first.engine) as connection:
        [at] = connection.scalars(select(CASE_OWNER.c.at)).all()
        later = (datetime.fromisoformat(at) + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        row = {"number": 2, "actor": "dco.team", "case_ref": CASE, "owner": "dco.team", "at": later}
        insert_logged(connection, CASE_OWNER, [row], later)
    day = datetime.fromisoformat(at).date()
    shown = {
        days: re.search(r'<p id="owner">(.*?)</p>', person.get(f"/cases/{CASE}?as_at={day + timedelta(days)}").text)
        for days in (-1, 0, 2, 3)
    }
    assert {days: found and found[1] for days, found in shown.items()} == {
        -1: "Case owner then: nobody.",
        0: "Case owner then: admin.team.",
        2: "Case owner then: admin.team.",
        3: "Case owner then: dco.team.",
    }
    known = person.get(f"/cases/{CASE}?as_at={day + timedelta(9)}&known_at={day}").text
    assert "Case owner then: admin.team." in known
    assert '<option value="dco.team" selected>' in person.get(f"/cases/{CASE}").text


def test_a_refused_row_is_on_the_queue_until_it_is_answered(team: Team, person: Browser, tmp_path: Path) -> None:
    tracker = tmp_path / "tracker.csv"
    tracker.write_text("Reference,Local authority,Request received\nPT00002,Nowhere,31/02/2026\n", encoding="utf-8")
    import_file(team.context("16 Mar 2026"), tracker)
    page = person.get("/decide").text
    assert "1 thing waits" in page
    assert "line 2 of the tracker" in page and "a day that does not exist" in page
    assert "PT00002" not in page and "Nowhere" not in page
    assert "<strong>Refused row</strong>" in person.get("/today").text
    token = token_of(person)
    assert person.post("/decide/1", data={**token, "how": "two_matters"}).status_code == 400
    done = person.post("/decide/1", data={**token, "how": "not_ours"}).text
    assert "The answer is stored" in done and "Nothing waits for a decision" in done
    assert person.post("/decide/1", data={**token, "how": "not_ours"}).status_code == 404


def test_pages_of_cases_follow_each_other_without_gap_or_repetition(team: Team, person: Browser) -> None:
    for number in range(5):
        case = f"NX9100{number}"
        team.record("16 Mar 2026", "ehc_assessment_requested", case=case, la="northshire")
        if number % 2:
            team.record("16 Mar 2026", "case_withdrawn", case=case)
    context = team.context("16 Mar 2026")
    for show in Show:
        whole = case_list(context, CaseFilter(show=show), context.today(), 0)
        parts = [case_list(context, CaseFilter(show=show, page=page + 1), context.today(), 2) for page in range(4)]
        assert [row for part in parts[: parts[0].pages] for row in part.rows] == whole.rows, show
        assert {part.total for part in parts} == {whole.total} == {len(whole.rows)}
        dues = [row.due for row in whole.rows if row.due]
        assert dues == sorted(dues)
    assert person.get("/cases?show=all").text.count('href="/cases/NX9') == 6
