"""Why this date: the count that is shown ends on the date that the duty has, for every duty of the sample."""

from sqlalchemy import select

from casework.reports.case_report import report
from casework.reports.why_this_date import why_this_date
from models.database import reading
from models.tables import CASE
from web.installation import Installation

MONTH_OF_BIRTH = (
    "The start is recorded as a range, from Monday 1 March 2010 to Wednesday 31 March 2010. The due date is counted"
    " from the last of these days, and the stricter reading from the first."
)


def test_the_count_of_every_duty_of_the_sample_ends_on_its_date(sample: Installation) -> None:
    """Also where a later fact supplied a day (a move), and where only the month of birth is recorded."""
    context, shown, moves, births = sample.context(), 0, 0, 0
    with reading(context.engine) as connection:
        refs = list(connection.scalars(select(CASE.c.case_ref).order_by(CASE.c.case_ref)))
    for ref in refs:
        found = report(context, ref)
        for duty in found.duties:
            why = why_this_date(context, found, duty)
            assert why is not None and why.due == duty.due, (ref, duty.rule, duty.due)
            shown, moves = shown + 1, moves + (duty.rule == "la_move_transfer_plan")
            if duty.rule == "transition_capacity" and ref == "TR61001":
                births += 1
                assert why.steps[0] == MONTH_OF_BIRTH
                assert "Last day: Tuesday 31 March 2026." in why.steps
                assert "Stricter reading: Sunday 1 March 2026." in why.steps
                assert sum(step.startswith("Act by: Friday 27 February 2026") for step in why.steps) == 1
    assert shown > 1000 and moves and births
