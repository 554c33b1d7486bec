"""A Section 23 notification: an NHS body brings a child under compulsory school age to the local authority (CFA 2014
s23).

What it decides: the order of s23(2) to (4), who is bound, and of which child. Each body that forms the opinion has the
duty, and a case of its own. What a body did out of that order is recorded so. The Act gives no number of days anywhere,
and none is made up here. Whether the notice makes the authority responsible (s24(1)(b)) is a reading that a locality
may switch off: the statute file has its clock, and the fact says whether the reading was in force. Consent is no
condition of the section.
"""

from typing import ClassVar, Literal

from statemachine import State

from models.casefile import CaseFile
from models.common_facts import Opening
from models.facts import Code, FactData, FreeTextField, Service, Slug, StoredFact
from statemachines.process import (
    NoTransition,
    OpeningFact,
    Reaction,
    StatutoryMachine,
    Transition,
    before,
    define_process,
    unusual,
)

OPENS = "section23_opinion_formed"


class Section23(StatutoryMachine):
    """A Section 23 notification (CFA 2014 s23, s24(1)(b)).

    Facts without a transition: a voluntary organisation thought to be able to help, and named to the parent.
    """

    formed = State("Opinion formed", initial=True)
    informed = State("Parent informed")
    offered = State("Discussion offered")
    notified = State("Local authority notified")
    acknowledged = State("Notification acknowledged")
    answered = State("Authority's outcome known")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    parent_informed = formed.to(informed)
    discussion_offered = informed.to(offered) | unusual(formed.to(offered))
    la_notified = offered.to(notified) | unusual(notified.from_(formed, informed))
    la_acknowledged = notified.to(acknowledged)
    la_outcome_stated = notified.to(answered) | acknowledged.to(answered)
    la_agreed_to_assess = notified.to(answered) | acknowledged.to(answered)
    la_refused_to_assess = notified.to(answered) | acknowledged.to(answered)
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


class OpinionFormed(Opening):
    """A body formed the opinion that a child under compulsory school age has, or probably has, special educational
    needs or a disability (s23(1)).

    Its day is the day of the opinion. The fact says only whether the child was under compulsory school age then,
    never the date of birth.
    """

    la: Slug
    body: Code
    service: Service | None = None
    opinion: Literal["sen", "disability", "sen_and_disability"] | None = None
    under_compulsory_school_age: Literal["yes", "no"]
    ANSWERED_FROM_BIRTH_DATE: ClassVar = {"under_compulsory_school_age": "before:compulsory_school_age_start"}
    BOUND_BODY_KINDS: ClassVar = frozenset({"integrated_care_board", "nhs_trust", "nhs_foundation_trust"})


class ByTheBody(FactData):
    """Something that the body did. It is the body that formed the opinion, and need not be named again."""

    body: Code
    service: Service | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class ParentInformed(ByTheBody):
    """The body told the parent of the opinion, and of its duty to inform the authority (s23(2)(a)). Both are
    asked for: a word that leaves one out does not meet the duty.
    """

    of_opinion: Literal["yes", "no"]
    of_duty: Literal["yes", "no"]


class DiscussionOffered(ByTheBody):
    """The body gave the parent an opportunity to discuss the opinion with an officer (s23(2)(b)). An opportunity, not a
    meeting.
    """


class OrganisationIdentified(ByTheBody):
    """The body thinks that a particular voluntary organisation is likely to be able to help (s23(4)): from then it has
    to say so.
    """


class OrganisationNamed(ByTheBody):
    """The body told the parent of the organisation (s23(4)). Which one it was may stand in the note."""


class LaNotified(ByTheBody):
    """The authority received the body's opinion (s23(3)). `says_sen`: whether it says that the child has or may have
    special educational needs.

    A notice of a disability alone does not make the authority responsible under s24(1).
    """

    says_sen: Literal["yes", "no"]
    clock_reading_in_force: Literal["yes", "no"] | None = None
    READING_IN_FORCE: ClassVar = {"clock_reading_in_force": "s23_starts_la_clock"}


class Said(FactData):
    """Something that the authority said or did; a note goes to a passage."""

    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class LaOutcomeStated(Said):
    """The authority said what comes of the notice: whether it will assess, or that the child has been assessed or has a
    plan already.
    """

    outcome: Literal["will_assess", "will_not_assess", "assessed_or_planned_already"]


def _lawful_opening(_casefile: CaseFile, line: StoredFact) -> str | None:
    if line.data["under_compulsory_school_age"] == "yes":
        return None
    return (
        "CFA 2014 s23(1) is about a child under compulsory school age, and on that day the child was of that age"
        " (Education Act 1996 s8: it begins on the 31 March, 31 August or 31 December on or after the fifth birthday)."
        " An NHS body cannot request an assessment under s36(1). Anybody may bring the child to the authority's"
        " attention (s24(1)(b)); the authority is then responsible: ehc_assessment_requested"
    )


def _own(casefile: CaseFile, line: StoredFact) -> str | None:
    opening = next((each for each in casefile.lines if each.kind == OPENS), None)
    if opening is None or opening.data["body"] == line.data["body"]:
        return None
    return (
        "the duties of CFA 2014 s23(2) to (4) lie on the body that formed the opinion, and this case is another body's:"
        " leave body out, or open a case of its own"
    )


def _informed_of_both(casefile: CaseFile, line: StoredFact) -> str | None:
    missing = {"of_opinion": "its opinion", "of_duty": "its duty to inform the local authority"}
    left_out = " and ".join(words for key, words in missing.items() if line.data[key] == "no")
    if left_out:
        return (
            f"CFA 2014 s23(2)(a) asks that the parent is told of both, and {left_out} was left out: record it on the"
            " day by which both had been said"
        )
    return None


def _refused_before_2(casefile: CaseFile, line: StoredFact) -> str | None:
    return before(2, _informed_of_both)(casefile, line) or _own(casefile, line)


def remarks(casefile: CaseFile) -> list[str]:
    """What a reader should know besides the dates."""
    said = ["CFA 2014 s23 gives no number of days for any of its steps; a date beside one of them is a local standard."]
    if any(line.kind == "la_notified" and line.data["says_sen"] == "no" for line in casefile.lines):
        said.append(
            "The notice speaks of a disability alone: CFA 2014 s24(1) is about special educational needs, so that no"
            " time of the authority's starts."
        )
    notice = next(
        (line for line in casefile.lines if line.kind == "la_notified" and line.data["says_sen"] == "yes"), None
    )
    if (
        notice is not None
        and notice.data.get("clock_reading_in_force") != "no"
        and any(_will_assess(line) for line in casefile.lines)
    ):
        said.append(
            "The authority will assess. Where nobody else asked for the assessment, its 16 and 20 weeks run from the"
            " day on which it became responsible (SEND Regs 2014 regs 10(1), 13(2)): open the case of the assessment"
            f" by ehc_assessment_requested of {notice.occurred_on.isoformat()} with linked_to={casefile.case_ref}."
        )
    return said


def _will_assess(line: StoredFact) -> bool:
    """Whether the authority said here that it will assess: a fact copied from an assessment's own case has its
    clocks there already.
    """
    return line.caused_by is None and (line.kind == "la_agreed_to_assess" or line.data.get("outcome") == "will_assess")


NOT_NOTIFIED = ("formed", "informed", "offered")
ALIVE = (*NOT_NOTIFIED, "notified", "acknowledged", "answered")
ITS_NOTICE = dict.fromkeys(
    NOT_NOTIFIED, "the authority answers a notice, and none is recorded by that day: record la_notified first (s23(3))"
)
ONCE_NOTIFIED = "the authority acknowledges a notice once, and before it says what comes of it (s23(3))"
AFTER_NOTICE = (
    "the authority says whether it will assess after it was notified (CFA 2014 s24(1)(b); SEND Regs 2014 reg 5(1)); an"
    " assessment that somebody else asked for does not do the body's part"
)

LABELS = {
    "section23_opinion_formed": "opinion under section 23 formed",
    "says_sen": "says that the child has or may have special educational needs",
}
PROCESS = define_process(
    Section23,
    name="section23",
    title="Section 23 notification",
    labels=LABELS,
    version=3,  # replies; before: facts out of order
    out_of_order_from=2,
    facts=[
        OpeningFact(OPENS, OpinionFormed, guard=_lawful_opening),
        Transition(
            "parent_informed",
            ParentInformed,
            guard=_refused_before_2,
            warning=_informed_of_both,
            order="CFA 2014 s23(2)(a): the parent is told of the opinion and the duty once, and before anything else",
            order_from=2,
        ),
        Transition(
            "discussion_offered",
            DiscussionOffered,
            guard=_own,
            order="CFA 2014 s23(2): the parent is told of the opinion first,"
            " and then has the opportunity to discuss it",
        ),
        NoTransition("voluntary_organisation_identified", OrganisationIdentified, accepted_in=ALIVE, guard=_own),
        NoTransition("voluntary_organisation_named", OrganisationNamed, accepted_in=ALIVE, guard=_own),
        Transition(
            "la_notified",
            LaNotified,
            guard=_own,
            order="CFA 2014 s23(2) and (3): the parent is told of the opinion and the duty, and offered a discussion,"
            " before the authority is told, once",
        ),
        Transition("la_acknowledged", Said, impossible_in=ITS_NOTICE, order=ONCE_NOTIFIED, order_from=2),
        Transition("la_outcome_stated", LaOutcomeStated, impossible_in=ITS_NOTICE, order=AFTER_NOTICE, order_from=2),
        Transition("la_agreed_to_assess", Said, accepted_in=("answered",), order=AFTER_NOTICE, order_from=2),
        Transition("la_refused_to_assess", Said, accepted_in=("answered",), order=AFTER_NOTICE, order_from=2),
    ],
    reactions=[
        Reaction("ehc_needs_assessment", "assessment_agreed", "la_agreed_to_assess", optional=True),
        Reaction("ehc_needs_assessment", "assessment_refused", "la_refused_to_assess", optional=True),
    ],
    one_open_case_per_child_and_la=True,
    and_per_body=True,
    remarks=remarks,
)
