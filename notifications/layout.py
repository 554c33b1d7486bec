"""One source, two faces: a letter's few shapes as plain text and as HTML that Outlook can show. Pure.

Purpose: the text and the HTML of a letter can never say different things, because both are made of the same blocks. The
shapes are few on purpose: a title, a heading, a paragraph, the one thing that is asked for, a list, particulars in two
columns, and a table of many matters (notifications/letter_table.py). Styles are on the elements themselves because mail
programs throw style sheets away.

    # Title            ## Heading           > the one action
    - an item          | Due | 13 April 2026            **strong** anywhere, and addresses become links
    |= Case | Due      |+ A group of rows   |. NX00042 | 13 Apr 2026
"""

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from html import escape
from itertools import groupby
from typing import NamedTuple

from notifications import letter_table
from notifications.letter_style import BAR, FONT, INK, LINE, QUIET, WASH, WIDTH
from notifications.letter_table import COLUMNS, GROUP, TABLE_ROW

MARKS = {
    "# ": "title",
    "## ": "heading",
    "> ": "action",
    "- ": "item",
    "| ": "row",
    "|= ": COLUMNS,
    "|+ ": GROUP,
    "|. ": TABLE_ROW,
}
NARROW, WIDE = 720, 960  # pixels of a letter, and of the daily digest
TABLE = (COLUMNS, GROUP, TABLE_ROW)
STRONG = re.compile(r"\*\*(.+?)\*\*")
LINK = re.compile(r"(https?://[^\s<>()]+[^\s<>().,;:]|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,})")

# A value that is put into a source must stay a value: its marks are hidden while blocks are read and shown again
# afterwards.
_HIDDEN = {mark: chr(0xE000 + place) for place, mark in enumerate("*#>|-")}
_HIDE = str.maketrans(_HIDDEN)
_SHOW = str.maketrans({hidden: mark for mark, hidden in _HIDDEN.items()})


class Block(NamedTuple):
    """One shape: title, heading, text, action, item, row, or a line of a table. The `text` of a row is its label,
    `value` its content; the cells of a line of a table are divided by | in `text`.
    """

    shape: str
    text: str
    value: str = ""


def hidden(value: str) -> str:
    """Return a value in a form that never becomes a mark in a source: one line, single spaces."""
    return " ".join(value.split()).translate(_HIDE)


def shown(text: str) -> str:
    """Return text with its hidden marks as they were written."""
    return text.translate(_SHOW)


def read(source: str) -> list[Block]:
    """Return the blocks of a source. Raises ValueError for a row without a value."""
    return [block for chunk in re.split(r"\n\s*\n", source.strip()) for block in _chunk(chunk)]


def _chunk(chunk: str) -> Iterator[Block]:
    gathered: list[tuple[str, str]] = []
    for line in (line.strip() for line in chunk.splitlines()):
        mark = next((mark for mark in MARKS if line.startswith(mark)), None)
        if mark is not None:
            gathered.append((MARKS[mark], line[len(mark) :].strip()))
        elif gathered:
            # A line without a mark continues the line above it, so that sources can be wrapped.
            shape, text = gathered[-1]
            gathered[-1] = (shape, f"{text} {line}")
        elif line:
            gathered.append(("text", line))
    for shape, text in gathered:
        if shape != "row":
            yield Block(shape, text)
            continue
        label, between, value = text.partition("|")
        if not between or not value.strip():
            raise ValueError(f"a row has no value: expected | label | value, and found only {shown(label.strip())!r}")
        yield Block("row", label.strip(), value.strip())


def to_text(blocks: Iterable[Block]) -> str:
    """The blocks as plain text, 76 columns wide at most (a long address stays whole)."""
    return "\n\n".join(_text_of(shape, list(group)) for shape, group in groupby(blocks, key=_kin)) + "\n"


def _kin(block: Block) -> tuple[str, str]:
    # Items are one list, rows and the lines of a table one table; of everything else each is for itself.
    if block.shape in TABLE:
        return ("table", "")
    return (block.shape, "") if block.shape in ("item", "row") else (block.shape, block.text)


def _text_of(kin: tuple[str, str], group: list[Block]) -> str:
    if kin[0] == "item":
        return "\n".join(_wrap(block.text, "- ", "  ") for block in group)
    if kin[0] == "row":
        wide = max(len(_plain(block.text)) for block in group) + 3
        return "\n".join(_wrap(block.value, f"{_plain(block.text)}:".ljust(wide), " " * wide) for block in group)
    if kin[0] == "table":
        return letter_table.as_text([(block.shape, _cells(block, _plain)) for block in group])
    first = group[0].text
    if kin[0] == "title":
        head = _wrap(first)
        return head + "\n" + "=" * max(len(line) for line in head.splitlines())
    if kin[0] == "heading":
        return _wrap(first) + "\n" + "-" * min(len(_plain(first)), WIDTH)
    return _wrap(first, "> ", "> ") if kin[0] == "action" else _wrap(first)


def _cells(block: Block, show: Callable[[str], str]) -> list[str]:
    return [show(cell.strip()) for cell in block.text.split("|")]


def _plain(text: str) -> str:
    return shown(STRONG.sub(r"\1", text))


def _wrap(text: str, first: str = "", others: str = "") -> str:
    return "\n".join(
        textwrap.wrap(
            _plain(text),
            WIDTH,
            initial_indent=first,
            subsequent_indent=others,
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


def to_html(blocks: Iterable[Block], title: str, width: int = NARROW) -> str:
    """The blocks as one HTML page: a single column of at most `width` pixels, real headings, tables only for what is
    tabular, no images, no scripts, nothing fetched.
    """
    # The wide page is the daily digest, which is to be one screen.
    size, padding = ("15px;line-height:21px", "12px 16px") if width == WIDE else ("16px;line-height:24px", "24px 16px")
    body = "\n".join(_html_of(shape, list(group)) for shape, group in groupby(blocks, key=_kin))
    return (
        '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n</head>\n"
        f'<body style="margin:0;padding:0;background:#ffffff;color:{INK}">\n'
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr>'
        f'<td align="center" style="padding:{padding};{FONT}">\n'
        f'<table role="presentation" width="{width}" cellpadding="0" cellspacing="0" border="0"'
        f' style="width:100%;max-width:{width}px;table-layout:fixed"><tr>'
        f'<td align="left" style="{FONT};font-size:{size};color:{INK};text-align:left;'
        'overflow-wrap:anywhere;word-break:break-word">\n'
        f"{body}\n</td></tr></table>\n</td></tr></table>\n</body>\n</html>\n"
    )


def _html_of(kin: tuple[str, str], group: list[Block]) -> str:
    if kin[0] == "item":
        items = "\n".join(f'<li style="margin:0 0 8px 0">{_inline(block.text)}</li>' for block in group)
        return f'<ul style="margin:0 0 16px 0;padding:0 0 0 24px">\n{items}\n</ul>'
    if kin[0] in ("row", "table"):
        return _html_table(kin[0], group)
    text = _inline(group[0].text)
    if kin[0] == "title":
        return f'<h1 style="{FONT};font-size:24px;line-height:30px;margin:0 0 16px 0;color:{INK}">{text}</h1>'
    if kin[0] == "heading":
        return f'<h2 style="{FONT};font-size:18px;line-height:24px;margin:24px 0 8px 0;color:{INK}">{text}</h2>'
    if kin[0] == "action":
        return (
            '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 20px'
            f' 0"><tr><td style="{FONT};font-size:17px;line-height:25px;color:{INK};background:{WASH};border-left:5px'
            f' solid {BAR};padding:14px 16px">{text}</td></tr></table>'
        )
    return f'<p style="margin:0 0 16px 0">{text}</p>'


def _html_table(shape: str, group: list[Block]) -> str:
    if shape == "table":
        return letter_table.as_html([(block.shape, _cells(block, _inline)) for block in group])
    rows = "\n".join(
        '<tr><th scope="row" align="left" valign="top" width="32%"'
        f' style="{FONT};{_cell(QUIET)};font-weight:normal">{_inline(block.text)}</th><td align="left" valign="top"'
        f' style="{FONT};{_cell(INK)};overflow-wrap:anywhere">{_inline(block.value)}</td></tr>'
        for block in group
    )
    return (
        '<table width="100%" cellpadding="0" cellspacing="0" border="0"'
        ' style="width:100%;border-collapse:collapse;margin:0 0 20px 0;border-top:1px solid'
        f' {LINE}">\n{rows}\n</table>'
    )


def _cell(ink: str) -> str:
    return f"font-size:16px;line-height:22px;color:{ink};padding:8px 12px 8px 0;border-bottom:1px solid {LINE}"


def _inline(text: str) -> str:
    """Inline marks as HTML: strong words and addresses. Everything else is escaped."""
    made: list[str] = []
    for place, piece in enumerate(STRONG.split(text)):
        linked = "".join(
            _link(part) if at % 2 else escape(shown(part)) for at, part in enumerate(LINK.split(shown(piece)))
        )
        made.append(f"<strong>{linked}</strong>" if place % 2 else linked)
    return "".join(made)


def _link(address: str) -> str:
    goal = address if address.startswith("http") else f"mailto:{address}"
    return f'<a href="{escape(goal)}" style="color:{BAR}">{escape(address)}</a>'
