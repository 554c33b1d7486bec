"""The authority's reference is found by an index: each new case asks for it, among all cases."""

from casework.cases.references import _BY_LA_REFERENCE
from models.bulk_io import mark
from models.database import reading
from tests.support.team import Team


def test_an_index_finds_the_authoritys_reference(team: Team) -> None:
    engine = team.context("2 Mar 2026").engine
    with reading(engine) as connection:
        asked = f"EXPLAIN QUERY PLAN {_BY_LA_REFERENCE.format(mark=mark(connection))}"
        plan = [row[-1] for row in connection.exec_driver_sql(asked, ("NS04412",))]
    assert any("USING INDEX case_file_la_reference" in step for step in plan), plan
    assert not any("SCAN" in step for step in plan), plan
