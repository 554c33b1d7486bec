"""`sendflow dry-run`, `adopt` and `adoptions`: what a changed law would move, and taking it into force."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.cases import Json, actor_of
from cli.output import Exit, counted, emit, fail, tell

if TYPE_CHECKING:
    from casework.context import AppContext
    from casework.rule_packs import DryRun, DutyChange

Pack = Annotated[
    Path, typer.Argument(help="A folder with any of statute/, almanac/, ladder/, grounds.toml, locality.toml.")
]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("dry-run")(dry_run)
    app.command("adopt")(adopt)
    app.command("adoptions")(adoptions)
    app.command("laws")(laws)


def dry_run(pack: Pack, json_: Json = False) -> None:
    """Which due dates of live cases a changed rule pack or bank holiday would move, and by how much. Writes nothing."""
    from casework import rule_packs

    context = _house()
    try:
        found = rule_packs.dry_run(context, pack)
    except ValueError as problem:
        fail(Exit.WRONG_CALL, _cannot(problem))
    for trouble in found.troubles:
        tell(f"{trouble.case_ref}: no answer under the pack. {trouble.message}")
    emit([row.model_dump(mode="json") for row in found.moved], json_, lambda: _in_words(found))
    if found.troubles:
        raise typer.Exit(Exit.REFUSED)


def adopt(
    actor: Annotated[str, typer.Option("--actor", help="Who adopts it: an account name, such as dco.team.")],
    pack: Annotated[Path | None, typer.Argument(help="A rule pack, as for dry-run.")] = None,
    installed: Annotated[
        bool,
        typer.Option(
            "--installed", help="No pack: the law as this machine has it holds from now on, for every machine."
        ),
    ] = False,
    json_: Json = False,
) -> None:
    """Take a rule pack into force. It is recorded who did, when, and how many dates it moved; the next sweep reaches
    every case.
    """
    from casework import rule_packs
    from casework.cases.validation import Refused

    actor_of(actor)
    if (pack is None) is not installed:
        fail(
            Exit.WRONG_CALL,
            "Adopt either a pack, as in sendflow adopt ./pack --actor dco.team, or what is installed here:"
            " --installed.",
        )
    context = _house()
    if pack is None:
        _adopt_installed(context, actor, json_)
        return
    try:
        done = rule_packs.adopt(context, pack, actor)
    except Refused as refused:
        fail(Exit.REFUSED, refused.message)
    except ValueError as problem:
        fail(Exit.WRONG_CALL, _cannot(problem))
    emit(
        done.model_dump(mode="json"),
        json_,
        lambda: (
            f"Adopted pack {done.pack[:16]} as adoption {done.number}: {_moving(done.moved, done.cases)}."
            " The next sweep works every case out afresh."
        ),
    )


def adoptions(json_: Json = False) -> None:
    """Every rule pack that this house has adopted, the newest first."""
    from casework import rule_packs

    rows = rule_packs.adoptions(_house())
    emit(
        [row.model_dump(mode="json") for row in rows],
        json_,
        lambda: (
            "\n".join(
                f"{row.number}. {row.adopted_at[:10]} by {row.actor}: pack {row.pack[:16]}, {row.moved} of the dates"
                f" moved; keeps {', '.join(row.files)}"
                for row in rows
            )
            or "No pack has been adopted: the law is as shipped."
        ),
    )


def laws(json_: Json = False) -> None:
    """Every law that has held for these records, the newest first, and whether this machine goes by it. One law holds
    at a time.
    """
    from casework import rule_packs

    context = _house()
    rows = rule_packs.rulesets(context)
    here = context.ruleset_digest
    own = next((row.number for row in rows if row.looked_under == here), None)
    says = f"This machine's law (digest {here}) " + (
        "is the one that holds."
        if rows and own == rows[0].number
        else (
            "would be the first."
            if not rows
            else f"is not the one that holds: it was law {own}."
            if own is not None
            else "has never held for them."
        )
    )
    emit(
        [row._asdict() for row in rows],
        json_,
        lambda: "\n".join(
            [
                *(
                    f"{row.number}. since {row.taken_at[:16].replace('T', ' ')} UTC by {row.actor} ({row.via}) on"
                    f" {row.machine}: digest {row.looked_under}"
                    for row in rows
                ),
                says,
            ]
        ),
    )


def _adopt_installed(context: AppContext, actor: str, json_: bool) -> None:
    from casework import rule_packs
    from casework.cases.validation import Refused

    try:
        taken = rule_packs.adopt_installed(context, actor)
    except Refused as refused:
        fail(Exit.REFUSED, refused.message)
    emit(
        taken._asdict(),
        json_,
        lambda: (
            f"The law of this machine holds from now on, as law {taken.number} (digest {taken.looked_under}). The next"
            " sweep works every case out afresh; machines with another law write nothing until they have this one."
        ),
    )


def _house() -> AppContext:
    from casework.context import AppContext

    return AppContext.load()


def _cannot(problem: ValueError) -> str:
    from config.escalation_policy import EscalationPolicyError
    from config.law import LawError
    from config.toml_reader import ConfigFault
    from notifications.render import RenderError

    if isinstance(problem, ConfigFault | LawError | EscalationPolicyError | RenderError):
        return f"The pack cannot be read, and nothing was changed. {problem}"
    raise problem


def _in_words(found: DryRun) -> str:
    lines = [
        f"Pack {found.pack[:16]} ({', '.join(found.files)}), looked at over {counted(found.cases, 'live case')}."
        " Nothing was written."
    ]
    if not found.moved:
        return "\n".join([*lines, "No due date moves."])
    others, more = "another" if found.dates_moved == 1 else "others", len(found.moved) - found.dates_moved
    dates = (
        f"{counted(found.dates_moved, 'due date')} would be {others}"
        if found.dates_moved
        else "No due date would be another"
    )
    stand = f"; {more} {'duty' if more == 1 else 'duties'} would only stand otherwise" if more else ""
    lines.append(f"{dates}{stand}. Worst first:")
    return "\n".join([*lines, "", *(_row(row) for row in found.moved)])


def _moving(moved: int, cases: int) -> str:
    return f"{counted(moved, 'due date')} of {counted(cases, 'live case')} {'moves' if moved == 1 else 'move'}"


def _row(row: DutyChange) -> str:
    whose = " ".join(part for part in (row.body, row.service) if part)
    stands = (
        f"{row.standing or 'no duty'}, then {row.standing_then or 'no duty'}"
        if row.standing != row.standing_then
        else row.standing
    )
    by = (
        ""
        if row.days is None
        else (
            " (same day)"
            if row.days == 0
            else f" ({abs(row.days)} day{'s' if abs(row.days) != 1 else ''} {_way(row.days)})"
        )
    )
    return (
        f"{row.case_ref}  {row.rule}{f' [{whose}]' if whose else ''}: {_day(row.due)} to {_day(row.due_then)}{by};"
        f" {stands}"
    )


def _way(days: int) -> str:
    return "later" if days > 0 else "earlier"


def _day(day: date | None) -> str:
    return f"{day.day} {day:%b %Y}" if day else "no date"
