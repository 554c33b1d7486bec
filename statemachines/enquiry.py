"""An enquiry to the team: received, acknowledged, taken up, asked on, answered, redirected or merged.

What it decides: the order of the team's own promise, and no law. Each kind of matter has a clock of its own in the
statute file. A closed enquiry that comes back is a new case that follows it.
"""

from statemachine import State

from models.casefile import CaseFile
from models.facts import StoredFact
from statemachines.definitions import PartyMailbox, RecordClassByField
from statemachines.enquiry_facts import (
    Answered,
    AuthorityEstablished,
    EnquiryReceived,
    EnquirySorted,
    HoldingReplySent,
    MedicalConditionAsked,
    Merged,
    OfService,
    Redirected,
    Said,
    SenderMailboxGiven,
    Settled,
    SubjectAccessExtended,
    TakenUp,
    TrainingWanted,
)
from statemachines.process import IS_DONE, NoTransition, OpeningFact, StatutoryMachine, Transition, define_process


class Enquiry(StatutoryMachine):
    """An enquiry to the team."""

    received = State("Received", initial=True)
    acknowledged = State("Acknowledged")
    with_us = State("With us")
    waiting_on_service = State("Waiting on a service")
    waiting_on_sender = State("Waiting on the sender")
    answered = State("Answered")
    redirected = State("Redirected")
    merged = State("Merged", final=True)
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    enquiry_acknowledged = received.to(acknowledged)
    enquiry_taken_up = with_us.from_(received, acknowledged)
    service_asked = waiting_on_service.from_(received, acknowledged, with_us, waiting_on_sender)
    service_answered = waiting_on_service.to(with_us)
    sender_asked = waiting_on_sender.from_(received, acknowledged, with_us, waiting_on_service)
    sender_replied = waiting_on_sender.to(with_us)
    enquiry_answered = answered.from_(received, acknowledged, with_us, waiting_on_service, waiting_on_sender)
    complaint_settled = answered.from_(received, acknowledged, with_us, waiting_on_service, waiting_on_sender)
    enquiry_redirected = redirected.from_(received, acknowledged, with_us, waiting_on_service, waiting_on_sender)
    enquiry_reopened = answered.to(with_us)
    enquiry_returned = redirected.to(with_us)
    enquiry_merged = merged.from_(
        received, acknowledged, with_us, waiting_on_service, waiting_on_sender, answered, redirected
    )
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


OPEN = ("received", "acknowledged", "with_us", "waiting_on_service", "waiting_on_sender")
EVERY = (*OPEN, "answered", "redirected")
ANSWERED_BEFORE = "an enquiry that was answered is reopened first (our promise, clause 4)"
OVER = "it was answered or redirected before (our promise, clause 2)"

# The newest of these facts says what it is sorted as.
SORTS = ("enquiry_received", "enquiry_sorted")


def _sorted_as(casefile: CaseFile, fact: StoredFact) -> str:
    return str(casefile.facts_before(fact, *SORTS)[-1].data["sorted_as"])


def _of_enquiry(casefile: CaseFile, fact: StoredFact) -> str | None:
    if _sorted_as(casefile, fact) not in ("enquiry", "concern"):
        return (
            "a holding reply is part of our promise on enquiries and concerns; of a complaint record delay_explained,"
            " of a subject access request subject_access_extended, and otherwise contact_made"
        )
    return _received_before(casefile, fact)


def _of_complaint(casefile: CaseFile, fact: StoredFact) -> str | None:
    if _sorted_as(casefile, fact) == "nhs_complaint":
        return None
    return "it is about an NHS complaint (SI 2009/309), and this is none: enquiry_sorted says what it became"


def _of_subject_access(casefile: CaseFile, fact: StoredFact) -> str | None:
    if _sorted_as(casefile, fact) == "subject_access_request":
        return _received_before(casefile, fact)
    return "the time of UK GDPR art 12(3) is about a subject access request, and this is none"


def _received_before(_casefile: CaseFile, fact: StoredFact) -> str | None:
    if fact.data["received_on"] <= fact.occurred_on.isoformat():
        return None
    return "received_on is the day on which it was received: that day or earlier"


def _was_asked(casefile: CaseFile, fact: StoredFact) -> str | None:
    asked = casefile.facts_before(fact, "service_asked")
    if any(each.data["body"] == fact.data["body"] for each in asked):
        return None
    return "a service answers what it was asked, and that body was not asked before it"


PROCESS = define_process(
    Enquiry,
    name="enquiry",
    title="Enquiry to the team",
    version=1,
    party_mailbox=PartyMailbox("sender_mailbox", stopped_by="sender_emails_stopped"),
    record_class=RecordClassByField(
        "sorted_as",
        {
            "nhs_complaint": "complaint",
            "data_protection_complaint": "complaint",
            "foi_request": "information_request",
            "subject_access_request": "information_request",
        },
    ),
    facts=[
        OpeningFact("enquiry_received", EnquiryReceived),
        NoTransition("sender_mailbox_given", SenderMailboxGiven, accepted_in=EVERY),
        NoTransition("sender_emails_stopped", Said, accepted_in=EVERY),
        NoTransition("enquiry_sorted", EnquirySorted, accepted_in=EVERY),
        NoTransition("authority_to_discuss_established", AuthorityEstablished, accepted_in=EVERY),
        Transition(
            "enquiry_acknowledged",
            Said,
            accepted_in=("with_us", "waiting_on_service", "waiting_on_sender"),
            order="an acknowledgement comes before the answer (our promise, clause 1)",
        ),
        Transition(
            "enquiry_taken_up",
            TakenUp,
            accepted_in=("with_us", "waiting_on_service", "waiting_on_sender", "answered"),
            order=OVER,
        ),
        NoTransition("holding_reply_sent", HoldingReplySent, accepted_in=OPEN, guard=_of_enquiry, order=OVER),
        Transition(
            "service_asked",
            OfService,
            accepted_in=("waiting_on_service",),
            roles=("asks",),
            order=ANSWERED_BEFORE,
        ),
        Transition(
            "service_answered",
            OfService,
            accepted_in=("with_us", "waiting_on_sender", "answered", "redirected"),
            impossible_in={
                "received": "a service answers what it was asked, and none was asked",
                "acknowledged": "a service answers what it was asked, and none was asked",
            },
            guard=_was_asked,
            roles=("answers",),
            says=IS_DONE,
        ),
        Transition("sender_asked", Said, accepted_in=("waiting_on_sender",), order=ANSWERED_BEFORE),
        Transition("sender_replied", Said, accepted_in=(*OPEN[:4], "redirected"), order=ANSWERED_BEFORE),
        Transition("enquiry_answered", Answered, order=OVER),
        Transition("complaint_settled", Settled, guard=_of_complaint, order=OVER),
        NoTransition("delay_explained", Said, accepted_in=OPEN, guard=_of_complaint, order=OVER),
        NoTransition(
            "subject_access_extended",
            SubjectAccessExtended,
            accepted_in=OPEN,
            guard=_of_subject_access,
            order=OVER,
        ),
        Transition("enquiry_redirected", Redirected, order=OVER),
        Transition(
            "enquiry_reopened",
            Said,
            impossible_in=dict.fromkeys((*OPEN, "redirected"), "an enquiry is reopened after it was answered"),
        ),
        Transition(
            "enquiry_returned",
            Said,
            impossible_in=dict.fromkeys((*OPEN, "answered"), "an enquiry comes back after it was redirected"),
        ),
        Transition("enquiry_merged", Merged),
        NoTransition("medical_conditions_asked", MedicalConditionAsked, accepted_in=EVERY),
        NoTransition("training_wanted", TrainingWanted, accepted_in=EVERY),
    ],
)
