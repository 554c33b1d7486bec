"""References of all sides: which letters have them, and which never do."""

from typing import Any

import pytest

from casework.cases.validation import Refused
from tests.support.mail_server import DCO, MANAGER, SERVICE, ScriptedMailServer, run_delivery
from tests.support.team import Team

BODY: dict[str, Any] = {"body": "QX101", "service": "speech_and_language_therapy"}
THEIRS = "Reference of Northshire Community Health NHS Trust: SALT-2231"


def text_to(mail_server: ScriptedMailServer, mailbox: str) -> list[str]:
    """The text of each letter to a mailbox, as one line."""
    return [
        " ".join(str(letter.get_body(("plain",)).get_content()).split())  # type: ignore[union-attr]
        for letter in mail_server.arrived
        if str(letter["To"]) == mailbox
    ]


def test_the_bodys_own_reference_is_in_letters_to_its_posts_and_in_no_other(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    team.opened("2 Mar 2026").asked()
    run_delivery(team, "2 Mar 2026", mail_server)
    team.record("4 Mar 2026", "health_advice_acknowledged", body_reference="SALT-2231", **BODY)
    for today in ("23 Mar 2026", "7 Apr 2026", "14 Apr 2026", "21 Apr 2026", "28 Apr 2026", "6 May 2026"):
        team.sweep(today)
        run_delivery(team, today, mail_server)
    first, *later = text_to(mail_server, SERVICE)
    assert "SALT-2231" not in first, "it was not known then"
    assert later and all(THEIRS in text for text in later)
    assert all(THEIRS in text for text in text_to(mail_server, MANAGER))
    others = {str(letter["To"]) for letter in mail_server.arrived if "northernvales" in str(letter["To"])}
    assert DCO in others and len(others) == 2
    for mailbox in others:
        assert all("SALT-2231" not in text and "NS-04412" in text for text in text_to(mail_server, mailbox))
    assert not [subject for _to, subject in mail_server.received() if "SALT-2231" in subject]


def test_another_services_reference_is_not_taken_for_its_own(team: Team) -> None:
    team.opened("2 Mar 2026").asked().asked(service="occupational_therapy")
    team.record("4 Mar 2026", "health_advice_acknowledged", body_reference="SALT-2231", **BODY)
    team.sweep("23 Mar 2026")
    team.deliver("23 Mar 2026")
    texts = {letter.mailbox: letter.text for letter in team.post.letters}
    assert "SALT-2231" in texts[SERVICE]
    assert "SALT-2231" not in texts["ot.advice@northshire-community.example"]


@pytest.mark.parametrize("value", ["9990000018", "999-000-0018", "B21072018", "Zuzanna", "no digits", "A" * 80])
def test_a_reference_that_may_identify_the_child_is_refused(team: Team, value: str) -> None:
    team.opened("2 Mar 2026").asked()
    before = team.dump()
    with pytest.raises(Refused):
        team.record("4 Mar 2026", "health_advice_acknowledged", body_reference=value, **BODY)
    assert team.dump() == before
