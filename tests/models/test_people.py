"""Persons and free text are encrypted; a child is found again; erased words cannot be guessed."""

import os
import stat
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, select, text, update

from casework.context import AppContext
from config.settings import Settings
from models import people
from models.aliases import find_aliases, insert_aliases
from models.database import open_engine, writing
from models.encryption import Cipher, EncryptionError, Place, WrongKey
from models.free_text import free_text_id, insert_free_texts, new_free_text, read_free_texts, salted_digest
from models.schema import create_or_upgrade_schema
from models.tables import ACCESS, CASE, PERSON

PLACE = Place("passage", "sealed", "w1", "NX001")
NOW = "2026-04-14T08:00:00.000000Z"
ADA = {"nhs_number": "9991234500", "date_of_birth": "2015-03-02", "name": "Ada Ashgrove"}


@pytest.fixture(scope="module")
def cipher(tmp_path_factory: pytest.TempPathFactory) -> Cipher:
    return Cipher.make(tmp_path_factory.mktemp("key") / "person.key")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path / 'records.sqlite'}")
    create_or_upgrade_schema(made)
    yield made
    made.dispose()


def case(engine: Engine, ref: str, child: str | None) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(CASE),
            [
                {
                    "case_ref": ref,
                    "process": "ehc_needs_assessment",
                    "state": "requested",
                    "seq": 1,
                    "hash": "0",
                    "opened_on": date(2026, 3, 2),
                    "child_key": child,
                }
            ],
        )


def test_sendflow_makes_the_key_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "person.key"
    first = Cipher.make(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Cipher.make(path).decrypt(first.encrypt("words", PLACE), PLACE) == "words"
    assert list(tmp_path.iterdir()) == [path]


def test_two_processes_that_make_the_key_get_the_same_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, made = tmp_path / "person.key", []
    link = os.link

    def late(source: str, target: str, **options: bool) -> None:
        monkeypatch.setattr(os, "link", link)
        made.append(Cipher.make(path))
        link(source, target, **options)

    monkeypatch.setattr(os, "link", late)
    own = Cipher.make(path)
    assert own.decrypt(made[0].encrypt("words", PLACE), PLACE) == "words"


def test_a_missing_foreign_or_damaged_key_is_reported(tmp_path: Path, cipher: Cipher) -> None:
    with pytest.raises(EncryptionError, match="restore it from the backup"):
        Cipher.open(tmp_path / "absent.key")
    (tmp_path / "spoilt.key").write_bytes(b"nonsense")
    with pytest.raises(EncryptionError, match="not one that sendflow made"):
        Cipher.open(tmp_path / "spoilt.key")
    with pytest.raises(EncryptionError, match="does not open"):
        Cipher.make(tmp_path / "other.key").decrypt(cipher.encrypt("words", PLACE), PLACE)


@given(st.text(max_size=200))
def test_encrypted_text_decrypts_again_and_is_not_readable(words: str) -> None:
    cipher = Cipher(b"kA3u2nG5uHqNf0pQzT0s2G6mX1cY8vB4wE7rT9yU2iA=")
    encrypted = cipher.encrypt(words, PLACE)
    assert cipher.decrypt(encrypted, PLACE) == words
    if len(words) > 8:
        assert words.encode("utf-8", "surrogatepass") not in encrypted


def test_an_installation_that_lost_its_key_gets_no_other_key(tmp_path: Path) -> None:
    context = AppContext.load(Settings(home=tmp_path / "var"))
    (tmp_path / "var" / "person.key").rename(tmp_path / "moved")
    with pytest.raises(EncryptionError, match=r"Restore person\.key from the backup"):
        AppContext.load(Settings(home=tmp_path / "var"))  # the key of the MACs is encrypted from the first day
    (tmp_path / "moved").rename(tmp_path / "var" / "person.key")
    with context.engine.begin() as connection:
        people.save_people(connection, context.cipher, [("NX001", ADA)])
    (tmp_path / "var" / "person.key").unlink()
    with pytest.raises(EncryptionError, match=r"Restore person\.key from the backup"):
        AppContext.load(Settings(home=tmp_path / "var"))


def test_the_key_of_another_installation_neither_decrypts_nor_encrypts(tmp_path: Path) -> None:
    """Imports and facts were once accepted under the wrong key, and one child became two without a warning."""
    settings = Settings(home=tmp_path / "var")
    key = settings.home / "person.key"
    context = AppContext.load(settings)
    right = key.read_bytes()
    other = Cipher.make(tmp_path / "other.key")
    wrong = (tmp_path / "other.key").read_bytes()
    key.write_bytes(wrong)
    with pytest.raises(WrongKey):
        AppContext.load(settings)  # no person is encrypted yet, and the key of the MACs is
    writes: list[Callable[[Connection, Cipher], object]] = [
        lambda connection, cipher: people.save_people(connection, cipher, [("NX001", ADA)]),
        lambda connection, cipher: insert_aliases(connection, cipher, {"Ada 4": "NX001"}),
    ]
    with writing(context.engine) as connection:
        writes[0](connection, context.cipher)
    for each in writes:
        with pytest.raises(WrongKey, match="Restore the right one"), writing(context.engine) as connection:
            each(connection, other)
    with pytest.raises(WrongKey):
        AppContext.load(settings)
    key.write_bytes(right)
    with writing(context.engine) as connection:
        insert_free_texts(connection, context.cipher, [new_free_text("NX001", "words")])
        connection.execute(update(PERSON).values(sealed=b"", erased_at=NOW))
    assert AppContext.load(settings).cipher.opens(context.cipher.encrypt("words", PLACE), PLACE)
    key.write_bytes(wrong)
    with pytest.raises(WrongKey):
        AppContext.load(settings)


def test_keyed_digests_differ_by_sort_and_by_installation(tmp_path: Path, cipher: Cipher) -> None:
    assert cipher.index("nhs", "1") != cipher.index("alias", "1") != Cipher.make(tmp_path / "k").index("alias", "1")
    assert people.nhs_index(cipher, "999 123 4500") == people.nhs_index(cipher, "9991234500")


def test_one_number_is_one_child_and_without_a_number_each_case_has_its_own(engine: Engine, cipher: Cipher) -> None:
    with engine.begin() as connection:
        first, second, third = people.save_people(
            connection, cipher, [("NX001", ADA), ("NX002", {"nhs_number": "9991234500"}), ("NX003", {"name": "Bram"})]
        )
        again = people.save_person(connection, cipher, {"nhs_number": "9991234500", "reference": "old 7"}, "NX004")
    assert first == second == again != third
    with engine.begin() as connection:
        assert people.find_children(connection, cipher, ["999 123 4500", "9990001235"]) == {"999 123 4500": first}
        held = people.read_people(connection, cipher, [first])[first]
    assert {name: held[name] for name in held if not name.startswith("given/")} == {**ADA, "reference/NX004": "old 7"}
    assert {name.split("/")[1] for name in held if name.startswith("given/")} == {"NX001", "NX002", "NX004"}


def test_a_case_without_a_number_joins_a_known_child_later(engine: Engine, cipher: Cipher) -> None:
    with engine.begin() as connection:
        [known] = people.save_people(connection, cipher, [("NX001", ADA)])
        [own_child] = people.save_people(connection, cipher, [("NX002", {"name": "Ada A.", "reference": "mine"})])
    case(engine, "NX002", own_child)
    with engine.begin() as connection:
        assert people.save_person(connection, cipher, {"date_of_birth": "2015-03-02"}, "NX002") == own_child
        assert people.save_person(connection, cipher, {"nhs_number": "9991234500"}, "NX002") == known
        assert set(connection.execute(select(PERSON.c.child_key)).scalars()) == {known}
        assert people.read_people(connection, cipher, [known])[known]["reference/NX002"] == "mine"


def test_a_person_has_known_fields_only_and_the_value_is_not_shown(engine: Engine, cipher: Cipher) -> None:
    with engine.begin() as connection, pytest.raises(ValueError, match="nothing else") as problem:
        people.save_people(connection, cipher, [("NX001", {"diagnosis": "canary words"})])
    assert "canary" not in str(problem.value)


def test_a_number_cannot_be_moved_onto_another_child(engine: Engine, cipher: Cipher) -> None:
    with engine.begin() as connection:
        ada, bram = people.save_people(connection, cipher, [("NX001", ADA), ("NX002", {"nhs_number": "9990001235"})])
        people.change_person(connection, cipher, bram, "NX002", {"date_of_birth": "2016-01-01"})
        assert people.read_people(connection, cipher, [bram])[bram]["date_of_birth"] == "2016-01-01"
        with pytest.raises(ValueError, match="another child"):
            people.change_person(connection, cipher, bram, "NX002", {"nhs_number": ADA["nhs_number"]})
        with pytest.raises(ValueError, match="no such person"):
            people.change_person(connection, cipher, "nobody", "NX002", {"name": "x"})
    assert ada != bram


def test_free_texts_are_stored_encrypted_and_proved_by_a_salted_digest(engine: Engine, cipher: Cipher) -> None:
    one, two = (new_free_text("NX001", "waiting list") for _ in range(2))
    assert one.digest != two.digest and one.digest == salted_digest(one.salt, "waiting list")
    assert free_text_id(one.token) == one.id and one.token.endswith(one.digest)
    with engine.begin() as connection:
        insert_free_texts(connection, cipher, [one, two])
        assert [each.words for each in read_free_texts(connection, cipher, ["NX001", "NX002"])["NX001"]] == [
            "waiting list",
            "waiting list",
        ]


def test_an_original_reference_is_found_in_any_case_and_with_any_spaces(engine: Engine, cipher: Cipher) -> None:
    with engine.begin() as connection:
        insert_aliases(connection, cipher, {"Smith /  Jo": "SF-000001"})
        assert find_aliases(connection, cipher, ["smith / jo", "SMITH/JO", "smith / jo ", "Smith-Jo"]) == {
            "smith / jo": "SF-000001",
            "SMITH/JO": "SF-000001",
            "smith / jo ": "SF-000001",
        }


def test_an_access_is_logged_for_ever_with_the_word_of_its_purpose(engine: Engine) -> None:
    with engine.begin() as connection:
        people.log_read(connection, "NX001", "dco.team", "complaint", NOW)
    with engine.begin() as connection:
        row = connection.execute(select(ACCESS)).one()
        assert (row.case_ref, row.actor, row.purpose, row.read_at) == ("NX001", "dco.team", "complaint", NOW)
    with pytest.raises(Exception, match="append-only"), engine.begin() as connection:
        connection.execute(update(ACCESS).values(actor="nobody"))


def test_erasure_removes_the_person_the_salts_the_numbers_and_the_aliases(engine: Engine, cipher: Cipher) -> None:
    with engine.begin() as connection:
        ada, other = people.save_people(connection, cipher, [("NX001", ADA), ("NX003", {"nhs_number": "9990001235"})])
        insert_free_texts(connection, cipher, [new_free_text(ref, "words") for ref in ("NX001", "NX003")])
        insert_aliases(connection, cipher, {"Ada's": "NX001"})
    case(engine, "NX001", ada)
    case(engine, "NX003", other)
    with engine.begin() as connection:
        assert people.erase(connection, ada, NOW) == ["NX001"]
    with engine.begin() as connection:
        assert people.read_people(connection, cipher, [ada, other]).keys() == {other}
        assert people.erased_among(connection, [ada, other]) == {ada}
        assert people.person_of(connection, cipher, "NX001") is None
        assert people.find_children(connection, cipher, [ADA["nhs_number"]]) == {}
        assert find_aliases(connection, cipher, ["Ada's"]) == {}
        texts = read_free_texts(connection, cipher, ["NX001", "NX003"])
        assert (texts["NX001"][0].words, texts["NX003"][0].words) == (None, "words")
        assert connection.execute(text("select salt from passage where case_ref = 'NX001'")).scalar() == ""


def test_the_person_of_a_case_shows_that_cases_references_only(engine: Engine, cipher: Cipher) -> None:
    with engine.begin() as connection:
        keys = people.save_people(
            connection, cipher, [("NX001", ADA | {"reference": "first"}), ("NX002", ADA | {"reference": "second"})]
        )
    for ref, key in zip(("NX001", "NX002"), keys, strict=True):
        case(engine, ref, key)
    with engine.begin() as connection:
        assert people.person_of(connection, cipher, "NX002") == {**ADA, "reference": "second"}
        assert people.person_of(connection, cipher, "NX009") is None
