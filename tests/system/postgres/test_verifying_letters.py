"""On PostgreSQL too verify names a changed notice and letter: its statements and its form of a day differ. The tests
on SQLite have the whole list.
"""

from sqlalchemy import text

from audit.verify import verify
from models.database import writing
from tests.support.by_hand import SALT
from tests.support.team import Team

CHANGES = {
    "UPDATE notice SET recipient = 'dco' WHERE rung = 'breach'": "recipient",
    "UPDATE notice SET due = '2026-04-20' WHERE rung = 'breach'": "due",
    "UPDATE notice SET state = 'withdrawn' WHERE rung = 'breach'": "is withdrawn",
    "UPDATE notice SET mailbox = 'somebody.else@northshire-community.example' WHERE rung = 'breach'": "mailbox",
    "DELETE FROM notice WHERE rung = 'breach'": "there is none",
    "UPDATE letter SET sent_at = '2026-04-16T08:00:00.000000Z' WHERE id LIKE '20260414-%'": "another day",
    "UPDATE letter SET \"on\" = '2026-03-01' WHERE id LIKE '20260414-%'": "differs in on",
    "DELETE FROM letter WHERE id LIKE '20260414-%'": "is gone",
}


def test_a_changed_notice_and_letter_are_named(team: Team) -> None:
    team.record("2 Mar 2026", "ehc_assessment_requested", la="northshire")
    team.asked("2 Mar 2026", service=SALT)
    for when in ("2 Mar 2026", "23 Mar 2026", "7 Apr 2026", "14 Apr 2026"):
        team.day(when)
    context = team.context("14 Apr 2026")
    assert verify(context).intact and verify(context, team.case).intact
    for statement, said in CHANGES.items():
        with writing(context.engine) as connection:
            kept = {
                table: connection.execute(text(f"SELECT * FROM {table}")).mappings().all()
                for table in ("notice", "letter")
            }
            connection.execute(text(statement))
        for report in (verify(context), verify(context, team.case)):
            assert any(said in each.message for each in report.damage), (statement, report.damage)
            assert {each.what for each in report.damage} <= {"notice", "letter"}
        with writing(context.engine) as connection:
            for table, rows in kept.items():
                connection.execute(text(f"DELETE FROM {table}"))
                names = list(rows[0])
                places = ", ".join(f":{name}" for name in names)
                columns = ", ".join(f'"{name}"' for name in names)
                connection.execute(
                    text(f"INSERT INTO {table} ({columns}) VALUES ({places})"), [dict(row) for row in rows]
                )
    assert verify(context).intact
