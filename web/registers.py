"""The sheets of our team's registers: one page for each, also as a file."""

from __future__ import annotations

from types import SimpleNamespace

from casework.privacy.case_looks import note_looks
from casework.reports.period_lists.all import LISTS
from casework.reports.registers import UnknownRegister, register, sheets
from web.answers import Answer, Page
from web.asked import Asked
from web.export import Column, Sheet, as_file
from web.faults import no_page
from web.period_lists import one_list


def registers(asked: Asked) -> Answer:
    """The names of the registers, each with what its sheet says."""
    return Page("registers.html", {"title": "Registers", "sheets": sheets(asked.context), "lists": LISTS})


def one(asked: Asked) -> Answer:
    """The sheet of one register, or all of it as a file. It shows cases, so it is a look at each."""
    context = asked.context
    if asked.place["name"] in LISTS:
        return one_list(asked)
    try:
        found = register(context, asked.place["name"], context.today())
    except UnknownRegister:
        return no_page(404)
    kind = asked.query.get("format", "")
    if kind in ("csv", "xlsx"):
        columns = (Column("Case", "case_ref"), *(Column(text, key) for key, text in found.columns.items()))
        rows = [SimpleNamespace(case_ref=row.case_ref, **row.cells) for row in found.rows]
        sheet = Sheet(f"{found.name}-{context.today()}", found.title, columns, rows, found.not_named)
        return as_file(asked, sheet, kind)
    note_looks(context, [row.case_ref for row in found.rows], asked.account, "register")
    return Page("register.html", {"title": found.title, "found": found})
