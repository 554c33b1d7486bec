"""Answering letters by their links: what is shown, what is recorded once, and what a wrong link learns."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from casework.access import limits
from casework.replies.give import give
from casework.replies.links import (
    Link,
    NoSuchLink,
    digest_of,
    find_link,
    forget_expired,
    link_to_all,
    link_to_duty,
    store_links,
    token_of,
)
from casework.replies.record import Asked
from models.database import reading, transact
from models.tables import ANSWER_GIVEN, ANSWER_LINK, ATTEMPT, NOTICE
from tests.support.by_hand import ADVICE, CASE, PAEDS, SALT, TRUST
from tests.support.examples import examples
from tests.support.team import Team
from tests.web.conftest import Browser, browser_of
from web.installation import Installation

TODAY = "20 Mar 2026"
MAILBOX = "slt.inbox@trust.example"


@pytest.fixture
def place(team: Team) -> Iterator[Installation]:
    """An installation with one case, of which two services were asked for advice."""
    team.opened().asked().asked(service=PAEDS)
    context = team.context(TODAY)
    transact(context.engine, context.keep_time)
    installation = Installation(context.settings)
    yield installation
    installation.close()


@pytest.fixture
def anybody(place: Installation) -> Browser:
    """Somebody at the mailbox, without an account."""
    return browser_of(place)


def mailbox_of(place: Installation, service: str = SALT) -> str:
    from models.enums import Party

    found = place.context().directory.mailbox("northshire", TRUST, service, Party.SERVICE, date(2026, 3, 20))
    assert found is not None
    return found


def stored(place: Installation, link: Link, made: datetime | None = None) -> str:
    """Store a link as a letter does; gives its token."""
    context = place.context()
    now = made or context.now()
    transact(context.engine, lambda each: store_links(each, context.cipher, [link], now))
    return token_of(context.cipher, link)


def seq_of(place: Installation, service: str) -> int:
    with reading(place.context().engine) as connection:
        rows = connection.exec_driver_sql(
            "SELECT seq, text FROM fact WHERE kind = 'health_advice_requested' ORDER BY seq"
        ).all()
    return int(next(row[0] for row in rows if service in row[1]))


def asked_of(place: Installation, service: str = SALT) -> Asked:
    return Asked(CASE, ADVICE, seq_of(place, service), TRUST, service, "service")


def duty_token(place: Installation, service: str = SALT, notice: str = "a notice") -> str:
    return stored(place, link_to_duty(asked_of(place, service), mailbox_of(place, service), notice))


def all_token(place: Installation) -> str:
    return stored(place, link_to_all(mailbox_of(place), date(2026, 3, 20)))


def facts(place: Installation) -> list[tuple[str, str, str]]:
    with reading(place.context().engine) as connection:
        query = "SELECT kind, actor, case_ref FROM fact ORDER BY seq"
        return [(row[0], row[1], row[2]) for row in connection.exec_driver_sql(query)]


def form(page: Any) -> dict[str, str]:
    """What a form of a page sends besides what a person chooses."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))


def choose(person: Browser, token: str, choice: str, **further: str) -> Any:
    """Go through the pages up to the check page."""
    address = f"/reply/{token}"
    page = person.post(address, data={**form(person.get(address)), "choice": choice, "step": "choose"})
    return person.post(address, data={**form(page), **further, "step": "check"}) if further else page


def send(person: Browser, token: str, page: Any) -> Any:
    return person.post(f"/reply/{token}", data={**form(page), "step": "send"})


def day(text: str, name: str = "on") -> dict[str, str]:
    number, month, year = text.split()
    return {f"{name}-day": number, f"{name}-month": month, f"{name}-year": year}


def test_opening_a_link_shows_reference_service_and_dates_and_changes_nothing(
    place: Installation, anybody: Browser, team: Team
) -> None:
    token = duty_token(place)
    before = team.dump()
    page = anybody.get(f"/reply/{token}")
    assert page.status_code == 200
    for words in (CASE, "NS-04412", "Speech and Language Therapy", "Mon 13 Apr 2026", "Which answer fits?"):
        assert words in page.text
    assert " checked " not in page.text.replace("have checked", ""), "no answer is chosen beforehand"
    anybody.get(f"/reply/{token}")
    assert team.dump() == before


def test_an_answer_is_chosen_checked_and_sent_and_only_the_last_step_records(
    place: Installation, anybody: Browser, team: Team
) -> None:
    token = duty_token(place)
    before = team.dump()
    page = choose(anybody, token, "expected", **day("1 4 2026"))
    assert "We expect to send it, or do it: 1 April 2026." in page.text
    assert "It is owed, due 13 April 2026" in page.text
    assert team.dump() == before, "choosing and checking record nothing"
    done = send(anybody, token, page)
    assert "Your answer is recorded" in done.text
    fact = team.lines()[-1]
    assert (fact.kind, fact.data["said"], fact.data["day"]) == ("body_replied", "expected", "2026-04-01")
    assert (fact.actor, fact.via) == (f"mailbox.qx101.{SALT}", "reply_link")


def test_the_receipt_goes_to_the_same_mailbox_and_says_what_was_recorded(
    place: Installation, anybody: Browser, team: Team
) -> None:
    token = duty_token(place)
    send(anybody, token, choose(anybody, token, "received"))
    with reading(place.context().engine) as connection:
        row = connection.execute(select(NOTICE).where(NOTICE.c.rung == "reply_receipt")).one()
    assert (row.mailbox, row.state, row.recipient) == (mailbox_of(place), "created", "service")
    team.deliver("20 Mar 2026", now=True)
    sent = [letter for letter in team.post.letters if letter.mailbox == mailbox_of(place)]
    assert "We have this request" in sent[-1].text
    assert team.verify("20 Mar 2026").damage == []


def test_a_spent_link_says_when_it_was_answered_and_records_no_second_answer(
    place: Installation, anybody: Browser
) -> None:
    token = duty_token(place)
    page = choose(anybody, token, "received")
    send(anybody, token, page)
    before = facts(place)
    again = anybody.get(f"/reply/{token}")
    assert "Answered on" in again.text and "Which answer fits?" not in again.text
    send(anybody, token, page)
    choose(anybody, token, "not_known")
    assert facts(place) == before


def test_undo_withdraws_the_fact_within_an_hour_and_not_later(place: Installation, anybody: Browser) -> None:
    token = duty_token(place)
    done = send(anybody, token, choose(anybody, token, "not_known"))
    assert "Take this answer back" in done.text
    taken = anybody.post(f"/reply/{token}", data={**form(done), "step": "undo"})
    assert "Your answer is taken back" in taken.text
    kinds = [fact for fact in facts(place) if fact[1].startswith("mailbox.")]
    assert [kind for kind, _actor, _ref in kinds] == ["health_advice_answered", "fact_withdrawn"]
    done = send(anybody, token, choose(anybody, token, "received"))
    hour_ago = (place.context().now() - timedelta(minutes=61)).isoformat(timespec="microseconds")
    transact(place.context().engine, lambda each: each.execute(update(ANSWER_GIVEN).values(given_at=hour_ago)))
    before = facts(place)
    late = anybody.post(f"/reply/{token}", data={**form(done), "step": "undo"})
    assert late.status_code == 409 and "could not be taken back" in late.text
    assert facts(place) == before


def test_an_undone_answer_gets_no_receipt(place: Installation, anybody: Browser, team: Team) -> None:
    token = duty_token(place)
    done = send(anybody, token, choose(anybody, token, "received"))
    anybody.post(f"/reply/{token}", data={**form(done), "step": "undo"})
    team.deliver("20 Mar 2026", now=True)
    assert ("reply_receipt", "service", "withdrawn") in team.notices()


def wrong_tokens(place: Installation) -> dict[str, str]:
    good = duty_token(place)
    context = place.context()
    altered = duty_token(place, PAEDS, "altered")
    changed = update(ANSWER_LINK).where(ANSWER_LINK.c.digest == digest_of(altered)).values(case_ref="NX90002")
    transact(context.engine, lambda each: each.execute(changed))
    old = stored(place, link_to_duty(asked_of(place), mailbox_of(place), "old"), datetime(2025, 1, 1, tzinfo=UTC))
    foreign = token_of(type(context.cipher).for_nothing(), link_to_duty(asked_of(place), mailbox_of(place), "a notice"))
    return {
        "forged": "A" * 32,
        "foreign": foreign,
        "altered": altered,
        "expired": old,
        "cut": good[:-1],
        "changed": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "not a token": "a%20b%3Cscript%3E",
        "a reference": CASE,
    }


def test_every_wrong_link_gets_the_same_page_and_a_line_in_the_log(
    place: Installation, anybody: Browser, team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = wrong_tokens(place)
    before = team.dump()
    with caplog.at_level(logging.WARNING, "sendflow.web"):
        pages = {name: anybody.get(f"/reply/{token}") for name, token in wrong.items()}
        sent = {
            name: anybody.post(f"/reply/{token}", data={"token": team_token(anybody), "step": "send"})
            for name, token in wrong.items()
        }
    texts = {re.sub(r'nonce="[^"]+"', "", page.text) for page in (*pages.values(), *sent.values())}
    assert {page.status_code for page in (*pages.values(), *sent.values())} == {404}
    assert len(texts) == 1, "nobody learns why"
    assert CASE not in texts.pop()
    assert len(caplog.messages) == 2 * len(wrong)
    assert not [line for line in caplog.messages if any(token in line for token in wrong.values())]
    assert team.dump() == before


def team_token(person: Browser) -> str:
    return form(person.get("/sign-in"))["token"]


def test_a_link_answers_its_own_duty_only(place: Installation) -> None:
    token = duty_token(place)
    from casework.replies.answers import Reply
    from models.answers import Answer

    with pytest.raises(NoSuchLink):
        give(place.context(), token, [(asked_of(place, PAEDS), Reply(Answer.RECEIVED))])
    everything = all_token(place)
    with pytest.raises(NoSuchLink):
        give(place.context(), everything, [(asked_of(place, PAEDS), Reply(Answer.RECEIVED))])


def test_wrong_links_are_counted_by_address_and_right_ones_are_not(place: Installation, anybody: Browser) -> None:
    token = duty_token(place)
    for _each in range(limits.WRONG_REPLY_LINKS.most):
        assert anybody.get(f"/reply/{'A' * 32}").status_code == 404
    assert anybody.get(f"/reply/{'A' * 32}").status_code == 429
    assert anybody.get(f"/reply/{token}").status_code == 200
    with reading(place.context().engine) as connection:
        assert "testclient" not in str(connection.execute(select(ATTEMPT)).all())


def test_the_database_has_the_digest_of_a_token_and_never_the_token(place: Installation) -> None:
    token = duty_token(place)
    assert token not in str(place.context().settings.records.read_bytes())
    context = place.context()
    with reading(context.engine) as connection:
        link = find_link(connection, context.cipher, token, context.now())
    assert token_of(context.cipher, link) == token


def test_a_link_to_all_answers_many_lines_in_one_form(place: Installation, anybody: Browser, team: Team) -> None:
    team.record(TODAY, "ehc_assessment_requested", "3 Mar 2026", case="NX90002", la="northshire")
    team.record(TODAY, "health_advice_requested", "3 Mar 2026", case="NX90002", service=SALT)
    token = all_token(place)
    page = anybody.get(f"/reply/{token}")
    assert f"{CASE} / NS-04412" in page.text and "NX90002" in page.text and "2 things" in page.text
    assert len(re.findall("<select", page.text)) == 2, "another service's duty is not this mailbox's"
    first, second = re.findall(r'<select [^>]*name="c\.([^"]+)"', page.text)
    answers = {f"c.{first}": "received", f"c.{second}": "sent", **day("18 3 2026", f"d.{second}")}
    checked = anybody.post(f"/reply/{token}", data={**form(page), **answers, "step": "check"})
    assert "We have this request." in checked.text and "It was sent, or done: 18 March 2026." in checked.text
    assert "No reminder leaves for 5 working days." in checked.text
    done = send(anybody, token, checked)
    assert "2 answers are recorded" in done.text
    assert "Said to be sent on" in done.text and "not confirmed" in done.text
    kinds = [(kind, ref) for kind, actor, ref in facts(place) if actor.startswith("mailbox.")]
    assert sorted(kinds) == [("body_replied", "NX90002"), ("health_advice_acknowledged", CASE)]


@pytest.mark.parametrize("claimed", ["1", "7", "All%20your", "0", "-1", "%D9%A3", "99999999999999999999"])
def test_an_address_that_says_that_something_was_recorded_is_not_believed(
    place: Installation, anybody: Browser, claimed: str
) -> None:
    """Anybody can add words to an address and send it on."""
    token = all_token(place)
    assert "recorded. A receipt" not in anybody.get(f"/reply/{token}?recorded={claimed}").text
    send(anybody, duty_token(place), choose(anybody, duty_token(place), "received"))
    assert "is recorded" not in anybody.get(f"/reply/{duty_token(place)}?recorded={claimed}").text or claimed == "1"


def test_a_line_without_its_day_is_named_and_nothing_is_recorded(place: Installation, anybody: Browser) -> None:
    token = all_token(place)
    page = anybody.get(f"/reply/{token}")
    (only,) = re.findall(r'<select [^>]*name="c\.([^"]+)"', page.text)
    before = facts(place)
    wrong = anybody.post(f"/reply/{token}", data={**form(page), f"c.{only}": "sent", "step": "check"})
    assert wrong.status_code == 400 and "The day: enter an answer" in wrong.text
    nothing = anybody.post(f"/reply/{token}", data={**form(page), "step": "send"})
    assert nothing.status_code == 400 and "Choose an answer on at least one line" in nothing.text
    assert facts(place) == before


def test_what_is_not_owed_any_more_is_said_with_its_day(place: Installation, anybody: Browser, team: Team) -> None:
    token = duty_token(place)
    page = choose(anybody, token, "received")
    team.record(TODAY, "health_advice_received", "18 Mar 2026", service=SALT)
    shown = anybody.get(f"/reply/{token}")
    assert "Nothing is owed here any more" in shown.text and "It was answered on 18 March 2026" in shown.text
    before = facts(place)
    send(anybody, token, page)
    assert facts(place) == before


def test_no_child_is_named_on_any_page_of_an_answer(place: Installation, anybody: Browser, team: Team) -> None:
    team.record(
        TODAY, "ehc_assessment_requested", "3 Mar 2026", case="NX90002", la="northshire", nhs_number="999 000 0018"
    )
    team.record(
        TODAY, "health_advice_requested", "4 Mar 2026", case="NX90002", service=SALT, note="Canary Kinderley rang"
    )
    token = all_token(place)
    page = anybody.get(f"/reply/{token}")
    assert "NX90002" in page.text
    # Three digits may occur in the page's random token: the whole number is searched.
    assert not any(each in page.text for each in ("999 000 0018", "9990000018", "Kinderley"))


WORDS = st.one_of(
    st.sampled_from(["", "sent", "expected", "exceptional:absent_4_weeks", "other_service", "31"]), st.text()
)


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(step=st.one_of(st.sampled_from(["", "choose", "check", "undo"]), st.text(max_size=8)), words=st.lists(WORDS))
def test_no_form_but_the_last_step_records_anything(
    place: Installation, anybody: Browser, step: str, words: list[str]
) -> None:
    if step == "send":
        return
    names = (
        "choice",
        "on-day",
        "on-month",
        "on-year",
        "to",
        "number",
        f"c.{CASE}.{ADVICE}.3",
        f"d.{CASE}.{ADVICE}.3-day",
    )
    for token in (duty_token(place), all_token(place)):
        data = {"token": team_token(anybody), "step": step, **dict(zip(names, words, strict=False))}
        before = facts(place)
        assert anybody.post(f"/reply/{token}", data=data).status_code in (200, 400, 409, 429)
        assert facts(place) == before


def test_a_link_that_ended_four_weeks_ago_is_deleted_and_what_it_answered_is_not(
    place: Installation, anybody: Browser, team: Team
) -> None:
    old, new = duty_token(place), duty_token(place, PAEDS)
    send(anybody, old, choose(anybody, old, "received"))
    context = place.context()
    later = context.now() + timedelta(weeks=8)
    for now, deleted in ((later, 0), (later + timedelta(weeks=4), 2)):
        assert transact(context.engine, lambda each, on=now: forget_expired(each, on)) == deleted  # type: ignore[misc]
    with reading(context.engine) as connection:
        assert list(connection.scalars(select(ANSWER_GIVEN.c.link))) == [digest_of(old)]
        for token in (old, new):
            with pytest.raises(NoSuchLink):
                find_link(connection, context.cipher, token, context.now())
    assert [line.kind for line in team.lines()][-1] == "health_advice_acknowledged"
    assert team.verify(TODAY).intact


def test_prefect_names_no_withheld_case_that_a_link_answers(place: Installation, team: Team) -> None:
    named: list[str] = []

    class Runs:
        @contextmanager
        def act(self, reference: str, kind: str) -> Iterator[None]:
            named.append(reference)
            yield

        def close(self) -> None:
            """Nothing to wait for."""

    place.runs = Runs()  # type: ignore[assignment]
    person = browser_of(place)
    first, second = duty_token(place), duty_token(place, PAEDS)
    send(person, first, choose(person, first, "received"))
    assert named == [CASE]
    team.record(TODAY, "person_flagged_sensitive")
    assert "Your answer is recorded" in send(person, second, choose(person, second, "received")).text
    assert named == [CASE]
