"""`sendflow bodies` and `sendflow directory`: the bodies of the directory, and its entries, added and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import Access, check_named_home, open_installation
from cli.options import Json, check_actor
from cli.output import Exit, emit, fail

if TYPE_CHECKING:
    from casework.context import AppContext
    from casework.month_change import MonthChange
    from casework.organisations import Entry, Proposal
    from config.directory import Directory
    from config.directory_entries import Body
    from config.directory_forms import Question, Value
    from config.escalation_policy import EscalationPolicy

EXAMPLE = "Example: sendflow directory set provides QX101.2 last_day=2027-03-31 successor=QX103 --actor dco.team"


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("bodies")(bodies)
    app.command("directory")(directory)


def bodies(json_: Json = False) -> None:
    """List the bodies of the directory: code, name, role and the services that each provides.

    Of a body that did not always exist, or was abolished, also its first and last day and its successor.
    """
    from config.directory import load_directory
    from config.settings import Settings
    from config.toml_reader import own_file

    check_named_home()
    directory = load_directory(own_file(Settings.read().home, "directory.toml"))
    document = [each.model_dump(mode="json") for each in directory.bodies]
    emit(document, json_, lambda: "\n".join(_listed(each) for each in directory.bodies))


def directory(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[set SORT KEY FIELD=VALUE ... | try SORT KEY FIELD=VALUE ... | confirm ID MAILBOX=CODE ...]",
            help="set adds or changes an entry; try says what it would do; confirm gives the codes of test messages.",
        ),
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="The account name of the person who does this.")] = None,
    json_: Json = False,
) -> None:
    """List the entries of the directory by sort and key, or add or change one.

    A new entry has the key `new`, or QX101.new for a service of QX101. A service ends by its last_day. A change that
    brings a new mailbox waits until `confirm` has the code of its test message. `try` exits with 1 if a letter would
    reach nobody.
    """
    given = arguments or []
    if not given:
        shown = _entries(open_installation("directory").directory)
        emit(shown, json_, lambda: "\n".join(f"{each['sort']} {each['key']}: {each['name']}" for each in shown))
        return
    values = _values(given[3:] if given[0] in ("set", "try") else given[2:])
    if given[0] == "confirm" and len(given) >= 3 and actor is not None:
        _confirm(given[1], values, check_actor(actor), json_)
    elif given[0] == "try" and len(given) >= 4:
        _try(given[1], given[2], values, json_)
    elif given[0] == "set" and len(given) >= 4 and actor is not None:
        _set(given[1], given[2], values, check_actor(actor), json_)
    else:
        fail(Exit.WRONG_CALL, f"Expected set or try with a sort, a key and fields, or confirm; and --actor. {EXAMPLE}")


def month_in_words(rows: list[MonthChange], policy: EscalationPolicy) -> list[str]:
    """The e-mails of the next four weeks that would differ."""
    from config.step_words import step_name
    from config.text import counted, short_day

    if not rows:
        return ["No e-mail of the next four weeks would differ, if nothing else is recorded."]
    said = {
        "sent": "more",
        "withheld": "fewer",
        "another_day": "on another day",
        "another_mailbox": "to another mailbox",
    }
    lines = ["E-mails of the next four weeks that would differ, if nothing else is recorded:"]
    for row in rows:
        to, named = row.mailbox_then or row.mailbox or "nobody", step_name(row.rung, policy)
        lines.append(
            f"{row.letters} {said[row.what]}, on {counted(row.cases, 'case')}: {named} to the"
            f" {_words(row.recipient)} ({to}), {short_day(row.first)} to {short_day(row.last)}"
        )
    return lines


def _words(word: str) -> str:
    return word.replace("_", " ")


def _set(sort: str, key: str, values: dict[str, str], by: str, json_: bool) -> None:
    from casework.organisations import record_entry
    from casework.own_file_changes import WrongChange
    from config.directory_forms import EntryError

    context = open_installation("directory", access=Access.CHANGES)
    try:
        waits = record_entry(context, _entry(context, sort, key, values), by, "directory")
    except (EntryError, WrongChange) as problem:
        fail(Exit.REFUSED, _said(problem))
    text = (
        "The change is recorded, and in force on every machine."
        if waits is None
        else (
            f"Nothing is changed yet. Test messages were sent: the change counts once you give their codes within seven"
            f" days, as in sendflow directory confirm {waits} MAILBOX=123456 --actor {by}"
        )
    )
    emit({"recorded": waits is None, "waits": waits}, json_, lambda: text)


def _try(sort: str, key: str, values: dict[str, str], json_: bool) -> None:
    from casework.organisations import propose
    from casework.own_file_changes import WrongChange
    from config.directory_forms import EntryError

    context = open_installation("directory")
    try:
        found: Proposal = propose(context, _entry(context, sort, key, values))
    except (EntryError, WrongChange) as problem:
        fail(Exit.REFUSED, _said(problem))
    month = [row.model_dump(mode="json") for row in found.month]
    document = {"problems": found.problems, "test_messages_to": found.to_test, "month": month}
    lines = [*found.problems, *month_in_words(found.month, context.escalation_policy)]
    lines += [f"A test message would go to {each}." for each in found.to_test]
    emit(document, json_, lambda: "\n".join(["Nothing was recorded.", *lines]))
    if found.problems:
        raise typer.Exit(Exit.REFUSED)


def _confirm(id_: str, codes: dict[str, str], by: str, json_: bool) -> None:
    from casework.organisations import confirm
    from casework.own_file_changes import WrongChange
    from config.directory_forms import EntryError

    try:
        confirm(open_installation("directory", access=Access.CHANGES), id_, codes, by, "directory")
    except (WrongChange, EntryError) as problem:
        fail(Exit.REFUSED, _said(problem))
    emit({"recorded": True, "waits": None}, json_, lambda: "The change is recorded, and in force on every machine.")


def _said(problem: Exception) -> str:
    from config.directory_forms import EntryError

    field = f"{problem.field}: " if isinstance(problem, EntryError) and problem.field else ""
    return f"Nothing was changed. {field}{problem}. {EXAMPLE}"


def _values(given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not sign or not name:
            fail(Exit.WRONG_CALL, f"Expected a field and its value, as in last_day=2027-03-31. {EXAMPLE}")
        found[name] = value.strip()
    return found


def _entry(context: AppContext, sort: str, key: str, values: dict[str, str]) -> Entry:
    """The entry that is asked for: what it says now, with these values. Ends the command for an unknown field."""
    from casework.organisations import MAILBOX, Entry
    from config.directory_forms import SORTS, EntryError, questions, stored

    if sort == MAILBOX:
        return Entry(sort, key, dict(values))
    if sort not in SORTS:
        fail(Exit.WRONG_CALL, f"There is no such sort: expected one of {', '.join([*SORTS, MAILBOX])}. {EXAMPLE}")
    try:
        asked = {each.name: each for each in questions(context.directory, sort, key)}
        known = stored(context.directory, sort, key)
    except EntryError as problem:
        fail(Exit.WRONG_CALL, f"{str(problem)[0].upper()}{str(problem)[1:]}: sendflow directory lists the keys")
    if unknown := sorted(values.keys() - asked.keys()):
        fail(Exit.WRONG_CALL, f"There is no field {unknown[0]} here: expected some of {', '.join(asked)}. {EXAMPLE}")
    return Entry(sort, key, {**known, **{name: _value(asked[name], value) for name, value in values.items()}})


def _value(question: Question, value: str) -> Value:
    from cli.options import parse_day

    if question.kind == "day":
        return parse_day(value, question.name) if value else None
    if question.kind in ("list", "boxes"):
        return [each.strip() for each in value.split(",") if each.strip()]
    return value or None


def _entries(directory: Directory) -> list[dict[str, str]]:
    """Every entry with its sort, its key and what it is called."""
    from config.directory_edit import mailboxes

    found = [("icb", "icb", directory.icb.name)]
    found += [("la", word, each.name) for word, each in directory.la.items()]
    found += [("service", word, each.name) for word, each in directory.service.items()]
    found += [("team", word, each.name) for word, each in directory.team.items()]
    for body in directory.body_:
        found.append(("body", body.body, body.name))
        for number, given in enumerate(body.provides, 1):
            found.append(("provides", f"{body.body}.{number}", f"{body.name}: {directory.service_name(given.service)}"))
    for number, person in enumerate(directory.person, 1):
        found.append(("person", str(number), f"{person.name}, {person.role}"))
        for place, away in enumerate(person.absence, 1):
            found.append(("absence", f"{number}.{place}", f"{person.name}, {away.first_day} to {away.last_day}"))
    found += [("mailbox", each.place.word, each.whose) for each in mailboxes(directory)]
    return [{"sort": sort, "key": key, "name": name} for sort, key, name in found]


def _listed(each: Body) -> str:
    from config.text import full_day

    services = ", ".join(each.services) or "gives no advice itself"
    line = f"{each.body}  {each.name} ({each.role.replace('_', ' ')}): {services}"
    if each.first_day is not None:
        line += f"; from {full_day(each.first_day)}"
    if each.last_day is not None:
        line += f"; until {full_day(each.last_day)}, then {each.successor or 'no successor named'}"
    return line
