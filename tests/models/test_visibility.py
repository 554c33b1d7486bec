"""Every table is either left out by case or says nothing of cases; what a reader is not shown, on both databases."""

from typing import Any

from sqlalchemy import func, select

from casework.access.accounts import change_role
from casework.access.seen import as_seen_by, as_sendflow
from models.bulk_io import read_rows, stream_rows
from models.database import reading, transact, writing
from models.tables import CASE, DUTY, FACT, LETTER, METADATA, NOTICE, PERSON
from models.visibility import WITHOUT_CASES, filtered_tables, hidden_among
from tests.support.team import Team

MADE: dict[str, Any] = {"la": "northshire", "how": "form", "referred_to": "multi_agency_hub", "parents_informed": "yes"}
RESTRICTED, OPEN = "SR90001", "NX90001"


def with_two_cases(team: Team) -> Team:
    """The team with a case that everybody sees, and a restricted one."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.record("2 Mar 2026", "safeguarding_referral_made", case=RESTRICTED, nhs_number="9990000026", **MADE)
    team.day("5 Mar 2026")
    return team


def test_a_new_table_says_whether_it_is_about_cases() -> None:
    assert filtered_tables() | WITHOUT_CASES == set(METADATA.tables)
    assert not filtered_tables() & WITHOUT_CASES


def test_what_reads_leaves_restricted_cases_out_and_what_writes_does_not(team: Team) -> None:
    check_what_is_read(with_two_cases(team))


def check_what_is_read(team: Team) -> None:
    """A connection that reads is not shown the restricted case; one that writes is."""
    seen = as_seen_by(team.context("6 Mar 2026"), None)
    with reading(seen.engine) as connection:
        assert connection.scalars(select(CASE.c.case_ref)).all() == [OPEN]
        assert connection.scalar(select(func.count()).select_from(FACT).where(FACT.c.case_ref == RESTRICTED)) == 0
        assert connection.scalar(select(func.count()).select_from(DUTY).where(DUTY.c.case_ref == RESTRICTED)) == 0
        assert connection.scalar(select(func.count()).select_from(PERSON)) == 0, "a child of restricted cases only"
        letters = select(LETTER.c.id).join(NOTICE, NOTICE.c.letter == LETTER.c.id).distinct()
        assert "safeguarding.lead" not in str(connection.scalars(select(LETTER.c.mailbox)).all())
        assert connection.execute(letters).all()
        named = select(CASE.c.case_ref).where(
            select(DUTY.c.rule).where(DUTY.c.case_ref == CASE.c.case_ref).exists(), CASE.c.case_ref.like("SR%")
        )
        assert connection.scalars(named).all() == []
        assert read_rows(connection, CASE, ("case_ref",), "case_ref", [RESTRICTED, OPEN]) == [(OPEN,)]
        assert [row[0] for row in stream_rows(connection, CASE, ("case_ref",))] == [OPEN]
    with writing(seen.engine) as connection:
        assert connection.scalars(select(CASE.c.case_ref).order_by(CASE.c.case_ref)).all() == [OPEN, RESTRICTED]
        assert hidden_among(connection, [OPEN, RESTRICTED, "SR99999"]) == {RESTRICTED}
    with reading(as_sendflow(seen).engine) as connection:
        assert connection.scalar(select(func.count()).select_from(CASE)) == 2


def test_who_is_named_sees_all_until_the_role_changes(team: Team) -> None:
    check_who_is_named(with_two_cases(team))


def check_who_is_named(team: Team) -> None:
    """An account that is named for the process sees its cases; another role of it does not."""
    context = team.context("6 Mar 2026")
    for role, scope, cases in (("dco", "safeguarding_referral", 2), ("auditor", "", 1), ("provider", "QX101", 1)):
        transact(
            context.engine,
            lambda each, role=role, scope=scope: change_role(each, "sam.lee", role, scope, "dco.team"),  # type: ignore[misc]
        )
        with reading(as_seen_by(context, "sam.lee").engine) as connection:
            assert connection.scalar(select(func.count()).select_from(CASE)) == cases, role
