"""Pictures without a style attribute, which our policy would refuse. The table beside each says the same in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from html import escape
from itertools import accumulate
from textwrap import wrap
from typing import NamedTuple

from markupsafe import Markup

# Heights are in pixels. Places along the days are in percent of the width, so that a chart is whole on a narrow screen
# too, with letters of the same size.
LINE, ROW, TOP = 13, 42, 34
BEGINS, SPAN = 1, 93
LABEL = 38  # letters: what fits into 320 pixels
WIDE, NARROW = 620, 250  # pixels of a wide and of a narrow screen that months are labelled for
MONTHS = [f"{date(2000, month, 1):%b}" for month in range(1, 13)]
INK, AXIS, DONE, LATE, OPEN, EXCUSED = "#212b32", "#aeb7bd", "#007f3b", "#d5281b", "#005eb8", "#7c2855"
ENDED = "#768692"
COLOURS = {"met": DONE, "met_late": LATE, "breached": LATE, "excused": EXCUSED, "no_date": ENDED}


class Bar(NamedTuple):
    """One duty: its label, the day it began, its due date, the day it ended (None: it goes on), and its status."""

    label: str
    began: date
    due: date | None
    ended: date | None
    status: str


def bars(duties: Sequence[Bar], as_at: date) -> Markup:
    """Each duty as a bar from its start to its end or to `as_at`, with a mark at its due date and a line at `as_at`."""
    first = min(bar.began for bar in duties)
    last = max([as_at, *(bar.due for bar in duties if bar.due), *(bar.ended for bar in duties if bar.ended)])
    days = max(14, (last - first).days + 1)

    def x(day: date) -> float:
        return round(BEGINS + SPAN * (day - first).days / days, 2)

    labels = [_lines(bar.label) for bar in duties]
    tops = list(accumulate((ROW + LINE * (len(lines) - 1) for lines in labels), initial=TOP))
    height = tops[-1] + 18
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="app-chart__bars" role="img" aria-labelledby="bars-title"'
        f' width="100%" height="{height}" font-family="arial, sans-serif" font-size="12">',
        f'<title id="bars-title">{len(duties)} duties against their due dates; the table says the same</title>',
        *_months(first, days, x, height),
    ]
    for bar, lines, top in zip(duties, labels, tops, strict=False):
        parts += _bar(bar, lines, top, (x, as_at))
    place = x(as_at)
    anchor = "end" if place > 85 else "start" if place < 10 else "middle"
    parts.append(
        f'<line x1="{place}%" x2="{place}%" y1="{TOP - 12}" y2="{height - 16}" stroke="{INK}" stroke-width="2"'
        f' stroke-dasharray="4 3"/>'
        f'<text x="{place}%" y="{height - 4}" font-size="11" text-anchor="{anchor}" fill="{INK}">this day</text>'
    )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 (every text in it is escaped above)


@lru_cache(maxsize=1024)
def _lines(label: str) -> tuple[str, ...]:
    """A label in at most two lines. It is the name of a body or of an act of the law, of which there are few."""
    return tuple(wrap(label, LABEL, max_lines=2, placeholder="…"))


def _bar(bar: Bar, lines: Sequence[str], top: int, scale: tuple[Callable[[date], float], date]) -> Iterable[str]:
    x, as_at = scale
    until = bar.ended or max(as_at, bar.began)
    begins, ends = x(bar.began), x(until)
    colour = COLOURS.get(bar.status, OPEN)
    # White round the letters, where the line of a month crosses them.
    for number, line in enumerate(lines):
        yield (
            f'<text x="{BEGINS}%" y="{top + 9 + LINE * number}" fill="{INK}" stroke="#fff" stroke-width="4"'
            f' paint-order="stroke">{escape(line)}</text>'
        )
    top += LINE * (len(lines) - 1)
    width = max(0.5, ends - begins)
    yield f'<rect x="{begins}%" y="{top + 17}" width="{width:.2f}%" height="12" fill="{colour}"/>'
    if bar.due is not None:
        yield (
            f'<svg x="{x(bar.due)}%" y="{top + 13}" overflow="visible"><path d="M0 0 V20" stroke="{INK}"'
            f' stroke-width="3"/><path d="M-5 0 h10 l-5 7 z" fill="{INK}"/></svg>'
        )


def _months(first: date, days: int, x: Callable[[date], float], height: int) -> Iterable[str]:
    """The line of each month, with its name where it fits: on a narrow screen fewer."""
    day, ends = first.replace(day=1), height - 18
    wide, narrow = (next((each for each in (1, 3, 6) if width * 30 * each / days > 70), 12) for width in (WIDE, NARROW))
    last = first + timedelta(days=days)
    while day <= last:
        if day >= first and (day.month - 1) % wide == 0:
            place = x(day)
            yield f'<line x1="{place}%" x2="{place}%" y1="{TOP - 8}" y2="{ends}" stroke="{AXIS}" stroke-width="1"/>'
            if place < 91:
                fits = (day.month - 1) % narrow == 0 and place < 78
                only = "" if fits else ' class="app-chart__wide"'
                label = f"{MONTHS[day.month - 1]} {day.year}"
                yield f'<text{only} x="{place}%" y="{TOP - 14}" dx="3" font-size="12" fill="{INK}">{label}</text>'
        day = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
