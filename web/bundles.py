"""The page from which an auditor or the DCO takes the bundle of a case: for whom is asked, and the look is logged.

Who may read identities may have the child named in it, for a purpose. A case about no child names nobody.
"""

from __future__ import annotations

from typing import Any

from casework.bundles.build import CannotBundle, Identity, Wanted, bundle
from casework.privacy.purposes import recipients, titles
from casework.reports.histories import process_of
from models.enums import About
from web.answers import Answer, File, Page
from web.asked import Asked
from web.faults import no_page
from web.identity import purpose_items

FOR_WHOM = "Say for whom it is: choose one of the list."
WHY = "Choose a purpose of the list, or no name."


def ask(asked: Asked) -> Answer:
    """The question for whom the bundle is, and whether it names the child."""
    process = process_of(asked.context, asked.place["ref"])
    return no_page(404) if process is None else _page(asked, process)


def take(asked: Asked) -> Answer:
    """Log the look, and the access if the bundle names the child; then give the file."""
    ref, context = asked.place["ref"], asked.context
    process = process_of(context, ref)
    if process is None:
        return no_page(404)
    whom, purpose = asked.form.get("whom", ""), asked.form.get("purpose", "")
    if whom not in recipients(context):
        return _page(asked, process, ("whom", FOR_WHOM))
    if purpose and (not _may_name(asked, process) or purpose not in titles(context)):
        return _page(asked, process, ("purpose", WHY))
    identity = Identity(purpose) if purpose else None
    try:
        made = bundle(context, ref, asked.account, identity, wanted=Wanted(whom, asked.form.get("looks") == "yes"))
    except CannotBundle as problem:
        return _page(asked, process, ("whom", f"The bundle cannot be made: {problem}"), status=409)
    return File(f"bundle-{made.case_ref}-{made.checkpoint}.zip", "application/zip", made.data)


def _may_name(asked: Asked, process: str) -> bool:
    return asked.may("identity") and asked.context.processes[process].about is About.CHILD


def _page(asked: Asked, process: str, problem: tuple[str, str] | None = None, *, status: int = 400) -> Page:
    ref, form = asked.place["ref"], asked.form
    items = [
        {"value": word, "text": text, "checked": word == form.get("whom")}
        for word, text in recipients(asked.context).items()
    ]
    values: dict[str, Any] = {"title": f"The bundle of {ref}", "ref": ref, "items": items}
    values |= {"looks": form.get("looks") == "yes", "may_name": _may_name(asked, process)}
    values |= {"purposes": purpose_items(asked.context, form.get("purpose", ""))}
    if problem is None:
        return Page("bundle.html", values)
    return Page("bundle.html", {**values, "at": problem[0], "error": problem[1], "errors": True}, status)
