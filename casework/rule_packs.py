"""Rule packs: what a changed law would move, shown without writing; and its adoption, which is a recorded act.

Purpose: a new period, a new bank holiday or another local number is tried over the live cases before anybody is bound
by it. A case keeps the version that its clock started under as long as the pack adds a period with its own `from`; what
a pack rewrites, it rewrites for cases in flight too, and the dry run shows that. What this does not decide: whether the
change is right in law.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, insert, or_, select

from casework.cases.commit import commit
from casework.cases.unit_of_work import UnitOfWork
from casework.cases.validation import Refused
from casework.context import AppContext, instant
from casework.rules.ruleset import check_files, newest_adoption
from casework.rules.ruleset_guard import Activation, activations, active_ruleset
from casework.sweep import BATCH, Trouble
from config.law import LawError, NoAnswer
from config.rule_pack import digests_of, files_of, law_folder, pack_digest, point_at
from config.toml_reader import ConfigFault
from deadlines.duties import Duty, duties_of
from deadlines.status import standing
from models import ledger
from models.database import LEDGER, alone, beside_others, reading, transact, writing
from models.enums import DutyStatus
from models.tables import ADOPTION, CASE
from notifications.render import newest
from statemachines.process import NotPermitted
from statemachines.replay import replay

LATE = frozenset({DutyStatus.BREACHED.value, DutyStatus.MET_LATE.value})


class Moved(BaseModel):
    """One duty of one live case that stands otherwise under the pack. `days` is calendar days, later if positive; null
    where a date is new or goes.
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
    def worst(self) -> tuple[int, int, str, str, str]:
        """What becomes late first, then what is brought forward furthest, then new duties, then what gains time, then
        what falls away.
        """
        becomes_late = self.standing_then in LATE and self.standing not in LATE
        falls_away = self.due_then is None
        rank = 0 if becomes_late else 3 if falls_away else 2 if self.days is not None and self.days >= 0 else 1
        return rank, self.days if self.days is not None else 0, self.case_ref, self.rule, self.service or ""


class DryRun(BaseModel):
    """What a pack would move. `troubles`: live cases that could not be worked out under it, and could under the present
    law.
    """

    model_config = ConfigDict(frozen=True)
    pack: str
    files: list[str]
    before: str
    after: str
    cases: int
    moved: list[Moved]
    troubles: list[Trouble] = []
    gains_first_duty: list[str] = []

    @property
    def dates_moved(self) -> int:
        """How many due dates are other dates; a standing alone may change too, by an excuse."""
        return sum(row.due != row.due_then for row in self.moved)


class Adopted(BaseModel):
    """An adoption as it was recorded. `before` and `after` are digests of law, almanac, ladder and machines
    together.
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


def dry_run(context: AppContext, pack: Path) -> DryRun:
    """What the pack would move over the live cases today. Writes nothing. Raises ConfigFault or EscalationPolicyError
    for a pack that cannot be read.
    """
    return _looked(context, pack, _files(context, pack))


def _looked(context: AppContext, pack: Path, files: dict[str, bytes]) -> DryRun:
    then = context.with_rule_pack(pack)
    check_kinds(context, then)
    cases = 0
    moved: list[Moved] = []
    troubles: list[Trouble] = []
    first: list[str] = []
    for ref, now, later in _duties(context, then, troubles):
        cases += 1
        if later and not now:
            first.append(ref)
        moved.extend(_moved(ref, now, later, context.today()))
    return DryRun(
        pack=pack_digest(files),
        files=sorted(files),
        before=context.ruleset_digest,
        after=then.ruleset_digest,
        cases=cases,
        moved=sorted(moved, key=lambda row: row.worst),
        troubles=troubles,
        gains_first_duty=first,
    )


def _files(context: AppContext, pack: Path) -> dict[str, bytes]:
    files = files_of(pack)
    if any(name.startswith("ladder/") for name in files) and (context.settings.home / "ladder.toml").exists():
        raise ConfigFault(
            "The pack holds a ladder, and this house has a ladder.toml of its own that stands before any: change that"
            " file instead."
        )
    return files


def check_kinds(context: AppContext, then: AppContext) -> None:
    """Whether the pack's changed rules name facts of their processes, and its ladder rules and letters that are there.
    Raises ConfigFault.

    A kind that no machine has would never open a duty, and nobody would ever hear of it.
    """
    for name, process in context.processes.items():
        known = {rule.id: rule.model_dump() for rule in context.law.duties_of(name)}
        for rule in then.law.duties_of(name):
            if rule.model_dump() == known.get(
                rule.id
            ):  # rules keep what they have worked out beside them, so that records are compared
                continue
            told = [kind for asked in rule.inputs.values() for kind in asked.told_by]
            for kind in (*rule.starts, *rule.met_by, *rule.ends, *rule.reopened_by, *rule.superseded_by, *told):
                if kind not in process.facts:
                    raise ConfigFault(
                        f"[{rule.id}] names a fact that {name} does not have: `{kind}`. `sendflow processes` lists its"
                        " facts. "
                        f'Example: starts = ["{process.opens}"]'
                    )
    if then.escalation_policy.digest == context.escalation_policy.digest:
        return
    for rule_id in (*then.escalation_policy.rung, *then.escalation_policy.ended):
        then.law.rule(rule_id)
    for template in sorted(then.escalation_policy.templates):
        newest(template)


def _duties(
    context: AppContext, then: AppContext, troubles: list[Trouble]
) -> Iterator[tuple[str, list[Duty], list[Duty]]]:
    """Each live case with its duties now and under the pack."""
    ended = [
        (CASE.c.process == name) & CASE.c.state.in_(sorted(process.final))
        for name, process in context.processes.items()
    ]
    with reading(context.engine) as connection:
        refs = list(connection.scalars(select(CASE.c.case_ref).where(~or_(*ended)).order_by(CASE.c.case_ref)))
        for start in range(0, len(refs), BATCH):
            for ref, (lines, _tail) in ledger.read(connection, refs[start : start + BATCH]).items():
                try:
                    file = replay(ref, lines)
                    claims = list(file.claims.values())
                    now = duties_of(file.lines, context.duty_rules[file.process], context.dates_of, claims)
                except (NotPermitted, LawError, NoAnswer, KeyError, ValueError):
                    continue  # it cannot be worked out today either: the sweep names it
                try:
                    yield ref, now, duties_of(file.lines, then.duty_rules[file.process], then.dates_of, claims)
                except (LawError, NoAnswer) as problem:
                    troubles.append(Trouble(case_ref=ref, message=str(problem)))


def _moved(ref: str, now: list[Duty], later: list[Duty], today: date) -> Iterator[Moved]:
    before = {(duty.rule, duty.opened_seq): duty for duty in now}
    after = {(duty.rule, duty.opened_seq): duty for duty in later}
    for key in sorted(before.keys() | after.keys()):
        one, other = before.get(key), after.get(key)
        due, due_then = one.due if one else None, other.due if other else None
        stands = standing(one, today).value if one else None
        stands_then = standing(other, today).value if other else None
        if (due, stands) == (due_then, stands_then):
            continue
        shown = other or before[key]
        days = (due_then - due).days if due is not None and due_then is not None else None
        yield Moved(
            case_ref=ref,
            rule=key[0],
            body=shown.body,
            service=shown.service,
            due=due,
            due_then=due_then,
            days=days,
            standing=stands,
            standing_then=stands_then,
        )


def adopt(context: AppContext, pack: Path, actor: str) -> Adopted:
    """Take the pack into force: its files are kept under SENDFLOW_HOME/law, the act is recorded, and the next sweep
    reaches every case.

    Raises ConfigFault or EscalationPolicyError for a pack that cannot be read; Refused where it changes nothing, leaves
    a live case without an answer, or where somebody adopted another meanwhile; OtherLaw where the records go by another
    law than this house.
    """
    # Kept first and looked at afterwards: what is adopted is what was looked at, whatever happens to the
    # pack's own
    # folder.
    files = _files(context, pack)
    place = law_folder(context.settings)
    place.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="adopting.", dir=place))
    try:
        held = {**(files_of(context.adopted_pack) if context.adopted_pack is not None else {}), **files}
        _write(fresh, held)
        looked = _looked(context, fresh, files)
        if looked.before == looked.after:
            raise Refused(
                "changes_nothing", "the pack changes nothing: law, almanac and ladder would read as they do now"
            )
        if looked.troubles:
            named = ", ".join(trouble.case_ref for trouble in looked.troubles[:5])
            raise Refused(
                "leaves_no_answer",
                f"under the pack {len(looked.troubles)} live cases have no answer ({named}):"
                f" {looked.troubles[0].message}",
            )
        return _record(context, fresh, files, looked, actor)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _record(context: AppContext, fresh: Path, files: dict[str, bytes], looked: DryRun, actor: str) -> Adopted:
    place = law_folder(context.settings)
    digests = digests_of(files_of(fresh))
    then = context.with_rule_pack(fresh)
    with writing(context.engine) as connection:
        beside_others(connection, LEDGER)  # before the law's own lock, as every desk does
        alone(connection, "adoption")
        alone(
            connection, "law"
        )  # which `keep` does not ask for where it knows the law that holds, and this act brings in another
        last = newest_adoption(connection)
        if (str(last.folder) if last is not None else None) != (
            context.adopted_pack.name if context.adopted_pack is not None else None
        ):
            raise Refused(
                "another_adopted", "somebody adopted another pack just now: look at the dry run again, and adopt then"
            )
        context.ruleset_guard.ensure_active(connection, instant(context.now()), actor, "adopt")
        adopted = Adopted(
            number=int(str(last.number)) + 1 if last is not None else 1,
            adopted_at=instant(context.now()),
            actor=actor,
            pack=pack_digest(files),
            files=sorted(files),
            before=looked.before,
            after=looked.after,
            cases=looked.cases,
            moved=looked.dates_moved,
        )
        folder = place / f"{adopted.number:04d}-{adopted.pack[:16]}"
        if folder.exists():
            shutil.rmtree(folder)  # left by an adoption that was never recorded
        fresh.rename(folder)
        folder.chmod(0o755)
        check_files(folder, digests)
        row = adopted.model_dump(exclude={"files"})
        row |= {"folder": folder.name, "files": orjson.dumps(digests).decode(), "rehearsed": context.simulated}
        connection.execute(insert(ADOPTION).values(row))
        then.ruleset_guard.activate(connection, adopted.adopted_at, actor, "adopt")
        # The sweep finds cases by their duties; a case whose first duty this is has none yet to be found
        # by.
        unit = UnitOfWork(then, connection, actor=actor, via="adopt")
        for work in unit.load(looked.gains_first_duty).values():
            work.outdated = True
        commit(unit)
    point_at(context.settings, folder.name)
    return adopted


def adopt_installed(context: AppContext, actor: str) -> Activation:
    """Let the law hold that this house has as it is installed, for every machine of the records, whatever held before.

    Raises Refused where it does already.
    """

    def once(connection: Connection) -> Activation:
        beside_others(connection, LEDGER)
        alone(connection, "law")
        now = active_ruleset(connection)
        if now is not None and now.looked_under == context.ruleset_digest:
            raise Refused("changes_nothing", f"the law as it is installed here holds already, as law {now.number}")
        return context.ruleset_guard.activate(connection, instant(context.now()), actor, "adopt")

    return transact(context.engine, once)


def laws(context: AppContext) -> list[Activation]:
    """Every law that has held for these records, the newest first."""
    with reading(context.engine) as connection:
        return activations(connection)


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def adoptions(context: AppContext) -> list[Adopted]:
    """Every adoption, the newest first; `files` is everything that it kept."""
    with reading(context.engine) as connection:
        rows = list(connection.execute(select(ADOPTION).order_by(ADOPTION.c.number.desc())))
    return [
        Adopted(
            number=row.number,
            adopted_at=row.adopted_at,
            actor=row.actor,
            pack=row.pack,
            files=sorted(orjson.loads(row.files)),
            before=row.before,
            after=row.after,
            cases=row.cases,
            moved=row.moved,
        )
        for row in rows
    ]
