"""Words that no locality changes: parties, the status of a duty, and the kind of law that binds it."""

from enum import StrEnum


class Party(StrEnum):
    """To whom a letter may be addressed; the directory has the mailboxes.

    `owner` is a word of the escalation policy only: the post of the owner of the duty, which the letter then names.
    `team_role` is the role of our team that owes the duty, where its rule names one. `party` is somebody outside whom a
    case names, such as an enquirer: the case has the mailbox, encrypted.
    """

    SERVICE = "service"
    SERVICE_MANAGER = "service_manager"
    PROVIDER_SEND_LEAD = "provider_send_lead"
    DCO = "dco"
    ICB_EXECUTIVE_LEAD = "icb_executive_lead"
    LOCAL_AUTHORITY = "local_authority"
    OWNER = "owner"
    TEAM_ROLE = "team_role"
    PARTY = "party"


class About(StrEnum):
    """What a case is about. Only a case about a child has an identity, a link to a child's other cases, and an
    authority in its letters.
    """

    CHILD = "child"
    ORGANISATION = "organisation"
    MEETING = "meeting"


class DutyStatus(StrEnum):
    """The status of one duty on one day. `due_soon` begins seven calendar days before the due date."""

    RUNNING = "running"
    DUE_SOON = "due_soon"
    MET = "met"
    MET_LATE = "met_late"
    BREACHED = "breached"
    EXCUSED = "excused"
    TOO_EARLY = "too_early"
    NO_DATE = "no_date"


class NoticeState(StrEnum):
    """Where a notice in the outbox has come to; every letter ends in one of the last six."""

    CREATED = "created"
    HELD = "held"
    CLAIMED = "claimed"
    SENT = "sent"
    SENT_PERHAPS_TWICE = "sent_perhaps_twice"
    FAILED = "failed"
    CAME_BACK = "came_back"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class LetterState(StrEnum):
    """Where one message to one mailbox has come to. `sending` means that the outcome is not yet known."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    SENT_PERHAPS_TWICE = "sent_perhaps_twice"
    FAILED = "failed"
    CAME_BACK = "came_back"
    WITHDRAWN = "withdrawn"
