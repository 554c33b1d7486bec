"""A changed `alembic_version` is found before anything is upgraded. PostgreSQL runs the same list."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from casework.context import AppContext
from casework.privacy.case_looks import note_look
from models.database import reading, writing
from models.errors import DatabaseUnusable
from models.schema import HEAD, stored_revision
from runtime.diagnostics.checks import examine
from tests.support.team import Team

ALTERED = {
    "the first": "UPDATE alembic_version SET version_num = '001'",
    "an earlier one": "UPDATE alembic_version SET version_num = '009'",
    "none": "DELETE FROM alembic_version",
    "no table": "DROP TABLE alembic_version",
}


@pytest.fixture
def altered(team: Team) -> Callable[[str], Team]:
    """A team's database in which a person with a database tool changed the revision."""

    def alter(statement: str) -> Team:
        team.opened("2 Feb 2026")
        with writing(team.first.engine) as connection:
            connection.execute(text(statement))
        team.first.engine.dispose()
        return team

    return alter


@pytest.mark.parametrize("statement", ALTERED.values(), ids=ALTERED)
@pytest.mark.parametrize("load", [AppContext.load, AppContext.load_existing, AppContext.load_read_only])
def test_an_installation_whose_revision_was_altered_does_not_open(
    altered: Callable[[str], Team], statement: str, load: Callable[..., AppContext]
) -> None:
    team = altered(statement)
    before = team.dump()
    with pytest.raises(DatabaseUnusable, match=f"tables are of revision {HEAD}: alembic_version was altered"):
        load(team.first.settings)
    with reading(team.first.engine) as connection:
        assert stored_revision(connection) != HEAD, "nothing was upgraded"
    assert team.dump() == before


@pytest.mark.parametrize("statement", ALTERED.values(), ids=ALTERED)
def test_the_doctor_names_an_altered_revision(altered: Callable[[str], Team], statement: str) -> None:
    found = {each.what: each.message for each in examine(altered(statement).first.settings, quick=True).findings}
    assert "alembic_version was altered" in found["revision_altered"]


def test_a_running_program_writes_nothing_over_an_altered_revision(altered: Callable[[str], Team]) -> None:
    team = altered(ALTERED["an earlier one"])
    with pytest.raises(DatabaseUnusable):
        team.record("3 Feb 2026", "assessment_agreed")


def test_a_look_is_not_logged_over_an_altered_revision(altered: Callable[[str], Team]) -> None:
    """Its transaction asks for the revision with what it writes."""
    team = altered(ALTERED["an earlier one"])
    with pytest.raises(DatabaseUnusable):
        note_look(team.first, "NX00001", "dco.team", "case")
    with reading(team.first.engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM case_look")) == 0


def test_a_revision_that_was_set_right_again_opens(altered: Callable[[str], Team]) -> None:
    team = altered(ALTERED["an earlier one"])
    with team.first.engine.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{HEAD}'"))
    assert team.verify("2 Feb 2026").intact
