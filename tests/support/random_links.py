"""Links cases at random and checks the properties that hold after any links: for tests/system/fuzz/test_links.py."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any, Literal, get_args, get_origin

from audit.verify import verify
from casework.cases.propagation import ROUNDS
from casework.cases.record import Recorded, record
from casework.cases.validation import Refused
from casework.context import AppContext
from casework.delivery.deliver import deliver
from casework.reports.case_report import report
from casework.reports.worklists import overdue, week
from casework.sweep import sweep
from config.settings import Settings
from models import ledger
from models.common_facts import CORRECTIONS, ENGINE_ONLY
from models.database import open_engine, reading
from models.facts import REFERENCE, FactData, FactDraft, StoredFact
from models.schema import create_or_upgrade_schema
from statemachines.process import Process
from statemachines.registry import processes, reactions_to
from statemachines.replay import facts_in_force
from tests.support.by_hand import day
from tests.support.chain import CHAIN
from tests.support.team import RecordingTransport

FIRST, LAST = date(2026, 1, 5), date(2028, 3, 30)
CANARY = "Zuzanna Wrobelek"
NUMBERS = ("9990000018", "9990000026")
# Inputs in place of a reference: well-formed, malformed, and with a meaning in a URL, a header, a path or a sheet.
ODD = (
    "",
    " ",
    "NX00042",
    "nx90001",
    " NX90001 ",
    "NX90001/1",
    "NX-90001",
    "12345678",
    "A/B1",
    "=1+1",
    "+44",
    "-1",
    "@SUM(A1)",
    "NX90001\r\nBcc: x@y",
    "../../etc/passwd",
    "%2e%2e",
    "NX90001%00",
    "NX90001\0",
    "ＮＸ９０００１",
    "NX٩٠٠٠١",
    "\u202eNX90001",
    "ﬁ123",
    "ß12345",
    "A" * 400,
    "NX" + "9" * 400,
    "None",
    "null",
    "[]",
    "{}",
    "SF-000001",
    "CON",
    "NX90001;DROP TABLE fact",
    "'",
    CANARY,
)
REFS = tuple(f"{stem}9000{number}" for stem in ("NX", "TR", "ME", "AR", "SN", "RA", "TF", "CC") for number in (1, 2))
NOTES = ("a note", "=HYPERLINK(1)", "\u202e", CANARY, "\0", "x" * 3000)
KINDS = {name: sorted(process.facts.keys() - ENGINE_ONLY - CORRECTIONS) for name, process in processes().items()}
REACTIONS = set(reactions_to())


@cache
def _made() -> tuple[AppContext, Path]:
    """Make an installation with an empty database once; a copy of it takes a few milliseconds."""
    home = Path(mkdtemp(prefix="sendflow-links-"))
    context = AppContext.load(Settings(home=home, today=FIRST))
    context.engine.dispose()
    return context, home


def clear_away() -> None:
    """Delete the installation that was copied."""
    if _made.cache_info().currsize:
        shutil.rmtree(_made()[1])
        _made.cache_clear()


class Linking:
    """One installation and what was recorded in it. `refused` counts refusals by code."""

    def __init__(self, home: Path) -> None:
        made, folder = _made()
        shutil.copytree(folder, home)
        settings = Settings(home=home, today=FIRST)
        self.engine = open_engine(settings.records_url)
        create_or_upgrade_schema(self.engine)
        self.context = replace(made, settings=settings, engine=self.engine)
        self.post = RecordingTransport()
        self.today = FIRST
        self.refused: Counter[str] = Counter()
        self.links: list[tuple[str, str]] = []
        self.unheard: list[str] = []

    def on(self, today: date) -> AppContext:
        """Return the context on a day; an earlier day than the last has no effect."""
        self.today = max(today, self.today)
        return replace(self.context, settings=replace(self.context.settings, today=self.today))

    def lives(self, facts: int) -> None:
        """The first facts of one child's eight linked cases (tests/support/chain.py), each recorded on its day."""
        for case, on, kind, data in CHAIN[:facts]:
            record(self.on(day(on)), case, [FactDraft(kind, day(on), data)], "dco.team", confirmed=True)

    def cases(self) -> list[str]:
        with reading(self.engine) as connection:
            return [row[0] for row in connection.exec_driver_sql("SELECT case_ref FROM case_file ORDER BY case_ref")]

    def process_and_state(self, case: str) -> tuple[Process, str]:
        """A case's process and state."""
        with reading(self.engine) as connection:
            name, state = connection.exec_driver_sql(
                "SELECT process, state FROM case_file WHERE case_ref = ?", (case,)
            ).one()
        return processes()[name], state

    def lines(self) -> dict[str, list[StoredFact]]:
        refs = self.cases()
        with reading(self.engine) as connection:
            return {ref: lines for ref, (lines, _tail) in ledger.read(connection, refs).items()}

    def dump(self) -> list[Any]:
        with reading(self.engine) as connection:
            return [
                (table, *row)
                for table in ("fact", "case_file", "duty", "notice", "passage", "person", "alias")
                for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1, 2")
            ]

    def say(
        self, case: str, kind: str, on: date, data: Mapping[str, Any], corrects: int | None = None
    ) -> Recorded | None:
        """Record a fact; a refusal is a sentence that changes nothing and repeats nothing."""
        context = self.on(self.today)
        before, held = self.dump(), {ref: len(lines) for ref, lines in self.lines().items()}
        try:
            recorded = record(context, case, [FactDraft(kind, on, data, corrects)], "dco.team", confirmed=True)
        except Refused as refused:
            assert self.dump() == before, "what is refused changes nothing"
            assert refused.message and CANARY not in refused.message
            self.refused[refused.code] += 1
            return None
        assert REFERENCE.fullmatch(recorded.case_ref)
        assert all(CANARY not in said for said in recorded.unheard)
        self.unheard += recorded.unheard
        if corrects is None and data.get("linked_to"):
            self.links.append((recorded.case_ref, str(data["linked_to"])))
        elif "linked_to" in data:
            self.links = [link for link in self.links if recorded.case_ref not in link]
        # No endless exchange: each case gets at most one fact a round, and each case that opened for it a few more.
        after = {ref: len(lines) for ref, lines in self.lines().items()}
        assert sum(after.values()) - sum(held.values()) <= 1 + ROUNDS * 8 * len(after)
        return recorded

    def settle(self) -> None:
        """After any facts: sweep and deliver end, a second sweep writes nothing, reports work, verify finds nothing."""
        context = self.on(min(self.today + timedelta(days=40), LAST))
        assert sweep(context).troubles == []
        assert sweep(context).facts_written == 0, "a second sweep writes nothing"
        deliver(context, now=True, transport=self.post)
        assert sweep(context).facts_written == 0, "nor has one after a delivery"
        checked = verify(context)
        assert (checked.damage, checked.stale, checked.intact) == ([], 0, True)
        overdue(context, self.today)
        week(context, self.today)
        known = self.lines()
        for ref, lines in known.items():
            middle = lines[len(lines) // 2]
            shown = [report(context, ref), report(context, ref, known_at=middle.recorded_at)]
            with suppress(
                LookupError
            ):  # a corrected opening may lie after any other fact's day: nothing was known then
                shown.append(report(context, ref, middle.occurred_on))
            assert all(
                each.case_ref == ref and cause.case_ref in known for each in shown for cause in each.heard.values()
            ), ref
            self._caused_once(ref, lines)
        self._causes_in_force(known)
        self._one_child()
        said = "".join(f"{letter.subject}{letter.mailbox}" for letter in self.post.letters)
        assert CANARY not in said and "\n" not in said and not any(number in said for number in NUMBERS)

    def _caused_once(self, ref: str, lines: list[StoredFact]) -> None:
        """A fact causes one fact of a kind on another case, also after later facts."""
        about = ("body", "service")
        caused = Counter(
            (each.caused_by, each.kind, each.corrects, *(str(each.data.get(key)) for key in about))
            for each in lines
            if each.caused_by
        )
        assert [each for each, times in caused.items() if times > 1] == [], ref

    def _causes_in_force(self, known: Mapping[str, list[StoredFact]]) -> None:
        """A caused fact in force has a cause in force, on the same day.

        Otherwise a person corrected it, or a follow-up names the case that differs.
        """
        in_force = {ref: {line.seq: line for line in facts_in_force(lines)} for ref, lines in known.items()}
        for ref, lines in in_force.items():
            by_hand = {line.corrects for line in known[ref] if line.kind in CORRECTIONS and line.caused_by is None}
            # A person may also withdraw a correction that another case caused.
            by_hand |= {line.corrects for line in known[ref] if line.seq in by_hand}
            for line in lines.values():
                other, _slash, seq = (line.caused_by or "").rpartition("/")
                if not other or line.seq in by_hand or known[other][int(seq) - 1].kind in CORRECTIONS:
                    continue
                cause = in_force[other].get(int(seq))
                if cause is None or cause.occurred_on != line.occurred_on:
                    assert any(f"ase {ref} " in said for said in self.unheard), (
                        f"{line.kind} of {ref}, caused by {line.caused_by}"
                    )

    def _one_child(self) -> None:
        """Cases that were linked, and whose link was not corrected, belong to one child."""
        with reading(self.engine) as connection:
            keys = dict(tuple(row) for row in connection.exec_driver_sql("SELECT case_ref, child_key FROM case_file"))
        for one, other in self.links:
            assert keys[one] is not None and keys[one] == keys[other], (one, other)


@contextmanager
def linking() -> Iterator[Linking]:
    """An installation for one test, deleted afterwards."""
    folder = Path(mkdtemp(prefix="sendflow-links-"))
    made = Linking(folder / "var")
    try:
        yield made
    finally:
        made.engine.dispose()
        shutil.rmtree(folder)


def random_fields(
    model: type[FactData], process: Process, on: date, refs: tuple[str | None, ...], dice: Random
) -> dict[str, Any]:
    """Return fields of a fact: valid ones, and in one of twelve facts also odd inputs."""
    fields: dict[str, Any] = {}
    slips = dice.randrange(12) == 0
    for name, field in model.model_fields.items():
        worked_out = (
            name in model.ANSWERED_FROM_BIRTH_DATE or name in model.READING_IN_FORCE or name in model.WITHIN_PERIOD
        )
        wanted = (
            field.is_required() or name in ("la", "nhs_number", "linked_to", "date_of_birth") or dice.randrange(4) == 0
        )
        if worked_out or not wanted:
            continue
        within = [field.annotation, *get_args(field.annotation)]
        sound, odd = _values(name, within, model, process, on, refs)
        value = dice.choice((*odd, *ODD) if slips and dice.randrange(2) else sound)
        if value is not None:
            fields[name] = value
    return fields


def _values(  # noqa: C901, PLR0911, PLR0912 (one name of a field a case)
    name: str, within: list[Any], model: type[FactData], process: Process, on: date, refs: tuple[str | None, ...]
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return valid values of a field, and invalid ones."""
    directory, law = _made()[0].directory, _made()[0].law
    if literal := next((get_args(each) for each in within if get_origin(each) is Literal), None):
        return literal, ()
    if name in model.FREE_TEXT_FIELDS:
        return NOTES, ()
    match name:
        case "la" | "new_la" | "other_la":
            return ("northshire", "northshire", "northshire", "eastmere"), ()
        case "body" | "redirected_to" | "passed_to" | "to_body":
            bodies = tuple(each.body for each in directory.bodies)
            return (
                tuple(
                    each
                    for each in bodies
                    if not model.BOUND_BODY_KINDS or directory.kind(each) in model.BOUND_BODY_KINDS
                ),
                bodies,
            )
        case "service":
            return (None, "speech_and_language_therapy", "community_paediatrics"), ()
        case "linked_to":
            return (*refs, *refs, None), REFS
        case "nhs_number":
            return (*[NUMBERS[0]] * 8, NUMBERS[1], None, None, None), ("1234567890",)
        case "date_of_birth":
            return ("2022-05-21",), ("2016-02-29", "2035-01-01")
        case "la_reference":
            return ("NS-04412", "00123"), ()
        case "rule":
            return tuple(sorted(rule.id for rule in law.duties_of(process.name))), ()
        case "decision":
            return ("refusal_to_assess", "contents_of_plan", "ceasing"), ()
    if date in within:
        return tuple((on + timedelta(days=number)).isoformat() for number in (-30, -1, 0, 1, 14, 40)), ("2026-02-30",)
    if int in within:
        return (1, 2, 3), (0, -1, 10**20)
    return ("absent_4_weeks", "exceptional_circumstances"), ()
