"""The tables of accounts, their ways in, what they looked at, and of links that answer letters, as SQLModel classes."""

from sqlalchemy import Index, String, text
from sqlmodel import AutoString, Field, SQLModel

import models.import_rows
import models.log_rows
import models.program_rows
import models.retention_rows  # noqa: F401 (as above)
from models.rows import FactRow
from models.tables import TEXT_C

EXPORTS = text("what = 'export'")
ALL_ROWS = FactRow.metadata  # these tables, and those of models.rows and models.log_rows


class SignInLinkRow(SQLModel, table=True):
    """A one-time link by which a person signs in, by the digest of its token."""

    __tablename__ = "sign_in_link"
    digest: str = Field(primary_key=True)
    account: str = Field(index=True)
    created_at: str
    expires_at: str
    used_at: str | None = None


class SessionRow(SQLModel, table=True):
    """A session of a person who signed in, by the digest of its cookie's secret."""

    __tablename__ = "session"
    digest: str = Field(primary_key=True)
    account: str = Field(index=True)
    created_at: str
    seen_at: str
    expires_at: str
    ended_at: str | None = None
    awaits: str | None = None
    provider_session: str | None = None


class AccountChangeRow(SQLModel, table=True):
    """A role given to an account, or taken from it (an empty role). Only ever added to: the newest one holds."""

    __tablename__ = "account_change"
    number: int = Field(primary_key=True)
    at: str
    actor: str
    account: str = Field(index=True)
    role: str
    scope: str


class AccountIdentityRow(SQLModel, table=True):
    """Who an account is at the identity provider, or that it is nobody there (an empty subject). Only ever added to."""

    __tablename__ = "account_identity"
    number: int = Field(primary_key=True)
    at: str
    actor: str
    account: str = Field(index=True)
    issuer: str
    subject: str = Field(index=True)


class SignInAttemptRow(SQLModel, table=True):
    """A sign-in that began here and goes on at the identity provider, by the digest of its cookie's secret."""

    __tablename__ = "sign_in_attempt"
    digest: str = Field(primary_key=True)
    created_at: str
    expires_at: str
    link: str | None = None
    used_at: str | None = None


class LogoutTokenRow(SQLModel, table=True):
    """A logout token of the identity provider that was taken, by its digest, until it could not come again."""

    __tablename__ = "logout_token"
    digest: str = Field(primary_key=True)
    expires_at: str


class AccountPasswordRow(SQLModel, table=True):
    """The digest of an account's password, and how often a wrong one was given."""

    __tablename__ = "account_password"
    account: str = Field(primary_key=True)
    digest: str
    changed_at: str
    failures: int
    locked_until: str | None = None


class CaseLookRow(SQLModel, table=True):
    """A look at a page of a case. Only ever added to."""

    __tablename__ = "case_look"
    __table_args__ = (Index("case_look_exports", "id", sqlite_where=EXPORTS, postgresql_where=EXPORTS),)
    id: int | None = Field(default=None, primary_key=True)
    case_ref: str = Field(index=True)
    actor: str
    what: str
    at: str = Field(index=True)


class AccountMailboxRow(SQLModel, table=True):
    """The mailbox to which an account's one-time links go."""

    __tablename__ = "account_mailbox"
    account: str = Field(primary_key=True)
    mailbox: str
    changed_at: str
    changed_by: str


class AccountMailRow(SQLModel, table=True):
    """An e-mail with a one-time link that was asked for, until it has left. The link is made as it leaves."""

    __tablename__ = "account_mail"
    id: int | None = Field(default=None, primary_key=True)
    account: str
    kind: str
    asked_at: str
    asked_by: str
    tries: int
    claimed_at: str | None = None
    done_at: str | None = Field(default=None, index=True)
    outcome: str | None = None


class AccountFactorRow(SQLModel, table=True):
    """The second factor of an account: its encrypted secret, empty once it is removed, and the last code's step."""

    __tablename__ = "account_factor"
    account: str = Field(primary_key=True)
    sealed: bytes
    confirmed_at: str | None = None
    changed_at: str
    changed_by: str
    last_step: int


class RecoveryCodeRow(SQLModel, table=True):
    """A recovery code, by its digest: it replaces a code once."""

    __tablename__ = "recovery_code"
    digest: str = Field(primary_key=True)
    account: str = Field(index=True)
    made_at: str
    used_at: str | None = None


class AttemptRow(SQLModel, table=True):
    """How often something was tried since an instant, by a keyed digest of who tried; `until` it is refused."""

    __tablename__ = "attempt"
    subject: str = Field(primary_key=True)
    count: int
    since: str = Field(index=True)
    until: str | None = None


class ToDecideRow(SQLModel, table=True):
    """What an act left for a person: a refused row of a tracker, or cases that may be one. Only ever added to.

    `key` is the same for the same row or cases. `detail` (JSON) has places, fields, codes and references, and no cell.
    """

    __tablename__ = "to_decide"
    number: int = Field(primary_key=True)
    at: str
    actor: str
    kind: str
    key: str = Field(index=True)
    detail: str


class DecidedRow(SQLModel, table=True):
    """How a row of `to_decide` ended: by whom and by which answer. Only ever added to."""

    __tablename__ = "decided"
    number: int = Field(primary_key=True)
    at: str
    actor: str
    how: str


class CaseOwnerRow(SQLModel, table=True):
    """The account that a case is assigned to from now on; empty: nobody. Only ever added to: the newest one holds."""

    __tablename__ = "case_owner"
    number: int = Field(primary_key=True)
    at: str
    actor: str
    case_ref: str = Field(index=True)
    owner: str = Field(index=True)


class AnswerLinkRow(SQLModel, table=True):
    """A link by which a body answers a letter, by the digest of its token. `made_for`: the notice, or the week of a
    link to all that a mailbox owes.
    """

    __tablename__ = "answer_link"
    digest: str = Field(primary_key=True)
    scope: str
    mailbox: str
    made_for: str
    recipient: str | None = None
    case_ref: str | None = None
    rule: str | None = None
    opened_seq: int | None = None
    body: str | None = None
    service: str | None = None
    made_at: str
    expires_at: str


class AnswerGivenRow(SQLModel, table=True):
    """An answer that was given by a link, with the numbers of its facts; `undone_at` once they were withdrawn."""

    __tablename__ = "answer_given"
    id: int = Field(primary_key=True)
    link: str = Field(index=True)
    case_ref: str
    rule: str
    opened_seq: int
    answer: str
    facts: str
    given_at: str
    undone_at: str | None = None


class SavedViewRow(SQLModel, table=True):
    """A view of the list of cases that an account saved: filters only."""

    __tablename__ = "saved_view"
    id: str = Field(primary_key=True)
    account: str
    name: str
    query: str
    at: str


for _table in SQLModel.metadata.tables.values():
    for _column in _table.columns:
        if isinstance(_column.type, (String, AutoString)):
            _column.type = TEXT_C
