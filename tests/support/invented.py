"""Adds an invented process to the registry for as long as a test runs, with rules of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from statemachines import registry
from statemachines.process import Process
from tests.support.team import Team


@contextmanager
def registered(process: Process) -> Iterator[None]:
    """The registry has this process too, whose name no other process has."""
    known = registry.processes()
    assert isinstance(known, registry.Processes)
    assert process.name not in known
    known._names.append(process.name)
    known._built[process.name] = process
    caches = (registry.opened_by, registry.reactions_to)
    try:
        for cache in caches:
            cache.cache_clear()
        yield
    finally:
        known._names.remove(process.name)
        del known._built[process.name]
        for cache in caches:
            cache.cache_clear()


def with_rules(team: Team, folder: Path, name: str, rules: str, ladder: str = "") -> Team:
    """The team's installation with the statute file of an invented process, and its escalation policy."""
    for part, text in (("statute", rules), ("ladder", ladder)):
        if text:
            (folder / part).mkdir(parents=True, exist_ok=True)
            (folder / part / f"{name}.toml").write_text(text, "utf-8")
    team.first = team.first.with_rule_pack(folder)
    return team
