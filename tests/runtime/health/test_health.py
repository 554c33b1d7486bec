"""The health endpoints: what they say of an installation that is healthy, silent or unreadable;
that it asks for the login; and that nothing
of anybody is in it.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from casework import findings, job_log
from casework.cases.validation import Refused
from casework.findings import Found
from config.login import basic, read_login
from config.settings import Settings
from flows.runner import run_job
from models.facts import FactDraft
from runtime.health.server import STUCK_SECONDS, HealthServer, Heartbeat
from tests.support.by_hand import SALT, day
from tests.support.canaries import NAMES, NUMBERS
from tests.support.team import Team

LOGIN = "sendflow:long-enough-words"


@pytest.fixture
def lived(team: Team) -> Team:
    """A case whose advice is late today, and whose letters have left."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    for today in ("7 Apr 2026", "14 Apr 2026"):
        team.day(today)
    return team


@contextmanager
def watched(team: Team, today: str = "14 Apr 2026", pulse: Heartbeat | None = None, **settings: str) -> Iterator[str]:
    used = replace(team.context(today).settings, auth=LOGIN, **settings)  # type: ignore[arg-type]
    with HealthServer(used, pulse or Heartbeat()) as watch:
        yield f"http://127.0.0.1:{watch.port}"


def get(url: str, login: str | None = LOGIN) -> tuple[int, str]:
    request = urllib.request.Request(
        url, headers={"Authorization": f"Basic {b64encode(login.encode()).decode()}"} if login else {}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def numbers(text: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    return {
        (each.name, *each.labels.values()): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


def test_a_healthy_installation_is_live_ready_and_counted(lived: Team) -> None:
    with watched(lived) as url:
        assert get(f"{url}/live")[0] == 200
        assert json.loads(get(f"{url}/ready")[1]) == {"ready": True, "why": []}
        code, text = get(f"{url}/metrics")
        assert get(f"{url}/else")[0] == 404
    metrics = numbers(text)
    assert code == 200
    assert metrics["sendflow_duties_open", "breached"] == 1
    assert metrics["sendflow_cases", "ehc_needs_assessment"] == 1
    assert metrics["sendflow_letters", "sent"] == 2
    assert metrics["sendflow_letters", "failed"] == 0
    assert metrics["sendflow_sweep_lag_seconds",] == 0
    assert metrics["sendflow_letter_oldest_unsent_seconds",] == 0
    assert metrics["sendflow_duties_to_look_at",] == 0
    assert metrics["sendflow_head_age_seconds",] > 10**9, "no digest has carried a head out of the building yet"


def test_the_standings_are_those_of_the_cases(lived: Team) -> None:
    for on in ("14 Apr 2026", "6 Apr 2026", "20 Mar 2026", "1 Sep 2026"):
        with watched(lived, on) as url:
            metrics = numbers(get(f"{url}/metrics")[1])
        work = [
            duty for duty in lived.report(on).duties if duty.standing in {"running", "due_soon", "breached", "excused"}
        ]
        shown = {
            name[1]: int(count)
            for name, count in metrics.items()
            if name[0] == "sendflow_duties_open" and name[1] != "no_date"
        }
        assert shown == {each: sum(duty.standing == each for duty in work) for each in shown}, on


def test_ages_grow_when_nothing_happens(lived: Team) -> None:
    lived.asked("14 Apr 2026", service="community_paediatrics")
    with watched(lived, "17 Apr 2026") as url:
        code, why = get(f"{url}/ready")
        metrics = numbers(get(f"{url}/metrics")[1])
    assert (code, json.loads(why)["why"]) == (503, ["no_sweep_for_a_day"])
    assert metrics["sendflow_sweep_lag_seconds",] == 3 * 86400
    assert metrics["sendflow_letter_oldest_unsent_seconds",] == 3 * 86400


def test_an_installation_with_a_full_disk_is_not_ready_and_still_counted(
    lived: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.health.metrics.shutil.disk_usage", lambda _home: SimpleNamespace(free=4_096))
    with watched(lived) as url:
        code, why = get(f"{url}/ready")
        metrics = numbers(get(f"{url}/metrics")[1])
    assert (code, json.loads(why)["why"]) == (503, ["no_room_on_the_disk"])
    assert metrics["sendflow_disk_free_bytes",] == 4_096


def test_open_findings_are_a_reason_beside_any_other(lived: Team) -> None:
    for today, why in (("14 Apr 2026", []), ("17 Apr 2026", ["no_sweep_for_a_day"])):
        context = lived.context(today)
        findings.store(context, "verify", [Found("NX90001", 2, "hash", "fact 2 is not the text that was hashed")])
        with watched(lived, today) as url:
            code, ready = get(f"{url}/ready")
            metrics = numbers(get(f"{url}/metrics")[1])
        assert (code, json.loads(ready)["why"]) == (503, ["findings_open", *why])
        assert metrics["sendflow_findings_open",] == 1
    findings.close(lived.context("17 Apr 2026"), [1], "it.oncall", "the backup was restored", understood=False)
    with watched(lived) as url:
        assert get(f"{url}/ready")[0] == 200
        assert numbers(get(f"{url}/metrics")[1])["sendflow_findings_open",] == 0


def test_a_clock_that_has_stopped_is_not_live(lived: Team) -> None:
    pulse = Heartbeat()
    pulse.beat -= STUCK_SECONDS + 1
    with watched(lived, pulse=pulse) as url:
        assert get(f"{url}/live")[0] == 503
        pulse.now()
        assert get(f"{url}/live")[0] == 200


def test_records_that_cannot_be_read_are_not_ready_and_their_text_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "sendflow.db").write_bytes(b"no database at all " * 100)
    with HealthServer(Settings(home=tmp_path, auth=LOGIN), Heartbeat()) as watch:
        for path in ("ready", "metrics"):
            code, why = get(f"http://127.0.0.1:{watch.port}/{path}")
            assert (code, json.loads(why)["why"]) == (503, ["the_records_cannot_be_read"])


def test_a_login_is_asked_for_also_on_loopback(lived: Team) -> None:
    """Any account of the machine reaches loopback."""
    with watched(lived) as url:
        for path in ("live", "ready", "metrics"):
            assert get(f"{url}/{path}", None)[0] == 401
            assert get(f"{url}/{path}", "sendflow:wrong-enough-words")[0] == 401
            assert get(f"{url}/{path}")[0] == 200


def test_another_host_name_is_refused(lived: Team) -> None:
    """DNS rebinding: a page of another site that resolves to this machine."""
    with watched(lived) as url:
        request = urllib.request.Request(f"{url}/live", headers={"Host": "evil.example", **basic(LOGIN)})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=30)
        assert refused.value.code == 421


def test_an_installation_without_a_login_gets_one(tmp_path: Path) -> None:
    with HealthServer(Settings(home=tmp_path), Heartbeat()) as server:
        assert get(f"http://127.0.0.1:{server.port}/live", read_login(tmp_path))[0] == 200
        assert get(f"http://127.0.0.1:{server.port}/live", None)[0] == 401


def test_the_journal_and_the_metrics_hold_words_of_our_own_and_numbers(lived: Team) -> None:
    context = lived.context("14 Apr 2026")
    run_job(
        "record",
        context,
        case="NX90001",
        drafts=[FactDraft("waiting_list_stated", day("14 Apr 2026"), {"service": SALT, "note": NAMES[0]})],
        actor="dco.team",
        person={"name": NAMES[1], "nhs_number": NUMBERS[1]},
        say=lambda _line: None,
    )
    for kind, data in (
        (NAMES[0], {}),
        ("final_plan_received", {"what": NAMES[1]}),
        ("waiting_list_stated", {"service": NAMES[1], "note": NUMBERS[0]}),
    ):
        with pytest.raises(Refused):
            run_job(
                "record",
                context,
                case="NX90001",
                drafts=[FactDraft(kind, day("14 Apr 2026"), data)],
                actor="dco.team",
                say=lambda _line: None,
            )
    run_job("sweep", context, as_at=context.today(), say=lambda _line: None)
    text = job_log.path(context, context.now()).read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["act"], line["outcome"]) for line in lines] == [
        ("record", "done"),
        *[("record", "refused")] * 3,
        ("sweep", "done"),
    ]
    assert lines[-1]["facts_written"] == 0
    with watched(lived) as url:
        shown = get(f"{url}/metrics")[1]
    assert sum(count for name, count in numbers(shown).items() if name[0] == "sendflow_facts_refused_total") == 3
    for said in (text, shown):
        assert not any(canary in said for canary in (*NAMES, *NUMBERS))
        assert "NX9" not in said
        assert "@" not in said
    assert all(
        isinstance(value, int | float | bool) or re.fullmatch(r"[A-Za-z_]+|[0-9TZ:.-]+", value)
        for line in lines
        for value in line.values()
    )
