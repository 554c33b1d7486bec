"""The tables of accounts, of their ways in and of what they looked at. `models.tables` has them too."""

from sqlalchemy import Integer, LargeBinary, Table

from models.columns import METADATA, key_column, optional_column, required_column

SIGN_IN_LINK = Table(
    "sign_in_link",
    METADATA,
    key_column("digest"),
    required_column("account"),
    required_column("created_at"),
    required_column("expires_at"),
    optional_column("used_at"),
)
SESSION = Table(
    "session",
    METADATA,
    key_column("digest"),
    required_column("account"),
    required_column("created_at"),
    required_column("seen_at"),
    required_column("expires_at"),
    optional_column("ended_at"),
    optional_column("awaits"),
    optional_column("provider_session"),
)
ACCOUNT_CHANGE = Table(
    "account_change",
    METADATA,
    key_column("number", Integer),
    required_column("at"),
    required_column("actor"),
    required_column("account"),
    required_column("role"),
    required_column("scope"),
)
ACCOUNT_IDENTITY = Table(
    "account_identity",
    METADATA,
    key_column("number", Integer),
    required_column("at"),
    required_column("actor"),
    required_column("account"),
    required_column("issuer"),
    required_column("subject"),
)
SIGN_IN_ATTEMPT = Table(
    "sign_in_attempt",
    METADATA,
    key_column("digest"),
    required_column("created_at"),
    required_column("expires_at"),
    optional_column("link"),
    optional_column("used_at"),
)
LOGOUT_TOKEN = Table(
    "logout_token",
    METADATA,
    key_column("digest"),
    required_column("expires_at"),
)
ACCOUNT_PASSWORD = Table(
    "account_password",
    METADATA,
    key_column("account"),
    required_column("digest"),
    required_column("changed_at"),
    required_column("failures", Integer),
    optional_column("locked_until"),
)
CASE_LOOK = Table(
    "case_look",
    METADATA,
    key_column("id", Integer),
    required_column("case_ref"),
    required_column("actor"),
    required_column("what"),
    required_column("at"),
)
ACCOUNT_MAILBOX = Table(
    "account_mailbox",
    METADATA,
    key_column("account"),
    required_column("mailbox"),
    required_column("changed_at"),
    required_column("changed_by"),
)
ACCOUNT_MAIL = Table(
    "account_mail",
    METADATA,
    key_column("id", Integer),
    required_column("account"),
    required_column("kind"),
    required_column("asked_at"),
    required_column("asked_by"),
    required_column("tries", Integer),
    optional_column("claimed_at"),
    optional_column("done_at"),
    optional_column("outcome"),
)
ACCOUNT_FACTOR = Table(
    "account_factor",
    METADATA,
    key_column("account"),
    required_column("sealed", LargeBinary),
    optional_column("confirmed_at"),
    required_column("changed_at"),
    required_column("changed_by"),
    required_column("last_step", Integer),
)
RECOVERY_CODE = Table(
    "recovery_code",
    METADATA,
    key_column("digest"),
    required_column("account"),
    required_column("made_at"),
    optional_column("used_at"),
)
ATTEMPT = Table(
    "attempt",
    METADATA,
    key_column("subject"),
    required_column("count", Integer),
    required_column("since"),
    optional_column("until"),
)
SAVED_VIEW = Table(
    "saved_view",
    METADATA,
    key_column("id"),
    required_column("account"),
    required_column("name"),
    required_column("query"),
    required_column("at"),
)
CALENDAR_ADDRESS = Table(
    "calendar_address",
    METADATA,
    key_column("name"),
    required_column("number", Integer),
    required_column("changed_at"),
    required_column("changed_by"),
    optional_column("ended_at"),
)
