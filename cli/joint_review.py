"""`sendflow joint-review CASE CASE [CASE]`: one day for reviews of one child, and what each would lose by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import open_installation
from cli.looks import log_look
from cli.options import AsAt, Json, parse_day
from cli.output import Exit, emit, fail

if TYPE_CHECKING:
    from casework.context import AppContext
    from casework.reports.joint_review import JointReviewReport, ReviewShown


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command("joint-review")(joint_review)


def joint_review(
    case: Annotated[str, typer.Argument(help="A case that owes a review, such as a continuing-care review.")],
    other: Annotated[str, typer.Argument(help="Another case of the same child, such as its annual review.")],
    third: Annotated[
        str | None, typer.Argument(help="A third case of the child, such as its health as a looked-after child.")
    ] = None,
    as_at: AsAt = None,
    json_: Json = False,
) -> None:
    """Propose one day for two or three reviews of one child, and show what each would lose. Nothing is written."""
    from casework.cases.references import reference_meant
    from casework.reports.joint_review import NoJointReview, plan_joint_review
    from models.errors import NoSuchCase

    day = parse_day(as_at, "--as-at")
    context = open_installation("joint-review")
    try:
        refs = [reference_meant(context, each) for each in (case, other, third) if each is not None]
        found = plan_joint_review(context, refs, day)
    except NoSuchCase as problem:
        fail(Exit.WRONG_CALL, str(problem))
    except NoJointReview as problem:
        fail(Exit.REFUSED, str(problem))
    log_look(context, [review.case_ref for review in found.reviews], "joint-review")
    emit(found.model_dump(mode="json"), json_, lambda: _text(context, found))


def _text(context: AppContext, found: JointReviewReport) -> str:
    from cli.formatting import day, warned

    if found.on is None:
        lines = [str(found.reason)]
    else:
        words = {
            "act_by": "a working day, and in time on every reading",
            "strict_due": "in time on every reading",
            "due": "in time, though not on the stricter reading",
        }
        every = "both" if len(found.reviews) == 2 else "all three"
        lines = [f"Hold {every} on {day(found.on)} or before: {words[str(found.reading)]}."]
    for review in found.reviews:
        lines += _review(context, review, len(found.reviews))
    return warned(context, "\n".join(lines))


def _review(context: AppContext, review: ReviewShown, reviews: int) -> list[str]:
    from cli.formatting import day
    from config.text import in_days

    title = context.processes[review.process].title
    lines = ["", f"{review.case_ref}, {title}: due {day(review.due)} ({review.citation})"]
    if review.then:
        rule = context.law.rules[review.then]
        lines.append(
            f"  to be held by {day(review.hold_by)}, so that the {rule.duty_on} still has its time to {rule.action}"
            f" ({rule.period[-1].cite})"
        )
    if review.days_given_up is not None:
        lost = f"loses {in_days(review.days_given_up)} of its own time, and its next review comes as much earlier"
        lines.append(f"  {lost if review.days_given_up else 'loses nothing'}")
    if review.days_late_on_the_others_day:
        whose = "the other's" if reviews == 2 else "the latest"
        lines.append(f"  on {whose} last day it would be {in_days(review.days_late_on_the_others_day)} past its own")
    return lines
