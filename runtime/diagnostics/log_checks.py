"""The checks of `sendflow doctor` on the transparency log: its key, its age, and the places to which it leaves."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from casework.context import AppContext, instant
from casework.proof import keys as log_keys
from casework.proof import witnesses
from casework.proof.keys import LogKeyError
from casework.proof.leaves import newest_checkpoint
from casework.proof.published_log import newest_note
from casework.proof.sequencer import folders
from models.signed_note import NoteError
from runtime.diagnostics.finding import Finding

LONGEST = timedelta(hours=26)  # between two checkpoints: the digest signs one each day
ROTATE = "sendflow log rotate --actor WHO --reason WHY"


def log(context: AppContext, connection: Connection, _today: date) -> Iterator[Finding]:
    """Finds a log that nobody signs, and a folder outside that does not have the newest checkpoint."""
    acts = log_keys.acts(connection)
    if not acts:
        return
    mend = f"restore {log_keys.FILE} from the backup of SENDFLOW_HOME, or replace the keys: {ROTATE}"
    try:
        own = log_keys.read_keys(context.settings.home)
    except LogKeyError as problem:
        yield Finding(what="log_key", message=str(problem), mend=mend)
        return
    if own is None and context.settings.database_url is None:
        yield Finding(
            what="log_key",
            message=f"{log_keys.FILE} is missing: nothing that is recorded from now on is signed",
            mend=mend,
        )
    last = newest_checkpoint(connection)
    if last is not None and context.now() - datetime.fromisoformat(last.at) > LONGEST:
        yield Finding(
            what="log_not_signed",
            message=f"no checkpoint of the log was signed since {last.at[:16]}: nothing recorded since then is proved",
            mend="sendflow digest; sendflow up signs one every 15 minutes",
        )
    if last is None or own is None:
        return
    yield from _witnesses(context, connection)
    for folder in folders(context):
        try:
            there = (newest_note(folder) or "").startswith(last.note)
        except (OSError, ValueError):
            there = False
        if not there:
            yield Finding(
                what="log_not_left",
                message=f"the newest checkpoint of the log is not in {folder}",
                mend="see that the folder can be written; the next checkpoint adds what is missing",
            )


def _witnesses(context: AppContext, connection: Connection) -> Iterator[Finding]:
    mend = f"correct SENDFLOW_HOME/{witnesses.FILE}, or ask who runs the witness"
    try:
        known = witnesses.configured(context.settings.home)
    except (NoteError, OSError, ValueError) as problem:
        yield Finding(what="log_witness", message=f"the witnesses of the log cannot be read: {problem}", mend=mend)
        return
    limit = instant(context.now() - LONGEST)
    for each in known:
        signed = witnesses.last_signed(connection, each.key)
        if signed is None or signed.at < limit:
            since = f"since {signed.at[:16]}" if signed is not None else "yet"
            message = f"the witness {each.key.name} has signed no checkpoint {since}"
            yield Finding(what="log_witness", message=message, mend=mend)
