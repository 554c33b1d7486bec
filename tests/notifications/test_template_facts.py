"""What the page of a template says of it: fields, parts, reading age, and what a version changed."""

from __future__ import annotations

import socket
from itertools import pairwise

import pytest

from notifications.render import Template, shelf
from notifications.template_facts import changes, fields_of, parts_of, reading_age

NEWEST = shelf().newest


def template(body: str, **more: str) -> Template:
    values = {"subject": "", "heading": "", "action": "", **more}
    return Template(
        id="example", version=1, purpose="An example of a letter.", cites=(), called_for="open", body=body, **values
    )


def test_fields_are_named_with_the_value_that_is_taken_from_them() -> None:
    found = fields_of(
        template(
            "{% for item in items %}{{ item.name }} {{ dco.mailbox }}{% endfor %}{{ days.get('x') }} {{ heading }}",
            subject="{{ ref }}",
        )
    )
    assert found == ["days", "dco.mailbox", "items", "ref"]


def test_the_fields_and_parts_of_a_part_count() -> None:
    reminder = NEWEST["reminder"]
    assert {"ref", "due", "dco.mailbox"} <= set(fields_of(reminder))
    assert parts_of(reminder)
    assert set(fields_of(template('{{ part("ask-1") }}'))) <= set(fields_of(reminder))


def test_hard_words_need_an_older_reader() -> None:
    easy = template("Please send it now. It is late. We need it for the plan.")
    hard = template(
        "Notwithstanding considerations of organisational practicability, the responsible commissioning authority"
        " necessarily communicates comprehensive specialist recommendations expeditiously."
    )
    ages = reading_age(easy), reading_age(hard)
    assert ages[0] is not None
    assert ages[1] is not None
    assert ages[0] < 8 < 18 < ages[1]
    assert reading_age(template("{{ ref }}")) is None


@pytest.mark.parametrize("name", sorted(NEWEST))
def test_every_template_can_be_shown_without_a_network(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that fetched its word lists would fail here."""

    def refused(*_args: object) -> None:
        raise AssertionError("a network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refused)
    found = NEWEST[name]
    assert fields_of(found)
    age = reading_age(found)
    assert age is not None
    assert 5 <= age <= 18


def test_the_changes_of_every_version_give_the_version() -> None:
    for after, before in pairwise(sorted(shelf().templates.values(), key=lambda each: (each.id, -each.version))):
        if after.id == before.id:
            found = changes(before, after)
            added = [each.line for each in found if each.kind != "removed"]
            removed = [each.line for each in found if each.kind != "added"]
            assert added[0] == f"Subject: {after.subject}"
            assert removed[0] == f"Subject: {before.subject}"
            assert [line for line in after.body.splitlines() if line.strip()] == added[-len(_lines(after)) :]


def _lines(found: Template) -> list[str]:
    return [line for line in found.body.splitlines() if line.strip()]
