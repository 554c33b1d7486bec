"""The facts of an enquiry: what was asked by whom, what the team did with it, and advice to schools.

Duty/provision: none of its own. Who the sender is, and what was written, is free text and stored encrypted. Facts have
classes of senders, topics and days only.
"""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from models.common_facts import Opening
from models.facts import Account, Code, FactData, FreeTextField, Service, Slug
from models.fields import CaseLink, FactOfKind, FactReference, LinkRole, Mailbox, Slugs

Sorted = Literal[
    "enquiry",
    "concern",
    "nhs_complaint",
    "data_protection_complaint",
    "foi_request",
    "subject_access_request",
]
Channel = Literal["email", "letter", "telephone", "in_person", "form", "other"]
Sender = Literal[
    "parent",
    "young_person",
    "local_authority",
    "school",
    "college",
    "provider",
    "health_service",
    "member_of_parliament",
    "advice_service",
    "other",
]
Authority = Literal[
    "parental_responsibility", "own_consent", "consent_of_the_family", "professional", "not_established", "not_needed"
]
Topic = Literal[
    "late_advice",
    "waiting_list",
    "equipment",
    "medical_conditions",
    "training",
    "continuing_care",
    "personal_budget",
    "plan_section_g",
    "transition",
    "section_23",
    "tribunal_or_mediation",
    "other",
]
# The facts that have a wording of a reusable answer.
REUSABLE = ("reusable_answer_written", "reusable_answer_revised")
FOLLOWS = LinkRole("follows", "follows", "is followed by")
MERGED = LinkRole("merged_into", "was merged into", "took in")


class EnquiryReceived(Opening):
    """The team received something that asks for an answer. Its day is the day of receipt, and not of its entry.

    `sorted_as` decides the clock. `authority_to_discuss`: what lets the team discuss a child with the sender. `sender`
    and `question` are free text. `sender_mailbox`: where the sender gets e-mails about it, if they want any.
    `follows`: the closed enquiry that comes back by it.
    """

    sorted_as: Sorted
    sender_is: Sender
    topic: Topic
    channel: Channel = "email"
    authority_to_discuss: Authority = "not_established"
    urgent: bool = False
    safeguarding: bool = False
    services_now: Slugs | None = None
    services_before: Slugs | None = None
    follows: Annotated[CaseLink, FOLLOWS] | None = None
    sender: FreeTextField | None = None
    sender_mailbox: Mailbox | None = None
    question: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"sender", "sender_mailbox", "question"})


class SenderMailboxGiven(FactData):
    """The sender gave an address for e-mails about this enquiry. It is stored encrypted, and an erasure deletes it."""

    sender_mailbox: Mailbox
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"sender_mailbox"})


class EnquirySorted(FactData):
    """It became another kind of matter on this day, such as a complaint: another clock begins.

    What was sorted wrongly from the start is corrected instead.
    """

    sorted_as: Sorted
    channel: Channel = "email"


class Said(FactData):
    """Something that was said to the sender or by them; the words are free text."""

    channel: Channel | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class AuthorityEstablished(Said):
    """The team knows what lets it discuss a child with the sender: whose consent, or why none is needed."""

    authority_to_discuss: Authority


class TakenUp(FactData):
    """An account of the team took the enquiry up, with a deputy who answers while the owner is away."""

    owner: Account
    deputy: Account | None = None


class HoldingReplySent(Said):
    """The team informed the sender that the answer takes longer. `received_on`: the first day of the longer time."""

    received_on: date


class OfService(FactData):
    """Something between the team and a service about the enquiry."""

    body: Code
    service: Service | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class Answered(Said):
    """The team answered the sender. `reused_answer`: the wording of the reusable answer that it was made from, by its
    case and the number of its fact; `reused`: a word for another source of the answer.

    `satisfied`: what the sender said of the answer. `theme`: under which word reports count it.
    """

    reused_answer: Annotated[FactReference, FactOfKind(*REUSABLE)] | None = None
    reused: Slug | None = None
    satisfied: Literal["yes", "no", "not_asked"] = "not_asked"
    theme: Slug | None = None


class Settled(Said):
    """A complaint made orally was settled to the complainant's satisfaction (SI 2009/309 reg 8(1)(c))."""


class Redirected(Said):
    """The team sent the sender, or what they wrote, to those who answer it.

    `warm_handover`: the team spoke with them first, and they expect the sender.
    """

    redirected_to: Slug
    warm_handover: bool
    body: Code | None = None


class Merged(FactData):
    """The same matter is dealt with in another enquiry, which both cases show."""

    merged_into: Annotated[CaseLink, MERGED]


class SubjectAccessExtended(Said):
    """The person was informed that the answer takes up to two further months, and why (UK GDPR art 12(3))."""

    received_on: date


class MedicalConditionAsked(FactData):
    """A school asked how it supports a pupil with a medical condition (CFA 2014 s100). No child is named.

    `condition_class`: a class such as epilepsy. `competency_until`: until when the staff who do a task are competent.
    """

    condition_class: Slug
    healthcare_plan: Literal["yes", "no", "in_draft", "not_known"]
    task_delegated: bool = False
    trained_by: Slug | None = None
    competency_until: date | None = None
    risk: Literal["low", "medium", "high", "not_assessed"] = "not_assessed"
    in_dispute: bool = False
    advice: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"advice"})


class TrainingWanted(FactData):
    """Somebody asked for training: of which course, for whom, for how many, and by when."""

    course: Slug
    audience: Literal["school", "college", "local_authority", "health_service", "families", "mixed"]
    people: Annotated[int, Field(ge=1, le=2000)] | None = None
    wanted_by: date | None = None
    competency_until: date | None = None
