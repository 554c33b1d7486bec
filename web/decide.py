"""What waits for a person, in one queue: claimed exceptions with their words, refused rows, duplicates, e-mails."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from casework import to_decide
from casework.cases.answer_waiting import answer_waiting
from casework.cases.fact_form import Refused
from casework.privacy.access import read_person
from casework.privacy.case_looks import note_look, note_looks
from casework.reports.case_models import CaseReport, FactShown
from casework.reports.case_report import report
from casework.reports.today import today_of
from config.purposes import EXCEPTION
from flows.jobs import Job, JobExecution
from models.errors import Refusal
from models.facts import FactDraft
from web.answers import Answer, GoTo, Page
from web.asked import LONGEST_NUMBER, Asked
from web.faults import fault, no_page, not_allowed
from web.forms import Field, day_field
from web.labels import first_capital
from web.recording import COMMAND_WORDS, FIELD_OF

OF_THE_CLAIM = ("rule", "body", "service", "began_on", "ended_on")
REVIEW_AFTER = timedelta(days=28)
MOST_ROWS = 50


def queue(asked: Asked) -> Answer:
    """The queue, with one claim open: the one that the address names, else the first."""
    claims = today_of(asked.context, asked.context.today()).claims
    wanted = asked.query.get("open", "")
    named = [each for each in claims if f"{each['ref']}-{each['claim']}" == wanted]
    chosen = next(iter([*named, *claims]), None)
    if chosen is None:
        return _page(asked, None, None)
    return _page(asked, *_claim(asked, str(chosen["ref"]), int(chosen["claim"])))


def decide(asked: Asked) -> Answer:
    """Accept or refuse a claim, or show its words, which is logged; then the next one follows."""
    ref, seq = asked.place["ref"].upper(), int(asked.place["seq"])
    try:
        found, fact = _claim(asked, ref, seq)
    except LookupError:
        return no_page(404)
    if asked.form.get("step") == "words":
        if not asked.may("identity"):
            return not_allowed(asked, "identity")
        person = read_person(asked.context, ref, asked.account, EXCEPTION, True)
        words = [text.words for text in person.words or () if text.seq == seq]
        return _page(asked, found, fact, words=words or ["none were recorded"])
    decision = asked.form.get("decision", "")
    ground, again = _questions(asked, found, fact)
    errors: dict[str, str] = {}
    if decision not in ("accepted", "refused"):
        errors["decision"] = "Choose: accept or refuse"
    if decision == "accepted" and again.error:
        errors["look_again_on"] = again.error
    if not errors:
        data = {name: fact.data[name] for name in OF_THE_CLAIM if fact.data.get(name) is not None}
        given = {"ground": ground, "reason": asked.form.get("reason", "").strip()}
        if decision == "accepted":
            given["look_again_on"] = again.value
        data |= {name: value for name, value in given.items() if value}
        draft = FactDraft("excuse_decided", asked.context.today(), {"claim": seq, "decision": decision, **data})
        arguments = {"case": ref, "drafts": [draft], "actor": asked.account, "via": "page", "confirmed": False}
        try:
            JobExecution(Job.RECORD, asked.context, arguments).execute(None)
        except Refused as refused:
            if refused.code == "second_person":
                return GoTo("/decide?done=asked")
            field = refused.field or FIELD_OF.get(refused.code, "decision")
            errors[field] = first_capital(COMMAND_WORDS.sub("", refused.message))
        else:
            return GoTo(f"/decide?done={ref}")
    return _page(asked, found, fact, errors=errors)


def answer(asked: Asked) -> Answer:
    """Answer a refused row, a possible duplicate or children who may be one; then the next one follows."""
    number = asked.place["number"]
    if len(number) > LONGEST_NUMBER:
        return no_page(404)
    try:
        found = answer_waiting(asked.context, int(number), asked.account, asked.form.get("how", ""))
    except LookupError:
        return fault("It was answered already", "Nothing was changed. Go to To decide for what waits.", status=404)
    except Refusal as refused:
        return fault("Nothing was answered", first_capital(COMMAND_WORDS.sub("", str(refused))), status=400)
    note_looks(asked.context, found.cases, asked.account, "decide")
    return GoTo("/decide?done=answered#rows")


def _claim(asked: Asked, ref: str, seq: int) -> tuple[CaseReport, FactShown]:
    """The case and its undecided claim. Raises LookupError where there is none."""
    found = report(asked.context, ref)
    fact = next((each for each in found.facts if each.seq == seq and seq in found.claims_to_decide), None)
    if fact is None:
        raise LookupError("there is no such claim to decide")
    note_look(asked.context, ref, asked.account, "decide")
    return found, fact


def _questions(asked: Asked, found: CaseReport, fact: FactShown) -> tuple[str, Field]:
    ground = asked.form.get("ground", "") or str(fact.data.get("ground") or "")
    again = day_field("look_again_on", "Day to look at it again", "", asked.form, asked.context.today() + REVIEW_AFTER)
    return ground, again


def _page(
    asked: Asked,
    found: CaseReport | None,
    fact: FactShown | None,
    *,
    words: list[str | None] | None = None,
    errors: dict[str, str] | None = None,
) -> Page:
    context = asked.context
    values: dict[str, Any] = {
        "title": "To decide",
        "today_found": today_of(context, context.today()),
        "found": found,
        "fact": fact,
        "words": words,
        "problems": errors or {},
        "errors": [{"text": text, "href": f"#{name}"} for name, text in (errors or {}).items()],
        "done": asked.query.get("done", ""),
        "answers": to_decide.ANSWERS,
        "most": MOST_ROWS,
        "grounds": [],
    }
    if found is not None and fact is not None:
        ground, again = _questions(asked, found, fact)
        values |= {"ground": ground, "again": again, "grounds": _grounds(asked, found), "rules": context.law.rules}
        values |= {"reason": asked.form.get("reason", ""), "decision": asked.form.get("decision", "")}
    return Page("decide.html", values, 400 if errors else 200)


def _grounds(asked: Asked, found: CaseReport) -> list[tuple[str, str]]:
    """The grounds that the law lists for a duty of the case."""
    law, listed = asked.context.law, set()
    for duty in found.duties:
        listed |= set(law.rules[duty.rule].period_on(duty.started_on).excuses) if duty.rule in law.rules else set()
    return [(ground, each.meaning) for ground, each in law.grounds.items() if ground in listed]
