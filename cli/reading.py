"""`sendflow looks`, `verifications`, `people` and `child`: who looked at which case, when the history was verified, who
may do what, and all cases of one child.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.installation import open_installation
from cli.looks import log_look
from cli.options import CaseReference, Json, parse_day, refuse_identifier
from cli.output import Exit, emit, fail
from config.text import counted, short_weekday

if TYPE_CHECKING:
    from casework.context import AppContext
    from casework.privacy.case_looks import LookAtACase
    from casework.privacy.unusual_reading import Unusual
    from casework.reports.child import ChildReport

RUNS, LOOKS, MOST_LOOKS, MOST_CHANGES = 10, 50, 10_000, 200
WITHOUT_COUNTS = frozenset({"at", "act", "outcome", "code", "intact"})
EXAMPLE = "for example sendflow looks --who dco.team --from 2026-04-01"
SIGNS = {
    "many_in_an_hour": "many cases in an hour",
    "own_surname": "the child's surname is in the account's name",
    "outside_hours": "outside working hours",
}


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("looks")(looks)
    app.command("verifications")(verifications)
    app.command("people")(people)
    app.command("child")(child)


def looks(  # noqa: PLR0913 (Typer maps each parameter to an option)
    who: Annotated[str, typer.Option("--who", help="Only of this account, such as dco.team.")] = "",
    case: Annotated[str, typer.Option("--case", help="Only at this case, such as NX00042.")] = "",
    from_: Annotated[str | None, typer.Option("--from", help="From this day on, as 2026-04-14.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Up to and including this day.")] = None,
    what: Annotated[str, typer.Option("--what", help="Only of this page or command; identity: who a child is.")] = "",
    most: Annotated[int, typer.Option("--most", min=1, max=MOST_LOOKS, help="How many, the newest first.")] = LOOKS,
    unusual: Annotated[bool, typer.Option("--unusual", help="Instead: signs of unusual reading of 30 days.")] = False,
    json_: Json = False,
) -> None:
    """List who looked at which case, when and for what purpose, the newest first. The page Audit shows the same.

    With --unusual: signs of unusual reading. A sign is a reason to ask, and proves nothing.
    """
    from casework.cases.references import reference_meant
    from casework.privacy.case_looks import LookWanted, looks_of
    from casework.privacy.unusual_reading import unusual_reads
    from models.errors import NoSuchCase

    for value, option in ((who, "--who"), (what, "--what")):
        refuse_identifier(value, option, "Give an account, a page or a command alone")
    if unusual and (who or case or from_ or to or what):
        fail(Exit.WRONG_CALL, "--unusual takes no other filter: sendflow looks --unusual")
    since, until = parse_day(from_, "--from"), parse_day(to, "--to")
    if since is not None and until is not None and until < since:
        fail(Exit.WRONG_CALL, f"--to is before --from: {EXAMPLE}")
    context = open_installation("looks")
    if unusual:
        signs = unusual_reads(context)
        emit([each.model_dump(mode="json") for each in signs], json_, lambda: _signs(signs))
        return
    try:
        ref = reference_meant(context, case) if case else ""
    except NoSuchCase as problem:
        fail(Exit.WRONG_CALL, str(problem))
    found = looks_of(context, LookWanted(who.lower(), ref, since, until, what), most)
    emit([each.model_dump(mode="json") for each in found], json_, lambda: _looks(found))


def _looks(found: list[LookAtACase]) -> str:
    from cli.formatting import at

    lines = [
        f"{at(each.at)}  {each.actor}  {each.case_ref}  {each.what}{f', {each.purpose}' if each.purpose else ''}"
        for each in found
    ]
    return "\n".join(lines) or "Nobody looked at a case that these filters name."


def _signs(found: list[Unusual]) -> str:
    from cli.formatting import at

    lines = [
        f"{at(each.at)}  {each.actor}{' (a program)' if each.program else ''}: {SIGNS[each.sign]},"
        f" {counted(each.cases, 'case')}: {', '.join(each.refs)}{' and more' if each.cases > len(each.refs) else ''}"
        for each in found
    ]
    return "\n".join(lines) or "No sign of unusual reading in 30 days."


def verifications(json_: Json = False) -> None:
    """List the newest verifications of this machine, and up to when the history was verified without a finding."""
    from audit.since import verified_up_to
    from casework.job_log import newest
    from models.visibility import hidden_processes

    context = open_installation("verifications")
    runs = newest(context, "verify", RUNS)
    if hidden_processes(context.engine):  # the numbers count every case, also those that this reader may not know of
        runs = [{name: value for name, value in each.items() if name in WITHOUT_COUNTS} for each in runs]
    document = {"verified_up_to": verified_up_to(context), "runs": runs}
    emit(document, json_, lambda: _verifications(document))


def _verifications(document: dict[str, Any]) -> str:
    from cli.formatting import at

    known = document["verified_up_to"]
    lines = [
        f"Verified without a finding up to {at(known)}." if known else "No verification covered the whole history."
    ]
    for each in document["runs"]:
        found = "nothing altered" if each.get("intact") else "altered or missing"
        lines.append(f"{at(each['at'])}  {found if each['outcome'] == 'done' else each['outcome']}")
    return "\n".join([*lines, "To verify: sendflow verify. What was found: sendflow findings"])


def people(json_: Json = False) -> None:
    """List the accounts with their roles, what each right opens, and the newest changes of roles."""
    from casework.access import accounts
    from config.rights import RIGHTS, roles
    from models.database import reading

    context = open_installation("people")
    with reading(context.engine) as connection:
        now, changes = accounts.accounts(connection), accounts.changes(connection, MOST_CHANGES)
    may_name = _may_name(context)
    document = {
        "accounts": [_shown(each, may_name) for each in now],
        "roles": {word: {"title": role.title, "may": sorted(role.may)} for word, role in roles().items()},
        "rights": dict(RIGHTS),
        "changes": [_shown(each, may_name) for each in changes],
    }
    emit(document, json_, lambda: _people(document))


def _may_name(context: AppContext) -> frozenset[str]:
    """The restricted processes for which this reader may know who is named."""
    from models.visibility import hidden_processes

    return context.restricted - hidden_processes(context.engine)


def _shown(account: Any, may_name: frozenset[str]) -> dict[str, Any]:
    """An account as this reader may see it: for which restricted process it is named, only those named too may know."""
    from casework.access.accounts import named_for

    shown: dict[str, Any] = account.model_dump(mode="json")
    if hidden := named_for(account) - may_name:
        shown["scope"] = ",".join(sorted(named_for(account) - hidden))
    return shown


def _people(document: dict[str, Any]) -> str:
    from cli.formatting import at

    titles = {word: role["title"] for word, role in document["roles"].items()}

    def role_of(each: dict[str, Any]) -> str:
        scope = f" ({each['scope']})" if each["scope"] else ""
        return f"{titles.get(each['role'], 'no role')}{scope}"

    lines = [f"{each['account']}: {role_of(each)}, since {at(each['changed_at'])}" for each in document["accounts"]]
    lines = lines or ["No account has a role: sendflow sign-in --account NAME --role dco"]
    lines.append("What each role may do:")
    lines += [
        f"  {role['title']}: {'; '.join(document['rights'][word] for word in role['may'])}"
        for role in document["roles"].values()
    ]
    lines.append("Changes, the newest first:")
    lines += [
        f"  {at(each['changed_at'])}: {each['changed_by']} gave {each['account']}: {role_of(each)}"
        for each in document["changes"]
    ]
    return "\n".join(lines)


def child(case: CaseReference, json_: Json = False) -> None:
    """Show all cases of the child of a case, every duty by due date, and what was recorded of who the child is.

    It has no identity: sendflow person shows that, for a purpose.
    """
    from casework.cases.references import reference_meant
    from casework.reports.child import child_of
    from models.errors import NoSuchCase

    context = open_installation("child")
    try:
        found = child_of(context, reference_meant(context, case))
    except NoSuchCase as problem:
        fail(Exit.WRONG_CALL, str(problem))
    log_look(context, found.refs, "child")
    emit(found.model_dump(mode="json"), json_, lambda: _child(context, found))


def _child(context: AppContext, found: ChildReport) -> str:
    from cli.formatting import at, duty_text
    from statemachines.fact_labels import fact_of

    of_case = {each.case_ref: context.processes[each.process] for each in found.cases}

    lines = [f"{counted(len(found.cases), 'case')} of one child:"]
    lines += [
        f"  {each.case_ref}  {context.processes[each.process].title}: {each.state_name}, since"
        f" {short_weekday(each.facts[0].occurred_on)}"
        for each in found.cases
    ]
    lines.append("Duties, the open ones first:" if found.clocks else "No duty runs or ran.")
    for each in found.clocks:
        first, *more = duty_text(context, of_case[each.case_ref], each.duty)
        lines += [f"  {each.case_ref}  {first.strip()}", *more]
    lines.append("What was recorded of who the child is:")
    for one in found.history:
        process = of_case[one.case_ref]
        of = f" of {fact_of(process, one.corrected_kind)}" if one.corrected_kind else ""
        withdrawn = "" if one.fact.stands else " (withdrawn)"
        lines.append(
            f"  {at(one.fact.recorded_at)}  {one.case_ref}, fact {one.fact.seq}: {fact_of(process, one.fact.kind)}{of},"
            f" by {one.fact.actor}{withdrawn}"
        )
    return "\n".join(lines)
