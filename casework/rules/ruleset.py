"""The rule set of an installation: the shipped files, with the files of the adopted rule packs laid over them.

Purpose: an adoption is recorded, so the newest row of `adoption` names the folder under SENDFLOW_HOME/law that is in
force. Its files are read only if their digests are those that were recorded. `law/current` repeats the folder's name
for the commands that read no database (`due`, `rules`, `explain`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, Row, select

import config
import statemachines
from casework.rules.checks.loaded import ensure_named
from casework.rules.shared_files import take_adopted
from config.escalation_policy import DEFAULT, EscalationPolicy, load_escalation_policy
from config.law import Law, load_law
from config.rule_pack import digests_of, files_of, law_folder, point_at, pointed_at
from config.settings import Settings
from config.toml_reader import ConfigFault, own_file
from deadlines.working_calendar import WorkingCalendar, load_calendar
from models.database import is_read_only
from models.tables import ADOPTION
from notifications.notices import RECIPIENTS_VERSION

TABLES = Path(statemachines.__path__[0]) / "tables"
TABLE_FILE = re.compile(r"([a-z][a-z0-9_]*)\.v([0-9]+)\.json")
SHIPPED = Path(config.__path__[0])
PARTS = ("statute", "almanac", "ladder", "machines")


class Ruleset(NamedTuple):
    """Law, working-day calendar and escalation policy, with the digest of all and of each part.

    Projections are stamped with `digest`; `part_digests` are by the names in PARTS.
    """

    law: Law
    calendar: WorkingCalendar
    escalation_policy: EscalationPolicy
    digest: str
    part_digests: Mapping[str, str]
    folders: tuple[Path, ...] = ()


def read_ruleset(settings: Settings, *packs: Path, policy: EscalationPolicy | None = None) -> Ruleset:
    """Read the shipped files, with each pack laid over them in turn. `policy`: this one, in the place of all others.

    Raises ConfigFault or EscalationPolicyError.
    """
    law = load_law(SHIPPED, *packs) if packs else load_law()
    calendar = load_calendar(*(folder / "almanac" for folder in (SHIPPED, *packs))) if packs else load_calendar()
    if policy is None:
        own = own_file(settings.home, "ladder.toml")  # a team's own escalation policy replaces all others
        policy = load_escalation_policy(own) if own is not None else policy_as_shipped(*packs)
    ensure_named(law, policy, (SHIPPED, *packs), settings.home)
    machines = _machines()
    digests = (law.digest[:16], calendar.digest[:16], policy.digest[:16], _digest(*machines))
    digest = _digest(law.digest, calendar.digest, policy.digest, *machines)
    return Ruleset(law, calendar, policy, digest, dict(zip(PARTS, digests, strict=True)), (SHIPPED, *packs))


def policy_as_shipped(*packs: Path) -> EscalationPolicy:
    """The escalation policy without a team's own ladder.toml. Raises EscalationPolicyError."""
    return load_escalation_policy(DEFAULT, *(pack / "ladder" for pack in packs))


@cache
def _machines() -> tuple[str, ...]:
    """The transition tables of this program and the version of its notices, as text for the digest.

    The tables come from the released files: an import of every machine would double the start-up time of a command
    that only reads. Tests prove that the machines are the newest released tables.
    """
    newest: dict[str, tuple[int, Path]] = {}
    for path in TABLES.iterdir():
        if (named := TABLE_FILE.fullmatch(path.name)) is not None:
            newest[named[1]] = max(newest.get(named[1], (0, path)), (int(named[2]), path))
    tables = (orjson.loads(path.read_bytes()) for _, (_, path) in sorted(newest.items()))
    rows = (sorted(((row[0], row[1]), *row[2:]) for row in table) for table in tables)
    return (*(str(each) for each in rows), str(RECIPIENTS_VERSION))


def newest_adoption(connection: Connection) -> Row[tuple[object, ...]] | None:
    """Give the adoption in force; None if no rule pack was ever adopted."""
    return connection.execute(select(ADOPTION).order_by(ADOPTION.c.number.desc()).limit(1)).first()


def adopted_folder(settings: Settings, connection: Connection) -> Path | None:
    """Give the folder of the adoption in force; None if there is none.

    A folder that another machine adopted is written here. Raises ConfigFault if its files are not those that were
    adopted.
    """
    row = newest_adoption(connection)
    if row is None:
        return None
    folder = law_folder(settings) / str(row.folder)
    if not is_read_only(connection):
        take_adopted(connection, folder)
    check_files(folder, orjson.loads(str(row.files)))
    if pointed_at(settings) != folder:
        point_at(settings, folder.name)  # the adopting process ended before it wrote law/current
    return folder


def check_files(folder: Path, digests: Mapping[str, str]) -> None:
    """Compare the folder's files with the recorded digests. Raises ConfigFault, naming the first that differs."""
    if not folder.is_dir():
        raise ConfigFault(
            f"law/{folder.name}, which was adopted for this database, is not in this SENDFLOW_HOME. Copy its folder law"
            " from the machine where it was adopted (sendflow adoptions says when and by whom), or restore it from the"
            " backup"
        )
    present = digests_of(files_of(folder))
    for name in sorted(present.keys() | digests.keys()):
        if present.get(name) != digests.get(name):
            raise ConfigFault(
                f"law/{folder.name}/{name} is not the file that was adopted. Restore it from the backup of"
                " SENDFLOW_HOME. To change the law, adopt a rule pack: sendflow adopt PACK --actor WHO"
            )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
