"""Retention on the pages: holds, what is ripe, erasures by two accounts, certificates, and subject access."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import orjson
import pytest
from sqlalchemy import Connection, select

from casework.access import accounts
from casework.delivery.daily_digest import digest
from casework.job_runs import RipeCount
from casework.privacy.case_looks import looks_at
from casework.privacy.ripe_list import list_ripe
from casework.reports.case_report import report
from models.database import reading, transact
from models.tables import LETTER
from notifications.outbox import stored_fields
from notifications.render import render
from tests.support.by_hand import day
from tests.support.team import RecordingTransport, Team
from tests.web.conftest import Browser, browser_of
from tests.web.test_recording import fields
from web.installation import Installation

TODAY = "1 Jul 2041"
CHILD, OTHER, HIDDEN, NHS_NUMBER = "NX90001", "NX90002", "SR00042", "999 000 0018"
ROLES = (("dco.team", "dco"), ("admin.team", "administrator"), ("aud", "auditor"))


@pytest.fixture
def grown(team: Team) -> Team:
    """A child of 26 with two cases that have ended, and a free text; and a child of whom a restricted case is open."""
    person: dict[str, Any] = {"la": "northshire", "nhs_number": NHS_NUMBER, "date_of_birth": "2015-05-20"}
    for case in (CHILD, OTHER):
        team.record("2 Feb 2026", "ehc_assessment_requested", case=case, **person)
    team.record("3 Feb 2026", "health_advice_requested", case=OTHER, service="physiotherapy", note="Aunt Wrobel rang")
    for case in (CHILD, OTHER):
        team.record("5 Mar 2026", "case_withdrawn", case=case)
    person |= {"nhs_number": "999 123 4500"}
    team.record("2 Feb 2026", "ehc_assessment_requested", case="NX90003", **person)
    team.record("5 Mar 2026", "case_withdrawn", case="NX90003")
    made: dict[str, Any] = {"how": "form", "referred_to": "multi_agency_hub", "parents_informed": "yes"}
    team.record("1 Apr 2026", "safeguarding_referral_made", case=HIDDEN, **person, **made)
    return team


@pytest.fixture
def people(grown: Team) -> Iterator[Callable[[str], Browser]]:
    context = grown.context(TODAY)
    for account, role in ROLES:
        transact(context.engine, partial(_give, account=account, role=role))
    installation = Installation(context.settings, context)
    yield lambda account: browser_of(installation).sign_in(account)
    installation.close()


def _give(connection: Connection, account: str, role: str) -> None:
    accounts.change_role(connection, account, role, "", "sam.lee")


def post(browser: Browser, address: str, **form: str) -> Any:
    token = fields(browser.get("/sign-out").text)["token"]
    return browser.post(address, data={"token": token, **form})


def test_a_hold_is_recorded_and_ended_and_stops_a_proposal(people: Callable[[str], Browser], grown: Team) -> None:
    dco = people("dco.team")
    begun = post(dco, "/retention/holds", case="nx 90001", reason="complaint", since="2041-06-01")
    assert "Hold 1 is recorded" in begun.text and "Complaint, also to an ombudsman" in begun.text
    assert "Hold 1: Complaint" in dco.get("/retention").text
    stopped = post(dco, "/retention/erasures", case=OTHER, ground="court_order", step="propose")
    assert (stopped.status_code, "hold 1 on NX90001" in stopped.text) == (409, True)
    assert "Hold 1 has ended" in post(dco, "/retention/holds/1").text
    assert post(dco, "/retention/holds/1").status_code == 404
    assert report(grown.context(TODAY), CHILD).holds == []


@pytest.mark.parametrize(
    "form",
    [
        {"case": "NX99999", "reason": "complaint"},
        {"case": HIDDEN, "reason": "complaint"},
        {"case": CHILD, "reason": "because"},
        {"case": CHILD, "reason": "complaint", "since": "yesterday"},
        {"case": CHILD, "reason": "complaint", "since": "2041-07-02"},
    ],
    ids=lambda form: "-".join(form.values()),
)
def test_a_wrong_hold_is_refused_with_a_sentence(people: Callable[[str], Browser], form: dict[str, str]) -> None:
    refused = post(people("dco.team"), "/retention/holds", **form)
    assert (refused.status_code, "There is a problem" in refused.text) == (400, True)
    assert "sendflow holds" not in refused.text


def test_an_erasure_takes_two_accounts_and_has_a_certificate(people: Callable[[str], Browser], grown: Team) -> None:
    dco, admin, auditor = (people(account) for account, _role in ROLES)
    listed = dco.get("/retention").text
    assert "1 record is past retention. Nothing prevents the erasure of 1." in listed
    assert "NX90003" not in listed and HIDDEN not in listed, "a restricted case makes those records stay"
    shown = post(dco, "/retention/erasures", case=CHILD, ground="retention_ended")
    assert "Propose this erasure" in shown.text and f"/cases/{OTHER}" in shown.text
    assert report(grown.context(TODAY), CHILD).facts, "nothing is erased by looking"
    proposed = post(dco, "/retention/erasures", case=CHILD, ground="retention_ended", step="propose")
    assert (proposed.url.path, "It is proposed" in proposed.text) == ("/retention/erasures/1", True)
    assert "another account approves it" in proposed.text and "Approve: erase now" not in proposed.text
    own = post(dco, "/retention/erasures/1", how="approve")
    assert (own.status_code, "another account approves it" in own.text) == (409, True)
    assert "Erasure 1" in auditor.get("/retention").text
    assert "Approve" not in auditor.get("/retention/erasures/1").text
    assert post(auditor, "/retention/erasures/1", how="approve").status_code == 403
    assert post(admin, "/retention/erasures/1", how="perhaps").status_code == 400
    done = post(admin, "/retention/erasures/1", how="approve")
    assert "It is erased" in done.text
    assert post(admin, "/retention/erasures/1", how="approve").status_code == 404
    assert "No records may be erased yet" in dco.get("/retention").text
    for form, begins in (("html", b"<!doctype html>"), ("pdf", b"%PDF-"), ("json", b"{")):
        paper = post(auditor, "/retention/erasures/1/certificate", form=form)
        assert paper.content.lower().startswith(begins.lower()), form
    paper = orjson.loads(post(auditor, "/retention/erasures/1/certificate", form="json").content)
    assert (paper["proposed_by"], paper["approved_by"], paper["cases"]) == ("dco.team", "admin.team", [CHILD, OTHER])
    assert paper["checkpoint"] and paper["passages"] == 1
    looks = {(look.actor, look.what) for look in looks_at(grown.context(TODAY), OTHER)}
    assert {("dco.team", "erasure"), ("aud", "erasure")} <= looks
    assert grown.verify(TODAY).intact


def test_a_refused_erasure_erases_nothing(people: Callable[[str], Browser]) -> None:
    dco, admin = people("dco.team"), people("admin.team")
    post(dco, "/retention/erasures", case=CHILD, ground="erasure_request", step="propose")
    assert "It is refused. Nothing was erased." in post(admin, "/retention/erasures/1", how="refuse").text
    assert "1 record is past retention" in dco.get("/retention").text
    assert post(dco, "/retention/erasures/1/certificate", form="pdf").status_code == 404
    assert post(dco, "/retention/erasures", case=CHILD, ground="weather").status_code == 400
    assert post(dco, "/retention/erasures", case=HIDDEN, ground="court_order").status_code == 400
    for missing in ("/retention/erasures/9", "/retention/erasures/99999999999"):
        assert dco.get(missing).status_code == 404


def test_everything_held_on_a_child_is_taken_for_a_purpose_that_is_logged(
    people: Callable[[str], Browser], grown: Team
) -> None:
    dco = people("dco.team")
    path = f"/cases/{CHILD}/subject-access"
    assert f'href="{path}"' in dco.get(f"/cases/{CHILD}").text
    page = dco.get(path)
    assert "words-to-check.html" in page.text
    refused = post(dco, path, purpose="because Ada asked")
    assert (refused.status_code, "Ada" in refused.text) == (400, False)
    taken = post(dco, path, purpose="subject_access")
    assert taken.headers["content-disposition"].endswith('filename="subject-access-NX90001.zip"')
    with ZipFile(BytesIO(taken.content)) as archive:
        names = set(archive.namelist())
        assert {"index.html", "words-to-check.html", f"chronology-{OTHER}.html", f"who-read-{CHILD}.html"} <= names
        assert "Aunt Wrobel rang" in archive.read("words-to-check.html").decode()
        assert "9990000018" in archive.read("index.html").decode().replace(" ", "")
    for case in (CHILD, OTHER):
        looks = {(look.what, look.code) for look in looks_at(grown.context(TODAY), case) if look.actor == "dco.team"}
        assert {("subject_access", None), ("identity", "subject_access")} <= looks
    assert dco.get("/cases/NX99999/subject-access").status_code == 404
    assert dco.get(f"/cases/{HIDDEN}/subject-access").status_code == 404
    with ZipFile(BytesIO(post(dco, "/cases/NX90003/subject-access", purpose="subject_access").content)) as archive:
        assert all(HIDDEN not in name + archive.read(name).decode() for name in archive.namelist())


def test_today_says_how_many_records_are_past_retention_to_who_reads_the_page(
    people: Callable[[str], Browser], grown: Team
) -> None:
    dco = people("dco.team")
    assert "past retention" not in dco.get("/today").text
    assert list_ripe(grown.context(TODAY)) == RipeCount(as_at=day(TODAY), ripe=1, free=1)
    assert "1 Jul 2041</time>, 1 record was past retention" in " ".join(dco.get("/today").text.split())


def test_the_digest_and_today_say_the_same_numbers(people: Callable[[str], Browser], grown: Team) -> None:
    """Version 12 of the digest has the line where something may be erased, and none before the first count."""
    letters = [_digest(grown, "30 Jun 2041")]
    list_ripe(grown.context(TODAY))
    letters.append(_digest(grown, TODAY))
    assert [each["retention"] for each in letters] == [None, {"on": day(TODAY).isoformat(), "ripe": 1, "free": 1}]
    said = "1 record was past retention, and nothing prevented the erasure of 1"
    assert said in " ".join(people("dco.team").get("/today").text.split())
    assert said in " ".join(render("morning_digest", 12, letters[1]).text.split())


def _digest(team: Team, on: str) -> dict[str, Any]:
    """The fields of the digest of a day."""
    context = team.context(on)
    letter = digest(context, transport=RecordingTransport()).letter
    with reading(context.engine) as connection:
        text = connection.scalar(select(LETTER.c.fields).where(LETTER.c.id == letter))
    return stored_fields(text or "")
