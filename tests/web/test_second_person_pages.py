"""With SENDFLOW_SECOND_PERSON, the pages say that a second person has to agree, and that person's page does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import Connection, select, update

from casework.access import accounts
from models.database import reading, transact, writing
from models.tables import NOTICE
from tests.support.by_hand import CASE, SALT, TRUST
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from tests.web.test_recording import fields
from web.installation import Installation

DAY, LATER = "16 Mar 2026", "17 Mar 2026"


def _give(connection: Connection, account: str, role: str) -> None:
    accounts.change_role(connection, account, role, "", "kim.roe")


@pytest.fixture
def people(team: Team) -> Iterator[Callable[[str, str], Browser]]:
    """The browser of an account on a day, over a case with a claimed exception."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.record("10 Mar 2026", "excuse_claimed", body=TRUST, service=SALT, ground="missed_appointment")
    guarded = frozenset({"exceptions", "releases"})
    team.first = replace(team.first, settings=replace(team.first.settings, second_person=guarded))
    team._contexts.clear()
    for account, role in (("dco.team", "dco"), ("admin.team", "administrator")):
        transact(team.first.engine, partial(_give, account=account, role=role))
    made: list[Installation] = []

    def open_as(account: str, today: str) -> Browser:
        context = team.context(today)
        made.append(Installation(context.settings, context))
        return browser_of(made[-1]).sign_in(account)

    yield open_as
    for each in made:
        each.close()


def accepted(browser: Browser, again: str) -> str:
    token = fields(browser.get("/sign-out").text)["token"]
    form = {"token": token, "decision": "accepted", "ground": "missed_appointment", "reason": "as asked"}
    form |= {"look_again_on-day": again, "look_again_on-month": "4", "look_again_on-year": "2026"}
    seq = browser.get("/decide").text.partition(f'action="/decide/{CASE}/')[2].partition('"')[0]
    return str(browser.post(f"/decide/{CASE}/{seq}", data={**form}).text)


def test_an_exception_is_accepted_by_the_page_of_a_second_person(
    people: Callable[[str, str], Browser], team: Team
) -> None:
    before = len(team.lines())
    first = people("dco.team", DAY)
    assert "a second person has to agree. It is recorded that you asked" in accepted(first, "13")
    assert "asked for this already" in accepted(first, "13")
    assert len(team.lines()) == before
    assert "is recorded" in accepted(people("admin.team", LATER), "14")
    decided = team.lines()[-1]
    assert (len(team.lines()), decided.kind, decided.actor) == (before + 1, "excuse_decided", "admin.team")
    assert team.verify(LATER).intact


def test_what_is_on_hold_is_released_by_the_page_of_a_second_person(
    people: Callable[[str, str], Browser], team: Team
) -> None:
    team.sweep("23 Mar 2026")
    with writing(team.first.engine) as connection:  # as after a first import
        connection.execute(update(NOTICE).values(state="held"))

    def held() -> int:
        with reading(team.first.engine) as connection:
            return len(connection.execute(select(NOTICE.c.key).where(NOTICE.c.state == "held")).all())

    def release(browser: Browser) -> tuple[int, str]:
        token = fields(browser.get("/sign-out").text)["token"]
        answer = browser.post("/release", data={"token": token, "sure": "yes"})
        return answer.status_code, answer.text

    first, waits = people("dco.team", "23 Mar 2026"), held()
    assert waits > 0
    assert 'href="/held"' in first.get("/letters").text
    shown = first.get("/held").text
    assert 'action="/release"' in shown and "Please" in shown.partition('class="app-letter"')[2]
    status, text = release(first)
    assert (status, "a second person has to agree" in text, held()) == (409, True, waits)
    assert release(first)[0] == 409 and held() == waits
    assert release(people("admin.team", "23 Mar 2026"))[0] == 200 and held() == 0
    assert "Nothing is on hold" in first.get("/held").text


def test_the_e_mails_of_a_case_are_released_by_the_page_of_a_second_person(
    people: Callable[[str, str], Browser], team: Team
) -> None:
    def release(browser: Browser) -> tuple[int, str]:
        token = fields(browser.get("/sign-out").text)["token"]
        answer = browser.post(f"/cases/{CASE}/release", data={"token": token, "reason": "nothing more to type"})
        return answer.status_code, answer.text

    before = len(team.lines())
    status, text = release(people("dco.team", DAY))
    assert status == 409 and "a second person has to agree" in text and len(team.lines()) == before
    status, _text = release(people("admin.team", LATER))
    assert status == 200 and len(team.lines()) == before + 1
