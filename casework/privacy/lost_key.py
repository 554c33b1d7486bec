"""Reset person.key after its loss: delete what only it could decrypt, and create a new key.

Purpose: sendflow does not start if person.key is missing and the database contains encrypted data. If no backup of the
key exists, the operator deletes that data. The case history stays.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, delete, func, select, update

from casework.context import instant
from casework.proof.sequencer import number_some
from config.settings import Settings
from models.change_log import insert_logged, log_keys
from models.database import open_engine, writing
from models.encryption import Cipher, open_cipher
from models.errors import Refusal
from models.incoming_mail import erase_every_mail
from models.key_checks import anything_encrypted
from models.mac_keys import add_key, demand
from models.macs import ROTATED, use_keys
from models.schema import create_or_upgrade_schema
from models.tables import ACCESS, ACCOUNT_FACTOR, ALIAS, CASE, DATA_KEY, FREE_TEXT, PERSON

PERSON_STORED = PERSON.c.erased_at.is_(None)
FREE_TEXT_STORED = FREE_TEXT.c.erased_at.is_(None)


class KeyLostReport(BaseModel):
    """What nobody can decrypt any more: persons, free texts, and the team's own references, stored as digests only.

    `given_up` says whether they were deleted.
    """

    model_config = ConfigDict(frozen=True)
    given_up: bool
    persons: int
    passages: int
    references: int


class KeyIsThere(Refusal, ValueError):
    """Nothing may be deleted: the key exists, or nothing is encrypted. The text says which."""

    default_code = "person_key_present"


def reset_person_key(settings: Settings, actor: str, now: datetime, *, really: bool = False) -> KeyLostReport:
    """Delete all that only a lost person.key could decrypt, and create a new one; without `really`, only count it.

    The next import of a tracker, or a person by hand, may record the identities again. Free text is lost. What mails
    said is erased, and the mailbox still has them. Accounts set up their second factors again. Raises KeyIsThere, or
    DatabaseUnusable if the database cannot be opened.
    """
    key = settings.home / "person.key"
    if key.exists():
        raise KeyIsThere(
            f"{key} exists, so nothing was deleted. If it does not decrypt this database, restore the right one from"
            " its backup"
        )
    engine = open_engine(settings.records_url)
    made = False
    try:
        create_or_upgrade_schema(engine, settings.owner_url)
        with writing(engine) as connection:
            if not anything_encrypted(connection):
                raise KeyIsThere(
                    "This database contains no encrypted data, so no key is missing. Any command makes one"
                )
            report = _count(connection, really)
            if not really:
                return report
            cipher = open_cipher(key)
            made = True
            use_keys(engine, lambda: cipher)
            _renew_macs(connection, cipher, actor, instant(now))
            _delete(connection, actor, instant(now))
    except BaseException:
        if made:
            key.unlink(missing_ok=True)  # nothing is encrypted with it
        raise
    finally:
        engine.dispose()
    return report


def _renew_macs(connection: Connection, cipher: Cipher, actor: str, at: str) -> None:
    """Replace the key of the MACs, which only the lost key opened. The log numbers first what nobody can check now."""
    broken: set[str] = set()
    while True:
        done, wrong, _last = number_some(connection, sorted(broken), without_macs=True)
        broken.update(wrong)
        if not done and not wrong:
            break
    add_key(connection, cipher, ROTATED, (actor, "person.key was lost"), at)
    demand(connection, at)


def _count(connection: Connection, given_up: bool) -> KeyLostReport:
    persons = connection.scalar(select(func.count()).select_from(PERSON).where(PERSON_STORED)) or 0
    free_texts = connection.scalar(select(func.count()).select_from(FREE_TEXT).where(FREE_TEXT_STORED)) or 0
    references = connection.scalar(select(func.count()).select_from(ALIAS)) or 0
    return KeyLostReport(given_up=given_up, persons=persons, passages=free_texts, references=references)


def _delete(connection: Connection, actor: str, at: str) -> None:
    # Rows are deleted and not marked as erased, so that an import may record a child's identity again. A child that
    # was erased before stays erased.
    log_keys(connection, PERSON, list(connection.scalars(select(PERSON.c.child_key).where(PERSON_STORED))), at)
    connection.execute(delete(PERSON).where(PERSON_STORED))
    log_keys(connection, FREE_TEXT, list(connection.scalars(select(FREE_TEXT.c.id).where(FREE_TEXT_STORED))), at)
    connection.execute(update(FREE_TEXT).where(FREE_TEXT_STORED).values(sealed=b"", salt="", erased_at=at))
    log_keys(connection, ALIAS, list(connection.scalars(select(ALIAS.c.digest))), at)
    connection.execute(delete(ALIAS))
    erase_every_mail(connection, at)
    connection.execute(delete(DATA_KEY))
    log_keys(connection, ACCOUNT_FACTOR, list(connection.scalars(select(ACCOUNT_FACTOR.c.account))), at)
    connection.execute(delete(ACCOUNT_FACTOR))
    entry = {"actor": actor, "purpose": "erased_key_lost", "read_at": at}
    cases = connection.scalars(select(CASE.c.case_ref).where(CASE.c.child_key.is_not(None)).order_by(CASE.c.case_ref))
    insert_logged(connection, ACCESS, [{"case_ref": ref, **entry} for ref in cases], at)
