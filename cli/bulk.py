"""`sendflow bulk` and `views`: one act on several cases, and the filters that an account saved to choose them by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.installation import Access, open_installation
from cli.looks import log_look
from cli.options import Actor, Json, check_actor, parse_day, refuse_identifier
from cli.output import Exit, emit, fail, notify
from config.text import counted

if TYPE_CHECKING:
    from casework.bulk_acts import BulkAct, BulkLine
    from casework.context import AppContext
    from casework.reports.case_list import CaseFilter
    from casework.saved_views import SavedView
    from models.facts import FactDraft

EXAMPLES = {
    "assign": "sendflow bulk assign --owner admin.team --case NX00042 --case NX00043 --actor dco.team --try",
    "pause": "sendflow bulk pause --reason 'a meeting is arranged' --until 2026-04-20 --view Late --actor dco.team",
    "release": "sendflow bulk release --reason 'they may leave' --filter la=northshire --actor dco.team",
    "record": (
        "sendflow bulk record --fact health_advice_received --on 2026-04-14 --data body=QX101 --view Late --actor"
        " dco.team"
    ),
}
OPTIONS = {
    "assign": {"--owner", "--nobody"},
    "pause": {"--reason", "--until"},
    "release": {"--reason"},
    "record": {"--fact", "--on", "--data"},
}
VIEW_EXAMPLE = "sendflow views save 'Late at ours' --filter show=late --filter la=northshire --actor dco.team"
Filters = Annotated[
    list[str] | None,
    typer.Option("--filter", help="A filter of the list of cases, as show=late or la=northshire. Repeat it."),
]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("bulk")(bulk)
    app.command("views")(views)


def bulk(  # noqa: PLR0913 (Typer maps each parameter to an option)
    act: Annotated[str, typer.Argument(metavar="ACT", help="assign, pause, release or record.")],
    actor: Actor,
    case: Annotated[list[str] | None, typer.Option("--case", help="A case of the selection. Repeat it.")] = None,
    view: Annotated[str | None, typer.Option("--view", help="All cases of a view that the actor saved.")] = None,
    filter_: Filters = None,
    owner: Annotated[str | None, typer.Option("--owner", help="Of assign: the account, as admin.team.")] = None,
    nobody: Annotated[bool, typer.Option("--nobody", help="Of assign: nobody looks after them any more.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Of pause and release: why. Never a name.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Of pause: the last day, as 2026-04-20.")] = None,
    fact: Annotated[str | None, typer.Option("--fact", help="Of record: what happened, the same on each.")] = None,
    on: Annotated[str | None, typer.Option("--on", help="Of record: the day on which it happened.")] = None,
    data: Annotated[list[str] | None, typer.Option("--data", help="Of record: a field, as body=QX101.")] = None,
    try_: Annotated[bool, typer.Option("--try", help="Say what it would do with each case. Nothing is done.")] = False,
    json_: Json = False,
) -> None:
    """Do one act with several cases, 100 at most: assign an owner, pause e-mails, release them, or record a fact.

    Each case is done by itself, so a case that refuses stops no other; the exit code is then 1. Try it first: --try.
    """
    from casework.bulk_acts import WrongAct, do_bulk, try_bulk

    if act not in EXAMPLES:
        fail(Exit.WRONG_CALL, f"Expected one of {', '.join(EXAMPLES)}: for example {EXAMPLES['assign']}")
    given: dict[str, Any] = {"--owner": owner, "--nobody": nobody or None, "--reason": reason, "--until": until}
    given |= {"--fact": fact, "--on": on, "--data": data}
    if foreign := sorted(name for name, value in given.items() if value is not None and name not in OPTIONS[act]):
        fail(Exit.WRONG_CALL, f"{foreign[0]} does not go with {act}: for example {EXAMPLES[act]}")
    if sum(each is not None for each in (case, view, filter_)) != 1:
        fail(Exit.WRONG_CALL, f"Choose the cases by --case, by --view or by --filter: for example {EXAMPLES[act]}")
    check_actor(actor)
    context = open_installation("bulk")
    wanted = _act(context, act, given)
    refs = _chosen(context, actor, case, view, filter_)
    try:
        lines = try_bulk(context, refs, wanted, actor)
        log_look(context, [line.case_ref for line in lines if line.seq], "bulk")
        if not try_:
            seen = {line.case_ref: line.seq for line in lines}
            lines = do_bulk(context, seen, wanted, actor, _record_one)
    except WrongAct as problem:
        fail(Exit.WRONG_CALL, f"Nothing was done: {problem}. For example {EXAMPLES[act]}")
    document = {"act": act, "tried": try_, "cases": [line.model_dump(mode="json") for line in lines]}
    emit(document, json_, lambda: _text(context, wanted, lines, try_))
    if any(line.refused or line.asked for line in lines):
        raise typer.Exit(Exit.REFUSED)


def _act(context: AppContext, act: str, given: dict[str, Any]) -> BulkAct:
    from casework.bulk_acts import BulkAct
    from casework.cases.validation import Refused
    from cli.cases import draft_of
    from cli.identity_input import with_hidden_values

    if act == "assign":
        if (given["--owner"] is None) is (given["--nobody"] is None):
            fail(Exit.WRONG_CALL, f"Expected --owner or --nobody: for example {EXAMPLES[act]}")
        refuse_identifier(given["--owner"] or "", "--owner", "Give the account name alone, such as admin.team")
        return BulkAct(kind=act, owner=given["--owner"] or "")
    if act != "record":
        return BulkAct(kind=act, reason=given["--reason"] or "", until=parse_day(given["--until"], "--until"))
    day = parse_day(given["--on"], "--on")
    if given["--fact"] is None or day is None:
        fail(Exit.WRONG_CALL, f"record takes --fact and --on: for example {EXAMPLES[act]}")
    try:
        draft = draft_of(given["--fact"], day, with_hidden_values(given["--data"] or [], lambda: context.simulated))
    except Refused as refused:
        fail(Exit.WRONG_CALL, refused.message)
    return BulkAct(kind=act, fact=draft.kind, on=day, data=dict(draft.data))


def _chosen(
    context: AppContext, actor: str, cases: list[str] | None, view: str | None, filters: list[str] | None
) -> list[str]:
    """The references of the selection. Ends the command where it names none."""
    from casework.bulk_acts import MOST, selection
    from casework.cases.references import reference_meant
    from casework.saved_views import WrongView, filter_of, view_named
    from models.errors import NoSuchCase

    if cases is not None:
        if len(cases) > MOST:
            fail(Exit.WRONG_CALL, f"At most {MOST} cases can be done at once, and {len(cases)} were named")
        found = []
        for number, each in enumerate(cases, 1):
            try:
                found.append(reference_meant(context, each))
            except NoSuchCase as problem:
                fail(Exit.WRONG_CALL, f"Nothing was done. Case {number} of the selection: {problem}")
        return found
    try:
        wanted = filter_of(view_named(context, actor, view)) if view is not None else _filter(filters or [])
    except WrongView as problem:
        fail(Exit.WRONG_CALL, f"Nothing was done: {problem}")
    chosen = selection(context, wanted)
    if not chosen.refs:
        fail(Exit.WRONG_CALL, "No case is in that selection, so nothing was done. To list views: sendflow views")
    if chosen.total > len(chosen.refs):
        notify(f"The selection has {chosen.total} cases; these are the {MOST} to act on soonest. Run it again after.")
    return chosen.refs


def _filter(pairs: list[str]) -> CaseFilter:
    from casework.saved_views import WrongView, wanted_filter

    given = dict(each.partition("=")[::2] for each in pairs)
    if not all(given.values()):
        raise WrongView("a filter is a name and a value, for example show=late or la=northshire")
    return wanted_filter(given)


def _record_one(context: AppContext, case_ref: str, draft: FactDraft, actor: str) -> object:
    """Record a fact on one case as `sendflow record` does."""
    from flows.runner import run_job

    return run_job("record", context, case=case_ref, drafts=[draft], actor=actor, say=_silent)


def _silent(_line: str) -> None:
    """Say nothing: a hundred cases would say the same."""


def _text(context: AppContext, act: BulkAct, lines: list[BulkLine], tried: bool) -> str:
    done = [line for line in lines if not line.refused]
    would = "Nothing was done: this was a trial. It would be done with" if tried else "Done with"
    said = [f"{would} {counted(len(done), 'case')}, not with {len(lines) - len(done)}."]
    return "\n".join([*said, *(f"{line.case_ref}  {_outcome(context, act, line, tried)}" for line in lines)])


def _outcome(context: AppContext, act: BulkAct, line: BulkLine, tried: bool) -> str:
    from casework.bulk_acts import ASKS_SECOND, BulkKind

    if line.refused:
        return f"{'waits for a second person' if line.asked else 'not done'}: {line.refused}"
    asks = f"{ASKS_SECOND}. " if line.asked else ""
    if act.kind is BulkKind.ASSIGN:
        changed = f"{line.owner or 'nobody'} before, {act.owner or 'nobody'} {'then' if tried else 'now'}"
        return f"no change: {act.owner or 'nobody'} already" if line.unchanged else changed
    if line.notices is not None:
        how = "on hold" if act.kind is BulkKind.PAUSE else "released"
        until = f" up to and including {line.until}" if line.until else ""
        return f"{asks}{counted(line.notices, 'e-mail')} {how}{until}"
    if line.effects is None:
        return "recorded"
    from cli.formatting import trial_text

    return f"{asks}{trial_text(context, line.effects)}"


def views(
    actor: Actor,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[save NAME | delete NAME]", help="Save or delete one. Default: list them."),
    ] = None,
    filter_: Filters = None,
    json_: Json = False,
) -> None:
    """List the views of the list of cases that an account saved; save one, or delete one. The pages show the same."""
    from casework.saved_views import WrongView, delete_view, save_view, view_named, views_of

    given = arguments or []
    check_actor(actor)
    if given and (len(given) != 2 or given[0] not in ("save", "delete") or (given[0] == "save") is not bool(filter_)):
        fail(Exit.WRONG_CALL, f"Expected save with --filter, or delete, and a name: for example {VIEW_EXAMPLE}")
    context = open_installation("views", access=Access.CHANGES if given else None)
    try:
        if not given:
            found = views_of(context, actor)
            emit([each.model_dump() for each in found], json_, lambda: _views(found, actor))
            return
        if given[0] == "save":
            wanted = _filter(filter_ or []).model_dump(mode="json", exclude={"page"}, exclude_defaults=True)
            view = save_view(context, actor, given[1], wanted)
            said = f"Saved the view {view.name}: {view.query or 'every open case'}."
        else:
            view = view_named(context, actor, given[1])
            delete_view(context, actor, view.id)
            said = f"Deleted the view {view.name}."
    except WrongView as problem:
        fail(Exit.WRONG_CALL, f"Nothing was changed: {problem}")
    emit(view.model_dump(), json_, lambda: said)


def _views(found: list[SavedView], actor: str) -> str:
    lines = [f"{each.name}: {each.query.replace('&', ', ') or 'every open case'}" for each in found]
    return "\n".join(lines) or f"{actor} has saved no view: for example {VIEW_EXAMPLE}"
