"""The open health duties of one body, or of one authority's cases: what a provider or a council may see of them."""

from datetime import date

from casework.context import AppContext
from casework.reports.worklists import BoardRow, open_duties


def own_duties(context: AppContext, as_at: date, *, body: str = "", la: str = "") -> list[BoardRow]:
    """The open duties, the soonest first. `days` is calendar days left; below 0 they are late.

    Of an authority's cases: the duties of health bodies only. Nothing without a scope.
    """
    if not body and not la:
        return []
    return [
        row
        for row in open_duties(context, as_at)
        if (row.body == body if body else row.la == la) and row.body is not None
    ]
