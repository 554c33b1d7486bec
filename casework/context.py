"""The house in one hand: settings, records, law, almanac, ladder, directory. Every act takes it first.

Only here is the clock read. `SENDFLOW_TODAY` sets the house's day in a rehearsal, at 09:00 London; every fact so
written says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from casework.rules.ruleset import adopted_folder, read_ruleset
from casework.rules.ruleset_guard import Hold, gone_by
from config.directory import DEFAULT as DEFAULT_DIRECTORY
from config.directory import Directory, load_directory
from config.escalation_policy import EscalationPolicy
from config.law import Law
from config.settings import Settings
from deadlines.calculator import dates_for
from deadlines.duties import Dates, DatesOf, DutyRules
from deadlines.working_calendar import WorkingCalendar
from models.database import create_or_upgrade_schema, open_engine, reading, transact
from models.encryption import Cipher, EncryptionError, open_cipher
from models.people import anything_encrypted, check_key
from statemachines.process import Process
from statemachines.replay import processes

LONDON = ZoneInfo("Europe/London")
REHEARSED_AT = time(9, 0)


@dataclass(frozen=True)
class AppContext:
    """Everything an act needs besides its own arguments. `looked_under` is the digest that caches are worked out under;
    `hold` knows whether it holds.

    `adopted` is the folder of the rule packs that the house has adopted; None where its law is as shipped.
    """

    settings: Settings
    engine: Engine
    law: Law
    almanac: WorkingCalendar
    ladder: EscalationPolicy
    directory: Directory
    seal: Cipher
    looked_under: str
    hold: Hold
    adopted: Path | None = None

    @classmethod
    def open(cls, settings: Settings | None = None) -> "AppContext":
        """Open the house, making its records where there are none. Raises SettingsError, LawError and their kin in
        words for a person.
        """
        settings = settings or Settings.read()
        settings.prepare_home()
        engine = open_engine(settings.records_url)
        create_or_upgrade_schema(engine, settings.owner_url)
        seen = gone_by(settings.home)
        with reading(engine) as connection:
            adopted = adopted_folder(settings, connection)
            book = read_ruleset(settings, *([adopted] if adopted is not None else []))
            hold = Hold.opened(connection, settings, seen, book)
            seal = _seal(settings, connection)
        directory = load_directory(_own(settings, "directory.toml") or DEFAULT_DIRECTORY)
        return cls(
            settings, engine, book.law, book.almanac, book.ladder, directory, seal, book.looked_under, hold, adopted
        )

    def under(self, pack: Path) -> "AppContext":
        """The same database, with a rule pack over its rule set. Raises ConfigFault or EscalationPolicyError."""
        book = read_ruleset(self.settings, *([self.adopted] if self.adopted is not None else []), pack)
        return replace(
            self,
            law=book.law,
            almanac=book.almanac,
            ladder=book.ladder,
            looked_under=book.looked_under,
            hold=self.hold.under(book),
        )

    def own(self, name: str) -> Path | None:
        """The file of that name that the team has put into its home, to stand for the one that is shipped."""
        return _own(self.settings, name)

    @property
    def processes(self) -> Mapping[str, Process]:
        return processes()

    @property
    def rehearsed(self) -> bool:
        return self.settings.today is not None

    def now(self) -> datetime:
        """The instant, in UTC."""
        day = self.settings.today
        return datetime.now(UTC) if day is None else datetime.combine(day, REHEARSED_AT, LONDON).astimezone(UTC)

    def today(self) -> date:
        """The day in London."""
        return london_day(self.now())

    def ensure_ruleset_active(self, act: str) -> None:
        """Go on only if this rule set is active, or becomes active now. Raises RulesetMismatch."""
        transact(self.engine, lambda connection: self.hold.keep(connection, instant(self.now()), "sendflow", act))

    @cached_property
    def law_version(self) -> str:
        """What a fact says of the law it was recorded under."""
        return self.law.digest[:12]

    @cached_property
    def duty_rules(self) -> Mapping[str, DutyRules]:
        """The duty book of each process."""
        return _books(self.law)

    @cached_property
    def dates_of(self) -> DatesOf:
        """The dates of a duty by rule, start day and the opening fact's data, of which the rule takes the days that it
        knows.

        What it gives back raises LawError or NoAnswer where the law or the almanac has no answer for that day.
        """
        law, almanac = self.law, self.almanac
        inputs = {rule.id: tuple(rule.inputs) for rule in law.rules.values() if rule.inputs}
        plain: dict[tuple[str, date], Dates] = {}

        def dates_of(rule: str, started_on: date, data: Mapping[str, Any]) -> Dates:
            found = plain.get((rule, started_on))
            if found is not None:
                return found
            names = inputs.get(rule)
            if names is None:
                return plain.setdefault((rule, started_on), dates_for(law, almanac, rule, started_on))
            return dates_for(
                law,
                almanac,
                rule,
                started_on,
                {name: date.fromisoformat(data[name]) for name in names if data.get(name)},
            )

        return dates_of


@lru_cache(maxsize=2)
def _books(law: Law) -> Mapping[str, DutyRules]:
    return {name: DutyRules.of(law.duties_of(name)) for name in processes()}


def london_day(moment: datetime) -> date:
    """The day that an instant falls on in London."""
    return moment.astimezone(LONDON).date()


def instant(moment: datetime) -> str:
    """An instant as the records write it: ISO 8601, UTC, microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _seal(settings: Settings, connection: Connection) -> Cipher:
    """The house's key, made with the records and never a second time; it has to open what they hold. Raises
    SealError.
    """
    key = settings.home / "person.key"
    # Asked in this order: another process may have made the key, and sealed with it, just now.
    if not key.exists() and anything_encrypted(connection) and not key.exists():
        raise EncryptionError(
            "person.key is missing, and the records hold what only it can open: restore it from the backup of"
            " SENDFLOW_HOME"
        )
    seal = open_cipher(key)
    check_key(connection, seal)
    return seal


def _own(settings: Settings, name: str) -> Path | None:
    own = settings.home / name
    return own if own.exists() else None
