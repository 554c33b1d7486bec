"""The directory: every service of every authority has a body and mailboxes; names are forgiving; a faulty file is one
clear line.
"""

from datetime import date
from pathlib import Path

import pytest

from config.directory import DEFAULT, Directory, DirectoryError, load_directory
from config.tracker_columns import DEFAULT as DEFAULT_COLUMNS
from config.tracker_columns import TrackerError, load_columns
from models.enums import Party

ON = date(2026, 3, 2)
DEFAULT_TEXT = DEFAULT.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def directory() -> Directory:
    return load_directory()


def test_every_service_of_every_authority_has_a_body_and_all_its_mailboxes(directory: Directory) -> None:
    assert (len(directory.la), len(directory.service)) == (4, 5)
    for la in directory.la:
        for service in directory.service:
            code = directory.provider(la, service, ON)
            assert code is not None and service in directory.body(code).services
            for party in set(Party) - {Party.OWNER, Party.LOCAL_AUTHORITY}:
                address = directory.mailbox(la, code, service, party, ON)
                assert address is not None and address.endswith(".example")
                assert directory.mailbox(la, None, service, party, ON) == address


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Holme Vale", "holme_vale"),
        ("  TARNFORD ", "tarnford"),
        ("holme-vale council", "holme_vale"),
        ("The Northshire County Council", "northshire"),
        ("eastmere mbc", "eastmere"),
        ("holme_vale", "holme_vale"),
        ("Northshire LA", "northshire"),
        ("", None),
        ("council", None),
        ("la", None),
        ("Holme", None),
        ("Northshires", None),
    ],
)
def test_an_authority_is_found_by_its_name_and_never_by_likeness(
    directory: Directory, text: str, slug: str | None
) -> None:
    assert directory.find_la(text) == slug


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("SALT", "speech_and_language_therapy"),
        ("slt", "speech_and_language_therapy"),
        ("Speech & Language Therapy", "speech_and_language_therapy"),
        ("ot", "occupational_therapy"),
        ("Paeds", "community_paediatrics"),
        ("camhs ", "camhs"),
        ("Physio", "physiotherapy"),
        ("Music Therapy", None),
        ("", None),
        ("therapy", None),
    ],
)
def test_a_service_is_found_by_its_name_or_a_synonym(directory: Directory, text: str, slug: str | None) -> None:
    assert directory.find_service(text) == slug


def test_a_body_is_found_by_code_or_name(directory: Directory) -> None:
    assert directory.find_body(" qx101 ") == "QX101" == directory.find_body("Northshire Community Health NHS Trust")
    assert directory.find_body("QX999") is None
    with pytest.raises(DirectoryError, match="expected one of QX101"):
        directory.body("QX999")


def test_names_of_what_the_directory_no_longer_has_are_their_slugs(directory: Directory) -> None:
    assert (directory.la_name("holme_vale"), directory.la_name("westland")) == ("Holme Vale", "westland")
    assert (directory.service_name("camhs"), directory.service_name("music")) == ("CAMHS", "music")


def test_a_body_outside_its_patch_is_reached_where_its_own_offers_agree(directory: Directory) -> None:
    assert (
        directory.mailbox("northshire", "QX103", "occupational_therapy", Party.SERVICE, ON)
        == "occupational.therapy@lowmoor-therapies.example"
    )
    lead = directory.mailbox("northshire", "QX101", None, Party.PROVIDER_SEND_LEAD, ON)
    assert (
        directory.mailbox("northshire", "QX101", None, Party.SERVICE, ON) == lead
    )  # several services: a person who knows the case decides
    assert directory.mailbox(None, "QX999", "camhs", Party.SERVICE, ON) is None
    assert directory.mailbox(None, None, None, Party.DCO, ON) == directory.dco


def test_the_bodies_are_listed_in_order_with_the_board_that_gives_no_advice(directory: Directory) -> None:
    assert [each.body for each in directory.bodies] == ["QX101", "QX102", "QX103", "QX104", "QX900", "QX901"]
    assert all(each.role == "integrated_care_board" and each.services == () for each in directory.bodies[-2:])


def test_what_a_body_is_in_law_is_known_and_a_neighbouring_board_has_one_mailbox(directory: Directory) -> None:
    assert [directory.kind(each.body) for each in directory.bodies] == [
        "nhs_trust",
        "nhs_foundation_trust",
        "nhs_trust",
        "nhs_foundation_trust",
        "integrated_care_board",
        "integrated_care_board",
    ]
    assert directory.kind("QX999") is None
    assert {
        directory.mailbox("northshire", "QX901", None, party, ON)
        for party in (Party.SERVICE, Party.SERVICE_MANAGER, Party.PROVIDER_SEND_LEAD)
    } == {"send.dco@southernmarches-icb.example"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('service = "camhs"', 'service = "music"', "music"),
        ('la = ["northshire", "eastmere", "tarnford", "holme_vale"]', 'la = ["westland"]', "westland"),
        ('body = "QX102"', 'body = "QX101"', "is in the file twice"),
        (
            'la = ["eastmere", "holme_vale", "tarnford"]',
            'la = ["eastmere", "holme_vale", "northshire"]',
            "mapped twice",
        ),
        ('also = ["Eastmere Borough", "East Mere"]', 'also = ["North Shire"]', "share the name"),
        ('dco = "send.dco@northernvales-icb.example"', 'dco = "nobody"', "icb.dco"),
        ('role = "provider"', 'rôle = "provider"', "not TOML"),
        ('role = "provider"', 'colour = "blue"', "colour"),
        ('kind = "nhs_trust"', 'kind = "clinic"', "kind"),
        ('kind = "integrated_care_board"', 'kind = "other"', "provides nothing"),
        ('body = "QX101"', 'body = "qx 101"', "organisation code"),
    ],
)
def test_a_faulty_directory_is_one_line_that_names_the_entry(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in DEFAULT_TEXT
    own = tmp_path / "directory.toml"
    own.write_text(DEFAULT_TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DirectoryError) as problem:
        load_directory(own)
    text = str(problem.value)
    assert said in text and f"{tmp_path.name}/directory.toml: " in text and "\n" not in text


def test_a_directory_that_is_not_there_or_not_text_is_named_with_its_folder(tmp_path: Path) -> None:
    with pytest.raises(DirectoryError, match=r"/absent.toml: the file is missing"):
        load_directory(tmp_path / "absent.toml")
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DirectoryError, match=r"/odd.toml: line 1 is not UTF-8 text"):
        load_directory(tmp_path / "odd.toml")


def test_the_digest_follows_the_file(tmp_path: Path, directory: Directory) -> None:
    own = tmp_path / "directory.toml"
    own.write_text(DEFAULT_TEXT + "\n# one more line\n", encoding="utf-8")
    assert load_directory(own).digest != directory.digest == load_directory(DEFAULT).digest


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("Ref", "reference"),
        (" NHS no. ", "nhs_number"),
        ("d.o.b", "date_of_birth"),
        ("ASSESS?", "assess"),
        ("SALT returned", "answer:speech_and_language_therapy"),
        ("Community Paediatrics advice received", "answer:community_paediatrics"),
        ("OT report", "answer:occupational_therapy"),
        ("Request received", "requested_on"),
        ("Music Therapy returned", None),
        ("returned", None),
        ("", None),
        ("Eye colour", None),
    ],
)
def test_headers_are_understood_by_name_synonym_and_service(
    directory: Directory, header: str, what: str | None
) -> None:
    assert load_columns().meaning(header, directory) == what


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('names = ["Comments", "Comment", "Notes", "Note", "Remarks"]', 'names = ["Ref"]', "stands for"),
        ("[column.comments]", "[column.remarks]", "missing or not known"),
        ("\n[answers]\n", "\n[answers]\nmore = 1\n", "more"),
        ("[words]", "[words", "not TOML"),
    ],
)
def test_a_faulty_column_file_is_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = DEFAULT_COLUMNS.read_text(encoding="utf-8")
    assert old in text
    own = tmp_path / "tracker.toml"
    own.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(TrackerError, match=said):
        load_columns(own)
