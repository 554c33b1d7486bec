"""Audit: findings, heads, the health check, the access log, people and rights, webhooks, and bundles in one click."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import orjson
import pytest

from casework import findings, webhooks
from casework.access import accounts
from casework.access.seen import as_seen_by, as_sendflow
from casework.findings import Found
from casework.privacy.access import read_person
from casework.privacy.case_looks import LookWanted, looks_of, note_look
from casework.reports.today import changed_since
from casework.rule_packs import rulesets
from config.rights import RIGHTS, roles
from models.database import reading, transact
from runtime.diagnostics.finding import Finding
from tests.support.by_hand import day
from tests.support.calling import sendflow
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from tests.web.test_retention_page import _give, post
from tests.web.test_same_as_the_commands import text_of
from web import audit
from web.installation import Installation

TODAY = "10 Mar 2026"
CASE, OTHER, HIDDEN = "NX90001", "NX90002", "SR00042"
ROLES = (("dco.team", "dco"), ("ops", "operations"), ("aud", "auditor"))


@pytest.fixture
def place(team: Team) -> Iterator[Installation]:
    for case, number in ((CASE, "999 000 0018"), (OTHER, "999 123 4500")):
        team.record("2 Feb 2026", "ehc_assessment_requested", case=case, la="northshire", nhs_number=number)
    said: dict[str, Any] = {"how": "form", "referred_to": "multi_agency_hub", "parents_informed": "yes"}
    team.record(
        "3 Feb 2026", "safeguarding_referral_made", case=HIDDEN, la="northshire", nhs_number="999 123 4500", **said
    )
    context = team.context(TODAY)
    for account, role in ROLES:
        transact(context.engine, partial(_give, account=account, role=role))
    installation = Installation(context.settings, context)
    yield installation
    installation.close()


@pytest.fixture
def person(place: Installation) -> Callable[[str], Browser]:
    return lambda account: browser_of(place).sign_in(account)


def test_a_finding_is_shown_open_and_then_closed_and_none_of_a_hidden_case(
    place: Installation, person: Callable[[str], Browser]
) -> None:
    context = place.context()
    assert "Nothing is open." in text_of(person("aud").get("/audit").text)
    found = [Found(CASE, 1, "hash", "fact 1 has another hash"), Found(HIDDEN, 1, "hash", "another hash there")]
    assert findings.store(context, "verify", found) == 2
    page = text_of(person("aud").get("/audit").text)
    assert "1 finding is open" in page and "fact 1 has another hash" in page
    assert HIDDEN not in page and "another hash there" not in page
    findings.close(context, [1], "it.oncall", "restored from the backup", understood=False)
    page = text_of(person("aud").get("/audit").text)
    assert "Finding 1 of NX90001, closed by it.oncall" in page and "restored from the backup" in page


def test_verifications_rule_sets_and_heads_are_those_of_the_commands(
    place: Installation, person: Callable[[str], Browser], team: Team
) -> None:
    team.verify(TODAY)
    context = place.context()
    page = text_of(person("ops").get("/audit").text)
    for each in rulesets(context):
        assert each.looked_under in page
    env = {"SENDFLOW_HOME": str(context.settings.home), "SENDFLOW_TODAY": day(TODAY).isoformat()}
    said = orjson.loads(sendflow("log", "--json", env=env).stdout)
    assert (said["origin"] or "No checkpoint of the log is signed yet.") in page
    assert "Take a bundle" not in page, "operations may not read who looked"


def test_the_health_check_says_what_the_doctor_says(place: Installation, person: Callable[[str], Browser]) -> None:
    context = place.context()
    env = {"SENDFLOW_HOME": str(context.settings.home), "SENDFLOW_TODAY": day(TODAY).isoformat()}
    said = orjson.loads(sendflow("doctor", "--quick", "--json", env=env).stdout)
    assert said["findings"], "the files of this installation are open to others"
    page = text_of(person("ops").get("/audit/health").text)
    for each in said["findings"]:
        assert each["message"][1:] in page and " ".join(each["mend"].split()) in page


def test_the_health_check_names_no_case_that_is_hidden_from_its_reader(place: Installation) -> None:
    found = [
        Finding(what="sweep", message=f"case {HIDDEN} could not be evaluated", mend=f"sendflow verify {HIDDEN}"),
        Finding(what="owed", message="cases wait", mend="look at them", cases=[CASE, HIDDEN]),
    ]
    shown = audit._without_hidden(as_seen_by(place.context(), "ops"), found)
    assert shown[0].message == audit.HIDDEN_FINDING and HIDDEN not in shown[0].mend
    assert shown[1].cases == [CASE]


def test_the_access_log_is_filtered_paged_and_never_names_a_hidden_case(
    place: Installation, person: Callable[[str], Browser]
) -> None:
    context = place.context()
    for number in range(60):
        note_look(context, CASE if number % 2 else OTHER, f"reader{number % 3}", "case")
    note_look(context, HIDDEN, "dco.team", "case")
    read_person(context, OTHER, "dco.team", "which_child")
    auditor = person("aud")
    first, second = auditor.get("/audit/looks").text, auditor.get("/audit/looks?page=2").text
    assert first.count('<tr role="row" class="nhsuk-table__row">') == 50
    assert second.count('<tr role="row" class="nhsuk-table__row">') == 11
    assert HIDDEN not in first + second
    assert "A provider or an authority asks which child it is" in html.unescape(second)
    only = auditor.get(f"/audit/looks?who=reader1&case={CASE.lower()}").text
    assert only.count('<tr role="row" class="nhsuk-table__row">') == 10 and OTHER not in only
    assert "No look is like that" in auditor.get("/audit/looks?to_on=2026-03-09").text
    assert auditor.get("/audit/looks?what=identity").text.count('<tr role="row" class="nhsuk-table__row">') == 1
    wrong = auditor.get("/audit/looks?from_on=yesterday")
    assert (wrong.status_code, "There is a problem" in wrong.text) == (400, True)
    stored = auditor.get(f"/audit/looks?case={CASE}&format=csv").text
    assert stored.count(CASE) == 30
    assert CASE in text_of(auditor.get("/audit").text.partition('id="exports"')[2] and auditor.get("/audit").text)
    assert [each.what for each in looks_of(context, LookWanted(account="aud"), 5)] == ["export"]


def test_the_access_log_says_in_words_what_a_look_was_at(place: Installation, person: Callable[[str], Browser]) -> None:
    for what in ("together", "bundle_court", "command case"):
        note_look(place.context(), CASE, "dco.team", what)
    page = person("aud").get("/audit/looks?what=together").text
    assert page.count("one act on several cases") == 1 and "One act on several cases</option>" in page
    own = text_of(person("aud").get(f"/cases/{CASE}/looks").text)
    assert all(said in own for said in ("one act on several cases", "bundle, for court", "command case"))


def test_people_and_rights_say_who_gave_what(place: Installation, person: Callable[[str], Browser]) -> None:
    transact(place.engine, lambda each: accounts.change_role(each, "gone", "dco", "safeguarding_referral", "sam.lee"))
    transact(place.engine, lambda each: accounts.change_role(each, "gone", "", "", "sam.lee"))
    page = text_of(person("aud").get("/audit/people").text)
    assert "sam.lee gave gone: no role" in page and "sam.lee gave gone: Designated Clinical Officer" in page
    assert "named for" not in page, "an auditor who is not named for a restricted process reads no name of it"
    assert page.index("gave gone: no role") < page.index("gave gone: Designated")
    assert set(RIGHTS) >= {word for role in roles().values() for word in role.may}


def test_webhooks_are_listed_with_their_messages_and_without_secrets(
    place: Installation, person: Callable[[str], Browser], team: Team
) -> None:
    context = place.context()
    secret, made = webhooks.make(context, "https://case.northshire.example/hooks", "northshire", "it.oncall")
    team.record("9 Mar 2026", "health_advice_requested", case=CASE, service="physiotherapy")
    page = person("aud").get("/audit/webhooks").text
    assert made.id in page and "https://case.northshire.example/hooks" in text_of(page)
    assert secret not in page and "evt_1" in page and "waits" in page


def test_bundles_of_one_or_several_cases_are_taken_in_one_click(
    place: Installation, person: Callable[[str], Browser]
) -> None:
    auditor = person("aud")
    one = post(auditor, "/audit/bundle", cases=CASE.lower(), whom="inspection")
    assert one.headers["content-disposition"].startswith(f'attachment; filename="bundle-{CASE}-')
    several = post(auditor, "/audit/bundle", cases=f"{CASE}, {OTHER}", whom="inspection")
    with ZipFile(BytesIO(several.content)) as archive:
        assert {f"cases/{CASE}.zip", f"cases/{OTHER}.zip"} <= set(archive.namelist())
    looks = looks_of(place.context(), LookWanted(account="aud", case_ref=OTHER), 5)
    assert looks and looks[0].what.startswith("bundle")


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"cases": "", "whom": "inspection"}, 400),
        ({"cases": CASE, "whom": ""}, 400),
        ({"cases": "NX99999", "whom": "inspection"}, 404),
        ({"cases": HIDDEN, "whom": "inspection"}, 404),
        ({"cases": f"{CASE} {HIDDEN}", "whom": "inspection"}, 404),
    ],
    ids=["no case", "for nobody", "unknown", "hidden", "one is hidden"],
)
def test_a_wrong_bundle_is_refused_with_a_sentence(
    person: Callable[[str], Browser], form: dict[str, str], status: int
) -> None:
    refused = post(person("aud"), "/audit/bundle", **form)
    assert (refused.status_code, "There is a problem" in refused.text) == (status, True)
    assert not refused.headers.get("content-disposition")


def test_operations_take_no_bundle(person: Callable[[str], Browser]) -> None:
    assert post(person("ops"), "/audit/bundle", cases=CASE, whom="inspection").status_code == 403


def test_the_next_working_day_names_no_case_that_is_hidden_from_who_asks_for_it(
    place: Installation, person: Callable[[str], Browser]
) -> None:
    """sendflow evaluates all cases; before, the page named what it recorded on those that its reader may not see."""
    dco = person("dco.team")
    token = re.findall(r'name="token" value="([0-9a-f]{32})"', dco.get("/sign-out").text)[0]
    pages = [dco.post("/next-day", data={"token": token}) for _day in range(3)]
    assert [page.status_code for page in pages] == [200] * 3
    assert all("What happened until" in page.text and HIDDEN not in page.text for page in pages)
    context = place.context()
    with reading(as_sendflow(context).engine) as connection:
        recorded = {each.case_ref for each in changed_since(connection, date(2026, 3, 11))}
    assert HIDDEN in recorded, "sendflow recorded something on the hidden case"
