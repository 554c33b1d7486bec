"""The table of a letter to many matters, as plain text and as HTML, and the order of its rows. Pure.

Purpose: a director with eighteen matters understands the letter in half a minute. Each matter is one line, the lines
are grouped by provider and service, and the latest is first. In the plain text only the last column is broken over
several lines, so that both are read in the same order. In HTML no cell has a fixed width: it fits 320 pixels.
"""

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from html import unescape
from itertools import zip_longest
from typing import Any

from notifications.letter_style import FONT, INK, LINE, QUIET, WASH, WIDTH

COLUMNS, GROUP, TABLE_ROW = "columns", "group", "table_row"
GAP = 2
UNBROKEN = 10  # characters of a reference that stays on one line in HTML
WIDEST = 80  # characters of a cell that count for the width of its column in HTML
TAG = re.compile(r"<[^>]*>")
LAST = 18  # columns that the last cell of a line has at least
Line = tuple[str, list[str]]  # COLUMNS, GROUP or TABLE_ROW, and the cells


def as_text(lines: Sequence[Line]) -> str:
    """The table in aligned columns, 76 wide at most unless a cell before the last is very long."""
    cells = [cells for shape, cells in lines if shape != GROUP]
    widths = [max(map(len, column)) for column in zip_longest(*(row[:-1] for row in cells), fillvalue="")]
    return "\n".join(_text_line(shape, row, widths, first=place == 0) for place, (shape, row) in enumerate(lines))


def _text_line(shape: str, row: Sequence[str], widths: Sequence[int], *, first: bool) -> str:
    if shape == GROUP:
        name = textwrap.fill(row[0], WIDTH, break_long_words=False, break_on_hyphens=False)
        return name if first else f"\n{name}"
    padded = zip_longest(row[:-1], widths, fillvalue="")
    before = "".join(f"{cell:<{width}}" + " " * GAP for cell, width in padded)
    line = textwrap.fill(
        row[-1],
        max(WIDTH, len(before) + LAST),
        initial_indent=before,
        subsequent_indent=" " * len(before),
        break_long_words=False,
        break_on_hyphens=False,
    ).rstrip()
    if shape == TABLE_ROW:
        return line or before.rstrip()
    rule = (" " * GAP).join("-" * width for width in (*widths, max(len(row[-1]), 4)))
    return f"{line}\n{rule}"


def as_html(lines: Sequence[Line]) -> str:
    """The table with headed columns and groups; the cells are HTML already."""
    shares = _shares([cells for shape, cells in lines if shape != GROUP])
    return (
        '<table width="100%" cellpadding="0" cellspacing="0" border="0" style="width:100%;border-collapse:collapse;'
        f'margin:0 0 20px 0;border-top:1px solid {LINE}">\n'
        + "\n".join(_html_line(shape, cells, shares) for shape, cells in lines)
        + "\n</table>"
    )


def _shares(rows: Iterable[Sequence[str]]) -> list[int]:
    """The share of each column in the width, in per cent, by the length of its longest cell."""
    lengths = [
        min(max(len(unescape(TAG.sub("", cell))) for cell in column), WIDEST) + GAP
        for column in zip_longest(*rows, fillvalue="")
    ]
    return [round(100 * length / sum(lengths)) for length in lengths]


def _html_line(shape: str, cells: Sequence[str], shares: Sequence[int]) -> str:
    if shape == GROUP:
        return (
            f'<tr><th scope="colgroup" colspan="{len(shares)}" align="left" style="{_cell(INK)};background:{WASH};'
            f'padding-left:6px">{cells[0]}</th></tr>'
        )
    if shape == COLUMNS:
        heads = "".join(
            f'<th scope="col" align="left" valign="bottom" width="{share}%" style="{_cell(QUIET)};font-weight:normal">'
            f"{cell}</th>"
            for cell, share in zip(cells, shares, strict=True)
        )
        return f"<tr>{heads}</tr>"
    case = " / ".join(map(_unbroken, cells[0].split(" / ")))
    first = f'<th scope="row" align="left" valign="top" style="{_cell(INK)};font-weight:normal">{case}</th>'
    others = "".join(f'<td align="left" valign="top" style="{_cell(INK)}">{cell}</td>' for cell in cells[1:])
    return f"<tr>{first}{others}</tr>"


def _cell(ink: str) -> str:
    return (
        f"{FONT};font-size:14px;line-height:19px;color:{ink};padding:4px 8px 4px 0;border-bottom:1px solid {LINE};"
        "word-break:normal;overflow-wrap:break-word"
    )


def _unbroken(cell: str) -> str:
    """A reference stays on one line; anything longer may be broken."""
    return f'<span style="white-space:nowrap">{cell}</span>' if len(unescape(cell)) <= UNBROKEN else cell


def matters(items: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What a letter asks for: one line for each duty however many notices of it there are, the latest first.

    Of several notices of one duty the first counts, which is that of the highest step.
    """
    found: dict[object, Mapping[str, Any]] = {}
    for item in items:
        if item["called_for"] == "open":
            found.setdefault(_duty(item), item)
    return sorted(found.values(), key=lambda item: (item["due"] or "9999", item["ref"], str(item.get("service"))))


def _duty(item: Mapping[str, Any]) -> object:
    return item.get("duty") or tuple(item.get(name) for name in ("ref", "rule", "body", "service", "received"))


def by_provider(items: Iterable[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Matters by provider and service, in the order given: the group of the first matter is first."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for item in items:
        whose = f"{item['body']}: {item['service']}" if item.get("service") else str(item["body"])
        groups.setdefault(whose, []).append(item)
    return list(groups.items())
