"""The chronology of a case as one page of HTML: no script, no style from elsewhere, tables that a reader announces."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from casework.reports.case_models import CaseReport
from config.text import full_day

_STYLE = (
    "body{font-family:Arial,sans-serif;line-height:1.5;max-width:70em;margin:1em auto;padding:0 1em;color:#1d2328}"
    "table{border-collapse:collapse;width:100%}caption{text-align:left;font-weight:bold;padding:.5em 0}"
    "th,td{border:1px solid #4a545c;padding:.3em .5em;text-align:left;vertical-align:top}"
)


def chronology(case: CaseReport, at: str) -> str:
    """The page of a case as known at an instant."""
    facts = [
        (
            f"{fact.seq}",
            full_day(fact.occurred_on),
            fact.kind.replace("_", " "),
            "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in sorted(fact.data.items())),
            f"{fact.recorded_at[:16].replace('T', ' ')} UTC by {fact.actor}",
        )
        for fact in case.facts
    ]
    duties = [
        (
            duty.rule.replace("_", " "),
            " ".join(each for each in (duty.body, (duty.service or "").replace("_", " ")) if each),
            full_day(duty.started_on),
            full_day(duty.due) if duty.due else "none",
            duty.standing.replace("_", " ") + (f", {duty.days_late} days late" if duty.days_late else ""),
            duty.citation,
        )
        for duty in case.duties
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en-GB"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Case {escape(case.case_ref)}: chronology</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>Case {escape(case.case_ref)}</h1>"
        f"<p>{escape(case.state_name)}, on {full_day(case.as_at)}, as known at {escape(at)}.</p>"
        + ("<p>This is a simulation: the case is invented.</p>" if case.simulation else "")
        + _table("What happened", ("Number", "Day", "What", "Details", "Recorded"), facts)
        + _table("Duties", ("Duty", "Who", "Began", "Due", "Status", "Provision"), duties)
        + "</main></body></html>\n"
    )


def _table(caption: str, heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(each)}</td>" for each in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
