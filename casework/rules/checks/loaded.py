"""What is checked whenever the rule set is loaded: the names in the escalation policy, and the facts of the rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from casework.rules.checks.ladder import ladder_problems, letters_of, rules_of
from casework.rules.checks.problem import Problem, Source, unreadable
from casework.rules.checks.statute import statute_problems
from config.escalation_policy import EscalationPolicy, EscalationPolicyError
from config.law import Law
from config.toml_reader import ConfigFault, layered, named, own_file, read_text, tables_of, topmost
from notifications.render import FOLDER, NAME


def ensure_named(law: Law, policy: EscalationPolicy, folders: Sequence[Path], home: Path) -> None:
    """Raise EscalationPolicyError if the policy names a rule or a letter that does not exist. It builds no machine."""
    letters, rules = letters_of(letter_names()), rules_of(law)
    if policy.templates <= letters.words and policy.rules <= rules.words:
        return
    for _folder, source in sources(files_in_force(folders, home, "ladder"), []):
        for problem in ladder_problems(source, rules, letters):
            if problem.why in (letters.why, rules.why):
                raise EscalationPolicyError(problem.sentence)
    odd = sorted((policy.templates - letters.words) | (policy.rules - rules.words))
    raise EscalationPolicyError(f"the escalation policy names {odd[0]}, which is no rule and no letter: sendflow rules")


def ensure_known_facts(law: Law, folders: Sequence[Path], name: str) -> None:
    """Raise ConfigFault if a rule names a fact that its process does not have: it would open no duty, for ever.

    Only the process `name` is built. `sendflow check` looks at all of them.
    """
    from statemachines.registry import processes  # a worklist needs no state machine, whose library is slow to import

    if all(rule.kinds <= processes()[name].facts.keys() for rule in law.duties_of(name)):
        return
    for _folder, source in sources(files_in_force(folders, None, "statute"), []):
        for problem in statute_problems(source, processes(), rules_of(law)):
            raise ConfigFault(problem.sentence)


def files_in_force(folders: Sequence[Path], home: Path | None, *only: str) -> Iterator[tuple[str, Path]]:
    """Each file in force, with the sort of what it has."""
    own = own_file(home, "ladder.toml") if home is not None else None
    sorts = only or ("statute", "ladder", "demo")
    for folder in sorts:
        if folder == "ladder" and own is not None:
            yield folder, own
        else:
            yield from ((folder, file) for file in layered(folders, folder))
    if not only:
        for name in ("directory.toml", "tracker.toml"):
            yield name, topmost((*folders, home) if home is not None else folders, name)


def sources(files: Iterator[tuple[str, Path]], found: list[Problem]) -> Iterator[tuple[str, Source]]:
    for folder, file in files:
        try:
            text = read_text(file)
            yield folder, Source(file, text, tables_of(text, named(file)))
        except ConfigFault as fault:
            found.append(unreadable(fault))


@cache
def letter_names() -> frozenset[str]:
    """Every letter, by the names of the files alone: reading them all costs as much as the rest of a command."""
    return frozenset(named[1] for path in FOLDER.iterdir() if (named := NAME.fullmatch(path.name)) and named[3] == "md")
