"""Which recipients get a letter that a request has ended without an answer, or is needed after all. Pure.

A refusal to assess, a withdrawal or the end of an appeal ends the request in law (decision 062), and the service goes
on writing unless a letter says so. The escalation policy names the duties and letters; deadlines.duties decides when a
duty ends.
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
    """One message to one party because of `fact`: the request has ended (ENDED) or is needed after all (AGAIN)."""

    fact: StoredFact
    duty: Duty
    party: Party
    rung: str
    template: str


def endings(
    casefile: CaseFile, duties: Iterable[Duty], ladder: EscalationPolicy, directory: Directory, fact: StoredFact
) -> Iterator[Ending]:
    """The messages about duties that a new fact ended, or that are open again because it corrects such a fact."""
    if fact.kind not in CORRECTIONS:
        for duty in duties:
            if duty.ended_seq == fact.seq:
                yield from _ended(casefile, duty, ladder, directory, fact, fact.via != "import")
    elif casefile.notified:
        for duty in duties:
            if duty.closed_on is None:
                yield from _after_all(casefile, duty, ladder, fact)


def late_endings(
    casefile: CaseFile, duty: Duty, ladder: EscalationPolicy, directory: Directory, sent: str
) -> Iterator[Ending]:
    """The messages after a letter that left while its duty ended, or while that end was corrected.

    `sent` is the step or event (`rung`) of that letter.
    """
    if duty.closed_on is None and sent == ENDED:
        for fact in casefile.lines:
            if fact.seq == duty.opened_seq:
                yield from _after_all(casefile, duty, ladder, fact)
    elif duty.closed_on is not None and sent not in (ENDED, "rung_withdrawn"):
        for fact in casefile.lines:
            if fact.seq == duty.ended_seq:
                yield from _ended(casefile, duty, ladder, directory, fact, live=False)


def _ended(
    casefile: CaseFile, duty: Duty, ladder: EscalationPolicy, directory: Directory, fact: StoredFact, live: bool
) -> Iterator[Ending]:
    """One message to each mailbox that got the request and, if the end is live, to the parties of the policy.

    Our own team gets none. A mailbox that gets a correction of a letter about lateness gets none either: the correction
    already says that the duty had ended.
    """
    end = ladder.ended.get(duty.rule)
    if end is None or duty.body is None or duty.provisional or duty.met_on is not None or fact.kind in end.unless_by:
        return
    asked = list(_sent_while_open(casefile, duty, ladder))
    corrected = {str(data["recipient"]) for data in asked if _sent_after_the_end(casefile, duty, data.get("rung_seq"))}
    reached = {
        directory.dco,
        *(directory.mailbox(casefile.la, duty.body, duty.service, Party(party)) for party in corrected),
    }
    for party in dict.fromkeys((*(end.to if live else ()), *(Party(data["recipient"]) for data in asked))):
        mailbox = directory.mailbox(casefile.la, duty.body, duty.service, party)
        if mailbox not in reached and party not in corrected:
            reached.add(mailbox)
            yield Ending(fact, duty, party, ENDED, end.template)


def _after_all(casefile: CaseFile, duty: Duty, ladder: EscalationPolicy, fact: StoredFact) -> Iterator[Ending]:
    """A message to each recipient whose last letter says that the request has ended."""
    end = ladder.ended.get(duty.rule)
    last = {
        Party(data["recipient"]): data["rung"] for data in _sent_about(casefile, duty) if data["rung"] in (ENDED, AGAIN)
    }
    for party, rung in last.items():
        if rung == ENDED and end is not None:
            yield Ending(fact, duty, party, AGAIN, end.again)


def _sent_while_open(casefile: CaseFile, duty: Duty, ladder: EscalationPolicy) -> Iterable[Mapping[str, Any]]:
    others = {letter.rung for letter in ladder.letter.values() if newest(letter.template).called_for != "open"} | {
        "rung_withdrawn",
        ENDED,
    }
    return (data for data in _sent_about(casefile, duty) if data["rung"] not in others)


def _sent_about(casefile: CaseFile, duty: Duty) -> Iterable[Mapping[str, Any]]:
    return (
        data for _seq, data in casefile.notified if (data["rule"], data["opened_seq"]) == (duty.rule, duty.opened_seq)
    )


def _sent_after_the_end(casefile: CaseFile, duty: Duty, rung_seq: int | None) -> bool:
    """Whether a sent step reports lateness after the duty's true end, so that it is, or was, withdrawn."""
    fact = casefile.steps_recorded.get(rung_seq) if rung_seq is not None else None
    late = (
        fact is not None
        and fact.kind in ASSERTS_LATENESS
        and duty.closed_on is not None
        and fact.occurred_on > duty.closed_on
    )
    return fact is not None and late and (not fact.withdrawn or fact.due == duty.due)
