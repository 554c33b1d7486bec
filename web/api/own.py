"""What the system of a local authority does: it hands over requests, and takes back the states of its own cases.

It sees the cases of its authority and no others: to it they do not exist, in no list, no link and no sentence. It
opens cases and records no later fact, so that no program of an authority says what a health body did.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Security
from pydantic import BaseModel, Field, StrictBool, StringConstraints
from starlette.responses import Response

from casework.cases.child_questions import CONFIRM
from casework.cases.fact_form import Refused
from casework.reports.case_list import CaseFilter, Show, cases_after
from casework.reports.case_report import report
from statemachines.registry import opened_by
from web.api.acts import NEW, Accepted, FactSent, FactsSent, MaybeKey, Sent, Text, Whole, record
from web.api.calls import CALL, Call, answered
from web.api.paging import Page, cursor_of, position
from web.api.problems import Problem
from web.api.reads import CasePage

OWN = APIRouter()


class OwnQuery(Page):
    """Which cases of the authority: those with an open duty, or all."""

    show: Show = Show.ALL


class OwnDuty(BaseModel):
    """A duty of a health body in a case of the authority. `standing` is its status; days late are calendar days."""

    rule: str
    body: str | None
    service: str | None
    opened_seq: int
    started_on: date
    due: date | None
    standing: str
    days_late: int
    met_on: date | None
    citation: str


class OwnCase(BaseModel):
    """A case of the authority: its state and the duties of health bodies, without facts."""

    case_ref: str
    la_reference: str | None
    process: str
    state: str
    state_name: str
    as_at: date
    duties: list[OwnDuty]


class HandedOver(Sent):
    """A request of the authority. `data` are the fields of its kind; the authority is that of the account."""

    kind: str = Field(pattern=r"^[a-z][a-z0-9_]{1,59}$")
    on: date
    data: dict[Annotated[str, StringConstraints(max_length=60)], Text | StrictBool | Whole | None] = Field(
        default_factory=dict
    )


@OWN.get("/own/cases", response_model=CasePage)
def list_own_cases(
    call: Annotated[Call, Security(CALL, scopes=["own_cases"])], asked: Annotated[OwnQuery, Query()]
) -> Response:
    """List the cases of the authority that the account is for, by reference."""
    after = position(asked.cursor, str)
    wanted = CaseFilter(show=asked.show, la=call.caller.scope)
    rows = cases_after(call.context, wanted, call.context.today(), after[0] if after else "", asked.limit)
    more = len(rows) == asked.limit
    hidden = call.hidden([row.case_ref for row in rows])
    items = [row.model_dump(mode="json") for row in rows if row.case_ref not in hidden]
    return answered(call, {"items": items, "next": cursor_of(rows[-1].case_ref) if more else None})


@OWN.get("/own/cases/{ref}", response_model=OwnCase)
def read_own_case(call: Annotated[Call, Security(CALL, scopes=["own_cases"])], ref: str) -> Response:
    """Give a case of the authority: its state, and what health bodies owe in it. It is logged."""
    ref = call.reference(ref)
    found = report(call.context, ref)
    call.look([ref])
    duties: list[dict[str, Any]] = [
        {name: getattr(duty, name) for name in OwnDuty.model_fields} for duty in found.duties if duty.body is not None
    ]
    shown = {name: getattr(found, name) for name in OwnCase.model_fields if name != "duties"}
    return answered(call, OwnCase.model_validate({**shown, "duties": duties}))


@OWN.post("/own/cases", status_code=201, response_model=Accepted)
def hand_over(
    call: Annotated[Call, Security(CALL, scopes=["hand_over"])], sent: HandedOver, idempotency_key: MaybeKey = None
) -> Response:
    """Hand over a request: it opens a case of the authority that the account is for. Idempotency-Key is required."""
    process = opened_by().get(sent.kind)
    model = process.model_of(sent.kind) if process is not None else None
    if model is None or "nhs_number" not in model.IDENTITY_FIELDS or "la" not in model.model_fields:
        raise Problem(
            422,
            "not_handed_over",
            "That fact is no request about a child that opens a case, for example ehc_assessment_requested.",
            field="kind",
        )
    if sent.data.get("la") not in (None, call.caller.scope):
        raise Problem(
            403, "other_authority", "The account is for another authority: leave la out, or give its own.", field="la"
        )
    linked = sent.data.get("linked_to")
    data = {**sent.data, "la": call.caller.scope}
    if linked is not None:
        data["linked_to"] = call.reference(str(linked))
    facts = FactsSent(facts=[FactSent(kind=sent.kind, on=sent.on, data=data)])
    try:
        return record(call, NEW, facts, idempotency_key, None, dry_run=False)
    except Refused as problem:
        if problem.code != CONFIRM:
            raise
        raise Problem(
            409,
            "needs_the_team",
            "The team has to see this request before it is recorded. Nothing was recorded: send it to the team by"
            " e-mail.",
        ) from None
