"""Nothing that identifies a child is found outside the sealed person and passage tables, whatever is planted and wherever.

The first test runs every command by itself; the second lets a real house with a Prefect server take the canaries in.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.house.living import LivingHouse
from tests.privacy.canaries import BIRTHS, CLINICAL, NAMES, NUMBERS, Done, Leak, commands, planted, run, search_home, search_outputs, trackers

WHO = ("who", "KV001", "--actor", "dco.team", "--purpose", "proof", "--words", "--json")


@pytest.mark.timeout(600)
def test_no_canary_is_found_after_every_command(tmp_path: Path) -> None:
    home = tmp_path / "var"
    outputs, past = run(home, [*commands(tmp_path / "in"), WHO])
    assert [done.words[:3] for done in outputs if done.code not in {0, 1, 2}] == []
    assert {done.words[0] for done in outputs if done.code == 0} >= {"import", "record", "case", "who", "sweep", "deliver", "digest", "letters", "verify"}
    search_outputs([*outputs, Done(("all",), 0, "", past)])
    assert search_home(home) > 3
    assert planted(home) > 40
    shown = json.loads(outputs[-1].stdout)
    assert (shown["name"], shown["nhs_number"], shown["date_of_birth"]) == (NAMES[0], "9990001235", BIRTHS[1])  # as the newer file corrected it
    assert any(CLINICAL[1] in str(said["words"]) for said in shown["words"])


@pytest.mark.house
@pytest.mark.xdist_group("house")
@pytest.mark.timeout(600)
def test_no_canary_is_found_where_a_prefect_server_took_part(tmp_path: Path) -> None:
    house = LivingHouse(tmp_path / "var", sample=False).opened()

    def ask(*words: str) -> Done:
        done = house.ask(*words)
        return Done(words, done.returncode, done.stdout, done.stderr)

    try:
        # Each way in once, each with another canary: a command pays for Prefect's import, and the test before this one tries them all.
        whole, _newer, broken, *_others = trackers(tmp_path / "in")
        outputs = [ask("import", str(whole)), ask("import", str(broken))]
        waiting = ("waiting_list_stated", "--on", "2026-04-01", "--data", "service=camhs", "--data", f"note={NAMES[0]}")
        outputs += [
            ask("record", "KV001", *waiting, "--actor", "dco.team"),
            ask("record", NUMBERS[1], CLINICAL[0], "--on", NAMES[0], "--data", CLINICAL[0], "--actor", "dco.team"),
            ask("record", "KV001", "section_g_agreed", "--on", "2026-04-01", "--data", f"body={NUMBERS[1]}", "--actor", NAMES[0]),
        ]
        outputs += [ask(*words) for words in (("sweep",), ("deliver", "--now", "--reason", CLINICAL[0]), ("verify",))]
        assert {run["name"].split()[0] for run in house.runs()} >= {"import", "record", "sweep", "deliver", "verify"}
        search_outputs(outputs)
        search_home(house.home)
    finally:
        house.close()
    assert search_home(house.home) > 10
    search_outputs([Done(("up",), 0, house.said, "")])


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
