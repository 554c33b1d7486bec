"""Each child, case and mail has a data key; what an erasure deletes no copy of the database decrypts any more."""

from __future__ import annotations

import signal
from pathlib import Path
from shutil import copyfile

import pytest
from sqlalchemy import delete, insert, select, update

from casework.context import AppContext
from casework.privacy.access import read_person
from casework.privacy.erasure import Ground
from config.settings import Settings
from models.change_log import log_keys
from models.data_keys import OLDER_VALUES, DataKeyMissing, DataKeys, case_subject, child_subject
from models.database import open_engine, reading, writing
from models.encryption import BOUND, KEYED, EncryptionError
from models.key_checks import DataKeysMissing, encrypted_values
from models.people import child_keys, person_of
from models.tables import DATA_KEY, FREE_TEXT, PERSON
from tests.support import fork_server
from tests.support.erasing import erase
from tests.support.team import Team

TODAY = "2 Mar 2026"
NOTES = ("The parents rang.", "A second note.")
FIRST, SECOND = "NX90001", "NX90002"


@pytest.fixture
def two(team: Team) -> Team:
    """Two children, each with a case and a free text."""
    for case, number, note in ((FIRST, "999 000 0018", NOTES[0]), (SECOND, "999 123 4500", NOTES[1])):
        team.record("2 Feb 2026", "ehc_assessment_requested", case=case, la="northshire", nhs_number=number)
        team.record(TODAY, "health_advice_requested", case=case, service="physiotherapy", note=note)
    return team


def subjects(team: Team) -> set[str]:
    with reading(team.first.engine) as connection:
        return set(connection.scalars(select(DATA_KEY.c.subject)))


def test_each_child_and_each_case_has_a_key_of_its_own(two: Team) -> None:
    with reading(two.first.engine) as connection:
        children = child_keys(connection, [FIRST, SECOND])
        values = [bytes(value) for place, value in encrypted_values(connection) if place.table != "mac_key"]
        wrapped = set(connection.scalars(select(DATA_KEY.c.wrapped)))
    assert subjects(two) == {*map(child_subject, children.values()), case_subject(FIRST), case_subject(SECOND)}
    assert len(wrapped) == 4 and all(value.startswith(KEYED) for value in values)


def test_no_copy_of_before_an_erasure_decrypts_with_the_keys_of_after_it(two: Team, tmp_path: Path) -> None:
    two.first.engine.dispose()
    copy = tmp_path / "copy.db"
    copyfile(two.home / "sendflow.db", copy)
    before = open_engine(f"sqlite:///{copy}")
    with reading(before) as connection:
        person = person_of(connection, two.first.cipher, FIRST)
    assert person is not None and person["nhs_number"] == "999 000 0018"
    erase(two.context(TODAY), FIRST, "dco.team", Ground.COURT_ORDER)
    with reading(two.first.engine) as connection:
        keys = connection.execute(select(DATA_KEY)).all()
    with before.begin() as connection:
        connection.execute(delete(DATA_KEY))
        connection.execute(insert(DATA_KEY), [row._asdict() for row in keys])
    with reading(before) as connection:
        for place, value in encrypted_values(connection):
            of_erased = place.case == FIRST or place.key == _child(two, FIRST)
            assert DataKeys(connection, two.first.cipher).opens(value, place) is not of_erased, place.table
        with pytest.raises(DataKeyMissing, match="sendflow restore-keys"):
            person_of(connection, two.first.cipher, FIRST)
        other = person_of(connection, two.first.cipher, SECOND)
    assert other is not None and other["nhs_number"] == "999 123 4500"
    before.dispose()


def _child(team: Team, case: str) -> str:
    with reading(team.first.engine) as connection:
        return child_keys(connection, [case])[case]


def test_the_keys_of_an_erased_child_are_in_no_file(two: Team) -> None:
    gone = {child_subject(_child(two, FIRST)), case_subject(FIRST)}
    with reading(two.first.engine) as connection:
        wrapped = [bytes(row.wrapped) for row in connection.execute(select(DATA_KEY)) if row.subject in gone]
    assert len(wrapped) == 2
    erase(two.context(TODAY), FIRST, "dco.team", Ground.COURT_ORDER)
    assert not gone & subjects(two) and two.verify(TODAY).intact
    two.first.engine.dispose()
    for path in two.home.rglob("*"):
        if path.is_file():
            assert not any(each in path.read_bytes() for each in wrapped), path.name


def test_a_database_without_its_data_keys_does_not_open(two: Team) -> None:
    with writing(two.first.engine) as connection:
        connection.execute(delete(DATA_KEY))
    two.first.engine.dispose()
    with pytest.raises(DataKeysMissing, match="restored from a backup"):
        AppContext.load(two.first.settings)


@pytest.mark.parametrize("change", ["exchanged", "altered", "deleted"])
def test_a_key_that_was_exchanged_altered_or_deleted_is_found_by_verification(two: Team, change: str) -> None:
    one, other = (child_subject(_child(two, case)) for case in (FIRST, SECOND))
    with writing(two.first.engine) as connection:
        rows = {row.subject: bytes(row.wrapped) for row in connection.execute(select(DATA_KEY))}
        if change == "deleted":
            connection.execute(delete(DATA_KEY).where(DATA_KEY.c.subject == one))
        else:
            fresh = rows[other] if change == "exchanged" else bytes([*rows[one][:-1], rows[one][-1] ^ 1])
            connection.execute(update(DATA_KEY).where(DATA_KEY.c.subject == one).values(wrapped=fresh))
    assert [each.what for each in two.verify(TODAY).damage] == ["person"]
    with pytest.raises(EncryptionError):
        read_person(two.context(TODAY), FIRST, "dco.team", "contact")


def as_before_revision_026(team: Team) -> None:
    """Encrypt every value with person.key alone, as revision 025 did."""
    cipher = team.first.cipher
    with writing(team.first.engine) as connection:
        keys = DataKeys(connection, cipher)
        for place, value in list(encrypted_values(connection)):
            if place.table == "mac_key":
                continue
            table = PERSON if place.table == "person" else FREE_TEXT
            (key,) = table.primary_key
            older = cipher.encrypt(keys.decrypt(value, place), place)
            connection.execute(update(table).where(key == place.key).values(sealed=older))
            log_keys(connection, table, [place.key], "2026-03-02T12:00:00.000000Z")
        connection.execute(delete(DATA_KEY))
        connection.execute(insert(DATA_KEY), [{"subject": OLDER_VALUES, "wrapped": b""}])


def forms(team: Team) -> list[bytes]:
    with reading(team.first.engine) as connection:
        values = encrypted_values(connection)
        return sorted(bytes(value)[:1] for place, value in values if place.table != "mac_key")


def test_older_values_get_data_keys_when_the_program_opens_the_database(two: Team) -> None:
    as_before_revision_026(two)
    assert forms(two) == [BOUND] * 4 and two.verify(TODAY).intact
    two.first.engine.dispose()
    context = AppContext.load(two.first.settings)
    assert forms(two) == [KEYED] * 4 and OLDER_VALUES not in subjects(two) and two.verify(TODAY).intact
    found = read_person(context, FIRST, "dco.team", "contact", with_free_text=True)
    assert found.nhs_number == "999 000 0018" and NOTES[0] in [each.words for each in found.words or []]
    context.engine.dispose()


KILLED = """
import os, signal, sys
from pathlib import Path
from casework.context import AppContext
from config.settings import Settings
from models import older_encryption
older_encryption.ROUND = 1
whole, left = older_encryption._encrypt_again, int(sys.argv[2])
def once(*given):
    global left
    found = whole(*given)
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return found
older_encryption._encrypt_again = once
AppContext.load(Settings.read())
"""


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_a_kill_while_older_values_get_data_keys_loses_nothing(two: Team, rounds: int) -> None:
    as_before_revision_026(two)
    two.first.engine.dispose()
    settings: Settings = two.first.settings
    environment = {"SENDFLOW_HOME": str(settings.home), "SENDFLOW_TODAY": "2026-03-02"}
    if settings.database_url:
        environment["SENDFLOW_DATABASE_URL"] = settings.database_url
    done = fork_server.run(KILLED, "", str(rounds), env=environment)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert forms(two).count(KEYED) == rounds and OLDER_VALUES in subjects(two)
    assert two.verify(TODAY).intact
    two.first.engine.dispose()
    AppContext.load(settings).engine.dispose()
    assert forms(two) == [KEYED] * 4 and two.verify(TODAY).intact


def test_an_older_value_that_was_put_back_stays_and_is_found(two: Team) -> None:
    as_before_revision_026(two)
    with reading(two.first.engine) as connection:
        child = _child(two, FIRST)
        older = connection.scalar(select(PERSON.c.sealed).where(PERSON.c.child_key == child))
    two.first.engine.dispose()
    AppContext.load(two.first.settings).engine.dispose()
    with writing(two.first.engine) as connection:
        connection.execute(update(PERSON).where(PERSON.c.child_key == child).values(sealed=older))
    assert [each.what for each in two.verify(TODAY).damage] == ["person"]
