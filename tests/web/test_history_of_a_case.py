"""What a case page folds, draws and shows of then; a call in the next letter; and the search by NHS number."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from casework.access import accounts
from casework.privacy.case_looks import looks_at
from casework.reports.case_letters import letters_of
from casework.reports.case_report import report
from casework.rule_packs import adopt
from models.database import transact
from tests.casework.test_rule_packs import FEWER_WEEKS, MISREAD, pack, reopened
from tests.support.by_hand import CASE, SALT, TRUST
from tests.support.sample_home import TODAY
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of, words_of
from web.installation import Installation
from web.timeline import timeline

SAMPLE = "SP90001"
NUMBER = "999 000 0018"


@pytest.fixture
def opened(team: Team) -> Iterator[Callable[[str], Browser]]:
    """Opens the pages of the team on a day, for dco.team."""
    made: list[Installation] = []

    def on(day: str) -> Browser:
        context = reopened(team, day)
        transact(context.engine, context.keep_time)
        transact(context.engine, lambda each: accounts.change_role(each, "dco.team", "dco", "", "test"))
        made.append(Installation(context.settings, context))
        return browser_of(made[-1]).sign_in("dco.team")

    yield on
    for each in made:
        each.close()


def test_idle_weeks_of_a_history_are_one_line(team: Team, opened: Callable[[str], Browser]) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    person = opened("16 Mar 2026")
    idle = re.findall(r'<li class="app-timeline__idle">([^<]*)</li>', person.get(f"/cases/{CASE}").text)
    assert idle == ["4 weeks, nothing recorded"]
    page = person.get(f"/cases/{CASE}?order=oldest").text.partition('id="history"')[2]
    assert page.index('id="fact-1"') < page.index("4 weeks, nothing recorded") < page.index('id="fact-3"')


def test_twenty_days_without_a_fact_are_no_idle_weeks(team: Team) -> None:
    team.opened("2 Feb 2026").asked("22 Feb 2026")
    policy = team.context("16 Mar 2026").escalation_policy
    assert [entry.idle for entry in timeline(team.report("23 Feb 2026"), [], {}, policy) if entry.idle] == []
    team.record("15 Mar 2026", "health_advice_acknowledged", body=TRUST, service=SALT)
    assert [entry.idle for entry in timeline(team.report("16 Mar 2026"), [], {}, policy) if entry.idle] == [
        "3 weeks, nothing recorded"
    ]


def test_e_mails_of_one_step_and_day_are_one_line_that_says_what_became_of_them(
    sample: Installation, browsers: Callable[[str], Browser]
) -> None:
    """A corrected day takes back six e-mails: each was a line, with the e-mails that say so."""
    dco, made = browsers("dco.team"), letters_of(sample.context(), SAMPLE)
    back = [each for each in made if each.rung == "rung_withdrawn"]
    sent = sum(each.state == "sent" for each in back)
    assert len(back) > sent > 3
    page = dco.get(f"/cases/{SAMPLE}").text
    [summary] = re.findall(r"<summary>(\d+ e-mails of .*?)</summary>", page)
    said = " ".join(re.sub(r"<[^>]*>", "", summary).split())
    assert said.startswith(f"{len(back)} e-mails of ") and "an earlier e-mail is withdrawn" in said
    assert f"{sent} sent, " in said and f"{len(back) - sent} superseded)" in said
    folded = page.partition(summary)[2].partition("</details>")[0]
    assert folded.count("app-timeline__item--letters") == len(back)
    shown = [each for each in made if each.on <= TODAY]
    assert page.count("app-timeline__item--letters") == len(shown) + 1, "the fold itself is one"
    assert "app-fold" not in dco.get(f"/cases/{SAMPLE}?show=letters").text


def test_the_state_diagram_has_the_present_state_dark_and_says_what_leads_on(
    sample: Installation, browsers: Callable[[str], Browser]
) -> None:
    auditor, first = browsers("auditor"), report(sample.context(), SAMPLE).facts[0]

    def drawn(query: str) -> tuple[list[str], str]:
        page = auditor.get(f"/cases/{SAMPLE}{query}").text
        dark = re.findall(r'fill="#003d78"[^>]*/>\s*<text[^>]*>([^<]*)</text>', page)
        return dark, words_of(auditor.get(f"/cases/{SAMPLE}{query}")).partition("The case is at")[2][:300]

    now, said = drawn("")
    assert now == ["▶ Assessment under way"]
    assert said.startswith(" Assessment under way , the dark box. It usually leaves it by:")
    assert "draft plan received, to Draft plan received" in said
    then, _said = drawn(f"?as_at={first.occurred_on}")
    assert then == ["▶ Request received"], "a replay has the state of then"


def test_a_call_that_a_page_records_is_in_the_history_of_the_next_letter(
    team: Team, opened: Callable[[str], Browser]
) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.day("2 Mar 2026")
    person = opened("10 Mar 2026")
    path = f"/cases/{CASE}/record/contact_made"
    token = re.findall(r'name="token" value="([0-9a-f]{32})"', person.get(path).text)[0]
    on = {"on-day": "10", "on-month": "3", "on-year": "2026"}
    by = {"agreed_by-day": "20", "agreed_by-month": "3", "agreed_by-year": "2026"}
    spoken = {"with_whom": "service", "how": "call", "agreed": "an_answer", "body": TRUST, "service": SALT}
    given = {"token": token, "step": "record", "note": "Mrs Ashgrove will write", **on, **by, **spoken}
    page = person.post(path, data=given)
    assert page.url.path == f"/cases/{CASE}" and team.lines()[-1].kind == "contact_made"
    shown = words_of(page)
    assert "Call or meeting" in shown and "agreed by Fri 20 Mar 2026" in shown and "Ashgrove" not in shown
    for day in ("23 Mar 2026", "7 Apr 2026", "14 Apr 2026"):
        before = len(team.post.letters)
        team.day(day)
    [letter] = team.post.letters[before:]  # the first with a history: the due date has passed
    _head, _, history = letter.text.partition("What has happened so far")
    assert "10 March 2026: contact made (call, service: there will be an answer by 20 March 2026)" in " ".join(
        history.split()
    )
    assert "Ashgrove" not in letter.text


def test_a_replay_shows_a_date_under_the_law_of_then_beside_the_law_of_now(
    team: Team, opened: Callable[[str], Browser], tmp_path: Path
) -> None:
    """20 weeks became 18 by a pack of 15 June: on 12 June everybody believed in 22 June."""
    team.opened("2 Feb 2026")
    team.sweep("3 Mar 2026")
    brought = pack(tmp_path / "pack", statute__ehc_needs_assessment=FEWER_WEEKS, pack=MISREAD)
    adopt(team.context("15 Jun 2026"), brought, "dco.team")
    person = opened("16 Jun 2026")
    then = words_of(person.get(f"/cases/{CASE}", params={"known_at": "2026-06-12"}))
    assert "Rule set 1 was active then" in then
    row = then.partition("send the finalised plan")[2].partition("believed then: ")
    assert "Mon 8 Jun 2026" in row[0] and "4 days late" in row[0]
    assert row[2].startswith("due Mon 22 Jun 2026 , running")
    now = words_of(person.get(f"/cases/{CASE}", params={"known_at": "2026-06-16"}))
    assert "believed then" not in now and "was active then" not in now


def test_a_child_is_found_by_its_nhs_number_which_is_in_no_address_and_each_find_is_logged(
    team: Team, opened: Callable[[str], Browser]
) -> None:
    known: dict[str, Any] = {"la": "northshire", "nhs_number": NUMBER}
    team.record("2 Feb 2026", "ehc_assessment_requested", case=CASE, **known)
    person = opened("16 Mar 2026")
    form = person.get("/cases").text.partition('action="/cases/by-nhs-number"')
    assert form[0].rstrip().endswith('<form method="post"'), "a search by GET would have the number in the address"
    token = re.findall(r'name="token" value="([0-9a-f]{32})"', form[2])[0]
    found = person.post("/cases/by-nhs-number", data={"token": token, "nhs_number": NUMBER})
    assert found.url.path == f"/cases/{CASE}"
    digits = NUMBER.replace(" ", "")
    addresses = [f"{each.url} {each.headers.get('location', '')}" for each in [found, *found.history]]
    assert not any(digits in each or NUMBER.replace(" ", "%20") in each or NUMBER in each for each in addresses)
    assert NUMBER not in found.text and digits not in found.text
    looks = [each for each in looks_at(person.installation.context(), CASE) if each.code == "searched_by_nhs_number"]
    assert [each.actor for each in looks] == ["dco.team"]
    assert "Searched by NHS number" in words_of(person.get(f"/cases/{CASE}/looks"))
    nobody = person.post("/cases/by-nhs-number", data={"token": token, "nhs_number": "999 000 0026"})
    assert "No case has that NHS number" in nobody.text and "0026" not in words_of(nobody)
    assert person.get("/cases/by-nhs-number").status_code in (404, 405)


def test_the_reference_of_an_authority_opens_its_case_however_it_is_written(
    sample: Installation, browsers: Callable[[str], Browser]
) -> None:
    dco, context = browsers("dco.team"), sample.context()
    theirs = report(context, "SP00118").la_reference
    assert theirs is not None and "-" in theirs
    for typed in (theirs, theirs.lower(), theirs.replace("-", ""), theirs.replace("-", " ")):
        assert dco.get("/cases", params={"search": typed}).url.path == "/cases/SP00118"
    part = words_of(dco.get("/cases", params={"search": theirs.partition("-")[2]}))
    assert "No case is like that. Type the whole reference: ours as NX00042, the authority's as NS-04412" in part
