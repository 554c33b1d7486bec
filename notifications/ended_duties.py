"""Who is to hear that what was asked of a body is owed no longer, though it never came; and who, that it is owed after
all. Pure.

Purpose: a refusal to assess, a withdrawal, the end of an appeal end what was asked for in law (decision 062), and the
service goes on writing unless somebody tells it. Which duties, in which letters, stands in the ladder; this file
decides nothing about when a duty ends.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from config.directory import Directory
from config.escalation_policy import EscalationPolicy
from deadlines.duties import Duty
from deadlines.escalation import ASSERTS_LATENESS
from models.casefile import CaseFile
from models.common_facts import CORRECTIONS
from models.enums import Party
from models.facts import StoredFact
from notifications.render import newest

ENDED = "no_longer_needed"
AGAIN = "needed_after_all"


class Ending(NamedTuple):
    """One thing to tell one party: that a duty is owed no longer (ENDED), or is owed after all (AGAIN); `line` is the
    fact that calls for it.
    """

    line: StoredFact
    duty: Duty
    party: Party
    rung: str
    template: str


def endings(
    casefile: CaseFile, duties: Iterable[Duty], ladder: EscalationPolicy, directory: Directory, line: StoredFact
) -> Iterator[Ending]:
    """What a new fact ended that was owed; or, where it corrects the fact that had ended it, what is owed after all."""
    if line.kind not in CORRECTIONS:
        for duty in duties:
            if duty.ended_seq == line.seq:
                yield from _ended(casefile, duty, ladder, directory, line, line.via != "import")
    elif casefile.told:
        for duty in duties:
            if duty.closed_on is None:
                yield from _after_all(casefile, duty, ladder, line)


def overtaken_by_the_end(
    casefile: CaseFile, duty: Duty, ladder: EscalationPolicy, directory: Directory, sent: str
) -> Iterator[Ending]:
    """What is still to be told where a letter was under way while the duty of which it spoke ended, or its end was
    taken back. `sent` is its rung.
    """
    if duty.closed_on is None and sent == ENDED:
        for line in casefile.lines:
            if line.seq == duty.opened_seq:
                yield from _after_all(casefile, duty, ladder, line)
    elif duty.closed_on is not None and sent not in (ENDED, "rung_withdrawn"):
        for line in casefile.lines:
            if line.seq == duty.ended_seq:
                yield from _ended(casefile, duty, ladder, directory, line, live=False)


def _ended(
    casefile: CaseFile, duty: Duty, ladder: EscalationPolicy, directory: Directory, line: StoredFact, live: bool
) -> Iterator[Ending]:
    """To whoever had been told that it was owed, and to the parties of the ladder where the end is live: each mailbox
    once, and never our own team's.

    Nor to a mailbox that is to hear that a letter about lateness is withdrawn: it says that nobody owed it by then, and
    one letter is enough.
    """
    end = ladder.ended.get(duty.rule)
    if end is None or duty.body is None or duty.provisional or duty.met_on is not None or line.kind in end.unless_by:
        return
    told = list(_told_that_it_is_owed(casefile, duty, ladder))
    taken_back = {str(data["recipient"]) for data in told if _was_owed_by_nobody(casefile, duty, data.get("rung_seq"))}
    reached = {
        directory.dco,
        *(directory.mailbox(casefile.la, duty.body, duty.service, Party(party)) for party in taken_back),
    }
    for party in dict.fromkeys((*(end.to if live else ()), *(Party(data["recipient"]) for data in told))):
        mailbox = directory.mailbox(casefile.la, duty.body, duty.service, party)
        if mailbox not in reached and party not in taken_back:
            reached.add(mailbox)
            yield Ending(line, duty, party, ENDED, end.template)


def _after_all(casefile: CaseFile, duty: Duty, ladder: EscalationPolicy, line: StoredFact) -> Iterator[Ending]:
    """To whoever was told last that it is needed no longer."""
    end = ladder.ended.get(duty.rule)
    last = {Party(data["recipient"]): data["rung"] for data in _told(casefile, duty) if data["rung"] in (ENDED, AGAIN)}
    for party, rung in last.items():
        if rung == ENDED and end is not None:
            yield Ending(line, duty, party, AGAIN, end.again)


def _told_that_it_is_owed(casefile: CaseFile, duty: Duty, ladder: EscalationPolicy) -> Iterable[Mapping[str, Any]]:
    others = {letter.rung for letter in ladder.letter.values() if newest(letter.template).called_for != "open"} | {
        "rung_withdrawn",
        ENDED,
    }
    return (data for data in _told(casefile, duty) if data["rung"] not in others)


def _told(casefile: CaseFile, duty: Duty) -> Iterable[Mapping[str, Any]]:
    return (data for _seq, data in casefile.told if (data["rule"], data["opened_seq"]) == (duty.rule, duty.opened_seq))


def _was_owed_by_nobody(casefile: CaseFile, duty: Duty, rung_seq: int | None) -> bool:
    """Whether a rung that was told speaks of lateness after an end that was recorded late: it is taken back, or was."""
    fact = casefile.rungs.get(rung_seq) if rung_seq is not None else None
    late = (
        fact is not None
        and fact.kind in ASSERTS_LATENESS
        and duty.closed_on is not None
        and fact.occurred_on > duty.closed_on
    )
    return fact is not None and late and (not fact.withdrawn or fact.due == duty.due)
