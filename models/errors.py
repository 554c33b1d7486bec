"""The root of sendflow's own errors. [pure]

Every error whose message sendflow writes for a person derives from `SendflowError`: its message names no child and
repeats no value, so the command line may show it. Any other exception is shown by its class name only.
"""

from collections.abc import Sequence
from typing import ClassVar


class SendflowError(Exception):
    """A problem that sendflow explains in its message.

    `code` is a word for programs and logs. `exit_code` is how the command ends where nothing narrower handles the
    error: 1 refused, 2 wrong call, 3 not finished.
    """

    default_code: ClassVar[str] = "error"
    default_exit_code: ClassVar[int] = 3

    def __init__(self, message: str = "", *, code: str | None = None, exit_code: int | None = None) -> None:
        super().__init__(message) if message else super().__init__()
        self.code = code or self.default_code
        self.exit_code = self.default_exit_code if exit_code is None else exit_code


class Refusal(SendflowError):
    """The request is not accepted, for a reason that the message gives. Nothing failed and nothing was written."""

    default_code = "refused"
    default_exit_code = 1


class NoSuchCase(Refusal, LookupError):
    """The database has no case with that reference. The reference is not repeated: it may be a child's number."""

    default_code = "no_such_case"

    def __init__(self) -> None:
        super().__init__(
            "there is no such case: its reference is at the head of its letters, for example NX00042; sendflow overdue"
            " and sendflow due-soon list cases"
        )


class SeveralCases(NoSuchCase):
    """A reference that an authority gave to several cases, such as an assessment and its appeal."""

    default_code = "several_cases"

    def __init__(self, case_refs: Sequence[str]) -> None:
        shown = " and ".join(case_refs[:6]) + (f" and {len(case_refs) - 6} more" if len(case_refs) > 6 else "")
        SendflowError.__init__(self, f"that is the authority's reference of cases {shown}: give the reference of one")


class ConfigurationError(SendflowError, ValueError):
    """A setting or a configuration file cannot be used: the message names it, says what was expected, gives an
    example.
    """

    default_code = "configuration"


class DatabaseUnusable(SendflowError, RuntimeError):
    """The database cannot be used as it is. The message says what to do."""

    default_code = "database_unusable"


class NoInstallation(DatabaseUnusable):
    """There is no installation at the place that the settings name. Nothing was made there."""

    default_code = "no_installation"


class RulesetMismatch(DatabaseUnusable):
    """The database's active rule set is not the rule set of this program. The message names both."""

    default_code = "ruleset_mismatch"


class ServiceNotStarted(SendflowError, RuntimeError):
    """A process or server that sendflow needs cannot be started or reached. The message is one line for a person."""

    default_code = "not_started"
