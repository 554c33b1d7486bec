"""Runs a job as a Prefect run if this installation's server answers, and directly otherwise.

The job is executed once in this process, even if Prefect fails before, during or after it. Prefect is imported only
after its server has answered, because the import takes longer than most jobs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from config.process_environment import fix_caller_environment
from config.running_instance import find_server
from flows.jobs import Job, JobExecution

if TYPE_CHECKING:
    from casework.context import AppContext


def print_to_stderr(line: str) -> None:
    """Print one line on standard error, where it does not disturb a JSON document."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def run_job(job: str, context: AppContext, *, say: Callable[[str], None] = print_to_stderr, **arguments: Any) -> Any:
    """Run a job and return its report. `arguments` are the arguments of the job's function, without context and run.

    A job about a case that Prefect may not name is no run. Raises what the job raises. A fault of Prefect is reported
    in one line and never undoes or repeats the job.
    """
    execution = JobExecution(Job(job), context, arguments)
    api_url = find_server(context.settings)
    if api_url is None:
        say(f"Prefect is not running, so this {execution.job} is not shown in the Prefect UI. The result is the same.")
        return execution.execute(None)
    if execution.is_restricted():
        return execution.execute(None)
    fix_caller_environment(context.settings, api_url)
    try:
        from flows.definitions import run_as_flow  # lazy: imports Prefect

        run_as_flow(execution)
    except Exception as fault:
        if fault is not execution.problem:
            outcome = "is finished but not shown there" if execution.started else "runs without it"
            say(f"Prefect could not show this run ({type(fault).__name__}). The {execution.job} {outcome}.")
    return execution.execute(None)


def run_unseen(job: str, context: AppContext, *, say: Callable[[str], None], **arguments: Any) -> Any:
    """Run a job that only restricted cases call for: no run and no line in the log of jobs says that it ran."""
    del say  # as `run_job` is called
    return JobExecution(Job(job), context, arguments, unseen=True).execute(None)
