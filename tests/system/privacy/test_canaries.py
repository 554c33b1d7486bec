"""Nothing that identifies a child is found outside the encrypted tables person and passage, for every input.

These tests run every command by itself. tests/system/installation/up/test_opened_again.py records the canaries in an
installation with a Prefect server.
"""

from __future__ import annotations

import json
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from tests.support.canaries import (
    BIRTHS,
    CLINICAL,
    NAMES,
    Done,
    Leak,
    commands,
    planted,
    run,
    search_home,
    search_outputs,
)

WHO = ("person", "KV001", "--actor", "dco.team", "--purpose", "audit", "--free-text", "--json")


@pytest.mark.timeout(600)
def test_no_canary_is_found_after_every_command(tmp_path: Path) -> None:
    home = tmp_path / "var"
    outputs, past = run(home, [*commands(tmp_path / "in"), WHO])
    assert [done.words[:3] for done in outputs if done.code not in {0, 1, 2}] == []
    assert {done.words[0] for done in outputs if done.code == 0} >= {
        "import",
        "record",
        "case",
        "person",
        "sweep",
        "deliver",
        "digest",
        "letters",
        "verify",
    }
    search_outputs([*outputs, Done(("all",), 0, "", past)])
    assert search_home(home) > 3
    assert planted(home) > 40
    letters = [message_from_bytes(file.read_bytes(), policy=default) for file in home.rglob("*.eml")]
    texts = [str(letter.get_body(("plain",)).get_content()) for letter in letters]  # type: ignore[union-attr]
    # The search has read a table of many matters, a body's own reference and a claim with confidential words.
    for words in ("What we ask of you", "CP-3312", "words recorded"):
        assert any(words in " ".join(text.split()) for text in texts), words
    shown = json.loads(outputs[-1].stdout)
    assert (shown["name"], shown["nhs_number"], shown["date_of_birth"]) == (
        NAMES[0],
        "9990001235",
        BIRTHS[1],
    )  # as the newer file corrected it
    assert any(CLINICAL[1] in str(said["words"]) for said in shown["words"])


def test_the_search_itself_finds_what_lies_open(tmp_path: Path) -> None:
    (tmp_path / "plain.log").write_text(f"imported {NAMES[1]}", encoding="utf-8")
    with pytest.raises(Leak, match=r"plain\.log"):
        search_home(tmp_path)
    (tmp_path / "plain.log").write_text("nothing here", encoding="utf-8")
    (tmp_path / "letter.eml").write_bytes(b"Subject: =?utf-8?b?TWFpc2llIENhbmFyeWZpZWxk?=\r\n\r\nhello")
    with pytest.raises(Leak, match=r"Subject of letter\.eml"):
        search_home(tmp_path)
    with pytest.raises(Leak, match="standard error"):
        search_outputs([Done(("import",), 2, "", f"no such file: {NAMES[0]}.csv")])
    with pytest.raises(Leak, match="what case said"):
        search_outputs([Done(("case",), 0, "Zo\\u00eb Kanari\\u00ebnvogel", "")])
