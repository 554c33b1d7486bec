"""Which answers a body can give about a duty that a letter asks for, and which facts each of them records.

It follows from the process: a fact of its machine says which answer it records (`says`), the duty's provision lists the
exceptions, and the escalation policy says whether "sent" is the answer or a claim. What no fact of the process says is
recorded as `body_replied`. A new process needs no edit here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple

from casework.cases.fact_form import Refused
from casework.context import AppContext
from config.law import Ground
from config.text import full_day
from deadlines.duties import Duty
from models.answers import Answer
from models.casefile import CaseFile
from models.common_facts import REPLIED
from models.facts import ACTOR, FactDraft, iso
from statemachines.process import FactDefinition, Process

CLAIMED = "excuse_claimed"
# What else an answer has to say.
Asks = Literal["nothing", "past_day", "coming_day", "service", "ground"]
ASKS: Mapping[Answer, Asks] = {
    Answer.SENT: "past_day",
    Answer.EXPECTED: "coming_day",
    Answer.OTHER_SERVICE: "service",
    Answer.MISSED_APPOINTMENT: "past_day",
    Answer.EXCEPTIONAL: "ground",
}
# Only a service sees a child, or does not know it: a board's own duty has no such answer.
OF_A_SERVICE = frozenset({Answer.NOT_KNOWN, Answer.DISCHARGED, Answer.OTHER_SERVICE})


class Possible(NamedTuple):
    """One answer that a body can give about a duty. `fact`: the kind that records it, with its fixed `fields`.

    `meets`: that fact is one that meets the duty.
    """

    answer: Answer
    asks: Asks
    fact: str
    fields: Mapping[str, str]
    meets: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """What a body says about one duty. `on`: the day sent, expected or missed. `ground`: of the exception.

    `to_body` and `to_service`: to whom the body sent the request on. `recipient`: whose mailbox replies.
    """

    answer: Answer
    on: date | None = None
    to_body: str | None = None
    to_service: str | None = None
    ground: str | None = None
    recipient: str | None = None


def possible_answers(context: AppContext, process: Process, duty: Duty) -> list[Possible]:
    """Every answer that the body of an open duty can give about it, in the order of `Answer`."""
    found = (_possible(context, process, duty, answer) for answer in Answer)
    return [each for each in found if each is not None]


def grounds_of(context: AppContext, duty: Duty) -> dict[str, Ground]:
    """The exceptions that the provision of a duty lists, in its words."""
    return {word: context.law.grounds[word] for word in duty.dates.excuses}


def drafts_of(context: AppContext, file: CaseFile, duty: Duty, reply: Reply) -> list[FactDraft]:
    """The facts that a reply records today. Raises Refused where it is no answer about this duty, or not complete."""
    process = context.processes[file.process]
    possible = _possible(context, process, duty, reply.answer)
    if possible is None:
        words = ", ".join(each.answer for each in possible_answers(context, process, duty))
        raise Refused("no_such_answer", f"that is no answer about this duty: expected one of {words}", field="answer")
    today = context.today()
    _check(context, duty, reply, possible.asks, today)
    about = _about(duty)
    if possible.fact == CLAIMED:
        return [FactDraft(CLAIMED, today, {**about, "rule": duty.rule, "ground": reply.ground})]
    if possible.fact == REPLIED:
        return [FactDraft(REPLIED, today, {**about, **_said(context, duty, reply, today)})]
    on = reply.on if possible.asks == "past_day" and reply.on is not None else today
    drafts = [FactDraft(possible.fact, on, {**about, **possible.fields, **_redirected(process, possible, reply)})]
    if reply.answer is Answer.MISSED_APPOINTMENT and reply.answer in duty.dates.excuses:
        drafts.append(FactDraft(CLAIMED, today, {**about, "rule": duty.rule, "ground": str(reply.answer)}))
    if reply.answer is Answer.OTHER_SERVICE and reply.to_service is not None:
        drafts.append(FactDraft(REPLIED, today, {**about, **_said(context, duty, reply, today)}))
    return drafts


def actor_of(duty_body: str | None, service: str | None, recipient: str | None) -> str:
    """The account name of a mailbox, from what it is for: an address may have a person's name in it."""
    whose = recipient if recipient not in (None, "service") else service
    code = (duty_body or "").lower()
    for name in ([f"mailbox.{code}.{whose}"] if whose else []) + [f"mailbox.{code}", "mailbox"]:
        if ACTOR.fullmatch(name):
            return name
    raise AssertionError("mailbox is an account name")


def _possible(context: AppContext, process: Process, duty: Duty, answer: Answer) -> Possible | None:
    asks = ASKS.get(answer, "nothing")
    if answer is Answer.EXCEPTIONAL:
        return Possible(answer, asks, CLAIMED, {}, False) if duty.dates.excuses else None
    policy = context.escalation_policy.said_sent.get(duty.rule)
    claim = answer is Answer.SENT and policy is not None and policy.confirm
    fact = None if claim else next(_facts_that_say(process, duty, answer), None)
    if fact is not None:
        return Possible(answer, asks, fact.kind, fact.says[answer], fact.kind in duty.law.met_by)
    if answer is Answer.MISSED_APPOINTMENT and answer not in duty.dates.excuses:
        return None
    if answer in OF_A_SERVICE and duty.service is None:
        return None
    return Possible(answer, asks, REPLIED, {}, False)


def _facts_that_say(process: Process, duty: Duty, answer: Answer) -> Iterator[FactDefinition]:
    """The facts of a process that record an answer about a duty: they meet it, or show contact about a request."""
    asked = bool(process.asks & {*duty.law.starts})
    for fact in process.facts.values():
        if answer in fact.says and (fact.kind in duty.law.met_by or (asked and fact.kind not in process.answers)):
            yield fact


def _about(duty: Duty) -> dict[str, Any]:
    return {"body": duty.body} | ({"service": duty.service} if duty.service is not None else {})


def _said(context: AppContext, duty: Duty, reply: Reply, today: date) -> dict[str, Any]:
    policy = context.escalation_policy.said_sent.get(duty.rule)
    quiet = policy.quiet_working_days if policy is not None and reply.answer is Answer.SENT else 0
    data = {
        "said": str(reply.answer),
        "rule": duty.rule,
        "opened_seq": duty.opened_seq,
        "day": iso(reply.on) if reply.on is not None else None,
        "to_body": reply.to_body,
        "to_service": reply.to_service,
        "recipient": reply.recipient,
        "paused_until": iso(context.calendar.add_working_days(today, quiet)) if quiet else None,
    }
    return {key: value for key, value in data.items() if value is not None}


def _redirected(process: Process, possible: Possible, reply: Reply) -> dict[str, Any]:
    """The body that a request was sent on to, where the fact has a field for it."""
    model = process.facts[possible.fact].model
    return {"redirected_to": reply.to_body} if reply.to_body and "redirected_to" in model.model_fields else {}


def _check(context: AppContext, duty: Duty, reply: Reply, asks: Asks, today: date) -> None:
    """Refuse a reply without the day, the service or the ground that its answer needs, or with an impossible one."""
    if asks == "past_day":
        first = min(duty.started_on, duty.opened_on) if reply.answer is Answer.SENT else None
        if reply.on is None or reply.on > today or (first is not None and reply.on < first):
            since = f" from {full_day(first)}" if first is not None else ""
            raise Refused("bad_day", f"give the day{since} up to today, {full_day(today)}", field="on")
    if asks == "coming_day" and (reply.on is None or reply.on < today):
        raise Refused("bad_day", f"give the day, today ({full_day(today)}) or later", field="on")
    if asks == "service" and (reply.to_body, reply.to_service) not in other_services(context, duty):
        raise Refused("bad_service", "say to which service the request was sent on, from the list", field="to")
    listed = duty.dates.excuses
    if asks == "ground" and reply.ground not in listed:
        raise Refused(
            "ground_not_listed",
            f"that is no exception that the law lists for this duty: expected one of {', '.join(listed)}",
            field="ground",
        )


def other_services(context: AppContext, duty: Duty) -> list[tuple[str, str]]:
    """Each body and service of the directory but the duty's own, in the order of their names."""
    directory = context.directory
    pairs = [(each.body, service) for each in directory.bodies for service in each.services]
    others = [pair for pair in pairs if pair != (duty.body, duty.service)]
    return sorted(others, key=lambda pair: (directory.service_name(pair[1]), directory.body(pair[0]).name))
