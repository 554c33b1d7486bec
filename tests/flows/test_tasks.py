"""The work of a step is done once, also if Prefect fails around it; Prefect gets no words of a fault."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from sqlalchemy.exc import OperationalError

from casework.steps import Step, run_step, shown_by
from config.process_environment import fix_prefect_environment
from config.settings import Settings


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with mock.patch.dict("os.environ"):
        fix_prefect_environment(Settings(home=tmp_path_factory.mktemp("var")))
        from flows import tasks

    return tasks


@pytest.fixture
def steps(tasks: Any, tmp_path: Path) -> Iterator[Any]:
    yield tasks.TaskSteps(Settings(home=tmp_path), "http://127.0.0.1:9/api", "run", "sweep")


def instead(tasks: Any, patch: pytest.MonkeyPatch, engine: Callable[[Callable[[], None]], None]) -> list[str]:
    """Puts an engine in place of Prefect's. Returns the exceptions that it sees."""
    noted: list[str] = []

    def run(_label: str, work: Callable[[], None], **_more: object) -> None:
        def listened() -> None:
            try:
                work()
            except Exception as problem:
                noted.append(f"{type(problem).__name__}: {problem}")
                raise

        engine(listened)

    patch.setattr(tasks, "_step", run)
    patch.setattr(tasks, "_step_again", run)
    return noted


def broken_before(_work: Callable[[], None]) -> None:
    raise ConnectionError


def broken_after(work: Callable[[], None]) -> None:
    work()
    raise ConnectionError


def twice(work: Callable[[], None]) -> None:
    for _ in range(2):
        try:
            work()
        except Exception:
            continue


@pytest.mark.parametrize("engine", [broken_before, broken_after, twice])
def test_a_step_is_done_once(
    tasks: Any, steps: Any, monkeypatch: pytest.MonkeyPatch, engine: Callable[[Callable[[], None]], None]
) -> None:
    instead(tasks, monkeypatch, engine)
    done: list[int] = []

    def work() -> int:
        done.append(1)
        return len(done)

    with shown_by(steps):
        assert run_step(Step("cases 1 to 2"), work) == 1
    assert done == [1]


def test_a_fault_is_raised_as_it_was_and_prefect_gets_its_kind_and_the_step(
    tasks: Any, steps: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = instead(tasks, monkeypatch, twice)

    def fault() -> None:
        raise ValueError("Zebediah was born on 1 May 2019")

    with shown_by(steps), pytest.raises(ValueError, match="Zebediah"):
        run_step(Step("rows on lines 2 to 9"), fault)
    assert noted and all(each.startswith("StepFailed: rows on lines 2 to 9: ValueError at ") for each in noted)
    assert "Zebediah" not in str(noted)


def test_a_database_that_was_away_is_asked_again_only_where_that_is_right(
    tasks: Any, steps: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = instead(tasks, monkeypatch, twice)
    answers = [OperationalError("SELECT", {}, Exception()), None]

    def away_once() -> str:
        if problem := answers.pop(0):
            raise problem
        return "done"

    with shown_by(steps):
        assert run_step(Step("cases 1 to 2", again=True), away_once) == "done"
    assert noted[0].startswith("_Away: ")
    assert tasks._step_again is not tasks._case_left


def test_the_tasks_store_nothing_and_repeat_what_may_be_repeated(tasks: Any) -> None:
    from prefect.cache_policies import NO_CACHE

    for task in (tasks._step, tasks._step_again, tasks._case_left):
        assert task.cache_policy == NO_CACHE and task.persist_result is False
    assert (tasks._step.retries, tasks._step_again.retries) == (0, 2)


def test_the_log_of_a_task_has_no_traceback(tasks: Any) -> None:
    """Prefect writes a line with one; its next line says how the task ended, in our words."""
    assert tasks
    noted: list[str] = []

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            noted.append(record.getMessage())

    log, notes = logging.getLogger("prefect.task_runs"), Notes()
    log.addHandler(notes)
    try:
        log.error("Task run failed with state: Failed(message='case NX90001')", exc_info=(None, None, None))
        log.error("Task run failed with exception: StepFailed('letters')", exc_info=(ValueError, ValueError(), None))
        log.error("Finished in state Failed('letters')")
    finally:
        log.removeHandler(notes)
    assert noted == ["Finished in state Failed('letters')"]


def test_without_a_listener_a_step_is_a_plain_call() -> None:
    assert run_step(Step("one"), lambda: 7) == 7
