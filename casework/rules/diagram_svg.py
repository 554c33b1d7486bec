"""A machine drawn as SVG from its table of moves: states in a column, each move a line of its own in a lane beside
them.

Purpose: a picture in which no label ever covers another, for any machine, made without any other program. It
decides nothing. Every move is also in the page's table, so that nobody needs to see the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import NamedTuple

ROW, PAD, TOP = 24, 12, 16
BOX_LEFT, LETTER, LANE = 16, 7.4, 16
INK, FAINT, FORWARD, BACK, PRESENT = "#0b0c0c", "#b1b4b6", "#1d70b8", "#912b88", "#003d78"


class Move(NamedTuple):
    """One line of the drawing: from a state to a state, by these facts."""

    source: str
    target: str
    kinds: tuple[str, ...]


class _Port(NamedTuple):
    move: Move
    outgoing: bool
    y: int


def moves_of(table: Mapping[tuple[str, str], str], left_out: Iterable[str] = ()) -> list[Move]:
    """The moves between states, those of one source and target together; `left_out` are kinds that the page gives in
    a sentence.
    """
    gone = set(left_out)
    gathered: dict[tuple[str, str], list[str]] = {}
    for (source, kind), target in table.items():
        if kind not in gone:
            gathered.setdefault((source, target), []).append(kind)
    return [Move(source, target, tuple(sorted(kinds))) for (source, target), kinds in gathered.items()]


def draw(title: str, states: Mapping[str, str], initial: str, moves: list[Move], present: str = "") -> str:
    """An SVG of its own, with its title and a sentence for who cannot see it. States stand in the order given. The
    `present` one is dark where there is one; else the initial one has a thick border.
    """
    shown = [
        state for state in states if state == initial or any(state in (move.source, move.target) for move in moves)
    ]
    ranks = {state: number for number, state in enumerate(shown)}
    tops, ports, bottom = _placed(shown, ranks, moves)
    width = max(len(states[state]) for state in shown) * LETTER + 3 * PAD
    right = BOX_LEFT + width
    lanes_from = right + max((len(kind) for move in moves for kind in move.kinds), default=0) * LETTER + 5 * PAD
    lanes = _lanes(ports)
    full = lanes_from + (max(lanes.values(), default=0) + 2) * LANE
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {full:.0f} {bottom}" width="{full:.0f}"'
            f' height="{bottom}" font-family="system-ui, sans-serif" font-size="13">'
        ),
        f"<title>{escape(title)}</title>",
        (
            f"<desc>{len(shown)} states and {len(moves)} moves between them;"
            f" {'the words above say' if present else 'the table below says'} the same in words.</desc>"
        ),
        f"<defs>{_arrow('f', FORWARD)}{_arrow('b', BACK)}</defs>",
    ]
    for state in shown:
        top, height = tops[state]
        line = 3 if state == (present or initial) else 1
        fill, ink = (PRESENT, "#fff") if state == present else ("#f3f2f1", INK)
        parts.append(
            f'<rect x="{BOX_LEFT}" y="{top}" width="{width:.0f}" height="{height}" rx="6" fill="{fill}" stroke="{INK}"'
            f' stroke-width="{line}"/>'
        )
        parts.append(
            f'<text x="{BOX_LEFT + PAD}" y="{top + height / 2 + 4.5:.1f}" fill="{ink}">{escape(states[state])}</text>'
        )
    for move in moves:
        forward = ranks[move.target] > ranks[move.source]
        parts.extend(
            _line(
                move,
                ports[move],
                right,
                lanes_from + (lanes[move] + 1) * LANE,
                FORWARD if forward else BACK,
                "f" if forward else "b",
            )
        )
    return "\n".join([*parts, "</svg>"])


def _arrow(name: str, colour: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0 0 L8 4 L0 8 z" fill="{colour}"/></marker>'
    )


def _placed(
    shown: list[str], ranks: Mapping[str, int], moves: list[Move]
) -> tuple[dict[str, tuple[int, int]], dict[Move, tuple[_Port, _Port]], int]:
    """The place of each state's box, and on which line of it each move leaves and arrives: a line for each, so that
    none meets another.
    """
    tops: dict[str, tuple[int, int]] = {}
    out: dict[Move, _Port] = {}
    into: dict[Move, _Port] = {}
    y = TOP
    for state in shown:
        arriving = sorted((move for move in moves if move.target == state), key=lambda move: -ranks[move.source])
        leaving = sorted((move for move in moves if move.source == state), key=lambda move: ranks[move.target])
        top, y = y, y + PAD // 2
        for move in arriving:
            into[move] = _Port(move, False, y + ROW // 2)
            y += ROW
        for move in leaving:
            out[move] = _Port(move, True, y + ROW // 2)
            y += ROW * len(move.kinds)
        y = max(y, top + ROW + PAD) + PAD // 2
        tops[state] = (top, y - top)
        y += TOP
    return tops, {move: (out[move], into[move]) for move in moves}, y


def _lanes(ports: Mapping[Move, tuple[_Port, _Port]]) -> dict[Move, int]:
    """A lane for each move, the nearest that is free over its whole height: short moves nearest."""
    taken: list[list[tuple[int, int]]] = []
    lanes: dict[Move, int] = {}
    for move, (out, into) in sorted(ports.items(), key=lambda item: (abs(item[1][0].y - item[1][1].y), item[1][0].y)):
        low, high = sorted((out.y, into.y))
        lane = next(
            (number for number, spans in enumerate(taken) if all(high < one or low > other for one, other in spans)),
            len(taken),
        )
        if lane == len(taken):
            taken.append([])
        taken[lane].append((low, high))
        lanes[move] = lane
    return lanes


def _line(move: Move, ports: tuple[_Port, _Port], right: float, lane: float, colour: str, arrow: str) -> Iterable[str]:
    out, into = ports
    path = f"M{right:.0f} {out.y} H{lane:.0f} V{into.y} H{right:.0f}"
    yield (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-linejoin="round"'
        f' marker-end="url(#{arrow})"/>'
    )
    for number, kind in enumerate(move.kinds):
        x, y, wide = right + 2 * PAD, out.y + number * ROW, len(kind) * LETTER
        yield f'<rect x="{x - 4:.0f}" y="{y - 9}" width="{wide + 8:.0f}" height="18" fill="#ffffff"/>'
        yield (
            f'<text x="{x:.0f}" y="{y + 4.5:.1f}" fill="{colour}" font-family="ui-monospace, monospace"'
            f' font-size="12">{escape(kind)}</text>'
        )
    if len(move.kinds) > 1:
        yield (
            f'<path d="M{right + PAD:.0f} {out.y} V{out.y + (len(move.kinds) - 1) * ROW}" stroke="{colour}"'
            ' stroke-width="1.5"/>'
        )
