"""A fact of the future in a real installation, and one before its predecessor. PostgreSQL runs the same list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.verify import VerificationFailure, verify
from casework.cases.record import record
from casework.context import AppContext
from config.settings import Settings
from models import ledger
from models.database import is_postgresql, reading, writing
from models.facts import FactDraft
from tests.support.team import ready

AHEAD = "2031-06-01T09:00:00.000000Z"


@pytest.fixture
def url() -> str | None:
    """The database of the installation; None for its own file."""
    return None


@pytest.fixture
def real(tmp_path: Path, url: str | None) -> Iterator[AppContext]:
    """A real installation with a case of two facts."""
    context = AppContext.load(Settings(home=ready(tmp_path / "real"), database_url=url))
    opening = FactDraft("ehc_assessment_requested", context.today(), {"la": "northshire"})
    record(context, "NX90001", [opening], "dco.team")
    record(context, "NX90001", [FactDraft("assessment_agreed", context.today(), {})], "dco.team")
    yield context
    context.engine.dispose()


def found_in(context: AppContext) -> list[VerificationFailure]:
    """What verification finds besides the MACs, which a person who writes to the database cannot make."""
    damage = verify(context).damage
    assert "mac" in {each.what for each in damage}
    return [each for each in damage if each.what != "mac"]


def recorded_at(context: AppContext, seq: int, instant: str) -> None:
    """Write another instant into a fact, its text and every hash after it, as a person who knows the chain."""
    with writing(context.engine) as connection:
        on = " ON fact" if is_postgresql(connection) else ""
        trigger = connection.exec_driver_sql(
            "SELECT 'x'" if on else "SELECT sql FROM sqlite_master WHERE name = 'fact_no_update'"
        ).scalar_one()
        connection.exec_driver_sql(f"DROP TRIGGER fact_no_update{on}")
        previous = "0" * 64
        for row in connection.exec_driver_sql("SELECT seq, recorded_at, text FROM fact ORDER BY seq").all():
            at = instant if row.seq == seq else row.recorded_at
            text = row.text.replace(row.recorded_at, at)
            link = ledger.link(previous, text.encode())
            quoted = text.replace("'", "''")
            connection.exec_driver_sql(
                f"UPDATE fact SET recorded_at = '{at}', text = '{quoted}', prev_hash = '{previous}', hash = '{link}'"
                f" WHERE seq = {row.seq}"
            )
            previous = link
        connection.exec_driver_sql(f"UPDATE case_file SET hash = '{previous}'")
        restored = (
            "CREATE TRIGGER fact_no_update BEFORE UPDATE ON fact FOR EACH ROW EXECUTE FUNCTION sendflow_append_only()"
        )
        connection.exec_driver_sql(restored if on else trigger)


def test_a_real_installation_at_work_has_no_fact_of_the_future(real: AppContext) -> None:
    assert verify(real).damage == []


def test_an_instant_that_is_yet_to_come_is_found(real: AppContext) -> None:
    recorded_at(real, 2, AHEAD)
    [found] = found_in(real)
    assert (found.case_ref, found.seq, found.what) == ("NX90001", 2, "future")
    assert f"fact 2 was recorded at {AHEAD}, which is yet to come" in found.message


def test_an_instant_of_the_future_before_a_true_one_is_found_as_out_of_order(real: AppContext) -> None:
    recorded_at(real, 1, AHEAD)
    assert [(each.seq, each.what) for each in found_in(real)] == [(2, "order")]


def test_every_fact_of_the_future_is_named(real: AppContext) -> None:
    recorded_at(real, 1, AHEAD)
    recorded_at(real, 2, "2031-06-02T09:00:00.000000Z")
    assert [(each.seq, each.what) for each in found_in(real)] == [(2, "future"), (1, "future")]


def test_a_difference_of_two_clocks_is_not_the_future(real: AppContext) -> None:
    """Machines may differ by minutes."""
    with reading(real.engine) as connection:
        newest = connection.exec_driver_sql("SELECT max(recorded_at) FROM fact").scalar_one()
    recorded_at(real, 2, newest[:-2] + ("1Z" if newest[-2] != "1" else "2Z"))
    assert {each.what for each in found_in(real)} <= {"order"}
