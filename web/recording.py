"""Recording a fact: one question a page; a page that says what it will do; then the record.

Every page sends all answers so far, so nothing typed is lost. The actor is the account of the session. Before it is
recorded, the fact takes the whole path inside a transaction that is undone (`casework/reports/preview.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import date
from typing import Any, NamedTuple

from casework.cases.fact_form import Refused, wrong_answer
from casework.privacy.case_looks import note_look
from casework.reports.case_models import CaseReport, FactShown
from casework.reports.case_report import report
from casework.reports.preview import preview
from casework.reports.recordable import FieldForm, Recordable, fields_of, openings, recordable
from flows.jobs import Job, JobExecution
from models.facts import FactData, FactDraft
from models.visibility import hidden_processes
from statemachines.registry import opened_by
from web import labels
from web.answers import Answer, GoTo, Page
from web.asked import Asked
from web.faults import no_page
from web.forms import OPTIONAL, Field, as_typed, check_one, day_field, fields_for, prefill, put

NEW = "new"
COMMAND_WORDS = re.compile(r",? for example --data \S+=(\"[^\"]*\"|\S+)( \(sendflow [^)]*\))?| \(sendflow [^)]*\)")
# What is missing, by the code of the refusal, where the refusal names no field.
FIELD_OF = {
    "ground_missing": "ground",
    "ground_not_listed": "ground",
    "look_again_missing": "look_again_on",
    "touches_nothing": "began_on",
}
OWN_NAMES = frozenset({"token", "step", "question", "then", "confirm_child"})
GROUP_TITLES = {
    "usual": "Usual now",
    "possible": "Also possible",
    "at any time": "At any time",
    "out of order": "Out of order, if it happened",
}


class Form(NamedTuple):
    """A fact that is being recorded: its case (None: a new one), its kind, the fact that it corrects, its questions."""

    ref: str
    kind: str
    found: CaseReport | None
    target: FactShown | None
    day: Field
    fields: list[Field]
    model: type[FactData]

    @property
    def questions(self) -> list[Field]:
        """The questions in their order. A withdrawal is of the day on which it is recorded."""
        return self.fields if self.kind == "fact_withdrawn" else [self.day, *self.fields]


def choose(asked: Asked) -> Answer:
    """What may be recorded now, the usual first."""
    ref = asked.place["ref"]
    try:
        found = _openings(asked) if ref == NEW else recordable(asked.context, ref)
    except LookupError:
        return no_page(404)
    if ref != NEW:
        note_look(asked.context, ref, asked.account, "record")
    facts = [fact for fact in found.facts if not fact.kind.startswith("fact_")]
    title = "Open a case" if ref == NEW else f"Record on {ref}"
    values = {"title": title, "ref": ref, "found": found, "facts": facts, "groups": GROUP_TITLES}
    return Page("choose.html", {**values, "opened_by": opened_by()})


def _openings(asked: Asked) -> Recordable:
    """The facts that open a case, without those of restricted processes for which the account is not named."""
    found, hidden = openings(), hidden_processes(asked.context.engine)
    return found.model_copy(
        update={"facts": [each for each in found.facts if opened_by()[each.kind].name not in hidden]}
    )


def ask(asked: Asked) -> Answer:
    """The first question of one fact; what the address answers already is not asked."""
    form = _form(asked, asked.query)
    if form is None:
        return no_page(404)
    if form.ref != NEW:
        note_look(asked.context, form.ref, asked.account, "record")
    given = {name for name in asked.query if asked.query[name]}
    first = next((each for each in form.questions if each.name not in given), form.questions[0])
    return _question_page(asked, form, first)


def check_or_record(asked: Asked) -> Answer:
    """Take one answer and ask the next question; at the end say what it will do; or record it, once that was seen.

    `step` is the button: next (none), back, check (what is left may be left out), edit (one answer again), record.
    """
    form = _form(asked, asked.form)
    if form is None:
        return no_page(404)
    step, names = asked.form.get("step", ""), [each.name for each in form.questions]
    asked_name = asked.form.get("question", "")
    place = names.index(asked_name) if asked_name in names else len(names)
    if step in ("edit", "back"):
        earlier = form.questions[max(0, place - (step == "back"))] if place < len(names) else form.questions[0]
        earlier.error = ""
        return _question_page(asked, form, earlier)
    if step == "" and place < len(names):
        question = form.questions[place]
        if not _is_answered(form, question):
            return _question_page(asked, form, question, 400)
        # The claim that the address named is not asked again.
        following = [each for each in form.questions[place + 1 :] if not (each.name == "claim" and each.value)]
        if following and asked.form.get("then") != "check":
            following[0].error = ""
            return _question_page(asked, form, following[0])
    return _checked(asked, form, step)


def _is_answered(form: Form, question: Field) -> bool:
    """Whether a question is answered in the form of its field; if not, it says what was expected."""
    if check_one(question) and question.value and question.name in form.model.model_fields:
        expected = wrong_answer(form.model, question.name, question.given())
        question.error = f"{question.label.removesuffix(OPTIONAL)}: {expected}" if expected else ""
    return not question.error


def _checked(asked: Asked, form: Form, step: str) -> Answer:
    if [each for each in form.questions if not _is_answered(form, each)]:
        return _question_page(asked, form, next(each for each in form.questions if each.error), 400)
    draft = _draft(asked, form)
    if form.target is not None and form.kind == "fact_corrected" and not set(draft.data) - {"reason"}:
        form.day.error = "Change the day or a field: nothing differs from what is recorded"
        return _question_page(asked, form, form.day, 400)
    confirmed = asked.form.get("confirm_child") == "yes"
    try:
        if step == "record":
            return _record(asked, form, draft, confirmed)
        return _check_page(asked, form, draft)
    except Refused as refused:
        return _refused(asked, form, refused)


def _record(asked: Asked, form: Form, draft: FactDraft, confirmed: bool) -> Answer:
    arguments = {"case": form.ref, "drafts": [draft], "actor": asked.account, "via": "page", "confirmed": confirmed}
    execution = JobExecution(Job.RECORD, asked.context, arguments)
    is_shown = asked.runs is not None and not execution.is_restricted()
    with asked.runs.act(form.ref, form.kind) if asked.runs is not None and is_shown else nullcontext() as run:
        recorded = execution.execute(run)
    return GoTo(f"/cases/{recorded.case_ref}?recorded={recorded.seq}")


def _check_page(asked: Asked, form: Form, draft: FactDraft) -> Answer:
    """What the fact will do. A change of whose case it is names whom it reaches, and is confirmed by a box."""
    child = ""
    try:
        found = preview(asked.context, form.ref, [draft], asked.account)
    except Refused as refused:
        if refused.code != "confirm_child":
            raise
        child = COMMAND_WORDS.sub("", refused.message)
        found = preview(asked.context, form.ref, [draft], asked.account, confirmed=True)
    if form.ref != NEW:
        note_look(asked.context, form.ref, asked.account, "record")
    values = {**_values(asked, form), "title": "Check before it is recorded", "preview": found}
    return Page("check.html", {**values, "child": child})


def _form(asked: Asked, typed: Mapping[str, str]) -> Form | None:
    ref, kind, context = asked.place["ref"], asked.place["kind"], asked.context
    today = context.today()
    if ref == NEW:
        fact = next((each for each in _openings(asked).facts if each.kind == kind), None)
        if fact is None:
            return None
        day = day_field("on", "Day on which it happened", "", typed, today, today)
        fields = fields_for(context, fact.fields, None, typed)
        return Form(ref, kind, None, None, day, fields, opened_by()[kind].facts[kind].model)
    try:
        found = report(context, ref)
    except LookupError:
        return None
    process = context.processes[found.process]
    if kind in ("fact_corrected", "fact_withdrawn"):
        return _correction(asked, found, typed)
    model = process.model_of(kind)
    if model is None:
        return None
    day = day_field("on", "Day on which it happened", "", typed, today, today)
    fields = fields_for(context, fields_of(model), found, typed)
    prefill(fields, found, typed)
    return Form(ref, kind, found, None, day, fields, model)


def _correction(asked: Asked, found: CaseReport, typed: Mapping[str, str]) -> Form | None:
    ref, kind, context = asked.place["ref"], asked.place["kind"], asked.context
    corrects = typed.get("corrects", "")
    target = next((fact for fact in found.facts if str(fact.seq) == corrects and fact.stands), None)
    model = context.processes[found.process].model_of(target.kind) if target is not None else None
    if target is None or model is None:
        return None
    reason = FieldForm(
        name="reason", required=True, kind="words", choices=[], example=None, hidden=False, encrypted=True
    )
    known = target.corrected_to or target.occurred_on
    label = "Day on which it really happened" if kind == "fact_corrected" else "Day on which it was found out"
    today = context.today()
    day = day_field("on", label, "", typed, known if kind == "fact_corrected" else today, today)
    own = (
        []
        if kind == "fact_withdrawn"
        else [form for form in fields_of(model) if not form.encrypted and not form.hidden]
    )
    optional = [form.model_copy(update={"required": False}) for form in own]
    # The reason first: a correction of the day alone leaves out the rest.
    fields = fields_for(context, [reason, *optional], found, typed)
    for field in fields:
        was_typed = field.name in typed or f"{field.name}-day" in typed
        if not was_typed and field.name in target.data and field.name != "reason":
            put(field, target.data[field.name])
    return Form(ref, kind, found, target, day, fields, model)


def _draft(asked: Asked, form: Form) -> FactDraft:
    data: dict[str, Any] = {field.name: field.given() for field in form.fields if field.value}
    on = date.fromisoformat(form.day.value)
    if form.target is None:
        return FactDraft(form.kind, on, data)
    if form.kind == "fact_withdrawn":
        return FactDraft(form.kind, on, data, form.target.seq)
    known = form.target.corrected_to or form.target.occurred_on
    stored = form.target.data
    changed = {
        field.name: data[field.name]
        for field in form.fields
        if field.value and (field.name == "reason" or field.value != as_typed(field.kind, stored.get(field.name)))
    }
    if on != known:
        changed["occurred_on"] = on.isoformat()
    return FactDraft(form.kind, asked.context.today(), changed, form.target.seq)


def _refused(asked: Asked, form: Form, refused: Refused) -> Answer:
    """The question again with the refusal beside it, in words for a page; or all answers under the refusal."""
    sentence = labels.first_capital(COMMAND_WORDS.sub("", refused.message))
    names = {field.name: field for field in form.fields} | {"on": form.day, "occurred_on": form.day}
    field = names.get(refused.field or FIELD_OF.get(refused.code, ""))
    if field is not None and field in form.questions:
        field.error = sentence
        return _question_page(asked, form, field, 400)
    return Page("check.html", {**_values(asked, form), "preview": None, "errors": [{"text": sentence}]}, 400)


def _question_page(asked: Asked, form: Form, question: Field, status: int = 200) -> Page:
    """One question, with every other answer so far in hidden fields."""
    after = form.questions[form.questions.index(question) + 1 :]
    shown = {
        "question": question,
        "number": form.questions.index(question) + 1,
        "may_end": bool(after) and not any(each.required and not each.value for each in after),
        "then": asked.form.get("then", "") or ("check" if asked.form.get("step") == "edit" else ""),
        "errors": [{"text": question.error, "href": place_of(question)}] if question.error else [],
    }
    return Page("form.html", {**_values(asked, form), **shown}, status)


def place_of(field: Field) -> str:
    """Where on the page a question is."""
    return f"#{field.name}-day" if field.kind == "day" else f"#{field.name}"


def _values(asked: Asked, form: Form) -> dict[str, Any]:
    title = labels.fact(form.kind)
    if form.target is not None:
        verb = "Correct" if form.kind == "fact_corrected" else "Withdraw"
        title = f"{verb} fact {form.target.seq}: {labels.fact(form.target.kind)}"
    typed = {name: value for name, value in asked.form.items() if name not in OWN_NAMES}
    kept = {name: value for field in (form.day, *form.fields) for name, value in field.sent().items()}
    return {
        "title": labels.first_capital(title),
        "ref": form.ref,
        "kind": form.kind,
        "target": form.target,
        "found": form.found,
        "questions": form.questions,
        "hidden": {**typed, **kept, **({"corrects": form.target.seq} if form.target is not None else {})},
    }
