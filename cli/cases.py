"""`sendflow record`, `case`, `processes`, `verify`: one fact in, one case out, and whether the history is intact."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Exit, emit, fail, tell

if TYPE_CHECKING:
    from casework.reports.case_models import CaseReport

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("record")(record)
    app.command("case")(case)
    app.command("processes")(processes)
    app.command("verify")(verify)


def day_of(value: str | None, option: str) -> date | None:
    """An ISO day given as an option; ends as a wrong call, without repeating it, where it is none."""
    if value is None:
        return None
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        fail(Exit.WRONG_CALL, f"{option} is a day that exists, as year-month-day: for example {option} 2026-04-14")


def actor_of(value: str) -> str:
    """Who acts, as an account name; ends as a wrong call, without repeating it, where it may be a person's name."""
    from models.facts import ACTOR

    if not ACTOR.fullmatch(value):
        fail(
            Exit.WRONG_CALL,
            "--actor is an account name without blanks, small letters first: for example --actor dco.team or --actor"
            " sam@icb.example",
        )
    return value


def record(
    case: Annotated[str, typer.Argument(help="The case's reference; `new` for an opening fact that has none yet.")],
    fact: Annotated[
        str, typer.Argument(help="What happened, such as health_advice_requested; `sendflow processes` lists them.")
    ],
    on: Annotated[str, typer.Option("--on", help="The day on which it happened, as 2026-03-02.")],
    actor: Annotated[str, typer.Option("--actor", help="Who records it: an account name, such as dco.team.")],
    data: Annotated[list[str] | None, typer.Option("--data", help="A particular, as body=QX101. Repeat it.")] = None,
    also: Annotated[
        list[str] | None,
        typer.Option("--also", help="A further fact of the same act: 'KIND key=value ...'. Repeat it."),
    ] = None,
    json_: Json = False,
) -> None:
    """Record that something happened. It is accepted whole, or refused with a sentence that says what is lawful now."""
    from casework.cases.validation import Refused
    from casework.context import AppContext
    from flows.jobs import run_job
    from models.facts import REFERENCE
    from statemachines.registry import processes

    actor_of(actor)
    day = day_of(on, "--on")
    assert day is not None
    try:
        drafts = [_draft(fact, day, data or []), *(_also(each, day) for each in also or [])]
        reference = case.strip().upper()
        kept = reference if REFERENCE.fullmatch(reference) else "new"
        recorded = run_job("record", AppContext.load(), case=kept, drafts=drafts, actor=actor, say=tell)
    except Refused as refused:
        fail(Exit.WRONG_CALL if refused.wrong_call else Exit.REFUSED, refused.message)
    for sentence in (
        recorded.unheard
    ):  # a person has to see to it: the fact stands, and another case of the child could not take it
        tell(sentence)
    stands = processes()[recorded.process].states[recorded.state]
    emit(
        recorded.model_dump(mode="json", include={"case_ref", "seq", "state"}),
        json_,
        lambda: (
            f"Recorded {fact} of {day.day} {day:%B %Y} as fact {recorded.seq} of case {recorded.case_ref}, which now"
            f" stands at '{stands}'."
        ),
    )


def _draft(kind: str, day: date, pairs: list[str]) -> Any:
    from casework.cases.record import parse_key_values
    from casework.cases.validation import Refused
    from models.facts import FactDraft

    if not re.fullmatch(r"[a-z][a-z0-9_]{1,59}", kind):
        raise Refused(
            "unknown_fact",
            "a fact is a word such as health_advice_requested; sendflow processes lists them",
            wrong_call=True,
        )
    values = parse_key_values(pairs)
    corrects, on_behalf_of = values.pop("corrects", None), values.pop("on_behalf_of", None)
    if corrects is not None and not re.fullmatch(r"[0-9]{1,6}", corrects):
        raise Refused(
            "bad_data", "corrects is the number of a fact of this case, for example --data corrects=1", wrong_call=True
        )
    if on_behalf_of is not None and not re.fullmatch(r"[a-z][a-z0-9_]{1,59}", on_behalf_of):
        raise Refused(
            "bad_data",
            "on_behalf_of is a word of small letters and underscores, for example --data on_behalf_of=icb",
            wrong_call=True,
        )
    return FactDraft(kind, day, values, int(corrects) if corrects else None, on_behalf_of)


def _also(text: str, day: date) -> Any:
    kind, *pairs = text.split()
    return _draft(kind, day, pairs)


def case(
    case: Annotated[str, typer.Argument(help="The case's reference, such as NX00042.")],
    as_at: Annotated[str | None, typer.Option("--as-at", help="As it was true on this day.")] = None,
    known_at: Annotated[
        str | None, typer.Option("--known-at", help="As it was known at this instant, as 2026-04-14T09:00:00+01:00.")
    ] = None,
    json_: Json = False,
) -> None:
    """One case: its facts as they were written, and its duties as they leave it."""
    from audit.verify import parse_instant
    from casework.context import AppContext
    from casework.reports.case_report import report

    day = day_of(as_at, "--as-at")
    try:
        instant = parse_instant(known_at) if known_at else None
    except ValueError:
        fail(
            Exit.WRONG_CALL, "--known-at is an instant with its zone: for example --known-at 2026-04-14T09:00:00+01:00"
        )
    context = AppContext.load()
    try:
        found = report(context, case.strip().upper(), day, instant)
    except LookupError as problem:
        fail(Exit.WRONG_CALL, str(problem.args[0]))
    emit(found.model_dump(mode="json"), json_, lambda: _history(context, found))


def _history(context: Any, found: CaseReport) -> str:
    from cli.formatting import history

    return history(context, found)


def processes(json_: Json = False) -> None:
    """The statutory processes: their states, which fact moves a case from where to where, which duties they open, and
    the rules that none uses.
    """
    from cli.formatting import processes_text
    from cli.rules import law_and_almanac
    from statemachines.registry import describe

    law, _ = law_and_almanac()
    document = describe(law)
    emit(document, json_, lambda: processes_text(document))


def verify(
    case: Annotated[str | None, typer.Argument(help="One case's reference; every case where left out.")] = None,
    json_: Json = False,
) -> None:
    """Prove the history unaltered: every hash, every refold, every cache, every trigger; and print the head."""
    from casework.context import AppContext
    from cli.formatting import verification
    from flows.jobs import run_job
    from models.facts import REFERENCE

    reference = case.strip().upper() if case else None
    if reference is not None and not REFERENCE.fullmatch(reference):
        fail(Exit.WRONG_CALL, "a case's reference is capital letters and digits: for example sendflow verify NX00042")
    try:
        found = run_job("verify", AppContext.load(), case=reference, say=tell)
    except LookupError as problem:
        fail(Exit.WRONG_CALL, str(problem.args[0]))
    emit(found.model_dump(mode="json"), json_, lambda: verification(found))
    if not found.intact:
        raise typer.Exit(Exit.REFUSED)
