"""Performs an act: as a Prefect run where this house's server answers, and directly otherwise, saying so.

Purpose: `record`, `import`, `sweep`, `deliver`, `digest` and `verify` come through here. The core act is what counts:
it is done once in this process, whatever Prefect does before, during or after it. Prefect is looked for before it is
imported, so that without a server nothing of it is paid for.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from config.running_instance import find_server
from config.settings import fix_caller_environment
from models.errors import Refusal

if TYPE_CHECKING:
    from casework.context import AppContext


class Job(StrEnum):
    """What the house does, by the name that its runs bear."""

    RECORD = "record"
    IMPORT = "import"
    SWEEP = "sweep"
    DELIVER = "deliver"
    DIGEST = "digest"
    VERIFY = "verify"


class JobExecution:
    """One act with all that it needs, done at most once. What Prefect is shown of it is worked out elsewhere, from its
    report.
    """

    def __init__(self, act: Job, context: AppContext, given: dict[str, Any]) -> None:
        """Takes the core act's own arguments by name; nothing is done yet."""
        self.act = act
        self.context = context
        self.given = given
        self.begun = False
        self.report: Any = None
        self.problem: Exception | None = None

    def do(self, run: str | None) -> Any:
        """Does the act, `run` being the Prefect run's id. Asked again, it gives the same report or raises the same
        problem.
        """
        if not self.begun:
            self.begun = True
            began = time.monotonic()
            try:
                self.report = job_function(self.act)(self.context, run, **self.given)
            except Exception as problem:
                self.problem = problem
            self._note(time.monotonic() - began)
        if self.problem is not None:
            raise self.problem
        return self.report

    def _note(self, seconds: float) -> None:
        """One line in the journal, of words of our own and numbers."""
        from casework import job_log

        if self.problem is None:
            told = {name: getattr(self.report, name) for name in getattr(type(self.report), "model_fields", ())}
            job_log.note(self.context, self.act, "done", seconds, report=told)
            return
        job_log.note(
            self.context,
            self.act,
            "refused" if isinstance(self.problem, Refusal) else "broken",
            seconds,
            code=self.problem.code if isinstance(self.problem, Refusal) else type(self.problem).__name__,
        )


def job_function(act: Job) -> Callable[..., Any]:
    """Returns the core of an act as a function of house, run and its own arguments. Imported late: each act pays for
    itself only.
    """
    match act:
        case Job.RECORD:
            from casework.cases.record import record

            return lambda context, run, **given: record(context, run=run, **given)
        case Job.IMPORT:
            from casework.imports.tracker_import import import_file

            return lambda context, run, **given: import_file(context, run=run, **given)
        case Job.SWEEP:
            from casework.sweep import sweep

            return lambda context, run, **given: sweep(context, run=run, **given)
        case Job.DELIVER:
            from casework.delivery.deliver import deliver

            return lambda context, run, **given: deliver(context, run=run, **given)
        case Job.DIGEST:
            from casework.delivery.daily_digest import digest

            return lambda context, run, **given: digest(context, run=run, **given)
        case Job.VERIFY:
            from audit.verify import verify

            # It writes no fact, so no run stands in one.
            return lambda context, _run, **given: verify(context, **given)


def say_on_stderr(line: str) -> None:
    """Says one line where it does not disturb a JSON document."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def run_job(act: str, context: AppContext, *, say: Callable[[str], None] = say_on_stderr, **given: Any) -> Any:
    """Performs `act` and returns the core's report; `given` are the core act's own arguments (all but house and run) by
    name.

    Raises what the core raises. Prefect's own faults are said in one line and never undo or repeat the act.
    """
    work = JobExecution(Job(act), context, given)
    api_url = find_server(context.settings)
    if api_url is None:
        say(f"No Prefect server of this house answers, so {work.act} runs directly; nothing else is different.")
        return work.do(None)
    fix_caller_environment(context.settings, api_url)
    try:
        from flows.definitions import run_as_flow

        run_as_flow(work)
    except Exception as fault:
        if fault is not work.problem:
            what = "was finished without being shown there" if work.begun else "runs directly"
            say(f"Prefect could not show this run ({type(fault).__name__}); {work.act} {what}.")
    return work.do(None)
