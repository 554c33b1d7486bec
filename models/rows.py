"""The SQLModel classes of the tables: the schema that the migrations are compared with.

`fact` is the record; `case_file` and `duty` are caches of it; `notice` and `letter` are the outbox. SQLModel rows do
not validate: `models.facts.fact_of` alone builds facts, and folds build the caches. Days are dates (London); instants
are ISO 8601 text in UTC, so that they sort alike on SQLite and PostgreSQL.
"""

from datetime import date

from sqlalchemy import Column, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from models.tables import NAMES_A_DAY

NAMING = text(NAMES_A_DAY)
CLAIMED = text("kind = 'excuse_claimed'")
HAS_REPLIED = text("kind = 'body_replied'")
OF_THE_CHILD = text("kind = 'person_died' OR kind = 'person_flagged_sensitive'")
REFERENCE_GIVEN = text("la_reference IS NOT NULL")


class FactRow(SQLModel, table=True):
    """One fact. `text` is what was accepted; every other column is a copy that verify compares."""

    __tablename__ = "fact"
    __table_args__ = (
        Index("fact_claimed", "case_ref", sqlite_where=CLAIMED, postgresql_where=CLAIMED),
        Index("fact_replied", "case_ref", sqlite_where=HAS_REPLIED, postgresql_where=HAS_REPLIED),
        Index("fact_of_the_child", "case_ref", sqlite_where=OF_THE_CHILD, postgresql_where=OF_THE_CHILD),
        Index("fact_names_a_day", "case_ref", sqlite_where=NAMING, postgresql_where=NAMING),
    )
    case_ref: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    kind: str
    occurred_on: str
    recorded_at: str = Field(index=True)
    actor: str
    text: str
    prev_hash: str
    hash: str
    mac: str | None = None
    acting: int | None = None


class CaseRow(SQLModel, table=True):
    """A case as its facts leave it: a cache, worked out again by verify."""

    __tablename__ = "case_file"
    __table_args__ = (
        Index(
            "case_file_la_reference",
            text("replace(la_reference, '-', '')"),
            sqlite_where=REFERENCE_GIVEN,
            postgresql_where=REFERENCE_GIVEN,
        ),
        Index("case_file_process", "process"),
    )
    case_ref: str = Field(primary_key=True)
    process: str
    state: str
    seq: int
    hash: str
    opened_on: date
    la: str | None = None
    la_reference: str | None = None
    child_key: str | None = Field(default=None, index=True)
    mac: str | None = None


class DutyRow(SQLModel, table=True):
    """One duty of one case: a cache. `next_check_on` is the first day on which the escalation
    policy has something new; `evaluated_under` is the digest of the rule set that calculated the row.
    """

    __tablename__ = "duty"
    __table_args__ = (
        Index(
            "duty_next_check",
            "next_check_on",
            sqlite_where=text("next_check_on IS NOT NULL"),
            postgresql_where=text("next_check_on IS NOT NULL"),
        ),
        Index("duty_open", "due", sqlite_where=text("closed_on IS NULL"), postgresql_where=text("closed_on IS NULL")),
        Index("duty_evaluated_under", "evaluated_under"),
    )
    case_ref: str = Field(primary_key=True)
    rule: str = Field(primary_key=True)
    opened_seq: int = Field(primary_key=True)
    body: str | None = None
    service: str | None = None
    started_on: date
    due: date | None = None
    strict_due: date | None = None
    act_by: date | None = None
    closed_on: date | None = None
    met_on: date | None = None
    excused: str | None = None
    next_check_on: date | None = None
    evaluated_under: str


class CaseLinkRow(SQLModel, table=True):
    """A link that a fact of one case has ever made to another: a cache. `since` is None if it is not in force."""

    __tablename__ = "case_link"
    case_ref: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    role: str = Field(primary_key=True)
    to_ref: str = Field(primary_key=True, index=True)
    since: date | None = None
    until: date | None = None


class NoticeRow(SQLModel, table=True):
    """One thing to send to one recipient about one duty, inserted in the transaction of the fact that requires it."""

    __tablename__ = "notice"
    __table_args__ = (Index("notice_state", "state"),)
    key: str = Field(primary_key=True)
    case_ref: str = Field(index=True)
    fact_seq: int
    rule: str
    body: str | None = None
    service: str | None = None
    opened_seq: int
    due: date | None = None
    rung: str
    rank: int
    template: str
    recipient: str
    mailbox: str | None = None
    on: date
    fields: str
    state: str
    letter: str | None = Field(default=None, index=True)
    created_at: str


class LetterRow(SQLModel, table=True):
    """One message to one mailbox on one day. `fields` and the templates' versions give its exact text years later.

    `claimed_by` says which run is sending it (host, process, start and run), so that a dead sender's letter is known as
    such.
    """

    __tablename__ = "letter"
    __table_args__ = (
        Index("letter_state", "state", "on", "id"),
        Index("letter_on", "on", "id"),
        Index("letter_mailbox", "mailbox", "on"),
    )
    id: str = Field(primary_key=True)
    mailbox: str
    on: date
    template: str
    template_version: int
    fields: str
    message_id: str
    state: str
    attempts: int = 0
    next_try_at: str | None = None
    claimed_at: str | None = None
    claimed_by: str | None = None
    sent_at: str | None = None
    why: str | None = None
    message_digest: str | None = None
    content_digest: str | None = None


class PersonRow(SQLModel, table=True):
    """The child of a case, encrypted with person.key and erased when retention ends. No other row names a child."""

    __tablename__ = "person"
    child_key: str = Field(primary_key=True)
    nhs_index: str | None = Field(default=None, index=True)
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    erased_at: str | None = None
    alike_index: str | None = Field(default=None, index=True)


class AliasRow(SQLModel, table=True):
    """A team's reference that has not the form of a reference, as a keyed digest, and the case that it denotes."""

    __tablename__ = "alias"
    digest: str = Field(primary_key=True)
    case_ref: str


class FreeTextRow(SQLModel, table=True):
    """Free text, encrypted with person.key. The fact has its id and a salted digest."""

    __tablename__ = "passage"
    id: str = Field(primary_key=True)
    case_ref: str = Field(index=True)
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    salt: str
    digest: str
    erased_at: str | None = None


class AccessRow(SQLModel, table=True):
    """The access log, append-only: who read a child's identity, when and for what purpose."""

    __tablename__ = "person_read"
    id: int | None = Field(default=None, primary_key=True)
    case_ref: str = Field(index=True)
    actor: str
    purpose: str
    read_at: str


class CheckpointRow(SQLModel, table=True):
    """The head of the ledger at an instant. The daily digest e-mails it to the DCO."""

    __tablename__ = "anchor"
    before: str = Field(primary_key=True)
    head: str
    cases: int
    facts: int


class AdoptionRow(SQLModel, table=True):
    """One adoption of a rule pack, append-only: who, when, and how many due dates changed.

    `before` and `after` are the digests of the rule sets. `folder` holds the adopted files under SENDFLOW_HOME/law,
    `files` their SHA-256 by name, `pack` the digest of the rule pack.
    """

    __tablename__ = "adoption"
    number: int = Field(primary_key=True)
    adopted_at: str
    actor: str
    pack: str
    folder: str
    files: str
    before: str
    after: str
    cases: int
    moved: int
    rehearsed: bool = False


class RulesetRow(SQLModel, table=True):
    """One rule set that became the active one, append-only: when, by whom and on which machine. The newest is active.

    `looked_under` is the digest of the four parts in the columns after it. `id` is random, so that two rows with one
    number differ.
    """

    __tablename__ = "law_held"
    number: int = Field(primary_key=True)
    id: str
    taken_at: str
    looked_under: str
    statute: str
    almanac: str
    ladder: str
    machines: str
    actor: str
    via: str
    machine: str
    rehearsed: bool = False


class ClockSettingRow(SQLModel, table=True):
    """How the installation reads the time. Only ever added to; the newest row is in force.

    `kind` is `made` (the first row), `simulated_day` (the simulation's day is now `day`) or `confirmed` (`actor` says
    that the real clock is right). `simulation` is the same in every row. `at` is an instant of the real clock.
    """

    __tablename__ = "clock_setting"
    number: int = Field(primary_key=True)
    at: str
    kind: str
    simulation: bool
    day: str | None = None
    actor: str | None = None
    reason: str | None = None


class FindingRow(SQLModel, table=True):
    """Something that verification found altered or missing. Only ever added to; open until a row of `finding_closed`.

    `found_by` is `verify`, `start` or `digest`. `digest` is the same for the same finding. Nothing names a person.
    """

    __tablename__ = "finding"
    number: int = Field(primary_key=True)
    found_at: str
    found_by: str
    what: str
    case_ref: str | None = None
    seq: int | None = None
    message: str
    digest: str = Field(index=True)


class FindingClosedRow(SQLModel, table=True):
    """The closure of a finding by a named person, with a reason. Only ever added to.

    `understood`: the difference stays, and is no finding again. Otherwise it is one again while it is true.
    """

    __tablename__ = "finding_closed"
    number: int = Field(primary_key=True)
    closed_at: str
    actor: str
    reason: str
    understood: bool


class IncomingMailRow(SQLModel, table=True):
    """One mail that came in, encrypted with person.key, whole (`sealed`) and as a person reads it (`summary`).

    `place` is the mailbox, its UIDVALIDITY and the UID; `id` is its digest, so that no place is stored twice. `digest`
    is that of the mail, without what servers add on its way.
    `cases` are references between slashes, as in /NX00042/.
    """

    __tablename__ = "incoming_mail"
    id: str = Field(primary_key=True)
    place: str
    digest: str = Field(index=True)
    read_at: str
    size: int
    state: str = Field(index=True)
    why: str | None = None
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    summary: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    letter: str | None = None
    cases: str | None = None
    settled_at: str | None = None
    settled_by: str | None = None
    erased_at: str | None = None


class JobRunRow(SQLModel, table=True):
    """One finished (or failed) act of the engine: a day without a finished sweep alerts."""

    __tablename__ = "job_run"
    id: int | None = Field(default=None, primary_key=True)
    act: str = Field(index=True)
    as_at: date
    finished_at: str
    outcome: str
    detail: str


class ImportRow(SQLModel, table=True):
    """A file that was imported, by its digest: never its name, which may hold a child's."""

    __tablename__ = "import_file"
    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(index=True)
    imported_at: str
    rows: int
    accepted: int
    refused: int
    facts_added: int


class ChangeLogRow(SQLModel, table=True):
    """One change of a row outside the facts; `digest` is empty where it was deleted. Only ever added to."""

    __tablename__ = "change_log"
    __table_args__ = (Index("change_log_key", "subject", "key"),)
    number: int = Field(primary_key=True)
    at: str
    subject: str
    key: str
    case_ref: str | None = None
    digest: str | None = None
    prev_hash: str
    hash: str
    mac: str | None = None
    acting: int | None = None


class ConfigHeldRow(SQLModel, table=True):
    """The text of a directory, a law or a rule pack's declaration that came to be used. Only ever added to."""

    __tablename__ = "config_held"
    __table_args__ = (Index("config_held_kind", "kind", "name"),)
    number: int = Field(primary_key=True)
    at: str
    kind: str
    name: str
    digest: str
    actor: str
    via: str
    machine: str
    text: str


class TransportStateRow(SQLModel, table=True):
    """What every deliverer shares about one mail transport: failures in a row, until when it is left alone, and how
    many letters left in the present minute and day (UTC).
    """

    __tablename__ = "transport_state"
    name: str = Field(primary_key=True)
    failures: int
    why: str | None = None
    since: str | None = None
    until: str | None = None
    minute: str
    in_minute: int
    in_day: int


class ReceiptRow(SQLModel, table=True):
    """What a mail transport that reports later gave for a letter, and what it reported. It ends no chasing."""

    __tablename__ = "receipt"
    letter: str = Field(primary_key=True)
    transport: str
    carrier_id: str
    template_version: int
    same_words: bool
    accepted_at: str = Field(index=True)
    status: str | None = None
    status_at: str | None = None


class CalendarAddressRow(SQLModel, table=True):
    """The address of the team's calendar or of a body's; its token has the number, so that a new one ends the old."""

    __tablename__ = "calendar_address"
    name: str = Field(primary_key=True)
    number: int
    changed_at: str
    changed_by: str
    ended_at: str | None = None
