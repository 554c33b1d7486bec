"""Which recipients get a letter that a request has ended without an answer, or is needed after all. Pure.

A refusal to assess, a withdrawal or the end of an appeal ends the request in law (decision 062), and the service goes
on writing unless a letter says so. The escalation policy names the duties and letters; deadlines.duties decides when a
duty ends.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from config.directory import Directory
from config.directory_entries import RoleOwed
from config.escalation_policy import EscalationPolicy
from deadlines.duties import Duty
from deadlines.escalation import ASSERTS_LATENESS
from models.casefile import CaseFile
from models.common_facts import CORRECTIONS
from models.enums import Party
from models.facts import StoredFact
from models.owner import OwnerKind
from notifications.recipients import Place, mailbox_at, posts
from notifications.render import newest

ENDED = "no_longer_needed"
AGAIN = "needed_after_all"
TAKEN_BACK = "request_withdrawn"


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


def taken_back(
    casefile: CaseFile, duties: Sequence[Duty], ladder: EscalationPolicy, fact: StoredFact
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Whose letter about a request a correction takes back: the data of that letter's `notice_sent`, and the template.

    The request does not stand any more, or was made of another body. A recipient of a step gets the correction
    of that step instead.
    """
    if fact.kind not in CORRECTIONS or not casefile.notified:
        return
    now = {(duty.rule, duty.opened_seq): duty for duty in duties}
    last: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    corrected: set[tuple[Any, ...]] = set()
    for _seq, data in casefile.notified:
        key = tuple(data.get(name) for name in ("rule", "opened_seq", "body", "service", "recipient"))
        last[key] = data
        step = casefile.steps_recorded.get(data.get("rung_seq") or 0)
        if step is not None and data["rung"] != "rung_withdrawn":
            corrected.add(key)
    for key, data in last.items():
        duty = now.get((data["rule"], data["opened_seq"]))
        stands = duty is not None and (duty.body, duty.service) == (data.get("body"), data.get("service"))
        if stands or key in corrected or data.get("due") is None or not _asks(data, ladder):
            continue
        steps = ladder.steps(str(data["rule"]))
        if steps and not any(_replaces(duty, data) for duty in duties):
            yield data, steps[0].withdrawal


def _replaces(duty: Duty, letter: Mapping[str, Any]) -> bool:
    """Whether the same is still asked of the same body, by another fact."""
    same = (duty.rule, duty.body, duty.service) == (letter["rule"], letter.get("body"), letter.get("service"))
    return same and duty.closed_on is None


def _asks(letter: Mapping[str, Any], ladder: EscalationPolicy) -> bool:
    return letter["rung"] not in _not_asking(ladder)


def _not_asking(ladder: EscalationPolicy) -> set[str]:
    """The steps and events whose letters ask for nothing: thanks, ends and withdrawals."""
    events = {letter.rung for letter in ladder.letter.values() if newest(letter.template).called_for != "open"}
    return events | {"rung_withdrawn", ENDED, TAKEN_BACK}


def _ended(
    casefile: CaseFile, duty: Duty, ladder: EscalationPolicy, directory: Directory, fact: StoredFact, live: bool
) -> Iterator[Ending]:
    """One message to each mailbox that got the request and, if the end is live, to the parties of the policy.

    Our own team gets none. A mailbox that gets a correction of a letter about lateness gets none either: the correction
    already says that the duty had ended.
    """
    end = ladder.ended.get(duty.rule)
    if (
        end is None
        or not duty.may_be_chased
        or duty.provisional
        or duty.met_on is not None
        or fact.kind in end.unless_by
    ):
        return
    asked = list(_sent_while_open(casefile, duty, ladder))
    corrected = {str(data["recipient"]) for data in asked if _sent_after_the_end(casefile, duty, data.get("rung_seq"))}

    kind, code = duty.law.owned_by
    role = RoleOwed(code) if kind is OwnerKind.TEAM and code is not None else None
    place = Place(casefile.la, duty.body, duty.service, role)

    def mailbox_of(party: Party) -> str | None:
        return mailbox_at(directory, place, party, fact.occurred_on)

    reached = {directory.dco, *(mailbox_of(Party(party)) for party in corrected)}
    to = posts(duty, casefile.la, end.to) if live else ()
    for party in dict.fromkeys((*to, *(Party(data["recipient"]) for data in asked))):
        mailbox = mailbox_of(party)
        if mailbox not in reached and party not in corrected:
            reached.add(mailbox)
            yield Ending(fact, duty, party, ENDED, end.template)


def _after_all(casefile: CaseFile, duty: Duty, ladder: EscalationPolicy, fact: StoredFact) -> Iterator[Ending]:
    """A message to each recipient whose last letter says that the request has ended."""
    end = ladder.ended.get(duty.rule)
    last = {
        Party(data["recipient"]): data["rung"]
        for data in _sent_about(casefile, duty)
        if data["rung"] in (ENDED, AGAIN, TAKEN_BACK)
        and (data.get("body"), data.get("service")) == (duty.body, duty.service)
    }
    for party, rung in last.items():
        if rung in (ENDED, TAKEN_BACK) and end is not None:
            yield Ending(fact, duty, party, AGAIN, end.again)


def _sent_while_open(casefile: CaseFile, duty: Duty, ladder: EscalationPolicy) -> Iterable[Mapping[str, Any]]:
    others = _not_asking(ladder)
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
