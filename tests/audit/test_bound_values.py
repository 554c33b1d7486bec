"""An encrypted value opens in its own row only: one moved elsewhere is found, though the change log records the move.

PostgreSQL runs the same list (tests/system/postgres).
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Table, insert, select, update

from audit.verify import verify
from casework.context import AppContext
from casework.privacy.access import read_person
from models.change_log import log_keys
from models.data_keys import DataKeys
from models.database import reading, writing
from models.encryption import EncryptionError
from models.key_checks import anything_bound, count_undecryptable, encrypted_values
from models.people import person_of
from models.tables import CASE, FREE_TEXT, PERSON
from tests.support.by_hand import PAEDS, SALT
from tests.support.calling import sendflow
from tests.support.team import Team

TODAY = "2 Mar 2026"
NOTES = ("The parents rang.", "A second note.")


@pytest.fixture
def two(team: Team) -> Team:
    """Two children, each with a case and a free text."""
    for case, number, note, service in (
        ("NX90001", "999 000 0018", NOTES[0], SALT),
        ("NX90002", "999 123 4500", NOTES[1], PAEDS),
    ):
        team.record("2 Feb 2026", "ehc_assessment_requested", case=case, la="northshire", nhs_number=number)
        team.record(TODAY, "health_advice_requested", case=case, service=service, note=note)
    assert team.verify(TODAY).damage == []
    return team


def recorded(team: Team, table: Table, changes: dict[str, dict[str, Any]]) -> None:
    """Change rows as a person does who also writes the change log."""
    (key,) = table.primary_key
    with writing(team.first.engine) as connection:
        for id_, values in changes.items():
            connection.execute(update(table).where(key == id_).values(**values))
        log_keys(connection, table, changes, "2026-03-02T12:00:00.000000Z")


def swapped(team: Team, table: Table, *columns: str) -> None:
    (key,) = table.primary_key
    with reading(team.first.engine) as connection:
        one, other = connection.execute(select(table).order_by(key)).mappings().all()[:2]
    of = {one[key.name]: other, other[key.name]: one}
    recorded(team, table, {id_: {name: row[name] for name in columns} for id_, row in of.items()})


@pytest.mark.parametrize(
    ("table", "columns", "what", "said"),
    [
        (PERSON, ("sealed",), "person", "does not decrypt where it is"),
        (PERSON, ("sealed", "nhs_index"), "person", "does not decrypt where it is"),
        (FREE_TEXT, ("sealed",), "free_text", "does not decrypt where it is"),
        (FREE_TEXT, ("sealed", "salt", "digest"), "free_text", "does not decrypt where it is"),
        (FREE_TEXT, ("case_ref",), "free_text", "does not decrypt where it is"),
        (FREE_TEXT, ("salt",), "free_text", "is not the text whose digest its fact has"),
    ],
)
def test_values_exchanged_between_two_rows_are_found(
    two: Team, table: Table, columns: tuple[str, ...], what: str, said: str
) -> None:
    swapped(two, table, *columns)
    damage = two.verify(TODAY).damage
    assert {each.what for each in damage} == {what}
    assert len(damage) == 2 and all(said in each.message for each in damage)
    assert verify(two.context(TODAY), "NX90001").damage != []


def test_a_number_by_which_another_child_is_found_is_found(two: Team) -> None:
    with reading(two.first.engine) as connection:
        child = connection.scalar(select(CASE.c.child_key).where(CASE.c.case_ref == "NX90001"))
    recorded(two, PERSON, {str(child): {"nhs_index": "f" * 64}})
    [found] = two.verify(TODAY).damage
    assert (found.what, "found by another NHS number" in found.message) == ("person", True)


def test_an_exchanged_person_is_shown_to_nobody(two: Team) -> None:
    swapped(two, PERSON, "sealed")
    with pytest.raises(EncryptionError, match="moved from another row"):
        read_person(two.context(TODAY), "NX90001", "dco.team", "contact")


def test_the_value_of_one_column_does_not_open_in_another(two: Team) -> None:
    with reading(two.first.engine) as connection:
        person = next(value for place, value in encrypted_values(connection) if place.table == "person")
        id_ = connection.scalar(select(FREE_TEXT.c.id).limit(1))
    recorded(two, FREE_TEXT, {str(id_): {"sealed": person}})
    assert [each.what for each in two.verify(TODAY).damage] == ["free_text"]


def as_before_revision_010(team: Team) -> dict[str, str]:
    """Encrypt every value again as revision 009 did; return the texts by row."""
    key = (team.home / "person.key").read_bytes().strip()
    with reading(team.first.engine) as connection:
        keys = DataKeys(connection, team.first.cipher)
        texts = {
            place.key: (place.table, keys.decrypt(value, place))
            for place, value in encrypted_values(connection)
            if place.table != "mac_key"
        }
    for table in (PERSON, FREE_TEXT):
        older = {
            id_: {"sealed": Fernet(key).encrypt(text.encode())}
            for id_, (name, text) in texts.items()
            if name == table.name
        }
        recorded(team, table, older)
    return {id_: text for id_, (_name, text) in texts.items()}


def opened_again(team: Team) -> AppContext:
    team.first.engine.dispose()
    return AppContext.load(team.first.settings)


def test_values_of_an_earlier_version_are_bound_when_the_program_opens_the_database(two: Team) -> None:
    texts = as_before_revision_010(two)
    with reading(two.first.engine) as connection, pytest.raises(EncryptionError, match="by an earlier version"):
        person_of(connection, two.first.cipher, "NX90001")
    context = opened_again(two)
    with reading(context.engine) as connection:
        keys = DataKeys(connection, context.cipher)
        now = {place.key: keys.decrypt(value, place) for place, value in encrypted_values(connection)}
    assert now.items() >= texts.items() and set(NOTES) < set(now.values())
    assert two.verify(TODAY).damage == []
    assert read_person(context, "NX90001", "dco.team", "contact").nhs_number == "999 000 0018"
    context.engine.dispose()


def test_a_value_of_an_earlier_version_that_was_exchanged_is_not_bound(two: Team) -> None:
    as_before_revision_010(two)
    with writing(two.first.engine) as connection:  # past the change log
        (one, first), (other, second) = connection.execute(select(PERSON.c.child_key, PERSON.c.sealed)).all()
        for id_, value in ((one, second), (other, first)):
            connection.execute(update(PERSON).where(PERSON.c.child_key == id_).values(sealed=value))
    context = opened_again(two)
    assert {each.what for each in two.verify(TODAY).damage} == {"person"}
    with pytest.raises(EncryptionError, match="is bound to no row"):
        read_person(context, "NX90001", "dco.team", "contact")
    context.engine.dispose()


def test_verification_after_an_upgrade_is_no_alarm(two: Team) -> None:
    """The values are bound by the first program that writes; verification may come before it."""
    as_before_revision_010(two)
    assert two.verify(TODAY).damage == []
    with reading(two.first.engine) as connection:
        assert count_undecryptable(connection, two.first.cipher) == 0


def test_a_value_of_an_earlier_version_that_is_put_back_is_found_and_never_bound(two: Team) -> None:
    """With the change log written too: only the form of the value says that it was put back."""
    with reading(two.first.engine) as connection:
        one, other = connection.scalars(select(PERSON.c.child_key).order_by(PERSON.c.child_key)).all()
        bound = {row.child_key: row.sealed for row in connection.execute(select(PERSON)).all()}
    as_before_revision_010(two)
    with reading(two.first.engine) as connection:
        older = {row.child_key: row.sealed for row in connection.execute(select(PERSON)).all()}
    opened_again(two).engine.dispose()
    assert two.verify(TODAY).damage == [] and bound.keys() == {one, other}
    recorded(two, PERSON, {one: {"sealed": older[other]}})
    context = opened_again(two)
    assert [each.what for each in verify(context).damage] == ["person"]
    with reading(context.engine) as connection:
        now = connection.scalar(select(PERSON.c.sealed).where(PERSON.c.child_key == one))
    assert now == older[other]
    context.engine.dispose()


def test_migrate_binds_what_an_earlier_version_encrypted(two: Team) -> None:
    texts = as_before_revision_010(two)
    two.first.engine.dispose()
    done = sendflow("migrate", env=environment(two))
    assert (done.exit_code, f"{len(texts)} encrypted values of an earlier version" in done.stdout) == (0, True)
    assert "encrypted again" not in sendflow("migrate", env=environment(two)).stdout
    with reading(two.first.engine) as connection:
        assert anything_bound(connection)
    assert two.verify(TODAY).damage == []


def environment(team: Team) -> dict[str, str]:
    settings = team.first.settings
    server = {"SENDFLOW_DATABASE_URL": settings.database_url} if settings.database_url else {}
    return {"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": "2026-03-02"} | server


def of_revision_009(team: Team) -> Path:
    """The file of a database as revision 009 left it."""
    as_before_revision_010(team)
    with writing(team.first.engine) as connection:
        connection.exec_driver_sql("DROP INDEX config_held_kind")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '009'")
    team.first.engine.dispose()
    return team.home / "sendflow.db"


def test_a_database_of_an_earlier_revision_is_verified_as_it_is(two: Team) -> None:
    file = of_revision_009(two)
    before = file.read_bytes()
    context = AppContext.load_read_only(two.first.settings)
    assert verify(context).damage == []
    context.engine.dispose()
    assert file.read_bytes() == before


def test_a_free_text_of_an_earlier_revision_that_was_exchanged_is_found(two: Team) -> None:
    with closing(sqlite3.connect(of_revision_009(two), isolation_level=None)) as file:
        (one, first), (other, second) = file.execute("SELECT id, sealed FROM passage ORDER BY id").fetchall()
        file.execute("UPDATE passage SET sealed = ? WHERE id = ?", (second, one))
        file.execute("UPDATE passage SET sealed = ? WHERE id = ?", (first, other))
    context = AppContext.load_read_only(two.first.settings)
    said = [each.message for each in verify(context).damage if each.what == "free_text"]
    assert len(said) == 4 and any("is not the text whose digest its fact has" in each for each in said)
    context.engine.dispose()


def test_persons_of_an_earlier_revision_that_were_exchanged_are_found_before_anything_is_bound(two: Team) -> None:
    """An earlier version bound no value to its row: the change log says whose it was, also with its index moved."""
    with closing(sqlite3.connect(of_revision_009(two), isolation_level=None)) as file:
        (one, *first), (other, *second) = file.execute(
            "SELECT child_key, sealed, nhs_index FROM person ORDER BY child_key"
        ).fetchall()
        file.execute("UPDATE person SET nhs_index = NULL")
        for key, (sealed, index) in ((one, second), (other, first)):
            file.execute("UPDATE person SET sealed = ?, nhs_index = ? WHERE child_key = ?", (sealed, index, key))
    context = AppContext.load_read_only(two.first.settings)
    assert {each.what for each in verify(context).damage} == {"person"}
    context.engine.dispose()


def test_an_erased_person_has_nothing_to_decrypt(team: Team) -> None:
    team.opened("2 Feb 2026")
    erased_at = "2026-02-02T09:00:00.000000Z"
    with writing(team.first.engine) as connection:
        row = {"child_key": "c1", "nhs_index": None, "sealed": b"", "erased_at": erased_at}
        connection.execute(insert(PERSON), [row])
        log_keys(connection, PERSON, ["c1"], erased_at)
    assert team.verify("2 Feb 2026").damage == []
