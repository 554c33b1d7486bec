"""Every word of every file that names nothing: what `sendflow check` lists, and what `adopt` refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import config
from casework.rules.checks.ladder import (
    ladder_fact_problems,
    ladder_problems,
    letters_of,
    restricted_problems,
    rules_of,
)
from casework.rules.checks.loaded import files_in_force, letter_names, sources
from casework.rules.checks.places import (
    demo_problems,
    directory_problems,
    letter_field_problems,
    letter_problems,
    reaction_problems,
    tracker_problems,
)
from casework.rules.checks.problem import Problem, Source, unreadable
from casework.rules.checks.statute import owner_problems, statute_problems
from config.escalation_policy import load_escalation_policy
from config.law import Law, load_law
from config.own_files import unreadable as refused_files
from config.retention import load_retention
from config.rights import roles
from config.toml_reader import ConfigFault, own_file, read_toml, tables_of
from deadlines.working_calendar import load_calendar
from models.errors import ConfigurationError
from notifications.render import FOLDER, shelf
from statemachines.process import Process
from statemachines.registry import processes

SHIPPED = Path(config.__path__[0])


def problems(folders: Sequence[Path] = (SHIPPED,), home: Path | None = None, only: str | None = None) -> list[Problem]:
    """Every word that names nothing, in the files of these folders (a later one replaces files of an earlier one).

    `home`: SENDFLOW_HOME, with the installation's own files, such as ladder.toml and directory.toml. `only`: a process;
    only its own files are then checked. Raises ValueError from `define_process` for a machine that does not agree.
    """
    found: list[Problem] = []
    refused: list[Problem] = []
    try:
        law = load_law(*folders)
    except ConfigurationError as fault:
        # One wrong word makes the whole law unreadable; the shipped law says which words there are.
        refused.append(unreadable(fault))
        law = load_law()
    known, team = processes(), _roles(home)
    for folder, source in sources(files_in_force(folders, home), found):
        if only is None or source.process == only or (folder == "ladder" and source.name.endswith("/ladder.toml")):
            found += _of_file(folder, source, law, known, team)
    for process in known.values():
        if only in (None, process.name):
            found += reaction_problems(process, known, rules_of(law))
    found += _of_letters(law, only)
    return found or [*refused, *_readers(folders, home)]


def policy_problems(text: str, law: Law) -> list[Problem]:
    """Every word of a team's own escalation policy that names nothing. Raises ConfigFault for what is no TOML."""
    source = Source(Path("ladder.toml"), text, tables_of(text, "ladder.toml"))
    return list(_of_file("ladder", source, law, processes(), None))


def _roles(home: Path | None) -> frozenset[str] | None:
    """The roles of our team, also where another entry of the directory is wrong, which is a problem of its own.

    None where the file cannot be read: nobody then knows which roles there are.
    """
    own = own_file(home, "directory.toml") if home is not None else None
    try:
        roles = read_toml(own or SHIPPED / "directory.toml").get("team")
    except ConfigFault:
        return None
    return frozenset(roles if isinstance(roles, dict) else ())


def _of_file(
    folder: str, source: Source, law: Law, known: Mapping[str, Process], team: frozenset[str] | None
) -> Iterator[Problem]:
    try:
        if folder == "statute":
            yield from statute_problems(source, known, rules_of(law))
            yield from owner_problems(source, team) if team is not None else ()
        elif folder == "ladder":
            yield from ladder_problems(source, rules_of(law), letters_of(letter_names()))
            yield from ladder_fact_problems(source, law, known)
            yield from restricted_problems(source, law, {each.name for each in known.values() if each.restricted})
        elif folder == "demo":
            yield from demo_problems(source, known)
        elif folder == "directory.toml":
            yield from directory_problems(source)
        else:
            yield from tracker_problems(source, known)
    except (AttributeError, TypeError):
        return  # a value of another form: the strict reader of the file says which


def _of_letters(law: Law, only: str | None) -> Iterator[Problem]:
    """What letters name: all of them, or those that the escalation policy of one process names."""
    named = _named_in(SHIPPED / "ladder" if only is None else SHIPPED / "ladder" / f"{only}.toml")
    for name, template in sorted(shelf().newest.items()):
        path = FOLDER / f"{name}-{template.version}.md"
        if only is None or name in named:
            yield from letter_problems(name, template.cites, path, rules_of(law))
        if name in named:
            yield from letter_field_problems(template, path)


def _named_in(file: Path) -> frozenset[str]:
    """The letters that the escalation policy, or one file of it, names; none of a file that its reader refuses."""
    try:
        return load_escalation_policy(file).templates if file.exists() else frozenset()
    except ConfigurationError:
        return frozenset()


def _readers(folders: Sequence[Path], home: Path | None) -> Iterator[Problem]:
    """What the strict readers of the files refuse, and processes whose class of records no file has."""
    over = [folder / "ladder" for folder in folders[1:]]
    for load in (
        lambda: load_calendar(*(folder / "almanac" for folder in folders)),
        lambda: load_escalation_policy(SHIPPED / "ladder", *over),
        roles,
        lambda: _classes(home),
    ):
        try:
            load()
        except ConfigurationError as fault:
            yield unreadable(fault)
    yield from map(unreadable, refused_files(home, "retention.toml"))


def _classes(home: Path | None) -> None:
    retention = load_retention(own_file(home, "retention.toml") if home is not None else None)
    for process in processes().values():
        for word in process.record_classes:
            retention.class_of(process.about, word)
