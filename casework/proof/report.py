"""What a person sees of the log: its newest checkpoint, its keys, the acts on it, and what is not in it yet."""

from __future__ import annotations

from base64 import b64encode

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from casework.proof import keys as log_keys
from casework.proof.leaves import newest_checkpoint, size
from casework.proof.sequencer import folders
from models.database import reading

# Facts and records without a leaf, each of those that the reader sees.
_NOT_SIGNED = (
    "SELECT sum(c.seq - coalesce(t.seq, 0)) FROM case_file c LEFT JOIN log_tail t ON t.chain = c.case_ref",
    "SELECT count(*) FROM change_log WHERE number > coalesce((SELECT seq FROM log_tail WHERE chain = 'change_log'), 0)",
)


class ActShown(BaseModel):
    """An act on the log. `size` is the number of leaves at that time."""

    model_config = ConfigDict(frozen=True)
    number: int
    at: str
    kind: str
    actor: str
    reason: str
    origin: str
    keys: list[str]
    size: int


class LogReport(BaseModel):
    """The log: `checkpoint` is the newest signed note, `unsigned` counts facts and changes that are not in it.

    `keys` are the verifier keys of now; `signs_here` says whether this machine has the private ones.
    """

    model_config = ConfigDict(frozen=True)
    origin: str | None
    at: str | None
    size: int
    root: str | None
    checkpoint: str | None
    keys: list[str]
    signs_here: bool
    unsigned: int
    folders: list[str]
    acts: list[ActShown]


def log_report(context: AppContext) -> LogReport:
    """Look at the log. Raises LogKeyError where `log.key` cannot be read."""
    own = log_keys.read_keys(context.settings.home)
    with reading(context.engine) as connection:
        acts = log_keys.acts(connection)
        last = newest_checkpoint(connection)
        unsigned = sum(connection.exec_driver_sql(each).scalar() or 0 for each in _NOT_SIGNED)
        leaves = size(connection)
    head = last.checkpoint() if last is not None else None
    return LogReport(
        origin=acts[-1].origin if acts else None,
        at=last.at if last is not None else None,
        size=last.size if last is not None else leaves,
        root=b64encode(head.root).decode() if head is not None else None,
        checkpoint=last.note if last is not None else None,
        keys=acts[-1].keys.splitlines() if acts else [],
        signs_here=own is not None,
        unsigned=unsigned,
        folders=[str(folder) for folder in folders(context)],
        acts=[ActShown(**{**act._asdict(), "keys": act.keys.splitlines()}) for act in acts],
    )
