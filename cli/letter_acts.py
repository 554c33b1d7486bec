"""`sendflow letters --held`, and the acts `hold`, `release`, `chased` and `came-back`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cli.installation import Access, open_installation
from cli.looks import log_look
from cli.options import check_actor, parse_day
from cli.output import Exit, emit, fail
from config.text import counted

if TYPE_CHECKING:
    from casework.delivery.holds import HeldNotice

ACTS = (
    "sendflow letters hold NX00042 --actor dco.team --reason 'the answers are being typed', or release, or chased"
    " (you chased by hand: the reminders wait three working days), or came-back with an e-mail's id"
)
WHY = {
    "held_by_a_person": "held by a person",
    "recorded_late": "called for by a fact that was recorded late",
    "first_import": "on hold after the first import: sendflow letters release",
}


class Signed(NamedTuple):
    """Who does it, why, and until when, as given."""

    actor: str | None
    reason: str | None
    until: str | None


def act(given: Sequence[str], signed: Signed, json_: bool) -> None:
    """Hold or release letters, or record that one came back or that a person chased by hand."""
    from casework.delivery import by_hand, came_back, holds
    from models.errors import NoSuchCase

    verb, *names = given
    if len(names) != 1 or not signed.actor or not signed.reason:
        fail(Exit.WRONG_CALL, f"Expected one name, --actor and --reason: {ACTS}")
    if signed.until and verb != "hold":
        fail(Exit.WRONG_CALL, "--until goes with hold")
    actor, until = check_actor(signed.actor), parse_day(signed.until, "--until")
    context = open_installation("letters", access=Access.CHANGES)
    try:
        if verb == "came-back":
            found = came_back.came_back(context, names[0], actor, signed.reason)
            said = (
                f"The e-mail {found.letter} to {found.mailbox} counts as not delivered:"
                f" {counted(found.notices, 'notice')}, {found.again} to be sent again to the mailbox that the directory"
                " has when the next delivery runs. If the mailbox is closed, change directory.toml first."
            )
            emit(found.model_dump(mode="json"), json_, lambda: said)
            return
        if verb == "chased":
            report = by_hand.chased_by_hand(context, names[0], actor, signed.reason)
            words = (
                f"Recorded that you chased by hand. {counted(report.notices, 'notice')} that have not left, and what"
                f" falls due meanwhile, wait up to and including {report.until}."
            )
        elif verb == "hold":
            report = holds.hold(context, names[0], actor, signed.reason, until)
            words = f"Held up to and including {report.until}: {counted(report.notices, 'notice')} that have not left."
        else:
            report = holds.release_held(context, names[0], actor, signed.reason)
            words = f"Released: {counted(report.notices, 'notice')}. The next delivery sends what is due."
    except (holds.NothingToHold, came_back.NotSent, NoSuchCase) as problem:
        fail(Exit.WRONG_CALL, str(problem))
    emit(report.model_dump(mode="json"), json_, lambda: words)


def list_held(given: Sequence[str], json_: bool) -> None:
    """List what waits, of all cases or of one, why and until when; of one case with each e-mail's text."""
    from casework.cases.references import reference_meant
    from casework.delivery.holds import held_notices
    from models.errors import NoSuchCase

    if len(given) > 1:
        fail(Exit.WRONG_CALL, "Expected at most one case: for example sendflow letters --held NX00042")
    context = open_installation("letters")
    try:
        case_ref = reference_meant(context, given[0]) if given else None
    except NoSuchCase as problem:
        fail(Exit.WRONG_CALL, str(problem))
    found = held_notices(context, case_ref)
    if json_ or case_ref is not None:  # both show what each e-mail says
        log_look(context, [each.case_ref for each in found], "letters")
    emit([each.model_dump(mode="json") for each in found], json_, lambda: _listing(found, case_ref is not None))


def _listing(found: Sequence[HeldNotice], whole: bool) -> str:
    if not found:
        return "Nothing waits for more than the next delivery."
    lines = [f"{counted(len(found), 'notice')} on hold or waiting:"]
    for each in found:
        why = WHY.get(each.why) or f"after the letter {each.why.removeprefix('after_').replace('_', ' ')}"
        until = f"until {each.until}" if each.until is not None else "no day yet"
        lines += [f"{each.case_ref}  to {each.mailbox or 'no address'}  {until}  {why}", f"    {each.subject}"]
        lines += [f"    {each.id}", *(f"    | {line}" for line in each.text.splitlines())] if whole else []
    lines.append(
        "To release: sendflow letters release CASE --actor WHO --reason WHY"
        if whole
        else "To read what they say: sendflow letters --held CASE"
    )
    return "\n".join(lines)
