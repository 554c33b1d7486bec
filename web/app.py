"""The application: each route with the right that it needs, and the way from a request to an answer.

`ROUTES` is the whole list; `docs/reference/rights.md` and a test walk it. A handler is a plain function of `Asked`.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from casework import findings
from casework.access import sessions
from casework.access.accounts import Account, who_asks
from casework.access.seen import as_seen_with
from casework.access.sessions import COOKIE, Session
from casework.access.single_sign_on import COOKIE as ATTEMPT
from casework.context import AppContext
from casework.delivery.account_links import send_waiting
from casework.privacy.case_looks import noting_look
from config.rights import roles
from config.text import readable
from models.acting import signed_in
from models.database import one_snapshot, reading, transact
from models.questions import Ahead, Question
from web import faults
from web.answers import Answer, File, GoTo, Look, Page, Plain
from web.api.app import PATH, create_api
from web.asked import Asked
from web.guards import App, Guards, Message, Receive, Send
from web.help import help_of
from web.installation import NEWEST, Installation, numbers_in
from web.routes import HALF_SIGNED_IN, PROGRAM, PUBLIC, ROUTES, SIGNED_IN, Way, menu_of
from web.templating import names_for, render

STATIC = Path(__file__).parent / "static"
LOG = logging.getLogger("sendflow.web")
_Question = tuple[Question, Mapping[str, Any]]


def create_app(installation: Installation, hosts: Iterable[str] = ()) -> App:
    """Make the app. `hosts`: further names under which it may be called."""
    settings = installation.context().settings
    routes = [_route(way, installation) for way in ROUTES]
    app = Starlette(
        routes=[*routes, Mount("/static", StaticFiles(directory=STATIC))],
        exception_handlers={HTTPException: _http_fault(installation)},
    )
    both = _with_programs(app, create_api(installation))
    return Guards(both, {"127.0.0.1", "localhost", "::1", settings.bind, *settings.hosts, *hosts})


def _with_programs(pages: App, programs: App) -> App:
    """The pages, and the interface for programs under its path. A mount of Starlette would miss a path with a newline,
    and answer it with a page.
    """

    async def either(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and f"{scope['path']}/".startswith(f"{PATH}/"):
            await programs({**scope, "root_path": scope.get("root_path", "") + PATH}, receive, send)
        else:
            await pages(scope, receive, send)

    return either


def _route(way: Way, installation: Installation) -> Route:
    def endpoint(request: Request) -> Response:
        try:
            # A page that is only looked at is of one instant, at which its reader may see it. An act reads what other
            # threads wrote meanwhile. While another server is asked, no snapshot is open.
            one = way.method == "GET" and not way.asks_others
            with one_snapshot(installation.engine) if one else nullcontext():
                ahead = way.ahead(request.path_params) if one and way.ahead is not None else []
                asked = _asked(request, installation, alone=not one, ahead=ahead)
                with one_snapshot(asked.context.engine) if one else nullcontext():
                    answer = _answer(way, asked)
                    response = _response(request, asked, answer)
            if way.mails:
                response.background = BackgroundTask(_send_links, asked.context)
            return response
        except Exception as problem:
            return _broken(request, problem)

    return Route(way.path, endpoint, methods=[way.method], name=f"{way.method} {way.path}")


@contextmanager
def _logged(asked: Asked, look: Look | None) -> Iterator[None]:
    """Log a look while the block makes its page from what was read. The page is shown after that."""
    if look is None:
        yield
        return
    with signed_in(asked.account), noting_look(asked.context, look.case_ref, asked.account, look.what):
        yield


def _send_links(context: AppContext) -> None:
    """After the answer has left, so that its time says nothing. What fails is sent by the scheduler."""
    try:
        send_waiting(context)
    except Exception as problem:
        LOG.error("links could not be sent (%s)", type(problem).__name__)


def _answer(way: Way, asked: Asked) -> Answer:
    if way.right not in (PUBLIC, PROGRAM) and asked.session is None:
        return faults.signed_out(asked)
    if asked.session is not None and asked.session.awaits and way.right not in (PUBLIC, PROGRAM, HALF_SIGNED_IN):
        return GoTo(f"/second-factor{'?then=password' if way.path == '/password' else ''}")
    if way.right not in (PUBLIC, PROGRAM, SIGNED_IN, HALF_SIGNED_IN) and not asked.may(way.right):
        return faults.not_allowed(asked, way.right)
    if way.method == "POST" and way.right != PROGRAM and not _has_token(asked):
        return faults.old_form(asked)
    session = asked.session
    with signed_in(session.account if session is not None and not session.awaits else None):
        return way.handler(asked)


def _has_token(asked: Asked) -> bool:
    return hmac.compare_digest(asked.form.get("token", "").encode(), asked.token.encode())


def _asked(
    request: Request, installation: Installation, *, alone: bool = True, ahead: Sequence[_Question] = ()
) -> Asked:
    """`alone`: outside of a snapshot of the page. `ahead`: what the page will ask the records."""
    secret = request.cookies.get(COOKIE)
    context, session, account = _who_asks(installation, secret, alone=alone, ahead=ahead)
    return Asked(
        context=as_seen_with(context, account),
        path=request.url.path,
        place={name: readable(str(value)) for name, value in request.path_params.items()},
        query={name: readable(value) for name, value in request.query_params.items()},
        form=request.scope["sendflow"]["form"],
        file=request.scope["sendflow"]["file"],
        session=session,
        role=roles().get(account.role) if account else None,
        scope=account.scope if account else "",
        token=sha256(f"form/{secret if session else ''}".encode()).hexdigest()[:32],
        secure=request.url.scheme == "https",
        client=request.client.host if request.client else "",
        runs=installation.runs,
        imports=installation.imports,
        bearer=request.headers.get("authorization", "").partition("Bearer ")[2],
        document=request.scope["sendflow"].get("document", {}),
        etag=request.headers.get("if-none-match", ""),
        attempt=request.cookies.get(ATTEMPT, ""),
        provider=installation.provider,
    )


def _who_asks(
    installation: Installation, secret: str | None, *, alone: bool = True, ahead: Sequence[_Question] = ()
) -> tuple[AppContext, Session | None, Account | None]:
    now = datetime.now(UTC)
    # Most readers are named for no restricted process. Who is has the questions asked again.
    early = Ahead(ahead, installation.restricted) if ahead else None
    with one_snapshot(installation.engine), reading(installation.engine) as connection:
        session, account = who_asks(connection, secret, now, [NEWEST], last=alone, ahead=early)
        numbers = numbers_in(connection)
    context = installation.context_of(numbers)
    if session is not None and session.seen_at < now - sessions.SEEN_EVERY:
        transact(context.engine, lambda connection: sessions.note_use(connection, session, now))
    return context, session, account


def _response(request: Request, asked: Asked, answer: Answer) -> Response:
    match answer:
        case GoTo():
            return RedirectResponse(answer.address, 303, dict(answer.headers))
        case File():
            named = {"content-disposition": f'attachment; filename="{answer.name}"'}
            return Response(answer.content, media_type=answer.kind, headers=named)
        case Plain():
            return Response(answer.content, answer.status, dict(answer.headers), answer.kind)
        case Page():
            values = {**_shared(request, asked), **answer.values}
            with _logged(asked, answer.look):
                html = render(answer.template, values)
            return HTMLResponse(html, answer.status, dict(answer.headers))


def _shared(request: Request, asked: Asked) -> dict[str, Any]:
    """What the frame of every page shows."""
    context = asked.context
    return {
        "cspNonce": request.scope["sendflow"]["nonce"],
        "assetPath": "/static",
        "themeColor": "#005eb8",
        **names_for(context.directory, context.law, context.escalation_policy),
        "directory": context.directory,
        "altered": findings.notice(context),
        "simulation": context.simulation_notice,
        "today": context.today(),
        "path": asked.path,
        "account": asked.session.account if asked.session else None,
        "token": asked.token,
        "menu": menu_of(asked),
        "role": asked.role,
        "may": asked.role.may if asked.role else frozenset(),
        "may_simulate": context.simulated and asked.may("next_day"),
        "processes": context.processes,
        "help_id": help_of(asked.path),
    }


def _broken(request: Request, problem: Exception) -> Response:
    """A page that needs no database, in which nobody seems to be signed in. It names the fault and not its text, which
    may quote a row.
    """
    LOG.error("a page could not be made (%s)", type(problem).__name__)
    page = faults.broken(type(problem).__name__)
    nonce = {"cspNonce": request.scope["sendflow"]["nonce"], "assetPath": "/static"}
    return HTMLResponse(render(page.template, {**nonce, **page.values}), page.status)


def _http_fault(installation: Installation) -> Any:
    def handler(request: Request, problem: Exception) -> Response:
        status = problem.status_code if isinstance(problem, HTTPException) else 500
        asked = _asked(request, installation)
        return _response(request, asked, faults.no_page(status))

    return handler
