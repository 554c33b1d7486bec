"""What a person should know of the facts of an act. It refuses nothing.

A body may not provide the requested service, or not have existed on the day.

Provision: CFA 2014 s31 lets the authority ask any of its partners, and every body that is asked has to answer in time
(SEND Regs 2014 reg 8(1)). That it forwards the request, and to which body, is an answer. The directory is the team's
own file and may be out of date: it decides no duty.
"""

from datetime import date

from casework.cases.loaded_case import LoadedCase
from casework.cases.out_of_order import unusual
from casework.cases.repetitions import noted
from config.directory import Directory, DirectoryError
from config.text import full_day
from models.facts import StoredFact


def warnings_of(case: LoadedCase) -> list[str]:
    """What a person should know of the facts of this act: they are out of order, ask a wrong body, or repeat one."""
    named = [*wrong_bodies(case), *bodies_of_another_time(case)] if any(map(_names_a_body, case.new_facts)) else []
    return [*unusual(case), *named, *noted(case)]


def _names_a_body(fact: StoredFact) -> bool:
    return "body" in fact.data


def gives(directory: Directory, body: str, service: str) -> bool:
    """Whether a body provides a service for any authority. True for a body that the directory no longer lists."""
    try:
        return service in directory.body(body).services
    except DirectoryError:
        return True


def wrong_bodies(case: LoadedCase) -> list[str]:
    """A warning for each new request of this act to a body that does not provide the service."""
    asks = case.process.asks if case.process is not None else frozenset()
    return [_warning(case, fact) for fact in case.new_facts if fact.kind in asks and _is_wrong_body(case, fact)]


def _is_wrong_body(case: LoadedCase, fact: StoredFact) -> bool:
    body, service = fact.data.get("body"), fact.data.get("service")
    return body is not None and service is not None and not gives(case.context.directory, body, service)


def _warning(case: LoadedCase, fact: StoredFact) -> str:
    directory = case.context.directory
    body, service = str(fact.data["body"]), str(fact.data["service"])
    provider = directory.provider(case.file.la, service, fact.occurred_on) if case.file.la else None
    answer = "--data answer=redirected"
    if provider:
        answer += f" --data redirected_to={provider}, and ask {provider}"
    example = f", for example health_advice_answered {answer}" if fact.kind == "health_advice_requested" else ""
    return (
        f"The directory does not list {directory.service_name(service)} at {directory.body(body).name}. The request was"
        " recorded and its time runs, because every body that is asked has to answer (SEND Regs 2014 reg 8(1)). If this"
        f" was the wrong body, record its answer{example}. If the directory is out of date, add the service to"
        " directory.toml."
    )


def bodies_of_another_time(case: LoadedCase, after: int = 0) -> list[str]:
    """A sentence for each body that a new fact numbered above `after` names, and that did not exist on its day.

    The fact is recorded: people write to a body that was abolished. Its successor has the duty and gets the letters.
    """
    directory = case.context.directory
    return [
        sentence
        for fact in case.new_facts
        if fact.seq > after and isinstance(fact.data.get("body"), str)
        for sentence in _of_another_time(directory, str(fact.data["body"]), fact.occurred_on)
    ]


def _of_another_time(directory: Directory, code: str, on: date) -> list[str]:
    try:
        body = directory.body(code)
    except DirectoryError:
        return []
    if body.first_day is not None and on < body.first_day:
        began = full_day(body.first_day)
        return [f"Body {code} ({body.name}) began on {began}, after this fact. Check the day or the body."]
    if body.last_day is None or on <= body.last_day:
        return []
    now = directory.body_on(code, on)
    after = (
        f"Its successor is {directory.body(now).name} ({now}), which gets the letters."
        if now is not None
        else "directory.toml names no successor, so no letter has an address."
    )
    return [f"Body {code} ({body.name}) ended on {full_day(body.last_day)}. {after}"]
