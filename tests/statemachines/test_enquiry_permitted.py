"""What may happen in every state of an enquiry, written by hand from our promise on enquiries, SI 2009/309 and UK GDPR
art 12(3).
"""

from collections.abc import Sequence

from models.common_facts import CORRECTIONS, ENGINE_ONLY, OF_THE_CHILD, SHARED
from models.facts import StoredFact
from statemachines.enquiry import PROCESS
from tests.support.hand_table import HandTable, asked_before

AFTERWARDS = CORRECTIONS | ENGINE_ONLY | OF_THE_CHILD
# Clause 6: what it is, what lets the team discuss a child, and what a school asked, is recorded at any time.
ANYTIME = set(SHARED) | {
    "enquiry_sorted",
    "sender_mailbox_given",
    "sender_emails_stopped",
    "authority_to_discuss_established",
    "enquiry_merged",
    "medical_conditions_asked",
    "training_wanted",
}
# Clauses 1 to 5: what the team may do while it owes an answer.
OWED = ANYTIME | {
    "enquiry_acknowledged",
    "enquiry_taken_up",
    "holding_reply_sent",
    "service_asked",
    "sender_asked",
    "enquiry_answered",
    "complaint_settled",
    "delay_explained",
    "subject_access_extended",
    "enquiry_redirected",
}
OPEN = ("received", "acknowledged", "with_us", "waiting_on_service", "waiting_on_sender")
EVERY = (*OPEN, "answered", "redirected")


def sorted_as(before: Sequence[StoredFact]) -> str:
    return str([each.data["sorted_as"] for each in before if "sorted_as" in each.data][-1])


def received_by_then(fact: StoredFact) -> bool:
    return str(fact.data["received_on"]) <= fact.occurred_on.isoformat()


TABLE = HandTable(
    usual={
        "received": OWED | {"sender_replied"},
        "acknowledged": (OWED - {"enquiry_acknowledged"}) | {"sender_replied"},
        "with_us": OWED | {"sender_replied", "service_answered"},
        "waiting_on_service": OWED | {"sender_replied", "service_answered"},
        "waiting_on_sender": OWED | {"sender_replied", "service_answered"},
        "answered": ANYTIME | {"enquiry_reopened", "enquiry_taken_up", "service_answered"},
        "redirected": ANYTIME | {"enquiry_returned", "sender_replied", "service_answered"},
        "merged": AFTERWARDS,
        "withdrawn": AFTERWARDS,
        "closed": AFTERWARDS,
    },
    moves={
        ("received", "enquiry_acknowledged"): "acknowledged",
        ("received", "enquiry_taken_up"): "with_us",
        ("acknowledged", "enquiry_taken_up"): "with_us",
        **{(state, "service_asked"): "waiting_on_service" for state in OPEN},
        ("waiting_on_service", "service_answered"): "with_us",
        **{(state, "sender_asked"): "waiting_on_sender" for state in OPEN},
        ("waiting_on_sender", "sender_replied"): "with_us",
        **{(state, kind): "answered" for state in OPEN for kind in ("enquiry_answered", "complaint_settled")},
        **{(state, "enquiry_redirected"): "redirected" for state in OPEN},
        ("answered", "enquiry_reopened"): "with_us",
        ("redirected", "enquiry_returned"): "with_us",
        **{(state, "enquiry_merged"): "merged" for state in EVERY},
        **{(state, "case_withdrawn"): "withdrawn" for state in EVERY},
        **{(state, "case_closed"): "closed" for state in EVERY},
    },
    unusual_moves={},
    leaves={
        "enquiry_acknowledged": "nothing: it was acknowledged, answered or redirected before",
        "enquiry_taken_up": "nothing: it was redirected before",
        "holding_reply_sent": "the answer that the holding reply promises",
        "service_asked": "what the service was asked for",
        "sender_asked": "nothing of ours: the sender was answered before",
        "sender_replied": "an answer to what the sender wrote",
        "enquiry_answered": "nothing: it was answered or redirected before",
        "complaint_settled": "nothing: it was answered or redirected before",
        "delay_explained": "nothing: it was answered or redirected before",
        "subject_access_extended": "the answer by the longer time",
        "enquiry_redirected": "nothing: it was answered or redirected before",
    },
    impossible={
        "service_answered": (
            ("received", "acknowledged"),
            "a service answers what it was asked, and none was asked",
        ),
        "enquiry_reopened": ((*OPEN, "redirected"), "an enquiry is reopened after it was answered"),
        "enquiry_returned": ((*OPEN, "answered"), "an enquiry comes back after it was redirected"),
    },
    possible={
        "service_answered": asked_before("service_asked"),
        "complaint_settled": lambda before, _fact: sorted_as(before) == "nhs_complaint",
        "delay_explained": lambda before, _fact: sorted_as(before) == "nhs_complaint",
        "holding_reply_sent": lambda before, fact: (
            sorted_as(before) in {"enquiry", "concern"} and received_by_then(fact)
        ),
        "subject_access_extended": lambda before, fact: (
            sorted_as(before) == "subject_access_request" and received_by_then(fact)
        ),
    },
)
assert PROCESS.initial == "received"
