"""The calls about holds, erasures, what is ripe, and the keys of a restored database."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from casework.privacy.stored_keys import stored_keys
from models.database import open_engine, reading, sqlite_url
from tests.contracts.calls import ACTOR, Installation


def _restored(team: Installation) -> Path:
    """The home of a backup of the team: its database without data keys, its key and its law."""
    home = team.folder / "restored"
    shutil.copytree(team.home, home, ignore=shutil.ignore_patterns("sendflow.db*", "logs", "letters"))
    with (
        closing(sqlite3.connect(team.home / "sendflow.db")) as source,
        closing(sqlite3.connect(home / "sendflow.db")) as copy,
    ):
        source.backup(copy)
        copy.execute("DELETE FROM data_key")
        copy.commit()
    return home


def _keys(team: Installation) -> Path:
    """The file of data keys, as a backup writes it."""
    engine = open_engine(sqlite_url(team.home))
    with reading(engine) as connection:
        content = stored_keys(connection, "2026-06-30T08:00:00.000000Z")
    engine.dispose()
    (team.folder / "data_keys.json").write_bytes(content)
    return team.folder / "data_keys.json"


def erasures(team: Installation) -> None:
    """Hold, propose, refuse and approve; then list what is ripe."""
    team.call("erase: not yet", "erase", "NX90010", *ACTOR, "--ground", "erasure_request", "--json")
    team.call("erase: still open", "erase", "NX90010", *ACTOR, "--ground", "retention_ended", "--yes", "--json")
    team.call("erase: no such ground", "erase", "NX90010", *ACTOR, "--ground", "weather", "--json")
    team.call("holds: begun", "holds", "begin", "NX90010", "--reason", "complaint", *ACTOR, "--json")
    team.call("holds: begun twice", "holds", "begin", "NX90010", "--reason", "complaint", *ACTOR, "--json")
    team.call("holds", "holds", "--json")
    team.call("erase: on hold", "erase", "NX90010", *ACTOR, "--ground", "court_order", "--yes", "--json")
    team.call("holds: ended", "holds", "end", "1", *ACTOR, "--json")
    team.call("holds: no such number", "holds", "end", "1", *ACTOR, "--json")
    team.call("erase: proposed", "erase", "NX90010", *ACTOR, "--ground", "court_order", "--yes", "--json")
    team.call("erase: proposals", "erase", "--json")
    team.call("erase: by the same account", "erase", "approve", "1", *ACTOR, "--json")
    team.call("erase: refused", "erase", "refuse", "1", *ACTOR, "--json")
    team.call("erase: proposed again", "erase", "NX90010", *ACTOR, "--ground", "court_order", "--yes", "--json")
    team.call("erase", "erase", "approve", "2", "--actor", "sam.lee", "--json")
    team.call("erase: decided before", "erase", "approve", "2", "--actor", "sam.lee", "--json")
    team.call("erase: proposals, also those decided", "erase", "--all", "--json")
    team.call("erase: no certificate", "erase", "certificate", "1", "--to", str(team.folder / "papers"), "--json")
    team.call("retention", "retention", "--json")
    team.call("restore keys: not needed", "restore keys", str(_keys(team)), "--json")
    keys, home = str(_keys(team)), str(_restored(team))
    team.call("restore keys", "restore keys", keys, "--json", SENDFLOW_HOME=home)
    access = ("subject access", "NX90001", *ACTOR, "--json", "--to", str(team.folder / "answer"))
    team.call("subject access", *access, SENDFLOW_HOME=home)
    team.call("subject access: the folder is there", *access, SENDFLOW_HOME=home)
    team.call("restore keys: no such file", "restore keys", "none.json", "--json")
