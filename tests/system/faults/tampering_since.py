"""More attacks of the audit, and others, each with the case and the fact that verification names.

Case NX90004 has two facts that no checkpoint covers yet. Hashes, copies and the projections are right wherever the
person can make them right; the person has no person.key and no log.key.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

from models import ledger
from models.facts import canonical_text, parse_fact, stored_fact_of
from tests.system.faults.tampering import Execute

NEW, OLD = "NX90004", "NX90001"
MAILBOX = "evil@example.org"
EVIL = f"mailbox = '{MAILBOX}'"
STAMP = "UPDATE duty SET due = '2030-01-01', evaluated_under = {} WHERE case_ref = 'NX90001'"


class Named(NamedTuple):
    """One attack: its number in the audit, a plain name, what is done, and the finding: what, case, fact."""

    number: str
    name: str
    deeds: tuple[str | Callable[[Execute], object], ...]
    what: str
    case: str | None
    fact: int | None = None


def _quoted(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _last(execute: Execute, case: str) -> tuple[int, str, str]:
    query = f"SELECT seq, prev_hash, text FROM fact WHERE case_ref = '{case}' ORDER BY seq DESC LIMIT 1"
    [(seq, previous, text)] = execute(query)
    return seq, previous, text


def _rewrite_last(case: str, change: Callable[[str], str]) -> Callable[[Execute], None]:
    """Write the last fact of a case again, with its own hash, each column as its text says, and its case fitting."""

    def rewrite(execute: Execute) -> None:
        seq, previous, text = _last(execute, case)
        fresh = change(text)
        digest, fact = ledger.link(previous, fresh.encode()), parse_fact(fresh)
        execute(
            f"UPDATE fact SET text = {_quoted(fresh)}, hash = '{digest}', actor = '{fact.actor}', kind = '{fact.kind}',"
            f" recorded_at = '{fact.recorded_at}', occurred_on = '{fact.occurred_on}'"
            f" WHERE case_ref = '{case}' AND seq = {seq}"
        )
        execute(f"UPDATE case_file SET hash = '{digest}' WHERE case_ref = '{case}'")

    return rewrite


def _with(**changed: object) -> Callable[[str], str]:
    return lambda text: canonical_text(stored_fact_of(text.encode())._replace(**changed)).decode()


def _forge(case: str, kind: str, state: str, mac: str = "NULL") -> Callable[[Execute], None]:
    """Add a fact of a kind that calls for no letter, with its right hash, and make the case fit."""

    def forge(execute: Execute) -> None:
        seq, _previous, text = _last(execute, case)
        [(end,)] = execute(f"SELECT hash FROM fact WHERE case_ref = '{case}' AND seq = {seq}")
        fresh = _with(seq=seq + 1, kind=kind, data={}, version=1)(text)
        digest, fact = ledger.link(end, fresh.encode()), parse_fact(fresh)
        execute(
            f"INSERT INTO fact VALUES ('{case}', {seq + 1}, '{kind}', '{fact.occurred_on}', '{fact.recorded_at}',"
            f" '{fact.actor}', {_quoted(fresh)}, '{end}', '{digest}', {mac}, NULL)"
        )
        execute(f"UPDATE case_file SET seq = {seq + 1}, hash = '{digest}', state = '{state}' WHERE case_ref = '{case}'")
        execute(f"UPDATE duty SET evaluated_under = 'x' WHERE case_ref = '{case}'")

    return forge


def _cut_last(case: str) -> Callable[[Execute], None]:
    """Delete the last fact of a case, and make every copy fit."""

    def cut(execute: Execute) -> None:
        seq, previous, _text = _last(execute, case)
        for table, column in (("fact", "seq"), ("notice", "fact_seq"), ("duty", "opened_seq")):
            execute(f"DELETE FROM {table} WHERE case_ref = '{case}' AND {column} = {seq}")
        execute(
            f"UPDATE case_file SET seq = {seq - 1}, hash = '{previous}', state = 'requested' WHERE case_ref = '{case}'"
        )
        execute(f"UPDATE duty SET evaluated_under = 'x' WHERE case_ref = '{case}'")

    return cut


def _exchange(execute: Execute) -> None:
    """Exchange the two facts of a case, and make their hashes and copies right."""
    previous = "0" * 64
    facts = execute(f"SELECT seq, text FROM fact WHERE case_ref = '{NEW}' ORDER BY seq")
    for (seq, _text), (_seq, other) in zip(facts, facts[::-1], strict=True):
        fresh = _with(seq=seq)(other)
        digest, fact = ledger.link(previous, fresh.encode()), parse_fact(fresh)
        execute(
            f"UPDATE fact SET text = {_quoted(fresh)}, hash = '{digest}', prev_hash = '{previous}',"
            f" kind = '{fact.kind}' WHERE case_ref = '{NEW}' AND seq = {seq}"
        )
        previous = digest
    execute(f"UPDATE case_file SET hash = '{previous}' WHERE case_ref = '{NEW}'")


def _mac_of_another_row(execute: Execute) -> None:
    [(mac,)] = execute(f"SELECT mac FROM fact WHERE case_ref = '{OLD}' AND seq = 1")
    _forge(NEW, "draft_plan_received", "draft_plan_received", f"'{mac}'")(execute)


def _to_another(execute: Execute) -> None:
    """Send a letter to another mailbox on paper: its row, its id, its message's id and its notices agree."""
    [(old, message)] = execute(
        "SELECT id, message_id FROM letter WHERE state = 'sent' AND id NOT LIKE 'digest%' LIMIT 1"
    )
    stamp, _digest, *rest = old.split("-")
    new = "-".join((stamp, sha256(MAILBOX.encode()).hexdigest()[:10], *rest))
    values = f"id = '{new}', mailbox = '{MAILBOX}', message_id = '{message.replace(old, new)}'"
    execute(f"UPDATE letter SET {values} WHERE id = '{old}'")
    execute(f"UPDATE notice SET letter = '{new}', {EVIL} WHERE letter = '{old}'")


def _persons_swapped(execute: Execute) -> None:
    """Exchange all that is stored of two persons, and leave their keys."""
    columns = ("sealed", "nhs_index", "alike_index")
    rows = execute(
        f"SELECT child_key, {', '.join(columns)} FROM person WHERE erased_at IS NULL ORDER BY child_key LIMIT 2"
    )
    for column in columns:
        execute(
            f"UPDATE person SET {column} = (SELECT b.{column} FROM person b WHERE b.child_key = CASE person.child_key"
            f" WHEN '{rows[0][0]}' THEN '{rows[1][0]}' ELSE '{rows[0][0]}' END)"
            f" WHERE child_key IN ('{rows[0][0]}', '{rows[1][0]}')"
        )


_ALL_OF_NEW = tuple(
    f"DELETE FROM {table} WHERE case_ref = '{NEW}'" for table in ("fact", "case_file", "duty", "notice")
)
_PENDING = "UPDATE notice SET {} WHERE case_ref = 'NX90001'"
_LETTER = "UPDATE letter SET {} WHERE state = 'sent'"
MORE = (
    Named("03c", "the last fact that no checkpoint covers, with every copy", (_cut_last(NEW),), "mac", NEW, 1),
    Named("06b", "two facts exchanged, with right hashes", (_exchange,), "mac", NEW, 1),
    Named(
        "07b", "a forged last fact with right copies", (_forge(NEW, "waiting_list_stated", "agreed"),), "mac", NEW, 3
    ),
    Named("07d", "a forged plan with right copies", (_forge(NEW, "draft_plan_received", "draft"),), "mac", NEW, 3),
    Named("07e", "a forged fact with the MAC of another", (_mac_of_another_row,), "mac", NEW, 3),
    Named("08a", "the state of notices", (_PENDING.format("state = 'withdrawn'"),), "notice", OLD),
    Named("08b", "the day of notices", (_PENDING.format("due = '2030-01-01'"),), "notice", OLD),
    Named("08c", "the mailbox of a letter", (_LETTER.format(EVIL),), "letter", None),
    Named("08d", "the id of a letter", (_LETTER.format("id = id || 'x'"),), "letter", None),
    Named("08g", "the recipient of notices", (_PENDING.format("recipient = 'manager'"),), "notice", OLD),
    Named("10a", "the newest head", ("UPDATE anchor SET head = 'f0' WHERE before > '2026-04-15'",), "head", None),
    Named(
        "08d2",
        "the mailbox of a letter and of its notices",
        (_LETTER.format(EVIL), f"UPDATE notice SET {EVIL} WHERE letter IS NOT NULL"),
        "letter",
        None,
    ),
    Named("08d3", "the mailbox, the id and the notices of a letter", (_to_another,), "letter", None),
    Named("12b", "a due date with the stamp of no rule set", (STAMP.format("'x'"),), "cache", OLD, 2),
    Named("13b2", "two persons and their numbers swapped", (_persons_swapped,), "person", None),
    Named("14e", "one activation of a rule set", ("DELETE FROM law_held WHERE number = 1",), "ruleset", None),
    Named("14c2", "the instant of an activation", ("UPDATE law_held SET taken_at = '2026-01-01'",), "ruleset", None),
    Named(
        "15a",
        "an instant moved back",
        (_rewrite_last(NEW, _with(recorded_at="2026-04-15T08:00:00.000001Z")),),
        "mac",
        NEW,
        2,
    ),
    Named(
        "15c",
        "an instant of 2031",
        (_rewrite_last(NEW, _with(recorded_at="2031-06-01T09:00:00.000000Z")),),
        "mac",
        NEW,
        2,
    ),
    Named("21", "law and run of a fact", (_rewrite_last(NEW, _with(law="0" * 12, run="other")),), "mac", NEW, 2),
    Named("44", "who acted", (f"UPDATE fact SET acting = 7 WHERE case_ref = '{NEW}' AND seq = 2",), "mac", NEW, 2),
    Named("45", "the account of who acted", ("UPDATE acting SET account = 'sam'",), "acting", None),
    Named("21b", "the actor of a fact", (_rewrite_last(NEW, _with(actor="sam.lee")),), "mac", NEW, 2),
)


def _newest_record(execute: Execute) -> None:
    """Delete the newest record of the change log, with its row."""
    [(number,)] = execute("SELECT max(number) FROM change_log")
    [(subject, key)] = execute(f"SELECT subject, key FROM change_log WHERE number = {number}")
    name = {"case_look": "id", "notice": "key", "finding": "number", "letter": "id", "job_run": "id"}[subject]
    execute(f"DELETE FROM {subject} WHERE {name} = {int(key) if key.isdecimal() else _quoted(key)}")
    execute(f"DELETE FROM change_log WHERE number = {number}")


class Window(NamedTuple):
    """An attack that verification does not name until a checkpoint leaves, and the words of SECURITY.md about it."""

    number: str
    name: str
    deeds: tuple[str | Callable[[Execute], object], ...]
    said: str


WINDOWS = (
    Window(
        "04e",
        "a whole case that no checkpoint covers",
        _ALL_OF_NEW,
        "a case recorded since the last checkpoint of the log (15 minutes)",
    ),
    Window(
        "12b",
        "a due date with the stamp of an earlier rule set",
        (STAMP.format("(SELECT looked_under FROM law_held WHERE number = 1)"),),
        "a duty with the stamp of a rule set that was active before: verification counts it as not compared",
    ),
    Window(
        "43",
        "the newest record of the change log with its row",
        (_newest_record,),
        "the newest records deleted, and their rows put back, before a checkpoint covers them (15 minutes)",
    ),
)
