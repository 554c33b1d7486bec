"""The SQLAlchemy tables that every query uses.

`models.rows` and `models.access_rows` define the same tables as SQLModel classes, with their indexes; a test compares
the two. A command that only reads imports this module and not SQLModel, whose import takes as long as the rest of the
command.
"""

from typing import Any

from sqlalchemy import Boolean, Column, Date, Integer, LargeBinary, MetaData, String, Table

METADATA = MetaData()
# The facts that may name a day to come, in the words of their index: a database uses it for the same condition alone.
NAMES_A_DAY = (
    "kind = 'contact_made' OR kind = 'excuse_decided' OR kind = 'fact_corrected'"
    " OR kind = 'health_professional_invited' OR kind = 'mediation_arranged' OR kind = 'review_arranged'"
    " OR kind = 'review_meeting_arranged'"
)
# Both databases sort text by its bytes, in every locale of a PostgreSQL server: chains, heads and locks depend on that
# order.
TEXT_C = String().with_variant(String(collation="C"), "postgresql")


def _key(name: str, kind: Any = TEXT_C) -> Column[Any]:
    """Return a column of the primary key."""
    return Column(name, kind, key=name, primary_key=True)


def _required(name: str, kind: Any = TEXT_C, default: Any = None) -> Column[Any]:
    """Return a column that always has a value."""
    return Column(name, kind, key=name, nullable=False, default=default)


def _optional(name: str, kind: Any = TEXT_C) -> Column[Any]:
    """Return a column that may be empty."""
    return Column(name, kind, key=name, nullable=True)


FACT = Table(
    "fact",
    METADATA,
    _key("case_ref"),
    _key("seq", Integer),
    _required("kind"),
    _required("occurred_on"),
    _required("recorded_at"),
    _required("actor"),
    _required("text"),
    _required("prev_hash"),
    _required("hash"),
)
CASE = Table(
    "case_file",
    METADATA,
    _key("case_ref"),
    _required("process"),
    _required("state"),
    _required("seq", Integer),
    _required("hash"),
    _required("opened_on", Date),
    _optional("la"),
    _optional("la_reference"),
    _optional("child_key"),
)
DUTY = Table(
    "duty",
    METADATA,
    _key("case_ref"),
    _key("rule"),
    _key("opened_seq", Integer),
    _optional("body"),
    _optional("service"),
    _required("started_on", Date),
    _optional("due", Date),
    _optional("strict_due", Date),
    _optional("act_by", Date),
    _optional("closed_on", Date),
    _optional("met_on", Date),
    _optional("excused"),
    _optional("next_check_on", Date),
    _required("evaluated_under"),
)
NOTICE = Table(
    "notice",
    METADATA,
    _key("key"),
    _required("case_ref"),
    _required("fact_seq", Integer),
    _required("rule"),
    _optional("body"),
    _optional("service"),
    _required("opened_seq", Integer),
    _optional("due", Date),
    _required("rung"),
    _required("rank", Integer),
    _required("template"),
    _required("recipient"),
    _optional("mailbox"),
    _required("on", Date),
    _required("fields"),
    _required("state"),
    _optional("letter"),
    _required("created_at"),
)
LETTER = Table(
    "letter",
    METADATA,
    _key("id"),
    _required("mailbox"),
    _required("on", Date),
    _required("template"),
    _required("template_version", Integer),
    _required("fields"),
    _required("message_id"),
    _required("state"),
    _required("attempts", Integer, default=0),
    _optional("next_try_at"),
    _optional("claimed_at"),
    _optional("claimed_by"),
    _optional("sent_at"),
    _optional("why"),
    _optional("message_digest"),
    _optional("content_digest"),
)
PERSON = Table(
    "person",
    METADATA,
    _key("child_key"),
    _optional("nhs_index"),
    _required("sealed", LargeBinary),
    _optional("erased_at"),
)
ALIAS = Table(
    "alias",
    METADATA,
    _key("digest"),
    _required("case_ref"),
)
FREE_TEXT = Table(
    "passage",
    METADATA,
    _key("id"),
    _required("case_ref"),
    _required("sealed", LargeBinary),
    _required("salt"),
    _required("digest"),
    _optional("erased_at"),
)
ACCESS = Table(
    "person_read",
    METADATA,
    _key("id", Integer),
    _required("case_ref"),
    _required("actor"),
    _required("purpose"),
    _required("read_at"),
)
CHECKPOINT = Table(
    "anchor",
    METADATA,
    _key("before"),
    _required("head"),
    _required("cases", Integer),
    _required("facts", Integer),
)
ADOPTION = Table(
    "adoption",
    METADATA,
    _key("number", Integer),
    _required("adopted_at"),
    _required("actor"),
    _required("pack"),
    _required("folder"),
    _required("files"),
    _required("before"),
    _required("after"),
    _required("cases", Integer),
    _required("moved", Integer),
    _required("rehearsed", Boolean, default=False),
)
RULESET = Table(
    "law_held",
    METADATA,
    _key("number", Integer),
    _required("id"),
    _required("taken_at"),
    _required("looked_under"),
    _required("statute"),
    _required("almanac"),
    _required("ladder"),
    _required("machines"),
    _required("actor"),
    _required("via"),
    _required("machine"),
    _required("rehearsed", Boolean, default=False),
)
CLOCK_SETTING = Table(
    "clock_setting",
    METADATA,
    _key("number", Integer),
    _required("at"),
    _required("kind"),
    _required("simulation", Boolean),
    _optional("day"),
    _optional("actor"),
    _optional("reason"),
)
FINDING = Table(
    "finding",
    METADATA,
    _key("number", Integer),
    _required("found_at"),
    _required("found_by"),
    _required("what"),
    _optional("case_ref"),
    _optional("seq", Integer),
    _required("message"),
    _required("digest"),
)
FINDING_CLOSED = Table(
    "finding_closed",
    METADATA,
    _key("number", Integer),
    _required("closed_at"),
    _required("actor"),
    _required("reason"),
    _required("understood", Boolean),
)
JOB_RUN = Table(
    "job_run",
    METADATA,
    _key("id", Integer),
    _required("act"),
    _required("as_at", Date),
    _required("finished_at"),
    _required("outcome"),
    _required("detail"),
)
IMPORT_FILE = Table(
    "import_file",
    METADATA,
    _key("id", Integer),
    _required("digest"),
    _required("imported_at"),
    _required("rows", Integer),
    _required("accepted", Integer),
    _required("refused", Integer),
    _required("facts_added", Integer),
)
INCOMING_MAIL = Table(
    "incoming_mail",
    METADATA,
    _key("id"),
    _required("place"),
    _required("digest"),
    _required("read_at"),
    _required("size", Integer),
    _required("state"),
    _optional("why"),
    _required("sealed", LargeBinary),
    _required("summary", LargeBinary),
    _optional("letter"),
    _optional("cases"),
    _optional("settled_at"),
    _optional("settled_by"),
    _optional("erased_at"),
)
SIGN_IN_LINK = Table(
    "sign_in_link",
    METADATA,
    _key("digest"),
    _required("account"),
    _required("created_at"),
    _required("expires_at"),
    _optional("used_at"),
)
SESSION = Table(
    "session",
    METADATA,
    _key("digest"),
    _required("account"),
    _required("created_at"),
    _required("seen_at"),
    _required("expires_at"),
    _optional("ended_at"),
    _optional("awaits"),
)
CHANGE_LOG = Table(
    "change_log",
    METADATA,
    _key("number", Integer),
    _required("at"),
    _required("subject"),
    _required("key"),
    _optional("case_ref"),
    _optional("digest"),
    _required("prev_hash"),
    _required("hash"),
)
CONFIG_HELD = Table(
    "config_held",
    METADATA,
    _key("number", Integer),
    _required("at"),
    _required("kind"),
    _required("name"),
    _required("digest"),
    _required("actor"),
    _required("via"),
    _required("machine"),
    _required("text"),
)
ACCOUNT_CHANGE = Table(
    "account_change",
    METADATA,
    _key("number", Integer),
    _required("at"),
    _required("actor"),
    _required("account"),
    _required("role"),
    _required("scope"),
)
ACCOUNT_PASSWORD = Table(
    "account_password",
    METADATA,
    _key("account"),
    _required("digest"),
    _required("changed_at"),
    _required("failures", Integer),
    _optional("locked_until"),
)
CASE_LOOK = Table(
    "case_look",
    METADATA,
    _key("id", Integer),
    _required("case_ref"),
    _required("actor"),
    _required("what"),
    _required("at"),
)
ACCOUNT_MAILBOX = Table(
    "account_mailbox",
    METADATA,
    _key("account"),
    _required("mailbox"),
    _required("changed_at"),
    _required("changed_by"),
)
ACCOUNT_MAIL = Table(
    "account_mail",
    METADATA,
    _key("id", Integer),
    _required("account"),
    _required("kind"),
    _required("asked_at"),
    _required("asked_by"),
    _required("tries", Integer),
    _optional("claimed_at"),
    _optional("done_at"),
    _optional("outcome"),
)
ACCOUNT_FACTOR = Table(
    "account_factor",
    METADATA,
    _key("account"),
    _required("sealed", LargeBinary),
    _optional("confirmed_at"),
    _required("changed_at"),
    _required("changed_by"),
    _required("last_step", Integer),
)
RECOVERY_CODE = Table(
    "recovery_code",
    METADATA,
    _key("digest"),
    _required("account"),
    _required("made_at"),
    _optional("used_at"),
)
ATTEMPT = Table(
    "attempt",
    METADATA,
    _key("subject"),
    _required("count", Integer),
    _required("since"),
    _optional("until"),
)
TO_DECIDE = Table(
    "to_decide",
    METADATA,
    _key("number", Integer),
    _required("at"),
    _required("actor"),
    _required("kind"),
    _required("key"),
    _required("detail"),
)
DECIDED = Table(
    "decided",
    METADATA,
    _key("number", Integer),
    _required("at"),
    _required("actor"),
    _required("how"),
)
CASE_OWNER = Table(
    "case_owner",
    METADATA,
    _key("number", Integer),
    _required("at"),
    _required("actor"),
    _required("case_ref"),
    _required("owner"),
)
TRANSPORT_STATE = Table(
    "transport_state",
    METADATA,
    _key("name"),
    _required("failures", Integer),
    _optional("why"),
    _optional("since"),
    _optional("until"),
    _required("minute"),
    _required("in_minute", Integer),
    _required("in_day", Integer),
)
RECEIPT = Table(
    "receipt",
    METADATA,
    _key("letter"),
    _required("transport"),
    _required("carrier_id"),
    _required("template_version", Integer),
    _required("same_words", Boolean),
    _required("accepted_at"),
    _optional("status"),
    _optional("status_at"),
)
ANSWER_LINK = Table(
    "answer_link",
    METADATA,
    _key("digest"),
    _required("scope"),
    _required("mailbox"),
    _required("made_for"),
    _optional("recipient"),
    _optional("case_ref"),
    _optional("rule"),
    _optional("opened_seq", Integer),
    _optional("body"),
    _optional("service"),
    _required("made_at"),
    _required("expires_at"),
)
ANSWER_GIVEN = Table(
    "answer_given",
    METADATA,
    _key("id", Integer),
    _required("link"),
    _required("case_ref"),
    _required("rule"),
    _required("opened_seq", Integer),
    _required("answer"),
    _required("facts"),
    _required("given_at"),
    _optional("undone_at"),
)
