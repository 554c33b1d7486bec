"""The facts that every process shares: corrections, exceptions, pauses, contacts, replies, attendance, and letters.

An exception never moves a date (SEND Regs 2014 regs 5(4), 8(2), 10(4)): it says that missing the date is no breach. A
claimed exception has no effect until a person accepts it. Grounds are data of the statute files; here each is an id.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from models.enums import About
from models.facts import Code, FactData, FreeTextField, Reference, Service, Slug
from models.fields import CaseLink, LinkRole

Seq = Annotated[int, Field(ge=1)]
# The kinds of body that can be a responsible commissioning body (CFA 2014 s42(4); SI 2017/1306 reg 2): bodies that have
# to arrange health provision, and no provider of it.
COMMISSIONERS = frozenset({"integrated_care_board", "nhs_england"})


class Opening(FactData):
    """Fields of every opening fact: the local authority, its reference, and another case of the same child.

    sendflow stores the NHS number and the date of birth encrypted in the person table, and never in the fact.
    """

    la: Slug | None = None
    la_reference: Reference | None = None
    linked_to: Reference | None = None
    nhs_number: str | None = None
    date_of_birth: date | None = None
    IDENTITY_FIELDS: ClassVar[frozenset[str]] = frozenset({"nhs_number", "date_of_birth"})


class FactCorrected(FactData):
    """An earlier fact was wrong: its day or its fields. The stored fact stays as it is."""

    occurred_on: date | None = None
    reason: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reason"})


class FactWithdrawn(FactData):
    """An earlier fact did not happen, or belongs to another case."""

    reason: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reason"})


class ExcuseClaimed(FactData):
    """A body says that a listed ground made the date impractical. It has no effect until a person decides.

    `began_on` and `ended_on` are calendar days, both included.
    """

    ground: Slug | None = None
    rule: Slug | None = None
    body: Code | None = None
    service: Service | None = None
    began_on: date | None = None
    ended_on: date | None = None
    claimed_by: Slug | None = None
    evidence: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"evidence"})


class ExcuseDecided(FactData):
    """A person accepted or refused a claimed exception. `look_again_on`: the review date of an accepted one."""

    claim: Seq
    decision: Literal["accepted", "refused"]
    ground: Slug | None = None
    rule: Slug | None = None
    body: Code | None = None
    service: Service | None = None
    began_on: date | None = None
    ended_on: date | None = None
    look_again_on: date | None = None
    reason: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reason"})


class CaseEnded(FactData):
    """The request was withdrawn, or the case needs no more work. The case accepts no further fact."""

    reason: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reason"})


class ChasingBegan(FactData):
    """sendflow chases the case from this day on. It never records an escalation step dated up to this day, so that a
    first import sends nothing about the past.
    """


class ChasingPaused(FactData):
    """A person asked sendflow not to chase up to and including `until`. Due dates do not change."""

    until: date
    body: Code | None = None
    reason: FreeTextField
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reason"})


class ContactMade(FactData):
    """The team spoke with somebody about the case: with whom, what was agreed, and by when. It moves no date.

    `note` has the words; a letter says only the rest.
    """

    with_whom: Literal[
        "service",
        "service_manager",
        "provider_send_lead",
        "integrated_care_board",
        "local_authority",
        "school",
        "other",
    ]
    how: Literal["call", "meeting", "message"]
    agreed: Literal["it_will_be_done", "an_answer", "nothing"]
    agreed_by: date | None = None
    body: Code | None = None
    service: Service | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class BodyReplied(FactData):
    """A body replied to a letter, by link, e-mail or telephone, and no fact of the process says it.

    It meets no duty and moves no date: what a body says of `sent` is a claim until somebody confirms the receipt. `day`
    is the one that it names: sent on, expected on, missed on. `rule` and `opened_seq` name the duty. `paused_until`:
    by the escalation policy, no step of that duty falls due up to and including that day.
    """

    said: Literal[
        "received",
        "sent",
        "expected",
        "not_known",
        "discharged",
        "other_service",
        "missed_appointment",
        "wrong_mailbox",
    ]
    body: Code
    service: Service | None = None
    day: date | None = None
    to_body: Code | None = None
    to_service: Service | None = None
    rule: Slug | None = None
    opened_seq: Seq | None = None
    recipient: Slug | None = None
    paused_until: date | None = None


class DcoAttended(FactData):
    """The designated officer took part in a panel of the authority, a review meeting or a hearing, with the view given.

    The view is encrypted. It moves no date, and decides nothing for a body: the officer holds no duty of its own.
    """

    what: Literal["panel", "review", "hearing"]
    view: FreeTextField | None = None
    body: Code | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"view"})


class PersonDied(FactData):
    """The child or young person died on this day. It ends each duty of every case of the child.

    It is a fact of the child: sendflow records it on each of the child's cases, also on those that ended. No letter
    about them leaves, no digest or list names them, until a person releases what waits.
    """


class PersonFlaggedSensitive(FactData):
    """A person asked that nothing about this child leaves unseen. It ends no duty and moves no date.

    It is a fact of the child, as `PersonDied` is. It ends with its withdrawal.
    """

    reason: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reason"})


# What any case may be to another, besides the roles that a process gives to fields of its own facts.
LINK_ROLES = {
    role.name: role
    for role in (
        LinkRole("related", "is related to", "is related to"),
        LinkRole("follows", "follows", "is followed by"),
        LinkRole("part_of", "is part of", "has as a part"),
    )
}


class CaseLinked(FactData):
    """This case is linked to another from this day on. Both show it. It moves no date, and makes no child another's."""

    to_case: CaseLink
    role: Literal["related", "follows", "part_of"] = "related"


class CaseUnlinked(FactData):
    """A link of this case to another ended on this day. `role` is that of the link, of whichever fact made it."""

    to_case: CaseLink
    role: Slug = "related"


class Rung(FactData):
    """A step of the escalation policy fell due: its duty, and the due date that sendflow applied."""

    rule: Slug
    rung: Slug
    opened_seq: Seq
    due: date
    body: Code | None = None
    service: Service | None = None


class RungWithdrawn(FactData):
    """A correction moved the due date of a step; sendflow notifies those who received its letter."""

    rule: Slug
    rung: Slug
    rung_seq: Seq
    opened_seq: Seq
    due: date
    body: Code | None = None
    service: Service | None = None
    due_now: date | None = None


class NoticeOutcome(FactData):
    """The outcome of one notice: only `notice_sent` means that it was sent to anyone."""

    rule: Slug
    rung: Slug
    opened_seq: Seq
    recipient: Slug
    letter: Annotated[str, Field(pattern=r"^[0-9a-z-]{1,64}$")]
    due: date | None = None
    rung_seq: Seq | None = None
    body: Code | None = None
    service: Service | None = None
    why: Slug | None = None


class ChildParted(FactData):
    """This case and the cases named in `from_cases` are about different children, as a person decided.

    Every case of both sides has this fact. What one side copied from the other is withdrawn.
    """

    from_cases: list[Reference]


class ChildJoined(FactData):
    """This case and the cases named in `with_cases` are about one child, as a person decided.

    Every case of both sides has this fact.
    """

    with_cases: list[Reference]


class _NoticesNamed(FactData):
    """All letters of the case that have not left, or the ones of this duty, step and recipient."""

    rule: Slug | None = None
    opened_seq: Seq | None = None
    rung: Slug | None = None
    recipient: Slug | None = None
    reason: FreeTextField
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reason"})


class LettersHeld(_NoticesNamed):
    """A person holds letters of the case up to and including `until`."""

    until: date


class LettersReleased(_NoticesNamed):
    """A person releases letters of the case that were on hold."""


class NoticeCameBack(NoticeOutcome):
    """A letter that the mail server had accepted came back: its recipient was not notified by it."""

    reason: FreeTextField
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reason"})


class NoticeUndelivered(NoticeOutcome):
    """A mail server said, after it had accepted a letter, that it was not delivered. `cause` is a word of a list."""

    cause: Slug


ATTENDED = "dco_attended"
REPLIED = "body_replied"
LINKED, UNLINKED = "case_linked", "case_unlinked"
DIED, SENSITIVE = "person_died", "person_flagged_sensitive"
SHARED: dict[str, type[FactData]] = {
    "excuse_claimed": ExcuseClaimed,
    "excuse_decided": ExcuseDecided,
    "case_withdrawn": CaseEnded,
    "case_closed": CaseEnded,
    "fact_corrected": FactCorrected,
    "fact_withdrawn": FactWithdrawn,
    "chasing_began": ChasingBegan,
    "chasing_paused": ChasingPaused,
    "contact_made": ContactMade,
    REPLIED: BodyReplied,
    ATTENDED: DcoAttended,
    LINKED: CaseLinked,
    UNLINKED: CaseUnlinked,
    DIED: PersonDied,
    SENSITIVE: PersonFlaggedSensitive,
    "reminder_due": Rung,
    "breached": Rung,
    "escalation_due": Rung,
    "rung_withdrawn": RungWithdrawn,
    "notice_sent": NoticeOutcome,
    "notice_failed": NoticeOutcome,
    "child_parted": ChildParted,
    "child_joined": ChildJoined,
    "notice_came_back": NoticeCameBack,
    "notice_undelivered": NoticeUndelivered,
    "letters_held": LettersHeld,
    "letters_released": LettersReleased,
}


def shared_facts(about: About) -> Mapping[str, type[FactData]]:
    """The facts that every process about this shares. Without a child nobody dies, is flagged, parted or joined."""
    left_out = frozenset() if about is About.CHILD else CHILD_FACTS | OF_THE_CHILD
    return {kind: model for kind, model in SHARED.items() if kind not in left_out}


HOLD, RELEASE, CAME_BACK = "letters_held", "letters_released", "notice_came_back"
UNDELIVERED = "notice_undelivered"
RETURNED = frozenset({CAME_BACK, UNDELIVERED})  # a letter that had been accepted did not arrive
CONTACT = "contact_made"
# Facts of the child: every case of the child has them, and nothing about the child leaves without a person's release.
OF_THE_CHILD = frozenset({DIED, SENSITIVE})
CORRECTIONS = frozenset({"fact_corrected", "fact_withdrawn"})
ESCALATION_FACTS = frozenset({"reminder_due", "breached", "escalation_due"})
OUTCOMES = frozenset({"notice_sent", "notice_failed", "rung_withdrawn"})
CHILD_FACTS = frozenset({"child_parted", "child_joined"})
ENGINE_ONLY = ESCALATION_FACTS | OUTCOMES | CHILD_FACTS | {"chasing_began", HOLD, RELEASE, *RETURNED}
