"""Retention: whose records are ripe, what stops an erasure, and erasures by two accounts, with their certificates.

Nothing here names a child. An account sees no restricted case that it is not named for; an erasure reaches it.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from casework.bundles.certificate import certificate
from casework.cases.references import reference_meant
from casework.context import AppContext
from casework.privacy.approval import Proposal, approve, preview, proposals, propose, refuse
from casework.privacy.case_looks import note_looks
from casework.privacy.erasure import ErasureReport, Ground
from casework.privacy.ripe import ripe_records
from casework.retention_holds import begin_hold, end_hold, listed, retention_of
from models.errors import Refusal
from web.answers import Answer, File, GoTo, Page
from web.asked import LONGEST_NUMBER, Asked, page_of
from web.faults import fault, no_page
from web.labels import first_capital
from web.recording import COMMAND_WORDS

ROWS, DECIDED = 50, 50
LOOK = "erasure"
GROUNDS = {
    Ground.RETENTION_ENDED: "Retention has ended",
    Ground.ERASURE_REQUEST: "The family or the young person asks for erasure",
    Ground.COURT_ORDER: "A court orders it",
    Ground.ENTERED_IN_ERROR: "The records were entered in error",
}
FORMS = {"html": "text/html; charset=utf-8", "pdf": "application/pdf", "json": "application/json"}


def overview(asked: Asked) -> Answer:
    """What waits for a second account, what is ripe, what stops an erasure, and what was erased."""
    return _overview(asked)


def begin(asked: Asked) -> Answer:
    """Record a hold on a case."""
    form, context = asked.form, asked.context
    try:
        since = date.fromisoformat(form["since"]) if form.get("since") else None
    except ValueError:
        return _overview(asked, ("since", "Give the day as in the field: 2026-04-14."))
    try:
        ref = reference_meant(context, form.get("case", ""))
        hold = begin_hold(context, ref, form.get("reason", ""), asked.account, since)
    except LookupError:
        return _overview(asked, ("hold-case", NO_CASE))
    except Refusal as problem:
        return _overview(asked, ("reason", _said(problem)))
    return GoTo(f"/retention?begun={hold.number}#holds")


def end(asked: Asked) -> Answer:
    """Record that a hold has ended, today."""
    number = _number(asked)
    try:
        end_hold(asked.context, number, asked.account)
    except Refusal:
        return fault("No such hold stops anything", "It has ended already. Go to Retention for the others.", status=404)
    return GoTo(f"/retention?ended={number}#holds")


def show_or_propose(asked: Asked) -> Answer:
    """Show what an erasure would erase; with the step `propose`, propose it for another account to approve."""
    context, ground = asked.context, asked.form.get("ground", "")
    if ground not in set(Ground):
        return _overview(asked, ("ground", "Choose a ground of the list."))
    try:
        ref = reference_meant(context, asked.form.get("case", ""))
        if asked.form.get("step") == "propose":
            asked_for = propose(context, ref, asked.account, Ground(ground))
            return GoTo(f"/retention/erasures/{asked_for.proposal}?done=proposed")
        found = preview(context, ref, Ground(ground))
    except LookupError as problem:
        return _overview(asked, ("case", _said(problem) if str(problem) else NO_CASE))
    except Refusal as problem:
        return _overview(asked, ("case", _said(problem)), status=409)
    note_looks(context, found.cases, asked.account, LOOK)
    return _erasure(asked, found, ref=ref)


def proposal(asked: Asked) -> Answer:
    """One proposal: what it would erase, who proposed it, and how it was decided."""
    found = _proposal(asked)
    if found is None:
        return no_page(404)
    return _shown(asked, found)


def decide(asked: Asked) -> Answer:
    """Approve a proposal, which erases, or refuse it."""
    number, how = _number(asked), asked.form.get("how", "")
    if how not in ("approve", "refuse"):
        found = _proposal(asked)
        return no_page(404) if found is None else _shown(asked, found, "Choose: approve or refuse.", status=400)
    try:
        (approve if how == "approve" else refuse)(asked.context, number, asked.account)
    except LookupError:
        return fault("It does not wait any more", "It was decided or it expired. Nothing was changed.", status=404)
    except Refusal as problem:
        found = _proposal(asked)
        return no_page(404) if found is None else _shown(asked, found, _said(problem), status=409)
    return GoTo(f"/retention/erasures/{number}?done={how}")


def paper(asked: Asked) -> Answer:
    """The certificate of an erasure that was approved, in one of its three forms."""
    number, form = _number(asked), asked.form.get("form", "")
    if form not in FORMS:
        return no_page(404)
    try:
        made = certificate(asked.context, number)
    except LookupError:
        return no_page(404)
    content = made.html.encode() if form == "html" else made.pdf if form == "pdf" else made.json
    return File(f"erasure-{number}.{form}", FORMS[form], content)


NO_CASE = "There is no such case: give its reference, as in NX00042."


def _said(problem: BaseException) -> str:
    """A refusal without the words that are for who types commands."""
    return first_capital(COMMAND_WORDS.sub("", str(problem)))


def _number(asked: Asked) -> int:
    text = str(asked.place["number"])
    return int(text) if len(text) <= LONGEST_NUMBER else 0


def _proposal(asked: Asked) -> Proposal | None:
    number = _number(asked)
    return next((each for each in proposals(asked.context, decided=True) if each.number == number), None)


def _shown(asked: Asked, found: Proposal, error: str | None = None, *, status: int = 200) -> Page:
    report = found.erased
    if report is None:
        try:
            report = preview(asked.context, found.case_ref, Ground(found.ground))
        except Refusal:
            report = None  # it was erased on another proposal, or nothing is left
    note_looks(asked.context, report.cases if report is not None else [found.case_ref], asked.account, LOOK)
    return _erasure(asked, report, found=found, error=error, status=status)


def _erasure(
    asked: Asked,
    report: ErasureReport | None,
    *,
    found: Proposal | None = None,
    ref: str = "",
    error: str | None = None,
    status: int = 200,
) -> Page:
    title = f"Erasure {found.number}" if found is not None else f"An erasure of {ref}"
    values: dict[str, Any] = {
        "title": title,
        "report": report,
        "found": found,
        "ref": ref,
        "error": error,
        "errors": bool(error),
    }
    values |= {"grounds": GROUNDS, "done": asked.query.get("done", ""), "forms": list(FORMS)}
    return Page("erasure.html", values, status)


def _overview(asked: Asked, problem: tuple[str, str] | None = None, *, status: int = 400) -> Page:
    context = asked.context
    ripe = ripe_records(context)
    pages = max(1, -(-len(ripe) // ROWS))
    page = min(page_of(asked.query), pages)
    every = proposals(context, decided=True)
    values: dict[str, Any] = {
        "title": "Retention",
        "ripe": ripe[(page - 1) * ROWS : page * ROWS],
        "total": len(ripe),
        "free": sum(each.is_free for each in ripe),
        "page": page,
        "pages": pages,
        "holds": listed(context),
        "reasons": _reasons(context),
        "waits": [each for each in every if each.waits],
        "decided": [each for each in every if not each.waits][::-1][:DECIDED],
        "grounds": GROUNDS,
        "form": asked.form,
        "begun": asked.query.get("begun", ""),
        "ended": asked.query.get("ended", ""),
    }
    if problem is None:
        return Page("retention.html", values)
    return Page("retention.html", {**values, "at": problem[0], "error": problem[1], "errors": True}, status)


def _reasons(context: AppContext) -> dict[str, str]:
    return {word: each.title for word, each in retention_of(context).hold.items()}
