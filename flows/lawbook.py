"""The law that a house goes by: what is shipped, and over it the files of the rule packs that the house has adopted.

Purpose: adopting is a recorded act, so the newest row of `adoption` says which folder under SENDFLOW_HOME/law is in force, and the files there
are read only while they are what was adopted. `law/current` repeats it for the commands that read no records (`due`, `rules`, `explain`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, Row, Table, select

import config
from config.ladder import DEFAULT, Ladder, load_ladder
from config.law import Law, load_law
from config.pack import digests_of, files_of
from config.settings import Settings
from config.strict import ConfigFault
from deadlines.almanac import Almanac, load_almanac
from models.tables import AdoptionRow
from statemachines.replay import processes

ADOPTION: Table = AdoptionRow.__table__  # type: ignore[attr-defined]  # SQLModel sets the table at class creation
SHIPPED = Path(config.__path__[0])


class Lawbook(NamedTuple):
    """Law, almanac and ladder, and the digest that caches are worked out under."""

    law: Law
    almanac: Almanac
    ladder: Ladder
    looked_under: str


def law_folder(settings: Settings) -> Path:
    """Where adopted files stand, a folder for each adoption."""
    return settings.home / "law"


def read_lawbook(settings: Settings, *packs: Path) -> Lawbook:
    """What is shipped, with each pack laid over it in turn. Raises ConfigFault or LadderError."""
    law = load_law(SHIPPED, *packs) if packs else load_law()
    almanac = load_almanac(*(folder / "almanac" for folder in (SHIPPED, *packs))) if packs else load_almanac()
    own = settings.home / "ladder.toml"
    if own.exists():
        if packs and (packs[-1] / "ladder").is_dir():
            raise ConfigFault("The pack holds a ladder, and this house has a ladder.toml of its own that stands before any: change that file instead.")
        ladder = load_ladder(own)
    else:
        ladder = load_ladder(DEFAULT, *(pack / "ladder" for pack in packs))
    tables = (str(sorted(process.table.items())) for process in processes().values())
    return Lawbook(law, almanac, ladder, _digest(law.digest, almanac.digest, ladder.digest, *tables))


def newest_adoption(connection: Connection) -> Row[tuple[object, ...]] | None:
    """The adoption that is in force, or None."""
    return connection.execute(select(ADOPTION).order_by(ADOPTION.c.number.desc()).limit(1)).first()


def adopted_folder(settings: Settings, connection: Connection) -> Path | None:
    """The folder of the adoption in force; None where none was ever made. Raises ConfigFault where its files are not those adopted."""
    row = newest_adoption(connection)
    if row is None:
        return None
    folder = law_folder(settings) / str(row.folder)
    check_files(folder, orjson.loads(str(row.files)))
    if pointed_at(settings) != folder:
        point_at(settings, folder.name)  # the process that adopted it ended before it could say so
    return folder


def check_files(folder: Path, digests: Mapping[str, str]) -> None:
    """Whether the files are those that were adopted. Raises ConfigFault, naming the first that is not."""
    held = digests_of(files_of(folder)) if folder.is_dir() else {}
    for name in sorted(held.keys() | digests.keys()):
        if held.get(name) != digests.get(name):
            raise ConfigFault(
                f"law/{folder.name}/{name} is not the file that was adopted: restore it from the backup of SENDFLOW_HOME. A change of the law"
                " is adopted (sendflow adopt PACK --actor WHO), never written there."
            )


def pointed_at(settings: Settings) -> Path | None:
    """The adopted folder as `law/current` names it; None where nothing was adopted."""
    try:
        name = (law_folder(settings) / "current").read_text("utf-8").strip()
    except OSError:
        return None
    folder = law_folder(settings) / name
    return folder if name and folder.is_dir() else None


def point_at(settings: Settings, name: str) -> None:
    """Let `law/current` name a folder, in one step."""
    place = law_folder(settings) / "current"
    fresh = place.with_name(f"current.{os.getpid()}")
    fresh.write_text(f"{name}\n", "utf-8")
    fresh.replace(place)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
