"""A child process killed by SIGKILL at named points, and two at once, on a real file: nothing lost, no second message
with another Message-ID.
"""

import signal
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from casework.delivery.deliver import deliver
from config.process_environment import child_environment
from config.settings import Settings
from tests.support.fork_server import run
from tests.support.mail_server import HOST, SERVICE, ScriptedMailServer, letters, outcomes, run_delivery
from tests.support.team import Team

DELIVER = """
import sys
from casework.delivery.deliver import deliver
from casework.context import AppContext
from notifications.transport import SmtpTransport
print(deliver(AppContext.load(), transport=SmtpTransport(sys.argv[1], int(sys.argv[2]))).model_dump_json())
"""
SWEEP = "from casework.context import AppContext; from casework.sweep import sweep; sweep(AppContext.load())"


def child(team: Team, today: str, code: str, *args: str, kill_at: str = "") -> subprocess.CompletedProcess[str]:
    environment = child_environment(Settings(home=team.home)) | {
        "SENDFLOW_TODAY": today,
        "SENDFLOW_KILL_AT": kill_at,
    }
    return run(code, *args, env=environment, cwd=team.home)


def killed(process: subprocess.CompletedProcess[str]) -> None:
    assert process.returncode == -signal.SIGKILL, process.stderr


@pytest.mark.parametrize(
    ("point", "messages", "ends"),
    [
        ("after_claim", 1, "sent_perhaps_twice"),
        ("after_send_before_record", 2, "sent_perhaps_twice"),
        ("after_record", 1, "sent"),
    ],
)
def test_a_deliverer_killed_at(
    team: Team, mail_server: ScriptedMailServer, point: str, messages: int, ends: str
) -> None:
    team.opened("2 Mar 2026").asked()
    killed(child(team, "2026-03-02", DELIVER, HOST, str(mail_server.port), kill_at=point))
    assert letters(team)[0][2] == ("sent" if point == "after_record" else "sending")
    report = run_delivery(team, "2 Mar 2026", mail_server)
    assert report.sent == (0 if point == "after_record" else 1)
    assert letters(team)[0][:3] == (SERVICE, "2026-03-02", ends)
    assert len(mail_server.arrived) == messages
    assert len(set(mail_server.ids())) == 1
    assert outcomes(team) == [("notice_sent", "request_received", "service", "2026-03-02")]
    assert run_delivery(team, "2 Mar 2026", mail_server).sent == 0
    assert team.verify("2 Mar 2026").intact


@pytest.mark.parametrize("point", ["before_sweep_flush", "after_fact_before_commit"])
def test_a_sweeper_killed_between_fact_and_letter_leaves_both_or_neither(
    team: Team, mail_server: ScriptedMailServer, point: str
) -> None:
    team.opened("2 Mar 2026").asked()
    run_delivery(team, "2 Mar 2026", mail_server)
    killed(child(team, "2026-03-23", SWEEP, kill_at=point))
    assert team.escalations() == []
    assert len(team.notices()) == 1
    team.sweep("23 Mar 2026")
    assert len(team.escalations()) == 2
    assert run_delivery(team, "23 Mar 2026", mail_server).sent == 1
    assert len(mail_server.arrived) == 2
    assert team.verify("23 Mar 2026").intact


def test_a_letter_killed_on_friday_is_finished_on_monday_and_is_mondays_one_message(
    team: Team, mail_server: ScriptedMailServer
) -> None:
    team.opened("6 Mar 2026").asked("6 Mar 2026")
    killed(child(team, "2026-03-06", DELIVER, HOST, str(mail_server.port), kill_at="after_send_before_record"))
    team.act("9 Mar 2026", ("ehc_assessment_requested", "9 Mar 2026", {"la": "northshire"}), case="NX90002")
    team.record("9 Mar 2026", "health_advice_requested", case="NX90002", service="speech_and_language_therapy")
    assert run_delivery(team, "9 Mar 2026", mail_server).model_dump() == {
        "sent": 1,
        "failed": 0,
        "waiting": 1,
        "withdrawn": 0,
        "held": 0,
    }
    assert run_delivery(team, "10 Mar 2026", mail_server).sent == 1
    assert len(mail_server.arrived) == 3
    assert len(set(mail_server.ids())) == 2


def test_two_deliverers_at_once_send_each_letter_once(team: Team, mail_server: ScriptedMailServer) -> None:
    for number in range(12):
        case = f"NX9{number:04d}"
        la = ("northshire", "eastmere", "tarnford", "holme_vale")[number % 4]
        service = ("speech_and_language_therapy", "community_paediatrics", "physiotherapy")[number % 3]
        team.act("2 Mar 2026", ("ehc_assessment_requested", "2 Mar 2026", {"la": la}), case=case)
        team.record("2 Mar 2026", "health_advice_requested", case=case, service=service)
    with ThreadPoolExecutor(2) as at_once:
        both = [at_once.submit(child, team, "2026-03-02", DELIVER, HOST, str(mail_server.port)) for _ in range(2)]
    for each in both:
        assert each.result().returncode == 0, each.result().stderr
    per_mailbox = Counter(to for to, _ in mail_server.received())
    assert set(per_mailbox.values()) == {1}
    assert len(set(mail_server.ids())) == len(mail_server.arrived) == len(letters(team))
    assert {state for _, _, state, _ in letters(team)} == {"sent"}
    assert {state for _, _, state in team.notices()} == {"sent"}


def test_a_live_senders_letter_is_left_alone(team: Team, mail_server: ScriptedMailServer) -> None:
    team.opened("2 Mar 2026").asked()

    class Meanwhile:
        """A carrier during whose sending another delivery runs."""

        seen: int = -1

        def send(self, letter: object) -> object:
            self.seen = run_delivery(team, "2 Mar 2026", mail_server).sent
            return mail_server.transport.send(letter)  # type: ignore[arg-type]  # handed through

    meanwhile = Meanwhile()
    assert deliver(team.context("2 Mar 2026"), transport=meanwhile).sent == 1  # type: ignore[arg-type]
    assert meanwhile.seen == 0
    assert len(mail_server.arrived) == 1
