"""The chronology of a case: what happened in order, and each duty. As one page of HTML, and as accessible PDF.

The page has no script and no style from elsewhere. The PDF is PDF/UA-1: tagged, with the heads of its tables, in
British English; the same chronology gives the same bytes under one version of the library.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from html import escape
from importlib.resources import files
from typing import NamedTuple

import orjson

from casework.reports.case_models import CaseReport
from config.text import full_day, in_words
from models.fields import STORED

_STYLE = (
    "body{font-family:Arial,sans-serif;line-height:1.5;max-width:70em;margin:1em auto;padding:0 1em;color:#1d2328}"
    "table{border-collapse:collapse;width:100%}caption{text-align:left;font-weight:bold;padding:.5em 0}"
    "th,td{border:1px solid #4a545c;padding:.3em .5em;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "@media(max-width:50em){thead{display:none}table,tbody,tr,td{display:block}tr{margin-bottom:1em}"
    "td{border-bottom:0}td:last-child{border-bottom:1px solid #4a545c}td:empty{display:none}"
    "td::before{content:attr(data-head) ': ';font-weight:bold}}"
)
# What counts for programs alone; facts.jsonl has it.
_OF_PROGRAMS = ("opened_seq", "rung_seq")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WORDS = "words, which are not in this file"


class Table(NamedTuple):
    """One table: its caption, its heads with the share of the width that each has, and its rows."""

    caption: str
    heads: Sequence[str]
    widths: Sequence[int]
    rows: Sequence[Sequence[str]]


class Chronology(NamedTuple):
    """What both forms show."""

    title: str
    lines: Sequence[str]
    tables: Sequence[Table]


def content(case: CaseReport, at: str) -> Chronology:
    """The chronology of a case as known at an instant."""
    facts = [
        (
            f"{fact.seq}",
            full_day(fact.occurred_on),
            in_words(fact.kind),
            "; ".join(
                f"{in_words(name)}: {said(value)}"
                for name, value in sorted(fact.data.items())
                if name not in _OF_PROGRAMS
            ),
            f"{fact.recorded_at[:16].replace('T', ' ')} UTC by {fact.actor}",
        )
        for fact in case.facts
    ]
    duties = [
        (
            in_words(duty.rule),
            " ".join(each for each in (duty.body, in_words(duty.service or "")) if each),
            full_day(duty.started_on),
            full_day(duty.due) if duty.due else "none",
            in_words(duty.standing) + (f", {duty.days_late} days late" if duty.days_late else ""),
            duty.citation,
        )
        for duty in case.duties
    ]
    known = f"{full_day(date.fromisoformat(at[:10]))} at {at[11:16]} UTC"
    lines = [f"{case.state_name}, on {full_day(case.as_at)}, as known on {known}."]
    if case.simulation:
        lines.append("This is a simulation: the case is invented.")
    tables = (
        Table("What happened", ("Number", "Day", "What", "Details", "Recorded"), (3, 4, 6, 7, 5), facts),
        Table("Duties", ("Duty", "Who", "Began", "Due", "Status", "Provision"), (6, 4, 4, 4, 4, 6), duties),
    )
    return Chronology(f"Case {case.case_ref}: chronology", lines, tables)


def said(value: object) -> str:
    """A value as a person reads it: a day in words, several with commas, and confidential words by that alone."""
    if isinstance(value, list):
        return ", ".join(map(said, value))
    text = str(value)
    if STORED.fullmatch(text):
        return _WORDS
    return full_day(date.fromisoformat(text)) if _DAY.fullmatch(text) else text.replace("_", " ")


def as_html(of: Chronology) -> str:
    """The page."""
    return (
        '<!DOCTYPE html>\n<html lang="en-GB"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(of.title)}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{escape(of.title.partition(':')[0])}</h1>"
        + "".join(f"<p>{escape(line)}</p>" for line in of.lines)
        + "".join(map(_table, of.tables))
        + "</main></body></html>\n"
    )


def as_pdf(of: Chronology, at: str) -> bytes:
    """The PDF, dated at an instant. No text of a case becomes markup, and no file but the template is read."""
    import typst  # lazy: 40 MB that only a bundle needs

    template = files("casework.bundles").joinpath("chronology.typ").read_bytes()
    document = {
        "title": of.title,
        "lines": of.lines,
        "tables": [table._asdict() for table in of.tables],
    }
    made: bytes = typst.compile(
        template,
        format="pdf",
        sys_inputs={"case": orjson.dumps(document).decode()},
        pdf_standards=["ua-1"],
        ignore_system_fonts=True,
        timestamp=int(datetime.fromisoformat(at).timestamp()),
    )
    return made


def _table(table: Table) -> str:
    def cells(row: Sequence[str]) -> str:
        named = zip(table.heads, row, strict=True)
        return "".join(f'<td data-head="{escape(head)}">{escape(each)}</td>' for head, each in named)

    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in table.heads)
    body = "".join(f"<tr>{cells(row)}</tr>" for row in table.rows)
    caption = escape(table.caption)
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
