"""The page of a preview: one HTML file without a script or an image, which asks no address for anything. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

from casework.imports.preview import Preview
from casework.imports.problem_words import problem
from casework.reports.worklists import BoardGroup
from config.directory import Directory
from config.text import full_day, short_day

STYLE = """
:root { color-scheme: light; } * { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 Arial, Helvetica, sans-serif; color: #212b32; background: #f0f4f5; }
header { background: #005eb8; color: #fff; }
header > div, main, footer { max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: .25rem 0; } h2 { font-size: 1.35rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1.05rem; margin: 0; display: inline; } p { margin: .5rem 0; max-width: 46rem; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; padding: 0;
  margin: 1rem 0; }
.numbers div { background: #fff; border-top: 4px solid #005eb8; padding: .6rem .75rem; }
.numbers .bad { border-color: #d5281b; } .numbers .warn { border-color: #ffb81c; }
.numbers dt { font-size: .9rem; color: #4c6272; }
.numbers dd { margin: 0; font-size: 1.9rem; font-weight: 700; line-height: 1.2; }
.stop { background: #fff; border: 4px solid #d5281b; padding: .25rem 1rem; margin: 1rem 0; }
.stop h2 { margin-top: .5rem; }
table { border-collapse: collapse; width: 100%; background: #fff; margin: .5rem 0 1rem; font-size: .95rem; }
table.two { max-width: 40rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem; border-bottom: 1px solid #d8dde0;
  overflow-wrap: anywhere; }
th { color: #4c6272; font-size: .85rem; } .n { text-align: right; white-space: nowrap; } td.d { white-space: nowrap; }
details { background: #fff; border-left: 4px solid #005eb8; padding: .5rem .75rem; margin: .5rem 0; }
details table { margin-bottom: .25rem; } summary { cursor: pointer; }
ul { margin: .5rem 0; padding-left: 1.2rem; } li { margin: .25rem 0; overflow-wrap: anywhere; }
code { background: #d8dde0; padding: .1rem .3rem; overflow-wrap: anywhere; } :focus { outline: 3px solid #ffb81c; }
footer { color: #4c6272; font-size: .9rem; }
@media (max-width: 40rem) {
  thead { position: absolute; left: -999rem; } table, tbody, tr, td { display: block; width: 100%; }
  tr { border-bottom: 2px solid #aeb7bd; padding: .4rem 0; }
  td, td.d, .n { border: 0; padding: .1rem .75rem; text-align: left; white-space: normal; }
  td::before { content: attr(data-label) ": "; color: #4c6272; } td:first-child { font-weight: 700; }
  td:first-child::before { content: ""; } td:empty { display: none; } details { padding: .5rem .25rem; }
}
@media print {
  body { background: #fff; font-size: 10pt; }
  header { background: #fff; color: #212b32; border-bottom: 3px solid #005eb8; }
  header > div, main, footer { max-width: none; padding: .25rem 0; }
  .numbers { grid-template-columns: repeat(6, 1fr); } .numbers div { border: 1px solid #aeb7bd; }
  details { border-left: 0; padding: 0; } tr, li { break-inside: avoid; }
  thead { display: table-header-group; } h2, summary { break-after: avoid; }
}
"""
RECIPIENTS = {
    "service": "The service",
    "service_manager": "The service's manager",
    "provider_send_lead": "The provider's SEND lead",
    "dco": "The DCO's team",
    "icb_executive_lead": "The board's executive lead for SEND",
    "local_authority": "The local authority",
}
ORGANISATIONS = {"unknown_la", "unknown_service", "unmapped_service"}
DIRECTORY = (
    "<p>The directory says which authorities, services and providers there are. sendflow comes with an invented one."
    " Write your own as <code>directory.toml</code> in SENDFLOW_HOME, and preview the file again."
    " <code>sendflow bodies</code> shows the one in use.</p>"
)


def page(preview: Preview, directory: Directory) -> str:
    """The whole page."""
    day = full_day(preview.as_at)
    body = "".join(
        [
            _numbers(preview),
            _stopped(preview),
            _by_service(preview),
            _duties("Days late", "Late", preview.late, preview, directory),
            _duties("Days left", f"Due by {full_day(preview.soon_until)}", preview.soon, preview, directory),
            _refused(preview),
            _not_read(preview),
            _recorded(preview),
            _letters(preview),
            _next(preview),
        ]
    )
    return (
        '<!doctype html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>What this tracker holds on {day}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header><div><p>sendflow preview</p><h1>What this tracker holds on {day}</h1>"
        "<p>Nothing was recorded and nobody was written to. Cases are shown by reference only.</p></div></header>\n"
        f"<main>{body}</main>\n<footer>Due dates follow the law as sendflow has it: <code>sendflow rules</code>. Check"
        " what matters against the case's own papers.</footer>\n</body>\n</html>\n"
    )


def _numbers(preview: Preview) -> str:
    report, cells = preview.report, preview.report.cells
    not_read = cells.unread_columns + cells.unread_rows + cells.unread_sheets
    tiles = [
        ("Rows", report.rows, ""),
        ("Late", _count(preview.late), "bad"),
        ("Due in 7 days", _count(preview.soon), "warn"),
        ("Rows refused", report.refused, "bad"),
        ("Cells not read", not_read, "warn"),
        ("Facts to record", sum(preview.kinds.values()), ""),
    ]
    items = (
        f'<div class="{style if number else ""}"><dt>{name}</dt><dd>{number:,}</dd></div>'
        for name, number, style in tiles
    )
    return f'<dl class="numbers">{"".join(items)}</dl>'


def _stopped(preview: Preview) -> str:
    if preview.stopped is None:
        return ""
    return (
        '<section class="stop"><h2>An import would stop here</h2>'
        f"<p>{escape(_sentence(preview.stopped))}</p>"
        "<p>This page leaves these columns out, so that what it says is late may have been answered.</p></section>"
    )


def _by_service(preview: Preview) -> str:
    if not preview.services:
        return ""
    rows = [
        (line.name, line.service or "The body's own duty", line.late, line.most_days_late or "", line.soon)
        for line in preview.services
    ]
    heads = ("Who has to act", "Service", "Late", "Most days late", "Due in 7 days")
    return f"<section><h2>By provider and service</h2>{_table(heads, rows, numbers=(2, 3, 4))}</section>"


def _duties(label: str, title: str, groups: Sequence[BoardGroup], preview: Preview, directory: Directory) -> str:
    if not groups:
        return f"<section><h2>{title}</h2><p>Nothing.</p></section>"
    own = {named.case_ref: f"Row of line {named.line}" for named in preview.report.named}
    parts = []
    for group in groups:
        services = any(row.service for row in group.rows)
        heads = ["Case", *(["Service"] if services else []), "What has to be done", "Due", label]
        rows = [
            (
                own.get(row.case_ref, row.case_ref),
                *([directory.service_name(row.service) if row.service else ""] if services else []),
                _begin(row.action),
                short_day(row.due),
                row.days,
            )
            for row in group.rows
        ]
        table = _table(heads, rows, numbers=(len(heads) - 1,), days=(len(heads) - 2,))
        parts.append(
            f"<details open><summary><h3>{escape(group.name)}: {group.count:,}</h3></summary>{table}</details>"
        )
    return f"<section><h2>{title}: {_count(groups):,}</h2>{''.join(parts)}</section>"


def _refused(preview: Preview) -> str:
    report = preview.report
    if not report.refusals:
        return "<section><h2>Refused rows</h2><p>No row is refused.</p></section>"
    codes = Counter(refusal.code for refusal in report.refusals)
    rows = [(problem(code), number) for code, number in codes.most_common()]
    listed = "".join(
        f"<li>Line {refusal.line}: {escape(_sentence(refusal.message, begin=False))}</li>"
        for refusal in report.refusals
    )
    return (
        f"<section><h2>Refused rows: {report.refused:,} of {report.rows:,}</h2>"
        "<p>A row is read whole or refused whole. An import would record nothing of these rows.</p>"
        f"{DIRECTORY if ORGANISATIONS & set(codes) else ''}"
        f"{_table(('Why', 'Cells'), rows, numbers=(1,))}"
        f"<details><summary><h3>Every cell to correct: {len(report.refusals):,}</h3></summary><ul>{listed}</ul>"
        "</details></section>"
    )


def _not_read(preview: Preview) -> str:
    cells = preview.report.cells
    named = "".join(f"<li>{escape(_sentence(remark))}</li>" for remark in preview.report.remarks)
    rows = [
        ("In accepted rows", cells.accepted_rows),
        ("In refused rows", cells.refused_rows),
        ("Headings", cells.headings),
        ("In columns that are not read", cells.unread_columns),
        ("In rows that are no cases", cells.unread_rows),
        ("On sheets that are not read", cells.unread_sheets),
    ]
    return (
        f"<section><h2>What was read: {cells.filled:,} filled cells</h2>"
        f"{_table(('Cells', 'Number'), rows, numbers=(1,))}"
        + (f"<h3>What a person should know of the file</h3><ul>{named}</ul>" if named else "")
        + "</section>"
    )


def _recorded(preview: Preview) -> str:
    rows = [(_label(kind), number) for kind, number in preview.kinds.items()]
    if not rows:
        return "<section><h2>What an import would record</h2><p>Nothing.</p></section>"
    return (
        f"<section><h2>What an import would record: {sum(preview.kinds.values()):,} facts</h2>"
        f"<p>{preview.report.accepted:,} rows become cases or are compared with them.</p>"
        f"{_table(('Fact', 'Number'), rows, numbers=(1,))}</section>"
    )


def _letters(preview: Preview) -> str:
    if not preview.letters:
        return "<section><h2>Letters</h2><p>An import would cause no letter.</p></section>"
    rows = [
        (
            RECIPIENTS.get(one.recipient, one.recipient),
            (one.body or "Several bodies") + (f": {', '.join(one.services)}" if one.recipient == "service" else ""),
            one.matters,
            one.cases,
            ", ".join(f"{step.replace('_', ' ')} ({number})" for step, number in one.steps.items()),
        )
        for one in preview.letters
    ]
    heads = ("To", "Body", "Matters", "Cases", "Steps")
    return (
        f"<section><h2>Letters that an import would cause: {len(rows):,}</h2>"
        "<p>Each mailbox would get one e-mail. Where letters go to real mailboxes, they wait for a person:"
        " <code>sendflow letters release</code>.</p>"
        f"{_table(heads, rows, numbers=(2, 3))}</section>"
    )


def _next(preview: Preview) -> str:
    first = "Correct the refused cells, and preview the file again. " if preview.report.refused else ""
    return (
        f"<section><h2>What to do next</h2><p>{first}To record it: <code>sendflow import FILE</code>. To try it without"
        " recording: <code>sendflow import FILE --dry-run</code>.</p></section>"
    )


def _table(
    heads: Sequence[str], rows: Iterable[Sequence[object]], numbers: Sequence[int] = (), days: Sequence[int] = ()
) -> str:
    styles = {**dict.fromkeys(numbers, ' class="n"'), **dict.fromkeys(days, ' class="d"')}
    head = "".join(f'<th scope="col"{styles.get(place, "")}>{name}</th>' for place, name in enumerate(heads))
    lines = (
        "<tr>"
        + "".join(
            f'<td data-label="{heads[place]}"{styles.get(place, "")}>{_shown(cell)}</td>'
            for place, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    style = ' class="two"' if len(heads) == 2 else ""
    return f"<table{style}><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _label(word: str) -> str:
    """A kind of fact or a code as a person reads it."""
    return _begin(word.replace("_", " ")).replace("Ehc ", "EHC ").replace(" g ", " G ")


def _shown(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) else escape(str(cell))


def _count(groups: Iterable[BoardGroup]) -> int:
    return sum(group.count for group in groups)


def _begin(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sentence(text: str, *, begin: bool = True) -> str:
    return (_begin(text) if begin else text).rstrip(".") + "."
