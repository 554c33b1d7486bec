"""`sendflow retention`, `holds` and `erase`: what is ripe, what stops an erasure, and erasures by two accounts.

No command repeats what was typed: it may be a child's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import Access, open_installation
from cli.options import AsAt, Json, check_actor, parse_day
from cli.output import Exit, emit, fail
from config.text import counted, short_day

if TYPE_CHECKING:
    from casework.privacy.approval import Proposal
    from casework.privacy.erasure import ErasureReport
    from casework.privacy.ripe import RipeRecords
    from casework.retention_holds import Hold

BEGIN = "for example sendflow holds begin NX00042 --reason complaint --actor dco.team"
END = "for example sendflow holds end 3 --actor dco.team"
ERASE = "for example sendflow erase NX00042 --ground retention_ended --actor dco.team"
NUMBER = re.compile(r"[0-9]{1,9}")
Who = Annotated[str | None, typer.Option("--actor", help="The account name of the person who does this.")]
All = Annotated[bool, typer.Option("--all", help="List also what has ended or was decided.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("retention")(retention)
    app.command("holds")(holds)
    app.command("erase")(erase)


def retention(as_at: AsAt = None, json_: Json = False) -> None:
    """List whose records may be erased by now: why, since which day, and what prevents it.

    It erases nothing.
    """
    from casework.privacy.ripe import ripe_records

    day = parse_day(as_at, "--as-at")
    found = ripe_records(open_installation("retention"), day)
    emit([each.model_dump(mode="json") for each in found], json_, lambda: _ripe(found))


def _ripe(found: list[RipeRecords]) -> str:
    if not found:
        return "No records may be erased yet."
    free = sum(each.is_free for each in found)
    lines = [
        f"{counted(len(found), 'record is', 'records are')} past retention; nothing prevents the erasure of {free}."
    ]
    for each in found:
        lines.append(f"{', '.join(each.cases)}: since {short_day(each.ripe_on)}")
        lines.append(f"      {each.class_title}: {each.how}. {each.source} ({each.source_status})")
        lines += [f"      Hold {hold.number}: {hold.title}, since {short_day(hold.since)}" for hold in each.holds]
        if each.open_cases:
            lines.append(f"      Has not ended: {', '.join(each.open_cases)}")
        if each.open_duties:
            lines.append(f"      A duty is open: {', '.join(each.open_duties)}")
    if free:
        lines.append(f"To propose an erasure: {ERASE} --yes")
    return "\n".join(lines)


def holds(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[begin CASE | end NUMBER]", help="Default: list the holds.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="A reason of retention.toml: appeal, complaint, litigation, ...")
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", help="The day from which it holds or has ended. Default: today.")
    ] = None,
    actor: Who = None,
    all_: All = False,
    json_: Json = False,
) -> None:
    """List what stops the erasure of a child's records, or record that something does or has ended."""
    from casework.retention_holds import begin_hold, end_hold, listed

    given, day = arguments or [], parse_day(on, "--on")
    if not given:
        if actor is not None or reason is not None or on is not None:
            fail(Exit.WRONG_CALL, f"--actor, --reason and --on go with begin or end: {BEGIN}")
        found = listed(open_installation("holds"), ended=all_)
        emit([each.model_dump(mode="json") for each in found], json_, lambda: _holds(found))
        return
    begins = given[0] == "begin"
    if len(given) != 2 or given[0] not in ("begin", "end") or actor is None or (reason is None) == begins:
        fail(Exit.WRONG_CALL, f"Expected begin with a case and a reason, or end with a number: {BEGIN}; {END}")
    by = check_actor(actor)
    if not begins:
        number = _number(given[1], END)
        with _refusals():
            hold = end_hold(open_installation("holds", access=Access.CHANGES), number, by, day)
        emit(hold.model_dump(mode="json"), json_, lambda: f"Hold {number} on {hold.case_ref} has ended.")
        return
    from casework.cases.references import reference_meant

    context = open_installation("holds", access=Access.CHANGES)
    with _refusals():
        hold = begin_hold(context, reference_meant(context, given[1]), str(reason), by, day)
    said = f"Hold {hold.number} stops the erasure of the child of {hold.case_ref} until it ends: {hold.title}."
    emit(hold.model_dump(mode="json"), json_, lambda: said)


def _holds(found: list[Hold]) -> str:
    if not found:
        return f"Nothing stops an erasure. To record that something does: {BEGIN}"
    lines = []
    for each in found:
        ended = f", ended {short_day(each.ended_on)} by {each.ended_by}" if each.ended_on else ""
        lines.append(
            f"{each.number:>4}  {each.case_ref}  {each.title}, since {short_day(each.since)}, by {each.actor}{ended}"
        )
    return "\n".join(lines)


def erase(  # noqa: PLR0913 (Typer maps each parameter to an option)
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CASE | approve NUMBER | refuse NUMBER | certificate NUMBER]",
            help="A case of the child, or a proposal. Default: list the proposals.",
        ),
    ] = None,
    ground: Annotated[
        str | None,
        typer.Option("--ground", help="Why: retention_ended, erasure_request, court_order or entered_in_error."),
    ] = None,
    actor: Who = None,
    yes: Annotated[bool, typer.Option("--yes", help="Propose it. Without it, only show what would be erased.")] = False,
    to: Annotated[Path | None, typer.Option("--to", metavar="FOLDER", help="Where the certificate is written.")] = None,
    all_: All = False,
    json_: Json = False,
) -> None:
    """Erase a child's identity and the free text of the child's cases, for ever. The history stays and still verifies.

    One account proposes it with --yes, and another approves it. The access log records the erasure.
    """
    given = arguments or []
    if not given:
        if actor is not None or ground is not None or yes:
            fail(Exit.WRONG_CALL, f"--actor, --ground and --yes go with a case: {ERASE}")
        _list(all_, json_)
    elif given[0] == "certificate":
        if len(given) != 2 or to is None:
            fail(Exit.WRONG_CALL, "Expected a number and a folder: sendflow erase certificate 3 --to papers")
        _certificate(_number(given[1], "for example sendflow erase certificate 3"), to, json_)
    elif actor is None:
        fail(Exit.WRONG_CALL, f"--actor is missing: {ERASE}")
    elif given[0] in ("approve", "refuse"):
        if len(given) != 2 or ground is not None or yes:
            fail(Exit.WRONG_CALL, "Expected the number alone: for example sendflow erase approve 3 --actor sam.lee")
        _decide(given[0], _number(given[1], "for example sendflow erase approve 3"), check_actor(actor), json_)
    elif len(given) == 1:
        _show_or_propose(given[0], check_actor(actor), ground, yes, json_)
    else:
        fail(Exit.WRONG_CALL, f"Expected one case: {ERASE}")


def _show_or_propose(case: str, actor: str, ground: str | None, yes: bool, json_: bool) -> None:
    from casework.privacy.approval import preview, propose
    from casework.privacy.erasure import Ground

    if ground not in set(Ground):
        fail(Exit.WRONG_CALL, f"--ground is one of {', '.join(Ground)}: for example --ground retention_ended")
    context = open_installation("erase", access=Access.CHANGES)
    chosen = Ground(ground)
    with _refusals():
        report = propose(context, case, actor, chosen) if yes else preview(context, case, chosen)
    emit(report.model_dump(mode="json"), json_, lambda: _said(report))


def _said(report: ErasureReport) -> str:
    what = (
        f"the identity in {', '.join(report.cases)}, {counted(report.passages, 'passage')} of free text,"
        f" {counted(report.mails, 'mail')}"
    )
    if report.erased:
        return f"Erased: {what}. The erasure is in the access log."
    lines = [f"Nothing was erased. An erasure would erase {what}."]
    if report.open_cases:
        lines.append(f"A duty is still open on {', '.join(report.open_cases)}.")
    if report.holds:
        lines.append(f"It is stopped by hold {', '.join(map(str, report.holds))}: sendflow holds")
    if report.proposal is None:
        lines.append("With --yes, it is proposed for another account to approve.")
    else:
        lines.append(
            f"It is proposed as erasure {report.proposal}, and waits for another account until"
            f" {(report.expires_at or '')[:10]}: sendflow erase approve {report.proposal} --actor WHO"
        )
    return "\n".join(lines)


def _decide(how: str, number: int, actor: str, json_: bool) -> None:
    from casework.privacy.approval import approve, refuse

    context = open_installation("erase", access=Access.CHANGES)
    if how == "refuse":
        with _refusals():
            proposal = refuse(context, number, actor)
        emit(proposal.model_dump(mode="json"), json_, lambda: f"Erasure {number} is refused; nothing was erased.")
        return
    with _refusals():
        report = approve(context, number, actor)
    emit(report.model_dump(mode="json"), json_, lambda: _said(report))


def _certificate(number: int, to: Path, json_: bool) -> None:
    import orjson

    from casework.bundles.certificate import certificate

    with _refusals():
        made = certificate(open_installation("erase", access=Access.CHANGES), number)
    to.mkdir(parents=True, exist_ok=True)
    for form, content in (("html", made.html.encode()), ("pdf", made.pdf), ("json", made.json)):
        (to / f"erasure-{number}.{form}").write_bytes(content)
    emit(orjson.loads(made.json), json_, lambda: f"erasure-{number}.html, .pdf and .json are in {to}.")


def _list(all_: bool, json_: bool) -> None:
    from casework.privacy.approval import proposals

    found = proposals(open_installation("erase"), decided=all_)
    emit([each.model_dump(mode="json") for each in found], json_, lambda: _proposals(found))


def _proposals(found: list[Proposal]) -> str:
    if not found:
        return f"No erasure waits for a second account. To propose one: {ERASE} --yes"
    lines = []
    for each in found:
        if each.how:
            end = f"{each.how} by {each.decided_by} on {(each.decided_at or '')[:10]}"
        else:
            end = "expired" if each.expired else f"waits until {each.expires_at[:10]}"
        ground = each.ground.replace("_", " ")
        lines.append(f"{each.number:>4}  {each.case_ref}  {ground}, proposed by {each.actor} on {each.at[:10]}; {end}")
    if any(each.waits for each in found):
        lines.append("To approve one, as another account: sendflow erase approve NUMBER --actor WHO")
    return "\n".join(lines)


@contextmanager
def _refusals() -> Iterator[None]:
    """End the command with exit code 2 where nothing of that name is there, and with 1 where it is refused."""
    from models.errors import Refusal

    try:
        yield
    except Refusal as problem:
        fail(Exit.WRONG_CALL if isinstance(problem, LookupError) else Exit.REFUSED, str(problem))


def _number(word: str, example: str) -> int:
    if not NUMBER.fullmatch(word):
        fail(Exit.WRONG_CALL, f"Expected a number: {example}")
    return int(word)
