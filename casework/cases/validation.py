"""What somebody wants recorded, checked before it becomes a fact: known kind, lawful day, particulars in the right
form.

Errors name the field, what was expected and an example, and never repeat what was typed: it may be a child's name.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from casework.cases.fact_form import EXAMPLES, NAMED, Refused, nearest, parsed
from casework.cases.identity_in_clear import refuse_identifiers
from casework.cases.standards import refilled, with_standards
from casework.context import AppContext
from deadlines.calculator import calculate
from models.casefile import CaseFile
from models.common_facts import CHILD_FACTS, CORRECTIONS, ENGINE_ONLY
from models.facts import FactData, FactDraft, StoredFact
from models.identifiers import NotAnNhsNumber, read_nhs_number
from statemachines.process import Process
from statemachines.replay import facts_in_force, withdrawn

__all__ = ["CaseSoFar", "Refused", "check_person", "fields_of"]
FileIfOpened = Callable[
    [], CaseFile | None
]  # the case before the act, None where it has no fact yet; folded only where something asks
OWN = "own"  # what an act adds of its own accord
ENGINE_VIA = frozenset({"sweep", "deliver", "import", "letters", OWN})
NO_FACT_IS_NEAR = "None has a name like it. `sendflow record CASE` without a fact lists what the case accepts"


class CaseSoFar(NamedTuple):
    """What a draft is checked against: its case's process and facts, the kinds of these, the day of today, and the case
    before the act.
    """

    process: Process
    facts: Sequence[StoredFact]
    kinds: Collection[str]
    today: date
    file_if_opened: FileIfOpened


def fields_of(
    context: AppContext, case: CaseSoFar, draft: FactDraft, via: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields of a draft as the fact stores them, and its free texts by field. Raises Refused.

    What the engine itself writes is complete: only its form is checked. What a person or a file gives is completed and
    checked against the directory, the law and the history.
    """
    model = case.process.model_of(draft.kind)
    if model is None or (draft.kind in ENGINE_ONLY and via not in ENGINE_VIA):
        raise _unknown_fact(case.process, draft.kind)
    if draft.occurred_on > case.today:
        raise Refused(
            "future_date",
            f"the date is in the future. Use {case.today.isoformat()} or earlier",
            field="on",
            wrong_call=True,
        )
    if draft.kind in ENGINE_ONLY:
        return parsed(model, draft.kind, draft.data)
    return _fields_from_a_person(context, case, model, draft)


def _unknown_fact(process: Process, kind: str) -> Refused:
    known = sorted(process.facts.keys() - ENGINE_ONLY)
    near = nearest(kind, known)
    advice = f"Nearest: {', '.join(near)}. `sendflow processes` lists all" if near else NO_FACT_IS_NEAR
    return Refused(
        "unknown_fact",
        f"no such fact can be recorded on a case of {process.title}. {advice}",
        wrong_call=True,
    )


def _fields_from_a_person(
    context: AppContext, case: CaseSoFar, model: type[FactData], draft: FactDraft
) -> tuple[dict[str, Any], dict[str, str]]:
    process, history, kind = case.process, case.facts, draft.kind
    given: dict[str, Any] = {}
    if draft.data:
        given = {key: value for key, value in draft.data.items() if value is not None and value != ""}
        given = _named(context, case, given, kind in process.asks)
    if not history:
        _refuse_missing(process, draft, given)
    if given or draft.on_behalf_of is not None:
        refuse_identifiers(process, history, draft, given, case.today)
    if kind in CORRECTIONS:
        return _correction(context, case, draft, given)
    if draft.corrects is not None:
        raise Refused(
            "corrects_without_correction",
            "only fact_corrected and fact_withdrawn take corrects",
            field="corrects",
            wrong_call=True,
        )
    if history and kind in process.of_the_openings_body:
        given = _body_of_the_opening(process, model, history, kind, given)
    is_looked_up = process.facts[kind].is_looked_up
    if is_looked_up:
        given = with_standards(context, case.facts, model, given)
    if kind in process.about_requests:
        given = _completed(context, case, draft, given)
    fields, free_texts = parsed(model, kind, given)
    if is_looked_up:
        _check_body_kind(context, model, kind, fields)
        _add_reading_in_force(context, model, given, fields)
        fields.update(_within_periods(context, model, given, fields, draft.occurred_on))
    if fields:
        _check_last_days(fields, draft.occurred_on)
    if kind in case.kinds:
        _refuse_repetition(history, draft, fields)
    return fields, free_texts


def _refuse_missing(process: Process, draft: FactDraft, given: Mapping[str, Any]) -> None:
    """A person who opens a case says what its duties depend on, such as whose they are."""
    if draft.caused_by is not None:
        return
    missing = [key for key in process.facts[draft.kind].needs if key not in given]
    if missing:
        examples = " ".join(f"--data {key}={EXAMPLES[key]}" for key in missing)
        raise Refused(
            "missing_data",
            f"{draft.kind} needs {' and '.join(missing)}: without it nobody knows whose duty it is, for example"
            f" {examples}",
            field=missing[0],
            wrong_call=True,
        )


def _refuse_repetition(lines: Sequence[StoredFact], draft: FactDraft, data: Mapping[str, Any]) -> None:
    """The same fact of the same day twice is a slip of the pen, and would open a second duty."""
    kind, on = draft.kind, draft.occurred_on
    for line in facts_in_force(lines):
        same = line.kind == kind and line.occurred_on == on
        if same and data.items() == {key: value for key, value in line.data.items() if key in data}.items():
            raise Refused(
                "recorded_already",
                f"the history already has {draft.kind} of that day, as fact {line.seq}; nothing was written",
            )


def _named(context: AppContext, case: CaseSoFar, given: dict[str, Any], asks: bool) -> dict[str, Any]:
    """Names of authorities, services and bodies become the directory's words; blanks and letter case are forgiven."""
    for key in NAMED:
        if key not in given:
            continue
        text = str(given[key])
        directory = context.directory
        found = (
            directory.find_la(text)
            if key == "la"
            else directory.find_service(text)
            if key == "service"
            else directory.find_body(text)
        )
        if (
            found is None
            and not asks
            and (casefile := case.file_if_opened()) is not None
            and text in _known_to(casefile, key)
        ):
            found = text
        if found is None:
            known = {
                "la": directory.la,
                "service": directory.service,
                "body": [each.body for each in directory.bodies],
            }[key]
            raise Refused(
                f"unknown_{key}",
                f"{key} is not in the directory: expected one of {', '.join(known)}",
                field=key,
                wrong_call=True,
            )
        if found != given[key]:
            given = {**given, key: found}
    return given


def _known_to(casefile: CaseFile, key: str) -> set[str | None]:
    """What the case itself has named before: a body that has left the directory (a merger) still owes and answers on
    old cases.
    """
    if key == "la":
        return {casefile.la}
    return {line.data.get(key) for line in casefile.lines}


def _completed(context: AppContext, case: CaseSoFar, draft: FactDraft, given: dict[str, Any]) -> dict[str, Any]:
    """Fill in the body from the service, or the service from what the body was asked for, where only one
    can be meant.
    """
    if ("body" in given) == ("service" in given) or (casefile := case.file_if_opened()) is None:
        return given
    process, kind, on = case.process, draft.kind, draft.occurred_on
    among = casefile.outstanding if kind in process.answers and casefile.outstanding else casefile.asked
    if "body" not in given and "service" in given and kind in process.asks:
        provider = context.directory.provider(casefile.la, given["service"], on) if casefile.la else None
        if provider is not None:
            return {**given, "body": provider}
    if "body" not in given and "service" in given:
        bodies = {body for body, service in among if service == given["service"]}
        if len(bodies) == 1:
            return {**given, "body": bodies.pop()}
    if "body" in given and "service" not in given:
        if kind in process.asks:
            offered = context.directory.body(given["body"]).services
            services = {
                each
                for each in offered
                if casefile.la and context.directory.provider(casefile.la, each, on) == given["body"]
            } or set(offered)
            return {**given, "service": services.pop()} if len(services) == 1 else given
        asked = sorted({service for body, service in among if body == given["body"] and service is not None})
        if len(asked) == 1:
            return {**given, "service": asked[0]}
        if len(asked) > 1:
            raise Refused(
                "which_service",
                f"{kind}: this body was asked for several services; say which, for example --data service={asked[0]} "
                f"(asked: {', '.join(asked)})",
                field="service",
                wrong_call=True,
            )
    return given


def _body_of_the_opening(
    process: Process, model: type[FactData], lines: Sequence[StoredFact], kind: str, given: dict[str, Any]
) -> dict[str, Any]:
    """Where the opening names the body that the whole case is about, a fact of that body need not name it again."""
    if "body" in given:
        return given
    said = next((line.data for line in facts_in_force(lines) if line.kind == process.opens and line.kind != kind), {})
    return {key: said[key] for key in ("body", "service") if key in said and key in model.model_fields} | given


def _check_body_kind(context: AppContext, model: type[FactData], kind: str, data: Mapping[str, Any]) -> None:
    body = data.get("body")
    if model.BOUND_BODY_KINDS and body is not None and context.directory.kind(body) not in model.BOUND_BODY_KINDS:
        bound = ", ".join(sorted(each.replace("_", " ") for each in model.BOUND_BODY_KINDS))
        raise Refused(
            "body_not_bound",
            f"{kind}: the law binds these only: {bound}; by its kind in the directory this body is none of them",
            field="body",
        )


def _add_reading_in_force(
    context: AppContext, model: type[FactData], given: Mapping[str, Any], plain: dict[str, Any]
) -> None:
    """Write down which local reading of the law was in force when the fact was recorded."""
    if not model.READING_IN_FORCE:
        return
    _refuse_given_reading(model, given)
    plain |= {key: context.law.rule(rule).reading for key, rule in model.READING_IN_FORCE.items()}


def _refuse_given_reading(model: type[FactData], given: Mapping[str, Any]) -> None:
    if given.keys() & model.READING_IN_FORCE.keys():
        raise Refused(
            "bad_data",
            f"{', '.join(model.READING_IN_FORCE)} is what the locality's law says, and not given",
            wrong_call=True,
        )


def _within_periods(
    context: AppContext, model: type[FactData], given: Mapping[str, Any], data: Mapping[str, Any], on: date
) -> dict[str, str]:
    """Whether the days that a fact names lie in the windows that rules open before its own day (the six months of reg
    24): a yes or a no each.
    """
    if not model.WITHIN_PERIOD:
        return {}
    if given.keys() & model.WITHIN_PERIOD.keys():
        raise Refused(
            "bad_data",
            f"{', '.join(model.WITHIN_PERIOD)} is worked out from the days of the fact, and not given",
            wrong_call=True,
        )
    said: dict[str, str] = {}
    for key, (rule, field) in model.WITHIN_PERIOD.items():
        start = calculate(context.law, context.calendar, rule, on).due
        if field in data and start is not None:
            said[key] = "yes" if start <= date.fromisoformat(data[field]) <= on else "no"
    return said


def _check_last_days(data: Mapping[str, Any], on: date) -> None:
    """What was last done before a fact (`last_assessed_on`, `last_reviewed_on`) was done by the fact's own day."""
    for key, day in data.items():
        if key.startswith("last_") and date.fromisoformat(day) > on:
            raise Refused(
                "bad_data",
                f"{key} lies after the day of the fact itself: it is that day or earlier",
                field=key,
                wrong_call=True,
            )


def _correction(
    context: AppContext, case: CaseSoFar, draft: FactDraft, given: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    process, lines = case.process, case.facts
    target = next((line for line in lines if line.seq == draft.corrects), None)
    if target is None:
        raise Refused(
            "corrects_nothing",
            f"{draft.kind} says which fact it corrects, by its number in this case (1 to {len(lines)}), "
            "for example --corrects 1",
            field="corrects",
            wrong_call=draft.corrects is None,
        )
    if target.kind in CHILD_FACTS:
        raise Refused(
            "engines_fact",
            "which child a case is about is not corrected by hand: sendflow part CASE --from OTHER says that two cases"
            " are of different children, sendflow join CASE --with OTHER that they are of one",
        )
    if target.kind in ENGINE_ONLY:
        raise Refused(
            "engines_fact",
            "what the engine wrote is not corrected by hand: correct the fact it was judged by, and the next sweep"
            " withdraws it",
        )
    if draft.kind == "fact_withdrawn":
        if target.seq in withdrawn(lines):
            raise Refused("recorded_already", f"fact {target.seq} is withdrawn already; nothing was written")
        return parsed(process.facts[draft.kind].model, draft.kind, given)
    if target.kind in CORRECTIONS:
        raise Refused(
            "corrects_a_correction",
            "a correction is not corrected: withdraw it with fact_withdrawn, or correct the first fact again",
        )
    own: dict[str, Any] = {key: given[key] for key in ("occurred_on", "reason") if key in given}
    others = {key: value for key, value in given.items() if key not in own}
    if not others and "occurred_on" not in own:
        raise Refused(
            "corrects_what",
            "fact_corrected says what is right, for example --data occurred_on=2026-03-09",
            wrong_call=True,
        )
    plain, words = parsed(process.facts["fact_corrected"].model, "fact_corrected", own)
    now = next((line for line in facts_in_force(lines) if line.seq == target.seq), target)
    if others:
        model = process.facts[target.kind].model
        _refuse_given_reading(model, others)
        if model.FROM_STANDARD:
            others |= refilled(context, lines, model, now.data, others)
        whole, more = parsed(model, target.kind, {**target.data, **others})
        _check_body_kind(context, model, target.kind, whole)
        words |= {key: value for key, value in more.items() if key in others}
        plain |= {key: whole[key] for key in others if key in whole}
    day = plain.get("occurred_on")
    if day is not None and date.fromisoformat(day) > draft.occurred_on:
        raise Refused(
            "future_date",
            "the corrected day is no later than the day of the correction",
            field="occurred_on",
            wrong_call=True,
        )
    stands_on = date.fromisoformat(day) if day is not None else now.occurred_on
    _check_last_days({**now.data, **plain}, stands_on)
    plain |= _within_periods(context, process.facts[target.kind].model, others, {**now.data, **plain}, stands_on)
    _refuse_same_correction(lines, draft, plain)
    return plain, words


def _refuse_same_correction(lines: Sequence[StoredFact], draft: FactDraft, data: Mapping[str, Any]) -> None:
    """The last correction, given again on its day, would change nothing."""
    if not data:  # only the child's identity, which no fact shows
        return
    gone = withdrawn(lines)
    stands = [line for line in lines if line.kind == "fact_corrected" and line.corrects == draft.corrects]
    last = next((line for line in reversed(stands) if line.seq not in gone), None)
    if last is not None and last.occurred_on == draft.occurred_on and data.items() <= last.data.items():
        raise Refused(
            "recorded_already",
            f"the history already has this correction of that day, as fact {last.seq}; nothing was written",
        )


def check_person(person: Mapping[str, str], by: date) -> None:
    """An NHS number has ten digits of which the last checks the others; a birth is a day that exists, `by` or before.
    Raises Refused, repeating neither.
    """
    number = person.get("nhs_number")
    try:
        if number is not None:
            read_nhs_number(number)
    except NotAnNhsNumber:
        raise Refused(
            "check_digit",
            "nhs_number has ten digits, of which the last checks the others",
            field="nhs_number",
            wrong_call=True,
        ) from None
    if person.get("date_of_birth") is not None:
        _check_date_of_birth(person["date_of_birth"], by)


def _check_date_of_birth(born: str, by: date) -> None:
    example = "for example --data date_of_birth=2018-07-21"
    if not re.fullmatch(r"(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}", born):
        raise Refused("bad_data", f"date_of_birth is year-month-day, {example}", field="date_of_birth", wrong_call=True)
    try:
        day = date.fromisoformat(born)
    except ValueError:  # not chained: its traceback would hold the birth
        day = None
    if day is None:
        raise Refused(
            "bad_data",
            f"date_of_birth: the calendar has no such day, {example}",
            field="date_of_birth",
            wrong_call=True,
        )
    if day > by:
        raise Refused(
            "bad_data",
            "date_of_birth: a child is born before anything happens to it, on the day of the fact or earlier,"
            f" {example}",
            field="date_of_birth",
            wrong_call=True,
        )
