"""What a body can answer to a letter that asks it for something: the words of links, mails and forms."""

from enum import StrEnum


class Answer(StrEnum):
    """One answer. Each process says in its facts which of them records it (`says`); `body_replied` records the rest."""

    RECEIVED = "received"
    SENT = "sent"
    EXPECTED = "expected"
    NOT_KNOWN = "not_known"
    DISCHARGED = "discharged"
    OTHER_SERVICE = "other_service"
    MISSED_APPOINTMENT = "missed_appointment"
    EXCEPTIONAL = "exceptional"
    WRONG_MAILBOX = "wrong_mailbox"
