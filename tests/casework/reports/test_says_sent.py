"""What a body says of "sent" is shown as its word on each list and on the case, until the receipt is recorded."""

from __future__ import annotations

from datetime import date
from typing import Any

from casework.reports.own_duties import own_duties
from casework.reports.worklists import open_duties, overdue, week
from cli.formatting import board
from tests.support.by_hand import ADVICE, CASE, PAEDS, SALT, TRUST
from tests.support.team import Team

TODAY = "14 Apr 2026"


def said(team: Team, **more: Any) -> None:
    data = {"said": "sent", "body": TRUST, "service": SALT, "day": "2026-04-08", **more}
    team.record("9 Apr 2026", "body_replied", **data)


def test_each_list_shows_it_beside_its_own_duty_only(team: Team) -> None:
    team.opened().asked().asked(service=PAEDS)
    said(team)
    context = team.context(TODAY)
    shown = {
        name: {row.service: row.says_sent for row in rows if row.rule == ADVICE}
        for name, rows in (
            ("overdue", overdue(context, context.today())),
            ("open", open_duties(context, context.today())),
            ("own", own_duties(context, context.today(), body=TRUST)),
        )
    }
    assert list(shown.values()) == [{SALT: date(2026, 4, 8), PAEDS: None}] * 3
    before = team.context("10 Apr 2026")
    assert {row.says_sent for row in week(before, before.today()) if row.service == SALT} == {date(2026, 4, 8)}
    text = board(context, overdue(context, context.today()), None, "late", 1)
    assert text.count("says sent") == 1 and "not confirmed" in text
    assert team.duty(TODAY, service=SALT).says_sent == date(2026, 4, 8)
    assert team.duty(TODAY, service=PAEDS).says_sent is None


def test_it_is_gone_once_the_receipt_is_recorded_or_the_reply_is_withdrawn(team: Team) -> None:
    team.opened().asked()
    said(team)
    team.record("10 Apr 2026", "fact_withdrawn", corrects=len(team.lines()), reason="another child's")
    assert team.duty(TODAY).says_sent is None
    assert {row.says_sent for row in overdue(team.context(TODAY), date(2026, 4, 14)) if row.rule == ADVICE} == {None}
    said(team, day="2026-04-07")
    assert team.duty(TODAY).says_sent == date(2026, 4, 7)
    team.record(TODAY, "health_advice_received", "8 Apr 2026", service=SALT)
    assert team.duty(TODAY).says_sent is None
    assert not [
        row for row in overdue(team.context(TODAY), date(2026, 4, 14)) if row.case_ref == CASE and row.says_sent
    ]
