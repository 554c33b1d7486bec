"""What a provider or a local authority sees: the open health duties of its own, by reference only."""

from __future__ import annotations

from casework.reports.own_duties import own_duties
from web.answers import Answer, Page
from web.asked import Asked
from web.export import Sheet, as_file
from web.today import DUTY


def own(asked: Asked) -> Answer:
    """The duties of the body or the authority that the account is for."""
    assert asked.role is not None
    context = asked.context
    by_body = asked.role.scope == "body"
    rows = own_duties(context, context.today(), **{"body" if by_body else "la": asked.scope})
    names = {each.body: each.name for each in context.directory.bodies}
    whose = names.get(asked.scope, asked.scope) if by_body else context.directory.la_name(asked.scope)
    kind = asked.query.get("format", "")
    if kind in ("csv", "xlsx"):
        return as_file(asked, Sheet(f"duties-{context.today()}", f"open duties of {whose}", DUTY, rows), kind)
    late = [row for row in rows if row.days < 0]
    return Page("own.html", {"title": "Duties", "whose": whose, "rows": rows, "late": late, "by_body": by_body})
