"""Calls commands on simulated installations and records how each call ended."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from tests.contracts import surface

# The words that name each command now. A command that is renamed changes here only.
# The snapshots go by the neutral name.
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "adopt a rule pack": ("adopt",),
    "bodies": ("bodies",),
    "bulk": ("bulk",),
    "bundle": ("bundle",),
    "bundle cohort": ("bundle-cohort",),
    "calendar": ("calendar",),
    "case": ("case",),
    "check": ("check",),
    "child": ("child",),
    "copy to PostgreSQL": ("copy-to-postgresql",),
    "deliver": ("deliver",),
    "deployments": ("deployments",),
    "digest": ("digest",),
    "directory": ("directory",),
    "doctor": ("doctor",),
    "due": ("due",),
    "due soon": ("due-soon",),
    "erase": ("erase",),
    "explain": ("explain",),
    "files": ("files",),
    "findings": ("findings",),
    "holds": ("holds",),
    "import": ("import",),
    "join": ("join",),
    "joint review": ("joint-review",),
    "ladder": ("ladder",),
    "letters": ("letters",),
    "looks": ("looks",),
    "papers": ("papers",),
    "sample": ("sample",),
    "transitions": ("transitions",),
    "register": ("register",),
    "log": ("log",),
    "migrate": ("migrate",),
    "overdue": ("overdue",),
    "part": ("part",),
    "people": ("people",),
    "person": ("person",),
    "policy": ("policy",),
    "columns": ("columns",),
    "preview": ("preview",),
    "replies": ("replies",),
    "processes": ("processes",),
    "record": ("record",),
    "reset person key": ("reset-person-key",),
    "restore keys": ("restore-keys",),
    "retention": ("retention",),
    "rule pack adoptions": ("adoptions",),
    "rule pack dry run": ("dry-run",),
    "rules": ("rules",),
    "rulesets": ("rulesets",),
    "run a service": ("run",),
    "sen2": ("sen2",),
    "sign in": ("sign-in",),
    "account": ("account",),
    "confirm clock": ("confirm-clock",),
    "assign": ("assign",),
    "to decide": ("to-decide",),
    "subject access": ("subject-access",),
    "single sign-on": ("single-sign-on",),
    "law watch": ("law-watch",),
    "webhooks": ("webhooks",),
    "tokens": ("tokens",),
    "sweep": ("sweep",),
    "up": ("up",),
    "verifications": ("verifications",),
    "verify": ("verify",),
    "views": ("views",),
    "verify bundle": ("verify-bundle",),
}
# The data of these documents is a copy of configuration that the manifest freezes, or depends on the machine.
# Only their shape is frozen.
SHAPE_ONLY = frozenset(
    {
        "bodies",
        "bundle",
        "bundle cohort",
        "confirm clock",
        "columns",
        "directory",
        "doctor",
        "files",
        "log",
        "looks",
        "people",
        "subject access",
        "verifications",
        "verify bundle",
        "migrate",
        "policy",
        "processes",
        "rules",
        "sign in",
        "account",
        "tokens",
    }
)
# The values of these calls depend on the day of the machine or on the length of a text.
SHAPE_ONLY_CALLS = frozenset(
    {"explain: a file", "import: by a relay", "letters: held for a relay", "letters: released to a relay"}
)
ACTOR = ("--actor", "dco.team")


class Called(NamedTuple):
    """One call: the neutral name of its command, its further words, and how it ended."""

    command: str
    words: tuple[str, ...]
    ended: surface.Ended

    @property
    def document(self) -> Any:
        """The JSON on standard output: one document, or a list of one for each line."""
        try:
            return json.loads(self.ended.stdout)
        except json.JSONDecodeError:
            return [json.loads(line) for line in self.ended.stdout.splitlines()]

    @property
    def is_json(self) -> bool:
        """Whether a document was asked for and given."""
        return self.ended.stdout != "" and ("--json" in self.words or "--from" in self.words)

    @property
    def printed(self) -> str:
        """What standard output holds: nothing, a document or words."""
        return "nothing" if not self.ended.stdout else "document" if self.is_json else "words"


class Installation:
    """One installation whose calls are recorded by name."""

    def __init__(self, folder: Path, calls: dict[str, Called]) -> None:
        self.folder = folder
        self.home = folder / "var"
        self.calls = calls
        self.today = "2026-02-02"

    def call(
        self, name: str, command: str, *words: str, stub: AbstractContextManager[Any] | None = None, **environ: str
    ) -> Called:
        """Call a command on the present day and record it under a name of its own."""
        assert name not in self.calls, name
        given = {"SENDFLOW_HOME": str(self.home), "SENDFLOW_TODAY": self.today} | environ
        with stub or nullcontext():
            ended = surface.run(*COMMANDS[command], *words, **given)
        shown = tuple(word.replace(str(self.folder), "<folder>") for word in words)
        self.calls[name] = Called(command, shown, ended)
        return self.calls[name]

    def live(self, case: str, *facts: tuple[str, ...], today: str | None = None) -> None:
        """Record facts on their own days, or all of them on one day; each must be accepted."""
        for on, fact, *data in facts:
            self.today = today or on
            pairs = [word for pair in data for word in ("--data", pair)]
            given = {"SENDFLOW_HOME": str(self.home), "SENDFLOW_TODAY": self.today}
            ended = surface.run(*COMMANDS["record"], case, fact, "--on", on, *pairs, "--confirm-child", *ACTOR, **given)
            assert ended.code == 0, (fact, ended)

    def damage(self) -> None:
        """Change a recorded fact behind the program's back."""
        with sqlite3.connect(self.home / "sendflow.db") as records:
            records.execute("DROP TRIGGER fact_no_update")
            records.execute("UPDATE fact SET text = '{}' WHERE case_ref = 'NX90001' AND seq = 2")
        records.close()
