"""The authority's reference is found by an index: each new case asks for it, among all cases.

An act that cannot change it leaves it, and what is stored is what the facts say.
"""

from casework.cases.references import _BY_LA_REFERENCE
from casework.reports.case_report import report
from models.bulk_io import mark
from models.database import reading
from models.tables import CASE
from tests.support.by_hand import SALT
from tests.support.team import Team


def test_an_index_finds_the_authoritys_reference(team: Team) -> None:
    engine = team.context("2 Mar 2026").engine
    with reading(engine) as connection:
        asked = f"EXPLAIN QUERY PLAN {_BY_LA_REFERENCE.format(mark=mark(connection))}"
        plan = [row[-1] for row in connection.exec_driver_sql(asked, ("NS04412",))]
    assert any("USING INDEX case_file_la_reference" in step for step in plan), plan
    assert not any("SCAN" in step for step in plan), plan


def stored(team: Team, case: str) -> str | None:
    """The reference in the row of a case, which is the one that its facts say."""
    context = team.context("2 Apr 2026")
    with reading(context.engine) as connection:
        found = connection.execute(CASE.select().where(CASE.c.case_ref == case)).one().la_reference
    assert found == report(context, case).la_reference
    return None if found is None else str(found)


def test_the_stored_reference_follows_a_correction_and_no_other_fact(team: Team) -> None:
    team.opened().asked()
    assert stored(team, team.case) == "NS-04412"
    team.record("5 Mar 2026", "fact_corrected", corrects=1, la_reference="NS-04413")
    assert stored(team, team.case) == "NS-04413"
    team.record("6 Mar 2026", "health_advice_acknowledged", service=SALT)
    assert stored(team, team.case) == "NS-04413"
    team.record("9 Mar 2026", "fact_withdrawn", corrects=3 + 1)
    assert stored(team, team.case) == "NS-04412"


def test_the_stored_reference_is_that_of_an_opening_fact_that_came_later(team: Team) -> None:
    """A notice that was learned of late, of an earlier day, is the one that opens the case."""
    notice = "appealable_notice_sent"
    team.record("9 Mar 2026", notice, on="9 Mar 2026", case="ME90001", la="northshire", la_reference="ED77001")
    team.record("10 Mar 2026", "adviser_contacted", on="10 Mar 2026", case="ME90001")
    assert stored(team, "ME90001") == "ED77001"
    team.record("11 Mar 2026", notice, on="2 Mar 2026", case="ME90001", la="northshire", la_reference="ED77002")
    assert stored(team, "ME90001") == "ED77002"
    team.record("12 Mar 2026", notice, on="1 Mar 2026", case="ME90001", la="northshire")
    assert stored(team, "ME90001") is None
