"""The jobs of sendflow: record, import, sweep, deliver, replies, digest, verify, alert, retention. Knows no Prefect."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from models.acting import acting, who
from models.errors import Refusal

if TYPE_CHECKING:
    from casework.context import AppContext


class Job(StrEnum):
    """The jobs, by the name that their Prefect runs have."""

    RECORD = "record"
    IMPORT = "import"
    SWEEP = "sweep"
    DELIVER = "deliver"
    REPLIES = "replies"
    DIGEST = "digest"
    VERIFY = "verify"
    ALERT = "alert"
    RETENTION = "retention"


class JobExecution:
    """One execution of a job, with all its arguments. The job runs at most once, however often it is asked for."""

    def __init__(self, job: Job, context: AppContext, arguments: dict[str, Any], *, unseen: bool = False) -> None:
        """Take the arguments of the job's function by name. Nothing runs yet. `unseen`: it is in no log of jobs."""
        self.unseen = unseen
        self.job = job
        self.context = context
        self.arguments = arguments
        self.who = who()
        self.started = False
        self.report: Any = None
        self.problem: Exception | None = None

    def execute(self, run: str | None) -> Any:
        """Execute the job and return its report; `run` is the id of the Prefect run.

        A second call returns the same report, or raises the same exception, without a second execution.
        """
        if not self.started:
            self.started = True
            began = time.monotonic()
            try:
                with acting(self.who):  # Prefect may run it in another thread
                    self.report = job_function(self.job)(self.context, run, **self.arguments)
            except Exception as problem:
                self.problem = problem
            if not (self.unseen or self._records_restricted()):
                self._log(time.monotonic() - began)
        if self.problem is not None:
            raise self.problem
        return self.report

    def is_restricted(self) -> bool:
        """Whether the job is about one case that Prefect may not name: of a restricted process, or withheld."""
        if self.job not in (Job.RECORD, Job.VERIFY):
            return False
        from casework.reports.restricted import is_restricted

        kinds = [draft.kind for draft in self.arguments.get("drafts") or ()]
        return is_restricted(self.context, self.arguments.get("case"), kinds)

    def _records_restricted(self) -> bool:
        """Whether it records on a restricted case, of which the log of jobs has no line."""
        if self.job is not Job.RECORD or not self.context.restricted:
            return False
        from casework.reports.restricted import is_of_restricted_process

        kinds = [draft.kind for draft in self.arguments.get("drafts") or ()]
        return is_of_restricted_process(self.context, self.arguments.get("case"), kinds)

    def _log(self, seconds: float) -> None:
        """Write one line in the job log: words of our own and numbers."""
        from casework import job_log

        if self.problem is None:
            fields = {name: getattr(self.report, name) for name in getattr(type(self.report), "model_fields", ())}
            job_log.note(self.context, self.job, "done", seconds, report=fields)
            return
        job_log.note(
            self.context,
            self.job,
            "refused" if isinstance(self.problem, Refusal) else "broken",
            seconds,
            code=self.problem.code if isinstance(self.problem, Refusal) else type(self.problem).__name__,
        )


def job_function(job: Job) -> Callable[..., Any]:
    """Return the function of a job. It takes the context, the id of the Prefect run, and the job's own arguments.

    The imports are lazy for start-up time: a command imports the code of its own job only.
    """
    match job:
        case Job.RECORD:
            from casework.cases.record import record

            return lambda context, run, **arguments: record(context, run=run, **arguments)
        case Job.IMPORT:
            from casework.imports.tracker_import import import_file

            return lambda context, run, **arguments: import_file(context, run=run, **arguments)
        case Job.SWEEP:
            from casework.sweep import sweep

            return lambda context, run, **arguments: sweep(context, run=run, **arguments)
        case Job.DELIVER:
            from casework.delivery.deliver import deliver

            return lambda context, run, **arguments: deliver(context, run=run, **arguments)
        case Job.DIGEST:
            from casework.delivery.daily_digest import digest

            return lambda context, run, **arguments: digest(context, run=run, **arguments)
        case Job.REPLIES | Job.VERIFY | Job.ALERT | Job.RETENTION:
            return _without_facts(job)


def _without_facts(job: Job) -> Callable[..., Any]:
    """Return the function of a job whose facts name no run: it records none, or several readers take turns."""
    if job is Job.REPLIES:
        from casework.mailbox.read import read_replies

        return lambda context, _run, **arguments: read_replies(context, **arguments)
    if job is Job.ALERT:
        from flows.alerts import raise_alert

        return lambda context, _run, **arguments: raise_alert(context, **arguments)
    if job is Job.RETENTION:
        from casework.privacy.ripe_list import list_ripe

        return lambda context, _run, **arguments: list_ripe(context, **arguments)
    return _verify


def _verify(context: AppContext, _run: str | None, **arguments: Any) -> Any:
    """Verify everything, one case, or the shard of one worker."""
    if "part" in arguments:
        from audit.workers import verify_shard

        return verify_shard(context, arguments["ticket"], arguments["part"])
    from audit.verify import verify_and_store

    return verify_and_store(context, **arguments)
