"""`sendflow bundle` makes the bundle of a case; `sendflow verify-bundle` checks one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.installation import open_installation
from cli.options import Json, check_actor
from cli.output import Exit, emit, fail

LARGEST = 256 * 1024 * 1024


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("bundle")(bundle)
    app.command("bundle-cohort")(bundle_cohort)
    app.command("verify-bundle")(verify_bundle)


def bundle(  # noqa: PLR0913 (Typer maps each parameter to an option)
    case: Annotated[str, typer.Argument(help="The case's reference.")],
    actor: Annotated[str, typer.Option("--actor", help="The account name of the person who makes it.")],
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Where to write it.")] = None,
    identity_purpose: Annotated[
        str | None,
        typer.Option(
            "--identity-purpose", metavar="WORD", help="Name the person in it, and why: a word of purposes.toml."
        ),
    ] = None,
    checkpoint: Annotated[int | None, typer.Option("--checkpoint", help="Go by an earlier checkpoint.")] = None,
    whom: Annotated[
        str | None,
        typer.Option("--for", metavar="WHOM", help="ombudsman, court, inspection, trust, family or audit. Logged."),
    ] = None,
    looks: Annotated[bool, typer.Option("--looks", help="Add who read the case on the pages, and when.")] = False,
    json_: Json = False,
) -> None:
    """Make one file of a case that anybody can verify: facts, letters, dates, provisions and proofs.

    It names no person unless --identity-purpose says why. The look is logged. The same case, checkpoint and options
    give the same file.
    """
    from casework.bundles.build import Identity, Wanted
    from casework.bundles.build import bundle as make
    from casework.privacy.purposes import WrongPurpose
    from models.errors import NoSuchCase

    check_actor(actor)
    context = open_installation("bundle")
    identity = Identity(identity_purpose) if identity_purpose is not None else None
    try:
        made = make(context, case, actor, identity, checkpoint, Wanted(whom, looks))
    except (NoSuchCase, WrongPurpose) as problem:
        fail(Exit.WRONG_CALL, str(problem))
    target = to or Path(f"bundle-{made.case_ref}-{made.checkpoint}.zip")
    try:
        with target.open("xb") as file:
            file.write(made.data)
    except FileExistsError:
        fail(Exit.WRONG_CALL, f"{target} is there already: name another file with --to")
    document = {**made._asdict(), "data": None, "file": str(target), "bytes": len(made.data)}
    del document["data"]
    emit(
        document,
        json_,
        lambda: (
            f"{target}: {made.facts} facts and {made.letters} letters of case {made.case_ref}, by checkpoint"
            f" {made.checkpoint} of {made.at}. To check it: sendflow verify-bundle {target}"
        ),
    )


def bundle_cohort(
    cases: Annotated[list[str], typer.Argument(metavar="CASE...", help="The cases' references.")],
    actor: Annotated[str, typer.Option("--actor", help="The account name of the person who makes it.")],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="Where to write it.")],
    whom: Annotated[
        str, typer.Option("--for", metavar="WHOM", help="ombudsman, court, inspection, trust, family or audit. Logged.")
    ] = "inspection",
    looks: Annotated[bool, typer.Option("--looks", help="Add who read each case on the pages, and when.")] = False,
    json_: Json = False,
) -> None:
    """Make one file of several cases, such as those that an inspection chose, which anybody can verify.

    It names no person. The look at each case is logged.
    """
    from casework.bundles.build import Wanted
    from casework.bundles.cohort import cohort
    from casework.privacy.purposes import WrongPurpose
    from models.errors import NoSuchCase

    check_actor(actor)
    if to.exists():
        fail(Exit.WRONG_CALL, f"{to} is there already: name another file with --to")
    context = open_installation("bundle-cohort")
    try:
        data, made = cohort(context, cases, actor, Wanted(whom, looks))
    except (NoSuchCase, WrongPurpose) as problem:
        fail(Exit.WRONG_CALL, str(problem))
    with to.open("xb") as file:
        file.write(data)
    document = {
        "file": str(to),
        "bytes": len(data),
        "checkpoint": made[0].checkpoint,
        "at": made[0].at,
        "cases": [{"case_ref": one.case_ref, "facts": one.facts, "letters": one.letters} for one in made],
    }
    emit(
        document,
        json_,
        lambda: (
            f"{to}: {len(made)} cases, by checkpoint {made[0].checkpoint} of {made[0].at}. To check it: sendflow"
            f" verify-bundle {to}"
        ),
    )


def verify_bundle(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The bundle.")],
    key: Annotated[
        str | None, typer.Option("--key", help="The verifier key of the log, from elsewhere than the bundle.")
    ] = None,
    json_: Json = False,
) -> None:
    """Check a bundle: each fact and letter is as the log had it, and no later fact was left out.

    It needs no installation. It names the file and the place of a changed byte.
    """
    from casework.bundles import verifier

    try:
        with file.open("rb") as opened:
            found = verifier.verify_all(opened.read(LARGEST + 1), key)
    except OSError as problem:
        fail(Exit.WRONG_CALL, f"{file} cannot be read ({problem.strerror or type(problem).__name__})")
    except verifier.BundleError as problem:
        why = str(problem)
        emit({"verified": False, "message": why}, json_, lambda: f"NOT VERIFIED: {why}")
        raise typer.Exit(Exit.REFUSED) from None
    one = {**found[0]._asdict()} if len(found) == 1 else {"cases": [each._asdict() for each in found]}
    last = len(found)
    emit(
        {"verified": True, **one, "key_given": key is not None},
        json_,
        lambda: "".join(verifier.said(each, key is not None or number < last) for number, each in enumerate(found, 1)),
    )
