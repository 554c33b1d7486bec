"""Version 5 of the letter about several matters: as version 4, and without an authority for cases about no child."""

from typing import Any

from notifications.render import render
from tests.notifications.test_newer_letters import many
from tests.support.letter_samples import asked, digest


def matters(**fields: Any) -> dict[str, Any]:
    return digest(False, "2026-04-14", asked("breach", **fields), asked("breach", ref="NX00043", **fields))


def test_with_an_authority_it_reads_as_version_4() -> None:
    for fields in (matters(), many()):
        assert render("digest", 5, fields) == render("digest", 4, fields)


def test_without_an_authority_it_names_none() -> None:
    text = render("digest", 5, matters(la="", la_ref=None)).text
    assert "The first reference is ours. Days late are" in text and "that of" not in text


def test_the_bodys_own_reference_is_then_the_second() -> None:
    text = render("digest", 5, matters(la="", la_ref=None, body_ref="PT-7")).text
    assert "The first reference is ours, the second your own." in " ".join(text.split())
