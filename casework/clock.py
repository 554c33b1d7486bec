"""How an installation reads the time: rows of `clock_setting`, whose first says whether it is a simulation, for good.

A simulation goes by a simulated day and never by the real clock; a real installation never goes by a simulated day. The
day in force is that of the newest row.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, select

from config.connection_urls import SettingsError
from config.settings import Carrier, Settings
from models.change_log import insert_logged
from models.database import SIMULATED_DAY, is_read_only, reading, transact
from models.locks import lock_exclusive
from models.tables import CLOCK_SETTING

LONDON = ZoneInfo("Europe/London")
CONFIRMED = "confirmed"


class ClockSetting(NamedTuple):
    """A row of `clock_setting`."""

    number: int
    at: str
    kind: str
    simulation: bool
    day: str | None = None
    actor: str | None = None
    reason: str | None = None


def real_instant() -> str:
    """Give the real instant, as the database stores it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def newest_setting(connection: Connection) -> ClockSetting | None:
    """Give the row in force; None if no program has opened the database yet."""
    row = connection.execute(select(CLOCK_SETTING).order_by(CLOCK_SETTING.c.number.desc()).limit(1)).first()
    return ClockSetting._make(row) if row is not None else None


def newest_confirmation(connection: Connection) -> ClockSetting | None:
    """Give the newest row by which a person confirmed the real clock; None if nobody did."""
    confirmed = select(CLOCK_SETTING).where(CLOCK_SETTING.c.kind == CONFIRMED)
    row = connection.execute(confirmed.order_by(CLOCK_SETTING.c.number.desc()).limit(1)).first()
    return ClockSetting._make(row) if row is not None else None


def confirm(connection: Connection, actor: str, reason: str) -> ClockSetting:
    """Record that a person says that the real clock is right."""
    lock_exclusive(connection, "clock")
    setting = newest_setting(connection)
    number = 1 if setting is None else setting.number + 1
    return _add(connection, ClockSetting(number, real_instant(), CONFIRMED, False, None, actor, reason))


def settings_by_clock(engine: Engine, settings: Settings, *, demo: bool = False) -> Settings:
    """Give the settings with the day by which this installation goes, and classify a new installation.

    `demo` makes a new installation a simulation that begins on the real day. Raises SettingsError if SENDFLOW_TODAY is
    set for a real installation, or if a simulation would send letters to real people.
    """
    with reading(engine) as connection:
        setting = newest_setting(connection)
    if setting is None and is_read_only(engine):
        return settings  # who only looks does not classify an installation
    if setting is None:
        setting = _classify(engine, settings, demo)
    if not setting.simulation:
        if settings.today is not None:
            raise SettingsError(
                "SENDFLOW_TODAY is set, and this installation is real: it goes by the real clock. Nothing was read or"
                " written. Unset SENDFLOW_TODAY. For a simulation, make an installation of its own, as in"
                f" SENDFLOW_HOME=./simulation SENDFLOW_TODAY={settings.today}"
            )
        return settings
    if settings.carrier is not Carrier.SINK:
        raise SettingsError(
            f"This installation is a simulation, and SENDFLOW_CARRIER={settings.carrier} would send its letters to real"
            " people. Nothing was sent. Unset SENDFLOW_CARRIER. For real cases, make an installation of its own:"
            " SENDFLOW_HOME=./real sendflow up --no-sample"
        )
    return settings if settings.today is not None else replace(settings, today=_day_of(setting))


def note_simulated_day(connection: Connection, today: date) -> None:
    """Store the day of a simulation, once for each day on which something is written.

    A simulation that is opened without SENDFLOW_TODAY goes on from there.
    """
    if connection.info.get(SIMULATED_DAY, "") in ("", today.isoformat()):
        return
    lock_exclusive(connection, "clock")
    setting = newest_setting(connection)
    if setting is not None and setting.simulation and setting.day != today.isoformat():
        _add(
            connection,
            ClockSetting(setting.number + 1, real_instant(), "simulated_day", simulation=True, day=today.isoformat()),
        )
    connection.info[SIMULATED_DAY] = today.isoformat()


def _classify(engine: Engine, settings: Settings, demo: bool) -> ClockSetting:
    day = settings.today or (datetime.now(LONDON).date() if demo else None)

    def work(connection: Connection) -> ClockSetting:
        lock_exclusive(connection, "clock")
        setting = newest_setting(connection)
        if setting is None:
            setting = _add(
                connection,
                ClockSetting(
                    1, real_instant(), "made", simulation=day is not None, day=day.isoformat() if day else None
                ),
            )
        return setting

    return transact(engine, work)


def _add(connection: Connection, setting: ClockSetting) -> ClockSetting:
    # The log of a simulation goes by its own days: an instant of the real clock would come after all of them.
    at = f"{setting.day}T00:00:00.000000Z" if setting.simulation else setting.at
    insert_logged(connection, CLOCK_SETTING, [setting._asdict()], at)
    return setting


def _day_of(setting: ClockSetting) -> date | None:
    return date.fromisoformat(setting.day) if setting.day else None
