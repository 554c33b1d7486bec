"""Files that were sent to be imported: encrypted, recorded once after any fault, deleted, and seen by one account."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from audit.verify import verify
from casework.context import AppContext
from casework.imports import staged as files
from casework.imports import work
from casework.imports.raw_rows import SheetError
from casework.imports.row_choices import Answers
from casework.imports.staged import NoSuchImport, Staged, State, TooMany, real_now
from casework.imports.tracker_import import import_file
from casework.imports.work import work_on
from models.database import reading
from models.tables import DATA_KEY, STAGED_IMPORT
from tests.support.team import Team
from tests.support.trackers import SOUND, TODAY, scalar, tracker

NAME = "Canary Featherstone"
WHO = "dco.team"


@pytest.fixture
def context(team: Team) -> AppContext:
    return team.context(TODAY)


def rows_of(number: int) -> list[Mapping[str, str]]:
    return [SOUND | {"Ref": f"AB{n:03}", "NHS number": "", "Name": NAME} for n in range(number)]


def sent(context: AppContext, folder: Path, *rows: Mapping[str, str]) -> Staged:
    id_ = files.stage(context, tracker(folder, *rows).read_bytes(), WHO, real_now())
    assert work_on(context, id_, WHO)
    return files.one_of(context, id_, WHO)


def stored(context: AppContext) -> str:
    with reading(context.engine) as connection:
        return repr(connection.execute(select(STAGED_IMPORT)).all())


def keys(context: AppContext) -> list[str]:
    with reading(context.engine) as connection:
        return list(connection.scalars(select(DATA_KEY.c.subject).where(DATA_KEY.c.subject.like("import/%"))))


def test_a_sent_file_is_tried_and_then_recorded_and_deleted(context: AppContext, tmp_path: Path) -> None:
    staged = sent(context, tmp_path, *rows_of(3), SOUND | {"Ref": "AB999", "Assess?": "perhaps", "Name": NAME})
    trial = files.trial_of(context, staged.id)
    assert trial is not None and (staged.state, staged.rows, trial.report.accepted) == (State.READ, 4, 3)
    assert scalar(context, "SELECT count(*) FROM fact") == 0
    assert NAME not in stored(context) and "perhaps" not in stored(context)
    files.begin(context, staged)
    assert work_on(context, staged.id, WHO)
    done = files.one_of(context, staged.id, WHO)
    found = files.recorded_of(context, staged.id)
    assert found is not None and done.state == State.RECORDED and done.rows_done == 4
    assert done.facts == found.report.facts_added == scalar(context, "SELECT count(*) FROM fact")
    assert [row.line for row in found.rows] == [5] and found.report.refusals == []
    assert files.content_of(context, staged.id) is None and NAME not in stored(context)
    files.end(context, done)
    assert (keys(context), files.listed(context)) == ([], [])
    assert verify(context).intact


def test_an_answer_is_stored_encrypted_and_the_file_is_read_again(context: AppContext, tmp_path: Path) -> None:
    staged = sent(context, tmp_path, SOUND | {"Assess?": "perhaps", "Name": NAME})
    files.answer(context, staged, Answers().with_row((1, 2), {"assess": "Yes", "name": NAME}, None))
    assert NAME not in stored(context)
    assert work_on(context, staged.id, WHO)
    trial = files.trial_of(context, staged.id)
    assert trial is not None and trial.rows == []


def test_a_process_that_is_killed_in_the_middle_leaves_the_rest_to_the_next(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Ends the process in the middle of its work."""

    staged = sent(context, tmp_path, *rows_of(5))
    files.begin(context, staged)
    note = work._Recording.noted

    def killed(watcher: work._Recording, *said: object) -> None:
        note(watcher, *said)  # type: ignore[arg-type]
        if said[1] == 4:
            raise Killed

    monkeypatch.setattr(work, "PIECE", 2)
    with monkeypatch.context() as patch:
        patch.setattr(work._Recording, "noted", killed)
        with pytest.raises(Killed):
            work_on(context, staged.id, WHO)
    half = files.one_of(context, staged.id, WHO)
    assert (half.state, half.rows_done) == (State.RECORDING, 2)
    assert half.facts == scalar(context, "SELECT count(*) FROM fact") > 0
    assert not work_on(context, staged.id, WHO), "the lease of the killed process still runs"
    assert files.left_over(context, real_now()) == []
    later = real_now() + work.LEASE + timedelta(seconds=1)
    assert files.left_over(context, later) == [(staged.id, WHO)]
    monkeypatch.setattr(work, "real_now", lambda: later)
    assert work_on(context, staged.id, WHO)
    done = files.recorded_of(context, staged.id)
    assert done is not None and done.report.facts_added == scalar(context, "SELECT count(*) FROM fact")
    assert scalar(context, "SELECT count(*) FROM case_file") == 5
    assert verify(context).intact


def test_a_database_that_was_away_in_the_middle_ends_no_import(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is there again when the fault is noticed. The lease ends, and the next process goes on: nobody is needed."""

    def away(*_said: object) -> None:
        raise OperationalError("COMMIT", {}, psycopg.OperationalError("server closed the connection unexpectedly"))

    staged = sent(context, tmp_path, *rows_of(2))
    files.begin(context, staged)
    with monkeypatch.context() as patch:
        patch.setattr(work._Recording, "noted", away)
        with pytest.raises(OperationalError):
            work_on(context, staged.id, WHO)
    assert files.one_of(context, staged.id, WHO).state == State.RECORDING
    monkeypatch.setattr(work, "real_now", lambda: real_now() + work.LEASE * 2)
    assert work_on(context, staged.id, WHO)
    assert scalar(context, "SELECT count(*) FROM case_file") == 2


def test_a_process_that_lost_its_lease_records_nothing_more(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = sent(context, tmp_path, *rows_of(4))
    files.begin(context, staged)
    monkeypatch.setattr(work, "PIECE", 2)
    first = work._Work(context, staged.id, WHO)
    assert first.lease()
    with monkeypatch.context() as patch:
        patch.setattr(work, "real_now", lambda: real_now() + work.LEASE * 2)
        second = work._Work(context, staged.id, WHO)
        assert second.lease()
    first.do(None)
    assert scalar(context, "SELECT count(*) FROM fact") == 0
    second.do(None)
    assert scalar(context, "SELECT count(*) FROM case_file") == 4


def test_the_same_file_of_two_people_and_of_the_command_is_recorded_once(context: AppContext, tmp_path: Path) -> None:
    one = sent(context, tmp_path, *rows_of(2))
    content = files.content_of(context, one.id)
    assert content is not None
    other = files.stage(context, content, "admin.team", real_now())
    work_on(context, other, "admin.team")
    for id_, account in ((one.id, WHO), (other, "admin.team")):
        files.begin(context, files.one_of(context, id_, account))
        files.begin(context, files.one_of(context, id_, account))
        work_on(context, id_, account)
        work_on(context, id_, account)
    facts = scalar(context, "SELECT count(*) FROM fact")
    second = files.recorded_of(context, other)
    assert second is not None and (second.report.facts_added, second.report.unchanged) == (0, 2)
    assert import_file(context, content).facts_added == 0
    assert scalar(context, "SELECT count(*) FROM fact") == facts


def test_only_the_account_that_sent_a_file_finds_it(context: AppContext, tmp_path: Path) -> None:
    staged = sent(context, tmp_path, SOUND)
    with pytest.raises(NoSuchImport):
        files.one_of(context, staged.id, "admin.team")
    assert [each.account for each in files.listed(context)] == [WHO]


def test_a_file_is_deleted_with_its_key_after_three_days(context: AppContext, tmp_path: Path) -> None:
    staged = sent(context, tmp_path, SOUND)
    assert files.delete_old(context, real_now() + files.KNOWN_FOR - timedelta(minutes=1)) == 0
    assert files.delete_old(context, real_now() + files.KNOWN_FOR + timedelta(minutes=1)) == 1
    assert (files.listed(context), keys(context)) == ([], [])
    with pytest.raises(NoSuchImport):
        files.begin(context, staged)


def test_a_bad_file_a_large_one_and_too_many_are_refused_and_stored_nowhere(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bad in (b"", b"nothing like it", b"PK\x03\x04"):
        with pytest.raises(SheetError):
            files.stage(context, bad, WHO, real_now())
    with monkeypatch.context() as patch:
        patch.setattr(files, "LARGEST", 10)
        with pytest.raises(SheetError, match="larger than"):
            files.stage(context, tracker(tmp_path, SOUND).read_bytes(), WHO, real_now())
    assert files.listed(context) == []
    for _number in range(files.MOST_OF_AN_ACCOUNT):
        sent(context, tmp_path, SOUND)
    with pytest.raises(TooMany):
        sent(context, tmp_path, SOUND)


def test_a_fault_is_stored_by_its_class_and_the_work_begins_again(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = sent(context, tmp_path, SOUND)
    files.begin(context, staged)

    def broken(*_given: object, **_choices: object) -> None:
        raise RuntimeError(NAME)

    with monkeypatch.context() as patch:
        patch.setattr(work, "import_file", broken)
        with pytest.raises(RuntimeError):
            work_on(context, staged.id, WHO)
    failed = files.one_of(context, staged.id, WHO)
    assert failed.state == State.FAILED and failed.problem == "a fault ended the work (RuntimeError)"
    files.begin(context, failed)
    work_on(context, staged.id, WHO)
    assert files.one_of(context, staged.id, WHO).state == State.RECORDED


def test_a_file_whose_key_is_gone_says_what_to_do(context: AppContext, tmp_path: Path) -> None:
    staged = sent(context, tmp_path, SOUND)
    with context.engine.begin() as connection:
        connection.execute(DATA_KEY.delete().where(DATA_KEY.c.subject.like("import/%")))
    assert files.trial_of(context, staged.id) is None
    files.read_again(context, staged)
    work_on(context, staged.id, WHO)
    assert "send it again" in str(files.one_of(context, staged.id, WHO).problem)
    files.end(context, files.one_of(context, staged.id, WHO))
