"""Oversight of draft plans: our team checks sections C and G of a draft and comments to the authority. Pure.

Duty/provision: SEND Regs 2014 reg 13(1)(a) gives the family at least 15 days for representations; that our team checks
the draft inside them is a local standard. It decides nothing for the authority or the board.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from models.casefile import CaseFile
from models.facts import FactData, FreeTextField
from models.fields import Slugs
from statemachines.process import NoTransition

CHECKED, COMMENTED = "draft_plan_checked", "draft_comments_sent"
Section = Literal["right", "needs_change", "missing"]


class DraftReceived(FactData):
    """A draft plan reached our team. `check_owed` says whether our team checked drafts by a day when it came."""

    check_owed: str | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})
    READING_IN_FORCE: ClassVar[Mapping[str, str]] = {"check_owed": "draft_plan_check"}


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


def draft_facts(states: tuple[str, ...]) -> tuple[NoTransition, ...]:
    """The facts of the oversight of drafts, on a case that may have one in these states."""
    order = "a check is of a draft plan that came (SEND Regs 2014 reg 13(1)(a); local audit method, step 8)"
    return (
        NoTransition(CHECKED, DraftChecked, accepted_in=states, order=order, order_from=2),
        NoTransition(COMMENTED, CommentsSent, accepted_in=states, order=order, order_from=2),
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
