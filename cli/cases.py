"""`sendflow record` and `case`: records a fact, and shows a case with its facts and duties."""

from __future__ import annotations

import re
import sys
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import Access, open_installation
from cli.looks import log_look
from cli.options import CaseReference, ConfirmChild, Json, check_actor, parse_day
from cli.output import Exit, emit, fail, notify
from config.text import full_day

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from casework.context import AppContext
    from casework.reports.case_models import CaseReport
    from casework.reports.who_acted import ActedBy
    from cli.guided_record import Answers
    from models.facts import FactDraft

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{1,59}")
INSTANT_EXAMPLE = "for example --known-at 2026-04-14T09:00:00+01:00"


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("record")(record)
    app.command("case")(case)


def record(  # noqa: PLR0913 (Typer maps each parameter to an option)
    case: Annotated[str, typer.Argument(help="The case's reference; `new` for an opening fact without one.")],
    fact: Annotated[
        str | None,
        typer.Argument(
            help="What happened, such as health_advice_requested. Left out: what may be recorded now, and its fields."
        ),
    ] = None,
    on: Annotated[str | None, typer.Option("--on", help="The day on which it happened, as 2026-03-02.")] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", help="The account name of the person who records it, such as dco.team.")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="A field, as body=QX101. Repeat it. nhs_number=- asks for it, unseen."),
    ] = None,
    data_from: Annotated[
        Path | None, typer.Option("--data-from", help="A private file with a line for each field, as body=QX101.")
    ] = None,
    corrects: Annotated[
        str | None, typer.Option("--corrects", help="The number of the fact that this one corrects or withdraws.")
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option("--also", help="A further fact of the same day: 'KIND key=value ...'. Repeat it."),
    ] = None,
    confirm_child: ConfirmChild = False,
    json_: Json = False,
) -> None:
    """Record that something happened. sendflow accepts it whole, or refuses it and says what is permitted now.

    `sendflow record CASE` alone lists what may be recorded now; at a terminal it asks for the fact and its fields.
    """
    from casework.cases.validation import Refused
    from cli.confirmation import confirmed
    from cli.identity_input import read_file, with_hidden_values
    from flows.runner import run_job
    from models.errors import SeveralCases
    from models.same_words import case_reference
    from statemachines.registry import processes

    if fact is None:
        answers = _guided(case, json_)
        if answers is None:
            return
        fact, on, actor, data = answers.kind, answers.on, answers.actor, answers.pairs
    if on is None or actor is None:
        missing = [each for each, given in (("--on", on), ("--actor", actor)) if given is None]
        examples = " ".join({"--on": "--on 2026-03-02", "--actor": "--actor dco.team"}[each] for each in missing)
        fail(
            Exit.WRONG_CALL,
            f"{fact} needs {' and '.join(missing)}, for example {examples}. To be asked for each part: sendflow record"
            f" {case}",
        )
    check_actor(actor)
    access = None if _opens_a_case([fact, *also] if also else [fact]) else Access.CHANGES
    load = cache(lambda: open_installation("record", access=access))
    day = parse_day(on, "--on")
    assert day is not None
    reference = case_reference(case) or "new"
    own = case.strip() if reference == "new" and case.strip().lower() != "new" else None
    try:
        draft_of(fact, day, [], corrects)  # a word that is none is refused before an installation is opened
        lines = read_file(data_from) if data_from is not None else []
        pairs = [*with_hidden_values(data or [], lambda: load().simulated), *lines]
        further = [_further_draft(each, day, lambda: load().simulated) for each in also or []]
        drafts = [draft_of(fact, day, pairs, corrects), *further]
        _ask_for_what_a_person_says(drafts)
        act = partial(run_job, "record", load(), case=reference, drafts=drafts, actor=actor, say=notify)
        act = partial(act, own_reference=own) if own is not None else act
        recorded = confirmed(lambda yes, again: act(confirmed=yes, look_again=again), confirm_child)
    except Refused as refused:
        fail(Exit.WRONG_CALL if refused.wrong_call else Exit.REFUSED, refused.message)
    except SeveralCases as problem:
        fail(Exit.WRONG_CALL, f"{str(problem)[0].upper()}{str(problem)[1:]}")
    for follow_up in recorded.unheard:
        notify(follow_up)
    state = processes()[recorded.process].states[recorded.state]
    emit(
        recorded.model_dump(mode="json", include={"case_ref", "seq", "state"}),
        json_,
        lambda: "\n".join(
            [
                f"Recorded {fact} of {full_day(day)} as fact {recorded.seq} of case {recorded.case_ref}. The case"
                f" is now at '{state}'.",
                *_effects(load(), recorded.case_ref, recorded.seq - recorded.facts),
            ]
        ),
    )


def _guided(case: str, json_: bool) -> Answers | None:
    """List what may be recorded on a case; at a terminal, ask for a fact and its fields. None if nothing was chosen."""
    from casework.cases.references import reference_meant
    from casework.reports.recordable import openings, recordable
    from cli.guided_record import ask, listed
    from models.errors import NoSuchCase

    try:
        if case.strip().upper() == "NEW":
            found = openings()
        else:
            context = open_installation("record", access=Access.LOOKS)
            found = recordable(context, reference := reference_meant(context, case))
            log_look(context, [reference], "record")
    except NoSuchCase as problem:
        fail(Exit.WRONG_CALL, f"{problem}. For a new case: sendflow record new")
    if json_ or not sys.stdin.isatty():
        emit(found.model_dump(mode="json"), json_, lambda: listed(found))
        return None
    notify(listed(found))
    return ask(found)


def _effects(context: AppContext, case_ref: str, after: int) -> list[str]:
    from casework.reports.effects import effects
    from cli.formatting import effects_text

    return effects_text(context, effects(context, case_ref, after))


def _ask_for_what_a_person_says(drafts: list[FactDraft]) -> None:
    """A person who withdraws a fact says why."""
    from casework.cases.validation import Refused

    if any(draft.kind == "fact_withdrawn" and not draft.data.get("reason") for draft in drafts):
        raise Refused(
            "missing_data",
            'fact_withdrawn needs a reason, for example --data reason="recorded on the wrong case". It is encrypted',
            field="reason",
            wrong_call=True,
        )


def _opens_a_case(facts: list[str]) -> bool:
    """Whether one of these facts, each with its fields behind it, opens a case."""
    from statemachines.registry import opened_by

    return any(kind in opened_by() for each in facts for kind in each.split()[:1])


def draft_of(kind: str, day: date, pairs: list[str], corrects: str | None = None) -> FactDraft:
    from casework.cases.validation import Refused
    from models.facts import FactDraft

    if not IDENTIFIER.fullmatch(kind):
        raise Refused(
            "unknown_fact",
            "a fact is a word such as health_advice_requested; sendflow processes lists them",
            wrong_call=True,
        )
    fields = parse_key_values(pairs)
    on_behalf_of = fields.pop("on_behalf_of", None)
    if corrects is not None and not re.fullmatch(r"[0-9]{1,6}", corrects):
        raise Refused(
            "bad_data", "--corrects is the number of a fact of this case, for example --corrects 1", wrong_call=True
        )
    if on_behalf_of is not None and not IDENTIFIER.fullmatch(on_behalf_of):
        raise Refused(
            "bad_data",
            "on_behalf_of is a word of small letters and underscores, for example --data on_behalf_of=icb",
            wrong_call=True,
        )
    return FactDraft(kind, day, fields, int(corrects) if corrects else None, on_behalf_of)


def _further_draft(text: str, day: date, simulated: Callable[[], bool]) -> FactDraft:
    from cli.identity_input import with_hidden_values

    kind, *pairs = text.split()
    return draft_of(kind, day, with_hidden_values(pairs, simulated))


def case(
    case: CaseReference,
    as_at: Annotated[str | None, typer.Option("--as-at", help="Show the case as it was true on this day.")] = None,
    known_at: Annotated[
        str | None,
        typer.Option(
            "--known-at",
            help="Show what was recorded by this instant, as 2026-04-14T09:00:00+01:00; alone, as true on its day.",
        ),
    ] = None,
    acting: Annotated[
        bool, typer.Option("--acting", help="Add from which account of which machine each fact was recorded.")
    ] = False,
    json_: Json = False,
) -> None:
    """Show one case: its facts as they were recorded, and its duties."""
    from casework.cases.references import reference_meant
    from casework.reports.case_report import NothingKnownThen, report
    from casework.reports.who_acted import who_acted
    from models.errors import NoSuchCase

    day = parse_day(as_at, "--as-at")
    instant = _instant(known_at) if known_at else None
    context = open_installation("case")
    try:
        found = report(context, reference_meant(context, case), day, instant)
    except (NoSuchCase, NothingKnownThen) as problem:
        fail(Exit.WRONG_CALL, str(problem))
    log_look(context, [found.case_ref], "case" if day is None and instant is None else "replay")
    acted = who_acted(context, found.case_ref) if acting or json_ else {}
    shown = [{"seq": fact.seq, **acted[fact.seq].model_dump()} for fact in found.facts if fact.seq in acted]
    document = {**found.model_dump(mode="json"), "acted_by": shown}
    emit(document, json_, lambda: _history(context, found) + (_acting(found, acted) if acting else ""))


def _instant(text: str) -> str:
    from audit.verify import parse_instant  # lazy: imports the whole verification

    try:
        return parse_instant(text)
    except ValueError:
        fail(Exit.WRONG_CALL, f"--known-at expects an instant with its time zone: {INSTANT_EXAMPLE}")


def _acting(found: CaseReport, acted: Mapping[int, ActedBy]) -> str:
    """A line for each fact: the actor that it claims, and who acted."""
    lines = ["", "", "Who acted"]
    for fact in found.facts:
        by = acted.get(fact.seq)
        if by is None:
            said = "not recorded then"
        elif by.how == "signed_in":
            said = f"{by.account}, signed in on the pages of {by.machine}"
        else:
            said = f"the account {by.account} of {by.machine}"
        lines.append(f"{fact.seq:>4}  {fact.actor}: {said}")
    return "\n".join(lines)


def _history(context: AppContext, found: CaseReport) -> str:
    from cli.formatting import history

    return history(context, found)


def parse_key_values(pairs: list[str]) -> dict[str, str]:
    """`key=value` options as a mapping. Raises Refused (a wrong call) for a pair without `=` or a key given twice."""
    from casework.cases.validation import Refused

    values: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise Refused("bad_data", "every --data is key=value, for example --data body=QX101", wrong_call=True)
        if key.strip() in values:
            raise Refused("bad_data", "a key is given twice in --data: give each key once", wrong_call=True)
        values[key.strip()] = value.strip()
    return values
