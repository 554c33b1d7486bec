"""Bring what an earlier version encrypted to this version after an upgrade, where person.key is at hand.

Values are bound to their rows, and children are indexed by name and date of birth.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from casework.clock import newest_setting, real_instant
from models.alike import index_alike
from models.database import reading
from models.encryption import Cipher
from models.key_checks import check_key
from models.mac_keys import begin_with_an_empty_history
from models.macs import use_keys
from models.older_encryption import bind_older_values


def bind_values(engine: Engine, home: Path) -> int:
    """Encrypt the values of an earlier version again; return how many. None on a machine without person.key.

    Raises WrongKey where person.key is not the key of the database.
    """
    if not (home / "person.key").exists():
        return 0
    cipher = Cipher.open(home / "person.key")
    with reading(engine) as connection:
        check_key(connection, cipher)
        setting = newest_setting(connection)
    # The log of a simulation goes by its own days.
    simulated = setting is not None and setting.simulation
    at = f"{setting.day}T00:00:00.000000Z" if setting is not None and simulated else real_instant()
    use_keys(engine, lambda: cipher)
    bound = bind_older_values(engine, cipher, at)
    index_alike(engine, cipher, at)
    begin_with_an_empty_history(engine, cipher, at)
    return bound
