"""The SQLAlchemy tables that every query uses.

`models.rows` and `models.access_rows` define the same tables as SQLModel classes, with their indexes; a test compares
the two. A command that only reads imports this module and not SQLModel, whose import takes as long as the rest of the
command.
"""

from sqlalchemy import Boolean, Date, Integer, LargeBinary, Table

from models.access_tables import ACCOUNT_CHANGE as ACCOUNT_CHANGE
from models.access_tables import ACCOUNT_FACTOR as ACCOUNT_FACTOR
from models.access_tables import ACCOUNT_IDENTITY as ACCOUNT_IDENTITY
from models.access_tables import ACCOUNT_MAIL as ACCOUNT_MAIL
from models.access_tables import ACCOUNT_MAILBOX as ACCOUNT_MAILBOX
from models.access_tables import ACCOUNT_PASSWORD as ACCOUNT_PASSWORD
from models.access_tables import ATTEMPT as ATTEMPT
from models.access_tables import CALENDAR_ADDRESS as CALENDAR_ADDRESS
from models.access_tables import CASE_LOOK as CASE_LOOK
from models.access_tables import LOGOUT_TOKEN as LOGOUT_TOKEN
from models.access_tables import RECOVERY_CODE as RECOVERY_CODE
from models.access_tables import SAVED_VIEW as SAVED_VIEW
from models.access_tables import SESSION as SESSION
from models.access_tables import SIGN_IN_ATTEMPT as SIGN_IN_ATTEMPT
from models.access_tables import SIGN_IN_LINK as SIGN_IN_LINK
from models.columns import METADATA as METADATA
from models.columns import TEXT_C as TEXT_C
from models.columns import key_column, optional_column, required_column
from models.import_tables import STAGED_IMPORT as STAGED_IMPORT
from models.log_tables import ACTING as ACTING
from models.log_tables import LOG_ACT as LOG_ACT
from models.log_tables import LOG_BLOCK as LOG_BLOCK
from models.log_tables import LOG_CHECKPOINT as LOG_CHECKPOINT
from models.log_tables import LOG_COSIGNATURE as LOG_COSIGNATURE
from models.log_tables import LOG_LEAF as LOG_LEAF
from models.log_tables import LOG_TAIL as LOG_TAIL
from models.log_tables import MAC_KEY as MAC_KEY
from models.program_tables import API_ANSWER as API_ANSWER
from models.program_tables import API_TOKEN as API_TOKEN
from models.program_tables import WEBHOOK as WEBHOOK
from models.program_tables import WEBHOOK_EVENT as WEBHOOK_EVENT
from models.retention_tables import DATA_KEY as DATA_KEY
from models.retention_tables import ERASURE_DECIDED as ERASURE_DECIDED
from models.retention_tables import ERASURE_PROPOSAL as ERASURE_PROPOSAL
from models.retention_tables import RETENTION_HOLD as RETENTION_HOLD
from models.retention_tables import RETENTION_HOLD_ENDED as RETENTION_HOLD_ENDED

# The facts that may name a day to come, in the words of their index: a database uses it for the same condition alone.
NAMES_A_DAY = (
    "kind = 'contact_made' OR kind = 'excuse_decided' OR kind = 'fact_corrected'"
    " OR kind = 'health_professional_invited' OR kind = 'mediation_arranged' OR kind = 'review_arranged'"
    " OR kind = 'review_meeting_arranged'"
)
FACT = Table(
    "fact",
    METADATA,
    key_column("case_ref"),
    key_column("seq", Integer),
    required_column("kind"),
    required_column("occurred_on"),
    required_column("recorded_at"),
    required_column("actor"),
    required_column("text"),
    required_column("prev_hash"),
    required_column("hash"),
    optional_column("mac"),
    optional_column("acting", Integer),
)
CASE = Table(
    "case_file",
    METADATA,
    key_column("case_ref"),
    required_column("process"),
    required_column("state"),
    required_column("seq", Integer),
    required_column("hash"),
    required_column("opened_on", Date),
    optional_column("la"),
    optional_column("la_reference"),
    optional_column("child_key"),
    optional_column("mac"),
)
DUTY = Table(
    "duty",
    METADATA,
    key_column("case_ref"),
    key_column("rule"),
    key_column("opened_seq", Integer),
    optional_column("body"),
    optional_column("service"),
    required_column("started_on", Date),
    optional_column("due", Date),
    optional_column("strict_due", Date),
    optional_column("act_by", Date),
    optional_column("closed_on", Date),
    optional_column("met_on", Date),
    optional_column("excused"),
    optional_column("next_check_on", Date),
    required_column("evaluated_under"),
)
CASE_LINK = Table(
    "case_link",
    METADATA,
    key_column("case_ref"),
    key_column("seq", Integer),
    key_column("role"),
    key_column("to_ref"),
    optional_column("since", Date),
    optional_column("until", Date),
)
NOTICE = Table(
    "notice",
    METADATA,
    key_column("key"),
    required_column("case_ref"),
    required_column("fact_seq", Integer),
    required_column("rule"),
    optional_column("body"),
    optional_column("service"),
    required_column("opened_seq", Integer),
    optional_column("due", Date),
    required_column("rung"),
    required_column("rank", Integer),
    required_column("template"),
    required_column("recipient"),
    optional_column("mailbox"),
    required_column("on", Date),
    required_column("fields"),
    required_column("state"),
    optional_column("letter"),
    required_column("created_at"),
)
LETTER = Table(
    "letter",
    METADATA,
    key_column("id"),
    required_column("mailbox"),
    required_column("on", Date),
    required_column("template"),
    required_column("template_version", Integer),
    required_column("fields"),
    required_column("message_id"),
    required_column("state"),
    required_column("attempts", Integer, default=0),
    optional_column("next_try_at"),
    optional_column("claimed_at"),
    optional_column("claimed_by"),
    optional_column("sent_at"),
    optional_column("why"),
    optional_column("message_digest"),
    optional_column("content_digest"),
)
PERSON = Table(
    "person",
    METADATA,
    key_column("child_key"),
    optional_column("nhs_index"),
    required_column("sealed", LargeBinary),
    optional_column("erased_at"),
    optional_column("alike_index"),
)
ALIAS = Table(
    "alias",
    METADATA,
    key_column("digest"),
    required_column("case_ref"),
)
FREE_TEXT = Table(
    "passage",
    METADATA,
    key_column("id"),
    required_column("case_ref"),
    required_column("sealed", LargeBinary),
    required_column("salt"),
    required_column("digest"),
    optional_column("erased_at"),
)
ACCESS = Table(
    "person_read",
    METADATA,
    key_column("id", Integer),
    required_column("case_ref"),
    required_column("actor"),
    required_column("purpose"),
    required_column("read_at"),
)
CHECKPOINT = Table(
    "anchor",
    METADATA,
    key_column("before"),
    required_column("head"),
    required_column("cases", Integer),
    required_column("facts", Integer),
)
ADOPTION = Table(
    "adoption",
    METADATA,
    key_column("number", Integer),
    required_column("adopted_at"),
    required_column("actor"),
    required_column("pack"),
    required_column("folder"),
    required_column("files"),
    required_column("before"),
    required_column("after"),
    required_column("cases", Integer),
    required_column("moved", Integer),
    required_column("rehearsed", Boolean, default=False),
)
RULESET = Table(
    "law_held",
    METADATA,
    key_column("number", Integer),
    required_column("id"),
    required_column("taken_at"),
    required_column("looked_under"),
    required_column("statute"),
    required_column("almanac"),
    required_column("ladder"),
    required_column("machines"),
    required_column("actor"),
    required_column("via"),
    required_column("machine"),
    required_column("rehearsed", Boolean, default=False),
)
CLOCK_SETTING = Table(
    "clock_setting",
    METADATA,
    key_column("number", Integer),
    required_column("at"),
    required_column("kind"),
    required_column("simulation", Boolean),
    optional_column("day"),
    optional_column("actor"),
    optional_column("reason"),
)
FINDING = Table(
    "finding",
    METADATA,
    key_column("number", Integer),
    required_column("found_at"),
    required_column("found_by"),
    required_column("what"),
    optional_column("case_ref"),
    optional_column("seq", Integer),
    required_column("message"),
    required_column("digest"),
)
FINDING_CLOSED = Table(
    "finding_closed",
    METADATA,
    key_column("number", Integer),
    required_column("closed_at"),
    required_column("actor"),
    required_column("reason"),
    required_column("understood", Boolean),
)
JOB_RUN = Table(
    "job_run",
    METADATA,
    key_column("id", Integer),
    required_column("act"),
    required_column("as_at", Date),
    required_column("finished_at"),
    required_column("outcome"),
    required_column("detail"),
)
IMPORT_FILE = Table(
    "import_file",
    METADATA,
    key_column("id", Integer),
    required_column("digest"),
    required_column("imported_at"),
    required_column("rows", Integer),
    required_column("accepted", Integer),
    required_column("refused", Integer),
    required_column("facts_added", Integer),
)
INCOMING_MAIL = Table(
    "incoming_mail",
    METADATA,
    key_column("id"),
    required_column("place"),
    required_column("digest"),
    required_column("read_at"),
    required_column("size", Integer),
    required_column("state"),
    optional_column("why"),
    required_column("sealed", LargeBinary),
    required_column("summary", LargeBinary),
    optional_column("letter"),
    optional_column("cases"),
    optional_column("settled_at"),
    optional_column("settled_by"),
    optional_column("erased_at"),
)
CHANGE_LOG = Table(
    "change_log",
    METADATA,
    key_column("number", Integer),
    required_column("at"),
    required_column("subject"),
    required_column("key"),
    optional_column("case_ref"),
    optional_column("digest"),
    required_column("prev_hash"),
    required_column("hash"),
    optional_column("mac"),
    optional_column("acting", Integer),
)
CONFIG_HELD = Table(
    "config_held",
    METADATA,
    key_column("number", Integer),
    required_column("at"),
    required_column("kind"),
    required_column("name"),
    required_column("digest"),
    required_column("actor"),
    required_column("via"),
    required_column("machine"),
    required_column("text"),
)
TO_DECIDE = Table(
    "to_decide",
    METADATA,
    key_column("number", Integer),
    required_column("at"),
    required_column("actor"),
    required_column("kind"),
    required_column("key"),
    required_column("detail"),
)
DECIDED = Table(
    "decided",
    METADATA,
    key_column("number", Integer),
    required_column("at"),
    required_column("actor"),
    required_column("how"),
)
CASE_OWNER = Table(
    "case_owner",
    METADATA,
    key_column("number", Integer),
    required_column("at"),
    required_column("actor"),
    required_column("case_ref"),
    required_column("owner"),
)
TRANSPORT_STATE = Table(
    "transport_state",
    METADATA,
    key_column("name"),
    required_column("failures", Integer),
    optional_column("why"),
    optional_column("since"),
    optional_column("until"),
    required_column("minute"),
    required_column("in_minute", Integer),
    required_column("in_day", Integer),
)
RECEIPT = Table(
    "receipt",
    METADATA,
    key_column("letter"),
    required_column("transport"),
    required_column("carrier_id"),
    required_column("template_version", Integer),
    required_column("same_words", Boolean),
    required_column("accepted_at"),
    optional_column("status"),
    optional_column("status_at"),
)
ANSWER_LINK = Table(
    "answer_link",
    METADATA,
    key_column("digest"),
    required_column("scope"),
    required_column("mailbox"),
    required_column("made_for"),
    optional_column("recipient"),
    optional_column("case_ref"),
    optional_column("rule"),
    optional_column("opened_seq", Integer),
    optional_column("body"),
    optional_column("service"),
    required_column("made_at"),
    required_column("expires_at"),
)
ANSWER_GIVEN = Table(
    "answer_given",
    METADATA,
    key_column("id", Integer),
    required_column("link"),
    required_column("case_ref"),
    required_column("rule"),
    required_column("opened_seq", Integer),
    required_column("answer"),
    required_column("facts"),
    required_column("given_at"),
    optional_column("undone_at"),
)
