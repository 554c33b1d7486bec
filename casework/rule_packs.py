"""Rule packs: a dry run says what a changed law would change; an adoption puts it in force and is recorded.

Purpose: a new period of a rule, a new bank holiday or another local number is tried on the live cases first. A case
stays with the version under which its clock started if the pack adds a period with its own `from`. What a pack
rewrites, it rewrites for cases in flight too; the dry run shows that. sendflow does not decide whether a change is
right in law.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, or_, select

from casework.cases.commit import commit
from casework.cases.second_person import ADOPTIONS, Check, who_asked, with_second_person
from casework.cases.unit_of_work import UnitOfWork
from casework.cases.validation import Refused
from casework.context import AppContext, instant
from casework.pack_letters import LetterChange, letter_changes
from casework.rules.checks.files import SHIPPED, problems
from casework.rules.config_held import PACK, hold, texts_held
from casework.rules.ruleset import check_files, newest_adoption
from casework.rules.ruleset_guard import Activation, activations, active_ruleset
from casework.rules.shared_files import hold_adopted
from casework.sweep import BATCH, DueDuties, Trouble
from config.law import LawError, NoAnswer
from config.law_changes import changed_in_force
from config.rule_pack import declaration_of, digests_of, files_of, law_files, law_folder, pack_digest, point_at
from config.toml_reader import ConfigFault
from deadlines.duties import Duty, duties_of
from deadlines.status import status_of
from models import ledger
from models.bulk_io import in_chunks
from models.casefile import CaseFile
from models.change_log import insert_logged
from models.database import reading, transact, writing
from models.enums import DutyStatus
from models.locks import LEDGER, lock_exclusive, lock_shared
from models.tables import ADOPTION, CASE
from statemachines.process import NotPermitted
from statemachines.replay import replay

# Of an adoption, what is held as a text: the columns of `adoption` never change.
_DECLARED = {"changed", "in_force"}
LATE = frozenset({DutyStatus.BREACHED.value, DutyStatus.MET_LATE.value})


class DutyChange(BaseModel):
    """One duty of one live case whose due date or status would change under the pack.

    `days` is in calendar days, positive if later; null if the duty is new or falls away.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    rule: str
    body: str | None
    service: str | None
    due: date | None
    due_then: date | None
    days: int | None
    standing: str | None
    standing_then: str | None

    @property
    def urgency(self) -> tuple[int, int, str, str, str]:
        """Sorts what becomes late first, then earlier dates, new duties, later dates, and what falls away."""
        becomes_late = self.standing_then in LATE and self.standing not in LATE
        falls_away = self.due_then is None
        rank = 0 if becomes_late else 3 if falls_away else 2 if self.days is not None and self.days >= 0 else 1
        return rank, self.days if self.days is not None else 0, self.case_ref, self.rule, self.service or ""


class DryRun(BaseModel):
    """What a pack would change. `troubles` are live cases that only the present law can evaluate.

    `before` and `after` are digests of the whole rule set. `in_force` are the periods in force that the pack changes
    without a new `from`, and `changed` is what it declares of them: "law" or "misread". `letters` are those of the next
    four weeks that change.
    """

    model_config = ConfigDict(frozen=True)
    pack: str
    files: list[str]
    before: str
    after: str
    cases: int
    moved: list[DutyChange]
    letters: list[LetterChange] = []
    troubles: list[Trouble] = []
    gains_first_duty: list[str] = []
    changed: str | None = None
    in_force: list[str] = []

    @property
    def dates_moved(self) -> int:
        """How many due dates change. The status alone may change too, through an exception."""
        return sum(change.due != change.due_then for change in self.moved)


class Adoption(BaseModel):
    """An adoption as it was recorded. `before` and `after` are digests of the whole rule set.

    `in_force` and `changed` are as in a dry run; `changed` is null for an adoption that changed nothing in force.
    """

    model_config = ConfigDict(frozen=True)
    number: int
    adopted_at: str
    actor: str
    pack: str
    files: list[str]
    before: str
    after: str
    cases: int
    moved: int
    changed: str | None = None
    in_force: list[str] = []


def dry_run(context: AppContext, pack: Path) -> DryRun:
    """Say what the pack would change in the live cases today. Writes nothing.

    Raises ConfigFault, EscalationPolicyError, LawError or RenderError for a pack that cannot be used.
    """
    return _compare(context, pack, _read_files(context, pack))


def _compare(context: AppContext, pack: Path, files: dict[str, bytes]) -> DryRun:
    changed = context.with_rule_pack(pack)
    check_references(context, pack)
    cases = 0
    changes: list[DutyChange] = []
    troubles: list[Trouble] = []
    gains_first_duty: list[str] = []
    letters: list[LetterChange] = []
    for file, now, then in live_duties(context, changed, troubles):
        cases += 1
        if then and not now:
            gains_first_duty.append(file.case_ref)
        changes.extend(_changes(file.case_ref, now, then, context.today()))
        letters.extend(letter_changes(context, changed, file, now, then))
    return DryRun(
        pack=pack_digest(files),
        files=sorted(files),
        before=context.ruleset_digest,
        after=changed.ruleset_digest,
        cases=cases,
        moved=sorted(changes, key=lambda change: change.urgency),
        letters=letters,
        troubles=troubles,
        gains_first_duty=gains_first_duty,
        changed=declaration_of(files),
        in_force=[each.sentence for each in changed_in_force(context.law, changed.law, context.today())],
    )


def _read_files(context: AppContext, pack: Path) -> dict[str, bytes]:
    files = files_of(pack)
    if any(name.startswith("ladder/") for name in files) and (context.settings.home / "ladder.toml").exists():
        raise ConfigFault(
            "The pack has an escalation policy, and this installation has its own ladder.toml, which replaces all"
            " others. Change ladder.toml instead."
        )
    return files


def check_references(context: AppContext, pack: Path) -> None:
    """Check that every word of the changed files names something: facts, rules, letters, parties. Raises ConfigFault.

    A rule with an unknown fact kind would never open a duty, and nobody would notice.
    """
    adopted = () if context.adopted_pack is None else (context.adopted_pack,)
    for problem in problems((SHIPPED, *adopted, pack), context.settings.home):
        raise ConfigFault(problem.sentence)


def live_duties(
    context: AppContext, changed: AppContext, troubles: list[Trouble], until: date | None = None
) -> Iterator[tuple[CaseFile, list[Duty], list[Duty]]]:
    """Each live case with its duties now and under the pack. Adds to `troubles`.

    `until`: only those that a sweep for that day would evaluate. No other case has a step that becomes due by then.
    """
    ended = [
        (CASE.c.process == name) & CASE.c.state.in_(sorted(process.final))
        for name, process in context.processes.items()
    ]
    with reading(context.engine) as connection:
        live = select(CASE.c.case_ref).where(~or_(*ended)).order_by(CASE.c.case_ref)
        if until is None:
            refs = list(connection.scalars(live))
        else:
            due = DueDuties.of(context, until).case_refs(connection)
            refs = [ref for each in in_chunks(due) for ref in connection.scalars(live.where(CASE.c.case_ref.in_(each)))]
        for start in range(0, len(refs), BATCH):
            for ref, (facts, _tail) in ledger.read(connection, refs[start : start + BATCH]).items():
                try:
                    case = replay(ref, facts)
                    claims = list(case.claims.values())
                    now = duties_of(case.lines, context.duty_rules[case.process], context.dates_of, claims)
                except (NotPermitted, LawError, NoAnswer, KeyError, ValueError):
                    continue  # it cannot be evaluated today either: the sweep reports it
                if changed is context:
                    yield case, now, now
                    continue
                try:
                    yield case, now, duties_of(case.lines, changed.duty_rules[case.process], changed.dates_of, claims)
                except (LawError, NoAnswer) as problem:
                    troubles.append(Trouble(case_ref=ref, message=str(problem)))


def _changes(ref: str, now: list[Duty], then: list[Duty], today: date) -> Iterator[DutyChange]:
    before = {(duty.rule, duty.opened_seq): duty for duty in now}
    after = {(duty.rule, duty.opened_seq): duty for duty in then}
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        due, due_then = old.due if old else None, new.due if new else None
        status = status_of(old, today).value if old else None
        status_then = status_of(new, today).value if new else None
        if (due, status) == (due_then, status_then):
            continue
        shown = new or before[key]
        yield DutyChange(
            case_ref=ref,
            rule=shown.rule,
            body=shown.body,
            service=shown.service,
            due=due,
            due_then=due_then,
            days=(due_then - due).days if due is not None and due_then is not None else None,
            standing=status,
            standing_then=status_then,
        )


def adopt(context: AppContext, pack: Path, actor: str) -> Adoption:
    """Store the pack's files under SENDFLOW_HOME/law and record the adoption. The next sweep evaluates all cases.

    Raises ConfigFault or EscalationPolicyError for a pack that cannot be read; RulesetMismatch if the database has
    another active rule set; Refused if the pack changes nothing, changes a number in force without saying why, leaves a
    live case without an answer, or if another pack was adopted meanwhile.
    """
    # The files are copied before they are compared, so that a change in the pack's folder meanwhile has no effect.
    files = _read_files(context, pack)
    folder = law_folder(context.settings)
    folder.mkdir(parents=True, exist_ok=True)
    copy = Path(tempfile.mkdtemp(prefix="adopting.", dir=folder))
    try:
        _write(
            copy, {**(law_files(files_of(context.adopted_pack)) if context.adopted_pack is not None else {}), **files}
        )
        found = _compare(context, copy, files)
        _refuse_unusable(found)
        candidate = _Candidate(context, context.with_rule_pack(copy), copy, files, found, actor)
        return with_second_person(context, ADOPTIONS, _about(found), actor, partial(_record_adoption, candidate))
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def who_asked_for(context: AppContext, found: DryRun) -> str | None:
    """The person who asked for the adoption of this pack and waits for a second one; None if nobody does."""
    return who_asked(context, ADOPTIONS, _about(found))


def _about(found: DryRun) -> str:
    return f"{found.before} {found.after}"


def _refuse_unusable(found: DryRun) -> None:
    if found.before == found.after:
        raise Refused(
            "changes_nothing", "The pack changes nothing: law, bank holidays and escalation policy would be as now"
        )
    if (why := undeclared(found)) is not None:
        raise Refused("change_not_declared", why)
    if found.troubles:
        refs = ", ".join(trouble.case_ref for trouble in found.troubles[:5])
        raise Refused(
            "leaves_no_answer",
            f"Under the pack {len(found.troubles)} live cases have no answer ({refs}): {found.troubles[0].message}",
        )


def undeclared(found: DryRun) -> str | None:
    """Say that the pack does not say why it changes a number in force, or says it and changes none; None if neither."""
    if found.in_force and found.changed is None:
        return (
            "The pack changes what is in force, without a new `from`:"
            f" {'; '.join(found.in_force)}. If a later law changed it, add a period with its own `from`, which leaves"
            " running cases as they are. Otherwise say in pack.toml why the number changes for running cases too."
            ' Example: changed = "misread" (the law was misread), or changed = "law" (the law changed for them)'
        )
    if found.changed is not None and not found.in_force:
        return (
            f'pack.toml says changed = "{found.changed}", and the pack changes no period that is in force. Leave'
            " pack.toml out"
        )
    return None


@dataclass(frozen=True)
class _Candidate:
    """A pack that is about to be adopted: the context under it, its copied files and its dry run."""

    context: AppContext
    changed: AppContext
    copy: Path
    files: dict[str, bytes]
    found: DryRun
    actor: str


def _record_adoption(candidate: _Candidate, check: Check) -> Adoption:
    context, found, actor = candidate.context, candidate.found, candidate.actor
    digests = digests_of(files_of(candidate.copy))
    with writing(context.engine) as connection:
        lock_shared(connection, LEDGER)  # before the lock of the rule set, as every unit of work does
        lock_exclusive(connection, "adoption")
        # `ensure_active` may skip this lock, and this transaction activates another rule set.
        lock_exclusive(connection, "law")
        number = _next_number(connection, context)
        context.ruleset_guard.ensure_active(connection, instant(context.now()), actor, "adopt")
        check(connection)  # before the folder is in its place
        adoption = Adoption(
            number=number,
            adopted_at=instant(context.now()),
            actor=actor,
            pack=found.pack,
            files=found.files,
            before=found.before,
            after=found.after,
            cases=found.cases,
            moved=found.dates_moved,
            changed=found.changed,
            in_force=found.in_force,
        )
        folder = _move_into_place(context, candidate.copy, f"{number:04d}-{adoption.pack[:16]}")
        check_files(folder, digests)
        row = adoption.model_dump(exclude={"files", *_DECLARED})
        row |= {"folder": folder.name, "files": orjson.dumps(digests).decode(), "rehearsed": context.simulated}
        insert_logged(connection, ADOPTION, [row], adoption.adopted_at)
        by = {"at": adoption.adopted_at, "actor": actor, "via": "adopt"}
        hold_adopted(connection, folder, files_of(folder), **by)
        if adoption.changed is not None:
            text = orjson.dumps(adoption.model_dump(include=_DECLARED), option=orjson.OPT_SORT_KEYS).decode()
            hold(connection, PACK, str(number), text, **by)
        candidate.changed.ruleset_guard.activate(connection, adoption.adopted_at, actor, "adopt")
        # The sweep finds cases by their duties, and these cases have none yet.
        unit = UnitOfWork(candidate.changed, connection, actor=actor, via="adopt")
        for case in unit.load(found.gains_first_duty).values():
            case.outdated = True
        commit(unit)
    point_at(context.settings, folder.name)
    return adoption


def _next_number(connection: Connection, context: AppContext) -> int:
    """The number of the next adoption. Raises Refused if the last one is not the one of this context."""
    last = newest_adoption(connection)
    last_folder = str(last.folder) if last is not None else None
    if last_folder != (context.adopted_pack.name if context.adopted_pack is not None else None):
        raise Refused("another_adopted", "Another pack was adopted just now. Run the dry run again before you adopt")
    return int(str(last.number)) + 1 if last is not None else 1


def _move_into_place(context: AppContext, copy: Path, name: str) -> Path:
    folder = law_folder(context.settings) / name
    if folder.exists():
        shutil.rmtree(folder)  # left by an adoption that was never recorded
    copy.rename(folder)
    folder.chmod(0o755)
    return folder


def adopt_installed(context: AppContext, actor: str) -> Activation:
    """Activate the rule set of this installation for every machine of the database, whichever was active before.

    Raises Refused if it is active already.
    """

    def activate_once(connection: Connection) -> Activation:
        lock_shared(connection, LEDGER)
        lock_exclusive(connection, "law")
        active = active_ruleset(connection)
        if active is not None and active.looked_under == context.ruleset_digest:
            raise Refused(
                "changes_nothing", f"The rule set of this machine is active already, as number {active.number}"
            )
        return context.ruleset_guard.activate(connection, instant(context.now()), actor, "adopt")

    return transact(context.engine, activate_once)


def rulesets(context: AppContext) -> list[Activation]:
    """Give every rule set that was active in this database, the newest first."""
    with reading(context.engine) as connection:
        return activations(connection)


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def adoptions(context: AppContext) -> list[Adoption]:
    """Give every adoption, the newest first. `files` are all files that it put in force."""
    with reading(context.engine) as connection:
        rows = connection.execute(select(ADOPTION).order_by(ADOPTION.c.number.desc())).mappings().all()
        declared = {name: orjson.loads(text) for name, text in texts_held(connection, PACK)}
    columns = Adoption.model_fields.keys() - {"files", *_DECLARED}
    return [
        Adoption(
            **{name: row[name] for name in columns},
            **declared.get(str(row["number"]), {}),
            files=sorted(orjson.loads(row["files"])),
        )
        for row in rows
    ]
