"""AppContext: settings, database, rule set, directory, encryption and clock. Every job takes it as its first argument.

Only this module and `clock` read the clock. In a simulation `SENDFLOW_TODAY` sets the day, which otherwise stays the
last one; the time is 09:00 in London, and every fact is marked as simulated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from casework.clock import note_simulated_day, settings_by_clock
from casework.clock_check import ensure_believed
from casework.rules.checks.loaded import ensure_known_facts
from casework.rules.config_held import DIRECTORY
from casework.rules.ruleset import Ruleset, adopted_folder, policy_as_shipped, read_ruleset
from casework.rules.ruleset_guard import RulesetGuard, read_last_active
from casework.rules.shared_files import take_newest
from config.directory import Directory, directory_of, load_directory
from config.directory_entries import RoleOwed
from config.escalation_policy import EscalationPolicy, policy_of
from config.law import Law
from config.settings import Settings
from config.text import full_day
from config.toml_reader import own_file
from deadlines.calculator import dates_for
from deadlines.duty_rule import Dates, DatesOf
from deadlines.duty_rules import DutyRules
from deadlines.escalation import StepDays
from deadlines.working_calendar import WorkingCalendar
from models.alike import index_alike
from models.database import is_read_only, is_reading, open_engine, reading, transact
from models.encryption import Cipher, EncryptionError, open_cipher
from models.errors import NoInstallation
from models.in_memory import open_in_memory
from models.key_checks import anything_encrypted, check_key
from models.mac_keys import begin_with_an_empty_history
from models.macs import use_keys
from models.older_encryption import bind_older_values
from models.owner import OwnerKind
from models.read_only import open_as_it_is, open_read_only
from models.schema import create_or_upgrade_schema, revision
from models.schema_revision import altered_revision
from models.visibility import hiding

if TYPE_CHECKING:
    from statemachines.process import Process

LONDON = ZoneInfo("Europe/London")
SIMULATED_TIME = time(9, 0)


@dataclass(frozen=True)
class AppContext:
    """All that a job needs besides its own arguments.

    `ruleset_digest` stamps the projections, and `ruleset_guard` knows whether that rule set is the active one.
    `adopted_pack` is the folder of the adopted rule packs; None if the law is as shipped. `rule_folders` are those of
    which the rule set was read.
    """

    settings: Settings
    engine: Engine
    law: Law
    calendar: WorkingCalendar
    escalation_policy: EscalationPolicy
    directory: Directory
    cipher: Cipher
    ruleset_digest: str
    ruleset_guard: RulesetGuard
    adopted_pack: Path | None = None
    rule_folders: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """Let what is written with this engine have MACs."""
        if self.cipher.stored:
            use_keys(self.engine, lambda: self.cipher)

    @classmethod
    def load(cls, settings: Settings | None = None, *, demo: bool = False) -> AppContext:
        """Load the installation, and create or upgrade its database. `demo` makes a new one a simulation.

        Raises SettingsError, ConfigFault, EscalationPolicyError, DatabaseUnusable or EncryptionError, each with a text
        that says what to do.
        """
        settings = settings or Settings.read()
        settings.prepare_home()
        engine = open_engine(settings.records_url)
        create_or_upgrade_schema(engine, settings.owner_url)
        context = cls._of(settings_by_clock(engine, settings, demo=demo), engine)
        at = instant(context.now())
        bind_older_values(engine, context.cipher, at)
        index_alike(engine, context.cipher, at)
        begin_with_an_empty_history(engine, context.cipher, at)
        return context

    @classmethod
    def load_existing(cls, settings: Settings | None = None) -> AppContext:
        """Load the installation and upgrade its database. Raises NoInstallation if there is none; it makes none.

        Otherwise it raises what `load` raises.
        """
        settings = settings or Settings.read()
        if not installation_exists(settings):
            raise NoInstallation(no_installation(settings))
        return cls.load(settings)

    @classmethod
    def load_read_only(cls, settings: Settings | None = None, *, without_key: bool = False) -> AppContext:
        """Load the installation to look at it: nothing is made, upgraded or written. Raises NoInstallation.

        `without_key` lets it open without person.key: nothing decrypts then, and no MAC is checked. Otherwise it raises
        what `load` raises.
        """
        settings = settings or Settings.read()
        engine = open_read_only(settings.records_url)
        if engine is None:
            raise NoInstallation(no_installation(settings))
        nothing = without_key and not (settings.home / "person.key").exists()
        return cls._of(settings_by_clock(engine, settings), engine, Cipher.for_nothing() if nothing else None)

    @classmethod
    def load_in_memory(cls, settings: Settings | None = None) -> AppContext:
        """Load the rules and the organisations with an empty database in memory. Nothing is made or written on disk.

        It goes by the real day, or by SENDFLOW_TODAY. Raises ConfigFault, EscalationPolicyError or DirectoryError.
        """
        settings = settings or Settings.read()
        settings = replace(settings, today=settings.today or london_day(datetime.now(UTC)), database_url=None)
        engine = open_in_memory()
        context = cls._of(settings, engine, Cipher.for_nothing())
        return replace(context, ruleset_guard=replace(context.ruleset_guard, law_text=None, read_only=True))

    @classmethod
    def _of(cls, settings: Settings, engine: Engine, cipher: Cipher | None = None) -> AppContext:
        last_active = read_last_active(settings.home)
        with reading(engine) as connection:
            opened = cipher or _open_cipher(settings, connection)
            if opened.stored:
                use_keys(engine, lambda: opened)
            own = take_newest(connection, settings.home, writes=not is_read_only(connection))
            adopted = adopted_folder(settings, connection)
            ruleset = read_ruleset(settings, *([adopted] if adopted is not None else []))
            guard = RulesetGuard.load(connection, settings, last_active, ruleset)
            guard.own_texts = own
        file = own_file(settings.home, "directory.toml")
        directory = directory_of(own[DIRECTORY]) if DIRECTORY in own else load_directory(file)
        return cls(
            settings=settings,
            engine=engine,
            law=ruleset.law,
            calendar=ruleset.calendar,
            escalation_policy=ruleset.escalation_policy,
            directory=directory,
            cipher=opened,
            ruleset_digest=ruleset.digest,
            ruleset_guard=guard,
            adopted_pack=adopted,
            rule_folders=ruleset.folders,
        )

    def reloaded(self) -> AppContext:
        """Read the installation's files and its stored day again, on the same engine. Raises what `load` raises."""
        return self._of(settings_by_clock(self.engine, replace(self.settings, today=None)), self.engine)

    def with_rule_pack(self, pack: Path) -> AppContext:
        """Lay a rule pack over the rule set, in the same database. Raises ConfigFault or EscalationPolicyError."""
        return self._with(read_ruleset(self.settings, *self._adopted, pack))

    def with_policy(self, text: str | None) -> AppContext:
        """Put another escalation policy of the team's own in the place of the one in force; None: the shipped one.

        Raises ConfigFault or EscalationPolicyError.
        """
        policy = policy_of(text) if text is not None else policy_as_shipped(*self._adopted)
        return self._with(read_ruleset(self.settings, *self._adopted, policy=policy))

    @property
    def _adopted(self) -> tuple[Path, ...]:
        return () if self.adopted_pack is None else (self.adopted_pack,)

    def _with(self, ruleset: Ruleset) -> AppContext:
        return replace(
            self,
            law=ruleset.law,
            calendar=ruleset.calendar,
            escalation_policy=ruleset.escalation_policy,
            ruleset_digest=ruleset.digest,
            ruleset_guard=self.ruleset_guard.with_ruleset(ruleset),
            rule_folders=ruleset.folders,
        )

    def as_seen(self, hidden: Collection[str]) -> AppContext:
        """The same installation for a reader who does not see the cases of these processes. Each is made once, so that
        what it has calculated serves the next page too.
        """
        wanted = frozenset(hidden)
        found = self._seen.get(wanted)
        if found is None:
            found = self._seen[wanted] = replace(self, engine=hiding(self.engine, wanted))
        return found

    @cached_property
    def _seen(self) -> dict[frozenset[str], AppContext]:
        return {}

    def own_file(self, name: str) -> Path | None:
        """Give the file of that name in SENDFLOW_HOME, which replaces the shipped one; None if there is none."""
        return own_file(self.settings.home, name)

    @cached_property
    def processes(self) -> Mapping[str, Process]:
        from statemachines.registry import (
            processes,  # a worklist needs no state machine, whose library is slow to import
        )

        return processes()

    @cached_property
    def restricted(self) -> frozenset[str]:
        """The processes of which Prefect shows nothing: no run, event, artifact or label."""
        from statemachines.registry import restricted_processes  # lazy, as above

        return restricted_processes()

    @cached_property
    def team_roles(self) -> Mapping[str, RoleOwed]:
        """By rule, the role of our team that owes its duty. Letters about a restricted case go to its own mailbox."""
        owed = {rule.id: rule.owned_by[1] for rule in self.law.rules.values() if rule.owned_by[0] is OwnerKind.TEAM}
        return {
            rule: RoleOwed(role, self.law.rules[rule].process in self.restricted)
            for rule, role in owed.items()
            if role is not None
        }

    @property
    def read_only(self) -> bool:
        """Whether this context was loaded to look only."""
        return is_read_only(self.engine)

    @property
    def simulated(self) -> bool:
        return self.settings.today is not None

    @property
    def simulation_notice(self) -> str | None:
        """What every page of a simulation says; None in a real installation."""
        day = self.settings.today
        return None if day is None else f"SIMULATION: the day is {full_day(day)}, and nobody gets these letters."

    def now(self) -> datetime:
        """Give the present instant, in UTC."""
        day = self.settings.today
        return datetime.now(UTC) if day is None else _simulated_instant(day)

    def today(self) -> date:
        """Give the present day in London."""
        return london_day(self.now())

    def ensure_ruleset_active(self, job: str) -> None:
        """Make sure that this rule set is active before a job writes. Raises RulesetMismatch."""
        at = instant(self.now())

        def ensure(connection: Connection) -> None:
            self.keep_time(connection)
            self.ruleset_guard.ensure_active(connection, at, "sendflow", job)
            self.ruleset_guard.note_files(connection, self.directory, at=at, actor="sendflow", via=job)

        transact(self.engine, ensure)

    def keep_time(self, connection: Connection) -> None:
        """Store the day of a simulation if it is another than before. Raises ClockJumped in a real installation.

        That is: if its clock cannot be believed. Does nothing in a connection that only reads.
        """
        if is_reading(connection):
            return
        if self.settings.today is not None:
            note_simulated_day(connection, self.settings.today)
        else:
            ensure_believed(connection, self.settings.home)

    @cached_property
    def law_version(self) -> str:
        """The digest of the law, as facts store it."""
        return self.law.digest[:12]

    @cached_property
    def duty_rules(self) -> Mapping[str, DutyRules]:
        """The duty rules of each process, by its name, made when they are first asked for.

        The mapping raises ConfigFault if a rule of that process names an unknown fact.
        """
        return _duty_rules(self.law, tuple(self.rule_folders))

    @cached_property
    def step_days(self) -> StepDays:
        """The steps of the escalation policy with their days, for each duty."""
        return StepDays(self.escalation_policy.rung, self.calendar)

    @cached_property
    def dates_of(self) -> DatesOf:
        """A function that gives the dates of a duty from its rule, its start day and the opening fact's data.

        The function raises LawError or NoAnswer if the law or the calendar has no answer for that day.
        """
        law, calendar = self.law, self.calendar
        inputs = {rule.id: tuple(rule.inputs) for rule in law.rules.values() if rule.inputs}
        without_inputs: dict[tuple[str, date], Dates] = {}

        def dates_of(rule: str, started_on: date, data: Mapping[str, Any]) -> Dates:
            known = without_inputs.get((rule, started_on))
            if known is not None:
                return known
            names = inputs.get(rule)
            if names is None:
                return without_inputs.setdefault((rule, started_on), dates_for(law, calendar, rule, started_on))
            days = {name: date.fromisoformat(data[name]) for name in names if data.get(name)}
            return dates_for(law, calendar, rule, started_on, days)

        return dates_of


class _DutyRulesByProcess(Mapping[str, DutyRules]):
    """The duty rules of each process. A command that shows one case needs one process and not all."""

    def __init__(self, law: Law, folders: Sequence[Path], processes: Mapping[str, Process]) -> None:
        self._law, self._folders, self._processes = law, folders, processes
        self._made: dict[str, DutyRules] = {}

    def __getitem__(self, name: str) -> DutyRules:
        made = self._made.get(name)
        if made is None:
            if name not in self._processes:
                raise KeyError(name)
            ensure_known_facts(self._law, self._folders, name)
            made = self._made[name] = DutyRules.of(self._law.duties_of(name))
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._processes)

    def __len__(self) -> int:
        return len(self._processes)


@lru_cache(maxsize=2)
def _duty_rules(law: Law, folders: tuple[Path, ...]) -> Mapping[str, DutyRules]:
    from statemachines.registry import processes  # lazy, as above

    return _DutyRulesByProcess(law, folders, processes())


@lru_cache(maxsize=8)
def _simulated_instant(day: date) -> datetime:
    return datetime.combine(day, SIMULATED_TIME, LONDON).astimezone(UTC)


def london_day(moment: datetime) -> date:
    """Give the day in London on which an instant falls."""
    return moment.astimezone(LONDON).date()


def instant(moment: datetime) -> str:
    """Write an instant as the database stores it: ISO 8601, UTC, microseconds."""
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def installation_exists(settings: Settings) -> bool:
    """Whether there is a database with sendflow's tables at the place that the settings name. Makes nothing."""
    engine = open_as_it_is(settings.records_url)
    if engine is None:
        return False
    try:
        if revision(engine) not in (None, "None"):
            return True
        with reading(engine) as connection:
            return altered_revision(connection, None) is not None
    finally:
        engine.dispose()


def no_installation(settings: Settings) -> str:
    """Say that there is no installation, where it was looked for, how to name another and how to make one."""
    if settings.database_url is not None:
        return (
            "there is no installation in the database that SENDFLOW_DATABASE_URL names, and nothing was made. Name"
            " another database, or make an installation there: sendflow migrate"
        )
    return (
        f"there is no installation in {settings.home}, and nothing was made. SENDFLOW_HOME names the folder; without it"
        " that is ./var in the present folder. Name another: SENDFLOW_HOME=/path/of/it. Or make one there: make up"
    )


def _open_cipher(settings: Settings, connection: Connection) -> Cipher:
    """Open person.key, which is created with the database. Raises EncryptionError if it does not match the database."""
    key = settings.home / "person.key"
    # The file is looked for twice, because another process may have made it and encrypted with it in between.
    if not key.exists() and anything_encrypted(connection) and not key.exists():
        raise EncryptionError(
            "person.key is missing, and the database holds data that only it can decrypt. Restore person.key from the"
            " backup of SENDFLOW_HOME"
        )
    if is_read_only(connection) and not key.exists():
        return Cipher.for_nothing()
    cipher = open_cipher(key)
    check_key(connection, cipher)
    return cipher
