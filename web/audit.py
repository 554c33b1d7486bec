"""Audit: what was verified and found, heads, adoptions, the health check, who looked, people and rights, webhooks.

Nothing here changes anything. A finding about a restricted case is shown to those who are named for its process.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from audit.since import verified_up_to
from casework import findings, job_log, webhooks
from casework.access import accounts
from casework.access.accounts import named_for
from casework.bundles.build import CannotBundle, Wanted
from casework.bundles.build import bundle as make_bundle
from casework.bundles.cohort import cohort
from casework.context import AppContext
from casework.findings import StoredFinding
from casework.privacy.case_looks import IDENTITY, LookWanted, looks_of
from casework.privacy.purposes import recipients
from casework.proof.keys import LogKeyError
from casework.proof.report import LogReport, log_report
from casework.rule_packs import adoptions, rulesets
from config.rights import RIGHTS, Role, roles
from models.checkpoints import checkpoints
from models.database import reading
from models.facts import REFERENCE
from models.visibility import hidden_processes, unseen_among
from runtime.diagnostics.checks import examine
from runtime.diagnostics.finding import Finding
from web import labels
from web.answers import Answer, File, Page
from web.asked import Asked, page_of
from web.export import Column, Sheet, as_file

NEWEST, LOOKS, MOST_PAGES = 10, 50, 200
MOST_CHANGES = 200
EXPORT = "export"
HIDDEN_FINDING = "A problem of a case that your account may not see. Somebody who may see it runs sendflow doctor."
NO_BUNDLE = "Name one case or more by their references, as in NX00042, with a space between two."
FOR_WHOM = "Say for whom it is: choose one of the list."


def overview(asked: Asked) -> Answer:
    """What was verified and found, the heads, the adoptions, and the way to each part."""
    return _overview(asked)


def health(asked: Asked) -> Answer:
    """What the health check finds, in words, each with its fix. It reads no whole history: that is a verification."""
    context = asked.context
    found = examine(context.settings, quick=True)
    shown = _without_hidden(context, found.findings)
    return Page("audit_health.html", {"title": "Health of the installation", "report": found, "found": shown})


def looks(asked: Asked) -> Answer:
    """Who looked at which case, with filters; also as a file, which is itself a look at each case in it."""
    page = min(page_of(asked.query), MOST_PAGES)
    typed = {name: asked.query.get(name, "").strip() for name in ("who", "case", "from_on", "to_on", "what")}
    values: dict[str, Any] = {"title": "Access log", "typed": typed, "page": page, "looked_at": labels.LOOKED_AT}
    try:
        wanted = _wanted(typed)
    except ValueError:
        said = "Give the days as in the fields: 2026-04-14."
        return Page("audit_looks.html", {**values, "found": [], "error": said, "errors": True, "pages": 1}, 400)
    if asked.query.get("format") in ("csv", "xlsx"):
        rows = looks_of(asked.context, wanted, LOOKS * MOST_PAGES)
        columns = (
            ("When (UTC)", "at"),
            ("Who", "actor"),
            ("Case", "case_ref"),
            ("What", "what"),
            ("Purpose", "purpose"),
        )
        sheet = Sheet("access-log", "the access log", [Column(*each) for each in columns], rows)
        return as_file(asked, sheet, asked.query["format"])
    found = looks_of(asked.context, wanted, LOOKS + 1, (page - 1) * LOOKS)
    more = len(found) > LOOKS and page < MOST_PAGES
    return Page("audit_looks.html", {**values, "found": found[:LOOKS], "pages": page + more, "identity": IDENTITY})


def people(asked: Asked) -> Answer:
    """The accounts and their roles, the rights of each role, and every change of a role, the newest first."""
    with reading(asked.context.engine) as connection:
        now, changes = accounts.accounts(connection), accounts.changes(connection, MOST_CHANGES)
    may_name = asked.context.restricted - hidden_processes(asked.context.engine)
    values = {"title": "People and rights", "accounts": now, "changes": changes, "roles": roles(), "rights": RIGHTS}
    return Page("audit_people.html", {**values, "may_name": may_name, "named_for": named_for, "who_may": _who_may()})


def informed(asked: Asked) -> Answer:
    """The addresses of programs that are informed of changes, without their secrets, and the newest messages."""
    values = {"title": "Webhooks", "webhooks": webhooks.listed(asked.context)}
    return Page("audit_webhooks.html", {**values, "events": webhooks.events(asked.context)})


def bundle(asked: Asked) -> Answer:
    """The bundle of one case, or one file of the bundles of several, in one click. The looks are logged first."""
    context, whom = asked.context, asked.form.get("whom", "")
    refs = re.split(r"[\s,;]+", asked.form.get("cases", "").strip())
    if refs == [""]:
        return _overview(asked, ("cases", NO_BUNDLE))
    if whom not in recipients(context):
        return _overview(asked, ("whom", FOR_WHOM))
    wanted = Wanted(whom, asked.form.get("looks") == "yes")
    try:
        if len(refs) > 1:
            data, made = cohort(context, refs, asked.account, wanted)
            return File(f"bundles-{len(made)}-cases-{made[0].checkpoint}.zip", "application/zip", data)
        one = make_bundle(context, refs[0], asked.account, wanted=wanted)
    except LookupError:
        return _overview(asked, ("cases", f"There is no such case. {NO_BUNDLE}"), status=404)
    except CannotBundle as problem:
        return _overview(asked, ("cases", f"The bundle cannot be made: {problem}"), status=409)
    return File(f"bundle-{one.case_ref}-{one.checkpoint}.zip", "application/zip", one.data)


def _overview(asked: Asked, problem: tuple[str, str] | None = None, *, status: int = 400) -> Page:
    context, may_look = asked.context, asked.may("looks")
    with reading(context.engine) as connection:
        found = findings.listed(connection, closed=True)
        heads = checkpoints(connection)[::-1]
    values: dict[str, Any] = {
        "title": "Audit",
        "open": [each for each in found if each.closed_at is None],
        "closed": _newest_closed(found),
        "runs": job_log.newest(context, "verify", NEWEST),
        "verified": verified_up_to(context),
        "heads": heads[:NEWEST],
        "log": _log(context),
        "adoptions": adoptions(context)[:NEWEST],
        "rulesets": rulesets(context)[:NEWEST],
        "exports": looks_of(context, LookWanted(what=EXPORT), NEWEST) if may_look else [],
        "whom": [
            {"value": word, "text": text, "checked": word == asked.form.get("whom")}
            for word, text in recipients(context).items()
        ],
        "form": asked.form,
        # The numbers count every case: who may not know of some of them is not given the numbers.
        "counted": not hidden_processes(context.engine),
    }
    if problem is None:
        return Page("audit.html", values)
    return Page("audit.html", {**values, "at": problem[0], "error": problem[1], "errors": True}, status)


def _newest_closed(found: list[StoredFinding]) -> list[StoredFinding]:
    closed = [each for each in found if each.closed_at is not None]
    return sorted(closed, key=lambda each: each.closed_at or "", reverse=True)[:NEWEST]


def _log(context: AppContext) -> LogReport | None:
    try:
        return log_report(context)
    except LogKeyError:
        return None


def _without_hidden(context: AppContext, found: Iterable[Finding]) -> list[Finding]:
    """The findings as this account may see them: the health check itself sees every case."""
    shown = []
    with reading(context.engine) as connection:
        for each in found:
            unseen = unseen_among(connection, [*each.cases, *REFERENCE.findall(each.message)])
            if any(ref in each.message or ref in each.mend for ref in unseen):
                each = each.model_copy(update={"message": HIDDEN_FINDING, "mend": "", "cases": []})
            shown.append(each.model_copy(update={"cases": [ref for ref in each.cases if ref not in unseen]}))
    return shown


def _wanted(typed: dict[str, str]) -> LookWanted:
    since, until = (date.fromisoformat(typed[name]) if typed[name] else None for name in ("from_on", "to_on"))
    return LookWanted(typed["who"].lower(), typed["case"].upper(), since, until, typed["what"])


def _who_may() -> dict[str, list[str]]:
    """The titles of the roles that have each right."""
    every: Iterable[Role] = roles().values()
    return {word: sorted(role.title for role in every if word in role.may) for word in RIGHTS}
