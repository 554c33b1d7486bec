"""The links of letters: put in as a letter leaves, and nowhere else; one for each thing asked, and one for all."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from casework.delivery.daily_digest import digest
from casework.delivery.deliver import deliver
from casework.replies.answers import Reply
from casework.replies.give import give
from casework.replies.links import Scope, digest_of, find_link
from casework.reports.letters import shown as shown_letter
from models.answers import Answer
from models.database import reading
from models.facts import iso
from models.tables import ANSWER_LINK
from notifications.transport import Attempt, Letter, Outcome
from tests.support.by_hand import CASE, PAEDS, SALT
from tests.support.by_hand import day as parsed
from tests.support.team import Team

ADDRESS = "https://sendflow.icb.example"
LINK = re.compile(rf"{re.escape(ADDRESS)}/reply/([A-Za-z0-9_-]{{32}})")


@pytest.fixture
def linked(tmp_path: Path) -> Team:
    """A team whose pages have an address."""
    made = Team(tmp_path / "linked")
    made.first = replace(made.first, settings=replace(made.first.settings, pages_at=ADDRESS))
    return made


def tokens(letter: Letter) -> list[str]:
    return list(dict.fromkeys(LINK.findall(letter.text)))


def test_a_letter_leaves_with_its_links_and_the_stored_one_has_none(linked: Team) -> None:
    linked.opened().asked()
    linked.deliver("2 Mar 2026")
    (letter,) = linked.post.letters
    this, everything = tokens(letter)
    assert {*LINK.findall(letter.html)} == {this, everything} and "answer.invalid" not in letter.text + letter.html
    assert this not in str(linked.dump()) and everything not in str(linked.dump())
    assert "https://answer.invalid/" in str(linked.dump())
    context = linked.context("2 Mar 2026")
    with reading(context.engine) as connection:
        one, many = (find_link(connection, context.cipher, token, context.now()) for token in (this, everything))
    assert one.asked is not None and many.asked is None
    assert (one.scope, one.asked.case_ref, one.asked.service) == (Scope.DUTY, CASE, SALT)
    assert (many.scope, many.mailbox) == (Scope.MAILBOX, letter.mailbox)
    shown = shown_letter(context, letter.id)
    assert "answer.invalid" in shown.text and this not in shown.text
    assert linked.verify("2 Mar 2026").damage == []


def test_the_link_of_a_letter_answers_it_and_ends_the_chase(linked: Team) -> None:
    linked.opened().asked()
    linked.deliver("2 Mar 2026")
    context = linked.context("3 Mar 2026")
    (this, _everything) = tokens(linked.post.letters[0])
    with reading(context.engine) as connection:
        link = find_link(connection, context.cipher, this, context.now())
    assert link.asked is not None
    give(context, this, [(link.asked, Reply(Answer.DISCHARGED, recipient="service"))])
    for day in ("5 Mar 2026", "23 Mar 2026", "14 Apr 2026", "21 Apr 2026", "28 Apr 2026"):
        linked.day(day)
    assert [letter.subject.rpartition(": ")[2] for letter in linked.post.letters[1:]] == [
        "your answer of 3 March 2026 is recorded"
    ]


def test_a_letter_about_two_services_has_a_link_for_each_and_one_for_all(linked: Team) -> None:
    linked.opened().asked().asked(service=PAEDS)
    text = (Path(__file__).parents[3] / "config" / "directory.toml").read_text("utf-8")
    one_mailbox = text.replace("slt.advice@", "community.paediatrics@")
    (linked.home / "directory.toml").write_text(one_mailbox, "utf-8")
    from config.directory import load_directory

    linked.first = replace(linked.first, directory=load_directory(linked.home / "directory.toml"))
    linked._contexts.clear()
    linked.deliver("2 Mar 2026")
    found = [tokens(letter) for letter in linked.post.letters]
    assert list(map(len, found)) == [3]


def test_a_letter_that_is_sent_again_has_the_same_links(linked: Team) -> None:
    class LostOnce:
        """A transport that loses the line after the first letter was handed over."""

        def __init__(self) -> None:
            self.letters: list[Letter] = []

        def send(self, letter: Letter) -> Attempt:
            self.letters.append(letter)
            return Attempt(Outcome.UNKNOWN, "line_lost") if len(self.letters) == 1 else Attempt(Outcome.ACCEPTED)

    linked.opened().asked()
    lost = LostOnce()
    deliver(linked.context("2 Mar 2026"), now=True, transport=lost)
    deliver(linked.context("3 Mar 2026"), now=True, transport=lost)
    first, second = lost.letters
    assert tokens(first) == tokens(second) and len(tokens(first)) == 2


def ends(team: Team, token: str, on: str) -> str:
    """The day on which a link ends."""
    context = team.context(on)
    with reading(context.engine) as connection:
        find_link(connection, context.cipher, token, context.now())
        query = select(ANSWER_LINK.c.expires_at).where(ANSWER_LINK.c.digest == digest_of(token))
        return str(connection.scalar(query))[:10]


class Down:
    """A transport that is down until it is said to be up. `first`: what became of the first letter."""

    def __init__(self, first: Outcome = Outcome.UNREACHABLE) -> None:
        self.up, self.tried, self.first = False, 0, first
        self.letters: list[Letter] = []

    def send(self, letter: Letter) -> Attempt:
        self.tried += 1
        if self.up:
            self.letters.append(letter)
            return Attempt(Outcome.ACCEPTED)
        return Attempt(self.first if self.tried == 1 else Outcome.UNREACHABLE, "unreachable")


@pytest.mark.parametrize("first", [Outcome.UNREACHABLE, Outcome.UNKNOWN])
@pytest.mark.parametrize(("back", "whole"), [("2 Apr 2026", "16 Apr 2026"), ("15 Jun 2026", "29 Jun 2026")])
def test_a_letter_that_waited_for_longer_than_its_links_live_leaves_with_links_that_open(
    linked: Team, first: Outcome, back: str, whole: str
) -> None:
    """Mail is down for a month, or for longer than every link lives and is remembered. A letter whose outcome is
    unknown leaves with its words of the first day, and another one with what is true now.
    """
    linked.opened().asked()
    down = Down(first)
    deliver(linked.context("2 Mar 2026"), now=True, transport=down)
    for day_ in ("16 Mar 2026", "30 Mar 2026", "1 Jun 2026"):
        if parsed(day_) < parsed(back):
            deliver(linked.context(day_), now=True, transport=down)
            digest(linked.context(day_), transport=linked.post)  # it forgets links that ended long ago
    down.up = True
    deliver(linked.context(back), now=True, transport=down)
    letter = down.letters[0]
    assert (letter.again, down.tried > 2) == (first is Outcome.UNKNOWN, True)
    this, everything = tokens(letter)
    assert ends(linked, everything, back) == iso(parsed(whole))
    assert ends(linked, this, back) == iso(parsed(back) + timedelta(weeks=8))
    context = linked.context(back)
    with reading(context.engine) as connection:
        link = find_link(connection, context.cipher, this, context.now())
    assert link.asked is not None
    (outcome,) = give(context, this, [(link.asked, Reply(Answer.RECEIVED, recipient="service"))])
    assert outcome.facts
    assert linked.verify(back).damage == []


def test_the_link_to_all_is_one_a_week(linked: Team) -> None:
    linked.opened().asked()
    for day in ("2 Mar 2026", "5 Mar 2026", "23 Mar 2026"):
        linked.day(day)
    (first, one), (second, same), (third, another) = map(tokens, linked.post.letters)
    assert one == same != another
    assert len({first, second, third}) == 3


def test_without_an_address_letters_have_no_links(team: Team) -> None:
    team.opened().asked()
    team.deliver("2 Mar 2026")
    (letter,) = team.post.letters
    assert "without an account" not in letter.text and "/reply/" not in letter.text


def test_who_is_asked_to_step_in_and_not_to_answer_gets_no_link(linked: Team) -> None:
    linked.opened().asked()
    for day in ("2 Mar 2026", "5 Mar 2026", "23 Mar 2026", "7 Apr 2026", "14 Apr 2026", "21 Apr 2026", "28 Apr 2026"):
        linked.day(day)
    icb = linked.first.directory.icb
    with_links = {letter.mailbox for letter in linked.post.letters if tokens(letter)}
    without = {letter.mailbox for letter in linked.post.letters if not tokens(letter)}
    assert icb.executive_lead in without
    assert not with_links & {icb.executive_lead, icb.dco}
    assert len(with_links) == 3, "the service, its manager and the SEND lead"
