"""A provider answers in its account: the same list, form and workbook as by the link of the week, for its own only."""

from __future__ import annotations

import io

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from casework.access import accounts
from casework.replies.answers import Reply
from casework.replies.give import NotOfThisBody, give, give_as, undo_as
from casework.replies.links import NoSuchLink, link_to_all, store_links, token_of
from casework.replies.owed import owed_by_body
from casework.replies.record import Asked
from models.answers import Answer
from models.database import reading, transact
from models.tables import ANSWER_GIVEN, NOTICE
from tests.support.by_hand import ADVICE, CASE, PAEDS, PHYSIO, PHYSIO_TRUST, SALT, TRUST
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from tests.web.test_reply import TODAY, day, form, mailbox_of, place
from tests.web.test_reply_workbook import filled
from web.installation import Installation

__all__ = ["place"]

OTHER = "NX90002"
OWN = "/own/reply"


@pytest.fixture
def provider(place: Installation, team: Team) -> Browser:
    """Somebody with an account of the trust; a case of another trust is open too."""
    team.record("27 Feb 2026", "ehc_assessment_requested", case=OTHER, la="northshire")
    team.record("27 Feb 2026", "health_advice_requested", case=OTHER, service=SALT)
    team.record(TODAY, "health_advice_requested", body=PHYSIO_TRUST, service=PHYSIO)
    transact(place.context().engine, lambda each: accounts.change_role(each, "trust.desk", "provider", TRUST, "test"))
    return browser_of(place).sign_in("trust.desk")


def asked_of(team: Team, service: str = SALT) -> Asked:
    seq = next(line.seq for line in team.lines() if line.data.get("service") == service)
    return Asked(CASE, ADVICE, seq, TRUST, service)


def name_of(team: Team, service: str) -> str:
    return f"{CASE}.{ADVICE}.{asked_of(team, service).opened_seq}"


def sent(provider: Browser, **answers: str) -> str:
    checked = provider.post(OWN, data={**form(provider.get(OWN)), "step": "check", **answers})
    return str(provider.post(OWN, data={**form(checked), "step": "send"}).text)


def test_it_lists_what_its_body_owes_the_worst_first_and_nothing_of_another(provider: Browser) -> None:
    page = provider.get(OWN).text
    assert "What Northshire Community Health NHS Trust is asked for" in page and "3 things" in page
    lines = page.partition('<ul class="app-replies"')[2].split('class="app-reply"')[1:]
    assert [OTHER in line for line in lines] == [True, False, False], "asked first, due first"
    assert "Physiotherapy, Northshire Physio" not in "".join(line.partition("<select")[0] for line in lines)
    assert 'href="/own/reply"' in provider.get("/own").text


def test_answers_in_one_form_are_checked_and_recorded_in_the_name_of_the_account(
    provider: Browser, place: Installation, team: Team
) -> None:
    salt, paeds = name_of(team, SALT), name_of(team, PAEDS)
    before = team.dump()
    chosen = {f"c.{salt}": "expected", **day("1 4 2026", f"d.{salt}"), f"c.{paeds}": "received"}
    checked = provider.post(OWN, data={**form(provider.get(OWN)), "step": "check", **chosen})
    assert "We expect to send it, or do it: 1 April 2026." in checked.text
    assert "in the name of your account" in checked.text and team.dump() == before
    done = provider.post(OWN, data={**form(checked), "step": "send"})
    assert "2 answers are recorded" in done.text and "the mailbox of the service" in done.text
    new = [line for line in team.lines() if line.actor == "trust.desk"]
    assert {(line.kind, line.via) for line in new} == {("body_replied", "page"), ("health_advice_acknowledged", "page")}
    with reading(place.context().engine) as connection:
        query = select(NOTICE.c.mailbox).where(NOTICE.c.rung == "reply_receipt").order_by(NOTICE.c.mailbox)
        assert list(connection.scalars(query)) == sorted([mailbox_of(place), mailbox_of(place, PAEDS)])
    assert team.verify(TODAY).intact


def test_an_answer_is_taken_back_by_its_account_within_the_hour_and_by_no_other(
    provider: Browser, place: Installation, team: Team
) -> None:
    sent(provider, **{f"c.{name_of(team, SALT)}": "wrong_mailbox"})
    context = place.context()
    with reading(context.engine) as connection:
        number = connection.scalar(select(ANSWER_GIVEN.c.id))
    assert number is not None and not undo_as(context, "another.desk", number)
    again = provider.post(OWN, data={**form(provider.get(OWN)), "step": "undo", "number": str(number)})
    assert "taken back" in again.text
    assert (team.lines()[-1].kind, team.lines()[-1].actor) == ("fact_withdrawn", "trust.desk")


def test_the_list_goes_down_as_a_workbook_and_comes_up_again(provider: Browser, team: Team) -> None:
    book = load_workbook(io.BytesIO(provider.get(f"{OWN}/answers").content))
    files = {"file": ("answers.xlsx", filled(book, {OTHER: ("Not known to this service",)}))}
    checked = provider.post(f"{OWN}/answers", data={"token": form(provider.get(OWN))["token"]}, files=files)
    assert "Not known to this service." in checked.text
    done = provider.post(OWN, data={**form(checked), "step": "send"})
    assert "Your answer is recorded" in done.text
    assert team.lines(OTHER)[-1].actor == "trust.desk"


def test_a_duty_of_another_body_is_not_answered_by_any_form(provider: Browser, place: Installation, team: Team) -> None:
    line = next(line for line in team.lines() if line.data.get("service") == PHYSIO)
    foreign = Asked(CASE, ADVICE, line.seq, PHYSIO_TRUST, PHYSIO)
    before = team.dump()
    page = sent(provider, **{f"c.{CASE}.{ADVICE}.{line.seq}": "received"})
    assert "Choose an answer on at least one line" in page and team.dump() == before
    for asked in (foreign, foreign._replace(body=TRUST), asked_of(team)._replace(case_ref="NX99999")):
        with pytest.raises(NotOfThisBody):
            give_as(place.context(), "trust.desk", TRUST, [(asked, Reply(Answer.RECEIVED))])
    assert team.dump() == before


def test_a_withheld_child_is_in_no_list_and_nothing_of_it_is_answered(
    provider: Browser, place: Installation, team: Team
) -> None:
    team.record(TODAY, "person_flagged_sensitive")
    page = provider.get(OWN).text
    assert CASE not in page and OTHER in page and "1 thing" in page
    assert CASE.encode() not in provider.get(f"{OWN}/answers").content
    with pytest.raises(NotOfThisBody):
        give_as(place.context(), "trust.desk", TRUST, [(asked_of(team), Reply(Answer.RECEIVED))])
    context = place.context()
    with reading(context.engine) as connection:
        assert {each.asked.case_ref for each in owed_by_body(context, connection, "x", TRUST, context.now())} == {OTHER}


def test_a_child_that_is_withheld_after_the_list_was_shown_is_not_answered_by_it(
    provider: Browser, place: Installation, team: Team
) -> None:
    context = place.context()
    link = link_to_all(mailbox_of(place), context.today())
    transact(context.engine, lambda each: store_links(each, context.cipher, [link], context.now()))
    token, replies = token_of(context.cipher, link), [(asked_of(team), Reply(Answer.RECEIVED))]
    team.record(TODAY, "person_flagged_sensitive")
    before = team.dump()
    with pytest.raises(NoSuchLink):
        give(place.context(), token, replies)
    assert team.dump() == before
