"""`sendflow papers`: the papers of a panel's sitting, to read, to print or to send."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.installation import open_installation
from cli.looks import log_look
from cli.options import CaseReference, Json
from cli.output import Exit, emit, fail, notify
from config.files import write_for_person


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command("papers")(papers)


def papers(
    case: CaseReference,
    item: Annotated[str | None, typer.Option("--item", help="Only the brief of this agenda item, one page.")] = None,
    minutes: Annotated[bool, typer.Option("--minutes", help="The extract of the minutes instead of the pack.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page for print to this HTML file.")] = None,
    json_: Json = False,
) -> None:
    """Show the papers of a panel's sitting: the pack with a brief of each item, one brief, or the minutes."""
    from casework.cases.references import reference_meant
    from casework.reports import panel_papers
    from casework.rules.guide_html import printed

    if item is not None and minutes:
        fail(Exit.WRONG_CALL, "give --item or --minutes, and not both: sendflow papers PS00001 --item item_1")
    context = open_installation("papers")
    of = panel_papers.sitting(context, reference_meant(context, case))
    text = (
        panel_papers.brief(of, item)
        if item is not None
        else panel_papers.minutes(of)
        if minutes
        else panel_papers.pack(of)
    )
    log_look(context, panel_papers.looked_at(of), "papers")
    if html is None:
        emit({"case_ref": of.file.case_ref, "item": item, "markdown": text}, json_, lambda: text)
        return
    try:
        write_for_person(html, printed(text))
    except OSError as problem:
        fail(
            Exit.NOT_FINISHED,
            f"The page was not written ({problem.strerror}). Name a folder that exists and that you may write to",
        )
    notify(f"Wrote the papers of {of.file.case_ref}.")
    if json_:
        emit({"case_ref": of.file.case_ref, "item": item, "characters": len(text)}, True, lambda: "")
