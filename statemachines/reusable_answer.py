"""An answer that the team uses again: written, revised, checked, and taken out of use.

Duty/provision: none. It is a list without a clock: its review day makes nobody late, and the list of answers shows it.
Each wording is a fact, so that an answer to an enquiry names its wording by case and number, and it never changes.
"""

from datetime import date
from typing import ClassVar

from statemachine import State

from models.enums import About
from models.facts import Account, FactData, FreeTextField
from statemachines.enquiry_facts import REUSABLE, Topic
from statemachines.process import NoTransition, OpeningFact, StatutoryMachine, Transition, define_process


class ReusableAnswer(StatutoryMachine):
    """An answer that the team uses again."""

    in_use = State("In use", initial=True)
    retired = State("Out of use")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    reusable_answer_retired = in_use.to(retired)
    reusable_answer_revised = retired.to(in_use)
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


class Wording(FactData):
    """What an answer says. It is about no child: no name, no reference of a case, no clinical text.

    `review_on`: the day by which somebody reads it again. `owner`: the account that does.
    """

    title: FreeTextField
    words: FreeTextField
    topic: Topic
    owner: Account
    review_on: date
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"title", "words"})


class Checked(FactData):
    """Somebody read it again, and it is still right. `review_on`: when it is read again."""

    review_on: date
    owner: Account | None = None


class Retired(FactData):
    """It is no longer used, and why."""

    why: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"why"})


WRITTEN, REVISED = REUSABLE
CHECKED = "reusable_answer_checked"
PROCESS = define_process(
    ReusableAnswer,
    name="reusable_answer",
    title="Reusable answer",
    version=1,
    about=About.ORGANISATION,
    facts=[
        OpeningFact(WRITTEN, Wording),
        Transition(REVISED, Wording, accepted_in=("in_use",)),
        NoTransition(
            CHECKED,
            Checked,
            accepted_in=("in_use",),
            order="an answer that is out of use is revised before it is used (local standard)",
        ),
        Transition("reusable_answer_retired", Retired, order="an answer is taken out of use once (local standard)"),
    ],
)
