"""Starts child processes that run one job each and die at a given instant.

A process without threads loads everything and then forks. A new interpreter would spend a second on imports before
its first write, so that most random kills would fall into the imports. A fork starts its job at once, so hundreds of
rounds take minutes. Orders and answers are lines of JSON.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.fork_server import start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from casework.context import AppContext
    from tests.support.team import Team

HANDED_DOWN = ("duty_rules", "dates_of", "law_version")


@dataclass(frozen=True, slots=True)
class Order:
    """One child process: its job, the simulated day and the job's arguments.

    `die_after` seconds it is killed by SIGKILL, or before the statement with the number `die_at`; it may write `limit`
    bytes to a file.
    """

    act: str
    today: str
    given: tuple[Any, ...] = ()
    die_after: float | None = None
    limit: int | None = None
    die_at: int | None = None


@dataclass(frozen=True, slots=True)
class End:
    """How a child ended: 0, or the signal's number below zero; what it answered (None where it died first); how long it
    took.
    """

    code: int
    answer: Any
    seconds: float


class Nursery:
    """The process that forks, one for each installation. The child processes of one call work at the same time."""

    def __init__(self, home: Path, database_url: str | None = None) -> None:
        self.home = home
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("SENDFLOW_", "PREFECT_"))
        }
        orders, to_orders = os.pipe()
        from_answers, answers = os.pipe()
        code = "from tests.support.fault_workers import main; main()"
        self._process = start(code, str(home), streams=(orders, answers, 2), env=environment)
        for each in (orders, answers):
            os.close(each)
        self._orders = os.fdopen(to_orders, "w", encoding="utf-8")
        self._answers = os.fdopen(from_answers, encoding="utf-8")
        # Not among the words of the command, where any account of the machine could read it.
        self._send(database_url)

    def all_at_once(self, *orders: Order) -> list[End]:
        """Start one child for each order at the same time, and wait for all of them."""
        self._send([asdict(order) for order in orders])
        line = self._answers.readline()
        assert line, "the nursery has gone"
        return [End(**end) for end in json.loads(line)]

    def _send(self, message: Any) -> None:
        self._orders.write(json.dumps(message) + "\n")
        self._orders.flush()

    def one(self, act: str, today: str, *given: Any, **how: Any) -> End:
        """Run one child."""
        return self.all_at_once(Order(act, today, given, **how))[0]

    def close(self) -> None:
        """End the process that forks. No child is left, because every call waits for its children."""
        self._orders.close()
        self._process.wait()
        self._answers.close()


@contextmanager
def nursery(team: Team) -> Iterator[Nursery]:
    """Start the process that forks for a team's installation, and close it at the end."""
    made = Nursery(team.home, team.first.settings.database_url)
    try:
        yield made
    finally:
        made.close()


def _reply(context: AppContext, token: str, *asked: Any) -> list[Any]:
    from casework.replies.answers import Reply
    from casework.replies.give import give
    from casework.replies.record import Asked
    from models.answers import Answer

    replies = [(Asked(*each), Reply(Answer(answer), recipient="service")) for each, answer in asked]
    return [each.refused.code if each.refused else each.facts for each in give(context, token, replies)]


def _read_replies(context: AppContext, *given: Any) -> Any:
    from casework.mailbox.read import read_replies
    from config.reply_mailbox import ReplyMailbox

    host, port, user, password, certificate = given
    box = ReplyMailbox(host, port, user, password)
    settings = replace(context.settings, replies=box, tls_ca=Path(certificate))
    return read_replies(replace(context, settings=settings)).model_dump(mode="json")


def _send_calls(context: AppContext) -> int:
    from casework.delivery.webhook_calls import send_calls

    settings = replace(context.settings, webhook_hosts=("127.0.0.1",))
    return send_calls(replace(context, settings=settings))


def _call(context: AppContext, token: str, document: Any, key: str) -> Any:
    """A case that a program opens, as its call is handled; how it is read is tried elsewhere."""
    from casework.access.api_tokens import caller_of
    from flows.shared_runs import SharedRuns
    from web.api.acts import FactsSent, open_case
    from web.api.calls import Call

    caller = caller_of(context, token, "")
    assert caller is not None
    runs = SharedRuns(context.settings)
    answer = open_case(Call(context, caller, runs), FactsSent.model_validate(document), key)
    runs.close()
    return [answer.status_code, json.loads(bytes(answer.body))]


def _act(context: AppContext, act: str, given: list[Any]) -> Any:  # noqa: C901, PLR0911, PLR0912 (one job a case)
    from casework.cases.record import record
    from casework.cases.validation import Refused
    from casework.delivery.addresses import readdress
    from casework.delivery.came_back import came_back
    from casework.delivery.daily_digest import digest
    from casework.delivery.deliver import deliver
    from casework.delivery.holds import hold, release_held
    from casework.imports.tracker_import import import_file
    from casework.sweep import sweep
    from models.database import transact
    from models.facts import FactDraft
    from notifications.transport import SmtpTransport

    match act:
        case "hold":
            return hold(context, *given).model_dump(mode="json")
        case "release":
            return release_held(context, *given).model_dump(mode="json")
        case "came_back":
            return came_back(context, *given).model_dump(mode="json")
        case "reply":
            return _reply(context, *given)
        case "webhooks":
            return _send_calls(context)
        case "call":
            return _call(context, *given)
        case "readdress":
            transact(context.engine, lambda connection: readdress(context, connection, context.today()))
            return None
        case "replies":
            return _read_replies(context, *given)
        case "sweep":
            return sweep(context).model_dump(mode="json")
        case "deliver":
            host, port, seconds, *pages = given
            if pages:
                context = replace(context, settings=replace(context.settings, pages_at=pages[0]))
            return deliver(context, transport=SmtpTransport(host, port, seconds=seconds)).model_dump(mode="json")
        case "digest":
            host, port, seconds = given
            return digest(context, transport=SmtpTransport(host, port, seconds=seconds)).model_dump(mode="json")
        case "import":
            return import_file(context, Path(given[0])).model_dump(mode="json")
        case "record":
            accepted, acts = given
            said = []
            for case, drafts in acts:
                try:
                    done = record(
                        context,
                        case,
                        [FactDraft(kind, date.fromisoformat(on), data) for kind, on, data in drafts],
                        "dco.team",
                    )
                except Refused as refused:
                    said.append([case, refused.code])
                    continue
                said.append([case, done.seq])
                # What a caller was answered: one write, so that a line is whole or absent.
                with Path(accepted).open("ab", buffering=0) as kept:
                    kept.write((json.dumps([case, drafts]) + "\n").encode())
            return said
    raise AssertionError(act)


def _die_at_statement(engine: Engine, number: int) -> None:
    """Kill this process before its statement with that number. A commit, and the return of a connection, count too."""
    from sqlalchemy import event

    seen = count(1)

    def statement(*_given: Any) -> None:
        if next(seen) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in ("before_cursor_execute", "commit", "checkin"):
        event.listen(engine, name, statement)


def _bring_up(context: AppContext, order: Order, begin: int, answer: int) -> None:
    from models.database import open_engine

    code = 0
    try:
        engine = open_engine(context.engine.url.render_as_string(hide_password=False))
        own = replace(context, settings=replace(context.settings, today=date.fromisoformat(order.today)), engine=engine)
        # What has been worked out from the law is handed down: a child writes from its first milliseconds.
        own.__dict__.update({name: getattr(context, name) for name in HANDED_DOWN})
        if order.limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (order.limit, order.limit))
        os.read(begin, 1)
        if order.die_at is not None:
            _die_at_statement(engine, order.die_at)
        said = _act(own, order.act, list(order.given))
    except Exception as problem:
        code, said = 1, type(problem).__name__
    os.write(answer, json.dumps(said).encode())
    os._exit(code)


def _fork(context: AppContext, orders: list[Order]) -> list[End]:
    begin, let_begin = os.pipe()
    children: dict[int, tuple[Order, int]] = {}
    for order in orders:
        answer, to_answer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(let_begin)
            _bring_up(context, order, begin, to_answer)
        os.close(to_answer)
        children[child] = order, answer
    began = time.monotonic()
    os.close(let_begin)
    due = sorted(
        (order.die_after, child) for child, (order, _answer) in children.items() if order.die_after is not None
    )
    for after, child in due:
        time.sleep(max(0.0, began + after - time.monotonic()))
        # Not yet waited for, so the number is still this child's, also where it has ended.
        os.kill(child, signal.SIGKILL)
    ends = []
    for child, (_order, answer) in children.items():
        with os.fdopen(answer, "rb") as stream:
            said = stream.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        ends.append(End(code, json.loads(said) if said else None, time.monotonic() - began))
    os.close(begin)
    return ends


def main() -> None:
    """Take orders until standard input ends."""
    for room in (
        "casework.delivery.deliver",
        "casework.delivery.came_back",
        "casework.delivery.daily_digest",
        "casework.imports.tracker_import",
        "casework.mailbox.read",
        "casework.cases.record",
        "casework.replies.give",
        "casework.sweep",
    ):
        importlib.import_module(room)  # now, so that no child has to
    from casework.context import AppContext
    from config.settings import Settings

    context = AppContext.load(
        Settings(home=Path(sys.argv[1]), today=date(2026, 1, 1), database_url=json.loads(sys.stdin.readline()))
    )
    for worked_out in ("processes", *HANDED_DOWN):
        getattr(context, worked_out)
    context.engine.dispose()
    gc.freeze()  # as the fork server does
    for line in sys.stdin:
        orders = [Order(**{**order, "given": tuple(order["given"])}) for order in json.loads(line)]
        if any(order.act == "call" for order in orders):
            importlib.import_module("web.api.acts")  # as above; the others need no web
        sys.stdout.write(json.dumps([asdict(end) for end in _fork(context, orders)]) + "\n")
        sys.stdout.flush()
