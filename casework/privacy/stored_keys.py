"""The data keys and the list of erasures, written beside the backups, and loaded into a restored database.

Purpose: a backup has no data keys, so that what was erased after it stays erased. Only the newest keys are stored. A
restored database does not open before `restore_keys` has loaded them: what has no key by then was erased since, and is
marked as erased, and the erasures since the backup are repeated in the access log.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Connection, func, insert, select

from casework.clock import newest_setting
from casework.context import instant
from config.settings import Settings
from models import people
from models.bulk_io import in_chunks
from models.change_log import insert_logged
from models.data_keys import (
    OLDER_VALUES,
    case_subject,
    child_subject,
    is_of_the_person_key,
    mail_subject,
)
from models.database import open_engine, writing
from models.encryption import Cipher
from models.errors import Refusal
from models.incoming_mail import erase_mails
from models.key_checks import encrypted_values
from models.macs import use_keys
from models.schema import create_or_upgrade_schema
from models.tables import ACCESS, CASE, DATA_KEY, FREE_TEXT, INCOMING_MAIL, MAC_KEY, PERSON

FORMAT = 1


class Erased(BaseModel):
    """A line of the access log about an erasure. It names nobody."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    case_ref: str
    actor: str
    purpose: str
    read_at: str


class StoredKeys(BaseModel):
    """The file: each data key as person.key wrapped it (base64), by its name; and every erasure."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: Literal[1]
    made_at: str
    keys: dict[str, str]
    erasures: list[Erased]


class RestoredKeys(BaseModel):
    """What was loaded, and what was erased because it has no key any more. `erasures`: lines of the access log."""

    model_config = ConfigDict(frozen=True)
    keys: int
    erasures: int
    persons: int
    passages: int
    mails: int


class NotTheKeys(Refusal, ValueError):
    """The file is not one of data keys, or the database has its keys. The text says which."""

    default_code = "not_the_keys"


def stored_keys(connection: Connection, made_at: str) -> bytes:
    """The file of the data keys of this database, and of every erasure."""
    rows = connection.execute(select(DATA_KEY).where(DATA_KEY.c.subject != OLDER_VALUES).order_by(DATA_KEY.c.subject))
    keys = {row.subject: b64encode(bytes(row.wrapped)).decode() for row in rows}
    lines = select(ACCESS).where(ACCESS.c.purpose.like("erased\\_%", escape="\\")).order_by(ACCESS.c.id)
    erasures = [
        Erased(case_ref=row.case_ref, actor=row.actor, purpose=row.purpose, read_at=row.read_at)
        for row in connection.execute(lines)
    ]
    found = StoredKeys(format=FORMAT, made_at=made_at, keys=keys, erasures=erasures)
    return orjson.dumps(found.model_dump(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)


def restore_keys(settings: Settings, file: Path) -> RestoredKeys:
    """Load the newest data keys into a restored database, and erase again who was erased since the backup.

    All is one transaction, so that the database does not open in between. Raises NotTheKeys, EncryptionError where
    person.key does not unwrap the keys, or DatabaseUnusable.
    """
    found = _read(file)
    cipher = Cipher.open(settings.home / "person.key")
    rows = [{"subject": name, "wrapped": _unwrapped(cipher, name, text)} for name, text in found.keys.items()]
    engine = open_engine(settings.records_url)
    use_keys(engine, lambda: cipher)
    try:
        create_or_upgrade_schema(engine, settings.owner_url)
        with writing(engine) as connection:
            if connection.scalar(select(func.count()).select_from(DATA_KEY).where(DATA_KEY.c.subject != OLDER_VALUES)):
                raise NotTheKeys("this database has its data keys. They are loaded into a restored backup only")
            for start in range(0, len(rows), 1_000):
                connection.execute(insert(DATA_KEY), rows[start : start + 1_000])
            return _erase_again(connection, found)
    finally:
        engine.dispose()


def _read(file: Path) -> StoredKeys:
    try:
        return StoredKeys.model_validate(orjson.loads(file.read_bytes()))
    except (OSError, orjson.JSONDecodeError, ValidationError):
        raise NotTheKeys(
            "the file of the data keys cannot be read, or is none. The newest backup wrote it: for example sendflow"
            " restore-keys /var/backups/sendflow/keys/data_keys.json"
        ) from None


def _unwrapped(cipher: Cipher, subject: str, text: str) -> bytes:
    """The wrapped key as bytes, after it was unwrapped once: a file of another installation loads nothing."""
    try:
        wrapped = b64decode(text, validate=True)
    except (NotBase64, ValueError):
        raise NotTheKeys("the file of the data keys is damaged: a key in it is not base64") from None
    cipher.unwrap(wrapped, subject)
    return wrapped


def _erase_again(connection: Connection, found: StoredKeys) -> RestoredKeys:
    at = _instant(connection)
    older = (value for place, value in encrypted_values(connection) if place.table != MAC_KEY.name)
    marked = select(DATA_KEY.c.subject).where(DATA_KEY.c.subject == OLDER_VALUES)
    if any(map(is_of_the_person_key, older)) and connection.scalar(marked) is None:
        connection.execute(insert(DATA_KEY), [{"subject": OLDER_VALUES, "wrapped": b""}])
    gone_people = _without_key(connection, PERSON, found, lambda row: child_subject(row.child_key))
    gone_texts = _without_key(connection, FREE_TEXT, found, lambda row: case_subject(row.case_ref))
    gone_mails = _without_key(connection, INCOMING_MAIL, found, lambda row: mail_subject(row.id))
    for person in gone_people:
        people.erase_person(connection, person.child_key, at)
    people.erase_words(connection, sorted({row.case_ref for row in gone_texts}), at)
    erase_mails(connection, [row.id for row in gone_mails], at)
    lines = _new_lines(connection, found.erasures)
    insert_logged(connection, ACCESS, [line.model_dump() for line in lines], at)
    return RestoredKeys(
        keys=len(found.keys),
        erasures=len(lines),
        persons=len(gone_people),
        passages=len(gone_texts),
        mails=len(gone_mails),
    )


def _instant(connection: Connection) -> str:
    """The instant of the change log: now, or the day of a simulation."""
    setting = newest_setting(connection)
    simulated = setting is not None and setting.simulation
    return f"{setting.day}T00:00:00.000000Z" if setting is not None and simulated else instant(datetime.now(UTC))


def _without_key(connection: Connection, table: Any, found: StoredKeys, subject: Any) -> list[Any]:
    """The rows with an encrypted value whose data key is not among the loaded ones."""
    rows = connection.execute(select(table).where(table.c.erased_at.is_(None)))
    return [row for row in rows if not is_of_the_person_key(row.sealed) and subject(row) not in found.keys]


def _new_lines(connection: Connection, erasures: Sequence[Erased]) -> list[Erased]:
    """Those about cases that this database has, and which it does not know yet."""
    known: set[tuple[str, str, str]] = set()
    refs: set[str] = set()
    for chunk in in_chunks(sorted({each.case_ref for each in erasures})):
        refs |= set(connection.scalars(select(CASE.c.case_ref).where(CASE.c.case_ref.in_(chunk))))
        lines = select(ACCESS.c.case_ref, ACCESS.c.purpose, ACCESS.c.read_at).where(ACCESS.c.case_ref.in_(chunk))
        known |= {(row.case_ref, row.purpose, row.read_at) for row in connection.execute(lines)}
    return [
        each for each in erasures if each.case_ref in refs and (each.case_ref, each.purpose, each.read_at) not in known
    ]
