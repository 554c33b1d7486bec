"""The open health duties of one body, or of one authority's cases: what a provider or a council may see of them."""

from datetime import date

from casework.context import AppContext
from casework.reports.withheld import may_be_named
from casework.reports.worklists import BoardRow, open_duties


def own_duties(context: AppContext, as_at: date, *, body: str = "", la: str = "") -> list[BoardRow]:
    """The open duties, the soonest first. `days` is calendar days left; below 0 they are late.

    Of an authority's cases: the duties of health bodies only. Nothing without a scope. A child who died or is flagged
    as sensitive is in no list of another organisation.
    """
    if not body and not la:
        return []
    rows, _withheld = may_be_named(context, open_duties(context, as_at))
    return [row for row in rows if (row.body == body if body else row.la == la) and row.body is not None]
