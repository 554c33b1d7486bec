"""The words of answers: what a form offers, and what will be recorded, as a person of a provider reads it."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from casework.context import AppContext
from casework.replies.answers import Asks, Possible, Reply, grounds_of, other_services, possible_answers
from config.text import full_day
from deadlines.duties import Duty
from models.answers import Answer
from models.common_facts import REPLIED
from statemachines.process import Process

LABELS: Mapping[Answer, str] = {
    Answer.RECEIVED: "We have this request",
    Answer.SENT: "It was sent, or done",
    Answer.EXPECTED: "We expect to send it, or do it",
    Answer.NOT_KNOWN: "Not known to this service",
    Answer.DISCHARGED: "Discharged from this service already",
    Answer.OTHER_SERVICE: "It belongs to another service, and we sent it there",
    Answer.MISSED_APPOINTMENT: "An appointment was missed",
    Answer.EXCEPTIONAL: "An exception that the regulations list",
    Answer.WRONG_MAILBOX: "This is the wrong mailbox for it",
}
DAY_QUESTIONS: Mapping[Answer, str] = {
    Answer.SENT: "On which day was it sent, or done?",
    Answer.EXPECTED: "By which day do you expect to send it, or do it?",
    Answer.MISSED_APPOINTMENT: "On which day was the appointment?",
}


class Choice(NamedTuple):
    """One line of a form. `value` is what the form sends; `asks` what the next question is about."""

    value: str
    text: str
    asks: Asks
    possible: Possible


def choices(context: AppContext, process: Process, duty: Duty) -> list[Choice]:
    """Every answer about a duty, as a form offers it: each exception of the regulations is a line of its own."""
    found: list[Choice] = []
    for possible in possible_answers(context, process, duty):
        if possible.answer is Answer.EXCEPTIONAL:
            for word, ground in grounds_of(context, duty).items():
                if word != Answer.MISSED_APPOINTMENT:
                    text = f"An exception ({ground.read_by}): {ground.meaning}"
                    found.append(Choice(f"{possible.answer}:{word}", text, "nothing", possible))
            continue
        found.append(Choice(str(possible.answer), LABELS[possible.answer], possible.asks, possible))
    return found


def services(context: AppContext, duty: Duty) -> list[tuple[str, str]]:
    """The services to which a request may be sent on: what a form sends, and the name of service and body."""
    directory = context.directory
    return [
        (f"{body}:{service}", f"{directory.service_name(service)}, {directory.body(body).name}")
        for body, service in other_services(context, duty)
    ]


def reply_of(choice: str, on: date | None, to: str, recipient: str | None) -> Reply:
    """The reply that a form sends. Raises ValueError for a word that is no answer."""
    word, _, ground = choice.partition(":")
    to_body, _, to_service = to.partition(":")
    answer = Answer(word)
    return Reply(
        answer,
        on=on,
        to_body=to_body or None if answer is Answer.OTHER_SERVICE else None,
        to_service=to_service or None if answer is Answer.OTHER_SERVICE else None,
        ground=ground or None,
        recipient=recipient,
    )


def said(context: AppContext, reply: Reply) -> str:
    """A reply in words: "It was sent, or done: 3 May 2026"."""
    text = LABELS[reply.answer]
    if reply.ground is not None:
        text = f"An exception: {context.law.grounds[reply.ground].meaning}"
    if reply.to_body is not None and reply.to_service is not None:
        directory = context.directory
        text = f"{text}: {directory.service_name(reply.to_service)}, {directory.body(reply.to_body).name}"
    return f"{text}: {full_day(reply.on)}" if reply.on is not None else text


def consequence(context: AppContext, possible: Possible, duty: Duty, reply: Reply) -> str:
    """What a reply does, in a sentence or two."""
    due = f", due {full_day(duty.due)}" if duty.due is not None else ""
    if possible.meets:
        return "This answers the request, and the e-mails about it end."
    if reply.answer is Answer.EXCEPTIONAL:
        return f"The team decides about the exception. Until then it is owed{due}."
    if reply.answer is Answer.MISSED_APPOINTMENT:
        return f"The team decides whether that is an exception. Until then it is owed{due}."
    policy = context.escalation_policy.said_sent.get(duty.rule)
    if reply.answer is Answer.SENT and possible.fact == REPLIED:
        wait = policy.quiet_working_days if policy is not None else 0
        pause = f" No reminder leaves for {wait} working days." if wait else ""
        return f"It is owed until somebody confirms that it arrived{due}.{pause}"
    return f"The team sees it. It is owed{due}, and the date does not move."
