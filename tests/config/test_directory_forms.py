"""Entries of the directory as forms: each is added and changed, nothing else moves, and what is wrong is named."""

from __future__ import annotations

from datetime import date

import pytest

from config.directory import DEFAULT, Directory, directory_of
from config.directory_forms import ADDED, SORTS, EntryError, Value, questions, stored, with_entry
from models.enums import Party

TEXT = DEFAULT.read_text("utf-8")
SHIPPED = directory_of(TEXT)
SALT, LA = "speech_and_language_therapy", "northshire"
LAST, NEXT = date(2026, 3, 31), date(2026, 4, 1)
NEW: dict[str, tuple[str, dict[str, Value]]] = {
    "la": ("new", {"name": "Westmark", "also": ["Westmark Borough"], "mailbox": "send@westmark.example"}),
    "service": ("new", {"name": "Audiology", "also": ["Hearing tests"]}),
    "team": ("new", {"name": "the clerk of our panels", "mailbox": "clerk@northernvales-icb.example"}),
    "body": (
        "new",
        {
            "body": "QX105",
            "name": "Two Rivers NHS Trust",
            "kind": "nhs_trust",
            "send_lead": "send@two-rivers.example",
            "first_day": NEXT,
            "gives-service": "camhs",
            "gives-la": ["northshire"],
            "gives-mailbox": "camhs@two-rivers.example",
            "gives-manager": "camhs.manager@two-rivers.example",
        },
    ),
    "provides": (
        "QX102.new",
        {
            "service": "occupational_therapy",
            "la": ["northshire"],
            "mailbox": "ot@eastmere-holme.example",
            "manager": "ot.manager@eastmere-holme.example",
            "first_day": NEXT,
        },
    ),
    "person": ("new", {"name": "Jo Hart", "role": "QX101:send_lead", "mailbox": "jo@northshire-community.example"}),
    "absence": ("1.new", {"first_day": LAST, "last_day": NEXT, "deputy": "sam@northshire-community.example"}),
}


def before(sort: str) -> str:
    """The file in which an entry of this sort can be added: the one that it follows has ended, or is there."""
    text = TEXT
    if sort in ("body", "provides"):
        ends = ("QX104.1",) if sort == "body" else ("QX101.3",)
        for key in ends:
            text = with_entry(text, "provides", key, {**stored(SHIPPED, "provides", key), "last_day": LAST})
    if sort == "absence":
        text = with_entry(text, "person", *NEW["person"])
    return text


@pytest.mark.parametrize("sort", ADDED)
def test_an_entry_is_added_and_every_other_line_stays(sort: str) -> None:
    text, (key, values) = before(sort), NEW[sort]
    made = with_entry(text, sort, key, values)
    assert [line for line in text.splitlines() if line and line not in made.splitlines()] == []
    added = [line for line in made.splitlines() if line and line not in text.splitlines()]
    assert len(added) <= len(values) + 3, added
    directory = directory_of(made)
    where = {"la": "westmark", "service": "audiology", "team": "the_clerk_of_our_panels", "body": "QX105"}
    new = where.get(sort, {"provides": "QX102.3", "person": "1", "absence": "1.1"}.get(sort, ""))
    for name, value in values.items():
        if not name.startswith("gives-"):
            assert stored(directory, sort, new)[name] == value


def keys_of(directory: Directory, sort: str) -> list[str]:
    if sort in ("la", "service", "team"):
        return list(getattr(directory, sort))
    bodies = [each.body for each in directory.body_]
    offers = [f"{each.body}.{n}" for each in directory.body_ for n in range(1, len(each.provides) + 1)]
    return {"body": bodies, "provides": offers, "icb": ["icb"]}.get(sort, [])


@pytest.mark.parametrize(("sort", "key"), [(sort, key) for sort in SORTS for key in keys_of(SHIPPED, sort)])
def test_each_entry_sent_back_unchanged_leaves_the_text_as_it_is(sort: str, key: str) -> None:
    asked = {each.name for each in questions(SHIPPED, sort, key)}
    values = {name: value for name, value in stored(SHIPPED, sort, key).items() if name in asked}
    assert with_entry(TEXT, sort, key, values) == TEXT
    name = "name" if "name" in asked else "mailbox"
    made = with_entry(TEXT, sort, key, {**values, name: "other.one@else.example"})
    assert stored(directory_of(made), sort, key)[name] == "other.one@else.example"
    assert len(set(made.splitlines()) - set(TEXT.splitlines())) == 1


@pytest.mark.parametrize(
    ("sort", "key", "values", "field", "said"),
    [
        ("la", "new", {"name": "W"}, "name", "at least 2"),
        ("la", "new", {"name": "Northshire"}, "name", "taken"),
        ("la", "northshire", {"name": "Northshire", "mailbox": "none"}, "mailbox", "a mailbox was expected"),
        (
            "body",
            "new",
            {"body": "QX105", "name": "Two Rivers", "send_lead": "a@b.example"},
            "gives-service",
            "nothing",
        ),
        ("body", "new", {"body": "qx", "name": "Two Rivers", "send_lead": "a@b.example"}, "body", "capital letters"),
        ("body", "QX101", {"first_day": NEXT, "last_day": LAST}, "last_day", "before"),
        ("body", "QX101", {"successor": "QX102"}, "last_day", "successor"),
        ("provides", "QX101.1", {"la": []}, "la", "answered"),
        ("provides", "QX102.new", {**NEW["provides"][1], "first_day": None}, "", "mapped twice"),
        ("person", "new", {"name": "Jo Hart", "role": "QX999:send_lead"}, "", "no role of this file"),
        ("absence", "9.new", NEW["absence"][1], "", "no such entry"),
        ("body", "QX999", {}, "", "no such entry"),
        ("none", "new", {}, "", "no such sort"),
    ],
)
def test_what_is_wrong_is_named_with_its_question(
    sort: str, key: str, values: dict[str, Value], field: str, said: str
) -> None:
    with pytest.raises(EntryError, match=said) as refused:
        with_entry(TEXT, sort, key, values)
    assert refused.value.field == field


def test_a_service_that_moves_has_its_old_and_its_new_body_by_the_day() -> None:
    old = stored(SHIPPED, "provides", "QX101.2")
    text = with_entry(TEXT, "provides", "QX101.2", {**old, "last_day": LAST, "successor": "QX103"})
    offer: dict[str, Value] = {
        "service": SALT,
        "la": [LA, "tarnford"],
        "mailbox": "s@x.example",
        "manager": "m@x.example",
    }
    moved = directory_of(with_entry(text, "provides", "QX103.new", {**offer, "first_day": NEXT}))
    assert (moved.provider(LA, SALT, LAST), moved.provider(LA, SALT, NEXT)) == ("QX101", "QX103")
    mailbox = moved.mailbox(LA, "QX101", SALT, Party.SERVICE, LAST)
    assert mailbox == "slt.advice@northshire-community.example"
    assert moved.mailbox(LA, "QX101", SALT, Party.SERVICE, NEXT) == "s@x.example"
    assert moved.mailbox(LA, "QX101", SALT, Party.SERVICE_MANAGER, NEXT) == "m@x.example"
    assert (
        moved.mailbox(LA, "QX101", "physiotherapy", Party.SERVICE, NEXT) == "physio.advice@northshire-community.example"
    )
    # Without a successor the old body answers for what it was asked.
    text = with_entry(TEXT, "provides", "QX101.2", {**old, "last_day": LAST})
    alone = directory_of(with_entry(text, "provides", "QX103.new", {**offer, "first_day": NEXT}))
    assert alone.mailbox(LA, "QX101", SALT, Party.SERVICE, NEXT) == mailbox
    assert alone.mailbox(LA, None, SALT, Party.SERVICE, NEXT) == "s@x.example"


def test_letters_go_to_the_person_in_the_role_and_in_an_absence_to_the_deputy() -> None:
    person: dict[str, Value] = {
        "name": "Jo Hart",
        "role": "QX101:send_lead",
        "mailbox": "jo@a.example",
        "first_day": date(2026, 3, 1),
    }
    text = with_entry(TEXT, "person", "new", person)
    away: dict[str, Value] = {"first_day": LAST, "last_day": NEXT, "deputy": "sam@a.example"}
    directory = directory_of(with_entry(text, "absence", "1.new", away))

    def lead(on: date) -> str | None:
        return directory.mailbox(LA, "QX101", SALT, Party.PROVIDER_SEND_LEAD, on)

    days = [date(2026, 2, 28), date(2026, 3, 1), LAST, NEXT, date(2026, 4, 2)]
    role = "send.lead@northshire-community.example"
    assert [lead(on) for on in days] == [role, "jo@a.example", "sam@a.example", "sam@a.example", "jo@a.example"]
    # A role of the board and one of our team, too.
    for name, party in (("icb:executive_lead", Party.ICB_EXECUTIVE_LEAD),):
        other = directory_of(with_entry(TEXT, "person", "new", {**person, "role": name}))
        assert other.mailbox(LA, "QX101", SALT, party, NEXT) == "jo@a.example"
    with pytest.raises(EntryError, match="two people on one day"):
        with_entry(text, "person", "new", {**person, "name": "Sam Lee"})
    with pytest.raises(EntryError, match=r"team\.safeguarding:mailbox"):
        with_entry(
            TEXT,
            "person",
            "new",
            {**person, "role": "team.safeguarding:mailbox", "mailbox": "slt.advice@northshire-community.example"},
        )
