"""Pictures without a style attribute, which our policy would refuse. The table beside each says the same in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from html import escape
from typing import NamedTuple

from markupsafe import Markup

ROW, TOP, LEFT, WIDTH, RIGHT = 42, 34, 8, 620, 32
LONGEST_LABEL = 84
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
    days = max(14, (last - first).days + 4)

    def x(day: date) -> float:
        return round(LEFT + WIDTH * (day - first).days / days, 1)

    height = TOP + ROW * len(duties) + 14
    full = LEFT + WIDTH + RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="bars-title" viewBox="0 0 {full} {height}"'
        f' width="{full}" height="{height}" font-family="arial, sans-serif" font-size="12">',
        f'<title id="bars-title">{len(duties)} duties against their due dates; the table says the same</title>',
        *_months(first, days, x, height),
    ]
    for number, bar in enumerate(duties):
        parts += _bar(bar, TOP + ROW * number, x, as_at)
    parts.append(
        f'<path d="M{x(as_at)} {TOP - 12} V{height - 8}" stroke="{INK}" stroke-width="2" stroke-dasharray="4 3"/>'
        f'<text x="{x(as_at)}" y="{height - 1}" font-size="11" text-anchor="middle" fill="{INK}">this day</text>'
    )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 (every text in it is escaped above)


def _bar(bar: Bar, top: int, x: object, as_at: date) -> Iterable[str]:
    assert callable(x)
    until = bar.ended or max(as_at, bar.began)
    begins, ends = x(bar.began), x(until)
    colour = COLOURS.get(bar.status, OPEN)
    label = bar.label if len(bar.label) <= LONGEST_LABEL else bar.label[: LONGEST_LABEL - 1] + "…"
    # White round the letters, where the line of a month crosses them.
    yield (
        f'<text x="{LEFT}" y="{top + 9}" fill="{INK}" stroke="#fff" stroke-width="4"'
        f' paint-order="stroke">{escape(label)}</text>'
    )
    yield f'<rect x="{begins}" y="{top + 17}" width="{max(3, ends - begins):.1f}" height="12" fill="{colour}"/>'
    if bar.due is not None:
        due = x(bar.due)
        yield f'<path d="M{due} {top + 13} V{top + 33}" stroke="{INK}" stroke-width="3"/>'
        yield f'<path d="M{due - 5} {top + 13} h10 l-5 7 z" fill="{INK}"/>'


def _months(first: date, days: int, x: object, height: int) -> Iterable[str]:
    assert callable(x)
    day = first.replace(day=1)
    ends = height - 14
    step = next((each for each in (1, 3, 6) if WIDTH * 30 * each / days > 70), 12)
    last = first + timedelta(days=days)
    while day <= last:
        if day >= first and (day.month - 1) % step == 0:
            yield f'<path d="M{x(day)} {TOP - 8} V{ends}" stroke="{AXIS}" stroke-width="1"/>'
            if (last - day).days * WIDTH > 30 * days:
                label = f"{MONTHS[day.month - 1]} {day.year}"
                yield f'<text x="{x(day) + 3}" y="{TOP - 14}" font-size="12" fill="{INK}">{label}</text>'
        day = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
