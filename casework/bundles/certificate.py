"""The certificate of an erasure: what was erased, on which ground, by which two accounts, and the checkpoint after it.

Purpose: UK GDPR art 5(2): who was erased can no longer be said, and that an erasure was done has to be provable. It
names no person. The references in it are those of the cases, whose facts remain and name nobody.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson
from sqlalchemy import select

from casework.bundles.chronology import Chronology, Table, as_html, as_pdf
from casework.context import AppContext
from casework.privacy.approval import NoSuchProposal, Proposal, proposals
from casework.proof.sequencer import sequence
from models.database import reading
from models.signed_note import parse_note
from models.tables import LOG_CHECKPOINT


class Certificate(NamedTuple):
    """The certificate in its three forms."""

    html: str
    pdf: bytes
    json: bytes


def certificate(context: AppContext, number: int) -> Certificate:
    """The certificate of an erasure that was approved. Raises NoSuchProposal."""
    found = next((each for each in proposals(context, decided=True) if each.number == number), None)
    if found is None or found.erased is None:
        raise NoSuchProposal(f"no erasure of number {number} was done. To list them: sendflow erase --all")
    sequence(context)
    with reading(context.engine) as connection:
        query = select(LOG_CHECKPOINT).where(LOG_CHECKPOINT.c.at >= str(found.decided_at))
        row = connection.execute(query.order_by(LOG_CHECKPOINT.c.number).limit(1)).first()
    checkpoint = parse_note(row.note).text if row is not None else None
    document = {
        "number": number,
        "ground": found.ground,
        "cases": found.erased.cases,
        "identities": found.erased.identities,
        "passages": found.erased.passages,
        "mails": found.erased.mails,
        "references": found.erased.references,
        "proposed_by": found.actor,
        "proposed_at": found.at,
        "approved_by": found.decided_by,
        "approved_at": found.decided_at,
        "checkpoint": checkpoint,
        "simulation": context.simulated,
    }
    page = _page(found, checkpoint, context.simulated)
    as_json = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    return Certificate(as_html(page), as_pdf(page, str(found.decided_at)), as_json)


def _page(found: Proposal, checkpoint: str | None, simulated: bool) -> Chronology:
    erased = found.erased
    assert erased is not None
    rows = [
        ("Cases", ", ".join(erased.cases)),
        ("Ground", found.ground.replace("_", " ")),
        ("Identities", f"{erased.identities}"),
        ("Passages of free text", f"{erased.passages}"),
        ("Mails", f"{erased.mails}"),
        ("References of other systems", f"{erased.references}"),
        ("Proposed", f"{_when(found.at)} by {found.actor}"),
        ("Approved and erased", f"{_when(str(found.decided_at))} by {found.decided_by}"),
        ("Checkpoint of the log after it", " ".join(checkpoint.split()) if checkpoint else "none is signed yet"),
    ]
    lines = [
        "The data keys of the child and of the cases were deleted. What was encrypted with them cannot be read any"
        " more, in the records or in a backup. The facts of the cases remain; they name nobody.",
        *(["This is of a simulation."] if simulated else []),
    ]
    return Chronology(
        f"Certificate of erasure {found.number}",
        lines,
        [Table("What was erased, and by whom", ("What", ""), (30, 70), rows)],
    )


def _when(instant: str) -> str:
    return f"{instant[:16].replace('T', ' ')} UTC"
