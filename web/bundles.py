"""The page from which an auditor or the DCO takes the bundle of a case: for whom is asked, and the look is logged."""

from __future__ import annotations

from casework.bundles.build import FOR, CannotBundle, Wanted, bundle
from web.answers import Answer, File, Page
from web.asked import Asked
from web.faults import no_page
from web.identity import is_case

WHO_IT_IS_FOR = "Say for whom it is: choose one of the six."


def ask(asked: Asked) -> Answer:
    """The question for whom the bundle is."""
    ref = asked.place["ref"]
    return _page(ref) if is_case(asked.context, ref) else no_page(404)


def take(asked: Asked) -> Answer:
    """Log the look, and give the file. It names no person: the command does, with a purpose."""
    ref, whom = asked.place["ref"], asked.form.get("whom", "")
    looks = asked.form.get("looks") == "yes"
    if whom not in FOR:
        return _page(ref, WHO_IT_IS_FOR, looks=looks)
    try:
        made = bundle(asked.context, ref, asked.account, wanted=Wanted(whom, looks))
    except LookupError:
        return no_page(404)
    except CannotBundle as problem:
        return _page(ref, f"The bundle cannot be made: {problem}", looks=looks, status=409)
    return File(f"bundle-{made.case_ref}-{made.checkpoint}.zip", "application/zip", made.data)


def _page(ref: str, error: str | None = None, *, looks: bool = False, status: int = 400) -> Page:
    items = [{"value": word, "text": text[:1].upper() + text[1:]} for word, text in FOR.items()]
    values = {"title": f"The bundle of {ref}", "ref": ref, "items": items, "error": error, "looks": looks}
    return Page("bundle.html", {**values, "errors": True}, status) if error else Page("bundle.html", values)
