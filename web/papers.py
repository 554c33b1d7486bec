"""The papers of a panel's sitting: its pack, the brief of one item, and the extract of the minutes. They print well."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from casework.privacy.case_looks import note_looks
from casework.reports import panel_papers
from casework.reports.panel_papers import Sitting
from casework.rules.guide_html import part_of_html
from models.errors import Refusal
from web.answers import Answer, Page
from web.asked import Asked
from web.faults import no_page


def pack(asked: Asked) -> Answer:
    """The pack of a sitting, with the brief of each item."""
    return _page(asked, panel_papers.pack)


def minutes(asked: Asked) -> Answer:
    """The extract of the minutes."""
    return _page(asked, panel_papers.minutes)


def brief(asked: Asked) -> Answer:
    """One page about one item."""
    return _page(asked, lambda of: panel_papers.brief(of, asked.place["item"]))


def _page(asked: Asked, text_of: Callable[[Sitting], str]) -> Answer:
    ref = asked.place["ref"].upper()
    try:
        of = panel_papers.sitting(asked.context, ref)
        text = text_of(of)
    except (LookupError, Refusal):
        return no_page(404)
    note_looks(asked.context, panel_papers.looked_at(of), asked.account, "papers")
    values = {
        "title": text.partition("\n")[0].lstrip("# "),
        "ref": ref,
        "items": [each.code for each in of.items],
        "text": _shown(text),
    }
    return Page("papers.html", values)


def _shown(text: str) -> Markup:
    """The papers as HTML. On a narrow screen each table is as wide as its words, and is moved sideways by itself."""
    before, *tables = part_of_html(text).split("<table>")  # Markdown without HTML: every mark in it is escaped
    wide = [
        f'<div class="app-papers__table" tabindex="0" role="region" aria-label="Table {number}"><table>{rest}'
        for number, rest in enumerate(tables, 1)
    ]
    return Markup("".join([before, *wide]).replace("</table>", "</table></div>"))  # noqa: S704 (escaped, see above)
