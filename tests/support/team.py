"""A team that works in its own installation on simulated days. The tests of whole jobs share it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import orjson

from audit.verify import VerifyReport, verify
from casework.cases.record import Recorded, record
from casework.context import AppContext
from casework.delivery.compose import common_fields
from casework.delivery.deliver import DeliveryReport, deliver
from casework.reports.case_models import CaseReport, DutyShown
from casework.reports.case_report import report
from casework.sweep import SweepReport, sweep
from config.directory import DEFAULT as DEFAULT_DIRECTORY
from config.directory import load_directory
from config.settings import Settings
from models import ledger
from models.database import open_engine, reading
from models.facts import FactDraft, StoredFact
from models.schema import create_or_upgrade_schema
from models.visibility import SERIES
from notifications.render import newest, render
from notifications.transport import Attempt, Letter, Outcome
from statemachines.process import Process
from tests.support.by_hand import ADVICE, CASE, SALT, day


class RecordingTransport:
    """A mail transport that records every letter. While it is down, it answers that the server is unreachable."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.down = False

    def send(self, letter: Letter) -> Attempt:
        if self.down:
            return Attempt(Outcome.UNREACHABLE, "unreachable")
        self.letters.append(letter)
        return Attempt(Outcome.ACCEPTED)

    def log(self) -> list[tuple[str, str, str]]:
        return [(letter.written_at.date().isoformat(), letter.mailbox, letter.subject) for letter in self.letters]


@cache
def _made() -> bytes:
    """Return the bytes of a new, migrated SQLite file."""
    with TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        engine = open_engine(settings.records_url)
        create_or_upgrade_schema(engine)
        engine.dispose()
        return settings.records.read_bytes()


def ready(home: Path) -> Path:
    """Put an empty database into a home. It is a copy of one that was migrated once; the migrations have own tests."""
    home.mkdir(parents=True, exist_ok=True)
    records = Settings(home=home).records
    if not records.exists():
        records.write_bytes(_made())
    return home


FIRST_DAY = date(2026, 1, 1)


class New(NamedTuple):
    """A new installation as `AppContext.load` leaves it, to copy: its context, its person.key and its SQLite file."""

    context: AppContext
    key: bytes
    records: bytes = b""

    @classmethod
    def of(cls, settings: Settings) -> "New":
        """Load a new installation, and close it."""
        context = AppContext.load(settings)
        context.engine.dispose()
        in_home = settings.database_url is None
        key = (settings.home / "person.key").read_bytes()
        return cls(context, key, settings.records.read_bytes() if in_home else b"")

    def copied(self, settings: Settings) -> AppContext:
        """The same installation in an empty home. Its database is copied too, or was by the server."""
        settings.prepare_home()
        if settings.database_url is None:
            settings.records.write_bytes(self.records)
        key = settings.home / "person.key"
        key.write_bytes(self.key)
        key.chmod(0o600)
        engine = open_engine(settings.records_url)
        create_or_upgrade_schema(engine)
        guard = replace(self.context.ruleset_guard, home=settings.home, own_texts={})
        return replace(self.context, settings=settings, engine=engine, ruleset_guard=guard)


@cache
def _new() -> New:
    with TemporaryDirectory() as folder:
        return New.of(Settings(home=ready(Path(folder) / "var"), today=FIRST_DAY))


def reference_for(process: Process) -> str:
    """The reference of a test's case. Those of restricted processes are a series of their own."""
    return f"{SERIES}00042" if process.restricted else CASE


class Team:
    """A DCO team with one installation on one SQLite file. Every method takes the simulated day first."""

    def __init__(self, home: Path, case: str = CASE, database_url: str | None = None, new: New | None = None) -> None:
        """`new` is the installation of which a server has copied the database at `database_url`."""
        self.case = case
        self.home = home
        settings = Settings(home=home, today=FIRST_DAY, database_url=database_url)
        if database_url is None and not (home.exists() and any(home.iterdir())):
            new = _new()
        self.first = AppContext.load(settings) if new is None else new.copied(settings)
        self.post = RecordingTransport()
        self._contexts: dict[date, AppContext] = {}

    def without_body(self, code: str) -> None:
        """From now on the locality's own directory no longer has this body, as after a merger: nobody reads
        its mail.
        """
        (self.home / "directory.toml").write_text(
            DEFAULT_DIRECTORY.read_text("utf-8").replace(f'"{code}"', '"QX199"'), "utf-8"
        )
        self.first = replace(self.first, directory=load_directory(self.home / "directory.toml"))
        self._contexts.clear()

    def context(self, today: str | date) -> AppContext:
        """Return the installation's context on a simulated day."""
        when = day(today) if isinstance(today, str) else today
        if when not in self._contexts:
            self._contexts[when] = replace(self.first, settings=replace(self.first.settings, today=when))
        return self._contexts[when]

    def record(
        self,
        today: str,
        kind: str,
        on: str | None = None,
        *,
        case: str | None = None,
        corrects: int | None = None,
        confirmed: bool = True,
        **data: Any,
    ) -> Recorded:
        """Record one fact that happened on `on` (today unless said). The team confirms which cases are one child's."""
        return self.act(today, (kind, on or today, data), case=case, corrects=corrects, confirmed=confirmed)

    def act(
        self,
        today: str,
        *facts: tuple[str, str, Mapping[str, Any]],
        case: str | None = None,
        corrects: int | None = None,
        confirmed: bool = True,
    ) -> Recorded:
        """Record several facts in one transaction. `corrects` among the data of a fact is the sequence it corrects."""
        drafts = [
            FactDraft(
                kind,
                day(on),
                {key: value for key, value in data.items() if key != "corrects"},
                data.get("corrects", corrects),
            )
            for kind, on, data in facts
        ]
        return record(self.context(today), case or self.case, drafts, "dco.team", confirmed=confirmed)

    def opened(self, today: str = "2 Feb 2026", la: str = "northshire") -> "Team":
        """A case whose request was received and whose assessment was agreed on the same day."""
        self.act(
            today,
            ("ehc_assessment_requested", today, {"la": la, "la_reference": "NS-04412"}),
            ("assessment_agreed", today, {}),
        )
        return self

    def asked(self, today: str = "2 Mar 2026", service: str = SALT, **data: Any) -> "Team":
        """A service asked for advice, with its own day of receipt."""
        self.record(today, "health_advice_requested", service=service, **data)
        return self

    def sweep(self, today: str, as_at: str | None = None) -> SweepReport:
        return sweep(self.context(today), day(as_at) if as_at else None)

    def deliver(self, today: str, now: bool = False) -> DeliveryReport:
        return deliver(self.context(today), now=now, transport=self.post)

    def day(self, today: str) -> None:
        """Run the jobs of a day as the scheduler does: sweep, then deliver."""
        self.sweep(today)
        self.deliver(today)

    def report(self, today: str, as_at: str | None = None, known_at: str | None = None) -> CaseReport:
        return report(self.context(today), self.case, day(as_at) if as_at else None, known_at)

    def duty(
        self, today: str, rule: str = ADVICE, service: str | None = None, opened_seq: int | None = None
    ) -> DutyShown:
        """The one duty of that rule on the case."""
        found = [
            duty
            for duty in self.report(today).duties
            if duty.rule == rule and service in (None, duty.service) and opened_seq in (None, duty.opened_seq)
        ]
        assert len(found) == 1, f"{len(found)} duties of {rule}"
        return found[0]

    def lines(self, case: str | None = None) -> list[StoredFact]:
        """The history as it was written."""
        with reading(self.first.engine) as connection:
            return ledger.read(connection, [case or self.case]).get(case or self.case, ([], ledger.NEW_CASE))[0]

    def escalations(self, *kinds: str) -> list[tuple[str, str, str]]:
        """Return the escalation facts and their withdrawals in order: kind, step, day."""
        wanted = kinds or ("reminder_due", "breached", "escalation_due", "rung_withdrawn")
        return [
            (line.kind, str(line.data["rung"]), line.occurred_on.isoformat())
            for line in self.lines()
            if line.kind in wanted
        ]

    def notices(self) -> list[tuple[str, str, str]]:
        """Return the outbox in order: step, recipient, state."""
        query = "SELECT rung, recipient, state FROM notice ORDER BY fact_seq, rank, recipient"
        with reading(self.first.engine) as connection:
            return [(row[0], row[1], row[2]) for row in connection.exec_driver_sql(query)]

    def letter(self, step: str) -> tuple[str, str]:
        """Return subject and text of the newest notice of an escalation step, as sendflow would send it that day."""
        query = 'SELECT fields, "on" FROM notice WHERE rung = ? ORDER BY fact_seq DESC'
        with reading(self.first.engine) as connection:
            row = connection.exec_driver_sql(query, (step,)).first()
        assert row is not None
        fields = orjson.loads(row[0])
        template = newest(fields["letter"])
        context = self.context(str(row[1]))
        made = render(template.id, template.version, {**fields, **common_fields(context, context.today())})
        return made.subject, made.text

    def verify(self, today: str) -> VerifyReport:
        return verify(self.context(today))

    def dump(self, *, with_macs: bool = True) -> list[tuple[Any, ...]]:
        """Every row of every table that an act may change, to show that a refused one changed nothing.

        Without MACs, whose keys are random, the rows of two installations can be compared.
        """
        found: list[tuple[Any, ...]] = []
        with reading(self.first.engine) as connection:
            for table in ("fact", "case_file", "duty", "notice", "letter", "passage", "person"):
                rows = connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1, 2, 3")
                shown = [place for place, name in enumerate(rows.keys()) if with_macs or name != "mac"]
                found += [(table, *(row[place] for place in shown)) for row in rows]
        return found
