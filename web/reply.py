"""Answering letters: by a link without an account, or by the account of a body. Both have the same form and functions.

Opening a link changes nothing: mail scanners follow links, and press one button. A person chooses an answer, reads what
will be recorded, and sends it. The pages show references, services and dates only. A link that opens nothing gets the
same page for every reason, and a line in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from casework.access import limits
from casework.cases.fact_form import Refused
from casework.imports.answer_sheet import MOST, NotUnderstood, read_answers, rows_of, sent_by
from casework.imports.raw_rows import SheetError
from casework.replies.answers import Reply, drafts_of
from casework.replies.give import NotOfThisBody, Outcome, give, give_as, undo, undo_as
from casework.replies.links import NoSuchLink, Scope, digest_of, find_link
from casework.replies.owed import Owed, account_key, given_lately, owed_by, owed_by_body
from casework.replies.record import Asked as Question
from casework.replies.words import DAY_QUESTIONS, Choice, consequence, reply_of, said, services
from casework.reports.table_files import workbook
from casework.reports.withheld import not_to_be_named
from models.answers import Answer as Said
from models.database import reading, transact
from web.answers import Answer, File, GoTo, Page
from web.asked import Asked, page_of
from web.export import XLSX
from web.faults import fault, no_page, too_many
from web.forms import Field, check_one, day_field
from web.labels import first_capital

LOG = logging.getLogger("sendflow.web")
ON_A_PAGE = 25
BETWEEN = "|"  # in the value of a line: the answer, and the service that it names


@dataclass(frozen=True)
class Form:
    """What can be answered, and how: by a link, or by an account of a body.

    `one`: a single thing, not a list. `who` is counted by the limit of answers. `give` and `undo` record.
    `lately`: how many answers it gave within the last hour.
    """

    address: str
    who: str
    owed: Sequence[Owed]
    give: Callable[[Sequence[tuple[Question, Reply]], str | None], Sequence[Outcome]]
    undo: Callable[[int], bool]
    one: bool = False
    account: bool = False
    lately: int = 0


def show(asked: Asked) -> Answer:
    """What the link or the account answers. Nothing is recorded by opening it."""
    try:
        form = _opened(asked)
    except NoSuchLink as wrong:
        return _no_link(asked, wrong)
    return _page(asked, form)


def answer(asked: Asked) -> Answer:
    """Take an answer: ask for its day or service, show what will be recorded, record it, or undo it."""
    try:
        form = _opened(asked)
        if not _take(asked, limits.REPLIES_OF_LINK, form.who):
            return too_many()
        if asked.form.get("step") == "undo":
            return _undo(asked, form)
        return _answer_one(asked, form) if form.one else _answer_many(asked, form)
    except NoSuchLink as wrong:
        return _no_link(asked, wrong)
    except NotOfThisBody:
        return no_page(404)


def download(asked: Asked) -> Answer:
    """What the mailbox or the body is asked for, as a workbook to fill in."""
    try:
        form = _list_of(asked)
    except NoSuchLink as wrong:
        return _no_link(asked, wrong)
    rows = rows_of(asked.context, form.owed)
    return File("answers.xlsx", XLSX, workbook(rows, len(rows) - sum(bool(one.choices) for one in form.owed)))


def upload(asked: Asked) -> Answer:
    """Read the answers of a workbook, and show what will be recorded and which cells were not understood."""
    try:
        form = _list_of(asked)
        if not _take(asked, limits.REPLIES_OF_LINK, form.who):
            return too_many()
        found, wrong = read_answers(asked.context, asked.file or b"", form.owed)
    except NoSuchLink as wrong_link:
        return _no_link(asked, wrong_link)
    except SheetError as problem:
        return _page(asked, form, {"file": first_capital(problem.sentence)}, 400)
    if not found and not wrong:
        return _page(asked, form, {"file": "The column Answer of the file is empty: nothing was read"}, 400)
    lines = [(read.owed, read.choice, read.reply) for read in found[:MOST]]
    return _check_page(asked, form, lines, sent_by(found[:MOST]), wrong, len(found[MOST:]))


def _opened(asked: Asked) -> Form:
    """Raises NoSuchLink."""
    now, context = asked.context.now(), asked.context
    token = asked.place.get("token")
    with reading(context.engine) as connection:
        if token is None:
            account = asked.account
            owed = owed_by_body(context, connection, account, asked.scope, now)
            give_it = partial(give_as, context, account, asked.scope)
            lately = given_lately(connection, account_key(account), now)
            undo_it = partial(undo_as, context, account)
            return Form("/own/reply", account, owed, give_it, undo_it, account=True, lately=lately)
        link = find_link(connection, context.cipher, token, now)
        owed = owed_by(context, connection, link, now)
        lately = given_lately(connection, digest_of(token), now)
    undo_it, one = partial(undo, context, token), link.scope is Scope.DUTY
    return Form(f"/reply/{token}", token, owed, partial(give, context, token), undo_it, one, lately=lately)


def _list_of(asked: Asked) -> Form:
    """Raises NoSuchLink for a link that answers one thing."""
    form = _opened(asked)
    if form.one:
        raise NoSuchLink("no list")
    return form


def _no_link(asked: Asked, wrong: NoSuchLink) -> Answer:
    """The page of a link that opens nothing. Wrong ones are counted by address; the log has no token."""
    LOG.warning("a link to answer a letter was refused: %s", wrong)
    if not _take(asked, limits.WRONG_REPLY_LINKS, asked.client):
        return too_many()
    page = fault(
        "This link does not work",
        "It may be too old, or not complete. Nothing was recorded.",
        "Use the link in the newest e-mail, or reply to that e-mail: a reply reaches the team that sent it.",
        status=404,
    )
    return page._replace(values={**page.values, "altered": None})


def _answer_one(asked: Asked, form: Form) -> Answer:
    one = form.owed[0] if form.owed else None
    if one is None or not one.is_open or one.duty is None:
        return _page(asked, form)
    choice = _choice(one, asked.form.get("choice", ""))
    if choice is None:
        return _page(asked, form, {"choice": "Choose the answer that fits"}, 400)
    field = _further(asked, one, choice)
    step = asked.form.get("step", "")
    if field is not None and (step == "choose" or not check_one(field)):
        return _further_page(asked, form, one, choice, field, 200 if step == "choose" else 400)
    on = date.fromisoformat(field.value) if field is not None and field.kind == "day" else None
    to = field.value if field is not None and field.kind == "select" else ""
    reply = reply_of(choice.value, on, to, one.asked.recipient)
    problem = _refusal(asked, one, reply)
    if problem is not None and field is not None:
        field.error = problem
        return _further_page(asked, form, one, choice, field, 400)
    if problem is not None:
        return _page(asked, form, {"choice": problem}, 400)
    sent = {"choice": choice.value, **(field.sent() if field is not None else {})}
    return (
        _send(asked, form, [(one.asked, reply)])
        if step == "send"
        else _check_page(asked, form, [(one, choice, reply)], sent)
    )


def _refusal(asked: Asked, one: Owed, reply: Reply) -> str | None:
    """Why a reply would not be recorded."""
    assert one.duty is not None
    try:
        drafts_of(asked.context, one.replayed.casefile, one.duty, reply)
    except Refused as refused:
        return first_capital(refused.message)
    return None


def _answer_many(asked: Asked, form: Form) -> Answer:
    """The lines that a person has answered; the others are left as they are."""
    found: list[tuple[Owed, Choice, Reply]] = []
    problems: dict[str, str] = {}
    sent: dict[str, str] = {}
    for one in form.owed:
        value = asked.form.get(f"c.{one.name}", "")
        if not value or one.duty is None:
            continue
        word, _, to = value.partition(BETWEEN)
        choice = _choice(one, word)
        day = _typed_day(asked, one)
        sent |= {f"c.{one.name}": value, **day.sent()}
        try:
            if choice is None:
                raise Refused("no_such_answer", "choose one of the answers of the list")
            if choice.asks in ("past_day", "coming_day") and not check_one(day):
                raise Refused("bad_day", day.error)
            on = date.fromisoformat(day.value) if choice.asks in ("past_day", "coming_day") else None
            reply = reply_of(choice.value, on, to, one.asked.recipient)
            drafts_of(asked.context, one.replayed.casefile, one.duty, reply)
            found.append((one, choice, reply))
        except Refused as refused:
            problems[one.name] = first_capital(refused.message)
    if not found and not problems:
        problems = {"none": "Choose an answer on at least one line"}
    if problems or asked.form.get("step") == "choose":
        return _page(asked, form, problems, 400 if problems else 200)
    if asked.form.get("step") == "send":
        return _send(asked, form, [(one.asked, reply) for one, _choice, reply in found])
    return _check_page(asked, form, found, sent)


def _send(asked: Asked, form: Form, replies: Sequence[tuple[Question, Reply]]) -> Answer:
    hidden = not_to_be_named(asked.context, {question.case_ref for question, _reply in replies})
    shown = asked.runs is not None and not hidden
    with asked.runs.act(replies[0][0].case_ref, "reply") if asked.runs is not None and shown else nullcontext() as run:
        outcomes = form.give(replies, run)
    refused = [outcome for outcome in outcomes if outcome.refused is not None]
    if not refused:
        return GoTo(f"{form.address}?recorded={len(outcomes)}")
    return fault(
        "Not all of it was recorded" if len(refused) < len(outcomes) else "Nothing was recorded",
        *(_why(outcome) for outcome in refused),
        "Open the list again to see what is owed."
        if form.account
        else "Open the link again to see what is owed, or reply to the e-mail.",
        status=409,
    )


def _why(outcome: Outcome) -> str:
    assert outcome.refused is not None
    sentences = {
        "recorded_already": "it was recorded already",
        "not_owed": "nothing is owed here any more",
        "answered_already": "this link has answered it already",
    }
    return f"{outcome.asked.case_ref}: {sentences.get(outcome.refused.code, outcome.refused.message)}."


def _undo(asked: Asked, form: Form) -> Answer:
    number = asked.form.get("number", "")
    if number.isascii() and number.isdecimal() and len(number) < 10 and form.undo(int(number)):
        return GoTo(f"{form.address}?undone=1")
    return fault(
        "It could not be taken back",
        "An answer can be taken back within an hour, once, unless the team has acted on it.",
        "Reply to the e-mail and say what is right.",
        status=409,
    )


def _choice(one: Owed, value: str) -> Choice | None:
    return next((each for each in one.choices if each.value == value), None)


def _further(asked: Asked, one: Owed, choice: Choice) -> Field | None:
    """The further question of an answer: its day, or the service."""
    assert one.duty is not None
    if choice.asks in ("past_day", "coming_day"):
        return day_field("on", DAY_QUESTIONS[choice.possible.answer], "For example, 14 4 2026", asked.form)
    if choice.asks == "service":
        field = Field("to", "Which service has it now?", "", "select", True, services(asked.context, one.duty))
        field.value = asked.form.get("to", "")
        if field.value not in dict(field.options):
            field.value = ""
        return field
    return None


def _typed_day(asked: Asked, one: Owed) -> Field:
    return day_field(f"d.{one.name}", "The day", "", asked.form)


def _further_page(asked: Asked, form: Form, one: Owed, choice: Choice, field: Field, status: int) -> Page:
    place = f"#{field.name}-day" if field.kind == "day" else f"#{field.name}"
    errors = [{"text": field.error, "href": place}] if field.error else []
    values = {"title": field.label, "one": one, "choice": choice, "field": field, "errors": errors}
    return Page("reply_further.html", {**_common(form), **values}, status)


def _check_page(
    asked: Asked,
    form: Form,
    found: Sequence[tuple[Owed, Choice, Reply]],
    sent: Mapping[str, str],
    wrong: Sequence[NotUnderstood] = (),
    left: int = 0,
) -> Page:
    lines = [
        {
            "one": one,
            "said": said(asked.context, reply),
            "does": consequence(asked.context, choice.possible, one.duty, reply),
        }
        for one, choice, reply in found
        if one.duty is not None
    ]
    values = {"title": "Check your answer", "lines": lines, "sent": sent, "wrong": wrong, "left": left}
    return Page("reply_check.html", {**_common(form), **values})


def _page(asked: Asked, form: Form, problems: Mapping[str, str] | None = None, status: int = 200) -> Page:
    """The things that can be answered: one with its answers, or a table of many."""
    problems, owed = problems or {}, form.owed
    template = "reply.html" if form.one else "replies.html"
    page = page_of(asked.query)
    shown = owed if form.one else owed[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]
    values: dict[str, Any] = {
        "title": "Answer" if form.one else "What you owe",
        "owed": shown,
        "count": len(owed),
        "page": page,
        "pages": max(1, -(-len(owed) // ON_A_PAGE)),
        "chosen": asked.form.get("choice", ""),
        "typed": {one.name: (asked.form.get(f"c.{one.name}", ""), _typed_day(asked, one)) for one in shown},
        "services": {one.name: services(asked.context, one.duty) for one in shown if one.duty is not None},
        "other_service": str(Said.OTHER_SERVICE),
        "between": BETWEEN,
        "problems": problems,
        "scope_name": next((each.name for each in asked.context.directory.bodies if each.body == asked.scope), ""),
        "errors": [{"text": text, "href": _href(name)} for name, text in problems.items()],
        "recorded": _recorded(asked, form),
        "undone": asked.query.get("undone", ""),
    }
    return Page(template, {**_common(form), **values}, status)


def _recorded(asked: Asked, form: Form) -> str:
    """How many answers were recorded just now. Anybody can write an address: it is believed up to those of an hour."""
    said_ = asked.query.get("recorded", "")
    return said_ if said_.isascii() and said_.isdecimal() and 0 < int(said_[:6]) <= form.lately else ""


def _href(name: str) -> str:
    return {"choice": "#choice", "none": "#first", "file": "#file"}.get(name, f"#c.{name}")


def _common(form: Form) -> dict[str, Any]:
    """What these pages share. Whether the records were altered is said to the team only."""
    return {"altered": None, "address": form.address, "by_account": form.account, "may_simulate": False}


def _take(asked: Asked, limit: limits.Limit, who: str) -> bool:
    context = asked.context
    return transact(
        context.engine, lambda connection: limits.take(connection, context.cipher, limit, who, datetime.now(UTC))
    )
