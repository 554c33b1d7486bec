"""The links of a case to others, from both sides, on a day and as known at an instant. [I/O]"""

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import Connection, select

from casework.cases.case_links import linking_to
from casework.context import AppContext
from casework.reports.case_models import LinkShown
from models import ledger
from models.casefile import CaseFile
from models.facts import StoredFact
from models.tables import CASE
from statemachines.links import Link, links_of, role_called
from statemachines.process import NotPermitted, Process
from statemachines.replay import replay


def links_shown(
    context: AppContext, connection: Connection, casefile: CaseFile, as_at: date | None, known_at: str | None
) -> list[LinkShown]:
    """Every link that begins at the case or leads to it, ended ones among them; its own first, in order of recording.

    A history that cannot be read shows no link: verification reports it.
    """
    process = context.processes[casefile.process]
    own = [(casefile.case_ref, process, link) for link in links_of(process, casefile.lines)]
    others = [
        (ref, other, link)
        for ref, other, lines in _histories(
            context, connection, linking_to(connection, casefile.case_ref), as_at, known_at
        )
        for link in links_of(other, lines)
        if link.to_ref == casefile.case_ref
    ]
    names = _processes(connection, {link.to_ref for _ref, _process, link in own} | {ref for ref, *_rest in others})
    return [
        _shown(link, maker, from_here=ref == casefile.case_ref, other=(other, names.get(other)))
        for ref, maker, link in (*own, *others)
        for other in [link.to_ref if ref == casefile.case_ref else ref]
    ]


def _shown(link: Link, maker: Process, *, from_here: bool, other: tuple[str, str | None]) -> LinkShown:
    role = role_called(maker, link.role)
    return LinkShown(
        case_ref=other[0],
        process=other[1],
        role=link.role,
        says=role.says if from_here else role.says_back,
        from_here=from_here,
        since=link.since,
        until=link.until,
        seq=link.seq,
    )


def _histories(
    context: AppContext, connection: Connection, refs: Iterable[str], as_at: date | None, known_at: str | None
) -> Iterable[tuple[str, Process, Sequence[StoredFact]]]:
    for ref, (facts, _tail) in ledger.read(connection, list(refs)).items():
        try:
            casefile = replay(ref, facts, as_at, known_at)
        except NotPermitted:
            continue
        yield ref, context.processes[casefile.process], casefile.lines


def _processes(connection: Connection, refs: Iterable[str]) -> dict[str, str]:
    wanted = sorted(refs)
    if not wanted:
        return {}
    query = select(CASE.c.case_ref, CASE.c.process).where(CASE.c.case_ref.in_(wanted))
    return {row.case_ref: row.process for row in connection.execute(query)}
