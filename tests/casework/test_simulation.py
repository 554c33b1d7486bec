"""A simulation is one for good and goes by its simulated day; a real installation never does. Both databases by
test_the_same_on_postgresql.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from casework.clock import LONDON, newest_setting
from casework.context import AppContext
from config.settings import Carrier, Settings, SettingsError
from models.database import open_engine, reading, writing
from models.schema import upgrade
from tests.support.calling import sendflow
from tests.support.team import Team, ready

OPENING = ("ehc_assessment_requested", "--on", "2026-02-02", "--data", "la=northshire", "--actor", "dco.team")


def load(home: Path, today: str | None = None, **more: object) -> AppContext:
    settings = Settings(home=ready(home), today=date.fromisoformat(today) if today else None)
    context = AppContext.load(replace(settings, **more))  # type: ignore[arg-type]  # as the test names them
    context.engine.dispose()
    return context


def test_an_installation_made_with_a_simulated_day_goes_on_from_its_last(team: Team) -> None:
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.sweep("14 Apr 2026")
    again = load(team.home)
    assert (again.simulated, again.today()) == (True, date(2026, 4, 14))
    assert load(team.home, "2026-04-20").today() == date(2026, 4, 20)
    assert load(team.home).today() == date(2026, 4, 14), "nothing was written on the 20th"


def test_a_real_installation_refuses_a_simulated_day(tmp_path: Path) -> None:
    home = ready(tmp_path / "real")
    assert not load(home).simulated
    with pytest.raises(SettingsError, match="this installation is real"):
        load(home, "2026-06-01")
    done = sendflow("record", "NX77777", *OPENING, env={"SENDFLOW_HOME": str(home), "SENDFLOW_TODAY": "2026-06-01"})
    assert done.stdout == ""
    assert isinstance(done.exception, SettingsError)
    assert done.exception.exit_code == 3
    with reading(load(home).engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM fact")) == 0


def test_demo_data_make_a_simulation_that_begins_on_the_real_day(tmp_path: Path) -> None:
    context = AppContext.load(Settings(home=ready(tmp_path / "demo")), demo=True)
    context.engine.dispose()
    assert (context.simulated, context.today()) == (True, datetime.now(LONDON).date())
    assert load(tmp_path / "demo").simulated


def test_a_simulation_opened_without_its_day_sends_no_letter_to_real_people(team: Team) -> None:
    with pytest.raises(SettingsError, match="real people"):
        load(team.home, carrier=Carrier.SMTP)


def test_what_an_installation_is_cannot_be_changed(team: Team) -> None:
    for change in ("UPDATE clock_setting SET simulation = 0", "DELETE FROM clock_setting"):
        with pytest.raises(DatabaseError), writing(team.first.engine) as connection:
            connection.execute(text(change))


@pytest.mark.parametrize(
    ("real", "simulation", "day"), [([], True, "2026-03-02"), ([1], False, None), ([1, 2], False, None)]
)
def test_a_database_of_before_is_a_simulation_only_if_every_fact_says_so(
    tmp_path: Path, real: list[int], simulation: bool, day: str | None
) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'sendflow.db'}")
    with writing(engine) as connection:
        upgrade(connection, "003")
        for seq in (1, 2):
            mark = "" if seq in real else ',"rehearsed":true'
            row = {"seq": seq, "told": f'{{"data":{{}}{mark}}}'}
            connection.execute(
                text(
                    "INSERT INTO fact VALUES ('NX90001', :seq, 'k', '2026-02-02', '2026-03-02T09:00:00.000000Z', 'a',"
                    " :told, 'p', 'h')"
                ),
                row,
            )
        upgrade(connection, "head")
        found = newest_setting(connection)
    engine.dispose()
    assert found is not None
    assert (found.simulation, found.day) == (simulation, day)


def test_every_page_of_a_simulation_says_so_and_no_page_of_a_real_one(tmp_path: Path) -> None:
    for name, today in (("simulation", "2026-03-02"), ("real", "")):
        env = {"SENDFLOW_HOME": str(ready(tmp_path / name)), "SENDFLOW_TODAY": today}
        assert sendflow("record", "NX90001", *OPENING, env=env).exit_code == 0
        for words in (("case", "NX90001"), ("overdue",), ("due-soon",), ("letters",), ("doctor", "--quick")):
            shown = sendflow(*words, env=env).stdout
            assert ("SIMULATION: the day is" in shown) == bool(today), words
        assert f'"simulation": {str(bool(today)).lower()}' in sendflow("case", "NX90001", "--json", env=env).stdout


def test_the_rows_of_the_clock_are_dated_by_the_real_clock(tmp_path: Path) -> None:
    loaded_now = AppContext.load(Settings(home=ready(tmp_path / "var"), today=date(2026, 1, 1)))
    with reading(loaded_now.engine) as connection:
        setting = newest_setting(connection)
    assert setting is not None
    assert abs((datetime.now(UTC) - datetime.fromisoformat(setting.at)).total_seconds()) < 600
    loaded_now.engine.dispose()
