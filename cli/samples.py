"""`sendflow sample`: the random samples of an audit round, drawn again."""

from __future__ import annotations

import typer

from cli.installation import open_installation
from cli.looks import log_look
from cli.options import CaseReference, Json
from cli.output import Exit, emit


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command("sample")(sample)


def sample(case: CaseReference, json_: Json = False) -> None:
    """Draw the sample of an audit round again from the histories, and say whether the same items come of it."""
    from casework.cases.references import reference_meant
    from casework.reports.samples import samples

    context = open_installation("sample")
    ref = reference_meant(context, case)
    found = samples(context, ref)
    log_look(context, [ref], "sample")
    emit(
        {"case_ref": ref, "samples": [each._asdict() for each in found]},
        json_,
        lambda: "\n".join(
            f"Fact {each.seq}, seed {each.seed}: {len(each.drawn)} of {each.in_frame}."
            + (
                " Drawn again from the histories as known then: the same frame and the same items."
                if each.same
                else f" Drawn again, it gives others: {', '.join(each.drawn_again) or 'none'}. Recorded:"
                f" {', '.join(each.drawn) or 'none'}. Run sendflow verify: a history may have been altered."
            )
            for each in found
        ),
    )
    if not all(each.same for each in found):
        raise typer.Exit(Exit.REFUSED)
