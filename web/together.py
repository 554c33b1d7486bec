"""One act on several cases of the list: choose the cases, the act, see what it does with each, and do it.

Every step sends what was chosen before, so that nothing is stored. What changed after the check is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlencode

from pydantic import ValidationError

from casework.bulk_acts import MOST, BulkAct, BulkKind, do_bulk, facts_in_order, selection, try_bulk
from casework.context import AppContext
from casework.privacy.case_looks import note_looks
from casework.reports.case_list import CaseFilter
from casework.reports.recordable import RecordableFact
from flows.jobs import Job, JobExecution
from models.facts import FactDraft
from web.answers import Answer, GoTo, Page
from web.asked import LONGEST_NUMBER, Asked
from web.case import team_accounts
from web.faults import not_allowed
from web.forms import Field, check, day_field, fields_for
from web.labels import first_capital
from web.recording import COMMAND_WORDS, place_of

LOOK = "together"
CASE, SEEN = "case.", "seen."
TITLES = {
    BulkKind.ASSIGN: "Assign them to somebody",
    BulkKind.PAUSE: "Pause their e-mails",
    BulkKind.RELEASE: "Release their e-mails that wait",
    BulkKind.RECORD: "Record the same fact on each",
}
PAUSE_DAYS = 5  # working days, unless the person says another last day


def together(asked: Asked) -> Answer:
    """Take the choice of cases, the act, or its questions; say what it does with each case; or do it."""
    refs = _chosen(asked)
    if not refs:
        return GoTo(f"/cases?{urlencode({**_filter(asked), 'none': 'yes'})}")
    step, kind = asked.form.get("step", ""), asked.form.get("act", "")
    if kind not in set(BulkKind):
        errors = [{"text": "Choose what is done with the cases", "href": "#act"}] if step == "act" else []
        return _choose(asked, refs, errors)
    if kind == BulkKind.RELEASE and not asked.may("release"):
        return not_allowed(asked, "release")
    common = facts_in_order(asked.context, refs) if kind == BulkKind.RECORD else []
    fact = next((each for each in common if each.kind == asked.form.get("fact", "")), None)
    if kind == BulkKind.RECORD and fact is None:
        errors = [{"text": "Choose a fact that every one of the cases can take", "href": "#fact"}] if step else []
        return _facts(asked, refs, common, errors if asked.form.get("fact") is not None else [])
    fields = _questions(asked, BulkKind(kind), fact)
    if step not in ("check", "do") or not check(fields):
        return _ask(asked, refs, BulkKind(kind), fields, tried=step in ("check", "do"))
    act = _act(BulkKind(kind), fields, asked)
    return _do(asked, act) if step == "do" else _check(asked, refs, act, fields)


def _chosen(asked: Asked) -> list[str]:
    """The references that were chosen, or those of the whole filter; 100 at most."""
    if asked.form.get("all") != "yes":
        refs = [name.removeprefix(CASE) for name in asked.form if name.startswith(CASE)]
        return sorted(dict.fromkeys(ref.strip().upper() for ref in refs if ref))[:MOST]
    try:
        wanted = CaseFilter.model_validate(_filter(asked))
    except ValidationError:
        return []
    return selection(asked.context, wanted).refs


def _filter(asked: Asked) -> dict[str, str]:
    """The filters of the list from which the person comes."""
    given = parse_qsl(asked.form.get("filter", ""))
    return {name: value for name, value in given if name in CaseFilter.model_fields}


def _questions(asked: Asked, kind: BulkKind, fact: RecordableFact | None) -> list[Field]:
    form, today = asked.form, asked.context.today()
    if fact is not None:
        day = day_field("on", "Day on which it happened", "", form, today, today)
        return [day, *fields_for(asked.context, [each for each in fact.fields if not each.hidden], None, form)]
    if kind is BulkKind.ASSIGN:
        options = [("-", "Nobody"), *((each, each) for each in team_accounts(asked))]
        return [_field("owner", "Who looks after them", "select", options, form)]
    reason = _field("reason", "Why", "text", (), form, "It is recorded on each case. Never a name.")
    if kind is BulkKind.RELEASE:
        return [reason]
    return [
        day_field("until", "Until and including", "", form, asked.context.calendar.add_working_days(today, PAUSE_DAYS)),
        reason,
    ]


def _field(
    name: str, label: str, kind: str, options: Sequence[tuple[str, str]], form: Mapping[str, str], hint: str = ""
) -> Field:
    value = form.get(name, "").strip()
    field = Field(name, label, hint, kind, True, options, value)
    if value and options and value not in dict(options):
        field.error = f"{label}: choose one of the list"
    return field


def _act(kind: BulkKind, fields: Sequence[Field], asked: Asked) -> BulkAct:
    given = {field.name: field.given() for field in fields if field.value}
    if kind is BulkKind.RECORD:
        on = date.fromisoformat(given.pop("on"))
        return BulkAct(kind=kind, fact=asked.form["fact"], on=on, data=given)
    until = date.fromisoformat(given["until"]) if "until" in given else None
    owner = "" if given.get("owner") == "-" else given.get("owner", "")
    return BulkAct(kind=kind, owner=owner, reason=given.get("reason", ""), until=until)


def _check(asked: Asked, refs: Sequence[str], act: BulkAct, fields: Sequence[Field]) -> Page:
    lines = try_bulk(asked.context, refs, act, asked.account)
    note_looks(asked.context, [line.case_ref for line in lines if line.seq], asked.account, LOOK)
    done = [line for line in lines if not line.refused]
    sent = {name: value for field in fields for name, value in field.sent().items()}
    sent |= {f"{SEEN}{line.case_ref}": str(line.seq) for line in done}
    sent |= {f"{CASE}{line.case_ref}": "yes" for line in done}
    values = {"stage": "check", "lines": _worded(lines), "act": act, "fields": fields, "number": len(done)}
    values |= {"cases": _cases(refs)}
    return _page(asked, f"Check: {_lower(act)}", {**values, "hidden": {**sent, **_kind(act)}})


def _do(asked: Asked, act: BulkAct) -> Page:
    seen = {
        name.removeprefix(SEEN): int(value)
        for name, value in asked.form.items()
        if name.startswith(SEEN) and value.isascii() and value.isdecimal() and len(value) <= LONGEST_NUMBER
    }
    lines = do_bulk(asked.context, seen, act, asked.account, _recorder(asked))
    values = {"stage": "done", "lines": _worded(lines), "act": act, "fields": [], "hidden": {}}
    return _page(asked, f"Done: {_lower(act)}", {**values, "number": sum(not line.refused for line in lines)})


def _lower(act: BulkAct) -> str:
    title = TITLES[act.kind]
    return title[0].lower() + title[1:]


def _recorder(asked: Asked) -> Any:
    """Records as the page of one fact does: with a line in the log of jobs, and shown in Prefect if it may be."""

    def record(context: AppContext, ref: str, draft: FactDraft, actor: str) -> object:
        arguments = {"case": ref, "drafts": [draft], "actor": actor, "via": "page", "confirmed": False}
        execution = JobExecution(Job.RECORD, context, arguments)
        if asked.runs is None or execution.is_restricted():
            return execution.execute(None)
        with asked.runs.act(ref, draft.kind) as run:
            return execution.execute(run)

    return record


def _worded(lines: Sequence[Any]) -> list[dict[str, Any]]:
    """The lines with each refusal as a sentence for a page."""
    return [
        {"line": line, "refused": first_capital(COMMAND_WORDS.sub("", line.refused)) if line.refused else ""}
        for line in lines
    ]


def _choose(asked: Asked, refs: Sequence[str], errors: list[dict[str, str]]) -> Page:
    options = [(kind, text) for kind, text in TITLES.items() if kind is not BulkKind.RELEASE or asked.may("release")]
    values = {"stage": "choose", "options": options, "errors": errors, "hidden": _cases(refs)}
    return _page(asked, "What is done with the cases", values, refs)


def _facts(asked: Asked, refs: Sequence[str], common: Sequence[RecordableFact], errors: list[dict[str, str]]) -> Page:
    hidden = {**_cases(refs), "act": BulkKind.RECORD}
    return _page(asked, "Which fact", {"stage": "facts", "facts": common, "errors": errors, "hidden": hidden}, refs)


def _ask(asked: Asked, refs: Sequence[str], kind: BulkKind, fields: Sequence[Field], *, tried: bool) -> Page:
    if not tried:
        for field in fields:
            field.error = ""
    errors = [{"text": field.error, "href": place_of(field)} for field in fields if field.error]
    hidden = {**_cases(refs), "act": kind, **({"fact": asked.form["fact"]} if kind is BulkKind.RECORD else {})}
    title = first_capital(TITLES[kind])
    return _page(asked, title, {"stage": "ask", "fields": fields, "errors": errors, "hidden": hidden}, refs)


def _cases(refs: Sequence[str]) -> dict[str, str]:
    return {f"{CASE}{ref}": "yes" for ref in refs}


def _kind(act: BulkAct) -> dict[str, str]:
    return {"act": act.kind, **({"fact": act.fact} if act.fact else {})}


def _page(asked: Asked, title: str, values: Mapping[str, Any], refs: Sequence[str] = ()) -> Page:
    shared = {"title": title, "refs": refs, "cases": _cases(refs), "most": MOST, "errors": []}
    found = {**shared, **values}
    return Page("together.html", found, 400 if found["errors"] else 200)
