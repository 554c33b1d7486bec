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
    app.command("verify-bundle")(verify_bundle)


def bundle(
    case: Annotated[str, typer.Argument(help="The case's reference.")],
    actor: Annotated[str, typer.Option("--actor", help="The account name of the person who makes it.")],
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Where to write it.")] = None,
    identity_purpose: Annotated[
        str | None,
        typer.Option("--identity-purpose", help="Name the person in it, and why. Logged. Default: no person."),
    ] = None,
    checkpoint: Annotated[int | None, typer.Option("--checkpoint", help="Go by an earlier checkpoint.")] = None,
    json_: Json = False,
) -> None:
    """Make one file of a case that anybody can verify: facts, letters, dates, provisions and proofs.

    It names no person unless --identity-purpose says why. The look is logged. The same case, checkpoint and options
    give the same file.
    """
    from casework.bundles.build import Identity
    from casework.bundles.build import bundle as make
    from models.errors import NoSuchCase

    check_actor(actor)
    if identity_purpose is not None and not identity_purpose.strip():
        fail(Exit.WRONG_CALL, "--identity-purpose says why the bundle names the person")
    context = open_installation("bundle")
    try:
        made = make(context, case, actor, Identity(identity_purpose) if identity_purpose else None, checkpoint)
    except NoSuchCase as problem:
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
            found = verifier.verify(opened.read(LARGEST + 1), key)
    except OSError as problem:
        fail(Exit.WRONG_CALL, f"{file} cannot be read ({problem.strerror or type(problem).__name__})")
    except verifier.BundleError as problem:
        why = str(problem)
        emit({"verified": False, "message": why}, json_, lambda: f"NOT VERIFIED: {why}")
        raise typer.Exit(Exit.REFUSED) from None
    emit(
        {"verified": True, **found._asdict(), "key_given": key is not None},
        json_,
        lambda: verifier.said(found, key is not None),
    )
