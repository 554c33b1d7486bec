"""One root of errors: each has a code and an exit code, and the command line shows its message."""

import importlib
import inspect
import pkgutil

import pytest

from casework.cases.validation import Refused
from cli import _plain
from config.escalation_policy import EscalationPolicyError
from models.encryption import WrongKey
from models.errors import SendflowError
from statemachines.process import NotPermitted

PACKAGES = ("audit", "casework", "config", "deadlines", "models", "notifications", "runtime", "statemachines")
# The verifier in a bundle and the witness are programs of their own: they have no root of errors.
STANDALONE = {"BundleError", "NoteError"}
# These never leave the module that raises them: they undo a transaction, end a process, or mark one cell.
INTERNAL = {"Doubt", "Stopped", "TakenByAnotherRun", "_DryRun", "_Undo", "_Undone"}


def exception_classes() -> list[type[Exception]]:
    found: set[type[Exception]] = set()
    for package in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if ".migrations" in module.name:
                continue
            members = inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
            found |= {kind for _name, kind in members if issubclass(kind, Exception) and kind.__module__ == module.name}
    return sorted(found, key=lambda kind: kind.__name__)


def test_every_error_derives_from_the_one_root() -> None:
    strangers = {kind.__name__ for kind in exception_classes() if not issubclass(kind, SendflowError)}
    assert strangers == INTERNAL | STANDALONE


def test_every_error_has_a_code_and_an_exit_code() -> None:
    for kind in exception_classes():
        if issubclass(kind, SendflowError):
            assert kind.default_code.replace("_", "").isalpha(), kind
            assert kind.default_exit_code in (1, 2, 3), kind


@pytest.mark.parametrize(
    ("problem", "code", "exit_code"),
    [
        (EscalationPolicyError("ladder.toml: what is wrong"), "escalation_policy", 3),
        (WrongKey("person.key is another key"), "person_key", 3),
        (NotPermitted(4, "plan_refused", "plan_refused is not possible"), "not_permitted", 3),
        (Refused("unlawful", "not possible on that day"), "unlawful", 1),
        (Refused("unknown_field", "no such field", wrong_call=True), "unknown_field", 2),
    ],
)
def test_the_command_line_shows_the_message_of_an_error(problem: SendflowError, code: str, exit_code: int) -> None:
    assert str(problem) != ""
    assert _plain(problem).partition(". To check every file: ")[0] == str(problem)
    assert (problem.code, problem.exit_code) == (code, exit_code)


def test_the_command_line_shows_any_other_exception_by_its_class_only() -> None:
    assert "Zebediah" not in _plain(RuntimeError("Zebediah was born on 1 May 2019"))
