"""`sendflow dry-run`, `adopt`, `adoptions` and `rulesets`: tries and adopts changed law, and lists what was active."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.installation import open_installation
from cli.options import Actor, Json, check_actor, refuse_identifier
from cli.output import Exit, emit, fail, notify
from config.step_words import step_name
from config.text import counted, in_days, noun, short_day

if TYPE_CHECKING:
    from casework.context import AppContext
    from casework.pack_letters import LetterChange
    from casework.rule_packs import DryRun, DutyChange
    from config.escalation_policy import EscalationPolicy

SHOWN = 40
CHANGES: dict[Literal["sent", "withheld", "another_day"], str] = {
    "sent": "more sent",
    "withheld": "not sent",
    "another_day": "on another day",
}
Pack = Annotated[
    Path,
    typer.Argument(
        help="A folder with any of statute/, almanac/, ladder/, grounds.toml, locality.toml; pack.toml says why a"
        " number in force changes."
    ),
]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("dry-run")(dry_run)
    app.command("adopt")(adopt)
    app.command("adoptions")(adoptions)
    app.command("rulesets")(rulesets)


def dry_run(pack: Pack, json_: Json = False) -> None:
    """Show which due dates of live cases, and which e-mails of four weeks, a rule pack would change. Writes nothing."""
    from casework import rule_packs

    _check_name(pack)
    context = open_installation("dry-run")
    try:
        found = rule_packs.dry_run(context, pack)
    except ValueError as problem:
        fail(Exit.WRONG_CALL, _cannot(problem))
    for trouble in found.troubles:
        notify(f"{trouble.case_ref}: no answer under the pack. {trouble.message}")
    if (why := rule_packs.undeclared(found)) is not None:
        notify(f"The pack cannot be adopted as it is. {why}.")
    moved = [row.model_dump(mode="json") for row in found.moved]
    emit(moved, json_, lambda: _in_words(found, context.escalation_policy))
    if found.troubles or why is not None:
        raise typer.Exit(Exit.REFUSED)


def _check_name(pack: Path) -> None:
    """The name of a pack is stored for ever, and shown by `sendflow adoptions`."""
    refuse_identifier(pack.name, "The name of the rule pack", "Give its folder another name")


def adopt(
    actor: Actor,
    pack: Annotated[Path | None, typer.Argument(help="A rule pack, as for dry-run.")] = None,
    installed: Annotated[
        bool,
        typer.Option("--installed", help="No pack: this machine's rule set becomes active for every machine."),
    ] = False,
    json_: Json = False,
) -> None:
    """Adopt a rule pack. sendflow records who did it, when, and how many dates changed.

    The next sweep reaches every case.
    """
    from casework import rule_packs
    from casework.cases.validation import Refused

    check_actor(actor)
    if (pack is None) is not installed:
        fail(
            Exit.WRONG_CALL,
            "Adopt either a pack, as in sendflow adopt ./pack --actor dco.team, or what is installed here:"
            " --installed.",
        )
    if pack is not None:
        _check_name(pack)
    context = open_installation("adopt")
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
            " The next sweep calculates every case again."
        ),
    )


def adoptions(json_: Json = False) -> None:
    """List every rule pack that was adopted here, the newest first."""
    from casework import rule_packs

    rows = rule_packs.adoptions(open_installation("adoptions"))
    emit(
        [row.model_dump(mode="json") for row in rows],
        json_,
        lambda: (
            "\n".join(
                f"{row.number}. {row.adopted_at[:10]} by {row.actor}: pack {row.pack[:16]}, {row.moved} of the dates"
                f" moved; keeps {', '.join(row.files)}{_declared(row.changed, row.in_force)}"
                for row in rows
            )
            or "No pack has been adopted: the law is as shipped."
        ),
    )


def rulesets(json_: Json = False) -> None:
    """List every rule set that was active for this database, the newest first, and whether this machine has the active
    one. A pack that changed a number in force says why.
    """
    from casework.declared_changes import as_json, with_declarations

    context = open_installation("rulesets")
    declared = with_declarations(context)
    rows = [row for row, _adoption in declared]
    here = context.ruleset_digest
    own = next((row.number for row in rows if row.looked_under == here), None)
    says = f"This machine's rule set (digest {here}) " + (
        "is active."
        if rows and own == rows[0].number
        else (
            "would be the first."
            if not rows
            else f"is not active: it was rule set {own}."
            if own is not None
            else "was never active for this database."
        )
    )
    emit(
        [as_json(row, adoption) for row, adoption in declared],
        json_,
        lambda: "\n".join(
            [
                *(
                    f"{row.number}. since {row.taken_at[:16].replace('T', ' ')} UTC by {row.actor} ({row.via}) on"
                    f" {row.machine}: digest {row.looked_under}"
                    f"{_declared(adoption.changed, adoption.in_force) if adoption is not None else ''}"
                    for row, adoption in declared
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
            f"The rule set of this machine is active from now on, as rule set {taken.number} (digest"
            f" {taken.looked_under}). The next sweep calculates every case again. Machines with another rule set write"
            " nothing until they have this one."
        ),
    )


def _cannot(problem: ValueError) -> str:
    from config.escalation_policy import EscalationPolicyError
    from config.law import LawError
    from config.toml_reader import ConfigFault
    from notifications.render import RenderError

    if isinstance(problem, ConfigFault | LawError | EscalationPolicyError | RenderError):
        return f"Nothing was changed, because the pack cannot be read. {problem}"
    raise problem


def _in_words(found: DryRun, policy: EscalationPolicy) -> str:
    lines = [
        f"Pack {found.pack[:16]} ({', '.join(found.files)}), looked at over {counted(found.cases, 'live case')}."
        " Nothing was written."
    ]
    if found.in_force:
        lines.append(f"Changed in force, without a new `from`{_declared(found.changed, found.in_force)}.")
    if not found.moved:
        return "\n".join([*lines, "No due date moves.", *_letters(found, policy)])
    more = len(found.moved) - found.dates_moved
    dates = (
        f"{counted(found.dates_moved, 'due date')} would change" if found.dates_moved else "No due date would change"
    )
    stand = f"; {counted(more, 'duty', 'duties')} would change status only" if more else ""
    lines.append(f"{dates}{stand}. Most urgent first:")
    return "\n".join([*lines, "", *(_row(row) for row in found.moved), "", *_letters(found, policy)])


def _letters(found: DryRun, policy: EscalationPolicy) -> list[str]:
    """The e-mails of the next four weeks that would change, if nothing else is recorded meanwhile."""
    if not found.letters:
        return ["No e-mail of the next four weeks changes."]
    counts = Counter(each.change for each in found.letters)
    said = [f"{counts[change]} {words}" for change, words in CHANGES.items() if counts[change]]
    lines = [f"E-mails of the next four weeks, if nothing else is recorded: {', '.join(said)}."]
    lines += [_letter(each, policy) for each in found.letters[:SHOWN]]
    more = len(found.letters) - SHOWN
    return [*lines, f"and {more} more."] if more > 0 else lines


def _letter(each: LetterChange, policy: EscalationPolicy) -> str:
    whose = " ".join(part for part in (each.body, each.service) if part)
    to = each.recipient.replace("_", " ")
    days = {
        "sent": f"would be sent on {_day(each.on_then)}",
        "withheld": f"would not be sent on {_day(each.on)}",
        "another_day": f"would be sent on {_day(each.on_then)}, not on {_day(each.on)}",
    }
    return f"{each.case_ref}  {step_name(each.rung, policy)} to the {to} [{whose}]: {days[each.change]}"


def _declared(changed: str | None, in_force: list[str]) -> str:
    from casework.declared_changes import WHY

    return f"; {WHY[changed]}: {'; '.join(in_force)}" if in_force else ""


def _moving(moved: int, cases: int) -> str:
    return f"{counted(moved, 'due date')} of {counted(cases, 'live case')} {noun(moved, 'moves', 'move')}"


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
        else (" (same day)" if row.days == 0 else f" ({in_days(abs(row.days))} {_way(row.days)})")
    )
    return (
        f"{row.case_ref}  {row.rule}{f' [{whose}]' if whose else ''}: {_day(row.due)} to {_day(row.due_then)}{by};"
        f" {stands}"
    )


def _way(days: int) -> str:
    return "later" if days > 0 else "earlier"


def _day(day: date | None) -> str:
    return short_day(day) if day else "no date"
