"""What went wrong, as RFC 9457 says it, with sendflow's codes: what, in which field, what was expected, an example.

No problem repeats what was sent: it may be a child's name.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from casework.access.api_answers import AnotherRequest
from casework.access.api_tokens import TooManyCalls
from casework.cases.fact_form import Refused
from models.database import Contended
from models.errors import NoSuchCase, Refusal, SendflowError, SeveralCases
from statemachines.registry import processes

KIND = "application/problem+json"
PREFIX = "urn:sendflow:problem:"
LOG = logging.getLogger("sendflow.api")
EXAMPLES = {
    "Idempotency-Key": "4f6c1b0e-6d0c-4f0c-9a6a-0a3d6f1c2b7e",
    "If-Match": '"…"',
    "kind": "health_advice_requested",
    "on": "2026-03-02",
    "facts": '[{"kind": "health_advice_requested", "on": "2026-03-02", "data": {"body": "QX101"}}]',
    "purpose": "which_child",
    "limit": "100",
    "as_at": "2026-04-14",
    "known_at": "2026-04-14T09:00:00+01:00",
    "show": "late",
    "answer": "sent",
}
OWN_WORDS = frozenset(
    {
        *("limit", "cursor", "show", "process", "la", "body", "owner", "state", "as_at", "known_at", "dry_run", "seq"),
        *("facts", "kind", "on", "data", "corrects", "on_behalf_of", "confirmed", "purpose", "case_ref", "rule"),
        *("opened_seq", "answer", "to_body", "to_service", "ground", "Idempotency-Key", "If-Match", "if-none-match"),
    }
)
UNION = frozenset({"constrained-str", "constrained-int", "bool", "int", "[key]"})  # which of several forms was tried
WORDS = {
    400: ("bad_json", "The body is not JSON in UTF-8. Nothing was recorded."),
    401: ("no_token", "Give a token that is open, as in: Authorization: Bearer sendflow_…"),
    404: ("not_found", "There is nothing at this address that this token may see."),
    405: ("method_not_allowed", "This address takes no such request. The description lists what it takes."),
}
# What a refusal means to a program, by its code, where it is not 409 or 422.
STATUS = {
    "bad_purpose": 422,
    "changed_meanwhile": 412,
    "no_such_case": 404,
    "not_of_this_body": 404,
    "nothing_known_then": 404,
}


class ProblemDetail(BaseModel):
    """A problem, as RFC 9457 has it. `code` is a word for programs; `field` says where, `example` what would do."""

    model_config = ConfigDict(frozen=True)
    type: str = Field(examples=[f"{PREFIX}missing_data"])
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    example: str | None = None
    errors: list[dict[str, str]] = []


class Problem(Refusal):
    """A call that is answered with a problem."""

    default_code = "problem"

    def __init__(
        self, status: int, code: str, detail: str, *, field: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail, code=code)
        self.status, self.detail, self.field = status, detail, field
        self.headers = headers or {}


def no_case() -> Problem:
    """No case, or one that no program may see: both look alike."""
    return Problem(404, "no_such_case", "There is no such case. Give its reference, as in: NX00042.")


def response_of(problem: Problem, errors: Sequence[Mapping[str, str]] = ()) -> Response:
    """The answer that a problem is."""
    document = ProblemDetail(
        type=f"{PREFIX}{problem.code}",
        title=problem.code.replace("_", " ").capitalize(),
        status=problem.status,
        detail=problem.detail,
        code=problem.code,
        field=problem.field,
        example=EXAMPLES.get(problem.field or ""),
        errors=[dict(each) for each in errors],
    )
    content = orjson.dumps(document.model_dump(mode="json", exclude_none=True, exclude_defaults=not errors))
    return Response(content, problem.status, dict(problem.headers), KIND)


def of_refusal(refusal: SendflowError) -> Problem:
    """The problem that a refusal of sendflow is to a program."""
    code, text = refusal.code, _sentence(str(refusal))
    field = getattr(refusal, "field", None)
    status, headers = 503, dict[str, str]()
    match refusal:
        case SeveralCases() | NoSuchCase():
            return no_case()
        case TooManyCalls():
            status, headers = 429, {"retry-after": str(refusal.seconds)}
        case Contended():
            headers = {"retry-after": "60"}
        case AnotherRequest():
            status, field = 422, "Idempotency-Key"
        case Refused() if code not in STATUS:
            status = 422 if refusal.wrong_call else 409
        case Refusal():
            status = STATUS.get(code, 409)
    return Problem(status, code, text, field=field, headers=headers)


def add_handlers(app: FastAPI) -> None:
    """Let every fault of the app be answered as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(SendflowError, _refusal)
    app.add_exception_handler(RequestValidationError, _wrong_form)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _broken)


def _problem(_request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return response_of(problem)


def _refusal(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, SendflowError)
    found = of_refusal(refusal)
    veil = getattr(request.state, "veil", None)
    if veil is not None:
        found.detail = veil(found.detail)
    return response_of(found)


def _wrong_form(_request: Request, problem: Exception) -> Response:
    """What is not in the form that the description gives: the first place in `field`, all of them in `errors`."""
    assert isinstance(problem, RequestValidationError)
    errors = [_error(each) for each in problem.errors()][:20]
    broken = any(str(each["type"]).startswith("json_") for each in problem.errors())
    if broken:
        return response_of(Problem(400, *WORDS[400]))
    first = errors[0]
    code = "missing_data" if first["code"] == "missing" else "bad_request"
    detail = f"{first['field']} is not in the form expected: {first['expected']}. Nothing was recorded."
    return response_of(Problem(422, code, detail, field=first["field"].rpartition(".")[2]), errors)


@cache
def _words() -> frozenset[str]:
    """The names of fields and parameters. Any other word in a request may be a child's name."""
    fields = {name for each in processes().values() for fact in each.facts.values() for name in fact.model.model_fields}
    return frozenset(fields | OWN_WORDS)


def _error(each: Mapping[str, Any]) -> dict[str, str]:
    place = [str(part) for part in each["loc"][1:] if str(part) not in UNION]
    known = [part if part.isdigit() or part in _words() else "…" for part in place]
    expected = str(each["msg"]).removeprefix("Value error, ")
    return {"field": ".".join(known) or "body", "expected": expected, "code": str(each["type"])}


def _http(_request: Request, problem: Exception) -> Response:
    status = problem.status_code if isinstance(problem, HTTPException) else 500
    code, detail = WORDS.get(status, ("bad_request", "The request cannot be read. Nothing was recorded."))
    headers = problem.headers if isinstance(problem, HTTPException) else None
    return response_of(Problem(status, code, detail, headers=headers))


def _broken(_request: Request, problem: Exception) -> Response:
    """A fault of the program or of the database: its name, and not its text, which may quote a row."""
    name = type(problem).__name__
    LOG.error("a call could not be answered (%s)", name)
    detail = f"Nothing was recorded. The fault is called {name}. Try again; sendflow doctor says what to repair."
    return response_of(Problem(500, "broken", detail))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"
