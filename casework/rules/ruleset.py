"""The law that a house goes by: what is shipped, and over it the files of the rule packs that the house has adopted.

Purpose: adopting is a recorded act, so the newest row of `adoption` says which folder under SENDFLOW_HOME/law is in
force, and the files there are read only while they are what was adopted. `law/current` repeats it for the commands that
read no records (`due`, `rules`, `explain`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, Row, select

import config
from config.escalation_policy import DEFAULT, EscalationPolicy, load_escalation_policy
from config.law import Law, load_law
from config.rule_pack import digests_of, files_of, law_folder, point_at, pointed_at
from config.settings import Settings
from config.toml_reader import ConfigFault
from deadlines.working_calendar import WorkingCalendar, load_calendar
from models.tables import ADOPTION
from notifications.notices import TELLING
from statemachines.replay import processes

SHIPPED = Path(config.__path__[0])
PARTS = ("statute", "almanac", "ladder", "machines")


class Ruleset(NamedTuple):
    """Law, almanac and ladder, the digest that caches are worked out under, and those of its parts."""

    law: Law
    almanac: WorkingCalendar
    ladder: EscalationPolicy
    looked_under: str
    parts: Mapping[str, str]


def read_ruleset(settings: Settings, *packs: Path) -> Ruleset:
    """What is shipped, with each pack laid over it in turn. Raises ConfigFault or EscalationPolicyError."""
    law = load_law(SHIPPED, *packs) if packs else load_law()
    almanac = load_calendar(*(folder / "almanac" for folder in (SHIPPED, *packs))) if packs else load_calendar()
    own = settings.home / "ladder.toml"  # a team's own ladder stands before any other
    ladder = (
        load_escalation_policy(own)
        if own.exists()
        else load_escalation_policy(DEFAULT, *(pack / "ladder" for pack in packs))
    )
    tables = _tables()
    parts = dict(zip(PARTS, (law.digest[:16], almanac.digest[:16], ladder.digest[:16], _digest(*tables)), strict=True))
    return Ruleset(law, almanac, ladder, _digest(law.digest, almanac.digest, ladder.digest, *tables), parts)


@cache
def _tables() -> tuple[str, ...]:
    """What the machines of this program allow, and its way of telling, as text."""
    return (*(str(sorted(process.table.items())) for process in processes().values()), str(TELLING))


def newest_adoption(connection: Connection) -> Row[tuple[object, ...]] | None:
    """The adoption that is in force, or None."""
    return connection.execute(select(ADOPTION).order_by(ADOPTION.c.number.desc()).limit(1)).first()


def adopted_folder(settings: Settings, connection: Connection) -> Path | None:
    """The folder of the adoption in force; None where none was ever made. Raises ConfigFault where its files are not
    those adopted.
    """
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
    if not folder.is_dir():
        raise ConfigFault(
            f"law/{folder.name}, which was adopted for these records, is not in this SENDFLOW_HOME: copy its folder law"
            " from the machine where it was adopted (sendflow adoptions says when and by whom), or restore it from the"
            " backup"
        )
    held = digests_of(files_of(folder))
    for name in sorted(held.keys() | digests.keys()):
        if held.get(name) != digests.get(name):
            raise ConfigFault(
                f"law/{folder.name}/{name} is not the file that was adopted: restore it from the backup of"
                " SENDFLOW_HOME. A change of the law is adopted (sendflow adopt PACK --actor WHO), never written"
                " there."
            )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
