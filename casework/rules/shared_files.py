"""The directory, the escalation policy and the tracker's columns of a team: one text for all machines of a database.

Purpose: a mailbox that a person corrects on one machine is wrong on no other. The newest row of `config_held` is in
force. A machine whose own file is an earlier one, or which has none, takes the newest as it opens the installation, and
writes its file. A file whose text was never recorded was edited by hand: the next act records it, for every machine.

A row counts only if the change log has it with a MAC, which nobody makes without person.key: who writes to the database
alone redirects no letter.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, select

from casework.rules.config_held import ADOPTED, DIRECTORY, LADDER, TRACKER, hold
from config.files import write_whole
from config.toml_reader import ConfigFault, own_file, read_text
from models.change_log import COVERED, link, row_digest, row_key
from models.locks import lock_exclusive
from models.mac_keys import Demanded
from models.macs import same
from models.tables import CHANGE_LOG, CONFIG_HELD

LOG = logging.getLogger("sendflow.files")
FILES = {DIRECTORY: "directory.toml", LADDER: "ladder.toml", TRACKER: "tracker.toml"}
SHIPPED = "shipped"  # the name of a row that says: no file of our own, but what sendflow ships


class Held(NamedTuple):
    """One recorded text of a file, without the text: when (UTC), by whom, how, and on which machine."""

    number: int
    at: str
    kind: str
    name: str
    digest: str
    actor: str
    via: str
    machine: str


def held(connection: Connection, *kinds: str) -> dict[str, list[Held]]:
    """Every recorded text of these kinds, or of all three, the newest last."""
    columns = [CONFIG_HELD.c[name] for name in Held._fields]
    query = select(*columns).where(CONFIG_HELD.c.kind.in_(kinds or tuple(FILES))).order_by(CONFIG_HELD.c.number)
    found: dict[str, list[Held]] = {}
    for row in connection.execute(query):
        found.setdefault(row.kind, []).append(Held(*row))
    return found


def take_newest(connection: Connection, home: Path, *, writes: bool) -> dict[str, str]:
    """The text of each file that is the team's own, by its kind, with the newest that was recorded.

    `writes`: the files of this machine are written too. A file that cannot be read is left to its own reader.
    """
    found: dict[str, str] = {}
    recorded = held(connection)
    for kind, name in FILES.items():
        try:
            text = _own_text(home, name)
        except ConfigFault:
            continue
        rows = recorded.get(kind, [])
        if rows and is_earlier(text, rows):
            text = _taken(connection, home, rows[-1], text, writes=writes)
        if text is not None:
            found[kind] = text
    return found


def is_earlier(text: str | None, rows: Sequence[Held]) -> bool:
    """Whether a machine with this text, or with no file, has to take the newest of these rows."""
    newest = rows[-1]
    if text is None:
        return newest.name != SHIPPED
    own = digest_of(text)
    if newest.name != SHIPPED and newest.digest == own:
        return False
    return any(row.digest == own and row.name != SHIPPED for row in rows)


def note(connection: Connection, own: Mapping[str, str], directory: str, **by: str) -> bool:
    """Record each text in use that was never recorded; whether there was one. `by` is `at`, `actor` and `via`.

    `directory` is the text of the directory in use, which is recorded also where it is the shipped one.
    """
    if not _new_texts(connection, own, directory):
        return False
    lock_exclusive(connection, "config")  # two machines that begin at once record a text once
    for kind, name, text in _new_texts(connection, own, directory):
        hold(connection, kind, name, text, **by)
    return True


def _new_texts(connection: Connection, own: Mapping[str, str], directory: str) -> list[tuple[str, str, str]]:
    recorded, found = held(connection), []
    for kind, text in {**own, DIRECTORY: directory}.items():
        rows, digest = recorded.get(kind, []), digest_of(text)
        ours = [row for row in rows if row.name != SHIPPED]
        if kind in own and not any(row.digest == digest for row in ours):
            found.append((kind, FILES[kind], text))
        elif kind not in own and not ours and not (rows and rows[-1].digest == digest):
            found.append((kind, SHIPPED, text))
    return found


def unrecorded(recorded: Mapping[str, Sequence[Held]], own: Mapping[str, str]) -> list[str]:
    """The kinds of which this machine's own text was never recorded, and another one was."""
    return [
        kind
        for kind, text in own.items()
        if kind in recorded and not any(row.digest == digest_of(text) for row in recorded[kind])
    ]


def newest_text(connection: Connection, kind: str) -> str | None:
    """The newest recorded text of a kind; None where there is none, or where the change log does not have it so."""
    rows = held(connection, kind).get(kind, [])
    return _authentic(connection, rows[-1]) if rows else None


def write_own(home: Path, kind: str, text: str | None) -> None:
    """Write the file of this machine, or take it away (None). The database has the text: a fault is logged, no more."""
    file = home / FILES[kind]
    try:
        if text is None:
            file.unlink(missing_ok=True)
        else:
            write_whole(file, text)
    except OSError as fault:
        LOG.warning("%s cannot be written in SENDFLOW_HOME (%s)", FILES[kind], fault.strerror)


def hold_adopted(connection: Connection, folder: Path, files: Mapping[str, bytes], **by: str) -> None:
    """Record the files of an adopted rule pack, for the other machines. `by` is `at`, `actor` and `via`."""
    text = orjson.dumps({name: content.decode("utf-8") for name, content in files.items()})
    hold(connection, ADOPTED, folder.name, text.decode(), **by)


def take_adopted(connection: Connection, folder: Path) -> None:
    """Write the folder of an adopted rule pack that is not on this machine, if its files were recorded."""
    if folder.exists():
        return
    row = next((row for row in reversed(held(connection, ADOPTED).get(ADOPTED, [])) if row.name == folder.name), None)
    text = _authentic(connection, row) if row is not None else None
    if text is None:
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    copy = Path(tempfile.mkdtemp(prefix="taking.", dir=folder.parent))
    try:
        for name, content in orjson.loads(text).items():
            (copy / name).parent.mkdir(exist_ok=True)
            (copy / name).write_text(content, "utf-8", newline="")
        copy.rename(folder)
        folder.chmod(0o755)
        LOG.warning("law/%s was adopted on another machine: it was written here too", folder.name)
    except OSError as fault:
        LOG.warning("law/%s cannot be written in SENDFLOW_HOME (%s)", folder.name, fault.strerror)
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def digest_of(text: str) -> str:
    """The SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _own_text(home: Path, name: str) -> str | None:
    file = own_file(home, name)
    return None if file is None else read_text(file)


def _taken(connection: Connection, home: Path, newest: Held, own: str | None, *, writes: bool) -> str | None:
    """The newest text, which the file of this machine then has; the own one where the newest is not as recorded."""
    taken = _authentic(connection, newest)
    if taken is None:
        return own
    text = None if newest.name == SHIPPED else taken
    if writes:
        LOG.warning(
            "%s of this machine was an earlier one: it is now number %s, recorded %s by %s on machine %s",
            FILES[newest.kind],
            newest.number,
            newest.at,
            newest.actor,
            newest.machine,
        )
        write_own(home, newest.kind, text)
    return text


def _authentic(connection: Connection, row: Held) -> str | None:
    whole = connection.execute(select(CONFIG_HELD).where(CONFIG_HELD.c.number == row.number)).first()
    if whole is None or not _has_mac(connection, whole) or digest_of(whole.text) != row.digest:
        LOG.warning("number %s of config_held has no right MAC, and was not taken: run sendflow verify", row.number)
        return None
    return str(whole.text)


def _has_mac(connection: Connection, whole: Row[Any]) -> bool:
    coverage, log = COVERED[CONFIG_HELD.name], CHANGE_LOG.c
    record = (log.number, log.at, log.subject, log.key, log.case_ref, log.digest)
    query = select(*record, log.prev_hash, log.hash, log.mac, log.acting).where(
        log.subject == coverage.name, log.key == row_key(whole.number)
    )
    found = connection.execute(query.order_by(log.number.desc()).limit(1)).first()
    if found is None or found.digest != row_digest(coverage, tuple(whole)):
        return False
    if found.hash != link(found.prev_hash, tuple(found)[:6]):
        return False
    macs = Demanded.read(connection).macs
    return any(same(found.mac, each.of_record(found.number, found.hash, found.acting)) for _act, each in macs)
