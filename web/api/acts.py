"""What programs do: open a case, record facts, answer a request for a body, and see who a case is about.

An act has an idempotency key. Its answer is stored in the transaction of its facts, so that the same call again, after
a broken connection or a killed process, records nothing twice and gets the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import date
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Query, Security
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints
from sqlalchemy import Connection
from starlette.responses import Response

from casework.access.api_answers import AnsweredBefore, Once
from casework.cases.fact_form import Refused
from casework.cases.record import Recorded
from casework.privacy.access import PersonReport, read_person
from casework.replies.answers import Reply
from casework.replies.give import Outcome, give_as
from casework.replies.owed import owed_by_body
from casework.replies.record import VIA_PROGRAM, Asked
from casework.replies.words import Choice
from casework.reports.heads import head_of
from casework.reports.preview import Preview, preview
from flows.jobs import Job, JobExecution
from models.answers import Answer as Said
from models.database import reading
from models.facts import LARGEST, SLUG, FactDraft
from statemachines.registry import opened_by
from web.api.calls import CALL, Call, answered
from web.api.problems import Problem

NEW = "new"
MOST_FACTS = 20
TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$"
Text = Annotated[str, StringConstraints(pattern=TEXT, max_length=20_000)]
Whole = Annotated[int, Field(strict=True, gt=-LARGEST, lt=LARGEST)]  # what every JSON reader represents exactly
Key = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
MaybeKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")
]
IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=2000)]
DryRun = Annotated[bool, Query(description="Say what it would do, and record nothing.")]
ACTS = APIRouter()


class Sent(BaseModel):
    """What a program sends. No error repeats it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class FactSent(Sent):
    """A fact that happened on a day. `data`: its fields, as the schema of its kind has them."""

    kind: str = Field(pattern=r"^[a-z][a-z0-9_]{1,59}$")
    on: date
    data: dict[Annotated[str, StringConstraints(max_length=60)], Text | StrictBool | Whole | None] = {}
    corrects: int | None = Field(None, ge=1, le=999_999)
    on_behalf_of: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]{1,59}$")

    def draft(self) -> FactDraft:
        """The fact as sendflow records it."""
        return FactDraft(self.kind, self.on, dict(self.data), self.corrects, self.on_behalf_of)


class FactsSent(Sent):
    """Facts of one case, recorded together, all or none.

    `confirmed`: a person has confirmed that every case which this reaches is about one child.
    """

    facts: list[FactSent] = Field(min_length=1, max_length=MOST_FACTS)
    confirmed: bool = False


class Accepted(BaseModel):
    """What was recorded: the case, its state after it, the number of its last fact, and what a person is to do."""

    case_ref: str
    process: str
    state: str
    seq: int
    facts: int
    follow_ups: list[str]


class AnswerSent(Sent):
    """What a body says about one thing that it owes. `on`: the day sent, expected or missed."""

    case_ref: str = Field(pattern=r"^[A-Za-z0-9-]{4,14}$")
    rule: str = Field(pattern=r"^[a-z][a-z0-9_]{1,59}$")
    opened_seq: int = Field(ge=1, le=999_999)
    answer: Said
    on: date | None = None
    to_body: str | None = Field(None, pattern=r"^[A-Z0-9]{3,8}$")
    to_service: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]{1,59}$")
    ground: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]{1,59}$")


class ChoiceShown(BaseModel):
    """One answer that may be given: the word, the exception's ground, what else it has to say, and its meaning."""

    answer: str
    ground: str | None
    asks: str
    label: str


class OwedShown(BaseModel):
    """One thing that the body of the account owes, with the answers that it may give."""

    case_ref: str
    la_reference: str | None
    rule: str
    opened_seq: int
    action: str
    service: str | None
    due: date | None
    says_sent: date | None
    answers: list[ChoiceShown]


class OwedList(BaseModel):
    """What is owed, the most urgent first."""

    items: list[OwedShown]


class Answered(BaseModel):
    """An answer that was recorded: the numbers of its facts."""

    case_ref: str
    facts: list[int]


class Purpose(Sent):
    """Why an identity is read: a word of purposes.toml. It is logged."""

    purpose: str = Field(min_length=2, max_length=60, pattern=f"^{SLUG.pattern}$")


class _Act:
    """One act: its key in the transaction of its facts, and the head that its case must have had before."""

    def __init__(self, call: Call, key: str | None, request: object, expected: str | None = None) -> None:
        body = orjson.dumps(request, option=orjson.OPT_SORT_KEYS)
        self._once = Once(call.context.cipher, call.caller.account, key, body) if key is not None else None
        self._expected = expected
        self.status = 201

    def before(self, connection: Connection) -> None:
        """Find out whether it was done already."""
        if self._once is not None:
            self._once.begin(connection)

    def after(self, connection: Connection, done: Recorded | list[Outcome]) -> None:
        """Compare the head, and store the answer."""
        if isinstance(done, Recorded):
            check_head(self._expected, head_of(connection, done.case_ref, done.seq - done.facts))
            self.store(connection, accepted(done).model_dump(mode="json"))
        elif (refused := done[0].refused) is not None:
            raise refused
        else:
            self.store(connection, {"case_ref": done[0].asked.case_ref, "facts": list(done[0].facts)})

    def store(self, connection: Connection, answer: Any) -> None:
        """Store what will be answered."""
        if self._once is not None:
            self._once.end(connection, self.status, answer)


def check_head(expected: str | None, head: str | None) -> None:
    """Raise Refused if a case is not as the program saw it. `expected`: the value of If-Match."""
    if expected is None or expected.strip() == "*":
        return
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in expected.split(",")]
    if head is None or head[:32] not in {tag.partition(".")[0] for tag in tags}:
        raise Refused(
            "changed_meanwhile",
            "the case has changed since it was read, and nothing was recorded: read it again, and decide again",
            field="If-Match",
        )


def accepted(recorded: Recorded) -> Accepted:
    """What is answered to an act that was recorded."""
    return Accepted(
        case_ref=recorded.case_ref,
        process=recorded.process,
        state=recorded.state,
        seq=recorded.seq,
        facts=recorded.facts,
        follow_ups=recorded.unheard,
    )


@ACTS.post("/cases", status_code=201, response_model=Accepted, responses={200: {"model": Preview}})
def open_case(
    call: Annotated[Call, Security(CALL, scopes=["record"])],
    sent: FactsSent,
    idempotency_key: MaybeKey = None,
    dry_run: DryRun = False,
) -> Response:
    """Open a case with its first facts. sendflow gives it a reference.

    With `dry_run`, say what it would do: dates, letters, linked cases. Otherwise Idempotency-Key is required.
    """
    return record(call, NEW, sent, idempotency_key, None, dry_run=dry_run)


@ACTS.post("/cases/{ref}/facts", status_code=201, response_model=Accepted, responses={200: {"model": Preview}})
def record_facts(
    call: Annotated[Call, Security(CALL, scopes=["record"])],
    ref: str,
    sent: FactsSent,
    idempotency_key: MaybeKey = None,
    if_match: IfMatch = None,
    dry_run: DryRun = False,
) -> Response:
    """Record facts on a case. With If-Match, only if the case is as its ETag says.

    With `dry_run`, say what it would do. Otherwise Idempotency-Key is required.
    """
    return record(call, call.reference(ref), sent, idempotency_key, if_match, dry_run=dry_run)


def record(call: Call, ref: str, sent: FactsSent, key: str | None, expected: str | None, *, dry_run: bool) -> Response:
    """Record facts, or say what they would do. `key`: the idempotency key; `expected`: the value of If-Match."""
    drafts = [fact.draft() for fact in sent.facts]
    _refuse_restricted(call, drafts)
    context, account = call.context, call.caller.account
    if dry_run:
        if ref != NEW:
            with reading(context.engine) as connection:
                check_head(expected, head_of(connection, ref))
            call.look([ref])
        return answered(call, preview(context, ref, drafts, account, confirmed=sent.confirmed))
    if key is None:
        raise Problem(
            400,
            "idempotency_key_missing",
            "An act has an Idempotency-Key, so that it can be sent again without being done twice. Nothing was"
            " recorded.",
            field="Idempotency-Key",
        )
    act = _Act(call, key, ["record", ref, sent.model_dump(mode="json"), expected], expected)
    try:
        with reading(context.engine) as connection:
            act.before(connection)  # at once, where it was done before
        recorded = _recorded(call, ref, sent, drafts, act)
    except AnsweredBefore as before:
        return _again(call, before)
    where = {"location": f"/api/v1/cases/{recorded.case_ref}"}
    return answered(call, accepted(recorded), 201, where)


def _recorded(call: Call, ref: str, sent: FactsSent, drafts: Sequence[FactDraft], act: _Act) -> Recorded:
    arguments = {
        "case": ref,
        "drafts": drafts,
        "actor": call.caller.account,
        "via": VIA_PROGRAM,
        "confirmed": sent.confirmed,
        "together": act,
    }
    with call.acting():
        execution = JobExecution(Job.RECORD, call.context, arguments)
    with call.runs.act(ref, drafts[0].kind) if not execution.is_restricted() else nullcontext() as run:
        recorded = execution.execute(run)
    assert isinstance(recorded, Recorded)
    return recorded


def _again(call: Call, before: AnsweredBefore) -> Response:
    ref = before.answer["case_ref"]
    headers = {"location": f"/api/v1/cases/{ref}", "idempotency-replayed": "true"}
    return answered(call, before.answer, before.status, headers)


def _refuse_restricted(call: Call, drafts: Sequence[FactDraft]) -> None:
    """A process of which programs may not know is to them none. A word that is no fact is refused where it is read."""
    known = opened_by()
    for draft in drafts:
        if draft.kind in known and known[draft.kind].name in call.context.restricted:
            raise Problem(422, "unknown_fact", "There is no such fact. The list of processes has the kinds of each.")


@ACTS.get("/own/requests", response_model=OwedList)
def list_requests(call: Annotated[Call, Security(CALL, scopes=["answer"])]) -> Response:
    """List what the body of the account is asked for, with the answers that it may give."""
    context, caller = call.context, call.caller
    with reading(context.engine) as connection:
        owed = owed_by_body(context, connection, caller.account, caller.scope, context.now())
    items = [
        OwedShown(
            case_ref=each.asked.case_ref,
            la_reference=each.la_reference,
            rule=each.asked.rule,
            opened_seq=each.asked.opened_seq,
            action=each.action,
            service=each.asked.service,
            due=each.duty.due if each.duty is not None else None,
            says_sent=each.says_sent,
            answers=[_choice(choice) for choice in each.choices],
        ).model_dump(mode="json")
        for each in owed
        if each.is_open
    ]
    return answered(call, {"items": items})


def _choice(choice: Choice) -> ChoiceShown:
    answer, _, ground = choice.value.partition(":")
    return ChoiceShown(answer=answer, ground=ground or None, asks=choice.asks, label=choice.text)


@ACTS.post("/own/answers", status_code=201, response_model=Answered)
def answer_request(
    call: Annotated[Call, Security(CALL, scopes=["answer"])], sent: AnswerSent, idempotency_key: Key
) -> Response:
    """Answer one request in the name of the body that the account is for."""
    context, caller = call.context, call.caller
    asked = Asked(call.reference(sent.case_ref), sent.rule, sent.opened_seq, caller.scope)
    reply = Reply(sent.answer, on=sent.on, to_body=sent.to_body, to_service=sent.to_service, ground=sent.ground)
    act = _Act(call, idempotency_key, ["answer", caller.scope, sent.model_dump(mode="json")])
    try:
        with call.acting(), call.runs.act(asked.case_ref, "answer") as run:
            (outcome,) = give_as(context, caller.account, caller.scope, [(asked, reply)], run, act)
    except AnsweredBefore as before:
        return _again(call, before)
    return answered(call, Answered(case_ref=asked.case_ref, facts=list(outcome.facts)), 201)


@ACTS.post("/cases/{ref}/identity", response_model=PersonReport)
def read_identity(call: Annotated[Call, Security(CALL, scopes=["identity"])], ref: str, sent: Purpose) -> Response:
    """Give who a case is about. The access and its purpose are logged before anything is decrypted."""
    ref = call.reference(ref)
    with call.acting():
        found = read_person(call.context, ref, call.caller.account, sent.purpose)
    return answered(call, found)
