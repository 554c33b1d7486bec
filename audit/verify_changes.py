"""Verify what no fact gives: the change log's own chain, and each row that it covers beside its newest record.

Rows and records are read side by side in order of key, so memory is that of one row. Each record is hashed where it is
met; the database itself compares each with the one before it. A digest says that a row differs, not in which column;
verify_notices and verify_letters name columns where facts give them. No message contains a mailbox or a value.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection

from casework.context import AppContext
from casework.rules.config_held import DIRECTORY, LADDER
from casework.rules.ruleset_guard import active_ruleset
from casework.rules.shared_files import FILES, held, unrecorded
from models.bulk_io import Row, mark, stream
from models.change_log import COVERED, Coverage, link, row_digest, row_key
from models.facts import GENESIS
from models.mac_keys import RECORD_WITHOUT, Demanded

Report = Callable[[str | None, str, str], None]  # case, what, message
WHAT = {
    "notice": "notice",
    "letter": "letter",
    "person": "person",
    "passage": "free_text",
    "alias": "alias",
    "person_read": "access",
    "anchor": "head",
    "adoption": "ruleset",
    "law_held": "ruleset",
    "clock_setting": "clock",
    "job_run": "job",
    "incoming_mail": "mail",
    "import_file": "import",
    "config_held": "config",
    "finding": "finding",
    "finding_closed": "finding",
    "account_change": "access",
    "account_identity": "access",
    "account_password": "access",
    "case_look": "access",
    "account_mailbox": "access",
    "account_factor": "access",
    "recovery_code": "access",
    "to_decide": "to_decide",
    "decided": "to_decide",
    "case_owner": "owner",
    "receipt": "letter",
    "log_act": "log",
    "mac_key": "mac",
    "acting": "acting",
    "calendar_address": "access",
    "retention_hold": "retention",
    "retention_hold_ended": "retention",
    "erasure_proposal": "retention",
    "erasure_decided": "retention",
    "api_token": "access",
    "webhook": "access",
    "case_file": "child",
}
NAMES = {
    "case_file": "the child of a case",
    "passage": "the free text",
    "person_read": "the entry of the access log",
    "anchor": "the head before",
    "law_held": "the activation of rule set",
    "adoption": "the adoption",
    "alias": "the reference",
    "incoming_mail": "the mail",
    "finding_closed": "the closure of finding",
    "account_change": "the change of a role number",
    "account_identity": "the identity of an account, number",
    "account_password": "the password of account",
    "case_look": "the look at a case number",
    "account_mailbox": "the mailbox of account",
    "to_decide": "what waits for a person, number",
    "decided": "the answer to number",
    "case_owner": "the owner of a case, number",
    "account_factor": "the second factor of account",
    "recovery_code": "the recovery code",
    "receipt": "the receipt of letter",
    "acting": "who acted, number",
    "mac_key": "the key of the MACs number",
    "log_act": "the act on the transparency log number",
    "calendar_address": "the address of the calendar",
    "retention_hold": "the hold number",
    "retention_hold_ended": "the end of hold number",
    "erasure_proposal": "the proposal of an erasure number",
    "erasure_decided": "the decision on erasure number",
    "api_token": "the token of a program",
    "webhook": "the webhook",
}
_RECORDS = """
    SELECT key, number, at, case_ref, digest, prev_hash, hash, mac, acting FROM change_log
    WHERE subject = {mark} {where} ORDER BY key, number
"""
_OTHER_FILE = (
    "{file} is not the one that was last used, recorded on {at}. If your team changed it, the next job that writes"
    " records the change, and this finding ends. If not, restore {file} from the backup"
)
_BREAKS = """
    SELECT later.number FROM change_log later LEFT JOIN change_log earlier ON earlier.number = later.number - 1
    WHERE later.prev_hash <> coalesce(earlier.hash, CASE WHEN later.number = 1 THEN '{genesis}' ELSE '' END)
       OR later.at < coalesce(earlier.at, '')
    ORDER BY later.number LIMIT 20
"""


class Newest(NamedTuple):
    """The newest record of one row."""

    key: str
    number: int
    at: str
    case_ref: str | None
    digest: str | None


def check_changes(connection: Connection, case: str | None, report: Report) -> None:
    """Report each row that is not as it was recorded, recorded nowhere, or gone; and each break of the log's chain.

    With `case`, only what names the case.
    """
    if case is None:
        for (number,) in list(stream(connection, _BREAKS.format(genesis=GENESIS))):
            message = f"record {number} of the change log does not follow the one before it: one is altered or missing"
            report(None, "change_log", message)
    for subject, coverage in COVERED.items():
        if case is None or coverage.case is not None:
            _check_table(connection, subject, coverage, case, report)


def check_config(context: AppContext, connection: Connection, report: Report) -> None:
    """Report a directory or an escalation policy of the installation's own that is not the one last used."""
    recorded = held(connection)
    own = {**context.ruleset_guard.own_texts, DIRECTORY: context.directory.text}
    for kind in unrecorded(recorded, own):
        if kind != LADDER:  # of which the rule set says more
            report(None, "config", _OTHER_FILE.format(file=FILES[kind], at=recorded[kind][-1].at))
    active = active_ruleset(connection)
    policy = context.ruleset_guard.part_digests["ladder"]
    if active is not None and active.ladder != policy and context.own_file("ladder.toml") is not None:
        report(None, "config", _OTHER_FILE.format(file="ladder.toml", at=active.taken_at))


def _check_table(connection: Connection, subject: str, coverage: Coverage, case: str | None, report: Report) -> None:
    what, named = WHAT[subject], NAMES.get(subject, f"the {subject.replace('_', ' ')}")

    def found(ref: str | None, key: str, message: str) -> None:
        report(ref, what, f"{named} {_shown(key)} {message}")

    newest = _newest(connection, subject, coverage, case, report)
    record = next(newest, None)
    for row in _rows(connection, coverage, case):
        key = row_key(row[coverage.key])
        while record is not None and record.key < key:
            _check_missing(record, coverage, found)
            record = next(newest, None)
        ref = row[coverage.case] if coverage.case is not None else None
        if record is None or record.key != key:
            found(ref, key, "is in no record of the change log: it was not written by sendflow")
            continue
        if record.digest != row_digest(coverage, row):
            found(ref or record.case_ref, key, f"is not as record {record.number} of the change log has it")
        record = next(newest, None)
    while record is not None:
        _check_missing(record, coverage, found)
        record = next(newest, None)


def _check_missing(record: Newest, coverage: Coverage, found: Callable[[str | None, str, str], None]) -> None:
    """Report a recorded row that is gone. A case without a child has a row, which is not among those that were read."""
    nothing = row_digest(coverage, (record.key, None)) if coverage.table.name == "case_file" else None
    if record.digest not in (None, nothing):
        found(record.case_ref, record.key, f"is gone: record {record.number} of the change log has it")


def _newest(
    connection: Connection, subject: str, coverage: Coverage, case: str | None, report: Report
) -> Iterator[Newest]:
    """The newest record of each row of a table, in order of key. Reports each record that is altered."""
    sign = mark(connection)
    where = "" if case is None else f"AND case_ref = {sign}"
    statement = _RECORDS.format(mark=sign, where=where)
    given: tuple[Any, ...] = (subject,) if case is None else (subject, case)
    # Of all cases, they are compared beside the leaves of the log.
    demanded = Demanded.read(connection) if case is not None else None
    last: tuple[Any, ...] | None = None
    for row in stream(connection, statement, given):
        key, number, at, case_ref, digest, prev_hash, hash_, mac, by = row
        if link(prev_hash, (number, at, subject, key, case_ref, digest)) != hash_:
            report(case_ref, "change_log", f"record {number} of the change log is not what was hashed")
        if demanded is not None and demanded.checked and not demanded.accepts_record(number, hash_, mac, by):
            report(case_ref, "mac", RECORD_WITHOUT.format(number=number))
        if last is not None and last[0] != key:
            yield Newest(*last[:5])
        last = row
    if last is not None:
        yield Newest(*last[:5])


def _rows(connection: Connection, coverage: Coverage, case: str | None) -> Iterator[Row]:
    columns = ", ".join(f'"{name}"' for name in coverage.columns)
    key = coverage.columns[coverage.key]
    conditions = ["child_key IS NOT NULL"] if coverage.table.name == "case_file" else []
    if case is not None:
        conditions.append(f"case_ref = {mark(connection)}")
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    statement = f'SELECT {columns} FROM {coverage.table.name} {where} ORDER BY "{key}"'  # noqa: S608
    return stream(connection, statement, () if case is None else (case,))


def _shown(key: str) -> str:
    """A key for a person. Digests and random ids are cut; a notice's key names its step."""
    if len(key) == 12 and key.isdigit():
        return str(int(key))
    return key if len(key) < 40 or "/" in key else f"{key[:12]}…"
