"""Oversight of draft plans: our team checks sections C and G of a draft and comments to the authority. Pure.

Duty/provision: SEND Regs 2014 reg 13(1)(a), and reg 22(2)(c) for amendments, give the family at least 15 days for
representations; that our team checks the draft inside them is a local standard. It decides nothing for the authority or
the board.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from models.casefile import CaseFile
from models.facts import FactData, FreeTextField, StoredFact
from models.fields import Slugs
from statemachines.process import NoTransition

DRAFT, CHECKED, COMMENTED = "draft_plan_received", "draft_plan_checked", "draft_comments_sent"
Section = Literal["right", "needs_change", "missing"]


CHECK_OWED: Mapping[str, str] = {"check_owed": "draft_plan_check"}


class DraftReceived(FactData):
    """A draft plan reached our team. `check_owed` says whether our team checked drafts by a day when it came."""

    check_owed: str | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})
    READING_IN_FORCE: ClassVar[Mapping[str, str]] = CHECK_OWED


class DraftChecked(FactData):
    """Our team checked a draft: health needs (section C), provision (section G), and whether the board agreed."""

    section_c: Section
    section_g: Section
    agreed_by_board: Literal["yes", "no", "not_known"]
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class CommentsSent(FactData):
    """Our team sent comments on a draft to the authority, about these sections."""

    sections: Slugs
    comments: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"comments"})


def draft_facts(
    states: tuple[str, ...], drafts: tuple[str, ...] = (DRAFT,), since: int = 2
) -> tuple[NoTransition, ...]:
    """The facts of the oversight of drafts, on a case that may have one in these states.

    `drafts`: the kinds of fact that say that a draft came. `since`: the machine's version whose refusals quote the law.
    """
    order = "a check is of a draft plan that came (SEND Regs 2014 regs 13(1)(a), 22(2)(c); local audit method, step 8)"

    def of_a_draft(casefile: CaseFile, fact: StoredFact) -> str | None:
        return None if casefile.facts_before(fact, *drafts) else order

    return tuple(
        NoTransition(kind, model, accepted_in=states, warning=of_a_draft, order=order, order_from=since)
        for kind, model in ((CHECKED, DraftChecked), (COMMENTED, CommentsSent))
    )


def uncommented(casefile: CaseFile) -> Iterator[str]:
    """That the last check found something to change, and no comments to the authority are recorded after it."""
    checks = [fact for fact in casefile.lines if fact.kind == CHECKED]
    if not checks:
        return
    last = checks[-1].data
    wrong = [name[-1].upper() for name in ("section_c", "section_g") if last[name] != "right"]
    sent = [fact for fact in casefile.lines if fact.kind == COMMENTED and fact.occurred_on >= checks[-1].occurred_on]
    if wrong and not sent:
        yield (
            f"The check of the draft found something to change in section {' and '.join(wrong)}, and no comments to the"
            " authority are recorded."
        )
    if last["agreed_by_board"] == "no":
        yield "The board had not agreed section G when the draft was checked (SEND Regs 2014 reg 12(2))."
