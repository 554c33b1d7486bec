"""`sendflow deliver`, `letters` and `digest` as other programs rely on them: shapes, exit codes, and streams that keep
to themselves.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest

from casework.delivery.deliver import deliver
from tests.support.calling import sendflow
from tests.support.mail_server import DCO, LEAD, MANAGER, SERVICE, ScriptedMailServer
from tests.support.team import Team, ready


def output_of(team: Team, today: str, *words: str, **more: str) -> tuple[int, str, str]:
    environment = {"SENDFLOW_HOME": str(team.home), "SENDFLOW_TODAY": today, **more}
    done = sendflow(*words, env=environment)
    return done.exit_code, done.stdout, done.stderr


def asked(team: Team, today: str, *words: str, **more: str) -> Any:
    code, out, errors = output_of(team, today, *words, "--json", **more)
    assert code == 0, errors
    return orjson.loads(out)


def test_a_day_of_letters_by_command(team: Team) -> None:
    team.opened("2 Mar 2026").asked()
    assert asked(team, "2026-03-02", "deliver") == {"sent": 1, "failed": 0, "waiting": 0, "withdrawn": 0, "held": 0}
    (notice,) = asked(team, "2026-03-02", "letters")
    assert [*notice][:5] == ["case_ref", "rule", "rung", "body", "service"]
    assert [*notice][5:] == ["recipient", "state", "on", "sent_at", "letter"]
    assert notice | {"letter": ""} == {
        "case_ref": "NX90001",
        "rule": "ehc_body_advice_respond",
        "rung": "request_received",
        "body": "QX101",
        "service": "speech_and_language_therapy",
        "recipient": "service",
        "state": "sent",
        "on": "2026-03-02",
        "sent_at": "2026-03-02T09:00:00.000000Z",
        "letter": "",
    }
    code, listed, _ = output_of(team, "2026-03-02", "letters")
    assert code == 0 and notice["letter"] in listed and SERVICE in listed
    code, plain, _ = output_of(team, "2026-03-02", "letters", notice["letter"])
    assert (
        code == 0
        and "Health advice is asked for, due 13 April 2026" in plain
        and "Subject: NX90001 (NS-04412)" in plain
    )
    assert output_of(team, "2026-03-02", "letters", "show", notice["letter"])[1] == plain
    assert output_of(team, "2026-03-02", "letters", notice["letter"], "--html")[1].startswith("<!DOCTYPE html>")
    shown = asked(team, "2026-03-02", "letters", notice["letter"])
    assert shown["message_id"] == f"<{notice['letter']}.sendflow@northernvales-icb.example>"
    assert "html" not in shown
    digest = asked(team, "2026-03-03", "digest")
    assert (digest["state"], digest["alert"], digest["facts"]) == ("sent", True, 4)
    assert "Daily digest" in output_of(team, "2026-03-03", "letters", digest["letter"])[1]


@pytest.mark.parametrize(
    "words",
    [
        ("deliver", "--reason", "no haste"),
        ("letters", "no-such-letter"),
        ("letters", "show"),
        ("letters", "one", "two"),
        ("letters", "--html"),
        ("letters", "--yes"),
        ("digest", "--as-at", "2026-03-09"),
        ("digest", "--as-at", "yesterday"),
    ],
)
def test_a_wrong_call_is_one_line_with_an_example_and_does_not_repeat_what_was_typed(
    team: Team, words: tuple[str, ...]
) -> None:
    code, out, errors = output_of(team, "2026-03-02", *words)
    assert (code, out) == (2, "")
    lines = [line for line in errors.splitlines() if not line.startswith("Prefect is not running")]
    assert len(lines) == 1
    assert "example" in lines[0] or "sendflow letters" in lines[0]
    for typed in ("no haste", "no-such-letter", "yesterday"):
        assert typed not in errors


def test_letters_to_people_at_any_hour_need_a_reason(team: Team, tmp_path: Path) -> None:
    real = {"SENDFLOW_HOME": str(ready(tmp_path / "real")), "SENDFLOW_CARRIER": "file"}
    code, _, errors = output_of(team, "", "deliver", "--now", **real)
    assert code == 2 and "--reason" in errors


def test_a_letter_that_failed_shows_in_the_exit_code(team: Team) -> None:
    team.opened().asked()
    team.without_body("QX101")
    team.sweep("5 Mar 2026")
    code, out, _ = output_of(team, "2026-03-05", "deliver")
    assert code == 1 and "1 failed" in out


def test_release_first_says_how_many_go_to_whom(team: Team, mail_server: ScriptedMailServer) -> None:
    team.opened("2 Mar 2026").asked()
    deliver(team.context("2 Mar 2026"), transport=mail_server.transport)
    team.sweep("21 Apr 2026")
    with team.first.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE notice SET state = 'held' WHERE state = 'created' AND recipient != 'service'"
        )
    before = asked(team, "2026-04-21", "letters", "release")
    assert (before["held"], before["released"]) == (3, 0)
    assert {each["mailbox"] for each in before["mailboxes"]} == {DCO, MANAGER, LEAD}
    code, out, errors = output_of(team, "2026-04-21", "letters", "release")
    assert code == 0 and "1 notice to " + MANAGER in errors and "release --yes" in out
    code, out, errors = output_of(team, "2026-04-21", "deliver", "--json")
    assert (
        code == 0
        and orjson.loads(out)["sent"] == 1
        and "On hold after the first import: 3 notices to 3 mailboxes" in errors
    ), "the output of deliver names what waits for a person"
    after = asked(team, "2026-04-21", "letters", "release", "--yes", "--actor", "sam.reed")
    assert (after["held"], after["released"]) == (0, 3)
    assert [line.actor for line in team.lines() if line.kind == "letters_released"] == ["sam.reed"]
    assert asked(team, "2026-04-21", "letters", "release")["mailboxes"] == []


def test_what_is_not_in_an_e_mail_says_case_day_step_service_and_how_to_see_why_it_waits(team: Team) -> None:
    team.opened("2 Mar 2026").asked()
    _code, listed, _errors = output_of(team, "2026-03-02", "letters")
    (line,) = [line for line in listed.splitlines() if "NX90001" in line]
    assert line.split() == (
        [
            "NX90001",
            "2026-03-02",
            "request",
            "for",
            "advice",
            "to",
            "the",
            "service,",
            "Speech",
            "and",
            "Language",
            "Therapy",
            "created",
        ]
    )
    assert "why it waits: sendflow letters --held" in listed
