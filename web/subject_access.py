"""Everything that is held on one child, as one file to read through and then give away. The access is logged first."""

from __future__ import annotations

from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from casework.bundles.subject_access import collect
from casework.privacy.purposes import WrongPurpose
from casework.reports.histories import process_of
from config.purposes import SUBJECT_ACCESS
from models.enums import About
from web.answers import Answer, File, Page
from web.asked import Asked
from web.faults import no_page
from web.identity import WHY, purpose_items

EPOCH = (1980, 1, 1, 0, 0, 0)  # the times of the files say nothing


def ask(asked: Asked) -> Answer:
    """The question for the purpose."""
    return _page(asked) if _is_about_a_child(asked) else no_page(404)


def take(asked: Asked) -> Answer:
    """Log the access to each case of the child, then give the file."""
    ref = asked.place["ref"]
    if not _is_about_a_child(asked):
        return no_page(404)
    try:
        _done, files = collect(asked.context, ref, asked.account, asked.form.get("purpose", ""))
    except WrongPurpose:
        return _page(asked, WHY)
    except LookupError:
        return no_page(404)
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(ZipInfo(name, EPOCH), files[name], ZIP_DEFLATED)
    return File(f"subject-access-{ref}.zip", "application/zip", packed.getvalue())


def _is_about_a_child(asked: Asked) -> bool:
    process = process_of(asked.context, asked.place["ref"])
    return process is not None and asked.context.processes[process].about is About.CHILD


def _page(asked: Asked, error: str | None = None) -> Page:
    ref = asked.place["ref"]
    items = purpose_items(asked.context, asked.form.get("purpose", SUBJECT_ACCESS))
    values = {"title": f"Everything that is held: {ref}", "ref": ref, "purposes": items, "error": error}
    return (
        Page("subject_access.html", {**values, "errors": True}, 400) if error else Page("subject_access.html", values)
    )
