"""Version 4 of the request letters: as version 3, and who gets one in place of a service reads why."""

from __future__ import annotations

from typing import Any

import pytest

from notifications.render import render
from tests.notifications import test_letters_with_links as before
from tests.support.by_hand import SALT
from tests.support.mail_server import MANAGER
from tests.support.team import Team

LETTERS = ("request_received", "review_invited")
LOST = [{"on": "2026-03-03", "to": "service", "why": "no_such_mailbox"}]


def fields_of(template: str, **more: Any) -> dict[str, Any]:
    fields = next(fields for name, fields in before.samples().values() if name == template)
    return {**before.with_links(fields), **more}


@pytest.mark.parametrize("template", LETTERS)
def test_without_a_return_it_reads_as_version_3(template: str) -> None:
    for lost in ([], LOST):  # to the service itself nothing is said of it either: its own mailbox is tried again
        given = fields_of(template, undelivered=lost)
        assert render(template, 4, given) == render(template, 3, given)


@pytest.mark.parametrize("template", LETTERS)
@pytest.mark.parametrize("post", ["service_manager", "provider_send_lead", "dco"])
def test_the_next_post_reads_why_it_has_the_letter(template: str, post: str) -> None:
    found = render(template, 4, fields_of(template, undelivered=LOST, recipient=post))
    words = " ".join(found.text.split())
    assert "Why you have this: our e-mail of 3 March 2026 to" in words and "did not arrive" in words
    assert "did not arrive" in found.html


def test_the_manager_of_a_service_whose_mailbox_is_gone_reads_it(team: Team) -> None:
    from casework.cases.commit import commit
    from casework.cases.unit_of_work import UnitOfWork
    from casework.delivery.came_back import say_that_it_was_undelivered
    from models.database import transact

    team.opened().asked(service=SALT)
    team.day("2 Mar 2026")
    context = team.context("3 Mar 2026")

    def bounced(connection: Any) -> None:
        unit = UnitOfWork(context, connection, actor="sendflow", via="letters")
        say_that_it_was_undelivered(unit, team.post.letters[0].id, "no_such_mailbox")
        commit(unit)

    transact(context.engine, bounced)
    team.deliver("3 Mar 2026")
    letter = team.post.letters[-1]
    assert letter.mailbox == MANAGER
    assert "our e-mail of 3 March 2026 to Speech and Language Therapy did not arrive" in " ".join(letter.text.split())
