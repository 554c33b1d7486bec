"""What programs read: cases, duties, letters, processes and who they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Security
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import Response

from casework.context import instant
from casework.reports.case_list import CaseFilter, ListedCase, Show, cases_after
from casework.reports.case_models import CaseReport
from casework.reports.case_report import report
from casework.reports.heads import head_of
from casework.reports.letters import ListedLetter, ShownLetter, cases_in, letters_after, shown
from casework.reports.own_duties import own_duties
from casework.reports.recordable import Recordable, recordable
from casework.reports.why_this_date import why_this_date
from casework.reports.worklists import BoardRow, open_duties, overdue, week
from config.rights import roles
from deadlines.calculator import Answer as Count
from models.database import reading
from models.errors import Refusal
from statemachines.process import Process
from web.api.calls import CALL, Call, answered, digest, document
from web.api.paging import ACCOUNT, CODE, WORD, Page, cursor_of, position
from web.api.problems import Problem

LETTER_STATES = Literal["sent", "waiting", "failed", "came_back", "sent_perhaps_twice", "sending", "withdrawn"]
READS = APIRouter()


class Me(BaseModel):
    """The token that was shown: its account, and what it may do."""

    token: str
    account: str
    role: str
    scope: str
    rights: list[str]
    expires_at: str
    today: date
    simulation: bool


class CasePage(BaseModel):
    """A page of cases. `next` is null on the last one."""

    items: list[ListedCase]
    next: str | None


class DutyPage(BaseModel):
    """A page of duties. `next` is null on the last one."""

    items: list[BoardRow]
    next: str | None


class LetterOfCases(ListedLetter):
    """An e-mail with the references of the cases that it is about."""

    cases: list[str]


class LetterPage(BaseModel):
    """A page of e-mails. `next` is null on the last one."""

    items: list[LetterOfCases]
    next: str | None


class ProcessShown(BaseModel):
    """A process: its states, its facts, and the fact that opens it."""

    name: str
    title: str
    version: int
    opens: str
    states: dict[str, str]
    final: list[str]
    facts: list[str]


class Processes(BaseModel):
    """Every process."""

    items: list[ProcessShown]


class FactShape(BaseModel):
    """A kind of fact of a process: the JSON schema of its `data`, and which of its fields are never in an answer."""

    kind: str
    process: str
    version: int
    fields: dict[str, Any]
    identity: list[str]
    free_text: list[str]


class CaseQuery(Page):
    """Which cases. A value that is left out filters nothing."""

    show: Show = Show.OPEN
    process: str = Field("", pattern=f"{WORD}|^$")
    la: str = Field("", pattern=f"{WORD}|^$")
    body: str = Field("", pattern=f"{CODE}|^$")
    owner: str = Field("", pattern=f"{ACCOUNT}|^-?$")


class DutyQuery(Page):
    """Which open duties: late, due within seven days, or all of both and those to come."""

    show: Literal["late", "soon", "open"] = "late"
    la: str = Field("", pattern=f"{WORD}|^$")
    body: str = Field("", pattern=f"{CODE}|^$")
    process: str = Field("", pattern=f"{WORD}|^$")


class LetterQuery(Page):
    """Which e-mails."""

    state: LETTER_STATES | None = None


class Then(BaseModel, extra="forbid"):
    """A replay: as true on a day, and as known at an instant."""

    as_at: date | None = None
    known_at: AwareDatetime | None = None


@READS.get("/me", response_model=Me)
def who_am_i(call: Annotated[Call, Security(CALL)]) -> Response:
    """Give the account of the token, what it may do, and until when."""
    caller, context = call.caller, call.context
    return answered(
        call,
        Me(
            token=caller.token,
            account=caller.account,
            role=caller.role,
            scope=caller.scope,
            rights=sorted(caller.rights),
            expires_at=caller.expires_at,
            today=context.today(),
            simulation=context.simulated,
        ),
    )


@READS.get("/cases", response_model=CasePage)
def list_cases(
    call: Annotated[Call, Security(CALL, scopes=["cases"])], asked: Annotated[CaseQuery, Query()]
) -> Response:
    """List cases by reference. A list is no look at a case: it has references, states and dates only."""
    after = position(asked.cursor, str)
    wanted = CaseFilter(show=asked.show, process=asked.process, la=asked.la, body=asked.body, owner=asked.owner)
    rows = cases_after(call.context, wanted, call.context.today(), after[0] if after else "", asked.limit)
    more = len(rows) == asked.limit
    return answered(call, {"items": _rows(rows), "next": cursor_of(rows[-1].case_ref) if more else None})


@READS.get("/cases/{ref}", response_model=CaseReport, responses={304: {"description": "It has not changed."}})
def read_case(
    call: Annotated[Call, Security(CALL, scopes=["case"])],
    ref: str,
    then: Annotated[Then, Query()],
    if_none_match: Annotated[str | None, Header(max_length=2000)] = None,
) -> Response:
    """Give a case: its state, facts and duties, now or on another day and as known at an instant. It is logged.

    The ETag begins with the head of the case: give it as If-Match when you record.
    """
    ref = call.reference(ref)
    with reading(call.context.engine) as connection:
        head = head_of(connection, ref) or ""
    found = document(call, report(call.context, ref, then.as_at, _instant(then.known_at)))
    tag = f'"{head[:32]}.{digest(found)}"'
    if if_none_match is not None and tag in [each.strip().removeprefix("W/") for each in if_none_match.split(",")]:
        return Response(status_code=304, headers={"etag": tag})
    call.look([ref])
    return answered(call, found, headers={"etag": tag})


@READS.get("/cases/{ref}/recordable", response_model=Recordable)
def what_may_be_recorded(call: Annotated[Call, Security(CALL, scopes=["record"])], ref: str) -> Response:
    """Give the facts that the case accepts now, each with its fields. It is logged."""
    ref = call.reference(ref)
    call.look([ref])
    return answered(call, recordable(call.context, ref))


@READS.get("/cases/{ref}/duties/{rule}/{seq}/why", response_model=Count)
def why_that_date(call: Annotated[Call, Security(CALL, scopes=["case"])], ref: str, rule: str, seq: int) -> Response:
    """Give the count of days behind a duty's date, and its provision. `seq` is the fact that opened it."""
    ref = call.reference(ref)
    found = report(call.context, ref)
    duty = next((each for each in found.duties if (each.rule, each.opened_seq) == (rule, seq)), None)
    counted = why_this_date(call.context, found, duty) if duty is not None else None
    if counted is None:
        raise Problem(404, "no_such_duty", "The case has no such duty, or the law sets no date for it.", field="rule")
    call.look([ref])
    return answered(call, counted)


@READS.get("/duties", response_model=DutyPage)
def list_duties(
    call: Annotated[Call, Security(CALL, scopes=["today"])], asked: Annotated[DutyQuery, Query()]
) -> Response:
    """List open duties in the order of their due dates: those that are late, due soon, or all."""
    context = call.context
    read = {"late": overdue, "soon": week, "open": open_duties}[asked.show]
    rules = {rule.id for rule in context.law.duties_of(asked.process)} if asked.process else None
    rows = [
        row
        for row in read(context, context.today())
        if asked.la in ("", row.la) and asked.body in ("", row.body) and (rules is None or row.rule in rules)
    ]
    return _duty_page(call, rows, asked)


@READS.get("/own/duties", response_model=DutyPage)
def list_own_duties(call: Annotated[Call, Security(CALL, scopes=["own"])], asked: Annotated[Page, Query()]) -> Response:
    """List the open health duties of the body, or of the authority's cases, that the account is for."""
    by = roles()[call.caller.role].scope or "body"
    return _duty_page(call, own_duties(call.context, call.context.today(), **{by: call.caller.scope}), asked)


@READS.get("/letters", response_model=LetterPage)
def list_letters(
    call: Annotated[Call, Security(CALL, scopes=["letters"])], asked: Annotated[LetterQuery, Query()]
) -> Response:
    """List e-mails by state, the newest first."""
    after = position(asked.cursor, date, str)
    place = (date.fromisoformat(after[0]), after[1]) if after else None
    found = letters_after(call.context, asked.state or "", place, asked.limit)
    hidden = call.hidden([ref for _letter, refs in found for ref in refs])
    shown_rows = [
        {**letter.model_dump(mode="json"), "cases": refs} for letter, refs in found if hidden.isdisjoint(refs)
    ]
    last = found[-1][0] if len(found) == asked.limit else None
    return answered(
        call, {"items": shown_rows, "next": cursor_of(last.on.isoformat(), last.id) if last is not None else None}
    )


@READS.get("/letters/{letter}", response_model=ShownLetter)
def read_letter(call: Annotated[Call, Security(CALL, scopes=["letters"])], letter: str) -> Response:
    """Give one e-mail as its reader sees it. It is logged as a look at each case that it is about."""
    none = Problem(404, "no_such_letter", "There is no such e-mail. The list of e-mails has the ids.")
    if not letter.isascii() or not letter.isprintable():
        raise none
    refs = cases_in(call.context, letter)
    if call.hidden(refs):
        raise none
    try:
        found = shown(call.context, letter)
    except LookupError:
        raise none from None
    except Refusal:
        raise Problem(409, "letter_unreadable", "This e-mail cannot be shown as it was sent.") from None
    call.look(refs)
    return answered(call, found)


@READS.get("/processes", response_model=Processes)
def list_processes(call: Annotated[Call, Security(CALL)]) -> Response:
    """List the processes: what may be a case, its states and its facts."""
    return answered(
        call, {"items": [_process(each).model_dump(mode="json") for each in _open_processes(call).values()]}
    )


@READS.get("/processes/{name}/facts/{kind}", response_model=FactShape)
def read_fact(call: Annotated[Call, Security(CALL)], name: str, kind: str) -> Response:
    """Give the JSON schema of the `data` of a kind of fact."""
    process = _open_processes(call).get(name)
    model = process.model_of(kind) if process is not None else None
    if process is None or model is None:
        raise Problem(404, "no_such_fact", "There is no such fact. The list of processes has the kinds of each.")
    shape = FactShape(
        kind=kind,
        process=name,
        version=process.facts[kind].version,
        fields=model.model_json_schema(),
        identity=sorted(model.IDENTITY_FIELDS),
        free_text=sorted(model.FREE_TEXT_FIELDS),
    )
    return answered(call, shape)


def _open_processes(call: Call) -> Mapping[str, Process]:
    """The processes of which programs may know."""
    context = call.context
    return {name: each for name, each in context.processes.items() if name not in context.restricted}


def _process(process: Process) -> ProcessShown:
    return ProcessShown(
        name=process.name,
        title=process.title,
        version=process.version,
        opens=process.opens,
        states=dict(process.states),
        final=sorted(process.final),
        facts=sorted(process.facts),
    )


def _key(row: BoardRow) -> tuple[str, str, str, str, str, str]:
    return (row.due.isoformat(), row.case_ref, row.rule, row.body or "", row.service or "", row.started_on.isoformat())


def _duty_page(call: Call, rows: Sequence[BoardRow], asked: Page) -> Response:
    after = position(asked.cursor, date, str, str, str, str, date)
    found = sorted((row for row in rows if after is None or _key(row) > tuple(after)), key=_key)
    items = found[: asked.limit]
    following = cursor_of(*_key(items[-1])) if len(found) > asked.limit else None
    return answered(call, {"items": _rows(items), "next": following})


def _rows(rows: Sequence[BaseModel]) -> list[dict[str, Any]]:
    return [row.model_dump(mode="json") for row in rows]


def _instant(moment: datetime | None) -> str | None:
    return instant(moment) if moment is not None else None
