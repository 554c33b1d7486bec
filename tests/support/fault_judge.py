"""Checks what must be true after every fault: each accepted fact once, no second letter, projections as replayed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text

from models import ledger
from models.database import reading
from models.facts import StoredFact
from notifications.message_ids import as_it_is_stored
from tests.support.mail_server import ScriptedMailServer
from tests.support.team import Team

Planned = tuple[str, list[tuple[str, str, dict[str, Any]]]]


def history(team: Team, cases: Iterable[str]) -> dict[str, list[StoredFact]]:
    """Return the stored histories of these cases."""
    with reading(team.first.engine) as connection:
        return {ref: lines for ref, (lines, _tail) in ledger.read(connection, sorted(set(cases))).items()}


def times(lines: Sequence[StoredFact], fact: tuple[str, str, dict[str, Any]]) -> int:
    """Count how often a planned fact is in a history."""
    kind, on, data = fact
    return sum(
        line.kind == kind and line.occurred_on.isoformat() == on and data.items() <= line.data.items() for line in lines
    )


def accepted(path: Path) -> list[Planned]:
    """Return the acts that the processes reported as accepted."""
    if not path.exists():
        return []
    return [
        (case, [(kind, on, data) for kind, on, data in facts])
        for case, facts in map(json.loads, path.read_text().splitlines())
    ]


def facts_are_there_once(team: Team, confirmed: Sequence[Planned], wanted: Sequence[Planned]) -> None:
    """Each accepted fact is stored once; each planned act is stored once and complete, or not at all."""
    found = history(team, [case for case, _facts in wanted])
    for case, facts in confirmed:
        assert [times(found.get(case, []), fact) for fact in facts] == [1] * len(facts), (
            f"an accepted act of {case} is not there once"
        )
    for case, facts in wanted:
        assert {times(found.get(case, []), fact) for fact in facts} in (
            {0},
            {1},
        ), f"an act of {case} is there in part or twice"


def records_are_whole(team: Team, today: str) -> None:
    """Every chain verifies, and every projection is what a new replay gives."""
    report = team.verify(today)
    assert report.damage == []
    assert report.stale == 0


def letters_are_sent_once(team: Team, mail_server: ScriptedMailServer) -> None:
    """One letter to a mailbox a day, the same Message-ID for a letter sent again, and each step sent once."""
    arrived = Counter(
        (str(mail["To"]), str(mail["Date"])[:16], str(mail["Message-ID"])) for mail in mail_server.arrived
    )
    # The morning's digest goes whenever it is written (docs/decisions/030): it is counted by itself, one a
    # day too.
    a_day = Counter((to, day, message.startswith("<digest-")) for to, day, message in arrived)
    assert [each for each, count in a_day.items() if count > 1] == []
    copies = Counter(map(as_it_is_stored, mail_server.ids()))
    with reading(team.first.engine) as connection:
        letters = {row[0]: row[1] for row in connection.execute(text("SELECT message_id, state FROM letter"))}
        sent = connection.execute(text("SELECT case_ref, text FROM fact WHERE kind = 'notice_sent'")).all()
        came_back = {
            json.loads(row[0])["data"]["letter"]
            for row in connection.execute(
                text("SELECT text FROM fact WHERE kind IN ('notice_came_back', 'notice_undelivered')")
            )
        }
    assert copies.keys() <= letters.keys()
    for message, state in letters.items():
        if state == "sent":
            assert copies[message] == 1, "a letter that was sent arrived once"
        elif state == "sent_perhaps_twice":
            assert copies[message] >= 1, "a letter that was sent has arrived"
    steps = Counter(
        (case, *(json.loads(fact)["data"].get(key) for key in ("rule", "rung", "opened_seq", "rung_seq", "recipient")))
        for case, fact in sent
        if json.loads(fact)["data"]["letter"] not in came_back  # it is sent again
    )
    assert [step for step, count in steps.items() if count > 1] == []


def nothing_is_half_done(team: Team) -> None:
    """No letter is being sent, and no notice was claimed for one. A higher letter may wait for the lower one."""
    with reading(team.first.engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM letter WHERE state IN ('sending', 'waiting')")) == 0
        assert connection.scalar(text("SELECT count(*) FROM notice WHERE state = 'claimed'")) == 0


def nothing_is_left(team: Team) -> None:
    """No letter is being sent, and no notice waits for a letter."""
    with reading(team.first.engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM letter WHERE state IN ('sending', 'waiting')")) == 0
        assert connection.scalar(text("SELECT count(*) FROM notice WHERE state IN ('created', 'claimed')")) == 0


def all_is_well(team: Team, mail_server: ScriptedMailServer, today: str) -> None:
    """Check the records and the letters."""
    records_are_whole(team, today)
    letters_are_sent_once(team, mail_server)
