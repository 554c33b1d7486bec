"""The text of each rule set that was active, in `config_held` of the database and in SENDFLOW_HOME/law/held.

An auditor asks which law held then. A digest alone does not answer that: the statute files and the calendar do. The
machines are code and are known by their released tables.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, select

from casework.rules.config_held import LAW, texts_held
from config.files import write_whole
from config.law import Law, load_law
from config.toml_reader import ConfigFault, layered, topmost
from deadlines.working_calendar import WorkingCalendar, load_calendar
from models.tables import RULESET

HELD = Path("law") / "held"
FOLDERS = ("statute", "almanac")
FILES = ("grounds.toml", "locality.toml")


class ActiveThen(NamedTuple):
    """The rule set that was active at an instant. `digest` is the short one of the whole rule set."""

    number: int
    digest: str
    statute: str
    almanac: str


def law_text(folders: tuple[Path, ...]) -> bytes:
    """Give the statute and calendar files that are read from `folders`, as one document."""
    found = {f"{name}/{file.name}": file.read_text("utf-8") for name in FOLDERS for file in layered(folders, name)}
    for name in FILES:
        file = topmost(folders, name)
        if file.exists():
            found[name] = file.read_text("utf-8")
    return orjson.dumps(found, option=orjson.OPT_SORT_KEYS)


def store(home: Path, digest: str, text: bytes) -> None:
    """Store the text of the rule set `digest`, once. A text that cannot be written is left out without an error."""
    place = home / HELD / f"{digest}.{hashlib.sha256(text).hexdigest()}.json"
    with contextlib.suppress(OSError):
        if not place.exists():
            for folder in (place.parent.parent, place.parent):
                folder.mkdir(exist_ok=True, mode=0o700)
            write_whole(place, text)


def active_at(connection: Connection, instant: str) -> ActiveThen | None:
    """Give the rule set that was active at an instant; None if none was yet."""
    columns = (RULESET.c.number, RULESET.c.looked_under, RULESET.c.statute, RULESET.c.almanac)
    then = select(*columns).where(RULESET.c.taken_at <= instant).order_by(RULESET.c.number.desc()).limit(1)
    row = connection.execute(then).first()
    return ActiveThen._make(row) if row is not None else None


def read_stored(connection: Connection, home: Path, then: ActiveThen) -> tuple[Law, WorkingCalendar] | None:
    """Read the law and the calendar of a rule set from its stored text; None if that is missing or changed.

    The file in SENDFLOW_HOME is read first, then the database, which has the text of each machine's rule sets.
    """
    for text in _texts(connection, home, then.digest):
        with contextlib.suppress(ConfigFault, OSError, ValueError):
            law, calendar = _parsed(text)
            if (law.digest[:16], calendar.digest[:16]) == (then.statute, then.almanac):
                return law, calendar
    return None


def _texts(connection: Connection, home: Path, digest: str) -> Iterator[bytes]:
    """Each stored text that has its own digest, the newest of the database first of those."""
    for place in sorted((home / HELD).glob(f"{digest}.*.json")):
        with contextlib.suppress(OSError):
            text = place.read_bytes()
            if place.name.split(".")[1] == hashlib.sha256(text).hexdigest():
                yield text
    for _name, held in reversed(texts_held(connection, LAW, digest)):
        yield held.encode()


@lru_cache(maxsize=4)
def _parsed(text: bytes) -> tuple[Law, WorkingCalendar]:
    with tempfile.TemporaryDirectory(prefix="sendflow-law-") as folder:
        for name, content in orjson.loads(text).items():
            file = Path(folder) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, "utf-8")
        return load_law(Path(folder)), load_calendar(Path(folder) / "almanac")
